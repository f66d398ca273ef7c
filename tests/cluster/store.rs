//! The store on Cassandra: what every engine must do, on one node and on three; nodes that are killed; connections that
//! are cut. What is acknowledged stays, and what is counted is counted once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use playhouse::{
    backends::store::{self, Edit, OpenError, Settings, Store, View, schema, tables},
    domain::clock::{SharedClock, SystemClock},
    telemetry::tasks,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    cassandra::{self, Node},
    proxy::{Faults, Proxy},
    store_suite::{self, Bed, Entry, Member, MemberStatics, bed::TABLES, bed::Time, every_case},
};

/// What Cassandra takes with the small commit log of the tests.
const ROW_BYTES: usize = 3 << 20;

/// The servers' clocks, and how much was to pass that has not yet.
#[derive(Default)]
struct Real(Mutex<Duration>);

impl Time for Real {
    fn clock(&self) -> SharedClock {
        Arc::new(SystemClock)
    }

    fn hour(&self) -> Duration {
        Duration::from_secs(4)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let is_hour = {
                let mut owed = self.0.lock().unwrap();
                *owed += duration;
                *owed >= self.hour()
            };
            if is_hour {
                // Nodes count whole seconds.
                tokio::time::sleep(self.hour() + Duration::from_millis(1_200)).await;
                *self.0.lock().unwrap() = Duration::ZERO;
            }
        })
    }
}

/// A keyspace of its own on these nodes.
pub async fn fresh(contacts: &[String], replication: usize, tables: &[&'static store::Table]) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let keyspace = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let uri = format!("scylla://{}/{keyspace}?replication={replication}", contacts.join(","));
    schema::apply(&uri, tables).await.unwrap();
    uri
}

async fn open(uri: &str) -> Store {
    let settings = Settings { tables: TABLES, ..Settings::default() };
    store::open_with(uri, "".as_ref(), Arc::new(SystemClock), settings).await.unwrap()
}

fn contacts_of_three() -> Vec<String> {
    cassandra::three().iter().map(Node::contact).collect()
}

macro_rules! conformance {
    ($($suite:ident { $($case:ident),+ $(,)? })+) => {
        mod one_node {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let uri = fresh(&[cassandra::shared().contact()], 1, TABLES).await;
                    store_suite::$suite::$case(Bed::of(&uri, Arc::new(Real::default()), ROW_BYTES).await).await;
                }
            )+)+
        }

        mod three_nodes {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let uri = fresh(&contacts_of_three(), 3, TABLES).await;
                    store_suite::$suite::$case(Bed::of(&uri, Arc::new(Real::default()), ROW_BYTES).await).await;
                }
            )+)+
        }
    };
}

every_case!(conformance);

/// Every write adds a member that no other adds, and one to the size of its set. So a set is as large as it says, unless a
/// write was applied twice or by half.
#[derive(Default)]
struct Work {
    acknowledged: BTreeSet<(String, String)>,
    failed: u64,
}

/// Writers on a few sets, through every store in turn, until told to stop. `count` grows with every acknowledged write.
async fn write_until(
    stop: CancellationToken,
    stores: Vec<Store>,
    writers: usize,
    count: Arc<AtomicU64>,
) -> Work {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let (store, stop, count) = (stores[writer % stores.len()].clone(), stop.clone(), count.clone());
        tasks.spawn(async move {
            let mut work = Work::default();
            let set = format!("set-{}", writer % 3);
            for turn in 0.. {
                if stop.is_cancelled() {
                    break;
                }
                let member = format!("{writer}-{turn}");
                match add(&store, &set, &member).await.and(store.put(entry(writer, turn)).await) {
                    Ok(()) => {
                        work.acknowledged.insert((set.clone(), member));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => work.failed += 1,
                }
            }
            work
        });
    }
    let mut all = Work::default();
    for work in tasks.join_all().await {
        all.acknowledged.extend(work.acknowledged);
        all.failed += work.failed;
    }
    all
}

fn entry(writer: usize, turn: i64) -> Entry {
    Entry { room: format!("room-{writer}"), bucket: 0, offset: turn, text: "said".into(), at_ms: None }
}

async fn add(store: &Store, set: &str, member: &str) -> store::StoreResult<()> {
    let row = Member { club: set.into(), member: member.into(), value: 1 };
    let add = move |view: View<Member>| {
        let before = view.statics.unwrap_or_default();
        let statics = MemberStatics { size: before.size + 1, sum: before.sum + 1 };
        (Edit { statics: Some(statics), puts: vec![(row.clone(), None)], deletes: vec![] }, ())
    };
    store.update_partition::<Member, _>((set.into(),), vec![], add).await
}

/// Everything acknowledged is there, and sets are as large as they say.
async fn check(store: &Store, work: &Work) {
    let mut there = BTreeSet::new();
    for set in ["set-0", "set-1", "set-2"] {
        let rows = store.all::<Member>((set.into(),)).await.unwrap();
        let statics = store.statics::<Member>((set.into(),)).await.unwrap().unwrap_or_default();
        assert_eq!(statics.size, rows.len() as i64, "{set}: a write was applied twice or by half");
        there.extend(rows.into_iter().map(|row| (set.to_owned(), row.member)));
    }
    let lost: Vec<_> = work.acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    for (_, member) in &work.acknowledged {
        let (writer, turn) = member.split_once('-').unwrap();
        let key = ((format!("room-{writer}"), 0), (turn.parse().unwrap(),));
        assert!(store.get::<Entry>(key.0, key.1).await.unwrap().is_some(), "entry {member} is lost");
    }
}

/// Waits until that many more writes are acknowledged.
async fn more(count: &AtomicU64, writes: u64) {
    let wanted = count.load(Ordering::Relaxed) + writes;
    let since = Instant::now();
    while count.load(Ordering::Relaxed) < wanted {
        assert!(since.elapsed() < Duration::from_secs(120), "nothing is acknowledged any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9_of_the_only_node() {
    let node = cassandra::own();
    let uri = fresh(&[node.contact()], 1, TABLES).await;
    let store = open(&uri).await;
    for _ in 0..3 {
        let (stop, count) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let writing = tasks::spawn("work", write_until(stop.clone(), vec![store.clone()], 6, count.clone()));
        more(&count, 100).await;
        node.kill();
        stop.cancel();
        let work = writing.await.unwrap();
        node.start_again(None);
        check(&store, &work).await;
        for set in 0..3 {
            store.delete_partition::<Member>((format!("set-{set}"),)).await.unwrap();
        }
    }
}

/// Two programs write to the same sets, so that they meet in partitions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_and_none_is_lost_while_one_of_three_nodes_is_killed_and_comes_back() {
    let uri = fresh(&contacts_of_three(), 3, TABLES).await;
    let stores = vec![open(&uri).await, open(&uri).await];
    let (stop, count) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let writing = tasks::spawn("work", write_until(stop.clone(), stores.clone(), 6, count.clone()));
    more(&count, 50).await;
    for (victim, seed) in [(1, "127.0.0.1"), (0, "127.0.0.2")] {
        let node = &cassandra::three()[victim];
        node.kill();
        more(&count, 50).await;
        tokio::task::spawn_blocking(move || node.start_again(Some(seed))).await.unwrap();
        more(&count, 50).await;
    }
    stop.cancel();
    let work = writing.await.unwrap();
    check(&stores[0], &work).await;
    eprintln!("{} writes acknowledged, {} of unknown outcome", work.acknowledged.len(), work.failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_however_badly_connections_behave() {
    const SEED: u64 = 6;
    let faults = Faults { delays: 50, cuts: 3, silences: 2, delay_max: Duration::from_millis(300) };
    let node = cassandra::shared();
    let direct = fresh(&[node.contact()], 1, TABLES).await;
    let keyspace = direct.rsplit('/').next().unwrap();
    let (mut proxies, mut stores) = (Vec::new(), Vec::new());
    for number in 0..2 {
        let proxy = Proxy::before(node.contact(), faults, SEED + number).await;
        stores.push(open_through(&format!("scylla://{}/{keyspace}", proxy.address)).await);
        proxies.push(proxy);
    }
    let (stop, count) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let writing = tasks::spawn("work", write_until(stop.clone(), stores, 8, count.clone()));
    let since = Instant::now();
    while proxies.iter().map(Proxy::cuts).sum::<u64>() < 25 {
        assert!(since.elapsed() < Duration::from_secs(120), "hardly anything is cut");
        more(&count, 20).await;
    }
    stop.cancel();
    let work = writing.await.unwrap();
    check(&open(&direct).await, &work).await;
    let cuts: u64 = proxies.iter().map(Proxy::cuts).sum();
    eprintln!("{} acknowledged, {} of unknown outcome, {cuts} cuts", work.acknowledged.len(), work.failed);
}

/// The proxy may cut what a start asks for too; an operator's supervisor would start it again.
async fn open_through(uri: &str) -> Store {
    for _ in 0..20 {
        let settings = Settings { tables: TABLES, ..Settings::default() };
        if let Ok(store) = store::open_with(uri, "".as_ref(), Arc::new(SystemClock), settings).await {
            return store;
        }
    }
    panic!("twenty starts have failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_is_made_extended_and_refused_with_the_command_that_helps() {
    let contact = cassandra::shared().contact();
    let uri = format!("scylla://{contact}/declared?replication=1");
    let open = async || {
        let opened = store::open(&uri, "".as_ref(), Arc::new(SystemClock)).await;
        opened.map(drop).map_err(|error| error.to_string())
    };
    let refusal = open().await.unwrap_err();
    assert!(refusal.contains("there is no keyspace `declared`"), "{refusal}");
    assert!(refusal.contains("run `playhouse schema apply`"), "{refusal}");
    let made = schema::apply(&uri, tables::ALL).await.unwrap();
    assert_eq!(made.len(), 1 + tables::ALL.len());
    assert_eq!(schema::apply(&uri, tables::ALL).await.unwrap(), [""; 0]);
    open().await.unwrap();

    let session = scylla::client::session_builder::SessionBuilder::new().known_node(&contact);
    let session = session.build().await.unwrap();
    let run = async |text: &str| drop(session.query_unpaged(text, ()).await.unwrap());
    run("ALTER TABLE declared.jobs DROP refused").await;
    run("DROP TABLE declared.tally").await;
    let refusal = open().await.unwrap_err();
    assert!(refusal.contains("table tally is missing; column jobs.refused is missing"), "{refusal}");
    assert!(matches!(schema::check(&uri, tables::ALL).await, Err(OpenError::Schema { .. })));
    let added = schema::apply(&uri, tables::ALL).await.unwrap();
    assert_eq!(added[1], "ALTER TABLE declared.jobs ADD refused blob");
    assert!(added[0].starts_with("CREATE TABLE IF NOT EXISTS declared.tally ("), "{added:?}");
    open().await.unwrap();

    run("DROP TABLE declared.probes").await;
    run("CREATE TABLE declared.probes (name text PRIMARY KEY, at text)").await;
    let refusal = open().await.unwrap_err();
    assert!(refusal.contains("column probes.at is `regular -1 none text`"), "{refusal}");
    assert!(refusal.contains("set another keyspace"), "{refusal}");
    assert!(schema::apply(&uri, tables::ALL).await.is_err(), "rows of another program are left alone");
    let declared = schema::apply(&uri.replace("declared", "declared_too"), tables::ALL).await.unwrap();
    assert_eq!(declared.len(), 1 + tables::ALL.len());
}
