//! Segments as AES-128-CBC hides them in transport (RFC 8216, section 4.3.2.4): each whole, padded as PKCS#7 says, with
//! one key and one IV for a run of segments. Keys and IVs are drawn from a secret of the video, so that a video that
//! still grows needs no new one. Pure; who may have a key is decided elsewhere.

use std::fmt;

use aes::{
    Aes128, Block,
    cipher::{BlockModeEncrypt, KeyIvInit},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub const SECRET_LEN: usize = 32;
const BLOCK_LEN: usize = 16;

/// What the segments of one video are encrypted with.
#[derive(Clone)]
pub struct Protection {
    /// Names the secret in addresses: another secret makes other bytes, which need other addresses.
    set: String,
    secret: [u8; SECRET_LEN],
    /// Segments that share a key; zero when all do.
    rotation_segments: u64,
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").field("set", &self.set).finish_non_exhaustive()
    }
}

impl Protection {
    pub fn new(set: String, secret: [u8; SECRET_LEN], rotation_segments: u64) -> Self {
        Self { set, secret, rotation_segments }
    }

    pub fn set(&self) -> &str {
        &self.set
    }

    /// The number of the key of a segment.
    pub fn key_number(&self, sequence: u64) -> u64 {
        sequence.checked_div(self.rotation_segments).unwrap_or(0)
    }

    /// Whether a segment is the first with its key.
    pub fn begins_key(&self, sequence: u64) -> bool {
        sequence == 0 || self.key_number(sequence) != self.key_number(sequence - 1)
    }

    pub fn key(&self, number: u64) -> [u8; BLOCK_LEN] {
        self.drawn("key", number)
    }

    pub fn iv(&self, number: u64) -> [u8; BLOCK_LEN] {
        self.drawn("iv", number)
    }

    /// The IV as playlists and manifests write it.
    pub fn iv_text(&self, number: u64) -> String {
        let digits: String = self.iv(number).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("0x{digits}")
    }

    /// For one file.
    pub fn cipher(&self, number: u64) -> Cipher {
        let mode = cbc::Encryptor::new(&self.key(number).into(), &self.iv(number).into());
        Cipher { mode, rest: Vec::with_capacity(BLOCK_LEN) }
    }

    fn drawn(&self, purpose: &str, number: u64) -> [u8; BLOCK_LEN] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret).expect("an HMAC key may have any length");
        mac.update(format!("{purpose} {number}").as_bytes());
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        *bytes.first_chunk().expect("a digest is longer than a block")
    }
}

/// Bytes of a file once it is encrypted: there is always some padding.
pub fn encrypted_len(clear_len: u64) -> u64 {
    (clear_len / BLOCK_LEN as u64 + 1) * BLOCK_LEN as u64
}

/// Encrypts a file piece by piece.
pub struct Cipher {
    mode: cbc::Encryptor<Aes128>,
    /// Less than a block.
    rest: Vec<u8>,
}

impl Cipher {
    /// What of the file can be encrypted so far and was not given out before.
    pub fn update(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rest.len() + piece.len());
        bytes.append(&mut self.rest);
        bytes.extend_from_slice(piece);
        self.rest = bytes.split_off(bytes.len() / BLOCK_LEN * BLOCK_LEN);
        let (blocks, _) = Block::slice_as_chunks_mut(&mut bytes);
        self.mode.encrypt_blocks(blocks);
        bytes
    }

    /// The last block.
    pub fn finish(mut self) -> [u8; BLOCK_LEN] {
        let padding = BLOCK_LEN - self.rest.len();
        let byte = u8::try_from(padding).expect("a block is short");
        self.rest.resize(BLOCK_LEN, byte);
        let mut block = Block::try_from(self.rest.as_slice()).expect("it was just filled up");
        self.mode.encrypt_block(&mut block);
        block.into()
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockModeDecrypt, block_padding::Pkcs7};

    use super::*;

    fn protection(rotation_segments: u64) -> Protection {
        Protection::new("x1".into(), [7; SECRET_LEN], rotation_segments)
    }

    #[test]
    fn what_is_encrypted_in_any_pieces_decrypts_to_what_it_was() {
        let protection = protection(0);
        for len in [0, 1, 15, 16, 17, 31, 32, 1000] {
            for piece_len in [1, 7, 16, 33, 1000] {
                let clear: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
                let mut cipher = protection.cipher(3);
                let mut sealed: Vec<u8> =
                    clear.chunks(piece_len).flat_map(|piece| cipher.update(piece)).collect();
                sealed.extend(cipher.finish());
                assert_eq!(sealed.len() as u64, encrypted_len(len));
                let mode = cbc::Decryptor::<Aes128>::new(&protection.key(3).into(), &protection.iv(3).into());
                let opened = mode.decrypt_padded::<Pkcs7>(&mut sealed).unwrap();
                assert_eq!(opened, clear, "{len} bytes in pieces of {piece_len}");
            }
        }
    }

    #[test]
    fn a_key_lasts_for_its_run_of_segments() {
        let rotating = protection(3);
        let numbers: Vec<u64> = (0..7).map(|sequence| rotating.key_number(sequence)).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 1, 1, 2]);
        let begins: Vec<u64> = (0..7).filter(|sequence| rotating.begins_key(*sequence)).collect();
        assert_eq!(begins, [0, 3, 6]);
        assert_eq!((protection(0).key_number(1_000_000), protection(0).begins_key(1)), (0, false));
        assert_ne!(rotating.key(0), rotating.key(1));
        assert_ne!(rotating.key(0), rotating.iv(0));
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(format!("{:?}", protection(0)), "Protection { set: \"x1\", .. }");
    }
}
