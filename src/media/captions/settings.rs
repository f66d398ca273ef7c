//! Where a cue stands (WebVTT 4.4). A setting is kept if it is valid; regions are left out, since what they name is.

use std::fmt;

/// In the order they are written.
const NAMES: [&str; 5] = ["vertical", "line", "position", "size", "align"];

/// Valid settings, at most one of each name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings([Option<String>; NAMES.len()]);

impl Settings {
    /// What stands behind the times of a cue.
    pub fn parse(text: &str) -> Self {
        let mut settings = Self::default();
        for (name, value) in text.split_ascii_whitespace().filter_map(|word| word.split_once(':')) {
            let Some(at) = NAMES.iter().position(|known| *known == name) else { continue };
            if settings.0[at].is_none() {
                settings.0[at] = valid(name, value);
            }
        }
        settings
    }

    /// At the upper edge: what `{\an8}` says in SubRip files.
    pub fn at_the_top() -> Self {
        Self::parse("line:0")
    }
}

/// Each with a space before it, to stand behind the times.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = NAMES.iter().zip(&self.0).filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.into_iter().try_for_each(|(name, value)| write!(f, " {name}:{value}"))
    }
}

fn valid(name: &str, value: &str) -> Option<String> {
    let (head, tail) = value.split_once(',').map_or((value, None), |(head, tail)| (head, Some(tail)));
    let one_of = |given: Option<&str>, allowed: &[&str]| given.is_none_or(|given| allowed.contains(&given));
    let holds = match name {
        "vertical" => one_of(Some(value), &["rl", "lr"]),
        "line" => (is_percentage(head) || is_line(head)) && one_of(tail, &["start", "center", "end"]),
        "position" => is_percentage(head) && one_of(tail, &["line-left", "center", "line-right"]),
        "size" => is_percentage(value),
        // The name it had in drafts, which many files still use.
        "align" if value == "middle" => return Some("center".to_owned()),
        "align" => one_of(Some(value), &["start", "center", "end", "left", "right"]),
        _ => false,
    };
    holds.then(|| value.to_owned())
}

fn is_line(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_percentage(text: &str) -> bool {
    let Some(number) = text.strip_suffix('%').filter(|number| number.len() <= 12) else { return false };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    plain(whole) && plain(fraction) && number.parse().is_ok_and(|value: f64| value <= 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_settings_are_kept_once_and_the_rest_is_not() {
        for (given, kept) in [
            (
                "align:start position:10%,line-left size:33.3% line:-2 vertical:rl",
                " vertical:rl line:-2 position:10%,line-left size:33.3% align:start",
            ),
            ("line:0 line:5", " line:0"),
            ("line:50%,center", " line:50%,center"),
            ("align:middle", " align:center"),
            ("line:101% size:100.1% position:-1% align:up vertical:up line:1,up position:50", ""),
            ("region:bill <b> align:", ""),
            ("size:1e1% size:50%", " size:50%"),
            ("X1:100 X2:200 Y1:1 Y2:2", ""),
        ] {
            let settings = Settings::parse(given);
            assert_eq!(settings.to_string(), kept, "{given}");
            assert_eq!(Settings::parse(&settings.to_string()), settings);
        }
    }
}
