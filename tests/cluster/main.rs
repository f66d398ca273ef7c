//! Against real servers, which each test starts and ends by itself; `make setup-cluster` installs them. Not part of plain
//! `cargo test`: `make test-cluster`.
#![cfg(test)]

mod objects;

#[path = "../objects_suite/mod.rs"]
mod objects_suite;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../it/support/mod.rs"]
mod support;
