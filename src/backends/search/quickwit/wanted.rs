//! From a query of the house to a search of Quickwit, in the part of Elasticsearch's language it has. A field is made
//! worth more in the text of a query alone: everywhere else Quickwit refuses that or drops it in silence.

use serde_json::{Map, Value, json};

use super::document::{
    DESCRIPTION_TERMS, DURATION, HEIGHT, LIVE, PUBLISHED_AT, TAGS_TERMS, TIE, TITLE_TERMS, VIEWS,
};
use crate::backends::search::{
    Place, Query, Sort,
    query::{DESCRIPTION_BOOST, TAGS_BOOST, TITLE_BOOST},
};

/// A search for what comes behind `after`, so many documents. Versions that are out of date are among them.
pub(super) fn of(query: &Query, after: Option<&Place>, size: usize) -> Value {
    let mut must: Vec<Value> = query.words.wanted.iter().map(|terms| text(terms)).collect();
    must.extend((must.is_empty()).then(|| json!({"match_all": {}})));
    let mut bounds = vec![json!({"term": {LIVE: {"value": 1}}})];
    bounds.extend(filters(query));
    let must_not: Vec<Value> = query.words.unwanted.iter().map(|terms| text(terms)).collect();
    let order = query.order();
    let key = match order {
        Sort::Relevance => "_score",
        Sort::Date => PUBLISHED_AT,
        Sort::Views => VIEWS,
    };
    let mut search = json!({
        "query": {"bool": {"must": must, "must_not": must_not, "filter": bounds}},
        "sort": [{key: {"order": "desc"}}, {TIE: {"order": "desc"}}],
        "size": size,
        "track_total_hits": false,
    });
    match after {
        Some(Place::Ranked { offset, .. }) if order == Sort::Relevance => search["from"] = json!(offset),
        Some(Place::Keyed { sort, key, tie }) if *sort == order => search["search_after"] = json!([key, tie]),
        _ => {}
    }
    search
}

/// Terms are letters and digits; between quotation marks none of them is a word of the language.
fn text(terms: &[String]) -> Value {
    let row = terms.join(" ");
    let places =
        [(TITLE_TERMS, TITLE_BOOST), (TAGS_TERMS, TAGS_BOOST), (DESCRIPTION_TERMS, DESCRIPTION_BOOST)];
    let anywhere = places.map(|(field, boost)| format!("({field}:\"{row}\")^{boost}")).join(" OR ");
    json!({"query_string": {"query": anywhere, "default_operator": "OR"}})
}

fn filters(query: &Query) -> Vec<Value> {
    let filters = &query.filters;
    let range = |field: &str, bounds: [(&str, Option<Value>); 2]| {
        let given: Map<String, Value> =
            bounds.into_iter().filter_map(|(bound, value)| Some((bound.to_owned(), value?))).collect();
        (!given.is_empty()).then(|| json!({"range": {field: given}}))
    };
    let count = |count: Option<u64>| count.map(|count| json!(count));
    let moment = |at: Option<crate::domain::clock::Timestamp>| at.map(|at| json!(at.0));
    let all = [
        range(DURATION, [("gte", count(filters.duration_from_ms)), ("lte", count(filters.duration_to_ms))]),
        range(HEIGHT, [("gte", count(filters.height_min)), ("lte", None)]),
        range(
            PUBLISHED_AT,
            [("gte", moment(filters.uploaded_after)), ("lt", moment(filters.uploaded_before))],
        ),
    ];
    all.into_iter().flatten().collect()
}
