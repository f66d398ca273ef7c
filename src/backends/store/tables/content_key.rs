//! What the segments of encrypted videos are encrypted with.

use crate::{
    backends::store::{Cell, Kind, Value},
    domain::{clock::Timestamp, encryption::Encryption, ids::VideoId},
    record,
};

/// Rows that are older than the column are of videos that nobody has encrypted.
impl Cell for Encryption {
    const KIND: Kind = Kind::Text;
    fn into_value(self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(Encryption::None),
            some => String::from_value(some)?.parse().ok(),
        }
    }
}

record! {
    /// The secret that the keys of a video are drawn from, wrapped by the server's own (AES-KW, RFC 3394). Encrypting a
    /// video anew makes another set. `rotation_segments` is how many segments share a key; 0: all.
    pub struct ContentKeys in conditional "content_keys" {
        partition { video_id: VideoId }
        clustering {}
        columns { set_name: String, wrapped: Vec<u8>, rotation_segments: i64, created_at: Timestamp }
    }
}
