//! Requests that are answered before their body was read to its end. What is left of it would be taken for the next
//! request, so the connection is closed behind the answer; the answer says so (RFC 9112, section 9.6). Otherwise a client
//! that keeps connections sends its next request into one that is about to go, and hears nothing.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Version, header},
    response::Response,
};
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};

/// Bodies up to this come with their head: hyper reads what is left of them and keeps the connection.
const SMALL_BYTES: u64 = 8 << 10;

/// Has the answer say that the connection is closed, if it is.
pub async fn said<F>(request: Request, answer: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let is_small = request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BYTES);
    if is_small || request.version() > Version::HTTP_11 {
        return answer(request).await;
    }
    let is_read = Arc::new(AtomicBool::new(false));
    let watched = is_read.clone();
    let mut response = answer(request.map(|body| Body::new(Watched { body, is_read: watched }))).await;
    if !is_read.load(Ordering::Acquire) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that tells when it has ended.
struct Watched {
    body: Body,
    is_read: Arc<AtomicBool>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Release);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::stream;

    use super::*;

    #[derive(Clone, Copy)]
    enum Reads {
        All,
        Nothing,
    }

    async fn closes(body: Body, version: Version, reads: Reads) -> bool {
        let mut request = Request::new(body);
        *request.version_mut() = version;
        let answered = said(request, async |request: Request| {
            match reads {
                Reads::All => drop(to_bytes(request.into_body(), usize::MAX).await.unwrap()),
                Reads::Nothing => {}
            }
            Response::new(Body::empty())
        });
        answered.await.headers().get(header::CONNECTION).is_some_and(|value| value == "close")
    }

    #[tokio::test]
    async fn only_who_is_answered_before_the_end_of_a_large_body_is_told_that_the_connection_goes() {
        let large = || Body::from(vec![0; 100_000]);
        let of_unknown_length =
            || Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some"))]));
        assert!(closes(large(), Version::HTTP_11, Reads::Nothing).await);
        assert!(closes(of_unknown_length(), Version::HTTP_11, Reads::Nothing).await);
        assert!(!closes(large(), Version::HTTP_11, Reads::All).await);
        assert!(!closes(of_unknown_length(), Version::HTTP_11, Reads::All).await);
        assert!(!closes(large(), Version::HTTP_2, Reads::Nothing).await, "streams end by themselves");
        assert!(!closes(Body::empty(), Version::HTTP_11, Reads::Nothing).await);
        assert!(!closes(Body::from("{}"), Version::HTTP_11, Reads::Nothing).await);
    }
}
