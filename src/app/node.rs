//! The name of this node: made at its first start and kept beside its data, so that a node that comes back is known as
//! the one that left.

use std::{fs, io, path::Path};

const FILE: &str = "node";
const NAME_LEN_MAX: usize = 64;

pub fn name(data_dir: &Path) -> io::Result<String> {
    let path = data_dir.join(FILE);
    match fs::read_to_string(&path) {
        Ok(name) if is_name(name.trim()) => Ok(name.trim().to_owned()),
        Ok(_) => make(&path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path),
        Err(error) => Err(error),
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn make(path: &Path) -> io::Result<String> {
    let name = format!("node-{:016x}", rand::random::<u64>());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, &name)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_name_and_gets_another_when_it_is_spoilt() {
        let folder = tempfile::tempdir().unwrap();
        let made = name(folder.path()).unwrap();
        assert_eq!(name(folder.path()).unwrap(), made);
        fs::write(folder.path().join(FILE), "\n").unwrap();
        assert_ne!(name(folder.path()).unwrap(), made);
    }
}
