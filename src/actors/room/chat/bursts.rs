//! Emoji thrown into a room, here and on other nodes, counted until the next tick. Pure. They are seen or missed: nothing of
//! them is stored.

use std::collections::BTreeMap;

use crate::domain::emoji::Emoji;

/// Of one emoji what one word of another node may add: what is beyond that is nonsense.
const HEARD_MAX: u64 = 100_000;

#[derive(Debug, Default)]
pub struct Bursts {
    own: BTreeMap<Emoji, u64>,
    heard: BTreeMap<Emoji, u64>,
}

/// What came since it was last asked; at most one count an emoji that there is.
#[derive(Debug, PartialEq, Eq)]
pub struct Thrown {
    pub shown: BTreeMap<String, u64>,
    /// What of it was thrown here, and other nodes do not know.
    pub own: BTreeMap<String, u64>,
}

impl Bursts {
    pub fn add(&mut self, emoji: Emoji) {
        *self.own.entry(emoji).or_default() += 1;
    }

    /// What was thrown on another node. Emoji that are not known here are left out.
    pub fn hear(&mut self, counts: &BTreeMap<String, u64>) {
        for emoji in Emoji::ALL.iter().filter_map(|text| text.parse::<Emoji>().ok()) {
            if let Some(count) = counts.get(emoji.as_str()) {
                let known = self.heard.entry(emoji).or_default();
                *known = known.saturating_add((*count).min(HEARD_MAX));
            }
        }
    }

    pub fn take(&mut self) -> Option<Thrown> {
        let (own, mut all) = (std::mem::take(&mut self.own), std::mem::take(&mut self.heard));
        own.iter().for_each(|(emoji, count)| *all.entry(*emoji).or_default() += count);
        let named = |counts: BTreeMap<Emoji, u64>| {
            counts.into_iter().map(|(emoji, count)| (emoji.as_str().to_owned(), count)).collect()
        };
        (!all.is_empty()).then(|| Thrown { shown: named(all), own: named(own) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(emoji, count)| ((*emoji).to_owned(), *count)).collect()
    }

    #[test]
    fn bursts_are_counted_by_emoji_and_told_once() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.take(), None);
        for emoji in ["🎉", "🔥", "🎉"] {
            bursts.add(emoji.parse().unwrap());
        }
        let thrown = counts(&[("🎉", 2), ("🔥", 1)]);
        assert_eq!(bursts.take(), Some(Thrown { shown: thrown.clone(), own: thrown }));
        assert_eq!(bursts.take(), None);
    }

    #[test]
    fn what_is_thrown_elsewhere_is_shown_and_not_told_on() {
        let mut bursts = Bursts::default();
        bursts.add("🎉".parse().unwrap());
        bursts.hear(&counts(&[("🎉", 2), ("🔥", u64::MAX), ("🦀", 7)]));
        let shown = counts(&[("🎉", 3), ("🔥", HEARD_MAX)]);
        assert_eq!(bursts.take(), Some(Thrown { shown, own: counts(&[("🎉", 1)]) }));
    }
}
