//! What differs between the servers that are compared: how a socket opens, joins the one room, says something and stays
//! alive. Everything else, and so the client's share of the cost, is the same for all.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use clap::ValueEnum;
use playhouse_protocol::realtime::SUBPROTOCOL_JSON;
use tokio::time::timeout;

use crate::wire::{Out, Socket, Upgrade, scan::holds};

const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Rival {
    Playhouse,
    Bun,
    Socketio,
    Centrifuge,
}

/// A server that runs, and what one needs to take part.
#[derive(Debug, Clone)]
pub struct Place {
    pub rival: Rival,
    pub address: SocketAddr,
    /// Playhouse's room; the others have one by name.
    pub room: String,
    /// Playhouse's writers. The others let anyone write.
    pub access_tokens: Vec<String>,
}

impl Rival {
    pub fn name(self) -> &'static str {
        match self {
            Self::Playhouse => "Playhouse",
            Self::Bun => "bun 1.4.5",
            Self::Socketio => "Socket.IO 4.8.4",
            Self::Centrifuge => "centrifuge 0.40.1",
        }
    }
}

impl Place {
    /// Opens a socket and joins. `writer` numbers those that will speak.
    pub async fn enter(&self, writer: Option<usize>) -> anyhow::Result<Socket> {
        let mut socket = Socket::connect(self.address, &self.upgrade(writer)).await?;
        if let Some(hello) = self.hello() {
            socket.send(hello.as_bytes()).await?;
        }
        timeout(DEADLINE, self.join(&mut socket)).await.context("joining took too long")??;
        Ok(socket)
    }

    async fn join(&self, socket: &mut Socket) -> anyhow::Result<()> {
        let mut answer = Ok(Step::Waiting);
        while let Ok(Step::Waiting) = answer {
            let read = socket.read(|payload, out| {
                // Events may follow the answer in the same read.
                if let Ok(Step::Waiting) = answer {
                    answer = self.step(payload, out);
                }
            });
            read.await?;
        }
        answer.map(|_joined| ())
    }

    fn upgrade(&self, writer: Option<usize>) -> Upgrade {
        let path = match self.rival {
            Rival::Playhouse => "/api/v1/ws",
            Rival::Bun => "/",
            Rival::Socketio => "/socket.io/?EIO=4&transport=websocket",
            Rival::Centrifuge => "/connection/websocket",
        };
        let playhouse = self.rival == Rival::Playhouse;
        Upgrade {
            path: path.to_owned(),
            subprotocol: playhouse.then_some(SUBPROTOCOL_JSON),
            access_token: writer.and_then(|writer| self.access_tokens.get(writer).cloned()),
        }
    }

    fn hello(&self) -> Option<String> {
        match self.rival {
            Rival::Playhouse => Some(format!(r#"{{"id":1,"op":"join","room":"{}"}}"#, self.room)),
            Rival::Bun => Some("join".to_owned()),
            // Engine.IO: the server speaks first.
            Rival::Socketio => None,
            Rival::Centrifuge => Some(r#"{"id":1,"connect":{}}"#.to_owned()),
        }
    }

    fn step(&self, payload: &[u8], out: &mut Out) -> anyhow::Result<Step> {
        if self.stay(payload, out) {
            return Ok(Step::Waiting);
        }
        let joined = match self.rival {
            Rival::Playhouse => payload.starts_with(br#"{"re":1,"ok""#),
            Rival::Bun => payload == b"joined",
            Rival::Socketio => {
                match payload {
                    // Engine.IO's open, Socket.IO's connect, and only then the event.
                    [b'0', ..] => out.text(b"40"),
                    [b'4', b'0', ..] => out.text(br#"42["join"]"#),
                    _ => {}
                }
                payload.starts_with(br#"42["joined""#)
            }
            Rival::Centrifuge => {
                if holds(payload, br#"{"id":1,"connect""#) {
                    out.text(br#"{"id":2,"subscribe":{"channel":"room"}}"#);
                }
                holds(payload, br#"{"id":2,"subscribe""#)
            }
        };
        if !joined && (holds(payload, br#""problem":"#) || holds(payload, br#""error":"#)) {
            bail!("refused: {}", String::from_utf8_lossy(payload));
        }
        Ok(if joined { Step::Joined } else { Step::Waiting })
    }

    /// Answers the pings that are messages; whether `payload` was one.
    pub fn stay(&self, payload: &[u8], out: &mut Out) -> bool {
        let pong: &[u8] = match (self.rival, payload) {
            (Rival::Socketio, b"2") => b"3",
            (Rival::Centrifuge, b"{}") => b"{}",
            _ => return false,
        };
        out.text(pong);
        true
    }

    /// Whether `payload` may hold messages of others; an answer to one's own repeats it.
    pub fn is_news(&self, payload: &[u8]) -> bool {
        self.rival != Rival::Playhouse || !payload.starts_with(br#"{"re":"#)
    }

    /// What says `text` to all. `id` must not repeat on one socket.
    pub fn publication(&self, id: usize, text: &str) -> String {
        match self.rival {
            Rival::Playhouse => {
                format!(r#"{{"id":{id},"op":"comment","room":"{}","text":"{text}"}}"#, self.room)
            }
            Rival::Bun => text.to_owned(),
            Rival::Socketio => format!(r#"42["say","{text}"]"#),
            Rival::Centrifuge => {
                format!(r#"{{"id":{id},"publish":{{"channel":"room","data":"{text}"}}}}"#)
            }
        }
    }
}

enum Step {
    Waiting,
    Joined,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rival: Rival) -> Place {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Place { rival, address, room: "v".to_owned(), access_tokens: Vec::new() }
    }

    /// What a server says, one frame after the other, and whether each of them means joined.
    fn follow(rival: Rival, said: &[&str]) -> Vec<bool> {
        let (place, mut out) = (place(rival), Out::default());
        let step = |said: &&str| matches!(place.step(said.as_bytes(), &mut out), Ok(Step::Joined));
        said.iter().map(step).collect()
    }

    #[test]
    fn each_joins_in_its_own_words() {
        assert_eq!(follow(Rival::Playhouse, &[r#"{"re":1,"ok":{"room":"v"}}"#]), [true]);
        assert_eq!(follow(Rival::Bun, &["joined"]), [true]);
        let socketio = [r#"0{"sid":"a","pingInterval":25000}"#, "2", r#"40{"sid":"b"}"#, r#"42["joined"]"#];
        assert_eq!(follow(Rival::Socketio, &socketio), [false, false, false, true]);
        let centrifuge = [r#"{"id":1,"connect":{"client":"c"}}"#, "{}", r#"{"id":2,"subscribe":{}}"#];
        assert_eq!(follow(Rival::Centrifuge, &centrifuge), [false, false, true]);
    }

    #[test]
    fn a_refusal_is_told() {
        let refused = br#"{"re":1,"problem":{"code":"not_found","detail":"no"}}"#;
        assert!(place(Rival::Playhouse).step(refused, &mut Out::default()).is_err());
        let refused = br#"{"id":2,"error":{"code":103}}"#;
        assert!(place(Rival::Centrifuge).step(refused, &mut Out::default()).is_err());
    }

    #[test]
    fn an_answer_to_ones_own_message_is_no_delivery() {
        let playhouse = place(Rival::Playhouse);
        assert!(!playhouse.is_news(br#"{"re":9,"ok":{"comment":{"text":"~~1~"}}}"#));
        assert!(playhouse.is_news(br#"{"ev":"comments","items":[{"text":"~~1~"}]}"#));
    }
}
