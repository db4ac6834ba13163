# `make help` says what there is. Everything is installed into .venv, once per lock file.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
KEY := $(shell { pwd; cat requirements.lock pyproject.toml; } | cksum | cut -d' ' -f1)
INSTALLED := .venv/installed-$(KEY)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: demo demo-ui
demo: java $(INSTALLED) ## run the example Dag on a real Spark, Libra and Airflow, then stop them
	@$(PYTHON) -m demo
demo-ui: java $(INSTALLED) ## the same, and leave Airflow's UI running until Ctrl-C
	@$(PYTHON) -m demo --ui

.PHONY: check test test-all bench
check: $(INSTALLED) ## lint, format and types: seconds
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
test: java check ## check, then the tests: minutes
	$(PYTHON) -m pytest -m "not slow"
test-all: java check ## check, then every test, also the long ones
	$(PYTHON) -m pytest
bench: java $(INSTALLED) ## one ratio per claim of the README
	@set -e; for each in $(wildcard benchmarks/bench_*.py); do $(PYTHON) $$each; done

.PHONY: java lock clean
java:
	@scripts/preflight java
$(INSTALLED): requirements.lock pyproject.toml
	@scripts/install $@
lock: $(INSTALLED) ## resolve the dependencies anew: versions and markers only
	$(PYTHON) -m uv pip compile --quiet --upgrade --universal --no-emit-index-url --no-header \
		--no-annotate --all-extras pyproject.toml -o requirements.lock
clean: ## remove .venv and all caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -prune -exec rm -rf {} +
