#!/usr/bin/env bash
# Real servers for integration tests and benchmarks, on 127.0.0.1 only. Needs Debian and Go.
#
#   services.sh install NAME...          fetch or build what is missing
#   services.sh start NAME [--dir DIR]   wait until NAME answers, print its URL; keeps a running one
#   services.sh stop  NAME [--dir DIR]   end it in order; files stay, `start` goes on with them
#
#   NAME           its port                    what answers
#   redis          REDIS_PORT (16379)          Redis 7, in memory only
#   redis-cluster  REDIS_CLUSTER_PORT (17000)  three masters, on this port and the next two
#   s3             S3_PORT (19000)             versitygw over files: key playhouse, secret
#                                              playhouse-secret, bucket playhouse, us-east-1
#   toxiproxy      TOXIPROXY_PORT (18474)      control API; proxies are made through it
#
# DIR, by default CACHE/run, holds NAME/ (files), NAME.log and NAME.pid.
# CACHE is ${PLAYHOUSE_TOOLS:-~/.cache/playhouse-tools}.
set -euo pipefail
PATH=$PATH:/usr/sbin

s3_package=github.com/versity/versitygw/cmd/versitygw@v1.8.0
toxiproxy_package=github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0

cache=${PLAYHOUSE_TOOLS:-$HOME/.cache/playhouse-tools}
names='redis redis-cluster s3 toxiproxy'
ready_timeout_s=30
stop_timeout_s=10

main() {
    local command=${1-} name
    [[ $command =~ ^(install|start|stop)$ && $# -gt 1 ]] || usage
    shift
    if [[ $command == install ]]; then
        check_names "$@"
        for name; do "install_${name//-/_}"; done
        return
    fi
    check_names "$1"
    dir=$cache/run
    if (($# > 1)); then
        [[ $# == 3 && $2 == --dir ]] || usage
        dir=$3
    fi
    dir=$(realpath -m "$dir")
    if [[ $command == stop ]]; then stop "$1"; else "start_${1//-/_}"; fi
}

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

fail() {
    echo "services.sh: $*" >&2
    exit 1
}

check_names() {
    local name
    for name; do [[ " $names " == *" $name "* ]] || fail "no service '$name'; there are: $names"; done
}

install_redis() { debian_package redis-server redis-server; }
install_redis_cluster() { install_redis; }
install_s3() { go_program "$(program s3)" "$s3_package"; }
install_toxiproxy() { go_program "$(program toxiproxy)" "$toxiproxy_package"; }

start_redis() {
    local port=${REDIS_PORT:-16379}
    start_redis_node redis "$port"
    echo "redis://127.0.0.1:$port"
}

start_redis_cluster() {
    local first=${REDIS_CLUSTER_PORT:-17000} port nodes=()
    local ports=("$first" $((first + 1)) $((first + 2)))
    for port in "${ports[@]}"; do
        start_redis_node "redis-cluster-$port" "$port" --cluster-enabled yes --cluster-node-timeout 2000
        nodes+=("127.0.0.1:$port")
    done
    cluster_says "$first" cluster_known_nodes:3 ||
        redis-cli --cluster create "${nodes[@]}" --cluster-yes >"$dir/redis-cluster.log"
    for port in "${ports[@]}"; do
        wait_for "redis-cluster-$port" cluster_says "$port" cluster_state:ok
    done
    (IFS=, && echo "redis+cluster://${nodes[*]}")
}

cluster_says() { [[ $(redis-cli -p "$1" cluster info) == *"$2"* ]]; }

start_redis_node() { # NAME PORT [OPTION...]
    launch "$1" "$2" redis-server --bind 127.0.0.1 --port "$2" --save '' --appendonly no "${@:3}"
}

start_s3() {
    local port=${S3_PORT:-19000}
    mkdir -p "$dir/s3/buckets/playhouse" "$dir/s3/versions"
    export ROOT_ACCESS_KEY=playhouse ROOT_SECRET_KEY=playhouse-secret
    launch s3 "$port" "$(program s3)" --port "127.0.0.1:$port" --quiet \
        posix --versioning-dir "$dir/s3/versions" "$dir/s3/buckets"
    echo "http://127.0.0.1:$port"
}

start_toxiproxy() {
    local port=${TOXIPROXY_PORT:-18474}
    launch toxiproxy "$port" "$(program toxiproxy)" -host 127.0.0.1 -port "$port"
    echo "http://127.0.0.1:$port"
}

# Runs COMMAND in DIR/NAME, which `running` tells it by, and returns once it accepts connections.
launch() { # NAME PORT COMMAND...
    local name=$1 port=$2
    shift 2
    ! running "$name" || return 0
    command -v "$1" >/dev/null || fail "$name is missing; run: services.sh install $name"
    ! accepts "$port" || fail "port $port is taken; choose another for $name"
    mkdir -p "$dir/$name"
    (cd "$dir/$name" && exec setsid "$@" >"$dir/$name.log" 2>&1 </dev/null) &
    echo $! >"$dir/$name.pid"
    wait_for "$name" accepts "$port"
}

stop() {
    local pid_file
    for pid_file in "$dir/$1.pid" "$dir/$1"-[0-9]*.pid; do end "$(basename "$pid_file" .pid)"; done
}

end() {
    running "$1" || return 0
    local pid deadline=$((SECONDS + stop_timeout_s))
    pid=$(<"$dir/$1.pid")
    kill "$pid"
    while running "$1" && ((SECONDS < deadline)); do sleep 0.05; done
    ! running "$1" || kill -KILL "$pid"
    rm "$dir/$1.pid"
}

# The working directory tells ours from a stranger that was given the same pid later.
running() { [[ -f $dir/$1.pid && $(readlink "/proc/$(<"$dir/$1.pid")/cwd")/ == "$dir/$1/"* ]]; }

accepts() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_for() { # NAME CONDITION...
    local name=$1 deadline=$((SECONDS + ready_timeout_s))
    shift
    until "$@"; do
        if ! kill -0 "$(<"$dir/$name.pid")" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 20 "$dir/$name.log" >&2
            fail "$name did not start; its log is $dir/$name.log"
        fi
        sleep 0.05
    done
}

program() { # NAME: where its binary is, named by its version
    local package=${1}_package
    echo "$cache/$1@${!package##*@}"
}

go_program() { # FILE PACKAGE
    [[ ! -x $1 ]] || return 0
    mkdir -p "$cache"
    GOBIN=$cache go install -ldflags='-s -w' "$2" >&2
    mv "$cache/$(basename "${2%@*}")" "$1"
}

debian_package() { # PROGRAM PACKAGE
    ! command -v "$1" >/dev/null || return 0
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get update >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$2" >&2
}

main "$@"
