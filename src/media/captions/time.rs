//! Times of cues: `00:01:02.345` and what else is understood as one.

const HOURS_MAX: u64 = 9_999;

/// `hh:mm:ss.ttt`, as WebVTT writes it.
pub fn clock(at_ms: u64) -> String {
    let (hours, minutes) = (at_ms / 3_600_000, at_ms / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", at_ms / 1000 % 60, at_ms % 1000)
}

/// `mm:ss.ttt` or `h…:mm:ss.ttt`; with a comma too, and with fewer digits of milliseconds, as SubRip files have them.
pub fn parse(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once(['.', ','])?;
    let mut parts = clock.rsplit(':').map(|part| digits(part, 1..=4));
    let (seconds, minutes) = (parts.next()??, parts.next()??);
    let hours = parts.next().unwrap_or(Some(0))?;
    let millis = digits(fraction, 1..=3)?;
    let fits = parts.next().is_none() && seconds < 60 && minutes < 60 && hours <= HOURS_MAX;
    fits.then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let plain = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_no_time_is_not() {
        for at_ms in [0, 1, 999, 59_999, 3_599_999, 3_600_000, 359_999_999] {
            assert_eq!(parse(&clock(at_ms)), Some(at_ms));
        }
        for (text, at_ms) in [
            ("00:01.500", 1_500),
            ("1:02:03,004", 3_723_004),
            ("00:00:01,5", 1_005),
            ("100:00:00.000", 360_000_000),
        ] {
            assert_eq!(parse(text), Some(at_ms), "{text}");
        }
        for text in [
            "",
            "1",
            "00:01",
            "00:60.000",
            "60:00.000",
            "-1:00.000",
            "a:00.000",
            "0:0:0:0.000",
            "00:01.0000",
            "+1:00.000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
