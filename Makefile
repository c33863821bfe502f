# make demo   transcribe the bundled sample into out/
# make test   lint, types and tests
# PYTHON=python3.12 chooses the interpreter; TORCH=default takes PyTorch from PyPI (on Linux with CUDA, several GB).

PYTHON ?= python3
TORCH ?= cpu
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint install

install: $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/python -m app.demo

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/.installed: requirements.txt pyproject.toml .ci/install.sh .ci/system-libraries.sh
	.ci/system-libraries.sh
	PYTHON="$(PYTHON)" TORCH="$(TORCH)" .ci/install.sh $(VENV)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	.ci/system-libraries.sh test
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@
