//! Channels: what an account publishes under.

use super::{
    ids::ChannelId,
    text::{self, Invalid},
};

/// As a user name: handles and user names share one name space of shape, not of content.
pub fn handle(input: &str) -> Result<String, Invalid> {
    super::account::username(input)
}

pub fn title(input: &str) -> Result<String, Invalid> {
    text::line(input, 1, 100).ok_or(Invalid("has 1 to 100 visible characters"))
}

pub fn description(input: &str) -> Result<String, Invalid> {
    text::lines(input, 5_000).ok_or(Invalid("has at most 5000 characters"))
}

/// `#rrggbb`.
pub fn avatar_color(input: &str) -> Result<String, Invalid> {
    let hex = input.strip_prefix('#').filter(|hex| hex.len() == 6);
    match hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        Some(_) => Ok(input.to_ascii_lowercase()),
        None => Err(Invalid("is a colour such as #1f7a8c")),
    }
}

/// The colour a new channel starts with: any two channels likely differ, and white text is readable on all.
pub fn first_color(id: &ChannelId) -> String {
    const COLORS: [&str; 12] = [
        "#9d3c72", "#7b4fa8", "#5257b5", "#2f6aa8", "#1f7283", "#1f7a5c", "#4d7a29", "#80701a", "#9a5f1c",
        "#ab4a2b", "#a63d4a", "#5d6673",
    ];
    let seed = id.as_str().bytes().fold(0_usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)));
    COLORS[seed % COLORS.len()].to_owned()
}
