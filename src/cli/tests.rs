//! What a command prints and how it exits, run as `main` runs it.

use std::net::TcpListener;

use super::{
    doctor::{
        Finding, Verdict, data_folder, free_space_of, gstreamer, listen_address, open_files, print,
        this_machine,
    },
    *,
};
use crate::media::{
    Failure, FailureCode,
    protocol::{Guards, InForce},
    worker::Equipment,
};

/// Exit, standard output, standard error.
fn playhouse(arguments: &[&str], environment: &[(&str, &str)]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("playhouse").chain(arguments.iter().copied()).map(str::to_owned);
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let exit = run(arguments, environment, &mut Output { out: &mut out, err: &mut err }).unwrap();
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_wrong_setting_is_refused_in_one_line_that_names_the_key() {
    let (exit, out, err) = playhouse(&["doctor"], &[("PLAYHOUSE__ROOMS__TICK_MS", "5000")]);
    assert_eq!(exit, Exit::Refused);
    assert_eq!(err, "rooms.tick_ms: 5000 is out of range, allowed: 0 to 1000\n");
    assert_eq!(out, "");
}

#[test]
fn a_wrong_argument_is_refused_in_one_line_that_names_it() {
    for (arguments, named) in [
        (&["doctor", "--confg", "x"][..], "--confg"),
        (&["dance"], "dance"),
        (&["doctor", "--config"], "--config"),
    ] {
        let (exit, out, err) = playhouse(arguments, &[]);
        assert_eq!((exit, out.as_str()), (Exit::Refused, ""));
        assert!(err.contains(named) && err.lines().count() == 1, "{err}");
    }
}

#[test]
fn a_role_that_there_is_not_is_refused_wherever_it_is_named() {
    let (exit, _, err) = playhouse(&["serve", "--roles", "http,web"], &[]);
    assert_eq!((exit, err.lines().count()), (Exit::Refused, 1));
    assert!(err.starts_with("--roles: \"web\" is no role, allowed: http, ws, media, all"), "{err}");
    let (exit, _, err) = playhouse(&["doctor"], &[("PLAYHOUSE__NODE__ROLES", "web")]);
    assert_eq!(exit, Exit::Refused);
    assert!(err.starts_with("node.roles: "), "{err}");
}

#[test]
fn help_is_no_error() {
    let (exit, out, err) = playhouse(&["--help"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Stopped, ""));
    assert!(out.contains("doctor") && out.contains("serve"), "{out}");
}

#[test]
fn the_openapi_document_is_printed_as_json() {
    let (exit, out, err) = playhouse(&["openapi"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Stopped, ""));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{out}");
}

#[test]
fn the_doctor_fails_when_something_is_missing_and_says_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("new");
    let data_dir_key = "PLAYHOUSE__SERVER__DATA_DIR".to_owned();
    let environment = [port(&taken), (data_dir_key, data_dir.display().to_string())];
    let config = Config::load(None, environment.into_iter()).unwrap();
    let mut out = Vec::new();
    let exit = print(&this_machine(&config), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(exit, Exit::Failed, "{out}");
    let line = out.lines().find(|line| line.contains(&taken)).unwrap();
    assert!(
        line.starts_with('✗') && line.ends_with("stop what listens there or set server.listen"),
        "{line}"
    );
    assert!(out.lines().any(|line| line.starts_with('✓') && line.contains("data folder")), "{out}");
    assert_eq!(std::fs::read_dir(&data_dir).unwrap().count(), 0, "the probe is removed");
}

#[test]
fn each_check_tells_good_from_missing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let table = [
        (free_space_of(6 << 30), Verdict::Good),
        (free_space_of(4 << 30), Verdict::Poor),
        (free_space_of(1 << 20), Verdict::Missing),
        (open_files(1_000, None), Verdict::Good),
        (open_files(1_000, Some(1_512)), Verdict::Good),
        (open_files(1_000, Some(1_511)), Verdict::Poor),
        (data_folder(&file.path().join("below-a-file")), Verdict::Missing),
        (data_folder(tempfile::tempdir().unwrap().path()), Verdict::Good),
        (listen_address(&Config::load(None, [port("127.0.0.1:0")].into_iter()).unwrap()), Verdict::Good),
        (listen_address(&Config::load(None, [port("203.0.113.1:1")].into_iter()).unwrap()), Verdict::Missing),
    ];
    for (finding, verdict) in table {
        assert_eq!(finding.verdict, verdict, "{finding:?}");
    }
}

fn port(address: &str) -> (String, String) {
    ("PLAYHOUSE__SERVER__LISTEN".to_owned(), address.to_owned())
}

fn equipment(missing: &[&str]) -> Equipment {
    Equipment {
        gstreamer: "GStreamer 1.22.0".to_owned(),
        missing: missing.iter().map(|element| (*element).to_owned()).collect(),
        guards: Guards { network: InForce::Yes, files: InForce::Yes },
    }
}

#[test]
fn walls_that_are_not_in_force_are_named() {
    let guards = Guards { network: InForce::Yes, files: InForce::No };
    let findings = gstreamer(Ok(Equipment { guards, ..equipment(&[]) }));
    assert_eq!(findings[1].verdict, Verdict::Poor);
    assert!(findings[1].detail.contains("not in force: no files but its own"), "{}", findings[1].detail);
}

#[test]
fn missing_elements_name_the_package_that_brings_them() {
    let shown = |equipment| {
        let findings = gstreamer(equipment);
        findings.into_iter().map(|found| (found.verdict, found.subject, found.detail)).collect::<Vec<_>>()
    };
    let line = |verdict, subject: &str, detail: &str| vec![(verdict, subject.to_owned(), detail.to_owned())];
    assert_eq!(
        shown(Ok(equipment(&["x264enc (gstreamer1.0-plugins-ugly)"]))),
        line(Verdict::Missing, "GStreamer x264enc", "apt-get install gstreamer1.0-plugins-ugly")
    );
    assert_eq!(
        shown(Ok(equipment(&[]))),
        [
            line(Verdict::Good, "GStreamer", "GStreamer 1.22.0, all elements are there"),
            line(
                Verdict::Good,
                "media workers",
                "limited: memory, processor time, open files, file size, no network, no files but its own"
            )
        ]
        .concat()
    );
    assert_eq!(
        shown(Err(Failure::new(FailureCode::WorkerFailed, "the worker died"))),
        line(Verdict::Missing, "GStreamer", "the worker died")
    );
}

#[test]
fn a_report_without_anything_missing_is_a_success() {
    let mut out = Vec::new();
    let findings =
        [Finding::new(Verdict::Good, "disk", "fine"), Finding::new(Verdict::Poor, "open files", "few")];
    assert_eq!(print(&findings, &mut out).unwrap(), Exit::Stopped);
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(shown, "✓ disk        fine\n! open files  few\n\nplayhouse can run here\n");
}
