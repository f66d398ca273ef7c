//! `GET /videos/{id}/original`: the file as it was uploaded, for its owner alone. Sent as bytes to be kept and never to be
//! shown, since it may be anything.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
};

use super::editable;
use crate::{
    actors::transcode,
    backends::objects::{self, ByteRange, ObjectKey},
    domain::ids::VideoId,
    http::{
        Ctx,
        delivery::{self, Asked},
        extract::{Caller, Id},
        limit::Client,
        problem::{ApiError, ApiResult},
    },
    media::{container_of, probe::Container},
};

/// Characters of a title that a file is named by.
const NAME_LEN_MAX: usize = 100;
/// What the kind of a file is told by.
const HEAD_BYTES: u64 = 4_096;

/// The file as it was uploaded
#[utoipa::path(
    get, path = "/videos/{id}/original", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The part that `Range` names"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 416, description = "`range_not_satisfiable`"))
)]
pub async fn original(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    method: Method,
    headers: HeaderMap,
    client: Client,
) -> ApiResult<Response> {
    let video = editable(&ctx, &id, &who).await?;
    let source = transcode::source(&ctx.store, &id).await?;
    let key = transcode::source_key(&id, source.as_ref());
    let mut response = delivery::stored(&ctx, key.clone(), &Asked { method, headers, client }).await?;
    let name = disposition(&video.title, extension(&ctx, &key).await?);
    let name = HeaderValue::from_str(&name).map_err(|error| ApiError::internal(&error))?;
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    answer.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

async fn extension(ctx: &Ctx, key: &ObjectKey) -> ApiResult<&'static str> {
    let size = ctx.objects.head(key).await?.ok_or_else(ApiError::not_found)?.size;
    if size == 0 {
        return Ok("bin");
    }
    let head = ctx.objects.get(key, Some(ByteRange::Between(0, HEAD_BYTES - 1))).await?;
    let head = objects::read_all(head.ok_or_else(ApiError::not_found)?.body).await?;
    Ok(match container_of(&head) {
        Some(Container::IsoBmff) => "mp4",
        Some(Container::Matroska) => "mkv",
        Some(Container::Avi) => "avi",
        Some(Container::Wav) => "wav",
        Some(Container::MpegTs) => "ts",
        Some(Container::MpegPs) => "mpg",
        Some(Container::Flv) => "flv",
        Some(Container::Ogg) => "ogg",
        Some(Container::Mp3) => "mp3",
        Some(Container::Adts) => "aac",
        None => "bin",
    })
}

/// `Content-Disposition` (RFC 6266): a name in ASCII for whoever knows no other, and the whole one (RFC 8187).
fn disposition(title: &str, extension: &str) -> String {
    let unsafe_in_a_name = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let name: String = title.chars().map(|c| if unsafe_in_a_name(c) { '_' } else { c }).collect();
    let name: String = name.trim_start_matches(['.', ' ']).chars().take(NAME_LEN_MAX).collect();
    let name = match name.trim_end_matches(['.', ' ']) {
        "" => "video",
        name => name,
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || " ._-".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let whole: String = format!("{name}.{extension}").bytes().map(encoded).collect();
    format!("attachment; filename=\"{ascii}.{extension}\"; filename*=UTF-8''{whole}")
}

/// A byte of an extended value: as it is where it is an `attr-char`.
fn encoded(byte: u8) -> String {
    match byte {
        b if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_name_that_leaves_no_folder_and_no_header() {
        for (title, expected) in [
            ("A clip", "attachment; filename=\"A clip.mp4\"; filename*=UTF-8''A%20clip.mp4"),
            (
                "größe \"1\"",
                "attachment; filename=\"gr__e _1_.mp4\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20_1_.mp4",
            ),
            (
                "../../etc/passwd",
                "attachment; filename=\"_.._etc_passwd.mp4\"; filename*=UTF-8''_.._etc_passwd.mp4",
            ),
            (
                "a\r\nSet-Cookie: x=1; y",
                "attachment; filename=\"a__Set-Cookie_ x_1_ y.mp4\"; filename*=UTF-8''a__Set-Cookie_%20x%3D1%3B%20y.mp4",
            ),
            (" . ", "attachment; filename=\"video.mp4\"; filename*=UTF-8''video.mp4"),
        ] {
            assert_eq!(disposition(title, "mp4"), expected, "{title}");
        }
        assert!(disposition(&"ä".repeat(500), "mkv").len() < 1_000);
    }
}
