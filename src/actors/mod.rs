//! Grows in its own branch.

pub mod admission;
pub mod directory;
pub mod registry;
// pub mod relay;
// pub mod room;
pub mod seat;
// pub mod session;
pub mod supervise;
