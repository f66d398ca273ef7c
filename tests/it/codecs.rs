//! A second codec from the configuration to what players are told.

use crate::support::{TestApp, tiny_clip};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_codec_is_made_behind_the_first_and_told_in_every_manifest() {
    let app = TestApp::start_with(&[("MEDIA__CODECS", "h264,hevc"), ("MEDIA__LADDER", "360")]).await;
    let ada = app.register("ada").await;
    let video = app.upload(&ada, tiny_clip(&[]), "public").await;
    let id = video["id"].as_str().expect("an id");
    let video = app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
    let renditions = video["renditions"].as_array().expect("renditions");
    let mut codecs: Vec<&str> = renditions
        .iter()
        .filter(|rendition| rendition["name"] == "180p")
        .map(|rendition| rendition["codec"].as_str().expect("a codec").split('.').next().expect("its kind"))
        .collect();
    codecs.sort_unstable();
    assert_eq!(codecs, ["avc1", "hvc1"]);
    let text = async |file: &str| {
        let answer = app.get(&format!("/media/v/{id}/{file}")).send().await.expect("an answer");
        answer.text().await.expect("text")
    };
    let master = text("master.m3u8").await;
    let variants: Vec<&str> = master.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
    assert!(
        variants.len() == 2 && variants[0].contains("avc1.") && variants[1].contains("hvc1."),
        "{master}"
    );
    assert_eq!(text("manifest.mpd").await.matches("contentType=\"video\"").count(), 2);
    app.stop().await;
}
