//! An object as it leaves encrypted. CBC has no shortcut to the middle of a file, so a part of one is made by encrypting
//! up to it and leaving out what was not asked for.

use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};

use crate::{
    backends::objects::{Body, ObjectResult},
    media::protection::Cipher,
};

/// `clear` begins at the object's first byte; `first` and `len` are of the encrypted file.
pub fn encrypted(clear: Body, cipher: Cipher, first: u64, len: u64) -> Body {
    let sealing = Sealing { clear, cipher: Some(cipher), skip: first, left: len };
    Box::pin(stream::try_unfold(sealing, Sealing::next))
}

struct Sealing {
    clear: Body,
    /// Gone once the last block is out.
    cipher: Option<Cipher>,
    skip: u64,
    left: u64,
}

impl Sealing {
    async fn next(mut self) -> ObjectResult<Option<(Bytes, Self)>> {
        while self.left > 0 {
            let Some(mut cipher) = self.cipher.take() else { break };
            let piece = match self.clear.next().await {
                Some(piece) => {
                    let sealed = cipher.update(&piece?);
                    self.cipher = Some(cipher);
                    sealed
                }
                None => cipher.finish().to_vec(),
            };
            let piece = self.cut(piece.into());
            if !piece.is_empty() {
                return Ok(Some((piece, self)));
            }
        }
        Ok(None)
    }

    /// The part of a piece that was asked for.
    fn cut(&mut self, mut piece: Bytes) -> Bytes {
        let skipped = self.skip.min(piece.len() as u64);
        self.skip -= skipped;
        piece.advance(usize::try_from(skipped).expect("no more than the piece has"));
        let taken = self.left.min(piece.len() as u64);
        self.left -= taken;
        piece.truncate(usize::try_from(taken).expect("no more than the piece has"));
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::objects::{ObjectError, read_all},
        media::{Protection, protection::encrypted_len},
    };

    async fn sealed(first: u64, len: u64) -> Vec<u8> {
        let pieces =
            [vec![1; 20], vec![2; 1], vec![3; 79]].map(|piece| Ok::<_, ObjectError>(Bytes::from(piece)));
        let cipher = Protection::new("x1".into(), [7; 32], 0).cipher(0);
        read_all(encrypted(Box::pin(stream::iter(pieces)), cipher, first, len)).await.unwrap()
    }

    #[tokio::test]
    async fn any_part_of_an_encrypted_file_is_that_part_of_the_whole() {
        let len = encrypted_len(100);
        let whole = sealed(0, len).await;
        assert_eq!(whole.len() as u64, len);
        for (first, last) in [(0, 0), (0, 15), (5, 40), (16, 31), (96, 111), (111, 111), (0, 111)] {
            let part = sealed(first, last - first + 1).await;
            let (first, last) = (usize::try_from(first).unwrap(), usize::try_from(last).unwrap());
            assert_eq!(part, whole[first..=last], "{first}-{last}");
        }
    }
}
