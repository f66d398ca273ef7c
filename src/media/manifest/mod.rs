//! What players read, rendered from renditions: pure functions from data to text. All addresses are relative
//! to the file they stand in, so that a token in the path of the first request covers all that follow.

mod beside;
pub mod dash;
pub mod hls;
mod sounds;
pub mod vtt;

pub use beside::{Beside, CaptionTrack, Sprite};

use super::rendition::Rendition;

/// H.264 first: a player that knows nothing else takes the first it knows. No group is empty.
fn by_codec<'a>(pictures: &[&'a Rendition]) -> Vec<Vec<&'a Rendition>> {
    let (second, first) =
        pictures.iter().copied().partition::<Vec<&Rendition>, _>(|it| it.is_in_second_codec());
    [first, second].into_iter().filter(|group| !group.is_empty()).collect()
}
