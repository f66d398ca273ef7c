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
use crate::wire::{Out, Socket, scan};

/// Playhouse's snapshot of a room with a past holds this many comments.
const PAST: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Fresh,
    WithAPast,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Idle {
    pub seats: usize,
    pub connects_per_s: f64,
    pub cpu_us_per_connect: f64,
    pub bytes_per_seat_at_once: f64,
    pub bytes_per_seat: f64,
    /// Right after every seat asked for something. Playhouse only: the others have nothing that sleeps.
    pub bytes_per_seat_awake: Option<f64>,
    pub cut: u64,
}

pub async fn run(server: &Server, seats: usize, silence: Duration, room: Room) -> anyhow::Result<Idle> {
    if room == Room::WithAPast {
        write_a_past(&server.place).await?;
    }
    let (cpu_before, memory_before) = (server.cpu()?, server.memory()?);
    let (sockets, connects_per_s) = fill(&server.place, seats, 0).await?;
    let cpu = server.cpu()? - cpu_before;
    let grown = |now: u64| now.saturating_sub(memory_before) as f64 / seats as f64;
    let bytes_per_seat_at_once = grown(server.memory()?);
    let mut listening = JoinSet::new();
    let (bell, answers) = (watch::Sender::new(()), Arc::new(AtomicUsize::new(0)));
    for socket in sockets {
        listening.spawn(sit(socket, server.place.clone(), bell.subscribe(), answers.clone()));
    }
    sleep(silence).await;
    let bytes_per_seat = grown(server.memory()?);
    let mut bytes_per_seat_awake = None;
    if server.place.rival == Rival::Playhouse && silence > Duration::ZERO {
        wake(&bell, &answers, seats).await?;
        bytes_per_seat_awake = Some(grown(server.memory()?));
    }
    let still = listening.len();
    let mut cut = 0;
    while listening.try_join_next().is_some() {
        cut += 1;
    }
    ensure!(still == seats, "seats went missing");
    listening.shutdown().await;
    let cpu_us_per_connect = cpu.as_secs_f64() * 1e6 / seats as f64;
    Ok(Idle {
        seats,
        connects_per_s,
        cpu_us_per_connect,
        bytes_per_seat_at_once,
        bytes_per_seat,
        bytes_per_seat_awake,
        cut,
    })
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
                Ok(()) => socket.send(br#"{"id":2,"op":"ping"}"#).await,
                Err(_over) => return,
            },
        };
        if goes_on.is_err() {
            return;
        }
    }
}

/// Has every seat ask something and waits until all are answered.
async fn wake(bell: &watch::Sender<()>, answers: &AtomicUsize, seats: usize) -> anyhow::Result<()> {
    bell.send_replace(());
    let deadline = Instant::now() + Duration::from_secs(20);
    while answers.load(Ordering::Relaxed) < seats {
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
