# The verbs of this repository. People and .ci/run call the same ones; ARGS goes to the program behind the verb:
#   make test ARGS="tests/test_units.py -x"      make bench ARGS=--quick      make install PYTHON=python3.12
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
VENV ?= .venv
VERSIONS ?= 3.11 3.12 3.13
ARGS ?=
BIN := $(VENV)/bin

# Stamps inside the environment: an unchanged pyproject.toml makes the second call of any verb cost nothing.
CORE := $(VENV)/.core-installed
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed
BENCH_ALL := $(VENV)/.bench-all-installed
BENCH_FEM := $(VENV)/.bench-fem-installed

.PHONY: help install demo test test-all coverage lint format bench bench-auto bench-fem bench-lab bench-lfsr soak docs clean cpython-tests

help: ## this list
	@sed -nE 's/^([a-z-]+):.* ## (.*)/  make \1\t\2/p' Makefile | expand -t 20

$(CORE): pyproject.toml
	@.ci/install $(VENV) $(PYTHON)
	@touch $@

$(DEV): pyproject.toml
	@.ci/install $(VENV) $(PYTHON) dev
	@touch $(CORE) $@

$(BENCH): pyproject.toml
	@.ci/install $(VENV) $(PYTHON) dev bench
	@touch $(CORE) $(DEV) $@

$(BENCH_ALL): pyproject.toml
	@.ci/install $(VENV) $(PYTHON) dev bench-all
	@touch $(CORE) $(DEV) $(BENCH) $@

$(BENCH_FEM): pyproject.toml
	@.ci/install $(VENV) $(PYTHON) dev bench-fem
	@touch $(CORE) $(DEV) $@

install: $(DEV) ## everything that demo, tests and linters need, into .venv

demo: $(CORE) ## a real job on real input, every backend, where each second went
	@$(BIN)/breakeven demo $(ARGS)

# In two programs: what the workloads load (numba, scipy) makes every fork of the engine's tests three times as slow.
WORKLOADS := tests/workloads tests/cli/test_fem.py

test: $(DEV) cpython-tests ## the tests, on one Python
ifeq ($(strip $(ARGS)),)
	@$(BIN)/python -m pytest $(addprefix --ignore=,$(WORKLOADS))
	@$(BIN)/python -m pytest $(WORKLOADS)
else
	@$(BIN)/python -m pytest $(ARGS)
endif

# CPython's own executor tests are fetched, never kept in this tree. Where they cannot be had, the test that
# needs them says so and skips; that is no reason to stop here.
cpython-tests: $(DEV)
	@if [ -f tests/cpython/fetch.py ]; then $(BIN)/python tests/cpython/fetch.py \
	    || echo "CPython's own tests could not be fetched; the test that needs them will skip"; fi

test-all: ## the tests, on every Python of VERSIONS that this machine has
	@failed=; \
	for version in $(VERSIONS); do \
	    if python=$$(.ci/interpreter $$version); then \
	        echo "== Python $$version: $$python"; \
	        $(MAKE) test VENV=.venv-$$version PYTHON=$$python || failed+=" $$version"; \
	    else \
	        echo "== Python $$version: none that runs was found, skipped"; \
	    fi; \
	done; \
	if [ -n "$$failed" ]; then echo "failed on:$$failed" >&2; exit 1; fi

coverage: $(DEV) ## the tests with branch coverage, workers counted
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

lint: $(DEV) ## style, format, types, floors
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## put the source into its one format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(if $(findstring --all,$(ARGS)),$(BENCH_ALL),$(BENCH)) ## breakeven beside its peers, interleaved; Ray and Dask too with ARGS=--all
	@$(BIN)/python -m benchmarks $(ARGS)

bench-auto: $(BENCH) ## does auto choose well? every fixed way, auto and the peers on fourteen kinds of work
	@$(BIN)/python -m benchmarks.auto $(ARGS)

bench-lfsr: $(DEV) ## the shift-register workload against its targets; ARGS="--store NAME" keeps the raw values
	@$(BIN)/python -m benchmarks.lfsr $(ARGS)

bench-fem: $(BENCH_FEM) ## the finite elements beside scikit-fem, and beside their targets
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.fem $(ARGS)

bench-lab: $(DEV) ## the lab's instruments beside outside ones, and beside what they promise
	@$(BIN)/python -m benchmarks.lab $(ARGS)

soak: $(DEV) ## minutes of hard use: a million tasks, hundreds of killed workers, ten times the drawn examples
	@$(BIN)/python -m pytest -m soak --timeout 3600 $(ARGS)
	@$(BIN)/python -m pytest -m hypothesis --hypothesis-profile thorough --timeout 3600 $(ARGS)

docs: $(DEV) ## run every snippet of the documentation
	@$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

clean: ## remove environments, caches and build output
	@rm -rf .venv .venv-* dist build htmlcov .coverage .coverage.* .*_cache .hypothesis
	@find src tests docs benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
