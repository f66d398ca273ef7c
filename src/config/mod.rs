//! What an operator may set: one file a section, read once at the start by `cli` and handed down by `app`.
//! `config/default.toml` is compiled in and is the one truth for keys and defaults; a file and then
//! `PLAYHOUSE__SECTION__KEY=value` are laid over it. Nothing else in the process reads the environment for settings,
//! and no section knows what it configures.

mod auth;
mod backends;
mod error;
mod layers;
mod limits;
mod media;
mod node;
mod range;
pub mod reference;
mod rooms;
mod scan;
mod server;
mod telemetry;
mod units;
mod uploads;

use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use self::range::Range;
pub use self::{
    auth::Auth,
    backends::{Backends, EngineUri},
    error::ConfigError,
    limits::Limits,
    media::{Delivery, Media},
    node::{Node, Role, Roles},
    rooms::Rooms,
    scan::{Scan, ScanPolicy},
    server::Server,
    telemetry::{LogFormat, Telemetry},
    units::{Millis, Seconds},
    uploads::Uploads,
};

/// The commented defaults, as `docs/configuration.md` shows them.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Every setting, valid: whoever holds a `Config` need not check it again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub node: Node,
    pub backends: Backends,
    pub rooms: Rooms,
    pub limits: Limits,
    pub auth: Auth,
    pub uploads: Uploads,
    pub scan: Scan,
    pub media: Media,
    pub telemetry: Telemetry,
}

/// The ranges of all sections, by section.
const RANGES: &[(&str, &[Range])] = &[
    ("server", server::RANGES),
    ("backends", backends::RANGES),
    ("rooms", rooms::RANGES),
    ("limits", limits::RANGES),
    ("auth", auth::RANGES),
    ("uploads", uploads::RANGES),
    ("scan", scan::RANGES),
    ("media", media::RANGES),
];

impl Config {
    /// Defaults, then `file`, then `environment`. What is unknown, of the wrong type or out of range is refused.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = default_settings();
        if let Some(path) = file {
            layers::lay_file(&mut settings, read_file(path)?)?;
        }
        layers::lay_environment(&mut settings, environment)?;
        for (section, ranges) in RANGES {
            layers::check_ranges(&settings, section, ranges)?;
        }
        let mut config = Self::from_settings(settings)?;
        config.backends.place_below(&config.server.data_dir);
        Ok(config)
    }

    fn from_settings(settings: Table) -> Result<Self, ConfigError> {
        Value::Table(settings).try_into().map_err(|reason: toml::de::Error| {
            // A section's own types say what they take; toml names the key only in the text it displays.
            let key = reason.to_string().lines().last().unwrap_or_default().to_owned();
            let key = key.trim_start_matches("in ").trim_matches('`').to_owned();
            ConfigError::Invalid { key, detail: reason.message().to_owned() }
        })
    }
}

impl Default for Config {
    /// What a server without a file and without overrides runs on.
    fn default() -> Self {
        Self::load(None, std::iter::empty()).expect("the compiled-in defaults are valid, which a test holds")
    }
}

fn default_settings() -> Table {
    DEFAULT_TOML.parse().expect("the compiled-in defaults are TOML, which a test holds")
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
    text.parse().map_err(|reason: toml::de::Error| {
        let line = reason.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        let detail = format!("line {line}: {}", reason.message().lines().next().unwrap_or("not TOML"));
        ConfigError::Syntax { path: path.to_owned(), detail }
    })
}

#[cfg(test)]
mod tests;
