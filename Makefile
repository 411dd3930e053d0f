# Everything you do with this checkout. Needs python3 (3.11 or newer) and make, nothing else: the rest is installed
# into .venv, once, from requirements/*.lock with every hash checked.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

PYTHON ?= python3
export PYTHON
BIN := .venv/bin
SEED ?=
MINUTES ?= 2
ARGS ?=
WORKERS ?= -n 4 --dist loadgroup

.PHONY: help
help: ## show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: .venv/product.installed ## run the whole product here, with the demo shop in it (ARGS=--no-demo without)
	@exec $(BIN)/huitou up $(ARGS)

.PHONY: up-distributed
up-distributed: .venv/dev.installed ## run it as its own processes on PostgreSQL and Kafka, without containers, until Ctrl-C
	@sh tests/install_parts.sh
	@exec $(BIN)/python -m tests.parts.distributed

.PHONY: test
test: .venv/dev.installed ## run every test, against real databases and real brokers (ARGS='tests/loyalty -k refund')
	@sh tests/install_parts.sh
	@$(BIN)/pytest $(WORKERS) -m 'not bench and not chaos and not compose and not long' $(ARGS)

.PHONY: quick
quick: .venv/dev.installed ## run what needs no PostgreSQL, no broker, no browser and no Node.js, takes no long time, and is not in make check
	@$(BIN)/pytest $(WORKERS) --ignore=tests/architecture -m 'not bench and not chaos and not compose and not postgresql and not kafka and not browser and not node and not slow and not long' $(ARGS)

.PHONY: test-long
test-long: .venv/dev.installed ## run every test, with all attacks and long fuzz and property tests in place of samples
	@sh tests/install_parts.sh
	@TEST_LONG=1 $(BIN)/pytest $(WORKERS) --timeout=1800 -m 'not bench and not chaos and not compose' $(ARGS)

.PHONY: check
check: .venv/dev.installed ## format, lint, types, import contracts, tidiness, documentation; no test that starts anything
	@$(MAKE) -j 2 check-types check-rules

.PHONY: check-types
check-types:
	@$(BIN)/mypy

.PHONY: check-rules
check-rules:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -q -m 'not slow' tests/architecture

.PHONY: fix
fix: .venv/dev.installed ## format, and mend what the linter can mend by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: .venv/dev.installed ## measure speed, as ratios beside bare baselines in the same run
	@sh tests/install_parts.sh
	@$(BIN)/pytest -m bench --timeout=1800 -s tests/bench $(ARGS)

.PHONY: chaos
chaos: .venv/dev.installed ## strike the product with faults, then balance the books (SEED=7 or SEED=1..20, MINUTES=2)
	@sh tests/install_parts.sh
	@CHAOS_SEED='$(SEED)' CHAOS_MINUTES='$(MINUTES)' $(BIN)/pytest -m chaos --timeout=0 -s tests/chaos $(ARGS)

.PHONY: compose-test
compose-test: .venv/dev.installed ## build the images, run docker-compose.yml in containers, walk a customer through it
	@$(BIN)/pytest -q tests/architecture/test_deploy.py
	@$(BIN)/pytest -m compose --timeout=0 -s tests/compose $(ARGS)

.PHONY: contracts
contracts: .venv/dev.installed ## write again what is generated from code: schemas, AsyncAPI, docs/reference, docs/services, docs/openapi, .env.example
	@$(BIN)/python -m shared.events write
	@$(BIN)/huitou reference

.PHONY: capability
capability: .venv/dev.installed ## write a new capability into a service, to be changed into what you need (SERVICE=loyalty NAME=gifts)
	@$(BIN)/python -m tests.scaffold.capability $(SERVICE) $(NAME)

.PHONY: migrate
migrate: .venv/product.installed ## bring the databases of every service to the newest version
	@$(BIN)/huitou migrate

.PHONY: locks
locks: .venv/dev.installed ## pin every dependency again, with hashes (ARGS=--upgrade for the newest)
	@PATH="$(BIN):$$PATH" sh requirements/lock.sh $(ARGS)

.PHONY: clean
clean: ## remove what was installed and cached; var/, where the data is, stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/product.installed: requirements/product.lock requirements/install.sh pyproject.toml
	@sh requirements/install.sh product
	@touch $@

.venv/dev.installed: requirements/dev.lock requirements/install.sh pyproject.toml
	@sh requirements/install.sh dev
	@touch $@
