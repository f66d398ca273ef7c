//! What only engines in this process can meet.

pub mod failure;
pub mod kill;
