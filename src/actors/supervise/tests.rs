use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::*;

/// Counts its words; panics on request, and at its start once `broken` is set.
struct Worker {
    starts: Arc<AtomicU64>,
    broken: Arc<AtomicU64>,
}

enum Word {
    Count(Reply<u64>),
    Panic,
}

impl Actor for Worker {
    type Msg = Word;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Word>, (): ()) -> Result<u64, ActorProcessingErr> {
        self.starts.fetch_add(1, Ordering::SeqCst);
        if self.broken.load(Ordering::SeqCst) > 0 {
            return Err("it cannot start".into());
        }
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Word>, word: Word, count: &mut u64) -> Result<(), ActorProcessingErr> {
        match word {
            Word::Panic => panic!("told to"),
            Word::Count(reply) => {
                *count += 1;
                reply.send(*count);
            }
        }
        Ok(())
    }
}

struct Family {
    supervisor: Supervisor,
    registry: Arc<Registry>,
    one: Address<Word>,
    two: Address<Word>,
    starts_of_one: Arc<AtomicU64>,
    one_is_broken: Arc<AtomicU64>,
    meltdown: oneshot::Receiver<Meltdown>,
}

fn worker(name: &'static str) -> (Child, Address<Word>, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (starts, broken) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let (counted, tripped) = (starts.clone(), broken.clone());
    let make = move || (Worker { starts: counted.clone(), broken: tripped.clone() }, ());
    let (child, address) = Child::new(name, make);
    (child, address, starts, broken)
}

async fn family() -> Family {
    let (one_child, one, starts_of_one, one_is_broken) = worker("one");
    let (two_child, two, _, _) = worker("two");
    let (report, meltdown) = oneshot::channel();
    let registry = Arc::<Registry>::default();
    let options = Options { restarts_max: 3, pause_first: Duration::from_millis(1), ..Options::default() };
    let context = Context {
        options,
        registry: registry.clone(),
        metrics: Metrics::new(),
        on_meltdown: Box::new(|meltdown| report.send(meltdown).unwrap()),
    };
    let supervisor = Supervisor::start(context, vec![one_child, two_child]).await.unwrap();
    Family { supervisor, registry, one, two, starts_of_one, one_is_broken, meltdown }
}

const DEADLINE: Duration = Duration::from_secs(10);

/// Asks until the actor is up (again).
async fn count(address: &Address<Word>) -> u64 {
    let wait = async {
        loop {
            match address.ask(DEADLINE, Word::Count).await {
                Some(count) => return count,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    timeout(DEADLINE, wait).await.expect("the actor comes back")
}

fn panic(address: &Address<Word>) {
    assert!(address.tell(Word::Panic).is_ok());
}

#[tokio::test]
async fn a_panicking_child_restarts_with_its_siblings_untouched() {
    let family = family().await;
    assert_eq!((count(&family.one).await, count(&family.two).await), (1, 1));
    panic(&family.one);
    assert_eq!(count(&family.one).await, 1, "it begins anew");
    assert_eq!(count(&family.two).await, 2, "its sibling goes on");
    let page = family.registry.page(None, None, 10);
    let restarts: Vec<_> = page.items.iter().map(|actor| (actor.name.as_str(), actor.restarts)).collect();
    assert_eq!(restarts, [("one", 1), ("two", 0)]);
    family.supervisor.stop(DEADLINE).await;
    assert!(family.two.ask(DEADLINE, Word::Count).await.is_none());
    assert_eq!(family.registry.count(), 0);
}

#[tokio::test]
async fn a_child_that_keeps_panicking_is_a_meltdown_with_a_clear_last_line() {
    let family = family().await;
    for _ in 0..4 {
        count(&family.one).await;
        panic(&family.one);
    }
    let meltdown = timeout(DEADLINE, family.meltdown).await.unwrap().unwrap();
    let line = "actor `one` keeps failing (3 restarts, budget spent within 60 s): told to";
    assert_eq!(meltdown.to_string(), line);
    assert_eq!(family.starts_of_one.load(Ordering::SeqCst), 4);
    assert_eq!(count(&family.two).await, 1, "its sibling was never touched");
}

#[tokio::test]
async fn a_child_that_cannot_start_again_is_a_meltdown_too() {
    let family = family().await;
    family.one_is_broken.store(1, Ordering::SeqCst);
    panic(&family.one);
    let meltdown = timeout(DEADLINE, family.meltdown).await.unwrap().unwrap();
    assert_eq!(meltdown.child, "one");
    assert!(meltdown.failure.contains("it cannot start"), "{}", meltdown.failure);
}

#[tokio::test]
async fn a_child_that_never_starts_fails_the_start() {
    let (child, _, _, broken) = worker("one");
    broken.store(1, Ordering::SeqCst);
    let context = Context {
        options: Options::default(),
        registry: Arc::default(),
        metrics: Metrics::new(),
        on_meltdown: Box::new(|_| ()),
    };
    assert!(Supervisor::start(context, vec![child]).await.is_err());
}
