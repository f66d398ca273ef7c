//! What a node does for the jobs of others: while it has a worker that nobody here waits for, it takes a piece, makes it and
//! writes down what came of it. A piece that is not this node's any more is dropped at once.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    Outcome,
    board::{Board, Had},
};
use crate::{
    actors::transcode::{
        Workshop, demand,
        run::{self, Order},
        turns::Place,
    },
    backends::bus::Taken,
    domain::ids::VideoId,
    media::{Event, FailureCode},
    telemetry::tasks,
};

/// How long one question to the queue waits for an answer, and how long a bus that is away is left alone.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(2);
/// There are never more than workers.
const UNDER_WAY_MAX: u32 = 10_000;

/// The pieces of other nodes that are made here.
#[derive(Clone)]
pub struct Hands {
    closing: CancellationToken,
    /// A permit for each.
    under_way: Arc<Semaphore>,
}

impl Hands {
    /// Gives back what is under way.
    pub async fn close(&self, deadline: Duration) {
        self.closing.cancel();
        drop(tokio::time::timeout(deadline, self.under_way.acquire_many(UNDER_WAY_MAX)).await);
    }
}

/// Takes pieces from now on, until it is closed.
pub fn spawn(workshop: Arc<Workshop>, board: Board) -> Hands {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY_MAX as usize));
    let hands = Hands { closing: CancellationToken::new(), under_way };
    let lent = hands.clone();
    drop(tasks::spawn("pieces", async move {
        let closing = lent.closing.clone();
        closing.run_until_cancelled(take_on(workshop, board, lent)).await;
    }));
    hands
}

async fn take_on(workshop: Arc<Workshop>, board: Board, hands: Hands) {
    loop {
        workshop.turns.idle().await;
        if !workshop.fitness.is_fit().await {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        match board.take(WAIT).await {
            Ok(None) => {}
            Ok(Some(taken)) => begin(&workshop, &board, &hands, taken).await,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn begin(workshop: &Arc<Workshop>, board: &Board, hands: &Hands, taken: Taken) {
    let worker = format!("{}.{:016x}", board.node, rand::random::<u64>());
    let Some((video, run)) = parse(&taken.id) else { return drop(board.bus.finish(&taken).await) };
    let given = match board.claim(&video, run, &worker).await {
        Ok(Some(given)) => given,
        // It is another's, or is not wanted any more.
        Ok(None) => return drop(board.bus.finish(&taken).await),
        // Its place in the queue is given to another when it is not renewed.
        Err(error) => return tracing::warn!(error.chain = %error, "a piece could not be taken on"),
    };
    let cancel = hands.closing.child_token();
    let order = given.into_order(video, &worker, cancel);
    let Ok(place) = workshop.turns.ask(demand::of(&order.run.step, &order.owner)) else { return };
    let piece = Held { workshop: workshop.clone(), board: board.clone(), taken, worker, order };
    let closing = hands.closing.clone();
    let Ok(permit) = hands.under_way.clone().try_acquire_owned() else { return };
    drop(tasks::spawn("piece", async move {
        piece.make(place, &closing).await;
        drop(permit);
    }));
}

fn parse(id: &str) -> Option<(VideoId, u32)> {
    let (video, run) = id.split_once('/')?;
    Some((video.parse().ok()?, run.parse().ok()?))
}

/// A piece that is this node's.
struct Held {
    workshop: Arc<Workshop>,
    board: Board,
    taken: Taken,
    worker: String,
    order: Order,
}

impl Held {
    async fn make(self, place: Place, closing: &CancellationToken) {
        let events = Mutex::new(Vec::new());
        let hear = |event: Event| events.lock().expect("nothing panics while it adds").push(event);
        let work = run::make_for_another(&self.workshop, &self.order, place, &hear);
        let outcome = tokio::select! {
            outcome = work => outcome,
            never = self.keep() => match never {},
        };
        let failure = outcome.err();
        let events = events.into_inner().unwrap_or_default();
        let (video, run) = (&self.order.video, self.order.run.number);
        let written = match failure.as_ref().map(|failure| failure.code) {
            Some(FailureCode::Cancelled) if !closing.is_cancelled() => Ok(Had::No), // It was withdrawn.
            // Others may be able to.
            Some(FailureCode::Cancelled | FailureCode::StorageAway) => {
                drop(self.board.release(video, run, &self.worker).await);
                return drop(self.board.bus.give_back(&self.taken).await);
            }
            _ => self.board.done(video, run, &self.worker, &Outcome { events, failure }).await,
        };
        let fate = match written {
            Ok(Had::Yes) => "for_others",
            Ok(Had::No) => "in_vain",
            Err(error) => {
                tracing::warn!(error.chain = %error, "what came of a piece could not be told");
                "in_vain"
            }
        };
        self.workshop.metrics.job_pieces.of(fate).inc();
        drop(self.board.bus.finish(&self.taken).await);
        run::clean_up_if_gone(&self.workshop, video).await;
    }

    /// Says that it is being made, until it is not wanted any more; then stops it and never ends.
    async fn keep(&self) -> Infallible {
        let (video, run) = (&self.order.video, self.order.run.number);
        let mut words = self.board.listen(video).await.ok();
        let mut believed_until = self.workshop.clock.now().plus(self.board.hold);
        let mut renewal = tokio::time::interval(self.board.hold / 3);
        // The first is over at once.
        renewal.tick().await;
        loop {
            let word = async {
                match words.as_mut() {
                    Some(words) => drop(words.next().await),
                    None => std::future::pending().await,
                }
            };
            let still_had = tokio::select! {
                () = word => match self.board.read(video, run).await {
                    Ok(row) => row.is_some_and(|row| row.worker.as_ref() == Some(&self.worker)),
                    Err(_) => true,
                },
                _ = renewal.tick() => {
                    drop(self.board.bus.renew_job(&self.taken, self.board.hold).await);
                    match self.board.renew(video, run, &self.worker).await {
                        Ok(had) => {
                            believed_until = self.workshop.clock.now().plus(self.board.hold);
                            had == Had::Yes
                        }
                        Err(_) => self.workshop.clock.now() < believed_until,
                    }
                }
            };
            if !still_had {
                self.order.cancel.cancel();
                return std::future::pending().await;
            }
        }
    }
}
