//! Bodies of the REST interface under `/api/v1`.

use serde::{Deserialize, Serialize};

macro_rules! bodies {
    ($($item:item)+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $item
    )+};
}

mod searching;
mod storing;

pub use searching::{Highlight, HighlightField, HighlightPart, SearchHit, SearchSort};
pub use storing::{FileReplacement, Import, Job, JobEvent, NewImport, Precedence, Quota, Storage};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<T> {
    pub items: Vec<T>,
    /// Give it back as `?cursor=` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

bodies! {
    pub struct Register {
        /// 3 to 32 characters out of a-z, 0-9, `_` and `-`; letters are stored in lower case.
        pub username: String,
        pub email: String,
        /// 8 to 256 characters.
        pub password: String,
    }

    pub struct Login {
        pub username: String,
        pub password: String,
    }

    pub struct Refresh {
        pub refresh_token: String,
    }

    /// What signing in gives.
    pub struct Tokens {
        /// For `Authorization: Bearer`.
        pub access_token: String,
        /// Good for one refresh.
        pub refresh_token: String,
        pub expires_in_s: u64,
        pub user: User,
    }

    /// How many accounts an administrator wants, and what their names begin with.
    pub struct BulkUsers {
        /// 1 to 1,000.
        pub count: usize,
        pub prefix: String,
    }

    /// Accounts that were made, in the order of their numbers.
    pub struct BulkTokens {
        pub items: Vec<Tokens>,
    }

    /// An account as its owner sees it.
    pub struct User {
        pub id: String,
        pub username: String,
        pub display_name: String,
        pub avatar_url: Option<String>,
        pub channel_id: String,
        /// Out of `viewer`, `creator`, `moderator`, `admin`.
        pub roles: Vec<String>,
    }

    pub struct UserPatch {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub display_name: Option<String>,
    }

    /// An account as others see it.
    pub struct Author {
        pub id: String,
        pub username: String,
        pub display_name: String,
        pub avatar_url: Option<String>,
    }

    pub struct Channel {
        pub id: String,
        pub handle: String,
        pub title: String,
        pub description: String,
        /// `#rrggbb`.
        pub avatar_color: String,
        /// What new videos begin with.
        pub encryption: Encryption,
        pub subscribers: u64,
        /// Whether the caller subscribes.
        pub subscribed: bool,
        pub created_at: String,
    }

    pub struct ChannelPatch {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub handle: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub avatar_color: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub encryption: Option<Encryption>,
    }

    /// The channel a video belongs to.
    pub struct ChannelSummary {
        pub id: String,
        pub handle: String,
        pub title: String,
        pub avatar_color: String,
    }

    pub struct Video {
        pub id: String,
        pub title: String,
        pub description: String,
        pub tags: Vec<String>,
        /// Null until the file has been probed.
        pub duration_ms: Option<u64>,
        pub views: u64,
        pub likes: u64,
        pub dislikes: u64,
        pub comments: u64,
        pub status: VideoStatus,
        pub progress: Progress,
        pub failure: Option<Failure>,
        pub visibility: Visibility,
        pub encryption: Encryption,
        pub channel: ChannelSummary,
        pub renditions: Vec<Rendition>,
        /// That of the file, not of the renditions: these are always `standard`.
        pub source_range: DynamicRange,
        pub thumbnails: Option<Thumbnails>,
        /// Out of the description, else out of the file; empty where neither has any.
        pub chapters: Vec<Chapter>,
        /// The caller's own reaction.
        pub reaction: ReactionKind,
        pub created_at: String,
        pub published_at: Option<String>,
    }

    /// Which picture is to stand for a video.
    pub struct ThumbnailChoice {
        /// Its number in the list of candidates.
        pub candidate: u32,
    }

    /// The pictures that may stand for a video, the best first.
    pub struct ThumbnailChoices {
        /// What stands for it now.
        pub poster: String,
        /// The number of the candidate that does; null where it is an image of one's own, or there is none yet.
        pub selected: Option<u32>,
        pub candidates: Vec<ThumbnailCandidate>,
    }

    pub struct ThumbnailCandidate {
        pub candidate: u32,
        /// The moment of the video it shows.
        pub at_ms: u64,
        pub url: String,
    }

    pub struct Progress {
        /// Out of `uploading`, `queued`, `probing`, `packaging`, `encoding`, `thumbnails`, `finishing`, `done`, `failed`.
        pub stage: String,
        /// 0 to 100 over the whole job.
        pub percent: u8,
    }

    /// Why a video failed, in words its uploader understands.
    pub struct Failure {
        pub code: String,
        pub detail: String,
        pub retryable: bool,
    }

    pub struct Rendition {
        /// `1080p`, `source`, `audio`; `audio2` and so on are further sounds.
        pub name: String,
        /// Absent for sound.
        pub width: Option<u32>,
        pub height: Option<u32>,
        pub frame_rate: Option<f64>,
        /// The measured peak, sound not included.
        pub bandwidth_bps: u64,
        pub complete: bool,
        /// RFC 6381, such as `avc1.64001f`.
        pub codec: String,
        /// BCP 47, of a sound whose language the file says.
        pub language: Option<String>,
    }

    pub struct Thumbnails {
        pub poster: String,
        /// WebVTT cues into one sprite.
        pub sprite_vtt: Option<String>,
    }

    pub struct VideoPatch {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tags: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub visibility: Option<Visibility>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub encryption: Option<Encryption>,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum VideoStatus {
        Uploading,
        Processing,
        Ready,
        Failed,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Visibility {
        Public,
        Unlisted,
        Private,
    }

    /// Whether segments travel encrypted. Whoever may watch gets the keys: this is no DRM.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Encryption {
        None,
        Aes128,
    }

    /// How bright and how dark a picture may be.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum DynamicRange {
        /// Also before the file has been probed.
        Standard,
        /// HDR: PQ or HLG.
        High,
    }

    /// URLs that play as they are until `expires_at`.
    pub struct Playback {
        pub hls: String,
        pub dash: Option<String>,
        pub thumbnails_vtt: Option<String>,
        pub poster: Option<String>,
        pub captions: Vec<Caption>,
        /// WebVTT, one cue a chapter; null where there are none.
        pub chapters_vtt: Option<String>,
        pub expires_at: String,
    }

    pub struct Chapter {
        pub start_ms: u64,
        pub title: String,
    }

    pub struct Caption {
        /// A BCP 47 tag.
        pub language: String,
        pub label: String,
        /// `subtitles`, or `captions` for those who do not hear the sound.
        pub kind: String,
        /// WebVTT.
        pub url: String,
    }

    pub struct CaptionTrack {
        /// A BCP 47 tag.
        pub language: String,
        pub label: String,
        /// `subtitles` or `captions`.
        pub kind: String,
        /// WebVTT.
        pub url: String,
        pub cues: u64,
        /// Cues of the upload that could not be read and were left out.
        pub skipped: u64,
        pub updated_at: String,
    }

    pub struct Comment {
        pub id: String,
        pub video_id: String,
        pub user: Author,
        pub text: String,
        /// The moment of the video it is pinned to.
        pub at_ms: Option<u64>,
        pub parent_id: Option<String>,
        pub created_at: String,
        pub edited_at: Option<String>,
        pub likes: u64,
        pub replies: u64,
    }

    pub struct NewComment {
        pub text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub at_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub parent_id: Option<String>,
    }

    pub struct CommentPatch {
        pub text: String,
    }

    /// How a room is talked in.
    #[derive(Default)]
    pub struct Chat {
        /// The pause between two comments of one account; 0 while there is none.
        pub slow_mode_s: u64,
        pub pinned: Option<Comment>,
        /// The poll that is open.
        pub poll: Option<Poll>,
    }

    /// How a room is talked in, and what its caller may do there.
    pub struct ChatView {
        #[serde(flatten)]
        pub chat: Chat,
        /// What may be thrown in bursts.
        pub emoji: Vec<String>,
        /// Whether the caller may pin, slow down, ask and silence.
        pub moderator: bool,
        /// Until when the caller is silenced here.
        pub timed_out_until: Option<String>,
    }

    pub struct SlowMode {
        /// 0 ends it; at most 21,600.
        pub slow_mode_s: u64,
    }

    pub struct Pin {
        pub comment_id: String,
    }

    pub struct NewTimeOut {
        /// 1 to 2,592,000 (30 days).
        pub duration_s: u64,
        /// Also removes what they have said in this room.
        #[serde(default)]
        pub remove_comments: bool,
    }

    /// Someone who is silenced in a room.
    pub struct TimeOut {
        pub user: Author,
        pub until: String,
    }

    /// What silencing someone did.
    pub struct TimedOut {
        pub user_id: String,
        /// Null when they may speak again.
        pub until: Option<String>,
        /// Comments that were removed.
        pub removed: u64,
    }

    /// A question put to a room.
    pub struct Poll {
        pub id: String,
        pub video_id: String,
        pub question: String,
        pub options: Vec<PollOption>,
        /// Votes in all.
        pub votes: u64,
        pub open: bool,
        pub created_at: String,
        pub closed_at: Option<String>,
        /// The caller's own choice, from 0; only in answers to someone who has voted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub vote: Option<u32>,
    }

    pub struct PollOption {
        pub text: String,
        pub votes: u64,
    }

    pub struct NewPoll {
        /// 1 to 200 characters.
        pub question: String,
        /// 2 to 10 of 1 to 80 characters.
        pub options: Vec<String>,
    }

    pub struct NewVote {
        /// The place of the option in the poll, from 0.
        pub option: u32,
    }

    /// Comments pinned to one minute of a video, in the order of the video.
    pub struct Timeline {
        pub window: u64,
        pub from_ms: u64,
        pub to_ms: u64,
        pub items: Vec<Comment>,
        /// Whether some were left out: of each five seconds the first 50 are told.
        pub truncated: bool,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ReactionKind {
        Like,
        Dislike,
        None,
    }

    pub struct NewReaction {
        pub reaction: ReactionKind,
    }

    /// Totals after a reaction became durable.
    pub struct ReactionTotals {
        pub likes: u64,
        pub dislikes: u64,
        pub reaction: ReactionKind,
    }

    pub struct NewView {
        /// Chosen by the player, once a playing.
        pub playback_id: String,
        pub watched_ms: u64,
    }

    pub struct ViewOutcome {
        /// Whether this playing has counted, now or before.
        pub counted: bool,
    }

    /// One actor of the live tree.
    pub struct Actor {
        pub name: String,
        pub kind: String,
        /// Out of `starting`, `running`, `draining`.
        pub state: String,
        /// Messages that wait.
        pub mailbox: u64,
        pub restarts: u64,
        pub age_ms: u64,
    }

    pub struct Health {
        /// `ok`; `degraded` where the node works but not together with the others; or `unavailable`.
        pub status: String,
        pub checks: Vec<HealthCheck>,
    }

    pub struct HealthCheck {
        pub name: String,
        pub ok: bool,
        pub detail: String,
    }
}
