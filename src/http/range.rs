//! Ranges and conditions of GET (RFC 9110, sections 13 and 14): one range of bytes, entity tags.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    Whole,
    /// Both inclusive.
    Part {
        first: u64,
        last: u64,
    },
    Unsatisfiable,
}

/// Which part of a content is asked for. Ranges of another version get the whole, and so do several ranges at once: a
/// server may ignore a Range field (RFC 9110, section 14.2), players never send such, and answers in many parts are a
/// known way to make a server work for nothing.
pub fn requested(headers: &HeaderMap, size: u64, etag: &HeaderValue) -> Slice {
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Slice::Whole;
    };
    if headers.get(header::IF_RANGE).is_some_and(|version| version != etag) {
        return Slice::Whole;
    }
    parse(range, size).unwrap_or(Slice::Whole)
}

/// `None` for what is no single range of bytes, which RFC 9110 says to ignore.
fn parse(range: &str, size: u64) -> Option<Slice> {
    let spec = range.trim().strip_prefix("bytes=")?;
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if spec.contains(',') {
        return None;
    }
    if first.is_empty() {
        let suffix: u64 = last.parse().ok()?;
        return Some(match suffix.min(size) {
            0 => Slice::Unsatisfiable,
            length => Slice::Part { first: size - length, last: size - 1 },
        });
    }
    let first: u64 = first.parse().ok()?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    match (first <= last, first < size) {
        (false, _) => None,
        (true, false) => Some(Slice::Unsatisfiable),
        (true, true) => Some(Slice::Part { first, last: last.min(size - 1) }),
    }
}

pub fn content_range(part: Option<(u64, u64)>, size: u64) -> HeaderValue {
    let text = match part {
        Some((first, last)) => format!("bytes {first}-{last}/{size}"),
        None => format!("bytes */{size}"),
    };
    HeaderValue::from_str(&text).expect("digits are a header")
}

/// Whether the client has this version already.
pub fn is_unchanged(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let wanted = etag.to_str().unwrap_or_default().trim_start_matches("W/");
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == wanted)
    })
}

pub fn etag_of(content: &[u8]) -> HeaderValue {
    let digest: String = Sha256::digest(content).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{digest}\"")).expect("hexadecimal digits are a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_what_is_none_is_ignored() {
        for (range, slice) in [
            ("bytes=0-0", Some(Slice::Part { first: 0, last: 0 })),
            ("bytes=90-", Some(Slice::Part { first: 90, last: 99 })),
            ("bytes=90-500", Some(Slice::Part { first: 90, last: 99 })),
            ("bytes=-10", Some(Slice::Part { first: 90, last: 99 })),
            ("bytes=-500", Some(Slice::Part { first: 0, last: 99 })),
            ("bytes=100-", Some(Slice::Unsatisfiable)),
            ("bytes=-0", Some(Slice::Unsatisfiable)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("items=0-1", None),
            ("bytes=a-b", None),
        ] {
            assert_eq!(parse(range, 100), slice, "{range}");
        }
    }

    #[test]
    fn tags_are_compared_weakly_and_may_stand_in_a_list() {
        let etag = etag_of(b"x");
        let mut headers = HeaderMap::new();
        assert!(!is_unchanged(&headers, &etag));
        let list = format!("\"other\", W/{}", etag.to_str().unwrap());
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&list).unwrap());
        assert!(is_unchanged(&headers, &etag));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert!(!is_unchanged(&headers, &etag));
    }
}
