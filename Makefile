# Every target sets up what it needs: Python 3.11 or newer, make and the venv module are enough.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV ?= .venv
AUDIT ?= .audit
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -rfEs

.DEFAULT_GOAL := help
.PHONY: help demo test setup check format-check lint types imports coverage format bench bench-serve bench-quality chaos faults fuzz lock audit clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

demo: $(READY) ## set up, then show the whole product on a simulated CRM
	$(BIN)/leadml demo

test: $(READY) ## set up, then run the tests
	$(PYTEST)

setup: $(READY) ## set up only

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "leadml needs Python 3.11 or newer and found none on PATH: install it, or run make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "leadml needs Python 3.11 or newer; $(PYTHON) is older or missing: run make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks the venv module: install it (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); the first time takes a few minutes ..."
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

check: format-check lint types imports coverage ## format, lint, strict types, import contracts, tests with coverage

format-check: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

coverage: $(READY)
	$(PYTEST) --cov --cov-report=term

format: $(READY) ## format and mend what can be mended automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## time training, scoring, the service, the ledger and the report
	$(BIN)/python tests/benchmarks/run.py
	$(BIN)/python tests/benchmarks/ledger_import.py
	$(BIN)/python tests/benchmarks/ledger_speed.py
	$(BIN)/python tests/benchmarks/report_speed.py

bench-serve: $(READY) ## time the service beside an empty endpoint, mlflow and scikit-learn behind FastAPI
	$(BIN)/python tests/benchmarks/serve.py

bench-quality: $(READY) ## quality on the public data sets (LEADML_DATASETS), beside AutoGluon where it is there (LEADML_AUTOGLUON)
	$(BIN)/python tests/benchmarks/quality.py
	$(BIN)/python tests/benchmarks/leakage.py --fast
	$(BIN)/python tests/benchmarks/points_evidence.py 100
	$(BIN)/python tests/benchmarks/people.py --samples 50
	$(BIN)/python tests/benchmarks/watched_verdict.py 500
	$(BIN)/python tests/benchmarks/shadow_looks.py 200

chaos: $(READY) ## kill, starve and confuse a service under load; count what was lost, renew the table in docs/operations.md
	$(BIN)/python tests/benchmarks/chaos.py --write

faults: $(READY) ## kill writers of the ledger, and its server, fifty times over; count what was lost
	$(BIN)/python tests/benchmarks/ledger_faults.py

fuzz: $(READY) ## send the service 100,000 inputs of any kind, ask its description what it promises, and hold its two evaluators against each other
	LEADML_FUZZ=20000 $(BIN)/python -m pytest -n 2 -q tests/api/test_any_input.py tests/api/test_promises.py tests/workflows/test_answers.py

lock: ## renew requirements.lock from pyproject.toml
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.13"
	$(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
		pyproject.toml --output-file requirements.lock

audit: ## look for known holes in the locked packages, and for bandit's findings in the source; needs the network
	"$(PYTHON)" -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check "bandit>=1.9" "pip-audit>=2.10"
	$(AUDIT)/bin/bandit --quiet --recursive src
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(AUDIT) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
