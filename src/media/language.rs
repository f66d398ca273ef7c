//! The language of a sound: from what containers write (ISO 639-1, either set of ISO 639-2, BCP 47) to the tag that
//! manifests take and the name that its speakers know it by. Pure; `gst` asks when it probes, `manifest` when it names.

mod table;

use serde::{Deserialize, Serialize};

use self::table::{LANGUAGES, Row};

/// A language tag (BCP 47): letters, digits and hyphens, so that it can stand in a manifest as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

#[derive(Debug, thiserror::Error)]
#[error("a language tag has 2 to 16 letters, digits or hyphens")]
pub struct BadLanguage;

/// Codes that name no language: undetermined, uncoded, several, none.
const NO_LANGUAGE: [&str; 4] = ["und", "mis", "mul", "zxx"];

impl Language {
    /// What a container says, as the shortest tag that says the same.
    pub fn of_container(code: &str) -> Option<Self> {
        let tag = oxilangtag::LanguageTag::parse_and_normalize(&code.replace('_', "-")).ok()?;
        let (primary, rest) = parts(tag.as_str());
        let known = |row: &&Row| [row.0, row.1, row.2].contains(&primary);
        let primary = LANGUAGES.iter().find(known).map_or(primary, |row| row.0);
        // Three letters from `qaa` on are for private use, and mean nothing to players.
        let private = primary.len() == 3 && ("qaa".."qua").contains(&primary);
        if NO_LANGUAGE.contains(&primary) || private || !(2..=3).contains(&primary.len()) {
            return None;
        }
        Self::try_from(format!("{primary}{rest}")).ok()
    }

    /// `Deutsch` for `de`, `Português (BR)` for `pt-BR`; the tag itself where no name is known.
    pub fn name(&self) -> String {
        let (primary, rest) = parts(&self.0);
        let Some(row) = LANGUAGES.iter().find(|row| row.0 == primary) else { return self.0.clone() };
        match rest.strip_prefix('-') {
            Some(rest) => format!("{} ({rest})", row.3),
            None => row.3.to_owned(),
        }
    }
}

/// The language, and all that follows it.
fn parts(tag: &str) -> (&str, &str) {
    tag.split_at(tag.find('-').unwrap_or(tag.len()))
}

impl TryFrom<String> for Language {
    type Error = BadLanguage;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        match tag.len() {
            2..=16 if tag.bytes().all(plain) => Ok(Self(tag)),
            _ => Err(BadLanguage),
        }
    }
}

impl From<Language> for String {
    fn from(tag: Language) -> Self {
        tag.0
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(code: &str) -> Option<String> {
        Language::of_container(code).map(String::from)
    }

    #[test]
    fn codes_of_either_set_become_the_shortest_tag() {
        for (code, expected) in [
            ("eng", "en"),
            ("ENG", "en"),
            ("ger", "de"),
            ("deu", "de"),
            ("fre", "fr"),
            ("fra", "fr"),
            ("chi", "zh"),
            ("zh", "zh"),
            ("fil", "fil"),
            ("pt-br", "pt-BR"),
            ("por-BR", "pt-BR"),
            ("en_GB", "en-GB"),
        ] {
            assert_eq!(tag(code).as_deref(), Some(expected), "{code}");
        }
    }

    #[test]
    fn what_names_no_language_is_none() {
        for code in
            ["und", "zxx", "mis", "mul", "qaa", "qtz", "", "x", "english", "x-klingon", "e n", "\u{0}\u{0}"]
        {
            assert_eq!(tag(code), None, "{code}");
        }
    }

    #[test]
    fn a_language_is_called_what_its_speakers_call_it() {
        let name = |code: &str| Language::of_container(code).map(|language| language.name());
        assert_eq!(name("ger").as_deref(), Some("Deutsch"));
        assert_eq!(name("jpn").as_deref(), Some("日本語"));
        assert_eq!(name("pt-BR").as_deref(), Some("Português (BR)"));
        assert_eq!(name("tlh").as_deref(), Some("tlh"));
    }

    #[test]
    fn every_code_of_the_table_stands_there_once() {
        for (at, row) in LANGUAGES.iter().enumerate() {
            let twice = LANGUAGES[..at].iter().any(|other| other.0 == row.0 || other.1 == row.1);
            assert!(!twice, "{}", row.0);
        }
    }
}
