# Each target is a line that a person could type. `make setup` is done once by whatever needs it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
READY  := $(VENV)/.ready

.PHONY: setup proto docs format lint types fresh test test-deep test-crash bench demo check lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^pip==/,/[^\\]$$/p' requirements.lock | $(PIP) -r /dev/stdin # the locked pip: Python's own may take minutes to choose
	$(PIP) --no-compile -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true # on all processors; some packages hold templates that are no Python
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lock: ; $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate --allow-unsafe --extra dev --extra postgres --extra pdf -o requirements.lock pyproject.toml

proto: setup ; $(BIN)/python -m gateway.rpc.generate

docs: setup ; $(BIN)/python -m gateway.cli.functionspage

format: setup ; $(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup ; $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports

types: setup ; $(BIN)/mypy

fresh: setup ; $(BIN)/python -m gateway.rpc.generate --check && $(BIN)/python -m gateway.cli.functionspage --check

check: lint types fresh

# Whole files on two processes, for their fixtures; those that wait for receivers and those that compute take turns.
test: export PYTHONDONTWRITEBYTECODE =
test: setup ; $(BIN)/pytest -m "not deep" -n 2 --dist loadfile --no-loadscope-reorder --durations=10

test-deep: setup ; HONGYAN_EXAMPLES=all $(BIN)/pytest -m deep --timeout 3600 && HONGYAN_EXAMPLES=all $(BIN)/pytest tests/unit -m "not deep"

test-crash: setup ; HONGYAN_KILLS=50 $(BIN)/pytest tests/e2e/standing/test_crash_matrix.py --timeout 3600

bench: setup ; $(BIN)/hongyan bench pipeline

demo: setup ; $(BIN)/hongyan demo

clean: ; rm -rf $(VENV) .cache hongyan-data .mypy_cache .ruff_cache .hypothesis
