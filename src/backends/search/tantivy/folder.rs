//! Opens the folder of an index. One that is damaged, or was written by a build with other fields, is emptied: the index
//! is derived data. One that another process writes is left alone.

use std::{fs, io, path::Path};

use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError,
    directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory, error::LockError},
    indexer::{IndexWriterOptions, LogMergePolicy},
};

use super::{Shared, fields::Fields};
/// What the writer gathers in memory before it writes a segment.
const WRITER_BYTES: usize = 32 << 20;
/// Segments are rewritten when so much of them is gone.
const GONE_RATIO_MAX: f32 = 0.3;

pub(super) enum Unopened {
    /// Another process writes there.
    Busy,
    Failed(TantivyError),
}

impl From<TantivyError> for Unopened {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::LockFailure(LockError::LockBusy, _) => Self::Busy,
            error => Self::Failed(error),
        }
    }
}

pub(super) fn open(path: &Path) -> Result<(Shared, IndexWriter), Unopened> {
    match try_to_open(path).map_err(Unopened::from) {
        Err(Unopened::Failed(error)) => {
            tracing::warn!(error.chain = %error, "the search index cannot be opened and is made anew");
            Ok(begin_anew(path)?)
        }
        answer => answer,
    }
}

fn try_to_open(path: &Path) -> tantivy::Result<(Shared, IndexWriter)> {
    fs::create_dir_all(path)?;
    let (schema, fields) = Fields::declare();
    let segments = Index::open_or_create(MmapDirectory::open(path)?, schema)?;
    let writer = writer(&segments)?;
    let reader: IndexReader = segments.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok((Shared { segments, reader, fields }, writer))
}

pub(super) fn writer(segments: &Index) -> tantivy::Result<IndexWriter> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = segments.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(GONE_RATIO_MAX);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}

fn begin_anew(path: &Path) -> tantivy::Result<(Shared, IndexWriter)> {
    {
        let directory = MmapDirectory::open(path)?;
        let _held = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(TantivyError::from)?;
        empty(path)?;
    }
    try_to_open(path)
}

/// The lock's own file stays: it is what keeps others away.
fn empty(path: &Path) -> io::Result<()> {
    let lock = INDEX_WRITER_LOCK.filepath.as_os_str();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() != lock && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
