//! Runs an ignored test of this binary as a child process and kills it in the middle of its work.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const DIR: &str = "PLAYHOUSE_TEST_KILL_DIR";
const URI: &str = "PLAYHOUSE_TEST_KILL_URI";

/// The store a child works on.
pub struct Place {
    pub uri: String,
    pub dir: PathBuf,
}

impl Place {
    /// `None` when the ignored test was run by hand.
    pub fn of_child() -> Option<Self> {
        Some(Self { uri: std::env::var(URI).ok()?, dir: std::env::var_os(DIR)?.into() })
    }
}

/// Starts the child test, kills it (SIGKILL) after so many lines that begin with `prefix`, and gives back all
/// such lines, those said between the signal and the end included.
pub fn lines_until_killed(test: &str, uri: &str, dir: &Path, prefix: &str, lines: usize) -> Vec<String> {
    let this_binary = Command::new(std::env::current_exe().unwrap());
    let mut child = configured(this_binary, test, uri, dir).spawn().unwrap();
    let said = lines_of(&mut child, prefix, lines);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.len() >= lines, "the child ended by itself after {} lines", said.len());
    said
}

pub fn configured(mut command: Command, test: &str, uri: &str, dir: &Path) -> Command {
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs([(DIR, dir.as_os_str()), (URI, uri.as_ref())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

pub fn lines_of(child: &mut Child, prefix: &str, kill_after: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut off by the kill.
        if let Some(rest) = line.strip_suffix('\n').and_then(|line| line.strip_prefix(prefix)) {
            said.push(rest.to_string());
        }
        line.clear();
        if said.len() == kill_after {
            child.kill().unwrap();
        }
    }
    said
}

/// Says a line to the parent, past the test harness's capture.
pub fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}
