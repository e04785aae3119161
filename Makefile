# The steps of CI, and the commands of the README. On a bare machine (Python 3.11, Java 17, Maven) each installs what it
# needs by itself: the virtual environment, the broker's jars, a Redis.
SHELL := /bin/bash
# Hundreds of processes start here: without its cache each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 1..5
# Bash keeps a SECONDS of its own in the environment: only one that was typed counts.
CHAOS_SECONDS = $(if $(findstring command,$(origin SECONDS)),$(SECONDS),40)

# By default files with few tests come last: those are the long ones, and one core would wait for the other.
IN_ORDER := --no-loadscope-reorder
# More than two cores: tests with servers mostly wait, for sessions, elections and restarts.
PROCESSES ?= 4

.PHONY: help install servers demo test test-unit test-integration test-peers bench fuzz pressure soak curves chaos chaos-control any-number lint format lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(VENV)/.synced  ## the virtual environment, from the lock file

$(VENV)/.synced: pyproject.toml schemas/pyproject.toml requirements.lock tools/install.sh
	@tools/install.sh $(VENV)
	@touch $@

servers: install  ## a real Kafka and a real Redis for the integration tests
	@tools/servers.sh

demo: install  ## a year of real flights, two models, live: nothing else needed
	@$(BIN)/tidegauge demo $(ARGS)

test: install servers  ## every test, integration included
	@$(BIN)/pytest -n $(PROCESSES) --dist loadfile $(IN_ORDER) -q -m "not peers" $(ARGS)

test-unit: install  ## unit and property tests: no server is started
	@$(BIN)/pytest -n 2 --dist loadfile -q -m "not embedded and not integration and not demo" $(ARGS)

test-integration: install servers  ## the tests on real Kafka and Redis
	@$(BIN)/pytest -n $(PROCESSES) --dist loadfile -q -m "(integration or demo) and not peers" $(ARGS)

test-peers: install servers  ## the benchmark's programs for other frameworks, each in an environment of its own
	@$(BIN)/pytest -q -m peers $(ARGS)

bench: install servers  ## CPU per event of the worker, its limit and the alternatives, on real Kafka and Redis
	@$(BIN)/python -m load.bench $(ARGS)

pressure: install servers  ## memory of a worker while servers are away and a burst comes
	@$(BIN)/python -m load.pressure $(ARGS)

curves: install servers  ## how cost grows with models, features, segments, workers, state: about half an hour
	@$(BIN)/python -m load.curves $(ARGS)

MINUTES ?= 60

soak: install servers  ## two workers under half of what they carry, faults now and then, nothing may grow: MINUTES=60
	@$(BIN)/python -m load.soak --minutes $(MINUTES) --seed $(SEED) $(ARGS)

chaos: install servers  ## faults on real servers, every number checked: make chaos SEEDS=1..30 SECONDS=40
	@$(BIN)/python -m load.chaos --seeds $(SEEDS) --seconds $(CHAOS_SECONDS) $(ARGS)

chaos-control: install servers  ## the same with a checkpoint that does not carry the offset: every seed must fail
	@$(BIN)/python -m load.chaos --seeds $(SEEDS) --seconds $(CHAOS_SECONDS) --control $(ARGS)

any-number: install servers  ## one log through one worker, through eight, and in four ways more: one answer
	@$(BIN)/python -m load.chaos.any_number

EVENTS ?= 1000000
SEED ?= 1

fuzz: install  ## spoiled and random messages through the profiler's core: EVENTS=1000000 SEED=1
	@$(BIN)/python -m load.fuzz --events $(EVENTS) --seed $(SEED)

lint: install  ## ruff, mypy --strict, the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/import_rule.py

format: install  ## rewrite the code as the formatter wants it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: install  ## resolve the dependencies anew (UPGRADE=1: to their newest versions)
	@tools/lock.sh

clean:  ## everything that was installed or cached here
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
