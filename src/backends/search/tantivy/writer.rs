//! The one thread that writes. It takes what waits, up to a bound, commits it together and answers when queries see it.

use std::{collections::HashMap, sync::Arc};

use tantivy::{IndexWriter, TantivyError, Term};
use tokio::sync::{mpsc, oneshot};

use super::{Shared, closed, folder, read::Reading, unavailable};
use crate::{
    backends::search::{Change, Mark, SearchResult},
    domain::ids::VideoId,
};

/// Changes in one commit, about.
const ROUND_LEN_MAX: usize = 2_000;

pub(super) enum Work {
    Apply(Vec<Change>),
    Clear,
    Close,
}

impl Work {
    fn len(&self) -> usize {
        match self {
            Self::Apply(changes) => changes.len(),
            Self::Clear | Self::Close => 0,
        }
    }
}

pub(super) struct Request {
    pub work: Work,
    pub reply: oneshot::Sender<SearchResult<()>>,
}

pub(super) struct Writer {
    pub shared: Arc<Shared>,
    pub requests: mpsc::Receiver<Request>,
    /// `None` after a failure, which leaves a writer of no more use.
    pub writer: Option<IndexWriter>,
}

impl Writer {
    /// Until it is told to close, or nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(first) = self.requests.blocking_recv() {
            let round = self.gather(first);
            let (mut replies, mut works) = (Vec::new(), Vec::new());
            for Request { work, reply } in round {
                replies.push(reply);
                works.push(work);
            }
            let is_last = works.iter().any(|work| matches!(work, Work::Close));
            let answer = self.write(works).map_err(unavailable);
            if answer.is_err() {
                self.writer = None;
            }
            if is_last {
                self.requests.close();
                // Lets go of the folder before anybody is told so.
                self.writer = None;
            }
            for reply in replies {
                // Who asked may have given up meanwhile.
                drop(reply.send(answer.clone()));
            }
            if is_last {
                break;
            }
        }
        while let Ok(late) = self.requests.try_recv() {
            drop(late.reply.send(Err(closed())));
        }
    }

    fn gather(&mut self, first: Request) -> Vec<Request> {
        let mut len = first.work.len();
        let mut round = vec![first];
        while len < ROUND_LEN_MAX
            && !round.iter().any(|request| matches!(request.work, Work::Close))
            && let Ok(next) = self.requests.try_recv()
        {
            len += next.work.len();
            round.push(next);
        }
        round
    }

    fn write(&mut self, works: Vec<Work>) -> Result<(), TantivyError> {
        let shared = self.shared.clone();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(folder::writer(&shared.segments)?),
        };
        let mut round = Round { shared: &shared, writer, staged: HashMap::new(), cleared: false };
        let mut is_changed = false;
        for work in works {
            is_changed |= match work {
                Work::Apply(changes) => round.apply(&changes)?,
                Work::Clear => round.clear()?,
                Work::Close => false,
            };
        }
        if is_changed {
            writer.commit()?;
            shared.reader.reload()?;
        }
        Ok(())
    }
}

/// What becomes of the index with the next commit.
struct Round<'a> {
    shared: &'a Shared,
    writer: &'a IndexWriter,
    staged: HashMap<VideoId, Mark>,
    cleared: bool,
}

impl Round<'_> {
    /// Whether anything changes.
    fn apply(&mut self, changes: &[Change]) -> Result<bool, TantivyError> {
        let fields = &self.shared.fields;
        let searcher = self.shared.reader.searcher();
        let reading = Reading { searcher: &searcher, fields };
        let mut is_changed = false;
        for change in changes {
            let held = match self.staged.get(&change.video_id) {
                Some(mark) => Some(*mark),
                None if self.cleared => None,
                None => reading.mark_of(&change.video_id)?,
            };
            if held.is_some_and(|mark| mark.version >= change.version) {
                continue;
            }
            self.writer.delete_term(Term::from_field_text(fields.id, change.video_id.as_str()));
            self.writer.add_document(fields.written(change))?;
            self.staged.insert(change.video_id.clone(), change.mark());
            is_changed = true;
        }
        Ok(is_changed)
    }

    fn clear(&mut self) -> Result<bool, TantivyError> {
        self.writer.delete_all_documents()?;
        self.staged.clear();
        self.cleared = true;
        Ok(true)
    }
}
