//! What a search finds.

use serde::{Deserialize, Serialize};

use super::Video;

bodies! {
    /// A video that was found.
    pub struct SearchHit {
        pub video: Video,
        /// How well it fits, where results are sorted by that; not to be compared between searches.
        pub score: Option<f32>,
        /// Where the words that were asked for stand; empty without words.
        pub highlights: Vec<Highlight>,
    }

    /// A text of a video in pieces, to be shown one after the other.
    pub struct Highlight {
        pub field: HighlightField,
        pub parts: Vec<HighlightPart>,
    }

    pub struct HighlightPart {
        /// Plain text: to be escaped where it is shown as HTML.
        pub text: String,
        /// Whether this is one of the words that were asked for.
        pub matched: bool,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum HighlightField {
        Title,
        /// A piece around the first match.
        Description,
        /// One tag.
        Tags,
    }

    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum SearchSort {
        /// Best first; without words, newest first.
        #[default]
        Relevance,
        /// Newest first.
        Date,
        /// Most viewed first.
        Views,
    }
}
