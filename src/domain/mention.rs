//! Names that a text calls: `@ada`. Whether someone has the name is another question.

use super::account;

/// Names in one text that are heard; what is more is only text.
pub const MENTIONS_MAX: usize = 5;

/// User names as they are stored, each once, in the order of the text. An `@` inside of a word (an address) calls nobody.
pub fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "._-+@/".contains(c)) {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        let Ok(name) = account::username(&rest[..end.unwrap_or(rest.len())]) else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == MENTIONS_MAX {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_people_write_them() {
        for (text, expected) in [
            ("@ada look", &["ada"][..]),
            ("look, @Ada!", &["ada"]),
            ("(@ada_b) and @c-3po.", &["ada_b", "c-3po"]),
            ("@ada @bob @ada", &["ada", "bob"]),
            ("mail ada@example.org", &[]),
            ("@@ada /@ada", &[]),
            ("@ab and @", &[]),
            ("größe @ada\n@bob", &["ada", "bob"]),
            ("@no1 @no2 @no3 @no4 @no5 @no6", &["no1", "no2", "no3", "no4", "no5"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        assert!(names(&format!("@{}", "x".repeat(33))).is_empty());
    }
}
