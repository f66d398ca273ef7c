//! What an uploader says about the video to be, and the check of it.

use super::UploadError;
use crate::{
    backends::store::tables::upload::Draft,
    domain::{access::Visibility, text::Invalid, video},
};

/// Not yet checked.
#[derive(Debug, Clone, Default)]
pub struct DraftInput {
    pub title: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub filename: Option<String>,
    /// The video whose file it takes the place of; then the rest says nothing.
    pub replaces: Option<String>,
}

/// Checks what an uploader says. A title that was left out is made from the file's name.
pub fn draft(input: DraftInput) -> Result<Draft, UploadError> {
    let invalid = |field| move |reason| UploadError::Invalid { field, reason };
    let filename: String =
        input.filename.unwrap_or_default().chars().filter(|c| !c.is_control()).take(255).collect();
    let named = filename.rsplit_once('.').map_or(filename.as_str(), |(stem, _)| stem).trim().to_owned();
    let title = match input.title.filter(|title| !title.trim().is_empty()) {
        Some(title) => video::title(&title).map_err(invalid("title"))?,
        None => video::title(&named).unwrap_or_else(|_| "Untitled".into()),
    };
    let visibility = match input.visibility.as_deref().map(str::trim) {
        None | Some("") => Visibility::Public,
        Some(name) => name.parse().map_err(|_| UploadError::Invalid {
            field: "visibility",
            reason: Invalid("is public, unlisted or private"),
        })?,
    };
    Ok(Draft {
        title,
        description: video::description(&input.description.unwrap_or_default())
            .map_err(invalid("description"))?,
        tags: video::tags(&input.tags).map_err(invalid("tags"))?,
        visibility,
        filename,
    })
}
