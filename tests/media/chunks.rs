//! Chunks of one picture are made by different workers, in any order, and join without a seam.

use playhouse::media::{
    Catalogue, Event, FailureCode, Job, Plan,
    plan::{Cutting, Piece, Stage},
    protocol::Depth,
};

use crate::{
    bench::{Bench, Made},
    clips::{self, picture, sound},
};

/// As many frames as the source, one after another at an even pace, in segments that follow each other.
fn assert_seamless(made: &Made, name: &str, frames: usize, frame_us: f64) {
    let decoded = made.decode(name);
    assert_eq!(decoded.frames, frames, "{name}");
    for (at, time_us) in decoded.times_us.iter().enumerate() {
        let expected_us = at as f64 * frame_us;
        assert!((*time_us as f64 - expected_us).abs() < 100.0, "{name}: frame {at} at {time_us} us");
    }
    let segments = &made.rendition(name).segments;
    for (at, pair) in segments.windows(2).enumerate() {
        let end_ns = pair[0].start_ns + pair[0].duration_ns;
        assert!(end_ns.abs_diff(pair[1].start_ns) < 100_000, "{name}: a gap after segment {at}");
    }
}

fn chunks_of(plan: &Plan, stage: Stage) -> Vec<Piece> {
    plan.pieces().into_iter().filter(|piece| piece.stage == stage).collect()
}

#[tokio::test]
async fn h264_in_chunks_has_every_frame_of_its_source_and_no_seam() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "long.mp4", 50, 854, 480);
    let made = bench.make(&source).await;
    let plan = Plan::new(made.probe.clone(), &[480, 360]);
    assert_eq!(chunks_of(&plan, Stage::Ladder).len(), 2);
    assert_eq!(made.names(), ["audio", "source", "v360", "v480"]);
    let frames = clips::frames(&source);
    for name in ["v360", "v480"] {
        assert_seamless(&made, name, frames, 40_000.0);
        let keyframes = made.decode(name).keyframes_ms;
        assert_eq!(keyframes, (0..13).map(|at| at * 4000).collect::<Vec<i64>>(), "{name}");
    }
    made.decode("audio");
}

#[tokio::test]
async fn an_uneven_rate_with_b_frames_in_matroska_is_cut_on_whole_frames() {
    let bench = Bench::new();
    let clip = picture(1500, 30, 320, 240, "I420").replace("framerate=30/1", "framerate=30000/1001");
    let clip = format!(
        "{clip} ! x264enc speed-preset=veryfast bframes=3 key-int-max=250 ! h264parse ! queue ! mux. \
         {} ! vorbisenc ! queue ! mux. matroskamux name=mux ! {{out}}",
        sound(50)
    );
    let source = clips::make(bench.path(), "film.mkv", &clip);
    let made = bench.make(&source).await;
    assert!(chunks_of(&Plan::new(made.probe.clone(), &[360]), Stage::Ladder).len() > 1);
    assert_seamless(&made, "v240", 1500, 33_366.67);
    assert_eq!(made.rendition("v240").segments[1].start_ns, 4_004_000_000);
}

#[tokio::test]
async fn the_sound_of_what_must_be_encoded_is_a_piece_of_its_own() {
    let bench = Bench::new();
    let clip = picture(1250, 25, 320, 240, "I420_10LE");
    let clip = format!(
        "{clip} ! x265enc speed-preset=ultrafast key-int-max=100 ! h265parse ! queue ! mux. \
         {} ! avenc_aac ! aacparse ! queue ! mux. mp4mux name=mux ! {{out}}",
        sound(40)
    );
    let source = clips::make(bench.path(), "long-ten-bit.mp4", &clip);
    let made = bench.make(&source).await;
    assert_eq!(made.names(), ["audio", "v240"]);
    assert_seamless(&made, "v240", 1250, 40_000.0);
    made.decode("audio");
    assert!((made.duration_ms("audio") - 40_000).abs() < 100);
}

/// One keyframe in 70 seconds: whoever seeks decodes everything before.
#[tokio::test]
async fn a_source_whose_keyframes_lie_far_apart_is_not_cut() {
    let bench = Bench::new();
    let clip = picture(1750, 25, 160, 120, "I420");
    let clip = format!(
        "{clip} ! x264enc speed-preset=ultrafast key-int-max=9999 option-string=\"scenecut=0\" ! h264parse \
         ! mp4mux ! {{out}}"
    );
    let source = clips::make(bench.path(), "one-keyframe.mp4", &clip);
    let probe = bench.probe(&source).await.expect("a good source");
    let plan = Plan::new(probe, &[360]);
    let last = chunks_of(&plan, Stage::Ladder).pop().expect("a chunk");
    assert!(last.chunk.start_ns > 30_000_000_000, "{:?}", last.chunk);
    let (ended, _) = bench.run(&source, last.job.clone()).await;
    let failure = ended.expect_err("the keyframe is too far away");
    assert_eq!((failure.code, failure.retryable), (FailureCode::NotCuttable, true), "{failure}");
    let whole = Plan { cutting: Cutting::Whole, ..plan };
    let [piece] = &chunks_of(&whole, Stage::Ladder)[..] else { panic!("one piece") };
    let (ended, events) = bench.run(&source, piece.job.clone()).await;
    ended.expect("it is made in one piece");
    assert!(events.iter().any(|event| matches!(event, Event::Closed { .. })));
}

/// Bytes of a published segment are changed, cut off or gone: the last look says so and of which rendition.
#[tokio::test]
async fn what_does_not_play_is_found_before_a_video_is_called_ready() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "short.mp4", 10, 854, 480);
    let made = bench.make(&source).await;
    let whole = made.catalogue.to_verify();
    let mut depths: Vec<_> = whole.iter().map(|made| (made.rendition.as_str(), made.depth)).collect();
    // Both are made at once, and either may be first.
    depths.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(
        depths,
        [("v360", Depth::EveryFrame), ("v480", Depth::EverySegment)],
        "the sound was passed through"
    );
    for (name, spoil) in [
        ("v360", (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2)) as fn(&mut Vec<u8>)),
        ("v480", |bytes| bytes.truncate(bytes.len() / 2)),
        ("v360", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 400].fill(0xff);
        }),
        ("v480", |bytes| bytes.clear()),
    ] {
        let path = made.output.join(name).join("seg00001.m4s");
        let good = std::fs::read(&path).expect("a segment");
        let mut bad = good.clone();
        spoil(&mut bad);
        std::fs::write(&path, bad).expect("a writable folder");
        let (ended, _) = bench.run(&made.output, Job::Verify { made: whole.clone() }).await;
        let failure = ended.expect_err("it does not play");
        assert_eq!(failure.code, FailureCode::OutputBroken, "{failure}");
        assert!(failure.detail.contains(name), "{failure}");
        std::fs::write(&path, good).expect("a writable folder");
    }
}

#[tokio::test]
async fn a_chunk_says_which_it_is_and_leaves_the_end_to_the_job() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "long.mp4", 50, 320, 240);
    let probe = bench.probe(&source).await.expect("a good source");
    let chunks = chunks_of(&Plan::new(probe, &[360]), Stage::Ladder);
    let (ended, events) = bench.run(&source, chunks[1].job.clone()).await;
    ended.expect("a chunk");
    let first = chunks[1].chunk.first_sequence;
    let opened =
        events.iter().find_map(|event| if let Event::Opened { chunk, .. } = event { *chunk } else { None });
    assert_eq!(opened, Some(first));
    assert!(!events.iter().any(|event| matches!(event, Event::Closed { .. })));
    let mut catalogue = Catalogue::default();
    for event in &events {
        catalogue.apply(event).expect("events in order");
    }
    assert!(catalogue.pictures().is_empty(), "nothing is shown before its beginning is there");
    assert!(matches!(chunks[1].job, Job::Ladder { .. }));
}
