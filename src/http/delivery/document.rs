//! Playlists and the like: rendered from what there is of a video, once for each state of it, plain and compressed.

use std::io::Write;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::{
    Asked, HEADERS, Keep,
    address::Document,
    shelf::{self, Known},
};
use crate::{
    backends::store::tables::video::Video,
    http::{
        Ctx,
        problem::{ApiError, ApiResult},
        range, videos,
    },
    media::{
        Catalogue,
        manifest::{self, Beside},
    },
};

const HLS: &str = "application/vnd.apple.mpegurl";
const DASH: &str = "application/dash+xml";
pub const VTT: &str = "text/vtt; charset=utf-8";
/// What is shorter fits into one packet anyway.
const COMPRESSED_FROM_BYTES: usize = 512;

/// A document as it goes out.
pub struct Rendered {
    kind: &'static str,
    growth: Growth,
    plain: Form,
    /// Where it is worth it.
    gzip: Option<Form>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// A rendition is being made.
    Growing,
    Complete,
}

/// Other bytes are another representation, with a tag of its own (RFC 9110, section 8.8.3).
struct Form {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Form {
    fn of(bytes: Vec<u8>) -> Self {
        Self { etag: range::etag_of(&bytes), bytes: bytes.into() }
    }
}

impl Rendered {
    pub fn of(catalogue: &Catalogue, document: &Document, known: &Known, beside: &Beside) -> Option<Self> {
        let (text, kind) = text(catalogue, document, known, beside)?;
        let growing = catalogue.renditions.iter().any(|rendition| !rendition.is_complete());
        let growth = if growing { Growth::Growing } else { Growth::Complete };
        let gzip = (text.len() >= COMPRESSED_FROM_BYTES).then(|| Form::of(compressed(text.as_bytes())));
        Some(Self { kind, growth, plain: Form::of(text.into_bytes()), gzip })
    }

    /// Bytes it takes.
    pub fn len(&self) -> usize {
        self.plain.bytes.len() + self.gzip.as_ref().map_or(0, |gzip| gzip.bytes.len())
    }
}

pub async fn deliver(ctx: &Ctx, known: &Known, document: &Document, asked: &Asked) -> ApiResult<Response> {
    let shown = shelf::document(ctx, known, document).await?.ok_or_else(ApiError::not_found)?;
    let Rendered { kind, growth, plain, gzip } = &shown.rendered;
    let gzip = gzip.as_ref().filter(|_| takes_gzip(&asked.headers));
    let form = gzip.unwrap_or(plain);
    let keep = if *growth == Growth::Growing { Keep::Checked } else { Keep::Briefly };
    let mut response = match range::is_unchanged(&asked.headers, &form.etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Response::new(Body::from(form.bytes.clone())),
    };
    let answer = response.headers_mut();
    answer.reserve(HEADERS);
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::CACHE_CONTROL, keep.rule(known.video.visibility));
    answer.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    answer.insert(header::ETAG, form.etag.clone());
    if gzip.is_some() {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn text(
    catalogue: &Catalogue,
    document: &Document,
    known: &Known,
    beside: &Beside,
) -> Option<(String, &'static str)> {
    let duration_ms = known.video.duration_ms.and_then(|ms| u64::try_from(ms).ok());
    let (text, kind) = match (document, &known.protection) {
        (Document::Master, _) => (catalogue.master(beside), HLS),
        (Document::Playlist(rendition), None) => (catalogue.media_playlist(rendition), HLS),
        (Document::Playlist(rendition), Some(protection)) => {
            (catalogue.protected_playlist(rendition, protection), HLS)
        }
        (Document::Mpd, None) => (catalogue.mpd(beside), DASH),
        (Document::Mpd, Some(protection)) => (catalogue.protected_mpd(protection, beside), DASH),
        (Document::Thumbnails, _) => (catalogue.thumbnails_vtt(), VTT),
        (Document::Images, _) => (catalogue.images_playlist(), HLS),
        (Document::Chapters, _) => (chapters(catalogue, &known.video, duration_ms), VTT),
        (Document::Captions(language), _) => (catalogue.captions_playlist(language, duration_ms), HLS),
    };
    text.map(|text| (text, kind))
}

fn chapters(catalogue: &Catalogue, video: &Video, duration_ms: Option<u64>) -> Option<String> {
    let chapters = videos::chapters::of(video, catalogue);
    (!chapters.is_empty()).then(|| manifest::vtt::chapters(&chapters, duration_ms.unwrap_or(0)))
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("a Vec takes every write");
    encoder.finish().expect("a Vec takes every write")
}

/// Whether `Accept-Encoding` names gzip, or everything, and not with a weight of zero (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut named = None;
    let mut any = false;
    for coding in lists.flat_map(|list| list.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        let wanted = weight.unwrap_or(1.0) > 0.0;
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                named = Some(wanted);
            }
            "*" => any = wanted,
            _ => {}
        }
    }
    named.unwrap_or(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accepted, takes) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("br, GZIP;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.0, *"), false),
            (Some("*"), true),
            (Some("*;q=0"), false),
            (Some("br, deflate"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accepted) = accepted {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            }
            assert_eq!(takes_gzip(&headers), takes, "{accepted:?}");
        }
    }
}
