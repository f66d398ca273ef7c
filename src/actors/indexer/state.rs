//! What has to change in the index for one video: decided from what is true and what it holds.

use crate::{
    backends::search::{Change, Document, Mark},
    domain::{clock::Timestamp, ids::VideoId},
};

/// `None` where the index is right. A version is the time of the look, and always above the one that is there: so looks
/// of several nodes at about the same time leave one of them, and the next look finds what is wrong with it.
pub(super) fn change(
    now: Timestamp,
    video: VideoId,
    held: Option<Mark>,
    document: Option<Document>,
) -> Option<Change> {
    let wanted = document.as_ref().map(Document::fingerprint);
    if held.and_then(|mark| mark.fingerprint) == wanted {
        return None;
    }
    let above = held.map_or(1, |mark| mark.version.saturating_add(1));
    let version = u64::try_from(now.0).unwrap_or(0).max(above);
    Some(Change { video_id: video, version, document })
}

/// A number of views to two digits: an index of exact ones would be written with every view.
pub(super) fn coarse(views: u64) -> u64 {
    let mut unit = 1;
    while views / unit >= 100 {
        unit *= 10;
    }
    views / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(title: &str) -> Document {
        Document {
            video_id: "v".parse().unwrap(),
            title: title.into(),
            description: String::new(),
            tags: Vec::new(),
            duration_ms: 1,
            height: 2,
            published_at: Timestamp(3),
            views: 4,
        }
    }

    #[test]
    fn only_what_differs_changes_and_always_by_a_higher_version() {
        let video = || document("").video_id;
        let mark = |version, title: Option<&str>| {
            Some(Mark { version, fingerprint: title.map(|title| document(title).fingerprint()) })
        };
        for (held, wanted, version) in [
            (None, None, None),
            (None, Some("a"), Some(1_000)),
            (mark(5, Some("a")), Some("a"), None),
            (mark(5, Some("a")), Some("b"), Some(1_000)),
            (mark(1_000, Some("a")), Some("b"), Some(1_001)),
            (mark(2_000, Some("a")), None, Some(2_001)),
            (mark(2_000, None), None, None),
            (mark(2_000, None), Some("a"), Some(2_001)),
        ] {
            let change = change(Timestamp(1_000), video(), held, wanted.map(document));
            assert_eq!(change.as_ref().map(|change| change.version), version, "{held:?} {wanted:?}");
            assert_eq!(change.map(|change| change.document), version.map(|_| wanted.map(document)));
        }
    }

    #[test]
    fn views_are_rounded_down_to_two_digits() {
        let views = [0, 7, 99, 100, 109, 110, 12_345, 999_999];
        assert_eq!(views.map(coarse), [0, 7, 99, 100, 100, 110, 12_000, 990_000]);
        assert_eq!(coarse(u64::MAX) / 1_000_000_000_000_000_000, 18);
    }
}
