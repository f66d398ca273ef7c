//! The real program on a port of its own: started, killed, started again on the same folder. What it logs goes to a
//! file in that folder, so that a failure can be read.

pub mod random;

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// `PLAYHOUSE_BIN`: another build of it than the one that belongs to the tests, for tests that need its full speed.
pub fn program_file() -> PathBuf {
    std::env::var_os("PLAYHOUSE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_playhouse").into(), PathBuf::from)
}

/// How a program is to be started, again and again.
pub struct Program {
    data_dir: PathBuf,
    pub addr: SocketAddr,
    settings: Vec<(String, String)>,
}

/// A running `playhouse serve`; dropping it kills it.
pub struct Served {
    child: Child,
    pub addr: SocketAddr,
}

impl Program {
    /// `settings` as in the environment, without the prefix: `("ROOMS__TICK_MS", "10")`. Every start listens on the
    /// same port, as after a crash.
    pub fn new(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let own = [
            ("LIMITS__ENABLED", "false"),
            ("AUTH__ARGON2_MEMORY_KIB", "8192"),
            ("AUTH__ARGON2_ITERATIONS", "1"),
            ("AUTH__ACCESS_TOKEN_TTL_S", "86400"),
            ("TELEMETRY__LOG", "warn"),
        ];
        let settings = own.iter().chain(settings).map(|(key, value)| ((*key).into(), (*value).into()));
        Self { data_dir: data_dir.into(), addr: free_address(), settings: settings.collect() }
    }

    /// The environment a process of this program is started with.
    pub fn environment(&self) -> Vec<(String, String)> {
        let place = [
            ("SERVER__LISTEN".to_owned(), self.addr.to_string()),
            ("SERVER__DATA_DIR".to_owned(), self.data_dir.to_string_lossy().into_owned()),
        ];
        let all = place.into_iter().chain(self.settings.iter().cloned());
        all.map(|(key, value)| (format!("PLAYHOUSE__{key}"), value)).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program_file());
        command.args(arguments).envs(self.environment()).stdin(Stdio::null());
        command
    }

    /// Returns when it listens.
    pub fn start(&self) -> Served {
        std::fs::create_dir_all(&self.data_dir).expect("a folder");
        let log = self.data_dir.join("server.log");
        let log = OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut child =
            self.command(&["serve"]).stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        out.read_line(&mut line).expect("a first line");
        assert!(line.starts_with("playhouse listens on "), "it said: {line}{}", self.log());
        // Whoever prints into a closed pipe would end; read on beside the test.
        std::thread::spawn(move || drop(std::io::copy(&mut out, &mut std::io::sink())));
        Served { child, addr: self.addr }
    }

    /// Everything the program has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data_dir.join("server.log")).unwrap_or_default()
    }
}

impl Served {
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// SIGKILL: it has no moment left to write anything.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and waits for its orderly end.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().expect("it ends")
    }

    /// Resident memory, from `/proc/<pid>/status`.
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Below the ports that the kernel gives to clients: while the program is down, one of them could get its port, or
/// be connected to itself.
fn free_address() -> SocketAddr {
    let ports = std::iter::repeat_with(|| rand::random_range(15_000..30_000));
    let free = |port| TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr()).ok();
    ports.take(1_000).find_map(free).expect("one of a thousand ports is free")
}
