//! Finds uploads that nobody goes on with: at the start of the process and again and again. What is whole and was not
//! finished is finished, imports go on, what has expired goes, and a file without a row is a request that never came to its end.

use std::sync::Arc;

use super::{Concat, UploadError, Uploads, length};
use crate::{actors::supervise::Child, backends::store::tables::upload::Upload, domain::ids::UploadId};

impl Uploads {
    /// As a child for the supervisor.
    pub fn sweeper(self: &Arc<Self>) -> Child {
        let uploads = self.clone();
        Child::sweeper("upload-sweeper", "unfinished uploads cannot be looked through", move || {
            let uploads = uploads.clone();
            async move { uploads.sweep().await }
        })
    }

    /// Looks at every upload that no request holds.
    pub async fn sweep(self: &Arc<Self>) -> Result<(), UploadError> {
        for id in self.staging.list().await? {
            if !self.staging.is_held(&id).await
                && let Err(error) = self.settle(&id).await
            {
                tracing::warn!(upload.id = %id, error.chain = %error, "an upload will be looked at again");
            }
        }
        Ok(self.staging.remove_strays().await?)
    }

    async fn settle(self: &Arc<Self>, id: &UploadId) -> Result<(), UploadError> {
        let Some(upload) = self.store.get::<Upload>((id.clone(),), ()).await? else {
            return Ok(self.staging.remove(id).await?);
        };
        let concat = Concat::of(&upload)?;
        if upload.finished && concat != Concat::Part {
            return Ok(self.staging.remove(id).await?);
        }
        if self.clock.now() >= upload.expires_at {
            let hold = self.staging.hold(id).await?;
            // What is on its way to where it belongs is past the time in which it could expire.
            if !hold.is_ending().await? {
                self.remove(&upload).await?;
                self.metrics.uploads.of("expired").inc();
                return Ok(());
            }
        }
        if upload.finished {
            return Ok(());
        }
        if upload.import.is_some() {
            self.import(id);
            return Ok(());
        }
        let is_final = matches!(concat, Concat::Final(_));
        if !is_final && !self.staging.may_be_whole(id, length(&upload)).await? {
            return Ok(());
        }
        let mut held = self.take(upload).await?;
        match concat {
            Concat::Final(_) => drop(self.assemble(&mut held).await?),
            Concat::Whole | Concat::Part if length(&held.upload) == Some(held.offset) => {
                self.finish(&mut held).await?;
            }
            Concat::Whole | Concat::Part => {}
        }
        Ok(())
    }
}
