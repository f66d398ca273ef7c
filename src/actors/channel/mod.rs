//! Channels: one actor a channel. It decides what a channel is called, what it publishes and who subscribes, and is
//! the writer of its videos' words. What a video is made into is the transcode actor's.

mod captions;
mod posters;
mod replacing;
mod state;

use std::{sync::Arc, time::Duration};

use self::state::{Flush, State, Wish};
pub use self::{
    captions::{NewCaption, PutCaption},
    posters::NewPoster,
    replacing::NewFile,
};
use super::{
    accounts::claims::{Claims, Name},
    content_keys::{ContentKeyError, ContentKeys},
    directory::{Directory, Failure, LoadError, Myself, Options, Refused, Reply, Resident, Shared},
    ledger::Ledger,
    removals::Removals,
    room::Rooms,
    transcode::Transcodes,
    videos,
};
use crate::{
    backends::{
        feeds::{Feed, Feeds},
        objects::{ObjectError, SharedObjects},
        store::{
            Store, StoreError,
            tables::{
                channel::{Channel as ChannelRow, Moderator},
                upload::Draft,
                video::{Tags, Video},
            },
        },
        tallies::Tallies,
    },
    domain::{
        access::Visibility,
        account::Author,
        caption::{Language, TRACKS_MAX},
        channel,
        clock::SharedClock,
        encryption::Encryption,
        ids::{ChannelId, UserId, VideoId},
        tally::{Kind, MemberChange, Tally, TallyKey},
        text::Invalid,
        video::{self, Stage, Status},
    },
    telemetry::tasks,
};

#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("there is no such thing")]
    NotFound,
    #[error("{field} {reason}")]
    Invalid { field: &'static str, reason: Invalid },
    #[error("the handle is taken")]
    HandleTaken,
    #[error("a channel has at most {MODERATORS_MAX} moderators")]
    TooManyModerators,
    #[error("a video has at most {TRACKS_MAX} caption tracks")]
    TooManyCaptions,
    #[error("another file is tried in place of the video's")]
    Replacing,
    #[error(transparent)]
    ContentKeys(#[from] ContentKeyError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

/// What every channel shares.
pub struct Office {
    pub store: Store,
    pub objects: SharedObjects,
    pub feeds: Feeds,
    pub tallies: Tallies,
    pub content_keys: ContentKeys,
    pub transcodes: Transcodes,
    pub rooms: Rooms,
    pub ledger: Ledger,
    pub removals: Removals,
    pub clock: SharedClock,
}

#[derive(Debug, Clone, Default)]
pub struct ChannelPatch {
    pub handle: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub avatar_color: Option<String>,
    pub encryption: Option<Encryption>,
}

#[derive(Debug, Clone, Default)]
pub struct VideoPatch {
    pub title: Option<String>,
    pub description: Option<String>,
    pub tags: Option<Vec<String>>,
    pub visibility: Option<Visibility>,
    pub encryption: Option<Encryption>,
}

/// A video whose file is in its place.
#[derive(Debug, Clone)]
pub struct NewVideo {
    pub video_id: VideoId,
    pub owner_id: UserId,
    pub draft: Draft,
}

/// The channels of this node.
#[derive(Clone)]
pub struct Channels {
    directory: Directory<Channel>,
    store: Store,
    tallies: Tallies,
}

impl Channels {
    pub fn open(office: Office, options: Options, shared: Shared) -> Self {
        let (store, tallies) = (office.store.clone(), office.tallies.clone());
        let directory = Directory::open(Channel { office: Arc::new(office) }, options, shared);
        Self { directory, store, tallies }
    }

    pub async fn edit(&self, channel: &ChannelId, patch: ChannelPatch) -> Result<ChannelRow, ChannelError> {
        self.directory.call(channel, |reply| Message::Edit(patch, reply)).await?
    }

    /// Publishes a video and begins its job. Asking again for the same video changes nothing.
    pub async fn add_video(&self, channel: &ChannelId, new: NewVideo) -> Result<Video, ChannelError> {
        self.directory.call(channel, |reply| Message::AddVideo(Box::new(new), reply)).await?
    }

    pub async fn edit_video(
        &self,
        channel: &ChannelId,
        video: &VideoId,
        patch: VideoPatch,
    ) -> Result<Video, ChannelError> {
        let video = video.clone();
        self.directory.call(channel, |reply| Message::EditVideo(video, patch, reply)).await?
    }

    pub async fn delete_video(&self, channel: &ChannelId, video: &VideoId) -> Result<(), ChannelError> {
        let video = video.clone();
        self.directory.call(channel, |reply| Message::DeleteVideo(video, reply)).await?
    }

    /// Subscribers once the change is durable.
    pub async fn subscribe(&self, channel: &ChannelId, user: &UserId) -> Result<u64, ChannelError> {
        self.wish(channel, user, Wish::Subscribe).await
    }

    pub async fn unsubscribe(&self, channel: &ChannelId, user: &UserId) -> Result<u64, ChannelError> {
        self.wish(channel, user, Wish::Unsubscribe).await
    }

    /// Subscribers, and whether `who` is one of them.
    pub async fn subscribers(
        &self,
        channel: &ChannelId,
        who: Option<&UserId>,
    ) -> Result<(u64, bool), ChannelError> {
        let key = tally_of(channel);
        let total = count(&self.tallies.read(&key).await?);
        let subscribed = match who {
            Some(who) => self.tallies.value_of(&key, who.as_str()).await?.is_some(),
            None => false,
        };
        Ok((total, subscribed))
    }

    /// From their next job on, videos of a channel that pays are worked on before those of others.
    pub async fn set_pays(&self, channel: &ChannelId, pays: bool) -> Result<(), ChannelError> {
        let found = self.store.update::<ChannelRow, _>((channel.clone(),), move |row| {
            let row = row.map(|row| ChannelRow { pays: Some(pays), ..row });
            (row.clone(), row)
        });
        found.await?.map(drop).ok_or(ChannelError::NotFound)
    }

    /// Lets someone moderate the talk about the channel's videos, once that is durable.
    pub async fn appoint(&self, channel: &ChannelId, user: Author) -> Result<(), ChannelError> {
        self.directory.call(channel, |reply| Message::Appoint(user, reply)).await?
    }

    pub async fn dismiss(&self, channel: &ChannelId, user: &UserId) -> Result<(), ChannelError> {
        let user = user.clone();
        self.directory.call(channel, |reply| Message::Dismiss(user, reply)).await?
    }

    pub async fn close(&self, deadline: Duration) -> usize {
        self.directory.close(deadline).await
    }

    async fn wish(&self, channel: &ChannelId, user: &UserId, wish: Wish) -> Result<u64, ChannelError> {
        let user = user.clone();
        let total = self.directory.call(channel, |reply| Message::Wish(user, wish, reply)).await?;
        total.ok_or_else(|| Refused::Unavailable("the subscription was not written".into()).into())
    }
}

const MODERATORS_MAX: usize = 100;

/// The value of a subscriber in the tally.
const MEMBER: i32 = 1;

fn tally_of(channel: &ChannelId) -> TallyKey {
    TallyKey::new(Kind::Subscriber, channel)
}

fn count(tally: &Tally) -> u64 {
    u64::try_from(tally.of(MEMBER)).unwrap_or(0)
}

struct Channel {
    office: Arc<Office>,
}

pub enum Message {
    Edit(ChannelPatch, Reply<Result<ChannelRow, ChannelError>>),
    AddVideo(Box<NewVideo>, Reply<Result<Video, ChannelError>>),
    EditVideo(VideoId, VideoPatch, Reply<Result<Video, ChannelError>>),
    DeleteVideo(VideoId, Reply<Result<(), ChannelError>>),
    PutCaption(VideoId, Box<NewCaption>, Reply<Result<PutCaption, ChannelError>>),
    DeleteCaption(VideoId, Language, Reply<Result<(), ChannelError>>),
    SetPoster(VideoId, NewPoster, Reply<Result<(), ChannelError>>),
    ReplaceFile(Box<NewFile>, Reply<Result<(), ChannelError>>),
    Appoint(Author, Reply<Result<(), ChannelError>>),
    Dismiss(UserId, Reply<Result<(), ChannelError>>),
    Wish(UserId, Wish, Reply<Option<u64>>),
    Flushed(Option<u64>),
}

struct Residence {
    channel: ChannelId,
    state: State<Reply<Option<u64>>>,
    myself: Myself<Channel>,
}

impl Resident for Channel {
    const KIND: &'static str = "channel";
    type Key = ChannelId;
    type Message = Message;
    type State = Residence;

    async fn load(&self, myself: Myself<Self>, key: &ChannelId) -> Result<Residence, LoadError> {
        let row = self.office.store.get::<ChannelRow>((key.clone(),), ()).await;
        match row.map_err(|error| LoadError::Unavailable(error.to_string()))? {
            Some(_) => Ok(Residence { channel: key.clone(), state: State::default(), myself }),
            None => Err(LoadError::Absent),
        }
    }

    async fn handle(&self, channel: &mut Residence, message: Message) -> Result<(), Failure> {
        match message {
            Message::Edit(patch, reply) => reply.send(self.edit(&channel.channel, patch).await),
            Message::AddVideo(new, reply) => reply.send(self.add_video(&channel.channel, *new).await),
            Message::EditVideo(video, patch, reply) => {
                reply.send(self.edit_video(&channel.channel, video, patch).await);
            }
            Message::DeleteVideo(video, reply) => {
                reply.send(self.delete_video(&channel.channel, video).await);
            }
            Message::PutCaption(video, new, reply) => {
                reply.send(self.put_caption(&channel.channel, video, *new).await);
            }
            Message::DeleteCaption(video, language, reply) => {
                reply.send(self.delete_caption(&channel.channel, video, language).await);
            }
            Message::SetPoster(video, new, reply) => {
                reply.send(self.set_poster(&channel.channel, video, new).await);
            }
            Message::ReplaceFile(new, reply) => {
                reply.send(self.replace_file(&channel.channel, *new).await);
            }
            Message::Appoint(user, reply) => reply.send(self.appoint(&channel.channel, user).await),
            Message::Dismiss(user, reply) => {
                let row = self.office.store.delete::<Moderator>((channel.channel.clone(),), (user,)).await;
                reply.send(row.map_err(ChannelError::from));
            }
            Message::Wish(user, wish, reply) => {
                let flush = channel.state.on_wish(user, wish, reply);
                self.flush(channel, flush);
            }
            Message::Flushed(subscribers) => {
                let (answers, flush) = channel.state.on_flushed(subscribers);
                answers.to.into_iter().for_each(|reply| reply.send(answers.subscribers));
                self.flush(channel, flush);
            }
        }
        Ok(())
    }

    fn is_idle(&self, channel: &Residence) -> bool {
        channel.state.is_idle()
    }
}

impl Channel {
    async fn edit(&self, id: &ChannelId, patch: ChannelPatch) -> Result<ChannelRow, ChannelError> {
        let valid = valid_channel(patch)?;
        let Office { store, clock, .. } = &*self.office;
        let before = store.get::<ChannelRow>((id.clone(),), ()).await?.ok_or(ChannelError::NotFound)?;
        let claims = Claims { store, now: clock.now() };
        if let Some(handle) = &valid.handle
            && !claims.claim(Name::Handle, handle, id.as_str()).await?
        {
            return Err(ChannelError::HandleTaken);
        }
        let update = valid.clone();
        let changed = store.update::<ChannelRow, _>((id.clone(),), move |row| {
            let row = row.map(|row| ChannelRow {
                handle: update.handle.clone().unwrap_or(row.handle),
                title: update.title.clone().unwrap_or(row.title),
                description: update.description.clone().unwrap_or(row.description),
                avatar_color: update.avatar_color.clone().unwrap_or(row.avatar_color),
                encryption: update.encryption.unwrap_or(row.encryption),
                ..row
            });
            (row.clone(), row)
        });
        let changed = changed.await?.ok_or(ChannelError::NotFound)?;
        if changed.handle != before.handle {
            claims.release(Name::Handle, &before.handle).await?;
        }
        Ok(changed)
    }

    async fn add_video(&self, id: &ChannelId, new: NewVideo) -> Result<Video, ChannelError> {
        let Office { store, feeds, transcodes, clock, .. } = &*self.office;
        let NewVideo { video_id, owner_id, draft } = new;
        let channel = store.get::<ChannelRow>((id.clone(),), ()).await?.ok_or(ChannelError::NotFound)?;
        if channel.encryption == Encryption::Aes128 {
            self.office.content_keys.ensure(&video_id).await?;
        }
        let row = Video {
            video_id: video_id.clone(),
            channel_id: id.clone(),
            owner_id: owner_id.clone(),
            title: draft.title,
            description: draft.description,
            tags: Tags(draft.tags),
            visibility: draft.visibility,
            encryption: channel.encryption,
            status: Status::Processing,
            stage: Stage::Queued,
            percent: 0,
            failure: None,
            duration_ms: None,
            created_at: clock.now(),
            published_at: None,
        };
        let row = match store.insert_if_absent(row.clone(), None).await? {
            true => row,
            false => store.get::<Video>((video_id.clone(),), ()).await?.ok_or(ChannelError::NotFound)?,
        };
        feeds.add(&Feed::Channel(id.clone()), row.created_at, &video_id).await?;
        transcodes.enqueue(&video_id, &owner_id).await?;
        Ok(row)
    }

    async fn edit_video(
        &self,
        id: &ChannelId,
        video: VideoId,
        patch: VideoPatch,
    ) -> Result<Video, ChannelError> {
        let (valid, channel) = (valid_video(patch)?, id.clone());
        if valid.encryption == Some(Encryption::Aes128) {
            self.prepare_keys(id, &video).await?;
        }
        let changed = self.office.store.update::<Video, _>((video,), move |row| {
            let Some(row) = row.filter(|row| row.channel_id == channel) else { return (None, None) };
            let valid = valid.clone();
            let row = Video {
                title: valid.title.unwrap_or(row.title),
                description: valid.description.unwrap_or(row.description),
                tags: valid.tags.map_or(row.tags, Tags),
                visibility: valid.visibility.unwrap_or(row.visibility),
                encryption: valid.encryption.unwrap_or(row.encryption),
                ..row
            };
            (Some(row.clone()), Some(row))
        });
        let changed = changed.await?.ok_or(ChannelError::NotFound)?;
        videos::list(&self.office.feeds, &changed).await?;
        videos::tell_room(&self.office.rooms, &changed.video_id).await;
        Ok(changed)
    }

    /// Before the row says that the video is encrypted, there is something to encrypt it with.
    async fn prepare_keys(&self, id: &ChannelId, video: &VideoId) -> Result<(), ChannelError> {
        let row = self.office.store.get::<Video>((video.clone(),), ()).await?;
        match row.filter(|row| row.channel_id == *id).ok_or(ChannelError::NotFound)?.encryption {
            Encryption::None => Ok(self.office.content_keys.renew(video).await?),
            Encryption::Aes128 => Ok(()),
        }
    }

    /// The row goes last of what shows the video: until then the owner can ask again. What its room has written is
    /// erased behind it.
    async fn delete_video(&self, id: &ChannelId, video: VideoId) -> Result<(), ChannelError> {
        let Office { store, feeds, transcodes, rooms, ledger, removals, .. } = &*self.office;
        let row = store.get::<Video>((video.clone(),), ()).await?;
        let row = row.filter(|row| row.channel_id == *id).ok_or(ChannelError::NotFound)?;
        removals.begin(&video).await?;
        videos::unlist(feeds, &row).await?;
        transcodes.remove(&video).await?;
        ledger.forget_video(&row.owner_id, &video).await?;
        self.office.content_keys.forget(&video).await?;
        store.delete::<Video>((video.clone(),), ()).await?;
        videos::tell_room(rooms, &video).await;
        removals.finish(video);
        Ok(())
    }

    async fn appoint(&self, id: &ChannelId, user: Author) -> Result<(), ChannelError> {
        let Office { store, clock, .. } = &*self.office;
        let appointed = store.all::<Moderator>((id.clone(),)).await?;
        if appointed.iter().any(|row| row.user_id == user.id) {
            return Ok(());
        }
        if appointed.len() >= MODERATORS_MAX {
            return Err(ChannelError::TooManyModerators);
        }
        let row = Moderator {
            channel_id: id.clone(),
            user_id: user.id,
            username: user.username,
            display_name: user.display_name,
            appointed_at: clock.now(),
        };
        Ok(store.put(row).await?)
    }

    fn flush(&self, channel: &Residence, flush: Option<Flush>) {
        let Some(Flush(wishes)) = flush else { return };
        let (tallies, key, myself) =
            (self.office.tallies.clone(), tally_of(&channel.channel), channel.myself.clone());
        let changes = wishes.into_iter().map(|(user, wish)| match wish {
            Wish::Subscribe => MemberChange::set(user, MEMBER),
            Wish::Unsubscribe => MemberChange::remove(user),
        });
        let changes: Vec<_> = changes.collect();
        drop(tasks::spawn("subscriptions", async move {
            let applied = tallies.apply(&key, changes).await;
            if let Err(error) = &applied {
                tracing::warn!(error.chain = %error, "subscriptions were not written");
            }
            drop(myself.tell(Message::Flushed(applied.ok().map(|applied| count(&applied.tally)))));
        }));
    }
}

fn valid_channel(patch: ChannelPatch) -> Result<ChannelPatch, ChannelError> {
    let invalid = |field| move |reason| ChannelError::Invalid { field, reason };
    Ok(ChannelPatch {
        handle: patch.handle.map(|text| channel::handle(&text)).transpose().map_err(invalid("handle"))?,
        title: patch.title.map(|text| channel::title(&text)).transpose().map_err(invalid("title"))?,
        description: patch
            .description
            .map(|text| channel::description(&text))
            .transpose()
            .map_err(invalid("description"))?,
        avatar_color: patch
            .avatar_color
            .map(|text| channel::avatar_color(&text))
            .transpose()
            .map_err(invalid("avatar_color"))?,
        encryption: patch.encryption,
    })
}

fn valid_video(patch: VideoPatch) -> Result<VideoPatch, ChannelError> {
    let invalid = |field| move |reason| ChannelError::Invalid { field, reason };
    Ok(VideoPatch {
        title: patch.title.map(|text| video::title(&text)).transpose().map_err(invalid("title"))?,
        description: patch
            .description
            .map(|text| video::description(&text))
            .transpose()
            .map_err(invalid("description"))?,
        tags: patch.tags.map(|tags| video::tags(&tags)).transpose().map_err(invalid("tags"))?,
        visibility: patch.visibility,
        encryption: patch.encryption,
    })
}
