# Every command of the project. `make run` and `make test` need a Debian 12 with cargo (1.95 or newer) and git:
# they install the rest first, and say what. What is already done is not done again.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PATH := $(CURDIR)/.cache/node/bin:$(CURDIR)/.cache/tools/bin:$(PATH):$(CURDIR)/.cache/go/bin
export CARGO_TERM_COLOR ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
PLAYHOUSE := $(TARGET)/debug/playhouse
CLIPS := $(CURDIR)/.cache/clips
# The real servers of test-cluster.
SERVERS := $(CURDIR)/.cache/servers

# What the build and the server need, and what the tests need on top.
PACKAGES_RUN := build-essential pkg-config ca-certificates curl \
	libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
PACKAGES_TEST := clamav-daemon ffmpeg chromium firefox-esr fonts-dejavu-core unzip

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' \
	-not -path 'web/test-results/*' 2>/dev/null)

.PHONY: help run test test-long fuzz lint ci regen regen-declared regen-check bench-store bench-transcode bench-upload bench-segments \
	bench-fanout bench-core bench-search bench-store-cql test-cluster cluster chaos rolling clean-cache \
	setup setup-test setup-cluster web clips test-rust test-web test-browser

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

run: setup web ## Set up what is missing, build, and serve on http://127.0.0.1:8080
	cargo build --bin playhouse
	exec $(PLAYHOUSE) serve

test: setup-test web clips ## Set up what is missing and run every test
	$(MAKE) --no-print-directory test-rust
	$(MAKE) --no-print-directory test-web
	$(MAKE) --no-print-directory test-browser
	$(MAKE) --no-print-directory chaos

test-rust: setup-test web clips
	cargo build --workspace
	PLAYHOUSE_CLIPS=$(CLIPS) cargo test --workspace

test-web: web/node_modules/.package-lock.json
	cd web && npm test

test-browser: setup-test web clips tests/browser/node_modules/.package-lock.json
	cargo build --bin playhouse
	cd tests/browser && PLAYHOUSE_BIN=$(PLAYHOUSE) PLAYHOUSE_CLIPS=$(CLIPS) npm test

# FIRE_SEED repeats a run; FIRE_KILLS, FIRE_RATE, FIRE_SECONDS and others make it shorter or longer.
test-long: setup-test web ## Twenty kills under 10,000 operations/s, and ten minutes of churn
	cargo test --release --test fire -- --ignored --nocapture --test-threads 1

FUZZ_SECONDS ?= 60
fuzz: setup web ## Bytes nobody would send, to the decoder and through sockets, for FUZZ_SECONDS each
	FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --test wire fuzz -- --nocapture --test-threads 1

lint: setup web ## Format, clippy, docs, licences and advisories, the web's own lints, docker/
	scripts/setup-deny.sh
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --test cluster --test chaos -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	cargo deny --log-level error check licenses bans sources
	@if cargo deny --log-level off fetch db; then cargo deny --log-level error check advisories; \
	else echo "advisories: not checked, the database cannot be reached from here"; fi
	cd web && npm run lint
	@scripts/audit-npm.sh web tests/browser
	@scripts/lint-docker.sh

ci: test lint regen-check fuzz test-cluster cluster test-long ## What .ci/run runs, and the long runs: two hours
	$(MAKE) --no-print-directory chaos CHAOS_SECONDS=600

regen: regen-declared ## Write the generated files anew: configuration reference, CQL, OpenAPI, the page's types, odd files
	PLAYHOUSE_REGEN=1 cargo test --quiet --test odd_files

# Without the page of odd files: their test takes half a minute, and `make test` holds the page.
regen-declared: setup web
	PLAYHOUSE_REGEN=1 UPDATE_SCHEMA=1 cargo test --quiet --lib -- the_reference_page_is the_schema_file_is
	PLAYHOUSE_REGEN=1 cargo test --quiet --test fire -- the_transcript_of_the_realtime_page_is
	cargo build --quiet --bin playhouse
	$(PLAYHOUSE) openapi > schema/openapi.json
	cd web && npm run generate

regen-check: regen-declared
	git diff --exit-code -- docs schema web/src/api

bench-store: setup ## Durable writes a second of the embedded store, with p50 and p99
	cargo run --release --quiet --example bench_store

bench-transcode: setup-test web clips ## CPU time of the ladder against one ffmpeg command; how soon a minute of 1080p plays
	scripts/bench-transcode.sh
	scripts/bench-playable.sh

bench-upload: setup web ## One upload of 1 GiB and 16 at once into Playhouse and into tusd: MiB a second, CPU a GiB
	scripts/bench-upload.sh

bench-fanout: setup web ## Playhouse beside bun, Socket.IO and centrifuge: CPU a delivery, latency, memory, joins
	scripts/bench-fanout.sh

bench-core: setup web ## Comments, likes, a mixed crowd and a reconnect storm against their targets
	scripts/bench-core.sh

bench-segments: setup web ## Segments and playlists beside nginx: requests for each second of the server's CPU
	scripts/bench-segments.sh

bench-search: setup ## Searches among a million videos on one core, and how soon a change is found
	cargo build --release --quiet --example bench_search
	taskset -c 0 $(TARGET)/release/examples/bench_search

bench-store-cql: setup setup-cluster ## Comments and reactions a second on one Cassandra node, with p99
	PLAYHOUSE_TOOLS=$(SERVERS) scripts/bench-store-cql.sh

test-cluster: setup-test setup-cluster web clips ## What several machines share, on real servers: 10 minutes
	cargo build --bin playhouse
	PLAYHOUSE_TOOLS=$(SERVERS) cargo test --test cluster -- --test-threads 1
	CHAOS_SECONDS=60 PLAYHOUSE_TOOLS=$(SERVERS) cargo test --test chaos badly_reached -- --nocapture

# KEEP=1 leaves it running until Ctrl-C instead of telling it the story of tests/browser; CLUSTER_PORT moves it.
cluster: setup-test setup-cluster web clips tests/browser/node_modules/.package-lock.json ## Two nodes as one over real servers: the end-to-end story; KEEP=1 to look at it
	PLAYHOUSE_TOOLS=$(SERVERS) PLAYHOUSE_CLIPS=$(CLIPS) scripts/cluster.sh

# CHAOS_SEED repeats a run.
CHAOS_SECONDS ?= 120
chaos: setup-test setup-cluster web ## Nodes and servers killed, frozen and cut off for CHAOS_SECONDS; then everything is audited
	cargo build --bin playhouse
	CHAOS_SECONDS=$(CHAOS_SECONDS) PLAYHOUSE_TOOLS=$(SERVERS) \
		cargo test --test chaos outlives -- --nocapture --test-threads 1

rolling: setup-test setup-cluster web ## Both nodes restarted one after the other under a crowd of 2,000
	cargo build --release --workspace
	CHAOS_SECONDS=$(CHAOS_SECONDS) PLAYHOUSE_TOOLS=$(SERVERS) PLAYHOUSE_BIN=$(TARGET)/release/playhouse \
		cargo test --test chaos restarted_under_load -- --nocapture --test-threads 1

clean-cache: ## Remove fetched clips, Node and tools (not data, not builds)
	rm -rf .cache web/node_modules web/dist tests/browser/node_modules

# --- what those need -------------------------------------------------------------------------------------------------

setup:
	@command -v cargo >/dev/null || { echo "please install Rust 1.95 or newer: https://rustup.rs" >&2; exit 1; }
	@scripts/setup-debian.sh $(PACKAGES_RUN)
	@scripts/setup-node.sh

setup-test: setup
	@scripts/setup-debian.sh $(PACKAGES_TEST)

setup-cluster: setup
	@scripts/setup-go.sh
	@PLAYHOUSE_TOOLS=$(SERVERS) tests/servers/services.sh install redis s3
	@scripts/setup-debian.sh redis-sentinel
	@command -v java >/dev/null && command -v mvn >/dev/null || scripts/setup-debian.sh openjdk-17-jdk-headless maven
	@PLAYHOUSE_TOOLS=$(SERVERS) tests/servers/cassandra.sh install

web: web/dist/index.html

clips: | setup-test
	@scripts/fetch-clips.sh

web/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json: \
		%/node_modules/.package-lock.json: %/package-lock.json | setup
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.package-lock.json | setup
	cd web && npm run build
	@touch $@
