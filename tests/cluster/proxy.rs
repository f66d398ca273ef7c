//! A TCP proxy that is bad at it: it delays some pieces, cuts some connections in the middle, and lets some go on without
//! ever delivering another byte. What it does follows from a seed and from what passes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    task::JoinSet,
};

/// How often, in a thousand pieces, something happens to one.
#[derive(Clone, Copy)]
pub struct Faults {
    pub delays: u64,
    pub cuts: u64,
    pub silences: u64,
    pub delay_max: Duration,
}

pub struct Proxy {
    pub address: String,
    cuts: Arc<AtomicU64>,
    troubles: Arc<AtomicBool>,
    _serving: JoinSet<()>,
}

impl Proxy {
    pub async fn before(server: String, faults: Faults, seed: u64) -> Self {
        Self::at("127.0.0.1:0", server, faults, seed).await
    }

    /// Where one that was dropped, with all its connections, has been.
    pub async fn at(address: &str, server: String, faults: Faults, seed: u64) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let cuts = Arc::new(AtomicU64::new(0));
        let (counted, troubles) = (cuts.clone(), Arc::new(AtomicBool::new(true)));
        let troubling = troubles.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut random = Random(seed);
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(&server).await else { continue };
                let (there, back) = (Random(random.next()), Random(random.next()));
                let mood = Mood { faults, troubles: troubling.clone() };
                connections.spawn(carry(client, upstream, mood, [there, back], counted.clone()));
            }
        });
        Self { address, cuts, troubles, _serving: serving }
    }

    /// Whether it is bad at it from now on.
    pub fn trouble(&self, troubles: bool) {
        self.troubles.store(troubles, Ordering::Relaxed);
    }

    /// Connections it has cut or silenced.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

struct Mood {
    faults: Faults,
    troubles: Arc<AtomicBool>,
}

/// Both directions, until one of them ends.
async fn carry(
    client: TcpStream,
    server: TcpStream,
    mood: Mood,
    [there, back]: [Random; 2],
    cuts: Arc<AtomicU64>,
) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let ended = tokio::select! {
        ended = copy(from_client, to_server, &mood, there) => ended,
        ended = copy(from_server, to_client, &mood, back) => ended,
    };
    if matches!(ended, Ok(End::Cut)) {
        cuts.fetch_add(1, Ordering::Relaxed);
    }
}

enum End {
    Closed,
    Cut,
}

async fn copy(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    Mood { faults, troubles }: &Mood,
    mut random: Random,
) -> io::Result<End> {
    let mut piece = vec![0; 16 << 10];
    loop {
        let len = from.read(&mut piece).await?;
        if len == 0 {
            return Ok(End::Closed);
        }
        let chance = if troubles.load(Ordering::Relaxed) { random.next() % 1_000 } else { 1_000 };
        if chance < faults.cuts {
            to.write_all(&piece[..len / 2]).await?;
            return Ok(End::Cut);
        }
        if chance < faults.cuts + faults.silences {
            // Long enough for whoever waits to give up.
            tokio::time::sleep(Duration::from_secs(5)).await;
            return Ok(End::Cut);
        }
        if chance < faults.cuts + faults.silences + faults.delays {
            let longest = u64::try_from(faults.delay_max.as_millis()).unwrap();
            tokio::time::sleep(Duration::from_millis(random.next() % longest)).await;
        }
        to.write_all(&piece[..len]).await?;
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
