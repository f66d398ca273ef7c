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

    /// A directory: absolute, or relative to the data directory; `default` inside it when none is given.
    pub(super) fn dir(&self, data_dir: &Path, default: &str) -> PathBuf {
        let path = Path::new(if self.rest.is_empty() { default } else { self.rest });
        data_dir.join(path.strip_prefix(".").unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_inside_the_data_directory() {
        let data = Path::new("/var/lib/playhouse");
        let dir = |uri| Location::of(uri).dir(data, "store");
        assert_eq!(dir("embedded:./rows"), Path::new("/var/lib/playhouse/rows"));
        assert_eq!(dir("embedded:"), Path::new("/var/lib/playhouse/store"));
        assert_eq!(dir("embedded:/srv/rows"), Path::new("/srv/rows"));
        assert_eq!(Location::of("s3://bucket?region=x").scheme, "s3");
    }
}
