//! What several machines share, on real servers that each test starts and ends by itself. `make test-cluster` installs
//! them and runs this.
#![cfg(test)]

mod away;
mod bus;
#[path = "../bus_suite/mod.rs"]
mod bus_suite;
mod cassandra;
mod engagement;
mod jobs;
mod objects;
#[path = "../objects_suite/mod.rs"]
mod objects_suite;
#[expect(dead_code, reason = "the chaos tests use the rest of it")]
mod proxy;
#[path = "../ready_video/mod.rs"]
mod ready_video;
mod redis;
#[expect(dead_code, reason = "tests of the wire use the rest of it")]
#[path = "../served/mod.rs"]
mod served;
mod store;
#[path = "../store_suite/mod.rs"]
mod store_suite;
#[expect(dead_code, reason = "the end-to-end tests use the rest of it")]
#[path = "../it/support/mod.rs"]
mod support;
