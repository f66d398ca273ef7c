//! What a URI says: `redis://HOST`, `redis+cluster://HOST,HOST` or `redis+sentinel://HOST,HOST/MASTER`, each with
//! `USER:PASSWORD@` before the hosts and `?prefix=NAME` at the end if need be.

use redis::{ConnectionInfo, IntoConnectionInfo, RedisError, io::tcp::TcpSettings};

const PREFIX: &str = "playhouse";

#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) kind: Kind,
    /// Whom to ask first: servers, or sentinels.
    pub(super) seeds: Vec<ConnectionInfo>,
    /// How a server is spoken to whose host and port are learnt later.
    pub(super) pattern: ConnectionInfo,
    /// What every key and channel begins with.
    pub(super) prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Cluster,
    Sentinel { master: String },
}

#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("it names no host; write `{0}://HOST:PORT`")]
    NoHost(String),
    #[error("`redis:` takes one host; write `redis+cluster:` or `redis+sentinel:` for several")]
    Several,
    #[error("it names no master; write `redis+sentinel://HOST:PORT,HOST:PORT/MASTER`")]
    NoMaster,
    #[error("`{0}` is not understood after `?`; only `prefix=NAME` is, NAME without braces")]
    Query(String),
    #[error("a cluster has no numbered databases; leave `/{0}` out")]
    Database(String),
    #[error(transparent)]
    Driver(#[from] RedisError),
}

impl Address {
    /// `rest` is what follows the scheme and its colon.
    pub(super) fn of(scheme: &str, rest: &str) -> Result<Self, AddressError> {
        let rest = rest.trim_start_matches('/');
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let hosts: Vec<&str> = hosts.split(',').filter(|host| !host.is_empty()).collect();
        let Some(first) = hosts.first() else { return Err(AddressError::NoHost(scheme.into())) };
        let (kind, database) = match scheme {
            "redis+cluster" if !path.is_empty() => return Err(AddressError::Database(path.into())),
            "redis+cluster" => (Kind::Cluster, ""),
            "redis+sentinel" if path.is_empty() => return Err(AddressError::NoMaster),
            "redis+sentinel" => (Kind::Sentinel { master: path.into() }, ""),
            _ if hosts.len() > 1 => return Err(AddressError::Several),
            _ => (Kind::Single, path),
        };
        // Sentinels have no passwords of the servers they watch.
        let seed_user = if matches!(kind, Kind::Sentinel { .. }) { "" } else { &user };
        let seeds =
            hosts.iter().map(|host| info(&kind, seed_user, host, database)).collect::<Result<_, _>>()?;
        let pattern = info(&kind, &user, first, database)?;
        Ok(Self { kind, seeds, pattern, prefix: prefix(query)? })
    }

    pub(super) fn server(&self, host: &str, port: u16) -> ConnectionInfo {
        self.pattern.clone().set_addr(redis::ConnectionAddr::Tcp(host.into(), port))
    }
}

fn info(kind: &Kind, user: &str, host: &str, database: &str) -> Result<ConnectionInfo, RedisError> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = match kind {
        _ if has_port => "",
        Kind::Sentinel { .. } => ":26379",
        _ => ":6379",
    };
    let uri = format!("redis://{user}{host}{port}/{database}?protocol=resp3");
    Ok(uri.into_connection_info()?.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

fn prefix(query: &str) -> Result<String, AddressError> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(PREFIX.into()),
        Some(("prefix", name)) if !name.is_empty() && !name.contains(['{', '}', '&']) => Ok(name.into()),
        _ => Err(AddressError::Query(query.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(address: &Address) -> Vec<String> {
        address.seeds.iter().map(|seed| seed.addr().to_string()).collect()
    }

    #[test]
    fn each_kind_of_uri_is_understood() {
        let single = Address::of("redis", "//u:p%40ss@cache:6380/2?prefix=test").unwrap();
        assert_eq!((&single.kind, hosts(&single)), (&Kind::Single, vec!["cache:6380".to_owned()]));
        let settings = single.seeds[0].redis_settings();
        assert_eq!((settings.db(), settings.username(), settings.password()), (2, Some("u"), Some("p@ss")));
        assert!(single.seeds[0].tcp_settings().nodelay());
        assert_eq!(single.prefix, "test");
        let cluster = Address::of("redis+cluster", "//a:1,b,c:3").unwrap();
        assert_eq!(
            (&cluster.kind, hosts(&cluster)),
            (&Kind::Cluster, ["a:1", "b:6379", "c:3"].map(String::from).into())
        );
        assert_eq!(cluster.prefix, "playhouse");
        let sentinel = Address::of("redis+sentinel", "//:secret@a,b:2/main").unwrap();
        assert_eq!(sentinel.kind, Kind::Sentinel { master: "main".into() });
        assert_eq!(hosts(&sentinel), ["a:26379", "b:2"]);
        assert_eq!(sentinel.seeds[0].redis_settings().password(), None);
        assert_eq!(sentinel.server("c", 3).redis_settings().password(), Some("secret"));
    }

    #[test]
    fn what_a_uri_lacks_is_said() {
        let error = |scheme, rest| Address::of(scheme, rest).unwrap_err().to_string();
        assert!(error("redis", "").contains("names no host"));
        assert!(error("redis", "//a,b").contains("takes one host"));
        assert!(error("redis+sentinel", "//a,b").contains("names no master"));
        assert!(error("redis+cluster", "//a/3").contains("no numbered databases"));
        assert!(error("redis", "//a?db=2").contains("`db=2`"));
        assert!(error("redis", "//a?prefix={x}").contains("prefix"));
    }
}
