# `make demo` and `make test` do all the set-up they need; `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# a Python to make the virtual environment with, when the first one found is not the one wanted
PYTHON ?=
# passed on to what a target runs: make demo ARGS=--hardened, make test ARGS="-k hba -x"
ARGS ?=
# processes that run tests, each with servers of its own: they wait more than they compute
WORKERS ?= 2
MAJORS ?= 10 11 12 13 14 15 16 17 18

BIN := .venv/bin
LOCK := requirements/dev.txt

# somebody else's server, library paths and Python settings must not leak into ours
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: setup ## inspect a throwaway laboratory database (ARGS=--hardened: its well-run twin)
	@$(BIN)/pgguard demo $(ARGS)

.PHONY: test
test: setup ## formatter, linter, types, import contracts, generated documentation, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.generate_docs --check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

.PHONY: matrix
matrix: setup ## the tests on every supported PostgreSQL (MAJORS="15 18": on those)
	@failed=; \
	for major in $(MAJORS); do \
	    echo "== PostgreSQL $$major"; \
	    PGGUARD_TEST_MAJOR=$$major $(BIN)/python -m pytest tests -q $(ARGS) || failed="$$failed $$major"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed on PostgreSQL$$failed"; exit 1; fi; \
	echo "passed on PostgreSQL $(MAJORS)"

.PHONY: bench
bench: setup ## how long an inspection takes, against what the server alone needs
	@$(BIN)/python -m bench $(ARGS)

.PHONY: bench-discover
bench-discover: setup ## how well personal data is told on labelled schemas (FOLDER=: on those of another folder)
	@$(BIN)/python -m bench.discover $(if $(FOLDER),--folder $(FOLDER)) $(ARGS)

.PHONY: bench-sharing
bench-sharing: setup ## how well shared logins are told from services, over simulated hospitals
	@$(BIN)/python -m bench.sharing $(ARGS)

.PHONY: bench-plan
bench-plan: setup ## from shared logins to personal roles on a large cluster, beside psql and what else there is
	@$(BIN)/python -m bench.plan $(ARGS)

.PHONY: bench-encrypt
bench-encrypt: setup ## what encryption costs, as ratios of processor time against the same work in clear
	@$(BIN)/python -m bench.encrypt $(ARGS)

.PHONY: bench-audit
bench-audit: setup ## what the audit of changes costs, beside other triggers, as ratios of processor time
	@$(BIN)/python -m bench.audit $(ARGS)

.PHONY: bench-audit-seal
bench-audit-seal: setup ## what sealing the audit costs at 5,000 changes a second
	@$(BIN)/python -m bench.audit_seal $(ARGS)

.PHONY: bench-audit-search
bench-audit-search: setup ## how fast the audit answers, over millions of entries
	@$(BIN)/python -m bench.audit_search $(ARGS)

.PHONY: bench-audit-sealing
bench-audit-sealing: setup ## what values sealed for the auditor cost, beside the other classes
	@$(BIN)/python -m bench.audit_sealing $(ARGS)

.PHONY: bench-extract
bench-extract: setup ## an extraction under a mandate, against plain COPY and the encryption alone
	@$(BIN)/python -m bench.extract $(ARGS)

.PHONY: bench-erase
bench-erase: setup ## a million rows erased while a writer works, in batches and by one DELETE
	@$(BIN)/python -m bench.erase $(ARGS)

.PHONY: bench-history
bench-history: setup ## a history of 1,000 nights and 100,000 findings
	@$(BIN)/python -m bench.history $(ARGS)

.PHONY: bench-fleet
bench-fleet: setup ## 200 servers in one run, some at a time, against one after another
	@$(BIN)/python -m bench.fleet $(ARGS)

.PHONY: bench-observe
bench-observe: setup ## a million lines of a server's log in each format, read and graded
	@$(BIN)/python -m bench.observe $(ARGS)

.PHONY: docs
docs: setup ## print docs/ anew from the code
	@$(BIN)/python -m tools.generate_docs

.PHONY: format
format: setup ## the formatter, and what the linter can correct by itself
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

.PHONY: lock
lock: setup ## pin the packages anew (ARGS=--upgrade: to their newest versions)
	@$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(ARGS) \
	    --output-file $(LOCK) pyproject.toml requirements/dev.in

.PHONY: clean
clean: ## remove what these targets made here (fetched servers stay in their cache)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last and tells what the environment was made from, so that an interrupted
# set-up, a new lock file, a moved checkout and a replaced Python all lead to a new environment.
.PHONY: setup
setup:
	@fail() { echo "$$1" >&2; exit 1; }; \
	wanted=$$(pwd; sed -n '/^\[build-system/,/^\[tool/p' pyproject.toml; cat $(LOCK)); \
	if [ "$$wanted" = "$$(cat .venv/stamp 2>/dev/null)" ] && $(BIN)/python -c 'import hatchling' 2>/dev/null; \
	then exit 0; fi; \
	python=; without=; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    if "$$name" -c 'import ensurepip, venv' 2>/dev/null; then python=$$name; break; fi; \
	    without=$${without:-$$name}; \
	done; \
	if [ -z "$$python" ] && [ -n "$$without" ]; then \
	    version=$$("$$without" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    fail "the venv module of Python $$version is missing: install it (Debian, Ubuntu: apt install python$$version-venv)"; \
	fi; \
	[ -n "$$python" ] || \
	    fail "Python 3.11 or newer is missing: install it (Debian, Ubuntu: apt install python3 python3-venv; Fedora, RHEL: dnf install python3.12), or name one with make PYTHON=/path/to/python3"; \
	if [ -e .venv ]; then [ -w .venv ] && [ -O .venv ]; else [ -w . ]; fi || \
	    fail "$$(pwd)/.venv cannot be written by $$(id -un), because another user made it or owns this folder: work in a copy of your own (git clone)"; \
	echo "setting up the Python packages in .venv (about a minute, once)" >&2; \
	"$$python" -m venv --clear .venv && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK) && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . || \
	    fail "the Python packages of $(LOCK) could not be installed: the reason is above, then run make again"; \
	printf '%s\n' "$$wanted" > .venv/stamp
