//! Real Redis servers: alone, as a cluster of three masters, behind a Sentinel. Each is ended with its guard, a
//! panic included.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Weak},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{process::Child, sync::Mutex};

use crate::bus_suite::until;

/// A service of `tests/servers/services.sh` on ports and in a folder of its own.
pub struct Service {
    name: &'static str,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Service {
    pub async fn redis() -> Self {
        Self::start("redis", 1).await
    }

    pub async fn cluster() -> Self {
        Self::start("redis-cluster", 3).await
    }

    async fn start(name: &'static str, ports: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let service = Self { name, port: free_ports(ports), folder };
        service.go_on().await;
        service
    }

    /// Starts what was killed again, on the same ports.
    pub async fn go_on(&self) {
        let output = tokio::process::Command::from(self.script("start")).output().await.expect("bash");
        assert!(
            output.status.success(),
            "{} does not start; if it is missing, run: tests/servers/services.sh install redis\n{}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn uri(&self, prefix: &str) -> String {
        let port = self.port;
        match self.name {
            "redis" => format!("redis://127.0.0.1:{port}?prefix={prefix}"),
            _ => {
                let hosts = [port, port + 1, port + 2].map(|port| format!("127.0.0.1:{port}"));
                format!("redis+cluster://{}?prefix={prefix}", hosts.join(","))
            }
        }
    }

    pub fn pause(&self) {
        signal(self.pid(self.name), Signal::STOP);
    }

    pub fn resume(&self) {
        signal(self.pid(self.name), Signal::CONT);
    }

    pub async fn kill(&self) {
        kill(self.pid(self.name)).await;
    }

    /// One server of a cluster.
    pub async fn kill_one(&self, number: u16) {
        kill(self.pid(&format!("{}-{}", self.name, self.port + number))).await;
    }

    fn pid(&self, name: &str) -> Pid {
        let file = self.folder.path().join(format!("{name}.pid"));
        let pid = fs::read_to_string(file).expect("a pid file");
        Pid::from_raw(pid.trim().parse().expect("a pid")).expect("a pid")
    }

    fn script(&self, verb: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/services.sh");
        let mut command = Command::new(script);
        command.args([verb, self.name, "--dir"]).arg(self.folder.path());
        command.env("REDIS_PORT", self.port.to_string()).env("REDIS_CLUSTER_PORT", self.port.to_string());
        command
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.name == "redis" {
            // One that is paused would not hear that it is to end.
            let _gone = kill_process(self.pid(self.name), Signal::CONT);
        }
        drop(self.script("stop").stderr(Stdio::null()).status());
    }
}

fn signal(pid: Pid, signal: Signal) {
    kill_process(pid, signal).expect("it runs");
}

async fn kill(pid: Pid) {
    signal(pid, Signal::KILL);
    let command_line = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
    until("its end", || fs::read(&command_line).unwrap_or_default().is_empty()).await;
}

/// A service that the tests of one engine share, and that ends with the last of them.
pub struct Shared(Mutex<Weak<Service>>);

impl Shared {
    pub const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    pub async fn get(&self, start: impl AsyncFnOnce() -> Service) -> Arc<Service> {
        let mut shared = self.0.lock().await;
        if let Some(service) = shared.upgrade() {
            return service;
        }
        let service = Arc::new(start().await);
        *shared = Arc::downgrade(&service);
        service
    }
}

/// A master, its replica, and a Sentinel that makes a master of the latter when the former is gone.
pub struct Sentinel {
    pub master: Service,
    replica: Service,
    _sentinel: Child,
    _folder: tempfile::TempDir,
    sentinel_port: u16,
}

impl Sentinel {
    pub async fn start() -> Self {
        let (master, replica) = (Service::redis().await, Service::redis().await);
        tell(replica.port, &["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await;
        let is_linked =
            async || tell(replica.port, &["INFO", "replication"]).await.contains("link_status:up");
        while !is_linked().await {
            tokio::task::yield_now().await;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let sentinel_port = free_ports(1);
        let file = folder.path().join("sentinel.conf");
        let master_port = master.port;
        let settings = format!(
            "port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master_port} 1\n\
             sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n"
        );
        fs::write(&file, settings).expect("a file");
        let sentinel = tokio::process::Command::new("redis-sentinel")
            .arg(&file)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-sentinel; if it is missing, run: apt-get install redis-sentinel");
        let knows_both = async || {
            let slaves = tell(sentinel_port, &["SENTINEL", "REPLICAS", "main"]).await;
            slaves.contains(&replica.port.to_string())
        };
        while !knows_both().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Self { master, replica, _sentinel: sentinel, _folder: folder, sentinel_port }
    }

    /// Replication is told of what was written a moment after it was acknowledged.
    pub async fn until_replicated(&self) {
        let offset = async |port: u16| -> Option<String> {
            let told = tell(port, &["INFO", "replication"]).await;
            told.lines().find_map(|line| line.strip_prefix("master_repl_offset:")).map(str::to_owned)
        };
        while offset(self.master.port).await != offset(self.replica.port).await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub fn uri(&self, prefix: &str) -> String {
        format!("redis+sentinel://127.0.0.1:{}/main?prefix={prefix}", self.sentinel_port)
    }
}

/// What a server says.
pub async fn tell(port: u16, words: &[&str]) -> String {
    let mut command = tokio::process::Command::new("redis-cli");
    let output = command.args(["-p", &port.to_string()]).args(words).output().await.expect("redis-cli");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The first of so many free ports in a row, whose ports of the cluster's own talk are free too.
fn free_ports(count: u16) -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let all_free = |first: &u16| (*first..*first + count).all(|port| is_free(port) && is_free(port + 10_000));
    std::iter::repeat_with(|| rand::random_range(20_000..22_700)).find(all_free).expect("there are some")
}
