//! Chaos: two nodes behind a round-robin, on three Cassandra nodes, Redis and an S3 server, all of them real. A crowd comments,
//! likes, watches, subscribes, votes and uploads at whichever node it gets, and observers sit in rooms, while processes are
//! killed, frozen and restarted and lines are slow, silent, half-closed or cut. Then everything is whole again, and an auditor
//! holds all that is stored and shown against what was acknowledged.
//!
//! `CHAOS_SEED` repeats the faults and the intents, `CHAOS_SECONDS` says how long (120). How processes interleave is not
//! repeatable, so which intent meets which fault differs from run to run. `make chaos` runs this.
#![cfg(test)]

mod audit;
mod driver;
mod faults;
mod line;
mod load;
mod uploads;
mod world;

mod bus_suite {
    pub use super::world::until;
}
#[path = "../cluster/cassandra.rs"]
#[expect(dead_code, reason = "the cluster's tests use the rest of it")]
mod cassandra;
#[path = "../fire/diary.rs"]
mod diary;
#[path = "../fire/field.rs"]
mod field;
#[path = "../fire/ground.rs"]
mod ground;
#[path = "../fire/intent.rs"]
mod intent;
#[path = "../fire/life.rs"]
mod life;
#[path = "../fire/observer.rs"]
mod observer;
#[path = "../fire/person.rs"]
mod person;
#[path = "../cluster/proxy.rs"]
mod proxy;
#[path = "../ready_video/mod.rs"]
mod ready_video;
#[path = "../cluster/redis.rs"]
#[expect(dead_code, reason = "the cluster's tests use the rest of it")]
mod redis;
#[path = "../servers/round_robin.rs"]
mod round_robin;
#[path = "../fire/rows.rs"]
mod rows;
#[path = "../cluster/objects/server.rs"]
#[expect(dead_code, reason = "the cluster's tests use the rest of it")]
mod s3;
#[path = "../served/mod.rs"]
#[expect(dead_code, reason = "the tests under fire use the rest of it")]
mod served;
#[path = "../small_disk/mod.rs"]
mod small_disk;
#[path = "../fire/verdict.rs"]
mod verdict;
