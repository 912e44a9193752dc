# Every target sets up its own virtual environment in .venv when it is absent or out of date.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= auto
CUDA ?= 12
.DEFAULT_GOAL := help

.PHONY: help demo test test-slow test-faults test-matrix check lint bench bench-quick gpu docs clean

help:
	@echo "make demo    the central result, with a figure, in about a minute"
	@echo "make test    the tests; make test-slow those that are left out of it"
	@echo "make test-faults   kills, full disks, hostile files, extreme numbers: everything tried, and docs/results/reliability.md"
	@echo "make test-matrix   the tests on an installed wheel, with the oldest and the newest Python and dependencies"
	@echo "make check   ruff, mypy and the tests"
	@echo "make bench   time per training step beside torch.nn (installs torch)"
	@echo "make bench-quick   has a training step become slower? in under two minutes"
	@echo "make gpu     on a CUDA device: its tests and times, written to docs/results/gpu.md (CUDA=13 for a newer driver)"
	@echo "make docs    the documentation as a site, docs/_build/html/index.html"
	@echo "make clean   remove the virtual environment and what was built"

.venv/installed: setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "minirnn needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.venv/peers: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

.venv/cuda$(CUDA): .venv/peers
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench,cuda$(CUDA)]'
	@touch $@

demo: .venv/installed
	$(BIN)/minirnn demo

test: .venv/installed
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: .venv/installed
	$(BIN)/python -m pytest -n $(JOBS) -m slow

test-faults: .venv/installed
	$(BIN)/python -m pytest -n $(JOBS) tests/faults -m 'many or not many' --counts tests/faults/counts.json

test-matrix: .venv/installed
	$(BIN)/python tests/matrix.py

lint: .venv/installed
	$(BIN)/ruff check .
	rm -rf .mypy_cache/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .mypy_cache/installed .
	$(BIN)/mypy .mypy_cache/installed/minirnn   # an installed copy: there tasks/ and benchmarks/ are inside minirnn

check: lint test

bench: .venv/peers
	$(BIN)/minirnn bench

bench-quick: .venv/installed
	$(BIN)/python -m benchmarks.guard

gpu: .venv/cuda$(CUDA)
	$(BIN)/python -m benchmarks.gpu

docs: .venv/installed
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/doctrees docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf .venv .matrix build docs/_build dist *.egg-info .mypy_cache .ruff_cache
