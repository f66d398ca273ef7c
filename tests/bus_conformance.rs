//! The bus of a single process against what every bus must do. The others need real servers: `tests/cluster`.
#![cfg(test)]

mod bus_suite;

use std::{sync::Arc, time::Duration};

use bus_suite::{Bed, clock};
use playhouse::{
    backends::bus::{self, Settings, TimeOf},
    domain::clock::ManualClock,
};

async fn bed(_: &str) -> Bed {
    let clock = clock();
    Bed { bus: bus::embedded(clock.clone()), clock, _engine: Box::new(()) }
}

bus_conformance!(memory, super::bed);

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let error = async |uri| {
        let clock = Arc::new(ManualClock::default());
        let settings = Settings { clock, deadline: Duration::from_secs(5), time: TimeOf::Server };
        bus::open(uri, settings).await.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(error("nats://localhost").await.contains("`nats:` is not known"));
    assert!(error("redis://").await.contains("names no host"));
    let nobody = error("redis://127.0.0.1:1").await;
    assert!(nobody.contains("redis cannot be reached: 127.0.0.1:1 is away: "), "{nobody}");
}
