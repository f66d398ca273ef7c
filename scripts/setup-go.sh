#!/usr/bin/env bash
# Makes sure that a Go new enough for the S3 server of the tests is there. Debian 12's own is version 1.19: a newer one is
# fetched from Go's module proxy into .cache/go, which the Makefile puts last on the PATH. Nothing outside is changed.
set -euo pipefail
cd "$(dirname "$0")/.."

GO_VERSION=1.26.8
home=.cache/go

new_enough() {
    local version
    version=$("$1" env GOVERSION 2>/dev/null) || return
    [ "$(printf '%s\n' go1.25 "$version" | sort -V | head -1)" = go1.25 ]
}

! new_enough go || exit 0
! new_enough "$home/bin/go" || exit 0

case $(uname -m) in
x86_64) flavour=linux-amd64 ;;
aarch64) flavour=linux-arm64 ;;
*)
    echo "setup: please install Go 1.25 or newer (https://go.dev/dl); there is none to fetch for $(uname -m)" >&2
    exit 1
    ;;
esac

scripts/setup-debian.sh curl unzip
proxy=${GOPROXY:-https://proxy.golang.org}
module=golang.org/toolchain@v0.0.1-go$GO_VERSION.$flavour
echo "setup: fetching Go $GO_VERSION from the module proxy into $home"
rm -rf "$home" "$home.part"
mkdir -p "$home.part"
trap 'rm -rf "$home.part"' EXIT
curl -sSfL --retry 3 -o "$home.part/go.zip" "${proxy%%[,|]*}/${module/@//@v/}.zip"
unzip -q "$home.part/go.zip" -d "$home.part"
chmod +x "$home.part/$module"/bin/* "$home.part/$module"/pkg/tool/*/*
mv "$home.part/$module" "$home"
"$home/bin/go" version >/dev/null
