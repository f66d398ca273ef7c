//! Films with several sounds: every language is there, is what it says it is, and none is mistaken for another.

use playhouse::media::{
    FailureCode, Plan,
    manifest::Beside,
    plan::{Piece, Stage},
    rendition::{Origin, Track},
    sound::{Label, Preference, StreamName},
};

use crate::{
    bench::{Bench, Made},
    content::{film, stereo},
};

const GERMAN_HZ: usize = 440;
const ENGLISH_HZ: usize = 1000;

/// German at 440 Hz, then English at 1000 Hz: with a picture of so many seconds.
fn two_tones(seconds: u32, options: &str) -> String {
    format!(
        "-f lavfi -i testsrc2=s=320x240:r=25:d={seconds} -f lavfi -i sine={GERMAN_HZ}:r=48000:d={seconds} \
         -f lavfi -i sine={ENGLISH_HZ}:r=48000:d={seconds} -map 0:v -map 1:a -map 2:a \
         -metadata title=Holiday -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng {options}"
    )
}

/// Of a sine: its crossings of zero upwards in the second second.
fn pitch_hz(made: &Made, name: &str) -> usize {
    let samples = stereo(&made.join(name));
    let second = &samples[48_000..96_000];
    second.windows(2).filter(|pair| pair[0][0] < 0 && pair[1][0] >= 0).count()
}

fn assert_pitch(made: &Made, name: &str, expected_hz: usize) {
    let found_hz = pitch_hz(made, name);
    assert!(found_hz.abs_diff(expected_hz) <= 10, "{name} has {found_hz} Hz instead of {expected_hz}");
}

fn label(made: &Made, name: &str) -> Label {
    match &made.rendition(name).track {
        Track::Audio { label, .. } => label.clone(),
        Track::Video { .. } => panic!("{name} is a picture"),
    }
}

fn assert_german_and_english(made: &Made) {
    assert_pitch(made, "audio", GERMAN_HZ);
    assert_pitch(made, "audio2", ENGLISH_HZ);
    let language = |name: &str| label(made, name).language.map(String::from);
    assert_eq!((language("audio").as_deref(), language("audio2").as_deref()), (Some("de"), Some("en")));
    for name in ["audio", "audio2"] {
        made.decode(name);
    }
}

fn offered(made: &Made) -> Vec<String> {
    let master = made.catalogue.master(&Beside::default()).expect("it plays");
    let media = master.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"));
    media.map(|line| line.split_once("NAME=").expect("a name").1.to_owned()).collect()
}

#[tokio::test]
async fn two_languages_of_an_mp4_are_passed_through_each_under_its_own_name() {
    let bench = Bench::new();
    let options = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac";
    let made = bench.make(&film(bench.path(), "two.mp4", &two_tones(6, options))).await;
    assert_eq!(made.names(), ["audio", "audio2", "source", "v240"]);
    assert_german_and_english(&made);
    assert_eq!(made.rendition("audio2").origin, Origin::Passthrough);
    assert_eq!(
        offered(&made),
        [
            "\"Deutsch\",LANGUAGE=\"de\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"1\",URI=\"audio/index.m3u8\"",
            "\"English\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"1\",URI=\"audio2/index.m3u8\"",
        ]
    );
    let mpd = made.catalogue.mpd(&Beside::default()).expect("all is complete");
    for part in ["lang=\"de\"", "lang=\"en\"", "<Label>Deutsch</Label>", "<Label>English</Label>"] {
        assert!(mpd.contains(part), "{part} is not in {mpd}");
    }
}

#[tokio::test]
async fn two_languages_are_encoded_and_the_one_the_file_prefers_is_the_default() {
    let bench = Bench::new();
    let options = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -ac 2 \
                   -metadata:s:a:1 title=Commentary -disposition:a:0 0 -disposition:a:1 default";
    let made = bench.make(&film(bench.path(), "two.mkv", &two_tones(3, options))).await;
    assert_eq!(made.names(), ["audio", "audio2", "v240"]);
    assert_german_and_english(&made);
    assert_eq!(made.rendition("audio2").origin, Origin::Encoded);
    assert_eq!(label(&made, "audio2").preference, Preference::Preferred);
    let (german, english) = (&offered(&made)[0], &offered(&made)[1]);
    assert!(german.starts_with("\"Deutsch\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES"), "{german}");
    assert!(english.starts_with("\"English – Commentary\",LANGUAGE=\"en\",DEFAULT=YES"), "{english}");
}

#[tokio::test]
async fn a_transport_stream_keeps_its_languages_apart() {
    let bench = Bench::new();
    let options = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a:0 aac -c:a:1 mp2";
    let made = bench.make(&film(bench.path(), "two.ts", &two_tones(4, options))).await;
    assert_german_and_english(&made);
    let origins = ["audio", "audio2"].map(|name| made.rendition(name).origin);
    assert_eq!(origins, [Origin::Passthrough, Origin::Encoded]);
}

/// The sounds are a piece of their own there, and the pictures come in chunks.
#[tokio::test]
async fn a_long_film_has_all_its_sounds_whole() {
    let bench = Bench::new();
    let options = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -profile:v high10 -pix_fmt yuv420p10le -c:a flac";
    let source = film(bench.path(), "long.mkv", &two_tones(50, options));
    let made = bench.make(&source).await;
    let plan = Plan::new(made.probe.clone(), &[360]);
    assert!(plan.pieces().iter().any(|piece| piece.stage == Stage::Sound));
    assert_german_and_english(&made);
    for name in ["audio", "audio2"] {
        assert!((made.duration_ms(name) - 50_000).abs() < 100, "{name}");
    }
}

/// Sound of two languages without a picture: the default is the variant, the other stands beside it.
#[tokio::test]
async fn languages_without_a_picture_are_offered_too() {
    let bench = Bench::new();
    let arguments = format!(
        "-f lavfi -i sine={GERMAN_HZ}:r=48000:d=3 -f lavfi -i sine={ENGLISH_HZ}:r=48000:d=3 -map 0:a -map 1:a \
         -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -c:a aac"
    );
    let made = bench.make(&film(bench.path(), "book.m4a", &arguments)).await;
    assert_eq!(made.names(), ["audio", "audio2"]);
    assert_german_and_english(&made);
    let master = made.catalogue.master(&Beside::default()).expect("it plays");
    assert!(master.ends_with("CODECS=\"mp4a.40.2\",AUDIO=\"audio\"\naudio/index.m3u8\n"), "{master}");
}

#[tokio::test]
async fn of_many_sounds_the_first_eight_are_made() {
    let bench = Bench::new();
    let inputs: String =
        (0..10).map(|at| format!("-f lavfi -i sine={}:r=48000:d=2 ", 300 + at * 100)).collect();
    let maps: String = (0..10).map(|at| format!("-map {at}:a ")).collect();
    let source = film(bench.path(), "many.mka", &format!("{inputs}{maps}-c:a pcm_s16le"));
    let made = bench.make(&source).await;
    assert_eq!(made.names().len(), 8);
    for (place, name) in ["audio", "audio2", "audio3", "audio4", "audio5", "audio6", "audio7", "audio8"]
        .into_iter()
        .enumerate()
    {
        assert_pitch(&made, name, 300 + place * 100);
    }
    assert_eq!(offered(&made).len(), 8);
}

/// The second sound is one that the file does not have.
#[tokio::test]
async fn where_a_sound_is_missing_the_worker_says_so_and_the_first_can_be_made_alone() {
    let bench = Bench::new();
    let options = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus";
    let source = film(bench.path(), "gone.mkv", &two_tones(3, options));
    let mut probe = bench.probe(&source).await.expect("a good source");
    probe.sounds[1].stream = StreamName::of("file/009:9");
    let plan = Plan::new(probe, &[360]);
    let sounds_of = |plan: Plan| plan.pieces().into_iter().find(Piece::makes_sounds).expect("a piece").job;
    let (ended, _) = bench.run(&source, sounds_of(plan.clone())).await;
    let failure = ended.expect_err("one is missing");
    assert_eq!((failure.code, failure.retryable), (FailureCode::Damaged, false), "{failure}");
    let (ended, _) = bench.run(&source, sounds_of(plan.first_sound_alone())).await;
    ended.expect("the first is there");
}
