# make build [ENV=staging] | serve [ENV=staging] [EDGE=viceroy] [PORT=8080] [PUBLISH_PORT=8081] | test | test-quick | perf-check | fuzz | bench | check | docs | pictures | clean. docs/commands.md says what each is for.
PYTHON ?= python3
EDGE ?= embedded
# A relative path does not count.
CACHE := $(or $(filter /%,$(XDG_CACHE_HOME)),$(HOME)/.cache)/fanroute
FASTLY_CLI := 16.1.0
AXE_CORE := 4.14.1
AXE := $(CACHE)/axe-core-$(AXE_CORE)
# The last one for Node.js 20. Later ones need 22.
YAML_LANGUAGE_SERVER_VERSION := 1.25.0
YAML_LANGUAGE_SERVER := $(CACHE)/yaml-language-server-$(YAML_LANGUAGE_SERVER_VERSION)
# The GRIP libraries for Python and JavaScript, whose versions follow.
GRIP_LIBRARIES := $(CACHE)/grip-libraries-4.4.0-4.3.0
# The frameworks of examples/origins: a folder for each, named after the hash of the file with the example's versions.
ORIGINS := $(CACHE)/origins
# Other programs use a variable of this name too, so only `make ENV=…` counts.
ENVIRONMENT = $(if $(filter command,$(firstword $(origin ENV))),--env '$(ENV)')
PORTS = $(if $(PORT),--port $(PORT)) $(if $(PUBLISH_PORT),--publish-port $(PUBLISH_PORT))

VENV := .venv
BIN := $(VENV)/bin
# Runs a program as a module. Its script names the folder that it was installed in, which is another one in a copied clone.
RUN := $(BIN)/python -P -m
# Is there if the environment was made in this very folder. In a clone that was moved or copied, the environment is made anew.
MADE_HERE := $(VENV)/made-in-$(shell pwd -P | cksum | cut -d ' ' -f 1)
# By hash, and without the indexes and folders that this machine happens to use.
LOCK := $(RUN) piptools compile -q --strip-extras --generate-hashes --allow-unsafe --no-header --build-deps-for=editable \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
PIP := $(RUN) pip --quiet --disable-pip-version-check --no-input
# One process more than there are processors, because many tests wait. tests/support/scheduling.py says which tests share a process.
IN_PARALLEL = -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --no-loadscope-reorder
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -n)
# A package of Debian's, where apt-get is there to install it.
APT := sh -c 'command -v apt-get >/dev/null && echo "Installing $$0 with apt-get" && $(SUDO) apt-get -qq update \
	&& DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get -qq install -y $$0 >/dev/null || { echo "Please install $$0."; exit 1; }'

.PHONY: build serve test test-quick perf-check fuzz bench bench-page check docs pictures chromium axe-core grip-libraries origins yaml-language-server clean lock
.DEFAULT_GOAL := build

build: $(VENV)/installed
	@$(RUN) fanroute build $(ENVIRONMENT)

serve: $(VENV)/installed
	@echo '$(EDGE) $(PORT) $(PUBLISH_PORT)' | grep -Eq '^(embedded|viceroy) [0-9]* [0-9]*$$' || { \
		echo 'Usage: make serve [ENV=NAME] [EDGE=embedded|viceroy] [PORT=0-65535] [PUBLISH_PORT=0-65535]' >&2; exit 2; }
	@exec $(RUN) fanroute serve $(ENVIRONMENT) --edge $(EDGE) $(PORTS)

# A few tests run on the system's own Pushpin too, if that is an old one; without it they are skipped. Python's bytecode is made
# before, because tests start hundreds of processes, and the environment may keep Python from writing it.
test: $(VENV)/installed-dev $(CACHE)/fastly-cli-$(FASTLY_CLI) chromium axe-core grip-libraries origins yaml-language-server
	@command -v pushpin >/dev/null || $(APT) pushpin || true
	@$(RUN) fanroute install
	@$(RUN) compileall -q compiler/fanroute runtime/fanroute_runtime
	@FASTLY_CLI=$(CACHE)/fastly-cli-$(FASTLY_CLI) AXE_CORE="$(AXE)" GRIP_LIBRARIES="$(GRIP_LIBRARIES)" ORIGINS="$(ORIGINS)" \
		YAML_LANGUAGE_SERVER="$(YAML_LANGUAGE_SERVER)" $(RUN) pytest $(IN_PARALLEL)

test-quick: $(VENV)/installed-dev chromium axe-core grip-libraries yaml-language-server
	@AXE_CORE="$(AXE)" GRIP_LIBRARIES="$(GRIP_LIBRARIES)" \
		YAML_LANGUAGE_SERVER="$(YAML_LANGUAGE_SERVER)" $(RUN) pytest $(IN_PARALLEL) -m "not viceroy and not slow"

# What a request and the component cost, counted, beside tests/support/budget.json; `make test` does that too.
perf-check: $(VENV)/installed-dev
	@$(RUN) pytest -q -m budget tests/component tests/unit/runtime/matching/test_decision_tree.py

# What `make test` does with few generated inputs, always the same ones, with many, and others each time; and what is guided by
# coverage.
fuzz: $(VENV)/installed-fuzz
	@$(RUN) fanroute install
	@$(RUN) pytest --hypothesis-profile fuzz tests/fuzz tests/property tests/e2e/test_fuzz.py

# Measures Fanroute and Fastly's kits, and writes bench/results and docs/performance.md. BENCH has options: bench/README.md.
# `make bench-page` writes docs/performance.md again from the results, without measuring.
bench: $(VENV)/installed-bench
	@$(BIN)/python -m bench.run $(BENCH)

bench-page: $(VENV)/installed-dev
	@$(BIN)/python -m bench.report.page

check: $(VENV)/installed-dev build/bindings
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(RUN) mypy
	@$(RUN) pytest -q tests/repository/test_layers.py

# The site of docs/, into build/site. A link or anchor that leads nowhere fails it, and so do a snippet and an output that are wrong.
docs: $(VENV)/installed-dev $(CACHE)/fastly-cli-$(FASTLY_CLI)
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict
	@FASTLY_CLI=$(CACHE)/fastly-cli-$(FASTLY_CLI) $(RUN) pytest -q tests/repository/test_snippets.py tests/repository/test_shown_commands.py
	@echo "build/site/index.html"

# The pictures of README.md: docs/images.
pictures: $(VENV)/installed-dev chromium axe-core
	@mkdir -p docs/images
	@FANROUTE_SCREENSHOTS=docs/images AXE_CORE="$(AXE)" $(RUN) pytest -q tests/e2e/test_console.py -k test_a_picture_shows

clean:
	rm -rf bin build pkg $(VENV)

lock: $(VENV)/installed-dev
	$(LOCK) -o requirements.lock pyproject.toml
	$(LOCK) -o requirements-dev.lock --extra dev --extra docs -c requirements.lock pyproject.toml

$(MADE_HERE):
	@command -v $(PYTHON) >/dev/null || $(APT) python3
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fanroute needs Python 3.11 or later: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(APT) python3-venv
	@$(PYTHON) -P -m venv --clear $(VENV)
	@touch $@

$(VENV)/installed: requirements.lock pyproject.toml $(MADE_HERE)
	@echo "Installing Fanroute into $(VENV) (under a minute)"
	@$(PIP) install --only-binary :all: --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "Installing what the tests need into $(VENV)"
	@$(PIP) install --only-binary :all: --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/installed-fuzz: $(VENV)/installed-dev requirements-fuzz.lock
	@$(PIP) install --only-binary :all: --require-hashes -r requirements-fuzz.lock
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-dev requirements-bench.lock
	@$(PIP) install --only-binary :all: --require-hashes -r requirements-bench.lock
	@touch $@

# The browser in which tests open web pages.
chromium:
	@command -v chromedriver >/dev/null || $(APT) chromium-driver

# The types of the host's functions, for mypy.
build/bindings: $(VENV)/installed runtime/wit/edge.wit
	@rm -rf $@
	@$(BIN)/componentize-py -q -d runtime/wit -w fanroute:app/flattened bindings $@
	@touch $@

$(CACHE)/fastly-cli-$(FASTLY_CLI):
	@command -v npm >/dev/null || $(APT) npm
	@echo "Installing the Fastly CLI with npm"
	@mkdir -p $(CACHE) && chmod 700 $(CACHE)
	@npm install --silent --no-fund --no-audit --prefix $@.partial @fastly/cli@$(FASTLY_CLI)
	@mv $@.partial $@

# It finds what people with a screen reader or a keyboard cannot use on a page.
axe-core:
	@[ -d "$(AXE)" ] || command -v npm >/dev/null || $(APT) npm
	@[ -d "$(AXE)" ] || { echo "Installing axe-core with npm" && mkdir -p "$(CACHE)" && chmod 700 "$(CACHE)" \
		&& npm install --silent --no-fund --no-audit --prefix "$(AXE).partial" axe-core@$(AXE_CORE) && mv "$(AXE).partial" "$(AXE)"; }

# It is in many editors. Tests ask it what it makes of our JSON Schemas.
yaml-language-server:
	@[ -d "$(YAML_LANGUAGE_SERVER)" ] || command -v npm >/dev/null || $(APT) npm
	@[ -d "$(YAML_LANGUAGE_SERVER)" ] || { echo "Installing the YAML language server with npm" && mkdir -p "$(CACHE)" \
		&& chmod 700 "$(CACHE)" && npm install --silent --no-fund --no-audit --prefix "$(YAML_LANGUAGE_SERVER).partial" \
		yaml-language-server@$(YAML_LANGUAGE_SERVER_VERSION) && mv "$(YAML_LANGUAGE_SERVER).partial" "$(YAML_LANGUAGE_SERVER)"; }

# Tests run the code that the console shows for them. gripcontrol has no wheel, so the lock for the tests cannot name it.
grip-libraries: $(VENV)/installed-dev
	@[ -d "$(GRIP_LIBRARIES)" ] || command -v npm >/dev/null || $(APT) npm
	@[ -d "$(GRIP_LIBRARIES)" ] || { echo "Installing the GRIP libraries with pip and npm" && mkdir -p "$(CACHE)" \
		&& chmod 700 "$(CACHE)" && $(PIP) install --target "$(GRIP_LIBRARIES).partial" gripcontrol==4.4.0 \
		&& npm install --silent --no-fund --no-audit --prefix "$(GRIP_LIBRARIES).partial" @fanoutio/grip@4.3.0 \
		&& mv "$(GRIP_LIBRARIES).partial" "$(GRIP_LIBRARIES)"; }

# Tests start the servers of examples/origins with the versions that their requirements.txt or package-lock.json pins.
origins: $(VENV)/installed-dev
	@command -v npm >/dev/null || $(APT) npm
	@mkdir -p "$(ORIGINS)" && chmod 700 "$(CACHE)"
	@set -e; for lock in $(wildcard examples/origins/*/requirements.txt examples/origins/*/package-lock.json); do \
		folder=$$(dirname $$lock); to="$(ORIGINS)/$$(basename $$folder)-$$(sha256sum < $$lock | cut -c 1-12)"; \
		[ ! -d "$$to" ] || continue; \
		echo "Installing what the example $$(basename $$folder) needs"; \
		case $$lock in \
		*.json) rm -rf "$$to.partial"; mkdir "$$to.partial"; cp $$folder/package*.json "$$to.partial"; \
			npm ci --silent --no-fund --no-audit --prefix "$$to.partial" ;; \
		*) $(RUN) venv --clear "$$to.partial"; \
			"$$to.partial/bin/python" -m pip --quiet --disable-pip-version-check --no-input install -r $$lock ;; \
		esac; \
		mv "$$to.partial" "$$to"; done
