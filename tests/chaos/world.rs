//! The real servers and the two nodes, each node with a line of its own to Redis, to the objects and to its clients.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Client;
use rustix::process::Signal;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    cassandra::{self, Node},
    line::{Line, Mood},
    proxy::{Faults, Proxy},
    redis, round_robin, s3,
    served::{Program, Served},
    small_disk::{Ballast, SmallDisk},
};

const NODES: usize = 2;
/// Of the S3 server: more than a run uploads.
const DISK_MIB: usize = 512;
const STARTS_MAX: usize = 5;
const READY_WITHIN: Duration = Duration::from_secs(90);

/// So that every promise can be checked to the end: one window of views, a memory for keys and resuming that outlasts a
/// run, and leases that end within a fault.
const SETTINGS: &[(&str, &str)] = &[
    ("ROOMS__VIEW_WINDOW_S", "604800"),
    ("ROOMS__HISTORY_LEN_MAX", "10000"),
    ("LIMITS__ROOMS_PER_SESSION_MAX", "1000"),
    ("MEDIA__LEASE_S", "5"),
    ("SERVER__DRAIN_TIMEOUT_S", "10"),
];

pub struct World {
    pub cassandra: &'static [Node],
    /// Before Cassandra, one for each node, where there are any.
    pub stores: Vec<Proxy>,
    pub redis: redis::Service,
    pub s3: s3::Server,
    /// Where the S3 server keeps all it has.
    pub disk: SmallDisk,
    pub ballast: Option<Ballast>,
    pub machines: Vec<Machine>,
    /// Where clients go.
    pub front: SocketAddr,
    _serving: JoinSet<()>,
    _folder: tempfile::TempDir,
}

/// What there is of Cassandra.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    Three,
    /// One node, which each of ours reaches through a proxy that delays, cuts and falls silent. Of three, the driver would
    /// learn the addresses and go around it.
    OneBadlyReached,
}

/// How often in a thousand pieces.
const STORE_FAULTS: Faults =
    Faults { delays: 50, cuts: 2, silences: 1, delay_max: Duration::from_millis(300) };

/// A node, and its lines.
pub struct Machine {
    pub program: Arc<Program>,
    served: Option<Served>,
    pub bus: Line,
    pub objects: Line,
    pub door: Line,
}

impl World {
    /// With no node running.
    pub async fn make(stores: Stores, random: u64) -> Self {
        let start: fn() -> &'static [Node] = match stores {
            Stores::Three => || cassandra::three(),
            Stores::OneBadlyReached => || std::slice::from_ref(cassandra::shared()),
        };
        let cassandra = tokio::task::spawn_blocking(start).await.expect("Cassandra");
        let redis = redis::Service::redis().await;
        let s3 = s3::Server::make();
        let disk = SmallDisk::new(s3.files(), DISK_MIB);
        s3.go_on();
        let hosts: Vec<String> = cassandra.iter().map(Node::contact).collect();
        // Nodes of a run that was killed may still be there, and must not take part in this one.
        let keyspace = format!("chaos_{:08x}", rand::random::<u32>());
        let at = |hosts: &str| format!("scylla://{hosts}/{keyspace}?replication={}", cassandra.len());
        let store = at(&hosts.join(","));
        playhouse::backends::store::schema::apply(&store, playhouse::backends::store::tables::ALL)
            .await
            .expect("a schema");
        let folder = tempfile::tempdir().expect("a folder");
        let seed: [u8; 32] = rand::random();
        let (mut machines, mut proxies) = (Vec::new(), Vec::new());
        for number in 0..NODES {
            let data = folder.path().join(format!("node-{number}"));
            keep_secret(&data, &seed);
            let store = match stores {
                Stores::Three => store.clone(),
                Stores::OneBadlyReached => {
                    let proxy = Proxy::before(hosts[0].clone(), STORE_FAULTS, random ^ number as u64).await;
                    proxy.trouble(false);
                    let store = at(&proxy.address);
                    proxies.push(proxy);
                    store
                }
            };
            machines.push(Machine::make(&data, &store, &redis, &s3).await);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let front = listener.local_addr().expect("a bound socket");
        let doors = machines.iter().map(|machine| machine.door.addr).collect();
        let mut serving = JoinSet::new();
        serving.spawn(round_robin::serve(listener, doors));
        Self {
            cassandra,
            stores: proxies,
            redis,
            s3,
            disk,
            ballast: None,
            machines,
            front,
            _serving: serving,
            _folder: folder,
        }
    }

    pub async fn start_all(&mut self) {
        for machine in &mut self.machines {
            machine.start().await;
        }
        self.until_ready().await;
    }

    /// Until every node says that it is, through its own door.
    pub async fn until_ready(&self) {
        let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        for machine in &self.machines {
            let url = format!("http://{}/health/ready", machine.door.addr);
            let deadline = Instant::now() + READY_WITHIN;
            loop {
                let answer = client.get(&url).timeout(Duration::from_secs(10)).send().await;
                let said = match answer {
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                if said.contains(r#""status":"ok""#) {
                    break;
                }
                assert!(Instant::now() < deadline, "{url}: {said}\n{}", machine.program.log());
                sleep(Duration::from_millis(200)).await;
            }
        }
    }

    pub fn logs(&self) -> Vec<String> {
        self.machines.iter().map(|machine| machine.program.log()).collect()
    }
}

impl Machine {
    async fn make(data: &Path, store: &str, redis: &redis::Service, s3: &s3::Server) -> Self {
        let bus = Line::to(([127, 0, 0, 1], redis.port).into()).await;
        let objects = Line::to(s3.addr()).await;
        let bus_uri = format!("redis://{}?prefix=chaos", bus.addr);
        let objects_uri = s3.uri_of(objects.addr, s3::BUCKET, s3::SECRET);
        let places = [
            ("BACKENDS__STORE", store),
            ("BACKENDS__BUS", bus_uri.as_str()),
            ("BACKENDS__OBJECTS", objects_uri.as_str()),
        ];
        let settings: Vec<(&str, &str)> = SETTINGS.iter().copied().chain(places).collect();
        let program = Arc::new(Program::new(data, &settings));
        let door = Line::to(program.addr).await;
        Self { program, served: None, bus, objects, door }
    }

    /// A start may fail while the servers are only just back; whoever runs it tries again.
    pub async fn start(&mut self) {
        for _ in 0..STARTS_MAX {
            let program = self.program.clone();
            if let Ok(served) = tokio::task::spawn_blocking(move || program.start()).await {
                self.served = Some(served);
                return;
            }
        }
        panic!("a node does not start:\n{}", self.program.log());
    }

    pub async fn kill(&mut self) {
        let served = self.served.take().expect("it runs");
        tokio::task::spawn_blocking(|| served.kill()).await.expect("it ends");
    }

    /// In order; says whether it ended so.
    pub async fn stop(&mut self) -> bool {
        let served = self.served.take().expect("it runs");
        tokio::task::spawn_blocking(|| served.stop()).await.expect("it ends").success()
    }

    pub fn freeze(&self) {
        self.served.as_ref().expect("it runs").signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.served.as_ref().expect("it runs").signal(Signal::CONT);
    }

    pub fn mend_lines(&self) {
        for line in [&self.bus, &self.objects, &self.door] {
            line.set(Mood::Well);
        }
    }
}

/// One secret for all nodes: whoever is signed in at one is so at each.
fn keep_secret(data: &Path, seed: &[u8]) {
    let keys = data.join("keys");
    std::fs::create_dir_all(&keys).expect("a folder");
    std::fs::write(keys.join("seed"), seed).expect("a file");
}

/// Until something holds that is looked at often, for twenty seconds at most.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        sleep(Duration::from_millis(5)).await;
    }
}
