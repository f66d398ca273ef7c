//! Reads one commit of the index: queries, and what it holds of which video.

use std::collections::{BTreeMap, BTreeSet};

use tantivy::{
    DocAddress, DocId, DocSet, Order, Score, Searcher, SegmentReader, TERMINATED, TantivyDocument, Term,
    collector::{TopDocs, sort_key::SortByStaticFastValue},
    schema::IndexRecordOption,
};

use super::{
    fields::{FINGERPRINT, Fields, LIVE, PUBLISHED_AT, TIE, VERSION, VIEWS},
    rank::ByScore,
    wanted,
};
use crate::{
    backends::search::{
        Hit, Hits, Mark, MarkPage, Place, Query, Sort,
        place::{OFFSET_MAX, short},
    },
    domain::ids::VideoId,
};

pub(super) struct Reading<'a> {
    pub searcher: &'a Searcher,
    pub fields: &'a Fields,
}

impl Reading<'_> {
    pub(super) fn query(&self, query: &Query) -> tantivy::Result<Hits> {
        match query.order() {
            Sort::Relevance => self.ranked(query),
            sort => self.keyed(query, sort),
        }
    }

    fn ranked(&self, query: &Query) -> tantivy::Result<Hits> {
        let (offset, shown) = match &query.after {
            Some(Place::Ranked { offset, shown }) => (*offset, shown.as_slice()),
            _ => (0, [].as_slice()),
        };
        // Enough to leave out all of the page before, and to know whether there is more.
        let len_max = query.limit + shown.len() + 1;
        let top = TopDocs::with_limit(len_max).and_offset(offset).order_by(ByScore);
        let found = self.searcher.search(&*wanted::of(query, self.fields), &top)?;
        let mut hits = Hits::default();
        let mut taken = 0;
        for ((score, _), address) in &found {
            if hits.items.len() == query.limit {
                break;
            }
            taken += 1;
            let hit = self.hit(query, *address, Some(*score))?;
            hits.items.extend(hit.filter(|hit| !shown.contains(&short(&hit.video_id))));
        }
        if taken < found.len() && offset + taken <= OFFSET_MAX {
            let shown = hits.items.iter().map(|hit| short(&hit.video_id)).collect();
            hits.next = Some(Place::Ranked { offset: offset + taken, shown });
        }
        Ok(hits)
    }

    fn keyed(&self, query: &Query, sort: Sort) -> tantivy::Result<Hits> {
        let mut found = self.by_key(query, sort)?;
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let mut hits = Hits::default();
        for (_, _, address) in &found {
            hits.items.extend(self.hit(query, *address, None)?);
        }
        let last = found.last().filter(|_| more);
        hits.next = last.map(|(key, tie, _)| Place::Keyed { sort, key: *key, tie: *tie });
        Ok(hits)
    }

    /// One more than was asked for, if there is one more.
    fn by_key(&self, query: &Query, sort: Sort) -> tantivy::Result<Vec<(i64, u64, DocAddress)>> {
        let wanted = wanted::of(query, self.fields);
        let top = TopDocs::with_limit(query.limit + 1);
        let tie = (SortByStaticFastValue::<u64>::for_field(TIE), Order::Desc);
        let found = match sort {
            Sort::Views => {
                let views = (SortByStaticFastValue::<u64>::for_field(VIEWS), Order::Desc);
                let found = self.searcher.search(&*wanted, &top.order_by((views, tie)))?;
                let signed = |views: Option<u64>| i64::try_from(views.unwrap_or(0)).unwrap_or(i64::MAX);
                found.into_iter().map(|((views, tie), at)| (signed(views), tie.unwrap_or(0), at)).collect()
            }
            Sort::Date | Sort::Relevance => {
                let moment = (SortByStaticFastValue::<i64>::for_field(PUBLISHED_AT), Order::Desc);
                let found = self.searcher.search(&*wanted, &top.order_by((moment, tie)))?;
                found.into_iter().map(|((at, tie), doc)| (at.unwrap_or(0), tie.unwrap_or(0), doc)).collect()
            }
        };
        Ok(found)
    }

    /// `None` for what no build of ours has written.
    fn hit(&self, query: &Query, address: DocAddress, score: Option<Score>) -> tantivy::Result<Option<Hit>> {
        let stored: TantivyDocument = self.searcher.doc(address)?;
        let shown = self.fields.shown(&stored, &query.words);
        Ok(shown.and_then(|(id, highlights)| Some(Hit { video_id: id.parse().ok()?, score, highlights })))
    }

    pub(super) fn marks_of(&self, ids: &[VideoId]) -> tantivy::Result<BTreeMap<VideoId, Mark>> {
        let mut marks = BTreeMap::new();
        for id in ids {
            marks.extend(self.mark_of(id)?.map(|mark| (id.clone(), mark)));
        }
        Ok(marks)
    }

    pub(super) fn mark_of(&self, id: &VideoId) -> tantivy::Result<Option<Mark>> {
        let term = Term::from_field_text(self.fields.id, id.as_str());
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !segment.is_deleted(doc) {
                    return mark_at(segment, doc).map(Some);
                }
                doc = postings.advance();
            }
        }
        Ok(None)
    }

    /// In the order of ids: each segment lists its own sorted.
    pub(super) fn marks(&self, after: Option<&str>, limit: usize) -> tantivy::Result<MarkPage> {
        let mut ids = BTreeSet::new();
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let range = inverted.terms().range();
            let mut stream = match after {
                Some(after) => range.gt(after.as_bytes()).into_stream()?,
                None => range.into_stream()?,
            };
            let mut taken = 0;
            while taken < limit && stream.advance() {
                ids.extend(std::str::from_utf8(stream.key()).ok().map(str::to_owned));
                taken += 1;
            }
        }
        let mut page = MarkPage::default();
        for id in ids.iter().take(limit) {
            let Ok(id) = id.parse::<VideoId>() else { continue };
            let mark = self.mark_of(&id)?.filter(|mark| mark.fingerprint.is_some());
            page.marks.extend(mark.map(|mark| (id, mark)));
        }
        page.next = ids.into_iter().nth(limit.saturating_sub(1));
        Ok(page)
    }
}

fn mark_at(segment: &SegmentReader, doc: DocId) -> tantivy::Result<Mark> {
    let columns = segment.fast_fields();
    let value = |name: &str| -> tantivy::Result<u64> { Ok(columns.u64(name)?.first(doc).unwrap_or(0)) };
    let (version, fingerprint) = (value(VERSION)?, value(FINGERPRINT)?);
    Ok(Mark { version, fingerprint: (value(LIVE)? == 1).then_some(fingerprint) })
}
