# Every target sets up what it needs and does nothing twice. On a new machine: make, and Python 3.11 or newer.
#
#   make demo      see it work: a provider on 127.0.0.1, its traffic, the metrics     ARGS="..." goes to the command
#   make test      all tests, over the cores of the machine                           ARGS="tests/data -k merge" chooses
#   make test-sdks the tests of sources beside other versions of their libraries      ARGS="openai2 -- -k litellm" chooses
#   make check     lint, formatting and types, as CI sees them
#   make bench     measure, and refresh benchmarks/RESULTS.md
#   make matrix    the tests on every supported Python that this machine has, and beside every supported library
#   make format    let ruff mend what it can
#
# More: make coverage, make test-long, make torture, make docs-check, make clean. Another interpreter: make PYTHON=/path/to/python3 ...

PYTHON ?=
ARGS ?=
export PYTHON

VENV := .venv
DEMO := .venv-demo
RUN := $(VENV)/bin/python -m
MATRIX := 3.11 3.12 3.13
# A worker for each core, four at most; who has done his share takes over some of another's.
PARALLEL := -n auto --maxprocesses=4 --dist=worksteal

.PHONY: demo test test-sdks coverage check bench matrix format test-long torture docs-check setup servers clean

demo:
	@python=$$(tools/find-python) && tools/venv $(DEMO) "$$python" cli,openai
	@$(DEMO)/bin/polymeter demo $(ARGS)

test: setup servers
	@$(RUN) pytest $(if $(ARGS),$(ARGS),$(PARALLEL) -q)
	$(if $(ARGS),,@$(VENV)/bin/python tools/sdks.py --always)

test-sdks: setup
	@$(VENV)/bin/python tools/sdks.py $(ARGS)

coverage: setup servers
	@$(RUN) pytest --cov --cov-report=term $(if $(ARGS),$(ARGS),$(PARALLEL) -q)

check: setup
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) pyright --project pyproject.toml # and no configuration of a folder above

bench: setup
	@$(RUN) benchmarks $(ARGS)

matrix: servers
	@tools/matrix $(MATRIX) -- $(ARGS)
	$(if $(ARGS),,@$(VENV)/bin/python tools/sdks.py)

format: setup
	@$(RUN) ruff check --fix-only --exit-zero
	@$(RUN) ruff format

test-long: setup servers
	@$(RUN) pytest -m "not torture" --hypothesis-profile=thorough --timeout=1200 $(ARGS)

torture: setup servers
	@$(RUN) pytest -m torture --timeout=1800 $(ARGS)

docs-check: setup
	@$(RUN) pytest tests/docs $(ARGS)

setup:
	@python=$$(tools/find-python) && tools/venv $(VENV) "$$python" cli,openai dev

servers: setup
	@$(VENV)/bin/python tools/fetch_servers.py

clean:
	rm -rf .venv .venv-* .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
