//! Seats that only sit: how fast they open and join, and what memory each takes of the server, at once and after a
//! silence.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{fanout::fill, rival::Place, server::Server};
use crate::wire::{Out, scan};

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
    for mut socket in sockets {
        let place = server.place.clone();
        listening.spawn(async move {
            let mut stay = |payload: &[u8], out: &mut Out| {
                place.stay(payload, out);
            };
            while socket.read(&mut stay).await.is_ok() {}
        });
    }
    sleep(silence).await;
    let bytes_per_seat = grown(server.memory()?);
    let still = listening.len();
    let mut cut = 0;
    while listening.try_join_next().is_some() {
        cut += 1;
    }
    ensure!(still == seats, "seats went missing");
    listening.shutdown().await;
    let cpu_us_per_connect = cpu.as_secs_f64() * 1e6 / seats as f64;
    Ok(Idle { seats, connects_per_s, cpu_us_per_connect, bytes_per_seat_at_once, bytes_per_seat, cut })
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
