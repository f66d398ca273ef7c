//! Reading a range of an object in pieces, without a copy more than the kernel's.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::{
    super::{Body, ByteRange, Object, ObjectError, ObjectKey, ObjectResult},
    Root, failed, info, is_absence,
};

const PIECE_BYTES: u64 = 256 << 10;

/// What is still to be read, from where the file stands. The open file stays what it was, whatever happens to its name.
struct Rest {
    file: File,
    len: u64,
}

impl Root {
    /// The first piece is read along, so that a small object takes one trip to the blocking pool.
    pub(super) fn read(&self, key: &ObjectKey, range: Option<ByteRange>) -> ObjectResult<Option<Object>> {
        let mut file = match File::open(self.path_of(key)) {
            Ok(file) => file,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let info = info(&metadata);
        let (first_byte, len) = match range {
            None => (0, info.size),
            Some(range) => range.within(info.size)?,
        };
        if first_byte > 0 {
            file.seek(SeekFrom::Start(first_byte)).map_err(failed)?;
        }
        let mut rest = Rest { file, len };
        let first = rest.next_piece().map_err(failed)?;
        Ok(Some(Object { info, first_byte, len, body: body(first, rest) }))
    }
}

fn body(first: Bytes, rest: Rest) -> Body {
    let later = stream::try_unfold(rest, |mut rest| async move {
        if rest.len == 0 {
            return Ok(None);
        }
        let lost = |_| ObjectError::Unavailable("the runtime is shutting down".into());
        let read = spawn_blocking(move || rest.next_piece().map(|piece| (piece, rest)));
        read.await.map_err(lost)?.map(Some).map_err(failed)
    });
    let first = if first.is_empty() { None } else { Some(Ok(first)) };
    Box::pin(stream::iter(first).chain(later))
}

impl Rest {
    fn next_piece(&mut self) -> io::Result<Bytes> {
        let len = self.len.min(PIECE_BYTES);
        // Not zeroed first: half of the cost of a read that the page cache answers.
        let mut piece = Vec::with_capacity(usize::try_from(len).expect("a piece is small"));
        if (&self.file).take(len).read_to_end(&mut piece)? as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.len -= len;
        Ok(piece.into())
    }
}
