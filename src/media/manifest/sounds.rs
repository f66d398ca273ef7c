//! The sounds of a video as players choose between them: which one plays when nobody does, and by which names they
//! differ.

use crate::media::{
    language::Language,
    rendition::{Rendition, Track},
    sound::Label,
};

pub struct Sound<'a> {
    pub rendition: &'a Rendition,
    pub channels: u32,
    pub sample_rate: u32,
    pub language: Option<&'a Language>,
    /// No two have the same.
    pub name: String,
    pub choice: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// When nobody chooses: one of all.
    Default,
    /// When its language is wanted: the first of each.
    ByLanguage,
    /// When it is asked for.
    ByName,
}

/// In the order of `sounds`, which is that of the file.
pub fn named<'a>(sounds: &[&'a Rendition]) -> Vec<Sound<'a>> {
    let labels = || sounds.iter().filter_map(|sound| labelled(sound));
    let default =
        labels().enumerate().min_by_key(|(_, (.., label))| label.preference).map(|(place, _)| place);
    let default_language =
        default.and_then(|place| labels().nth(place)).and_then(|(.., it)| it.language.as_ref());
    let mut named: Vec<Sound<'a>> = Vec::new();
    for (place, (rendition, channels, sample_rate, label)) in labels().enumerate() {
        let language = label.language.as_ref();
        let is_first = language.is_some()
            && language != default_language
            && named.iter().all(|other| other.language != language);
        let choice = match is_first {
            _ if default == Some(place) => Choice::Default,
            true => Choice::ByLanguage,
            false => Choice::ByName,
        };
        let name = told_apart(name_of(label, place), &named);
        named.push(Sound { rendition, channels, sample_rate, language, name, choice });
    }
    named
}

fn labelled(rendition: &Rendition) -> Option<(&Rendition, u32, u32, &Label)> {
    match &rendition.track {
        Track::Audio { channels, sample_rate, label } => Some((rendition, *channels, *sample_rate, label)),
        Track::Video { .. } => None,
    }
}

/// `English`, `English – A commentary`, `Track 2`.
fn name_of(label: &Label, place: usize) -> String {
    let language = label.language.as_ref().map(Language::name);
    match (language, &label.title) {
        (None, None) => format!("Track {}", place + 1),
        (Some(language), None) => language,
        (None, Some(title)) => title.as_str().to_owned(),
        (Some(language), Some(title)) => {
            let says_both = title.as_str().to_lowercase().contains(&language.to_lowercase());
            if says_both { title.as_str().to_owned() } else { format!("{language} – {}", title.as_str()) }
        }
    }
}

fn told_apart(name: String, named: &[Sound<'_>]) -> String {
    let is_taken = |name: &str| named.iter().any(|other| other.name == name);
    if !is_taken(&name) {
        return name;
    }
    let numbered = (2..=named.len() + 2).map(|number| format!("{name} ({number})"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{
        rendition::{Growth, Origin, RenditionId},
        sound::{Preference, Title},
    };

    fn sound(place: usize, language: &str, title: &str, preference: Preference) -> Rendition {
        let label = Label {
            language: Language::of_container(language),
            title: Title::of_container(title),
            preference,
        };
        Rendition {
            id: RenditionId::sound(place),
            track: Track::Audio { channels: 2, sample_rate: 48_000, label },
            codec: "mp4a.40.2".to_owned(),
            origin: Origin::Passthrough,
            bandwidth_cap: 0,
            init_bytes: 0,
            growth: Growth::Complete,
            segments: Vec::new(),
        }
    }

    fn seen(sounds: &[Rendition]) -> Vec<(String, Choice)> {
        let sounds: Vec<&Rendition> = sounds.iter().collect();
        named(&sounds).into_iter().map(|sound| (sound.name, sound.choice)).collect()
    }

    fn expected(list: &[(&str, Choice)]) -> Vec<(String, Choice)> {
        list.iter().map(|(name, choice)| ((*name).to_owned(), *choice)).collect()
    }

    #[test]
    fn the_first_plays_when_no_file_says_otherwise_and_each_language_has_one_that_speaks_for_it() {
        let sounds = [
            sound(0, "ger", "", Preference::Unmarked),
            sound(1, "eng", "", Preference::Unmarked),
            sound(2, "eng", "A commentary", Preference::Unmarked),
            sound(3, "deu", "Deutsch ohne Musik", Preference::Unmarked),
            sound(4, "und", "", Preference::Unmarked),
        ];
        assert_eq!(
            seen(&sounds),
            expected(&[
                ("Deutsch", Choice::Default),
                ("English", Choice::ByLanguage),
                ("English – A commentary", Choice::ByName),
                ("Deutsch ohne Musik", Choice::ByName),
                ("Track 5", Choice::ByName),
            ])
        );
    }

    #[test]
    fn a_file_may_prefer_another_than_the_first() {
        let sounds = [
            sound(0, "eng", "A commentary", Preference::Unmarked),
            sound(1, "eng", "", Preference::Preferred),
            sound(2, "fre", "", Preference::OnRequest),
        ];
        let choices: Vec<Choice> = seen(&sounds).into_iter().map(|(_, choice)| choice).collect();
        assert_eq!(choices, [Choice::ByName, Choice::Default, Choice::ByLanguage]);
    }

    #[test]
    fn no_two_are_called_the_same() {
        let sounds: Vec<Rendition> = ["Stereo", "Stereo (2)", "Stereo", "Stereo"]
            .iter()
            .enumerate()
            .map(|(place, title)| sound(place, "und", title, Preference::Unmarked))
            .collect();
        let names: Vec<String> = seen(&sounds).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Stereo", "Stereo (2)", "Stereo (3)", "Stereo (4)"]);
    }
}
