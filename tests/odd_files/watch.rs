//! What the process that starts workers shows from outside: its memory, its children, and whether any of them ever
//! held a socket of the network. (GStreamer wakes its own threads over socket pairs, which are of none.)

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const LOOK_EVERY: Duration = Duration::from_millis(10);
const GONE_AFTER: Duration = Duration::from_secs(2);

pub struct Watch {
    over: Arc<AtomicBool>,
    watching: JoinHandle<(Vec<String>, usize)>,
    before_bytes: u64,
}

pub struct Seen {
    /// Each as `pid socket:[inode]`.
    pub sockets: Vec<String>,
    pub looks: usize,
    /// From the beginning to the peak.
    pub grown_bytes: u64,
}

impl Watch {
    pub fn begin() -> Self {
        // Resets the peak (proc(5), clear_refs).
        fs::write("/proc/self/clear_refs", "5").expect("procfs");
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let watching = std::thread::spawn(move || look_around(&seen));
        Self { over, watching, before_bytes: memory_bytes("VmRSS") }
    }

    pub fn end(self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        let (sockets, looks) = self.watching.join().expect("watching does not panic");
        let grown_bytes = memory_bytes("VmHWM").saturating_sub(self.before_bytes);
        Seen { sockets, looks, grown_bytes }
    }
}

fn look_around(over: &AtomicBool) -> (Vec<String>, usize) {
    let (mut sockets, mut looks) = (Vec::new(), 0);
    while !over.load(Ordering::Relaxed) {
        for child in children().into_iter().filter(|child| is_worker(*child)) {
            looks += 1;
            let network = network_sockets(child);
            let held = files_of(child).into_iter().filter(|file| network.contains(file));
            sockets.extend(held.map(|file| format!("{child} {file}")));
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    (sockets, looks)
}

/// All of its network namespace, as their files are called.
fn network_sockets(pid: u32) -> Vec<String> {
    let tables = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"].map(|kind| format!("/proc/{pid}/net/{kind}"));
    let texts = tables.iter().filter_map(|table| fs::read_to_string(table).ok()).collect::<String>();
    let inodes = texts.lines().filter_map(|line| line.split_whitespace().nth(9));
    inodes.map(|inode| format!("socket:[{inode}]")).collect()
}

/// Until it has become the worker, a new process still has the files of this one.
fn is_worker(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("playhouse"))
}

fn memory_bytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a field of proc(5)");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("kibibytes") << 10
}

fn files_of(pid: u32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| Some(fs::read_link(file.path()).ok()?.display().to_string())).collect()
}

/// The living children of this process.
pub fn children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").expect("procfs").flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

/// Who is dropped is killed at once, and gone a moment later.
pub async fn until_unread(file: &Path) {
    let deadline = tokio::time::Instant::now() + GONE_AFTER;
    while let [pid, ..] = holders(file)[..] {
        assert!(tokio::time::Instant::now() < deadline, "{pid} still reads {}", file.display());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Who of them has this file open.
fn holders(file: &Path) -> Vec<u32> {
    let name = file.display().to_string();
    children().into_iter().filter(|pid| files_of(*pid).contains(&name)).collect()
}
