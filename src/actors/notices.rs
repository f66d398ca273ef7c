//! What a person is told wherever they are connected: published on the bus under their name, handed to their sockets
//! by each node's relay. A notice that is lost is no loss: what it speaks of can be read.

use bytes::Bytes;

use crate::{backends::bus::SharedBus, domain::ids::UserId};

#[derive(Clone)]
pub struct Notices {
    bus: SharedBus,
}

impl Notices {
    pub fn new(bus: SharedBus) -> Self {
        Self { bus }
    }

    pub async fn tell(&self, user: &UserId, kind: &str, data: serde_json::Value) {
        let body = serde_json::json!({ "kind": kind, "data": data }).to_string();
        if let Err(error) = self.bus.publish(&format!("user.{user}"), Bytes::from(body)).await {
            tracing::warn!(error.chain = %error, "a notice was lost");
        }
    }
}
