//! Files of the object store: whole, in part, not again where the client has them, and encrypted where they are asked
//! for so. What is asked for again and again comes out of memory.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use playhouse_protocol::problem::Code;

use super::{
    Asked, File, HEADERS, Keep,
    document::VTT,
    hot::{Kept, Place},
    sealed,
    shelf::Known,
};
use crate::{
    actors::transcode,
    backends::objects::{self, ByteRange, ObjectInfo, ObjectKey},
    http::{
        Ctx,
        extract::is_head,
        problem::{ApiError, ApiResult},
        range::{self, Slice},
    },
    media::{Protection, protection},
};

/// Pictures keep their name when they are made anew, so none is kept in memory.
pub async fn picture(ctx: &Ctx, known: &Known, path: &str, asked: &Asked) -> ApiResult<Response> {
    let found = Found::stored(ctx, transcode::object_key(&known.video.video_id, path), asked).await?;
    let form = Form { info: found.info.clone(), kind: "image/jpeg", keep: Keep::Checked, known };
    answer(form, asked, async |part| found.content(ctx, part).await).await
}

/// Captions keep their name when they are uploaded anew.
pub async fn captions(ctx: &Ctx, known: &Known, path: &str, asked: &Asked) -> ApiResult<Response> {
    let found = Found::stored(ctx, transcode::object_key(&known.video.video_id, path), asked).await?;
    let form = Form { info: found.info.clone(), kind: VTT, keep: Keep::Checked, known };
    answer(form, asked, async |part| found.content(ctx, part).await).await
}

/// Files of a run never change.
pub async fn clear(ctx: &Ctx, known: &Known, path: &str, asked: &Asked) -> ApiResult<Response> {
    let found = Found::of_run(ctx, known, path, asked).await?;
    let form = Form { info: found.info.clone(), kind: "video/mp4", keep: Keep::Always, known };
    answer(form, asked, async |part| found.content(ctx, part).await).await
}

pub async fn encrypted(
    ctx: &Ctx,
    known: &Known,
    path: &str,
    file: File,
    protection: &Protection,
    asked: &Asked,
) -> ApiResult<Response> {
    let clear = Found::of_run(ctx, known, path, asked).await?;
    let number = match file {
        // Only DASH asks for an encrypted init, and only where there is one key.
        File::Init => 0,
        File::Segment { sequence } => protection.key_number(sequence),
    };
    let clear_size = clear.info.size;
    let info = ObjectInfo {
        size: protection::encrypted_len(clear_size),
        etag: format!("{}-{}", clear.info.etag, protection.set()),
    };
    let form = Form { info, kind: "video/mp4", keep: Keep::Always, known };
    answer(form, asked, async |(first, len)| {
        let body = clear.content(ctx, (0, clear_size)).await?.into_stream();
        Ok(Content::Stream(sealed::encrypted(body, protection.cipher(number), first, len)))
    })
    .await
}

/// An object and where its bytes are.
struct Found {
    key: ObjectKey,
    info: ObjectInfo,
    source: Source,
}

enum Source {
    Memory(Arc<Kept>),
    /// The whole of it, being read.
    Opened(objects::Body),
    Stored,
}

enum Content {
    Bytes(Bytes),
    Stream(objects::Body),
}

impl Content {
    fn into_stream(self) -> objects::Body {
        match self {
            Content::Bytes(bytes) => Box::pin(stream::iter([Ok(bytes)])),
            Content::Stream(body) => body,
        }
    }

    fn into_body(self) -> Body {
        match self {
            Content::Bytes(bytes) => bytes.into(),
            Content::Stream(body) => Body::from_stream(body),
        }
    }
}

impl Found {
    /// A file whose content never changes, which may therefore be kept.
    async fn of_run(ctx: &Ctx, known: &Known, path: &str, asked: &Asked) -> ApiResult<Self> {
        let key = transcode::object_key(&known.video.video_id, path);
        let hot = &ctx.shelf.hot;
        if let Some(kept) = hot.get(&key) {
            return Ok(Self { key, info: kept.info.clone(), source: Source::Memory(kept) });
        }
        if is_head(&asked.method) || !hot.is_wanted_again(&key) {
            return Self::stored(ctx, key, asked).await;
        }
        let _turn = hot.turn(&key).await;
        if let Some(kept) = hot.get(&key) {
            return Ok(Self { key, info: kept.info.clone(), source: Source::Memory(kept) });
        }
        let object = ctx.objects.get(&key, None).await?.ok_or_else(ApiError::not_found)?;
        let info = object.info.clone();
        let place = ctx.objects.local_path(&key);
        let place = place.map(|path| Place { path, regions: ctx.regions.clone() });
        let source = match hot.keep(&key, object.info, object.body, place).await? {
            Ok(kept) => Source::Memory(kept),
            Err(body) => Source::Opened(body),
        };
        Ok(Self { key, info, source })
    }

    /// A request for the whole opens the object at once, which saves it a look at the head.
    async fn stored(ctx: &Ctx, key: ObjectKey, asked: &Asked) -> ApiResult<Self> {
        const PARTIAL: [header::HeaderName; 2] = [header::RANGE, header::IF_NONE_MATCH];
        let whole = !is_head(&asked.method) && PARTIAL.iter().all(|name| !asked.headers.contains_key(name));
        if whole {
            let object = ctx.objects.get(&key, None).await?.ok_or_else(ApiError::not_found)?;
            return Ok(Self { key, info: object.info, source: Source::Opened(object.body) });
        }
        let info = ctx.objects.head(&key).await?.ok_or_else(ApiError::not_found)?;
        Ok(Self { key, info, source: Source::Stored })
    }

    /// A first byte and a length of at least one.
    async fn content(self, ctx: &Ctx, (first, len): (u64, u64)) -> ApiResult<Content> {
        match self.source {
            Source::Memory(kept) => {
                let index = |byte: u64| usize::try_from(byte).expect("it is in memory");
                Ok(Content::Bytes(kept.bytes.slice(index(first)..index(first + len))))
            }
            Source::Opened(body) if len == self.info.size => Ok(Content::Stream(body)),
            Source::Opened(_) | Source::Stored => {
                let part = ByteRange::Between(first, first + len - 1);
                let object = ctx.objects.get(&self.key, Some(part)).await?;
                Ok(Content::Stream(object.ok_or_else(ApiError::not_found)?.body))
            }
        }
    }
}

/// An object or a part of it, with what says which version it is, for whoever knows what it may be shown as.
pub async fn stored(ctx: &Ctx, key: ObjectKey, asked: &Asked) -> ApiResult<Response> {
    let found = Found::stored(ctx, key, asked).await?;
    let info = found.info.clone();
    versioned(&info, asked, async |part| found.content(ctx, part).await).await
}

/// What the head of an answer says.
struct Form<'a> {
    info: ObjectInfo,
    kind: &'static str,
    keep: Keep,
    known: &'a Known,
}

async fn answer(
    form: Form<'_>,
    asked: &Asked,
    content: impl AsyncFnOnce((u64, u64)) -> ApiResult<Content>,
) -> ApiResult<Response> {
    let mut response = versioned(&form.info, asked, content).await?;
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.kind));
    answer.insert(header::CACHE_CONTROL, form.keep.rule(form.known.video.visibility));
    Ok(response)
}

async fn versioned(
    info: &ObjectInfo,
    asked: &Asked,
    content: impl AsyncFnOnce((u64, u64)) -> ApiResult<Content>,
) -> ApiResult<Response> {
    let etag = HeaderValue::from_str(&format!("\"{}\"", info.etag));
    let etag = etag.map_err(|error| ApiError::internal(&error))?;
    let mut response = match range::is_unchanged(&asked.headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let slice = range::requested(&asked.headers, info.size, &etag);
            sliced(info.size, slice, asked, content).await?
        }
    };
    let answer = response.headers_mut();
    answer.reserve(HEADERS);
    answer.insert(header::ETAG, etag);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

async fn sliced(
    size: u64,
    slice: Slice,
    asked: &Asked,
    content: impl AsyncFnOnce((u64, u64)) -> ApiResult<Content>,
) -> ApiResult<Response> {
    let (status, first, length) = match slice {
        Slice::Whole => (StatusCode::OK, 0, size),
        Slice::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Slice::Unsatisfiable => {
            let error = ApiError::new(Code::RangeNotSatisfiable, format!("there are {size} bytes"));
            return Err(error.header(header::CONTENT_RANGE, range::content_range(None, size)));
        }
    };
    let body = match is_head(&asked.method) || length == 0 {
        true => Body::empty(),
        false => content((first, length)).await?.into_body(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Slice::Part { first, last } = slice {
        response.headers_mut().insert(header::CONTENT_RANGE, range::content_range(Some((first, last)), size));
    }
    Ok(response)
}
