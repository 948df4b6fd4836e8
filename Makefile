# `make help` says what there is. Everything happens in .venv and in the user's cache folder:
# nothing is installed on the system.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
export MLFLOW_DISABLE_TELEMETRY := true
# More than CI's two cores: many tests wait for a server. A file stays with one worker, and so do its fixtures.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup servers demo test check lint types layers warm suite suite-uncompiled notebooks bench wheel lock clean

help:  ## Say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## *' '{printf "  make %-18s %s\n", $$1, $$2}'

$(INSTALLED): requirements.lock pyproject.toml
	@echo "setting up $(VENV): takes a minute or two the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# the lock is complete: without --no-deps, older pips look beyond it for coverage[toml] and stop at a newer one
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(INSTALLED)  ## Make the virtual environment, from the lock file with hashes

servers: $(INSTALLED)  ## Fetch Prometheus, Alertmanager, node_exporter and rsyslog if they are not here
	@$(BIN)/python -c "from forewarn_adapters import local_servers as s; import sys; sys.exit(bool(s.missing_programs((*s.SERVERS, s.RSYSLOG))))" \
	  || $(BIN)/python -m forewarn_adapters.debian_programs

demo: $(INSTALLED)  ## See it work: learn, score, break something, get paged (about two minutes)
	@$(BIN)/forewarn demo

test: servers check suite suite-uncompiled notebooks  ## Do all set-up and run every check and test

check: lint types layers  ## Style, types and layers

lint: $(INSTALLED)  ## Style of code, notebooks and words
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell

types: $(INSTALLED)  ## Types, strictly
	$(BIN)/mypy

layers: $(INSTALLED)  ## Who may import whom
	$(BIN)/lint-imports

warm: $(INSTALLED)
	@# once, before each worker compiles the same
	@$(BIN)/python -c "import forewarn_models.warming as all, forewarn_models.lines.warming as lines, \
	  forewarn_models.patterns.warming as patterns; all.warm(); lines.warm_lines(); patterns.warm_patterns()"

suite: servers warm  ## The tests and doctests, compiled
	$(PYTEST) tests models reports/forewarn_reports data/forewarn_data adapters --doctest-modules --cov --cov-report= --cov-fail-under=0

suite-uncompiled: servers  ## The tests of models again, without compilation; the coverage of both runs
	NUMBA_DISABLE_JIT=1 $(PYTEST) tests/models tests/contract -m 'not compiled' --cov --cov-append

notebooks: $(INSTALLED)  ## Run the notebooks from top to bottom
	$(BIN)/python -m pytest --nbmake notebooks

bench: $(INSTALLED)  ## Print every benchmark (about an hour; see benchmarks/README.md)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

wheel: $(INSTALLED)  ## Build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

lock: $(INSTALLED)  ## Renew the lock file from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --python-version 3.11 --group test --group lint --group build pyproject.toml -o requirements.lock

clean:  ## Remove what the targets made, models included
	rm -rf $(VENV) dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
