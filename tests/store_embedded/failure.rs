//! Disks that are full and writers that are busy: what only an embedded engine meets.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, mpsc},
    time::Duration,
};

use playhouse::{
    backends::store::{self, Edit, Settings, StoreError, View},
    domain::clock::SystemClock,
};

use crate::{
    killed_child::{Place, configured, lines_of, say},
    store_suite::{
        Single,
        limits::{Blob, blob},
    },
};

/// fjall makes its journal of 64 MiB at once, so the limit lies above that.
const FILE_KIB_MAX: u64 = 66 << 10;
const LARGE: usize = 14 << 20;
const MORE_THAN_FITS: usize = 6;

/// The child may not write files beyond a limit: its last write fails as on a full disk.
pub async fn a_disk_that_takes_no_more_poisons_and_what_was_acknowledged_stays(uri: &str) {
    let dir = tempfile::tempdir().unwrap();
    let lines = lines_until_end("child_that_fills_its_disk", uri, dir.path());
    let (last, acknowledged) = lines.split_last().expect("the child said nothing");
    assert_eq!(last, "poisoned, poisoned again, reads go on");
    let store = store::open(uri, dir.path(), Arc::new(SystemClock)).await.unwrap();
    for name in acknowledged {
        assert!(
            store.get::<Blob>(("f".into(),), (name.clone(),)).await.unwrap().is_some(),
            "{name} was acknowledged"
        );
    }
    assert_eq!(acknowledged.len(), 20);
    assert_eq!(store.all::<Blob>(("f".into(),)).await.unwrap().len(), 20);
    store.put(blob("after", 10)).await.unwrap();
}

/// Runs the child test to its end, with no file allowed to become larger than the limit.
fn lines_until_end(test: &str, uri: &str, dir: &Path) -> Vec<String> {
    // With the signal ignored, a write beyond the limit is an error as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {FILE_KIB_MAX}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    let mut child = configured(shell, test, uri, dir).spawn().unwrap();
    let said = lines_of(&mut child, "@", usize::MAX);
    assert!(child.wait().unwrap().success(), "the child failed");
    said
}

pub async fn child() {
    let Some(place) = Place::of_child() else { return };
    // A slow machine must not be taken for a full disk.
    let settings = Settings { deadline: Duration::from_secs(120), ..Settings::default() };
    let store = store::open_with(&place.uri, &place.dir, Arc::new(SystemClock), settings).await.unwrap();
    for number in 0..20 {
        store.put(blob(&number.to_string(), 1_000)).await.unwrap();
        say(&format!("@{number}"));
    }
    let too_much = |_: View<Blob>| {
        let blobs = (0..MORE_THAN_FITS).map(|number| (blob(&format!("large {number}"), LARGE), None));
        (Edit { puts: blobs.collect(), ..Edit::default() }, ())
    };
    let large = store.update_partition::<Blob, _>(("f".into(),), vec![], too_much).await;
    assert!(matches!(large, Err(StoreError::Poisoned(_))), "{large:?}");
    let again = store.put(blob("small", 10)).await;
    assert!(matches!(again, Err(StoreError::Poisoned(_))), "{again:?}");
    assert!(store.get::<Blob>(("f".into(),), ("0".into(),)).await.unwrap().is_some());
    say("@poisoned, poisoned again, reads go on");
}

pub async fn a_write_that_cannot_be_served_in_time_is_refused(uri: &str) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { deadline: Duration::from_millis(50), ..Settings::default() };
    let store = store::open_with(uri, dir.path(), Arc::new(SystemClock), settings).await.unwrap();
    let single = |count| Single { name: "n".into(), count };
    let (release, released) = mpsc::channel::<()>();
    let holds_the_writer = move |_: Option<Single>| {
        // Ends when the test lets go.
        assert!(released.recv().is_err());
        (None, ())
    };
    let busy = store.update(("other".into(),), holds_the_writer).await;
    assert!(matches!(busy, Err(StoreError::Unavailable(_))));
    // More than the queue holds: some wait for a place in it, and nobody waits for ever.
    let waiting = (0..5_000).map(|count| store.put(single(count)));
    for answer in futures_util::future::join_all(waiting).await {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    }
    drop(release);
    while store.put(single(-1)).await.is_err() {}
    assert_eq!(store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(-1)));
}
