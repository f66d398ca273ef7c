//! The media pipeline as it runs: real `playhouse media-worker` processes over clips made here, their output
//! decoded by ffmpeg.

mod bench;
mod chunks;
mod clips;
mod codecs;
mod content;
mod hostile;
mod several;
mod sound;
mod sources;
mod supervision;
