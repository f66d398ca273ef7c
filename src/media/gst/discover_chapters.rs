//! The chapters a file brought along, as GStreamer's table of contents has them. MP4 has none there in 1.22, and is
//! looked into here.

use std::{fs::File, path::Path};

use gstreamer as gst;

use crate::{
    domain::chapter::{CHAPTERS_MAX, Chapter, title},
    media::{iso_chapters, probe::Container},
};

/// In the order of the file; `domain::chapter::of_file` decides which are shown.
pub fn chapters(source: &Path, container: Container, toc: Option<gst::Toc>) -> Vec<Chapter> {
    match toc {
        Some(toc) => of_toc(&toc),
        None if container == Container::IsoBmff => {
            File::open(source).map(iso_chapters::chapters).unwrap_or_default()
        }
        None => Vec::new(),
    }
}

fn of_toc(toc: &gst::Toc) -> Vec<Chapter> {
    let mut found = Vec::new();
    toc.entries().iter().for_each(|entry| collect(entry, &mut found));
    found
}

/// Chapters stand below an edition, or at the top; parts of a chapter are left out.
fn collect(entry: &gst::TocEntry, found: &mut Vec<Chapter>) {
    if entry.entry_type() != gst::TocEntryType::Chapter {
        return entry.sub_entries().iter().for_each(|entry| collect(entry, found));
    }
    let start = entry.start_stop_times().and_then(|(start, _)| u64::try_from(start).ok());
    let tags = entry.tags();
    let named = tags.as_ref().and_then(|tags| tags.get::<gst::tags::Title>());
    let title = named.and_then(|named| title(named.get()));
    if let (Some(start_ns), Some(title)) = (start, title)
        && found.len() < CHAPTERS_MAX
    {
        found.push(Chapter { start_ms: start_ns / 1_000_000, title });
    }
}
