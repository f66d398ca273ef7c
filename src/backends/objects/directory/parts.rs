//! Multipart uploads: a directory an upload, which holds its parts and the key they are for. They outlive a
//! restart.

use std::{fs, io, path::PathBuf, time::Duration};

use super::{
    super::{MultipartId, ObjectError, ObjectInfo, ObjectKey, ObjectResult, PART_BYTES_MIN},
    Root, failed, is_absence,
    publish::Draft,
};

impl Root {
    pub(super) fn begin_multipart(&self, key: &ObjectKey) -> ObjectResult<MultipartId> {
        let upload = MultipartId(format!("{:032x}", rand::random::<u128>()));
        let dir = self.upload_dir(&upload);
        fs::create_dir(&dir).map_err(failed)?;
        let mut draft = Draft::new(self)?;
        io::Write::write_all(&mut draft.file, key.as_str().as_bytes()).map_err(failed)?;
        self.publish_at(draft, &dir.join("key"))?;
        self.sync_dir(Some(&self.parts()))?;
        Ok(upload)
    }

    pub(super) fn put_part(&self, upload: &MultipartId, number: u32, part: Draft) -> ObjectResult<()> {
        let dir = self.upload_dir(upload);
        if !dir.join("key").is_file() {
            return Err(ObjectError::NoSuchUpload);
        }
        self.publish_at(part, &dir.join(number.to_string()))
    }

    pub(super) fn complete_multipart(&self, upload: &MultipartId, parts: u32) -> ObjectResult<ObjectInfo> {
        let dir = self.upload_dir(upload);
        let key = fs::read_to_string(dir.join("key")).map_err(missing)?;
        let key: ObjectKey = key.parse().map_err(|_| ObjectError::NoSuchUpload)?;
        let lengths: ObjectResult<Vec<u64>> = (1..=parts)
            .map(|number| fs::metadata(dir.join(number.to_string())).map(|part| part.len()).map_err(missing))
            .collect();
        let small = (1..parts).zip(lengths?).find(|(_, len)| *len < PART_BYTES_MIN);
        if let Some((number, _)) = small {
            return Err(ObjectError::PartTooSmall { number });
        }
        let mut whole = Draft::new(self)?;
        for number in 1..=parts {
            let mut part = fs::File::open(dir.join(number.to_string())).map_err(missing)?;
            io::copy(&mut part, &mut whole.file).map_err(failed)?;
        }
        let info = self.publish(whole, &key)?;
        self.abort_multipart(upload)?;
        Ok(info)
    }

    pub(super) fn abort_multipart(&self, upload: &MultipartId) -> ObjectResult<()> {
        match fs::remove_dir_all(self.upload_dir(upload)) {
            Err(error) if !is_absence(&error) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    pub(super) fn remove_abandoned_uploads(&self, abandoned_after: Duration) -> io::Result<()> {
        for entry in fs::read_dir(self.parts())? {
            let entry = entry?;
            let untouched = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if untouched > abandoned_after {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn upload_dir(&self, upload: &MultipartId) -> PathBuf {
        self.parts().join(&upload.0)
    }
}

fn missing(error: io::Error) -> ObjectError {
    if is_absence(&error) { ObjectError::NoSuchUpload } else { failed(error) }
}
