# One command each, on a machine with Python 3.11+, pip, venv and make. Nothing else is needed.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow fuzz check bench lock clean

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
NODE   := tests/integration/node
PIP    := python -m pip --disable-pip-version-check --quiet

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo "Setting up $(VENV) (TensorFlow is large: a few minutes the first time)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@

# The independent OPC UA client (node-opcua) of the interoperability tests; skipped without npm.
$(NODE)/node_modules/.ready: $(NODE)/package.json
	@if command -v npm >/dev/null; then \
	  cd $(NODE) && npm install --silent --no-audit --no-fund --no-package-lock && touch node_modules/.ready; \
	else echo "npm is not installed: the tests with node-opcua are skipped"; fi

demo: $(READY) ## A simulated plant, the advisory server and a client: watch a fault being predicted
	@$(BIN)/python -m opcua_ai demo

test: $(READY) $(NODE)/node_modules/.ready ## Unit, contract, integration and packaging tests
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-slow: $(READY) ## The tests that take minutes: 48 h runs of the Tennessee Eastman plant, and fuzz
	$(BIN)/python -m pytest -q -m slow

fuzz: $(READY) ## 100,000 malformed messages against the server
	$(BIN)/python -m pytest -q -m slow tests/fuzz

check: $(READY) ## Linters, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

bench: $(READY) $(NODE)/node_modules/.ready ## Measure lag, speed, cost and latency, ours beside others
	$(BIN)/python -m tests.benchmarks

lock: $(READY) ## Pin the dependency set again (never writes a registry's address)
	@$(PYTHON) -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/$(PIP) install -e ".[dev]"
	@$(VENV)-lock/bin/$(PIP) freeze --exclude-editable \
	  | sed -E 's/ @ .*//; s/\+[a-z0-9.]+$$//' | LC_ALL=C sort > constraints.txt
	@rm -r $(VENV)-lock

clean: ## Remove the virtual environment and build output
	rm -rf $(VENV) dist $(NODE)/node_modules
