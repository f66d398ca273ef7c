//! Where a back end is, as configuration says it: `scheme:rest`.

use std::path::{Path, PathBuf};

/// A back end's URI in its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location<'a> {
    pub(super) scheme: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> Location<'a> {
    pub(super) fn of(uri: &'a str) -> Self {
        let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
        Self { scheme, rest }
    }

    /// A directory as it is written; `default` in the data directory when none is.
    pub(super) fn dir(&self, data_dir: &Path, default: &str) -> PathBuf {
        if self.rest.is_empty() { data_dir.join(default) } else { PathBuf::from(self.rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_written_and_has_a_default() {
        let data = Path::new("/var/lib/playhouse");
        let dir = |uri| Location::of(uri).dir(data, "store");
        assert_eq!(dir("embedded:./data/rows"), Path::new("./data/rows"));
        assert_eq!(dir("embedded:"), Path::new("/var/lib/playhouse/store"));
        assert_eq!(dir("embedded:/srv/rows"), Path::new("/srv/rows"));
        assert_eq!(Location::of("s3://bucket?region=x").scheme, "s3");
    }
}
