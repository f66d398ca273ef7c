//! A versitygw of one test, in a folder and on a port of its own; it ends with the test, however that ends.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use playhouse::backends::objects::{self, Settings, SharedObjects};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/services.sh");
pub const BUCKET: &str = "playhouse";
pub const SECRET: &str = "playhouse-secret";

pub struct Server {
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    pub async fn start() -> Self {
        let server = Self::make();
        server.go_on();
        server
    }

    /// Without starting it.
    pub fn make() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("a bound socket").port();
        drop(free);
        Self { folder: tempfile::tempdir().expect("a folder"), port }
    }

    /// Where it keeps what it is given.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("s3")
    }

    /// Starts it, or starts it again on what it holds.
    pub fn go_on(&self) {
        self.script("start");
    }

    pub fn pause(&self) {
        self.script("stop");
    }

    fn script(&self, command: &str) {
        let script = Command::new(SCRIPT)
            .args([command, "s3", "--dir"])
            .arg(self.folder.path())
            .env("S3_PORT", self.port.to_string())
            .output();
        let output = script.expect("the script runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}; `make setup-cluster` installs what is missing");
    }

    pub fn addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn uri(&self) -> String {
        self.uri_through(self.addr())
    }

    pub fn uri_through(&self, addr: SocketAddr) -> String {
        self.uri_of(addr, BUCKET, SECRET)
    }

    /// Of a bucket as it is reached over `addr`, with a secret.
    pub fn uri_of(&self, addr: SocketAddr, bucket: &str, secret: &str) -> String {
        let file = self.folder.path().join(format!("keys-{secret}"));
        let keys = format!("[default]\naws_access_key_id = playhouse\naws_secret_access_key = {secret}\n");
        std::fs::write(&file, keys).expect("a file of keys");
        format!("s3://{bucket}?endpoint=http://{addr}&region=us-east-1&credentials={}", file.display())
    }

    pub fn open(&self) -> SharedObjects {
        self.open_through(self.addr())
    }

    pub fn open_through(&self, addr: SocketAddr) -> SharedObjects {
        open(&self.uri_through(addr), Settings::default())
    }

    /// Files of multipart uploads that are neither completed nor aborted, as they lie below the server.
    pub fn parts_left(&self) -> usize {
        files(&self.files().join("buckets").join(BUCKET).join(".sgwtmp/multipart"))
    }

    pub async fn wait_for_parts(&self, what: &str, wanted: impl Fn(usize) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !wanted(self.parts_left()) {
            assert!(tokio::time::Instant::now() < deadline, "{what}: {} parts", self.parts_left());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = Command::new(SCRIPT).args(["stop", "s3", "--dir"]).arg(self.folder.path()).status();
        if !stop.is_ok_and(|status| status.success()) {
            eprintln!("the S3 server in {} could not be ended", self.folder.path().display());
        }
    }
}

pub fn open(uri: &str, settings: Settings) -> SharedObjects {
    objects::open_with(uri, Path::new(""), settings).expect("a well-formed URI")
}

fn files(folder: &PathBuf) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
