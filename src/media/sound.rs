//! What viewers tell the sounds of a video apart by. The words are the file's own, so they are held to what may stand
//! in a manifest wherever they come in.

use serde::{Deserialize, Serialize};

use super::language::Language;
use crate::domain::text;

/// Sounds made of one source; further ones are left out.
pub const SOUNDS_MAX: usize = 8;

/// Language, title, and whether it plays when nobody chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Label {
    pub language: Option<Language>,
    #[serde(default)]
    pub title: Option<Title>,
    #[serde(default)]
    pub preference: Preference,
}

/// How a file marks its sounds: the first of the most preferred ones is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    Preferred,
    #[default]
    Unmarked,
    /// For those who ask for it, such as a commentary.
    OnRequest,
}

/// One line without `"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

#[derive(Debug, thiserror::Error)]
#[error("a title of a sound is one line of 1 to 60 visible characters without quotes")]
pub struct BadTitle;

impl Title {
    /// What a file calls a stream, where that can be shown.
    pub fn of_container(text: &str) -> Option<Self> {
        Self::try_from(text.trim().replace('"', "'")).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = BadTitle;

    fn try_from(title: String) -> Result<Self, Self::Error> {
        match text::line(&title, 1, 60) {
            Some(line) if !line.contains('"') => Ok(Self(line)),
            _ => Err(BadTitle),
        }
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

/// What a demuxer calls one stream of a source, without the part that stands for the file: the same whenever the file
/// is opened, wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamName(String);

impl StreamName {
    /// Of GStreamer's stream id; none where the file has nothing but the one stream.
    pub fn of(stream_id: &str) -> Option<Self> {
        stream_id.split_once('/').map(|(_, name)| Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_can_stand_in_a_manifest_or_is_none() {
        let title = |text: &str| Title::of_container(text).map(String::from);
        assert_eq!(title(" The \"director\" ").as_deref(), Some("The 'director'"));
        assert_eq!(title("a\nb"), None);
        assert_eq!(title(" "), None);
        assert!(Title::try_from("x\"".to_owned()).is_err());
    }

    #[test]
    fn a_stream_has_the_same_name_wherever_its_file_lies() {
        assert_eq!(StreamName::of("a7/002:55"), StreamName::of("b9:1/002:55"));
        assert_ne!(StreamName::of("a7/002"), StreamName::of("a7/003"));
        assert_eq!(StreamName::of("a7"), None);
    }
}
