//! Bytes in, renditions out: what a source is ([`probe`]), what is made of it ([`plan`], [`ladder`]), the
//! child process that makes it ([`worker`] starts it, `gst` is its inside), what it made ([`catalogue`])
//! and how players are told ([`manifest`]). The transcode job actor calls [`worker::run`] once a stage and
//! folds the events into a [`Catalogue`]; http renders playlists from what the catalogue keeps.
//! Nothing here knows a store, an actor, a route or the configuration, and GStreamer never runs in the
//! process that calls this: only `playhouse media-worker` ([`worker_main`]) loads it.

pub mod captions;
pub mod catalogue;
pub mod chunk;
pub mod failure;
mod gst;
pub mod image;
mod index;
mod iso_chapters;
pub mod ladder;
pub mod language;
pub mod layout;
pub mod limits;
pub mod manifest;
mod picture;
pub mod plan;
pub mod probe;
pub mod protection;
pub mod protocol;
pub mod rendition;
mod sniff;
pub mod sound;
pub mod thumbnails;
pub mod worker;

pub use catalogue::Catalogue;
pub use chunk::Chunk;
pub use failure::{Failure, FailureCode};
pub use gst::worker_main;
pub use limits::Limits;
pub use plan::{Plan, Stage};
pub use probe::Probe;
pub use protection::Protection;
pub use protocol::{Event, Job, Task};
pub use rendition::{Rendition, RenditionId};
pub use sniff::container_of;
pub use worker::{WorkerOptions, run};
