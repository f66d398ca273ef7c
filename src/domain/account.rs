//! Accounts: what a name, an address and a password must be, and who a request speaks for.

use serde::{Deserialize, Serialize};

use super::{
    access::Roles,
    clock::Timestamp,
    ids::{ChannelId, UserId},
    text::{self, Invalid},
};

/// Who speaks, as a valid access token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub user_id: UserId,
    pub channel_id: ChannelId,
    pub username: String,
    pub display_name: String,
    pub roles: Roles,
    pub expires_at: Timestamp,
}

impl Identity {
    pub fn author(&self) -> Author {
        Author {
            id: self.user_id.clone(),
            username: self.username.clone(),
            display_name: self.display_name.clone(),
        }
    }
}

/// The writer of something, as others see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Author {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
}

pub const USERNAME_LEN_MAX: usize = 32;
pub const PASSWORD_LEN_MAX: usize = 256;

/// Lower-cases; 3 to 32 characters out of `a-z`, `0-9`, `_` and `-`, a letter or digit first.
pub fn username(input: &str) -> Result<String, Invalid> {
    let name = input.trim().to_ascii_lowercase();
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let first_ok = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if (3..=USERNAME_LEN_MAX).contains(&name.len()) && first_ok && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(Invalid("has 3 to 32 characters out of a-z, 0-9, _ and -, a letter or digit first"))
    }
}

/// Lower-cases. Only the shape is checked; whether it works is known when mail arrives.
pub fn email(input: &str) -> Result<String, Invalid> {
    let address = input.trim().to_lowercase();
    let fits = address.len() <= 254 && !address.chars().any(|c| c.is_whitespace() || c.is_control());
    let shaped = address
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'));
    if fits && shaped { Ok(address) } else { Err(Invalid("is not an e-mail address")) }
}

pub fn password(input: &str) -> Result<&str, Invalid> {
    match input.chars().count() {
        8..=PASSWORD_LEN_MAX => Ok(input),
        _ => Err(Invalid("has 8 to 256 characters")),
    }
}

pub fn display_name(input: &str) -> Result<String, Invalid> {
    text::line(input, 1, 64).ok_or(Invalid("has 1 to 64 visible characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_lower_case_and_plain() {
        assert_eq!(username(" Ada_99 "), Ok("ada_99".into()));
        for bad in ["ab", "-ada", "ädä", "a b c", &"x".repeat(33)] {
            assert!(username(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_have_one_at_sign_and_a_dotted_host() {
        assert_eq!(email("Ada@Example.org"), Ok("ada@example.org".into()));
        for bad in ["ada", "@x.org", "a@b@c.org", "a b@c.org", "a@localhost"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_counted_in_characters() {
        assert!(password("pässwört").is_ok());
        assert!(password("short").is_err());
        assert!(password(&"x".repeat(257)).is_err());
    }
}
