//! What a worker may reach: no network, and of the file system only the system's own files, its source, and its folder
//! for what it makes. In force where the kernel has it; where not, that is said (`playhouse doctor`) and the other
//! limits still hold. Everything here applies to the thread that calls and to those it starts, so it comes before
//! GStreamer's.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};

use crate::media::protocol::{Job, Task};

/// The newest set of rules that is known here; an older kernel keeps those it knows.
const KNOWN: ABI = ABI::V5;

/// Libraries, plugins, fonts, the list of processors: what a process needs to live.
const SYSTEM: [&str; 8] = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/nix"];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];
/// Where else an operator may have put libraries and plugins.
const PATHS: [&str; 4] =
    ["LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SYSTEM_PATH_1_0"];

/// `true` if there is no network any more. A machine may forbid namespaces to those without privileges.
#[expect(deprecated, reason = "unsafe only where tables of open files are unshared, which this does not do")]
pub fn leave_network() -> bool {
    use rustix::thread::{UnshareFlags, unshare};
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET).or_else(|_| unshare(UnshareFlags::NEWNET)).is_ok()
}

/// `true` if the file system is closed but for what the task needs.
pub fn close_files(task: &Task) -> bool {
    restrict(task).is_ok_and(|status| status != RulesetStatus::NotEnforced)
}

fn restrict(task: &Task) -> Result<RulesetStatus, RulesetError> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules(readable(task), AccessFs::from_read(KNOWN)))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::from_file(KNOWN)))?
        .add_rules(path_beneath_rules(writable(task), AccessFs::from_all(KNOWN)))?;
    rules.restrict_self().map(|status| status.ruleset)
}

fn readable(task: &Task) -> Vec<PathBuf> {
    let program = std::env::current_exe().ok();
    let listed = PATHS.iter().filter_map(std::env::var_os);
    let listed = listed.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<PathBuf>>());
    let registry = registry().and_then(|path| path.parent().map(Path::to_owned));
    let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    paths.extend(listed.chain(program).chain(registry));
    paths.push(task.source.clone());
    paths
}

/// The list of plugins is made by whoever finds none.
fn writable(task: &Task) -> Vec<PathBuf> {
    let registry = registry().filter(|path| matches!(task.job, Job::Check { .. }) || !path.exists());
    let folder = registry.and_then(|path| path.parent().map(Path::to_owned));
    folder.into_iter().chain([task.output.clone()]).collect()
}

fn registry() -> Option<PathBuf> {
    std::env::var_os("GST_REGISTRY").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::{fs, net::TcpStream};

    use super::*;
    use crate::media::limits::Limits;

    /// Restricting holds for the thread that asks, so each test has one of its own.
    #[test]
    fn behind_the_fence_only_the_source_is_read_and_only_the_output_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("output")).unwrap();
        for name in ["source", "secret"] {
            fs::write(path(name), name).unwrap();
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let task = Task {
            source: path("source"),
            output: path("output"),
            limits: Limits::default(),
            job: Job::Probe,
        };
        let (source, secret, inside) = (path("source"), path("secret"), path("output").join("segment"));
        let tried = std::thread::spawn(move || {
            if !close_files(&task) {
                return None;
            }
            Some((
                fs::read(&source).is_ok(),
                fs::write(&source, "x").is_ok(),
                fs::read(&secret).is_ok(),
                fs::write(&inside, "x").is_ok(),
                fs::rename(&inside, inside.with_extension("m4s")).is_ok(),
                fs::read("/etc/hostname").is_ok() || fs::read("/etc/passwd").is_ok(),
                TcpStream::connect(address).is_ok(),
            ))
        });
        if let Some(tried) = tried.join().unwrap() {
            assert_eq!(tried, (true, false, false, true, true, true, false));
        }
    }
}
