//! Large bodies without a copy. What a connection is given to write is compared, by where it lies, with memory that is known
//! to hold the content of an open file; such a piece goes out by sendfile(2), which lends the page cache to the socket.
//! Everything else is written as ever. `delivery` registers what it keeps, `server` puts the connections around.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, RwLock},
    task::{Context, Poll, ready},
};

use rustix::{
    fs::sendfile,
    io::{Errno, retry_on_intr},
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// Below this a copy is cheaper than a second system call.
pub const FROM_BYTES: usize = 32 << 10;

/// Memory with the content of files, by address.
#[derive(Default)]
pub struct Regions(RwLock<BTreeMap<usize, Region>>);

struct Region {
    len: usize,
    file: Arc<File>,
}

/// Keeps a region known. To be dropped before its memory is.
pub struct Registered {
    regions: Arc<Regions>,
    address: usize,
}

impl Regions {
    /// `bytes` are the content of `file` from its first byte, and neither changes. They must stay where they are until what
    /// is returned is dropped.
    pub fn register(self: &Arc<Self>, bytes: &[u8], file: File) -> Registered {
        let address = bytes.as_ptr().addr();
        let region = Region { len: bytes.len(), file: Arc::new(file) };
        self.0.write().expect(UNBROKEN).insert(address, region);
        Registered { regions: self.clone(), address }
    }

    fn find(&self, bytes: &[u8]) -> Option<(Arc<File>, u64)> {
        let address = bytes.as_ptr().addr();
        let regions = self.0.read().expect(UNBROKEN);
        let (first, region) = regions.range(..=address).next_back()?;
        let offset = address - first;
        (offset + bytes.len() <= region.len).then(|| (region.file.clone(), offset as u64))
    }
}

const UNBROKEN: &str = "no code panics while it holds this lock";

impl Drop for Registered {
    fn drop(&mut self) {
        self.regions.0.write().expect(UNBROKEN).remove(&self.address);
    }
}

/// A TCP connection that knows the regions.
pub struct Connection {
    stream: TcpStream,
    regions: Arc<Regions>,
}

impl Connection {
    pub fn new(stream: TcpStream, regions: Arc<Regions>) -> Self {
        Self { stream, regions }
    }

    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    /// The first piece that is part of a file.
    fn in_a_file(&self, pieces: &[IoSlice<'_>]) -> Option<Piece> {
        let (at, piece) = pieces.iter().enumerate().find(|(_, piece)| piece.len() >= FROM_BYTES)?;
        let (file, offset) = self.regions.find(piece)?;
        Some(Piece { at, len: piece.len(), file, offset })
    }
}

/// Part of a file among the pieces to be written.
struct Piece {
    at: usize,
    len: usize,
    file: Arc<File>,
    offset: u64,
}

impl Piece {
    /// Sends what stands before the piece, and then as much of it as the socket takes.
    fn send(&self, stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let before = &pieces[..self.at];
        let ahead: usize = before.iter().map(|piece| piece.len()).sum();
        if ahead > 0 {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let sent = retry_on_intr(|| sendmsg(stream, before, &mut SendAncillaryBuffer::default(), flags))?;
            if sent < ahead {
                return Ok(sent);
            }
        }
        let mut offset = self.offset;
        match retry_on_intr(|| sendfile(stream, &*self.file, Some(&mut offset), self.len)) {
            // Shorter than its memory: nobody may see a wrong end.
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => Ok(ahead + sent),
            Err(Errno::AGAIN) if ahead > 0 => Ok(ahead),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(piece) = self.in_a_file(pieces) else {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        };
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let stream = &self.stream;
            match stream.try_io(Interest::WRITABLE, || piece.send(stream, pieces)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair(regions: &Arc<Regions>) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (Connection::new(near, regions.clone()), far)
    }

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Sends a head and a body as hyper does; returns what arrived after the head.
    async fn sent(regions: &Arc<Regions>, body: &[u8]) -> Vec<u8> {
        let (mut near, mut far) = pair(regions).await;
        let send = async {
            let (mut head, mut body) = (&b"head"[..], body);
            while !head.is_empty() || !body.is_empty() {
                let n = near.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await.unwrap();
                let of_head = n.min(head.len());
                (head, body) = (&head[of_head..], &body[n - of_head..]);
            }
            near.shutdown().await.unwrap();
        };
        let mut arrived = Vec::new();
        let (_, read) = tokio::join!(send, far.read_to_end(&mut arrived));
        read.unwrap();
        arrived.split_off(4)
    }

    #[tokio::test]
    async fn a_known_region_comes_out_of_its_file_and_any_other_memory_as_it_is() {
        let regions = Arc::<Regions>::default();
        let memory: Vec<u8> = (0..8_000_000_u32).map(|at| (at % 251) as u8).collect();
        // Other bytes than in memory show the way they went; a short rest goes the other way, so the end is the same.
        let mut in_file = memory.clone();
        in_file[..1_000_000].fill(255);
        let registered = regions.register(&memory, file_of(&in_file));
        assert!(sent(&regions, &memory).await == in_file, "all of it");
        assert!(sent(&regions, &memory[100..5_000_000]).await == in_file[100..5_000_000], "a part");
        assert!(sent(&regions, &memory[..1_000]).await == memory[..1_000], "too small to be worth it");
        let elsewhere = memory.clone();
        assert!(sent(&regions, &elsewhere).await == memory, "the same bytes elsewhere");
        drop(registered);
        assert!(sent(&regions, &memory).await == memory, "a region that is not known any more");
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_its_memory_ends_the_connection() {
        let regions = Arc::<Regions>::default();
        let memory = vec![7; 100_000];
        let _registered = regions.register(&memory, file_of(&memory[..50_000]));
        let (mut near, mut far) = pair(&regions).await;
        let send = async {
            let mut rest = &memory[..];
            let outcome = loop {
                match near.write_vectored(&[IoSlice::new(rest)]).await {
                    Ok(n) => rest = &rest[n..],
                    Err(error) => break error.kind(),
                }
            };
            drop(near);
            outcome
        };
        let mut arrived = Vec::new();
        let (outcome, _) = tokio::join!(send, far.read_to_end(&mut arrived));
        // What is left is below the size that goes by file only if it was sent whole.
        assert_eq!((outcome, arrived.len()), (io::ErrorKind::UnexpectedEof, 50_000));
    }
}
