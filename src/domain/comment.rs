//! Comments: what a text must be.

use super::text::{self, Invalid};

/// Trimmed, not empty, at most `len_max` characters.
pub fn body(input: &str, len_max: usize) -> Result<String, Invalid> {
    match text::lines(input, len_max) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Invalid("is empty, too long, or has control characters")),
    }
}
