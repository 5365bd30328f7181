"A folder for somebody's own photos: nothing is overwritten, and what is to be typed can be typed."
import json, os, shlex
from pathlib import Path
import pytest
from petlearn.cli import main
from petlearn.next_steps import quoted

def tree(folder): return sorted((str(o.relative_to(folder)), o.read_bytes() if o.is_file() else None) for o in folder.rglob('*'))

def test_new(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['new', 'mine', 'big cat', 'dog']) == 0 and sorted(o.name for o in Path('mine/photos').iterdir()) == ['big cat', 'dog']
    assert json.loads(Path('mine/first steps.ipynb').read_text())['nbformat'] == 4 and 'cd mine\n  petlearn check\n  petlearn train\n' in capsys.readouterr().out
    before = tree(tmp_path)
    for args in (['mine'], [''], [], ['x', '..'], ['x', 'a/b'], ['x', '_y'], ['x', ' '], ['x', '.z'], ['mine/first steps.ipynb/x'],
                 ['x', 'a', 'a'], ['x', 'Cat', 'cat'], ['x', 'cat'], ['x', 'a?', 'b'], ['x', 'a.', 'b'], ['x', 'a\n', 'b']):
        assert main(['new', *args]) == 2 and tree(tmp_path) == before, args
        assert 'Traceback' not in capsys.readouterr().err

@pytest.mark.skipif(os.name == 'nt', reason='quoted as Windows wants it')
def test_what_is_to_be_typed_can_be_typed():
    for name in ('my pets', 'a$b', "it's", 'x;y', 'plain'): assert shlex.split(quoted(name)) == [name] and shlex.split(quoted([name, Path('b')])) == [name, 'b']

def test_here(tmp_path, monkeypatch, capsys):
    "`new .` makes a project of the folder where one is; what is there stays."
    (tmp_path/'photos/rose').mkdir(parents=True)
    (tmp_path/'first steps.ipynb').write_text('mine')
    monkeypatch.chdir(tmp_path)
    assert main(['new', '.']) == 0 and sorted(o.name for o in tmp_path.iterdir()) == ['first steps.ipynb', 'petlearn.toml', 'photos']
    said = capsys.readouterr().out
    assert 'photos/rose' in said and '  cd ' not in said and Path('first steps.ipynb').read_text() == 'mine' and os.listdir('photos') == ['rose']
    before = tree(tmp_path)
    for args,says in ((['.'], 'is a project already'), ([str(tmp_path)], 'petlearn check'), (['photos'], 'cd photos, then petlearn new .')):
        assert main(['new', *args]) == 2 and says in capsys.readouterr().err and tree(tmp_path) == before, args
    assert main(['new', 'inner', 'a', 'b']) == 0 and f'lies in the project {tmp_path}' in capsys.readouterr().out
