# `make demo` and `make test` need python3 (3.11 or newer), make, and the package registries. Everything else they set up.
PYTHON ?= python3
VENV ?= .venv

.PHONY: demo test check lint test-newest image image-check bench format lock audit-dependencies sbom clean

demo: $(VENV)/.drkit-runtime  ## A live shop is backed up, ruined, restored to the moment before, and compared
	$(VENV)/bin/drkit demo

test: $(VENV)/.drkit-developer  ## Install what the tests need, and pass them
	scripts/install-programs
	scripts/fetch-age-vectors
	scripts/fetch-postgres $(VENV)/bin/python
	scripts/fetch-redis $(VENV)/bin/python
	$(VENV)/bin/pytest $(ARGS)

check: lint test  ## What a developer runs before a commit

lint: $(VENV)/.drkit-developer
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

test-newest: $(VENV)/.drkit-developer  ## The tests that need no server, on the newest Python at hand
	scripts/test-newest

image:  ## The image, with Docker: drkit:VERSION, and drkit for the newest one
	docker build --build-arg REVISION=$$(git rev-parse HEAD) \
		--tag drkit:$$(sed -n 's/^ARG VERSION=//p' Dockerfile) --tag drkit $(ARGS) .

image-check: $(VENV)/.drkit-developer  ## Build the image without Docker, and run it; as root on Debian
	scripts/install-programs image
	scripts/check-image $(ARGS)

bench: $(VENV)/.drkit-developer  ## drkit beside the tools it replaces, as ratios; not a test
	scripts/install-programs bench
	PYTHONPATH=$(CURDIR)/tests $(VENV)/bin/python bench/run.py $(ARGS)

format: $(VENV)/.drkit-developer
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock:  ## Pin the dependencies anew
	scripts/lock $(ARGS)

audit-dependencies: .venv-supply/.drkit  ## Ask PyPI whether what is pinned has known holes; 75 if it cannot be asked
	scripts/audit-dependencies .venv-supply/bin/pip-audit requirements.txt

sbom: .venv-supply/.drkit  ## dist/drkit.cdx.json: what drkit is made of, from the lock
	scripts/sbom .venv-supply/bin/cyclonedx-py

.venv-supply/.drkit: requirements-supply.txt scripts/make-venv
	scripts/make-venv $(PYTHON) .venv-supply
	.venv-supply/bin/pip install --quiet --require-hashes -r requirements-supply.txt
	touch $@

$(VENV)/.drkit-runtime: requirements.txt scripts/make-venv
	scripts/make-venv $(PYTHON) $(VENV)
	$(VENV)/bin/pip install --quiet --require-hashes -r requirements.txt
	touch $@

$(VENV)/.drkit-developer: requirements-dev.txt pyproject.toml scripts/make-venv
	scripts/make-venv $(PYTHON) $(VENV)
	$(VENV)/bin/pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-newest .venv-supply .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
