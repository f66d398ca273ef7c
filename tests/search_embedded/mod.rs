//! The folder of an index: what survives a kill, and that damage costs no more than building it again.

use std::{fs, path::Path};

use playhouse::backends::search::Change;

use crate::{
    killed_child::{Place, lines_until_killed, say},
    open_at, open_in,
    search_suite::{document, found, id, put},
};

/// Writes in groups of so many, whose versions rise together.
const GROUP: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_and_no_half_change_does() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let child = "search_embedded::child_that_writes_until_it_is_killed";
        let said = lines_until_killed(child, "tantivy:", folder.path(), "acknowledged ", 3 + round * 4);
        let acknowledged: u64 = said.last().unwrap().parse().unwrap();
        let index = open_in(folder.path()).await;
        let marks = index.marks_of((0..GROUP).map(id).collect()).await.unwrap();
        assert_eq!(marks.len(), GROUP);
        let first = marks[&id(0)];
        assert!(first.version >= acknowledged, "{acknowledged} was acknowledged, {} is there", first.version);
        assert!(
            marks.values().all(|mark| mark.version == first.version),
            "half a change is there: {marks:?}"
        );
        assert_eq!(found(&index, &format!("v{}", first.version)).await.len(), GROUP);
        assert_eq!(found(&index, "").await.len(), GROUP);
        index.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test, which kills it"]
async fn child_that_writes_until_it_is_killed() {
    let Some(place) = Place::of_child() else { return };
    let index = open_at(&place.uri, &place.dir).await;
    let before = index.marks_of(vec![id(0)]).await.unwrap();
    let mut version = before.get(&id(0)).map_or(0, |mark| mark.version);
    loop {
        version += 1;
        let change = |number| Change::put(version, document(number, &format!("v{version}")));
        index.apply((0..GROUP).map(change).collect()).await.unwrap();
        say(&format!("acknowledged {version}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let index = open_in(folder.path()).await;
        put(&index, [document(number, "kept")]).await;
        assert_eq!(found(&index, "kept").await.len(), number + 1);
        // Dropped once without being closed.
        if number != 1 {
            index.close().await;
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder.join("search")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_folder_is_begun_anew_whatever_is_damaged() {
    let is_of_segments = |name: &str| !name.ends_with(".json") && !name.contains("lock");
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("the list of segments says nonsense", |path| fs::write(path, "{\"nonsense\"").unwrap()),
        ("the list of segments is empty", |path| fs::write(path, "").unwrap()),
        ("a segment is gone", |path| fs::remove_file(path).unwrap()),
        ("a segment is cut off", |path| fs::write(path, "x").unwrap()),
    ];
    for (what, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let index = open_in(folder.path()).await;
        put(&index, [document(1, "lost")]).await;
        index.close().await;
        drop(index);
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let of_list = |path: &Path| name(path) == "meta.json";
        for path in files(folder.path()) {
            let hit = match what.contains("list") {
                true => of_list(&path),
                false => is_of_segments(&name(&path)),
            };
            if hit {
                damage(&path);
            }
        }
        let index = open_in(folder.path()).await;
        assert!(found(&index, "lost").await.is_empty(), "{what}");
        put(&index, [document(1, "found again")]).await;
        assert_eq!(found(&index, "again").await, [1], "{what}");
        index.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_written_by_another_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let index = open_in(folder.path()).await;
    put(&index, [document(1, "mine")]).await;
    let settings = playhouse::backends::search::Settings { deadline: std::time::Duration::from_secs(5) };
    let second = playhouse::backends::search::open("tantivy:", folder.path(), settings).await;
    let told = second.err().unwrap().to_string();
    assert!(told.contains("another process writes the index in"), "{told}");
    assert_eq!(found(&index, "mine").await, [1]);
}
