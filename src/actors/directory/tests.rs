use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::*;

const WIDE: Bounds = Bounds { messages_max: 1_000_000, bytes_max: 1 << 40 };

fn shared() -> Shared {
    Shared { gate: Gate::new(WIDE, Gauge::default()), registry: Arc::default(), metrics: Metrics::new() }
}

fn options() -> Options {
    Options { bounds: WIDE, deadline: Duration::from_secs(60), ..Options::default() }
}

/// Counts what it handles, and leaves by itself after so many messages.
#[derive(Clone, Default)]
struct Counter {
    seen: Arc<Seen>,
    leave_after: u64,
    /// Held while actors are to wait in their start.
    starts: Arc<tokio::sync::RwLock<()>>,
}

#[derive(Default)]
struct Seen {
    handled: AtomicU64,
    loads: AtomicUsize,
    overlaps: AtomicUsize,
    /// Owners of each key now.
    owners: dashmap::DashMap<u32, usize>,
}

enum Say {
    Count,
    Ask(Reply<u64>),
    Panic,
    Wait(Arc<tokio::sync::Notify>),
}

struct Counted {
    key: u32,
    handled: u64,
    myself: Myself<Counter>,
    seen: Arc<Seen>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        *self.seen.owners.entry(self.key).or_default() -= 1;
    }
}

impl Resident for Counter {
    const KIND: &'static str = "counter";
    type Key = u32;
    type Message = Say;
    type State = Counted;

    async fn load(&self, myself: Myself<Self>, key: &u32) -> Result<Counted, LoadError> {
        if *key == 404 {
            return Err(LoadError::Absent);
        }
        self.seen.loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        drop(self.starts.read().await);
        let mut owners = self.seen.owners.entry(*key).or_default();
        *owners += 1;
        if *owners > 1 {
            self.seen.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        drop(owners);
        Ok(Counted { key: *key, handled: 0, myself, seen: self.seen.clone() })
    }

    async fn handle(&self, state: &mut Counted, message: Say) -> Result<(), Failure> {
        match message {
            Say::Panic => panic!("told to"),
            Say::Wait(go) => go.notified().await,
            Say::Ask(reply) => reply.send(state.handled),
            Say::Count => {
                state.handled += 1;
                self.seen.handled.fetch_add(1, Ordering::SeqCst);
                if self.leave_after > 0 && state.handled == self.leave_after {
                    state.myself.drain();
                }
            }
        }
        Ok(())
    }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("{what} did not come to be"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_is_lost_and_no_key_has_two_owners_while_actors_drain_themselves() {
    let seen = Arc::<Seen>::default();
    let counter = Counter { seen: seen.clone(), leave_after: 50, ..Counter::default() };
    let directory = Directory::open(counter, options(), shared());
    let senders = (0..8_u32).map(|sender| {
        let directory = directory.clone();
        tasks::spawn("sender", async move {
            for n in 0..20_000_u32 {
                directory.cast(&((n + sender) % 16), Say::Count).await.unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    assert_eq!(directory.close(Duration::from_secs(30)).await, 0);
    assert_eq!(seen.handled.load(Ordering::SeqCst), 160_000);
    assert_eq!(seen.overlaps.load(Ordering::SeqCst), 0);
    let lives = seen.loads.load(Ordering::SeqCst);
    assert!(lives >= 3 * 16, "actors were to leave and come back, not {lives} lives");
}

#[tokio::test]
async fn a_key_is_started_once_however_many_ask_at_once() {
    let seen = Arc::<Seen>::default();
    let directory =
        Directory::open(Counter { seen: seen.clone(), ..Counter::default() }, options(), shared());
    let asks = (0..100).map(|_| directory.call(&1, Say::Ask));
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(seen.loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_actor_that_is_drained_while_it_starts_keeps_its_key_until_it_is_gone() {
    let counter = Counter::default();
    let (seen, starts) = (counter.seen.clone(), counter.starts.clone());
    let directory = Directory::open(counter, options(), shared());
    let held = starts.write().await;
    let mut first = Box::pin(directory.cast(&1, Say::Count));
    while seen.loads.load(Ordering::SeqCst) == 0 {
        assert!(futures_util::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    let mut drained = Box::pin(directory.drain(&1));
    assert!(futures_util::poll!(&mut drained).is_pending(), "it has not started yet, so it cannot be gone");
    drop(held);
    assert_eq!(futures_util::future::join(first, drained).await, (Ok(()), Ok(())));
    assert_eq!(directory.call(&1, Say::Ask).await, Ok(0), "a successor");
    assert_eq!((seen.handled.load(Ordering::SeqCst), seen.overlaps.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn what_does_not_exist_is_absent_and_leaves_nothing_behind() {
    let directory = Directory::open(Counter::default(), options(), shared());
    assert_eq!(directory.cast(&404, Say::Count).await, Err(Refused::Absent));
    assert!(directory.is_empty());
    assert_eq!(directory.cast_if_resident(&1, Say::Count).await, Ok(false));
    assert!(directory.is_empty(), "asking whether it is there starts nothing");
}

#[tokio::test]
async fn a_panic_costs_its_own_message_and_the_next_one_starts_a_successor() {
    let shared = shared();
    let directory = Directory::open(Counter::default(), options(), shared.clone());
    directory.cast(&2, Say::Count).await.unwrap();
    directory.cast(&1, Say::Count).await.unwrap();
    directory.cast(&1, Say::Panic).await.unwrap();
    until("the failed actor's end", || !directory.is_resident(&1)).await;
    assert_eq!(directory.call(&1, Say::Ask).await, Ok(0), "a successor begins anew");
    assert_eq!(directory.call(&2, Say::Ask).await, Ok(1), "its neighbour is untouched");
    let page = shared.registry.page(Some("counter"), None, 10);
    let restarts: Vec<_> = page.items.iter().map(|actor| (actor.name.as_str(), actor.restarts)).collect();
    assert_eq!(restarts, [("1", 1), ("2", 0)]);
}

#[tokio::test]
async fn an_actor_that_keeps_failing_is_given_a_pause() {
    let options = Options { failure_pause: Duration::from_secs(3600), ..options() };
    let directory = Directory::open(Counter::default(), options, shared());
    for _ in 0..3 {
        directory.cast(&1, Say::Panic).await.unwrap();
        until("the end", || directory.is_empty()).await;
    }
    assert!(matches!(directory.cast(&1, Say::Count).await, Err(Refused::Unavailable(_))));
    assert_eq!(directory.cast(&2, Say::Count).await, Ok(()), "other keys go on");
}

#[tokio::test]
async fn a_full_mailbox_refuses_and_every_wait_has_a_deadline() {
    let bounds = Bounds { messages_max: 3, bytes_max: 1 << 20 };
    let options = Options { bounds, deadline: Duration::from_millis(50), ..options() };
    let shared = shared();
    let directory = Directory::open(Counter::default(), options, shared.clone());
    let go = Arc::<tokio::sync::Notify>::default();
    directory.cast(&1, Say::Wait(go.clone())).await.unwrap();
    let late = directory.call(&1, Say::Ask).await;
    assert_eq!(late, Err(Refused::Unavailable("no answer in time".into())));
    directory.cast(&1, Say::Count).await.unwrap();
    assert_eq!(directory.cast(&1, Say::Count).await, Err(Refused::Busy));
    assert_eq!(shared.registry.page(None, None, 10).items[0].mailbox, 3);
    go.notify_one();
    until("an empty mailbox", || shared.gate.load().messages() == 0).await;
    assert_eq!(directory.call(&1, Say::Ask).await, Ok(1));
}

#[tokio::test]
async fn an_idle_actor_leaves_and_the_tree_forgets_it() {
    let shared = shared();
    let directory = Directory::open(Counter::default(), options(), shared.clone());
    for key in 0..5 {
        directory.cast(&key, Say::Count).await.unwrap();
    }
    assert_eq!(shared.registry.count(), 5);
    until("empty mailboxes", || shared.gate.load().messages() == 0).await;
    directory.sweep(Duration::from_secs(3600));
    assert_eq!(directory.call(&1, Say::Ask).await, Ok(1), "it has not been silent for an hour");
    directory.sweep(Duration::ZERO);
    until("an empty directory", || directory.is_empty() && shared.registry.count() == 0).await;
}

#[tokio::test]
async fn the_tree_is_read_in_pages() {
    let shared = shared();
    let directory = Directory::open(Counter::default(), options(), shared.clone());
    for key in 0..5 {
        directory.cast(&key, Say::Count).await.unwrap();
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = shared.registry.page(None, cursor.as_ref(), 2);
        names.extend(page.items.into_iter().map(|actor| actor.name));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["0", "1", "2", "3", "4"]);
}
