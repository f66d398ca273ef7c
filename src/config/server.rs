//! `[server]`: where the process listens, what it is called, where it keeps things and how it stops.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

use super::{
    Seconds,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// Empty for `keys/seed` below the data folder.
    key_file: PathBuf,
    #[serde(deserialize_with = "public_url")]
    public_url: String,
    pub drain_timeout_s: Seconds,
    /// Zero for half of the cores.
    socket_shards: usize,
}

pub(super) const RANGES: &[Range] = &[range("drain_timeout_s", 0, 600), range("socket_shards", 0, 256)];

impl Server {
    /// Tasks that share the sockets among them. Half of the cores are left to actors, the store and HTTP.
    pub fn shards(&self) -> usize {
        match self.socket_shards {
            0 => std::thread::available_parallelism().map_or(1, |cores| usize::from(cores).div_ceil(2)),
            shards => shards,
        }
    }

    pub fn key_file(&self) -> PathBuf {
        match self.key_file.as_os_str().is_empty() {
            true => self.data_dir.join("keys/seed"),
            false => self.key_file.clone(),
        }
    }

    /// What clients call this server, without a slash at the end. `bound` is the address it really listens on.
    pub fn public_url(&self, bound: SocketAddr) -> String {
        if self.public_url.is_empty() { format!("http://{bound}") } else { self.public_url.clone() }
    }
}

fn listen<'de, D: Deserializer<'de>>(source: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(source)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!("\"{text}\" is no address, allowed: ADDRESS:PORT such as 127.0.0.1:8080"))
    })
}

fn public_url<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|host| host.trim_end_matches('/'));
    let well_formed = host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:[]".contains(&b))
    });
    if text.is_empty() || well_formed {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let allowed = "http://HOST or https://HOST, without a path";
    Err(D::Error::custom(format!("\"{text}\" is no origin, allowed: {allowed}")))
}
