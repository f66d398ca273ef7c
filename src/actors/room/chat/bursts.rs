//! Emoji thrown into a room, counted until the next tick. Pure. They are seen or missed: nothing of them is stored.

use std::collections::BTreeMap;

use crate::domain::emoji::Emoji;

#[derive(Debug, Default)]
pub struct Bursts(BTreeMap<Emoji, u64>);

impl Bursts {
    pub fn add(&mut self, emoji: Emoji) {
        *self.0.entry(emoji).or_default() += 1;
    }

    /// What came since it was last asked; at most one count an emoji that there is.
    pub fn take(&mut self) -> Option<BTreeMap<String, u64>> {
        let counts = std::mem::take(&mut self.0);
        let counts = counts.into_iter().map(|(emoji, count)| (emoji.as_str().to_owned(), count));
        Some(counts.collect()).filter(|counts: &BTreeMap<_, _>| !counts.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_counted_by_emoji_and_told_once() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.take(), None);
        for emoji in ["🎉", "🔥", "🎉"] {
            bursts.add(emoji.parse().unwrap());
        }
        assert_eq!(bursts.take(), Some([("🎉".to_owned(), 2), ("🔥".to_owned(), 1)].into()));
        assert_eq!(bursts.take(), None);
    }
}
