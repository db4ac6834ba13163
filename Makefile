# `make help` says what there is. Everything is installed into .venv, once per lock file.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
KEY := $(shell { pwd; cat requirements.lock pyproject.toml; } | cksum | cut -d' ' -f1)
INSTALLED := .venv/installed-$(KEY)
# The oldest Spark that is tested, beside the one of the lock file; only test-all needs it.
OLDEST_SPARK := 4.0.5
SPARK40 := .venv-spark40/installed-$(OLDEST_SPARK)
# With it the JVMs of the tests start in less CPU time; tests/java.py makes and uses it.
ARCHIVE := .venv/spark.jsa

# Two processes of tests; what is given to which is said in tests/conftest.py.
AT_ONCE := -n 2 --dist loadscope --no-loadscope-reorder
# A test that fails is not run again: flaky is broken.
SLOWEST := --durations=20

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: demo demo-ui
demo: java $(INSTALLED) ## run the example Dag on a real Spark, Libra and Airflow, then stop them
	@$(PYTHON) -m demo
demo-ui: java $(INSTALLED) ## the same, and leave Airflow's UI running until Ctrl-C
	@$(PYTHON) -m demo --ui

.PHONY: check test test-all bench chaos
check: $(INSTALLED) ## lint, format and types: seconds
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
test: java check $(ARCHIVE) ## check, then the tests: minutes
	$(PYTHON) -m pytest $(AT_ONCE) $(SLOWEST) -m "not slow"
test-all: java check $(ARCHIVE) spark40 ## check, then every test, also the long ones
	$(PYTHON) -m pytest $(AT_ONCE) $(SLOWEST)
bench: java $(INSTALLED) ## one ratio per claim of the README
	@set -e; for each in $(wildcard benchmarks/bench_*.py); do $(PYTHON) $$each; done

chaos: java $(INSTALLED) ## kill everything at random, then count the jobs; CHAOS="--seed 7 --kills 60"
	@$(PYTHON) -m tests.chaos $(CHAOS)

.PHONY: java lock clean spark40
java:
	@scripts/preflight java
$(INSTALLED): requirements.lock pyproject.toml
	@scripts/install $@
$(ARCHIVE): $(INSTALLED) tests/java.py
	@echo "Writing the classes of Spark into $@, 160 MB"
	@$(PYTHON) -m tests.java
spark40: $(SPARK40)
$(SPARK40): $(INSTALLED)
	@echo "Installing pyspark $(OLDEST_SPARK) into .venv-spark40, 450 MB"
	@$(PYTHON) -m venv .venv-spark40
	@.venv-spark40/bin/python -m pip --disable-pip-version-check --no-input \
		install --quiet pyspark==$(OLDEST_SPARK)
	@touch $@
lock: $(INSTALLED) ## resolve the dependencies again: versions and markers only
	$(PYTHON) -m uv pip compile --quiet --upgrade --universal --no-emit-index-url --no-header \
		--no-annotate --all-extras pyproject.toml -o requirements.lock
clean: ## remove .venv and all caches
	rm -rf .venv .venv-spark40 .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -prune -exec rm -rf {} +
