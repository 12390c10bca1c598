# make demo      set everything up and train on the handwritten digits
# make test      set everything up and run the quick tests
# make install   what both begin with: .venv with stoker, the JAX backend and the development tools

PYTHON ?= python3
VENV ?= .venv
BACKENDS_VENV ?= .venv-backends
BENCH_VENV ?= .venv-bench
RAY_VENV ?= .venv-ray
STOKER_SOAK_SECONDS ?= 1800
RAY_SECONDS ?= 1800
PYTEST_ARGS ?= --numprocesses auto --dist loadfile --no-loadscope-reorder

BIN := $(VENV)/bin
BACKEND_TESTS := tests/training tests/legacy tests/layers tests/cli $(wildcard tests/test_models.py tests/test_text_models.py tests/test_image_models.py)

BIT_TESTS := $(addprefix tests/,training/test_resuming.py training/test_inheriting.py training/test_columns_runs.py test_resume_command.py faults/test_kills.py)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-bits test-slow test-backends test-ray fuzz soak check format bench

help:
	@echo 'make demo           train on the handwritten digits, from an empty checkout'
	@echo 'make test           quick tests'
	@echo 'make test-bits      those that compare runs bit for bit, compiled as users have it'
	@echo 'make install        create $(VENV)'
	@echo 'make check          ruff, mypy and the import layers'
	@echo 'make format         let ruff format and mend what it can'
	@echo 'make test-slow      the tests that take more than a second of the processor, and every property in full'
	@echo 'make fuzz           thousands of damaged and forged files, others each time'
	@echo 'make soak           trains for STOKER_SOAK_SECONDS (half an hour): memory stays level, and every kill resumes'
	@echo 'make test-backends  the training tests on TensorFlow and PyTorch, in $(BACKENDS_VENV)'
	@echo 'make test-ray       on Ray clusters of this machine, within RAY_SECONDS (half an hour), in $(RAY_VENV)'
	@echo 'make bench          the benchmarks beside their peers, in $(BENCH_VENV)'

# A new environment $(1) with a pip that knows dependency groups (25.1).
define new_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "stoker needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true);" \
	         "say which to use: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
endef

$(VENV)/.installed: pyproject.toml
	$(call new_venv,$(VENV))
	$(BIN)/python -m pip install --quiet --editable '.[jax]' --group dev
	@touch $@

# PyTorch first and pinned: whatever asks for torch later finds it there.
$(BACKENDS_VENV)/.installed: pyproject.toml
	$(call new_venv,$(BACKENDS_VENV))
	$(BACKENDS_VENV)/bin/python -m pip install --quiet 'torch==2.13.0'
	$(BACKENDS_VENV)/bin/python -m pip install --quiet --editable '.[tensorflow,torch]' --group dev --group neighbours
	@touch $@

$(RAY_VENV)/.installed: pyproject.toml
	$(call new_venv,$(RAY_VENV))
	$(RAY_VENV)/bin/python -m pip install --quiet --editable '.[jax,ray]' --group dev
	@touch $@

$(BENCH_VENV)/.installed: pyproject.toml
	$(call new_venv,$(BENCH_VENV))
	$(BENCH_VENV)/bin/python -m pip install --quiet 'torch==2.13.0'
	$(BENCH_VENV)/bin/python -m pip install --quiet --editable '.[jax,bench]'
	@touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/stoker demo

# Every process of the tests would compile stoker and its tests anew where bytecode is not kept.
test test-bits test-slow test-backends test-ray: export PYTHONDONTWRITEBYTECODE =

# The quick tests try a quarter of the examples of every property (tests/property_examples.py).
test-slow test-backends fuzz: export STOKER_EXAMPLES = all

# OpenBLAS's threads look for work for a tenth of a second of the processor, in every process that imports NumPy.
test: export OPENBLAS_NUM_THREADS ?= 1

# The quick tests have XLA optimize nothing (tests/compiling.py).
test-slow soak: export XLA_FLAGS ?=

test: install
	$(BIN)/pytest -m 'not slow and not soak and not ray and not fuzz' $(PYTEST_ARGS)

test-slow: install
	$(BIN)/pytest -m '(slow or hypothesis) and not soak and not ray and not fuzz' $(PYTEST_ARGS)

# Others each time, so that it may find something on any day: not for what must be green.
fuzz: install
	$(BIN)/pytest -m fuzz tests/hostile $(PYTEST_ARGS)

# Compiled by XLA as users have it: that a run which was stopped ends with the bits of one that was not.
test-bits: export XLA_FLAGS =
test-bits: install
	$(BIN)/pytest -m 'not slow and not soak and not ray and not fuzz' $(BIT_TESTS) $(PYTEST_ARGS)

# One at a time: what it measures is this machine's memory. -s shows the figures.
soak: export STOKER_SOAK_SECONDS := $(STOKER_SOAK_SECONDS)
soak: install
	$(BIN)/pytest -m soak -s tests/soak

test-backends: $(BACKENDS_VENV)/.installed
	KERAS_BACKEND=tensorflow $(BACKENDS_VENV)/bin/pytest -m '(backends or not slow) and not soak' $(BACKEND_TESTS) tests/faults/test_kills.py $(PYTEST_ARGS)
	KERAS_BACKEND=torch $(BACKENDS_VENV)/bin/pytest -m '(backends or not slow) and not soak' $(BACKEND_TESTS) tests/sources/test_objects.py $(PYTEST_ARGS)
	KERAS_BACKEND=torch $(BACKENDS_VENV)/bin/pytest -m backends tests/contracts/test_sources.py $(PYTEST_ARGS)

# One after the other, for each starts a cluster; all within RAY_SECONDS; XLA compiles as users have it.
test-ray: export XLA_FLAGS =
test-ray: $(RAY_VENV)/.installed
	timeout --kill-after 60 $(RAY_SECONDS) $(RAY_VENV)/bin/pytest -m ray tests/distributed

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(BENCH_VENV)/.installed
	$(BENCH_VENV)/bin/python -m benchmarks
