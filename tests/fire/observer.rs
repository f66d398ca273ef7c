//! Those who only look: they sit in rooms, come back after every kill with the last they saw, and keep what was said
//! at each place of a stream. A place may never say something else, nothing may come twice or be passed over.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{field::Field, person::Socket, served::random::Random};

const PAUSE: Duration = Duration::from_millis(20);
const ANSWER_MAX: Duration = Duration::from_secs(15);
const ROOMS: usize = 5;

/// What anybody has seen of a stream, which all must have seen alike.
#[derive(Default)]
pub struct Record {
    /// By (room, epoch, offset).
    places: Mutex<BTreeMap<(usize, String, u64), String>>,
    /// Where a comment's removal lies, as far as all that was seen of it says, by (room, epoch, id).
    removals: Mutex<BTreeMap<(usize, String, String), RangeInclusive<u64>>>,
    settled: CancellationToken,
}

impl Record {
    /// Keeps it; says so if something else was seen there before.
    fn keep(&self, room: usize, epoch: &str, offset: u64, content: String) -> Option<String> {
        let mut places = self.places.lock().expect("nobody panics with it");
        let seen = places.entry((room, epoch.to_owned(), offset)).or_insert_with(|| content.clone());
        (*seen != content)
            .then(|| format!("room {room}, {epoch}, offset {offset}: first {seen}, then {content}"))
    }

    /// Keeps that a comment's removal lies there; says so if others have seen it somewhere else. How many removals come
    /// in one event differs between nodes and moments, and only the last of them has the event's offset.
    fn keep_removal(
        &self,
        room: usize,
        epoch: &str,
        id: &str,
        offsets: RangeInclusive<u64>,
    ) -> Option<String> {
        let mut removals = self.removals.lock().expect("nobody panics with it");
        let known =
            removals.entry((room, epoch.to_owned(), id.to_owned())).or_insert_with(|| offsets.clone());
        let both = *known.start().max(offsets.start())..=*known.end().min(offsets.end());
        if both.is_empty() {
            return Some(format!("room {room}, {epoch}: {id} was removed at {known:?}, then at {offsets:?}"));
        }
        *known = both;
        None
    }

    /// Nothing more will happen: who watches may look a last time.
    pub fn settle(&self) {
        self.settled.cancel();
    }
}

/// What one observer knows of a room.
#[derive(Debug, Default, Clone)]
pub struct View {
    epoch: String,
    offset: u64,
    /// Comments that came and have not been removed.
    pub comments: BTreeSet<String>,
    /// The last comment of all has come, and everything before it.
    ended: bool,
}

/// The words of the last comment of a room.
pub const LAST_WORDS: &str = "the end";

/// What one observer has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub rooms: BTreeMap<usize, View>,
    pub resumed: u64,
    /// Sockets with which all rooms could be joined.
    pub sockets: u64,
    pub wrong: Vec<String>,
}

pub struct Observer {
    field: Arc<Field>,
    rooms: Vec<usize>,
    seen: Seen,
}

impl Observer {
    pub fn new(field: Arc<Field>, number: usize) -> Self {
        let rooms = Self::rooms(&field, number).into_iter().collect();
        Self { field, rooms, seen: Seen::default() }
    }

    /// Where an observer sits.
    pub fn rooms(field: &Field, number: usize) -> BTreeSet<usize> {
        let mut random = Random::new(field.seed.wrapping_add(77).wrapping_mul(number as u64 + 1));
        let others = (1..ROOMS).map(|_| 1 + random.below(field.ground.videos.len() - 1));
        std::iter::once(crate::intent::HOT).chain(others).collect()
    }

    /// Until nothing more will happen, and everything that has happened was seen.
    pub async fn watch(mut self) -> Seen {
        let mut storms = self.field.storms.subscribe();
        loop {
            let last = self.field.record.settled.is_cancelled();
            if let Some(mut socket) = Socket::connect(self.field.addr, None).await
                && self.join_all(&mut socket).await.is_some()
            {
                self.seen.sockets += 1;
                if last {
                    return self.see_the_end(&mut socket).await;
                }
                let settled = self.field.record.settled.clone();
                tokio::select! {
                    () = settled.cancelled() => {}
                    _ = storms.changed() => continue,
                    () = self.listen(&mut socket) => {}
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// What waits for the next tick comes after the answer to a join.
    async fn see_the_end(mut self, socket: &mut Socket) -> Seen {
        while !self.seen.rooms.values().all(|view| view.ended) {
            let Ok(Some(said)) = timeout(ANSWER_MAX, socket.hear()).await else {
                self.complain("the last words of a room never came".to_owned());
                break;
            };
            self.hear(&said);
        }
        self.seen
    }

    /// `None`: the socket is gone.
    async fn join_all(&mut self, socket: &mut Socket) -> Option<()> {
        for room in self.rooms.clone() {
            let name = self.field.ground.videos[room].clone();
            let known = self.seen.rooms.get(&room);
            let since = known.map(|view| json!({"epoch": view.epoch, "offset": view.offset}));
            let mut request = json!({"op": "join", "room": name});
            if let Some(since) = since {
                request["since"] = since;
            }
            let id = socket.send(request).await?;
            loop {
                let said = timeout(ANSWER_MAX, socket.hear()).await.ok()??;
                match said["re"] == json!(id) {
                    true if said["ok"].is_object() => break self.joined(room, &said["ok"]),
                    // The room is just being loaded, or the store is.
                    true => return None,
                    false => self.hear(&said),
                }
            }
        }
        Some(())
    }

    fn joined(&mut self, room: usize, snapshot: &Value) {
        let (epoch, offset) = (text(&snapshot["epoch"]), number(&snapshot["offset"]));
        let recovered = snapshot["recovered"] == json!(true);
        let before = self.seen.rooms.get(&room).cloned().unwrap_or_default();
        let known = !before.epoch.is_empty();
        if known && before.offset > 0 && !recovered {
            self.complain(format!("room {room}: {before:?} could not be resumed at {epoch}/{offset}"));
        }
        if known && recovered && offset < before.offset {
            self.complain(format!("room {room}: the stream has shrunk from {} to {offset}", before.offset));
        }
        self.seen.resumed += u64::from(recovered);
        let view = View { epoch: epoch.clone(), offset, ..before.clone() };
        self.seen.rooms.insert(room, view);
        for item in items(&snapshot["comments"]) {
            self.comment(room, &epoch, item, before.offset, offset);
        }
        self.removals(room, &epoch, items(&snapshot["removed"]), before.offset, offset);
    }

    async fn listen(&mut self, socket: &mut Socket) {
        while let Some(said) = socket.hear().await {
            self.hear(&said);
        }
    }

    fn hear(&mut self, said: &Value) {
        let Some(room) =
            self.rooms.iter().copied().find(|room| said["room"] == json!(self.field.ground.videos[*room]))
        else {
            return;
        };
        // Everything else is the latest state of something, and no part of the stream.
        let stream = ["comments", "removed", "edited"];
        let Some(kind) = said["ev"].as_str().filter(|kind| stream.contains(kind)) else { return };
        let offset = number(&said["offset"]);
        let view = self.seen.rooms.entry(room).or_default();
        let (epoch, before) = (view.epoch.clone(), view.offset);
        view.offset = offset;
        if offset <= before {
            self.complain(format!("room {room}: offset {offset} after {before}: {said}"));
        }
        match kind {
            "comments" => {
                let mut last = before;
                for item in items(&said["items"]) {
                    last = self.comment(room, &epoch, item, last, offset);
                }
            }
            "removed" => {
                let ids = items(&said["ids"]);
                self.removals(room, &epoch, ids, before, offset);
                self.keep(room, &epoch, offset, format!("removed {:?}", ids.last()));
                if let Some(last) = ids.last() {
                    let last = std::slice::from_ref(last);
                    self.removals(room, &epoch, last, offset.saturating_sub(1), offset);
                }
            }
            _ => self.keep(room, &epoch, offset, kind.to_owned()),
        }
    }

    /// A comment must lie after what was known and not beyond what it came with. Returns its offset.
    fn comment(&mut self, room: usize, epoch: &str, item: &Value, after: u64, up_to: u64) -> u64 {
        let id = text(&item["id"]);
        let offset = id.rsplit_once('-').and_then(|(_, offset)| u64::from_str_radix(offset, 16).ok());
        let offset = offset.unwrap_or_default();
        let view = self.seen.rooms.entry(room).or_default();
        view.ended |= item["text"] == json!(LAST_WORDS);
        let replaced = !view.comments.insert(id.clone());
        if offset <= after || offset > up_to || replaced {
            self.complain(format!(
                "room {room}: comment {id} came between {after} and {up_to}, again: {replaced}"
            ));
        }
        let content = format!("{id} of {} at {}", item["user"]["id"], item["created_at"]);
        self.keep(room, epoch, offset, content);
        offset
    }

    /// They follow one another, after what was known and not beyond what they came with.
    fn removals(&mut self, room: usize, epoch: &str, ids: &[Value], after: u64, up_to: u64) {
        for (index, id) in ids.iter().enumerate() {
            let id = text(id);
            let following = (ids.len() - 1 - index) as u64;
            let offsets = after + 1 + index as u64..=up_to.saturating_sub(following);
            self.seen.rooms.entry(room).or_default().comments.remove(&id);
            let moved = self.field.record.keep_removal(room, epoch, &id, offsets);
            self.seen.wrong.extend(moved);
        }
    }

    fn keep(&mut self, room: usize, epoch: &str, offset: u64, content: String) {
        let changed = self.field.record.keep(room, epoch, offset, content);
        self.seen.wrong.extend(changed);
    }

    fn complain(&mut self, wrong: String) {
        self.seen.wrong.push(wrong);
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
