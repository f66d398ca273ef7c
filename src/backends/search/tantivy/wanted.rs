//! From a query of the house to one of tantivy. All words have to be there, each in any of the three texts, and a match
//! in the title is worth the most; bounds and unwanted words do not change scores.

use std::ops::Bound;

use tantivy::{
    Score, Term,
    query::{
        BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query as Wanted, RangeQuery, TermQuery,
    },
    schema::{Field, IndexRecordOption},
};

use super::fields::Fields;
use crate::backends::search::{
    Place, Query, Sort,
    query::{DESCRIPTION_BOOST, TAGS_BOOST, TITLE_BOOST},
};

type Clauses = Vec<(Occur, Box<dyn Wanted>)>;

pub(super) fn of(query: &Query, fields: &Fields) -> Box<dyn Wanted> {
    let words = &query.words;
    let mut clauses: Clauses = Vec::new();
    for terms in &words.wanted {
        clauses.push((Occur::Must, anywhere(terms, fields)));
    }
    if clauses.is_empty() {
        let live = TermQuery::new(Term::from_field_u64(fields.live, 1), IndexRecordOption::Basic);
        clauses.push((Occur::Must, unscored(live)));
    }
    for terms in &words.unwanted {
        clauses.push((Occur::MustNot, anywhere(terms, fields)));
    }
    bounds(query, fields).into_iter().for_each(|bound| clauses.push((Occur::Must, unscored(bound))));
    clauses.extend(behind(query, fields).map(|behind| (Occur::Must, behind)));
    match <[_; 1]>::try_from(clauses) {
        // Alone it can skip what cannot be among the best.
        Ok([(_, only)]) => only,
        Err(clauses) => Box::new(BooleanQuery::new(clauses)),
    }
}

fn unscored(query: impl Wanted) -> Box<dyn Wanted> {
    Box::new(ConstScoreQuery::new(Box::new(query), 0.0))
}

fn anywhere(terms: &[String], fields: &Fields) -> Box<dyn Wanted> {
    let places: [(Field, Score); 3] = [
        (fields.title_terms, TITLE_BOOST),
        (fields.tags_terms, TAGS_BOOST),
        (fields.description_terms, DESCRIPTION_BOOST),
    ];
    let clause = |(field, boost): (Field, Score)| -> (Occur, Box<dyn Wanted>) {
        (Occur::Should, Box::new(BoostQuery::new(in_a_row(field, terms), boost)))
    };
    Box::new(BooleanQuery::new(places.into_iter().map(clause).collect()))
}

fn in_a_row(field: Field, terms: &[String]) -> Box<dyn Wanted> {
    let mut terms: Vec<Term> = terms.iter().map(|term| Term::from_field_text(field, term)).collect();
    match terms.len() {
        1 => Box::new(TermQuery::new(terms.remove(0), IndexRecordOption::WithFreqs)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

fn bounds(query: &Query, fields: &Fields) -> Vec<RangeQuery> {
    let filters = &query.filters;
    let count = |field: Field, from: Option<u64>, to: Option<u64>| {
        let bound = |value: Option<u64>| match value {
            Some(value) => Bound::Included(Term::from_field_u64(field, value)),
            None => Bound::Unbounded,
        };
        (from.is_some() || to.is_some()).then(|| RangeQuery::new(bound(from), bound(to)))
    };
    let moment = |at: crate::domain::clock::Timestamp| Term::from_field_i64(fields.published_at, at.0);
    let after = filters.uploaded_after.map_or(Bound::Unbounded, |at| Bound::Included(moment(at)));
    let before = filters.uploaded_before.map_or(Bound::Unbounded, |at| Bound::Excluded(moment(at)));
    let uploaded = (filters.uploaded_after.is_some() || filters.uploaded_before.is_some())
        .then(|| RangeQuery::new(after, before));
    let duration = count(fields.duration_ms, filters.duration_from_ms, filters.duration_to_ms);
    [duration, count(fields.height, filters.height_min, None), uploaded].into_iter().flatten().collect()
}

/// What comes after the last page of a list by a key: a smaller key, or the same with a smaller tie.
fn behind(query: &Query, fields: &Fields) -> Option<Box<dyn Wanted>> {
    let Some(Place::Keyed { sort, key, tie }) = &query.after else { return None };
    if *sort != query.order() {
        return None;
    }
    let key = match sort {
        Sort::Views => Term::from_field_u64(fields.views, u64::try_from(*key).unwrap_or(0)),
        Sort::Date | Sort::Relevance => Term::from_field_i64(fields.published_at, *key),
    };
    let smaller = RangeQuery::new(Bound::Unbounded, Bound::Excluded(key.clone()));
    let same = RangeQuery::new(Bound::Included(key.clone()), Bound::Included(key));
    let tie = Term::from_field_u64(fields.tie, *tie);
    let tie = RangeQuery::new(Bound::Unbounded, Bound::Excluded(tie));
    let same = BooleanQuery::intersection(vec![Box::new(same), Box::new(tie)]);
    Some(unscored(BooleanQuery::union(vec![Box::new(smaller), Box::new(same)])))
}
