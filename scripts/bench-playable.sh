#!/usr/bin/env bash
# How long it takes from the last byte of an upload until the first segment of a picture is in the client's hands, until all
# rungs are ready, and what the largest media worker had in memory meanwhile (VmHWM). A minute of 1080p30: H.264 + AAC,
# which passes through, and VP9 + Opus, which is encoded. Prints a table for docs/benchmarks.md; ends with 1 when a
# target was missed.
# Environment: PLAYHOUSE_BIN to measure a server that is there already, ROUNDS (3).
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
server=${PLAYHOUSE_BIN:-$target/release/playhouse}
rounds=${ROUNDS:-3}
command -v ffmpeg >/dev/null || { echo "bench-playable: ffmpeg is missing: sudo apt-get install ffmpeg" >&2; exit 2; }
[ -n "${PLAYHOUSE_BIN:-}" ] || cargo build --release --quiet --bin playhouse

data=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$data"' EXIT
PLAYHOUSE__SERVER__LISTEN=127.0.0.1:0 PLAYHOUSE__SERVER__DATA_DIR=$data/playhouse PLAYHOUSE__TELEMETRY__LOG=warn \
    PLAYHOUSE__LIMITS__ENABLED=false "$server" serve >"$data/out" 2>"$data/err" &
pid=$!

main() {
    local origin='' token missed=0
    for _ in $(seq 200); do
        origin=$(grep -o 'http://127.0.0.1:[0-9]*' "$data/out" | head -1) && [ -n "$origin" ] && break
        sleep 0.1
    done
    [ -n "$origin" ] || { cat "$data/err" >&2; exit 2; }
    token=$(curl -sS "$origin/api/v1/auth/register" -H 'Content-Type: application/json' \
        -d '{"username":"bench","email":"bench@example.org","password":"correct horse"}' |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
    echo "| a minute of 1080p30 | playable after, ms (median, all) | target | ready after, s | largest worker, MB (target 800) |"
    echo "|---|---|---|---|---|"
    # Something that moves, with detail: a test picture with grain.
    ffmpeg -v error -f lavfi -i testsrc2=s=1920x1080:r=30:d=60,noise=alls=8:allf=t -f lavfi -i sine=f=330:r=48000:d=60 \
        -c:v libx264 -preset veryfast -b:v 8M -g 60 -pix_fmt yuv420p -c:a aac "$data/h264.mp4"
    measure h264.mp4 2000 || missed=1
    ffmpeg -v error -i "$data/h264.mp4" -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 6M -g 60 -c:a libopus "$data/vp9.webm"
    measure vp9.webm 8000 || missed=1
    return $missed
}

measure() { # FILE TARGET_MS
    local round began id times=() ready=() memory=() largest
    for ((round = 0; round < rounds; round++)); do
        id=$(curl -sS "$origin/api/v1/videos" -H "Authorization: Bearer $token" -F title=Bench -F visibility=public \
            -F "file=@$data/$1" | sed 's/.*"id":"\([^"]*\)","title".*/\1/')
        began=$(now_ms)
        : >"$data/memory"
        until first_segment "$id"; do remember; sleep 0.02; done
        times+=($(($(now_ms) - began)))
        until curl -sS "$origin/api/v1/videos/$id" | grep -q '"status":"ready"'; do remember; sleep 0.1; done
        ready+=($(((($(now_ms) - began) + 500) / 1000)))
        memory+=("$(sort -n "$data/memory" | tail -1)")
        curl -sS -o /dev/null -X DELETE "$origin/api/v1/videos/$id" -H "Authorization: Bearer $token"
    done
    largest=$(printf '%s\n' "${memory[@]}" | sort -n | tail -1)
    echo "| $1 | $(median "${times[@]}") (${times[*]}) | $2 | ${ready[*]} | $largest |"
    [ "$(median "${times[@]}")" -le "$2" ] && [ "$largest" -le 800 ]
}

first_segment() {
    local base=$origin/media/v/$1 playlist segment
    playlist=$(curl -sfS "$base/master.m3u8" 2>/dev/null | grep -v '^#' | head -1) || return 1
    segment=$(curl -sfS "$base/$playlist" 2>/dev/null | grep -v '^#' | head -1) || return 1
    [ -n "$segment" ] && curl -sfS -o /dev/null "$base/${playlist%/*}/$segment" 2>/dev/null
}

# Of each worker that runs, in MB.
remember() {
    local worker
    for worker in $(pgrep -f media-worker || true); do
        awk '/VmHWM/ { print int(($2 + 512) / 1024) }' "/proc/$worker/status" 2>/dev/null >>"$data/memory" || true
    done
}

now_ms() { date +%s%3N; }
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

main
