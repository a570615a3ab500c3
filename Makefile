# `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
SRP4CTR := .venv/bin/srp4ctr
CONFIG ?= configs/ml_100k.yaml
PYTEST_ARGS ?= --numprocesses 2
DURATION ?= 600
# What `make test-stacks` builds; empty: the distribution whose stack isn't this machine's, and its own Python.
DISTRIBUTION ?=
INTERPRETER ?=
PACKAGES := preprocessing trainer pipelines serving
SOURCES := setup.py $(PACKAGES) tests $(wildcard benchmarks examples scripts)

export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Without bytecode, each process compiles TFX and TensorFlow anew, and takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: own-logs docs help setup setup-dev data run simulate-days bench-components bench-cost bench-states bench-preprocessing bench-serving bench-evaluator bench-memory bench-scale bench-lengths bench-training soak-serving faults-serving fuzz-serving test test-fast test-stacks test-cluster test-containers test-engines lint format lock dist clean bench-gpu

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 12

setup: ## Build .venv from the lock files that suit this machine, with what a run needs
	@scripts/setup.sh

setup-dev: ## ... and with what tests and lint need
	@scripts/setup.sh dev

data: setup ## Fetch MovieLens-100K into data/
	@$(SRP4CTR) data fetch ml-100k

run: data ## Run the whole pipeline on MovieLens-100K (CONFIG=... for another)
	@$(SRP4CTR) run $(CONFIG)

simulate-days: data ## Five days of a growing log, two corrupted deliveries and a roll-back, behind a server (an hour)
	@$(PYTHON) -m benchmarks.days

bench-states: setup ## Bytes, score differences and test AUC of user states in each precision, after `make run`
	@$(PYTHON) -m benchmarks.states $(CONFIG)

bench-preprocessing: setup ## Speed, size and growth of the job that makes records, against pandas (about 6 minutes)
	@$(PYTHON) -m benchmarks.preprocessing

bench-cost: setup ## Operations, parameters and state bytes of every ranker, against unfolded DIN + MMoE
	@$(SRP4CTR) cost configs/cost.yaml

bench-serving: setup ## Time the split signatures against tiled scoring, predict and unfolded DIN, through gRPC (3 minutes)
	@$(PYTHON) -m benchmarks.serving

bench-evaluator: setup ## How fast the Evaluator judges candidates, and how its memory grows with them (5 minutes)
	@$(PYTHON) -m benchmarks.evaluator

bench-components: setup ## How fast records, StatisticsGen and Transform are, and how their memory grows (8 minutes)
	@$(PYTHON) -m benchmarks.components

bench-memory: setup ## Memory that a served ranker takes, by users, candidates and requests at once (3 minutes)
	@$(PYTHON) -m benchmarks.memory

bench-scale: setup ## A served ranker by the size of its catalogue, up to a million items (10 minutes)
	@$(PYTHON) -m benchmarks.scale

own-logs: setup ## Take five logs as sites write them all the way without an edit: inspect, validate, run (15 minutes)
	@$(PYTHON) -m benchmarks.own_logs

bench-lengths: setup ## Time a served ranker that pads to few lengths against one that pads nothing (3 minutes)
	@$(PYTHON) -m benchmarks.lengths

bench-training: setup ## Training here against DeepCTR and FuxiCTR, and what a step waits for and costs (20 minutes)
	@scripts/rivals.sh
	@$(PYTHON) -m benchmarks.training

bench-gpu: setup ## What a training step is made of, and how fast one GPU takes it, where there is one (10 minutes)
	@$(PYTHON) -m benchmarks.gpu

faults-serving: setup ## Break things around a model server under load and check every score (2 minutes)
	@$(PYTHON) -m benchmarks.faults

soak-serving: setup ## Ten minutes at 70 % of what the machine can do, watching memory (DURATION=seconds)
	@$(PYTHON) -m benchmarks.soak --seconds $(DURATION)

fuzz-serving: setup-dev ## Send 10,000 hostile requests to a ranker behind the local model server (FUZZ_SEED=...)
	@FUZZ_REQUESTS=10000 $(PYTHON) -m pytest -q -s tests/trainer/test_fuzzed_requests.py

test: setup-dev data ## Run the tests in two processes (PYTEST_ARGS=... for other options of pytest)
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

test-fast: setup-dev data ## Run the tests not marked slow: none needs TFX, exports a ranker or runs a pipeline
	@$(PYTHON) -m pytest -m "not slow" $(PYTEST_ARGS)

test-stacks: ## As root: set-up, a short run, lint and tests in a tree of a distribution (DISTRIBUTION=... INTERPRETER=...)
	@scripts/test-stacks.sh "$(DISTRIBUTION)" "$(INTERPRETER)"

test-cluster: setup-dev ## Train with workers and parameter servers as processes, some of them killed, and by XLA (minutes)
	@TEST_CLUSTER=1 $(PYTHON) -m pytest -q tests/trainer/test_distribution.py tests/trainer/test_precision.py

test-containers: setup-dev ## Build the Dockerfile's images and run them, and the files of serving/deploy, by Docker or podman
	@scripts/engines.sh
	@TEST_CONTAINERS=1 $(PYTHON) -m pytest -q -rs tests/containers

test-engines: setup-dev ## Records and states on Prism and in emulated stores, workers killed (FLINK_MASTER=..., SPARK_MASTER=...)
	@scripts/engines.sh
	@TEST_ENGINES=1 $(PYTHON) -m pytest -q -rs tests/engines

lint: setup-dev ## Check style, types and which module imports which
	@$(PYTHON) -m ruff check $(SOURCES)
	@$(PYTHON) -m ruff format --check $(SOURCES)
	@$(PYTHON) -m mypy $(SOURCES)
	@.venv/bin/lint-imports --no-logo --no-cache

docs: setup-dev ## Build the documentation's site into build/site (open build/site/index.html)
	@NO_MKDOCS_2_WARNING=true $(PYTHON) -m mkdocs build --strict
	@echo "The site: build/site/index.html"

format: setup-dev ## Format the code and mend what ruff can mend
	@$(PYTHON) -m ruff check --fix $(SOURCES)
	@$(PYTHON) -m ruff format $(SOURCES)

lock: ## Write requirements/*.txt again; pinned versions stay where they can (delete the files to upgrade)
	@scripts/lock.sh

dist: setup ## Build a wheel and a source distribution into dist/
	@rm -rf build dist
	@$(PYTHON) setup.py --quiet sdist bdist_wheel

clean: ## Remove what runs and tools left, except .venv and data/
	@rm -rf runs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
