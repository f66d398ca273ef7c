#!/usr/bin/env bash
# Builds cargo-deny once into .cache/tools: it holds licences, advisories and sources of every crate.
set -euo pipefail
cd "$(dirname "$0")/.."

DENY_VERSION=0.20.2
[ "$(.cache/tools/bin/cargo-deny --version 2>/dev/null)" != "cargo-deny $DENY_VERSION" ] || exit 0
echo "setup: building cargo-deny $DENY_VERSION into .cache/tools (some minutes, once)"
cargo install cargo-deny --version "$DENY_VERSION" --locked --quiet --root .cache/tools \
    --target-dir .cache/tools/target
rm -rf .cache/tools/target
