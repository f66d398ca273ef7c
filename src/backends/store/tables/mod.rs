//! The tables, one file a family. A new one is a `record!` in its file and a line in [`ALL`].

pub mod account;
pub mod caption;
pub mod channel;
pub mod chat;
pub mod content_key;
pub mod feed;
pub mod installation;
pub mod poster;
pub mod probe;
pub mod room;
pub mod tally;
pub mod upload;
pub mod video;

use super::{Record, Table};

/// Every declared table: what the CQL schema is made from.
pub const ALL: &[&Table] = &[
    account::Account::TABLE,
    account::NameClaim::TABLE,
    account::RefreshFamily::TABLE,
    account::FirstStart::TABLE,
    account::ListedAccount::TABLE,
    caption::Caption::TABLE,
    channel::Channel::TABLE,
    channel::Moderator::TABLE,
    chat::RoomChat::TABLE,
    chat::TimeOut::TABLE,
    chat::Speaker::TABLE,
    chat::Poll::TABLE,
    content_key::ContentKeys::TABLE,
    feed::FeedEntry::TABLE,
    feed::FeedBucket::TABLE,
    installation::KnownSeed::TABLE,
    poster::Poster::TABLE,
    probe::Probe::TABLE,
    room::Room::TABLE,
    room::Entry::TABLE,
    room::ReplyPointer::TABLE,
    room::MomentPointer::TABLE,
    room::CountedPlayback::TABLE,
    tally::Member::TABLE,
    upload::Upload::TABLE,
    upload::UploadKey::TABLE,
    upload::StoredFile::TABLE,
    upload::UploadPiece::TABLE,
    upload::GatheringUpload::TABLE,
    video::Video::TABLE,
    video::Catalogue::TABLE,
    video::Job::TABLE,
    video::Piece::TABLE,
    video::PendingJob::TABLE,
    video::Removal::TABLE,
    video::Replacement::TABLE,
];
