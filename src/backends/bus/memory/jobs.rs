//! Which job waits and who works on which. Pure: callers bring the time and the numbers.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{
    super::{Dispatch, Enqueued, Taken},
    Fences,
};
use crate::domain::clock::Timestamp;

#[derive(Default)]
pub(super) struct Jobs {
    queues: BTreeMap<String, Queue>,
    sequence: u64,
}

#[derive(Default)]
struct Queue {
    jobs: HashMap<String, Job>,
    /// What waits, in the order in which it is given out.
    waiting: BTreeSet<Place>,
}

type Place = (Reverse<i32>, u64, String);

struct Job {
    place: Place,
    attempts: u32,
    held: Option<Held>,
}

struct Held {
    fence: u64,
    until: Timestamp,
}

impl Jobs {
    pub(super) fn enqueue(&mut self, job: Dispatch) -> Enqueued {
        self.sequence += 1;
        let queue = self.queues.entry(job.queue).or_default();
        if queue.jobs.contains_key(&job.id) {
            return Enqueued::Before;
        }
        let place = (Reverse(job.priority), self.sequence, job.id.clone());
        queue.waiting.insert(place.clone());
        queue.jobs.insert(job.id, Job { place, attempts: 0, held: None });
        Enqueued::Now
    }

    pub(super) fn take(
        &mut self,
        queue_name: &str,
        owner: &str,
        until: Timestamp,
        now: Timestamp,
        fences: &Fences,
    ) -> Option<Taken> {
        let queue = self.queues.get_mut(queue_name)?;
        queue.reap(now);
        let (_, _, id) = queue.waiting.pop_first()?;
        let job = queue.jobs.get_mut(&id)?;
        job.attempts += 1;
        let fence = fences.next(now);
        job.held = Some(Held { fence, until });
        Some(Taken { queue: queue_name.into(), id, owner: owner.into(), fence, attempt: job.attempts })
    }

    pub(super) fn renew(&mut self, taken: &Taken, until: Timestamp) -> bool {
        let held = self.queues.get_mut(&taken.queue).and_then(|queue| queue.held_by(taken));
        held.map(|held| held.until = until).is_some()
    }

    pub(super) fn finish(&mut self, taken: &Taken) -> bool {
        let Some(queue) = self.queues.get_mut(&taken.queue) else { return false };
        queue.held_by(taken).is_some() && queue.jobs.remove(&taken.id).is_some()
    }

    pub(super) fn give_back(&mut self, taken: &Taken) -> bool {
        let Some(queue) = self.queues.get_mut(&taken.queue) else { return false };
        let held = queue.held_by(taken).is_some();
        if held {
            queue.release(&taken.id);
        }
        held
    }

    pub(super) fn cancel(&mut self, queue: &str, id: &str) {
        let Some(queue) = self.queues.get_mut(queue) else { return };
        if let Some(job) = queue.jobs.remove(id) {
            queue.waiting.remove(&job.place);
        }
    }
}

impl Queue {
    fn held_by(&mut self, taken: &Taken) -> Option<&mut Held> {
        self.jobs.get_mut(&taken.id)?.held.as_mut().filter(|held| held.fence == taken.fence)
    }

    /// Puts back what workers have let go by silence. It keeps its place in the order.
    fn reap(&mut self, now: Timestamp) {
        let over = |job: &Job| job.held.as_ref().is_some_and(|held| held.until <= now);
        let ids: Vec<String> =
            self.jobs.iter().filter(|(_, job)| over(job)).map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| self.release(id));
    }

    fn release(&mut self, id: &str) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.held = None;
            self.waiting.insert(job.place.clone());
        }
    }
}
