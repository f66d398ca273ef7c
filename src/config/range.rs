//! The range of a whole-number key. Each section lists its own, so that the loader, the test of the comments in
//! `config/default.toml` and the refusal an operator reads all use the same numbers.

/// `min` and `max` are both allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub key: &'static str,
    pub min: i64,
    pub max: i64,
}

pub(super) const fn range(key: &'static str, min: i64, max: i64) -> Range {
    Range { key, min, max }
}
