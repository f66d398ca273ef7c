//! Which servers there are and who serves which slots, as the servers or their sentinels say it.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, RedisError, Value, cmd};

use super::{
    address::{Address, Kind},
    slots::SLOTS,
};

/// How long one server may take to be reached, and then to answer a question.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(1);

/// A server that may be written to, and its ranges of slots, both ends included.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) info: ConnectionInfo,
    pub(super) ranges: Vec<(u16, u16)>,
}

impl Server {
    fn whole(info: ConnectionInfo) -> Self {
        Self { info, ranges: vec![(0, SLOTS - 1)] }
    }

    /// `host:port`.
    pub(super) fn name(&self) -> String {
        self.info.addr().to_string()
    }

    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.info.addr() == other.info.addr() && self.ranges == other.ranges
    }

    pub(super) fn serves(&self, slot: u16) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error("{server}: {error}")]
    Unanswered { server: String, error: RedisError },
    #[error("{server} knows no master `{master}`")]
    NoMaster { server: String, master: String },
    #[error("{server} knows nobody who serves slot {slot}")]
    Gap { server: String, slot: u16 },
}

/// Asks one after the other, those in `known` first, until one knows.
pub(super) async fn find(address: &Address, known: &[ConnectionInfo]) -> Result<Vec<Server>, FindError> {
    if address.kind == Kind::Single {
        return Ok(vec![Server::whole(address.pattern.clone())]);
    }
    let known = if address.kind == Kind::Cluster { known } else { &[] };
    let mut last = None;
    for server in known.iter().chain(&address.seeds) {
        let answer = match &address.kind {
            Kind::Sentinel { master } => master_of(address, server, master).await,
            _ => shares(address, server).await,
        };
        match answer {
            Ok(servers) => return Ok(servers),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("an address has at least one seed"))
}

async fn master_of(
    address: &Address,
    sentinel: &ConnectionInfo,
    master: &str,
) -> Result<Vec<Server>, FindError> {
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let answer: Option<(String, u16)> = ask(sentinel, &question).await?;
    let Some((host, port)) = answer else {
        return Err(FindError::NoMaster { server: sentinel.addr().to_string(), master: master.into() });
    };
    Ok(vec![Server::whole(address.server(&host, port))])
}

/// `CLUSTER SLOTS`: first slot, last slot, then the master and its replicas, each by host, port and id.
async fn shares(address: &Address, server: &ConnectionInfo) -> Result<Vec<Server>, FindError> {
    let mut question = cmd("CLUSTER");
    question.arg("SLOTS");
    let answer: Vec<Vec<Value>> = ask(server, &question).await?;
    let mut servers: Vec<Server> = Vec::new();
    for (first, last, master) in answer.into_iter().filter_map(range) {
        let info = match master.host.as_str() {
            // It does not know its own name: it is who we have just asked.
            "" => server.clone(),
            host => address.server(host, master.port),
        };
        match servers.iter_mut().find(|server| server.info.addr() == info.addr()) {
            Some(server) => server.ranges.push((first, last)),
            None => servers.push(Server { info, ranges: vec![(first, last)] }),
        }
    }
    servers.iter_mut().for_each(|server| server.ranges.sort_unstable());
    match (0..SLOTS).find(|slot| !servers.iter().any(|server| server.serves(*slot))) {
        Some(slot) => Err(FindError::Gap { server: server.addr().to_string(), slot }),
        None => Ok(servers),
    }
}

struct Master {
    host: String,
    port: u16,
}

fn range(entry: Vec<Value>) -> Option<(u16, u16, Master)> {
    let mut entry = entry.into_iter();
    let first = u16::from_redis_value(entry.next()?).ok()?;
    let last = u16::from_redis_value(entry.next()?).ok()?;
    let Value::Array(master) = entry.next()? else { return None };
    let mut master = master.into_iter();
    let host = Option::<String>::from_redis_value(master.next()?).ok()?.unwrap_or_default();
    let port = u16::from_redis_value(master.next()?).ok()?;
    (host != "?").then_some((first, last, Master { host, port }))
}

async fn ask<T: FromRedisValue>(server: &ConnectionInfo, question: &Cmd) -> Result<T, FindError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_MAX))
        .set_response_timeout(Some(ANSWER_MAX));
    let answer = async {
        let client = Client::open(server.clone())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        question.query_async(&mut connection).await
    };
    answer.await.map_err(|error| FindError::Unanswered { server: server.addr().to_string(), error })
}
