# Every target is a short list of commands that a person could type.

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
LARDER_BIN = $(CURDIR)/$(CARGO_TARGET_DIR)/release/larder
TOOLS = $(CARGO_TARGET_DIR)/tools
export LARDER_BIN

.PHONY: run test build wasm lint unit cases abuse clients redis-py tcl differential crash crash-quick storage-faults \
	storage-long object-store wasm-test browser bench bench-quick fuzz clean

# Builds what is missing and starts the server; its ready line names the addresses.
run:
	cargo run --release

# Everything CI runs. Installs what the tests need first.
test: tools lint build unit cases differential abuse tcl clients redis-py crash-quick storage-faults object-store wasm-test browser bench-quick
	@echo "all parts of make test passed"

# What the tests need, from the ordinary package managers (tests/tools tells what it cannot install).
.PHONY: tools
tools:
	tests/tools

build:
	cargo build --release -p larder
	cargo build --profile tools -p larder-tests --bins

wasm:
	wasm/build.sh

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

unit:
	cargo nextest run --workspace --no-fail-fast
	cargo test --doc -p larder-core

# The text cases on every target: engine, RESP2, RESP3, REST, WebSocket, wasm in Node, and redis-server as reference.
cases: build wasm
	$(TOOLS)/cases

# Random commands against redis-server; the bar run is `make differential COMMANDS=1000000`.
COMMANDS ?= 20000
differential: build
	$(TOOLS)/differential --seed 1 --commands $(COMMANDS)

# Bad input over real sockets.
abuse: build
	$(TOOLS)/abuse

# kill -9 under load, 1,000 times for each policy of the log; about fifteen minutes.
KILLS ?= 1000
crash: build
	for policy in everysec always no; do $(TOOLS)/crash kill --n $(KILLS) --policy $$policy || exit 1; done

# The same in some minutes, with fixed seeds: three hundred kills of each policy.
crash-quick: build
	for policy in everysec always no; do $(TOOLS)/crash kill --n 150 --policy $$policy --seed 1 || exit 1; done

# Flushes that fail and disks that are full, as far as this machine lets us make them.
storage-faults: build
	tests/storage/run

# Power cuts, failing calls, damaged files on a simulated disk, and whether planted bugs are found: the numbers that a
# release wants. A little of the first three is part of `make unit`.
STATES ?= 100000
POINTS ?= 6000
EVERY ?= 1
storage-long: build
	$(TOOLS)/storage power --states $(STATES)
	$(TOOLS)/storage iofail --points $(POINTS)
	$(TOOLS)/storage damage --every $(EVERY)
	cargo run --target-dir $(CARGO_TARGET_DIR)/planted-bugs --profile tools -p larder-tests --features planted-bugs \
		--bin storage -- canary

# A store in a bucket: kills, fencing, outages, against moto, an emulator of S3.
object-store: build
	tests/object-store/run

# Redis's own Tcl suite: units against a server that is there, and units that start and restart servers themselves.
tcl: build
	tests/tcl/run
	tests/tcl/spawn

# redis-py, redis-cli, redis-benchmark, ioredis, node-redis, @upstash/redis.
clients: build
	tests/clients/run

# redis-py's own test-suite: what redis-server passes, as far as it does not wait for other work.
redis-py: build
	tests/redis-py/run

wasm-test: wasm
	cd wasm/npm && npm test

browser: wasm
	node tests/browser/run.mjs

# Against redis-server and a bare axum; about ten minutes on an idle machine.
bench: build wasm
	cargo build --release -p larder-tests --bin bench --bin bare_axum
	$(CARGO_TARGET_DIR)/release/bench

bench-quick: build wasm
	$(TOOLS)/bench --quick

# Coverage-guided fuzzing of every parser, one target after the other; not part of CI. See fuzz/README.md.
SECONDS ?= 60
fuzz:
	fuzz/run $(SECONDS)

clean:
	cargo clean
