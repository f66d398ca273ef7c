//! A second codec: its renditions decode, have every frame, and are told apart in the manifests.

use std::process::Command;

use playhouse::{
    domain::codec::Codec,
    media::{Plan, manifest::Beside, plan::Stage},
};

use crate::{
    bench::{Bench, Made, output},
    clips,
};

fn coded_as(made: &Made, name: &str) -> String {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]);
    output(ffprobe.args(["-of", "csv=p=0"]).arg(made.join(name))).0.trim().to_owned()
}

fn codec(made: &Made, name: &str) -> String {
    made.rendition(name).codec.clone()
}

async fn made_in(second: Codec, seconds: u32) -> (Bench, Made) {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "phone.mp4", seconds, 320, 180);
    let made = bench.make_in(&source, Some(second)).await;
    (bench, made)
}

#[tokio::test]
async fn hevc_has_every_frame_and_variants_and_a_set_of_its_own() {
    let (_bench, made) = made_in(Codec::Hevc, 6).await;
    assert_eq!(made.names(), ["audio", "source", "v180", "v180hevc"]);
    assert_eq!(coded_as(&made, "v180hevc"), "hevc,150");
    assert_eq!(made.decode("v180hevc").keyframes_ms, [0, 4000]);
    let name = codec(&made, "v180hevc");
    assert!(name.starts_with("hvc1.1.6.L"), "{name}");
    let master = made.catalogue.master(&Beside::default()).expect("it plays");
    let variants: Vec<&str> = master.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
    assert!(
        variants[0].contains("avc1.") && variants[1].contains(&format!("\"{name},mp4a.40.2\"")),
        "{master}"
    );
    let mpd = made.catalogue.mpd(&Beside::default()).expect("all is complete");
    assert_eq!(mpd.matches("contentType=\"video\"").count(), 2, "{mpd}");
    assert!(mpd.contains("<AdaptationSet id=\"2\" contentType=\"audio\""), "{mpd}");
}

#[tokio::test]
async fn av1_has_every_frame_and_a_name_that_browsers_take() {
    let (_bench, made) = made_in(Codec::Av1, 6).await;
    assert_eq!(coded_as(&made, "v180av1"), "av1,150");
    assert_eq!(made.decode("v180av1").keyframes_ms, [0, 4000]);
    let name = codec(&made, "v180av1");
    assert!(name.starts_with("av01.0.0") && name.ends_with("M.08"), "{name}");
}

#[tokio::test]
async fn vp9_has_every_frame_and_a_name_that_browsers_take() {
    let (_bench, made) = made_in(Codec::Vp9, 6).await;
    assert_eq!(coded_as(&made, "v180vp9"), "vp9,150");
    assert_eq!(made.decode("v180vp9").keyframes_ms, [0, 4000]);
    assert_eq!(codec(&made, "v180vp9"), "vp09.00.11.08");
}

#[tokio::test]
async fn chunks_of_a_second_codec_join_without_a_seam() {
    for second in [Codec::Hevc, Codec::Av1, Codec::Vp9] {
        let (_bench, made) = made_in(second, 50).await;
        let plan = Plan::new(made.probe.clone(), &[360]).with_second_codec(Some(second));
        let chunks = plan.pieces().into_iter().filter(|piece| piece.stage == Stage::SecondCodec).count();
        assert_eq!(chunks, 2);
        let decoded = made.decode(&format!("v180{second}"));
        assert_eq!(decoded.frames, 1250, "{second}");
        for (at, time_us) in decoded.times_us.iter().enumerate() {
            assert!((time_us - at as i64 * 40_000).abs() < 100, "{second}: frame {at} at {time_us} us");
        }
    }
}
