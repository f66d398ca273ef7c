//! The best by score, and of those with the same score the ones with the greater tie: an order that stays as segments are
//! merged. Skips blocks of documents that cannot be among the best (block-max WAND), as plain sorting by score does.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{
    DocAddress, DocId, Score, SegmentReader,
    collector::{SegmentSortKeyComputer, SortKeyComputer, sort_key::NaturalComparator},
    columnar::Column,
    query::Weight,
};

use super::fields::TIE;

pub(super) struct ByScore;

/// Of one segment.
pub(super) struct ByScoreWithin {
    ties: Column<u64>,
}

impl SortKeyComputer for ByScore {
    type SortKey = (Score, u64);
    type Child = ByScoreWithin;
    type Comparator = NaturalComparator;

    fn requires_scoring(&self) -> bool {
        true
    }

    fn segment_sort_key_computer(&self, reader: &SegmentReader) -> tantivy::Result<ByScoreWithin> {
        Ok(ByScoreWithin { ties: reader.fast_fields().u64(TIE)? })
    }

    fn collect_segment_top_k(
        &self,
        k: usize,
        weight: &dyn Weight,
        reader: &SegmentReader,
        segment_ord: u32,
    ) -> tantivy::Result<Vec<((Score, u64), DocAddress)>> {
        let mut within = self.segment_sort_key_computer(reader)?;
        let mut best = Best { heap: BinaryHeap::with_capacity(k + 1), k };
        weight.for_each_pruning(Score::MIN, reader, &mut |doc, score| {
            if !reader.is_deleted(doc) {
                let (score, tie) = within.segment_sort_key(doc, score);
                best.take(Ranked { score, tie, doc });
            }
            best.threshold()
        })?;
        let ranked = best.heap.into_iter().map(|Reverse(ranked)| ranked);
        Ok(ranked
            .map(|ranked| ((ranked.score, ranked.tie), DocAddress::new(segment_ord, ranked.doc)))
            .collect())
    }
}

impl SegmentSortKeyComputer for ByScoreWithin {
    type SortKey = (Score, u64);
    type SegmentSortKey = (Score, u64);
    type SegmentComparator = NaturalComparator;

    fn segment_sort_key(&mut self, doc: DocId, score: Score) -> (Score, u64) {
        (score, self.ties.first(doc).unwrap_or(0))
    }

    fn convert_segment_sort_key(&self, key: (Score, u64)) -> (Score, u64) {
        key
    }
}

#[derive(PartialEq)]
struct Ranked {
    score: Score,
    tie: u64,
    doc: DocId,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(self.tie.cmp(&other.tie)).then(other.doc.cmp(&self.doc))
    }
}

/// The best `k` so far; the least of them on top.
struct Best {
    heap: BinaryHeap<Reverse<Ranked>>,
    k: usize,
}

impl Best {
    fn take(&mut self, ranked: Ranked) {
        self.heap.push(Reverse(ranked));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// What a score must be greater than to matter: just below the least of the best, since a tie may win.
    fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(Reverse(least)) if self.heap.len() == self.k => least.score.next_down(),
            _ => Score::MIN,
        }
    }
}
