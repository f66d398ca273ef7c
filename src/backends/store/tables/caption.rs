//! Caption tracks. The channel actor of the video is the only writer; the cues are an object.

use crate::{
    domain::{
        caption::{Kind, Language},
        clock::Timestamp,
        ids::VideoId,
    },
    record, text_cell,
};

text_cell!(Kind, Language);

record! {
    /// A caption track of a video: at most 64, one a language. Its file is an object; `skipped` counts the cues of the
    /// upload that could not be read.
    pub struct Caption in "captions" {
        partition { video_id: VideoId }
        clustering { language: Language, Ascending; }
        columns { label: String, kind: Kind, cues: i64, skipped: i64, updated_at: Timestamp }
    }
}
