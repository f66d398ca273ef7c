//! Who decides: the only writers. Rooms, sessions, channels and transcode jobs are supervised actors; accounts,
//! which have no live state, are a component. Callers get handles with methods, never an `ActorRef`; nothing here
//! knows a route.

pub mod accounts;
pub mod admission;
pub mod directory;
pub mod registry;
// pub mod relay;
pub mod room;
pub mod seat;
// pub mod session;
pub mod supervise;
