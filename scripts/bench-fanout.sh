#!/usr/bin/env bash
# Playhouse beside bun, Socket.IO and centrifuge: fetches and builds the rivals (versions pinned in rivals/), builds both
# sides of Playhouse in release mode and runs `playhouse-loadtest compare`. Prints the table for docs/benchmarks.md and
# leaves compare.json and compare.md in target/bench-fanout. Wants a quiet machine and about 40 minutes.
# Usage: scripts/bench-fanout.sh [arguments of compare], such as --rows floor,batched --rounds 1 --duration 5s
set -euo pipefail
cd "$(dirname "$0")/.."

need() {
    command -v "$1" >/dev/null || {
        echo "bench-fanout: $1 is missing: $2" >&2
        exit 2
    }
}
need npm "install Node 20 or newer"
need go "install Go 1.24 or newer"
target=${CARGO_TARGET_DIR:-target}

npm_packages() {
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
    touch "$1/node_modules/.package-lock.json"
}
npm_packages rivals/socketio
npm_packages rivals/bun
# npm may have put a placeholder where the program belongs; its own script fetches the program.
bun=rivals/bun/node_modules/bun/bin/bun.exe
"$bun" --version >/dev/null 2>&1 || (cd rivals/bun && node node_modules/bun/install.js)
"$bun" --version >/dev/null

mkdir -p .cache/rivals
(cd rivals/centrifuge && go build -o ../../.cache/rivals/centrifuge .)

# PLAYHOUSE_BIN measures a server that is there already.
if [ -z "${PLAYHOUSE_BIN:-}" ]; then
    cargo build --release --quiet --bin playhouse
fi
cargo build --release --quiet -p playhouse-loadtest

# Ten thousand sockets on each side.
ulimit -n "$(ulimit -Hn)"
label="$(git rev-parse --short HEAD)$(git diff --quiet || echo ' with changes'), $(date -u +%F)"
exec "$target/release/playhouse-loadtest" compare --label "$label" --report "$target/bench-fanout" \
    --playhouse "${PLAYHOUSE_BIN:-$target/release/playhouse}" --bun "$bun" "$@"
