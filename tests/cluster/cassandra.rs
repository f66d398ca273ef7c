//! Cassandra nodes on loopback addresses, by `tests/servers/cassandra.sh`. A node ends with this process, however that
//! ends: a shell waits for the other end of a pipe and then kills it.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// `PLAYHOUSE_CQL_PORT`: three nodes listen there on 127.0.0.1 to 127.0.0.3, nodes of their own on the ports after it.
fn port() -> u16 {
    std::env::var("PLAYHOUSE_CQL_PORT").map_or(9_142, |text| text.parse().expect("a port"))
}

pub struct Node {
    data: PathBuf,
    address: &'static str,
    port: u16,
    /// Ends the node when it is dropped or this process is gone.
    _keeper: Child,
}

const KEEPER: &str = r#"cat >/dev/null; "$0" kill --data "$1"; rm -rf "$1""#;

impl Node {
    pub fn start(address: &'static str, port: u16, seed: Option<&str>) -> Self {
        let data = std::env::temp_dir().join(format!("playhouse-cassandra-{address}-{port}"));
        run(&["kill", "--data", &data.to_string_lossy()]);
        if data.exists() {
            std::fs::remove_dir_all(&data).expect("what an earlier run has left can be removed");
        }
        let keeper = Command::new("bash")
            .args(["-c", KEEPER])
            .args([script().as_os_str(), data.as_os_str()])
            .env("PLAYHOUSE_TOOLS", tools())
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bash");
        let node = Self { data, address, port, _keeper: keeper };
        node.start_again(seed);
        node
    }

    /// Returns when it answers.
    pub fn start_again(&self, seed: Option<&str>) {
        let (data, port) = (self.data.to_string_lossy(), self.port.to_string());
        let mut arguments = vec!["start", "--data", &data, "--listen", self.address, "--port", &port];
        arguments.extend(seed.into_iter().flat_map(|seed| ["--seed", seed]));
        run(&arguments);
    }

    /// As a crash would end it.
    pub fn kill(&self) {
        run(&["kill", "--data", &self.data.to_string_lossy()]);
    }

    pub fn contact(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }
}

/// The one that tests share which leave it as it is.
pub fn shared() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start("127.0.0.1", port() + 1, None))
}

/// One to kill.
pub fn own() -> Node {
    Node::start("127.0.0.1", port() + 2, None)
}

/// Three that are one cluster.
pub fn three() -> &'static [Node; 3] {
    static NODES: OnceLock<[Node; 3]> = OnceLock::new();
    NODES.get_or_init(|| {
        let first = Node::start("127.0.0.1", port(), None);
        let others =
            ["127.0.0.2", "127.0.0.3"].map(|address| Node::start(address, port(), Some("127.0.0.1")));
        let [second, third] = others;
        [first, second, third]
    })
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/cassandra.sh")
}

fn tools() -> PathBuf {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/servers");
    std::env::var_os("PLAYHOUSE_TOOLS").map_or_else(ours, PathBuf::from)
}

fn run(arguments: &[&str]) {
    let output =
        Command::new(script()).args(arguments).env("PLAYHOUSE_TOOLS", tools()).output().expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}(`make setup-cluster` installs Cassandra and what it needs)");
}
