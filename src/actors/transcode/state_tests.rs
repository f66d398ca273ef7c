use super::*;
use crate::{
    backends::store::tables::video::JobLog,
    domain::{ids::VideoId, video::Status},
    media::{
        RenditionId,
        probe::{AudioStream, Chroma, Container, DynamicRange, Fraction, Rotation, Scan, VideoStream},
        rendition::{Origin, Segment, Track},
        sound::Label,
    },
};

const NOW: Timestamp = Timestamp(1_000_000);

fn queued() -> Job {
    Job {
        video_id: VideoId::new(NOW),
        state: JobState::Queued,
        stage: Stage::Queued,
        percent: 0,
        attempts: 0,
        runs: 0,
        plan: None,
        failure: None,
        trial: None,
        refused: None,
        log: JobLog::default(),
        created_at: NOW,
        owner: None,
        lease_ends_at: None,
    }
}

fn options() -> Options {
    Options { ladder: vec![720, 360], second_codec: None, attempts_max: 3, pieces_at_once_max: 1 }
}

fn fresh() -> State {
    State::load(queued(), Made::default(), options())
}

/// Probed, and so many pieces at once.
fn probed(probe: Probe, pieces_at_once_max: usize) -> (State, Vec<Effect>) {
    let options = Options { pieces_at_once_max, ..options() };
    let mut state = State::load(queued(), Made::default(), options);
    state.start(NOW);
    let effects = state.on_probed(1, probe, NOW);
    (state, effects)
}

/// In two chunks of 28 and 24 seconds.
fn long_probe() -> Probe {
    Probe { duration_ms: 52_000, ..probe() }
}

fn probe() -> Probe {
    let video = VideoStream {
        codec: "h264".into(),
        profile: Some("high".into()),
        level: Some("3.1".into()),
        width: 1280,
        height: 720,
        pixel_aspect: Fraction::ONE,
        frame_rate: Fraction::new(24, 1),
        rotation: Rotation::Upright,
        bits_a_sample: 8,
        chroma: Chroma::Yuv420,
        scan: Scan::Progressive,
        range: DynamicRange::Standard,
    };
    let audio = AudioStream {
        codec: "mpeg".into(),
        profile: None,
        channels: 2,
        sample_rate: 48_000,
        language: None,
        title: None,
        stream: None,
    };
    Probe {
        container: Container::IsoBmff,
        duration_ms: 40_000,
        video: Some(video),
        sounds: vec![audio],
        chapters: Vec::new(),
    }
}

fn opened(name: &str, origin: Origin) -> Event {
    let track = match name.starts_with("audio") {
        true => Track::Audio { channels: 2, sample_rate: 48_000, label: Label::default() },
        false => Track::Video { width: 1280, height: 720, frame_rate: Fraction::new(24, 1) },
    };
    let rendition = RenditionId::parse(name).unwrap();
    Event::Opened {
        rendition,
        track,
        codec: "x".into(),
        origin,
        bandwidth_cap: 1,
        init_bytes: 1,
        chunk: None,
    }
}

/// A chunk of it begins.
fn begun(name: &str, first_sequence: u64) -> Event {
    match opened(name, Origin::Encoded) {
        Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, .. } => {
            let chunk = Some(first_sequence);
            Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, chunk }
        }
        other => other,
    }
}

fn segment(name: &str, sequence: u64) -> Event {
    let segment = Segment { start_ns: sequence * 4_000_000_000, duration_ns: 4_000_000_000, bytes: 9 };
    Event::SegmentWritten { rendition: RenditionId::parse(name).unwrap(), sequence, segment }
}

fn runs(effects: &[Effect]) -> Vec<(String, u32)> {
    let step = |effect: &Effect| match effect {
        Effect::Run(run) => Some((run.step.label(), run.number)),
        _ => None,
    };
    effects.iter().filter_map(step).collect()
}

fn named(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    list.iter().map(|(name, run)| ((*name).to_owned(), *run)).collect()
}

fn kept(effects: &[Effect]) -> Vec<(String, u64)> {
    let of = |effect: &Effect| if let Effect::Run(run) = effect { Some(run.kept.clone()) } else { None };
    let all = effects.iter().filter_map(of).flatten();
    all.map(|(rendition, next)| (rendition.to_string(), next)).collect()
}

fn renditions(state: &State) -> Vec<String> {
    state.catalogue().renditions.iter().map(|known| known.id.to_string()).collect()
}

fn failure(retryable: bool) -> Failure {
    Failure { code: "worker_died".into(), detail: "it died".into(), retryable }
}

#[test]
fn a_short_job_goes_through_its_plan_one_run_at_a_time() {
    let mut state = fresh();
    assert_eq!(runs(&state.start(NOW)), named(&[("probe/0", 1)]));
    assert_eq!(runs(&state.on_probed(1, probe(), NOW)), named(&[("passthrough/0", 3)]));
    assert_eq!(runs(&state.on_step_finished(3, NOW)), named(&[("thumbnails/0", 4)]));
    assert_eq!(runs(&state.on_step_finished(4, NOW)), named(&[("ladder/0", 5)]));
    assert_eq!(runs(&state.on_step_finished(5, NOW)), named(&[("verify/0", 6)]));
    let last = state.on_step_finished(6, NOW);
    assert!(runs(&last).is_empty() && last.last() == Some(&Effect::Settle));
    let change = state.video_change();
    assert_eq!(
        (change.status, change.percent, change.duration),
        (Status::Ready, 100, DurationChange::Now(Some(40_000)))
    );
    assert!(state.is_settled());
}

#[test]
fn nothing_runs_beside_the_passthrough_and_then_as_much_as_may() {
    let (mut state, effects) = probed(long_probe(), 3);
    assert_eq!(runs(&effects), named(&[("passthrough/0", 3)]));
    let effects = state.on_step_finished(3, NOW);
    assert_eq!(runs(&effects), named(&[("thumbnails/0", 4), ("first_rung/0", 5), ("first_rung/1", 6)]));
    assert_eq!(runs(&state.on_step_finished(4, NOW)), named(&[("ladder/0", 7)]));
    assert!(state.start(NOW).is_empty(), "it runs already");
}

/// A job whose passthrough and thumbnails are done and whose first chunks run as 4 and 5... in that order.
fn in_chunks() -> State {
    let (mut state, _) = probed(long_probe(), 2);
    state.on_step_finished(3, NOW);
    assert_eq!(runs(&state.on_step_finished(4, NOW)), named(&[("first_rung/1", 6)]));
    state
}

#[test]
fn a_node_without_its_storage_hands_the_job_over_and_that_costs_no_attempt() {
    let mut state = in_chunks();
    for at_s in 0..5 {
        let now = NOW.plus(Duration::from_secs(at_s));
        let run = run_number(state.row().runs);
        let away = retryable("storage_away", "no way to the bucket".into());
        let effects = state.on_failed(run, away.clone(), now, 0.0);
        let saved = state.save_job();
        let pause = Effect::RetryAfter(STORAGE_PAUSE);
        assert_eq!(effects, [Effect::StopWorkers, saved, Effect::Tell, Effect::HandOver, pause]);
        let row = state.row();
        assert_eq!((row.state, row.attempts), (JobState::Queued, 0));
        assert_eq!(row.log.0.last().unwrap().detail, "it waits: no way to the bucket");
        assert_eq!(state.on_failed(run - 1, away, now, 0.0), Vec::new(), "it was stopped");
        assert_eq!(
            runs(&state.on_retry_due(now)),
            named(&[("first_rung/0", run + 1), ("first_rung/1", run + 2)])
        );
    }
}

#[test]
fn a_rendition_is_complete_with_its_last_chunk_in_whatever_order_they_come() {
    let mut state = in_chunks();
    // Named by the plan, not by the run: chunks of several runs make one rendition.
    for event in [begun("v360r2", 7), segment("v360r2", 7)] {
        state.on_event(6, &event, NOW, 0.0);
    }
    assert_eq!(runs(&state.on_step_finished(6, NOW)), named(&[("ladder/0", 7)]));
    assert!(state.catalogue().pictures().is_empty(), "its beginning is missing");
    state.on_event(5, &begun("v360r2", 0), NOW, 0.0);
    for sequence in 0..7 {
        state.on_event(5, &segment("v360r2", sequence), NOW, 0.0);
    }
    let effects = state.on_step_finished(5, NOW);
    assert_eq!(runs(&effects), named(&[("ladder/1", 8)]));
    let saved = |effect: &Effect| match effect {
        Effect::SaveCatalogue(catalogue) => Some(catalogue.renditions[0].segments.len()),
        _ => None,
    };
    assert_eq!(effects.iter().find_map(saved), Some(8));
    assert!(state.catalogue().renditions[0].is_complete());
}

#[test]
fn a_lost_worker_costs_its_chunk_and_what_it_published_stays() {
    let mut state = in_chunks();
    for event in [begun("v360r2", 0), segment("v360r2", 0), segment("v360r2", 1), begun("v360r2", 7)] {
        let run = if matches!(event, Event::Opened { chunk: Some(7), .. }) { 6 } else { 5 };
        state.on_event(run, &event, NOW, 0.0);
    }
    let effects = state.on_failed(5, failure(true), NOW, 1.0);
    assert!(!effects.contains(&Effect::StopWorkers), "the other chunk goes on");
    assert!(effects.contains(&Effect::RetryAfter(Duration::from_secs(2))));
    assert_eq!(runs(&effects), named(&[("ladder/0", 7)]), "others may use the pause");
    state.on_step_finished(7, NOW);
    state.on_failed(8, failure(true), NOW, 1.0);
    let again = state.on_retry_due(NOW.plus(Duration::from_secs(2)));
    assert_eq!(runs(&again), named(&[("first_rung/0", 9)]));
    assert_eq!(kept(&again), [("v360r2".to_owned(), 2)]);
}

#[test]
fn after_a_restart_finished_chunks_are_kept_and_half_made_ones_are_completed() {
    let mut state = in_chunks();
    for event in [begun("v360r2", 7), segment("v360r2", 7)] {
        state.on_event(6, &event, NOW, 0.0);
    }
    state.on_step_finished(6, NOW);
    state.on_event(5, &begun("v360r2", 0), NOW, 0.0);
    state.on_event(5, &segment("v360r2", 0), NOW, 0.0);
    let mut again = State::load(state.row(), state.made(), options());
    let effects = again.start(NOW);
    assert_eq!(runs(&effects), named(&[("first_rung/0", 8)]));
    assert_eq!(kept(&effects), [("v360r2".to_owned(), 1)]);
}

#[test]
fn a_source_that_cannot_be_cut_is_made_in_one_piece() {
    let mut state = in_chunks();
    state.on_event(6, &begun("v360r2", 7), NOW, 0.0);
    let uncuttable = Failure { code: "not_cuttable".into(), ..failure(true) };
    let effects = state.on_failed(6, uncuttable.clone(), NOW, 0.0);
    assert!(effects.contains(&Effect::StopWorkers));
    assert_eq!(runs(&effects), named(&[("ladder/0", 8)]), "passthrough and thumbnails are kept");
    assert!(state.on_event(5, &begun("v360r2", 0), NOW, 0.0).is_empty(), "its last words are not heard");
    assert!(!renditions(&state).contains(&"v360r2".to_owned()));
    let loaded = State::load(state.row(), state.made(), options()).start(NOW);
    assert_eq!(runs(&loaded), named(&[("ladder/0", 9)]), "and that is remembered");
    let effects = state.on_failed(8, uncuttable, NOW, 0.0);
    assert!(
        runs(&effects).is_empty() && !effects.contains(&Effect::StopWorkers),
        "then it is a failure like any"
    );
}

#[test]
fn a_video_is_published_once_when_picture_and_sound_have_begun() {
    let (mut state, _) = probed(probe(), 1);
    let picture = [opened("sourcer3", Origin::Passthrough), segment("sourcer3", 0)];
    let silent: Vec<_> = picture.iter().flat_map(|event| state.on_event(3, event, NOW, 0.0)).collect();
    assert!(!silent.contains(&Effect::Publish), "its sound is expected");
    state.on_event(3, &opened("audior3", Origin::Encoded), NOW, 0.0);
    let heard = state.on_event(3, &segment("audior3", 0), NOW, 0.0);
    assert!(matches!(heard[..], [Effect::SaveCatalogue(_), Effect::Publish, Effect::Tell]));
    assert!(
        state.on_event(3, &segment("audior3", 1), NOW, 0.0).is_empty(),
        "growth is written once a second"
    );
    let later = state.on_event(3, &segment("audior3", 2), Timestamp(NOW.0 + 1_000), 0.0);
    assert!(matches!(later[..], [Effect::SaveCatalogue(_)]));
}

#[test]
fn what_may_succeed_is_tried_again_with_growing_pauses_and_then_given_up() {
    let mut state = fresh();
    state.start(NOW);
    let mut now = NOW;
    for (run, pause_s) in [(1, 2), (2, 4)] {
        let effects = state.on_failed(run, failure(true), now, 1.0);
        assert!(effects.contains(&Effect::RetryAfter(Duration::from_secs(pause_s))), "{effects:?}");
        assert!(runs(&state.on_retry_due(now)).is_empty(), "not before the pause is over");
        now = now.plus(Duration::from_secs(pause_s));
        assert_eq!(runs(&state.on_retry_due(now)).len(), 1);
    }
    let effects = state.on_failed(3, failure(true), now, 1.0);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().status, Status::Failed);
    assert_eq!(runs(&state.on_retry_asked(now)).len(), 1, "its owner may ask for more");
}

#[test]
fn pauses_are_spread_by_chance_and_bounded() {
    assert_eq!(pause(1, 0.0), Duration::from_secs(1));
    assert_eq!(pause(1, 1.0), Duration::from_secs(2));
    assert_eq!(pause(3, 0.5), Duration::from_secs(6));
    assert_eq!(pause(30, 1.0), Duration::from_secs(64));
}

#[test]
fn one_poisoned_chunk_fails_the_job_and_others_do_not_count_against_it() {
    let mut state = in_chunks();
    let mut now = NOW;
    let mut runs_of: BTreeMap<String, u32> =
        [("first_rung/0".to_owned(), 5), ("first_rung/1".to_owned(), 6)].into();
    for round in 0..2 {
        for piece in ["first_rung/0", "first_rung/1"] {
            let effects = state.on_failed(runs_of[piece], failure(true), now, 1.0);
            assert!(!effects.contains(&Effect::Settle), "round {round} of {piece}");
            runs_of.extend(runs(&effects));
        }
        now = now.plus(Duration::from_secs(10));
        for run in [runs_of.get("ladder/0"), runs_of.get("ladder/1")].into_iter().flatten() {
            state.on_step_finished(*run, now);
        }
        runs_of.extend(runs(&state.on_retry_due(now)));
        let again = state.running.iter().map(|(run, step)| (step.label(), *run));
        runs_of.extend(again.collect::<Vec<_>>());
    }
    let effects = state.on_failed(runs_of["first_rung/0"], failure(true), now, 1.0);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().status, Status::Failed);
}

#[test]
fn a_picture_that_could_not_be_passed_through_is_encoded_instead() {
    let (mut state, _) = probed(probe(), 1);
    let effects = state.on_failed(3, failure(true), NOW, 0.0);
    assert_eq!(runs(&effects), named(&[("first_rung/0", 5)]));
    let effects = state.on_failed(5, failure(true), NOW, 0.0);
    assert!(runs(&effects).iter().all(|(piece, _)| piece != "first_rung/0"), "a pause comes first");
}

#[test]
fn where_one_of_several_sounds_is_damaged_the_first_has_to_do() {
    let mut several = probe();
    several.video.as_mut().unwrap().codec = "vp9".into();
    several.sounds.push(several.sounds[0].clone());
    let damaged = Failure { code: FailureCode::Damaged.as_str().into(), ..failure(false) };
    let (mut state, effects) = probed(several, 1);
    assert_eq!(runs(&effects), named(&[("first_rung/0", 3)]));
    let effects = state.on_failed(3, damaged.clone(), NOW, 0.0);
    assert_eq!(runs(&effects), named(&[("first_rung/0", 5)]));
    for name in ["v360r5", "audior5"] {
        state.on_event(5, &opened(name, Origin::Encoded), NOW, 0.0);
        state.on_event(5, &segment(name, 0), NOW, 0.0);
    }
    assert!(state.catalogue().is_playable(), "no second sound is waited for");
    let effects = state.on_failed(5, damaged, NOW, 0.0);
    assert_eq!(effects.last(), Some(&Effect::Settle), "then it is the file");
}

#[test]
fn a_second_codec_waits_for_everything_else_and_is_done_without_when_it_fails() {
    let several = Options { second_codec: Some(Codec::Av1), pieces_at_once_max: 8, ..options() };
    let mut state = State::load(queued(), Made::default(), several);
    state.start(NOW);
    assert_eq!(runs(&state.on_probed(1, probe(), NOW)), named(&[("passthrough/0", 3)]));
    let effects = state.on_step_finished(3, NOW);
    assert_eq!(runs(&effects), named(&[("thumbnails/0", 4), ("ladder/0", 5)]), "others are still to be made");
    assert_eq!(runs(&state.on_step_finished(5, NOW)), []);
    assert_eq!(runs(&state.on_step_finished(4, NOW)), named(&[("second_codec/0", 6)]));
    let refused = Failure { code: FailureCode::Damaged.as_str().into(), ..failure(false) };
    let effects = state.on_failed(6, refused, NOW, 0.0);
    assert_eq!(runs(&effects), named(&[("verify/0", 7)]));
    assert_eq!(state.on_step_finished(7, NOW).last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().status, Status::Ready);
}

#[test]
fn a_rendition_made_again_takes_the_place_of_the_one_before() {
    let (mut state, _) = probed(probe(), 1);
    for (name, run) in [("v360", 4), ("v720", 4), ("v360", 5)] {
        let id = of_run(&RenditionId::parse(name).unwrap(), run);
        state.on_event(3, &opened(id.as_str(), Origin::Encoded), NOW, 0.0);
        state.on_event(3, &segment(id.as_str(), 0), NOW, 0.0);
        state.on_event(3, &Event::Closed { rendition: id }, NOW, 0.0);
    }
    assert_eq!(renditions(&state), ["v720r4", "v360r5"]);
}

#[test]
fn what_does_not_play_is_made_anew_and_given_up_when_that_does_not_help() {
    let (mut state, _) = probed(probe(), 1);
    for run in 3..=5 {
        state.on_step_finished(run, NOW);
    }
    let broken = Failure { code: "output_broken".into(), ..failure(true) };
    let effects = state.on_failed(6, broken.clone(), NOW, 0.0);
    assert_eq!(runs(&effects), named(&[("passthrough/0", 8)]), "thumbnails are kept");
    state.on_step_finished(8, NOW);
    assert_eq!(runs(&state.on_step_finished(9, NOW)), named(&[("verify/0", 10)]));
    assert!(!state.on_failed(10, broken.clone(), NOW, 0.0).contains(&Effect::Settle));
    state.on_step_finished(12, NOW);
    state.on_step_finished(13, NOW);
    let effects = state.on_failed(14, broken.clone(), NOW, 0.0);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().failure, Some(broken));
}

#[test]
fn a_faulty_file_is_not_tried_again() {
    let mut state = fresh();
    state.start(NOW);
    let effects = state.on_failed(1, failure(false), NOW, 0.0);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().failure, Some(failure(false)));
}

#[test]
fn after_a_restart_only_what_is_unfinished_is_made_again() {
    let (mut state, _) = probed(probe(), 1);
    for name in ["sourcer3", "audior3"] {
        state.on_event(3, &opened(name, Origin::Passthrough), NOW, 0.0);
        state.on_event(3, &segment(name, 0), NOW, 0.0);
        state.on_event(3, &Event::Closed { rendition: RenditionId::parse(name).unwrap() }, NOW, 0.0);
    }
    state.on_step_finished(3, NOW);
    state.on_step_finished(4, NOW);
    state.on_event(5, &opened("v360r5", Origin::Encoded), NOW, 0.0);
    let mut again = State::load(state.row(), state.made(), options());
    assert_eq!(runs(&again.start(NOW)), named(&[("ladder/0", 6)]));
    assert_eq!(renditions(&again), ["sourcer3", "audior3"], "half a rendition is worth nothing");
}

#[test]
fn progress_never_falls_and_is_told_once_a_second() {
    let (mut state, _) = probed(probe(), 1);
    let at = |ms: i64| Timestamp(NOW.0 + ms);
    assert!(!state.on_event(3, &Event::Progress { percent: 50 }, at(2_000), 0.0).is_empty());
    assert!(state.on_event(3, &Event::Progress { percent: 90 }, at(2_500), 0.0).is_empty());
    let before = state.video_change().percent;
    assert!(state.on_event(3, &Event::Progress { percent: 10 }, at(9_000), 0.0).is_empty());
    assert_eq!(state.video_change().percent, before);
}

#[test]
fn a_cancelled_job_stops_its_workers_and_can_be_retried() {
    let mut state = fresh();
    state.start(NOW);
    let effects = state.on_cancelled(NOW);
    assert!(effects.first() == Some(&Effect::StopWorkers) && effects.last() == Some(&Effect::Settle));
    assert!(state.on_cancelled(NOW).is_empty());
    assert!(
        state.on_failed(1, failure(true), NOW, 0.0).is_empty(),
        "its worker's last word is not a failure"
    );
    assert_eq!(runs(&state.on_retry_asked(NOW)).len(), 1);
}

fn new_source(number: i64) -> NewSource {
    NewSource { upload_id: UploadId::new(Timestamp(number)), file_id: VideoId::new(Timestamp(number)) }
}

/// A picture and its sound begin to play in this run.
fn play(state: &mut State, run: u32) -> Vec<Effect> {
    let (picture, sound) = (format!("sourcer{run}"), format!("audior{run}"));
    let events = [
        opened(&picture, Origin::Passthrough),
        segment(&picture, 0),
        opened(&sound, Origin::Encoded),
        segment(&sound, 0),
    ];
    events.iter().flat_map(|event| state.on_event(run, event, NOW, 0.0)).collect()
}

fn done() -> State {
    let (mut state, _) = probed(probe(), 1);
    play(&mut state, 3);
    for rendition in ["sourcer3", "audior3"] {
        let rendition = RenditionId::parse(rendition).unwrap();
        state.on_event(3, &Event::Closed { rendition }, NOW, 0.0);
    }
    for run in [3, 4, 5, 6] {
        state.on_step_finished(run, NOW);
    }
    assert!(state.is_settled());
    state
}

fn saves_a_catalogue(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::SaveCatalogue(_)))
}

#[test]
fn a_file_on_trial_is_shown_once_it_plays_and_not_before() {
    let mut state = done();
    let new = new_source(7);
    let effects = state.on_replaced(new.clone(), NOW).unwrap();
    assert_eq!(effects[0], Effect::StopWorkers);
    assert_eq!(runs(&effects), named(&[("probe/0", 7)]));
    assert_eq!(state.source(), Some(&new.upload_id));
    assert_eq!(state.on_replaced(new.clone(), NOW), Some(Vec::new()), "asked for again");
    assert_eq!(state.on_replaced(new_source(8), NOW), None, "one at a time");
    let shorter = Probe { duration_ms: 20_000, ..probe() };
    assert_eq!(runs(&state.on_probed(7, shorter, NOW)), named(&[("passthrough/0", 9)]));
    let change = state.video_change();
    assert_eq!((change.status, change.duration), (Status::Processing, DurationChange::AsBefore));
    assert_eq!(state.standing(), Standing::OnTrial);
    assert!(state.leftovers().is_none());

    let effects = play(&mut state, 9);
    let change = state.video_change();
    assert_eq!(change.duration, DurationChange::Now(Some(20_000)));
    assert!(
        matches!(&effects[..], [Effect::SaveCatalogue(made), Effect::Publish, Effect::SaveVideo(_), Effect::Tell]
            if made.renditions.iter().all(|rendition| rendition.id.as_str().ends_with("r9"))),
        "nothing was written before: {effects:?}"
    );
    assert_eq!(state.sources(), (Some(new.upload_id.clone()), None));
    let left = state.leftovers().unwrap();
    assert_eq!((left.verdict, left.are_of(6), left.are_of(7)), (Verdict::Accepted, true, false));
    let waiting = state.on_step_finished(9, NOW);
    assert_eq!(runs(&waiting), named(&[("ladder/0", 10)]), "no picture is written beside the old ones");
    state.on_step_finished(10, NOW);
    let cleared = state.on_cleared(NOW);
    assert_eq!(runs(&cleared), named(&[("thumbnails/0", 11)]));
    assert_eq!((state.standing(), state.row().refused), (Standing::NoTrial, None));
    assert_eq!(runs(&state.on_step_finished(11, NOW)), named(&[("verify/0", 12)]));
    assert_eq!(state.on_step_finished(12, NOW).last(), Some(&Effect::Settle));
}

#[test]
fn a_file_of_which_nothing_plays_goes_and_the_job_stands_as_it_did() {
    let mut state = done();
    let shown = state.made();
    let new = new_source(7);
    state.on_replaced(new.clone(), NOW).unwrap();
    let effects = state.on_failed(7, failure(false), NOW, 0.0);
    assert!(matches!(effects[..], [Effect::StopWorkers, Effect::SaveJob(_)]), "{effects:?}");
    assert_eq!((state.standing(), state.source()), (Standing::Refused, None));
    assert!(state.leftovers().unwrap().are_of(7));
    assert_eq!(state.made(), shown);
    assert_eq!(state.on_cleared(NOW).last(), Some(&Effect::Settle));
    let change = state.video_change();
    assert_eq!(
        (change.status, change.failure, change.duration),
        (Status::Ready, None, DurationChange::Now(Some(40_000)))
    );
    assert_eq!(state.replacement(), Some(("refused", Some(&failure(false)))));
    assert_eq!(state.on_replaced(new, NOW), Some(Vec::new()), "it is not tried again by itself");
    assert!(state.on_replaced(new_source(8), NOW).is_some_and(|effects| !effects.is_empty()));
}

#[test]
fn a_job_goes_on_where_it_was_when_a_file_on_trial_is_refused_or_cancelled() {
    for cancelled in [false, true] {
        let mut state = in_chunks();
        for event in [begun("v360r2", 7), segment("v360r2", 7)] {
            state.on_event(6, &event, NOW, 0.0);
        }
        state.on_step_finished(6, NOW);
        state.on_replaced(new_source(7), NOW).unwrap();
        assert!(
            state.on_event(5, &begun("v360r2", 0), NOW, 0.0).is_empty(),
            "its worker is not heard any more"
        );
        match cancelled {
            true => state.on_cancelled(NOW),
            false => state.on_failed(8, failure(false), NOW, 0.0),
        };
        assert!(runs(&state.on_retry_due(NOW)).is_empty(), "first nothing is left of the other file");
        assert!(!state.is_settled());
        let effects = state.on_cleared(NOW);
        assert_eq!(runs(&effects), named(&[("first_rung/0", 9), ("ladder/0", 10)]));
        let saved = effects.iter().position(|effect| matches!(effect, Effect::SaveJob(_)));
        let run = effects.iter().position(|effect| matches!(effect, Effect::Run(_)));
        assert!(saved < run, "the row is written before the runs begin that it counts");
    }
}

#[test]
fn after_a_restart_a_trial_begins_anew_unless_the_new_file_is_shown() {
    let mut state = done();
    let new = new_source(7);
    state.on_replaced(new.clone(), NOW).unwrap();
    state.on_probed(7, probe(), NOW);
    state.on_event(9, &opened("sourcer9", Origin::Passthrough), NOW, 0.0);
    let mut again = State::load(state.row(), state.made(), options());
    assert_eq!(again.made(), state.made(), "the old one is shown");
    assert_eq!(runs(&again.start(NOW)), named(&[("probe/0", 10)]));
    assert_eq!(again.standing(), Standing::OnTrial);

    let effects = play(&mut state, 9);
    assert!(saves_a_catalogue(&effects));
    let mut shown = State::load(state.row(), state.made(), options());
    assert_eq!((shown.standing(), shown.sources().1), (Standing::Accepted, Some(new.upload_id)));
    assert_eq!(runs(&shown.start(NOW)), named(&[("passthrough/0", 10)]));
}

#[test]
fn a_file_whose_pieces_are_all_made_and_do_not_play_is_refused() {
    let mut state = done();
    state.on_replaced(new_source(7), NOW).unwrap();
    state.on_probed(7, probe(), NOW);
    state.on_step_finished(9, NOW);
    let effects = state.on_step_finished(10, NOW);
    assert_eq!(state.standing(), Standing::Refused);
    assert!(!saves_a_catalogue(&effects) && runs(&effects).is_empty());
}
