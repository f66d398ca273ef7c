//! What players read, rendered from renditions: pure functions from data to text. All addresses are relative
//! to the file they stand in, so that a token in the path of the first request covers all that follow.

mod beside;
pub mod dash;
pub mod hls;
mod sounds;
pub mod vtt;

pub use beside::{Beside, CaptionTrack, Sprite};
