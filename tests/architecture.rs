//! The shape of the code, as tests.
//!
//! One crate means Cargo cannot refuse an import that points the wrong way, so these tests do. When one fails, move
//! the code; change a table only together with an ADR in docs/adr. Each check is a function over sources, so that
//! `planted` can hold it against a violation and see it report.
//! Not seen: `super` inside braces (`use super::{super::x}`), and code after `//` in a string.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lowest first. A module may name those of earlier rows only, so there can be no circle;
/// neighbours in a row do not know each other. `main.rs` and `lib.rs` may name them all.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &["telemetry", "config"],
    &["backends", "media"],
    &["discover"],
    &["actors"],
    &["http"],
    &["app"],
    &["cli"],
];

/// Crates that have a home. Every further outbound client of `reqwest` adds its own file.
const LIVES_IN: &[(&str, &[&str])] = &[
    ("scylla", &["backends/store/scylla"]),
    ("fjall", &["backends/store/embedded"]),
    ("redb", &["backends/store/embedded"]),
    ("redis", &["backends/bus/redis"]),
    ("reqwest", &["backends/search/quickwit"]),
    ("tokio_rustls", &["backends/fetch"]),
    ("rustls_native_certs", &["backends/fetch"]),
    ("tantivy", &["backends/search/tantivy"]),
    ("aws_sdk_s3", &["backends/objects/s3"]),
    ("aws_smithy_http_client", &["backends/objects/s3"]),
    ("gstreamer", &["media/gst"]),
    ("gstreamer_app", &["media/gst"]),
    ("gstreamer_pbutils", &["media/gst"]),
    ("gstfmp4", &["media/gst"]),
    ("ractor", &["actors"]),
    ("axum", &["http", "app"]),
    ("hyper", &["http", "backends/fetch"]),
    ("hyper_util", &["http", "backends/fetch"]),
    ("tungstenite", &["http/ws"]),
    ("tikv_jemallocator", &["main"]),
    ("utoipa_axum", &["http", "app"]),
    ("clap", &["cli"]),
    ("playhouse_protocol", &["actors", "http"]),
    ("anyhow", &["main", "cli", "app"]),
];

/// Settings that may be unread for now, each with its reason.
const UNREAD: &[(&str, &str)] = &[];

/// Settings that `config` hands out through a method of another name.
const READ_AS: &[(&str, &str)] = &[("workers_max", "workers("), ("socket_shards", "shards()")];

/// What a pure state machine has no use for.
const IMPURE: &[&str] = &[
    ".await",
    "async ",
    "tokio::",
    "ractor::",
    "std::fs",
    "std::net",
    "::now()",
    "thread_rng",
    "rand::",
    "tracing::",
];

const LINES_MAX: usize = 500;

/// The crates whose files have to be readable; the layers are those of the first.
const ROOTS: &[&str] = &["src", "protocol/src", "loadtest/src"];

struct Source {
    /// Relative to its root, with `/`.
    path: String,
    text: String,
    /// Without comments and without the test module at the end.
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        Self { path: path.to_owned(), text: text.to_owned(), code: code.collect::<Vec<_>>().join("\n") }
    }

    /// The names of the modules this file lies in, itself included: `actors/room/state.rs` is three deep.
    fn module_path(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    fn module(&self) -> &str {
        self.module_path().first().copied().unwrap_or_default()
    }
}

/// The production sources below one root; files of tests are left out.
fn sources(root: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(!files.is_empty(), "no sources below {}", root.display());
    let relative =
        |file: &Path| file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
    let production = files.iter().map(|file| (file, relative(file).replace('\\', "/")));
    production
        .filter(|(_, path)| !path.ends_with("tests.rs") && !path.contains("/tests/"))
        .map(|(file, path)| Source::new(&path, &fs::read_to_string(file).expect("a readable source file")))
        .collect()
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn without_a_layer(sources: &[Source]) -> Vec<String> {
    let outside =
        |source: &&Source| !["main", "lib"].contains(&source.module()) && layer(source.module()).is_none();
    sources
        .iter()
        .filter(outside)
        .map(|source| format!("{}: `{}` is in no layer", source.path, source.module()))
        .collect()
}

fn naming_upwards(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        let Some(own) = layer(source.module()) else { continue };
        for name in top_level_names(source) {
            if name != source.module() && layer(&name).is_some_and(|other| other >= own) {
                violations.push(format!("{}: `{}` must not name `{name}`", source.path, source.module()));
            }
        }
    }
    violations
}

fn drivers_away_from_home(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        for (krate, homes) in LIVES_IN {
            if !homes.iter().any(|home| lies_in(&source.path, home)) && names_crate(&source.code, krate) {
                violations.push(format!("{}: `{krate}` belongs in {homes:?}", source.path));
            }
        }
    }
    violations
}

/// Whether `path` is the module `home` or lies below it: `http` is `http.rs` and `http/…`, not `http_client.rs`.
fn lies_in(path: &str, home: &str) -> bool {
    path.strip_prefix(home).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

fn impure_states(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with("/state.rs")) {
        for needle in IMPURE.iter().filter(|needle| source.code.contains(**needle)) {
            violations.push(format!("{}: `{needle}` has no place in a state machine", source.path));
        }
    }
    violations
}

fn too_long(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.code.lines().count() > LINES_MAX)
        .map(|source| format!("{}: more than {LINES_MAX} lines", source.path))
        .collect()
}

fn without_a_head(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}: opens without `//!` lines that say what it owns", source.path))
        .collect()
}

/// A setting that nobody reads is a promise to an operator that nothing keeps.
fn unread_settings(default_toml: &str, sources: &[Source]) -> Vec<String> {
    let keys = default_toml.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
    let keys = keys.filter(|key| !key.starts_with('#') && !UNREAD.iter().any(|(unread, _)| unread == key));
    let outside = |source: &&Source| !lies_in(&source.path, "config");
    keys.filter(|key| !sources.iter().filter(outside).any(|source| reads(&source.code, key)))
        .map(|key| format!("config/default.toml: nobody reads `{key}`"))
        .collect()
}

fn reads(code: &str, key: &str) -> bool {
    let (_, name) = READ_AS.iter().find(|(field, _)| *field == key).copied().unwrap_or((key, key));
    code.match_indices(&format!(".{name}")).any(|(at, found)| {
        let after = code[at + found.len()..].chars().next();
        name.ends_with('(') || !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The top-level modules a file names, by `crate::` or by enough `super::` to arrive there.
fn top_level_names(source: &Source) -> Vec<String> {
    let to_the_top = "super::".repeat(source.module_path().len());
    let mut names = names_after(&source.code, "crate::");
    names.extend(names_after(&source.code, &to_the_top));
    names
}

/// The names that directly follow `prefix`, those inside `prefix{…}` included.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => names.extend(top_level_items(group).iter().map(|item| word(item))),
        }
    }
    names
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn top_level_items(group: &str) -> Vec<String> {
    let (mut depth, mut items) = (0_usize, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ if depth == 0 => items.last_mut().expect("never empty").push(c),
            _ => {}
        }
    }
    items
}

/// `krate::…`, `use krate;` and `use krate as k;`.
fn names_crate(code: &str, krate: &str) -> bool {
    code.match_indices(krate).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + krate.len()..]);
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let imported = before.ends_with("use ") && (after.starts_with(';') || after.starts_with(" as "));
        !inside && (after.starts_with("::") || imported)
    })
}

fn check(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    check(without_a_layer(&sources("src")));
}

#[test]
fn modules_only_name_what_lies_below_them() {
    check(naming_upwards(&sources("src")));
}

#[test]
fn every_driver_has_one_home() {
    check(drivers_away_from_home(&sources("src")));
}

#[test]
fn state_is_pure() {
    check(impure_states(&sources("src")));
}

#[test]
fn files_stay_readable() {
    check(ROOTS.iter().flat_map(|root| too_long(&sources(root))).collect());
}

#[test]
fn every_file_says_what_it_owns() {
    check(ROOTS.iter().flat_map(|root| without_a_head(&sources(root))).collect());
}

#[test]
fn every_setting_is_read_by_somebody() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml");
    let default_toml = fs::read_to_string(path).expect("the defaults");
    check(unread_settings(&default_toml, &sources("src")));
}

/// Each check against violations planted for it, and against code that only looks like one.
mod planted {
    use super::*;

    fn reports(find: fn(&[Source]) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
        find(&[Source::new(path, text)])
    }

    #[test]
    fn a_module_that_nobody_placed_is_reported() {
        assert_eq!(
            reports(without_a_layer, "utils/strings.rs", ""),
            ["utils/strings.rs: `utils` is in no layer"]
        );
        assert!(reports(without_a_layer, "main.rs", "").is_empty());
        assert!(reports(without_a_layer, "cli.rs", "").is_empty());
    }

    #[test]
    fn an_import_that_points_up_or_sideways_is_reported() {
        for (path, text, name) in [
            ("domain/video.rs", "use crate::http::Problem;", "http"),
            ("domain/video.rs", "fn f() { crate::actors::room::start(); }", "actors"),
            ("config/mod.rs", "use crate::telemetry::Metrics;", "telemetry"),
            ("media/probe.rs", "use crate::{domain::ids::VideoId, backends::{store, bus}};", "backends"),
            ("actors/room/mod.rs", "pub(in crate::http) struct Room;", "http"),
            ("actors/room/state.rs", "use super::super::super::http::Seat;", "http"),
            ("actors/room/mod.rs", "use super::super::{domain::ids, app::App};", "app"),
            ("http.rs", "use super::cli;", "cli"),
        ] {
            let module = path.split(['/', '.']).next().unwrap();
            assert_eq!(
                reports(naming_upwards, path, text),
                [format!("{path}: `{module}` must not name `{name}`")],
                "{text}"
            );
        }
    }

    #[test]
    fn an_import_that_points_down_or_stays_inside_is_not() {
        for (path, text) in [
            ("http/videos.rs", "use crate::{actors::Rooms, domain::ids::{VideoId, http}, http::Problem};"),
            ("actors/room/state.rs", "use super::super::session; use super::http;"),
            ("domain/video.rs", "// crate::http would be wrong\nuse my_crate::http;"),
            ("domain/video.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::app::App; }"),
            ("main.rs", "use crate::cli;"),
        ] {
            assert!(reports(naming_upwards, path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn every_driver_is_reported_outside_its_home_and_not_inside() {
        for (krate, homes) in LIVES_IN {
            for text in
                [format!("use {krate}::Thing;"), format!("use {krate} as k;"), format!("{krate}::f();")]
            {
                assert_eq!(reports(drivers_away_from_home, "domain/video.rs", &text).len(), 1, "{text}");
                for home in *homes {
                    assert!(reports(drivers_away_from_home, &format!("{home}/mod.rs"), &text).is_empty());
                    assert!(reports(drivers_away_from_home, &format!("{home}.rs"), &text).is_empty());
                    let neighbour = format!("{home}_helpers.rs");
                    assert_eq!(reports(drivers_away_from_home, &neighbour, &text).len(), 1, "{neighbour}");
                }
            }
        }
        let local = "mod redis; use super::redis::Client; use self::redis::x; my_redis::y();";
        assert!(reports(drivers_away_from_home, "domain/video.rs", local).is_empty());
    }

    #[test]
    fn every_impurity_is_reported_in_a_state_and_allowed_in_a_shell() {
        for needle in IMPURE {
            let text = format!("fn f() {{ {needle} }}");
            assert_eq!(reports(impure_states, "actors/room/state.rs", &text).len(), 1, "{needle}");
            assert!(reports(impure_states, "actors/room/mod.rs", &text).is_empty());
        }
    }

    #[test]
    fn a_file_of_501_lines_is_reported_and_its_tests_do_not_count() {
        let line = "fn f() {}\n";
        assert_eq!(reports(too_long, "http/mod.rs", &line.repeat(LINES_MAX + 1)).len(), 1);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}", line.repeat(LINES_MAX), line.repeat(400));
        assert!(reports(too_long, "http/mod.rs", &tested).is_empty());
    }

    #[test]
    fn a_file_without_a_head_is_reported() {
        assert_eq!(reports(without_a_head, "http/mod.rs", "use std::fs;\n").len(), 1);
        assert!(reports(without_a_head, "http/mod.rs", "//! Routes.\n").is_empty());
    }

    #[test]
    fn a_setting_that_only_config_reads_is_reported() {
        let defaults = "[rooms]\n# A comment = no key.\ntick_ms = 50\n";
        let unread = |path, text| unread_settings(defaults, &[Source::new(path, text)]);
        let report = ["config/default.toml: nobody reads `tick_ms`"];
        assert_eq!(unread("config/rooms.rs", "self.tick_ms"), report);
        assert_eq!(unread("app.rs", "rooms.tick_ms_max"), report);
        assert!(unread("app.rs", "rooms.tick_ms.duration()").is_empty());
    }
}
