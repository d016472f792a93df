# Needs Python >= 3.11, a C compiler, Rust >= 1.89 and make. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Servers, notebooks and consoles that tests/hosts runs the package under. They stay out of the tools' environment.
HOSTS := .venv-hosts
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests, and the seconds that one fuzz target may run; all of these can be given on the command line.
TESTS ?= tests
SECONDS_PER_TARGET ?= 60
# What beside-check checks: package, own-tests, chat, types.
BESIDE ?= package

# What the extension is made of. Python files are installed editable, so they are not among these.
RUST_SOURCES := $(shell find rust -type d -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' \) -print 2>/dev/null) \
	$(wildcard Cargo.toml Cargo.lock rust-toolchain.toml .cargo/config.toml)

PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-options \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.PHONY: build
build: $(VENV)/.stamp-build ## Build a release of the extension and install the package into .venv

.PHONY: demo
demo: build ## Start a listener, dial it, show the nine steps, ping, and move data both ways
	$(BIN)/webrtc-direct demo

.PHONY: browser-demo
browser-demo: build ## Start a listener whose page runs Python in your browser and dials the listener (needs npm)
	$(BIN)/python examples/browser/assemble.py
	$(BIN)/webrtc-direct listen --web 0 --web-page build/browser-demo

.PHONY: test
test: build host-tools ## Run all tests, Python and Rust
	$(MAKE) --no-print-directory test-rust
	$(BIN)/python -m pytest $(TESTS)
	$(MAKE) --no-print-directory test-ways

.PHONY: test-ways
test-ways: build ## Run the tests of connections under each kind of event loop: asyncio.run, uvloop, trio, ...
	$(BIN)/python -m tests.ways

.PHONY: test-rust
test-rust: ## Run only the Rust tests
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo test --manifest-path rust/Cargo.toml --workspace --locked --quiet

.PHONY: lint
lint: build ## Check formats, lints, types, import layers and docstrings, Python and Rust
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest webrtc_direct._native
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet src
	cargo fmt --manifest-path rust/Cargo.toml --all --check
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo clippy --manifest-path rust/Cargo.toml --workspace --all-targets --locked --quiet -- -D warnings

.PHONY: types
types: $(VENV)/.stamp-tools ## Verify that every public name has a complete type, beside libp2p (pyright brings its own Node.js)
	$(BIN)/python -m tests.beside.check --parts types

.PHONY: format
format: $(VENV)/.stamp-tools ## Format Python and Rust in place
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format --quiet .
	cargo fmt --manifest-path rust/Cargo.toml --all

.PHONY: docs
docs: build ## Build the documentation into build/docs; a warning is an error
	$(BIN)/sphinx-build -E -n -W --keep-going --quiet -b html docs build/docs
	@echo "build/docs/index.html"

.PHONY: interop-go
interop-go: build ## Exchange data with a released go-libp2p, both ways (needs Go)
	$(BIN)/python interop/run.py --peers go python --idle 0 --size 67108864

.PHONY: interop
interop: build ## Exchange data with all peers; writes docs/interop.md (needs Go, npm, Chromium, Firefox)
	$(BIN)/python interop/run.py --write

.PHONY: host-tools
host-tools: $(HOSTS)/.stamp ## Install the servers, notebooks, consoles and event loops that tests/hosts needs

.PHONY: host-versions
host-versions: build ## Run the smallest program with each newer Python that is installed
	$(BIN)/python -m tests.hosts.versions

.PHONY: browser-tools
browser-tools: build ## Fetch and build what the tests of Python in a web page need; `make test` then runs them too
	$(BIN)/python tests/browser/prepare.py

.PHONY: browser-test
browser-test: browser-tools ## Test Python in a page of Chromium, and measure it next to js-libp2p (needs npm, Go)
	$(BIN)/python -m pytest tests/browser
	$(BIN)/python tests/browser/measure.py

.PHONY: interop-quick
interop-quick: build ## The part of `make interop` that the full check runs (needs Go, npm, Chromium)
	$(BIN)/python interop/run.py --quick

.PHONY: crash
crash: build ## Measure how soon each client notices that its listener crashed; writes docs/crashes.md (needs Go, npm, Chromium, Firefox)
	$(BIN)/python interop/crash.py --write

.PHONY: crash-quick
crash-quick: build ## The part of `make crash` that the full check runs: a page and a restart (needs npm, Chromium)
	$(BIN)/python interop/crash.py --quick

.PHONY: interop-tools
interop-tools: ## Install what the interop targets need, on Debian
	interop/install.sh all

.PHONY: bench
bench: build ## Measure speed, handshakes and memory
	$(BIN)/python -m benchmarks

.PHONY: bench-py
bench-py: $(VENV)/.stamp-tools ## Measure py-libp2p's hosts with WebRTC-Direct and with other transports; writes docs/py-libp2p-speed.md
	$(BIN)/python -m benchmarks.py_libp2p.measure

.PHONY: paths
paths: build ## Measure speed over paths with delay, a bottleneck and losses; writes docs/paths.md (needs Go, npm, Chromium, Firefox)
	$(BIN)/python -m benchmarks.paths --write

.PHONY: paths-quick
paths-quick: build ## The part of `make paths` that the full check runs: minimum speeds (needs npm, Chromium)
	$(BIN)/python -m benchmarks.paths --quick

.PHONY: stress
stress: build ## Test bad networks, slow readers and floods at length; writes docs/reliability.md (needs Go)
	$(BIN)/python -m stress

.PHONY: fuzz
fuzz: ## Run each fuzz target for SECONDS_PER_TARGET (needs cargo-fuzz and a C++ compiler)
	cd rust/fuzz && for target in $$(cargo fuzz list); do \
		mkdir -p corpus/$$target; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run $$target corpus/$$target seeds/$$target -- \
			-max_total_time=$(SECONDS_PER_TARGET) -timeout=10 -rss_limit_mb=2048 -max_len=4096; \
	done

.PHONY: lock
lock: $(VENV)/.stamp-tools ## Update the lock files from pyproject.toml and the *.in files
	$(PIP_COMPILE) --upgrade --extra cli --extra web --output-file requirements.lock pyproject.toml
	$(PIP_COMPILE) --upgrade --extra cli --extra web --extra trio --extra dnsaddr --output-file requirements-dev.lock pyproject.toml requirements-dev.in
	$(PIP_COMPILE) --upgrade --extra cli --extra web --output-file tests/hosts/requirements.lock pyproject.toml tests/hosts/requirements.in
	$(PIP_COMPILE) --upgrade --output-file packaging/browser-requirements.lock packaging/browser-requirements.in
	$(PIP_COMPILE) --upgrade --output-file tests/browser/requirements.lock tests/browser/requirements.in

.PHONY: wheel
wheel: $(VENV)/.stamp-tools ## Make a wheel and an sdist in dist/
	$(BIN)/maturin build --release --locked --sdist --out dist

.PHONY: release
release: $(VENV)/.stamp-tools ## Make them for the package index, with links to the repository at URL=https://...
	$(BIN)/python packaging/release.py "$(URL)" dist

.PHONY: browser-wheel
browser-wheel: $(VENV)/.stamp-tools ## Make a wheel for Python in a web page (Pyodide, PyScript) in dist/
	$(BIN)/python packaging/browser_wheel.py dist

.PHONY: dist-check
dist-check: $(VENV)/.stamp-tools ## Build wheel and sdist, install each into a fresh environment, dial and listen
	$(BIN)/python -m tests.faults.dist_check --requirement requirements.lock

.PHONY: bounds-check
bounds-check: $(VENV)/.stamp-tools ## Run tests with the lowest and the highest versions that pyproject.toml allows
	$(BIN)/python -m tests.faults.bounds_check

.PHONY: beside-check
beside-check: $(VENV)/.stamp-tools ## Install the package beside libp2p and others, use all in one program, and test the transport for py-libp2p
	$(BIN)/python -m tests.beside.check --parts $(BESIDE)

.PHONY: chat-check
chat-check: $(VENV)/.stamp-tools ## Test examples/libp2p_chat: a page, go-libp2p and py-libp2p nodes, and a lookup in the DHT (needs Go, npm, Chromium)
	$(BIN)/python -m tests.beside.check --parts chat

.PHONY: interop-py
interop-py: $(VENV)/.stamp-tools ## Run py-libp2p's own tests over WebRTC-Direct and over TCP; writes its tables into docs/interop.md and docs/py-libp2p-tests.md (20 minutes)
	$(BIN)/python -m tests.beside.own_tests.run

.PHONY: interop-py-quick
interop-py-quick: $(VENV)/.stamp-tools ## The part of `make interop-py` that takes a few minutes
	$(BIN)/python -m tests.beside.check --parts own-tests

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) $(HOSTS) dist rust/target target build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf interop/js/node_modules interop/js/dist interop/browser/node_modules benchmarks/quinn/target
	rm -rf $(addprefix examples/libp2p_chat/,go/bin page/node_modules page/dist)
	rm -f src/webrtc_direct/_native.*so
	find src tests examples benchmarks interop -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.stamp-venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(HOSTS)/.stamp: tests/hosts/requirements.lock | $(VENV)/.stamp-venv
	$(BIN)/python -m venv --clear $(HOSTS)
	$(HOSTS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps --requirement $<
	@touch $@

$(VENV)/.stamp-tools: requirements-dev.lock | $(VENV)/.stamp-venv
	$(PIP) install --quiet --require-hashes --no-deps --requirement requirements-dev.lock
	@touch $@

$(VENV)/.stamp-build: $(VENV)/.stamp-tools pyproject.toml $(RUST_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) PIP_QUIET=1 $(BIN)/maturin develop --release --locked
	@touch $@
