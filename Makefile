# Everything a developer or CI does. Needs Python 3.11 or newer and make; all else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# -qq hides pip's progress and its warnings; errors still show.

.DEFAULT_GOAL := help
.PHONY: help .venv run demo test check fuzz faults format bench lock sbom schema vendor screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv: .venv/.project ## install everything, pinned and hashed, into .venv (again whenever the pins change)

# The lock is complete: nothing is resolved, so nothing that is released later can change what is installed. `pip check`
# shows if the lock is not.
.venv/.requirements: requirements/runtime.txt requirements/dev.txt
	@echo "Installing the requirements into .venv: about a minute, once …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadscore needs Python 3.11 or newer: make PYTHON=python3.11")'
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements/dev.txt
	@$(BIN)/python -m pip check
	@touch $@

# Without isolation, the build uses the setuptools that is pinned above and fetches nothing.
.venv/.project: .venv/.requirements pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: .venv ## serve on the embedded SQLite database
	@$(BIN)/leadscore serve

DEMO := LEADSCORE_DATABASE_URL=sqlite:///demo.db $(BIN)/leadscore

demo: .venv ## the same with invented people, on a database of its own: demo.db
	@test -e demo.db || $(DEMO) demo || { rm -f demo.db*; false; }
	@$(DEMO) serve

PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal
# The tests that must cover their layers completely. Measuring coverage makes a test half as slow again.
COVERING := tests/scoring tests/webhooks

test: .venv ## run every test on all cores, on SQLite and PostgreSQL; scoring and webhooks must be covered completely
	@$(PYTEST) $(COVERING) --cov --cov-report term --cov-fail-under 100
	@$(PYTEST) $(COVERING:%=--ignore=%)

check: .venv ## what CI runs: format, lint, types, then every test (the migrations' check is one of them)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

fuzz: .venv ## send every operation of the API what it may not expect, for ten minutes on each database
	@LEADSCORE_TEST_FUZZ_SECONDS=600 $(BIN)/python -m pytest tests/api/test_fuzz.py

faults: .venv ## take the database away in many ways under load, and show what became of the messages: ten minutes
	@$(BIN)/python -W 'ignore:XDG_RUNTIME_DIR is not set' -m tests.faults

format: .venv ## format the code and fix what the linter can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: .venv ## write docs/model.schema.json, after a change of what a model may hold
	@$(BIN)/python -c 'import json; from app.scoring.schema import json_schema; print(json.dumps(json_schema(), indent=2))' \
		> docs/model.schema.json

# The one target that needs node. What it writes is in the repository.
vendor: ## copy again what the screen takes from others, as vendor/package.json pins it
	@npm ci --prefix vendor --ignore-scripts --no-audit --no-fund
	@$(PYTHON) vendor/build.py

screenshots: .venv ## take the pictures in docs/images, with Chromium, from the demo data
	@$(BIN)/python -m docs.screenshots

bench: .venv ## measure leadscore beside its baselines and write benchmarks/RESULTS.md: for a machine that does nothing else
	@$(BIN)/python -W 'ignore:XDG_RUNTIME_DIR is not set' -m benchmarks all

sbom: .venv ## write sbom.json: what requirements/runtime.txt installs, with versions and hashes, as CycloneDX
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.json \
		requirements/runtime.txt

# Complete for every Python from 3.11 on, and free of this machine's settings. UV_DEFAULT_INDEX may name a mirror; its
# address is not written into the files. Wheels alone: to build anything else would fetch what is not pinned.
COMPILE := env UV_NO_CONFIG=1 UV_CUSTOM_COMPILE_COMMAND="make lock" \
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	$(if $(UPGRADE),--upgrade)

lock: .venv ## pin pyproject.toml's dependencies again (UPGRADE=1 takes the newest versions)
	@$(COMPILE) --extra insight --output-file requirements/runtime.txt pyproject.toml
	@$(COMPILE) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
