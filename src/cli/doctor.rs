//! `playhouse doctor`: looks at this machine as the server would use it and says what to install or change.
//! It changes nothing but a probe file in the data folder, which it removes. Each check is one function that answers
//! with a [`Finding`]; something missing ends in exit code 1.

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::statvfs;

use super::{
    Exit,
    elements::{PACKAGES, TOOLS_PACKAGE},
    open_files::raise_limit,
};
use crate::config::Config;

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

/// Checks everything and prints one line a finding.
pub(super) fn run(config: &Config, out: &mut dyn Write) -> io::Result<Exit> {
    let data_dir = &config.server.data_dir;
    let mut findings = elements(PACKAGES.iter().flat_map(|package| {
        let missing = |element: &&&str| !element_exists(element);
        package.elements.iter().filter(missing).map(|element| (package.name, *element))
    }));
    findings.push(data_folder(data_dir));
    findings.push(free_space(data_dir));
    findings.push(listen_address(config));
    findings.push(open_files(config.limits.sockets_max as u64, raise_limit()));
    print(&findings, out)
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

/// One finding for all elements, or one a package that lacks some.
pub(super) fn elements(missing: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<Finding> {
    if !element_exists("filesrc") {
        let detail = format!("gst-inspect-1.0 does not answer: apt-get install {TOOLS_PACKAGE}");
        return vec![Finding::new(Verdict::Missing, "GStreamer", detail)];
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (package, element) in missing {
        match findings.iter_mut().find(|finding| finding.detail.ends_with(package)) {
            Some(finding) => finding.subject.push_str(&format!(" {element}")),
            None => findings.push(Finding::new(
                Verdict::Missing,
                format!("GStreamer {element}"),
                format!("apt-get install {package}"),
            )),
        }
    }
    if findings.is_empty() {
        let count: usize = PACKAGES.iter().map(|package| package.elements.len()).sum();
        findings.push(Finding::new(Verdict::Good, "GStreamer", format!("all {count} elements are there")));
    }
    findings
}

fn element_exists(name: &str) -> bool {
    let mut inspect = Command::new("gst-inspect-1.0");
    inspect.args(["--exists", name]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    inspect.status().is_ok_and(|status| status.success())
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
