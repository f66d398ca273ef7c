use std::{fs::File, io::Write};

use super::*;
use crate::backends::objects::{read_all, source_of};

fn open(dir: &Path) -> io::Result<Directory> {
    Directory::open(dir.into(), Duration::from_secs(3_600))
}

fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

#[test]
fn a_full_disk_is_told_apart_from_other_failures() {
    let error = File::options().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
    assert!(matches!(failed(error), ObjectError::NoSpace));
    assert!(matches!(failed(io::ErrorKind::PermissionDenied.into()), ObjectError::Unavailable(_)));
}

#[tokio::test]
async fn what_was_half_written_is_gone_after_a_restart_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let objects = open(dir.path()).unwrap();
    Objects::put(&objects, &key("a/b"), source_of("kept")).await.unwrap();
    std::fs::write(dir.path().join(".tmp/left"), "half").unwrap();
    let upload = objects.begin_multipart(&key("m")).await.unwrap();
    objects.put_part(&upload, 1, source_of("part")).await.unwrap();
    drop(objects);
    let objects = open(dir.path()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join(".tmp")).unwrap().count(), 0);
    objects.complete_multipart(&upload, 1).await.unwrap();
    let body = objects.get(&key("m"), None).await.unwrap().unwrap().body;
    assert_eq!(read_all(body).await.unwrap(), b"part");
    assert!(objects.head(&key("a/b")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_from_another_file_system_is_copied_and_removed() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = elsewhere.path().join("source");
    std::fs::write(&file, "bytes").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let objects = open(dir.path()).unwrap();
    let info = objects.put_file(&key("v/source"), &file).await.unwrap();
    assert_eq!(info.size, 5);
    assert!(!file.exists());
    assert_eq!(objects.head(&key("v/source")).await.unwrap(), Some(info));
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let objects = open(dir.path()).unwrap();
    let broken = futures_util::stream::iter([Ok("begun".into()), Err(io::ErrorKind::ConnectionReset.into())]);
    let answer = Objects::put(&objects, &key("a"), Box::pin(broken)).await;
    assert!(matches!(answer, Err(ObjectError::Source(_))));
    assert_eq!(std::fs::read_dir(dir.path().join(".tmp")).unwrap().count(), 0);
    assert_eq!(objects.head(&key("a")).await.unwrap(), None);
}
