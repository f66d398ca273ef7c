//! `[node]`: what this node does of all that nodes do.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    #[serde(deserialize_with = "roles")]
    pub roles: Roles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests: the API, pages, what players fetch.
    Http,
    /// Holds sockets.
    Ws,
    /// Makes videos.
    Media,
}

/// At least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Role {
    const ALL: [Role; 3] = [Role::Http, Role::Ws, Role::Media];

    fn as_str(self) -> &'static str {
        match self {
            Role::Http => "http",
            Role::Ws => "ws",
            Role::Media => "media",
        }
    }
}

impl Roles {
    /// Reads names; `all` stands for all of them.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut wanted = Vec::new();
        for name in names {
            match Role::ALL.iter().find(|role| role.as_str() == name) {
                Some(role) => wanted.push(*role),
                None if name == "all" => wanted.extend(Role::ALL),
                None => return Err(format!("\"{name}\" is no role, allowed: http, ws, media, all")),
            }
        }
        let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| wanted.contains(role)).collect();
        if roles.is_empty() {
            Err("a node needs a role: http, ws, media, all".into())
        } else {
            Ok(Self(roles))
        }
    }

    pub fn have(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

fn roles<'de, D: Deserializer<'de>>(source: D) -> Result<Roles, D::Error> {
    let names = Vec::<String>::deserialize(source)?;
    Roles::parse(names.iter().map(String::as_str)).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_in_one_order_and_all_means_each() {
        let told = |names: &[&str]| Roles::parse(names.iter().copied()).map(|roles| roles.to_string());
        assert_eq!(told(&["media", "http", "http"]), Ok("http, media".into()));
        assert_eq!(told(&["all"]), Ok("http, ws, media".into()));
        for wrong in [&[][..], &["web"], &["http", ""]] {
            assert!(told(wrong).is_err(), "{wrong:?}");
        }
    }
}
