"All runs of a folder: numbers, finding, sorting, tables, deleting, two at once."
import io, json, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import pandas as pd, pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.runs.book import COLUMNS, EXTRAS, RunBook, runs
from helpers import pretend

def test_versions_only_grow(tmp_path):
    made = [pretend(tmp_path) for _ in range(3)]
    shutil.rmtree(made[0].path)
    assert pretend(tmp_path).version == 'V004' and [o.version for o in runs(tmp_path)] == ['V002', 'V003', 'V004']
    made[1].path.rename(tmp_path/'V1200-far')
    assert pretend(tmp_path).version == 'V1201'
    for o in list(runs(tmp_path)): shutil.rmtree(o.path)
    assert pretend(tmp_path).version == 'V1202'

def test_many_in_the_same_second(tmp_path):
    with ThreadPoolExecutor(8) as pool: made = list(pool.map(lambda _: pretend(tmp_path/'runs', 'CANCELED'), range(24)))
    assert sorted(int(o.version[1:]) for o in made) == list(range(1, 25)) and len({o.name for o in made}) == 24

def test_nothing_is_made_where_something_is_wrong(tmp_path):
    split = pd.DataFrame(dict(file=['a.jpg'], label=['cat'], usage=['train'], sha256=['0'*64]))
    for kw in (dict(name='My run'), dict(note='x'*81)):
        with pytest.raises(PetLearnError): RunBook(tmp_path/'runs').create(split, {}, **kw)
    assert not (tmp_path/'runs').exists()
    def fail(folder): raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError): RunBook(tmp_path/'runs').create(split, {}, start=fail)
    assert not [o for o in (tmp_path/'runs').iterdir() if o.is_dir()]
    pretend(tmp_path/'runs', name='taken')
    with pytest.raises(PetLearnError, match='already'): pretend(tmp_path/'runs', name='taken')

def test_columns_and_blanks(tmp_path):
    pretend(tmp_path, metrics=dict(valid_error=0., valid_loss=.1, test_acc=1., test_loss=0.))
    pretend(tmp_path, 'CANCELED')
    book = runs(tmp_path)
    assert list(book.table.columns) == [*COLUMNS, *EXTRAS] and list(runs(tmp_path, columns='').table.columns) == list(COLUMNS)
    assert COLUMNS == ('name', 'model', 'status', 'training_start', 'epoch', 'steps', 'test_acc', 'test_loss')
    assert book.table.test_loss.isna().tolist() == [False, True], 'blank, never zero'
    assert json.loads(book.to_json())[1]['test_acc'] is None and book.to_csv().splitlines()[2].split(',')[-5:] == ['', '', '', 'D-12345678', '']
    for text in (str(book), book._repr_html_()): assert 'nan' not in text.lower() and 'None' not in text and '10.0' not in text
    assert pd.read_csv(io.StringIO(book.to_csv())).test_acc.isna().tolist() == [False, True]

def test_text_fits_the_terminal(tmp_path, monkeypatch):
    "Nothing is lost in a narrow window, and a pipe gets a line a run."
    for o in ('brighter photos of [red]cats[/red]', 'the same once more'): pretend(tmp_path, name=o.split()[0]).record(note=o)
    lines = str(runs(tmp_path)).splitlines()
    assert len(lines) == 3 and 'brighter photos of [red]cats[/red]' in lines[1] and lines[0].split()[:3] == ['version', 'name', 'model']
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True, raising=False)
    monkeypatch.setenv('COLUMNS', '80')
    for width in (60, 80, 100):
        monkeypatch.setenv('COLUMNS', str(width))
        *table,last = str(runs(tmp_path)).splitlines()
        assert max(map(len, table)) <= width and len(table) == 3 and last.startswith('Not shown: ') and 'columns' in last
        text = str(runs(tmp_path, columns='note')) # who asks for a column gets it
        assert max(map(len, text.splitlines()[:-1])) <= width and text.count('V00') == 2
        for word in ('brighter', '[red]cats', 'once'): assert word in text, width

def test_html_is_escaped(tmp_path):
    pretend(tmp_path).record(note='<script>alert(1)</script>')
    assert '<script>' not in runs(tmp_path)._repr_html_() and '&lt;script' in runs(tmp_path)._repr_html_()

def test_sort_and_filter(tmp_path):
    for i,error in enumerate((.3, None, .1, .2)): pretend(tmp_path, name=f'n{i}', metrics={} if error is None else dict(valid_error=error, valid_loss=error))
    names = lambda **kw: [o.name for o in runs(tmp_path, **kw)]
    assert names(sort='valid_error') == ['n2', 'n3', 'n0', 'n1'] and names(sort='-valid_error') == ['n0', 'n3', 'n2', 'n1']
    assert names(where='valid_error<.25 and status=succeeded') == ['n2', 'n3'] and names(where='lr=.01, valid_error>=.3') == ['n0']
    assert 'None of the 4 runs' in str(runs(tmp_path, where='lr>1')) and 'None of the 4' in runs(tmp_path, where='lr>1')._repr_html_()
    assert runs(tmp_path).best.name == 'n2'
    for kw,says in ((dict(where='valid_eror<1'), "Did you mean 'valid_error'"), (dict(where='valid_error'), 'is not a condition'), (dict(sort='tset_acc'), "'test_acc'"), (dict(columns='lrr'), 'no column')):
        with pytest.raises(PetLearnError, match=says): runs(tmp_path, **kw)

def test_what_is_no_run_is_not_listed(tmp_path):
    pretend(tmp_path)
    for o in ('.new-1234', 'V1', 'notes', '.deleted-12', 'W001-x'): (tmp_path/o).mkdir()
    (tmp_path/'V002-a-file').write_text('')
    (tmp_path/'V003-loop').symlink_to(tmp_path/'V003-loop')
    (tmp_path/'V٠٠٧-x').mkdir()
    assert len(runs(tmp_path)) == 1 and pretend(tmp_path).version == 'V002' and not (tmp_path/'.new-1234').exists()
    with pytest.raises(PetLearnError, match="Can't look into"): runs(tmp_path/'V002-a-file')

def test_delete(tmp_path):
    a = pretend(tmp_path)
    b = pretend(tmp_path, parent=a.path.name, parent_id=a.metadata['id'])
    with pytest.raises(PetLearnError, match='started from'): RunBook(tmp_path).delete(a.version)
    with FileLock(b.path/'.lock', thread_local=False):
        b.record(states=[('RUNNING', '')])
        with pytest.raises(PetLearnError, match='still at work'): RunBook(tmp_path).delete(b.version)
    RunBook(tmp_path).delete(b.version)
    RunBook(tmp_path).delete(a.version)
    assert not [o for o in tmp_path.iterdir() if o.is_dir()]

def test_listing_needs_neither_torch_nor_pandas(tmp_path):
    for i in range(20): pretend(tmp_path/'runs')
    heavy = "{'torch', 'fastai', 'pandas', 'matplotlib'} & set(sys.modules)"
    code = f"import sys; from petlearn.cli import main; main(['list', '--sort', 'valid_error', '--where', 'status=SUCCEEDED']); sys.exit(str({heavy}) if {heavy} else 0)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    assert len(r.stdout.splitlines()) == 21
