# Everything a developer or CI does. Needs Python 3.11 or newer and make; all else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# -qq hides pip's progress and its warnings; errors still show.

.DEFAULT_GOAL := help
.PHONY: help .venv run test check format bench lock schema

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv: .venv/.project ## install everything, pinned and hashed, into .venv (again whenever the pins change)

.venv/.requirements: requirements/runtime.txt requirements/dev.txt
	@echo "Installing the requirements into .venv: about a minute, once …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadscore needs Python 3.11 or newer: make PYTHON=python3.11")'
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Without isolation, the build uses the setuptools that is pinned above and fetches nothing.
.venv/.project: .venv/.requirements pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: .venv ## serve on the embedded SQLite database
	@$(BIN)/leadscore serve

test: .venv ## run every test on all cores, on SQLite and PostgreSQL; scoring must be covered completely
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal \
		--cov --cov-report term --cov-fail-under 100

check: .venv ## what CI runs: format, lint, types, then every test (the migrations' check is one of them)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: .venv ## format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: .venv ## write docs/model.schema.json, after a change of what a model may hold
	@$(BIN)/python -c 'import json; from app.scoring.schema import json_schema; print(json.dumps(json_schema(), indent=2))' \
		> docs/model.schema.json

bench: .venv ## measure throughput; see benchmarks/README.md
	@$(BIN)/python -m benchmarks

# Resolved for the oldest Python that we support, and free of this machine's pip settings. A mirror may be
# named by PIP_INDEX_URL; its address is not written into the files.
COMPILE := env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: .venv ## pin pyproject.toml's dependencies anew (UPGRADE=1 takes the newest versions)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "rm -r .venv && make lock PYTHON=python3.11")'
	@$(COMPILE) --output-file requirements/runtime.txt pyproject.toml
	@$(COMPILE) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
