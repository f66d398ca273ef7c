//! What the ladder costs against one ffmpeg command that makes the same renditions with the same x264
//! settings, on this machine, in this run: `scripts/bench-transcode.sh [clip]`. Ours goes through the real
//! `playhouse media-worker`. Prints a row for `docs/benchmarks.md`; fails when a ratio is above its target or when the
//! encoders were not set alike. Rounds are interleaved and the ratios are the medians of theirs: a machine that is
//! slow for a minute is slow for both.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use playhouse::media::{
    Chunk, Event, Job, Limits, Probe, Task, WorkerOptions, ladder, ladder::Rung, protocol::Sound, worker,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 5;
const CPU_RATIO_MAX: f64 = 1.03;
const WALL_RATIO_MAX: f64 = 1.0;
/// `USER_HZ`, in which /proc counts; 100 on every Linux that Rust runs on.
const TICKS_A_SECOND: f64 = 100.0;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Clone, Copy)]
struct Cost {
    cpu_s: f64,
    wall_s: f64,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "this is a program for a terminal")]
async fn main() -> ExitCode {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let clip = named.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/clips/trailer_bbb.mp4"),
        PathBuf::from,
    );
    match bench(&clip).await {
        Ok(ratio) if ratio.cpu_s <= CPU_RATIO_MAX && ratio.wall_s <= WALL_RATIO_MAX => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!(
                "wanted: at most {CPU_RATIO_MAX} of ffmpeg's CPU time and {WALL_RATIO_MAX} of its time"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench-transcode: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is a program for a terminal")]
async fn bench(clip: &Path) -> Outcome<Cost> {
    let scratch = tempfile::tempdir()?;
    let options = WorkerOptions::new(env!("CARGO_BIN_EXE_playhouse"), scratch.path().join("registry.bin"));
    let task = |job| Task {
        source: clip.to_owned(),
        output: scratch.path().join("ours"),
        limits: Limits::default(),
        job,
    };
    fs::create_dir_all(scratch.path().join("ours"))?;
    let probe = worker::probe(&options, &task(Job::Probe), &CancellationToken::new()).await?;
    let video = probe.video.as_ref().ok_or("the clip has no picture")?;
    let rungs = ladder::rungs(video, &ladder::heights().collect::<Vec<u32>>());
    let sound = if probe.sounds.is_empty() { Sound::Leave } else { Sound::Make };
    let ladder = task(Job::Ladder { probe: probe.clone(), rungs: rungs.clone(), sound, chunk: Chunk::WHOLE });
    let theirs = scratch.path().join("theirs");
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let ours = measure(run_ours(&options, &ladder)).await?;
        let ffmpeg = measure(run_ffmpeg(clip, &theirs, &probe, &rungs)).await?;
        println!(
            "round {round}: playhouse {:.1} CPU-s in {:.1} s, ffmpeg {:.1} CPU-s in {:.1} s",
            ours.cpu_s, ours.wall_s, ffmpeg.cpu_s, ffmpeg.wall_s
        );
        our_costs.push(ours);
        their_costs.push(ffmpeg);
    }
    compare_settings(&ladder.output, &theirs, &rungs)?;
    let (ours, ffmpeg) = (median(&our_costs), median(&their_costs));
    let rounds = our_costs.iter().zip(&their_costs);
    let ratios: Vec<Cost> = rounds
        .map(|(ours, theirs)| Cost { cpu_s: ours.cpu_s / theirs.cpu_s, wall_s: ours.wall_s / theirs.wall_s })
        .collect();
    let ratio = median(&ratios);
    let sizes = (kilobytes(&ladder.output)?, kilobytes(&theirs)?);
    println!("\nx264 options are equal in all {} rungs (threads aside)\n", rungs.len());
    println!(
        "| clip | rungs | playhouse CPU s / wall s / kB | ffmpeg CPU s / wall s / kB | CPU ratio | wall ratio |"
    );
    println!("|---|---|---|---|---|---|");
    println!(
        "| {} ({:.1} s) | {} | {:.1} / {:.1} / {} | {:.1} / {:.1} / {} | {:.3} | {:.3} |",
        clip.file_name().unwrap_or_default().display(),
        std::time::Duration::from_millis(probe.duration_ms).as_secs_f64(),
        rungs.iter().map(|rung| rung.height.to_string()).collect::<Vec<_>>().join(" + "),
        ours.cpu_s,
        ours.wall_s,
        sizes.0,
        ffmpeg.cpu_s,
        ffmpeg.wall_s,
        sizes.1,
        ratio.cpu_s,
        ratio.wall_s,
    );
    Ok(ratio)
}

/// CPU time of the children that ended in between, from /proc/self/stat (cutime and cstime).
async fn measure(work: impl Future<Output = Outcome<()>>) -> Outcome<Cost> {
    let (cpu_before, started) = (children_cpu_s()?, Instant::now());
    work.await?;
    Ok(Cost { cpu_s: children_cpu_s()? - cpu_before, wall_s: started.elapsed().as_secs_f64() })
}

fn children_cpu_s() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

async fn run_ours(options: &WorkerOptions, task: &Task) -> Outcome<()> {
    let (sender, mut receiver) = mpsc::channel::<Event>(64);
    let cancel = CancellationToken::new();
    let run = async {
        let sender = sender;
        worker::run(options, task, &cancel, &sender).await
    };
    let read = async { while receiver.recv().await.is_some() {} };
    let (ended, ()) = tokio::join!(run, read);
    Ok(ended?)
}

async fn run_ffmpeg(clip: &Path, output: &Path, probe: &Probe, rungs: &[Rung]) -> Outcome<()> {
    let mut command = Command::new("nice");
    command.args(["-n", "10", "ffmpeg", "-nostdin", "-v", "error", "-y", "-i"]).arg(clip);
    command.args(ffmpeg_arguments(probe, rungs));
    command.arg(output.join("%v/index.m3u8")).stdin(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg ended with {status}").into()) }
}

fn ffmpeg_arguments(probe: &Probe, rungs: &[Rung]) -> Vec<String> {
    let count = rungs.len();
    let outs: String = (0..count).map(|at| format!("[s{at}]")).collect();
    let mut filter = format!("[0:v]split={count}{outs}");
    for (at, Rung { width, height, .. }) in rungs.iter().enumerate() {
        filter.push_str(&format!(";[s{at}]scale={width}:{height}:flags=bicubic[v{at}]"));
    }
    let mut arguments = vec!["-filter_complex".to_owned(), filter];
    let mut push = |name: String, value: String| arguments.extend([name, value]);
    for (at, rung) in rungs.iter().enumerate() {
        let kbps = rung.bitrate_max_kbps;
        push("-map".to_owned(), format!("[v{at}]"));
        push(format!("-maxrate:v:{at}"), format!("{kbps}k"));
        push(format!("-bufsize:v:{at}"), format!("{}k", kbps * 2));
    }
    let key_distance = (4.0 * rungs[0].frame_rate.as_f64()).ceil();
    let sound = !probe.sounds.is_empty();
    if sound {
        push("-map".to_owned(), "0:a:0".to_owned());
    }
    let settings = format!(
        "-c:v libx264 -preset veryfast -profile:v high -crf 23 -g {key_distance} -sc_threshold 0 -refs 1 \
         -pix_fmt yuv420p -c:a aac -b:a 128k -ar 48000 -ac 2 -f hls -hls_time 4 -hls_playlist_type vod \
         -hls_segment_type fmp4 -master_pl_name master.m3u8"
    );
    arguments.extend(settings.split_whitespace().map(str::to_owned));
    let group = if sound { ",agroup:a" } else { "" };
    let mut map: Vec<String> = (0..count).map(|at| format!("v:{at}{group}")).collect();
    map.extend(sound.then(|| "a:0,agroup:a".to_owned()));
    arguments.extend(["-var_stream_map".to_owned(), map.join(" ")]);
    arguments
}

/// x264 writes its options into the stream. How many threads it had does not change what it makes of them.
fn compare_settings(ours: &Path, theirs: &Path, rungs: &[Rung]) -> Outcome<()> {
    for (at, rung) in rungs.iter().enumerate() {
        let our_options = x264_options(&ours.join(rung.rendition.as_str()).join("seg00000.m4s"))?;
        let their_options = x264_options(&theirs.join(at.to_string()).join("index0.m4s"))?;
        if our_options != their_options {
            let rendition = &rung.rendition;
            return Err(format!("x264 differs in {rendition}:\n{our_options}\n{their_options}").into());
        }
    }
    Ok(())
}

fn x264_options(segment: &Path) -> Outcome<String> {
    let bytes = fs::read(segment).map_err(|error| format!("{}: {error}", segment.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let options =
        text.split("options: ").nth(1).and_then(|rest| rest.split('\0').next()).ok_or("no x264 options")?;
    let about_threads =
        |option: &&str| option.starts_with("threads=") || option.starts_with("lookahead_threads=");
    let kept: Vec<&str> = options.split(' ').filter(|option| !about_threads(option)).collect();
    Ok(kept.join(" "))
}

/// Of each of both by itself.
fn median(costs: &[Cost]) -> Cost {
    let of = |part: fn(&Cost) -> f64| {
        let mut sorted: Vec<f64> = costs.iter().map(part).collect();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    Cost { cpu_s: of(|cost| cost.cpu_s), wall_s: of(|cost| cost.wall_s) }
}

fn kilobytes(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { kilobytes(&entry.path())? * 1000 } else { kind.len() };
    }
    Ok(bytes / 1000)
}
