//! `POST /uploads`: begins an upload, and takes its first bytes if they come along.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};

use super::{
    checksum::Check,
    dialect::Dialect,
    metadata,
    protocol::{self, name},
    write::{self, Incoming},
};
use crate::{
    actors::uploads::{Concat, NewUpload},
    http::{
        Ctx,
        extract::{Caller, idempotency_key},
        problem::ApiResult,
    },
};

/// Begin a resumable upload
#[utoipa::path(
    post, path = "/uploads", tag = "uploads", security(("bearer" = [])),
    params(("Upload-Length" = Option<u64>, Header), ("Upload-Defer-Length" = Option<u8>, Header,
        description = "1 where the length is said later"), ("Upload-Concat" = Option<String>, Header,
        description = "`partial`, or `final;` and the URLs of the parts"), ("Upload-Metadata" = Option<String>, Header,
        description = "`filename`, `filetype`, `title`, `description`, `tags` (comma separated), `visibility`; `replaces`: the video whose file it takes
        the place of, and then the others say nothing"),
        ("Upload-Complete" = Option<String>, Header, description = "IETF draft: `?1` where the body is all there is, else `?0`"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key of the same account is the same upload")),
    responses((status = 201, description = "`Location`, `Upload-Offset`, `Upload-Expires`"),
        (status = 400, description = "`malformed`"), (status = 403, description = "`forbidden`: another's video cannot be replaced"),
        (status = 404, description = "`not_found`: there is no such video to be replaced"),
        (status = 409, description = "`conflict`: the key has begun another, or another upload replaces the video"),
        (status = 413, description = "`too_large`, `over_quota`"), (status = 429, description = "`too_many` unfinished uploads"),
        (status = 507, description = "`no_space`"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    dialect: Dialect,
    Caller(who): Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, HeaderMap)> {
    let begin = dialect.begin(&headers)?;
    let metadata = protocol::kept(&headers, &name::UPLOAD_METADATA)?.unwrap_or_default();
    let new = NewUpload {
        length_bytes: begin.length_bytes,
        concat: begin.concat,
        input: metadata::parse(&metadata)?,
        metadata,
        key: idempotency_key(&headers)?,
        import: None,
    };
    let mut held = ctx.uploads.begin(&who, new).await?;
    let location = format!("/api/v1/uploads/{}", held.upload.upload_id);
    if let Concat::Final(_) = Concat::of(&held.upload)? {
        ctx.uploads.assemble(&mut held).await?;
    }
    // What a key has begun before may be further than this body begins.
    if let Some(bytes) = begin.bytes
        && held.offset == 0
        && !held.upload.finished
    {
        let incoming = Incoming { dialect, bytes, check: Check::asked_by(&headers)?, body };
        held = write::receive(&ctx, &who, held, incoming).await?;
    }
    let mut answer = dialect.standing(&held, &ctx.uploads.options);
    answer.insert(header::LOCATION, protocol::text(&location));
    Ok((StatusCode::CREATED, answer))
}
