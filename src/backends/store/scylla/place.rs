//! Where a cluster is and how to use it:
//! `scylla://HOST[:PORT],HOST[:PORT]/KEYSPACE?datacenter=…&replication=…&consistency=…&tablets=…&user=…&password_file=…`.
//! What is left out is what one data centre of three nodes or more wants.

use std::path::PathBuf;

use scylla::statement::{Consistency, SerialConsistency};

const PORT: &str = "9042";
const KEYSPACE_LEN_MAX: usize = 48;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backends::store) struct Place {
    /// `HOST:PORT` of some nodes; they tell of the others.
    pub(super) nodes: Vec<String>,
    pub(super) keyspace: String,
    /// Whose nodes are asked first, and where `schema apply` puts the replicas.
    pub(super) datacenter: Option<String>,
    /// Copies of each row: what `schema apply` makes the keyspace with.
    pub(super) replication: u8,
    pub(super) quorum: Quorum,
    /// Whether `schema apply` asks ScyllaDB for tablets, which take conditional writes since 2025.4 only.
    pub(super) tablets: bool,
    pub(super) login: Option<(String, PathBuf)>,
}

/// Whose majority a read or a write waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quorum {
    /// That of the data centre whose node is asked.
    Local,
    /// That of all data centres.
    Whole,
}

impl Quorum {
    pub(super) fn consistency(self) -> Consistency {
        match self {
            Quorum::Local => Consistency::LocalQuorum,
            Quorum::Whole => Consistency::Quorum,
        }
    }

    pub(super) fn serial(self) -> SerialConsistency {
        match self {
            Quorum::Local => SerialConsistency::LocalSerial,
            Quorum::Whole => SerialConsistency::Serial,
        }
    }

    pub(super) fn serial_read(self) -> Consistency {
        match self {
            Quorum::Local => Consistency::LocalSerial,
            Quorum::Whole => Consistency::Serial,
        }
    }
}

impl Place {
    /// Reads what follows `scylla:`; the error says what is wrong with it.
    pub(in crate::backends::store) fn read(rest: &str) -> Result<Self, String> {
        let rest = rest.strip_prefix("//").ok_or("it begins with scylla://")?;
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (nodes, keyspace) =
            place.split_once('/').ok_or("it names no keyspace: scylla://HOST/KEYSPACE")?;
        let mut read = Self {
            nodes: nodes.split(',').map(node).collect::<Result<_, _>>()?,
            keyspace: name_of_keyspace(keyspace)?,
            datacenter: None,
            replication: 3,
            quorum: Quorum::Local,
            tablets: false,
            login: None,
        };
        let (mut user, mut password_file) = (None, None);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "datacenter" => read.datacenter = Some(datacenter(value)?),
                "replication" => read.replication = replication(value)?,
                "consistency" => read.quorum = quorum(value)?,
                "tablets" => read.tablets = switch(value)?,
                "user" => user = Some(value.to_owned()),
                "password_file" => password_file = Some(PathBuf::from(value)),
                _ => return Err(format!("`{name}` is no option, allowed: {OPTIONS}")),
            }
        }
        read.login = match (user, password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => Some((user, file)),
            _ => return Err("`user` and `password_file` belong together".into()),
        };
        Ok(read)
    }
}

const OPTIONS: &str = "datacenter, replication, consistency, tablets, user, password_file";

fn node(text: &str) -> Result<String, String> {
    let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    match text {
        "" => Err("a host is empty".into()),
        _ if has_port => Ok(text.to_owned()),
        _ => Ok(format!("{text}:{PORT}")),
    }
}

/// Such a name needs no quotes in CQL.
fn name_of_keyspace(text: &str) -> Result<String, String> {
    let fits = text.len() <= KEYSPACE_LEN_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let refusal = "a keyspace is a lower-case letter and up to 47 letters, digits and `_`";
    fits.then(|| text.to_owned()).ok_or_else(|| refusal.into())
}

fn datacenter(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && !text.contains('\'');
    fits.then(|| text.to_owned()).ok_or_else(|| "`datacenter` is the name of a data centre".into())
}

fn replication(text: &str) -> Result<u8, String> {
    let count = text.parse().ok().filter(|count| (1..=9).contains(count));
    count.ok_or_else(|| format!("replication={text} is out of range, allowed: 1 to 9"))
}

fn quorum(text: &str) -> Result<Quorum, String> {
    match text {
        "local_quorum" => Ok(Quorum::Local),
        "quorum" => Ok(Quorum::Whole),
        _ => Err(format!("consistency={text} is not known, allowed: local_quorum, quorum")),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("tablets={text} is not known, allowed: on, off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_uri_means_a_local_quorum_of_three() {
        let place = Place::read("//a,b:9142,[::1]:9042/playhouse").unwrap();
        assert_eq!(place.nodes, ["a:9042", "b:9142", "[::1]:9042"]);
        assert_eq!(
            (place.keyspace.as_str(), place.replication, place.quorum),
            ("playhouse", 3, Quorum::Local)
        );
        assert_eq!((place.datacenter, place.tablets, place.login), (None, false, None));
    }

    #[test]
    fn options_are_read_and_what_is_none_is_refused() {
        let all =
            "//a/k?datacenter=dc1&replication=5&consistency=quorum&tablets=on&user=u&password_file=/run/p";
        let place = Place::read(all).unwrap();
        assert_eq!((place.datacenter.as_deref(), place.replication), (Some("dc1"), 5));
        assert_eq!((place.quorum, place.tablets), (Quorum::Whole, true));
        assert_eq!(place.login, Some(("u".into(), "/run/p".into())));
        for (rest, refusal) in [
            ("a/k", "begins with scylla://"),
            ("//a", "names no keyspace"),
            ("//a/", "a keyspace is"),
            ("//a/Play", "a keyspace is"),
            ("///k", "a host is empty"),
            ("//a,/k", "a host is empty"),
            ("//a/k?replication=0", "1 to 9"),
            ("//a/k?consistency=one", "local_quorum, quorum"),
            ("//a/k?colour=red", "`colour` is no option"),
            ("//a/k?user=u", "belong together"),
            ("//a/k?datacenter=a'b", "data centre"),
        ] {
            assert!(Place::read(rest).is_err_and(|error| error.contains(refusal)), "{rest}");
        }
    }
}
