//! `playhouse doctor`: looks at this machine as the server would use it and says what to install or change.
//! It leaves nothing behind but the data folder and GStreamer's registry in it. Each check is one function that
//! answers with a [`Finding`]; something missing ends in exit code 1.

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::statvfs;

use tokio_util::sync::CancellationToken;

use super::{Exit, open_files::raise_limit};
use crate::{
    app,
    config::{Config, Role},
    domain::clock::SystemClock,
    media::{
        Failure, FailureCode, WorkerOptions,
        protocol::{Guards, InForce},
        worker::{self, Equipment},
    },
};

/// Room for one upload of the largest size and its segments.
const FREE_BYTES_WANTED: u64 = 5 << 30;

/// Less does not even hold the store's journal and one short clip.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// Files the process opens besides sockets.
const FILES_BESIDES_SOCKETS: u64 = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// The server starts, and will meet a limit sooner than it is configured to.
    Poor,
    Missing,
}

/// What one check found, and for all but `Good` what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub verdict: Verdict,
    pub subject: String,
    pub detail: String,
}

impl Finding {
    pub fn new(verdict: Verdict, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict, subject: subject.into(), detail: detail.into() }
    }
}

/// Looks at everything and prints one line a finding.
pub(super) fn run(config: &Config, out: &mut dyn Write) -> io::Result<Exit> {
    let mut findings = this_machine(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        findings.extend(gstreamer(equipment(config).await));
        findings.extend(back_ends(app::check(config, Arc::new(SystemClock)).await));
        findings.extend(app::check_scanner(&config.scan).await.map(scanner));
    });
    print(&findings, out)
}

fn scanner(answer: Result<String, String>) -> Finding {
    match answer {
        Ok(address) => Finding::new(Verdict::Good, "malware scanner", format!("clamd answers at {address}")),
        Err(error) => {
            let detail = format!("{error}; start clamd, or set scan.clamd to where it listens");
            Finding::new(Verdict::Missing, "malware scanner", detail)
        }
    }
}

pub(super) fn this_machine(config: &Config) -> Vec<Finding> {
    let data_dir = &config.server.data_dir;
    vec![
        data_folder(data_dir),
        free_space(data_dir),
        listen_address(config),
        roles(config),
        open_files(config.limits.sockets_max as u64, raise_limit()),
    ]
}

/// Who makes the videos, if it is not this node?
pub(super) fn roles(config: &Config) -> Finding {
    let (roles, is_alone) = (&config.node.roles, config.backends.bus.scheme() == "embedded");
    let detail = match is_alone && !roles.have(Role::Media) {
        false => return Finding::new(Verdict::Good, "roles", roles.to_string()),
        true => format!("{roles}: nobody makes videos; add media, or set backends.bus to where others are"),
    };
    Finding::new(Verdict::Poor, "roles", detail)
}

/// What a media worker of this very program finds. This process itself never loads GStreamer.
async fn equipment(config: &Config) -> Result<Equipment, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(FailureCode::WorkerFailed, error.to_string()))?;
    let registry = config.server.data_dir.join("gstreamer/registry.bin");
    worker::prepare_registry(&registry).map_err(|error| {
        Failure::new(FailureCode::WorkerFailed, format!("{}: {error}", registry.display()))
    })?;
    let options = WorkerOptions::new(program, registry);
    worker::check(&options, config.media.second_codec(), &CancellationToken::new()).await
}

fn back_ends(answers: Vec<(&'static str, Result<String, String>)>) -> Vec<Finding> {
    let finding = |(name, answer)| match answer {
        Ok(uri) => Finding::new(Verdict::Good, name, format!("{uri} was written and read")),
        Err(reason) => Finding::new(Verdict::Missing, name, reason),
    };
    answers.into_iter().map(finding).collect()
}

pub(super) fn print(findings: &[Finding], out: &mut dyn Write) -> io::Result<Exit> {
    let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or(0);
    for Finding { verdict, subject, detail } in findings {
        let mark = match verdict {
            Verdict::Good => '✓',
            Verdict::Poor => '!',
            Verdict::Missing => '✗',
        };
        writeln!(out, "{mark} {subject:width$}  {detail}")?;
    }
    let missing = findings.iter().filter(|finding| finding.verdict == Verdict::Missing).count();
    if missing == 0 {
        writeln!(out, "\nplayhouse can run here")?;
        return Ok(Exit::Stopped);
    }
    writeln!(out, "\nplayhouse cannot run here yet: {missing} to mend")?;
    Ok(Exit::Failed)
}

/// One finding for all that is there, or one for each element that is not.
pub(super) fn gstreamer(equipment: Result<Equipment, Failure>) -> Vec<Finding> {
    let lacking = |element: &String| {
        let (name, package) = element.split_once(" (").unwrap_or((element, "gstreamer1.0-tools"));
        let remedy = format!("apt-get install {}", package.trim_end_matches(')'));
        Finding::new(Verdict::Missing, format!("GStreamer {name}"), remedy)
    };
    match equipment {
        Ok(found) if found.missing.is_empty() => {
            let detail = format!("{}, all elements are there", found.gstreamer);
            vec![Finding::new(Verdict::Good, "GStreamer", detail), walls(found.guards)]
        }
        Ok(found) => found.missing.iter().map(lacking).collect(),
        Err(failure) => vec![Finding::new(Verdict::Missing, "GStreamer", failure.detail)],
    }
}

/// What holds a worker that a hostile file has taken over.
fn walls(guards: Guards) -> Finding {
    const ALWAYS: &str = "memory, processor time, open files, file size";
    let (network, files) = (guards.network == InForce::Yes, guards.files == InForce::Yes);
    let closed = [(network, "no network"), (files, "no files but its own")];
    let named = |wanted: bool| {
        let names = closed.iter().filter(|(in_force, _)| *in_force == wanted).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    if network && files {
        return Finding::new(Verdict::Good, "media workers", format!("limited: {ALWAYS}, {}", named(true)));
    }
    let held =
        [ALWAYS, &named(true)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let detail = format!(
        "limited: {held}; not in force: {}: allow user namespaces, or use a kernel with Landlock (5.13)",
        named(false)
    );
    Finding::new(Verdict::Poor, "media workers", detail)
}

/// Can the folder be made, and does a file in it survive an fsync?
pub(super) fn data_folder(data_dir: &Path) -> Finding {
    let probe = data_dir.join(".doctor");
    let write = || -> io::Result<()> {
        fs::create_dir_all(data_dir)?;
        let mut file = fs::File::create(&probe)?;
        file.write_all(b"probe")?;
        file.sync_all()?;
        fs::remove_file(&probe)
    };
    let subject = format!("data folder {}", data_dir.display());
    match write() {
        Ok(()) => Finding::new(Verdict::Good, subject, "can be written"),
        Err(reason) => {
            let detail = format!("{reason}: make it writable or set server.data_dir");
            Finding::new(Verdict::Missing, subject, detail)
        }
    }
}

fn free_space(data_dir: &Path) -> Finding {
    let subject = "disk space";
    match statvfs(existing_ancestor(data_dir)) {
        Ok(disk) => free_space_of(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(reason) => Finding::new(Verdict::Missing, subject, format!("cannot be read: {reason}")),
    }
}

pub(super) fn free_space_of(bytes: u64) -> Finding {
    let detail = format!("{} MiB free", bytes >> 20);
    if bytes >= FREE_BYTES_WANTED {
        return Finding::new(Verdict::Good, "disk space", detail);
    }
    let verdict = if bytes < FREE_BYTES_MIN { Verdict::Missing } else { Verdict::Poor };
    let detail = format!("{detail}, wanted {}: free some or move server.data_dir", FREE_BYTES_WANTED >> 20);
    Finding::new(verdict, "disk space", detail)
}

fn existing_ancestor(path: &Path) -> PathBuf {
    path.ancestors().find(|folder| folder.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

pub(super) fn listen_address(config: &Config) -> Finding {
    let subject = format!("address {}", config.server.listen);
    match TcpListener::bind(config.server.listen) {
        Ok(_) => Finding::new(Verdict::Good, subject, "is free"),
        Err(reason) => {
            let detail = format!("{reason}: stop what listens there or set server.listen");
            Finding::new(Verdict::Missing, subject, detail)
        }
    }
}

/// `limit` is `None` where there is none.
pub(super) fn open_files(sockets_max: u64, limit: Option<u64>) -> Finding {
    let wanted = sockets_max + FILES_BESIDES_SOCKETS;
    let Some(limit) = limit.filter(|limit| *limit < wanted) else {
        return Finding::new(Verdict::Good, "open files", format!("enough for {sockets_max} sockets"));
    };
    let sockets = limit.saturating_sub(FILES_BESIDES_SOCKETS);
    let detail =
        format!("enough for {sockets} sockets only: ulimit -n {wanted}, or lower limits.sockets_max");
    Finding::new(Verdict::Poor, "open files", detail)
}
