#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are not there yet, and says which before it does.
# Without anything missing it ends in a blink, so every target may call it.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian; please install what these packages are called here: ${missing[*]}" >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
    command -v sudo >/dev/null || {
        echo "setup: neither root nor sudo; please install: ${missing[*]}" >&2
        exit 1
    }
fi

echo "setup: installing these Debian packages${as_root:+ with sudo}: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
echo "setup: Debian packages are there"
