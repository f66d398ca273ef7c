#!/usr/bin/env bash
# What one Cassandra node on this machine takes of comments and reactions. The node is started for it and ended after it.
# Usage: scripts/bench-store-cql.sh [SECONDS for each figure]. CQL_PORT, by default 9242, has to be free.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${CQL_PORT:-9242}
data=$(mktemp -d)
node=(tests/servers/cassandra.sh)
trap '"${node[@]}" kill --data "$data"; rm -rf "$data"' EXIT

cargo build --release --quiet --example bench_store_cql
"${node[@]}" start --data "$data" --port "$port" --heap 1G >/dev/null
"${TARGET:-${CARGO_TARGET_DIR:-target}}"/release/examples/bench_store_cql \
    "scylla://127.0.0.1:$port/bench?replication=1" "${1:-15}"
