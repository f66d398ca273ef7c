//! Objects that become one, in their order.

use std::io;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{ObjectError, ObjectInfo, ObjectKey, ObjectResult, SharedObjects, Source};

/// An object that becomes part of another, and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    pub key: ObjectKey,
    pub bytes: u64,
}

/// Opened before their turn, so that the store's answers need not be waited for.
const AHEAD: usize = 2;

/// Makes one object of others, which stay. Nothing shows before it is whole; one that is missing, or has another length,
/// ends it without an object. Their bytes pass through here, a few pieces at a time.
pub async fn join(
    objects: &SharedObjects,
    key: &ObjectKey,
    portions: Vec<Portion>,
) -> ObjectResult<ObjectInfo> {
    let bytes = portions.iter().map(|portion| portion.bytes).sum();
    let joined = objects.put_long(key, one_after_another(objects.clone(), portions), bytes).await;
    // What failed is this store and no other source.
    joined.map_err(|error| match error {
        ObjectError::Source(error) => error.downcast().unwrap_or_else(ObjectError::Source),
        other => other,
    })
}

fn one_after_another(objects: SharedObjects, portions: Vec<Portion>) -> Source {
    let opened = stream::iter(portions).map(move |portion| {
        let objects = objects.clone();
        async move {
            let object = objects.get(&portion.key, None).await.map_err(io::Error::other)?;
            let object = object.ok_or_else(|| io::Error::other(format!("{} is missing", portion.key)))?;
            match object.len == portion.bytes {
                true => Ok(object.body.map_err(io::Error::other)),
                false => Err(io::Error::other(format!("{} has another length", portion.key))),
            }
        }
    });
    Box::pin(opened.buffered(AHEAD).try_flatten())
}
