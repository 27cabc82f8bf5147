# Each target sets up its own virtual environment when needed: with uv when it is there, else with venv and pip.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check format static types layers content peers bench soak fuzz sbom lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## install what is needed into .venv

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python")'
	@echo "setting up $(VENV) ..."
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@touch $@

demo: $(READY) ## show the main job on the two seed cases
	@$(BIN)/python scripts/demo.py

run: $(READY) ## sign orders for synthetic patients on http://127.0.0.1:8000
	@$(BIN)/cds-service sandbox

test: $(READY) ## run all tests
	@$(BIN)/python -m pytest -q -n auto --ignore tests/browser
	@$(BIN)/python -m pytest -q tests/browser  # apart: the browser's driver keeps an event loop of its own

check: static types layers content test ## everything that checks this project

static: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY)
	@$(BIN)/mypy

layers: $(READY)
	@$(BIN)/lint-imports --no-cache

content: $(READY)
	@find plan_definitions fixtures/patients -name '*.json' ! -name package.json -print0 | xargs -0 $(BIN)/cds-service validate
	@$(BIN)/cds-service policies lint plan_definitions --strict
	@$(BIN)/cds-service policies test plan_definitions

format: $(READY) ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

peers: $(READY) ## install fhirpath.js and axe-core below build/, for tests and benchmarks (needs Node)
	@$(BIN)/python -m tests.peers
	@$(BIN)/python -m tests.browser.axe

bench: $(READY) ## measure; figures with machine, data and command
	@$(BIN)/python -m tests.benchmarks

soak: $(READY) ## send 100,000 damaged requests, kill the service 50 times, crowd it, watch its memory; SECONDS=600 for all
	@$(BIN)/python -m tests.benchmarks.soak $(or $(SECONDS),600)

fuzz: $(READY) ## try expressions made at random over charts made at random, for ten minutes
	@$(BIN)/python -m tests.fuzz

sbom: $(READY) ## list what the image is made of, as CycloneDX, in build/sbom.json
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements deploy/requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json

LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header -q
lock: $(READY) ## renew the lock files from pyproject.toml (needs uv)
	@$(LOCK) --upgrade pyproject.toml --extra dev -o requirements.lock
	@cp requirements.lock deploy/requirements.lock
	@$(LOCK) pyproject.toml --extra postgres -o deploy/requirements.lock
	@echo hatchling | $(LOCK) --upgrade - -o deploy/build.lock

clean: ## remove the virtual environment and all caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage htmlcov build dist
