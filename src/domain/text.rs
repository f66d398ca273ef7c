//! Cleaning of text that people type.

/// What is wrong with an input, to be put behind the name of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// One line: trimmed, no control characters, `min` to `max` characters. `None` when it does not fit.
pub fn line(input: &str, min: usize, max: usize) -> Option<String> {
    let text = input.trim();
    let length = text.chars().count();
    let clean = !text.chars().any(|c| c.is_control() || is_invisible(c));
    (clean && (min..=max).contains(&length)).then(|| text.to_owned())
}

/// Several lines: trimmed, `\n` and tabs kept, other control characters refused, at most `max` characters.
pub fn lines(input: &str, max: usize) -> Option<String> {
    let text = input.trim().replace("\r\n", "\n");
    let clean = !text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c));
    (clean && text.chars().count() <= max).then_some(text)
}

/// Characters that turn the direction of what follows, or show nothing: used to disguise text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{200B}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_counted_in_characters() {
        assert_eq!(line("  größe ", 1, 5), Some("größe".into()));
        assert_eq!(line("größer", 1, 5), None);
        assert_eq!(line("   ", 1, 5), None);
        assert_eq!(line("a\nb", 1, 5), None);
        assert_eq!(line("a\u{202E}b", 1, 5), None);
    }

    #[test]
    fn lines_keep_their_breaks() {
        assert_eq!(lines("a\r\nb\tc\n", 10), Some("a\nb\tc".into()));
        assert_eq!(lines("a\u{0}b", 10), None);
    }
}
