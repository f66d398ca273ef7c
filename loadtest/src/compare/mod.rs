//! The same fan-out against Playhouse and its rivals, side by side in one run: each round starts every server afresh,
//! one after the other, so that a slow minute of the machine hits all of them. `scripts/bench-fanout.sh` calls it.

mod fanout;
mod idle;
mod rival;
mod server;
mod storm;
mod table;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    fanout::{Fanout, Shape, WRITERS},
    idle::{Idle, Room},
    server::{Programs, Server, Tick},
    storm::Storm,
};
pub use rival::Rival;

#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// What is measured; all of it when left out.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::value_variants().to_vec())]
    pub rows: Vec<Row>,
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Rival::value_variants().to_vec())]
    pub rivals: Vec<Rival>,
    /// How often; the table holds medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// How long each fan-out is measured, after two seconds of warming up.
    #[arg(long, value_parser = crate::args::duration, default_value = "10s")]
    pub duration: Duration,
    /// How long seats sit in silence before their memory is read.
    #[arg(long, value_parser = crate::args::duration, default_value = "60s")]
    pub silence: Duration,
    /// Divides the number of seats in every row, to try things out.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub divide_seats: u32,
    /// What is measured, for the head of the table: commit and date.
    #[arg(long, default_value = "")]
    pub label: String,
    /// A folder for compare.json and compare.md.
    #[arg(long)]
    pub report: PathBuf,
    #[command(flatten)]
    pub programs: Programs,
}

/// The rows of the table, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Row {
    /// 5,000 seats, 10 messages a second, Playhouse with a tick of 0.
    Floor,
    /// 500 seats, 200 messages a second, default tick.
    Batched,
    /// 5,000 seats, 5 messages a second, default tick.
    Latency,
    /// 10,000 seats, 20 messages a second, default tick.
    Overload,
    /// 10,000 anonymous seats that say nothing: connect rate and memory.
    Idle,
    /// 10,000 joins of a room with a past: Playhouse's snapshot holds 50 comments.
    Joins,
    /// 10,000 seats that drop at once while comments flow and come back for what they missed. Playhouse only.
    Storm,
}

impl Row {
    /// The others have no room that hands each exactly what it missed, as they are set up here.
    fn is_for(self, rival: Rival) -> bool {
        self != Self::Storm || rival == Rival::Playhouse
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Measured {
    Fanout(Fanout),
    Idle(Idle),
    Storm(Storm),
}

/// The rounds of every row and rival.
pub type Results = BTreeMap<(Row, Rival), Vec<Measured>>;

/// Gives the table. An interruption ends the server that runs at the moment, too.
pub async fn run(compare: &Compare) -> anyhow::Result<String> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        table = measure_all(compare) => table,
        _ = terminated.recv() => bail!("terminated"),
        _ = interrupted.recv() => bail!("interrupted"),
    }
}

async fn measure_all(compare: &Compare) -> anyhow::Result<String> {
    let mut results = Results::new();
    for row in &compare.rows {
        for round in 1..=compare.rounds {
            for rival in compare.rivals.iter().filter(|rival| row.is_for(**rival)) {
                eprintln!("{row:?}, round {round} of {}: {}", compare.rounds, rival.name());
                let measured = measure(compare, *row, *rival).await;
                let measured = measured.with_context(|| format!("{row:?} of {}", rival.name()))?;
                eprintln!("    {}", serde_json::to_string(&measured)?);
                results.entry((*row, *rival)).or_default().push(measured);
            }
        }
        // What is there is kept, should a later row break.
        table::write(compare, &results)?;
    }
    Ok(table::markdown(compare, &results))
}

async fn measure(compare: &Compare, row: Row, rival: Rival) -> anyhow::Result<Measured> {
    let tick = if row == Row::Floor { Tick::Zero } else { Tick::Default };
    let mut server = Server::start(&compare.programs, rival, tick, WRITERS).await?;
    let many = |seats: usize| (seats / compare.divide_seats as usize).max(WRITERS);
    let fanout = |seats, messages_per_s| Shape {
        seats: many(seats),
        messages_per_s,
        text_bytes: 100,
        lasts: compare.duration,
    };
    let measured = match row {
        Row::Floor => Measured::Fanout(fanout::run(&server, &fanout(5_000, 10)).await?),
        Row::Batched => Measured::Fanout(fanout::run(&server, &fanout(500, 200)).await?),
        Row::Latency => Measured::Fanout(fanout::run(&server, &fanout(5_000, 5)).await?),
        Row::Overload => Measured::Fanout(fanout::run(&server, &fanout(10_000, 20)).await?),
        Row::Idle => {
            Measured::Idle(idle::run(&mut server, many(10_000), compare.silence, Room::Fresh).await?)
        }
        Row::Joins => {
            Measured::Idle(idle::run(&mut server, many(10_000), Duration::ZERO, Room::WithAPast).await?)
        }
        Row::Storm => Measured::Storm(storm::run(&server, many(10_000)).await?),
    };
    server.stop().await?;
    Ok(measured)
}
