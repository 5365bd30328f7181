"Folders with known faults: each fault as asked, the same for the same seed, all of it or nothing."
import hashlib, json, shutil
from pathlib import Path
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from PIL import Image
from petlearn.core import PetLearnError
from petlearn.datasets.faults import clean_photos, inject_faults, read_answers
from petlearn.image_io import open_photo
from petlearn.photos.finding import find_photos

NONE = dict(flips=0, leaks=0, damaged=0, dark=0, misspelt=0)
SOME = dict(flips=.1, leaks=7, damaged=3, dark=2, misspelt=1)

@pytest.fixture(scope='module')
def spoilt(small_pets, tmp_path_factory): return inject_faults(small_pets, tmp_path_factory.mktemp('faults')/'p', **SOME)

def sha(path): return hashlib.sha256(path.read_bytes()).hexdigest()
def content(folder): return {o.relative_to(folder).as_posix(): sha(o) for o in sorted(folder.rglob('*')) if o.is_file()}

def opens(path):
    try: return bool(open_photo(path))
    except PetLearnError: return False

def answers(folder):
    "For each kind, a list of the files of each fault."
    out = {}
    for o in read_answers(folder): out.setdefault(o.kind, []).append(list(o.files))
    return out

def test_same_content_gives_the_same_folder_whatever_the_names(small_pets, spoilt, tmp_path):
    photos = find_photos(small_pets)
    for i,o in enumerate(reversed(photos)):
        (tmp_path/'other'/o.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(o, tmp_path/'other'/o.parent.name/f'{i*7919 % 10_007}.jpg')
    assert content(inject_faults(tmp_path/'other', tmp_path/'a', **SOME)) == content(spoilt)
    assert content(inject_faults(tmp_path/'other', tmp_path/'b', **SOME, seed=8)) != content(spoilt)

def test_the_source_is_only_read(small_pets, tmp_path):
    before = content(small_pets), {o: o.stat().st_mtime_ns for o in small_pets.rglob('*')}
    inject_faults(small_pets, tmp_path/'p', **SOME)
    assert (content(small_pets), {o: o.stat().st_mtime_ns for o in small_pets.rglob('*')}) == before

def test_by_default_it_lies_beside_the_photos(small_pets, tmp_path, monkeypatch):
    shutil.copytree(small_pets, tmp_path/'pets')
    assert inject_faults(tmp_path/'pets', **NONE) == tmp_path/'pets-faults-7'
    monkeypatch.chdir(tmp_path/'pets')
    assert inject_faults('.', **NONE, seed=3) == tmp_path/'pets-faults-3'

@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(flips=st.sampled_from([0, .05, .1, .2]), leaks=st.integers(0, 7), damaged=st.integers(0, 4), dark=st.integers(0, 3), misspelt=st.integers(0, 2), seed=st.integers(0, 2**32-1))
def test_every_fault_is_made_as_asked(small_pets, tmp_path_factory, flips, leaks, damaged, dark, misspelt, seed):
    assume(int(flips*24 + .5) + leaks + damaged + dark <= 22 - 6*misspelt) # photos that are surely left
    folder = inject_faults(small_pets, tmp_path_factory.mktemp('any')/'p', flips=flips, leaks=leaks, damaged=damaged, dark=dark, misspelt=misspelt, seed=seed)
    exact = -(-leaks//6)
    asked = {'flip': int(flips*24 + .5), 'copy': exact, 'near copy': leaks-exact, 'damaged': damaged, 'dark': dark, 'spelling': misspelt}
    faults = answers(folder)
    assert {k: len(faults.get(k, [])) for k in asked} == asked
    files = [o for many in faults.values() for some in many for o in some]
    assert len(files) == len(set(files)), 'a file with two faults'
    original,now = {sha(o): o.parent.name for o in find_photos(small_pets)},content(folder)
    photos = find_photos(folder)
    assert len(photos) == 24 + leaks
    assert sorted(o.stem for o in photos) == [f'photo_{i+1:04}' for i in range(24 + leaks)]
    for o in photos:
        name = o.relative_to(folder).as_posix()
        if name not in files: assert original[now[name]] == o.parent.name
    for (o,) in faults.get('flip', []): assert original[now[o]] != Path(o).parent.name in ('cat', 'dog')
    for a,b in faults.get('copy', []): assert now[a] == now[b] and Path(a).parent == Path(b).parent
    for pair in faults.get('near copy', []):
        assert len({now[o] for o in pair}) == 2 and sum(now[o] in original for o in pair) == 1 and len({Path(o).parent for o in pair}) == 1
    for (o,) in faults.get('damaged', []): assert not opens(folder/o)
    for (o,) in faults.get('dark', []): assert np.asarray(open_photo(folder/o)).max() < 30
    for many in faults.get('spelling', []):
        assert 1 <= len(many) <= 3 and len({Path(o).parent for o in many}) == 1
        assert Path(many[0]).parent.name not in ('cat', 'dog') and len({original[now[o]] for o in many}) == 1
    assert {o.parent.name for o in photos} >= {'cat', 'dog'}
    assert all(opens(o) for o in photos if o.relative_to(folder).as_posix() not in {o for many in faults.get('damaged', []) for o in many})

def test_sizes_of_changed_copies(spoilt):
    sizes = sorted(tuple(sorted(open_photo(spoilt/o).size for o in pair)) for pair in answers(spoilt)['near copy'])
    assert sizes == sorted([((38, 29), (64, 48)), ((58, 44), (64, 48)), *[((64, 48), (64, 48))]*3])

def test_damaged_copies_and_twins_of_the_source_are_left_out(small_pets, tmp_path, capsys):
    shutil.copytree(small_pets, tmp_path/'pets')
    first = find_photos(small_pets)[0]
    (tmp_path/'pets/cat/empty.jpg').touch()
    shutil.copy(first, tmp_path/'pets/cat/twin.jpg')
    assert [o.sha256 for o in clean_photos(tmp_path/'pets')] == [o.sha256 for o in clean_photos(small_pets)]
    assert 'Left out 2 of 26 photos' in ''.join(capsys.readouterr())

def test_changed_photos_keep_their_format_where_that_would_tell(small_pets, tmp_path):
    for suffix,form in (('.png', 'PNG'), ('.webp', 'WEBP'), ('.JPEG', 'JPEG'), ('.gif', 'JPEG'), ('.tif', 'JPEG')):
        top = tmp_path/suffix
        for i,o in enumerate(find_photos(small_pets)):
            (top/'in'/o.parent.name).mkdir(parents=True, exist_ok=True)
            open_photo(o).save(top/'in'/o.parent.name/f'{i}{suffix}')
        folder = inject_faults(top/'in', top/'out', **NONE | dict(leaks=6, damaged=3))
        pairs = answers(folder)
        for pair in pairs['near copy']:
            assert form in [Image.open(folder/o).format for o in pair]
            assert {Path(o).suffix for o in pair} == {suffix} | ({'.jpg'} if form == 'JPEG' and suffix != '.JPEG' else set())
        assert not any(opens(folder/o) for (o,) in pairs['damaged'])

def test_all_of_it_or_nothing(small_pets, tmp_path, monkeypatch):
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr('petlearn.datasets.faults._file_data', full)
    with pytest.raises(PetLearnError, match='No space left'): inject_faults(small_pets, tmp_path/'p', **SOME)
    assert not list(tmp_path.iterdir())

BAD = [(dict(flips=.5), 'flips=0.5 makes no sense'), (dict(flips=-.1), 'flips=-0.1'), (dict(flips='5%'), "flips='5%'"), (dict(flips=float('nan')), 'flips=nan'),
       (dict(leaks=-1), 'leaks=-1'), (dict(leaks=2.5), 'leaks=2.5'), (dict(damaged=True), 'damaged=True'), (dict(dark='x'), "dark='x'"), (dict(misspelt=None), 'misspelt=None'),
       (dict(seed=-1), 'seed=-1'), (dict(seed=2**32), 'seed=4294967296'), (dict(misspelt=3), 'only 2 of 2 labels'), (dict(leaks=23), 'faults are too many for 24 photos of 2 labels'),
       (dict(labeler='cat'), 'not a labeler'), (dict(labeler=lambda o: 'pet'), "All photos have the label 'pet'"), (dict(labeler=lambda o: f'a/{o.stem[0]}'), "can't be the name of a folder"),
       (dict(labeler=lambda o: '..'), "can't be the name of a folder"), (dict(labeler=lambda o: o.stem[0].upper() + 'x' if 'x' in o.stem else o.stem[0] + 'X'), 'differ only in capital'),
       (dict(labeler=lambda o: '12' if o.parent.name == 'cat' else '34'), 'only 0 of 2 labels')]

def test_bad_numbers_and_labels(small_pets, tmp_path):
    for kwargs,says in BAD:
        with pytest.raises(PetLearnError, match=says): inject_faults(small_pets, tmp_path/'p', **SOME | kwargs)
        assert not list(tmp_path.iterdir())

def test_bad_folders(small_pets, tmp_path):
    (tmp_path/'there').touch()
    (tmp_path/'dangling').symlink_to(tmp_path/'nowhere')
    for to,says in ((tmp_path/'there', 'There is something at'), (tmp_path/'dangling', 'There is something at'), (small_pets/'x', 'is inside'), (small_pets/'cat/y/z', 'is inside'), (5, 'not the name of')):
        with pytest.raises(PetLearnError, match=says): inject_faults(small_pets, to)
    (tmp_path/'pets').mkdir()
    with pytest.raises(PetLearnError, match='No photos in'): inject_faults(tmp_path/'pets', tmp_path/'p')
    (tmp_path/'pets/cat_1.jpg').touch()
    with pytest.raises(PetLearnError, match='None of the 1 photos'): inject_faults(tmp_path/'pets', tmp_path/'p')
    with pytest.raises(PetLearnError, match='There is no folder'): inject_faults(tmp_path/'nowhere')
    assert {o.name for o in tmp_path.iterdir()} == {'there', 'dangling', 'pets'}

# ---- the answers

def test_answers_are_plain(spoilt):
    text = json.loads((spoilt/'.answers.json').read_text())
    assert set(text) == {'version', 'faults'} and {k: len(v) for k,v in answers(spoilt).items()} == {'flip': 2, 'copy': 2, 'near copy': 5, 'damaged': 3, 'dark': 2, 'spelling': 1}
    assert [list(o.files.values()) for o in read_answers(spoilt) if o.kind == 'dark'] == [['darkened']]*2

def test_damaged_answers(tmp_path):
    for text in ('', '{', '[]', '{"faults": 3}', '{"faults": [{"kind": "dark"}]}', '{"faults": [{"kind": "blurred", "files": {"a": "b"}}]}', '{"faults": [{"kind": "dark", "files": {}}]}', '['*100_000, '\udcff'):
        (tmp_path/'.answers.json').write_bytes(text.encode('utf-8', 'surrogateescape'))
        with pytest.raises(PetLearnError, match='The answers in .* are damaged'): read_answers(tmp_path)
    with pytest.raises(PetLearnError, match='There are no answers'): read_answers(tmp_path/'nowhere')
