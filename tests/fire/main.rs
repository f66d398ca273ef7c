//! Exact under fire: people with known intents act on the real program, it is killed at random moments and started
//! again, and at the end every count, list and stream has to be what its acknowledgements say. The same with a store
//! that is slow, that refuses, and that applies what it says it has not. And a soak: whatever comes and goes, nothing
//! is left behind.
//!
//! `FIRE_SEED` repeats a run: the accounts' intents, the retries and the moments of the kills are functions of it. How
//! threads and disks interleave is not, so which intent meets which kill differs from run to run.

mod churn;
mod diary;
mod driver;
mod field;
mod ground;
mod habits;
mod intent;
mod life;
mod media;
mod observer;
mod person;
mod replacing;
mod rows;
mod soak;
mod transcript;
mod troubled;
mod uploads;
mod verdict;

#[path = "../ready_video/mod.rs"]
mod ready_video;
#[path = "../served/mod.rs"]
mod served;
#[path = "../small_disk/mod.rs"]
mod small_disk;
