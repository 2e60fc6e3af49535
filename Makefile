# `make demo` and `make test` each work as the first and only command on a fresh clone with Python and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE = 1
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-deep lint bench browser clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/run.stamp  ## three tills on loopback, synced for real
	@$(BIN)/customer-sync demo

test: $(VENV)/test.stamp lint browser  ## every check: format, lint, types, import rules, tests, docs
	$(BIN)/python -m pytest

test-deep: $(VENV)/test.stamp browser  ## the long property and crash tests as well
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -m "deep or not deep"

lint: $(VENV)/test.stamp  ## format, lint, types and import rules only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/test.stamp  ## the benchmarks of benchmarks/, one after another
	$(BIN)/python -m benchmarks

browser:  # Chromium for the dashboard's tests, where it is missing and may be installed
	@sh tests/browser/install.sh

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/run.stamp: pyproject.toml
	@echo "Building the environment in $(VENV) (once) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade --no-compile pip
	@$(PIP) install --no-compile -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	@$(PIP) install --no-compile -e '.[test]'
	@touch $@
