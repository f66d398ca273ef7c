//! The program as people and scripts run it: exit codes, reports, and processes that join. The server is a small one of
//! its own, because it has to misbehave on demand; everything else is real: processes, sockets, files.

mod toy;

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use toy::{Manners, Toy};

fn loadtest() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playhouse-loadtest"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn chat(toy: &Toy, report: &Path, more: &[&str]) -> Command {
    let mut command = loadtest();
    command.args(["run", "--scenario", "chat", "--users", "4", "--speakers", "2", "--rate", "20"]);
    command.args(["--duration", "1s", "--target", &toy.origin(), "--report"]).arg(report).args(more);
    command
}

fn report(folder: &Path) -> serde_json::Value {
    let bytes = std::fs::read(folder.join("report.json")).expect("a report");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_that_holds_ends_with_0_and_leaves_three_reports() {
    let (toy, folder) = (Toy::start(Manners::Good), tempfile::tempdir().unwrap());
    let output = chat(&toy, folder.path(), &["--gate", "errors=0", "--gate", "gaps=0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = report(folder.path());
    assert_eq!(report["verdict"], "held");
    // Each of the four hears what it said itself, as the toy's rooms are as wide as a socket.
    assert_eq!(report["figures"]["deliveries"], report["figures"]["comments"]);
    assert!(report["figures"]["comments"].as_f64().unwrap() > 5.0, "{report}");
    for name in ["report.md", "report.html"] {
        assert!(std::fs::read_to_string(folder.path().join(name)).unwrap().contains("delivery"), "{name}");
    }
}

#[test]
fn what_is_lost_or_comes_twice_ends_with_1_unasked() {
    for (manners, figure) in [(Manners::LosesOne, "gaps"), (Manners::RepeatsOne, "duplicates")] {
        let (toy, folder) = (Toy::start(manners), tempfile::tempdir().unwrap());
        let output = chat(&toy, folder.path(), &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let report = report(folder.path());
        assert_eq!(report["verdict"], "gate_fell");
        assert!(report["figures"][figure].as_f64().unwrap() >= 1.0, "{figure}: {report}");
    }
}

#[test]
fn a_socket_that_ends_comes_back_and_asks_again_where_that_is_wanted() {
    let (toy, folder) = (Toy::start(Manners::HangsUp), tempfile::tempdir().unwrap());
    let output = chat(&toy, folder.path(), &["--returns", "1", "--gate", "errors=0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let figures = &report(folder.path())["figures"];
    assert_eq!(figures["returns"], 2.0, "both speakers: {figures}");
    assert_eq!(figures["comments"], toy.comments() as f64, "each is acknowledged once");

    let output = chat(&toy, folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(report(folder.path())["figures"]["cut"], 2.0);
}

#[test]
fn a_gate_that_falls_ends_with_1() {
    let (toy, folder) = (Toy::start(Manners::Good), tempfile::tempdir().unwrap());
    let output = chat(&toy, folder.path(), &["--gate", "comments_per_s=1000000"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("| comments_per_s | ≥ 1000000 |"), "{}", said(&output));
}

#[test]
fn wrong_arguments_and_a_server_that_is_not_there_end_with_2_and_one_line() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = format!("http://{free}");
    let cases: [&[&str]; 5] = [
        &["run", "--scenario", "dance", "--target", "http://a:1", "--users", "1", "--report", "r"],
        &[
            "run",
            "--scenario",
            "chat",
            "--target",
            "http://a:1",
            "--users",
            "1",
            "--report",
            "r",
            "--gate",
            "joy=1",
        ],
        &["run", "--scenario", "chat", "--users", "1"],
        &["run", "--scenario", "chat", "--target", &nowhere, "--users", "1", "--report", "r"],
        &[],
    ];
    for arguments in cases {
        let output = loadtest().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert_eq!(said(&output).trim_end().lines().count(), 1, "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn processes_that_join_share_the_users_and_become_one_report() {
    let (toy, folder) = (Toy::start(Manners::Good), tempfile::tempdir().unwrap());
    let mut command = loadtest();
    command.args(["run", "--scenario", "chat", "--users", "9", "--speakers", "9", "--rate", "60"]);
    command.args([
        "--duration",
        "1s",
        "--listen",
        "127.0.0.1:0",
        "--workers",
        "2",
        "--target",
        &toy.origin(),
    ]);
    let mut leader = command.arg("--report").arg(folder.path()).spawn().unwrap();
    let mut words = BufReader::new(leader.stderr.take().unwrap());
    let mut line = String::new();
    words.read_line(&mut line).unwrap();
    let meeting = line.trim().strip_prefix("waiting for 2 workers at ").expect(&line);
    let join = |_| loadtest().args(["run", "--join", meeting]).spawn().unwrap();
    let workers: Vec<Child> = (0..2).map(join).collect();
    let mut rest = String::new();
    words.read_to_string(&mut rest).unwrap();
    assert_eq!(leader.wait().unwrap().code(), Some(0), "{rest}");
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("of 3"), "{}", said(&output));
    }
    let report = report(folder.path());
    assert_eq!(report["processes"], 3);
    // Nine speakers; each process asks once more for where its room ended.
    assert_eq!(report["figures"]["connected"], 9.0 + 3.0);
    assert_eq!(report["figures"]["comments"], toy.comments() as f64);
    assert_eq!(report["figures"]["deliveries"], report["figures"]["comments"]);
}
