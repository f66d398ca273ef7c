//! Frames of RFC 6455 as a client sees them: what the server sends is unmasked, what we send is masked. Messages in
//! fragments are refused, as no server measured here sends any.

/// One frame, its payload still where it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Data(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    Close { code: Option<u16>, reason: &'a [u8] },
}

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FINAL: u8 = 0x80;

/// A key that is not zero, so that the server has to unmask. Every frame may have the same.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The frame at the start of `bytes` and its length, or nothing when it is not all there.
pub fn parse(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, &'static str> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    if second & 0x80 != 0 {
        return Err("the server masks its frames");
    }
    let (head, len): (usize, usize) = match second & 0x7f {
        126 if bytes.len() < 4 => return Ok(None),
        126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        127 => match bytes.get(2..10).and_then(|eight| eight.try_into().ok()) {
            Some(eight) => (10, usize::try_from(u64::from_be_bytes(eight)).map_err(|_| "an endless frame")?),
            None => return Ok(None),
        },
        short => (2, usize::from(short)),
    };
    let Some(payload) = bytes.get(head..head.saturating_add(len)) else { return Ok(None) };
    let frame = match first {
        _ if first & FINAL == 0 => return Err("a message in fragments"),
        _ if first & 0x70 != 0 => return Err("a frame with reserved bits"),
        _ => match first & 0x0f {
            TEXT | BINARY => Frame::Data(payload),
            PING => Frame::Ping(payload),
            PONG => Frame::Pong,
            CLOSE => {
                let code = payload.get(..2).map(|two| u16::from_be_bytes([two[0], two[1]]));
                Frame::Close { code, reason: payload.get(2..).unwrap_or_default() }
            }
            _ => return Err("a frame of an unknown kind"),
        },
    };
    Ok(Some((frame, head + len)))
}

/// Bytes on their way to the server.
#[derive(Debug, Default)]
pub struct Out(Vec<u8>);

impl Out {
    pub fn text(&mut self, payload: &[u8]) {
        self.frame(TEXT, payload);
    }

    pub fn pong(&mut self, payload: &[u8]) {
        self.frame(PONG, payload);
    }

    pub fn close(&mut self, code: u16) {
        self.frame(CLOSE, &code.to_be_bytes());
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) {
        self.0.push(FINAL | kind);
        match payload.len() {
            len @ 0..=125 => self.0.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                self.0.push(0x80 | 126);
                self.0.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                self.0.push(0x80 | 127);
                self.0.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        self.0.extend_from_slice(&MASK);
        self.0.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets the first `count` bytes, which were written.
    pub fn written(&mut self, count: usize) {
        self.0.drain(..count);
        if self.0.is_empty() && self.0.capacity() > 4096 {
            self.0 = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_once_it_is_all_there() {
        let mut bytes = vec![0x81, 126, 1, 0];
        bytes.extend([b'x'; 256]);
        bytes.extend([0x89, 1, b'p', 0x88, 3, 0x0f, 0xa0, b'!']);
        for cut in 0..260 {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(parse(&bytes), Ok(Some((Frame::Data(&[b'x'; 256]), 260))));
        assert_eq!(parse(&bytes[260..]), Ok(Some((Frame::Ping(b"p"), 3))));
        assert_eq!(parse(&bytes[263..]), Ok(Some((Frame::Close { code: Some(4000), reason: b"!" }, 5))));
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        for bytes in [[0x01, 0], [0xc1, 0], [0x81, 0x80], [0x83, 0]] {
            assert!(parse(&bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_sent_is_masked_and_long_payloads_have_long_heads() {
        for (len, head) in [(5, 6), (200, 8), (70_000, 14)] {
            let mut out = Out::default();
            out.text(&vec![b'a'; len]);
            assert_eq!(out.bytes().len(), head + len);
            assert_eq!(out.bytes()[head] ^ MASK[0], b'a');
            out.written(head + len);
            assert!(out.bytes().is_empty());
        }
    }
}
