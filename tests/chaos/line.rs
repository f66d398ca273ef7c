//! A line between two that talk over TCP, which can be made slow, silent, half-closed or be taken away, for all that passes it
//! at once. What has lost bytes does not go on as if nothing had been: it ends when the line is well again.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Every piece waits for so long.
    Slow(Duration),
    /// Takes what it gets and delivers nothing.
    Silent,
    /// What the server says ends; what the client says still arrives.
    HalfClosed,
    /// Connections are closed at once, old ones and new ones.
    Cut,
}

pub struct Line {
    pub addr: SocketAddr,
    mood: watch::Sender<Mood>,
    _serving: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    There,
    Back,
}

impl Line {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket");
        let (mood, moods) = watch::channel(Mood::Well);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((client, _)) = accepted {
                        connections.spawn(carry(client, server, moods.clone()));
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { addr, mood, _serving: serving }
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

/// Both directions, until one of them ends.
async fn carry(client: TcpStream, server: SocketAddr, mood: watch::Receiver<Mood>) {
    if *mood.borrow() == Mood::Cut {
        return;
    }
    let Ok(upstream) = TcpStream::connect(server).await else { return };
    for stream in [&client, &upstream] {
        drop(stream.set_nodelay(true));
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), upstream.into_split());
    tokio::select! {
        _ = copy(from_client, to_server, Direction::There, mood.clone()) => {}
        _ = copy(from_server, to_client, Direction::Back, mood) => {}
    }
}

async fn copy(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    direction: Direction,
    mut mood: watch::Receiver<Mood>,
) -> io::Result<()> {
    let mut piece = vec![0; 16 << 10];
    let mut has_lost = false;
    loop {
        let len = tokio::select! {
            len = from.read(&mut piece) => Some(len?),
            _ = mood.changed() => None,
        };
        if len == Some(0) {
            return Ok(());
        }
        let now = *mood.borrow();
        match (now, direction) {
            (Mood::Cut, _) => return Ok(()),
            (Mood::Well | Mood::Slow(_), _) if has_lost => return Ok(()),
            (Mood::Silent, _) => has_lost |= len.is_some(),
            (Mood::HalfClosed, Direction::Back) => {
                if !has_lost {
                    to.shutdown().await?;
                }
                has_lost = true;
            }
            (Mood::Slow(pause), _) if len.is_some() => {
                sleep(pause).await;
                to.write_all(&piece[..len.unwrap_or(0)]).await?;
            }
            _ => to.write_all(&piece[..len.unwrap_or(0)]).await?,
        }
    }
}
