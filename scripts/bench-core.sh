#!/usr/bin/env bash
# The engagement core against its targets: durable comments over 64 rooms, likes on one video over 5,000 sockets, a mixed
# crowd of 10,000 and a storm of 10,000 that reconnect. Each part has a server and a data folder of its own. Prints a table
# for docs/benchmarks.md; reports with charts are in target/bench-core. Ends with 1 when a target was missed.
# Usage: scripts/bench-core.sh [comments] [likes] [mixed] [storm], all of them by default.
# Environment: MIXED_DURATION (10m), BENCH_DURATION (20s), BENCH_SCALE (1; 10 is a tenth of the users and rates),
#   PLAYHOUSE_BIN to measure a server that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
server=${PLAYHOUSE_BIN:-$target/release/playhouse}
scale=${BENCH_SCALE:-1}
lasts=${BENCH_DURATION:-20s}
reports=$target/bench-core
parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(comments likes mixed storm)

if [ -z "${PLAYHOUSE_BIN:-}" ]; then
    cargo build --release --quiet --bin playhouse
fi
cargo build --release --quiet -p playhouse-loadtest
ulimit -n "$(ulimit -Hn)"

data='' pid=''
stop_server() {
    [ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid" || true; }
    [ -z "$data" ] || rm -rf "$data"
    pid='' data=''
}
trap stop_server EXIT

# Sets `origin`. Password hashing is made cheap: thousands of accounts are not what is measured.
start_server() {
    data=$(mktemp -d)
    PLAYHOUSE__SERVER__LISTEN=127.0.0.1:0 PLAYHOUSE__SERVER__DATA_DIR=$data PLAYHOUSE__LIMITS__ENABLED=false \
        PLAYHOUSE__AUTH__ARGON2_MEMORY_KIB=8192 PLAYHOUSE__AUTH__ARGON2_ITERATIONS=1 \
        PLAYHOUSE__AUTH__ACCESS_TOKEN_TTL_S=86400 PLAYHOUSE__TELEMETRY__LOG=warn \
        "$server" serve >"$data/out" 2>"$data/err" &
    pid=$!
    for _ in $(seq 200); do
        origin=$(sed -n 's/^playhouse listens on \(http:[^ ]*\).*/\1/p' "$data/out")
        [ -z "$origin" ] || return 0
        kill -0 "$pid" || { cat "$data/err" >&2; exit 2; }
        sleep 0.1
    done
    echo "bench-core: the server did not start" >&2
    exit 2
}

# An administrator's token, for accounts in bulk.
admin_token() {
    local password
    password=$(sed -n 's/^ *password *//p' "$data/out")
    curl -s "$origin/api/v1/auth/login" -H 'content-type: application/json' \
        -d "{\"username\":\"admin\",\"password\":\"$password\"}" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}

missed=0
# part NAME ARGUMENTS...: one run against a server of its own.
part() {
    local name=$1 code=0
    shift
    start_server
    echo "=== $name" >&2
    "$target/release/playhouse-loadtest" run --target "$origin" --admin-token "$(admin_token)" \
        --report "$reports/$name" --gate errors=0 "$@" || code=$?
    [ "$code" -eq 0 ] || missed=1
    stop_server
}

for name in "${parts[@]}"; do
    case $name in
    comments)
        part comments --scenario chat --rooms 64 --users $((256 / scale)) --speakers $((256 / scale)) \
            --rate $((12000 / scale)) --ramp 2s --duration "$lasts" --gate "comments_per_s=$((10000 / scale))"
        ;;
    likes)
        part likes --scenario likes --users $((5000 / scale)) --rate $((24000 / scale)) --ramp 2s \
            --duration "$lasts" --gate "reactions_per_s=$((20000 / scale))"
        ;;
    mixed)
        part mixed --scenario mixed --rooms 16 --users $((10000 / scale)) --ramp 20s \
            --duration "${MIXED_DURATION:-10m}" --gate rest_p99_ms=250
        ;;
    storm)
        part storm --scenario reconnect --users $((10000 / scale + 16)) --speakers 16 --rate 20 \
            --duration 30s --gate settle_max_ms=5000
        ;;
    *)
        echo "bench-core: no part is called $name" >&2
        exit 2
        ;;
    esac
done

node - "$reports" "$(git rev-parse --short HEAD), $(date -u +%F)" "${parts[@]}" <<'JS' | tee "$reports/core.md"
const { readFileSync } = require("node:fs");
const [reports, label, ...parts] = process.argv.slice(2);
const rows = {
  comments: ["durable comments a second, 64 rooms", "comments_per_s", "answer"],
  likes: ["likes a second on one video", "reactions_per_s", "reaction"],
  mixed: ["the mixed crowd: p99 of REST, ms", "rest_p99_ms", "rest"],
  storm: ["the reconnect storm settled after, ms", "settle_max_ms", "settle"],
};
const round = (value) => (value === undefined ? "-" : value.toLocaleString("en", { maximumFractionDigits: 1 }));
console.log(`${label}: server and client on the same cores, loopback, no TLS\n`);
console.log("| what | users | asked | found | p50 / p99 / max ms | errors | client cores | |\n|---|---|---|---|---|---|---|---|");
for (const part of parts) {
  const report = JSON.parse(readFileSync(`${reports}/${part}/report.json`));
  const [what, figure, timer] = rows[part];
  const gate = report.gates.find((gate) => gate.name === figure);
  const of = (percentile) => round(report.figures[`${timer}_${percentile}_ms`]);
  console.log(`| ${what} | ${report.users} | ${gate.asked} | ${round(gate.found)} | ${of("p50")} / ${of("p99")} / ${of("max")} | ${report.figures.errors} | ${report.client_cores.toFixed(2)} | ${report.verdict.replaceAll("_", " ")} |`);
}
JS
exit "$missed"
