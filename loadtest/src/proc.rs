//! What `/proc` says of a process: its CPU time and memory. Used for the servers of `compare` and for this client
//! itself, which has to know when it was the slow one.

use std::{fs, time::Duration};

use anyhow::Context;

/// Linux counts CPU time in hundredths of a second on every machine we build for.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process with all its threads.
pub fn cpu_of(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    cpu_in(&stat).with_context(|| format!("{path} reads otherwise than expected"))
}

/// The name in parentheses may hold anything, so fields count from the last one.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    Some(TICK * (times.next()?.ok()? + times.next()?.ok()?))
}

/// What all processors of this machine did, for everyone and for the kernel.
pub fn cpu_of_the_machine() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    busy_in(&stat).context("/proc/stat reads otherwise than expected")
}

/// All but the fourth and fifth field, which are idling and waiting for disks; guests count as user already.
fn busy_in(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
    let ticks: Vec<u32> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some(TICK * (ticks.iter().sum::<u32>() - idle))
}

/// Resident memory in bytes.
pub fn memory_of(process: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_fourteenth_and_fifteenth_field_whatever_the_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 90 0 0 0 250 50 0 0 20 0 3 0 100";
        assert_eq!(cpu_in(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_in("7 (a) S 1"), None);
    }

    #[test]
    fn a_machine_is_busy_with_all_but_idling() {
        assert_eq!(busy_in("cpu  100 0 50 9000 7 1 2 3 40 0\ncpu0 1 2"), Some(TICK * 156));
        assert_eq!(busy_in("intr 5"), None);
        assert!(cpu_of_the_machine().is_ok());
    }

    #[test]
    fn this_process_has_memory() {
        assert!(memory_of("self").unwrap() > 100_000);
        assert!(cpu_of("self").is_ok());
    }
}
