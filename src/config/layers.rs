//! Lays what an operator wrote over the compiled-in defaults: first a file, then the environment. The defaults are
//! also the schema: a key they do not have is refused, and a value must have the type of theirs.

use toml::{Table, Value};

use super::{ConfigError, range::Range};

const ENVIRONMENT_PREFIX: &str = "PLAYHOUSE__";

/// Lays the tables of a file over `settings`.
pub(super) fn lay_file(settings: &mut Table, file: Table) -> Result<(), ConfigError> {
    for (section, keys) in file {
        let known = section_of(settings, &section)?;
        let Value::Table(keys) = keys else {
            return Err(wrong_type(section, &keys, "a section such as [server]"));
        };
        for (key, value) in keys {
            let path = format!("{section}.{key}");
            let slot = slot_of(known, &key, &path)?;
            if !same_type(slot, &value) {
                return Err(wrong_type(path, &value, type_name(slot)));
            }
            *slot = value;
        }
    }
    Ok(())
}

/// Lays `PLAYHOUSE__SECTION__KEY=value` over `settings`; every other variable is none of ours.
pub(super) fn lay_environment(
    settings: &mut Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let path = path.to_ascii_lowercase();
        let (section, key) = path.split_once("__").unwrap_or((&path, ""));
        let path = format!("{section}.{key}");
        let slot = slot_of(section_of(settings, section)?, key, &path)?;
        *slot =
            parse_like(slot, &text).ok_or_else(|| wrong_type(path, &Value::String(text), type_name(slot)))?;
    }
    Ok(())
}

pub(super) fn check_ranges(
    settings: &Table,
    section: &str,
    ranges: &'static [Range],
) -> Result<(), ConfigError> {
    for range in ranges {
        let value = settings.get(section).and_then(|keys| keys.get(range.key));
        let value = value.expect("every range names a key of the defaults, which a test holds");
        if let Some(value) = integers(value).find(|value| !(range.min..=range.max).contains(value)) {
            let key = format!("{section}.{}", range.key);
            return Err(ConfigError::OutOfRange { key, value, min: range.min, max: range.max });
        }
    }
    Ok(())
}

/// The number itself, or those of a list.
fn integers(value: &Value) -> impl Iterator<Item = i64> {
    value.as_integer().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_integer))
}

fn section_of<'a>(settings: &'a mut Table, section: &str) -> Result<&'a mut Table, ConfigError> {
    let allowed = names(settings);
    let found = settings.get_mut(section).and_then(Value::as_table_mut);
    found.ok_or_else(|| ConfigError::UnknownKey { key: section.to_owned(), allowed })
}

fn slot_of<'a>(section: &'a mut Table, key: &str, path: &str) -> Result<&'a mut Value, ConfigError> {
    let allowed = names(section);
    section.get_mut(key).ok_or_else(|| ConfigError::UnknownKey { key: path.to_owned(), allowed })
}

fn names(table: &Table) -> String {
    table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Reads `text` as a value of the same type as `like`; lists are separated by commas.
fn parse_like(like: &Value, text: &str) -> Option<Value> {
    let text = text.trim();
    match like {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Array(items) => {
            let like = items.first().unwrap_or(&Value::Integer(0));
            text.split(',').map(|item| parse_like(like, item)).collect::<Option<_>>().map(Value::Array)
        }
        _ => Some(Value::String(text.to_owned())),
    }
}

/// A list holds what that of the defaults holds, which is never empty.
fn same_type(default: &Value, given: &Value) -> bool {
    match (default, given) {
        (Value::Array(like), Value::Array(items)) => {
            items.iter().all(|item| like.first().is_some_and(|like| like.same_type(item)))
        }
        _ => default.same_type(given),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(items) if items.iter().all(Value::is_integer) => "a list of whole numbers",
        Value::Array(_) => "a list of texts",
        _ => "a text",
    }
}

fn wrong_type(key: String, found: &Value, allowed: &'static str) -> ConfigError {
    ConfigError::WrongType { key, found: found.to_string().replace('\n', " "), allowed }
}
