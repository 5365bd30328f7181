"A run is its folder: alive or not, damaged, edited, of a newer petlearn; its tables."
import json, os, subprocess, sys, time
import pandas as pd, pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.runs.book import runs
from petlearn.runs.run import LIVE, Run, State, csv_text, locked
from helpers import pretend

def test_a_dead_process(tmp_path):
    "The lock decides, not the clock: old and future time stamps change nothing."
    run = pretend(tmp_path)
    for state in LIVE:
        run.record(states=[(state, '')])
        assert run.state == State.STATE_UNSPECIFIED and run.written_state == state
        for stamp in (0, time.time() + 10**6):
            (run.path/'progress.json').write_text('{}')
            os.utime(run.path/'progress.json', (stamp, stamp))
            with FileLock(run.path/'.lock', thread_local=False): assert run.state == state
            assert run.state == State.STATE_UNSPECIFIED

def test_a_lock_that_may_not_be_touched(tmp_path, monkeypatch):
    "A teacher may only read: then the heartbeat decides."
    import filelock
    run = pretend(tmp_path, 'RUNNING')
    (run.path/'.lock').touch()
    def refuse(*args, **kwargs): raise PermissionError(13, 'Permission denied')
    monkeypatch.setattr(filelock, 'FileLock', refuse)
    assert run.state == State.STATE_UNSPECIFIED
    (run.path/'progress.json').write_text('{}')
    assert run.state == State.RUNNING
    os.utime(run.path/'progress.json', (0, 0))
    assert run.state == State.STATE_UNSPECIFIED

def test_only_one_may_write(tmp_path, monkeypatch):
    run = pretend(tmp_path)
    with locked(run):
        monkeypatch.setattr('filelock.FileLock', lambda *args, timeout=None, **kwargs: FileLock(*args, timeout=0, **kwargs))
        with pytest.raises(PetLearnError, match='trained by another process') as e:
            with locked(Run(run.path)): pass
        assert 'RunMonitor(' in e.value.fix
    with locked(run) as same: assert same is run

DAMAGE = ['', '{', '[]', '3', 'null', '{}', '{"format": "1"}', '{"format": 1}', '\0\0', b'\xff\xfe', '{"format": true}', '['*10**5]
EDITED = [dict(states=[]), dict(states=[('DANCING', '')]), dict(states='RUNNING'), dict(params=None), dict(metrics=3), dict(note=None), dict(phases={}), dict(phases=[1]), dict(phases=[{'name': 'x'}]), dict(dataset=7), dict(metrics={'valid_error': 'x'}), dict(seconds='x'), dict(error={})]

def test_damaged_runs_are_listed_as_damaged(tmp_path):
    "And they hurt nobody else."
    a,b,c = (pretend(tmp_path, metrics=dict(valid_error=o, valid_loss=o)) for o in (.3, .1, .2))
    good = json.loads((b.path/'run.json').read_text())
    for content in [*DAMAGE, *(json.dumps(good | o) for o in EDITED)]:
        (b.path/'run.json').write_bytes(content if isinstance(content, bytes) else content.encode())
        book = runs(tmp_path)
        assert [o['status'] for o in book.rows] == ['SUCCEEDED', 'damaged', 'SUCCEEDED'] and book.best.path == c.path, content[:40]
        assert 'damaged' in str(book) and 'damaged' in b._repr_html_()
        for get in ('state', 'params', 'status', 'actions'):
            with pytest.raises(PetLearnError, match='damaged'): getattr(b, get)
    assert pretend(tmp_path).version == 'V004'
    (b.path/'run.json').write_text(json.dumps(good))
    assert runs(tmp_path).best.path == b.path

def test_missing_and_newer(tmp_path):
    a,b = pretend(tmp_path),pretend(tmp_path)
    (a.path/'run.json').unlink()
    b.record(format=2, petlearn='9.9')
    assert [o['status'] for o in runs(tmp_path).rows] == ['damaged', 'unknown']
    with pytest.raises(PetLearnError, match='newer petlearn .9.9.') as e: b.params
    assert 'pip install --upgrade' in e.value.fix

def test_tables(tmp_path):
    "Any name comes back as it was; numbers are numbers, nothing is nan, and a damaged table says so."
    run = pretend(tmp_path)
    odd = pd.DataFrame(dict(file=['a,b.jpg', 'NA', '"x".jpg', 'ü\udcff.jpg'], label=['1', 'nan', '', ' a '], usage='train', sha256='0'))
    (run.path/'split.csv').write_bytes(csv_text(odd).encode('utf-8', 'surrogateescape'))
    assert run.split.values.tolist() == odd.values.tolist() and run.labels == ['', ' a ', '1', 'nan']
    assert list(run.predictions.columns) == ['file', 'usage', 'label', 'predicted'] and not len(run.history) and not len(run.left_out)
    for text,says in (('', 'damaged'), ('file\n', 'it has no label'), ('file,label,usage,sha256\n', 'it has no photos')):
        (run.path/'split.csv').write_text(text)
        with pytest.raises(PetLearnError, match=says): run.split
    (run.path/'split.csv').unlink()
    with pytest.raises(PetLearnError, match='it is missing'): run.split

def test_loads_nothing_heavy(tmp_path):
    code = "import sys, petlearn.runs.book; heavy = {'torch','fastai','pandas','matplotlib'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
