# What people type. Everything here makes its environment by itself and works from a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)

.PHONY: help environment check test test-ledgers bench bench-pursuit bench-trace format requirements

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 24

environment: ## .venv with what the tests need
	@./stanch --environment development

check: environment ## format, lint, types, import rules, fast tests: under 90 s, green at every commit
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q -m fast

test: environment ## the whole suite, on a PostgreSQL and a Temporal of its own; WORKERS=2 processes share it
	$(BIN)/pytest -n $(or $(WORKERS),2)

test-ledgers: environment ## the same engine on ledgers from outside: DIR=folder with *_transfers.csv.gz and *_accounts.csv.gz
	@test -n "$(DIR)" || { echo "make test-ledgers DIR=<folder with the ledgers>" >&2; exit 2; }
	STANCH_LEDGERS_DIR="$(abspath $(DIR))" $(BIN)/pytest ledger_tests

bench: environment ## time to freeze against the floor, a burst, a trace; JSON beside the table
	$(BIN)/python -m bench

bench-pursuit: environment ## from a transfer's posting to the hold on it, at 50 transfers/s; JSON beside it
	$(BIN)/python -m bench.pursuit_bench

bench-trace: environment ## traces on generated ledgers beside DuckDB and networkx: SIZES="1000000 10000000"; JSON beside the table
	@test -f .bench-packages/.done || { $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --target .bench-packages -r requirements/bench.txt && touch .bench-packages/.done; }
	PYTHONPATH="$(CURDIR):$(CURDIR)/.bench-packages" $(BIN)/python -m bench.trace_bench --peers --json .stanch/bench-trace.json \
	  $(foreach size,$(or $(SIZES),1000000),--size $(size))

format: environment ## put the source into its one form
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

# Needs uv. Locks by hash and names no index, so any mirror may serve it.
requirements: ## lock requirements/*.in again
	cd requirements && for kind in runtime development bench; do \
	  uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --only-binary :all: --override overrides.txt \
	    --no-emit-index-url --no-emit-find-links --no-emit-build-options --no-annotate --no-header \
	    $$kind.in --output-file $$kind.txt || exit 1; done
