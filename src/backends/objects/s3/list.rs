//! Listing in key order, which is the store's own, and deletion of many at once.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::{
    super::{Listed, Listing, ObjectError, ObjectInfo, ObjectKey, ObjectResult, Prefix},
    Bucket, plain_etag, size,
};

/// Of one answer and of one deletion.
const PAGE_LEN_MAX: usize = 1_000;

/// What comes of one request: objects, and where to go on.
struct Page {
    objects: Vec<aws_sdk_s3::types::Object>,
    next: Option<String>,
}

impl Bucket {
    pub(super) async fn list(
        &self,
        prefix: &Prefix,
        after: Option<&ObjectKey>,
        limit: usize,
    ) -> ObjectResult<Listing> {
        // One more than asked for tells whether there is more.
        let wanted = limit.saturating_add(1);
        let (mut objects, mut next) = (Vec::new(), None);
        loop {
            let page = self.page(prefix, after, next, wanted - objects.len()).await?;
            objects.extend(page.objects.iter().filter_map(listed));
            next = page.next;
            if objects.len() >= wanted || next.is_none() {
                let more = objects.len() > limit;
                objects.truncate(limit);
                return Ok(Listing { objects, more });
            }
        }
    }

    /// Not all at once: who looks meanwhile sees some of it gone. What fails half-way is gone on with by the next call.
    pub(super) async fn delete_prefix(&self, prefix: &Prefix) -> ObjectResult<()> {
        let mut next = None;
        loop {
            let page = self.page(prefix, None, next, PAGE_LEN_MAX).await?;
            self.delete_all(&page).await?;
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn page(
        &self,
        prefix: &Prefix,
        after: Option<&ObjectKey>,
        next: Option<String>,
        len: usize,
    ) -> ObjectResult<Page> {
        let len = i32::try_from(len.min(PAGE_LEN_MAX)).unwrap_or(i32::MAX);
        let request = self.brief.list_objects_v2().bucket(self.name()).prefix(prefix.as_str()).max_keys(len);
        let request = request.set_start_after(after.map(|key| key.as_str().to_owned()));
        let page = request.set_continuation_token(next).send().await;
        let page = page.map_err(|error| self.failed(&error))?;
        self.now_known();
        let next = page.next_continuation_token().filter(|_| page.is_truncated() == Some(true));
        Ok(Page { next: next.map(str::to_owned), objects: page.contents.unwrap_or_default() })
    }

    async fn delete_all(&self, page: &Page) -> ObjectResult<()> {
        let keys = page.objects.iter().filter_map(aws_sdk_s3::types::Object::key);
        let named = keys.map(|key| ObjectIdentifier::builder().key(key).build());
        let named: Result<Vec<_>, _> = named.collect();
        let named = named.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        if named.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder().set_objects(Some(named)).quiet(true).build();
        let delete = delete.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        let answer = self.lasting.delete_objects().bucket(self.name()).delete(delete).send().await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        match answer.errors().iter().find(|error| error.code() != Some("NoSuchKey")) {
            None => Ok(()),
            Some(error) => {
                let (key, why) = (error.key().unwrap_or_default(), error.message().unwrap_or_default());
                Err(ObjectError::Unavailable(format!("{} does not delete `{key}`: {why}", self.address)))
            }
        }
    }
}

/// What others have put into the bucket under names that we never give is not ours.
fn listed(object: &aws_sdk_s3::types::Object) -> Option<Listed> {
    let key = object.key()?.parse().ok()?;
    let info = ObjectInfo { size: size(object.size()), etag: plain_etag(object.e_tag()) };
    Some(Listed { key, info })
}
