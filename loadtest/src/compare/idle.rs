//! Seats that only sit: how fast they open and join, and what memory each takes of the server, at once and after a
//! silence.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    fanout::fill,
    rival::{Place, Rival},
    server::Server,
};
use crate::wire::{End, Out, Socket, scan};

/// Playhouse's snapshot of a room with a past holds this many comments.
const PAST: usize = 50;
/// Until a server that was just started has done what it does at its start, and its allocator has given back what that
/// took: seats would come to lie there, and seem to take nothing.
const SETTLE: Duration = Duration::from_secs(8);
/// Sessions stay awake for five seconds after the last request.
const WAKES: usize = 2;
const BETWEEN_WAKES: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Fresh,
    WithAPast,
}

/// Bytes a seat are those of all seats or those of the second half of them, whichever are more: what was free in the
/// server's memory when the first came would hide them otherwise.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Idle {
    pub seats: usize,
    pub connects_per_s: f64,
    pub cpu_us_per_connect: f64,
    pub bytes_per_seat_at_once: f64,
    pub bytes_per_seat: f64,
    /// While every seat asks for something now and then. Playhouse only: the others have nothing that sleeps.
    pub bytes_per_seat_awake: Option<f64>,
    pub cut: u64,
    /// Resident bytes before the first seat and with half of them.
    pub memory_before: u64,
    pub memory_at_half: u64,
}

impl Idle {
    fn bytes_per_seat(&self, now: u64) -> f64 {
        let of_the_second_half = now.saturating_sub(self.memory_at_half) as f64 / (self.seats as f64 / 2.0);
        self.bytes_of_all(now).max(of_the_second_half)
    }

    /// Where the first half has come to take more since it sat down.
    fn bytes_of_all(&self, now: u64) -> f64 {
        now.saturating_sub(self.memory_before) as f64 / self.seats as f64
    }
}

/// Seats that are taken.
struct Sitting {
    seats: JoinSet<()>,
    bell: watch::Sender<()>,
    answers: Arc<AtomicUsize>,
}

impl Sitting {
    /// Takes so many more seats and gives how long that took.
    async fn fill(&mut self, place: &Place, more: usize) -> anyhow::Result<Duration> {
        let (sockets, per_s) = fill(place, more, 0).await?;
        for socket in sockets {
            self.seats.spawn(sit(socket, place.clone(), self.bell.subscribe(), self.answers.clone()));
        }
        Ok(Duration::from_secs_f64(more as f64 / per_s))
    }
}

pub async fn run(server: &mut Server, seats: usize, silence: Duration, room: Room) -> anyhow::Result<Idle> {
    if room == Room::WithAPast {
        write_a_past(&server.place).await?;
    }
    server.restart().await?;
    // The room and whatever the first socket needs are there before memory is read.
    server.place.enter(None).await?.close().await;
    sleep(SETTLE).await;
    let (seats, bell) = (seats & !1, watch::Sender::new(()));
    let mut sitting = Sitting { seats: JoinSet::new(), bell, answers: Arc::default() };
    let mut idle = Idle { seats, memory_before: server.memory()?, ..Idle::default() };
    let cpu_before = server.cpu()?;
    let mut took = sitting.fill(&server.place, seats / 2).await?;
    idle.memory_at_half = server.memory()?;
    took += sitting.fill(&server.place, seats / 2).await?;
    idle.connects_per_s = seats as f64 / took.as_secs_f64();
    idle.cpu_us_per_connect = (server.cpu()? - cpu_before).as_secs_f64() * 1e6 / seats as f64;
    idle.bytes_per_seat_at_once = idle.bytes_per_seat(server.memory()?);
    sleep(silence).await;
    idle.bytes_per_seat = idle.bytes_per_seat(server.memory()?);
    if server.place.rival == Rival::Playhouse && silence > Duration::ZERO {
        for round in 1..=WAKES {
            wake(&sitting.bell, &sitting.answers, seats * round).await?;
            // What only the storm of waking took is given back.
            sleep(BETWEEN_WAKES).await;
        }
        idle.bytes_per_seat_awake = Some(idle.bytes_of_all(server.memory()?));
    }
    while sitting.seats.try_join_next().is_some() {
        idle.cut += 1;
    }
    sitting.seats.shutdown().await;
    Ok(idle)
}

/// One request would be answered without waking the session; several in a row have it stay awake.
async fn ask(socket: &mut Socket) -> Result<(), End> {
    for request in [&br#"{"id":1,"op":"ping"}"#[..], br#"{"id":1,"op":"ping"}"#, br#"{"id":2,"op":"ping"}"#] {
        socket.send(request).await?;
    }
    Ok(())
}

/// Sits in silence until the bell rings, asks one thing, and sits on.
async fn sit(mut socket: Socket, place: Place, mut bell: watch::Receiver<()>, answers: Arc<AtomicUsize>) {
    let mut hear = |payload: &[u8], out: &mut Out| {
        if !place.stay(payload, out) && payload.starts_with(br#"{"re":2,"#) {
            answers.fetch_add(1, Ordering::Relaxed);
        }
    };
    loop {
        let goes_on = tokio::select! {
            heard = socket.read(&mut hear) => heard,
            rung = bell.changed() => match rung {
                Ok(()) => ask(&mut socket).await,
                Err(_over) => return,
            },
        };
        if goes_on.is_err() {
            return;
        }
    }
}

/// Has every seat ask something and waits until so many have been answered since the first time.
async fn wake(bell: &watch::Sender<()>, answers: &AtomicUsize, answered: usize) -> anyhow::Result<()> {
    bell.send_replace(());
    let deadline = Instant::now() + Duration::from_secs(20);
    while answers.load(Ordering::Relaxed) < answered {
        ensure!(Instant::now() < deadline, "not every seat was answered");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Has one writer say the comments that every snapshot will hold.
async fn write_a_past(place: &Place) -> anyhow::Result<()> {
    let mut socket = place.enter(Some(0)).await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut open: VecDeque<usize> = (0..PAST).collect();
    for number in 0..PAST {
        let text = scan::marked_text(number as u64, 100);
        socket.send(place.publication(number + 10, &text).as_bytes()).await?;
    }
    while !open.is_empty() {
        let read = socket.read(|payload, _out| {
            let heard: Vec<usize> = scan::marks(payload).map(|number| number as usize).collect();
            open.retain(|number| !heard.contains(number));
        });
        tokio::time::timeout_at(deadline, read).await.context("the past was not written in time")??;
    }
    socket.close().await;
    Ok(())
}
