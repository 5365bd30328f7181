"What may stand behind `petlearn predict`: files, folders, patterns, a pipe, and a run before them."
import io, os, sys
from types import SimpleNamespace
import pytest
from helpers import with_state
from inputs import JPEG, PNG
from tiny import tiny_model
from petlearn.cli import main
from petlearn.terminal import predict_command

@pytest.fixture(scope='module')
def model(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('words')/'model')

def pipe(monkeypatch, content, tty=False): monkeypatch.setattr(sys, 'stdin', SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: tty))

def test_a_photo_through_a_pipe(model, monkeypatch, capsys):
    for word in ('-', '/dev/stdin'):
        for content in (JPEG, PNG):
            pipe(monkeypatch, content)
            assert main(['predict', word, '--run', str(model)]) == 0 and f'{word}\nIs this a cat?' in capsys.readouterr().out
    for content,says in ((b'', 'The pipe is empty'), (b'hello there', 'text'), (b'<html><body>404', 'web page'), (JPEG[:300], 'damaged')):
        pipe(monkeypatch, content)
        assert main(['predict', '-', '--run', str(model)]) != 0
        said = capsys.readouterr()
        assert says in said.err and 'Traceback' not in said.err and not said.out, content
    pipe(monkeypatch, JPEG, tty=True)
    assert main(['predict', '-', '--run', str(model)]) != 0 and 'cat photo.jpg | petlearn predict -' in capsys.readouterr().err
    monkeypatch.setattr(predict_command, '_PIPE_LIMIT', 100)
    pipe(monkeypatch, JPEG)
    assert main(['predict', '-', '--run', str(model)]) != 0 and 'More than' in capsys.readouterr().err

def test_a_run_before_the_photos(tmp_path, monkeypatch, capsys):
    with_state(tmp_path/'runs', 'SUCCEEDED')
    monkeypatch.chdir(tmp_path)
    (tmp_path/'cat.png').write_bytes(PNG)
    for word in ('V001', '@V001', 'tiny', '@tiny', 'V001-tiny'): assert main(['predict', word, 'cat.png']) == 0 and 'cat.png' in capsys.readouterr().out, word
    for word,says in (('V009', 'V009'), ('V009', 'Expected one of V001'), ('tinny', 'no file tinny')): assert main(['predict', word, 'cat.png']) != 0 and says in capsys.readouterr().err, word
    (tmp_path/'V001').write_bytes(PNG) # a file of that name is meant
    assert main(['predict', 'V001']) == 0 and capsys.readouterr().out.startswith('V001\n')

def test_names_that_begin_with_a_dash(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for o in ('--help.jpg', '-dash.jpg', 'cat.jpg', '-q.jpg'): (tmp_path/o).write_bytes(JPEG)
    assert main(['predict', *sorted(os.listdir()), '--run', str(model)]) == 0 and capsys.readouterr().out.count('%') == 8
    assert main(['predict', '--nope.jpg', '--run', str(model)]) == 2 and 'no option --nope.jpg' in capsys.readouterr().err

def test_what_is_missing_is_said_before_a_model_is_opened(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predict_command, 'open_model', lambda source: 1/0)
    (tmp_path/'cat.jpg').write_bytes(JPEG)
    for args in (['cta.jpg'], ['cta.jpg', 'nowhere/x.jpg'], ['cta.jpg', '--json']): assert main(['predict', *args, '--run', str(model)]) == main(['predict', 'x', '--run', str(model)]) and 'cat.jpg' in capsys.readouterr().err, args

def test_what_a_folder_holds_besides_photos(model, tmp_path, capsys):
    (tmp_path/'in').mkdir()
    for o in ('a.png', 'b.png', '.hidden.png', 'notes.txt', 'c.mov'): (tmp_path/'in'/o).write_bytes(PNG if o.endswith('png') else b'x')
    assert main(['predict', str(tmp_path/'in'), '--run', str(model)]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2 and [o for o in said.err.splitlines() if 'passed over: ' in o and '1 video' in o and '1 hidden file' in o and '2 photos' in o]
    assert main(['-q', 'predict', str(tmp_path/'in'), '--run', str(model)]) == 0 and capsys.readouterr().err == ''
