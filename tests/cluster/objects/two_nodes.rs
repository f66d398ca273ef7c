//! Two programs over Cassandra, Redis and S3: an upload goes on at whichever of them its client reaches.

use std::time::{Duration, Instant};

use playhouse::backends::store::tables;
use rustix::process::Signal;
use tokio::{io::AsyncReadExt, time::timeout};

use super::{
    server::Server,
    uploads::{Door, MIB, arrived, content, largest_file, pieces},
};
use crate::{
    cassandra,
    redis::Service,
    served::{Program, Served, random::Random},
    store::fresh,
    support::wait_until,
};

const PATIENCE: Duration = Duration::from_secs(30);

struct Cluster {
    server: Server,
    redis: Service,
    folders: [tempfile::TempDir; 2],
    _shared: tempfile::TempDir,
    nodes: Vec<Served>,
}

impl Cluster {
    async fn start() -> Self {
        let store = fresh(&[cassandra::shared().contact()], 1, tables::ALL).await;
        let (server, redis) = (Server::start().await, Service::redis().await);
        let (objects, bus) = (server.uri(), redis.uri("uploads"));
        let shared = tempfile::tempdir().expect("a folder");
        let key_file = shared.path().join("seed").display().to_string();
        let settings = [
            ("SERVER__KEY_FILE", key_file.as_str()),
            ("BACKENDS__STORE", store.as_str()),
            ("BACKENDS__OBJECTS", objects.as_str()),
            ("BACKENDS__BUS", bus.as_str()),
        ];
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let start = |folder: &tempfile::TempDir| Program::new(folder.path(), &settings).start();
        let nodes = folders.iter().map(start).collect();
        Self { server, redis, folders, _shared: shared, nodes }
    }

    /// Somebody who is known at both.
    async fn doors(&self, name: &str) -> [Door; 2] {
        let first = Door::register(&self.nodes[0].url(), name).await;
        [first, Door::login(&self.nodes[1].url(), name).await]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_moves_between_nodes_with_cuts_arrives_byte_for_byte() {
    let cluster = Cluster::start().await;
    let doors = cluster.doors("ada").await;
    let mut random = Random::new(7);
    let bytes = content(40 * MIB + 11);
    let path = doors[0].create(bytes.len()).await;
    let (mut told, mut cuts, mut ghosts) = (0, 0, Vec::new());
    for round in 1.. {
        let door = &doors[round % 2];
        let offset = door.offset(&path).await;
        assert!(offset >= told, "at {offset}, and {told} was told before");
        told = offset;
        if bytes.len() - offset < 6 * MIB {
            break;
        }
        let until = offset + 1 + random.below(5 * MIB);
        match random.one_in(2) {
            true => told = door.add(&path, offset, &bytes[offset..until]).await,
            false => {
                cuts += 1;
                let rest = bytes.len() - offset;
                let ghost = door.ghost(&path, offset, rest, &bytes[offset..until]).await;
                // Half of them are gone, of the others nobody hears any more.
                ghosts.extend(random.one_in(2).then_some(ghost));
            }
        }
    }
    assert!(cuts > 2, "{cuts}");
    for folder in &cluster.folders {
        assert!(largest_file(folder.path()) < MIB as u64, "it gathers in no file");
    }
    let offset = doors[1].offset(&path).await;
    assert_eq!(doors[1].add(&path, offset, &bytes[offset..]).await, bytes.len());
    arrived(&cluster.server, &doors[0], &path, &bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_at_the_other_node_gets_an_upload_from_a_dead_connection() {
    let cluster = Cluster::start().await;
    let [here, there] = cluster.doors("ada").await;
    let path = here.create(10).await;
    let mut ghost = here.ghost(&path, 0, 10, b"hello").await;
    wait_until("the ghost is being heard", || here.is_receiving()).await;
    let asked = Instant::now();
    assert_eq!(there.offset(&path).await, 5, "what the ghost had sent is kept");
    assert!(asked.elapsed() < Duration::from_secs(4), "it was asked: {:?}", asked.elapsed());
    let mut answer = [0; 12];
    timeout(PATIENCE, ghost.read_exact(&mut answer)).await.expect("an answer").expect("a status line");
    assert_eq!(&answer, b"HTTP/1.1 423");
    assert_eq!(there.add(&path, 5, b"world").await, 10);
    arrived(&cluster.server, &here, &path, b"helloworld").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_at_either_node_while_redis_is_away() {
    let cluster = Cluster::start().await;
    let doors = cluster.doors("ada").await;
    let bytes = content(9 * MIB);
    let path = doors[0].create(bytes.len()).await;
    cluster.redis.kill().await;
    for (number, piece) in bytes.chunks(2 * MIB).enumerate() {
        let door = &doors[number % 2];
        let offset = door.offset(&path).await;
        assert_eq!(offset, number * 2 * MIB);
        assert_eq!(door.add(&path, offset, piece).await, offset + piece.len());
    }
    arrived(&cluster.server, &doors[0], &path, &bytes).await;
    cluster.redis.go_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_in_the_middle_loses_nothing_it_has_acknowledged() {
    let mut cluster = Cluster::start().await;
    let [here, there] = cluster.doors("ada").await;
    let bytes = content(30 * MIB);
    let path = here.create(bytes.len()).await;
    let acknowledged = here.add(&path, 0, &bytes[..MIB]).await;
    let sent = &bytes[acknowledged..25 * MIB];
    let ghost = here.ghost(&path, acknowledged, bytes.len() - acknowledged, sent).await;
    wait_until("two more pieces are there", || async { pieces(&cluster.server).await.len() >= 3 }).await;
    cluster.nodes.remove(0).kill();
    let asked = Instant::now();
    let offset = there.offset(&path).await;
    assert!(asked.elapsed() < Duration::from_secs(12), "its hold is over: {:?}", asked.elapsed());
    assert!(offset > 8 * MIB && offset <= 25 * MIB, "{offset}");
    assert_eq!(there.add(&path, offset, &bytes[offset..]).await, bytes.len());
    arrived(&cluster.server, &there, &path, &bytes).await;
    drop(ghost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_longer_than_its_hold_changes_nothing_when_it_wakes() {
    let cluster = Cluster::start().await;
    let [here, there] = cluster.doors("ada").await;
    let bytes = content(20 * MIB);
    let path = here.create(bytes.len()).await;
    // After a first piece, what no other request will send.
    let wrong = [&bytes[..8 * MIB], &vec![7; 4 * MIB][..]].concat();
    let mut ghost = here.ghost(&path, 0, bytes.len(), &wrong).await;
    wait_until("its first piece is there", || async { !pieces(&cluster.server).await.is_empty() }).await;
    cluster.nodes[0].signal(Signal::STOP);
    let offset = there.offset(&path).await;
    assert!(offset <= 8 * MIB, "{offset}");
    let told = there.add(&path, offset, &bytes[offset..offset + MIB]).await;
    cluster.nodes[0].signal(Signal::CONT);
    let mut answer = [0; 12];
    timeout(PATIENCE, ghost.read_exact(&mut answer)).await.expect("an answer").expect("a status line");
    assert_eq!(&answer, b"HTTP/1.1 423");
    assert_eq!(there.offset(&path).await, told);
    assert_eq!(there.add(&path, told, &bytes[told..]).await, bytes.len());
    arrived(&cluster.server, &here, &path, &bytes).await;
}
