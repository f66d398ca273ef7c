//! The REST calls that simulated users make, by name.

use anyhow::{Context, bail};
use hyper::Request;
use playhouse_protocol::rest::{BulkTokens, BulkUsers, List, Playback, Register, Tokens, Video};

use super::http::Http;

/// Who a user is to the server.
#[derive(Debug, Clone)]
pub struct Account {
    pub access_token: String,
    pub expires_in_s: u64,
}

impl From<Tokens> for Account {
    fn from(tokens: Tokens) -> Self {
        Self { access_token: tokens.access_token, expires_in_s: tokens.expires_in_s }
    }
}

pub async fn register(http: &Http, username: &str) -> anyhow::Result<Account> {
    let email = format!("{username}@loadtest.invalid");
    let body = Register { username: username.to_owned(), email, password: format!("{username}-password") };
    let request = Request::post("/api/v1/auth/register").header("content-type", "application/json");
    let answer = http.call(request, None, serde_json::to_vec(&body)?).await?;
    let tokens: Tokens = answer.hoped_for().and_then(|answer| answer.json()).with_context(|| {
        format!(
            "user {username} could not register; does the server run with PLAYHOUSE__LIMITS__ENABLED=false?"
        )
    })?;
    Ok(tokens.into())
}

/// Many accounts in one call; nothing when this server has no such call.
pub async fn register_in_bulk(
    http: &Http,
    admin_token: &str,
    count: u32,
    prefix: &str,
) -> anyhow::Result<Option<Vec<Account>>> {
    let request = Request::post("/api/v1/admin/users/bulk").header("content-type", "application/json");
    let body = BulkUsers { count: count as usize, prefix: prefix.to_owned() };
    let answer = http.call(request, Some(admin_token), serde_json::to_vec(&body)?).await?;
    if matches!(answer.status.as_u16(), 404 | 405) {
        return Ok(None);
    }
    let made: BulkTokens = answer.hoped_for().context("--admin-token: no accounts in bulk")?.json()?;
    if made.items.len() != count as usize {
        bail!("{} accounts instead of {count}", made.items.len());
    }
    Ok(Some(made.items.into_iter().map(Account::from).collect()))
}

pub async fn video(http: &Http, id: &str, access_token: Option<&str>) -> anyhow::Result<Video> {
    http.get(&format!("/api/v1/videos/{id}"), access_token).await?.hoped_for()?.json()
}

pub async fn newest(http: &Http, limit: usize) -> anyhow::Result<List<Video>> {
    http.get(&format!("/api/v1/videos?sort=newest&limit={limit}"), None).await?.hoped_for()?.json()
}

pub async fn playback(http: &Http, id: &str) -> anyhow::Result<Playback> {
    http.get(&format!("/api/v1/videos/{id}/playback"), None).await?.hoped_for()?.json()
}
