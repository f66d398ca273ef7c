//! What an entry of the stream means for other rows, and how a row is shown. Pure; shared by the plan of a write,
//! by repairs after a crash, and by readers.

use playhouse_protocol::rest;

use crate::{
    backends::store::tables::room::{BUCKET_LEN, Entry, EntryKind},
    domain::{
        clock::Timestamp,
        ids::{CommentId, VideoId},
    },
};

/// The first offset of every stream; 0 stands for "nothing yet".
pub const FIRST_OFFSET: u64 = 1;

pub fn bucket_of(offset: u64) -> i64 {
    signed(offset / BUCKET_LEN)
}

/// The first offset of a bucket.
pub fn first_of(bucket: i64) -> u64 {
    (unsigned(bucket) * BUCKET_LEN).max(FIRST_OFFSET)
}

/// Offsets and lengths are far below 2^63 in the store and never negative.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The offset a comment's id names in the stream of this video.
pub fn offset_in(video: &VideoId, id: &CommentId) -> Option<u64> {
    let (named, offset) = id.location()?;
    (named == *video && (FIRST_OFFSET..i64::MAX as u64).contains(&offset)).then_some(offset)
}

/// What an entry does to the row of an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub enum Mutation {
    Words { text: String, at: Timestamp },
    Blank,
    Replies(i64),
}

/// The rows an entry changes, besides being one.
pub fn mutations(entry: &Entry) -> Vec<(u64, Mutation)> {
    let parent = entry.parent_id.as_ref().and_then(|id| offset_in(&entry.video_id, id));
    let target = entry.target.map(unsigned);
    match entry.kind {
        EntryKind::Comment => parent.map(|parent| (parent, Mutation::Replies(1))).into_iter().collect(),
        EntryKind::Edit => {
            let words = Mutation::Words { text: entry.text.clone(), at: entry.created_at };
            target.map(|target| (target, words)).into_iter().collect()
        }
        EntryKind::Removal => {
            let blanked = target.map(|target| (target, Mutation::Blank));
            blanked.into_iter().chain(parent.map(|parent| (parent, Mutation::Replies(-1)))).collect()
        }
    }
}

/// Applies what the entry at `offset` does to a row, once however often it is asked to. Returns by how much the number
/// of comments that are alive changes.
pub fn apply(row: &mut Entry, mutation: &Mutation, offset: u64) -> i64 {
    if row.applied >= signed(offset) {
        return 0;
    }
    row.applied = signed(offset);
    match mutation {
        Mutation::Words { text, at } if !row.removed => {
            row.text.clone_from(text);
            row.edited_at = Some(*at);
            0
        }
        Mutation::Blank if is_live(row) => {
            row.removed = true;
            row.text.clear();
            row.username.clear();
            row.display_name.clear();
            -1
        }
        Mutation::Replies(difference) => {
            row.replies += difference;
            0
        }
        Mutation::Words { .. } | Mutation::Blank => 0,
    }
}

/// By how much an entry changes the number of live comments. Only what is alive can be removed, so that each counts once.
pub fn live_difference(entry: &Entry) -> i64 {
    match entry.kind {
        EntryKind::Comment => 1,
        EntryKind::Edit => 0,
        EntryKind::Removal => -1,
    }
}

/// Whether a row is a comment that can be shown.
pub fn is_live(row: &Entry) -> bool {
    row.kind == EntryKind::Comment && !row.removed
}

pub fn offset_of(row: &Entry) -> u64 {
    unsigned(row.offset)
}

pub fn comment(row: &Entry) -> rest::Comment {
    rest::Comment {
        id: CommentId::at(&row.video_id, offset_of(row)).into(),
        video_id: row.video_id.to_string(),
        user: rest::Author {
            id: row.author_id.to_string(),
            username: row.username.clone(),
            display_name: row.display_name.clone(),
            avatar_url: None,
        },
        text: row.text.clone(),
        at_ms: row.at_ms.map(unsigned),
        parent_id: row.parent_id.as_ref().map(ToString::to_string),
        created_at: row.created_at.to_rfc3339(),
        edited_at: row.edited_at.map(Timestamp::to_rfc3339),
        likes: 0,
        replies: unsigned(row.replies),
    }
}
