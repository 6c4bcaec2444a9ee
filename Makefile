# Every target makes what it needs: a clean clone with Python 3.11 to 3.13, pip and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BROWSER := $(VENV)/.browser
ARGS ?=
# The tests start hundreds of processes: compile each module once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo test test-thorough test-authors test-clients test-desks test-walks test-workers test-real test-browser chaos soak lint bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)
	@$(BIN)/hub demo $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

# The tests that make up their own examples, with many more of them.
test-thorough: export HYPOTHESIS_PROFILE := thorough
test-thorough: $(STAMP)
	$(BIN)/python -m pytest -m hypothesis --timeout 300 -n 2 --dist worksteal $(ARGS)

# Released third-party clients and the official OpenAPI documents against the simulators.
test-clients: export OPENAPI_DOCUMENTS ?= $(wildcard $(CURDIR)/../shared/specs)
test-clients: $(STAMP)
	$(BIN)/python -m pytest tests/clients $(ARGS)

# The tutorial for plugin authors step by step, generated plugins around a real hub and in the demo, the built wheels.
test-authors: $(STAMP)
	$(BIN)/python -m pytest tests/authors/slow -n 2 $(ARGS)

# A hub between a simulated Jira and a simulated ServiceNow that answer badly, and one behind a simulated Twilio account.
test-desks: $(STAMP)
	$(BIN)/python -m pytest tests/desks --timeout 180 -n 2 $(ARGS)

# Ten thousand tickets and more in each scenario; prints what was found of what was there.
test-walks: $(STAMP)
	$(BIN)/python -m pytest tests/walks -s $(ARGS)

# Several workers on one PostgreSQL: killed, frozen, upgraded one after the other.
test-workers: $(STAMP)
	$(BIN)/python -m pytest --timeout 180 tests/workers tests/metrics/slow tests/chaos/test_judge.py tests/chaos/test_parts.py tests/chaos/test_clock.py $(ARGS)

# Everything goes wrong at once, and nothing may be lost or done twice; prints one JSON object. ARGS="--seed 7".
chaos: $(STAMP)
	PYTHONPATH=contrib $(BIN)/python -m chaos $(ARGS)

# An hour's work in minutes: memory, connections and files must not grow.
soak: $(STAMP)
	PYTHONPATH=contrib $(BIN)/python -m chaos.soak $(ARGS)

test-real: $(STAMP)
	$(BIN)/python -m pytest tests/real $(ARGS)

# The customers' pages in Chromium, which comes from Debian where it is missing. SCREENSHOTS=folder keeps what it saw.
test-browser: $(BROWSER)
	$(BIN)/python -m pytest tests/browser $(ARGS)

$(BROWSER): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	touch $@

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# How fast, against bare loops in the same run; ARGS="--json", ARGS="--only main".
bench: $(STAMP)
	PYTHONPATH=contrib $(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
