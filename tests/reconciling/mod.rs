//! The indexer over a store: whatever the index holds, after one look it holds what it should.

use std::{sync::Arc, time::Duration};

use playhouse::{
    actors::indexer::{Counted, Indexer, IndexerError, Needs},
    backends::{
        bus::{self, SharedBus},
        feeds::{Feed, Feeds},
        search::{Change, SharedIndex},
        store::{self, Store, Versions, tables::video::Video},
        tallies::Tallies,
    },
    domain::{
        access::Visibility,
        clock::{ManualClock, Timestamp},
        ids::{ChannelId, UserId},
        tally::{Kind, MemberChange, TallyKey},
    },
    telemetry::Metrics,
};

use crate::{
    open_in,
    quickwit::Fake,
    ready_video::ready_video,
    search_suite::{document, found, id, put},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct House {
    store: Store,
    bus: SharedBus,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = store::open("embedded:", folder.path(), clock.clone()).await.unwrap();
        Self { store, bus: bus::embedded(clock.clone()), clock, _folder: folder }
    }

    async fn video(
        &self,
        number: usize,
        title: &str,
        visibility: Visibility,
        published_at: Option<Timestamp>,
    ) {
        let row = ready_video(id(number), UserId::new(NOW), ChannelId::new(NOW), NOW);
        let row = Video { title: title.into(), visibility, published_at, ..row };
        self.store.put(row).await.unwrap();
        // The list keeps a hint at what has been public.
        let at = published_at.unwrap_or(NOW);
        Feeds::new(self.store.clone()).add(&Feed::Public, at, &id(number)).await.unwrap();
    }

    fn indexer(&self, index: &SharedIndex, node: &str) -> Arc<Indexer> {
        Indexer::new(Needs {
            store: self.store.clone(),
            feeds: Feeds::new(self.store.clone()),
            tallies: Tallies::new(self.store.clone()),
            versions: Versions::of_tables(&[]),
            index: index.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            metrics: Metrics::new(),
            node: node.into(),
            sweep_interval: Duration::from_secs(600),
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_look_makes_the_index_right_and_the_next_changes_nothing() {
    let (house, folder) = (House::new().await, tempfile::tempdir().unwrap());
    let index = open_in(folder.path()).await;
    for number in 0..250 {
        house.video(number, "listed", Visibility::Public, Some(NOW)).await;
    }
    house.video(300, "listed", Visibility::Private, Some(NOW)).await;
    house.video(301, "listed", Visibility::Unlisted, Some(NOW)).await;
    house.video(302, "listed", Visibility::Public, None).await;
    // Of another time, private since, gone since, and from a clock that is ahead.
    put(&index, [document(1, "stale"), document(300, "stale"), document(999, "stale")]).await;
    let ahead = u64::try_from(NOW.0).unwrap() * 2;
    index.apply(vec![Change::put(ahead, document(2, "stale")), Change::remove(ahead, id(3))]).await.unwrap();

    let indexer = house.indexer(&index, "a");
    assert_eq!(indexer.sweep().await.unwrap(), Counted { videos: 253, changed: 252 });
    assert!(found(&index, "stale").await.is_empty());
    assert_eq!(indexer.sweep().await.unwrap(), Counted { videos: 253, changed: 0 });
    for number in [1, 2, 3] {
        assert!(index.marks_of(vec![id(number)]).await.unwrap()[&id(number)].fingerprint.is_some());
    }

    let tallies = Tallies::new(house.store.clone());
    let viewers = (0..130).map(|viewer| MemberChange::set(format!("viewer-{viewer}"), 1)).collect();
    tallies.apply(&TallyKey::new(Kind::View, id(7)), viewers).await.unwrap();
    assert_eq!(indexer.sweep().await.unwrap().changed, 1);
    let more = vec![MemberChange::set("one more".to_owned(), 1)];
    tallies.apply(&TallyKey::new(Kind::View, id(7)), more).await.unwrap();
    assert_eq!(indexer.sweep().await.unwrap().changed, 0, "131 views are as good as 130");

    assert_eq!(indexer.rebuild().await.unwrap(), Counted { videos: 253, changed: 250 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_index_that_nodes_share_one_is_in_charge_and_another_takes_over() {
    let (house, fake) = (House::new().await, Fake::start().await);
    let index = fake.open().await;
    house.video(1, "shared", Visibility::Public, Some(NOW)).await;
    let (one, other) = (house.indexer(&index, "one"), house.indexer(&index, "other"));
    assert_eq!(one.sweep().await.unwrap().changed, 1);
    assert!(matches!(other.sweep().await, Err(IndexerError::NotInCharge)));
    house.video(1, "renamed", Visibility::Public, Some(NOW)).await;
    house.clock.advance(Duration::from_secs(31));
    assert_eq!(other.sweep().await.unwrap().changed, 1, "the one in charge was silent for too long");
    assert!(matches!(one.sweep().await, Err(IndexerError::NotInCharge)));
    other.close().await;
    assert_eq!(one.sweep().await.unwrap().changed, 0);
    assert_eq!((found(&index, "renamed").await, found(&index, "shared").await), (vec![1], vec![]));
}
