//! What several machines share, on real servers that each test starts and ends by itself. `make test-cluster` installs
//! them and runs this.
#![cfg(test)]

mod cassandra;
mod engagement;
mod proxy;
mod store;
#[path = "../store_suite/mod.rs"]
mod store_suite;
