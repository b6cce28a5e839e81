# Two commands do all the set-up on a machine with Python 3.11 and make: `make demo` and `make test`.

VENV   := .venv
BIN    := $(VENV)/bin
# Nothing that a tool remembers goes into the tree: pytest, ruff and mypy have the same folder in pyproject.toml.
CACHE  := $(HOME)/.cache/pagesieve
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
export NUMBA_CACHE_DIR     := $(CACHE)/numba
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
# `make test PYTEST='-k pager -x'` passes options on. A file of tests stays in one of JOBS processes, of which two cores
# carry three, since real scenes mostly wait; with JOBS=0 all stay in this one, which a debugger needs.
PYTEST ?=
JOBS   ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test check bench chaos kafka install install-dev

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: install ## a story told by a real Alertmanager, from alerts to pages, in under a minute
	@$(BIN)/python -m deploy.demo

test: install-dev ## unit, laws, golden, then the real parts (skipped, saying what is missing, where they are not)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST) \
		tests/unit tests/laws tests/golden tests/integration

check: install-dev ## ruff and mypy over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install-dev ## the figures of benchmarks/README.md
	@$(BIN)/python -m benchmarks

chaos: install-dev ## kill -9 and stall everything on a real Kafka, then check the books (SEED=n KILLS=k)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS))

kafka: install ## one real Kafka broker on loopback, without Docker; Ctrl-C stops it
	@$(BIN)/python deploy/kafka/kafka.py

install:
	@deploy/bootstrap.sh

install-dev:
	@deploy/bootstrap.sh --dev
