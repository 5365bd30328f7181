"One JupyterLab for all browser tests of widgets."
import pytest

@pytest.fixture(scope='session')
def lab(tmp_path_factory):
    "Address of a JupyterLab, and its folder: each file of tests puts its notebook into a folder of its own there."
    from browser import jupyterlab
    top = tmp_path_factory.mktemp('lab')
    with jupyterlab(tmp_path_factory.mktemp('home'), top) as url: yield url,top
