"Importing: instant, a function called train, no network, from anywhere."
import subprocess, sys
import pytest
import petlearn

def python(code, cwd): return subprocess.run([sys.executable, '-c', code], cwd=cwd, capture_output=True, text=True)

def test_import_is_light(tmp_path):
    r = python("import sys, petlearn; heavy = {'torch','fastai','pandas','numpy','PIL','matplotlib'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)", tmp_path)
    assert r.returncode == 0, r.stderr

@pytest.mark.slow
def test_train_is_a_function(tmp_path):
    r = python("from petlearn import train; import petlearn.training.trainer; assert train is petlearn.training.trainer.train and callable(train)", tmp_path)
    assert r.returncode == 0, r.stderr

@pytest.mark.parametrize('name', ['train', 'check', 'Run', 'Predictor', 'UploadPredictor', 'PetLearnError', 'pets', 'open_photo'])
def test_lazy_names(name):
    assert getattr(petlearn, name) is not None and name in dir(petlearn)

def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'trian'"): petlearn.trian

def test_the_block_on_the_network_works(tmp_path, blocked):
    "Otherwise 'nothing tried the network' would mean nothing."
    for code in ("import urllib.request as u; u.urlopen('https://example.org')", "import socket; socket.create_connection(('93.184.216.34', 80), 1)"):
        r = python(code, tmp_path)
        assert r.returncode != 0 and 'network blocked by the tests' in r.stderr
    assert len(blocked.read_text().splitlines()) == 2
    blocked.unlink()
    r = python("import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()).close()", tmp_path)
    assert r.returncode == 0 and not blocked.exists()

VERBS = 'predict report interpret timeline export app serve stop require model learn head bank history split predictions summary verdict status'.split()

def test_every_verb_is_on_run():
    "Each is defined in the notebook that teaches it; whoever asks petlearn for `Run` gets all of them."
    assert [o for o in VERBS if not hasattr(petlearn.Run, o)] == []

@pytest.mark.slow
def test_runs_is_always_the_package(tmp_path):
    "Whatever was imported before; the function of that name is in petlearn.all."
    code = "from petlearn import runs as a, train, runs as b; from petlearn.all import runs as f; import petlearn.runs; assert a is b is petlearn.runs and callable(f)"
    assert python(code, tmp_path).returncode == 0
