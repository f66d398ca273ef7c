//! Which fields a document has on disk, and the way into one and out of it. Terms are cut before they come here, so the
//! tokenizer only splits at spaces. A video that was taken out keeps a document of its id and version.

use tantivy::{
    TantivyDocument,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, SchemaBuilder, TextFieldIndexing,
        TextOptions, Value,
    },
};

use super::super::{
    Change, Document,
    analysis::terms,
    document::tie_of,
    highlight::{Highlight, Texts, highlights},
    query::Words,
};

pub(super) const VERSION: &str = "version";
pub(super) const FINGERPRINT: &str = "fingerprint";
pub(super) const LIVE: &str = "live";
pub(super) const PUBLISHED_AT: &str = "published_at";
pub(super) const VIEWS: &str = "views";
pub(super) const TIE: &str = "tie";

#[derive(Clone)]
pub(super) struct Fields {
    pub id: Field,
    pub live: Field,
    version: Field,
    fingerprint: Field,
    pub title_terms: Field,
    pub description_terms: Field,
    pub tags_terms: Field,
    title: Field,
    description: Field,
    tags: Field,
    pub duration_ms: Field,
    pub height: Field,
    pub published_at: Field,
    pub views: Field,
    pub tie: Field,
}

impl Fields {
    pub(super) fn declare() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let fields = Self {
            id: schema.add_text_field("id", STRING | STORED),
            live: schema.add_u64_field(LIVE, FAST | INDEXED),
            version: schema.add_u64_field(VERSION, FAST),
            fingerprint: schema.add_u64_field(FINGERPRINT, FAST),
            title_terms: add_terms(&mut schema, "title_terms"),
            description_terms: add_terms(&mut schema, "description_terms"),
            tags_terms: add_terms(&mut schema, "tags_terms"),
            title: schema.add_text_field("title", STORED),
            description: schema.add_text_field("description", STORED),
            tags: schema.add_text_field("tags", STORED),
            duration_ms: schema.add_u64_field("duration_ms", FAST),
            height: schema.add_u64_field("height", FAST),
            published_at: schema.add_i64_field(PUBLISHED_AT, FAST),
            views: schema.add_u64_field(VIEWS, FAST),
            tie: schema.add_u64_field(TIE, FAST),
        };
        (schema.build(), fields)
    }

    pub(super) fn written(&self, change: &Change) -> TantivyDocument {
        let mut written = TantivyDocument::default();
        written.add_text(self.id, change.video_id.as_str());
        written.add_u64(self.version, change.version);
        written.add_u64(self.tie, tie_of(&change.video_id));
        match &change.document {
            Some(document) => self.write(&mut written, document),
            // Segments of nothing but such documents have all columns too.
            None => {
                written.add_i64(self.published_at, 0);
                let columns = [self.live, self.fingerprint, self.duration_ms, self.height, self.views];
                columns.into_iter().for_each(|field| written.add_u64(field, 0));
            }
        }
        written
    }

    fn write(&self, written: &mut TantivyDocument, document: &Document) {
        written.add_u64(self.live, 1);
        written.add_u64(self.fingerprint, document.fingerprint());
        written.add_text(self.title_terms, terms(&document.title).join(" "));
        written.add_text(self.description_terms, terms(&document.description).join(" "));
        written.add_text(self.title, &document.title);
        written.add_text(self.description, &document.description);
        for tag in &document.tags {
            written.add_text(self.tags_terms, terms(tag).join(" "));
            written.add_text(self.tags, tag);
        }
        written.add_u64(self.duration_ms, document.duration_ms);
        written.add_u64(self.height, document.height);
        written.add_i64(self.published_at, document.published_at.0);
        written.add_u64(self.views, document.views);
    }

    /// The id of a stored document, and why it was found.
    pub(super) fn shown(&self, stored: &TantivyDocument, words: &Words) -> Option<(String, Vec<Highlight>)> {
        let text = |field| stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default();
        let tags: Vec<String> =
            stored.get_all(self.tags).filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        let texts = Texts { title: text(self.title), description: text(self.description), tags: &tags };
        let id = stored.get_first(self.id)?.as_str()?.to_owned();
        Some((id, highlights(&texts, words)))
    }
}

fn add_terms(schema: &mut SchemaBuilder, name: &str) -> Field {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("whitespace")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
}
