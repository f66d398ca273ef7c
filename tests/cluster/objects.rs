//! Objects on S3: the suite of every object store, what goes wrong on the way, and the system as it runs over a bucket.

mod faults;
mod proxy;
mod server;
mod story;

pub use server::Server;

use crate::objects_suite::{self, Bed};

async fn s3() -> Bed<Server> {
    let server = Server::start().await;
    Bed { objects: server.open(), dir: tempfile::tempdir().unwrap(), _kept: server }
}

objects_suite::conformance!(s3);
