//! What needs real servers: `make test-cluster`. Each test starts its own and ends them.
#![cfg(test)]

mod away;
mod bus;
#[path = "../bus_suite/mod.rs"]
mod bus_suite;
mod redis;
#[expect(dead_code, reason = "the end-to-end tests use the rest of it")]
#[path = "../it/support/mod.rs"]
mod support;
