#!/usr/bin/env bash
# Uploads over tus into Playhouse and into tusd, side by side: one of 1 GiB, then 16 of 64 MiB at once, rounds
# interleaved. Prints a table for docs/benchmarks.md: MiB a second, and CPU seconds of the server a GiB (its own
# utime + stime). Playhouse says that an upload is complete once it has been fsynced; tusd does not sync, so that a third
# column says how fast it is when what it was sent is synced behind it.
# Usage: scripts/bench-upload.sh [rounds]   PLAYHOUSE_BIN measures a server that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
tusd_version=v2.10.0
work=${CARGO_TARGET_DIR:-target}/bench-upload
playhouse_port=18580 tusd_port=18581
export LC_ALL=C

main() {
    build
    rm -rf "$work"
    mkdir -p "$work"
    work=$(realpath "$work")
    head -c 1G /dev/urandom >"$work/whole"
    split -n 16 -d "$work/whole" "$work/part."
    trap stop EXIT
    start_playhouse
    start_tusd
    local round name
    for ((round = 0; round < rounds; round++)); do
        for name in playhouse tusd; do
            measure "$name" one "$work/whole"
            measure "$name" sixteen "$work"/part.*
        done
    done
    report
}

build() {
    command -v go >/dev/null || { echo "bench-upload: go is missing: install Go 1.24 or newer" >&2; exit 2; }
    [ -n "${PLAYHOUSE_BIN:-}" ] || cargo build --release --quiet --bin playhouse
    playhouse=$(realpath "${PLAYHOUSE_BIN:-${CARGO_TARGET_DIR:-target}/release/playhouse}")
    tusd=$PWD/.cache/rivals/tusd-$tusd_version
    [ -x "$tusd" ] && return
    local folder
    folder=$(go mod download -json "github.com/tus/tusd/v2@$tusd_version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    (cd "$folder" && go build -o "$tusd" ./cmd/tusd)
}

start_playhouse() {
    local url=http://127.0.0.1:$playhouse_port
    PLAYHOUSE__SERVER__DATA_DIR=$work/playhouse PLAYHOUSE__SERVER__LISTEN=127.0.0.1:$playhouse_port \
        PLAYHOUSE__LIMITS__ENABLED=false "$playhouse" serve >"$work/playhouse.log" 2>&1 &
    pid_playhouse=$!
    wait_for "$url/health/live"
    local token
    token=$(curl -sf "$url/api/v1/auth/register" -H 'content-type: application/json' \
        -d '{"username":"bench","email":"bench@example.org","password":"correct horse"}' |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
    endpoint_playhouse=$url/api/v1/uploads
    header_playhouse="Authorization: Bearer $token"
}

start_tusd() {
    mkdir -p "$work/tusd"
    "$tusd" -upload-dir "$work/tusd" -host 127.0.0.1 -port $tusd_port -base-path /files/ >"$work/tusd.log" 2>&1 &
    pid_tusd=$!
    wait_for "http://127.0.0.1:$tusd_port/"
    endpoint_tusd=http://127.0.0.1:$tusd_port/files/
    header_tusd="X-None: 1"
}

wait_for() {
    local deadline=$((SECONDS + 20))
    until curl -s -o /dev/null "$1"; do
        ((SECONDS < deadline)) || { echo "bench-upload: nobody answers at $1" >&2; exit 1; }
        sleep 0.1
    done
}

# Appends a line: name, what, seconds, CPU ticks.
measure() { # NAME WHAT FILE...
    local name=$1 what=$2
    shift 2
    local pid=pid_$name endpoint=endpoint_$name header=header_$name
    sync
    local ticks began
    ticks=$(cpu_ticks "${!pid}")
    began=$(date +%s%N)
    local file uploads=()
    for file; do
        upload "${!endpoint}" "${!header}" "$file" &
        uploads+=($!)
    done
    wait "${uploads[@]}"
    local took=$(($(date +%s%N) - began))
    [ "$name" = playhouse ] || sync "$work/tusd"/*
    echo "$name $what $took $(($(cpu_ticks "${!pid}") - ticks)) $(($(date +%s%N) - began))" >>"$work/figures"
    rm -rf "$work/tusd"/* "$work/playhouse/objects/sources"/*
}

upload() { # ENDPOINT HEADER FILE
    local location
    location=$(curl -sf -D - -o /dev/null -X POST "$1" -H "$2" -H 'Tus-Resumable: 1.0.0' \
        -H "Upload-Length: $(stat -c %s "$3")" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    [[ $location == http* ]] || location=${1%%/api/*}$location
    curl -sf -o /dev/null -X PATCH -T "$3" "$location" -H "$2" -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 0' \
        -H 'Content-Type: application/offset+octet-stream' -H 'Expect:'
}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

report() {
    local hertz
    hertz=$(getconf CLK_TCK)
    echo "commit $(git rev-parse --short HEAD)$(git diff --quiet || echo ' with changes'), $(date -u +%F), medians of $rounds rounds"
    awk -v hertz="$hertz" '
        function median(key, count, i, j, swap) {
            count = counts[key]
            for (i = 1; i <= count; i++) sorted[i] = values[key, i]
            for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++)
                if (sorted[j] < sorted[i]) { swap = sorted[i]; sorted[i] = sorted[j]; sorted[j] = swap }
            return sorted[int((count + 1) / 2)]
        }
        function note(key, value) { values[key, ++counts[key]] = value }
        {
            note($1 " " $2 " speed", 1024 / ($3 / 1e9)); note($1 " " $2 " cpu", $4 / hertz)
            note($1 " " $2 " synced", 1024 / ($5 / 1e9))
        }
        END {
            print "| uploads | playhouse MiB/s | tusd MiB/s, ratio | tusd then synced MiB/s, ratio | playhouse CPU s a GiB | tusd CPU s a GiB | ratio |"
            print "|---|---|---|---|---|---|---|"
            split("one sixteen", kinds); name["one"] = "one of 1 GiB"; name["sixteen"] = "16 of 64 MiB at once"
            for (k = 1; k <= 2; k++) {
                kind = kinds[k]
                ps = median("playhouse " kind " speed"); ts = median("tusd " kind " speed")
                pc = median("playhouse " kind " cpu"); tc = median("tusd " kind " cpu")
                ss = median("tusd " kind " synced")
                printf "| %s | %.0f | %.0f, %.2f | %.0f, %.2f | %.2f | %.2f | %.2f |\n", name[kind], ps, ts, ps / ts, ss, ps / ss, pc, tc, pc / tc
            }
        }' "$work/figures"
}

stop() { kill "$pid_playhouse" "$pid_tusd" 2>/dev/null || true; rm -rf "$work"; }

main
