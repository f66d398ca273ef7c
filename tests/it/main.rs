//! The system as it runs: a server on a port of its own, embedded back ends in a folder of its own, real clients.

mod access;
mod accounts;
mod chat;
mod delivery;
mod encryption;
mod engagement;
mod imports;
mod process;
mod support;
mod uploads;
mod videos;
