//! Every kind of source becomes segments that decode, as long as the source, in the sizes it deserves.

use std::process::Command;

use playhouse::media::{Event, manifest::Beside, probe::Rotation, rendition::Track, thumbnails::Thumbnails};

use crate::{
    bench::{Bench, Made, output},
    clips::{self, picture, sound},
    content::film,
};

fn size(made: &Made, name: &str) -> (u32, u32) {
    match made.rendition(name).track {
        Track::Video { width, height, .. } => (width, height),
        Track::Audio { .. } => panic!("{name} is sound"),
    }
}

/// Within a frame or two of AAC, or of a slow picture.
fn assert_lasts(made: &Made, name: &str, expected_ms: i64) {
    let found_ms = made.duration_ms(name);
    assert!((found_ms - expected_ms).abs() <= 100, "{name} lasts {found_ms} ms instead of {expected_ms}");
}

#[tokio::test]
async fn h264_with_aac_is_passed_through_and_then_laddered_on_one_grid() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "phone.mp4", 6, 854, 480);
    let made = bench.make(&source).await;
    assert_eq!(made.names(), ["audio", "source", "v360", "v480"]);
    assert_eq!((size(&made, "v480"), size(&made, "v360")), ((854, 480), (640, 360)));
    for name in ["source", "v360", "v480"] {
        assert_lasts(&made, name, 6000);
        assert_eq!(made.decode(name).frames, 150, "{name}");
    }
    assert_lasts(&made, "audio", 6000);
    made.decode("audio");
    for name in ["v360", "v480"] {
        assert_eq!(made.decode(name).keyframes_ms, [0, 4000], "{name}");
        let starts: Vec<u64> = made.rendition(name).segments.iter().map(|segment| segment.start_ns).collect();
        assert_eq!(starts, [0, 4_000_000_000], "{name}");
    }
    assert_master_is_complete(&made);
    assert_thumbnails(&made);
}

/// A cut soon after a keyframe becomes a picture that refers to nothing, and is no place to begin at.
#[tokio::test]
async fn every_segment_of_a_picture_passed_through_can_be_entered_by_itself() {
    let bench = Bench::new();
    let arguments = "-f lavfi -i testsrc2=s=320x240:r=25:d=12 \
        -vf geq=lum='if(lt(mod(N,150),5),lum(X,Y),255-lum(X,Y)+random(1)*9)' \
        -c:v libx264 -preset veryfast -x264-params keyint=150:min-keyint=75:scenecut=40 -pix_fmt yuv420p";
    let source = film(bench.path(), "cuts.mp4", arguments);
    let entries = ["-v", "error", "-show_entries", "frame=key_frame,pict_type", "-of", "csv=p=0"];
    let (frames, _) = output(Command::new("ffprobe").args(entries).arg(&source));
    assert!(frames.lines().any(|frame| frame.starts_with("0,I")), "such a picture is in the clip: {frames}");
    let made = bench.make(&source).await;
    let segments = made.rendition("source").segments.len();
    assert_eq!(segments, 2);
    let init = std::fs::read(made.output.join("source/init.mp4")).expect("an init segment");
    for sequence in 0..segments {
        let media =
            std::fs::read(made.output.join(format!("source/seg{sequence:05}.m4s"))).expect("a segment");
        let alone = bench.path().join("alone.mp4");
        std::fs::write(&alone, [init.as_slice(), &media].concat()).expect("a writable folder");
        let decoded =
            output(Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&alone).args(["-f", "null", "-"]));
        assert_eq!(decoded.1, "", "segment {sequence}");
        assert_eq!(clips::frames(&alone), 150, "segment {sequence}");
        let (first, _) =
            output(Command::new("ffprobe").args(entries).args(["-read_intervals", "%+#1"]).arg(&alone));
        assert!(first.starts_with("1,I"), "segment {sequence} begins with {first}");
    }
}

fn assert_master_is_complete(made: &Made) {
    let master = made.catalogue.master(&Beside::default()).expect("it is playable");
    assert!(!master.contains("source"), "the ladder has replaced it: {master}");
    assert_eq!(master.matches("#EXT-X-STREAM-INF").count(), 2);
    assert_eq!(master.matches("FRAME-RATE=25.000").count(), 2);
    assert_eq!(master.matches(",mp4a.40.2\"").count(), 2);
    let mpd = made.catalogue.mpd(&Beside::default()).expect("everything is complete");
    assert_eq!(mpd.matches("<Representation").count(), 4, "two pictures, the sound, the tiles");
}

fn assert_thumbnails(made: &Made) {
    let tiles = Thumbnails::for_duration(made.probe.duration_ms).tiles;
    let vtt = made.catalogue.thumbnails_vtt().expect("there is a sprite");
    assert_eq!(vtt.matches("sprite.jpg#xywh=").count(), tiles as usize);
    for name in ["sprite.jpg", "poster.jpg"] {
        let bytes = std::fs::read(made.output.join(name)).expect("a picture");
        assert!(bytes.starts_with(&[0xff, 0xd8]) && bytes.ends_with(&[0xff, 0xd9]), "{name}");
    }
}

#[tokio::test]
async fn the_ladder_does_not_make_the_sound_again() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "short.mp4", 2, 320, 240);
    let made = bench.make(&source).await;
    let audio =
        |event: &&Event| matches!(event, Event::Opened { rendition, .. } if rendition.as_str() == "audio");
    assert_eq!(made.events.iter().filter(audio).count(), 1);
}

#[tokio::test]
async fn ten_bit_hevc_becomes_eight_bit_h264() {
    let bench = Bench::new();
    let clip = picture(50, 25, 320, 240, "I420_10LE");
    let clip = format!("{clip} ! x265enc speed-preset=ultrafast ! h265parse ! mp4mux ! {{out}}");
    let made = bench.make(&clips::make(bench.path(), "ten-bit.mp4", &clip)).await;
    assert_eq!(made.probe.video.as_ref().map(|video| video.bits_a_sample), Some(10));
    assert_eq!(made.names(), ["v240"]);
    assert_eq!((made.decode("v240").frames, size(&made, "v240")), (50, (320, 240)));
    assert!(made.rendition("v240").codec.starts_with("avc1.64"));
}

#[tokio::test]
async fn a_turned_phone_video_stands_upright() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "turned.mp4", 2, 320, 240);
    clips::turn(&source);
    let made = bench.make(&source).await;
    assert_eq!(made.probe.video.as_ref().map(|video| video.rotation), Some(Rotation::QuarterTurn));
    assert_eq!((made.names(), size(&made, "v240")), (vec!["audio", "v240"], (240, 320)));
    assert_eq!(made.decode("v240").frames, 50);
}

#[tokio::test]
async fn a_variable_frame_rate_becomes_constant_and_keeps_its_length() {
    let bench = Bench::new();
    let clip = picture(150, 30, 320, 240, "I420");
    let clip = format!(
        "{clip} ! identity drop-probability=0.4 ! x264enc speed-preset=ultrafast key-int-max=600 ! h264parse \
         ! mp4mux ! {{out}}"
    );
    let source = clips::make(bench.path(), "variable.mp4", &clip);
    let made = bench.make(&source).await;
    let rung = made.rendition("v240");
    let frames = made.decode("v240").frames;
    let Track::Video { frame_rate, .. } = rung.track else { panic!("a picture") };
    assert_eq!(frame_rate.as_f64(), 30.0);
    assert!((148..=151).contains(&frames), "{frames} frames of 5 s");
    assert_eq!(rung.segments.first().map(|segment| segment.duration_ns), Some(4_000_000_000));
}

#[tokio::test]
async fn an_odd_size_in_444_becomes_even_and_420() {
    let bench = Bench::new();
    let clip = picture(50, 25, 321, 241, "Y444");
    let clip = format!(
        "{clip} ! x264enc speed-preset=ultrafast ! video/x-h264,profile=high-4:4:4 ! h264parse ! mp4mux ! {{out}}"
    );
    let made = bench.make(&clips::make(bench.path(), "odd.mp4", &clip)).await;
    let names = made.names();
    let (width, height) = size(&made, names[0]);
    assert_eq!((names.len(), width % 2, height % 2), (1, 0, 0));
    assert_eq!(made.decode(names[0]).frames, 50);
}

#[tokio::test]
async fn interlaced_mpeg2_in_a_transport_stream_is_deinterlaced() {
    let bench = Bench::new();
    let clip = picture(50, 25, 352, 288, "I420");
    let sound = sound(2);
    let clip = format!(
        "{clip} ! mpeg2enc format=3 interlace-mode=1 bitrate=2000 ! mpegvideoparse \
         ! queue ! mux. {sound} ! lamemp3enc ! mpegaudioparse ! queue ! mux. mpegtsmux name=mux ! {{out}}"
    );
    let made = bench.make(&clips::make(bench.path(), "broadcast.ts", &clip)).await;
    let scan = made.probe.video.as_ref().map(|video| video.scan);
    assert_eq!(scan, Some(playhouse::media::probe::Scan::Interlaced));
    assert_eq!(made.names(), ["audio", "v288"]);
    let frames = made.decode("v288").frames;
    assert!((48..=52).contains(&frames), "{frames} frames of 2 s at 25");
    made.decode("audio");
}

#[tokio::test]
async fn h264_with_b_frames_in_matroska_is_passed_through() {
    let bench = Bench::new();
    let (clip, sound) = (picture(75, 25, 320, 240, "I420"), sound(3));
    let clip = format!(
        "{clip} ! x264enc speed-preset=veryfast bframes=3 key-int-max=25 ! h264parse ! queue ! mux. \
         {sound} ! vorbisenc ! queue ! mux. matroskamux name=mux ! {{out}}"
    );
    let made = bench.make(&clips::make(bench.path(), "film.mkv", &clip)).await;
    assert_eq!(made.names(), ["audio", "source", "v240"]);
    for name in ["source", "v240"] {
        assert_eq!(made.decode(name).frames, 75, "{name}");
        assert_lasts(&made, name, 3000);
    }
    assert_lasts(&made, "audio", 3000);
}

#[tokio::test]
async fn webm_with_opus_gets_its_lowest_rung_first() {
    let bench = Bench::new();
    let (clip, sound) = (picture(60, 30, 640, 480, "I420"), sound(2));
    let clip = format!(
        "{clip} ! vp8enc deadline=1 cpu-used=8 ! queue ! mux. {sound} ! opusenc ! queue ! mux. webmmux name=mux ! {{out}}"
    );
    let made = bench.make(&clips::make(bench.path(), "web.webm", &clip)).await;
    let opened: Vec<&str> = made
        .events
        .iter()
        .filter_map(
            |event| if let Event::Opened { rendition, .. } = event { Some(rendition.as_str()) } else { None },
        )
        .collect();
    assert_eq!((opened.len(), opened.last().copied()), (3, Some("v480")), "{opened:?}");
    assert_eq!((size(&made, "v480"), size(&made, "v360")), ((640, 480), (480, 360)));
    for name in ["v360", "v480"] {
        assert_eq!(made.decode(name).frames, 60, "{name}");
    }
    made.decode("audio");
    assert!(made.catalogue.mpd(&Beside::default()).is_some());
}

#[tokio::test]
async fn motion_jpeg_in_avi_without_sound_works() {
    let bench = Bench::new();
    let clip = picture(30, 15, 320, 240, "I420");
    let clip = format!("{clip} ! jpegenc ! avimux ! {{out}}");
    let made = bench.make(&clips::make(bench.path(), "camera.avi", &clip)).await;
    assert_eq!(made.names(), ["v240"]);
    // The last frame is shown once: nothing says for how long.
    let frames = made.decode("v240").frames;
    assert!((58..=60).contains(&frames), "{frames} frames, but 15 a second are doubled");
    let master = made.catalogue.master(&Beside::default()).expect("it is playable");
    assert!(!master.contains("AUDIO"), "{master}");
}

#[tokio::test]
async fn sound_alone_is_playable() {
    let bench = Bench::new();
    let clip = format!("{} ! avenc_aac ! aacparse ! mp4mux ! {{out}}", sound(3));
    let made = bench.make(&clips::make(bench.path(), "song.m4a", &clip)).await;
    assert_eq!(made.names(), ["audio"]);
    assert_lasts(&made, "audio", 3000);
    made.decode("audio");
    let master = made.catalogue.master(&Beside::default()).expect("it is playable");
    assert!(master.ends_with("CODECS=\"mp4a.40.2\"\naudio/index.m3u8\n"), "{master}");
    assert!(made.catalogue.mpd(&Beside::default()).is_some());
}

#[tokio::test]
async fn a_click_is_heard_when_it_should_be() {
    let bench = Bench::new();
    let made = bench.make(&clips::click_wav(bench.path())).await;
    let joined = made.join("audio");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(joined).args(["-ac", "1", "-f", "s16le", "-"]);
    let pcm = ffmpeg.output().expect("ffmpeg is installed").stdout;
    let loud = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 8_000;
    let click = pcm.chunks_exact(2).position(loud).expect("the click is there");
    assert!(click.abs_diff(48_000) <= 48, "the click is heard at sample {click} instead of 48000");
}
