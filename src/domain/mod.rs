//! What things are and their rules: ids, accounts, videos, comments, reactions, tallies, access, time.
//! Everything here is pure: no I/O, no clock but the one passed in, no knowledge of any layer above.

pub mod access;
pub mod account;
pub mod caption;
pub mod channel;
pub mod chapter;
pub mod checksum;
pub mod clock;
pub mod codec;
pub mod comment;
pub mod emoji;
pub mod encryption;
pub mod ids;
pub mod mention;
pub mod page;
pub mod poll;
pub mod reaction;
pub mod service;
pub mod storage;
pub mod tally;
pub mod text;
pub mod video;
