//! Frames as bytes (RFC 6455, section 5.2): what a client may send, and everything it must not.

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

#[derive(Debug, Clone)]
pub struct Frame {
    first: u8,
    mask: Option<[u8; 4]>,
    /// What the header says, where that is not the length of the payload.
    declared_len: Option<u64>,
    payload: Vec<u8>,
}

/// A whole message of one masked frame.
pub fn frame(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
    let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
    Frame { first: FIN | opcode, mask, declared_len: None, payload: payload.into() }
}

pub fn text(payload: impl Into<Vec<u8>>) -> Frame {
    frame(TEXT, payload)
}

pub fn binary(payload: impl Into<Vec<u8>>) -> Frame {
    frame(BINARY, payload)
}

pub fn continuation(payload: impl Into<Vec<u8>>) -> Frame {
    frame(CONTINUATION, payload)
}

pub fn ping(payload: impl Into<Vec<u8>>) -> Frame {
    frame(PING, payload)
}

pub fn pong(payload: impl Into<Vec<u8>>) -> Frame {
    frame(PONG, payload)
}

pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Frame {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_ref());
    frame(CLOSE, payload)
}

impl Frame {
    /// More of the message follows.
    pub fn unfinished(mut self) -> Self {
        self.first &= !FIN;
        self
    }

    /// Sets reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3.
    pub fn reserved(mut self, bits: u8) -> Self {
        self.first |= bits << 4;
        self
    }

    pub fn unmasked(mut self) -> Self {
        self.mask = None;
        self
    }

    pub fn masked_with(mut self, mask: [u8; 4]) -> Self {
        self.mask = Some(mask);
        self
    }

    /// Lies about its length.
    pub fn declaring(mut self, len: u64) -> Self {
        self.declared_len = Some(len);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let masked = self.mask.map_or(0, |_| MASKED);
        let mut bytes = vec![self.first];
        let len = self.declared_len.unwrap_or(self.payload.len() as u64);
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ 0..=125), _) => bytes.push(masked | len),
            (_, Ok(len)) => {
                bytes.push(masked | 126);
                bytes.extend(len.to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend(len.to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

/// A message cut into frames of at most `len` bytes.
pub fn fragments(opcode: u8, payload: &[u8], len: usize) -> Vec<Frame> {
    let pieces: Vec<&[u8]> = payload.chunks(len).collect();
    let last = pieces.len() - 1;
    let cut = |(index, piece): (usize, &&[u8])| {
        let opcode = if index == 0 { opcode } else { CONTINUATION };
        let frame = frame(opcode, *piece);
        if index == last { frame } else { frame.unfinished() }
    };
    pieces.iter().enumerate().map(cut).collect()
}

/// What a server sent.
#[derive(Debug, PartialEq)]
pub struct Received {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// Takes the first whole frame out of the bytes that have come. What a server must not send is an error.
pub fn take(bytes: &mut Vec<u8>) -> Result<Option<Received>, String> {
    let &[first, second, ..] = bytes.as_slice() else { return Ok(None) };
    if second & MASKED != 0 {
        return Err("the server masks its frames".into());
    }
    if first & 0x70 != 0 || first & FIN == 0 {
        return Err(format!("the server sends a frame that begins with {first:#04x}"));
    }
    let Some((header_len, len)) = lengths(bytes) else { return Ok(None) };
    let least = match header_len {
        2 => 0,
        4 => 126,
        _ => 65_536,
    };
    if len < least || (first & 8 != 0 && len > 125) {
        return Err(format!("the server writes a length of {len} in a header of {header_len} bytes"));
    }
    if bytes.len() < header_len + len {
        return Ok(None);
    }
    let payload = bytes[header_len..header_len + len].to_vec();
    bytes.drain(..header_len + len);
    Ok(Some(Received { opcode: first & 0x0f, payload }))
}

/// Of the header and of the payload, once the header is whole.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes[1] {
        126 => {
            let len = bytes.get(2..4)?.try_into().expect("two bytes");
            Some((4, usize::from(u16::from_be_bytes(len))))
        }
        127 => {
            let len = bytes.get(2..10)?.try_into().expect("eight bytes");
            Some((10, usize::try_from(u64::from_be_bytes(len)).expect("fits in memory")))
        }
        len => Some((2, usize::from(len))),
    }
}
