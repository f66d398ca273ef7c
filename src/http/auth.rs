//! Signing in and out: `/auth/…`, and `/me`.

use axum::{extract::State, http::StatusCode};
use playhouse_protocol::rest;

use super::{
    Ctx,
    extract::{Caller, Json},
    limit::{self, Client},
    problem::ApiResult,
};
use crate::{
    actors::accounts::{Login, Registration},
    backends::store::tables::account::Account,
    domain::access::Role,
};

/// Make an account and sign in
#[utoipa::path(
    post, path = "/auth/register", tag = "accounts", request_body = rest::Register,
    responses((status = 201, body = rest::Tokens), (status = 409, description = "`username_taken`, `email_taken`"),
        (status = 422, description = "`invalid`"), (status = 429, description = "`too_many`"))
)]
pub async fn register(
    State(ctx): State<Ctx>,
    client: Client,
    Json(body): Json<rest::Register>,
) -> ApiResult<(StatusCode, axum::Json<rest::Tokens>)> {
    limit::registration(&ctx, &client).await?;
    let input = Registration { username: body.username, email: body.email, password: body.password };
    let login = ctx.accounts.register(input).await?;
    Ok((StatusCode::CREATED, axum::Json(tokens(login))))
}

/// Sign in
#[utoipa::path(
    post, path = "/auth/login", tag = "accounts", request_body = rest::Login,
    responses((status = 200, body = rest::Tokens), (status = 401, description = "`wrong_credentials`"),
        (status = 429, description = "`too_many`"))
)]
pub async fn login(
    State(ctx): State<Ctx>,
    client: Client,
    Json(body): Json<rest::Login>,
) -> ApiResult<axum::Json<rest::Tokens>> {
    limit::login(&ctx, &client).await?;
    Ok(axum::Json(tokens(ctx.accounts.login(&body.username, &body.password).await?)))
}

/// Change a refresh token for new tokens
#[utoipa::path(
    post, path = "/auth/refresh", tag = "accounts", request_body = rest::Refresh,
    responses((status = 200, body = rest::Tokens), (status = 401, description = "`refresh_refused`"))
)]
pub async fn refresh(
    State(ctx): State<Ctx>,
    client: Client,
    Json(body): Json<rest::Refresh>,
) -> ApiResult<axum::Json<rest::Tokens>> {
    limit::login(&ctx, &client).await?;
    Ok(axum::Json(tokens(ctx.accounts.refresh(&body.refresh_token).await?)))
}

/// End a login
#[utoipa::path(
    post, path = "/auth/logout", tag = "accounts", request_body = rest::Refresh,
    responses((status = 204, description = "The login has ended, or had"))
)]
pub async fn logout(State(ctx): State<Ctx>, Json(body): Json<rest::Refresh>) -> ApiResult<StatusCode> {
    ctx.accounts.logout(&body.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who I am
#[utoipa::path(
    get, path = "/me", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = rest::User), (status = 401, description = "`unauthenticated`"))
)]
pub async fn me(State(ctx): State<Ctx>, Caller(who): Caller) -> ApiResult<axum::Json<rest::User>> {
    Ok(axum::Json(user(&ctx.accounts.get(&who.user_id).await?)))
}

/// Change my account
#[utoipa::path(
    patch, path = "/me", tag = "accounts", security(("bearer" = [])), request_body = rest::UserPatch,
    responses((status = 200, body = rest::User), (status = 422, description = "`invalid`"))
)]
pub async fn edit_me(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    Json(patch): Json<rest::UserPatch>,
) -> ApiResult<axum::Json<rest::User>> {
    let account = match patch.display_name {
        Some(name) => ctx.accounts.rename(&who.user_id, &name).await?,
        None => ctx.accounts.get(&who.user_id).await?,
    };
    Ok(axum::Json(user(&account)))
}

pub fn tokens(login: Login) -> rest::Tokens {
    rest::Tokens {
        user: user(&login.account),
        access_token: login.access_token,
        refresh_token: login.refresh_token,
        expires_in_s: login.expires_in_s,
    }
}

pub fn user(account: &Account) -> rest::User {
    rest::User {
        id: account.user_id.to_string(),
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        avatar_url: None,
        channel_id: account.channel_id.to_string(),
        roles: account.roles.iter().map(Role::as_str).map(str::to_owned).collect(),
    }
}
