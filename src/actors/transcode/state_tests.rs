use super::*;
use crate::{
    backends::store::tables::video::JobLog,
    domain::ids::VideoId,
    media::{
        RenditionId,
        probe::{AudioStream, Chroma, Container, DynamicRange, Fraction, Rotation, Scan, VideoStream},
        rendition::{Origin, Segment, Track},
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
        log: JobLog::default(),
        created_at: NOW,
    }
}

fn options() -> Options {
    Options { ladder: vec![720, 360], attempts_max: 3 }
}

fn fresh() -> State {
    State::load(queued(), Catalogue::default(), options())
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
    let audio =
        AudioStream { codec: "mpeg".into(), profile: None, channels: 2, sample_rate: 48_000, language: None };
    Probe { container: Container::IsoBmff, duration_ms: 55_000, video: Some(video), audio: Some(audio) }
}

fn opened(name: &str, origin: Origin) -> Event {
    let track = match name.starts_with("audio") {
        true => Track::Audio { channels: 2, sample_rate: 48_000, language: None },
        false => Track::Video { width: 1280, height: 720, frame_rate: Fraction::new(24, 1) },
    };
    let rendition = RenditionId::parse(name).unwrap();
    Event::Opened { rendition, track, codec: "x".into(), origin, bandwidth_cap: 1, init_bytes: 1 }
}

fn segment(name: &str, sequence: u64) -> Event {
    let segment = Segment { start_ns: sequence * 4_000_000_000, duration_ns: 4_000_000_000, bytes: 9 };
    Event::SegmentWritten { rendition: RenditionId::parse(name).unwrap(), sequence, segment }
}

fn runs(effects: &[Effect]) -> Vec<(Option<plan::Stage>, u32)> {
    let step = |effect: &Effect| match effect {
        Effect::Run { step: Step::Probe, run } => Some((None, *run)),
        Effect::Run { step: Step::Make { stage, .. }, run } => Some((Some(*stage), *run)),
        _ => None,
    };
    effects.iter().filter_map(step).collect()
}

fn failure(retryable: bool) -> Failure {
    Failure { code: "worker_died".into(), detail: "it died".into(), retryable }
}

#[test]
fn a_job_goes_through_its_plan_one_run_at_a_time() {
    let mut state = fresh();
    assert_eq!(runs(&state.start(NOW)), [(None, 1)]);
    assert_eq!(runs(&state.on_probed(probe(), NOW)), [(Some(plan::Stage::Passthrough), 2)]);
    assert_eq!(runs(&state.on_step_finished(NOW)), [(Some(plan::Stage::Thumbnails), 3)]);
    assert_eq!(runs(&state.on_step_finished(NOW)), [(Some(plan::Stage::Ladder), 4)]);
    let last = state.on_step_finished(NOW);
    assert!(runs(&last).is_empty() && last.last() == Some(&Effect::Settle));
    let change = state.video_change();
    assert_eq!((change.status, change.percent, change.duration_ms), (Status::Ready, 100, Some(55_000)));
    assert!(state.is_settled());
}

#[test]
fn a_video_is_published_once_when_picture_and_sound_have_begun() {
    let mut state = fresh();
    state.start(NOW);
    state.on_probed(probe(), NOW);
    let picture = [opened("sourcer2", Origin::Passthrough), segment("sourcer2", 0)];
    let silent: Vec<_> = picture.iter().flat_map(|event| state.on_event(event, NOW)).collect();
    assert!(!silent.contains(&Effect::Publish), "its sound is expected");
    state.on_event(&opened("audior2", Origin::Encoded), NOW);
    let heard = state.on_event(&segment("audior2", 0), NOW);
    assert!(matches!(heard[..], [Effect::SaveCatalogue(_), Effect::Publish, Effect::Tell]));
    assert!(state.on_event(&segment("audior2", 1), NOW).is_empty(), "growth is written once a second");
    let later = state.on_event(&segment("audior2", 2), Timestamp(NOW.0 + 1_000));
    assert!(matches!(later[..], [Effect::SaveCatalogue(_)]));
}

#[test]
fn what_may_succeed_is_tried_again_with_growing_pauses_and_then_given_up() {
    let mut state = fresh();
    state.start(NOW);
    for pause_s in [2, 4] {
        let effects = state.on_failed(failure(true), NOW);
        assert!(effects.contains(&Effect::RetryAfter(Duration::from_secs(pause_s))), "{effects:?}");
        assert_eq!(runs(&state.on_retry_due(NOW)).len(), 1);
    }
    let effects = state.on_failed(failure(true), NOW);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().status, Status::Failed);
    assert_eq!(runs(&state.on_retry_asked(NOW)).len(), 1, "its owner may ask for more");
}

#[test]
fn a_picture_that_could_not_be_passed_through_is_encoded_instead() {
    let mut state = fresh();
    state.start(NOW);
    state.on_probed(probe(), NOW);
    let effects = state.on_failed(failure(true), NOW);
    assert_eq!(runs(&effects), [(Some(plan::Stage::FirstRung), 3)]);
    assert!(
        runs(&state.on_failed(failure(true), NOW)).is_empty(),
        "and then tried again like any other step"
    );
}

#[test]
fn a_rendition_made_again_takes_the_place_of_the_one_before() {
    let mut state = fresh();
    state.start(NOW);
    state.on_probed(probe(), NOW);
    for (name, run) in [("v360", 4), ("v720", 4), ("v360", 5)] {
        let id = of_run(&RenditionId::parse(name).unwrap(), run);
        state.on_event(&opened(id.as_str(), Origin::Encoded), NOW);
        state.on_event(&segment(id.as_str(), 0), NOW);
        state.on_event(&Event::Closed { rendition: id }, NOW);
    }
    let kept: Vec<_> = state.catalogue().renditions.iter().map(|known| known.id.to_string()).collect();
    assert_eq!(kept, ["v720r4", "v360r5"]);
}

#[test]
fn a_faulty_file_is_not_tried_again() {
    let mut state = fresh();
    state.start(NOW);
    let effects = state.on_failed(failure(false), NOW);
    assert_eq!(effects.last(), Some(&Effect::Settle));
    assert_eq!(state.video_change().failure, Some(failure(false)));
}

#[test]
fn after_a_restart_only_what_is_unfinished_is_made_again() {
    let mut state = fresh();
    state.start(NOW);
    state.on_probed(probe(), NOW);
    for name in ["sourcer2", "audior2"] {
        state.on_event(&opened(name, Origin::Passthrough), NOW);
        state.on_event(&segment(name, 0), NOW);
        state.on_event(&Event::Closed { rendition: RenditionId::parse(name).unwrap() }, NOW);
    }
    state.on_step_finished(NOW);
    state.on_step_finished(NOW);
    state.on_event(&opened("v360r4", Origin::Encoded), NOW);
    let mut again = State::load(state.job().clone(), state.catalogue().clone(), options());
    assert_eq!(runs(&again.start(NOW)), [(Some(plan::Stage::Ladder), 5)]);
    let kept: Vec<_> = again.catalogue().renditions.iter().map(|known| known.id.to_string()).collect();
    assert_eq!(kept, ["sourcer2", "audior2"], "half a rendition is worth nothing");
}

#[test]
fn progress_never_falls_and_is_told_once_a_second() {
    let mut state = fresh();
    state.start(NOW);
    state.on_probed(probe(), NOW);
    let at = |ms: i64| Timestamp(NOW.0 + ms);
    assert!(!state.on_event(&Event::Progress { percent: 50 }, at(2_000)).is_empty());
    assert!(state.on_event(&Event::Progress { percent: 90 }, at(2_500)).is_empty());
    let before = state.video_change().percent;
    assert!(state.on_event(&Event::Progress { percent: 10 }, at(9_000)).is_empty());
    assert_eq!(state.video_change().percent, before);
}

#[test]
fn a_cancelled_job_stops_its_worker_and_can_be_retried() {
    let mut state = fresh();
    state.start(NOW);
    let effects = state.on_cancelled(NOW);
    assert!(effects.first() == Some(&Effect::StopWorker) && effects.last() == Some(&Effect::Settle));
    assert!(state.on_cancelled(NOW).is_empty());
    assert!(state.on_failed(failure(true), NOW).is_empty(), "its worker's last word is not a failure");
    assert_eq!(runs(&state.on_retry_asked(NOW)).len(), 1);
}
