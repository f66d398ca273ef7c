//! What players call a codec (RFC 6381). GStreamer 1.22 names AV1 without its profile and level, which browsers refuse;
//! they stand in the init segment.

use gstreamer as gst;
use gstreamer_pbutils as pbutils;

/// Of what a muxer was given, and what it made of it.
pub fn codec_name(caps: &gst::CapsRef, init: &[u8]) -> Option<String> {
    match caps.structure(0)?.name().as_str() {
        "video/x-av1" => av1(init),
        _ => pbutils::codec_utils_caps_get_mime_codec(caps).ok().map(|name| name.to_string()),
    }
}

/// AV1 in ISO media, 2.3.3 (`av1C`) and 5 (the name).
fn av1(init: &[u8]) -> Option<String> {
    let at = init.windows(4).position(|name| name == b"av1C")?;
    let &[_, profile_and_level, depths, ..] = init.get(at + 4..)? else { return None };
    let (profile, level) = (profile_and_level >> 5, profile_and_level & 0x1f);
    let tier = if depths & 0x80 == 0 { 'M' } else { 'H' };
    let bits = match (depths & 0x40, depths & 0x20) {
        (0, _) => 8,
        (_, 0) => 10,
        _ => 12,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{bits:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_av1_is_named_by_profile_level_tier_and_depth() {
        let named = |record: [u8; 4]| av1(&[b"....av1C".as_slice(), &record].concat());
        assert_eq!(named([0x81, 0x04, 0x0c, 0]).as_deref(), Some("av01.0.04M.08"));
        assert_eq!(named([0x81, 0x2d, 0xcc, 0]).as_deref(), Some("av01.1.13H.10"));
        assert_eq!(av1(b"....avcC"), None);
    }
}
