"In a project, from any folder of it: its photos, its runs, its settings; what is given beats the file; mistakes name their line."
import os
from pathlib import Path
from types import SimpleNamespace
import pytest
from helpers import with_state
from petlearn.cli import main
from petlearn.core import PetLearnError
from petlearn.datasets.default_photos import default_labeler, default_photos
from petlearn.project_file import find_project, project_file, runs_folder
from petlearn.runs.book import RunBook
from petlearn.runs.choosing import find_run
from petlearn.training import trainer
from petlearn.training.settings import resolve

FILE = '[project]\nphotos = "my photos"\nlabeler = "by_folder"\nruns = "trainings"\n\n[train]\nepochs = 3\n'

@pytest.fixture
def project(tmp_path, pets_folder):
    folder = tmp_path/'pets of mine'
    (folder/'my photos').mkdir(parents=True)
    (folder/'a/b').mkdir(parents=True)
    (folder/'petlearn.toml').write_text(FILE)
    for label,words in (('cat', 'Abyssinian_*'), ('dog', 'pug_*')):
        (folder/'my photos'/label).mkdir()
        for o in list(pets_folder.glob(words))[:6]: (folder/'my photos'/label/o.name).write_bytes(o.read_bytes())
    return folder

def test_the_same_from_every_folder(project, monkeypatch, capsys):
    with_state(project/'trainings', 'SUCCEEDED')
    given = []
    monkeypatch.setattr(trainer, 'train', lambda *args, **kwargs: given.append((args, kwargs)) or SimpleNamespace(metadata={}))
    for folder in ('.', 'a/b', 'my photos/cat', 'trainings'):
        monkeypatch.chdir(project/folder)
        assert runs_folder().resolve() == project/'trainings' and Path(default_photos()).resolve() == project/'my photos' and default_labeler().__name__ == 'by_folder'
        assert len(RunBook()) == 1 and find_run('V001').name == 'tiny' and resolve({})['epochs'].value == 3
        for args,says in ((['check'], 'photos in my photos'), (['list'], 'tiny'), (['show'], 'SUCCEEDED'), (['train', '--show-settings'], 'petlearn.toml')):
            capsys.readouterr()
            assert main(args) in (0, 1, 2) and says in capsys.readouterr().out, (folder, args)
        assert main(['train']) == 0, folder
        args,kwargs = given.pop() # the function decides, as in a notebook
        assert args == (None, None) and kwargs['runs_dir'] is None, folder
        if folder != '.': assert f'Project: {project}' in capsys.readouterr().err

def test_what_is_given_beats_the_file(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(project/'a')
    assert runs_folder('elsewhere') == Path('elsewhere') and main(['list', '--runs-dir', 'elsewhere']) == 0 and 'no runs in elsewhere' in capsys.readouterr().out
    assert default_labeler('elsewhere') is None and default_labeler('../my photos').__name__ == 'by_folder'
    assert resolve(dict(epochs=7))['epochs'].value == 7

def test_outside_of_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_file() is find_project() is None and runs_folder() == Path('runs') and default_labeler() is None

def test_the_nearest_file_counts(project, monkeypatch):
    (project/'a/petlearn.toml').write_text('')
    monkeypatch.chdir(project/'a/b')
    assert find_project().folder == project/'a' and runs_folder() == project/'a/runs'

MISTAKES = [
    ('[project]\n\nphotos = "gone"\n', 3, 'There is no folder', default_photos), ('[project]\nphotos = ["my photos", "gone"]', 2, 'gone', default_photos),
    ('[project]\nphotos = "my photos"\nlabeler = "by_fodler"', 3, 'by_folder', default_labeler), ('[project]\nruns = 5', 2, 'text in quotes', runs_folder), ('[project]\nruns = ""', 2, 'text in quotes', runs_folder),
    ('[project]\nphotos = []', 2, 'text in quotes', default_photos), ('[project]\nlabeller = "x"', 2, 'labeler', find_project), ('[porject]\nphotos = "x"', 1, '[project]', find_project),
    ('photos = "x"', 1, '[project]', find_project), ('[train]\nepohcs = 3', 2, 'epochs', lambda: resolve({})),
]

def test_mistakes_name_their_line(project, monkeypatch):
    monkeypatch.chdir(project/'a')
    for text,line,says,f in MISTAKES:
        (project/'petlearn.toml').write_text(text)
        with pytest.raises(PetLearnError) as e: f()
        assert f"{project/'petlearn.toml'}, line {line}: " in str(e.value) and says in str(e.value), text

def test_a_folder_that_moves_takes_all_along(project, tmp_path, monkeypatch):
    with_state(project/'trainings', 'SUCCEEDED')
    project.rename(tmp_path/'moved')
    monkeypatch.chdir(tmp_path/'moved/a')
    assert default_photos() == tmp_path/'moved/my photos' and len(RunBook()) == 1
