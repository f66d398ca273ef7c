//! The system as it runs: a server on a port of its own, embedded back ends in a folder of its own, real clients.

mod access;
mod accounts;
mod captions;
mod chapters;
mod chat;
mod codecs;
mod delivery;
mod encryption;
mod engagement;
mod imports;
mod jobs;
mod metadata;
mod process;
mod removal;
mod replace;
mod scan;
mod search;
mod sounds;
mod support;
mod thumbnails;
mod uploads;
mod videos;
