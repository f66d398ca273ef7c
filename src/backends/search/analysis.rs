//! Cuts text into terms: words in lower case without the accents of Latin, Greek and Cyrillic letters; Chinese, Japanese
//! and Korean as pairs of characters, since they write no spaces. Both documents and queries pass through here.

use std::ops::Range;

use unicode_normalization::char::decompose_canonical;

/// What is longer is no word.
const TERM_BYTES_MAX: usize = 80;

/// A term, and the bytes of the text it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub term: String,
    pub range: Range<usize>,
}

/// The terms of a text in their order.
pub(super) fn terms(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|token| token.term).collect()
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut run = Run::default();
    for (at, c) in text.char_indices() {
        run.take(at, c);
    }
    run.end();
    run.tokens
}

/// What was read since the last space.
#[derive(Default)]
struct Run {
    tokens: Vec<Token>,
    word: String,
    word_range: Range<usize>,
    /// Characters that are written without spaces, each with its place.
    dense: Vec<(usize, char)>,
}

impl Run {
    fn take(&mut self, at: usize, c: char) {
        match c {
            _ if is_mark(c) => self.word_range.end = at + c.len_utf8(),
            _ if is_dense(c) => {
                self.end_word();
                self.dense.push((at, c));
            }
            _ if c.is_alphanumeric() => {
                self.end_dense();
                if self.word.is_empty() {
                    self.word_range.start = at;
                }
                self.word_range.end = at + c.len_utf8();
                fold(c, &mut self.word);
            }
            _ => self.end(),
        }
    }

    fn end(&mut self) {
        self.end_word();
        self.end_dense();
    }

    fn end_word(&mut self) {
        let term = std::mem::take(&mut self.word);
        if !term.is_empty() && term.len() <= TERM_BYTES_MAX {
            self.tokens.push(Token { term, range: self.word_range.clone() });
        }
    }

    fn end_dense(&mut self) {
        let dense = std::mem::take(&mut self.dense);
        let token = |chars: &[(usize, char)]| {
            let (first, last) = (chars[0], chars[chars.len() - 1]);
            let term = chars.iter().map(|(_, c)| *c).collect();
            Token { term, range: first.0..last.0 + last.1.len_utf8() }
        };
        match dense.len() {
            0 => {}
            1 => self.tokens.push(token(&dense)),
            _ => self.tokens.extend(dense.windows(2).map(token)),
        }
    }
}

/// An accent that stands as a character of its own.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3100}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// In lower case; letters that have accents without them, those of double width in the usual one.
fn fold(c: char, out: &mut String) {
    let c = match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    };
    let has_accents = matches!(c, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}');
    for lower in c.to_lowercase().filter(|lower| !is_mark(*lower)) {
        match has_accents {
            false => out.push(lower),
            true => decompose_canonical(lower, |part| {
                if !is_mark(part) {
                    out.push(part);
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_dense_scripts_become_pairs() {
        for (text, expected) in [
            ("Déjà-vu, ÅNGSTRÖM!", vec!["deja", "vu", "angstrom"]),
            ("Cafe\u{301} ｆｕｌｌ", vec!["cafe", "full"]),
            ("İstanbul ΆΛΦΑ Ёлка", vec!["istanbul", "αλφα", "елка"]),
            ("東京タワー at 8K", vec!["東京", "京タ", "タワ", "ワー", "at", "8k"]),
            ("夜", vec!["夜"]),
            ("여행 vlog夜景", vec!["여행", "vlog", "夜景"]),
            ("--- \u{301}", vec![]),
        ] {
            assert_eq!(terms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_token_knows_where_it_stood() {
        let text = "Ein Café, 夜景";
        let shown: Vec<_> = tokens(text).into_iter().map(|token| &text[token.range]).collect();
        assert_eq!(shown, ["Ein", "Café", "夜景"]);
        assert!(terms(&"x".repeat(81)).is_empty());
    }
}
