//! RFC 6455 from outside: raw bytes to the real program, and what it says to them. The cases follow the sections 1 to 7
//! and 10 of the Autobahn test suite; a row is a case. Where that suite expects an echo, these ask
//! `{"id":n,"op":"ping"}`: an answer proves that the frame before it was understood. What `docs/realtime.md` says
//! goes: whatever is no valid frame ends the socket with `bye` and 4002.

mod closing;
mod conversation;
mod fragments;
mod frames;
mod framing;
mod fuzz;
mod handshake;
mod utf8;

#[expect(dead_code, reason = "the fire tests use more of it")]
#[path = "../served/mod.rs"]
mod served;
