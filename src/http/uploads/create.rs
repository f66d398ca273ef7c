//! `POST /uploads`: begins an upload, and takes its first bytes if they come along.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use playhouse_protocol::problem::Code;

use super::{
    metadata,
    protocol::{self, name},
    write,
};
use crate::{
    actors::uploads::{Concat, NewUpload},
    http::{
        Ctx,
        extract::Caller,
        problem::{ApiError, ApiResult},
    },
};

/// Begin a resumable upload
#[utoipa::path(
    post, path = "/uploads", tag = "uploads", security(("bearer" = [])),
    params(("Upload-Length" = Option<u64>, Header), ("Upload-Defer-Length" = Option<u8>, Header,
        description = "1 where the length is said later"), ("Upload-Concat" = Option<String>, Header,
        description = "`partial`, or `final;` and the URLs of the parts"), ("Upload-Metadata" = Option<String>, Header,
        description = "`filename`, `filetype`, `title`, `description`, `tags` (comma separated), `visibility`")),
    responses((status = 201, description = "`Location`, `Upload-Offset`, `Upload-Expires`"),
        (status = 400, description = "`malformed`"), (status = 413, description = "`too_large`"),
        (status = 429, description = "`too_many` unfinished uploads"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, HeaderMap)> {
    let concat = protocol::kept(&headers, &name::UPLOAD_CONCAT)?;
    let is_final = matches!(Concat::parse(concat.as_deref())?, Concat::Final(_));
    let length_bytes = if is_final { no_length(&headers)? } else { length(&headers)? };
    let metadata = protocol::kept(&headers, &name::UPLOAD_METADATA)?.unwrap_or_default();
    let input = metadata::parse(&metadata)?;
    let mut held = ctx.uploads.begin(&who, NewUpload { length_bytes, metadata, concat, input }).await?;
    let location = format!("/api/v1/uploads/{}", held.upload.upload_id);
    if is_final {
        ctx.uploads.assemble(&mut held).await?;
    } else if protocol::is_offset_stream(&headers) || length_bytes == Some(0) {
        write::receive(&ctx, &mut held, &headers, body).await?;
    }
    let mut answer = protocol::standing(&held);
    answer.insert(header::LOCATION, protocol::text(&location));
    Ok((StatusCode::CREATED, answer))
}

/// The length, or the word that it is said later.
fn length(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    let malformed = |detail: &str| Err(ApiError::new(Code::Malformed, detail));
    let length = protocol::number(headers, &name::UPLOAD_LENGTH)?;
    match (length, headers.get(name::UPLOAD_DEFER_LENGTH).map(|value| value.as_bytes())) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some(b"1")) => Ok(None),
        (None, None) => malformed("send Upload-Length, or Upload-Defer-Length: 1"),
        (None, Some(_)) => malformed("Upload-Defer-Length is 1"),
        (Some(_), Some(_)) => malformed("send either Upload-Length or Upload-Defer-Length"),
    }
}

fn no_length(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    match headers.contains_key(name::UPLOAD_LENGTH) {
        true => Err(ApiError::new(
            Code::Malformed,
            "a final upload is as long as its parts; send no Upload-Length",
        )),
        false => Ok(None),
    }
}
