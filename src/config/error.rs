//! Why a configuration is refused. Every message is one line that names the key and what is allowed, because it is
//! the last thing an operator sees before exit code 2.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{key}: unknown key, allowed: {allowed}")]
    UnknownKey { key: String, allowed: String },
    #[error("{key}: {found} has the wrong type, allowed: {allowed}")]
    WrongType { key: String, found: String, allowed: &'static str },
    #[error("{key}: {value} is out of range, allowed: {min} to {max}")]
    OutOfRange { key: String, value: i64, min: i64, max: i64 },
    /// `detail` ends with what is allowed.
    #[error("{key}: {detail}")]
    Invalid { key: String, detail: String },
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: std::io::Error },
    #[error("{}: {detail}", path.display())]
    Syntax { path: PathBuf, detail: String },
}
