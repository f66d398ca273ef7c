//! A disk of a test, so small that it can be filled.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// In memory, where this process may mount one; else a folder that never fills.
pub struct SmallDisk {
    pub path: PathBuf,
    mounted: bool,
}

impl SmallDisk {
    pub fn new(path: PathBuf, mib: usize) -> Self {
        fs::create_dir_all(&path).expect("a folder");
        let size = format!("size={mib}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path).output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("no disk can be mounted here (that needs root): it will not fill");
        }
        Self { path, mounted }
    }

    /// Until the answer is dropped, nothing more can be written.
    pub fn fill(&self) -> Option<Ballast> {
        self.mounted.then(|| Ballast::of(&self.path.join("ballast")))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            drop(Command::new("umount").arg("--lazy").arg(&self.path).output());
        }
    }
}

/// What fills a disk.
pub struct Ballast(PathBuf);

impl Ballast {
    fn of(path: &Path) -> Self {
        let mut file = File::create(path).expect("a file");
        let zeros = vec![0; 1 << 20];
        while file.write_all(&zeros).is_ok() {}
        Self(path.into())
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}
