//! What a path below a video's folder asks for. Whatever is not one of these is not there.

use crate::{
    domain::caption::Language,
    media::{RenditionId, layout},
};

#[derive(Debug, PartialEq, Eq)]
pub enum Address<'a> {
    Document(Document),
    /// The picture that stands for the video.
    Poster,
    /// A sprite or a candidate, which keeps its name when it is made anew.
    Picture,
    /// The file of a caption track.
    Captions,
    /// A file of a rendition as it lies in the object store.
    Clear(File),
    /// The same as a key set encrypts it: `object` is where it lies.
    Encrypted {
        set: &'a str,
        file: File,
        object: String,
    },
    Key {
        set: &'a str,
        number: u64,
    },
}

/// What is rendered from the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Document {
    Master,
    Mpd,
    Thumbnails,
    Images,
    Chapters,
    /// The playlist of a caption track.
    Captions(Language),
    Playlist(RenditionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    Init,
    Segment { sequence: u64 },
}

impl<'a> Address<'a> {
    pub fn parse(path: &'a str) -> Option<Self> {
        match path {
            layout::MASTER => return Some(Self::Document(Document::Master)),
            layout::MPD => return Some(Self::Document(Document::Mpd)),
            layout::THUMBNAILS => return Some(Self::Document(Document::Thumbnails)),
            layout::IMAGES => return Some(Self::Document(Document::Images)),
            layout::CHAPTERS => return Some(Self::Document(Document::Chapters)),
            layout::POSTER => return Some(Self::Poster),
            layout::SPRITE => return Some(Self::Picture),
            path if layout::is_candidate(path) => return Some(Self::Picture),
            _ => {}
        }
        if let Some(language) = layout::captions_language(path, "m3u8") {
            return Some(Self::Document(Document::Captions(language)));
        }
        if layout::captions_language(path, "vtt").is_some() {
            return Some(Self::Captions);
        }
        let mut parts = path.split('/');
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        if third.is_some() && !second.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        if first == "keys" {
            let number = number(third?.strip_suffix(".key")?)?;
            return Some(Self::Key { set: second, number });
        }
        let rendition = RenditionId::parse(first).ok()?;
        match third {
            None if second == layout::PLAYLIST => Some(Self::Document(Document::Playlist(rendition))),
            None => File::parse(second).map(Self::Clear),
            Some(name) => {
                let file = File::parse(name)?;
                Some(Self::Encrypted { set: second, file, object: format!("{rendition}/{name}") })
            }
        }
    }
}

impl File {
    fn parse(name: &str) -> Option<Self> {
        if name == layout::INIT {
            return Some(Self::Init);
        }
        let sequence = number(name.strip_prefix("seg")?.strip_suffix(".m4s")?)?;
        Some(Self::Segment { sequence })
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_known_for_what_it_is() {
        let rendition = RenditionId::parse("v360r1").unwrap();
        let object = "v360r1/seg00012.m4s".to_owned();
        for (path, address) in [
            ("master.m3u8", Some(Address::Document(Document::Master))),
            ("manifest.mpd", Some(Address::Document(Document::Mpd))),
            ("thumbnails.vtt", Some(Address::Document(Document::Thumbnails))),
            ("images.m3u8", Some(Address::Document(Document::Images))),
            ("chapters.vtt", Some(Address::Document(Document::Chapters))),
            ("poster.jpg", Some(Address::Poster)),
            ("candidate3.jpg", Some(Address::Picture)),
            ("captions/pt-BR.vtt", Some(Address::Captions)),
            ("captions/en.m3u8", Some(Address::Document(Document::Captions("en".parse().unwrap())))),
            ("captions/EN.vtt", None),
            ("thumbnail.jpg", None),
            ("v360r1/index.m3u8", Some(Address::Document(Document::Playlist(rendition)))),
            ("v360r1/init.mp4", Some(Address::Clear(File::Init))),
            ("v360r1/seg00012.m4s", Some(Address::Clear(File::Segment { sequence: 12 }))),
            (
                "v360r1/x1/seg00012.m4s",
                Some(Address::Encrypted { set: "x1", file: File::Segment { sequence: 12 }, object }),
            ),
            ("keys/x1/3.key", Some(Address::Key { set: "x1", number: 3 })),
            ("keys/x1/.key", None),
            ("keys/x1/-1.key", None),
            ("keys/x1/99999999999999999999999.key", None),
            ("v360r1/seg.m4s", None),
            ("v360r1/seg1.mp4", None),
            ("v360r1/x1/index.m3u8", None),
            ("v360r1/x1/y/seg00012.m4s", None),
            ("../source", None),
            ("v360r1/../init.mp4", None),
            ("", None),
        ] {
            assert_eq!(Address::parse(path), address, "{path}");
        }
    }
}
