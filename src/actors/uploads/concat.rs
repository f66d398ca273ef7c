//! Uploads in parts (tus 1.0.0, extension `concatenation`): what `Upload-Concat` says, and the making of one file from
//! its parts.

use super::{Held, UploadError, Uploads};
use crate::{
    backends::store::tables::upload::Upload,
    domain::{ids::UploadId, text::Invalid},
};

/// What an upload is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concat {
    /// A file of its own.
    Whole,
    /// A piece of one.
    Part,
    /// Made of parts, in this order. One may stand there more than once.
    Final(Vec<UploadId>),
}

/// A file has as many parts at most as an account may have open.
const PARTS_MAX: usize = 1_000;

impl Concat {
    /// `partial`, or `final;` and the URLs of the parts, absolute or not, with a space between.
    pub fn parse(header: Option<&str>) -> Result<Self, UploadError> {
        let invalid = |reason| UploadError::Invalid { field: "Upload-Concat", reason: Invalid(reason) };
        let Some(header) = header else { return Ok(Self::Whole) };
        if header == "partial" {
            return Ok(Self::Part);
        }
        let urls =
            header.strip_prefix("final;").ok_or_else(|| invalid("is `partial` or `final;` and URLs"))?;
        let id = |url: &str| url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().parse().ok();
        let parts: Option<Vec<UploadId>> = urls.split_ascii_whitespace().map(id).collect();
        let parts = parts.ok_or_else(|| invalid("names what is no upload"))?;
        match parts.len() {
            0 => Err(invalid("names no parts")),
            1..=PARTS_MAX => Ok(Self::Final(parts)),
            _ => Err(invalid("names too many parts")),
        }
    }

    pub fn of(upload: &Upload) -> Result<Self, UploadError> {
        Self::parse(upload.concat.as_deref())
    }
}

impl Uploads {
    /// Makes the whole file if all of its parts are here, and a video of it. Says whether it did.
    pub async fn assemble(&self, held: &mut Held) -> Result<bool, UploadError> {
        let Concat::Final(parts) = Concat::of(&held.upload)? else { return Ok(held.upload.finished) };
        if held.upload.finished {
            return Ok(true);
        }
        if held.hold.has_gone().await? {
            self.finish(held).await?;
            return Ok(true);
        }
        let Some(length) = self.length_of(&held.upload, &parts).await? else { return Ok(false) };
        // What a crash left behind is made again.
        held.hold.clear().await?;
        for part in &parts {
            held.hold.add(part).await?;
        }
        held.offset = held.hold.offset().await?;
        held.upload.length_bytes = Some(i64::try_from(length).unwrap_or(i64::MAX));
        self.finish(held).await?;
        Ok(true)
    }

    /// Bytes of all parts together; `None` while some are unfinished. Parts must be there, and their owner's.
    pub async fn length_of(&self, upload: &Upload, parts: &[UploadId]) -> Result<Option<u64>, UploadError> {
        let (mut length, mut finished) = (0_u64, true);
        for part in parts {
            let row = self.store.get::<Upload>((part.clone(),), ()).await?;
            let row = row.filter(|row| row.owner_id == upload.owner_id).ok_or(UploadError::NoSuchPart)?;
            if Concat::of(&row)? != Concat::Part {
                return Err(UploadError::NoSuchPart);
            }
            finished &= row.finished;
            length += super::length(&row).unwrap_or(0);
        }
        if length > self.options.size_max_bytes {
            return Err(UploadError::TooLarge(self.options.size_max_bytes));
        }
        Ok(finished.then_some(length))
    }

    /// A part has come to its end: files that wait for it may be whole now.
    pub(super) async fn part_finished(&self, part: &Upload) -> Result<(), UploadError> {
        for open in self.ledger.open_uploads(&part.owner_id).await? {
            let Some(row) = self.store.get::<Upload>((open,), ()).await? else { continue };
            if matches!(Concat::of(&row)?, Concat::Final(parts) if parts.contains(&part.upload_id)) {
                let mut held = self.take(row).await?;
                self.assemble(&mut held).await?;
            }
        }
        Ok(())
    }

    /// Their bytes are those of the whole file now. Nobody holds them but who has just brought the last one.
    pub(super) async fn remove_parts(&self, parts: Vec<UploadId>) -> Result<(), UploadError> {
        for part in parts {
            if let Some(row) = self.store.get::<Upload>((part,), ()).await? {
                self.remove(&row).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;

    #[test]
    fn parts_are_named_by_urls_of_any_kind() {
        let (a, b) = (UploadId::new(Timestamp(1)), UploadId::new(Timestamp(2)));
        let header = format!("final;/api/v1/uploads/{a} https://host.example/api/v1/uploads/{b}");
        assert_eq!(Concat::parse(Some(&header)).unwrap(), Concat::Final(vec![a, b]));
        assert_eq!(Concat::parse(Some("partial")).unwrap(), Concat::Part);
        assert_eq!(Concat::parse(None).unwrap(), Concat::Whole);
        for header in ["", "final", "final;", "final;/api/v1/uploads/no!id", "parts"] {
            assert!(Concat::parse(Some(header)).is_err(), "{header}");
        }
    }
}
