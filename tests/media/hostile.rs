//! What must not be processed is refused in plain words, before anything decodes it where that is possible.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    thread::JoinHandle,
};

use playhouse::media::{
    FailureCode, Job, Limits, Plan, Probe,
    plan::{self, Piece},
    worker,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{Bench, options},
    clips::{self, picture},
};

async fn refusal(bench: &Bench, source: &Path) -> FailureCode {
    bench.probe(source).await.expect_err("a bad source").code
}

#[tokio::test]
async fn what_is_no_video_is_refused() {
    let bench = Bench::new();
    for (name, bytes, code) in [
        ("empty.mp4", b"".as_slice(), FailureCode::Empty),
        ("letter.mp4", b"Dear Sir,\nplease find my video attached.\n", FailureCode::NotAVideo),
        ("program.mp4", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", FailureCode::NotAVideo),
        ("photo.mp4", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FailureCode::ContainerNotSupported),
        ("archive.mp4", b"PK\x03\x04\x14\0", FailureCode::ContainerNotSupported),
        ("shell.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42", FailureCode::Damaged),
    ] {
        let path = bench.path().join(name);
        std::fs::write(&path, bytes).expect("a writable folder");
        assert_eq!(refusal(&bench, &path).await, code, "{name}");
    }
}

/// The playlist names a listener of ours and a pipe beside it; neither may be touched, whatever the task.
#[tokio::test]
async fn a_playlist_in_disguise_makes_no_request_and_opens_no_file() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket option");
    let address = listener.local_addr().expect("a bound address");
    let pipe = Tripwire::lay(bench.path());
    let good = clips::h264_aac(bench.path(), "good.mp4", 2, 320, 240);
    let probe = bench.probe(&good).await.expect("a good source");
    let beside = pipe.path.display();
    let playlist = format!("#EXTM3U\n#EXTINF:4,\nhttp://{address}/a.ts\n#EXTINF:4,\nfile://{beside}\n");
    let tagged = [b"ID3\x04\0\0\0\0\0\x04\0\0\0\0".as_slice(), playlist.as_bytes()].concat();
    let mpd = format!("<?xml version=\"1.0\"?><MPD><BaseURL>http://{address}/</BaseURL></MPD>");
    for (name, bytes) in
        [("list.mp4", playlist.as_bytes()), ("tagged.mp4", &tagged), ("manifest.mp4", mpd.as_bytes())]
    {
        let path = bench.path().join(name);
        std::fs::write(&path, bytes).expect("a writable folder");
        for job in jobs(&probe) {
            let (ended, _) = bench.run(&path, job).await;
            let code = ended.expect_err("a bad source").code;
            assert!(
                matches!(code, FailureCode::ContainerNotSupported | FailureCode::NotAVideo),
                "{name}: {code}"
            );
        }
    }
    let nobody = listener.accept().expect_err("nobody may connect");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    assert!(!pipe.was_opened(), "the file beside it was opened");
    pipe.open_it_ourselves();
}

/// A named pipe that a thread waits to write to: it gets through when, and only when, someone reads.
struct Tripwire {
    path: PathBuf,
    waiting: JoinHandle<()>,
}

impl Tripwire {
    fn lay(folder: &Path) -> Self {
        let path = folder.join("beside.ts");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo is there").success());
        let target = path.clone();
        let waiting = std::thread::spawn(move || {
            std::fs::OpenOptions::new().write(true).open(target).expect("a reader");
        });
        Self { path, waiting }
    }

    fn was_opened(&self) -> bool {
        self.waiting.is_finished()
    }

    /// Shows that the wire would have been felt.
    fn open_it_ourselves(self) {
        std::fs::File::open(&self.path).expect("a pipe");
        self.waiting.join().expect("the writer got through");
    }
}

fn jobs(probe: &Probe) -> Vec<Job> {
    let planned = Plan::new(probe.clone(), &[360])
        .pieces()
        .into_iter()
        .filter(|piece| piece.stage != plan::Stage::Verify)
        .map(|piece| piece.job);
    std::iter::once(Job::Probe).chain(planned).collect()
}

/// The magic bytes let it in, the Discoverer says no.
#[tokio::test]
async fn a_matroska_shell_around_nothing_is_refused() {
    let bench = Bench::new();
    let path = bench.path().join("shell.mkv");
    std::fs::write(&path, b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01").expect("a writable folder");
    let code = refusal(&bench, &path).await;
    assert!(matches!(code, FailureCode::Damaged | FailureCode::NotAVideo), "{code}");
}

#[tokio::test]
async fn a_file_without_its_index_is_refused() {
    let bench = Bench::new();
    let whole = clips::h264_aac(bench.path(), "late-index.mp4", 4, 320, 240);
    assert_eq!(refusal(&bench, &clips::cut(&whole, 0.6)).await, FailureCode::Damaged);
}

#[tokio::test]
async fn a_cut_off_file_is_never_silently_ready() {
    let bench = Bench::new();
    let clip = picture(300, 25, 320, 240, "I420");
    let encoded = format!("{clip} ! x264enc speed-preset=ultrafast bitrate=600 key-int-max=25 ! h264parse");
    for (name, muxer) in [("front.mp4", "mp4mux faststart=true"), ("film.mkv", "matroskamux")] {
        let whole = clips::make(bench.path(), name, &format!("{encoded} ! {muxer} ! {{out}}"));
        let cut = clips::cut(&whole, 0.4);
        let probe = bench.probe(&cut).await.expect("the index is whole");
        assert!(probe.duration_ms > 11_000, "{name} declares its full length");
        for Piece { stage, job, .. } in Plan::new(probe, &[360]).pieces() {
            if matches!(stage, plan::Stage::Thumbnails | plan::Stage::Verify) {
                continue;
            }
            let (ended, _) = bench.run(&cut, job).await;
            let failure = ended.expect_err("it is cut off");
            assert_eq!(failure.code, FailureCode::Truncated, "{name} {}: {failure}", stage.as_str());
            assert!(!failure.retryable);
        }
    }
}

#[tokio::test]
async fn limits_hold_before_anything_is_made() {
    let bench = Bench::new();
    let source = clips::h264_aac(bench.path(), "plain.mp4", 2, 320, 240);
    let open = Limits::default();
    for (limits, code) in [
        (Limits { size_max_bytes: 1000, ..open }, FailureCode::TooLargeFile),
        (Limits { duration_max_ms: 1000, ..open }, FailureCode::TooLong),
        (Limits { pixels_max: 320 * 239, ..open }, FailureCode::TooLargePicture),
        (Limits { side_max: 319, ..open }, FailureCode::TooLargePicture),
        (Limits { streams_max: 1, ..open }, FailureCode::TooManyStreams),
    ] {
        let task = playhouse::media::Task { limits, ..bench.task(&source, Job::Probe) };
        let refused = worker::probe(&options(), &task, &CancellationToken::new()).await;
        assert_eq!(refused.expect_err("a limit").code, code);
    }
}
