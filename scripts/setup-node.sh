#!/usr/bin/env bash
# Makes sure that a Node new enough for Vite is there. Debian 12's own is version 18: it is used once, to fetch a newer
# one from the npm registry into .cache/node, which the Makefile puts first on the PATH. Nothing outside is changed.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_VERSION=22.23.3
NPM_VERSION=11.19.1
home=.cache/node

new_enough() {
    command -v npm >/dev/null && "$1" -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
    ' 2>/dev/null
}

[ ! -x "$home/bin/node" ] || exit 0
! new_enough node || exit 0

case $(uname -m) in
x86_64) flavour=x64 ;;
aarch64) flavour=arm64 ;;
*)
    echo "setup: please install Node 20.19 or newer; there is none to fetch for $(uname -m)" >&2
    exit 1
    ;;
esac

command -v npm >/dev/null || scripts/setup-debian.sh nodejs npm
echo "setup: fetching Node $NODE_VERSION from the npm registry into $home"
rm -rf "$home"
mkdir -p "$home/bin"
npm install --prefix "$home" --no-audit --no-fund --no-save --loglevel=error \
    "node-linux-$flavour@$NODE_VERSION" "npm@$NPM_VERSION"
ln -s ../node_modules/npm/bin/npm-cli.js "$home/bin/npm"
ln -s ../node_modules/npm/bin/npx-cli.js "$home/bin/npx"
# Last: its being there is what says that all of this is done.
ln -s "../node_modules/node-linux-$flavour/bin/node" "$home/bin/node"
"$home/bin/node" --version >/dev/null
