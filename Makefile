# `make` alone prints the targets. Everything is built into .venv/ and target/; nothing outside this folder is touched.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
PY := $(VENV)/bin/python
TOOLS := .cache/tools
DIST ?= dist
WHEEL_TARGETS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu
CARGO ?= cargo
# Its path carries its version, so that a newer pin is a newer file.
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_MACHETE_VERSION := 0.9.2
CARGO_MACHETE := $(TOOLS)/cargo-machete-$(CARGO_MACHETE_VERSION)/bin/cargo-machete
# The interpreter that .venv is made from; `make setup PYTHON=/path/to/python3.12` chooses another.
PYTHON ?= $(firstword $(foreach p,python3.14 python3.13 python3.12 python3.11 python3,\
            $(shell command -v $(p) >/dev/null 2>&1 && $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The cores that benchmarks run on, so that both sides of a ratio have the same ones.
BENCH_CORES ?= 2,3
ON_BENCH_CORES := $(shell taskset -c $(BENCH_CORES) true 2>/dev/null && echo taskset -c $(BENCH_CORES))
# Of Python's tests: most of them wait for programs that they have begun, so that two share a core.
TEST_PROCESSES ?= $(shell echo $$((2 * $$(nproc))))
# Of chaos, of which the suite has 75 seconds; a soak has 30.
MINUTES ?= 10
# Histories of the differential, of which the suite plays 200; 1,000 take half a minute.
SEEDS ?= 1000
FROM ?= 0
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 60

UNSIGNED := benchmarks/peers/unsigned

PACKAGES_STAMP := $(VENV)/.packages
EXTENSION_STAMP := $(VENV)/.extension
RUST_SOURCES := $(shell find rust -path '*/fuzz' -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print 2>/dev/null)

# A machine may have the pinned Rust as its `stable` alone: that is taken, instead of a second copy from the network.
PINNED_RUST := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
ifeq ($(RUSTUP_TOOLCHAIN),)
  ifeq ($(shell rustup toolchain list 2>/dev/null | grep -o '^$(PINNED_RUST)-'),)
    ifeq ($(word 2,$(shell rustup run stable rustc --version 2>/dev/null)),$(PINNED_RUST))
      export RUSTUP_TOOLCHAIN := stable
    endif
  endif
endif

export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo kafka test check bench fuzz clean needs-python needs-rust

help:  ## Print this help
	@grep -hE '^[a-z-]+:.*  ## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*  ## /\t/' | expand -t 13

setup: $(EXTENSION_STAMP)  ## Make .venv, install the locked packages, build the extension (release)

demo: setup  ## Run the whole story on synthetic data
	$(VENV)/bin/slotkeeper demo

kafka: setup  ## Run a Kafka broker in the foreground (needs Java 17 and Maven)
	$(PY) -m tests.kafka.broker

test: setup  ## Run all tests: Rust, then Python
	$(CARGO) test --locked --workspace
	# The tests of a file stay in one process, where what they share is made once.
	$(PY) -m pytest -q --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

check: check-rust check-python check-prose  ## Format, lints, types, stubs, documentation, dependencies, pages

# The parts that .pre-commit-config.yaml calls, each for the files that it judges.
.PHONY: check-rust check-python check-prose
check-rust: $(CARGO_DENY) $(CARGO_MACHETE) | needs-rust
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items
	# The comparison's crate stands on its own, so that nothing can depend on it; it has the versions of the workspace.
	cp Cargo.lock $(UNSIGNED)/Cargo.lock
	$(CARGO) fmt --manifest-path $(UNSIGNED)/Cargo.toml --check
	$(CARGO) clippy --manifest-path $(UNSIGNED)/Cargo.toml --target-dir $(TARGET) -- -D warnings
	$(CARGO_DENY) --log-level error check licenses bans sources
	$(CARGO_MACHETE) rust benchmarks/rust

check-python: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m mypy.stubtest slotkeeper._core --mypy-config-file pyproject.toml --allowlist .mypy-stubtest-allowlist

check-prose: $(PACKAGES_STAMP)
	$(PY) -m pytest -q --noconftest tests/test_prose.py

# Programs that check what runs the worker; of Go's module proxy, which checks them by its checksum database.
COMPOSE_VERSION := v2.16.2
HELM_VERSION := v3.22.0
PROMTOOL_VERSION := v0.316.0
GO_TOOLS := $(CURDIR)/$(TOOLS)/go
COMPOSE := $(GO_TOOLS)/compose-$(COMPOSE_VERSION)
HELM := $(GO_TOOLS)/helm-$(HELM_VERSION)
PROMTOOL := $(GO_TOOLS)/promtool-$(PROMTOOL_VERSION)
IMAGE_CACHE := $(CURDIR)/.cache/image

# The specification's own reader of compose files.
$(COMPOSE)/cmd:
	CGO_ENABLED=0 GOBIN=$(@D) go install github.com/compose-spec/compose-go/v2/cmd@$(COMPOSE_VERSION)

$(HELM)/helm:
	CGO_ENABLED=0 GOBIN=$(@D) go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

# Of the ways to find what is scraped only the one that prometheus.yaml names: the others are most of the build.
$(PROMTOOL)/promtool:
	CGO_ENABLED=0 GOBIN=$(@D) go install -tags remove_all_sd,enable_kubernetes_sd \
	  github.com/prometheus/prometheus/cmd/promtool@$(PROMTOOL_VERSION)

.PHONY: check-deploy check-image man
check-deploy: check-image  ## Check unit, chart, alerts, image and so on (needs Go, root; minutes the first time)
check-deploy: $(COMPOSE)/cmd $(HELM)/helm $(PROMTOOL)/promtool $(TOOLS)/deploy/.packages
	PATH=$(COMPOSE):$(HELM):$(PROMTOOL):$(CURDIR)/$(VENV)/bin:$(CURDIR)/$(TOOLS)/deploy/bin:$$PATH deploy/check.sh

check-image: setup  ## Build the image and run it, root file system read-only (needs root, buildah, mmdebstrap)
	rm -rf $(IMAGE_CACHE)/dist
	$(MAKE) wheel DIST=$(IMAGE_CACHE)/dist
	PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(PY) -m tests.deploy.image $(IMAGE_CACHE)/dist $(IMAGE_CACHE)

man: setup  ## Write the man pages into dist/man
	$(PY) deploy/man.py dist/man

.PHONY: api
api: setup  ## Write down what crates and package offer now, see tests/api
	UPDATE_SNAPSHOTS=yes $(CARGO) test --locked --package slotkeeper-api
	UPDATE_SNAPSHOTS=yes $(PY) -m pytest -q tests/api

.PHONY: audit
audit: $(CARGO_DENY) $(TOOLS)/audit/.packages  ## Ask for known weaknesses of crates and packages; fails where nobody answers
	PATH=$(CURDIR)/$(dir $(CARGO_DENY)):$(CURDIR)/$(TOOLS)/audit/bin:$$PATH .ci/audit

.PHONY: wheel wheels
wheel: setup  ## Build a wheel for this machine alone into DIST
	$(VENV)/bin/maturin build --release --quiet --out $(DIST)

wheels: $(PACKAGES_STAMP) $(TOOLS)/release/.packages | needs-rust  ## Build what a release consists of into DIST, see RELEASING.md
	! command -v rustup >/dev/null || rustup target add $(WHEEL_TARGETS)
	mkdir -p $(DIST)
	PATH=$(CURDIR)/$(TOOLS)/release/bin:$(CURDIR)/$(VENV)/bin:$$PATH CARGO_TARGET_DIR=$(abspath $(TARGET)) \
	  .ci/wheels $(DIST) $(WHEEL_TARGETS)

.PHONY: differential
differential: setup  ## Play SEEDS random histories to the engine and to a model of the rules (FROM=n: from that seed on)
	$(PY) -m tests.differential --seeds $(SEEDS) --first $(FROM)

.PHONY: chaos
chaos: setup  ## Kill workers and their broker for MINUTES, then check every law (SEED=n repeats; KAFKA=version)
	$(PY) -m tests.kafka.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) \
	  $(if $(KAFKA),--kafka $(KAFKA))

bench: setup  ## Measure against bare cryptography and at scale; writes benchmarks/results
	$(CARGO) build --locked --release -p slotkeeper-benchmarks
	$(CARGO) build --locked --release -p slotkeeper-counters --example thirty_million
	$(ON_BENCH_CORES) $(PY) -m benchmarks --results benchmarks/results $(ARGS)

.PHONY: bench-peers soak
bench-peers: setup  ## Measure against Kafka Streams, Quix Streams and Faust on one broker, for hours (ARGS=--goals: one)
	$(PY) -m benchmarks.peers --results benchmarks/results $(ARGS)

.PHONY: bench-slots
bench-slots: setup  ## Measure builds and reports on stores of 200,000 and a million devices (ARGS="--gpfs 25000000")
	$(ON_BENCH_CORES) $(PY) -m benchmarks.slots --results benchmarks/results $(ARGS)

.PHONY: bench-console
bench-console: setup  ## Measure pages with ten people at once (ARGS="--slots DIR", made by benchmarks.slots)
	$(PY) -m benchmarks.console $(ARGS)

soak: MINUTES = 30
soak: setup  ## Keep a worker under load for MINUTES on a real broker, memory and lag looked at
	$(PY) -m benchmarks.peers.soak --minutes $(MINUTES) --results benchmarks/results $(ARGS)

fuzz: needs-rust  ## Fuzz the wire format, a minute each target (needs a nightly toolchain)
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked --root $(TOOLS) cargo-fuzz
	cd rust/gbcs && for target in $$($(CARGO) +nightly fuzz list); do \
	  $(CARGO) +nightly fuzz run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048; done

clean:  ## Remove everything that was built
	rm -rf $(VENV) target dist .cache .mypy_cache .ruff_cache .pytest_cache
	rm -f pycore/slotkeeper/*.so

needs-python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and none was found." >&2; \
	  echo "Debian, Ubuntu: apt-get install python3 python3-venv. Another place: make setup PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments." >&2; \
	  echo "Debian, Ubuntu: apt-get install python3-venv" >&2; exit 2; }

needs-rust:
	@command -v $(CARGO) >/dev/null || { echo "Rust (cargo) is needed; the version stands in rust-toolchain.toml." >&2; \
	  echo "Install it with rustup, see https://rustup.rs, and open a new shell." >&2; exit 2; }
	@command -v cc >/dev/null || { echo "A C compiler (cc) is needed to build the cryptographic library." >&2; \
	  echo "Debian, Ubuntu: apt-get install build-essential" >&2; exit 2; }

$(CARGO_DENY): | needs-rust
	$(CARGO) install --quiet --locked --root $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION) --version $(CARGO_DENY_VERSION) cargo-deny

$(CARGO_MACHETE): | needs-rust
	$(CARGO) install --quiet --locked --root $(TOOLS)/cargo-machete-$(CARGO_MACHETE_VERSION) \
	  --version $(CARGO_MACHETE_VERSION) cargo-machete

# A folder of its own for the packages of each of these, beside .venv.
$(TOOLS)/audit/.packages $(TOOLS)/deploy/.packages $(TOOLS)/release/.packages: $(TOOLS)/%/.packages: requirements/%.txt requirements/pip.txt | needs-python
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --require-hashes --requirement requirements/pip.txt
	$(@D)/bin/python -m pip install --quiet --require-hashes --no-deps --requirement $<
	touch $@

$(PACKAGES_STAMP): requirements/pip.txt requirements/dev.txt | needs-python
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --require-hashes --requirement requirements/pip.txt
	$(PY) -m pip install --quiet --require-hashes --no-deps --requirement requirements/dev.txt
	touch $@

# maturin builds the crate, puts the library beside the sources and installs the package as editable.
$(EXTENSION_STAMP): $(PACKAGES_STAMP) $(RUST_SOURCES) Cargo.toml Cargo.lock pyproject.toml | needs-rust
	PIP_QUIET=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/maturin develop --release --quiet
	touch $@
	@echo "ready: $(VENV)/bin/slotkeeper"
