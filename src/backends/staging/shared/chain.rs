//! What is known of an upload's pieces: rows that only the last holder adds to. How far the upload is and whose word
//! counts stand beside them, so that both change together.

use super::{super::StagingError, Shared};
use crate::{
    backends::{
        objects::{ObjectKey, Portion},
        store::{
            Edit, StoreError, View,
            tables::upload::{GatheringUpload, UploadPiece, UploadStand},
        },
    },
    domain::ids::{UploadId, shard_of},
};

/// Bounds the rows of one upload.
const PIECES_MAX: i64 = 50_000;
/// Rows of one write.
const BATCH_LEN: usize = 100;

/// A piece that is in the object store.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) object: ObjectKey,
    pub(super) bytes: u64,
}

type Outcome<T> = Result<T, StagingError>;

impl Shared {
    /// `None` where there is no such upload.
    pub(in super::super) async fn stand(&self, id: &UploadId) -> Outcome<Option<UploadStand>> {
        let stand = self.store().statics::<UploadPiece>((id.clone(),)).await?;
        Ok(stand.filter(exists))
    }

    pub(in super::super) async fn offset(&self, id: &UploadId, fence: i64) -> Outcome<u64> {
        match self.stand(id).await? {
            Some(stand) if stand.fence == fence => Ok(stand.reach()),
            Some(_) => Err(StagingError::Taken),
            None => Err(StagingError::NotFound),
        }
    }

    /// Begins an upload; listed first, so that it is found whatever happens then. Answers with its first fence.
    pub(super) async fn begin(&self, id: &UploadId) -> Outcome<i64> {
        self.store().put(GatheringUpload { shard: shard_of(id.as_str()), upload_id: id.clone() }).await?;
        let begun = self.store().update_partition::<UploadPiece, _>((id.clone(),), vec![], |view| {
            let fence = view.statics.map_or(0, |stand| stand.fence) + 1;
            let statics = Some(UploadStand { fence, ..UploadStand::default() });
            (Edit { statics, ..Edit::default() }, fence)
        });
        Ok(begun.await?)
    }

    /// From when this returns, what earlier holders write is refused. `None` where there is no such upload.
    pub(super) async fn next_fence(&self, id: &UploadId) -> Outcome<Option<i64>> {
        let taken = self.store().update_partition::<UploadPiece, _>((id.clone(),), vec![], |view| {
            let Some(mut stand) = view.statics.filter(exists) else { return (Edit::default(), None) };
            stand.fence += 1;
            let fence = stand.fence;
            (Edit { statics: Some(stand), ..Edit::default() }, Some(fence))
        });
        Ok(taken.await?)
    }

    /// Adds pieces that begin at `start`, where the upload stands. Answers with where it stands then.
    pub(super) async fn register(
        &self,
        id: &UploadId,
        fence: i64,
        mut start: u64,
        pieces: &[Piece],
    ) -> Outcome<u64> {
        for batch in pieces.chunks(BATCH_LEN) {
            let rows = rows(id, start, batch);
            start += batch.iter().map(|piece| piece.bytes).sum::<u64>();
            let added =
                self.store().update_partition((id.clone(),), vec![], move |view| add(view, fence, &rows));
            added.await??;
        }
        Ok(start)
    }

    /// The pieces in their order.
    pub(super) async fn pieces(&self, id: &UploadId, stand: &UploadStand) -> Outcome<Vec<Portion>> {
        let (mut portions, mut reach) = (Vec::new(), 0);
        for row in self.store().all::<UploadPiece>((id.clone(),)).await? {
            // What does not go on where the last one ended is left from before a new beginning.
            if row.start != reach || reach >= stand.reach_bytes {
                continue;
            }
            reach += row.bytes;
            let key = row.object.parse().map_err(|_| corrupt())?;
            portions.push(Portion { key, bytes: u64::try_from(row.bytes).unwrap_or(0) });
        }
        match reach == stand.reach_bytes {
            true => Ok(portions),
            false => Err(corrupt().into()),
        }
    }

    /// Adds the pieces of another upload, whose bytes stay where they are.
    pub(in super::super) async fn add(&self, id: &UploadId, fence: i64, other: &UploadId) -> Outcome<()> {
        let start = self.offset(id, fence).await?;
        let stand = self.stand(other).await?.ok_or(StagingError::NotFound)?;
        let pieces = self.pieces(other, &stand).await?;
        let pieces = pieces.into_iter().map(|portion| Piece { object: portion.key, bytes: portion.bytes });
        self.register(id, fence, start, &pieces.collect::<Vec<_>>()).await.map(drop)
    }

    /// Forgets all bytes. Rows that a crash leaves lie beyond the reach.
    pub(in super::super) async fn clear(&self, id: &UploadId, fence: i64) -> Outcome<()> {
        self.change(id, fence, |stand| (stand.reach_bytes, stand.pieces) = (0, 0)).await?;
        for row in self.store().all::<UploadPiece>((id.clone(),)).await? {
            self.store().delete::<UploadPiece>((id.clone(),), (row.start,)).await?;
        }
        Ok(self.objects().delete_prefix(&super::prefix(id)).await?)
    }

    pub(in super::super) async fn begin_to_end(&self, id: &UploadId, fence: i64) -> Outcome<()> {
        self.change(id, fence, |stand| stand.ending = true).await
    }

    async fn change(&self, id: &UploadId, fence: i64, change: fn(&mut UploadStand)) -> Outcome<()> {
        let changed = self.store().update_partition::<UploadPiece, _>((id.clone(),), vec![], move |view| {
            match view.statics.filter(|stand| stand.fence == fence) {
                Some(mut stand) => {
                    change(&mut stand);
                    (Edit { statics: Some(stand), ..Edit::default() }, Ok(()))
                }
                None => (Edit::default(), Err(StagingError::Taken)),
            }
        });
        changed.await?
    }
}

fn exists(stand: &UploadStand) -> bool {
    stand.fence > 0
}

fn rows(id: &UploadId, start: u64, pieces: &[Piece]) -> Vec<UploadPiece> {
    let mut start = signed(start);
    let row = |piece: &Piece| {
        let bytes = signed(piece.bytes);
        let row = UploadPiece { upload_id: id.clone(), start, bytes, object: piece.object.to_string() };
        start += bytes;
        row
    };
    pieces.iter().map(row).collect()
}

fn add(
    view: View<UploadPiece>,
    fence: i64,
    rows: &[UploadPiece],
) -> (Edit<UploadPiece>, Result<(), StagingError>) {
    let stand = view.statics.filter(|stand| stand.fence == fence);
    let begins = rows.first().map(|row| row.start);
    let Some(mut stand) = stand.filter(|stand| begins.is_none_or(|start| start == stand.reach_bytes)) else {
        return (Edit::default(), Err(StagingError::Taken));
    };
    stand.reach_bytes += rows.iter().map(|row| row.bytes).sum::<i64>();
    stand.pieces += i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if stand.pieces > PIECES_MAX {
        return (Edit::default(), Err(StagingError::TooManyPieces));
    }
    let puts = rows.iter().map(|row| (row.clone(), None)).collect();
    (Edit { statics: Some(stand), puts, deletes: Vec::new() }, Ok(()))
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { table: "upload_pieces" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;

    fn stand(fence: i64, reach_bytes: i64, pieces: i64) -> Option<UploadStand> {
        Some(UploadStand { fence, reach_bytes, pieces, ending: false })
    }

    #[test]
    fn only_the_last_holder_adds_and_only_where_the_upload_stands() {
        let id = UploadId::new(Timestamp(1));
        let piece = |bytes| Piece { object: super::super::piece_key(&id, 0), bytes };
        let added = rows(&id, 10, &[piece(5), piece(7)]);
        assert_eq!([added[0].start, added[1].start], [10, 15]);
        let outcome = |statics| {
            let (edit, outcome) = add(View { statics, rows: Vec::new() }, 3, &added);
            (edit.statics, edit.puts.len(), outcome)
        };
        let (statics, puts, done) = outcome(stand(3, 10, 1));
        assert!(done.is_ok() && puts == 2 && statics == stand(3, 22, 3));
        for other in [stand(4, 10, 1), stand(2, 10, 1), stand(3, 11, 1), None] {
            let (statics, puts, refused) = outcome(other);
            assert!(matches!(refused, Err(StagingError::Taken)) && puts == 0 && statics.is_none());
        }
        let (.., full) = outcome(stand(3, 10, PIECES_MAX - 1));
        assert!(matches!(full, Err(StagingError::TooManyPieces)));
    }
}
