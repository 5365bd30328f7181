# make walkthrough   train in front of your eyes        make test   every notebook and every test
# make lab           open the notebooks                 make newest the same code on the newest fastai
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: walkthrough test lab newest export outputs clean
.DELETE_ON_ERROR:

walkthrough: $(READY)
	$(BIN)/python tests/walkthrough.py

test: $(READY)
	$(BIN)/python -m pytest -q -n 2 -o tmp_path_retention_policy=failed tests

lab: $(READY)
	$(BIN)/jupyter lab nbs/walkthrough.ipynb

$(READY): settings.ini setup.py
	@echo "Installing petlearn, PyTorch, fastai and Jupyter into .venv (about 6 GB on Linux; some minutes, once) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --no-warn-script-location --quiet --progress-bar on -e ".[dev]"
	touch $@

# for developers: notebooks -> package, clean notebooks, README
export: $(READY)
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export
	$(BIN)/python tests/readme.py

# run all notebooks and keep their (small) outputs, then export
outputs: $(READY)
	$(BIN)/python tests/outputs.py
	$(MAKE) export

# runtime code must also work on fastai 2.8.12+ with fastcore 2: its own environment on top of .venv's PyTorch
newest: $(READY)
	$(BIN)/python tests/newest.py

clean:
	rm -rf .venv .venv-newest walkthrough build dist *.egg-info
