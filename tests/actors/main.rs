//! The live part of the house, started for real on port 0: rooms, sessions, sockets, and everything that is wrong.

mod chat;
mod contract;
mod fuzz;
mod house;
#[path = "../ready_video/mod.rs"]
mod ready_video;
mod rooms;
mod siblings;
mod sockets;
