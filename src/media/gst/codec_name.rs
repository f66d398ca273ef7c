//! What players call a codec (RFC 6381). GStreamer 1.22 names AV1 and VP9 without what browsers want to know; it stands in
//! the init segment, for VP9 once it is put right there.

use gstreamer as gst;
use gstreamer_pbutils as pbutils;

/// Of what a muxer was given, and what it made of it.
pub fn codec_name(caps: &gst::CapsRef, init: &[u8]) -> Option<String> {
    match caps.structure(0)?.name().as_str() {
        "video/x-av1" => av1(init),
        "video/x-vp9" => vp9(init),
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

/// VP codec ISO media file format binding: `vpcC`, and the name.
fn vp9(init: &[u8]) -> Option<String> {
    let at = record_of_vp9(init)?;
    let &[profile, level, depths, ..] = init.get(at..)? else { return None };
    Some(format!("vp09.{profile:02}.{level:02}.{:02}", depths >> 4))
}

/// Where the profile stands, behind the box's name, its version and its flags.
fn record_of_vp9(init: &[u8]) -> Option<usize> {
    Some(init.windows(4).position(|name| name == b"vpcC")? + 8)
}

/// The muxer writes level 1 for every VP9 it makes.
pub fn with_level(caps: Option<&gst::CapsRef>, mut init: Vec<u8>) -> Vec<u8> {
    let structure = caps.and_then(|caps| caps.structure(0)).filter(|caps| caps.name() == "video/x-vp9");
    let level = structure.and_then(|caps| {
        let side = |name| u64::try_from(caps.get::<i32>(name).ok()?).ok();
        let rate = caps.get::<gst::Fraction>("framerate").ok()?;
        Some(vp9_level(side("width")? * side("height")?, f64::from(rate.numer()) / f64::from(rate.denom())))
    });
    let place = record_of_vp9(&init).and_then(|at| init.get_mut(at + 1));
    if let (Some(level), Some(place)) = (level, place) {
        *place = level;
    }
    init
}

/// VP9 levels (webmproject.org/vp9/levels): pixels a second and pixels of a picture at most. What is larger than all has
/// the largest.
fn vp9_level(pixels: u64, frames_a_second: f64) -> u8 {
    const LEVELS: [(u8, f64, u64); 11] = [
        (10, 829_440.0, 36_864),
        (11, 2_764_800.0, 73_728),
        (20, 4_608_000.0, 122_880),
        (21, 9_216_000.0, 245_760),
        (30, 20_736_000.0, 552_960),
        (31, 36_864_000.0, 983_040),
        (40, 83_558_400.0, 2_228_224),
        (41, 160_432_128.0, 2_228_224),
        (50, 311_951_360.0, 8_912_896),
        (51, 588_251_136.0, 8_912_896),
        (52, 1_176_502_272.0, 8_912_896),
    ];
    let fits = |(_, rate_max, pixels_max): &&(u8, f64, u64)| {
        pixels <= *pixels_max && pixels as f64 * frames_a_second <= *rate_max
    };
    LEVELS.iter().find(fits).map_or(62, |(level, ..)| *level)
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

    #[test]
    fn a_vp9_is_named_by_profile_level_and_depth_and_its_level_is_put_right() {
        let init = [b"....vpcC".as_slice(), &[1, 0, 0, 0], &[0, 10, 0x82, 1, 1, 1, 0, 0]].concat();
        gst::init().expect("GStreamer is here");
        let caps = |name: &str| {
            let size = gst::Caps::builder(name).field("width", 1280).field("height", 720);
            size.field("framerate", gst::Fraction::new(25, 1)).build()
        };
        let made = with_level(Some(&caps("video/x-vp9")), init.clone());
        assert_eq!(codec_name(&caps("video/x-vp9"), &made).as_deref(), Some("vp09.00.31.08"));
        assert_eq!(with_level(Some(&caps("video/x-h264")), init.clone()), init);
        assert_eq!(
            [(426 * 240, 25.0), (1920 * 1080, 30.0), (1920 * 1080, 60.0)].map(|(p, f)| vp9_level(p, f)),
            [20, 40, 41]
        );
    }
}
