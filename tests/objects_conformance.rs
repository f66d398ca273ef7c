//! What every object store must do, run against the directory. `tests/cluster/objects.rs` runs it against S3.
#![cfg(test)]

mod objects_suite;

use objects_suite::Bed;
use playhouse::backends::objects;

async fn directory() -> Bed {
    let dir = tempfile::tempdir().unwrap();
    Bed { objects: objects::open("dir:", dir.path()).unwrap(), dir, _kept: () }
}

objects_suite::conformance!(directory);

#[test]
fn schemes_that_cannot_be_opened_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let open = |uri| objects::open(uri, dir.path()).err().map(|error| error.to_string());
    assert!(open("s3://bucket/folder").is_some_and(|text| text.contains("behind the name of the bucket")));
    assert!(open("ftp://host").is_some_and(|text| text.contains("`ftp:` is not known")));
}
