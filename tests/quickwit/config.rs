//! An index as it was asked for: what Quickwit would refuse of it, and which documents it takes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub struct Config {
    pub index_id: String,
    pub fields: BTreeMap<String, Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    U64,
    I64,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub kind: Kind,
    pub is_array: bool,
    pub is_fast: bool,
    pub is_indexed: bool,
    pub is_stored: bool,
    pub tokenizer: String,
    pub has_positions: bool,
    pub has_frequencies: bool,
    pub has_fieldnorms: bool,
}

const TOKENIZERS: [&str; 7] =
    ["raw", "raw_lowercase", "lowercase", "default", "whitespace", "chinese_compatible", "unicode_segmenter"];

fn only(map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown field `{key}`")),
        None => Ok(()),
    }
}

impl Config {
    pub fn read(body: &Value) -> Result<Self, String> {
        let map = body.as_object().ok_or("not an object")?;
        let known = [
            "version",
            "index_id",
            "index_uri",
            "doc_mapping",
            "indexing_settings",
            "search_settings",
            "retention",
        ];
        only(map, &known)?;
        let version = map.get("version").and_then(Value::as_str).ok_or("missing field `version`")?;
        if !["0.7", "0.8", "0.9"].contains(&version) {
            return Err(format!("unknown version `{version}`"));
        }
        let index_id = map.get("index_id").and_then(Value::as_str).ok_or("missing field `index_id`")?;
        let mapping =
            map.get("doc_mapping").and_then(Value::as_object).ok_or("missing field `doc_mapping`")?;
        only(mapping, &["mode", "field_mappings", "timestamp_field", "tag_fields", "store_source"])?;
        if mapping.get("mode").and_then(Value::as_str) != Some("strict") {
            return Err("this stand-in knows only `strict`".into());
        }
        let mut fields = BTreeMap::new();
        for field in mapping.get("field_mappings").and_then(Value::as_array).into_iter().flatten() {
            let field = field.as_object().ok_or("a field mapping is an object")?;
            let name = field.get("name").and_then(Value::as_str).ok_or("missing field `name`")?;
            fields.insert(name.to_owned(), Field::read(field)?);
        }
        Ok(Self { index_id: index_id.to_owned(), fields })
    }

    /// As `strict` does: no field more, and each of its type.
    pub fn takes(&self, document: &Value) -> bool {
        let Some(document) = document.as_object() else { return false };
        document.iter().all(|(name, value)| self.fields.get(name).is_some_and(|field| field.takes(value)))
    }
}

impl Field {
    fn read(field: &Map<String, Value>) -> Result<Self, String> {
        let text = |key: &str| field.get(key).and_then(Value::as_str);
        let flag =
            |key: &str, default| field.get(key).map_or(Ok(default), |value| value.as_bool().ok_or("a flag"));
        let full = text("type").ok_or("missing field `type`")?;
        let inner = full.strip_prefix("array<").and_then(|rest| rest.strip_suffix('>'));
        let kind = match inner.unwrap_or(full) {
            "text" => Kind::Text,
            "u64" => Kind::U64,
            "i64" => Kind::I64,
            other => return Err(format!("unknown type `{other}`")),
        };
        let of_all = ["name", "type", "description", "stored", "indexed", "fast"];
        let of_text = ["tokenizer", "record", "fieldnorms"];
        match kind {
            Kind::Text => only(field, &[&of_all[..], &of_text[..]].concat())?,
            Kind::U64 | Kind::I64 => only(field, &of_all)?,
        }
        let is_indexed = flag("indexed", true)?;
        if !is_indexed && of_text.iter().any(|key| field.contains_key(*key)) {
            return Err(
                "`record`, `tokenizer`, and `fieldnorms` parameters are allowed only if indexed is true"
                    .into(),
            );
        }
        let tokenizer = text("tokenizer").unwrap_or("default").to_owned();
        if !TOKENIZERS.contains(&tokenizer.as_str()) {
            return Err(format!("unknown tokenizer `{tokenizer}`"));
        }
        let record = text("record").unwrap_or("basic");
        Ok(Self {
            kind,
            is_array: inner.is_some(),
            is_fast: flag("fast", false)?,
            is_indexed,
            is_stored: flag("stored", true)?,
            tokenizer,
            has_positions: record == "position",
            has_frequencies: record != "basic",
            has_fieldnorms: flag("fieldnorms", false)?,
        })
    }

    fn takes(&self, value: &Value) -> bool {
        let one = |value: &Value| match self.kind {
            Kind::Text => value.is_string(),
            Kind::U64 => value.is_u64(),
            Kind::I64 => value.is_i64(),
        };
        match (self.is_array, value) {
            (true, Value::Array(values)) => values.iter().all(one),
            (true, _) => false,
            (false, value) => one(value),
        }
    }

    pub fn terms(&self, text: &str) -> Vec<String> {
        match self.tokenizer.as_str() {
            "raw" => vec![text.to_owned()],
            "whitespace" => text.split_whitespace().map(str::to_owned).collect(),
            _ => {
                let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
                words.map(str::to_lowercase).collect()
            }
        }
    }
}
