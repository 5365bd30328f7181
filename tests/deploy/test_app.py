"The page as an app: which models, how it starts, and how it ends."
import re
from urllib.parse import urlsplit
from urllib.request import urlopen
import pytest
from tiny import tiny_model
from petlearn.deploy import app
from petlearn.deploy.app import exported_model, launch, start_app
from petlearn.deploy.service import find_model
from petlearn.runs.choosing import finished_run
from petlearn.core import PetLearnError
from helpers import with_state

pytestmark = pytest.mark.slow

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('app')/'model')

# ---- which models

def test_finished_runs(tmp_path):
    for state in ('SUCCEEDED', 'STOPPED'):
        run = with_state(tmp_path/state, state)
        for o in (run, 'V001', '@tiny', 'newest', ''): assert find_model(o, tmp_path/state).path == run.path/'model'
        for o in (run.path, str(run.path), run.path/'model', run): assert exported_model(o).path == run.path/'model'

def test_other_runs_are_refused_with_their_state(tmp_path):
    for state in ('FAILED', 'CANCELED', 'TRY_AGAIN_LATER', 'STATE_UNSPECIFIED', 'RUNNING'):
        folder = tmp_path/state
        run = with_state(folder, state)
        for o in (run, 'V001', '@tiny', '', run.path, run.path/'model'):
            with pytest.raises(PetLearnError, match=f'V001-tiny is {run.state}'): find_model(o, folder)
        with_state(folder, 'SUCCEEDED', 'V002-good')
        with_state(folder, state, 'V003-new')
        assert finished_run('', folder).name == 'good', 'the newest that is finished'

def test_no_such_run(tmp_path):
    for source,says in (('V009', 'There are no runs'), ('@nobody', 'There are no runs'), ('', 'There are no runs'), (5, 'not the name'), ('no/where', 'not the folder of a run'), ('x\0', 'not the name')):
        with pytest.raises(PetLearnError, match=says): find_model(source, tmp_path)

def test_a_folder_without_an_exported_model(tmp_path):
    folder = tiny_model(tmp_path/'model')
    (folder/'model.onnx').unlink()
    with pytest.raises(PetLearnError, match='(?s)no model.onnx.*exported'): exported_model(folder)
    (tiny_model(tmp_path/'damaged')/'model.json').write_text('{')
    with pytest.raises(PetLearnError, match='model.json is damaged'): exported_model(tmp_path/'damaged')

def test_a_run_is_exported_first(tmp_path, monkeypatch, capsys):
    run = with_state(tmp_path, 'SUCCEEDED')
    content = (run.path/'model/model.onnx').read_bytes()
    (run.path/'model/model.onnx').unlink()
    from petlearn.deploy import export
    def pretend(o):
        (o.path/'model/model.onnx').write_bytes(content)
        return o.path/'model'
    monkeypatch.setattr(export, 'export_model', pretend)
    assert exported_model('', tmp_path).path == run.path/'model' and 'is exported first' in capsys.readouterr().err
    assert exported_model('', tmp_path).path == run.path/'model' and 'exported' not in capsys.readouterr().err, 'only once'

def test_nothing_starts_with_a_bad_time_or_without_the_extra(folder, monkeypatch):
    monkeypatch.setattr(app, 'exported_model', lambda *o: pytest.fail('exported'))
    with pytest.raises(PetLearnError, match="stop_after='2d'"): start_app(folder, stop_after='2d')
    with pytest.raises(PetLearnError, match="stop_after='2d'"): launch(folder, stop_after='2d')
    monkeypatch.undo()
    monkeypatch.setattr('petlearn.process.find_spec', lambda o: None)
    for f in (start_app, launch):
        with pytest.raises(PetLearnError, match=re.escape("pip install 'petlearn[serve]'")): f(folder)

# ---- the page

@pytest.fixture(scope='module')
def running(folder):
    o = start_app(folder)
    yield o
    o.stop()

def test_a_page_that_needs_no_word_in_its_address(running):
    assert re.fullmatch(r'http://127\.0\.0\.1:88\d\d', running.url)
    r = urlopen(running.url)
    assert 'What is in this photo?' in r.read().decode() and "default-src 'none'" in r.headers['Content-Security-Policy']

def test_one_process_however_many_come(running):
    import psutil
    process = psutil.Process(running.process.pid)
    for _ in range(13): urlopen(running.url).read()
    assert process.children() == [], 'no kernel for a visitor'

def test_a_port_that_is_taken_or_none(running, folder):
    for port,says in ((urlsplit(running.url).port, 'is taken'), (70_000, 'port=70000')):
        with pytest.raises(PetLearnError, match=says): start_app(folder, port=port)

def test_the_command(folder, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(app.webbrowser, 'open', opened.append)
    monkeypatch.setattr(app, 'parse_duration', lambda o: .2)
    launch(folder)
    out,err = capsys.readouterr()
    assert out == '' and err == f'{opened[0]}\nThat is the page, on this computer only. Ctrl-C ends it.\nThe page is closed.\n'
    with pytest.raises(OSError): urlopen(opened[0])
