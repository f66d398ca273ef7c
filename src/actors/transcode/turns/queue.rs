//! Who gets the next worker of this node. Those who pay go before those who do not. Accounts take turns, by how much each
//! has had, so that fifty uploads of one do not hold up the only one of another; within an account what is needed sooner
//! goes first, a short video before a long one, a small rung before a large one. Whoever has waited very long goes before
//! all that. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, ids::UserId};

/// What somebody waits in front of a screen for has workers of its own: it is quick, and must not wait for what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    Quick,
    Heavy,
}

/// Whose share of the workers it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub account: UserId,
    /// Goes before all who do not.
    pub pays: bool,
}

/// Smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority {
    pub urgency: u8,
    pub duration_ms: u64,
    pub rung_pixels: u64,
    pub chunk: u32,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub lane: Lane,
    pub owner: Owner,
    pub priority: Priority,
    /// What it takes of its account's share.
    pub cost: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub quick_max: usize,
    pub heavy_max: usize,
    pub waiting_max: usize,
    /// After so long a request goes before every other of its lane.
    pub patience: Duration,
}

pub type Ticket = u64;

#[derive(Debug, PartialEq, Eq)]
pub struct Full;

struct Entry {
    request: Request,
    since: Timestamp,
}

#[derive(Default)]
struct Share {
    running: usize,
    waiting: usize,
    /// What it has been given since it was last idle, from where the least served began.
    served: u64,
}

pub struct Queue {
    options: Options,
    next_ticket: Ticket,
    waiting: BTreeMap<Ticket, Entry>,
    running: HashMap<Ticket, (Lane, UserId)>,
    accounts: HashMap<UserId, Share>,
}

impl Queue {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            next_ticket: 0,
            waiting: BTreeMap::new(),
            running: HashMap::new(),
            accounts: HashMap::new(),
        }
    }

    pub fn ask(&mut self, request: Request, now: Timestamp) -> Result<Ticket, Full> {
        if self.waiting.len() >= self.options.waiting_max {
            return Err(Full);
        }
        // Whoever was idle has saved nothing up: it begins with the least served of the others.
        let least = self.accounts.values().map(|share| share.served).min().unwrap_or(0);
        let share = self.accounts.entry(request.owner.account.clone());
        share.or_insert_with(|| Share { served: least, ..Share::default() }).waiting += 1;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, Entry { request, since: now });
        Ok(ticket)
    }

    /// Those whose turn it is now. Each holds a worker until it is released.
    pub fn grant(&mut self, now: Timestamp) -> Vec<Ticket> {
        let mut granted = Vec::new();
        for (lane, most) in [(Lane::Quick, self.options.quick_max), (Lane::Heavy, self.options.heavy_max)] {
            let mut busy = self.running.values().filter(|(used, _)| *used == lane).count();
            while busy < most
                && let Some(ticket) = self.first(lane, now)
            {
                self.begin(ticket);
                granted.push(ticket);
                busy += 1;
            }
        }
        granted
    }

    fn first(&self, lane: Lane, now: Timestamp) -> Option<Ticket> {
        let of_lane = self.waiting.iter().filter(|(_, entry)| entry.request.lane == lane);
        let order = |(ticket, entry): &(&Ticket, &Entry)| {
            let impatient = now.since(entry.since) >= self.options.patience;
            let share = self.accounts.get(&entry.request.owner.account);
            let (running, served) = share.map_or((0, 0), |share| (share.running, share.served));
            match impatient {
                true => (0, false, 0, 0, None, **ticket),
                false => {
                    (1, !entry.request.owner.pays, running, served, Some(entry.request.priority), **ticket)
                }
            }
        };
        of_lane.min_by_key(order).map(|(ticket, _)| *ticket)
    }

    fn begin(&mut self, ticket: Ticket) {
        let Some(Entry { request, .. }) = self.waiting.remove(&ticket) else { return };
        if let Some(share) = self.accounts.get_mut(&request.owner.account) {
            share.waiting -= 1;
            share.running += 1;
            share.served = share.served.saturating_add(request.cost);
        }
        self.running.insert(ticket, (request.lane, request.owner.account));
    }

    /// It has ended, or does not want to wait any more.
    pub fn release(&mut self, ticket: Ticket) {
        let account = match (self.running.remove(&ticket), self.waiting.remove(&ticket)) {
            (Some((_, account)), _) => {
                self.share(&account).running -= 1;
                account
            }
            (None, Some(Entry { request, .. })) => {
                self.share(&request.owner.account).waiting -= 1;
                request.owner.account
            }
            (None, None) => return,
        };
        let share = self.share(&account);
        if share.running == 0 && share.waiting == 0 {
            self.accounts.remove(&account);
        }
    }

    /// Those that hold a heavy worker or wait for one.
    pub fn heavy_len(&self) -> usize {
        let running = self.running.values().filter(|(lane, _)| *lane == Lane::Heavy).count();
        running + self.waiting.values().filter(|entry| entry.request.lane == Lane::Heavy).count()
    }

    fn share(&mut self, account: &UserId) -> &mut Share {
        self.accounts.entry(account.clone()).or_default()
    }

    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn queue(heavy_max: usize) -> Queue {
        let patience = Duration::from_secs(600);
        Queue::new(Options { quick_max: 1, heavy_max, waiting_max: 200, patience })
    }

    fn account(name: u64) -> UserId {
        format!("account{name}").parse().unwrap()
    }

    fn heavy(of: u64, urgency: u8, duration_ms: u64) -> Request {
        let priority = Priority { urgency, duration_ms, rung_pixels: 1, chunk: 0 };
        let owner = Owner { account: account(of), pays: false };
        Request { lane: Lane::Heavy, owner, priority, cost: duration_ms }
    }

    /// Serves all that waits one by one; answers with the tickets in the order of their turns.
    fn serve(queue: &mut Queue) -> Vec<Ticket> {
        let mut order = Vec::new();
        loop {
            let granted = queue.grant(NOW);
            if granted.is_empty() {
                return order;
            }
            for ticket in granted {
                order.push(ticket);
                queue.release(ticket);
            }
        }
    }

    #[test]
    fn within_an_account_the_urgent_the_short_and_the_small_go_first() {
        let small = |request: Request, rung_pixels| Request {
            priority: Priority { rung_pixels, ..request.priority },
            ..request
        };
        let cases = [
            ("urgent", vec![heavy(1, 4, 10), heavy(1, 2, 9_000)], vec![1, 0]),
            ("short", vec![heavy(1, 2, 9_000), heavy(1, 2, 10)], vec![1, 0]),
            ("small", vec![small(heavy(1, 2, 10), 9), small(heavy(1, 2, 10), 1)], vec![1, 0]),
            ("first", vec![heavy(1, 2, 10), heavy(1, 2, 10)], vec![0, 1]),
        ];
        for (what, requests, expected) in cases {
            let mut queue = queue(1);
            for request in requests {
                queue.ask(request, NOW).unwrap();
            }
            assert_eq!(serve(&mut queue), expected, "{what}");
            assert!(queue.accounts.is_empty(), "nobody is remembered for ever");
        }
    }

    #[test]
    fn fifty_uploads_of_one_account_do_not_hold_up_the_one_of_another() {
        let mut queue = queue(2);
        for _ in 0..50 {
            queue.ask(heavy(1, 2, 10_000), NOW).unwrap();
        }
        let first = queue.grant(NOW);
        assert_eq!(first.len(), 2);
        let other = queue.ask(heavy(2, 4, 3_600_000), NOW).unwrap();
        assert!(queue.grant(NOW).is_empty());
        queue.release(first[0]);
        assert_eq!(queue.grant(NOW), [other], "the next worker is theirs, however long their video is");
    }

    #[test]
    fn who_pays_goes_first_and_only_who_has_waited_very_long_goes_before_that() {
        let mut queue = queue(1);
        let paying = |of| {
            let request = heavy(of, 6, 3_600_000);
            Request { owner: Owner { pays: true, ..request.owner }, ..request }
        };
        for request in [heavy(1, 0, 10), paying(2), heavy(3, 0, 10), paying(2), paying(4)] {
            queue.ask(request, NOW).unwrap();
        }
        assert_eq!(queue.grant(NOW), [1]);
        queue.release(1);
        assert_eq!(queue.grant(NOW), [4], "those who pay take turns too");
        queue.release(4);
        let late = NOW.plus(Duration::from_secs(600));
        assert_eq!(queue.grant(late), [0]);
        queue.release(0);
        assert_eq!(serve(&mut queue), [3, 2]);
    }

    #[test]
    fn accounts_get_equal_shares_and_not_equal_numbers() {
        let mut queue = queue(1);
        for _ in 0..12 {
            queue.ask(heavy(1, 2, 30), NOW).unwrap();
            queue.ask(heavy(2, 2, 10), NOW).unwrap();
        }
        let order = serve(&mut queue);
        let of_second = order[..12].iter().filter(|ticket| *ticket % 2 == 1).count();
        assert!((8..=10).contains(&of_second), "three short ones for a long one: {order:?}");
    }

    #[test]
    fn who_comes_back_has_saved_nothing_up() {
        let mut queue = queue(1);
        for _ in 0..10 {
            queue.ask(heavy(1, 2, 10), NOW).unwrap();
        }
        for _ in 0..5 {
            let granted = queue.grant(NOW)[0];
            queue.release(granted);
        }
        for _ in 0..5 {
            queue.ask(heavy(2, 2, 10), NOW).unwrap();
        }
        let order = serve(&mut queue);
        let late: Vec<bool> = order.iter().map(|ticket| *ticket >= 10).collect();
        assert!(late[..4].contains(&true) && late[..4].contains(&false), "{order:?}");
    }

    #[test]
    fn whoever_has_waited_very_long_is_next() {
        let mut queue = queue(1);
        let old = queue.ask(heavy(1, 4, 3_600_000), NOW).unwrap();
        let later = Timestamp(600_000);
        queue.ask(heavy(1, 0, 1), later).unwrap();
        assert_eq!(queue.grant(later), [old]);
    }

    #[test]
    fn the_quick_do_not_wait_for_the_heavy() {
        let mut queue = queue(1);
        let heavy_one = queue.ask(heavy(1, 4, 10), NOW).unwrap();
        queue.ask(heavy(1, 4, 10), NOW).unwrap();
        let quick = queue.ask(Request { lane: Lane::Quick, ..heavy(1, 0, 10) }, NOW).unwrap();
        assert_eq!(queue.grant(NOW), [quick, heavy_one]);
    }

    #[test]
    fn who_leaves_the_line_is_forgotten_and_the_line_has_an_end() {
        let mut queue = Queue::new(Options { waiting_max: 2, ..queue(1).options });
        let (first, second) =
            (queue.ask(heavy(1, 4, 10), NOW).unwrap(), queue.ask(heavy(1, 4, 10), NOW).unwrap());
        assert_eq!(queue.ask(heavy(2, 0, 1), NOW), Err(Full));
        queue.release(first);
        assert_eq!((queue.waiting(), queue.grant(NOW)), (1, vec![second]));
        queue.release(second);
        queue.release(second);
        assert!(queue.accounts.is_empty() && queue.running.is_empty());
    }
}
