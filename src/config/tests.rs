//! Every refusal an operator can meet, and that the defaults, their comments and the reference agree.

use std::path::Path;

use super::*;

fn with(overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let overrides = overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(None, overrides)
}

fn with_file(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("playhouse.toml");
    std::fs::write(&path, text).unwrap();
    let folder = format!("{}/", folder.path().display());
    Config::load(Some(&path), std::iter::empty()).map_err(|error| error.to_string().replace(&folder, ""))
}

#[test]
fn the_defaults_are_the_fixed_points_of_the_interface() {
    let config = Config::default();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.data_dir, Path::new("./data"));
    assert_eq!(config.backends.store.path(), Path::new("./data/store"));
    assert_eq!(config.backends.objects.path(), Path::new("./data/objects"));
    assert_eq!(config.rooms.tick_ms, Millis(50));
    assert_eq!(config.uploads.size_max_bytes, 2 * 1024 * 1024 * 1024);
    assert_eq!(config.media.ladder, [1080, 720, 480, 360]);
    assert_eq!(config.limits.frame_bytes_max, 16 * 1024);
    assert_eq!(config.rooms.comment_len_max, 2_000);
    assert!(config.limits.enabled);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("playhouse.toml");
    std::fs::write(&path, "[rooms]\ntick_ms = 20\nhistory_len_max = 7\n").unwrap();
    let environment = [
        ("PLAYHOUSE__ROOMS__TICK_MS".to_owned(), "0".to_owned()),
        ("PLAYHOUSE__MEDIA__LADDER".to_owned(), "720, 360".to_owned()),
        ("PLAYHOUSE__MEDIA__CODECS".to_owned(), "h264, av1".to_owned()),
        ("PLAYHOUSE__LIMITS__ENABLED".to_owned(), "false".to_owned()),
        ("PLAYHOUSE_BIN".to_owned(), "none of ours".to_owned()),
    ];
    let config = Config::load(Some(&path), environment.into_iter()).unwrap();
    assert_eq!((config.rooms.tick_ms, config.rooms.history_len_max), (Millis(0), 7));
    assert_eq!(config.media.ladder, [720, 360]);
    assert_eq!(config.media.second_codec(), Some(crate::domain::codec::Codec::Av1));
    assert!(!config.limits.enabled);
}

#[test]
fn engines_without_a_path_follow_the_data_folder_and_others_stay_where_they_are() {
    let config = with(&[
        ("PLAYHOUSE__SERVER__DATA_DIR", "/srv/playhouse"),
        ("PLAYHOUSE__BACKENDS__OBJECTS", "dir:./elsewhere"),
    ])
    .unwrap();
    assert_eq!(config.backends.store.path(), Path::new("/srv/playhouse/store"));
    assert_eq!(config.backends.search.path(), Path::new("/srv/playhouse/search"));
    assert_eq!(config.backends.objects.path(), Path::new("./elsewhere"));
    assert_eq!(config.backends.store.to_string(), "embedded:/srv/playhouse/store");
    let other = with(&[("PLAYHOUSE__BACKENDS__STORE", "embedded+redb:rows")]).unwrap();
    assert_eq!(other.backends.store.to_string(), "embedded+redb:rows");
    let bucket = with(&[("PLAYHOUSE__BACKENDS__OBJECTS", "s3://films?region=eu-1")]).unwrap();
    assert_eq!(bucket.backends.objects.to_string(), "s3://films?region=eu-1");
}

#[test]
fn an_address_is_called_by_its_public_name_when_it_has_one() {
    let bound = "127.0.0.1:43210".parse().unwrap();
    assert_eq!(Config::default().server.public_url(bound), "http://127.0.0.1:43210");
    let named = with(&[("PLAYHOUSE__SERVER__PUBLIC_URL", "https://video.example.org/")]).unwrap();
    assert_eq!(named.server.public_url(bound), "https://video.example.org");
}

#[test]
fn players_fetch_from_the_node_the_store_or_a_cdn() {
    let delivery = |text| with(&[("PLAYHOUSE__MEDIA__DELIVERY", text)]).unwrap().media.delivery;
    assert_eq!(Config::default().media.delivery, Delivery::Node);
    assert_eq!(delivery("store"), Delivery::Store);
    assert_eq!(delivery("https://cdn.example.org/"), Delivery::Cdn("https://cdn.example.org".into()));
    let refusal = with(&[("PLAYHOUSE__MEDIA__DELIVERY", "cdn.example.org")]).unwrap_err().to_string();
    let allowed = "allowed: node, store, or the origin of a CDN as https://HOST";
    assert_eq!(refusal, format!("media.delivery: \"cdn.example.org\" is no place to play from, {allowed}"));
}

#[test]
fn what_is_wrong_in_the_environment_is_refused_in_one_line_that_names_the_key() {
    let table = [
        ("ROOMS__TICK_MS", "1001", "rooms.tick_ms: 1001 is out of range, allowed: 0 to 1000"),
        ("ROOMS__TICK_MS", "-1", "rooms.tick_ms: -1 is out of range, allowed: 0 to 1000"),
        ("ROOMS__TICK_MS", "fast", "rooms.tick_ms: \"fast\" has the wrong type, allowed: a whole number"),
        ("LIMITS__ENABLED", "yes", "limits.enabled: \"yes\" has the wrong type, allowed: true or false"),
        (
            "MEDIA__LADDER",
            "720,x",
            "media.ladder: \"720,x\" has the wrong type, allowed: a list of whole numbers",
        ),
        ("MEDIA__LADDER", "720,20", "media.ladder: 20 is out of range, allowed: 144 to 2160"),
        (
            "MEDIA__LADDER",
            "360,720",
            "media.ladder: [360, 720] is no ladder, allowed: even heights, tallest first, such as 1080, 720, 480, 360",
        ),
        (
            "MEDIA__CODECS",
            "h264,vp8",
            "media.codecs: [\"h264\", \"vp8\"] are no codecs, \
             allowed: [\"h264\"], and one of \"av1\", \"vp9\" and \"hevc\" behind it",
        ),
        (
            "MEDIA__CODECS",
            "av1",
            "media.codecs: [\"av1\"] are no codecs, allowed: [\"h264\"], and one of \"av1\", \"vp9\" and \"hevc\" behind it",
        ),
        (
            "SERVER__LISTEN",
            "8080",
            "server.listen: \"8080\" is no address, allowed: ADDRESS:PORT such as 127.0.0.1:8080",
        ),
        (
            "SERVER__PUBLIC_URL",
            "https://a.example/path",
            "server.public_url: \"https://a.example/path\" is no origin, \
             allowed: http://HOST or https://HOST, without a path",
        ),
        (
            "BACKENDS__STORE",
            "mysql://host/playhouse",
            "backends.store: this build has no engine for \"mysql://host/playhouse\", \
             allowed: embedded:PATH, embedded+redb:PATH or scylla://HOST/KEYSPACE",
        ),
        ("TELEMETRY__FORMAT", "xml", "telemetry.format: \"xml\" is no log format, allowed: text, json"),
        (
            "TELEMETRY__LOG",
            "a=loud",
            "telemetry.log: \"a=loud\" is no filter, allowed: LEVEL or TARGET=LEVEL,…",
        ),
        ("TELEMETRY__LOUD", "1", "telemetry.loud: unknown key, allowed: format, log"),
        (
            "ROOM__TICK_MS",
            "1",
            "room: unknown key, allowed: auth, backends, limits, media, node, rooms, scan, search, server, telemetry, uploads",
        ),
    ];
    for (name, value, refusal) in table {
        let error = with(&[(&format!("PLAYHOUSE__{name}"), value)]).unwrap_err();
        assert_eq!(error.to_string(), refusal);
    }
}

#[test]
fn what_is_wrong_in_a_file_is_refused_in_one_line() {
    let table = [
        ("[rooms]\ntick_ms = \"50\"\n", "rooms.tick_ms: \"50\" has the wrong type, allowed: a whole number"),
        (
            "[rooms]\ntik_ms = 50\n",
            "rooms.tik_ms: unknown key, allowed: comment_len_max, counts_interval_ms, ",
        ),
        ("listen = 1\n", "listen: unknown key, allowed: auth, backends, "),
        ("server = 1\n", "server: 1 has the wrong type, allowed: a section such as [server]"),
        ("[server]\nlisten = \n", "playhouse.toml: line 2: "),
    ];
    for (text, refusal) in table {
        let error = with_file(text).unwrap_err();
        assert!(error.starts_with(refusal), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let missing = Config::load(Some(Path::new("/nowhere.toml")), std::iter::empty()).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere.toml: cannot be read: "));
}

/// The comment above every key, by `section.key`.
fn comments() -> Vec<(String, String)> {
    let (mut section, mut comment, mut all) = ("", String::new(), Vec::new());
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text);
        } else if let Some((key, _)) = line.split_once(" = ") {
            all.push((format!("{section}.{key}"), std::mem::take(&mut comment)));
        } else {
            comment.clear();
        }
    }
    all
}

#[test]
fn every_key_is_documented_by_a_comment_and_every_number_has_its_range_in_it() {
    let comments = comments();
    let keys: usize = default_settings().values().map(|keys| keys.as_table().unwrap().len()).sum();
    assert_eq!(comments.len(), keys, "a key of default.toml was not seen");
    for (key, comment) in &comments {
        assert!(comment.len() > 10, "{key} has no comment");
    }
    for (section, keys) in default_settings() {
        for (key, value) in keys.as_table().unwrap() {
            let range = RANGES.iter().find(|(name, _)| *name == section);
            let range = range.and_then(|(_, ranges)| ranges.iter().find(|range| range.key == key));
            let numbers = value.as_array().is_some_and(|items| items.iter().all(|item| item.is_integer()));
            let numeric = value.is_integer() || numbers;
            assert_eq!(range.is_some(), numeric, "{section}.{key}: exactly the numbers have a range");
            let Some(range) = range else { continue };
            let path = format!("{section}.{key}");
            let (_, comment) = comments.iter().find(|(key, _)| *key == path).unwrap();
            let allowed = format!("Allowed: {} to {}.", range.min, range.max);
            assert!(comment.contains(&allowed), "{path}: the comment does not say `{allowed}`");
        }
    }
}

#[test]
fn the_extremes_of_every_range_fit_their_type() {
    for (section, ranges) in RANGES {
        for range in ranges.iter().filter(|range| range.key != "ladder") {
            for value in [range.min, range.max] {
                let name = format!("PLAYHOUSE__{section}__{}", range.key);
                with(&[(&name, &value.to_string())]).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

#[test]
fn the_reference_page_is_what_the_defaults_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("PLAYHOUSE_REGEN").is_some() {
        std::fs::write(&path, reference::markdown()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, reference::markdown(), "run `make regen`");
}
