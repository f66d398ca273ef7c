//! Finds, scores, sorts and pages as Quickwit does.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::{
    config::{Config, Field, Kind},
    dsl::{Query, only, read},
};

const HITS_MAX: u64 = 10_000;

struct Sort {
    field: String,
    is_descending: bool,
}

/// Of a segment of all documents.
struct Corpus<'a> {
    config: &'a Config,
    documents: &'a [Value],
}

pub fn search(id: &str, config: &Config, documents: &[Value], body: &Value) -> Result<Value, String> {
    let body = body.as_object().ok_or("expected an object")?;
    let read_by_it =
        ["from", "size", "query", "sort", "aggs", "aggregations", "track_total_hits", "stored_fields"];
    let and_dropped = ["search_after", "_source", "docvalue_fields", "script_fields", "highlight", "version"];
    only(body, &[&read_by_it[..], &and_dropped[..]].concat())?;
    let number =
        |key: &str, default| body.get(key).map_or(Some(default), Value::as_u64).ok_or("expected u64");
    let (from, size) = (number("from", 0)?, number("size", 10)?);
    for (name, value) in [("start_offset", from), ("max_hits", size)] {
        if value > HITS_MAX {
            return Err(format!("Invalid argument: max value for {name} is 10_000, but got {value}"));
        }
    }
    let corpus = Corpus { config, documents };
    let sorts = sorts(body.get("sort"), config)?;
    let query = body.get("query").map_or(Ok(Query::All), read)?;
    let mut found = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        if let Some(score) = corpus.score(&query, document)? {
            let key: Vec<Value> = sorts.iter().map(|sort| key(sort, document, score)).collect();
            found.push((key, number));
        }
    }
    let total = found.len();
    let order = |left: &[Value], right: &[Value]| compare(&sorts, left, right);
    // Without an order, and among equals: the newest document first.
    found.sort_by(|left, right| order(&left.0, &right.0).then(right.1.cmp(&left.1)));
    if let Some(after) = body.get("search_after").and_then(Value::as_array).filter(|after| !after.is_empty())
    {
        if after.len() != sorts.len() {
            return Err("sort and search_after are of different length".into());
        }
        found.retain(|(key, _)| order(key, after) == Ordering::Greater);
    }
    let from = usize::try_from(from).unwrap();
    let page = found.into_iter().skip(from).take(usize::try_from(size).unwrap());
    let hits: Vec<Value> = page
        .map(|(key, number)| {
            let source = stored(config, &documents[number]);
            json!({"_index": id, "_id": "", "_score": null, "_source": source, "sort": key})
        })
        .collect();
    Ok(json!({
        "took": 1,
        "timed_out": false,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": total, "relation": "eq"}, "max_score": null, "hits": hits},
    }))
}

fn sorts(sort: Option<&Value>, config: &Config) -> Result<Vec<Sort>, String> {
    let list = match sort {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
    };
    if list.len() >= 3 {
        return Err("only up to two sort fields supported at the moment".into());
    }
    list.iter().map(|sort| one_sort(sort, config)).collect()
}

fn one_sort(sort: &Value, config: &Config) -> Result<Sort, String> {
    let (field, order) = match sort {
        Value::String(field) => (field.clone(), None),
        Value::Object(map) if map.len() == 1 => {
            let (field, params) = map.iter().next().unwrap();
            let order = match params {
                Value::String(order) => Some(order.clone()),
                Value::Object(params) => {
                    only(params, &["order", "format"])?;
                    params.get("order").and_then(Value::as_str).map(str::to_owned)
                }
                _ => return Err("invalid sort".into()),
            };
            (field.clone(), order)
        }
        _ => return Err("invalid sort".into()),
    };
    if field != "_score" {
        let known =
            config.fields.get(&field).ok_or_else(|| format!("unknown field used in `sort by`: {field}"))?;
        if !known.is_fast || known.kind == Kind::Text {
            return Err(format!("sort by field `{field}` is not possible: it is no fast number"));
        }
    } else if config.fields.values().any(|field| field.is_searched() && !field.can_be_scored()) {
        return Err("sort by score needs `fieldnorms` and `record` of the fields".into());
    }
    let is_descending = match order.as_deref() {
        None => field == "_score",
        Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(format!("unknown variant `{other}`")),
    };
    Ok(Sort { field, is_descending })
}

impl Field {
    fn is_searched(&self) -> bool {
        self.kind == Kind::Text && self.is_indexed && self.tokenizer != "raw"
    }

    fn can_be_scored(&self) -> bool {
        self.has_fieldnorms && self.has_frequencies
    }
}

fn key(sort: &Sort, document: &Value, score: f64) -> Value {
    match sort.field.as_str() {
        "_score" => json!(f64::from(score as f32)),
        field => document.get(field).cloned().unwrap_or(Value::Null),
    }
}

fn compare(sorts: &[Sort], left: &[Value], right: &[Value]) -> Ordering {
    for ((sort, left), right) in sorts.iter().zip(left).zip(right) {
        let order = numbers(left, right);
        let order = if sort.is_descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn numbers(left: &Value, right: &Value) -> Ordering {
    let whole = |value: &Value| {
        let text = value.as_str().and_then(|text| text.parse::<i128>().ok());
        value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)).or(text)
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn stored(config: &Config, document: &Value) -> Value {
    let fields = document.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| config.fields.get(*name).is_some_and(|field| field.is_stored));
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

impl Corpus<'_> {
    /// `None` where the document is not found.
    fn score(&self, query: &Query, document: &Value) -> Result<Option<f64>, String> {
        match query {
            Query::All => Ok(Some(1.0)),
            Query::Nothing => Ok(None),
            Query::Boost(query, boost) => Ok(self.score(query, document)?.map(|score| score * boost)),
            Query::OneOf { field, values } => {
                let known = self.field(field)?;
                if !known.is_indexed {
                    return Err(format!("field `{field}` is not indexed"));
                }
                let is_it = |value: &Value| match value {
                    Value::String(text) => known.terms(text).iter().any(|term| values.contains(term)),
                    number => values.contains(&number.to_string()),
                };
                Ok(document.get(field).is_some_and(is_it).then_some(1.0))
            }
            Query::Range { field, bounds } => {
                let known = self.field(field)?;
                if known.kind == Kind::Text {
                    return Err("this stand-in has no use for ranges of text".into());
                }
                let Some(value) = document.get(field) else { return Ok(None) };
                let holds = |(bound, limit): &(String, Value)| match (bound.as_str(), numbers(value, limit)) {
                    ("gt", order) => order == Ordering::Greater,
                    ("gte", order) => order != Ordering::Less,
                    ("lt", order) => order == Ordering::Less,
                    (_, order) => order != Ordering::Greater,
                };
                Ok(bounds.iter().all(holds).then_some(1.0))
            }
            Query::Row { field, text } => self.row(field, text, document),
            Query::Bool { must, must_not, should, filter } => {
                self.boolean([must, must_not, should, filter], document)
            }
        }
    }

    fn boolean(&self, clauses: [&[Query]; 4], document: &Value) -> Result<Option<f64>, String> {
        let [must, must_not, should, filter] = clauses;
        for query in must_not {
            if self.score(query, document)?.is_some() {
                return Ok(None);
            }
        }
        let mut sum = 0.0;
        for (query, weight) in
            must.iter().map(|query| (query, 1.0)).chain(filter.iter().map(|query| (query, 0.0)))
        {
            match self.score(query, document)? {
                Some(score) => sum += score * weight,
                None => return Ok(None),
            }
        }
        let mut is_any = false;
        for query in should {
            if let Some(score) = self.score(query, document)? {
                is_any = true;
                sum += score;
            }
        }
        // Where only the unwanted is named, everything else is found.
        let is_found = !must.is_empty() || !filter.is_empty() || is_any || should.is_empty();
        Ok(is_found.then_some(sum))
    }

    fn field(&self, name: &str) -> Result<&Field, String> {
        self.config.fields.get(name).ok_or_else(|| format!("invalid query: field does not exist: `{name}`"))
    }

    fn row(&self, name: &str, text: &str, document: &Value) -> Result<Option<f64>, String> {
        let field = self.field(name)?;
        if !field.is_indexed {
            return Err(format!("field `{name}` is not indexed"));
        }
        let wanted = field.terms(text);
        if wanted.len() > 1 && !field.has_positions {
            return Err(format!("phrase query on field `{name}` needs positions"));
        }
        let times = |document: &Value| times_of(&terms_of(field, document.get(name)), &wanted);
        let here = times(document);
        if wanted.is_empty() || here == 0 {
            return Ok(None);
        }
        let count = |number: usize| f64::from(u32::try_from(number).unwrap());
        let all = count(self.documents.len());
        let with = count(self.documents.iter().filter(|document| times(document) > 0).count());
        let lens: usize =
            self.documents.iter().map(|document| terms_of(field, document.get(name)).len()).sum();
        let (average, len) = (count(lens) / all, count(terms_of(field, document.get(name)).len()));
        let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        let here = count(here);
        Ok(Some(rarity * here * 2.2 / (here + 1.2 * (0.25 + 0.75 * len / average))))
    }
}

fn terms_of(field: &Field, value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => field.terms(text),
        Some(Value::Array(texts)) => {
            texts.iter().filter_map(Value::as_str).flat_map(|text| field.terms(text)).collect()
        }
        _ => Vec::new(),
    }
}

fn times_of(terms: &[String], wanted: &[String]) -> usize {
    match wanted.len() {
        0 => 0,
        len => terms.windows(len).filter(|window| *window == wanted).count(),
    }
}
