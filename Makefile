# Everything a newcomer needs: `make demo`, then `make test`. Needs Python 3.11 or newer and make; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo test test-long lint docs bundle benchmark clean
.DEFAULT_GOAL := help

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(INSTALLED) ## Install cardiolens and its test tools into .venv (about two minutes)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $$($(PYTHON) --version) found; Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "Installing into $(VENV) (about two minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

demo: setup ## Run the whole path on synthetic hearts; writes out/demo/index.html (a minute or two)
	@$(BIN)/cardiolens demo --out out/demo

test: setup ## Run the test suite
	@$(BIN)/python -m pytest

test-long: setup ## Run the tests that take minutes as well
	@$(BIN)/python -m pytest -m 'long or not long' --timeout 3600

lint: setup ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

docs: setup ## Write the API reference from the docstrings; out/api/index.html
	@$(BIN)/python scripts/api_reference.py out/api

bundle: setup ## Train the shipped bundle again (about an hour); needed when generator or recipe change
	@$(BIN)/python scripts/train_shipped_bundle.py out/shipped

benchmark: setup ## Measure speed here; writes dated files to benchmarks/results
	@for script in cleaning mdm_step synthetic_rate; do $(BIN)/python benchmarks/$$script.py || exit 1; done

clean: ## Remove what make and the demo wrote
	rm -rf $(VENV) out .pytest_cache .ruff_cache
