//! Frames as a page shows them: in the order of their fields, with names for ids and `…` for the rest.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

/// What stands for what.
pub struct Names(Vec<(String, String)>);

const TEXT_LEN_MAX: usize = 20;
/// Objects that are told elsewhere.
const FOLDED: &[&str] = &["counts", "limits", "chat"];
/// Fields of a comment that are shown, if they say anything.
const OF_COMMENT: &[&str] = &["id", "text", "at_ms", "edited_at"];
/// Fields whose values are different each time.
const FLEETING: &[&str] = &["reconnect_after_ms", "edited_at"];

impl Names {
    pub fn new(video: &str) -> Self {
        Self(vec![(video.to_owned(), "v1".to_owned())])
    }

    pub fn epoch(&mut self, epoch: &str) {
        self.0.push((epoch.to_owned(), "e1".to_owned()));
    }

    pub fn named(&self, words: &str) -> String {
        self.0.iter().fold(words.to_owned(), |words, (id, name)| words.replace(id, name))
    }

    /// Words that are no frame stay as they are.
    pub fn brief(&self, words: &str) -> String {
        let named = self.named(words);
        serde_json::from_str::<Node>(&named).map_or(named, |node| node.to_string())
    }
}

/// A request with its fields in the order of the page.
pub fn request(id: u64, request: &Value) -> String {
    const ORDER: &[&str] = &[
        "op",
        "room",
        "since",
        "text",
        "at_ms",
        "key",
        "reaction",
        "playback_id",
        "position_ms",
        "watched_ms",
        "state",
    ];
    let fields = ORDER.iter().filter_map(|name| Some(format!("\"{name}\":{}", request.get(*name)?)));
    format!("{{\"id\":{id},{}}}", fields.collect::<Vec<_>>().join(","))
}

/// JSON that keeps the order of its fields.
enum Node {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Plain(Value),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Plain(text.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Plain(number.into()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Plain(truth.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(Value::Null))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Object(fields) => write!(f, "{{{}}}", fields_of(fields)),
            Node::Array(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Node::Plain(Value::String(text)) if text.chars().count() > TEXT_LEN_MAX && text.contains(' ') => {
                let begin: String = text.chars().take(TEXT_LEN_MAX).collect();
                // What the server explains is shown whole; what people say may be long.
                let shown =
                    if text.starts_with("a long story") { format!("{begin}…") } else { text.clone() };
                write!(f, "{}", Value::from(shown))
            }
            Node::Plain(value) => write!(f, "{value}"),
        }
    }
}

fn fields_of(fields: &[(String, Node)]) -> String {
    let is_comment = fields.iter().any(|(name, _)| name == "video_id");
    let kept = fields.iter().filter(|(name, value)| {
        !is_comment || (OF_COMMENT.contains(&name.as_str()) && !matches!(value, Node::Plain(Value::Null)))
    });
    let field = |(name, value): &(String, Node)| match name.as_str() {
        name if FOLDED.contains(&name) => format!("\"{name}\":{{…}}"),
        name if FLEETING.contains(&name) => format!("\"{name}\":…"),
        name => format!("\"{name}\":{value}"),
    };
    let mut shown: Vec<String> = kept.map(field).collect();
    if is_comment {
        shown.push("…".to_owned());
    }
    shown.join(",")
}
