# make demo   train, score and use a classifier, offline       make lab    the notebooks in JupyterLab
# make test   everything that must hold                        make docs   the site
# make desk   the coder's desk over the demo's model, in a browser
# make hard   bad luck and people who mean harm, all attacks
# make bench  the comparisons of nbs/benchmarks, on this machine (an hour or more, 5 GB)
PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo desk test hard lab docs bench clean

demo: .venv/demo
	$(BIN)/nace-clf demo

desk: .venv/desk
	test -f models/demo/manifest.json || $(BIN)/nace-clf demo
	$(BIN)/nace-clf desk models/demo

test: .venv/dev
	$(BIN)/python .ci/checks.py

hard: .venv/dev
	$(BIN)/python .ci/hard

lab: .venv/dev
	$(BIN)/jupyter lab --notebook-dir=nbs

docs: .venv/dev
	$(BIN)/python .ci/pages.py
	@if command -v quarto >/dev/null; then cd _proc && PATH="$(CURDIR)/$(BIN):$$PATH" quarto render --no-cache \
	&& rm -rf ../_docs && mv _docs ..; else \
	echo "Quarto is not installed (https://quarto.org); previewing with smalldocs instead"; \
	$(BIN)/smalldocs preview _proc; fi

BENCH_PEERS := $(patsubst nbs/benchmarks/peers/%.txt,%,$(wildcard nbs/benchmarks/peers/*.txt))
BENCH_PAGES := speed peers accuracy classes decisions recipes totals

bench: .venv/dev $(BENCH_PEERS:%=.bench/%/.done)
	rm -rf .bench/runs
	for page in $(BENCH_PAGES); do \
	(cd nbs/benchmarks && ../../$(BIN)/exec_nb $$page.ipynb --dest $$page.ipynb --exc_stop) || exit 1; \
	$(BIN)/nbdev_clean --fname nbs/benchmarks/$$page.ipynb || exit 1; done

.bench/%/.done: nbs/benchmarks/peers/%.txt .venv/python
	rm -rf .bench/$*
	$(PYTHON) -m venv .bench/$*
	.bench/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

clean:
	rm -rf _proc _docs build dist *.egg-info nbs/nbdev.yml nbs/.ipynb_checkpoints nbs/*/.ipynb_checkpoints
	find nace_clf .ci nbs -name __pycache__ -prune -exec rm -rf {} +
	@echo "Kept: .venv, .bench, data, models"

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nace_clf needs Python 3.11 or newer, and this is %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/demo: .venv/python settings.ini setup.py constraints.txt
	$(INSTALL) -e '.[demo]'
	@touch $@

.venv/desk: .venv/python settings.ini setup.py constraints.txt
	$(INSTALL) -e '.[demo,desk]'
	@touch $@ .venv/demo

.venv/dev: .venv/python settings.ini setup.py constraints.txt
	$(INSTALL) -e '.[demo,dev]'
	@touch $@ .venv/demo
