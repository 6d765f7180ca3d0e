# Every target makes or reuses .venv and installs by itself. `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export DAGSTER_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help run ui test check bench clean

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# One pip command with torch pinned: without the pin, pip takes gigabytes of CUDA packages.
$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed: set PYTHON=python3.12 or install python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0 -e ".[dev]"
	@touch $(STAMP)

run: $(STAMP) ## Bring the shipped corpus up to date, from source to release
	@$(BIN)/llmops run

ui: $(STAMP) ## Open the Dagster UI on http://127.0.0.1:3000
	@$(BIN)/llmops ui

test: $(STAMP) ## Run the tests
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## Lint, types, and Dagster's own checks of project, YAML and definitions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/dg check toml
	@for file in $$(find assets -name defs.yaml); do $(BIN)/dg check yaml "$$(dirname "$$file")" || exit 1; done
	@$(BIN)/dg check defs

bench: $(STAMP) ## Measure the figures of the README, in hours
	@for module in run load overhead kills statistics $(if $(LLMOPS_DATA),growth scifact reembedding embedding search peers drift); do $(BIN)/python -m benchmarks.$$module || exit 1; done

clean: ## Remove the virtual environment and caches; the lake and Dagster's state stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
