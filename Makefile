# Settings come from the environment or the make line: make run PORT=9000

PYTHON ?= python3
DOCKER ?= docker
IMAGE ?= multi-mcp
UV := uv==0.13.9
PIP_AUDIT := pip-audit==2.10.1
CYCLONEDX := cyclonedx-bom==7.5.0
# As in the Dockerfile: make sbom REQUIREMENTS=optional.lock
REQUIREMENTS ?= run.lock
SBOM ?= sbom.json

TOO_OLD = multi-mcp needs Python 3.11 or newer, and $(PYTHON) is older; choose another: make run PYTHON=python3.13
MISSING = multi-mcp needs Python 3.11 or newer, and $(PYTHON) was not found; choose another: make run PYTHON=python3.13
PIP := -m pip --disable-pip-version-check --quiet install
# A lock is complete. Without --no-deps an old pip resolves it again and fails on releases newer than the lock.
LOCKED := $(PIP) --no-deps --require-hashes -r
PYTEST := .venv/bin/python -m pytest
# Marked tests are deselected anyway; not importing them saves seconds.
HERE := --ignore tests/vendors --ignore tests/fuzz --ignore tests/soak --ignore tests/conformance --ignore tests/redis \
	--ignore tests/browser --ignore tests/proxies --ignore tests/generators --ignore tests/upstreams
# No fast test uses these plugins, and importing them or these files takes a second in each process.
FAST := $(HERE) --ignore tests/process/live --ignore tests/process/upstream --ignore tests/examples/test_agent.py \
	--ignore tests/test_layout.py --ignore tests/test_style.py -p no:schemathesis -p no:hypothesispytest \
	--numprocesses auto --dist worksteal
OTHERS := process or conformance or node or vendors or generators or fuzz or soak or redis or browser or proxies or upstreams
# Existing pins are kept if possible: make lock UPGRADE=--upgrade updates all of them.
LOCK = $(COMPILE) --universal --python-version 3.11 $(UPGRADE)
# The packages of a lock that an image installs; the others are for other systems.
IN_IMAGE = $(COMPILE) --no-deps --python-platform linux --python-version 3.13
COMPILE := .venv-lock/bin/uv pip compile --quiet --no-config --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-annotate --no-header
# `mcp_servers` is the user's folder: only the files that ship with the project are checked.
SHIPPED := $(addprefix mcp_servers/,echo_server.py echo_tools.py math_server.py math_tools.py)
# The environments of servers that tests/upstreams serves, each with packages that the others cannot have.
REAL := mcp1 mcp2 fastmcp2
NODE_MODULES := tests/conformance/node_modules/.package-lock.json

unexport PYTHONDONTWRITEBYTECODE  # cached bytecode halves the time of the second start
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:  # an incomplete environment is created again
.PHONY: help run dev install optional test slow cover check format process conformance node_modules postman vendors generators fuzz redis browser manifests proxies upstreams soak bench fresh audit sbom container lock \
	clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z_]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: install ## serve; settings may follow: make run PORT=9000
	@exec .venv/bin/python app.py

dev: .venv/installed-test ## serve, and restart when a server's file changes
	@IFS=:; set --; for folder in $${MCP_SERVERS_DIR:-mcp_servers}; do set -- "$$@" --reload-dir "$$folder"; done; \
	exec .venv/bin/python -m uvicorn app:app --reload "$$@" --reload-dir settings --reload-dir features --reload-dir process --reload-dir gateway --reload-dir routes \
		--host "$${HOST:-127.0.0.1}" --port "$${PORT:-8000}" --timeout-graceful-shutdown 1 --no-access-log \
		--no-proxy-headers

install: .venv/installed ## create .venv with the packages of `make run`

optional: .venv/installed-optional ## install the packages of optional features: Redis, metrics, traces, GraphQL

test: .venv/installed-test ## run the fast tests
	$(PYTEST) $(FAST)

slow: .venv/installed-test ## run the tests of the same folders that take longer than 50 ms
	$(PYTEST) $(HERE) -m slow --numprocesses 2

cover: .venv/installed-test ## run the fast tests and the slow ones with branch coverage
	$(PYTEST) $(FAST) -m "not ($(OTHERS))" --cov --cov-report term-missing:skip-covered

check: .venv/installed-test ## check format, lint, types, dead code and layout
	.venv/bin/python -m ruff format --check . $(SHIPPED)
	.venv/bin/python -m ruff check . $(SHIPPED)
	.venv/bin/python -m mypy
	.venv/bin/python -m vulture
	$(PYTEST) tests/test_layout.py tests/test_style.py

format: .venv/installed-test ## format the code and apply lint fixes
	.venv/bin/python -m ruff check --fix . $(SHIPPED)
	.venv/bin/python -m ruff format . $(SHIPPED)

process: .venv/installed-test .venv-makes/installed-makes ## test the router as a real process, and run the blocks of the documentation
	$(PYTEST) $(HERE) -m process --numprocesses 3

conformance: .venv/installed-test node_modules ## run the official conformance suite, the Inspector and the audits of GraphQL over HTTP (needs Node)
	$(PYTEST) tests/conformance -m conformance --numprocesses 2

node_modules: $(NODE_MODULES)

postman: .venv/installed-test node_modules ## run the Postman collection (needs Node)
	$(PYTEST) tests/docs -m node

vendors: .venv/installed-test ## check the tool formats against the vendors' Python packages
	$(PYTEST) tests/vendors -m vendors

generators: .venv/installed-test node_modules ## generate clients from the OpenAPI document, and call every tool with them (needs Node)
	$(PYTEST) tests/generators -m generators

fuzz: .venv/installed-test ## send random and malformed requests to every URL
	$(PYTEST) tests/fuzz -m fuzz --numprocesses 2

redis: .venv/installed-test ## test rate limits, cache and tools that ask with Redis (needs redis-server)
	$(PYTEST) tests/redis -m redis --numprocesses 2

browser: .venv/installed-test node_modules ## test web pages in a real browser, with axe-core (needs Chromium and Node)
	$(PYTEST) tests/browser -m browser

manifests: .venv-manifests/installed ## check deploy/kubernetes against the schemas of Kubernetes
	.venv-manifests/bin/kubernetes-validate --strict --no-warn deploy/kubernetes/*.yaml

proxies: .venv/installed-test ## test the router behind nginx, HAProxy and Caddy (needs them)
	$(PYTEST) tests/proxies -m proxies --numprocesses 2

upstreams: .venv/installed-test .venv-makes/installed-makes $(REAL:%=.venv-upstreams/%/installed) tests/upstreams/node_modules/.package-lock.json ## serve servers of PyPI and npm (needs Node)
	$(PYTEST) tests/upstreams -m upstreams --numprocesses 2

# One file counts its calls a second, and runs alone.
soak: .venv/installed-test ## open and abort thousands of connections; check that memory does not grow
	$(PYTEST) tests/soak -m soak --ignore tests/soak/test_websocket.py --numprocesses 2 --dist loadfile
	$(PYTEST) tests/soak/test_websocket.py -m soak

bench: .venv-bench/installed-bench .venv-peers/installed .venv-makes/installed-makes ## compare speed and footprint with the alternatives (needs wrk)
	.venv-bench/bin/python -m benchmarks $(BENCH)

fresh: ## create the environments in a fresh clone, with the pip that Python brings and with the newest one
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && git clone --quiet . "$$folder" && cd "$$folder" && \
	for pip in pip==$$($(PYTHON) -m pip --version | cut -d ' ' -f 2) pip; do \
		rm -rf .venv && $(MAKE) --no-print-directory .venv/bin/python && \
		.venv/bin/python $(PIP) --upgrade "$$pip" && .venv/bin/python -m pip --version | cut -d ' ' -f 1,2 && \
		$(MAKE) --no-print-directory install optional .venv/installed-test && .venv/bin/python -c 'import app' || exit 1; \
	done

audit: .venv/bin/python ## check all pinned packages for known vulnerabilities (queries PyPI)
	.venv/bin/python $(PIP) "$(PIP_AUDIT)"
	for lock in requirements/*.lock; do \
		.venv/bin/python -m pip_audit --strict --disable-pip --require-hashes -r $$lock || exit 1; done

sbom: .venv-lock/bin/uv .venv-lock/bin/cyclonedx-py ## write the image's Python packages to sbom.json, as CycloneDX (queries PyPI)
	rm -f .venv-lock/$(REQUIREMENTS) && $(IN_IMAGE) requirements/$(REQUIREMENTS) -o .venv-lock/$(REQUIREMENTS)
	.venv-lock/bin/cyclonedx-py requirements --spec-version 1.6 --output-reproducible -o $(SBOM) .venv-lock/$(REQUIREMENTS)

container: ## build the container image; with npx and uvx: make container TARGET=tools IMAGE=multi-mcp-tools
	$(DOCKER) build $(if $(TARGET),--target $(TARGET) )-t $(IMAGE) .

lock: .venv-lock/bin/uv ## pin requirements.txt and requirements/*.txt with hashes
	$(LOCK) requirements.txt -o requirements/run.lock
	$(LOCK) requirements.txt requirements/optional.txt -c requirements/run.lock -o requirements/optional.lock
	$(LOCK) requirements.txt requirements/optional.txt requirements/test.txt -c requirements/optional.lock \
		-o requirements/test.lock
	$(LOCK) requirements.txt requirements/makes.txt -c requirements/run.lock -o requirements/makes.lock
	$(LOCK) requirements/manifests.txt -o requirements/manifests.lock
	for name in $(REAL); do \
		$(LOCK) tests/upstreams/requirements/$$name.txt -o tests/upstreams/requirements/$$name.lock || exit 1; done

clean: ## remove all files that these commands created
	rm -rf .venv .venv-bench .venv-peers .venv-lock .venv-makes .venv-manifests .venv-upstreams tests/conformance/node_modules tests/upstreams/node_modules \
		.coverage sbom.json .hypothesis .*_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python .venv-bench/bin/python .venv-peers/bin/python .venv-makes/bin/python .venv-manifests/bin/python .venv-lock/bin/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "$(MISSING)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(TOO_OLD)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(@:/bin/python=)

.venv/installed .venv-bench/installed: %/installed: %/bin/python requirements/run.lock
	@echo "Installing requirements/run.lock into $*, once; this takes about half a minute"
	@$< $(LOCKED) requirements/run.lock
	@touch $@

.venv/installed-optional: .venv/installed requirements/optional.lock
	@echo "Installing requirements/optional.lock into .venv, once"
	@.venv/bin/python $(LOCKED) requirements/optional.lock
	@touch $@

.venv/installed-test: .venv/installed requirements/test.lock
	@echo "Installing requirements/test.lock into .venv, once; this takes about a minute"
	@.venv/bin/python $(LOCKED) requirements/test.lock
	@touch $@

.venv-bench/installed-bench: .venv-bench/installed benchmarks/requirements.txt requirements/optional.lock
	@echo "Installing benchmarks/requirements.txt into .venv-bench, once"
	@.venv-bench/bin/python $(LOCKED) requirements/optional.lock
	@.venv-bench/bin/python $(PIP) -r benchmarks/requirements.txt
	@touch $@

.venv-peers/installed: .venv-peers/bin/python benchmarks/peers.txt
	@echo "Installing benchmarks/peers.txt into .venv-peers, once"
	@$< $(PIP) -r benchmarks/peers.txt
	@touch $@

.venv-makes/installed-makes: .venv-makes/bin/python requirements/makes.lock
	@echo "Installing requirements/makes.lock into .venv-makes, once; this takes about half a minute"
	@$< $(LOCKED) requirements/makes.lock
	@touch $@

.venv-manifests/installed: .venv-manifests/bin/python requirements/manifests.lock
	@echo "Installing requirements/manifests.lock into .venv-manifests, once"
	@$< $(LOCKED) requirements/manifests.lock
	@touch $@

.venv-upstreams/%/installed: tests/upstreams/requirements/%.lock
	@echo "Installing $< into $(@D), once"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python $(LOCKED) $<
	@touch $@

tests/upstreams/node_modules/.package-lock.json: tests/upstreams/package-lock.json
	cd tests/upstreams && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.venv-lock/bin/uv: .venv-lock/bin/python Makefile
	@$< $(PIP) "$(UV)"
	@touch $@

.venv-lock/bin/cyclonedx-py: .venv-lock/bin/python Makefile
	@$< $(PIP) "$(CYCLONEDX)"
	@touch $@

$(NODE_MODULES): tests/conformance/package-lock.json
	cd tests/conformance && npm ci --no-audit --no-fund --loglevel=error
	@touch $(NODE_MODULES)
