//! What encrypted videos are encrypted with: made by the channel actor when a video begins to be encrypted, read by http
//! to encrypt what it delivers and to hand out keys. In the store a secret lies wrapped under a key of the server for
//! this very video, so that a copied table opens nothing and a row moved to another video neither.

use std::sync::Arc;

use super::accounts::Keys;
use crate::{
    backends::store::{Store, StoreError, tables::content_key::ContentKeys as Row},
    domain::{clock::SharedClock, ids::VideoId},
    media::{Protection, protection::SECRET_LEN},
};

#[derive(Debug, thiserror::Error)]
pub enum ContentKeyError {
    #[error("the keys of a video were wrapped by another server's seed, or damaged")]
    NotOurs,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct ContentKeys {
    pub store: Store,
    pub keys: Arc<Keys>,
    pub clock: SharedClock,
    /// Segments that share a key of videos encrypted from now on; 0: all.
    pub rotation_segments: u64,
}

impl ContentKeys {
    /// Another secret, whatever there was: who has the old keys can read nothing that is delivered from now on.
    pub async fn renew(&self, video: &VideoId) -> Result<(), ContentKeyError> {
        Ok(self.store.put(self.fresh(video)).await?)
    }

    /// A secret if there is none yet.
    pub async fn ensure(&self, video: &VideoId) -> Result<(), ContentKeyError> {
        self.store.insert_if_absent(self.fresh(video), None).await?;
        Ok(())
    }

    pub async fn forget(&self, video: &VideoId) -> Result<(), ContentKeyError> {
        Ok(self.store.delete::<Row>((video.clone(),), ()).await?)
    }

    /// `None` for a video that was never encrypted.
    pub async fn of(&self, video: &VideoId) -> Result<Option<Protection>, ContentKeyError> {
        let Some(row) = self.store.get::<Row>((video.clone(),), ()).await? else { return Ok(None) };
        let secret = self.keys.unwrap_secret(video.as_str(), &row.wrapped).ok_or(ContentKeyError::NotOurs)?;
        let rotation_segments = u64::try_from(row.rotation_segments).unwrap_or(0);
        Ok(Some(Protection::new(row.set_name, secret, rotation_segments)))
    }

    fn fresh(&self, video: &VideoId) -> Row {
        let secret: [u8; SECRET_LEN] = rand::random();
        Row {
            video_id: video.clone(),
            set_name: format!("x{:016x}", rand::random::<u64>()),
            wrapped: self.keys.wrap_secret(video.as_str(), &secret),
            rotation_segments: i64::try_from(self.rotation_segments).unwrap_or(i64::MAX),
            created_at: self.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::store,
        domain::clock::{ManualClock, Timestamp},
    };

    fn content_keys(store: &Store, seed: u8) -> ContentKeys {
        let keys = Arc::new(Keys::from_seed([seed; 32]));
        ContentKeys {
            store: store.clone(),
            keys,
            clock: Arc::new(ManualClock::default()),
            rotation_segments: 2,
        }
    }

    #[tokio::test]
    async fn a_secret_is_kept_wrapped_and_opens_for_its_own_video_and_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::open("embedded:", folder.path(), Arc::new(ManualClock::default())).await.unwrap();
        let (ours, theirs) = (content_keys(&store, 1), content_keys(&store, 2));
        let (video, other) = (VideoId::new(Timestamp(1)), VideoId::new(Timestamp(2)));
        assert!(ours.of(&video).await.unwrap().is_none());
        ours.ensure(&video).await.unwrap();
        let first = ours.of(&video).await.unwrap().unwrap();
        ours.ensure(&video).await.unwrap();
        assert_eq!(ours.of(&video).await.unwrap().unwrap().key(0), first.key(0), "it stays");
        assert!(matches!(theirs.of(&video).await, Err(ContentKeyError::NotOurs)));
        let row = store.get::<Row>((video.clone(),), ()).await.unwrap().unwrap();
        store.put(Row { video_id: other.clone(), ..row }).await.unwrap();
        assert!(matches!(ours.of(&other).await, Err(ContentKeyError::NotOurs)), "it was moved");
        ours.renew(&video).await.unwrap();
        let second = ours.of(&video).await.unwrap().unwrap();
        assert!(second.key(0) != first.key(0) && second.set() != first.set());
        ours.forget(&video).await.unwrap();
        assert!(ours.of(&video).await.unwrap().is_none());
        store.close().await.unwrap();
    }
}
