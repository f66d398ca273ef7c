//! Caption tracks of a video: the language they are in, what they are for, what they are called.

use std::{fmt, str::FromStr};

use super::{
    access::{UnknownName, names},
    text::{self, Invalid},
};

/// A BCP 47 tag in its canonical case, such as `en`, `pt-BR` or `zh-Hant-TW`: letters, digits and hyphens only, so
/// that it is a file name and a path element as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(Box<str>);

const LANGUAGE_LEN_MAX: usize = 35;

impl Language {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = Invalid;
    fn from_str(tag: &str) -> Result<Self, Invalid> {
        const ADVICE: Invalid =
            Invalid("is a BCP 47 language tag of at most 35 characters, such as `en` or `pt-BR`");
        if tag.len() > LANGUAGE_LEN_MAX {
            return Err(ADVICE);
        }
        let parsed = oxilangtag::LanguageTag::parse_and_normalize(tag).map_err(|_| ADVICE)?;
        // `x-…` and `i-…` name no language that a player could show.
        match parsed.as_str().as_bytes().get(1) {
            Some(b'-') => Err(ADVICE),
            _ => Ok(Self(parsed.as_str().into())),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For those who do not understand the language.
    Subtitles,
    /// For those who do not hear the sound: noises and speakers too.
    Captions,
}

names!(Kind { Subtitles = "subtitles", Captions = "captions" });

/// Tracks a video has at most.
pub const TRACKS_MAX: usize = 64;

/// What viewers choose a track by; the language itself when nothing is given. Without what ends a quoted string of a
/// playlist.
pub fn label(input: Option<&str>, language: &Language) -> Result<String, Invalid> {
    let Some(input) = input.filter(|input| !input.trim().is_empty()) else {
        return Ok(language.as_str().to_owned());
    };
    let label = text::line(input, 1, 60).ok_or(Invalid("has at most 60 visible characters"))?;
    Ok(label.replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_checked_and_written_in_its_canonical_case() {
        for (tag, canonical) in [
            ("en", "en"),
            ("EN-gb", "en-GB"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
            ("und", "und"),
        ] {
            assert_eq!(tag.parse::<Language>().map(|tag| tag.to_string()), Ok(canonical.into()), "{tag}");
        }
        let long = "en-a-".to_owned() + &"abcdefgh-".repeat(5);
        for tag in
            ["", "e", "english!", "en_GB", "en-", "-en", "en--GB", "x-me", "../en", "en\"", "en/..", &long]
        {
            assert!(tag.parse::<Language>().is_err(), "{tag}");
        }
    }

    #[test]
    fn a_label_is_one_line_without_quotes() {
        let english: Language = "en".parse().unwrap();
        assert_eq!(label(None, &english), Ok("en".into()));
        assert_eq!(label(Some("  "), &english), Ok("en".into()));
        assert_eq!(label(Some("The \"director\""), &english), Ok("The 'director'".into()));
        assert!(label(Some("a\nb"), &english).is_err());
        assert!(label(Some(&"x".repeat(61)), &english).is_err());
    }
}
