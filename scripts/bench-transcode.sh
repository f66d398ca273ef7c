#!/bin/sh
# The ladder's CPU time against one ffmpeg command making the same renditions with the same x264 settings,
# both measured now on this machine. Prints a row for docs/benchmarks.md; ends with 1 above 1.03.
# Usage: scripts/bench-transcode.sh [clip], by default the 55 s trailer.
set -eu

cd "$(dirname "$0")/.."
command -v ffmpeg >/dev/null || {
    echo "bench-transcode: ffmpeg is missing: sudo apt-get install ffmpeg" >&2
    exit 2
}
scripts/fetch-clips.sh
exec cargo bench --quiet --bench transcode -- "$@"
