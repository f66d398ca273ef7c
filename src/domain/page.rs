//! Lists come in pages: a limit, and an opaque cursor that says where the next page begins.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

pub const LIMIT_DEFAULT: usize = 20;
pub const LIMIT_MAX: usize = 100;

/// Where a list goes on. Opaque to clients; text inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    pub fn of(text: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(text))
    }

    /// As a client sent it: not yet known to be ours.
    pub fn from_client(cursor: String) -> Self {
        Self(cursor)
    }

    /// `None` when this cursor was not made by [`Cursor::of`].
    pub fn text(&self) -> Option<String> {
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(&self.0).ok()?).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}
