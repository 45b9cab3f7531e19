# Everything here works on a machine with Python 3.10 or newer and make. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Also for the pip that pip itself starts: without a network, the installation ends within minutes.
export PIP_DEFAULT_TIMEOUT := 20
export PIP_RETRIES := 2
# Two processes a core: engine runs mostly wait.
WORKERS ?= 4
LOWEST := .venv-lowest
# Of lines and branches, in percent: raise it when it is exceeded by two.
FLOOR := 90

.PHONY: help up preview down test test-all test-lowest coverage lint format docs site package bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

up: $(VENV)/installed ## Apply the quickstart: to a local Scalekit, or to SCALEKIT_ENVIRONMENT_URL
	@$(BIN)/python tools/quickstart.py up

preview: $(VENV)/installed ## Show what `make up` would change
	@$(BIN)/python tools/quickstart.py preview

down: $(VENV)/installed ## Destroy the quickstart's connectors and stop the local Scalekit
	@$(BIN)/python tools/quickstart.py down

# Compiled once, and not in each of the thousand processes that the suite starts: also where Python writes nothing by itself.
PYTEST = $(BIN)/python -m compileall -q provider && \
  PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(VENV)/developed ## Run the test suite
	$(PYTEST)

test-all: $(VENV)/developed ## Run the test suite with what plays the same again: more sizes, engines and tools
	$(PYTEST) -m ''

# Without what is about other tools than the libraries: the set-ups bring their own.
test-lowest: $(VENV)/developed ## Run the tests with the lowest versions that pyproject.toml allows, on PYTHON
	@rm -rf $(LOWEST)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv venv --quiet --python $(PYTHON) $(LOWEST)
	$(BIN)/uv pip compile --quiet --python $(LOWEST) --resolution lowest-direct --extra local --extra embedded \
	  --output-file $(LOWEST)/lowest.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(LOWEST) --constraints $(LOWEST)/lowest.txt \
	  --editable '.[local,embedded]' --group test
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) tests/unit tests/api tests/provider tests/local \
	  tests/embedded tests/e2e tests/cli/test_command.py

coverage: $(VENV)/developed ## Measure what the tests reach, and fail below the floor
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term --cov-fail-under=$(FLOOR)

lint: $(VENV)/developed ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/api.py
	$(BIN)/mypy tools/quickstart.py tools/reference.py tools/plugin_schema.py
	$(BIN)/mypy examples/connection/call.py
	$(BIN)/mypy examples/first-call/run.py
	@# Each is a module of the same name. The policies are written for an SDK of their own.
	for program in $(filter-out examples/policies/%, $(wildcard examples/*/__main__.py)); do \
	  $(BIN)/mypy $$program || exit 1; done

format: $(VENV)/developed ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/developed ## Write the generated pages again
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/plugin_schema.py
	$(BIN)/python -m tests.embedded.document
	$(BIN)/python -m tests.reliability.table

site: $(VENV)/developed ## Build the documentation's site, and fail for a link that leads nowhere
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group site
	$(BIN)/zensical build --strict --clean

package: $(VENV)/developed ## Build the wheel and the source distribution, and inspect them
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group package
	@rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

bench: $(VENV)/developed ## Measure the provider, and write the result into docs (an hour or two; BENCH=--quick: less)
	$(BIN)/python -m benchmarks --write $(BENCH)

clean: ## Remove what was installed; what `make up` made stays in .local until `make down`
	rm -rf $(VENV) $(LOWEST) dist site .coverage .local/pulumi .local/pulumi-not-installable

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "error: Python 3.10 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "error: no virtual environment could be made; on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/installed: $(BIN)/python pyproject.toml
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,embedded]' || \
	  { echo "error: the installation failed; it needs a Python package index (see pip's message above)"; exit 1; }
	@touch $@

$(VENV)/developed: $(BIN)/python pyproject.toml
	@echo "Installing into $(VENV) ..."
	@# Python 3.10 comes with a pip that knows no dependency groups.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,embedded]' --group dev || \
	  { echo "error: the installation failed; it needs a Python package index (see pip's message above)"; exit 1; }
	@touch $@ $(VENV)/installed
