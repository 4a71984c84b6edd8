# `make run` and `make test` set up everything they need on a fresh machine; the rest are parts of them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PORT ?= 8000
DATA_DIR ?= .data
URL ?= http://127.0.0.1:$(PORT)
FANS ?= 500
SEATS ?= 200

VENV := .venv
BIN := $(VENV)/bin
# Set-up state lives inside the environment it describes, so removing the environment removes the state.
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The tests start hundreds of processes: without bytecode each would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE
CODE = $(wildcard domain application adapters entrypoints tests features benchmarks)
SERVERS := $(BIN)/python -m tests.servers

# The first of these that is 3.11 or newer and can build an environment; `make PYTHON=…` overrides.
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14 python
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.PHONY: help
help:
	@echo "make run [PORT=8000] [DATA_DIR=.data]   serve the embedded profile in the foreground"
	@echo "make test                               every check and every test, against real servers"
	@echo "make check                              static checks and the tests that need no server"
	@echo "make chaos                              every crash point on both databases, kills and repeats for long"
	@echo "make mutants                            every safeguard taken out in turn: a test fails each time"
	@echo "make rehearse URL= FANS= SEATS=         a dress rehearsal against a running server"
	@echo "make matrix                             every failure of the report, its scenarios and how they went in both worlds"
	@echo "make bench-payment                      payments a second against a bare driver"
	@echo "make bench-soak                         10,000 payments and 100,000 messages delivered, in flat memory"
	@echo "make bench-backlog                      100,000 messages published and read, in flat memory"
	@echo "make lock                               resolve the dependencies anew"
	@echo "make clean                              remove what the others made, DATA_DIR excepted"

.PHONY: run
run: $(RUNTIME)
	@# exec: a signal to make or to its process group reaches the server itself. setpriv, where there is one, covers make's own sudden death.
	@with_parent=; if setpriv --pdeathsig TERM true 2>/dev/null; then with_parent="setpriv --pdeathsig TERM"; fi; \
	CONCERT_PROFILE=embedded CONCERT_PORT='$(PORT)' CONCERT_DATA_DIR='$(DATA_DIR)' exec $$with_parent $(BIN)/concert serve

.PHONY: test
test: static
	$(SERVERS) prepare
	$(BIN)/python -m pytest -n auto -m "not matrix"

.PHONY: check
check: static
	$(BIN)/python -m pytest -n auto -m "not real and not failures"

.PHONY: static
static: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

# All of tests/chaos: the long forms, marked `chaos`, and the short ones, which are part of `make test` as well.
.PHONY: chaos
chaos: $(DEVELOPMENT)
	$(SERVERS) run -- $(BIN)/python -m pytest -m "chaos or not chaos" tests/chaos

# Part of `make test` as well. Its one server, MySQL, it starts itself.
.PHONY: mutants
mutants: $(DEVELOPMENT)
	$(BIN)/python -m pytest tests/mutants

.PHONY: rehearse
rehearse: $(RUNTIME)
	@exec $(BIN)/concert rehearse --url '$(URL)' --fans '$(FANS)' --seats '$(SEATS)'

.PHONY: matrix
matrix: $(DEVELOPMENT)
	$(SERVERS) prepare
	$(BIN)/python -m features.matrix

.PHONY: bench-payment
bench-payment: $(DEVELOPMENT)
	$(SERVERS) run -- $(BIN)/python -m benchmarks.payment

.PHONY: bench-soak
bench-soak: $(DEVELOPMENT)
	$(BIN)/python -m benchmarks.soak

.PHONY: bench-backlog
bench-backlog: $(DEVELOPMENT)
	$(BIN)/python -m benchmarks.backlog
	$(SERVERS) run -- $(BIN)/python -m benchmarks.backlog

.PHONY: venv
venv: $(DEVELOPMENT)

# Written without an index, a host or a path, so that a lock says what to install and never where from.
COMPILE = $(VENV)-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --no-config $(UPGRADE) pyproject.toml
.PHONY: lock
lock: $(RUNTIME)
	$(BIN)/python -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --group build -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	rm -rf $(VENV)-lock

.PHONY: clean
clean:
	rm -rf $(VENV) $(VENV)-lock build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python='$(PYTHON)'; \
	if [ -z "$$python" ]; then \
	  for candidate in $(PYTHONS); do \
	    if "$$candidate" -c '$(USABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	  done; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or newer with venv and ensurepip among: $(PYTHONS). Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	if ! "$$python" -c '$(USABLE)' >/dev/null 2>&1; then \
	  echo "$$python is not a Python 3.11 or newer with venv and ensurepip ($$("$$python" --version 2>&1)). Name another: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	"$$python" -m venv --clear $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
