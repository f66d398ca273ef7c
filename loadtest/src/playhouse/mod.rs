//! Playhouse as its clients see it: REST over kept connections, seats in rooms, and the world a run needs. It knows the
//! published interface and nothing of the server's inside.

pub mod http;
pub mod media;
pub mod rest;
mod returning;
pub mod seat;
pub mod uploads;
pub mod world;
