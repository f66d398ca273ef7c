//! Where a player may enter a picture that is passed through. The parser of H.264 calls a frame a keyframe when it refers
//! to no other, also where frames after it refer to some before it: who seeks there sees nothing until the next one.
//! Only an IDR picture, and one that says that decoding may begin with it, is left as one (H.264, 7.4.1.2.4 and D.2.8).

use gst::prelude::*;
use gstreamer as gst;

const IDR: u8 = 5;
const SEI: u8 = 6;
const RECOVERY_POINT: usize = 6;

/// Everything else that passes this pad from now on depends on what came before it.
pub fn mark(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT)
            && !begins(pad, buffer)
        {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        gst::PadProbeReturn::Ok
    });
}

/// What cannot be read is left as it is.
fn begins(pad: &gst::Pad, buffer: &gst::BufferRef) -> bool {
    let (Some(length_bytes), Ok(access_unit)) = (length_bytes(pad), buffer.map_readable()) else {
        return true;
    };
    is_entry_point(&access_unit, length_bytes)
}

/// Of the number before each NAL unit (ISO/IEC 14496-15, 5.3.3.1.2).
fn length_bytes(pad: &gst::Pad) -> Option<usize> {
    let codec_data = pad.current_caps()?.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    let record = codec_data.map_readable().ok()?;
    Some(usize::from(record.get(4)? & 3) + 1)
}

fn is_entry_point(mut access_unit: &[u8], length_bytes: usize) -> bool {
    while let Some((length, rest)) = access_unit.split_at_checked(length_bytes) {
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let Some((unit, rest)) = rest.split_at_checked(length) else { return false };
        access_unit = rest;
        match unit.split_first() {
            Some((header, _)) if header & 0x1f == IDR => return true,
            Some((header, messages)) if header & 0x1f == SEI && recovers_at_once(messages) => return true,
            _ => {}
        }
    }
    false
}

/// Whether a message says that all is right from this picture on: `recovery_frame_cnt` is zero, a single set bit.
fn recovers_at_once(messages: &[u8]) -> bool {
    let messages = without_emulation_prevention(messages);
    let mut left = messages.as_slice();
    while let Some((kind, rest)) = number(left)
        && let Some((size, rest)) = number(rest)
        && let Some((payload, rest)) = rest.split_at_checked(size)
    {
        if kind == RECOVERY_POINT {
            return payload.first().is_some_and(|byte| byte & 0x80 != 0);
        }
        left = rest;
    }
    false
}

/// As many 255 as fit, then the rest.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|byte| **byte == 255).count();
    let last = bytes.get(full)?;
    Some((full * 255 + usize::from(*last), &bytes[full + 1..]))
}

fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access_unit(units: &[&[u8]]) -> Vec<u8> {
        let with_length = |unit: &&[u8]| [&u32::try_from(unit.len()).unwrap().to_be_bytes(), *unit].concat();
        units.iter().flat_map(with_length).collect()
    }

    #[test]
    fn only_an_idr_picture_or_a_recovery_point_is_one() {
        let (idr, intra): (&[u8], &[u8]) = (&[0x65, 0x88], &[0x41, 0x88]);
        // User data of 300 bytes, with an emulation prevention byte in it, then a recovery point.
        let padding = [[5_u8, 255, 46, 0, 0, 3, 0].as_slice(), &[9; 298]].concat();
        let at_once = [&[0x06][..], &padding, &[6, 1, 0xc4, 0x80]].concat();
        let later = [&[0x06][..], &padding, &[6, 1, 0x34, 0x80]].concat();
        assert!(is_entry_point(&access_unit(&[&[0x09, 0xf0], idr]), 4));
        assert!(!is_entry_point(&access_unit(&[&[0x09, 0xf0], intra]), 4));
        assert!(is_entry_point(&access_unit(&[&at_once, intra]), 4));
        assert!(!is_entry_point(&access_unit(&[&later, intra]), 4));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = access_unit(&[&[0x06, 6, 1, 0xc4, 0x80], &[0x65, 0x88]]);
        for length in 0..8 {
            assert!(!is_entry_point(&whole[..length], 4), "{length}");
        }
    }
}
