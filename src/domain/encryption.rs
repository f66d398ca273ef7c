//! Whether a video's segments are hidden on their way to players. Hidden is not protected: whoever may watch gets the
//! keys.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::access::{UnknownName, names};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    #[default]
    None,
    /// Whole segments in AES-128-CBC, as HLS knows it.
    Aes128,
}

names!(Encryption { None = "none", Aes128 = "aes128" });
