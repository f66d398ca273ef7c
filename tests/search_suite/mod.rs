//! What every index must do, said once and run against each engine through the public contract.

use std::{collections::BTreeSet, time::Duration};

use playhouse::{
    backends::search::{
        Change, Document, Field, Filters, Hits, Query, Scope, SearchError, SharedIndex, Sort, Words,
    },
    domain::{clock::Timestamp, ids::VideoId},
};
use tokio::{task::JoinSet, time::Instant};

/// An index of its own.
pub struct Bed {
    pub index: SharedIndex,
    /// Whatever must live as long as the index.
    pub _kept: Box<dyn std::any::Any + Send + Sync>,
}

/// A test for each case. `$bed` makes a [`Bed`].
#[macro_export]
macro_rules! search_conformance {
    ($engine:ident, $bed:path) => {
        $crate::search_conformance!($engine, $bed:
            a_word_counts_most_in_the_title_then_in_tags_then_in_the_description,
            every_word_has_to_be_there_phrases_in_a_row_and_unwanted_ones_not,
            accents_case_and_scripts_without_spaces_do_not_matter,
            what_people_type_is_never_a_syntax_error,
            what_is_applied_is_found_at_once,
            an_older_version_never_overwrites_a_newer_one,
            writers_at_once_leave_the_highest_version,
            what_was_taken_out_stays_out_until_a_newer_version_comes,
            bounds_hold_for_length_moment_and_height,
            lists_by_date_and_views_are_in_order_and_whole_over_pages,
            pages_by_relevance_are_whole_and_repeat_nothing_when_nothing_changes,
            pages_repeat_nothing_while_videos_come_and_change,
            a_cursor_survives_the_way_over_the_client,
            highlights_say_why_a_video_was_found,
            marks_tell_what_is_there_and_of_which_version,
            a_cleared_index_knows_nothing_and_begins_anew,
            a_closed_index_says_so,
            no_videos_and_no_changes_are_no_error,
        );
    };
    ($engine:ident, $bed:path: $($case:ident),+ $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::search_suite::$case($bed().await).await;
                }
            )+
        }
    };
}

pub fn id(number: usize) -> VideoId {
    format!("video-{number}").parse().unwrap()
}

/// Each a day younger than the one before.
pub fn document(number: usize, title: &str) -> Document {
    Document {
        video_id: id(number),
        title: title.to_owned(),
        description: String::new(),
        tags: Vec::new(),
        duration_ms: 60_000,
        height: 720,
        published_at: Timestamp(1_700_000_000_000 + 86_400_000 * i64::try_from(number).unwrap()),
        views: 0,
    }
}

pub async fn put(index: &SharedIndex, documents: impl IntoIterator<Item = Document>) {
    let changes = documents.into_iter().map(|document| Change::put(1, document)).collect();
    index.apply(changes).await.unwrap();
}

pub fn query(text: &str) -> Query {
    Query { words: Words::of(text), limit: 20, ..Query::default() }
}

fn numbers(hits: &Hits) -> Vec<usize> {
    let number = |id: &VideoId| id.as_str().rsplit_once('-').unwrap().1.parse().unwrap();
    hits.items.iter().map(|hit| number(&hit.video_id)).collect()
}

pub async fn found(index: &SharedIndex, text: &str) -> Vec<usize> {
    numbers(&index.query(query(text)).await.unwrap())
}

/// All pages of a query, one after the other.
pub async fn pages(index: &SharedIndex, query: Query) -> Vec<usize> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..200 {
        let hits = index.query(Query { after: after.take(), ..query.clone() }).await.unwrap();
        assert!(hits.items.len() <= query.limit);
        all.extend(numbers(&hits));
        after = hits.next;
        if after.is_none() {
            return all;
        }
    }
    panic!("pages without an end");
}

fn sorted(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers
}

pub async fn a_word_counts_most_in_the_title_then_in_tags_then_in_the_description(bed: Bed) {
    let other = "something else entirely";
    let texts = |number, title: &str, description: &str, tag: &str| Document {
        description: description.into(),
        tags: vec![tag.into()],
        ..document(number, title)
    };
    let documents = [
        texts(1, other, "the needle", "x"),
        texts(2, "the needle", other, "x"),
        texts(3, other, other, "needle"),
        texts(4, other, other, "x"),
    ];
    put(&bed.index, documents).await;
    assert_eq!(found(&bed.index, "needle").await, [2, 3, 1]);
    let hits = bed.index.query(query("needle")).await.unwrap();
    let scores: Vec<f32> = hits.items.iter().map(|hit| hit.score.unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
    let by_date = Query { sort: Sort::Date, ..query("needle") };
    assert_eq!(bed.index.query(by_date).await.unwrap().items[0].score, None);
}

pub async fn every_word_has_to_be_there_phrases_in_a_row_and_unwanted_ones_not(bed: Bed) {
    let split = Document { description: "of a bunny".into(), ..document(3, "Big hops") };
    put(&bed.index, [document(1, "Big Buck Bunny"), document(2, "A bunny: big, no buck")]).await;
    put(&bed.index, [split, document(4, "Bucks")]).await;
    for (text, expected) in [
        ("big bunny", vec![1, 2, 3]),
        ("\"buck bunny\"", vec![1]),
        ("\"bunny buck\"", vec![]),
        ("bunny -buck", vec![3]),
        ("bunny -\"big buck\"", vec![2, 3]),
        ("buck", vec![1, 2]),
        ("-buck", vec![3, 4]),
        ("unheard", vec![]),
        ("bunny unheard", vec![]),
        ("", vec![1, 2, 3, 4]),
    ] {
        assert_eq!(sorted(found(&bed.index, text).await), expected, "{text}");
    }
}

pub async fn accents_case_and_scripts_without_spaces_do_not_matter(bed: Bed) {
    let titles = ["Crème Brûlée", "夜の東京タワー", "서울 여행 브이로그", "ÅNGSTRÖM AT 8K", "Ёлка"];
    put(&bed.index, titles.into_iter().enumerate().map(|(number, title)| document(number, title))).await;
    for (text, number) in [
        ("creme", 0),
        ("BRÛLÉE", 0),
        ("東京", 1),
        ("東京タワー", 1),
        ("여행", 2),
        ("angstrom", 3),
        ("8k", 3),
        ("елка", 4),
    ] {
        assert_eq!(found(&bed.index, text).await, [number], "{text}");
    }
    assert!(found(&bed.index, "京都").await.is_empty());
}

pub async fn what_people_type_is_never_a_syntax_error(bed: Bed) {
    put(&bed.index, [document(1, "C++ AND Rust: a [short] way to {story} (part 1) ~ title:x^3 * OR NOT IN")])
        .await;
    for text in [
        "c++",
        "AND OR NOT",
        "AND",
        "title:x^3",
        "[short TO story]",
        "(part",
        "{story}",
        "rust~ *",
        "\"part 1\"",
        "story / \\ \" ' ` ^ ~ ! : + - && ||",
        "IN [a story]",
        "\u{0}\u{1}rust\u{7f}",
        "not",
    ] {
        assert_eq!(found(&bed.index, text).await, [1], "{text}");
    }
    assert!(found(&bed.index, &"word ".repeat(5_000)).await.is_empty());
    assert!(found(&bed.index, "*:* -x y\u{202e}").await.is_empty());
}

pub async fn what_is_applied_is_found_at_once(bed: Bed) {
    for number in 0..5 {
        let began = Instant::now();
        put(&bed.index, [document(number, "appears")]).await;
        assert_eq!(found(&bed.index, "appears").await.len(), number + 1);
        if bed.index.scope() == Scope::Node {
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        }
    }
}

pub async fn an_older_version_never_overwrites_a_newer_one(bed: Bed) {
    let index = &bed.index;
    let version = |version, title: &str| Change::put(version, document(1, title));
    index.apply(vec![version(5, "five"), version(3, "three"), version(6, "six")]).await.unwrap();
    index.apply(vec![version(4, "four")]).await.unwrap();
    index.apply(vec![Change::remove(5, id(1))]).await.unwrap();
    assert_eq!(found(index, "six").await, [1]);
    for gone in ["three", "four", "five"] {
        assert!(found(index, gone).await.is_empty(), "{gone}");
    }
    index.apply(vec![version(6, "again")]).await.unwrap();
    assert_eq!((found(index, "six").await, found(index, "again").await), (vec![1], vec![]));
    index.apply(vec![version(7, "seven")]).await.unwrap();
    assert_eq!((found(index, "seven").await, found(index, "six").await), (vec![1], vec![]));
    assert_eq!(found(index, "").await, [1], "there is one of it");
}

pub async fn writers_at_once_leave_the_highest_version(bed: Bed) {
    let mut writers = JoinSet::new();
    for writer in 0..8_usize {
        let index = bed.index.clone();
        writers.spawn(async move {
            for round in 0..5_usize {
                let version = 1 + (round * 8 + (writer * 5) % 8);
                let changes =
                    (0..10).map(|n| Change::put(version as u64, document(n, &format!("v{version}"))));
                index.apply(changes.collect()).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(sorted(found(&bed.index, "v40").await), (0..10).collect::<Vec<_>>());
    assert_eq!(found(&bed.index, "").await.len(), 10);
}

pub async fn what_was_taken_out_stays_out_until_a_newer_version_comes(bed: Bed) {
    let index = &bed.index;
    put(index, [document(1, "shown"), document(2, "shown")]).await;
    index.apply(vec![Change::remove(4, id(1)), Change::remove(9, id(3))]).await.unwrap();
    assert_eq!((found(index, "shown").await, found(index, "").await), (vec![2], vec![2]));
    let late = [Change::put(3, document(1, "shown")), Change::put(9, document(3, "shown"))];
    index.apply(late.to_vec()).await.unwrap();
    assert_eq!((found(index, "shown").await, found(index, "").await), (vec![2], vec![2]));
    for sort in [Sort::Date, Sort::Views] {
        assert_eq!(pages(index, Query { sort, ..query("") }).await, [2]);
    }
    index.apply(vec![Change::put(5, document(1, "shown"))]).await.unwrap();
    assert_eq!(sorted(found(index, "shown").await), [1, 2]);
}

pub async fn bounds_hold_for_length_moment_and_height(bed: Bed) {
    let minutes = |number: usize| Document {
        duration_ms: 60_000 * number as u64,
        height: [0, 360, 720, 1_080, 2_160][number],
        ..document(number, "bounded")
    };
    put(&bed.index, (0..5).map(minutes)).await;
    let at = |number| Some(document(number, "").published_at);
    let none = Filters::default();
    for (filters, expected) in [
        (Filters { duration_from_ms: Some(120_000), ..none }, vec![2, 3, 4]),
        (Filters { duration_to_ms: Some(120_000), ..none }, vec![0, 1, 2]),
        (Filters { duration_from_ms: Some(60_001), duration_to_ms: Some(239_999), ..none }, vec![2, 3]),
        (Filters { uploaded_after: at(3), ..none }, vec![3, 4]),
        (Filters { uploaded_before: at(3), ..none }, vec![0, 1, 2]),
        (Filters { uploaded_after: at(1), uploaded_before: at(2), ..none }, vec![1]),
        (Filters { height_min: Some(1_080), ..none }, vec![3, 4]),
        (Filters { height_min: Some(1), duration_to_ms: Some(60_000), ..none }, vec![1]),
        (Filters { duration_from_ms: Some(5), duration_to_ms: Some(4), ..none }, vec![]),
        (Filters { height_min: Some(u64::MAX), ..none }, vec![]),
    ] {
        for (text, sort) in [("bounded", Sort::Relevance), ("bounded", Sort::Views), ("", Sort::Date)] {
            let query = Query { filters, sort, ..query(text) };
            let found = numbers(&bed.index.query(query).await.unwrap());
            assert_eq!(sorted(found), expected, "{filters:?} {sort:?}");
        }
    }
    let scored = bed.index.query(query("bounded")).await.unwrap();
    let all = Filters { height_min: Some(0), ..none };
    let bounded = bed.index.query(Query { filters: all, ..query("bounded") }).await.unwrap();
    let scores = |hits: &Hits| hits.items.iter().map(|hit| hit.score.unwrap()).collect::<Vec<_>>();
    assert_eq!(scores(&scored), scores(&bounded), "a bound changes no score");
}

pub async fn lists_by_date_and_views_are_in_order_and_whole_over_pages(bed: Bed) {
    // Many of one moment and of the same views, and in several pieces, so that ties are met.
    let same = |number: usize| Document {
        published_at: Timestamp(1_700_000_000_000 + i64::try_from(number / 10).unwrap()),
        views: (number % 3) as u64,
        ..document(number, if number.is_multiple_of(2) { "even" } else { "odd" })
    };
    for piece in (0..60).collect::<Vec<_>>().chunks(13) {
        put(&bed.index, piece.iter().map(|number| same(*number))).await;
    }
    for (text, expected) in [("", (0..60).collect::<Vec<_>>()), ("even", (0..60).step_by(2).collect())] {
        for limit in [1, 7, 30, 100] {
            let by_date = pages(&bed.index, Query { sort: Sort::Date, limit, ..query(text) }).await;
            assert!(by_date.is_sorted_by_key(|number| std::cmp::Reverse(number / 10)), "{by_date:?}");
            assert_eq!(sorted(by_date), expected);
            let by_views = pages(&bed.index, Query { sort: Sort::Views, limit, ..query(text) }).await;
            assert!(by_views.is_sorted_by_key(|number| std::cmp::Reverse(number % 3)), "{by_views:?}");
            assert_eq!(sorted(by_views), expected);
        }
    }
    let open = pages(&bed.index, Query { limit: 7, ..query("") }).await;
    assert_eq!(open, pages(&bed.index, Query { sort: Sort::Date, limit: 9, ..query("") }).await);
}

pub async fn pages_by_relevance_are_whole_and_repeat_nothing_when_nothing_changes(bed: Bed) {
    let words = |number: usize| format!("same {}", "filler ".repeat(number % 4));
    for piece in (0..60).collect::<Vec<_>>().chunks(13) {
        put(&bed.index, piece.iter().map(|number| document(*number, &words(*number)))).await;
    }
    let whole = pages(&bed.index, Query { limit: 100, ..query("same") }).await;
    assert!(whole.is_sorted_by_key(|number| number % 4), "the shorter the better: {whole:?}");
    for limit in [1, 7, 30] {
        assert_eq!(pages(&bed.index, Query { limit, ..query("same") }).await, whole);
    }
}

pub async fn pages_repeat_nothing_while_videos_come_and_change(bed: Bed) {
    let index = &bed.index;
    for sort in [Sort::Relevance, Sort::Date, Sort::Views] {
        index.clear().await.unwrap();
        put(index, (100..160).map(|number| document(number, "steady"))).await;
        let (mut seen, mut after) = (BTreeSet::new(), None);
        for page in 0..6_usize {
            let hits = index.query(Query { sort, limit: 10, after: after.take(), ..query("steady") }).await;
            let hits = hits.unwrap();
            for number in numbers(&hits) {
                assert!(seen.insert(number), "{number} is repeated, sorted by {sort:?}");
            }
            after = hits.next;
            // Comes first in every order; and one that was there is written anew.
            let better = Document {
                published_at: Timestamp(1_800_000_000_000),
                views: 10,
                tags: vec!["steady".into()],
                ..document(1_000 + page, "steady")
            };
            put(index, [better]).await;
            index.apply(vec![Change::put(2, document(100 + page, "steady"))]).await.unwrap();
        }
        let old = seen.iter().filter(|number| **number < 1_000).count();
        assert!(old >= 50, "only {old} of 60 were shown, sorted by {sort:?}");
    }
}

pub async fn a_cursor_survives_the_way_over_the_client(bed: Bed) {
    put(&bed.index, (0..5).map(|number| document(number, "paged"))).await;
    for sort in [Sort::Relevance, Sort::Date, Sort::Views] {
        let first = Query { sort, limit: 2, ..query("paged") };
        let next = bed.index.query(first.clone()).await.unwrap().next.unwrap();
        let read = playhouse::backends::search::Place::read(&next.write(), first.order());
        assert_eq!(read, Some(next));
    }
    let whole = bed.index.query(Query { limit: 5, ..query("paged") }).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (5, None));
}

pub async fn highlights_say_why_a_video_was_found(bed: Bed) {
    let described = Document {
        description: "About a fine café in Paris".into(),
        tags: vec!["travel".into(), "Café".into()],
        ..document(1, "<b>Cafés</b> & café")
    };
    put(&bed.index, [described]).await;
    let hits = bed.index.query(query("cafe paris")).await.unwrap();
    let bracketed = |hit: &playhouse::backends::search::Hit| -> Vec<(Field, String)> {
        let text = |part: &playhouse::backends::search::Part| match part.matched {
            true => format!("[{}]", part.text),
            false => part.text.clone(),
        };
        let highlights = hit.highlights.iter();
        highlights.map(|found| (found.field, found.parts.iter().map(text).collect())).collect()
    };
    let expected = [
        (Field::Title, "<b>Cafés</b> & [café]"),
        (Field::Tags, "[Café]"),
        (Field::Description, "About a fine [café] in [Paris]"),
    ];
    assert_eq!(bracketed(&hits.items[0]), expected.map(|(field, text)| (field, text.to_owned())));
    assert!(bed.index.query(query("")).await.unwrap().items[0].highlights.is_empty());
}

pub async fn marks_tell_what_is_there_and_of_which_version(bed: Bed) {
    let index = &bed.index;
    let changes: Vec<Change> =
        (0..25).map(|number| Change::put(number as u64 + 1, document(number, "marked"))).collect();
    for piece in changes.chunks(7) {
        index.apply(piece.to_vec()).await.unwrap();
    }
    let again = Change::put(100, document(3, "marked anew"));
    index.apply(vec![again.clone(), Change::remove(50, id(4)), Change::remove(2, id(77))]).await.unwrap();
    let marks = index.marks_of(vec![id(0), id(3), id(4), id(77), id(99)]).await.unwrap();
    assert_eq!(marks.len(), 4, "{marks:?}");
    assert_eq!((marks[&id(0)], marks[&id(3)]), (changes[0].mark(), again.mark()));
    assert_eq!((marks[&id(4)].version, marks[&id(4)].fingerprint), (50, None));
    assert_eq!((marks[&id(77)].version, marks[&id(77)].fingerprint), (2, None));
    for limit in [1, 10, 1_000] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = index.marks(after.take(), limit).await.unwrap();
            all.extend(page.marks);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let ids: BTreeSet<_> = all.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!((all.len(), ids.len()), (24, 24), "all that can be found, each once");
        assert!(!ids.contains(&id(4)) && all.contains(&(id(3), again.mark())));
    }
}

pub async fn a_cleared_index_knows_nothing_and_begins_anew(bed: Bed) {
    let index = &bed.index;
    index.apply(vec![Change::put(9, document(1, "before")), Change::remove(9, id(2))]).await.unwrap();
    index.clear().await.unwrap();
    assert!(found(index, "").await.is_empty());
    assert!(index.marks_of(vec![id(1), id(2)]).await.unwrap().is_empty());
    put(index, [document(1, "after"), document(2, "after")]).await;
    assert_eq!(sorted(found(index, "after").await), [1, 2]);
    assert!(found(index, "before").await.is_empty());
}

pub async fn a_closed_index_says_so(bed: Bed) {
    put(&bed.index, [document(1, "open")]).await;
    bed.index.probe().await.unwrap();
    bed.index.close().await;
    bed.index.close().await;
    let is_closed = |error: Option<SearchError>| matches!(error, Some(SearchError::Unavailable(_)));
    assert!(is_closed(bed.index.query(query("open")).await.err()));
    assert!(is_closed(bed.index.apply(vec![Change::put(2, document(1, "late"))]).await.err()));
    assert!(is_closed(bed.index.probe().await.err()));
}

pub async fn no_videos_and_no_changes_are_no_error(bed: Bed) {
    let index = &bed.index;
    assert!(found(index, "").await.is_empty() && found(index, "word").await.is_empty());
    for sort in [Sort::Date, Sort::Views] {
        assert_eq!(index.query(Query { sort, ..query("word") }).await.unwrap(), Hits::default());
    }
    index.apply(Vec::new()).await.unwrap();
    index.clear().await.unwrap();
    assert!(index.marks_of(Vec::new()).await.unwrap().is_empty());
    assert_eq!(index.marks(None, 10).await.unwrap().marks, []);
    index.apply(vec![Change::remove(3, id(1))]).await.unwrap();
    assert_eq!(index.query(query("")).await.unwrap(), Hits::default());
    assert_eq!(index.marks(None, 10).await.unwrap().marks, []);
}
