# Each target sets up what it needs. On a fresh machine that takes Python 3.11 or newer, make, and a package index.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# A lock is complete in itself, so pip has nothing to resolve; wheels only, so it has nothing to build.
PIP := PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCKED := $(PIP) install --no-deps --no-compile --require-hashes --only-binary :all: -r
# Only development keeps pip: 14 MB that nothing needs to run.
NO_SETUPTOOLS := $(PIP) uninstall --yes setuptools
HAVE_PIP := test -e $(BIN)/pip3 || { PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m ensurepip >/dev/null && $(NO_SETUPTOOLS); }
DROP_PIP := $(PIP) uninstall --yes pip
ARGS ?=
PICTURES := mediapipe-face fluent-emoji-3d
VOICES := kokoro-voices
TALKER := smollm2-135m-instruct
# Tests wait for most of their time, so three processes do well on two cores. ARGS="-n 0" runs them all in one.
SHARED_OUT := -n 3 --dist loadfile --no-loadscope-reorder

# The first of these that runs, is new enough, and can make a virtual environment.
PYTHONS := $(PYTHON) python3 python3.13 python3.12 python3.11
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.PHONY: help demo run models test check fix bench lock clean
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

demo: .venv/project.stamp ## make a song and a picture: the whole service for a moment, all of it on this machine
	@$(BIN)/ai-gateway demo $(ARGS)

run: .venv/run.stamp ## start the service and all it needs; Ctrl-C stops it
	@$(BIN)/ai-gateway models install $(PICTURES) $(VOICES) $(TALKER) || echo "Starting without: what needs them says so."
	@$(BIN)/ai-gateway up $(ARGS)

models: .venv/run.stamp ## fetch what engines read: face models, sprites, voices and a chat model, 143 MB
	@$(BIN)/ai-gateway models install $(PICTURES) $(VOICES) $(TALKER) $(ARGS)

test: .venv/dev.stamp ## run the tests; ARGS="-k word" chooses some
	@$(BIN)/ai-gateway models install >/dev/null || echo "Without the models, the tests that need them are skipped."
	@$(BIN)/python -m pytest $(SHARED_OUT) $(ARGS)

check: .venv/dev.stamp ## format, lint, types, import directions, locks, licences, faults
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m requirements.lock --check
	@$(BIN)/python -m docs.licences --check
	@$(BIN)/python -m docs.faults --check

fix: .venv/dev.stamp ## format, and mend what can be mended
	@$(BIN)/ruff check --fix --exit-zero
	@$(BIN)/ruff format

bench: .venv/dev.stamp ## measure, and print the ratios
	@$(BIN)/python -m bench $(ARGS)

lock: .venv/dev.stamp ## pin again what pyproject.toml asks for; ARGS=--upgrade takes the newest
	@PATH="$(BIN):$$PATH" $(BIN)/python -m requirements.lock $(ARGS)
	@$(MAKE) --no-print-directory .venv/dev.stamp
	@$(BIN)/python -m docs.licences

clean: ## remove what these targets installed or cached; data in .gateway stays
	@rm -rf .venv .bench .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -----------------------------------------------------------------------------------------------

# Without setuptools, which nothing needs and Python 3.12 leaves out, and without bytecode: 19 MB together.
.venv/pyvenv.cfg:
	@for python in $(PYTHONS); do \
	    if $$python -c '$(SUITS)' 2>/dev/null; then \
	        echo "Making .venv with $$($$python --version)"; \
	        $$python -m venv .venv && $(NO_SETUPTOOLS) || exit; \
	        exec find .venv -name __pycache__ -prune -exec rm -rf {} +; \
	    fi; \
	done; \
	echo "Needs Python 3.11 or newer with its venv module (Debian: python3-venv); PYTHON=/path/to/python names one." >&2; \
	exit 1

# An interrupted installation leaves no stamp, and is taken up again.
.venv/music.stamp: requirements/music.txt | .venv/pyvenv.cfg
	@echo "Installing what the music service needs"
	@$(HAVE_PIP)
	@$(LOCKED) $<
	@touch $@

.venv/run.stamp: requirements/run.txt | .venv/project.stamp
	@echo "Installing what the engines need"
	@$(HAVE_PIP)
	@$(LOCKED) $<
	@test -e .venv/dev.stamp || $(DROP_PIP)
	@touch $@

.venv/dev.stamp: requirements/dev.txt requirements/openai-1.txt requirements/whisper-server.txt | .venv/project.stamp
	@echo "Installing what development needs"
	@$(HAVE_PIP)
	@$(LOCKED) $<
	@$(LOCKED) requirements/openai-1.txt --upgrade --target .venv/openai-1
	@$(LOCKED) requirements/whisper-server.txt --upgrade --target .venv/whisper-server
	@touch $@

.venv/project.stamp: pyproject.toml .venv/music.stamp
	@$(HAVE_PIP)
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@test -e .venv/dev.stamp || $(DROP_PIP)
	@touch $@
