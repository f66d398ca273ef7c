//! Where a key lies on a cluster, and which channel a topic's events go through. Topics share a fixed number of
//! channels, so that a node holds a few subscriptions however many topics it listens to.

pub(super) const SLOTS: u16 = 16_384;
/// A channel more costs a subscription a node; a channel less makes the shares of masters more unequal.
pub(super) const CHANNELS: u16 = 128;

/// The slot of a key: CRC16 of its hash tag (Redis Cluster specification, "Hash tags").
pub(super) fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    let shifted = |crc: u16| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| shifted(crc)))
}

/// The channels of all nodes that share a prefix. The tag of each is chosen so that channels lie at even distances
/// in the slots, and masters with equal ranges have equal shares of them.
pub(super) struct Channels(Vec<String>);

impl Channels {
    pub(super) fn new(prefix: &str) -> Self {
        let per_channel = SLOTS / CHANNELS;
        let lies_in = |tag: &u32, channel: u16| slot(&tag.to_string()) / per_channel == channel;
        let tag = |channel| (0..).find(|tag| lies_in(tag, channel)).unwrap_or_default();
        Self((0..CHANNELS).map(|channel| format!("{prefix}:events:{{{}}}", tag(channel))).collect())
    }

    pub(super) fn name(&self, channel: u16) -> &str {
        &self.0[usize::from(channel)]
    }

    /// Those whose slots are in these ranges, both ends included.
    pub(super) fn within(&self, ranges: &[(u16, u16)]) -> Vec<u16> {
        let inside = |slot: u16| ranges.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        (0..CHANNELS).filter(|channel| inside(slot(self.name(*channel)))).collect()
    }
}

/// The channel of a topic: the same on every node.
pub(super) fn channel_of(topic: &str) -> u16 {
    let share = crc32fast::hash(topic.as_bytes()) % u32::from(CHANNELS);
    u16::try_from(share).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(slot("foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot("foo{{bar}}zap"), slot("{bar"));
    }

    #[test]
    fn every_master_of_three_gets_its_share_of_the_channels() {
        let channels = Channels::new("playhouse");
        let shares =
            [(0, 5_460), (5_461, 10_922), (10_923, 16_383)].map(|range| channels.within(&[range]).len());
        assert_eq!(shares.iter().sum::<usize>(), usize::from(CHANNELS));
        assert!(shares.iter().all(|share| (42..=44).contains(share)), "{shares:?}");
    }

    #[test]
    fn topics_spread_over_the_channels() {
        let mut taken = vec![0; usize::from(CHANNELS)];
        (0..12_800).for_each(|user| taken[usize::from(channel_of(&format!("user.{user}")))] += 1);
        assert!(taken.iter().all(|topics| (50..=200).contains(topics)), "{taken:?}");
    }
}
