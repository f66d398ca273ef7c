//! Frames as they arrive, parsed by tungstenite's protocol core (RFC 6455), which here does no input or output of its
//! own: it is fed what was read and says what has become whole. What it wants to answer (pongs, the answer to a
//! close) comes back as bytes.

use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
};

use bytes::Bytes;
use tungstenite::{
    Error, Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

/// Buffers of a socket that is silent. The library's own are 128 KiB.
const READ_BUFFER_BYTES: usize = 64;
/// Room for pongs and the answer to a close.
const WRITE_BUFFER_BYTES: usize = 4_096;

pub struct Parser(Box<WebSocketContext>);

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Text(Bytes),
    Binary(Bytes),
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The other side has closed; what it is to be answered is among the replies.
    Closed,
    Broken(&'static str),
}

struct Feed<'a> {
    input: &'a [u8],
    replies: &'a mut Vec<u8>,
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.input.read(buffer),
        }
    }
}

impl Write for Feed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Parser {
    pub fn new(message_bytes_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        Self(Box::new(WebSocketContext::new(Role::Server, Some(config))))
    }

    /// Takes what was read, and hands on each message that is whole until `each` breaks.
    pub fn feed<B>(
        &mut self,
        input: &[u8],
        replies: &mut Vec<u8>,
        mut each: impl FnMut(Said) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Unreadable> {
        let mut feed = Feed { input, replies };
        loop {
            let said = match self.0.read(&mut feed) {
                Ok(Message::Text(text)) => Said::Text(text.into()),
                Ok(Message::Binary(bytes)) => Said::Binary(bytes),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => continue,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(ControlFlow::Continue(()));
                }
                Err(error) => return Err(reason(&error)),
            };
            if let ControlFlow::Break(stop) = each(said) {
                return Ok(ControlFlow::Break(stop));
            }
        }
    }
}

fn reason(error: &Error) -> Unreadable {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Unreadable::Closed,
        Error::Capacity(_) => Unreadable::Broken("the frame is too large"),
        Error::Utf8(_) => Unreadable::Broken("a text frame is UTF-8"),
        _ => Unreadable::Broken("the frame breaks RFC 6455"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame, masked with zeroes.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).expect("a short one");
        [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat()
    }

    fn feed(parser: &mut Parser, input: &[u8]) -> (Vec<Said>, Vec<u8>, Option<Unreadable>) {
        let (mut said, mut replies) = (Vec::new(), Vec::new());
        let fed = parser.feed::<()>(input, &mut replies, |message| {
            said.push(message);
            ControlFlow::Continue(())
        });
        (said, replies, fed.err())
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let bytes = [frame(0x01, b"a"), frame(0x89, b"!"), frame(0x80, b"b"), frame(0x82, b"c")].concat();
        let expected = [Said::Text(Bytes::from_static(b"ab")), Said::Binary(Bytes::from_static(b"c"))];
        for cut in 1..bytes.len() {
            let mut parser = Parser::new(100);
            let (mut said, mut replies, mut end) = (Vec::new(), Vec::new(), None);
            for piece in bytes.chunks(cut) {
                let (more, answers, error) = feed(&mut parser, piece);
                said.extend(more);
                replies.extend(answers);
                end = end.or(error);
            }
            assert_eq!((&said[..], end), (&expected[..], None), "cut into {cut}");
            assert_eq!(replies, [0x8a, 1, b'!'], "a ping is answered");
        }
    }

    #[test]
    fn a_close_is_answered_and_what_breaks_the_rules_is_named() {
        let (said, replies, end) = feed(&mut Parser::new(100), &frame(0x88, &[0x03, 0xe8]));
        assert_eq!((said, replies, end), (vec![], vec![0x88, 2, 0x03, 0xe8], Some(Unreadable::Closed)));
        let large = frame(0x81, &[b'x'; 101]);
        for (bytes, detail) in [
            (&large[..], "the frame is too large"),
            (&frame(0x81, &[0xff]), "a text frame is UTF-8"),
            (&[0x81, 0x01, b'x'], "the frame breaks RFC 6455"),
            (&frame(0xc1, b"x"), "the frame breaks RFC 6455"),
            (&frame(0x83, b"x"), "the frame breaks RFC 6455"),
        ] {
            assert_eq!(feed(&mut Parser::new(100), bytes).2, Some(Unreadable::Broken(detail)));
        }
    }
}
