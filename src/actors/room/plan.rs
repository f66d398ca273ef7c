//! One write of a room: commands in, entries and changed rows out. Pure: the writer task fetches the rows a plan is
//! missing, lets it decide, and makes the batch durable.

use std::collections::{BTreeMap, HashMap};

use playhouse_protocol::realtime::Posted;

use super::{
    chat::{herald::Call, moderation::Hush},
    error::RoomError,
    stream::{apply, bucket_of, comment, is_live, mutations, offset_in, offset_of, signed, unsigned},
};
use crate::{
    backends::store::tables::room::{Entry, EntryKind},
    domain::{
        access::{self, Standing, may_remove_comment},
        account::{Author, Identity},
        clock::Timestamp,
        ids::{CommentId, UserId, VideoId},
        mention,
    },
};

/// What someone wants to change, its words already checked.
#[derive(Debug, Clone)]
pub enum Command {
    Post {
        author: Author,
        /// What their account alone makes them.
        standing: Standing,
        text: String,
        at_ms: Option<u64>,
        parent: Option<u64>,
        key: Option<String>,
    },
    Edit {
        target: u64,
        who: Identity,
        text: String,
    },
    Remove {
        target: u64,
        who: Identity,
        standing: Standing,
    },
    /// Changes nothing and is refused as `NotFound`, once everything before it has been decided and written.
    Wait,
}

/// A row without its words, as a CQL batch has it: ids, names and numbers.
const ROW_BYTES: usize = 400;

impl Command {
    /// What is said by it.
    fn words(&self) -> &str {
        match self {
            Command::Post { text, .. } | Command::Edit { text, .. } => text,
            Command::Remove { .. } | Command::Wait => "",
        }
    }

    /// What it takes of a write. The words of a comment that is replied to are not known here.
    pub fn len_bytes(&self) -> usize {
        let rows = match self {
            Command::Post { parent: None, .. } => 1,
            Command::Post { .. } | Command::Edit { .. } | Command::Remove { .. } => 2,
            Command::Wait => 0,
        };
        rows * (ROW_BYTES + self.words().len())
    }

    /// Whoever says something by it.
    pub fn speaker(&self) -> Option<&UserId> {
        match self {
            Command::Post { author, .. } => Some(&author.id),
            Command::Edit { who, .. } => Some(&who.user_id),
            Command::Remove { .. } | Command::Wait => None,
        }
    }
}

/// A command, when it came, and who waits for its outcome.
#[derive(Debug, Clone)]
pub struct Pending<T> {
    pub ticket: T,
    pub command: Command,
    pub at: Timestamp,
}

pub type KeyIndex = HashMap<(UserId, String), u64>;

#[derive(Debug)]
pub struct Plan<T> {
    pub video: VideoId,
    pub epoch: String,
    pub owner: UserId,
    /// The offset its first entry gets; all entries lie in the bucket of this one.
    pub first: u64,
    pub commands: Vec<Pending<T>>,
    /// Rows in memory that the commands name.
    pub known: BTreeMap<u64, Entry>,
    /// Idempotency keys in memory that the commands name.
    pub keys: KeyIndex,
    /// Who of the authors may speak.
    pub hush: Hush,
}

pub type Answer<T> = (T, Result<Posted, RoomError>);

/// What a batch was decided from, in the order of its answers.
pub type Decided = Vec<(Command, Timestamp)>;

/// A decided write: all of it or nothing.
#[derive(Debug)]
pub struct Batch<T> {
    pub video: VideoId,
    pub epoch: String,
    pub first: u64,
    /// New rows, offset after offset.
    pub entries: Vec<Entry>,
    /// Older rows as they are after it, in whatever bucket.
    pub changed: BTreeMap<u64, Entry>,
    /// By how much the number of live comments changes: in the bucket that is written, and in older ones.
    pub live_here: i64,
    pub live_older: i64,
    pub answers: Vec<Answer<T>>,
    /// Who has spoken and must wait now.
    pub spoken: Vec<(UserId, Timestamp)>,
    /// Whom the new comments concern.
    pub calls: Vec<Call>,
}

impl<T> Batch<T> {
    pub fn bucket(&self) -> i64 {
        bucket_of(self.first)
    }

    /// The offset after its last entry.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The rows that are written together with the entries.
    pub fn rows_here(&self) -> impl Iterator<Item = &Entry> {
        let bucket = self.bucket();
        self.changed.values().filter(move |row| row.bucket == bucket)
    }
}

impl<T> Plan<T> {
    /// Offsets of rows that must be fetched before it can decide. Ask again after fetching: rows name rows.
    pub fn missing(&self) -> Vec<u64> {
        let mut wanted: Vec<u64> = self.named().collect();
        let parents = wanted.iter().filter_map(|target| self.parent_of(self.known.get(target)?));
        let parents: Vec<u64> = parents.collect();
        wanted.extend(parents);
        wanted.retain(|offset| *offset < self.first && !self.known.contains_key(offset));
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn named(&self) -> impl Iterator<Item = u64> {
        self.commands.iter().filter_map(|pending| match &pending.command {
            Command::Post { parent, .. } => *parent,
            Command::Edit { target, .. } | Command::Remove { target, .. } => Some(*target),
            Command::Wait => None,
        })
    }

    /// Whether a command is about something that is not known to exist.
    pub fn names_what_is_to_come(&self) -> bool {
        self.named().any(|offset| offset >= self.first)
    }

    fn parent_of(&self, row: &Entry) -> Option<u64> {
        offset_in(&self.video, row.parent_id.as_ref()?)
    }

    pub fn learn(&mut self, rows: impl IntoIterator<Item = Entry>) {
        self.known.extend(rows.into_iter().map(|row| (offset_of(&row), row)));
    }

    /// Rows that do not exist must have been asked for before.
    pub fn decide(self) -> (Batch<T>, Decided) {
        let Plan { video, epoch, owner, first, commands, known, keys, hush } = self;
        let batch = Batch {
            video,
            epoch,
            first,
            entries: Vec::new(),
            changed: BTreeMap::new(),
            live_here: 0,
            live_older: 0,
            answers: Vec::new(),
            spoken: Vec::new(),
            calls: Vec::new(),
        };
        let mut draft = Draft { batch, owner, known, keys, hush, answers: Vec::new() };
        let mut decided = Decided::with_capacity(commands.len());
        for Pending { ticket, command, at } in commands {
            let outcome = draft.take(&command, at);
            draft.answers.push((ticket, outcome));
            decided.push((command, at));
        }
        (draft.finish(), decided)
    }
}

/// A batch in the making. Outcomes name the offset of the comment they are about until all rows are final.
struct Draft<T> {
    batch: Batch<T>,
    owner: UserId,
    known: BTreeMap<u64, Entry>,
    keys: KeyIndex,
    hush: Hush,
    answers: Vec<(T, Result<Outcome, RoomError>)>,
}

struct Outcome {
    /// The comment.
    target: u64,
    /// The entry that says so.
    offset: u64,
}

impl<T> Draft<T> {
    fn take(&mut self, command: &Command, at: Timestamp) -> Result<Outcome, RoomError> {
        match command {
            Command::Post { author, key, .. } => {
                let known = key.clone().and_then(|key| self.keys.get(&(author.id.clone(), key)).copied());
                match known {
                    Some(offset) => {
                        self.live(offset)?;
                        Ok(Outcome { target: offset, offset })
                    }
                    None => self.post(command, at),
                }
            }
            Command::Edit { target, who, text } => {
                let row = self.live(*target)?;
                if row.author_id != who.user_id {
                    return Err(RoomError::Forbidden);
                }
                self.hush.check_edit(&who.user_id, at)?;
                let mut entry = self.entry(EntryKind::Edit, &who.author(), at);
                entry.text.clone_from(text);
                entry.target = Some(signed(*target));
                Ok(Outcome { target: *target, offset: self.append(entry) })
            }
            Command::Remove { target, who, standing } => {
                let row = self.live(*target)?;
                let standing = access::standing(&self.owner, who).max(*standing);
                if !may_remove_comment(&row.author_id, &who.user_id, standing) {
                    return Err(RoomError::Forbidden);
                }
                let (at_ms, parent_id) = (row.at_ms, row.parent_id.clone());
                let mut entry = self.entry(EntryKind::Removal, &who.author(), at);
                entry.target = Some(signed(*target));
                (entry.at_ms, entry.parent_id) = (at_ms, parent_id);
                Ok(Outcome { target: *target, offset: self.append(entry) })
            }
            Command::Wait => Err(RoomError::NotFound),
        }
    }

    fn post(&mut self, command: &Command, at: Timestamp) -> Result<Outcome, RoomError> {
        let Command::Post { author, standing, text, at_ms, parent, key } = command else {
            return Err(RoomError::NotFound);
        };
        let standing = if author.id == self.owner { Standing::Chief } else { *standing };
        self.hush.check_post(&author.id, standing, at)?;
        let parent_id = parent.map(|parent| self.parent(parent)).transpose()?;
        let answered = parent.and_then(|parent| self.live(parent).ok().map(|row| row.author_id.clone()));
        let mut entry = self.entry(EntryKind::Comment, author, at);
        entry.text.clone_from(text);
        entry.at_ms = at_ms.map(signed);
        entry.parent_id = parent_id;
        entry.key.clone_from(key);
        if let Some(key) = key.clone() {
            self.keys.insert((author.id.clone(), key), offset_of(&entry));
        }
        self.batch.spoken.extend(self.hush.on_posted(&author.id, standing, at));
        self.batch.live_here += 1;
        let offset = self.append(entry);
        let names = mention::names(text);
        if answered.is_some() || !names.is_empty() {
            self.batch.calls.push(Call { offset, author: author.id.clone(), answered, names });
        }
        Ok(Outcome { target: offset, offset })
    }

    /// A comment that is alive, in this batch or before it.
    fn live(&self, offset: u64) -> Result<&Entry, RoomError> {
        let row = match offset.checked_sub(self.batch.first) {
            Some(index) => usize::try_from(index).ok().and_then(|index| self.batch.entries.get(index)),
            None => self.known.get(&offset),
        };
        row.filter(|row| is_live(row)).ok_or(RoomError::NotFound)
    }

    fn parent(&self, offset: u64) -> Result<CommentId, RoomError> {
        match self.live(offset) {
            Ok(_) => Ok(CommentId::at(&self.batch.video, offset)),
            Err(_) => Err(RoomError::invalid("parent_id", "names no comment of this video")),
        }
    }

    fn entry(&self, kind: EntryKind, author: &Author, at: Timestamp) -> Entry {
        let offset = self.batch.end();
        Entry {
            video_id: self.batch.video.clone(),
            bucket: self.batch.bucket(),
            offset: signed(offset),
            kind,
            author_id: author.id.clone(),
            username: author.username.clone(),
            display_name: author.display_name.clone(),
            text: String::new(),
            at_ms: None,
            parent_id: None,
            key: None,
            target: None,
            created_at: at,
            edited_at: None,
            replies: 0,
            applied: signed(offset),
            removed: false,
        }
    }

    fn append(&mut self, entry: Entry) -> u64 {
        let offset = offset_of(&entry);
        for (target, mutation) in mutations(&entry) {
            self.mutate(target, |row| apply(row, &mutation, offset));
        }
        self.batch.entries.push(entry);
        offset
    }

    fn mutate(&mut self, target: u64, change: impl FnOnce(&mut Entry) -> i64) {
        let here = bucket_of(target) == self.batch.bucket();
        let row = match target.checked_sub(self.batch.first) {
            Some(index) => usize::try_from(index).ok().and_then(|index| self.batch.entries.get_mut(index)),
            None => self.known.get_mut(&target),
        };
        let Some(row) = row else { return };
        let difference = change(row);
        if target < self.batch.first {
            self.batch.changed.insert(target, row.clone());
        }
        match here {
            true => self.batch.live_here += difference,
            false => self.batch.live_older += difference,
        }
    }

    fn finish(self) -> Batch<T> {
        let Draft { mut batch, known, answers, .. } = self;
        let row = |offset: u64, entries: &[Entry]| match offset.checked_sub(batch.first) {
            Some(index) => entries[usize::try_from(index).expect("a batch is short")].clone(),
            None => known[&offset].clone(),
        };
        let shown = |outcome: Outcome, entries: &[Entry]| {
            let row = row(outcome.target, entries);
            Posted { comment: comment(&row), offset: outcome.offset }
        };
        batch.answers = answers
            .into_iter()
            .map(|(ticket, outcome)| (ticket, outcome.map(|outcome| shown(outcome, &batch.entries))))
            .collect();
        batch
    }
}

/// The rows an entry changes that lie in another bucket than the entry itself.
pub fn mutations_elsewhere(entry: &Entry) -> Vec<(u64, super::stream::Mutation)> {
    let here = unsigned(entry.bucket);
    mutations(entry).into_iter().filter(|(target, _)| unsigned(bucket_of(*target)) != here).collect()
}
