//! A file as cues. Wherever a line holds times a cue begins, whatever stands before it: numbers, names, notes, style
//! sheets and regions are left out. A cue of WebVTT ends at an empty line, one of SubRip where the next begins, since
//! people leave empty lines inside.

use super::{BYTES_MAX, CUES_MAX, Cue, CueText, Fault, Script, Settings, text::Dialect, time};

const ARROW: &str = "-->";

/// Takes WebVTT and SubRip, told apart by their first line, in UTF-8 or, with its mark, UTF-16.
pub fn read(bytes: &[u8]) -> Result<Script, Fault> {
    let text = decode(&bytes[..bytes.len().min(BYTES_MAX)])?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{FFFD}");
    let lines: Vec<&str> = text.split('\n').collect();
    let dialect = dialect(&lines).ok_or(Fault::NotCaptions)?;
    let starts: Vec<usize> = (0..lines.len()).filter(|at| begins_cue(lines[*at], dialect)).collect();
    if starts.len() > CUES_MAX {
        return Err(Fault::TooManyCues);
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let read =
        starts.iter().zip(ends).map(|(start, end)| cue(&lines[*start..end], dialect, end < lines.len()));
    let read: Vec<Option<Cue>> = read.collect();
    let skipped = read.iter().filter(|cue| cue.is_none()).count();
    let script = Script::of(read.into_iter().flatten().collect(), skipped);
    if script.cues.is_empty() { Err(Fault::NoCues) } else { Ok(script) }
}

fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| Fault::NotText)
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| Fault::NotText),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        bytes => String::from_utf8(bytes.to_vec()).map_err(|_| Fault::NotText),
    }
}

fn dialect(lines: &[&str]) -> Option<Dialect> {
    let after_magic = lines.first()?.strip_prefix("WEBVTT");
    if after_magic.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Some(Dialect::WebVtt);
    }
    lines.iter().any(|line| times(line).is_some()).then_some(Dialect::SubRip)
}

/// In SubRip an arrow may also stand in the text.
fn begins_cue(line: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::WebVtt => line.contains(ARROW),
        Dialect::SubRip => {
            line.contains(ARROW) && line.trim_start().starts_with(|c: char| c.is_ascii_digit())
        }
    }
}

/// Start, end, and what follows them.
fn times(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once(ARROW)?;
    let rest = rest.trim_start();
    let (end, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some((time::parse(start.trim())?, time::parse(end.trim())?, rest))
}

/// `lines` begin with the times and end before the times of the next cue, if `followed`.
fn cue(lines: &[&str], dialect: Dialect, followed: bool) -> Option<Cue> {
    let (first, text) = lines.split_first()?;
    let (start_ms, end_ms, settings) = times(first)?;
    let text = match dialect {
        Dialect::WebVtt => text.split(|line| line.is_empty()).next().unwrap_or_default(),
        Dialect::SubRip if followed => without_number(text),
        Dialect::SubRip => text,
    };
    let raw = text.join("\n");
    let settings = match dialect {
        Dialect::WebVtt => Settings::parse(settings),
        Dialect::SubRip if ["{\\an7}", "{\\an8}", "{\\an9}"].iter().any(|mark| raw.contains(mark)) => {
            Settings::at_the_top()
        }
        Dialect::SubRip => Settings::default(),
    };
    let text = CueText::read(&raw, dialect)?;
    (start_ms < end_ms).then_some(Cue { start_ms, end_ms, settings, text })
}

/// Without the number of the next cue: digits alone behind an empty line.
fn without_number<'a, 'b>(lines: &'a [&'b str]) -> &'a [&'b str] {
    let is_number = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    match lines {
        [] => lines,
        [number] if is_number(number.trim()) => &[],
        [rest @ .., empty, number] if empty.trim().is_empty() && is_number(number.trim()) => rest,
        _ => lines,
    }
}
