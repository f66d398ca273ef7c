//! What conditional writes compare: a token for each of the last writes of a partition, newest first, and whether there
//! is something to be read. Every write has a token of its own, so a version never comes back, and whoever does not know
//! what became of his write finds his token in it or does not.
//!
//! Form: `[1 = holds something | 0 = emptied][token: 8]…`.

/// Writes that may follow one of unknown outcome before it cannot be told any more what became of it.
const TOKENS_MAX: usize = 32;
const TOKEN_LEN: usize = 8;

pub(super) type Token = [u8; TOKEN_LEN];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Whether the partition has statics or, in a table of single rows, its row.
    pub(super) holds: bool,
    tokens: Vec<Token>,
}

/// What became of a write, seen from a version that was read later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Applied,
    /// Neither it nor any other write has been applied since: it may still be.
    Open,
    /// Others came first: it was not applied and never will be.
    Lost,
    /// Too many others came after.
    Unknown,
}

impl Version {
    /// What is stored by the write with this token, on top of what was there.
    pub(super) fn after(before: Option<&Version>, token: Token, holds: bool) -> Self {
        let older = before.into_iter().flat_map(|version| version.tokens.iter().copied());
        Self { holds, tokens: std::iter::once(token).chain(older).take(TOKENS_MAX).collect() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.holds)];
        self.tokens.iter().for_each(|token| bytes.extend_from_slice(token));
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (flag, rest) = bytes.split_first()?;
        let (tokens, left_over) = rest.as_chunks::<TOKEN_LEN>();
        let sound = *flag <= 1 && left_over.is_empty() && !tokens.is_empty();
        sound.then(|| Self { holds: *flag == 1, tokens: tokens.to_vec() })
    }

    /// What became of the write `token` that was to follow on `before`, now that `current` is stored.
    pub(super) fn fate(token: Token, before: Option<&Version>, current: Option<&Version>) -> Fate {
        let Some(current) = current else {
            return if before.is_none() { Fate::Open } else { Fate::Unknown };
        };
        if current.tokens.contains(&token) {
            return Fate::Applied;
        }
        if before == Some(current) {
            return Fate::Open;
        }
        let remembered = match before {
            Some(before) => current.tokens.contains(&before.tokens[0]),
            None => current.tokens.len() < TOKENS_MAX,
        };
        if remembered { Fate::Lost } else { Fate::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u64) -> Token {
        number.to_be_bytes()
    }

    fn chain(numbers: std::ops::Range<u64>) -> Option<Version> {
        numbers.fold(None, |before, number| Some(Version::after(before.as_ref(), token(number), true)))
    }

    #[test]
    fn a_version_survives_the_way_into_bytes_and_nothing_else_is_taken_for_one() {
        for version in [chain(0..1), chain(0..5), chain(0..100)].into_iter().flatten() {
            assert_eq!(Version::decode(&version.encode()), Some(version.clone()));
            assert!(version.encode().len() <= 1 + TOKENS_MAX * TOKEN_LEN);
        }
        for bytes in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 0, 0, 0]] {
            assert_eq!(Version::decode(bytes), None);
        }
    }

    #[test]
    fn the_fate_of_a_write_is_told_as_long_as_it_is_remembered() {
        let fate = |before: &Option<Version>, current: &Option<Version>| {
            Version::fate(token(500), before.as_ref(), current.as_ref())
        };
        let before = chain(0..3);
        let mine = Some(Version::after(before.as_ref(), token(500), true));
        let others = |from: &Option<Version>, count: u64| {
            (1_000..1_000 + count)
                .fold(from.clone(), |last, number| Some(Version::after(last.as_ref(), token(number), true)))
        };
        assert_eq!(fate(&before, &before), Fate::Open);
        assert_eq!(fate(&None, &None), Fate::Open);
        assert_eq!(fate(&before, &mine), Fate::Applied);
        for (count, applied, lost) in [
            (1, Fate::Applied, Fate::Lost),
            (31, Fate::Applied, Fate::Lost),
            (32, Fate::Unknown, Fate::Unknown),
        ] {
            assert_eq!(fate(&before, &others(&mine, count)), applied, "{count}");
            assert_eq!(fate(&before, &others(&before, count)), lost, "{count}");
            assert_eq!(fate(&None, &others(&None, count)), lost, "{count}");
        }
        assert_eq!(fate(&before, &None), Fate::Unknown);
    }
}
