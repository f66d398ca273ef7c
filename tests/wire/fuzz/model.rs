//! What a server must make of a client's bytes: RFC 6455 as a reader of a whole stream, slow and plain, to hold the
//! program against.

use playhouse::{
    actors::seat::Encoding,
    http::ws::codec::{Misread, read},
};

use crate::frames::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT};

/// `limits.frame_bytes_max`.
const MESSAGE_BYTES_MAX: usize = 16_384;

#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// More may come.
    Open,
    /// `bye` and 4002.
    Refused,
    /// A close to be answered with this code, or without one.
    Closing(Option<u16>),
    /// A close that is none.
    Failed,
    /// A close whose code means nothing yet: however it is taken.
    Closed,
    /// Within something that is wrong already, as a server may know early or late.
    OpenOrRefused,
}

#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// Requests that are answered, well or badly.
    pub answers: usize,
    pub pongs: Vec<Vec<u8>>,
    pub ending: Ending,
}

struct Header {
    fin: bool,
    opcode: u8,
    /// Unknown opcode, reserved bits, no mask, a control frame that is cut or long.
    wrong: bool,
    mask: [u8; 4],
    len: u64,
    /// Of the header itself.
    bytes: usize,
}

/// `None` while it is not whole.
fn header(bytes: &[u8]) -> Option<Header> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (fin, opcode, masked) = (first & 0x80 != 0, first & 0x0f, second & 0x80 != 0);
    let (len, rest, len_bytes) = match second & 0x7f {
        126 => rest.split_first_chunk().map(|(len, rest)| (u64::from(u16::from_be_bytes(*len)), rest, 2))?,
        127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest, 8))?,
        len => (u64::from(len), rest, 0),
    };
    let wrong = is_wrong(*first) || !masked || (opcode & 8 != 0 && len > 125);
    let (mask, mask_bytes) = if masked { (*rest.first_chunk()?, 4) } else { ([0; 4], 0) };
    Some(Header { fin, opcode, wrong, mask, len, bytes: 2 + len_bytes + mask_bytes })
}

fn is_wrong(first: u8) -> bool {
    let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
    let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
    first & 0x70 != 0 || !known || (opcode & 8 != 0 && !fin)
}

/// Reads a stream of a client that speaks JSON.
pub fn judge(mut bytes: &[u8]) -> Verdict {
    let mut verdict = Verdict { answers: 0, pongs: Vec::new(), ending: Ending::Open };
    let mut message: Option<(u8, Vec<u8>)> = None;
    loop {
        let Some(header) = header(bytes) else {
            let doubtful = bytes
                .first()
                .is_some_and(|first| is_wrong(*first) || out_of_place(*first, message.is_some()))
                || bytes.get(1).is_some_and(|second| second & 0x80 == 0 || bytes[0] & 8 != 0);
            return Verdict {
                ending: if doubtful { Ending::OpenOrRefused } else { Ending::Open },
                ..verdict
            };
        };
        if header.wrong || out_of_place(header.opcode, message.is_some()) {
            // A server may want to see the payload first.
            let whole = (bytes.len() - header.bytes) as u64 >= header.len;
            return Verdict {
                ending: if whole { Ending::Refused } else { Ending::OpenOrRefused },
                ..verdict
            };
        }
        let begun = message.as_ref().map_or(0, |(_, begun)| begun.len());
        let rest = &bytes[header.bytes..];
        let len = match usize::try_from(header.len).ok().filter(|len| *len <= rest.len()) {
            Some(len) => len,
            None => {
                let large = header.opcode & 8 == 0
                    && header.len > (MESSAGE_BYTES_MAX - begun.min(MESSAGE_BYTES_MAX)) as u64;
                let text =
                    header.opcode == TEXT || message.as_ref().is_some_and(|(opcode, _)| *opcode == TEXT);
                let unsure =
                    large || header.opcode == BINARY || (text && !rest.is_empty()) || header.opcode == CLOSE;
                let ending = if unsure { Ending::OpenOrRefused } else { Ending::Open };
                return Verdict { ending, ..verdict };
            }
        };
        let masked = rest[..len].iter().zip(header.mask.iter().cycle());
        let payload: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
        bytes = &rest[len..];
        match header.opcode {
            PING => verdict.pongs.push(payload),
            PONG => {}
            CLOSE => return Verdict { ending: closing(&payload), ..verdict },
            opcode => {
                let (opcode, mut whole) = message.take().unwrap_or((opcode, Vec::new()));
                whole.extend(payload);
                if whole.len() > MESSAGE_BYTES_MAX || (opcode == TEXT && breaks_utf8(&whole)) {
                    return Verdict { ending: Ending::Refused, ..verdict };
                }
                match header.fin {
                    false => message = Some((opcode, whole)),
                    true if is_request(opcode, &whole) => verdict.answers += 1,
                    true => return Verdict { ending: Ending::Refused, ..verdict },
                }
            }
        }
    }
}

/// A continuation of nothing, or a beginning within a message.
fn out_of_place(first: u8, in_message: bool) -> bool {
    match first & 0x0f {
        CONTINUATION => !in_message,
        TEXT | BINARY => in_message,
        _ => false,
    }
}

fn is_request(opcode: u8, message: &[u8]) -> bool {
    let valid = opcode == TEXT && std::str::from_utf8(message).is_ok();
    valid && !matches!(read(Encoding::Json, message), Err(Misread::Malformed(_)))
}

/// No bytes that follow can make it valid.
fn breaks_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_err_and(|error| error.error_len().is_some())
}

fn closing(payload: &[u8]) -> Ending {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ending::Closing(None) } else { Ending::Failed };
    };
    let code = u16::from_be_bytes(*code);
    match code {
        _ if std::str::from_utf8(reason).is_err() => Ending::Failed,
        1000..=1003 | 1007..=1013 | 3000..=4999 => Ending::Closing(Some(code)),
        // Registered after the RFC, or beyond what it divides.
        1014 | 5000.. => Ending::Closed,
        _ => Ending::Failed,
    }
}
