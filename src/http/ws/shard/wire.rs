//! The two kinds of stream a socket may be: plain TCP, and whatever else HTTP was carried by.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use rustix::{
    io::Errno,
    net::{SendFlags, send},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tracing::debug;

/// What the kernel may hold for a socket: its own bound grows to megabytes before any outbox fills.
const SEND_BUFFER_BYTES: usize = 128 << 10;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub enum Wire {
    Tcp(TcpStream),
    Other(Box<dyn Stream>),
}

impl Wire {
    pub fn prepare(&self) {
        if let Wire::Tcp(stream) = self
            && let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES)
        {
            debug!(error = %error, "the send buffer keeps its size");
        }
    }

    /// Whatever is unsent is thrown away when the socket is dropped.
    pub fn give_up(&self) {
        if let Wire::Tcp(stream) = self
            && let Err(error) =
                rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO))
        {
            debug!(error = %error, "the kernel keeps what is unsent");
        }
    }

    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            // Asked of the kernel first: tokio's word on the socket lies elsewhere in memory, and of thousands of sockets
            // nearly all take what they are given.
            Wire::Tcp(stream) => match send(&*stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => Poll::Ready(Ok(count)),
                Err(Errno::AGAIN | Errno::INTR) => Pin::new(stream).poll_write(cx, bytes),
                Err(error) => Poll::Ready(Err(error.into())),
            },
            // What buffers must be flushed, or the bytes stay where they are.
            Wire::Other(stream) => flushed(Pin::new(stream), cx, |stream, cx| stream.poll_write(cx, bytes)),
        }
    }

    pub fn poll_write_pieces(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Wire::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Wire::Other(stream) => {
                flushed(Pin::new(stream), cx, |stream, cx| stream.poll_write_vectored(cx, pieces))
            }
        }
    }

    /// Nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

fn flushed(
    mut stream: Pin<&mut Box<dyn Stream>>,
    cx: &mut Context<'_>,
    write: impl FnOnce(Pin<&mut Box<dyn Stream>>, &mut Context<'_>) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    let written = std::task::ready!(write(stream.as_mut(), cx))?;
    match stream.poll_flush(cx) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        // It is woken to go on, and what was taken is taken.
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(written)),
    }
}
