//! The index as Quickwit is told to make it. One that is there must have these fields; `schema/quickwit.json` is the same
//! for people who make it themselves.

use serde_json::{Value, json};

use super::{
    client::Client,
    document::{
        DESCRIPTION_TERMS, DURATION, HEIGHT, ID, LIVE, PUBLISHED_AT, TAGS_TERMS, TIE, TITLE_TERMS, VERSION,
        VIEWS,
    },
};
use crate::backends::search::{SearchError, SearchResult};

/// How long documents gather before they are found: each time is one split more to be merged.
const COMMIT_TIMEOUT_S: u64 = 5;

pub(super) async fn prepare(client: &Client) -> SearchResult<()> {
    let Some(found) = client.config().await? else {
        return client.create(&config(&client.index)).await;
    };
    let missing = missing(&found);
    match missing.is_empty() {
        true => Ok(()),
        false => Err(SearchError::Refused(format!(
            "the index {} has no fields {}: name another, or delete it and run `playhouse doctor reindex`",
            client.index,
            missing.join(", ")
        ))),
    }
}

/// Fields that the index lacks, or has in another way than they are needed.
fn missing(found: &Value) -> Vec<String> {
    let empty = Vec::new();
    let fields = found.pointer("/index_config/doc_mapping/field_mappings").and_then(Value::as_array);
    let fields = fields.unwrap_or(&empty);
    let is_there = |wanted: &Value| {
        let keys = ["name", "type", "tokenizer", "record", "fieldnorms"];
        let needed: Vec<_> = keys.into_iter().filter_map(|key| Some((key, wanted.get(key)?))).collect();
        fields.iter().any(|found| needed.iter().all(|(key, value)| found.get(*key) == Some(*value)))
    };
    let wanted = fields_wanted();
    let lacking = wanted.iter().filter(|wanted| !is_there(wanted));
    lacking.filter_map(|field| field["name"].as_str().map(str::to_owned)).collect()
}

pub(super) fn config(index: &str) -> Value {
    json!({
        "version": "0.8",
        "index_id": index,
        "doc_mapping": {
            "mode": "strict",
            "field_mappings": fields_wanted(),
        },
        "search_settings": {"default_search_fields": []},
        "indexing_settings": {"commit_timeout_secs": COMMIT_TIMEOUT_S},
    })
}

fn fields_wanted() -> Vec<Value> {
    // What scores are made of is off unless it is asked for.
    let terms = |name: &str| {
        json!({"name": name, "type": "text", "tokenizer": "whitespace", "record": "position", "fieldnorms": true,
            "stored": false})
    };
    let several = |mut field: Value| {
        let kind = format!("array<{}>", field["type"].as_str().unwrap_or_default());
        field["type"] = kind.into();
        field
    };
    let shown = |name: &str| json!({"name": name, "type": "text", "indexed": false});
    let number = |name: &str| json!({"name": name, "type": "u64", "fast": true});
    vec![
        json!({"name": ID, "type": "text", "tokenizer": "raw", "fast": true}),
        number(VERSION),
        number(TIE),
        number(LIVE),
        number("fingerprint"),
        terms(TITLE_TERMS),
        terms(DESCRIPTION_TERMS),
        several(terms(TAGS_TERMS)),
        shown("title"),
        shown("description"),
        several(shown("tags")),
        number(DURATION),
        number(HEIGHT),
        json!({"name": PUBLISHED_AT, "type": "i64", "fast": true}),
        number(VIEWS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_for_people_is_the_one_that_is_made() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/quickwit.json");
        let declared = serde_json::to_string_pretty(&config("playhouse")).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &declared).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), declared);
    }

    #[test]
    fn an_index_without_scores_is_not_ours() {
        let mut found = json!({"index_config": config("videos")});
        assert!(missing(&found).is_empty());
        for field in found["index_config"]["doc_mapping"]["field_mappings"].as_array_mut().unwrap() {
            if field["name"] == TITLE_TERMS {
                field["fieldnorms"] = false.into();
            }
        }
        assert_eq!(missing(&found), [TITLE_TERMS]);
        assert_eq!(missing(&json!({})).len(), fields_wanted().len());
    }
}
