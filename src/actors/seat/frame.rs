//! What goes over the wire, made once: a value is encoded in the two sub-protocols and put into a WebSocket frame
//! (RFC 6455 section 5.2, a server's: not masked, in one piece). Whoever wants the same bytes shares them.

use bytes::Bytes;
use serde::Serialize;

/// How a socket wants its frames, by its sub-protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Json,
    MessagePack,
}

/// The longest header a server's frame has.
const HEADER_LEN_MAX: usize = 10;

/// Opcodes that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Encoding {
    pub const ALL: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

    /// The value alone, to be put into frames later.
    pub fn encode<T: Serialize>(self, value: &T) -> Bytes {
        let mut bytes = Vec::with_capacity(256);
        self.write(value, &mut bytes);
        bytes.into()
    }

    /// The value as a whole frame.
    pub fn frame<T: Serialize>(self, value: &T) -> Bytes {
        // Room for the header comes first, so that nothing has to be moved once the length is known.
        let mut bytes = Vec::with_capacity(256);
        bytes.resize(HEADER_LEN_MAX, 0);
        self.write(value, &mut bytes);
        let header = header(self.opcode(), bytes.len() - HEADER_LEN_MAX);
        let begin = HEADER_LEN_MAX - header.len();
        bytes[begin..HEADER_LEN_MAX].copy_from_slice(&header);
        Bytes::from(bytes).slice(begin..)
    }

    /// A reply whose `ok` is one map out of two: `own` is said to this seat alone, `shared` (an encoded map) to many.
    /// What comes before the shared part, that, and what comes after it.
    pub fn reply_around<T: Serialize>(self, re: u64, own: &T, shared: &Bytes) -> [Bytes; 3] {
        let own = self.encode(own);
        let (before, rest, after) = match self {
            Encoding::Json => {
                let open = own.strip_suffix(b"}").expect("a struct is an object");
                let before = [format!("{{\"re\":{re},\"ok\":").as_bytes(), open, b","].concat();
                (before, shared.slice(1..), &b"}"[..])
            }
            Encoding::MessagePack => {
                // Both have fewer than 16 fields, so one byte says how many: 0x80 + n.
                let both = own[0] + (shared[0] - SHORT_MAP);
                assert!(both < SHORT_MAP + 16, "a short map has fewer than 16 fields");
                let before = [&message_pack_reply(re)[..], &[both], &own[1..]].concat();
                (before, shared.slice(1..), &b""[..])
            }
        };
        let mut begin = header(self.opcode(), before.len() + rest.len() + after.len());
        begin.extend_from_slice(&before);
        [begin.into(), rest, Bytes::from_static(after)]
    }

    fn opcode(self) -> Opcode {
        match self {
            Encoding::Json => Opcode::Text,
            Encoding::MessagePack => Opcode::Binary,
        }
    }

    fn write<T: Serialize>(self, value: &T, out: &mut Vec<u8>) {
        let written = match self {
            Encoding::Json => serde_json::to_writer(out, value).is_ok(),
            Encoding::MessagePack => rmp_serde::encode::write_named(out, value).is_ok(),
        };
        assert!(written, "the protocol's types always serialise");
    }
}

/// The first byte of a MessagePack map of fewer than 16 fields, without their number.
const SHORT_MAP: u8 = 0x80;

/// A map of two whose second value is still to come: `{"re": re, "ok": …`.
fn message_pack_reply(re: u64) -> Vec<u8> {
    const U64: u8 = 0xcf;
    const SHORT_STRING: u8 = 0xa0;
    let mut bytes = vec![SHORT_MAP | 2, SHORT_STRING | 2, b'r', b'e', U64];
    bytes.extend_from_slice(&re.to_be_bytes());
    bytes.extend_from_slice(&[SHORT_STRING | 2, b'o', b'k']);
    bytes
}

/// A control frame; its payload has at most 125 bytes.
pub fn control(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut bytes = header(opcode, payload.len());
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// The frame that closes a socket.
pub fn close(code: u16, reason: &str) -> Bytes {
    const REASON_LEN_MAX: usize = 123;
    let reason = &reason[..reason.floor_char_boundary(REASON_LEN_MAX)];
    let payload: Vec<u8> = code.to_be_bytes().into_iter().chain(reason.bytes()).collect();
    control(Opcode::Close, &payload)
}

fn header(opcode: Opcode, len: usize) -> Vec<u8> {
    const FINAL: u8 = 0x80;
    let first = FINAL | opcode as u8;
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => vec![first, len],
        (_, Ok(len)) => [vec![first, 126], len.to_be_bytes().to_vec()].concat(),
        _ => [vec![first, 127], (len as u64).to_be_bytes().to_vec()].concat(),
    }
}

/// One value in both encodings, each made when the first seat wants it and then shared.
pub struct Shared<'a, T> {
    value: &'a T,
    frames: [Option<Bytes>; 2],
}

impl<'a, T: Serialize> Shared<'a, T> {
    pub fn new(value: &'a T) -> Self {
        Self { value, frames: [None, None] }
    }

    pub fn frame(&mut self, encoding: Encoding) -> Bytes {
        self.frames[encoding as usize].get_or_insert_with(|| encoding.frame(self.value)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_shortest_header_that_names_their_length() {
        for (len, expected) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(header(Opcode::Text, len), expected);
            let text = "x".repeat(len.saturating_sub(2));
            let frame = Encoding::Json.frame(&text);
            if len >= 2 {
                assert_eq!((&frame[..expected.len()], frame.len()), (&expected[..], expected.len() + len));
                assert!(frame[expected.len()..].starts_with(b"\"x") || len == 2);
            }
        }
        assert_eq!(&Encoding::MessagePack.frame(&7)[..], [0x82, 1, 7]);
        assert_eq!(&close(4001, "slow")[..], [&[0x88, 6, 0x0f, 0xa1][..], b"slow"].concat());
        assert_eq!(close(4001, &"ü".repeat(100)).len(), 2 + 2 + 122);
    }

    #[test]
    fn a_reply_with_a_shared_part_says_the_same_as_one_made_whole() {
        #[derive(Serialize)]
        struct Own {
            room: &'static str,
            offset: u64,
        }
        #[derive(Serialize)]
        struct Many {
            comments: Vec<&'static str>,
            removed: Vec<u32>,
        }
        let (own, many) = (Own { room: "v", offset: 9 }, Many { comments: vec!["a", "ü"], removed: vec![] });
        for re in [0, 7, u64::from(u32::MAX) + 1] {
            let json = Encoding::Json.reply_around(re, &own, &Encoding::Json.encode(&many)).concat();
            let whole =
                format!(r#"{{"re":{re},"ok":{{"room":"v","offset":9,"comments":["a","ü"],"removed":[]}}}}"#);
            assert_eq!(std::str::from_utf8(&json[2..]).unwrap(), whole);
            assert_eq!(usize::from(json[1]), whole.len());
            let packed = Encoding::MessagePack;
            let packed = packed.reply_around(re, &own, &packed.encode(&many)).concat();
            let read: serde_json::Value = rmp_serde::from_slice(&packed[2..]).unwrap();
            assert_eq!(read, serde_json::from_str::<serde_json::Value>(&whole).unwrap());
        }
    }
}
