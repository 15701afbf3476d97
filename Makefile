# `make` alone says what there is. To use an environment of your own instead of .venv:
#   make demo PYTHON=/path/to/its/python

BASE_PYTHON ?= $(shell for p in python3.11 python3; do $$p -c '' 2>/dev/null && echo $$p && break; done)
PYTEST_ARGS ?=
# Processes that run tests side by side, a file at a time; each computes with one thread.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$(( n < 4 ? n : 4 )))
PYTEST = OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile
MUTATION_ARGS ?=

ifeq ($(origin PYTHON), undefined)
PYTHON := .venv/bin/python
SETUP = $(or $(BASE_PYTHON),$(error Python 3.11 is missing. Install it, as root: \
	apt-get install -y python3 python3-venv python3-dev)) tools/setup/make_env.py
else
# Somebody's environment: it is checked, never changed, so EINet is found by its path.
SETUP = command -v '$(PYTHON)' > /dev/null || { echo "PYTHON=$(PYTHON) is not a program. \
	Give the path of an environment's python, or leave PYTHON out to make .venv."; exit 1; }; \
	'$(PYTHON)' tools/setup/check_env.py requirements/runtime.txt
export PYTHONPATH := $(CURDIR)/projects$(if $(PYTHONPATH),:$(PYTHONPATH))
test test-slow test-gpu mutation lint format: SETUP += requirements/tests.txt
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-gpu coverage mutation lint format clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' \
		| while IFS='|' read -r target text; do printf '%-18s %s\n' "$$target" "$$text"; done

setup:  ## Make the environment in .venv, or complete it (the first time about 10 to 20 minutes)
	@$(SETUP)

demo: setup  ## Train on synthetic images, score, and draw a contact sheet (about 5 minutes of training)
	@PYTHON='$(PYTHON)' bash tools/demo.sh

test: setup  ## Run the fast tests; PYTEST_ARGS are passed on
	@$(PYTEST) -m 'not slow and not gpu' $(PYTEST_ARGS)

test-slow: setup  ## Run the slow tests: short trainings, tools, configs
	@$(PYTEST) -m 'slow and not gpu' $(PYTEST_ARGS)

test-gpu: setup  ## Run the tests that need a GPU
	@$(PYTHON) -m pytest -m gpu $(PYTEST_ARGS)

coverage: setup  ## Run fast and slow tests; fail below 90 % coverage of projects/einet
	@$(PYTEST) -m 'not gpu' --cov --cov-fail-under=90 $(PYTEST_ARGS)

mutation: setup  ## Break the code on purpose, and list what no test notices (20 minutes)
	@$(PYTHON) tools/analysis_tools/mutation.py $(MUTATION_ARGS)

lint: setup  ## Check style, types, and spelling
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m codespell_lib .

format: setup  ## Format the code, and fix what ruff can fix
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

clean:  ## Remove caches and results; .venv and data stay
	@rm -rf work_dirs outputs .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
