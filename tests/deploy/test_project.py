"A folder for somebody's own photos: nothing is overwritten, and what is to be typed can be typed."
import json, os, shlex
from pathlib import Path
import pytest
from petlearn.cli import main
from petlearn.deploy.printing import quoted

def tree(folder): return sorted((str(o.relative_to(folder)), o.read_bytes() if o.is_file() else None) for o in folder.rglob('*'))

def test_new(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['new', 'mine', 'big cat', 'dog']) == 0 and sorted(o.name for o in Path('mine/photos').iterdir()) == ['big cat', 'dog']
    assert json.loads(Path('mine/first steps.ipynb').read_text())['nbformat'] == 4 and 'petlearn check mine/photos' in capsys.readouterr().out
    before = tree(tmp_path)
    for args in (['mine'], [''], [], ['x', '..'], ['x', 'a/b'], ['x', '_y'], ['x', ' '], ['x', '.z'], ['mine/first steps.ipynb/x'],
                 ['x', 'a', 'a'], ['x', 'Cat', 'cat'], ['x', 'cat'], ['x', 'a?', 'b'], ['x', 'a.', 'b'], ['x', 'a\n', 'b']):
        assert main(['new', *args]) == 2 and tree(tmp_path) == before, args
        assert 'Traceback' not in capsys.readouterr().err

@pytest.mark.skipif(os.name == 'nt', reason='quoted as Windows wants it')
def test_what_is_to_be_typed_can_be_typed():
    for name in ('my pets', 'a$b', "it's", 'x;y', 'plain'): assert shlex.split(quoted(name)) == [name] and shlex.split(quoted([name, Path('b')])) == [name, 'b']
