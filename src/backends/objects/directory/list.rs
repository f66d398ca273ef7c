//! Listing in key order, a page at a time, without looking into directories that lie before the page.

use std::{fs, io, path::Path, path::PathBuf};

use super::{
    super::{Listed, Listing, ObjectKey, ObjectResult, Prefix},
    Root, failed, info, is_absence,
};

/// Something in a directory. `name` of a directory ends with `/`, so that names sort as keys do.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    name: String,
}

struct Walk<'a> {
    after: Option<&'a ObjectKey>,
    limit: usize,
    found: Vec<Listed>,
}

impl Root {
    pub(super) fn list(
        &self,
        prefix: &Prefix,
        after: Option<&ObjectKey>,
        limit: usize,
    ) -> ObjectResult<Listing> {
        // One more than asked for tells whether there is more.
        let mut walk = Walk { after, limit: limit.saturating_add(1), found: Vec::new() };
        walk.enter(&self.dir.join(prefix.as_str()), prefix.as_str()).map_err(failed)?;
        let more = walk.found.len() > limit;
        walk.found.truncate(limit);
        Ok(Listing { objects: walk.found, more })
    }
}

impl Walk<'_> {
    fn enter(&mut self, dir: &Path, prefix: &str) -> io::Result<()> {
        for entry in visible_entries(dir)? {
            if self.found.len() == self.limit {
                return Ok(());
            }
            let key = format!("{prefix}{}", entry.name);
            if entry.name.ends_with('/') {
                let ends_before = self
                    .after
                    .is_some_and(|after| !after.as_str().starts_with(&key) && key.as_str() < after.as_str());
                if !ends_before {
                    self.enter(&entry.path, &key)?;
                }
            } else if self.after.is_none_or(|after| after.as_str() < key.as_str()) {
                self.take(&entry.path, &key)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, key: &str) -> io::Result<()> {
        let Ok(key) = key.parse() else { return Ok(()) };
        match fs::metadata(path) {
            Ok(metadata) => self.found.push(Listed { key, info: info(&metadata) }),
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// In key order, without what the engine keeps for itself. A directory that is not there has no entries.
pub(super) fn visible_entries(dir: &Path) -> io::Result<Vec<Entry>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut visible = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(mut name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            name.push('/');
        }
        visible.push(Entry { path: entry.path(), name });
    }
    visible.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(visible)
}
