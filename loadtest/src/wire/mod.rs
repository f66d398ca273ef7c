//! A WebSocket client made for being ten thousand at once: it owns framing, the handshake and the cheap look into a
//! payload. Scenarios and `compare` call it; it knows no protocol above WebSocket and never allocates a frame.

pub mod frame;
pub mod scan;
mod socket;

pub use frame::Out;
pub use socket::{End, Socket, Upgrade};
