//! Pages of what Quickwit finds, without what is out of date: asks for more than is wanted, looks up the newest version of
//! each video, and goes on where too little is left.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    OFFSET_MAX, Quickwit,
    client::Found,
    document::{LIVE, Stored, TIE, VERSION},
    wanted,
};
use crate::{
    backends::search::{
        Hit, Hits, Mark, MarkPage, Place, Query, SearchError, SearchResult, Sort, highlight::highlights,
        place::short,
    },
    domain::ids::VideoId,
};

/// How much more is asked for than is wanted, since old versions are found too; in the next round so much more again.
const SURPLUS: usize = 2;
/// Attempts at a full page. What is left then is a short one.
const ROUNDS_MAX: usize = 5;
/// Documents in one answer: each brings its texts.
const SIZE_MAX: usize = 1_000;

impl Quickwit {
    pub(super) async fn page(&self, query: &Query) -> SearchResult<Hits> {
        let client = self.prepare().await?;
        let shown: BTreeSet<u32> = match &query.after {
            Some(Place::Ranked { shown, .. }) => shown.iter().copied().collect(),
            _ => BTreeSet::new(),
        };
        let mut page = Page { query, shown, hits: Hits::default(), met: BTreeSet::new() };
        let mut after = query.after.clone();
        let mut size = query.limit + page.shown.len() + 1;
        for _ in 0..ROUNDS_MAX {
            size = (size * SURPLUS).min(SIZE_MAX);
            let found = client.search(&wanted::of(query, after.as_ref(), size)).await?;
            let (taken, place) = page.take(self, after.as_ref(), &found).await?;
            after = place;
            let is_over = found.len() < size && taken == found.len();
            page.hits.next = page.next(after.clone()).filter(|_| !is_over);
            if page.hits.next.is_none() || page.hits.items.len() == query.limit {
                break;
            }
        }
        Ok(page.hits)
    }

    pub(super) async fn marks_after(&self, after: Option<String>, limit: usize) -> SearchResult<MarkPage> {
        let client = self.prepare().await?;
        let mut search = json!({
            "query": {"term": {LIVE: {"value": 1}}},
            "sort": [{TIE: {"order": "asc"}}, {VERSION: {"order": "desc"}}],
            "size": limit,
        });
        if let Some(after) = after {
            let after: Value = serde_json::from_str(&after)
                .map_err(|_| SearchError::Refused("a place in the index that it has not given".into()))?;
            search["search_after"] = after;
        }
        let found = client.search(&search).await?;
        let stored: Vec<Stored> = found.iter().filter_map(|hit| Stored::read(&hit.source)).collect();
        let ids: BTreeSet<VideoId> = stored.iter().map(|stored| stored.video_id.clone()).collect();
        let newest = self.newest(&ids.into_iter().collect::<Vec<_>>()).await?;
        let mut page = MarkPage::default();
        let mut met = BTreeSet::new();
        for stored in stored {
            if newest.get(&stored.video_id) == Some(&stored.mark()) && met.insert(stored.video_id.clone()) {
                page.marks.push((stored.video_id.clone(), stored.mark()));
            }
        }
        page.next = found.last().filter(|_| found.len() == limit).map(|last| last.sort.to_string());
        Ok(page)
    }
}

/// A page as it is filled.
struct Page<'a> {
    query: &'a Query,
    /// On the page before.
    shown: BTreeSet<u32>,
    hits: Hits,
    /// A document that was sent twice, since nobody knew whether the first had arrived, is there twice.
    met: BTreeSet<VideoId>,
}

impl Page<'_> {
    /// How many of what was found were looked at until the page was full, and the place behind the last of them.
    async fn take(
        &mut self,
        quickwit: &Quickwit,
        after: Option<&Place>,
        found: &[Found],
    ) -> SearchResult<(usize, Option<Place>)> {
        let ids: BTreeSet<VideoId> =
            found.iter().filter_map(|hit| Some(Stored::read(&hit.source)?.video_id)).collect();
        let newest = quickwit.newest(&ids.into_iter().collect::<Vec<_>>()).await?;
        let mut taken = 0;
        for hit in found {
            if self.hits.items.len() == self.query.limit {
                break;
            }
            taken += 1;
            if let Some(stored) = Stored::read(&hit.source) {
                self.show(hit, &stored, newest.get(&stored.video_id).copied());
            }
        }
        let place = match self.query.order() {
            Sort::Relevance => {
                let before = match after {
                    Some(Place::Ranked { offset, .. }) => *offset,
                    _ => 0,
                };
                Some(Place::Ranked { offset: before + taken, shown: Vec::new() })
            }
            sort => match taken.checked_sub(1).and_then(|last| found.get(last)) {
                Some(last) => keyed(sort, &last.sort),
                None => after.cloned(),
            },
        };
        Ok((taken, place))
    }

    fn show(&mut self, hit: &Found, stored: &Stored, newest: Option<Mark>) {
        let id = &stored.video_id;
        if newest != Some(stored.mark()) || self.shown.contains(&short(id)) || !self.met.insert(id.clone()) {
            return;
        }
        let score = match self.query.order() {
            Sort::Relevance => hit.sort.get(0).and_then(Value::as_f64),
            Sort::Date | Sort::Views => None,
        };
        let score = score.map(|score| score as f32);
        let highlights = highlights(&stored.texts(), &self.query.words);
        self.hits.items.push(Hit { video_id: id.clone(), score, highlights });
    }

    fn next(&self, after: Option<Place>) -> Option<Place> {
        match after? {
            Place::Ranked { offset, .. } if offset <= OFFSET_MAX => {
                let shown = self.hits.items.iter().map(|hit| short(&hit.video_id)).collect();
                Some(Place::Ranked { offset, shown })
            }
            Place::Ranked { .. } => None,
            place => Some(place),
        }
    }
}

fn keyed(sort: Sort, key: &Value) -> Option<Place> {
    Some(Place::Keyed { sort, key: key.get(0)?.as_i64()?, tie: key.get(1)?.as_u64()? })
}
