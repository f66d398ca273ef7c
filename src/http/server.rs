//! Accepts connections and serves the router on them: with a bound on connections, a deadline for request heads
//! (slow senders hold a connection, not the server), and a drain that lets requests under way finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    front::Front,
    sendfile::{Connection, Regions},
};
use crate::telemetry::tasks;

const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// After an accept that failed for want of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub struct Server {
    pub listener: TcpListener,
    pub front: Front,
    pub connections_max: usize,
    pub regions: Arc<Regions>,
}

impl Server {
    /// Serves until `stop`, then waits for what is under way, `drain_max` at the longest.
    pub async fn run(self, stop: CancellationToken, drain_max: Duration) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.connections_max));
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = places.clone().acquire_owned() => place.expect("the semaphore is never closed"),
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (front, watcher) = (self.front.clone(), graceful.watcher());
                    let regions = self.regions.clone();
                    drop(tasks::spawn("connection", async move {
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(error.chain = %error, "no TCP_NODELAY");
                        }
                        serve(Connection::new(stream, regions), peer, front, watcher).await;
                        drop(place);
                    }));
                }
                Err(error) => {
                    tracing::warn!(error.chain = %error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        if timeout(drain_max, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    }
}

async fn serve(stream: Connection, peer: SocketAddr, front: Front, watcher: Watcher) {
    // Not by a layer on the router: that would build every route anew for each connection.
    let service = service_fn(move |request: hyper::Request<Incoming>| front.clone().answer(request, peer));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    // In a box: it is large, and a task is copied more than once on its way to the runtime.
    if let Err(error) = Box::pin(watcher.watch(connection.into_owned())).await {
        tracing::debug!(error.chain = %error, "a connection ended early");
    }
}
