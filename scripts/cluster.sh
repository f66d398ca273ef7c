#!/usr/bin/env bash
# Two Playhouse nodes as one on this machine, over three Cassandra nodes, Redis and an S3 server, behind a small TCP round-robin
# without sticky sessions; then the end-to-end story of tests/browser against it. Everything is new at each start and ends with it.
# Usage: scripts/cluster.sh [TEST FILE...] (all that can run against one server by default), or, with KEEP=1, none and until Ctrl-C.
# Environment: CLUSTER_PORT (18800; the nodes listen on the two after it), REDIS_PORT (18890), S3_PORT (18891), CQL_PORT (9342, on
#   127.0.0.1 to 127.0.0.3), PLAYHOUSE_TOOLS (.cache/servers), PLAYHOUSE_BIN for a program that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

front=127.0.0.1:${CLUSTER_PORT:-18800}
nodes=("127.0.0.1:$((${front#*:} + 1))" "127.0.0.1:$((${front#*:} + 2))")
cql_port=${CQL_PORT:-9342}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
playhouse=${PLAYHOUSE_BIN:-$target/debug/playhouse}
# Short, as are the paths below it that Cassandra is told.
place=$target/cluster
export REDIS_PORT=${REDIS_PORT:-18890} S3_PORT=${S3_PORT:-18891}
export PLAYHOUSE_TOOLS=${PLAYHOUSE_TOOLS:-$PWD/.cache/servers}
tests=("$@")
[ "${#tests[@]}" -gt 0 ] || tests=(cluster.test.mjs main-job.test.mjs talk.test.mjs tus.test.mjs)

ready_within_s=60
stop_within_s=40
processes=()

end_all() {
    trap - EXIT INT TERM
    local pid number deadline=$((SECONDS + stop_within_s))
    for pid in "${processes[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${processes[@]}"; do
        while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
    done
    for number in 1 2 3; do tests/servers/cassandra.sh kill --data "$place/cassandra-$number" || true; done
    for name in redis s3; do tests/servers/services.sh stop "$name" --dir "$place" || true; done
}

say() { echo "cluster: $*" >&2; }

start_servers() {
    say "three Cassandra nodes, Redis, S3"
    tests/servers/services.sh start redis --dir "$place" >/dev/null
    tests/servers/services.sh start s3 --dir "$place" >/dev/null
    local number
    for number in 1 2 3; do
        # Each but the first joins the first, one after the other: two that join at once may get the same tokens.
        tests/servers/cassandra.sh start --data "$place/cassandra-$number" --listen "127.0.0.$number" --port "$cql_port" \
            --seed 127.0.0.1 >/dev/null
    done
}

# What all nodes are told; the keys are those of tests/servers/services.sh.
settings() {
    local hosts="127.0.0.1:$cql_port,127.0.0.2:$cql_port,127.0.0.3:$cql_port"
    export PLAYHOUSE__BACKENDS__STORE="scylla://$hosts/cluster?replication=3"
    export PLAYHOUSE__BACKENDS__BUS="redis://127.0.0.1:$REDIS_PORT?prefix=cluster"
    export PLAYHOUSE__BACKENDS__OBJECTS="s3://playhouse?endpoint=http://127.0.0.1:$S3_PORT&region=us-east-1"
    export AWS_ACCESS_KEY_ID=playhouse AWS_SECRET_ACCESS_KEY=playhouse-secret
    export PLAYHOUSE__SERVER__PUBLIC_URL="http://$front"
    # The first node makes it.
    export PLAYHOUSE__SERVER__KEY_FILE=$place/seed
    export PLAYHOUSE__LIMITS__ENABLED=${PLAYHOUSE__LIMITS__ENABLED:-false}
    export PLAYHOUSE__MEDIA__LEASE_S=${PLAYHOUSE__MEDIA__LEASE_S:-10}
    export PLAYHOUSE__TELEMETRY__LOG=${PLAYHOUSE__TELEMETRY__LOG:-warn}
}

answers() { # ADDRESS
    [[ $(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "http://$1/health/ready") == 200 ]]
}

start_node() { # NUMBER
    local address=${nodes[$1 - 1]} data=$place/node-$1 deadline=$((SECONDS + ready_within_s))
    mkdir -p "$data"
    PLAYHOUSE__SERVER__LISTEN=$address PLAYHOUSE__SERVER__DATA_DIR=$data \
        "$playhouse" serve >"$place/node-$1.out" 2>"$place/node-$1.log" &
    local pid=$!
    processes+=("$pid")
    until answers "$address"; do
        kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)) || {
            cat "$place/node-$1.log" >&2
            say "node $1 does not start"
            exit 1
        }
        sleep 0.2
    done
    say "node $1 is ready on http://$address"
}

start_front() {
    "$target/debug/examples/round_robin" "$front" "${nodes[@]}" 2>"$place/round-robin.log" &
    processes+=("$!")
    until answers "$front"; do
        kill -0 "$!" 2>/dev/null || { cat "$place/round-robin.log" >&2 && exit 1; }
        sleep 0.1
    done
    say "all of it is on http://$front"
}

rm -rf "$place"
mkdir -p "$place"
trap end_all EXIT
trap 'exit 130' INT TERM
[ -n "${PLAYHOUSE_BIN:-}" ] || cargo build --bin playhouse
cargo build --example round_robin
start_servers
settings
"$playhouse" schema apply >"$place/schema.cql"
start_node 1
start_node 2
start_front
sed -n 's/^ *user name/cluster: user name/p; s/^ *password/cluster: password/p' "$place/node-1.out" >&2

if [ -n "${KEEP:-}" ]; then
    say "it runs until Ctrl-C; logs and data are in $place"
    wait -n "${processes[@]}"
    say "a process has ended, see the logs in $place"
    exit 1
fi
code=0
(
    cd tests/browser
    export PLAYHOUSE_URL="http://$front" PLAYHOUSE_NODES="http://${nodes[0]},http://${nodes[1]}"
    export PLAYHOUSE_OBJECTS_DIR="$place/s3/buckets/playhouse" NODE_OPTIONS=--experimental-websocket
    exec node --test --test-concurrency=1 --test-timeout=900000 --test-reporter=spec "${tests[@]}"
) || code=$?
if grep -l panicked "$place"/node-*.log >&2; then
    say "a node has panicked"
    code=1
fi
((code == 0)) || say "logs are in $place"
exit "$code"
