//! What is asked of an index, and what it answers.

use super::{analysis, highlight::Highlight, place::Place};
use crate::domain::{clock::Timestamp, ids::VideoId};

/// More of them make a query dear and no better.
const CLAUSES_MAX: usize = 16;
const TERMS_OF_CLAUSE_MAX: usize = 16;

/// What a match is worth, by where it is.
pub(super) const TITLE_BOOST: f32 = 3.0;
pub(super) const TAGS_BOOST: f32 = 1.5;
pub(super) const DESCRIPTION_BOOST: f32 = 1.0;

/// A search as a person types it: words that all have to be there, `"words in a row"`, and `-unwanted` ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Each of one term, or of several that follow one another.
    pub(super) wanted: Vec<Vec<String>>,
    pub(super) unwanted: Vec<Vec<String>>,
}

impl Words {
    pub fn of(text: &str) -> Self {
        let mut words = Self::default();
        for chunk in chunks(text) {
            let (side, rest) = match chunk.strip_prefix('-') {
                Some(rest) => (&mut words.unwanted, rest),
                None => (&mut words.wanted, chunk),
            };
            let mut terms = analysis::terms(rest);
            terms.truncate(TERMS_OF_CLAUSE_MAX);
            if !terms.is_empty() && side.len() < CLAUSES_MAX && !side.contains(&terms) {
                side.push(terms);
            }
        }
        words
    }

    /// Nothing is wanted in particular.
    pub fn are_open(&self) -> bool {
        self.wanted.is_empty()
    }
}

/// Words, and what stands between two quotation marks, with the `-` before it.
fn chunks(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let sign = usize::from(rest.starts_with('-'));
        let quoted = rest[sign..].strip_prefix('"').and_then(|inside| inside.find('"'));
        let end = match quoted {
            Some(inside_len) => sign + inside_len + 2,
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        chunks.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    chunks
}

/// Bounds; what is unset does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filters {
    pub duration_from_ms: Option<u64>,
    pub duration_to_ms: Option<u64>,
    /// From this moment on.
    pub uploaded_after: Option<Timestamp>,
    /// Before this moment.
    pub uploaded_before: Option<Timestamp>,
    pub height_min: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By how well the words fit; without words as [`Sort::Date`].
    #[default]
    Relevance,
    /// Newest first.
    Date,
    /// Most viewed first.
    Views,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub words: Words,
    pub filters: Filters,
    pub sort: Sort,
    /// 1 to 100.
    pub limit: usize,
    /// Where the page before has ended; one of another order is as good as none.
    pub after: Option<Place>,
}

impl Query {
    /// What it is really sorted by.
    pub fn order(&self) -> Sort {
        match self.sort {
            Sort::Relevance if self.words.are_open() => Sort::Date,
            sort => sort,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub video_id: VideoId,
    /// Only where they are sorted by it. Not to be compared between queries.
    pub score: Option<f32>,
    pub highlights: Vec<Highlight>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    pub items: Vec<Hit>,
    /// Set when there may be more.
    pub next: Option<Place>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_unwanted_ones_are_told_apart() {
        let words = Words::of("  Big  \"Buck Bunny\" -trailer -\"part two\" 4k-hdr big \"open");
        let text = |clauses: &[&[&str]]| -> Vec<Vec<String>> {
            clauses.iter().map(|terms| terms.iter().map(|term| (*term).to_owned()).collect()).collect()
        };
        assert_eq!(words.wanted, text(&[&["big"], &["buck", "bunny"], &["4k", "hdr"], &["open"]]));
        assert_eq!(words.unwanted, text(&[&["trailer"], &["part", "two"]]));
        assert!(Words::of(" - \"\" + ").are_open());
        assert_eq!(
            Words::of(&"a b c d e f g h i j k l m n o p q r s t ".repeat(3)).wanted.len(),
            CLAUSES_MAX
        );
    }
}
