//! Checksums that a client sends along with bytes (tus 1.0.0, extension `checksum`).

use sha2::Digest as _;

/// Those that are known; `sha1` is the one that every server of tus must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha1,
    Sha256,
    Crc32,
}

impl Algorithm {
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Crc32];

    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Crc32 => "crc32",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn digest(self) -> Digest {
        match self {
            Algorithm::Sha1 => Digest::Sha1(Default::default()),
            Algorithm::Sha256 => Digest::Sha256(Default::default()),
            Algorithm::Crc32 => Digest::Crc32(Default::default()),
        }
    }
}

enum Digest {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Crc32(crc32fast::Hasher),
}

/// Checksums of the same bytes, in the making.
pub struct Digests(Vec<(Algorithm, Digest)>);

impl Digests {
    pub fn of(algorithms: &[Algorithm]) -> Self {
        Self(algorithms.iter().map(|algorithm| (*algorithm, algorithm.digest())).collect())
    }

    pub fn update(&mut self, bytes: &[u8]) {
        for (_, digest) in &mut self.0 {
            match digest {
                Digest::Sha1(hasher) => hasher.update(bytes),
                Digest::Sha256(hasher) => hasher.update(bytes),
                Digest::Crc32(hasher) => hasher.update(bytes),
            }
        }
    }

    /// Whether the bytes have this checksum: its bytes, a number's most significant first.
    pub fn have(self, algorithm: Algorithm, expected: &[u8]) -> bool {
        self.0.into_iter().any(|(known, digest)| known == algorithm && digest.finish() == expected)
    }
}

impl Digest {
    fn finish(self) -> Vec<u8> {
        match self {
            Digest::Sha1(hasher) => hasher.finalize().to_vec(),
            Digest::Sha256(hasher) => hasher.finalize().to_vec(),
            Digest::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_have_their_known_checksums() {
        for (algorithm, expected) in [
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Algorithm::Crc32, "352441c2"),
        ] {
            let hex = |at: usize| u8::from_str_radix(&expected[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..expected.len()).step_by(2).map(hex).collect();
            let digests = |texts: &[&[u8]]| {
                let mut digests = Digests::of(&Algorithm::ALL);
                texts.iter().for_each(|text| digests.update(text));
                digests
            };
            assert!(digests(&[b"ab", b"c"]).have(algorithm, &bytes));
            assert!(!digests(&[b"ab", b"d"]).have(algorithm, &bytes));
            assert_eq!(Algorithm::of(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::of("md5"), None);
    }
}
