//! Shows why a video was found: the title, the tags and a piece of the description, cut where a wanted term begins and
//! ends. Parts and not markup, so that nobody has to trust what a title says.

use std::ops::Range;

use super::{analysis, query::Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Title,
    Description,
    Tags,
}

/// A piece of a text; `matched` where it is one of the words that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub matched: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    pub field: Field,
    pub parts: Vec<Part>,
}

/// Texts of a document as they are shown.
pub(super) struct Texts<'a> {
    pub title: &'a str,
    pub description: &'a str,
    pub tags: &'a [String],
}

/// Characters of a description that are shown around its first match.
const PIECE_LEN_MAX: usize = 240;
/// Of those, how many before it.
const BEFORE_LEN_MAX: usize = 60;
const CUT: char = '…';

/// One for each text that holds a wanted term.
pub(super) fn highlights(texts: &Texts<'_>, words: &Words) -> Vec<Highlight> {
    let whole = |text: &str| 0..text.len();
    let title = (Field::Title, texts.title);
    let tags = texts.tags.iter().map(|tag| (Field::Tags, tag.as_str()));
    let mut found: Vec<Highlight> = std::iter::once(title)
        .chain(tags)
        .filter_map(|(field, text)| {
            let matches = matches(text, words);
            (!matches.is_empty()).then(|| Highlight { field, parts: parts(text, &matches, whole(text)) })
        })
        .collect();
    let matches = matches(texts.description, words);
    if let Some(first) = matches.first() {
        let piece = piece(texts.description, first.start);
        found.push(Highlight { field: Field::Description, parts: parts(texts.description, &matches, piece) });
    }
    found
}

/// Where wanted terms stand; what touches is one.
fn matches(text: &str, words: &Words) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for token in analysis::tokens(text) {
        if !words.wanted.iter().any(|terms| terms.contains(&token.term)) {
            continue;
        }
        match merged.last_mut() {
            Some(last) if token.range.start <= last.end => last.end = last.end.max(token.range.end),
            _ => merged.push(token.range),
        }
    }
    merged
}

/// The bytes around a place that are shown, cut between words where there are any.
fn piece(text: &str, around: usize) -> Range<usize> {
    let before = text[..around].char_indices().rev().take(BEFORE_LEN_MAX).last().map_or(around, |(at, _)| at);
    let start = match before {
        0 => 0,
        _ => text[before..around].find(char::is_whitespace).map_or(before, |at| before + at + 1),
    };
    // A space of several bytes does not end at the next one.
    let start = (start..=around).find(|at| text.is_char_boundary(*at)).unwrap_or(around);
    let end = text[start..].char_indices().nth(PIECE_LEN_MAX).map_or(text.len(), |(at, _)| start + at);
    let end = match end < text.len() {
        true => text[..end].rfind(char::is_whitespace).filter(|at| *at > around).unwrap_or(end),
        false => end,
    };
    start..end
}

fn parts(text: &str, matches: &[Range<usize>], piece: Range<usize>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |text: &str, matched| {
        if !text.is_empty() {
            parts.push(Part { text: text.to_owned(), matched });
        }
    };
    let mut at = piece.start;
    if at > 0 {
        add(&CUT.to_string(), false);
    }
    for found in matches.iter().filter(|found| found.start >= piece.start && found.end <= piece.end) {
        add(&text[at..found.start], false);
        add(&text[found.clone()], true);
        at = found.end;
    }
    add(&text[at..piece.end], false);
    if piece.end < text.len() {
        add(&CUT.to_string(), false);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(title: &str, description: &str, tags: &[&str], query: &str) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let texts = Texts { title, description, tags: &tags };
        let bracketed =
            |part: &Part| if part.matched { format!("[{}]", part.text) } else { part.text.clone() };
        let found = highlights(&texts, &Words::of(query));
        found.iter().map(|highlight| highlight.parts.iter().map(bracketed).collect()).collect()
    }

    #[test]
    fn what_was_asked_for_is_marked_where_it_stands() {
        assert_eq!(
            shown("<b>Crème brûlée</b>", "How to make creme.", &["food", "Creme"], "\"creme brulee\" -food"),
            ["<b>[Crème] [brûlée]</b>", "[Creme]", "How to make [creme]."]
        );
        assert_eq!(shown("夜の東京タワー", "", &[], "東京タワー"), ["夜の[東京タワー]"]);
        assert!(shown("a", "b", &["c"], "").is_empty());
    }

    #[test]
    fn of_a_long_description_a_piece_is_shown() {
        let long = format!("{}needle {}", "before\u{3000}it ".repeat(40), "after it ".repeat(80));
        let shown = shown("", &long, &[], "needle").remove(0);
        assert!(shown.starts_with("…") && shown.ends_with("it…"), "{shown}");
        assert!(shown.contains(" [needle] ") && shown.chars().count() <= PIECE_LEN_MAX + 4, "{shown}");
        let unbroken = format!("{} needle {}", "ä".repeat(300), "ö".repeat(300));
        assert!(
            highlights(&Texts { title: "", description: &unbroken, tags: &[] }, &Words::of("needle"))[0]
                .parts
                .iter()
                .any(|part| part.matched)
        );
    }
}
