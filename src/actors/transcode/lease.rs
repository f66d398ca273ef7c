//! Which node works on a job. The job's row names its owner and until when; the owner renews it while it works, and
//! whoever finds it over takes the job and goes on with what is finished. Pure: a row in, a row out. What a node that
//! was away for too long still writes to the row is refused; what it still publishes has a name of its own run, or is a
//! segment of the same frames as that of its successor.

use std::time::Duration;

use crate::{
    backends::store::tables::video::{Job, JobState},
    domain::clock::Timestamp,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The same for all lives of a node.
    pub node: String,
    pub hold: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The row to write; it is this node's from then on.
    Mine(Box<Job>),
    /// Another node works on it.
    Elsewhere { until: Timestamp },
}

impl Lease {
    /// How often it is renewed: two renewals may be lost.
    pub fn renewal(&self) -> Duration {
        self.hold / 3
    }

    /// For work: granted unless another node holds it.
    pub fn claim(&self, row: Job, now: Timestamp) -> Claim {
        match (&row.owner, row.lease_ends_at) {
            (Some(owner), Some(until)) if *owner != self.node && until > now => Claim::Elsewhere { until },
            _ => Claim::Mine(Box::new(self.held(row, now))),
        }
    }

    /// For what its owner wishes, such as an end: granted in any case; who held it learns it with its next word.
    pub fn seize(&self, row: Job, now: Timestamp) -> Job {
        self.held(row, now)
    }

    /// What is written of a job: none if the row is not this node's any more. A job that has ended is nobody's.
    pub fn save(&self, stored: Option<&Job>, job: Job, now: Timestamp) -> Option<Job> {
        let mine = stored?.owner.as_ref() == Some(&self.node);
        let ended = matches!(job.state, JobState::Done | JobState::Failed | JobState::Cancelled);
        mine.then(|| if ended { freed(job) } else { self.held(job, now) })
    }

    /// Hands it back at once, for another node or another life.
    pub fn release(&self, stored: Job) -> Option<Job> {
        (stored.owner.as_ref() == Some(&self.node)).then(|| freed(stored))
    }

    fn held(&self, job: Job, now: Timestamp) -> Job {
        Job { owner: Some(self.node.clone()), lease_ends_at: Some(now.plus(self.hold)), ..job }
    }
}

fn freed(job: Job) -> Job {
    Job { owner: None, lease_ends_at: None, ..job }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::store::tables::video::JobLog,
        domain::{ids::VideoId, video::Stage},
    };

    const NOW: Timestamp = Timestamp(100_000);

    fn lease(node: &str) -> Lease {
        Lease { node: node.into(), hold: Duration::from_secs(30) }
    }

    fn job(owner: Option<&str>, ends_in_ms: i64) -> Job {
        Job {
            video_id: VideoId::new(NOW),
            state: JobState::Running,
            stage: Stage::Encoding,
            percent: 0,
            attempts: 0,
            runs: 0,
            plan: None,
            failure: None,
            trial: None,
            refused: None,
            log: JobLog::default(),
            created_at: NOW,
            owner: owner.map(str::to_owned),
            lease_ends_at: owner.map(|_| Timestamp(NOW.0 + ends_in_ms)),
        }
    }

    #[test]
    fn a_job_is_taken_by_its_own_node_by_anyone_when_free_and_by_another_when_its_lease_is_over() {
        for (owner, ends_in_ms, granted) in [
            (None, 0, true),
            (Some("a"), 20_000, true),
            (Some("b"), 20_000, false),
            (Some("b"), 1, false),
            (Some("b"), 0, true),
            (Some("b"), -5, true),
        ] {
            match lease("a").claim(job(owner, ends_in_ms), NOW) {
                Claim::Mine(row) => {
                    assert!(granted, "{owner:?} for {ends_in_ms} ms");
                    assert_eq!(row.owner.as_deref(), Some("a"));
                    assert_eq!(row.lease_ends_at, Some(NOW.plus(Duration::from_secs(30))));
                }
                Claim::Elsewhere { until } => {
                    assert!(
                        !granted && until == Timestamp(NOW.0 + ends_in_ms),
                        "{owner:?} for {ends_in_ms} ms"
                    );
                }
            }
        }
    }

    #[test]
    fn a_node_that_lost_its_job_writes_nothing_more() {
        let mine = job(Some("a"), 10);
        assert!(lease("a").save(Some(&mine), mine.clone(), NOW).is_some());
        let seized = lease("b").seize(mine.clone(), NOW);
        assert_eq!(lease("a").save(Some(&seized), mine.clone(), NOW), None);
        assert_eq!(lease("a").release(seized), None);
        assert_eq!(lease("a").save(None, mine, NOW), None, "a removed job is not written anew");
    }

    #[test]
    fn a_job_that_ended_is_nobodys() {
        let mine = job(Some("a"), 10);
        let done = Job { state: JobState::Done, ..mine.clone() };
        let saved = lease("a").save(Some(&mine), done, NOW).unwrap();
        assert_eq!((saved.owner, saved.lease_ends_at), (None, None));
        assert_eq!(lease("a").release(mine).unwrap().owner, None);
    }
}
