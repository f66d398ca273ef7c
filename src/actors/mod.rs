//! Who decides: the only writers. Rooms, sessions, channels and transcode jobs are supervised actors; accounts and
//! uploads, which have no live state, are components. Callers get handles with methods, never an `ActorRef`;
//! nothing here knows a route.

pub mod accounts;
pub mod admission;
pub mod channel;
pub mod content_keys;
pub mod directory;
pub mod indexer;
pub mod ledger;
pub mod notices;
pub mod registry;
pub mod relay;
pub mod removals;
pub mod replacements;
pub mod room;
pub mod seat;
pub mod session;
pub mod supervise;
pub mod transcode;
pub mod uploads;
pub mod videos;
