//! Job queues: for each some keys in one slot, changed by scripts only. Workers that wait are told by an event, and look
//! by themselves each second in case it is lost.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    super::{BusResult, Dispatch, Enqueued, Taken},
    Redis,
    script::{CANCEL, ENQUEUE, FINISH, GIVE_BACK, RENEW_JOB, TAKE},
    us,
};

/// How often a waiting worker looks for jobs whose lease has ended, and for those it was not told of.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The keys of a queue.
struct Queue {
    /// A number for each job that was ever enqueued.
    sequence: String,
    /// From a job's id to its place in the order.
    places: String,
    /// The places of those that wait.
    waiting: String,
    /// Those that are worked on, by the end of their lease.
    held: String,
    attempts: String,
    /// Of those that are worked on.
    fences: String,
    last_fence: String,
}

impl Queue {
    fn of(prefix: &str, queue: &str) -> Self {
        let key = |name| format!("{{{prefix}:jobs:{queue}}}:{name}");
        Self {
            sequence: key("sequence"),
            places: key("places"),
            waiting: key("waiting"),
            held: key("held"),
            attempts: key("attempts"),
            fences: key("fences"),
            last_fence: key("last-fence"),
        }
    }
}

impl Redis {
    pub(super) async fn enqueue_job(&self, job: &Dispatch) -> BusResult<Enqueued> {
        let queue = self.queue(&job.queue);
        let keys = [&queue.sequence, &queue.places, &queue.waiting].map(String::as_str);
        let is_new: bool = self.run(&ENQUEUE, &keys, &[&job.id, &turned_around(job.priority)]).await?;
        if !is_new {
            return Ok(Enqueued::Before);
        }
        self.wake(&job.queue).await;
        Ok(Enqueued::Now)
    }

    pub(super) async fn take_job(
        &self,
        queue: &str,
        owner: &str,
        hold: Duration,
        wait: Duration,
    ) -> BusResult<Option<Taken>> {
        let until = Instant::now() + wait;
        // Listens from here on, so that nothing enqueued after a look below is slept through.
        let mut woken = self.events.topics.subscribe(&wake_topic(queue));
        loop {
            let taken = self.take_now(queue, owner, hold).await?;
            if taken.is_some() || Instant::now() >= until {
                return Ok(taken);
            }
            // Whether woken or timed out, look again.
            drop(timeout_at(until.min(Instant::now() + LOOK_EVERY), woken.next()).await);
        }
    }

    async fn take_now(&self, name: &str, owner: &str, hold: Duration) -> BusResult<Option<Taken>> {
        let queue = self.queue(name);
        let keys =
            [&queue.places, &queue.waiting, &queue.held, &queue.attempts, &queue.fences, &queue.last_fence];
        let taken: Option<(String, u64, u32)> =
            self.run(&TAKE, &keys.map(String::as_str), &[&self.now_us(), &us(hold)]).await?;
        Ok(taken.map(|(id, fence, attempt)| Taken {
            queue: name.into(),
            id,
            owner: owner.into(),
            fence,
            attempt,
        }))
    }

    pub(super) async fn renew_taken(&self, job: &Taken, hold: Duration) -> BusResult<bool> {
        let queue = self.queue(&job.queue);
        let (now_us, fence, hold_us) = (self.now_us(), job.fence.to_string(), us(hold));
        self.run(&RENEW_JOB, &[&queue.fences, &queue.held], &[&now_us, &job.id, &fence, &hold_us]).await
    }

    pub(super) async fn finish_job(&self, job: &Taken) -> BusResult<bool> {
        let queue = self.queue(&job.queue);
        let keys = [&queue.places, &queue.held, &queue.attempts, &queue.fences].map(String::as_str);
        self.run(&FINISH, &keys, &[&job.id, &job.fence.to_string()]).await
    }

    pub(super) async fn give_job_back(&self, job: &Taken) -> BusResult<bool> {
        let queue = self.queue(&job.queue);
        let keys = [&queue.places, &queue.waiting, &queue.held, &queue.fences].map(String::as_str);
        let was_held = self.run(&GIVE_BACK, &keys, &[&job.id, &job.fence.to_string()]).await?;
        if was_held {
            self.wake(&job.queue).await;
        }
        Ok(was_held)
    }

    pub(super) async fn cancel_job(&self, queue: &str, id: &str) -> BusResult<()> {
        let queue = self.queue(queue);
        let keys = [&queue.places, &queue.waiting, &queue.held, &queue.attempts, &queue.fences];
        self.run(&CANCEL, &keys.map(String::as_str), &[id]).await
    }

    fn queue(&self, queue: &str) -> Queue {
        Queue::of(&self.prefix, queue)
    }

    async fn wake(&self, queue: &str) {
        if let Err(error) = self.send(&wake_topic(queue), b"").await {
            tracing::debug!(error.chain = %error, "workers look by themselves soon");
        }
    }
}

fn wake_topic(queue: &str) -> String {
    format!("bus.jobs.{queue}")
}

/// A greater priority gives a text that comes earlier.
fn turned_around(priority: i32) -> String {
    format!("{:08x}", i64::from(i32::MAX) - i64::from(priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_priorities_come_first_in_the_order_of_bytes() {
        let texts = [i32::MAX, 7, 1, 0, -1, i32::MIN].map(turned_around);
        assert!(texts.is_sorted(), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() == 8));
    }
}
