//! What a room has done outside of its mailbox: writes and reads of the store, one task each. Every task ends with a
//! [`Done`], even if it panics.

use std::{collections::HashSet, panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, StreamExt, stream};
use playhouse_protocol::realtime::Posted;
use tokio::{sync::mpsc::UnboundedSender, time::timeout};

use super::{
    actor::{Message, Room},
    chat::{
        self, VoteTicket,
        polls::{self, Vote},
    },
    error::RoomError,
    gather::{self, React, View},
    keeper::{Committed, Keeper},
    plan::{Answer, Batch, Pending, Plan},
    state::{Followed, Loaded},
};
use crate::{
    actors::directory::{Myself, Reply},
    backends::{
        store::{StoreError, StoreResult, tables::room::CountedPlayback},
        tallies::{Applied, Tallies},
    },
    domain::{
        clock::Timestamp,
        ids::{PlaybackId, PollId, UserId},
        reaction::Reaction,
        tally::{Kind, MemberChange, Tally, TallyKey},
    },
    telemetry::tasks,
};

pub type Ticket = Reply<Result<Posted, RoomError>>;
pub type ReactTicket = Reply<Result<playhouse_protocol::rest::ReactionTotals, RoomError>>;
pub type ViewTicket = Reply<Result<bool, RoomError>>;

/// How long it is remembered that a playing has counted.
const PLAYBACK_TTL: Duration = Duration::from_secs(24 * 3_600);
const AT_ONCE: usize = 16;

pub enum Done {
    /// The entries are durable.
    Committed(Batch<Ticket>),
    /// What they concern is up to date, or may not be.
    Settled(StoreResult<()>),
    /// Nothing had to be written.
    Decided(Vec<Answer<Ticket>>),
    /// It is not known whether something was written.
    NotWritten(Vec<Ticket>, String),
    /// Others have written first: nothing was, and these commands are to be decided anew.
    Overtaken(Vec<Pending<Ticket>>),
    Followed(StoreResult<Option<Followed>>),
    /// Reactions and views, as all rooms have written them.
    Counted(StoreResult<(Tally, Tally)>),
    Reloaded(StoreResult<Loaded>),
    Reacted(Vec<React<ReactTicket>>, StoreResult<Applied>),
    Viewed(Vec<(View<ViewTicket>, bool)>, Tally),
    NotViewed(Vec<View<ViewTicket>>, StoreError),
    Chat(chat::Done),
    /// The task failed: the room must start again.
    Crashed(&'static str),
}

/// Where tasks leave what they have done. The channel holds no more than there are tasks, and unlike the mailbox it
/// stays open while the room leaves.
#[derive(Clone)]
pub struct Desk {
    pub done: UnboundedSender<Done>,
    pub room: Myself<Room>,
}

impl Desk {
    pub fn put(&self, done: Done) {
        // Nobody is left to hear it when the room is gone, and then nobody needs to.
        drop(self.done.send(done));
        drop(self.room.tell(Message::Wake));
    }

    pub fn start(&self, kind: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let desk = self.clone();
        drop(tasks::spawn(kind, async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                desk.put(Done::Crashed(kind));
            }
        }));
    }

    pub fn write(&self, keeper: Keeper, mut plan: Plan<Ticket>) {
        let desk = self.clone();
        self.start("room_write", async move {
            let is_behind = match keeper.complete(&mut plan).await {
                Ok(()) => keeper.is_behind(&plan).await,
                Err(error) => Err(error),
            };
            match is_behind {
                Ok(false) => {}
                Ok(true) => return desk.put(Done::Overtaken(plan.commands)),
                Err(error) => {
                    let tickets = plan.commands.into_iter().map(|pending| pending.ticket).collect();
                    return desk.put(Done::NotWritten(tickets, error.to_string()));
                }
            }
            if plan.hush.was_outdated {
                desk.put(Done::Chat(chat::Done::Outdated));
            }
            let slow_mode = plan.hush.slow_mode;
            let (batch, decided) = plan.decide();
            if batch.entries.is_empty() {
                return desk.put(Done::Decided(batch.answers));
            }
            let (batch, reason) = match keeper.commit(batch).await {
                Committed::Done(batch) => {
                    let entries = batch.entries.clone();
                    desk.put(Done::Committed(batch));
                    return desk.put(Done::Settled(keeper.settle(&entries, slow_mode).await));
                }
                Committed::Fenced(batch) => {
                    let tickets = batch.answers.into_iter().map(|(ticket, _)| ticket);
                    let again = tickets.zip(decided);
                    let again = again.map(|(ticket, (command, at))| Pending { ticket, command, at });
                    return desk.put(Done::Overtaken(again.collect()));
                }
                Committed::Unknown(batch, error) => (batch, error.to_string()),
            };
            let tickets = batch.answers.into_iter().map(|(ticket, _)| ticket).collect();
            desk.put(Done::NotWritten(tickets, reason));
        });
    }

    pub fn reload(&self, keeper: Keeper) {
        let desk = self.clone();
        self.start("room_reload", async move { desk.put(Done::Reloaded(keeper.load().await)) });
    }

    pub fn follow(&self, keeper: Keeper, epoch: String, from: u64) {
        let desk = self.clone();
        self.start("room_follow", async move {
            desk.put(Done::Followed(keeper.follow(&epoch, from).await));
        });
    }

    pub fn recount(&self, ledger: Ledger) {
        let desk = self.clone();
        self.start("room_recount", async move {
            let both = async { Ok((ledger.read(Kind::Reaction).await?, ledger.read(Kind::View).await?)) };
            desk.put(Done::Counted(both.await));
        });
    }

    pub fn react(&self, ledger: Ledger, reacts: Vec<React<ReactTicket>>) {
        let desk = self.clone();
        self.start("room_react", async move {
            let applied = ledger.apply(Kind::Reaction, gather::changes(&reacts)).await;
            desk.put(Done::Reacted(reacts, applied));
        });
    }

    pub fn view(&self, ledger: Ledger, views: Vec<View<ViewTicket>>, now: Timestamp) {
        let desk = self.clone();
        self.start("room_view", async move {
            match ledger.count_views(&views, now).await {
                Ok((counted, tally)) => {
                    desk.put(Done::Viewed(views.into_iter().zip(counted).collect(), tally));
                }
                Err(error) => desk.put(Done::NotViewed(views, error)),
            }
        });
    }
}

/// The tallies of one video.
#[derive(Clone)]
pub struct Ledger {
    pub tallies: Tallies,
    pub keeper: Keeper,
    pub view_window: Duration,
}

impl Ledger {
    fn key(&self, kind: Kind) -> TallyKey {
        TallyKey::new(kind, &self.keeper.video)
    }

    pub async fn read(&self, kind: Kind) -> StoreResult<Tally> {
        within(self.keeper.deadline, self.tallies.read(&self.key(kind))).await
    }

    pub async fn reaction_of(&self, user: &UserId) -> StoreResult<Option<Reaction>> {
        let key = self.key(Kind::Reaction);
        let value = within(self.keeper.deadline, self.tallies.value_of(&key, user.as_str())).await?;
        Ok(value.and_then(Reaction::from_value))
    }

    async fn apply(&self, kind: Kind, changes: Vec<MemberChange>) -> StoreResult<Applied> {
        within(self.keeper.deadline, self.tallies.apply(&self.key(kind), changes)).await
    }

    /// Votes on one poll: all that are gathered are on the one that was open.
    pub async fn vote(&self, votes: &[Vote<VoteTicket>]) -> StoreResult<Applied> {
        let poll = votes.first().expect("votes are written only where there are some");
        let key = polls::tally_of(&poll.poll);
        within(self.keeper.deadline, self.tallies.apply(&key, polls::changes(votes))).await
    }

    pub async fn votes_on(&self, poll: &PollId) -> StoreResult<Tally> {
        within(self.keeper.deadline, self.tallies.read(&polls::tally_of(poll))).await
    }

    /// Whether the poll that these votes are on takes votes.
    pub async fn is_open(&self, votes: &[Vote<VoteTicket>]) -> StoreResult<bool> {
        let Some(vote) = votes.first() else { return Ok(false) };
        Ok(self.keeper.poll(&vote.poll).await?.is_some_and(|poll| poll.closed_at.is_none()))
    }

    /// For each view whether its playing has counted, now or before. That a playing counts is written down before it is
    /// counted: whoever asks again after a lost answer hears the same, and counts once, in the window it began in.
    async fn count_views(
        &self,
        views: &[View<ViewTicket>],
        now: Timestamp,
    ) -> StoreResult<(Vec<bool>, Tally)> {
        let before = self.for_each(views, |view| self.counted_before(&view.playback_id)).await?;
        let members = views.iter().zip(&before).map(|(view, before)| {
            before.as_ref().and_then(|row| row.member.as_ref()).unwrap_or(&view.member)
        });
        let members: Vec<&String> = members.collect();
        let taken: Vec<bool> = self.for_each(&members, |member| self.is_member(member)).await?;
        let is_begun =
            |row: &CountedPlayback| row.member.is_some() && now.since(row.counted_at) < self.view_window;
        let indexes = || (0..views.len()).filter(|index| !taken[*index]);
        // Written down and not counted: a crash came between. What is older than its window was counted and forgotten.
        let mut missing: HashSet<&String> = indexes()
            .filter(|index| before[*index].as_ref().is_some_and(is_begun))
            .map(|index| members[index])
            .collect();
        let new = indexes().filter(|index| before[*index].is_none() && missing.insert(members[*index]));
        let counted_now: Vec<&View<ViewTicket>> = new.map(|index| &views[index]).collect();
        self.for_each(&counted_now, |view| self.remember(view, now)).await?;
        let change = |member: &String| MemberChange::set_if_absent(member, 1).for_time(self.view_window);
        let applied = self.apply(Kind::View, missing.into_iter().map(change).collect()).await?;
        let counted_now: HashSet<_> = counted_now.into_iter().map(|view| &view.playback_id).collect();
        let counted = views.iter().zip(before);
        let counted = counted
            .map(|(view, before)| before.is_some() || counted_now.contains(&view.playback_id))
            .collect();
        Ok((counted, applied.tally))
    }

    async fn is_member(&self, member: &str) -> StoreResult<bool> {
        let key = self.key(Kind::View);
        Ok(within(self.keeper.deadline, self.tallies.value_of(&key, member)).await?.is_some())
    }

    async fn counted_before(&self, playback: &PlaybackId) -> StoreResult<Option<CountedPlayback>> {
        let partition = (self.keeper.video.clone(), playback.clone());
        within(self.keeper.deadline, self.keeper.store.get::<CountedPlayback>(partition, ())).await
    }

    async fn remember(&self, view: &View<ViewTicket>, counted_at: Timestamp) -> StoreResult<()> {
        let (video_id, playback_id) = (self.keeper.video.clone(), view.playback_id.clone());
        let row = CountedPlayback { video_id, playback_id, counted_at, member: Some(view.member.clone()) };
        within(self.keeper.deadline, self.keeper.store.put_for(row, PLAYBACK_TTL)).await
    }

    async fn for_each<'a, I, V, F>(&self, items: &'a [I], call: impl Fn(&'a I) -> F) -> StoreResult<Vec<V>>
    where
        F: Future<Output = StoreResult<V>>,
    {
        let calls: Vec<F> = items.iter().map(call).collect();
        let answers: Vec<StoreResult<V>> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        answers.into_iter().collect()
    }
}

async fn within<V>(deadline: Duration, call: impl Future<Output = StoreResult<V>>) -> StoreResult<V> {
    let late = || Err(StoreError::Unavailable("no answer in time".into()));
    timeout(deadline, call).await.unwrap_or_else(|_| late())
}
