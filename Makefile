# Commands of the project; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: bench help protocols run test

VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Install what is missing and run the platform in the foreground (PORT, HOST; Ctrl-C stops it)
	@exec $(BIN)/python manage.py up

# Types are checked with the platform's settings, which want a data folder: not the one of `make run`.
test: export TELEMETRY_HOME = $(CURDIR)/$(VENV)/checks
# Where it is set, each of a hundred processes would compile the sources anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.installed-for-tests ## Check format, lint, types and imports, then run all tests; needs nothing running
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
# Meanwhile another core compiles the tests, which else each process of the run would do.
	$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 & $(BIN)/python -m mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 3

bench: $(VENV)/.installed-for-bench ## Measure how fast it is against others (ONLY=ingest_batch, SCALE=small)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE))

PROTOCOLS := $(wildcard ingest/protocols/*/*.proto)

protocols: $(VENV)/.installed-for-tests ## Compile the .proto files of wire formats again, after a change to one
	$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. $(PROTOCOLS)

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is missing (python3 in PATH, or make PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "error: $(PYTHON) lacks its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements.txt
	@echo "Installing requirements.txt into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-for-bench: $(VENV)/.installed benchmarks/requirements.txt
	@echo "Installing benchmarks/requirements.txt into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt || \
		echo "warning: an opponent can't be installed here; its rows will say so" >&2
	@touch $@

$(VENV)/.installed-for-tests: $(VENV)/.created requirements.txt requirements-dev.txt
	@echo "Installing requirements-dev.txt into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/.installed $@
