//! `Upload-Metadata`: `key base64[,key base64]`, keys unique, values any bytes and possibly none.

use base64::{Engine, prelude::BASE64_STANDARD};
use playhouse_protocol::problem::Code;

use crate::{
    actors::uploads::DraftInput,
    http::problem::{ApiError, ApiResult},
};

const LEN_MAX: usize = 32 * 1024;

/// What the uploader says of the video. Keys that mean nothing here are kept and not read.
pub fn parse(header: &str) -> ApiResult<DraftInput> {
    let malformed = |detail: &str| ApiError::new(Code::Malformed, format!("Upload-Metadata {detail}"));
    if header.len() > LEN_MAX {
        return Err(malformed("is too long"));
    }
    let mut input = DraftInput::default();
    let mut seen = Vec::new();
    for pair in header.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if seen.contains(&key) {
            return Err(malformed("names a key twice"));
        }
        seen.push(key);
        let bytes =
            BASE64_STANDARD.decode(value.trim()).map_err(|_| malformed("holds what is not base64"))?;
        let text = String::from_utf8(bytes);
        let known = matches!(key, "title" | "description" | "tags" | "visibility" | "filename" | "replaces");
        let text = match text {
            Ok(text) => text,
            Err(_) if known => return Err(malformed("holds text that is not UTF-8")),
            Err(_) => continue,
        };
        match key {
            "title" => input.title = Some(text),
            "description" => input.description = Some(text),
            "tags" => input.tags = text.split(',').map(str::to_owned).collect(),
            "visibility" => input.visibility = Some(text),
            "filename" => input.filename = Some(text),
            "replaces" => input.replaces = Some(text),
            _ => {}
        }
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_in_any_order_and_may_be_empty() {
        let header = "filename Z3LDtsOfZS5tcDQ=, tags YSxi ,title,x-thing /w==";
        let input = parse(header).unwrap();
        assert_eq!(input.filename.as_deref(), Some("größe.mp4"));
        assert_eq!(input.tags, ["a", "b"]);
        assert_eq!(input.title.as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for header in ["title !!!", "title YQ==,title Yg==", "title /w=="] {
            assert_eq!(parse(header).unwrap_err().code(), Code::Malformed, "{header}");
        }
    }
}
