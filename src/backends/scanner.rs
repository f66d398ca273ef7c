//! Scans files for malware with clamd (`INSTREAM` of its protocol, clamd(8)). A file goes in chunks that overlap, each a
//! stream of its own, so that clamd's limits on a stream do not matter. What can only be found in a whole file that is
//! larger than a chunk, such as a hash of all of it, is not found.

use std::{io, path::Path, time::Duration};

use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, SeekFrom},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::domain::service::Address;

/// What two chunks share: a signature that lies across their border lies whole in one of them.
const OVERLAP_BYTES: u64 = 1 << 20;
const PIECE_LEN: usize = 128 << 10;
const ANSWER_LEN_MAX: u64 = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// The name of what was found.
    Found(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("the file cannot be read: {0}")]
    File(#[source] io::Error),
    #[error("clamd cannot be reached: {0}")]
    Away(#[source] io::Error),
    #[error("clamd does not answer in time")]
    Silent,
    #[error("clamd refuses: {0}")]
    Refused(String),
}

#[derive(Debug, Clone)]
pub struct Scanner {
    pub address: Address,
    /// At most clamd's `StreamMaxLength`.
    pub chunk_bytes: u64,
    /// For one chunk.
    pub deadline: Duration,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Scanner {
    /// Looks through a whole file, up to the first finding.
    pub async fn scan(&self, path: &Path) -> Result<Verdict, ScanError> {
        let mut file = File::open(path).await.map_err(ScanError::File)?;
        let length = file.metadata().await.map_err(ScanError::File)?.len();
        let step = self.chunk_bytes.saturating_sub(OVERLAP_BYTES).max(1);
        let mut start = 0;
        loop {
            let end = length.min(start + self.chunk_bytes);
            file.seek(SeekFrom::Start(start)).await.map_err(ScanError::File)?;
            let chunk = (&mut file).take(end - start);
            match timeout(self.deadline, self.scan_chunk(chunk)).await.map_err(|_| ScanError::Silent)?? {
                Verdict::Clean if end < length => start += step,
                verdict => return Ok(verdict),
            }
        }
    }

    /// Whether clamd answers at all.
    pub async fn ping(&self) -> Result<(), ScanError> {
        let asking = async {
            let mut stream = self.connect().await?;
            stream.write_all(b"zPING\0").await?;
            answer(&mut stream).await
        };
        let answer = timeout(self.deadline, asking).await.map_err(|_| ScanError::Silent)?;
        match answer.map_err(ScanError::Away)?.as_str() {
            "PONG" => Ok(()),
            other => Err(ScanError::Refused(other.to_owned())),
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.address {
            Address::Tcp(place) => Box::new(TcpStream::connect(place).await?),
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    async fn scan_chunk(&self, mut chunk: impl AsyncRead + Unpin) -> Result<Verdict, ScanError> {
        let mut stream = self.connect().await.map_err(ScanError::Away)?;
        let mut piece = vec![0; PIECE_LEN];
        let mut sent = stream.write_all(b"zINSTREAM\0").await;
        loop {
            let read = chunk.read(&mut piece).await.map_err(ScanError::File)?;
            let length = u32::try_from(read).expect("a piece is small").to_be_bytes();
            if sent.is_ok() {
                sent = stream.write_all(&length).await;
            }
            if sent.is_ok() {
                sent = stream.write_all(&piece[..read]).await;
            }
            // Whoever refuses says why before it closes, so its answer is read in any case.
            if read == 0 || sent.is_err() {
                break;
            }
        }
        let answer = answer(&mut stream).await;
        match (sent, answer) {
            (_, Ok(answer)) if !answer.is_empty() => verdict(&answer),
            (Err(error), _) | (_, Err(error)) => Err(ScanError::Away(error)),
            (Ok(()), Ok(_)) => Err(ScanError::Away(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut bytes = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_matches(['\0', '\n', ' ']).to_owned())
}

/// `stream: OK`, or `stream: <name> FOUND`; all else is a refusal.
fn verdict(answer: &str) -> Result<Verdict, ScanError> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    match said.strip_suffix(" FOUND") {
        Some(name) => Ok(Verdict::Found(name.to_owned())),
        None if said == "OK" => Ok(Verdict::Clean),
        None => Err(ScanError::Refused(said.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_clean_or_a_finding_or_a_refusal() {
        assert_eq!(verdict("stream: OK").unwrap(), Verdict::Clean);
        let found = verdict("stream: Eicar-Test-Signature.UNOFFICIAL FOUND").unwrap();
        assert_eq!(found, Verdict::Found("Eicar-Test-Signature.UNOFFICIAL".into()));
        assert!(matches!(verdict("INSTREAM size limit exceeded. ERROR"), Err(ScanError::Refused(_))));
    }
}
