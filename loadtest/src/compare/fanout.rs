//! One fan-out: seats join, some of them speak at a common rate decided beforehand, and every seat must get every
//! message once. Latency runs from the intended time of a message to its last receiver.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use super::{rival::Place, server::Server};
use crate::{
    measure::{Latencies, Shards},
    proc,
    wire::{End, Socket, scan},
};

/// Seats that speak.
pub const WRITERS: usize = 16;
/// Sockets that open at the same time.
const OPENING_AT_ONCE: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
/// Between the warm-up and the measured part: what is on its way arrives.
const PAUSE: Duration = Duration::from_secs(1);
/// After the last message, for those that fell behind.
const SETTLE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub seats: usize,
    pub messages_per_s: usize,
    pub text_bytes: usize,
    pub lasts: Duration,
}

/// What one round measured. Times in milliseconds unless said.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fanout {
    pub connects_per_s: f64,
    pub deliveries: u64,
    pub lost: u64,
    pub repeated: u64,
    pub cut: u64,
    pub cut_because: Vec<String>,
    pub messages_per_frame: f64,
    pub cpu_us_per_delivery: f64,
    pub server_cores: f64,
    pub client_cores: f64,
    /// Of everyone and the kernel: what a busy kernel thread does for a server is not in the server's own time.
    pub machine_cores: f64,
    /// More than one means that several were written together.
    pub messages_per_read: f64,
    pub client_late_p99_ms: f64,
    pub last_p50_ms: f64,
    pub last_p99_ms: f64,
    pub any_p50_ms: f64,
    pub any_p99_ms: f64,
}

/// What all seats of a round write down.
struct Ledger {
    start: OnceLock<Instant>,
    /// When each message is due, from the start.
    due: Vec<Duration>,
    /// Messages before this one warm up.
    measured_from: usize,
    received: Vec<AtomicU32>,
    last_us: Vec<AtomicU64>,
    frames: AtomicU64,
    reads: AtomicU64,
    repeated: AtomicU64,
    latencies: Shards<Latencies>,
    ends: Mutex<Vec<End>>,
}

impl Ledger {
    fn new(shape: &Shape) -> Self {
        let pause = Duration::from_secs(1) / shape.messages_per_s.max(1) as u32;
        let many = |lasts: Duration| (lasts.as_secs_f64() * shape.messages_per_s as f64).round() as u32;
        // Slower than what is measured, so that nobody starts with a backlog.
        let warm = (0..many(WARM_UP) / 4).map(|nth| pause * 4 * nth);
        let measured = (0..many(shape.lasts)).map(|nth| WARM_UP + PAUSE + pause * nth);
        let measured_from = warm.len();
        let due: Vec<_> = warm.chain(measured).collect();
        Self {
            start: OnceLock::new(),
            measured_from,
            received: due.iter().map(|_| AtomicU32::new(0)).collect(),
            last_us: due.iter().map(|_| AtomicU64::new(0)).collect(),
            due,
            frames: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            latencies: Shards::default(),
            ends: Mutex::default(),
        }
    }

    /// Takes in what `payload` holds; whether that is measured.
    fn take(&self, payload: &[u8], seen: &mut Vec<u64>) -> bool {
        let mut marks = scan::marks(payload).map(|number| number as usize).peekable();
        let (Some(first), Some(start)) = (marks.peek().copied(), self.start.get()) else { return false };
        let now_us = start.elapsed().as_micros() as u64;
        let measured = first >= self.measured_from;
        if measured {
            self.frames.fetch_add(1, Ordering::Relaxed);
        }
        let mut latencies = measured.then(|| self.latencies.mine());
        seen.resize(self.due.len().div_ceil(64), 0);
        for number in marks.filter(|number| *number < self.due.len()) {
            let (word, bit) = (number / 64, 1 << (number % 64));
            if seen[word] & bit != 0 {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            seen[word] |= bit;
            self.received[number].fetch_add(1, Ordering::Relaxed);
            self.last_us[number].fetch_max(now_us, Ordering::Relaxed);
            if let Some(latencies) = &mut latencies {
                latencies.record(Duration::from_micros(now_us).saturating_sub(self.due[number]));
            }
        }
        measured
    }

    fn measured_deliveries(&self) -> u64 {
        self.received[self.measured_from..].iter().map(|count| u64::from(count.load(Ordering::Relaxed))).sum()
    }

    /// Of each measured message, from when it was due to when the last seat had it.
    fn to_the_last(&self) -> Latencies {
        let mut latencies = Latencies::default();
        for number in self.measured_from..self.due.len() {
            let last = Duration::from_micros(self.last_us[number].load(Ordering::Relaxed));
            latencies.record(last.saturating_sub(self.due[number]));
        }
        latencies
    }
}

/// Opens `seats` sockets in `place`, the first `writers` of them as someone, and gives them with the rate at which that
/// went, joins included.
pub async fn fill(place: &Place, seats: usize, writers: usize) -> anyhow::Result<(Vec<Socket>, f64)> {
    let mut openers = JoinSet::new();
    let began = Instant::now();
    for opener in 0..OPENING_AT_ONCE.min(seats) {
        let place = place.clone();
        openers.spawn(async move {
            let mut sockets = Vec::new();
            for seat in (opener..seats).step_by(OPENING_AT_ONCE) {
                let writer = (seat < writers).then_some(seat);
                sockets.push((seat, place.enter(writer).await.with_context(|| format!("seat {seat}"))?));
            }
            anyhow::Ok(sockets)
        });
    }
    let mut sockets = Vec::with_capacity(seats);
    while let Some(opened) = openers.join_next().await {
        sockets.extend(opened??);
    }
    let per_s = seats as f64 / began.elapsed().as_secs_f64();
    sockets.sort_by_key(|(seat, _)| *seat);
    Ok((sockets.into_iter().map(|(_, socket)| socket).collect(), per_s))
}

pub async fn run(server: &Server, shape: &Shape) -> anyhow::Result<Fanout> {
    let (sockets, connects_per_s) = fill(&server.place, shape.seats, WRITERS).await?;
    let ledger = Arc::new(Ledger::new(shape));
    let start = Instant::now() + Duration::from_millis(500);
    ledger.start.set(start).expect("set once");
    let mut seats = JoinSet::new();
    for (seat, socket) in sockets.into_iter().enumerate() {
        let (ledger, place) = (ledger.clone(), server.place.clone());
        let text_bytes = shape.text_bytes;
        let writes = (seat..).step_by(WRITERS).take_while(|_| seat < WRITERS);
        let writes: Vec<usize> = writes.take_while(|number| *number < ledger.due.len()).collect();
        seats.spawn(sit(socket, place, ledger, writes, text_bytes));
    }
    sleep_until(start + WARM_UP + PAUSE - Duration::from_millis(50)).await;
    let (server_before, client_before) = (server.cpu()?, proc::cpu_of("self")?);
    let (machine_before, began) = (proc::cpu_of_the_machine()?, Instant::now());
    let expected = ((ledger.due.len() - ledger.measured_from) * shape.seats) as u64;
    let late = watch(&ledger, expected, start + WARM_UP + PAUSE + shape.lasts + SETTLE).await;
    let (server_cpu, client_cpu) = (server.cpu()? - server_before, proc::cpu_of("self")? - client_before);
    let machine_cpu = proc::cpu_of_the_machine()? - machine_before;
    let took = began.elapsed().as_secs_f64();
    seats.shutdown().await;
    let cost = [server_cpu, client_cpu, machine_cpu].map(|cpu| cpu.as_secs_f64());
    Ok(Fanout { connects_per_s, ..summary(&ledger, expected, cost, took, &late) })
}

fn summary(
    ledger: &Ledger,
    expected: u64,
    [server, client, machine]: [f64; 3],
    took: f64,
    late: &Latencies,
) -> Fanout {
    let deliveries = ledger.measured_deliveries();
    let (last, mut any) = (ledger.to_the_last(), Latencies::default());
    ledger.latencies.each(|shard| any.add(shard));
    let ends = ledger.ends.lock().unwrap_or_else(PoisonError::into_inner);
    Fanout {
        deliveries,
        lost: expected.saturating_sub(deliveries),
        repeated: ledger.repeated.load(Ordering::Relaxed),
        cut: ends.len() as u64,
        cut_because: ends.iter().take(3).map(End::to_string).collect(),
        messages_per_frame: deliveries as f64 / ledger.frames.load(Ordering::Relaxed).max(1) as f64,
        cpu_us_per_delivery: server * 1e6 / deliveries.max(1) as f64,
        server_cores: server / took,
        client_cores: client / took,
        machine_cores: machine / took,
        messages_per_read: deliveries as f64 / ledger.reads.load(Ordering::Relaxed).max(1) as f64,
        client_late_p99_ms: late.percentile_ms(0.99),
        last_p50_ms: last.percentile_ms(0.5),
        last_p99_ms: last.percentile_ms(0.99),
        any_p50_ms: any.percentile_ms(0.5),
        any_p99_ms: any.percentile_ms(0.99),
        ..Fanout::default()
    }
}

/// Waits until everything has arrived or `deadline`, and notes how late this process' own timers are meanwhile.
async fn watch(ledger: &Ledger, expected: u64, deadline: Instant) -> Latencies {
    let mut late = Latencies::default();
    while Instant::now() < deadline && ledger.measured_deliveries() < expected {
        let due = Instant::now() + Duration::from_millis(10);
        sleep_until(due).await;
        late.record(due.elapsed());
    }
    late
}

/// A seat for as long as its socket lives: it listens, stays alive, and says the messages `writes` when they are due.
async fn sit(mut socket: Socket, place: Place, ledger: Arc<Ledger>, writes: Vec<usize>, text_bytes: usize) {
    let (mut seen, mut writes) = (Vec::new(), writes.into_iter().peekable());
    let end = loop {
        let start = *ledger.start.get().expect("set before seats sit");
        let due = writes.peek().map(|number| start + ledger.due[*number]);
        let listened = match due {
            // Looked at before the socket, which under load always has something to say.
            Some(due) if due <= Instant::now() => None,
            Some(due) => timeout_at(due, listen(&mut socket, &place, &ledger, &mut seen)).await.ok(),
            None => Some(listen(&mut socket, &place, &ledger, &mut seen).await),
        };
        let outcome = match listened {
            Some(read) => read,
            None => {
                let number = writes.next().unwrap_or_default();
                let text = scan::marked_text(number as u64, text_bytes);
                socket.send(place.publication(number + 10, &text).as_bytes()).await
            }
        };
        if let Err(end) = outcome {
            break end;
        }
    };
    ledger.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
}

async fn listen(socket: &mut Socket, place: &Place, ledger: &Ledger, seen: &mut Vec<u64>) -> Result<(), End> {
    let mut measured = false;
    let taking = socket.read(|payload, out| {
        if !place.stay(payload, out) && place.is_news(payload) {
            measured |= ledger.take(payload, seen);
        }
    });
    let taken = taking.await;
    ledger.reads.fetch_add(u64::from(measured), Ordering::Relaxed);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let lasts = Duration::from_secs(2);
        let ledger = Ledger::new(&Shape { seats: 2, messages_per_s: 10, text_bytes: 100, lasts });
        ledger.start.set(Instant::now()).expect("set once");
        ledger
    }

    #[test]
    fn a_schedule_warms_up_slowly_pauses_and_then_keeps_its_rate() {
        let ledger = ledger();
        assert_eq!((ledger.measured_from, ledger.due.len()), (5, 25));
        assert_eq!(ledger.due[5], WARM_UP + PAUSE);
        assert_eq!(ledger.due[24] - ledger.due[5], Duration::from_millis(1_900));
    }

    #[test]
    fn a_seat_counts_each_message_once_and_only_measured_ones_as_measured() {
        let (ledger, mut one, mut other) = (ledger(), Vec::new(), Vec::new());
        let text = |number| scan::marked_text(number, 50);
        assert!(!ledger.take(text(4).as_bytes(), &mut one));
        assert!(ledger.take(format!("{} {}", text(5), text(6)).as_bytes(), &mut one));
        assert!(ledger.take(text(6).as_bytes(), &mut one));
        assert!(ledger.take(text(6).as_bytes(), &mut other));
        assert!(!ledger.take(b"no message", &mut other));
        assert_eq!(ledger.measured_deliveries(), 3);
        assert_eq!(ledger.repeated.load(Ordering::Relaxed), 1);
        assert_eq!(ledger.received[6].load(Ordering::Relaxed), 2);
    }
}
