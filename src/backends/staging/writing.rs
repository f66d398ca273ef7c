//! Bytes on their way into an upload that is held: taken from a sender, then kept or thrown away. While some are
//! written, the next are gathered.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{
    Hold, Place, StagingError,
    disk::{Disk, Writer},
    folder::Folder,
    shared::{Gathered, Gathering},
};
use crate::domain::checksum::Digests;

/// The least that must come of an upload in each span of time.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub bytes_min: u64,
    pub within: Duration,
}

/// An upload that is being added to. What came is neither told nor durable before it is kept.
pub struct Writing<'a> {
    hold: &'a Hold,
    sink: Sink<'a>,
    start: u64,
}

/// Where bytes go on their way.
enum Sink<'a> {
    File(Box<Writer>, Marked<'a>),
    Pieces(Box<Gathering>),
}

/// Where a mark says where the good bytes end, its folder.
type Marked<'a> = Option<&'a Folder>;

/// Everything that came, where it gathers.
pub struct Received<'a> {
    hold: &'a Hold,
    arrived: Arrived<'a>,
    start: u64,
    /// Why no more came, if not because the sender was done.
    pub broken: Option<StagingError>,
}

enum Arrived<'a> {
    InFile(Disk, Marked<'a>),
    InPieces(Gathered),
}

impl<'a> Writing<'a> {
    pub(super) async fn begin(hold: &'a Hold, offset: u64) -> Result<Self, StagingError> {
        let (sink, stands_at) = match &hold.staging.place {
            Place::Folder(folder) => {
                let disk = folder.disk(&hold.id).await?;
                let stands_at = disk.offset();
                (Sink::File(Box::new(disk.into()), None), stands_at)
            }
            Place::Shared(shared) => {
                let stands_at = shared.offset(&hold.id, hold.fence()).await?;
                (Sink::Pieces(Box::new(Gathering::begin(shared, hold, stands_at))), stands_at)
            }
        };
        match stands_at == offset {
            true => Ok(Self { hold, sink, start: offset }),
            false => Err(StagingError::WrongOffset { offset: stands_at }),
        }
    }

    /// What comes will be held against a checksum. Should this process die before it has been, it is thrown away.
    pub async fn checked(mut self, digests: Digests) -> Result<Self, StagingError> {
        match (&mut self.sink, &self.hold.staging.place) {
            (Sink::File(writer, marked), Place::Folder(folder)) => {
                folder.mark_good(&self.hold.id, self.start).await?;
                writer.disk().await?.digests = Some(digests);
                *marked = Some(folder);
            }
            (Sink::Pieces(gathering), _) => gathering.check(digests),
            (Sink::File(..), Place::Shared(_)) => return Err(StagingError::NotFound),
        }
        Ok(self)
    }

    /// Takes what a sender sends, up to `length_max` bytes in all, until it ends, breaks off, is too slow, or another
    /// request asks for the upload. What is here already when it asks is taken along.
    pub async fn receive<E: Into<io::Error>>(
        mut self,
        length_max: u64,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received<'a>, StagingError> {
        let broken = self.gather(length_max, bytes).await.err();
        let Self { hold, sink, start } = self;
        let (arrived, failed) = match sink {
            Sink::File(writer, marked) => {
                let (disk, failed) = writer.finish().await?;
                (Arrived::InFile(disk, marked), failed)
            }
            Sink::Pieces(gathering) => {
                let (gathered, failed) = gathering.finish().await;
                (Arrived::InPieces(gathered), failed)
            }
        };
        Ok(Received { hold, arrived, start, broken: broken.or(failed) })
    }

    async fn gather<E: Into<io::Error>>(
        &mut self,
        length_max: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), StagingError> {
        let hold = self.hold;
        let mut haste = Haste::new(self.hold.staging.pace);
        let mut room = length_max.saturating_sub(self.start);
        loop {
            let mut piece = tokio::select! {
                biased;
                piece = bytes.next() => match piece {
                    None => return Ok(()),
                    Some(piece) => piece.map_err(|error| StagingError::BrokenOff(error.into()))?,
                },
                () = hold.asked() => return Err(StagingError::Taken),
                () = haste.missed() => return Err(StagingError::TooSlow),
            };
            haste.came += piece.len() as u64;
            let sent = piece.len();
            piece.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            room -= piece.len() as u64;
            let cut = piece.len() < sent;
            let began = Instant::now();
            self.sink.gather(piece).await?;
            haste.excuse(began.elapsed());
            if cut {
                return Err(StagingError::TooLong);
            }
            if hold.holder.asked.is_cancelled() {
                return Err(StagingError::Taken);
            }
        }
    }
}

impl Sink<'_> {
    async fn gather(&mut self, piece: Bytes) -> Result<(), StagingError> {
        match self {
            Sink::File(writer, _) => writer.gather(piece).await,
            Sink::Pieces(gathering) => gathering.gather(piece).await,
        }
    }
}

impl Received<'_> {
    /// The checksums of what came, if they were asked for.
    pub fn take_digests(&mut self) -> Option<Digests> {
        match &mut self.arrived {
            Arrived::InFile(disk, _) => disk.digests.take(),
            Arrived::InPieces(gathered) => gathered.digests.take(),
        }
    }

    /// Makes what came durable. Returns how far the upload is, and why not all could be kept. A write that fails
    /// half-way is cut off again, so that the upload's length is always what is told.
    pub async fn keep(mut self) -> Result<(u64, Option<StagingError>), StagingError> {
        let broken = self.broken.take();
        let offset = match self.arrived {
            Arrived::InFile(disk, marked) => {
                let offset = disk.offset();
                end_at(self.hold, disk, marked, offset).await?
            }
            Arrived::InPieces(gathered) => gathered.keep().await?,
        };
        Ok((offset, broken))
    }

    /// As if nothing had come.
    pub async fn discard(self) -> Result<u64, StagingError> {
        match self.arrived {
            Arrived::InFile(disk, marked) => end_at(self.hold, disk, marked, self.start).await,
            Arrived::InPieces(gathered) => gathered.discard().await,
        }
    }
}

async fn end_at(hold: &Hold, disk: Disk, marked: Marked<'_>, length_bytes: u64) -> Result<u64, StagingError> {
    disk.end_at(length_bytes).await?;
    if let Some(folder) = marked {
        folder.unmark(&hold.id).await?;
    }
    Ok(length_bytes)
}

/// Whether enough came lately.
struct Haste {
    pace: Pace,
    came: u64,
    due: Instant,
}

impl Haste {
    fn new(pace: Pace) -> Self {
        Self { pace, came: 0, due: Instant::now() + pace.within }
    }

    /// The sender is not to blame for what writing takes.
    fn excuse(&mut self, spent: Duration) {
        self.due += spent;
    }

    /// Returns once a span of time is over in which too little came.
    async fn missed(&mut self) {
        loop {
            sleep_until(self.due).await;
            if self.came < self.pace.bytes_min {
                return;
            }
            (self.came, self.due) = (0, Instant::now() + self.pace.within);
        }
    }
}
