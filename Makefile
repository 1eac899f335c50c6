# demo and test need Python 3.11 or newer and a package index, nothing else; see CONTRIBUTING.md for the rest.

ARGS ?=
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"
LOCK := $(COMPILE) --group build pyproject.toml
CHECKED := contracts services deploy docs tests $(wildcard benchmarks)

.PHONY: demo test lint types format bench docs contracts lock clean

demo: .venv/run ## stream a synthetic authority through the whole system; ARGS="--once --json build/demo.json"
	@$(BIN)/askelma demo $(ARGS)

test: .venv/test ## everything that this machine can run; says what it left out and why
	@$(BIN)/pytest $(ARGS)

lint: .venv/test ## ruff, formatting and the rules of who may import whom
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/lint-imports

types: .venv/test ## mypy, strict
	@$(BIN)/mypy

format: .venv/test ## format the code in place
	@$(BIN)/ruff check --fix-only --quiet $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

bench: .venv/test ## measure events, facts and costs per second on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/test ## write what is generated from the code: schemas, AsyncAPI, tables of topics and metrics
	@$(BIN)/python -m docs $(ARGS)

lock: .venv/test ## settle all versions anew, with hashes and without any address
	@$(LOCK) --upgrade --extra embedded --output-file requirements.lock
	@$(LOCK) --constraint requirements.lock --extra embedded --extra test --output-file requirements-test.lock
	@$(COMPILE) --upgrade benchmarks/openfisca/requirements.in --output-file benchmarks/openfisca/requirements.lock

clean: ## remove what the targets above made
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache askelma.egg-info

.venv/run: requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory .venv/bin/python
	@echo "Installing into .venv ..."
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test: .venv/run requirements-test.lock
	@echo "Installing what the tests need into .venv ..."
	@$(PIP) install --require-hashes --requirement requirements-test.lock
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Askelma needs Python 3.11 or newer with its venv module; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv
