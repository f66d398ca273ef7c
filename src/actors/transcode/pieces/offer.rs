//! A piece of a job of this node, for which no worker is free: it waits for its turn here and is on offer to the other
//! nodes meanwhile. Whichever comes first has it.

use std::time::Duration;

use super::{
    Given, Outcome,
    board::{Board, Had, is_lost},
};
use crate::{
    actors::transcode::{
        Workshop, demand,
        run::{Order, busy, cancelled},
        turns::{self, Turn},
    },
    backends::{
        bus::Subscription,
        store::{StoreResult, tables::video::Piece},
    },
    media::{Failure, FailureCode},
};

/// A word may be lost, and so may what waits in the queue.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// A piece whose nodes are lost again and again may be the reason.
const LOSSES_MAX: u32 = 3;

/// Where a piece is made.
pub enum Place {
    Here(Turn),
    /// It was, on another node.
    Elsewhere(Outcome),
}

struct Offer<'a> {
    workshop: &'a Workshop,
    board: &'a Board,
    order: &'a Order,
    losses: u32,
}

/// What a look at the board says.
enum Look {
    /// Nobody has it.
    Waits,
    /// Another node is at it.
    Taken,
    Ended(Result<Outcome, Failure>),
}

/// Ends when there is a worker for the piece here, or when it was made elsewhere.
pub async fn here_or_elsewhere(
    workshop: &Workshop,
    board: &Board,
    order: &Order,
    place: turns::Place,
) -> Result<Place, Failure> {
    let mut turn = Box::pin(place.turn());
    if let std::task::Poll::Ready(turn) = futures_util::poll!(&mut turn) {
        return Ok(Place::Here(turn));
    }
    let mut offer = Offer { workshop, board, order, losses: 0 };
    let Ok(mut words) = offer.begin().await else {
        // Nobody can be told, or nothing can be written: then it waits for its turn here.
        return tokio::select! {
            () = order.cancel.cancelled() => Err(cancelled()),
            turn = turn => Ok(Place::Here(turn)),
        };
    };
    let mut turn = Some(turn);
    loop {
        let mine = async {
            match turn.as_mut() {
                Some(turn) => turn.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = order.cancel.cancelled() => {
                drop(board.withdraw(&order.video, order.run.number).await);
                return Err(cancelled());
            }
            granted = mine => match board.take_back(&order.video, order.run.number).await {
                Ok(Had::Yes) => return Ok(Place::Here(granted)),
                // Another node was faster.
                Ok(Had::No) => turn = None,
                Err(error) => return Err(unreadable(&error)),
            },
            _ = words.next() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        match offer.look().await {
            Look::Ended(outcome) => return outcome.map(Place::Elsewhere),
            Look::Taken => turn = None,
            Look::Waits if turn.is_some() => {}
            Look::Waits => {
                let request = demand::of(&order.run.step, &order.owner);
                turn = Some(Box::pin(workshop.turns.ask(request).map_err(|_| busy())?.turn()));
            }
        }
    }
}

impl Offer<'_> {
    async fn begin(&self) -> Result<Subscription, Failure> {
        let given = Given::of(self.order).ok_or_else(busy)?;
        let words = self.board.listen(&self.order.video).await.map_err(|error| unreadable(&error))?;
        self.board.offer(&self.order.video, &given).await.map_err(|error| unreadable(&error))?;
        self.announce().await;
        Ok(words)
    }

    /// A bus that is away is told at the next look.
    async fn announce(&self) {
        drop(self.board.announce(&self.order.video, self.order.run.number).await);
    }

    async fn look(&mut self) -> Look {
        let (video, run) = (&self.order.video, self.order.run.number);
        let row = match self.board.read(video, run).await {
            Ok(Some(row)) => row,
            // The job is another node's, or is gone.
            Ok(None) => return Look::Ended(Err(cancelled())),
            Err(_) => return Look::Taken,
        };
        if let Some(outcome) = outcome_of(&row) {
            drop(self.board.withdraw(video, run).await);
            self.workshop.metrics.job_pieces.of("elsewhere").inc();
            return Look::Ended(Ok(outcome));
        }
        if is_lost(&row, self.workshop.clock.now()) {
            return self.on_lost().await.unwrap_or(Look::Taken);
        }
        if row.worker.is_some() {
            return Look::Taken;
        }
        self.announce().await;
        Look::Waits
    }

    async fn on_lost(&mut self) -> StoreResult<Look> {
        let (video, run) = (&self.order.video, self.order.run.number);
        if self.board.offer_again(video, run).await? == Had::No {
            return Ok(Look::Taken);
        }
        self.losses += 1;
        self.workshop.metrics.job_pieces.of("lost").inc();
        if self.losses >= LOSSES_MAX {
            self.board.withdraw(video, run).await?;
            let detail = "several nodes that worked on it have not been heard of since";
            return Ok(Look::Ended(Err(Failure::new(FailureCode::WorkerFailed, detail))));
        }
        self.announce().await;
        Ok(Look::Waits)
    }
}

fn outcome_of(row: &Piece) -> Option<Outcome> {
    serde_json::from_str(row.outcome.as_ref()?).ok()
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureCode::WorkerFailed, format!("it could not be offered to other nodes: {error}"))
}
