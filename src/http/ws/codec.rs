//! Frames to requests and back. The envelope is read first, so that a frame with an `id` is answered whatever else is
//! wrong with it; a frame without one ends the socket.

use playhouse_protocol::{
    problem::Code,
    realtime::{Envelope, Op, Refusal, Request},
};
use serde::de::DeserializeOwned;

use crate::actors::seat::Encoding;

/// Values nested deeper than this are no frame of ours.
const DEPTH_MAX: usize = 32;
/// What is told of a parser's complaint.
const DETAIL_LEN_MAX: usize = 200;

/// Why a frame is not a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Misread {
    /// It cannot be answered.
    Malformed(&'static str),
    /// It can: with this, to this id.
    Problem(u64, Refusal),
}

/// Reads what arrived as text (`Encoding::Json`) or binary (`Encoding::MessagePack`).
pub fn read(encoding: Encoding, frame: &[u8]) -> Result<Request, Misread> {
    let envelope = Some(frame).filter(|frame| is_map(encoding, frame));
    let envelope = envelope.and_then(|frame| parse::<Envelope>(encoding, frame).ok());
    let Envelope { id, op } = envelope.ok_or(Misread::Malformed(match encoding {
        Encoding::Json => "a frame is a JSON object with an integer `id` and an `op`",
        Encoding::MessagePack => "a frame is a MessagePack map with an integer `id` and an `op`",
    }))?;
    if !Op::NAMES.contains(&op.as_str()) {
        let detail = format!("`op` is one of {}", Op::NAMES.join(", "));
        return Err(Misread::Problem(id, Refusal::new(Code::UnknownOp, detail)));
    }
    parse(encoding, frame).map_err(|error: String| {
        let detail: String = error.chars().take(DETAIL_LEN_MAX).collect();
        Misread::Problem(id, Refusal::new(Code::Invalid, detail))
    })
}

/// The decoders would take a bare sequence of values too, which is not our contract.
fn is_map(encoding: Encoding, frame: &[u8]) -> bool {
    match encoding {
        Encoding::Json => frame.trim_ascii_start().first() == Some(&b'{'),
        Encoding::MessagePack => matches!(frame.first(), Some(0x80..=0x8f | 0xde | 0xdf)),
    }
}

fn parse<T: DeserializeOwned>(encoding: Encoding, frame: &[u8]) -> Result<T, String> {
    match encoding {
        Encoding::Json => serde_json::from_slice(frame).map_err(|error| error.to_string()),
        Encoding::MessagePack => {
            let mut deserializer = rmp_serde::Deserializer::from_read_ref(frame);
            deserializer.set_max_depth(DEPTH_MAX);
            T::deserialize(&mut deserializer).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(encoding: Encoding, frame: &[u8]) -> String {
        match read(encoding, frame) {
            Ok(_) => "ok".into(),
            Err(Misread::Malformed(_)) => "malformed".into(),
            Err(Misread::Problem(id, refusal)) => format!("{id}:{}", refusal.code),
        }
    }

    #[test]
    fn whatever_has_an_id_is_answered_and_the_rest_is_malformed() {
        let deep = format!(r#"{{"id":1,"op":"ping","x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for (frame, expected) in [
            (r#"{"id":1,"op":"ping"}"#, "ok"),
            (r#"{"op":"ping","id":1,"more":{"is":["ignored"]}}"#, "ok"),
            (r#"{"id":2,"op":"dance"}"#, "2:unknown_op"),
            (r#"{"id":3,"op":"join"}"#, "3:invalid"),
            (r#"{"id":3,"op":"join","room":7}"#, "3:invalid"),
            (r#"{"id":3,"op":"join","room":"a","since":{"epoch":"e"}}"#, "3:invalid"),
            (r#"{"id":4,"op":"react","room":"a","reaction":"love"}"#, "4:invalid"),
            (r#"{"id":5,"op":"comment","room":"a","text":"x","at_ms":-1}"#, "5:invalid"),
            (r#"{"op":"ping"}"#, "malformed"),
            (r#"{"id":-1,"op":"ping"}"#, "malformed"),
            (r#"{"id":1.5,"op":"ping"}"#, "malformed"),
            (r#"{"id":"1","op":"ping"}"#, "malformed"),
            (r#"{"id":1}"#, "malformed"),
            (r#"[1,"ping"]"#, "malformed"),
            ("", "malformed"),
            ("ping", "malformed"),
            (deep.as_str(), "1:invalid"),
        ] {
            assert_eq!(code(Encoding::Json, frame.as_bytes()), expected, "{frame}");
        }
    }

    #[test]
    fn message_pack_says_the_same_as_maps() {
        let value = serde_json::json!({
            "id": 9, "op": "comment", "room": "v", "text": "größe", "at_ms": 1200, "key": "k",
        });
        let json = read(Encoding::Json, value.to_string().as_bytes()).unwrap();
        let packed = rmp_serde::to_vec_named(&value).unwrap();
        assert_eq!(read(Encoding::MessagePack, &packed), Ok(json));
        let unknown = rmp_serde::to_vec_named(&serde_json::json!({"id": 1, "op": "x"})).unwrap();
        assert_eq!(code(Encoding::MessagePack, &unknown), "1:unknown_op");
        assert_eq!(code(Encoding::MessagePack, &[0x91; 4_000]), "malformed");
        assert_eq!(code(Encoding::MessagePack, &[0xdf, 0xff, 0xff, 0xff, 0xff]), "malformed");
    }
}
