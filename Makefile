# make walkthrough   train in front of your eyes        make test    every notebook and every test
# make lab           your own copy of the lessons        make quick   for daily work: the quick tests, no notebooks
# make lessons       a fresh copy beside it              make newest  the same code on the newest fastai
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# JupyterLab without its questions to the web: for news, and for newer versions of itself
LAB := $(BIN)/jupyter lab --LabApp.news_url= --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate
PYTEST := $(BIN)/python -m pytest -q -n 2 --max-worker-restart 0 -o tmp_path_retention_policy=failed

.PHONY: walkthrough test quick lab lessons course develop newest export outputs clean
.DELETE_ON_ERROR:

walkthrough: $(READY)
	$(BIN)/python tests/walkthrough.py

test: $(READY)
	$(PYTEST) tests

quick: $(READY)
	$(PYTEST) -m "not slow" tests

# exercises never touch petlearn itself: students work in a copy
lab: $(READY)
	test -d my-lessons || $(BIN)/petlearn lessons my-lessons
	$(LAB) my-lessons/walkthrough.ipynb

lessons: $(READY)
	$(BIN)/petlearn lessons my-lessons

$(READY): settings.ini setup.py
	@echo "Installing petlearn, PyTorch, fastai and Jupyter into .venv (about 6 GB on Linux; some minutes, once) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --no-warn-script-location --quiet --progress-bar on -e ".[dev]"
	touch $@

# for developers: the notebooks that are the source
develop: $(READY)
	$(LAB) nbs/kit

# notebooks -> package, clean notebooks, README
export: $(READY)
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export
	$(BIN)/python tests/readme.py

# solutions of the course -> lessons for students, answers for teachers
course: $(READY)
	$(BIN)/python tests/lessons.py

# run all notebooks and keep their (small) outputs, then export
outputs: $(READY)
	$(BIN)/python tests/outputs.py
	$(MAKE) export

# runtime code must also work on fastai 2.8.12+ with fastcore 2: its own environment on top of .venv's PyTorch
newest: $(READY)
	$(BIN)/python tests/newest.py

clean:
	rm -rf .venv .venv-newest walkthrough build dist *.egg-info
