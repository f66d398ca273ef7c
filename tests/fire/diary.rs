//! What one person knows: what the server has acknowledged, and what it may have done without saying so.

use std::collections::{BTreeMap, BTreeSet};

use crate::intent::{Intent, Reaction};

/// The last acknowledged choice, those asked for since that nobody has answered, and those that a server may have kept
/// to itself and do later.
#[derive(Debug, Clone)]
pub struct Choice<T> {
    sure: T,
    maybe: Vec<T>,
    late: Vec<T>,
}

impl<T: PartialEq + Clone> Choice<T> {
    fn new(sure: T) -> Self {
        Self { sure, maybe: Vec::new(), late: Vec::new() }
    }

    fn attempt(&mut self, value: T) {
        if !self.maybe.contains(&value) {
            self.maybe.push(value);
        }
    }

    fn linger(&mut self, value: T) {
        if !self.late.contains(&value) {
            self.late.push(value);
        }
    }

    fn acknowledge(&mut self, value: T) {
        self.sure = value;
        self.maybe.clear();
    }

    pub fn allows(&self, value: &T) -> bool {
        self.sure == *value || self.maybe.contains(value) || self.late.contains(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    No,
    Maybe,
    Yes,
}

/// A comment that was asked for.
#[derive(Debug, Clone)]
pub struct Said {
    pub video: usize,
    /// Once it is acknowledged.
    pub id: Option<String>,
    pub text: Choice<String>,
    pub removed: Removal,
}

#[derive(Debug, Default, Clone)]
pub struct Diary {
    pub reactions: BTreeMap<usize, Choice<Reaction>>,
    pub subscriptions: BTreeMap<usize, Choice<bool>>,
    /// In the one poll there is.
    pub vote: Option<Choice<Option<usize>>>,
    /// Videos by whether a view of theirs was acknowledged.
    pub viewed: BTreeMap<usize, bool>,
    pub comments: Vec<Said>,
    /// Playings asked about, so that it is known which is the first.
    playings: BTreeSet<(usize, String)>,
    pub acknowledged: u64,
    pub unheard: u64,
    /// Answers that cannot be right.
    pub wrong: Vec<String>,
}

/// What an acknowledgement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Ack {
    Nothing,
    Reaction(String),
    Counted(bool),
    Voted(Option<u64>),
    Comment { id: String, text: String },
}

impl Diary {
    /// The numbers of comments that can be changed.
    pub fn changeable(&self) -> Vec<usize> {
        let numbered = self.comments.iter().enumerate();
        let alive = numbered.filter(|(_, said)| said.id.is_some() && said.removed == Removal::No);
        alive.map(|(number, _)| number).collect()
    }

    pub fn attempt(&mut self, intent: &Intent) {
        match intent {
            Intent::React { video, reaction } => {
                self.reactions.entry(*video).or_insert(Choice::new(Reaction::None)).attempt(*reaction);
            }
            Intent::View { video, playback } => {
                self.viewed.entry(*video).or_default();
                self.playings.insert((*video, playback.clone()));
            }
            Intent::Subscribe { channel, wish } => {
                self.subscriptions.entry(*channel).or_insert(Choice::new(false)).attempt(*wish);
            }
            Intent::Vote { option } => self.vote.get_or_insert(Choice::new(None)).attempt(Some(*option)),
            Intent::Comment { video, text, .. } => {
                let text = Choice::new(text.clone());
                self.comments.push(Said { video: *video, id: None, text, removed: Removal::No });
            }
            Intent::Edit { comment, text } => self.comments[*comment].text.attempt(text.clone()),
            Intent::Remove { comment } => self.comments[*comment].removed = Removal::Maybe,
        }
    }

    /// Nobody has answered an attempt, and it may come true after those that follow it.
    pub fn linger(&mut self, intent: &Intent) {
        match intent {
            Intent::React { video, reaction } => {
                self.reactions.entry(*video).or_insert(Choice::new(Reaction::None)).linger(*reaction);
            }
            Intent::Subscribe { channel, wish } => {
                self.subscriptions.entry(*channel).or_insert(Choice::new(false)).linger(*wish);
            }
            Intent::Vote { option } => self.vote.get_or_insert(Choice::new(None)).linger(Some(*option)),
            Intent::Edit { comment, text } => self.comments[*comment].text.linger(text.clone()),
            // Once done they are done, however often they are asked for.
            Intent::View { .. } | Intent::Comment { .. } | Intent::Remove { .. } => {}
        }
    }

    pub fn acknowledge(&mut self, intent: &Intent, ack: Ack) {
        self.acknowledged += 1;
        let right = match (intent, &ack) {
            (Intent::React { video, reaction }, Ack::Reaction(said)) => {
                self.reactions.entry(*video).or_insert(Choice::new(Reaction::None)).acknowledge(*reaction);
                said == reaction.name()
            }
            (Intent::View { video, .. }, Ack::Counted(counted)) => {
                let first = self.playings.iter().filter(|(of, _)| of == video).count() == 1;
                self.viewed.insert(*video, true);
                // Whoever has asked about one playing only must hear that this one has counted, however often they ask.
                *counted || !first
            }
            (Intent::Subscribe { channel, wish }, Ack::Nothing) => {
                self.subscriptions.entry(*channel).or_insert(Choice::new(false)).acknowledge(*wish);
                true
            }
            (Intent::Vote { option }, Ack::Voted(said)) => {
                self.vote.get_or_insert(Choice::new(None)).acknowledge(Some(*option));
                *said == Some(*option as u64)
            }
            (Intent::Comment { text, .. }, Ack::Comment { id, text: shown }) => {
                // One intent is pursued at a time, so it is the last that was attempted.
                self.comments.last_mut().expect("it was attempted").id = Some(id.clone());
                shown == text
            }
            (Intent::Edit { comment, text }, Ack::Comment { id, text: shown }) => {
                let said = &mut self.comments[*comment];
                said.text.acknowledge(text.clone());
                said.id.as_ref() == Some(id) && shown == text
            }
            (Intent::Remove { comment }, Ack::Nothing) => {
                self.comments[*comment].removed = Removal::Yes;
                true
            }
            _ => false,
        };
        if !right {
            self.wrong.push(format!("{intent:?} was answered with {ack:?}"));
        }
    }
}
