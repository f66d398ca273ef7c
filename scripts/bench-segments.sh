#!/usr/bin/env bash
# Playhouse beside Debian's nginx (the binary of nginx-light), serving the same bytes: a segment of 1 MB and a playlist of
# 2 KB. One core for the server, the other for wrk; what counts is requests for each second of CPU time that the server
# used (utime + stime of /proc, all threads). Prints the table for docs/benchmarks.md; ends with 1 when a target was
# missed. Wants a quiet machine, two cores and about three minutes.
# Environment: PLAYHOUSE_BIN to measure a server that is there already, ROUNDS (3), SECONDS_EACH (8), CONNECTIONS (16),
#   TARGET_RATIO (0.8).
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
server=${PLAYHOUSE_BIN:-$target/release/playhouse}
rounds=${ROUNDS:-3} each=${SECONDS_EACH:-8} connections=${CONNECTIONS:-16} wanted=${TARGET_RATIO:-0.8}

scripts/setup-debian.sh wrk ffmpeg curl
nginx=.cache/rivals/nginx/usr/sbin/nginx
if [ ! -x "$nginx" ]; then
    # Unpacked, not installed: an installed nginx would begin to serve port 80.
    mkdir -p .cache/rivals/nginx
    (cd .cache/rivals/nginx && apt-get download -qq nginx 2>/dev/null && dpkg -x nginx_*.deb . && rm nginx_*.deb)
fi
[ -n "${PLAYHOUSE_BIN:-}" ] || cargo build --release --quiet --bin playhouse

data=$(mktemp -d)
pids=()
# shellcheck disable=SC2317
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
    rm -rf "$data"
}
trap cleanup EXIT

PLAYHOUSE__SERVER__LISTEN=127.0.0.1:0 PLAYHOUSE__SERVER__DATA_DIR=$data/playhouse PLAYHOUSE__TELEMETRY__LOG=warn \
    PLAYHOUSE__LIMITS__ENABLED=false PLAYHOUSE__MEDIA__LADDER=144 \
    taskset -c 0 "$server" serve >"$data/out" 2>"$data/err" &
pids+=($!)
playhouse=$!
for _ in $(seq 200); do
    origin=$(grep -o 'http://127.0.0.1:[0-9]*' "$data/out" | head -1) && [ -n "$origin" ] && break
    sleep 0.1
done
[ -n "${origin:-}" ] || { echo "bench-segments: the server did not start" >&2; cat "$data/err" >&2; exit 2; }

# A video long enough for a playlist of 2 KB, one of whose segments is then made 1 MB large.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
ffmpeg -v error -f lavfi -i testsrc2=s=256x144:r=5 -t 208 -c:v libx264 -g 20 -preset ultrafast -pix_fmt yuv420p "$data/clip.mp4"
token=$(curl -sS "$origin/api/v1/auth/register" -H 'Content-Type: application/json' \
    -d '{"username":"bench","email":"bench@example.org","password":"correct horse"}' | field access_token)
video=$(curl -sS "$origin/api/v1/videos" -H "Authorization: Bearer $token" -F title=Bench -F visibility=public \
    -F "file=@$data/clip.mp4" | sed 's/.*"id":"\([^"]*\)","title".*/\1/')
for _ in $(seq 600); do
    curl -sS "$origin/api/v1/videos/$video" | grep -q '"status":"ready"' && break
    sleep 0.2
done
base=/media/v/$video
playlist=$(curl -sS "$origin$base/master.m3u8" | grep -v '^#' | head -1)
segment=${playlist%/*}/seg00001.m4s
head -c 1000000 /dev/urandom >"$data/playhouse/objects/videos/$video/$segment"

root=$data/root
mkdir -p "$root$base/${playlist%/*}" "$data/nginx"
for file in "$playlist" "$segment"; do curl -sS "$origin$base/$file" -o "$root$base/$file"; done
port=$((20000 + RANDOM % 20000))
cat >"$data/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $data/nginx/pid;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    types { application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }
    client_body_temp_path $data/nginx/1; proxy_temp_path $data/nginx/2; fastcgi_temp_path $data/nginx/3;
    uwsgi_temp_path $data/nginx/4; scgi_temp_path $data/nginx/5;
    server {
        listen 127.0.0.1:$port;
        root $root;
        add_header Cache-Control "public, max-age=31536000, immutable";
        add_header Access-Control-Allow-Origin "*";
    }
}
CONF
chmod 755 "$data" "$data/nginx"
taskset -c 0 "$nginx" -e "$data/nginx/errors" -c "$data/nginx.conf" &
pids+=($!)
master=$!
for _ in $(seq 100); do
    worker=$(pgrep -P "$master" || true)
    [ -n "$worker" ] && curl -sS -o /dev/null "http://127.0.0.1:$port$base/$playlist" && break
    sleep 0.1
done

ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
# Requests for each second of CPU time: process, URL.
measure() {
    local before after answered
    before=$(ticks "$1")
    answered=$(taskset -c 1 wrk -t1 -c"$connections" -d"${each}s" "$2" | tee -a "$data/wrk" | awk '/requests in/ { print $1 }')
    after=$(ticks "$1")
    awk -v n="$answered" -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.0f\n", n * hz / t }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '| %s | bytes | nginx, requests/CPU-s | playhouse, requests/CPU-s | ratio (target %s) |\n|---|---|---|---|---|\n' what "$wanted"
missed=0
for what in segment playlist; do
    file=${!what}
    : >"$data/nginx.rates" && : >"$data/playhouse.rates"
    curl -sS -o /dev/null "$origin$base/$file"
    curl -sS -o /dev/null "$origin$base/$file"
    for _ in $(seq "$rounds"); do
        measure "$worker" "http://127.0.0.1:$port$base/$file" >>"$data/nginx.rates"
        measure "$playhouse" "$origin$base/$file" >>"$data/playhouse.rates"
    done
    theirs=$(median <"$data/nginx.rates") ours=$(median <"$data/playhouse.rates")
    ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')
    printf '| %s | %s | %s (%s) | %s (%s) | %s |\n' "$what" "$(stat -c %s "$root$base/$file")" "$theirs" \
        "$(paste -sd' ' "$data/nginx.rates")" "$ours" "$(paste -sd' ' "$data/playhouse.rates")" "$ratio"
    awk -v r="$ratio" -v w="$wanted" 'BEGIN { exit r < w }' || missed=1
done
grep -q 'Non-2xx\|Socket errors' "$data/wrk" && { echo "bench-segments: some requests failed" >&2; grep 'Non-2xx\|Socket errors' "$data/wrk" >&2; exit 2; }
exit "$missed"
