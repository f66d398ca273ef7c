//! What people may throw into a room in bursts: a short list, so that what a tick says stays short too.

use std::str::FromStr;

/// One of [`Emoji::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Emoji(usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is one of {}", Emoji::ALL.join(" "))]
pub struct UnknownEmoji;

impl Emoji {
    pub const ALL: [&'static str; 8] = ["❤️", "👍", "😂", "😮", "😢", "🔥", "🎉", "👏"];

    pub fn as_str(self) -> &'static str {
        Self::ALL[self.0]
    }
}

/// U+FE0F asks for a coloured picture. Keyboards send it or not, and mean the same.
fn bare(text: &str) -> &str {
    text.trim_end_matches('\u{FE0F}')
}

impl FromStr for Emoji {
    type Err = UnknownEmoji;
    fn from_str(text: &str) -> Result<Self, UnknownEmoji> {
        Self::ALL.iter().position(|emoji| bare(emoji) == bare(text)).map(Self).ok_or(UnknownEmoji)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_known_with_and_without_its_selector_and_nothing_else_is() {
        for emoji in Emoji::ALL {
            assert_eq!(emoji.parse::<Emoji>().map(Emoji::as_str), Ok(emoji));
            assert_eq!(bare(emoji).parse::<Emoji>().map(Emoji::as_str), Ok(emoji));
        }
        for other in ["", "\u{FE0F}", "x", "🎉🎉", "🦀"] {
            assert_eq!(other.parse::<Emoji>(), Err(UnknownEmoji), "{other}");
        }
    }
}
