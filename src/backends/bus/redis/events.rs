//! Events on their way through a channel: the topic goes before the event, and whoever reads the channel hands the
//! event to those who listen to the topic here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use redis::Value;

use super::{
    super::topics::Topics,
    slots::{Channels, channel_of},
};

pub(super) struct Events {
    pub(super) channels: Channels,
    pub(super) topics: Arc<Topics>,
    disconnections: AtomicU64,
}

impl Events {
    pub(super) fn new(prefix: &str) -> Self {
        Self { channels: Channels::new(prefix), topics: Arc::default(), disconnections: AtomicU64::new(0) }
    }

    /// What `SMESSAGE` brings: the channel, then what was published.
    pub(super) fn hand_out(&self, message: Vec<Value>) {
        let Some(Value::BulkString(message)) = message.into_iter().nth(1) else { return };
        if let Some((topic, event)) = opened(message.into()) {
            self.topics.deliver(&topic, &event);
        }
    }

    /// Tells everyone whose events come through these channels that some may be lost.
    pub(super) fn missed(&self, channels: &[u16]) {
        self.topics.miss(|topic| channels.contains(&channel_of(topic)));
    }

    pub(super) fn disconnected(&self) {
        self.disconnections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn disconnections(&self) -> u64 {
        self.disconnections.load(Ordering::Relaxed)
    }
}

/// The topic's length in two bytes, the topic, the event.
pub(super) fn sealed(topic: &str, event: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(2 + topic.len() + event.len());
    message.put_u16(u16::try_from(topic.len()).expect("topics are short names"));
    message.put_slice(topic.as_bytes());
    message.put_slice(event);
    message.freeze()
}

/// `None` for what nobody of ours has written.
fn opened(mut message: Bytes) -> Option<(String, Bytes)> {
    let head_len = 2 + usize::from(u16::from_be_bytes(*message.first_chunk()?));
    let topic = std::str::from_utf8(message.get(2..head_len)?).ok()?.to_owned();
    Some((topic, message.split_off(head_len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_and_anything_else_is_left() {
        let event = Bytes::from_static(b"\0\xffevent");
        assert_eq!(opened(sealed("user.1", &event)), Some(("user.1".into(), event)));
        assert_eq!(opened(sealed("t", b"")), Some(("t".into(), Bytes::new())));
        for stranger in [&b""[..], b"\0", b"\0\x05topi", b"\0\x01\xff"] {
            assert_eq!(opened(Bytes::from_static(stranger)), None);
        }
    }
}
