//! Tallies: every count is the size of a set. A set of members, each with a small value, and totals per value.
//!
//! A tally is kept in buckets. It begins as one; when a bucket of the newest generation holds more members than
//! a layout allows, the generation is closed and the next one, with more buckets, opens. A closed bucket gains no
//! member any more: what is in it may change and leave, and what is absent from it stays absent. New members go
//! to the newest generation by a stable hash. So a member is in one bucket at most, and nothing is ever moved.
//! These are the rules; `backends::tallies` keeps what they decide.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
    time::Duration,
};

/// What is counted. The name is stored, so it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of a video, by user: 1 like, 2 dislike.
    Reaction,
    /// Of a video, by viewer and window: 1. Rows expire, the count stays.
    View,
    /// Of a channel, by user: 1.
    Subscriber,
    /// Of a comment, by the reply's id: 1.
    Reply,
    /// Of a poll, by user: the number of the option, from 1.
    Poll,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Reaction, Kind::View, Kind::Subscriber, Kind::Reply, Kind::Poll];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Reaction => "reaction",
            Kind::View => "view",
            Kind::Subscriber => "subscriber",
            Kind::Reply => "reply",
            Kind::Poll => "poll",
        }
    }

    /// Whether a member still counts when its row's time is over. If so, rows may be fewer than totals say, and
    /// a recount may raise a total but not lower it.
    pub fn counts_expired_members(self) -> bool {
        matches!(self, Kind::View)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of tally")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// Which tally: what is counted of whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TallyKey {
    pub target: String,
    pub kind: Kind,
}

impl TallyKey {
    pub fn new(kind: Kind, target: impl fmt::Display) -> Self {
        Self { target: target.to_string(), kind }
    }
}

/// How many members have each value. Values that nobody has are not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals(pub BTreeMap<i32, i64>);

impl Totals {
    pub fn of(&self, value: i32) -> i64 {
        self.0.get(&value).copied().unwrap_or(0)
    }

    /// Members in all.
    pub fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    pub fn add(&mut self, other: &Totals) {
        other.0.iter().for_each(|(value, count)| self.count(*value, *count));
    }

    pub fn count(&mut self, value: i32, difference: i64) {
        let count = self.0.entry(value).or_default();
        *count += difference;
        if *count == 0 {
            self.0.remove(&value);
        }
    }

    /// The greater of both for each value.
    pub fn at_least(&self, other: &Totals) -> Totals {
        let mut greater = self.clone();
        for (value, count) in &other.0 {
            let mine = greater.0.entry(*value).or_default();
            *mine = (*mine).max(*count);
        }
        greater.0.retain(|_, count| *count != 0);
        greater
    }
}

/// A tally as far as it was read: the totals of each of its buckets, and how often that bucket had changed by then.
/// Reads may overtake each other on their way: what was `learn`ed stays, whatever older read comes after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    buckets: BTreeMap<BucketId, (i64, Totals)>,
    totals: Totals,
}

impl Tally {
    /// Takes in a bucket, unless a newer state of it is known.
    pub fn learn_bucket(&mut self, bucket: BucketId, revision: i64, totals: Totals) {
        let known = self.buckets.entry(bucket).or_insert_with(|| (i64::MIN, Totals::default()));
        if known.0 < revision {
            known.1.0.iter().for_each(|(value, count)| self.totals.count(*value, -count));
            self.totals.add(&totals);
            *known = (revision, totals);
        }
    }

    /// Takes in what another read has found.
    pub fn learn(&mut self, other: Tally) {
        for (bucket, (revision, totals)) in other.buckets {
            self.learn_bucket(bucket, revision, totals);
        }
    }

    /// Over all buckets.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    pub fn of(&self, value: i32) -> i64 {
        self.totals.of(value)
    }

    /// Members in all.
    pub fn sum(&self) -> i64 {
        self.totals.sum()
    }
}

/// What becomes of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    pub member: String,
    pub write: Write,
    /// How long the member's row stays; for ever if `None`.
    pub ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Whatever its value was.
    Set(i32),
    /// Only if it is not in the set.
    SetIfAbsent(i32),
    Remove,
}

impl MemberChange {
    pub fn set(member: impl fmt::Display, value: i32) -> Self {
        Self { member: member.to_string(), write: Write::Set(value), ttl: None }
    }

    pub fn set_if_absent(member: impl fmt::Display, value: i32) -> Self {
        Self { member: member.to_string(), write: Write::SetIfAbsent(value), ttl: None }
    }

    pub fn remove(member: impl fmt::Display) -> Self {
        Self { member: member.to_string(), write: Write::Remove, ttl: None }
    }

    #[must_use]
    pub fn for_time(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

/// What a change found and whether it changed the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub previous: Option<i32>,
    pub value: Option<i32>,
}

impl Outcome {
    pub fn changed(&self) -> bool {
        self.previous != self.value
    }
}

/// The part of a bucket that a batch of changes touches.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    pub totals: Totals,
    /// Takes no new members: a newer generation does.
    pub closed: bool,
    /// Those of the batch's members that are in this bucket.
    pub members: HashMap<String, i32>,
}

/// What a batch of changes does to a bucket.
#[derive(Debug, Default)]
pub struct Decision {
    /// One for each change; `None` where the change does not belong in this bucket.
    pub outcomes: Vec<Option<Outcome>>,
    /// The rows to write or, if `None`, to remove: the last word on each member.
    pub rows: HashMap<String, Option<(i32, Option<Duration>)>>,
}

impl Bucket {
    /// Applies changes in their order. A member that is absent from a closed bucket belongs elsewhere.
    pub fn apply(&mut self, changes: &[MemberChange]) -> Decision {
        let mut decision = Decision::default();
        for change in changes {
            let previous = self.members.get(&change.member).copied();
            if self.closed && previous.is_none() {
                decision.outcomes.push(None);
                continue;
            }
            let value = match change.write {
                Write::Set(value) => Some(value),
                Write::SetIfAbsent(value) => Some(previous.unwrap_or(value)),
                Write::Remove => None,
            };
            let outcome = Outcome { previous, value };
            self.move_member(&change.member, outcome);
            let renews = matches!(change.write, Write::Set(_)) && change.ttl.is_some();
            if outcome.changed() || renews {
                decision.rows.insert(change.member.clone(), value.map(|value| (value, change.ttl)));
            }
            decision.outcomes.push(Some(outcome));
        }
        decision
    }

    fn move_member(&mut self, member: &str, outcome: Outcome) {
        if let Some(previous) = outcome.previous {
            self.totals.count(previous, -1);
        }
        match outcome.value {
            Some(value) => {
                self.totals.count(value, 1);
                self.members.insert(member.to_string(), value);
            }
            None => drop(self.members.remove(member)),
        }
    }
}

/// How members spread over buckets. Stored tallies depend on it: generations may be added, never changed.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// More members than this in one bucket open the next generation.
    pub bucket_len_max: i64,
}

impl Default for Layout {
    fn default() -> Self {
        Self { bucket_len_max: 50_000 }
    }
}

/// Generations in the order they open.
pub const GENERATION_SIZES: [u32; 3] = [1, 16, 256];
pub const NEWEST_GENERATION: usize = GENERATION_SIZES.len() - 1;

/// Buckets are numbered through all generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub i64);

impl BucketId {
    /// The bucket that holds a tally's first members, and which generations are open.
    pub const FIRST: BucketId = BucketId(0);
}

impl Layout {
    /// Whether a bucket of `generation` with these totals is so full that the next generation must open.
    pub fn is_full(&self, generation: usize, totals: &Totals) -> bool {
        generation < NEWEST_GENERATION && totals.sum() > self.bucket_len_max
    }
}

/// The only bucket of a generation that a member may be in.
pub fn bucket_of(generation: usize, member: &str) -> BucketId {
    let (first, len) = bounds(generation);
    BucketId(first + i64::from(hash(member) % len))
}

pub fn buckets_of(generation: usize) -> impl Iterator<Item = BucketId> {
    let (first, len) = bounds(generation);
    (first..first + i64::from(len)).map(BucketId)
}

/// All buckets while `newest` is the newest open generation.
pub fn buckets_up_to(newest: usize) -> impl Iterator<Item = BucketId> {
    (0..=newest).flat_map(buckets_of)
}

fn bounds(generation: usize) -> (i64, u32) {
    let first = GENERATION_SIZES[..generation].iter().map(|len| i64::from(*len)).sum();
    (first, GENERATION_SIZES[generation])
}

/// FNV-1a with a final mix (MurmurHash3's), so that ids which differ in their last characters spread too.
/// Stored data depends on it.
fn hash(member: &str) -> u32 {
    let fnv =
        member.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mixed = (fnv ^ (fnv >> 16)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    mixed ^ (mixed >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(closed: bool, members: &[(&str, i32)]) -> Bucket {
        let mut totals = Totals::default();
        members.iter().for_each(|(_, value)| totals.count(*value, 1));
        Bucket {
            totals,
            closed,
            members: members.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
        }
    }

    #[test]
    fn a_change_moves_the_totals_by_what_it_found() {
        let cases = [
            (MemberChange::set("new", 1), Some((None, Some(1))), [(1, 2), (2, 1)]),
            (MemberChange::set("liked", 2), Some((Some(1), Some(2))), [(1, 0), (2, 2)]),
            (MemberChange::set("liked", 1), Some((Some(1), Some(1))), [(1, 1), (2, 1)]),
            (MemberChange::set_if_absent("liked", 2), Some((Some(1), Some(1))), [(1, 1), (2, 1)]),
            (MemberChange::remove("disliked"), Some((Some(2), None)), [(1, 1), (2, 0)]),
            (MemberChange::remove("new"), Some((None, None)), [(1, 1), (2, 1)]),
        ];
        for (change, expected, totals) in cases {
            let mut bucket = bucket(false, &[("liked", 1), ("disliked", 2)]);
            let decision = bucket.apply(std::slice::from_ref(&change));
            let outcome = expected.map(|(previous, value)| Outcome { previous, value });
            assert_eq!(decision.outcomes, [outcome], "{change:?}");
            assert_eq!(totals.map(|(value, _)| (value, bucket.totals.of(value))), totals, "{change:?}");
            assert_eq!(
                decision.rows.is_empty(),
                !outcome.is_some_and(|outcome| outcome.changed()),
                "{change:?}"
            );
        }
    }

    #[test]
    fn a_read_that_comes_late_takes_nothing_back() {
        let totals = |likes, dislikes| Totals([(1, likes), (2, dislikes)].into());
        let (first, second) = (BucketId(0), BucketId(1));
        let mut tally = Tally::default();
        tally.learn_bucket(first, 7, totals(8, 8));
        tally.learn_bucket(second, 1, totals(1, 1));
        // Read before: one bucket was older then, the other is newer there.
        let mut late = Tally::default();
        late.learn_bucket(first, 6, totals(9, 7));
        late.learn_bucket(second, 2, totals(5, 1));
        let mut other_way = late.clone();
        other_way.learn(tally.clone());
        tally.learn(late);
        assert_eq!((tally.of(1), tally.of(2), tally.sum()), (13, 9, 22));
        assert_eq!(tally, other_way);
    }

    #[test]
    fn a_closed_bucket_lets_members_change_and_leave_but_not_come() {
        let mut bucket = bucket(true, &[("a", 1)]);
        let changes = [
            MemberChange::set("b", 1),
            MemberChange::set("a", 2),
            MemberChange::remove("a"),
            MemberChange::set("a", 1),
        ];
        let outcomes = bucket.apply(&changes).outcomes;
        assert_eq!(outcomes.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!(bucket.totals, Totals::default());
    }

    #[test]
    fn setting_the_same_value_for_a_time_renews_the_row_and_no_total() {
        let mut bucket = bucket(false, &[("a", 1)]);
        let decision = bucket.apply(&[MemberChange::set("a", 1).for_time(Duration::from_secs(1))]);
        assert_eq!(decision.rows.len(), 1);
        assert_eq!(bucket.totals.of(1), 1);
    }

    #[test]
    fn buckets_of_generations_follow_one_another_and_never_overlap() {
        assert_eq!(
            buckets_up_to(NEWEST_GENERATION).map(|id| id.0).collect::<Vec<_>>(),
            (0..273).collect::<Vec<_>>()
        );
        let of = |generation| bucket_of(generation, "member").0;
        assert_eq!(of(0), 0);
        assert!((1..17).contains(&of(1)) && (17..273).contains(&of(2)));
    }

    #[test]
    fn members_spread_evenly_and_stay_where_they_are() {
        // Stored data depends on this hash: these values may never change.
        assert_eq!(["", "a", "user-1"].map(|member| bucket_of(2, member).0), HASHES);
        let mut lens = [0_u32; 16];
        for index in 0..16_000 {
            lens[usize::try_from(bucket_of(1, &format!("0193a{index:05}")).0 - 1).unwrap()] += 1;
        }
        assert!(lens.iter().all(|len| (800..1_200).contains(len)), "{lens:?}");
    }

    const HASHES: [i64; 3] = [28, 196, 253];
}
