//! The part of Elasticsearch's query language that Quickwit knows and Playhouse asks in, as strict as there: an unknown
//! key is refused, and so is what Quickwit refuses by choice. What it reads and drops is dropped.

use serde_json::{Map, Value};
use tantivy::query_grammar::{Delimiter, Occur, UserInputAst, UserInputLeaf, parse_query};

#[derive(Debug)]
pub enum Query {
    All,
    Nothing,
    /// Terms that follow one another in a field.
    Row {
        field: String,
        text: String,
    },
    OneOf {
        field: String,
        values: Vec<String>,
    },
    Range {
        field: String,
        bounds: Vec<(String, Value)>,
    },
    Boost(Box<Query>, f64),
    Bool {
        must: Vec<Query>,
        must_not: Vec<Query>,
        should: Vec<Query>,
        filter: Vec<Query>,
    },
}

type Parsed<T> = Result<T, String>;

pub fn only(map: &Map<String, Value>, known: &[&str]) -> Parsed<()> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown field `{key}`, expected one of {known:?}")),
        None => Ok(()),
    }
}

fn object(value: &Value) -> Parsed<&Map<String, Value>> {
    value.as_object().ok_or_else(|| "expected an object".to_owned())
}

fn one(value: &Value) -> Parsed<(&String, &Value)> {
    let map = object(value)?;
    match (map.len(), map.iter().next()) {
        (1, Some(entry)) => Ok(entry),
        _ => Err("expected an object with one key".into()),
    }
}

pub fn read(query: &Value) -> Parsed<Query> {
    let (kind, inner) = one(query)?;
    match kind.as_str() {
        "match_all" => only(object(inner)?, &["boost"]).map(|()| Query::All),
        "match_none" => Ok(Query::Nothing),
        "bool" => boolean(object(inner)?),
        "term" => term(inner),
        "terms" => terms(inner),
        "range" => range(inner),
        "query_string" => query_string(object(inner)?),
        "match" => matching(inner),
        "multi_match" => multi_match(object(inner)?),
        other => Err(format!("unknown variant `{other}`")),
    }
}

fn boolean(map: &Map<String, Value>) -> Parsed<Query> {
    only(map, &["must", "must_not", "should", "filter", "boost", "minimum_should_match"])?;
    let clauses = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(clauses)) => clauses.iter().map(read).collect(),
        Some(clause) => read(clause).map(|clause| vec![clause]),
    };
    // `boost` is read and dropped.
    Ok(Query::Bool {
        must: clauses("must")?,
        must_not: clauses("must_not")?,
        should: clauses("should")?,
        filter: clauses("filter")?,
    })
}

fn scalar(value: &Value) -> Parsed<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        _ => Err("data did not match any variant of untagged enum TermValue".into()),
    }
}

fn term(inner: &Value) -> Parsed<Query> {
    let (field, params) = one(inner)?;
    let (value, boost) = match params {
        Value::Object(params) => {
            only(params, &["value", "boost", "case_insensitive"])?;
            (params.get("value").ok_or("missing field `value`")?, params.get("boost").and_then(Value::as_f64))
        }
        value => (value, None),
    };
    let query = Query::OneOf { field: field.clone(), values: vec![scalar(value)?] };
    Ok(match boost {
        Some(boost) => Query::Boost(Box::new(query), boost),
        None => query,
    })
}

fn terms(inner: &Value) -> Parsed<Query> {
    let mut map = object(inner)?.clone();
    map.remove("boost");
    let rest = Value::Object(map);
    let (field, values) = one(&rest)?;
    let values = match values {
        Value::Array(values) => values.iter().map(scalar).collect::<Parsed<_>>()?,
        value => vec![scalar(value)?],
    };
    Ok(Query::OneOf { field: field.clone(), values })
}

fn range(inner: &Value) -> Parsed<Query> {
    let (field, bounds) = one(inner)?;
    let bounds = object(bounds)?;
    only(bounds, &["gt", "gte", "lt", "lte", "boost", "format"])?;
    let bounds = bounds.iter().filter(|(key, _)| key.len() <= 3);
    let bounds = bounds.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Query::Range { field: field.clone(), bounds })
}

fn matching(inner: &Value) -> Parsed<Query> {
    let (field, params) = one(inner)?;
    let text = match params {
        Value::String(text) => text.clone(),
        params => {
            let params = object(params)?;
            // No `boost`: that is refused.
            only(params, &["query", "operator", "zero_terms_query", "lenient"])?;
            scalar(params.get("query").ok_or("missing field `query`")?)?
        }
    };
    let words = text.split_whitespace().map(|word| Query::Row { field: field.clone(), text: word.into() });
    Ok(Query::Bool { must: vec![], must_not: vec![], should: words.collect(), filter: vec![] })
}

fn multi_match(map: &Map<String, Value>) -> Parsed<Query> {
    let fields = map.get("fields").and_then(Value::as_array).ok_or("missing field `fields`")?;
    for field in fields.iter().filter_map(Value::as_str) {
        if field.contains('^') {
            return Err("Quickwit does not support field boosting in the multi match query fields.".into());
        }
        if field.contains('*') {
            return Err("Quickwit does not support wildcards in the multi match query fields.".into());
        }
    }
    Err("this stand-in has no use for it".into())
}

fn query_string(map: &Map<String, Value>) -> Parsed<Query> {
    only(map, &["query", "fields", "default_field", "default_operator", "boost", "lenient"])?;
    let text = map.get("query").and_then(Value::as_str).ok_or("missing field `query`")?;
    let default = match map.get("default_operator").and_then(Value::as_str) {
        None | Some("OR") => Occur::Should,
        Some("AND") => Occur::Must,
        Some(other) => return Err(format!("unknown variant `{other}`")),
    };
    // `boost` is read and dropped.
    let ast = parse_query(text).map_err(|_| format!("failed to parse query: `{text}`"))?;
    of_text(ast, default)
}

fn of_text(ast: UserInputAst, default: Occur) -> Parsed<Query> {
    match ast {
        UserInputAst::Clause(clauses) => {
            let (mut must, mut must_not, mut should) = (vec![], vec![], vec![]);
            for (occur, clause) in clauses {
                let clause = of_text(clause, default)?;
                match occur.unwrap_or(default) {
                    Occur::Must => must.push(clause),
                    Occur::MustNot => must_not.push(clause),
                    Occur::Should => should.push(clause),
                }
            }
            Ok(Query::Bool { must, must_not, should, filter: vec![] })
        }
        UserInputAst::Boost(inner, boost) => {
            Ok(Query::Boost(Box::new(of_text(*inner, default)?), boost.into_inner()))
        }
        UserInputAst::Leaf(leaf) => match *leaf {
            UserInputLeaf::All => Ok(Query::All),
            UserInputLeaf::Literal(literal) => {
                let none = "query requires a default search field and none was supplied";
                let field = literal.field_name.ok_or(none)?;
                let is_wildcard = literal.delimiter == Delimiter::None && literal.phrase.contains(['*', '?']);
                match is_wildcard || literal.prefix {
                    true => Err("this stand-in has no use for wildcards".into()),
                    false => Ok(Query::Row { field, text: literal.phrase }),
                }
            }
            other => Err(format!("this stand-in has no use for {other:?}")),
        },
    }
}
