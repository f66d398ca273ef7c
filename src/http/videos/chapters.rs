//! The chapters of a video: those its description says, else those of its file.

use playhouse_protocol::rest;

use crate::{
    backends::store::tables::video::Video,
    domain::chapter::{Chapter, of_description, of_file},
    media::Catalogue,
};

pub fn of(video: &Video, catalogue: &Catalogue) -> Vec<Chapter> {
    let duration_ms = video.duration_ms.and_then(|ms| u64::try_from(ms).ok());
    let said = of_description(&video.description, duration_ms);
    if said.is_empty() { of_file(&catalogue.chapters, duration_ms) } else { said }
}

pub fn shown(chapters: Vec<Chapter>) -> Vec<rest::Chapter> {
    chapters.into_iter().map(|Chapter { start_ms, title }| rest::Chapter { start_ms, title }).collect()
}
