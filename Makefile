# Everything the README calls. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# Which of stacks/ to deploy.
STACK ?= dev
# A context of your kubeconfig, to deploy to a real cluster; empty for the embedded one.
CONTEXT ?=
# An image that the cluster can pull, in place of the stack's.
IMAGE ?=

VENV := .venv/bin
# What to measure, as `python -m benchmarks --help` lists it; everything when empty.
BENCH ?=
# Tests that run side by side, each in namespaces of its own.
SIDE_BY_SIDE ?= 6
# Random arguments of each kind that `make fuzz` tries.
EXAMPLES ?= 2000
# How many random changes `make test-forecast` makes, and which.
PAIRS ?= 2000
SEED ?= 1
# Where its Pods are: on simulated nodes, or with NODE=real running on the real one.
NODE ?= simulated
# How many histories `make test-histories` deploys, from SEED on, at NODE.
HISTORIES ?= 1000
# How many nodes fail in `make test-nodes`.
FAULTS ?= 50
# How often `make test-repeated` runs each cluster test.
TIMES ?= 10
# At how many moments the fault tests interrupt each operation.
MOMENTS ?= 20

include local/local.mk

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][-a-z]*:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Where make render puts the manifests.
TO ?= rendered/$(STACK)

.PHONY: up preview refresh down render
up: ## Deploy STACK (dev, staging, prod) to the embedded cluster, or to CONTEXT
preview: ## Show what up would change
refresh: ## Read what the cluster has into the state
down: ## Remove what up created; the claims, and with them the data, stay
up preview refresh down:
	@$(PYTHON) -m local.program $@ "$(STACK)" "$(CONTEXT)" "$(IMAGE)"
render: ## Write STACK's manifests to the folder TO instead of deploying them; needs no cluster
	@$(PYTHON) -m local.program $@ "$(STACK)" "$(TO)"

.PHONY: environment
environment:
	@$(PYTHON) -m local.virtual_environment requirements-dev.txt

.PHONY: test-unit
test-unit: environment ## Run the unit tests: mocks only, seconds
	$(VENV)/pytest tests/unit -q

.PHONY: check
check: environment test-image ## Lint, types, layers and unit tests
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/pytest tests/unit -q

.PHONY: coverage
coverage: environment ## Measure which lines and branches of the package the unit tests run
	$(VENV)/pytest tests/unit -q --cov --cov-fail-under=85

.PHONY: test-cluster
test-cluster: environment cluster ## Run the cluster tests: real engine, real provider, real Kubernetes
	$(VENV)/pytest tests/cluster -q -m "not alone and not long" -n $(SIDE_BY_SIDE) --dist worksteal
	$(VENV)/pytest tests/cluster -q -m "alone and not long"

.PHONY: test-repeated
test-repeated: environment cluster ## Run the cluster tests that run side by side TIMES times, and fail if one of them failed once
	failed=0; for time in $$(seq $(TIMES)); do \
	  $(VENV)/pytest tests/cluster -q -m "not alone and not long" -n $(SIDE_BY_SIDE) --dist worksteal || failed=$$((failed + 1)); \
	done; echo "$$failed of $(TIMES) runs had a failure"; [ $$failed = 0 ]

.PHONY: test-csi
test-csi: environment ## Hold the embedded cluster's CSI driver against the CSI specification, by csi-test's sanity suite
	$(VENV)/pytest tests/local -q -rP

.PHONY: test-package
test-package: environment ## Build the package, install it in every way, and try its oldest and newest dependencies
	$(VENV)/pytest tests/packaging -q -n 2
	$(VENV)/python tests/versions.py tests/unit/test_plugin.py tests/unit/test_graph.py tests/unit/kit/test_testing.py

.PHONY: test-versions
test-versions: environment ## Run all unit tests with the oldest and the newest releases that are supported
	$(VENV)/python tests/versions.py tests/unit

.PHONY: record-state
record-state: environment ## At a release: keep the state that it leaves behind, for later ones to be tested with
	PYTHONPATH=.:tests/cluster:tests/shared $(VENV)/python tests/record_state.py

.PHONY: release
release: environment ## Build what a release has (wheel, sdist, SDKs, schema) into dist/, from the last commit
	@$(PYTHON) -m local.release dist

.PHONY: test
test: check test-csi test-package test-cluster test-languages ## Run everything but the campaigns

.PHONY: test-long
test-long: environment cluster ## Run the cluster tests that make test leaves out, but for the faults
	$(VENV)/pytest tests/cluster -q -m "long and not alone" -k "not faults" -n $(SIDE_BY_SIDE) --dist worksteal
	$(VENV)/pytest tests/cluster/test_resize.py tests/cluster/test_load.py -q -m "long and alone"

.PHONY: test-nodes
test-nodes: environment cluster ## Fail one of three real nodes FAULTS times under etcd, and run the other node tests
	NODE_FAULTS=$(FAULTS) NODE_SEED=$(SEED) $(VENV)/pytest tests/cluster/test_nodes.py tests/cluster/test_nodes_etcd.py -q

# Which of the examples' databases `make test-databases` breaks, and in which rows, by words of their names: all.
DATABASES ?= etcd
ROWS ?=
TABLES := database-faults.md

.PHONY: test-databases
test-databases: environment cluster ## Cause each fault of the table in DATABASES, and print what was measured
	rm -f $(TABLES)
	DATABASES="$(DATABASES)" ROWS="$(ROWS)" DATABASE_TABLES=$(TABLES) $(VENV)/pytest tests/cluster/test_databases.py -q -m long; \
	  result=$$?; cat $(TABLES); exit $$result

.PHONY: test-languages
test-languages: environment cluster ## Use the component from TypeScript and Go
	PYTHONPATH=tests/cluster $(VENV)/pytest tests/languages -q

.PHONY: test-faults
test-faults: environment cluster ## Interrupt each operation at MOMENTS moments, and break the cluster as often
	FAULT_MOMENTS=$(MOMENTS) $(VENV)/pytest tests/cluster -q -k faults -m "not alone" -n $(SIDE_BY_SIDE) --dist worksteal
	FAULT_MOMENTS=$(MOMENTS) $(VENV)/pytest tests/cluster -q -k faults -m alone

.PHONY: test-forecast
test-forecast: environment cluster ## Compare the forecasts of PAIRS random changes with the actual results
	FORECAST_PAIRS=$(PAIRS) FORECAST_SEED=$(SEED) FORECAST_NODE=$(NODE) $(VENV)/pytest tests/cluster/test_forecast.py -q

.PHONY: test-groups
test-groups: environment cluster ## Run the cluster tests with each service as one with a group, where groups are possible
	AS_ONE_GROUP=1 $(VENV)/pytest tests/cluster -q -m "not alone and not long" -n $(SIDE_BY_SIDE) --dist worksteal

.PHONY: test-histories
test-histories: environment cluster ## Deploy HISTORIES random histories of changes, and compare each preview with the actual results
	HISTORIES=$(HISTORIES) HISTORY_SEED=$(SEED) HISTORIES_NODE=$(NODE) $(VENV)/pytest tests/cluster/test_histories.py -q

.PHONY: fuzz
fuzz: environment cluster ## Try arguments at volume: EXAMPLES of each kind, others each time
	FUZZ_EXAMPLES=$(EXAMPLES) $(VENV)/pytest tests/unit/test_fuzzing.py tests/unit/live/state/test_claim_histories.py \
	  tests/cluster/test_fuzzing.py -q

.PHONY: docs
docs: environment ## Write the pages of docs/ that are made from the sources
	$(VENV)/python -m docs.generate

.PHONY: requirements
requirements: environment ## Pin the newest requirements
	for each in requirements requirements-dev requirements-build; do \
	  $(VENV)/uv pip compile --quiet --upgrade --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
	    $$each.in --output-file $$each.txt; \
	done

.PHONY: schema
schema: environment ## Write the plugin's schema for other languages
	@eval "$$($(PYTHON) -m local env)"; \
	  pulumi package get-schema $(VENV)/pulumi-resource-stateful-service > components/schema.json.new; \
	  mv components/schema.json.new components/schema.json

.PHONY: bench bench-docs
bench: environment cluster ## Measure what it costs, as ratios; BENCH="operations --rounds 5" for a part
	$(VENV)/python -m benchmarks $(BENCH)
	$(VENV)/python -m benchmarks --docs

bench-docs: environment ## Write what was last measured into docs/performance.md
	$(VENV)/python -m benchmarks --docs
