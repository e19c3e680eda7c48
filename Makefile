# What a newcomer, a developer and CI run.  `make help` lists it.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
CORE := sfu/core/Cargo.toml
CARGO := cargo --quiet
PYTEST := $(BIN)/python -m pytest --durations=8
PARALLEL := -n auto --dist loadfile
# A browser takes all cores: what starts one, or several processes, runs by itself.
ALONE := e2e or chromium or firefox

.DEFAULT_GOAL := help
.PHONY: help setup demo check test bench quality stateful mutants schemas fuzz lock clean format lint-python lint-rust lint-page browsers servers peers

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: .venv/.core web/dist/index.html ## all that .venv/bin/tertulia needs; starts nothing

demo: setup ## signaling, one node and an agent `bot` that answers: prints the address to open
	@exec $(BIN)/tertulia demo $(DEMO)

check: .venv/.core .venv/.dev web/node_modules/.done servers lint-python lint-rust lint-page ## formatters, linters, types and the fast tests
	$(CARGO) test --manifest-path $(CORE)
	$(PYTEST) -q -m "not ($(ALONE))" $(PARALLEL) tests
	npm --prefix web test --silent

test: .venv/.core .venv/.dev web/dist/index.html browsers servers lint-python lint-rust lint-page ## everything, end-to-end with real browsers as well
	$(CARGO) test --manifest-path $(CORE)
	npm --prefix web test --silent
	$(PYTEST) -m "not ($(ALONE))" $(PARALLEL) tests
	$(PYTEST) -m "$(ALONE)" tests

bench: .venv/.core .venv/.dev servers peers ## what everything costs, beside floors and peers, in one table (BENCH="--quick", "--rows fanout,delay", "--list")
	@$(BIN)/python -m tests.bench $(BENCH)

quality: .venv/.core .venv/.dev browsers ## how good calls are over bad networks, beside direct ones, in one table (QUALITY="--quick", "--rows loss3", "--list")
	@$(BIN)/python -m tests.quality $(QUALITY)

stateful: .venv/.core .venv/.dev ## a million random steps of calls, transfers and failures against the rules (STEPS=…)
	STATEFUL_STEPS=$(STEPS) $(PYTEST) -q tests/signaling/qss/test_interleavings.py
STEPS := 1000000

mutants: .venv/.core .venv/.dev ## change the rules of calling one operator at a time: the tests have to notice (MUTATED=…, an hour)
	tools/mutants.sh $(MUTATED)
MUTATED := $(addprefix signaling/qss/,invitations.py inviting.py acl.py holding.py locking.py muting.py offer.py ending.py \
	media.py departing.py transfers.py transferring.py telling.py room.py membership.py admitting.py \
	moving.py) signaling/state/keys.py

schemas: .venv/.made ## write docs/schemas, docs/asyncapi.json, docs/openapi.json and the table of frames anew from the models
	$(BIN)/python -m signaling.qss.schema
	$(BIN)/python -m signaling.sapi.openapi > docs/openapi.json

fuzz: ## the packet parsers under cargo-fuzz, one minute each (nightly toolchain; sfu/core/fuzz says how without)
	cd sfu/core && for target in $$(cargo fuzz list); do cargo +nightly fuzz run $$target -- -max_total_time=60 || exit 1; done

format: .venv/.dev web/node_modules/.done ## rewrite sources as the formatters want them
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	cargo fmt --manifest-path $(CORE)
	npm --prefix web run format --silent

lock: .venv/.dev ## write the Python lock files anew from pyproject.toml
	$(BIN)/pip-compile -q --upgrade $(LOCK_FLAGS) -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --upgrade $(LOCK_FLAGS) --allow-unsafe --extra dev -o requirements-dev.lock pyproject.toml
LOCK_FLAGS := --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

clean: ## remove all that was built, not the data in var/
	rm -rf .venv build dist web/dist web/node_modules sfu/core/target sfu/_core*.so

lint-python: .venv/.core .venv/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

lint-rust:
	cargo fmt --check --manifest-path $(CORE)
	$(CARGO) clippy --all-targets --manifest-path $(CORE) -- -D warnings
	$(CARGO) clippy --features python --manifest-path $(CORE) -- -D warnings

lint-page: web/node_modules/.done
	npm --prefix web run check --silent

browsers:
	@tools/browsers.sh

servers:
	@tools/servers.sh

peers:
	@tools/peers.sh

# What is built, and from what.

CORE_SOURCES := $(CORE) sfu/core/Cargo.lock $(shell find sfu/core/src -name '*.rs' 2>/dev/null)
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)

.venv/.made: requirements.lock
	@tools/need.sh python
	@echo "setting up Python in .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.dev: .venv/.made requirements-dev.lock
	@echo "adding the development tools to .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# maturin is taken as the build system of pyproject.toml names it, in an environment of its own.
.venv/.core: .venv/.made pyproject.toml $(CORE_SOURCES)
	@tools/need.sh rust
	@echo "building the core with Rust (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

web/node_modules/.done: web/package.json web/package-lock.json
	@tools/need.sh node
	@echo "fetching what the page is built with"
	@npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.done $(PAGE_SOURCES)
	@echo "building the page"
	@npm --prefix web run build --silent
	@touch $@
