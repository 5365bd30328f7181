"Photos however they are given become one table, each file once; what is wrong with it is kept, not lost."
import os
from pathlib import Path
import numpy as np
import pandas as pd, pytest
from petlearn.core import PetLearnError
from petlearn.datasets.labels import by_folder
from petlearn.datasets.photo_table import list_photos, photo_table
from helpers import write

@pytest.fixture
def pets(tmp_path):
    "A folder with six files of each label; nothing opens them."
    for label in ('cat', 'dog'):
        for i in range(6): write(tmp_path/'pets', f'{label}/{i}.jpg')
    return tmp_path/'pets'

def labels(photos, *args): return photo_table(photos, *args).photos.label.value_counts().to_dict()

def test_what_is_no_list_of_photos():
    for photos in (None, 3, [], (), {}, '', '\0', [3], ['nowhere'], 'nowhere', b'pets', pd.DataFrame(), pd.DataFrame({'file': []}),
                   pd.DataFrame({'file': [np.nan]}), pd.DataFrame({'name': ['a.jpg']}), 'http://a.b/c'):
        with pytest.raises(PetLearnError) as e: photo_table(photos)
        assert e.value.what and e.value.expected and e.value.fix, photos

def test_a_list_of_files(pets, monkeypatch):
    files = sorted(pets.rglob('*.jpg'))
    monkeypatch.chdir(pets.parent)
    for o in (files, list(map(str, files)), (f for f in files), [f.relative_to(pets.parent) for f in files], files + files[:3],
              pd.DataFrame(dict(file=files))):
        table = photo_table(o)
        assert list(table.photos.file) == [f.as_posix() for f in files] and table.folders == [pets]
        assert not table.problems and not table.unreadable and set(table.photos.label) == {'cat', 'dog'}

def test_a_folder_twice_or_by_another_name(pets):
    os.symlink(pets, pets.parent/'link')
    for o in ([pets, pets], [pets, pets.parent/'link'], [pets, f'{pets}/../pets']): assert len(photo_table(o)) == 12

def test_files_that_are_gone_stay_in_the_table(pets):
    table = photo_table([*sorted(pets.rglob('*.jpg')), pets/'cat/gone.jpg'])
    assert len(table) == 13 and list(table.unreadable) == [(pets/'cat/gone.jpg').as_posix()] and len(table.distinct()) == 12
    with pytest.raises(PetLearnError, match='gone.jpg'): table.require_complete()
    with pytest.raises(PetLearnError, match='2 of 14 photos'): photo_table([*table.photos.file, pets/'cat/gone too.jpg']).require_complete()

def test_files_from_everywhere(tmp_path, pets, monkeypatch):
    monkeypatch.setattr(Path, 'home', lambda: tmp_path) # nobody wants a quarantine for the whole of it
    other = write(tmp_path, 'other/dog/1.jpg')
    assert list_photos([*sorted((pets/'cat').iterdir()), other]).folders == [pets/'cat', tmp_path/'other/dog']

def test_folders_named_after_a_usage(tmp_path):
    for side in ('Train', 'val', 'TEST'): write(tmp_path, f'{side}/cat/{side}.jpg')
    assert photo_table(tmp_path, by_folder).photos.usage.tolist() == ['test', 'train', 'valid']
    write(tmp_path, 'more/cat/1.jpg') # outside of the split: left aside
    for labeler in (by_folder, None):
        table = photo_table(tmp_path, labeler)
        assert set(table.photos.usage) == {'train', 'valid', 'test'} and [len(o.files) for o in table.aside] == [1]
        assert 'The split is that of the folders: 1 for training, 1 for validation, 1 for the test.' in table.reading

def test_each_data_set_has_its_rule_and_all_the_same_labels(tmp_path, pets):
    for i in range(3): write(tmp_path/'named', f'cat.{i}.jpg'), write(tmp_path/'named', f'dog.{i}.jpg')
    table = photo_table([pets, tmp_path/'named'])
    assert labels([pets, tmp_path/'named']) == {'cat': 9, 'dog': 9} and table.labeler is None and not table.problems
    assert photo_table(pets).labeler is by_folder and table.photos.source.nunique() == 2
    (pets/'dog').rename(pets/'Dog')
    problem, = photo_table([pets, tmp_path/'named']).problems
    assert problem.kind == 'labels differ' and "'dog' is new; 'Dog' is missing" in problem.error.what

def test_one_bad_rule_leaves_the_rest(tmp_path, pets):
    write(tmp_path/'odd', 'x.jpg'), write(tmp_path/'odd', 'y.jpg')
    table = photo_table([pets, tmp_path/'odd'])
    assert [o.kind for o in table.problems] == ['no label'] and (table.photos.label == '').sum() == 2 and len(table.distinct()) == 12

def test_corrections_are_counted(pets, capsys):
    write(pets, 'corrections.csv', 'file,label\ncat/3.jpg,dog\n')
    table = photo_table(pets)
    assert labels(pets) == {'cat': 5, 'dog': 7} and table.corrected == {pets/'cat/3.jpg': 'dog'}
    assert capsys.readouterr().err == '' and table.require_complete() is table and '1 label corrected' in capsys.readouterr().err

def test_photos_are_looked_at_once(pets, monkeypatch):
    from petlearn.datasets import photo_table as intake
    calls = []
    for name in ('read_labels', 'fingerprints', 'find_photos'):
        def spy(*args, name=name, real=getattr(intake, name)): return calls.append(name) or real(*args)
        monkeypatch.setattr(intake, name, spy)
    table = photo_table(pets)
    assert sorted(calls) == ['find_photos', 'fingerprints', 'read_labels'] and photo_table(table) is table and len(calls) == 3
