//! Files of the object store: whole, in part, not again where the client has them, and encrypted where they are asked
//! for so.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::Code;

use super::{Asked, File, Keep, sealed};
use crate::{
    actors::transcode,
    backends::{
        objects::{self, ByteRange, ObjectInfo, ObjectKey},
        store::tables::video::Video,
    },
    http::{
        Ctx,
        extract::is_head,
        problem::{ApiError, ApiResult},
        range::{self, Slice},
    },
    media::{Protection, protection},
};

/// Pictures keep their name when they are made anew.
pub async fn picture(ctx: &Ctx, video: &Video, path: &str, asked: &Asked) -> ApiResult<Response> {
    let found = Found::look_up(ctx, video, path).await?;
    let form = Form { kind: "image/jpeg", keep: Keep::Checked, video };
    answer(&found, form, asked, async |part| found.read(ctx, part).await).await
}

/// Files of a run never change.
pub async fn clear(ctx: &Ctx, video: &Video, path: &str, asked: &Asked) -> ApiResult<Response> {
    let found = Found::look_up(ctx, video, path).await?;
    let form = Form { kind: "video/mp4", keep: Keep::Always, video };
    answer(&found, form, asked, async |part| found.read(ctx, part).await).await
}

pub async fn encrypted(
    ctx: &Ctx,
    video: &Video,
    path: &str,
    file: File,
    protection: &Protection,
    asked: &Asked,
) -> ApiResult<Response> {
    let clear = Found::look_up(ctx, video, path).await?;
    let number = match file {
        // Only DASH asks for an encrypted init, and only where there is one key.
        File::Init => 0,
        File::Segment { sequence } => protection.key_number(sequence),
    };
    let info = ObjectInfo {
        size: protection::encrypted_len(clear.info.size),
        etag: format!("{}-{}", clear.info.etag, protection.set()),
        ..clear.info.clone()
    };
    let sealed = Found { key: clear.key.clone(), info };
    let form = Form { kind: "video/mp4", keep: Keep::Always, video };
    answer(&sealed, form, asked, async |(first, len)| {
        let body = clear.read(ctx, (0, clear.info.size)).await?;
        Ok(sealed::encrypted(body, protection.cipher(number), first, len))
    })
    .await
}

struct Found {
    key: ObjectKey,
    info: ObjectInfo,
}

impl Found {
    async fn look_up(ctx: &Ctx, video: &Video, path: &str) -> ApiResult<Self> {
        let key = transcode::object_key(&video.video_id, path);
        let info = ctx.objects.head(&key).await?.ok_or_else(ApiError::not_found)?;
        Ok(Self { key, info })
    }

    /// A first byte and a length of at least one.
    async fn read(&self, ctx: &Ctx, (first, len): (u64, u64)) -> ApiResult<objects::Body> {
        let part = ByteRange::Between(first, first + len - 1);
        let object = ctx.objects.get(&self.key, Some(part)).await?;
        Ok(object.ok_or_else(ApiError::not_found)?.body)
    }
}

/// What the head of an answer says besides what was found.
struct Form<'a> {
    kind: &'static str,
    keep: Keep,
    video: &'a Video,
}

async fn answer(
    found: &Found,
    form: Form<'_>,
    asked: &Asked,
    read: impl AsyncFnOnce((u64, u64)) -> ApiResult<objects::Body>,
) -> ApiResult<Response> {
    let etag = HeaderValue::from_str(&format!("\"{}\"", found.info.etag));
    let etag = etag.map_err(|error| ApiError::internal(&error))?;
    let mut response = if range::is_unchanged(&asked.headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let slice = range::requested(&asked.headers, found.info.size, &etag);
        body(found.info.size, slice, asked, read).await?
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.kind));
    answer.insert(header::CACHE_CONTROL, form.keep.rule(form.video.visibility));
    answer.insert(header::ETAG, etag);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

async fn body(
    size: u64,
    slice: Slice,
    asked: &Asked,
    read: impl AsyncFnOnce((u64, u64)) -> ApiResult<objects::Body>,
) -> ApiResult<Response> {
    let (status, first, length) = match slice {
        Slice::Whole => (StatusCode::OK, 0, size),
        Slice::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Slice::Unsatisfiable => {
            let error = ApiError::new(Code::RangeNotSatisfiable, format!("there are {size} bytes"));
            let value = range::content_range(None, size);
            return Ok(error.header(header::CONTENT_RANGE, value).into_response());
        }
    };
    let body = match is_head(&asked.method) || length == 0 {
        true => Body::empty(),
        false => Body::from_stream(read((first, length)).await?),
    };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Slice::Part { first, last } = slice {
        response.headers_mut().insert(header::CONTENT_RANGE, range::content_range(Some((first, last)), size));
    }
    Ok(response)
}
