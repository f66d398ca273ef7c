//! The things that may live elsewhere, each an engine pair chosen by URI: `store` (rows), `objects` (bytes), `search`
//! (what is found), `bus` (what nodes tell each other, `invalidations` among it); `fetch`, which goes out for what lies
//! elsewhere, and `scanner`, which asks clamd.
//! Callers see contracts only; no driver type leaves its folder.

pub mod bus;
pub mod feeds;
pub mod fetch;
pub mod invalidations;
mod location;
pub mod objects;
pub mod scanner;
pub mod search;
pub mod staging;
pub mod store;
pub mod tallies;
