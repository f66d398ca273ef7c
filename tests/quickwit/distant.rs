//! What is of Quickwit alone: versions that stay, a server that is busy, slow to say so, or away.

use std::{sync::atomic::Ordering, time::Duration};

use playhouse::backends::search::{self, Change, SearchError, Settings};

use super::Fake;
use crate::search_suite::{document, found, id, pages, put, query};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_are_out_of_date_stay_and_are_not_found() {
    let fake = Fake::start().await;
    let index = fake.open().await;
    for version in 1..=5_u64 {
        let title = if version.is_multiple_of(2) { "even" } else { "odd" };
        let changes = (0..10).map(|number| Change::put(version, document(number, title)));
        index.apply(changes.collect()).await.unwrap();
    }
    index.apply(vec![Change::remove(6, id(0))]).await.unwrap();
    assert_eq!(fake.len(), 51);
    assert_eq!((found(&index, "odd").await.len(), found(&index, "even").await.len()), (9, 0));
    let page = search::Query { limit: 4, ..query("odd") };
    let first = index.query(page.clone()).await.unwrap();
    assert_eq!(first.items.len(), 4, "a page is full although most of what is found is out of date");
    let second = index.query(search::Query { after: first.next, ..page.clone() }).await.unwrap();
    let third = index.query(search::Query { after: second.next, ..page }).await.unwrap();
    assert_eq!((second.items.len(), third.items.len(), third.next), (4, 1, None));
    index.clear().await.unwrap();
    assert_eq!(fake.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_begins_among_the_versions_of_a_video_misses_none() {
    let fake = Fake::start().await;
    let index = fake.open().await;
    for version in 1..=20 {
        let changes = (0..10).map(|number| Change::put(version, document(number, "many")));
        index.apply(changes.collect()).await.unwrap();
    }
    fake.turn_around();
    for limit in 1..=10 {
        let mut all = pages(&index, search::Query { limit, ..query("") }).await;
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>(), "pages of {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_asked_again() {
    let fake = Fake::start().await;
    let index = fake.open().await;
    fake.state.busy.store(3, Ordering::SeqCst);
    put(&index, [document(1, "patience")]).await;
    assert_eq!(found(&index, "patience").await, [1]);
    fake.state.busy.store(u32::MAX, Ordering::SeqCst);
    let uri = format!("quickwit+http://{}/videos", fake.address);
    let settings = Settings { deadline: Duration::from_millis(300) };
    let hasty = search::open(&uri, std::path::Path::new(""), settings).await.unwrap();
    let refused = hasty.apply(vec![Change::put(1, document(2, "patience"))]).await;
    assert!(matches!(refused, Err(SearchError::Unavailable(told)) if told.contains("too many requests")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_answer_was_lost_is_there_once_for_who_searches() {
    let fake = Fake::start().await;
    let index = fake.open().await;
    fake.state.lost.store(1, Ordering::SeqCst);
    let change = || vec![Change::put(1, document(1, "twice"))];
    assert!(matches!(index.apply(change()).await, Err(SearchError::Unavailable(_))));
    index.apply(change()).await.unwrap();
    assert_eq!(fake.len(), 1, "it is seen that it is there");
    // As when the first arrives after the second.
    let line = r#"{"video_id":"video-1","version":1,"tie":1,"live":1,"fingerprint":1,"title":"twice","title_terms":"twice","duration_ms":0,"height":0,"published_at":0,"views":0}"#;
    let url = format!("http://{}/api/v1/videos/ingest?commit=force", fake.address);
    let sent = reqwest::Client::new().post(url).body(line).send().await.unwrap();
    assert!(sent.status().is_success());
    assert_eq!((fake.len(), found(&index, "twice").await), (2, vec![1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_with_other_fields_is_refused_and_said_so() {
    let fake = Fake::start().await;
    let config = serde_json::json!({"version": "0.8", "index_id": "videos",
        "doc_mapping": {"mode": "strict", "field_mappings": [{"name": "video_id", "type": "text"}]}});
    let url = format!("http://{}/api/v1/indexes", fake.address);
    assert!(reqwest::Client::new().post(url).json(&config).send().await.unwrap().status().is_success());
    let told = fake.open().await.probe().await.unwrap_err().to_string();
    assert!(told.contains("the index videos has no fields video_id, version, "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_costs_searches_alone_until_it_comes() {
    let fake = Fake::start().await;
    let index = fake.open().await;
    put(&index, [document(1, "away")]).await;
    drop(fake);
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("quickwit+http://{}/videos", closed.local_addr().unwrap());
    drop(closed);
    let settings = Settings { deadline: Duration::from_secs(2) };
    let index = search::open(&uri, std::path::Path::new(""), settings).await.unwrap();
    let told = index.query(query("away")).await.unwrap_err();
    assert!(
        matches!(&told, SearchError::Unavailable(told) if told.contains("Quickwit does not answer")),
        "{told}"
    );
    for uri in
        ["quickwit+http://", "quickwit+http://host", "quickwit+http://host/a", "quickwit+http://host/a/b"]
    {
        assert!(search::open(uri, std::path::Path::new(""), settings).await.is_err(), "{uri}");
    }
}
