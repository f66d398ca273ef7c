//! Parts that nobody will ever join: their writer died, or could not reach the store to abort. They cost money and are
//! seen in no list of objects. Removed from time to time, by every node; a rule of the bucket may do it as well.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use aws_sdk_s3::types::MultipartUpload;

use super::{super::ObjectResult, Bucket};
use crate::{
    domain::clock::{SharedClock, Timestamp},
    telemetry::tasks,
};

const EVERY: Duration = Duration::from_secs(24 * 3_600);

pub(super) struct Sweep {
    pub(super) clock: SharedClock,
    pub(super) abandoned_after: Duration,
}

impl Sweep {
    /// Sweeps after a while and then once a day, as long as there is the engine. Without a runtime nothing is swept.
    pub(super) fn begin(self, bucket: &Arc<Bucket>, first_after: Duration) {
        let bucket = Arc::downgrade(bucket);
        if tokio::runtime::Handle::try_current().is_ok() {
            tasks::spawn("sweep of abandoned parts", self.run(bucket, first_after));
        }
    }

    async fn run(self, bucket: Weak<Bucket>, first_after: Duration) {
        tokio::time::sleep(first_after).await;
        while let Some(bucket) = bucket.upgrade() {
            let age_s = i64::try_from(self.abandoned_after.as_secs()).unwrap_or(i64::MAX);
            let begun_before = Timestamp(self.clock.now().0.saturating_sub(age_s.saturating_mul(1_000)));
            match bucket.remove_begun_before(begun_before).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "abandoned multipart uploads were removed"),
                Err(error) => {
                    tracing::warn!(error.chain = %error, "abandoned multipart uploads are not removed for now");
                }
            }
            drop(bucket);
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Bucket {
    async fn remove_begun_before(&self, moment: Timestamp) -> ObjectResult<usize> {
        let is_old = |upload: &MultipartUpload| {
            upload.initiated().is_some_and(|begun| begun.secs() <= moment.as_seconds())
        };
        let (mut key_marker, mut id_marker, mut removed) = (None, None, 0);
        loop {
            let request = self.brief.list_multipart_uploads().bucket(self.name());
            let request = request.set_key_marker(key_marker).set_upload_id_marker(id_marker);
            let page = request.send().await.map_err(|error| self.failed(&error))?;
            for upload in page.uploads().iter().filter(|upload| is_old(upload)) {
                removed += self.remove(upload).await?;
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(removed);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_upload_id_marker().map(str::to_owned);
        }
    }

    async fn remove(&self, upload: &MultipartUpload) -> ObjectResult<usize> {
        let Some((key, id)) = upload.key().zip(upload.upload_id()) else { return Ok(0) };
        let request = self.brief.abort_multipart_upload().bucket(self.name()).key(key).upload_id(id);
        match request.send().await {
            Err(error) if super::failure::status(&error) != Some(404) => Err(self.failed(&error)),
            _ => Ok(1),
        }
    }
}
