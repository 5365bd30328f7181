"Planting known faults, and grading what somebody found."
import hashlib, json, shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace as NS
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from PIL import Image
from petlearn.core import PetLearnError
from petlearn.photos.drawings import draw_pets
from petlearn.datasets.labels import cat_or_dog
from petlearn.photos.finding import find_photos
from petlearn.image_io import open_photo
from petlearn.datasets.practice import Grade, _opens, _read, _unseal, _read_key, score, inject_faults

NONE = dict(flips=0, leaks=0, damaged=0, dark=0, misspelt=0)
SOME = dict(flips=.1, leaks=7, damaged=3, dark=2, misspelt=1)

@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    "24 small drawn pets, in folders named after their labels."
    folder = tmp_path_factory.mktemp('tiny')
    for o in find_photos(draw_pets(folder/'large', 24)):
        (folder/'pets'/cat_or_dog(o)).mkdir(parents=True, exist_ok=True)
        open_photo(o).resize((64, 48)).save(folder/'pets'/cat_or_dog(o)/o.name, quality=92)
    return folder/'pets'

@pytest.fixture(scope='session')
def planted(tiny, tmp_path_factory): return inject_faults(tiny, tmp_path_factory.mktemp('planted')/'p', **SOME)

def sha(path): return hashlib.sha256(path.read_bytes()).hexdigest()
def content(folder): return {o.relative_to(folder).as_posix(): sha(o) for o in sorted(folder.rglob('*')) if o.is_file()}

def answers(folder):
    "All faults of a planted folder: for each kind, a list of right answers for each fault."
    salt,_,sealed = _read_key(folder)
    out = {}
    for kind,files in _unseal(salt, sealed, [o.relative_to(folder).as_posix() for o in find_photos(folder)]): out.setdefault(kind, []).append(files)
    return out

def perfect(folder): return {k: [o for files in v for o in files] for k,v in answers(folder).items()}

# ---- plant

def test_same_content_gives_the_same_folder_whatever_the_names(tiny, planted, tmp_path):
    photos = find_photos(tiny)
    for i,o in enumerate(reversed(photos)):
        (tmp_path/'other'/o.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(o, tmp_path/'other'/o.parent.name/f'{i*7919 % 10_007}.jpg')
    assert content(inject_faults(tmp_path/'other', tmp_path/'a', **SOME)) == content(planted)
    assert content(inject_faults(tmp_path/'other', tmp_path/'b', **SOME, seed=8)) != content(planted)

def test_the_source_is_only_read(tiny, tmp_path):
    before = content(tiny), {o: o.stat().st_mtime_ns for o in tiny.rglob('*')}
    inject_faults(tiny, tmp_path/'p', **SOME)
    assert (content(tiny), {o: o.stat().st_mtime_ns for o in tiny.rglob('*')}) == before

def test_by_default_it_lies_beside_the_photos(tiny, tmp_path, monkeypatch):
    shutil.copytree(tiny, tmp_path/'pets')
    assert inject_faults(tmp_path/'pets', **NONE) == tmp_path/'pets-planted-7'
    monkeypatch.chdir(tmp_path/'pets')
    assert inject_faults('.', **NONE, seed=3) == tmp_path/'pets-planted-3'

@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(flips=st.sampled_from([0, .05, .1, .2]), leaks=st.integers(0, 7), damaged=st.integers(0, 4), dark=st.integers(0, 3), misspelt=st.integers(0, 2), seed=st.integers(0, 2**32-1))
def test_every_fault_is_planted_as_asked(tiny, tmp_path_factory, flips, leaks, damaged, dark, misspelt, seed):
    assume(int(flips*24 + .5) + leaks + damaged + dark <= 22 - 6*misspelt) # photos that are surely left
    folder = inject_faults(tiny, tmp_path_factory.mktemp('any')/'p', flips=flips, leaks=leaks, damaged=damaged, dark=dark, misspelt=misspelt, seed=seed)
    exact = -(-leaks//6)
    asked = {'flip': int(flips*24 + .5), 'copy': exact, 'near copy': leaks-exact, 'damaged': damaged, 'dark': dark, 'spelling': misspelt}
    assert _read_key(folder)[1] == asked
    faults = answers(folder)
    assert {k: len(faults.get(k, [])) for k in asked} == asked
    files = [o for many in faults.values() for some in many for o in some]
    assert len(files) == len(set(files)), 'a file with two faults'
    original,now = {sha(o): o.parent.name for o in find_photos(tiny)},content(folder)
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
    for (o,) in faults.get('damaged', []): assert not _opens(folder/o)
    for (o,) in faults.get('dark', []): assert np.asarray(open_photo(folder/o)).max() < 30
    for many in faults.get('spelling', []):
        assert 1 <= len(many) <= 3 and len({Path(o).parent for o in many}) == 1
        assert Path(many[0]).parent.name not in ('cat', 'dog') and len({original[now[o]] for o in many}) == 1
    assert {o.parent.name for o in photos} >= {'cat', 'dog'}
    assert all(_opens(o) for o in photos if o.relative_to(folder).as_posix() not in {o for many in faults.get('damaged', []) for o in many})

def test_sizes_of_changed_copies(planted):
    sizes = sorted(tuple(sorted(open_photo(planted/o).size for o in pair)) for pair in answers(planted)['near copy'])
    assert sizes == sorted([((38, 29), (64, 48)), ((58, 44), (64, 48)), *[((64, 48), (64, 48))]*3])

def test_damaged_copies_and_twins_of_the_source_are_left_out(tiny, tmp_path, capsys):
    shutil.copytree(tiny, tmp_path/'pets')
    first = find_photos(tiny)[0]
    (tmp_path/'pets/cat/empty.jpg').touch()
    shutil.copy(first, tmp_path/'pets/cat/twin.jpg')
    assert [o.sha for o in _read(tmp_path/'pets', None)] == [o.sha for o in _read(tiny, None)]
    assert 'Left out 2 of 26 photos' in ''.join(capsys.readouterr())

@pytest.mark.parametrize('suffix,form', [('.png', 'PNG'), ('.webp', 'WEBP'), ('.JPEG', 'JPEG'), ('.gif', 'JPEG'), ('.tif', 'JPEG')])
def test_changed_photos_keep_their_format_where_that_would_tell(tiny, tmp_path, suffix, form):
    for i,o in enumerate(find_photos(tiny)):
        (tmp_path/'in'/o.parent.name).mkdir(parents=True, exist_ok=True)
        open_photo(o).save(tmp_path/'in'/o.parent.name/f'{i}{suffix}')
    folder = inject_faults(tmp_path/'in', tmp_path/'out', **NONE | dict(leaks=6, damaged=3))
    pairs = answers(folder)
    for pair in pairs['near copy']:
        assert form in [Image.open(folder/o).format for o in pair]
        assert {Path(o).suffix for o in pair} == {suffix} | ({'.jpg'} if form == 'JPEG' and suffix != '.JPEG' else set())
    assert not any(_opens(folder/o) for (o,) in pairs['damaged'])

def test_all_of_it_or_nothing(tiny, tmp_path, monkeypatch):
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr('petlearn.datasets.practice._file_data', full)
    with pytest.raises(PetLearnError, match='No space left'): inject_faults(tiny, tmp_path/'p', **SOME)
    assert not list(tmp_path.iterdir())

BAD = [(dict(flips=.5), 'flips=0.5 makes no sense'), (dict(flips=-.1), 'flips=-0.1'), (dict(flips='5%'), "flips='5%'"), (dict(flips=float('nan')), 'flips=nan'),
       (dict(leaks=-1), 'leaks=-1'), (dict(leaks=2.5), 'leaks=2.5'), (dict(damaged=True), 'damaged=True'), (dict(dark='x'), "dark='x'"), (dict(misspelt=None), 'misspelt=None'),
       (dict(seed=-1), 'seed=-1'), (dict(seed=2**32), 'seed=4294967296'), (dict(misspelt=3), 'only 2 of 2 labels'), (dict(leaks=23), 'faults are too many for 24 photos of 2 labels'),
       (dict(labeler='cat'), 'not a labeler'), (dict(labeler=lambda o: 'pet'), "All photos have the label 'pet'"), (dict(labeler=lambda o: f'a/{o.stem[0]}'), "can't be the name of a folder"),
       (dict(labeler=lambda o: '..'), "can't be the name of a folder"), (dict(labeler=lambda o: o.stem[0].upper() + 'x' if 'x' in o.stem else o.stem[0] + 'X'), 'differ only in capital'),
       (dict(labeler=lambda o: '12' if o.parent.name == 'cat' else '34'), 'only 0 of 2 labels')]

@pytest.mark.parametrize('kwargs,says', BAD, ids=[says for _,says in BAD])
def test_bad_numbers_and_labels(tiny, tmp_path, kwargs, says):
    with pytest.raises(PetLearnError, match=says): inject_faults(tiny, tmp_path/'p', **SOME | kwargs)
    assert not list(tmp_path.iterdir())

def test_bad_folders(tiny, tmp_path):
    (tmp_path/'there').touch()
    (tmp_path/'dangling').symlink_to(tmp_path/'nowhere')
    for to,says in ((tmp_path/'there', 'There is something at'), (tmp_path/'dangling', 'There is something at'), (tiny/'x', 'is inside'), (tiny/'cat/y/z', 'is inside'), (5, 'not the name of')):
        with pytest.raises(PetLearnError, match=says): inject_faults(tiny, to)
    (tmp_path/'pets').mkdir()
    with pytest.raises(PetLearnError, match='No photos in'): inject_faults(tmp_path/'pets', tmp_path/'p')
    (tmp_path/'pets/cat_1.jpg').touch()
    with pytest.raises(PetLearnError, match='None of the 1 photos'): inject_faults(tmp_path/'pets', tmp_path/'p')
    with pytest.raises(PetLearnError, match='There is no folder'): inject_faults(tmp_path/'nowhere')
    assert {o.name for o in tmp_path.iterdir()} == {'there', 'dangling', 'pets'}

# ---- the sealed key

def test_the_key_tells_nothing_in_clear(planted):
    text = (planted/'.answers.json').read_text()
    for o in find_photos(planted): assert o.stem not in text and sha(o) not in text
    key = json.loads(text)
    assert set(key) == {'version', 'salt', 'planted', 'answers'}
    assert key['answers'] == sorted(key['answers']) and all(o == sorted(o) for o in key['answers'])
    assert key['planted'] == {'flip': 2, 'copy': 2, 'near copy': 5, 'damaged': 3, 'dark': 2, 'spelling': 1}

# ---- grade

def test_perfect_findings(planted):
    g = score(perfect(planted), planted, reveal=True)
    assert g.score == 1 and list(g.table.missed) == [0]*6 and list(g.table.false_alarms) == [0]*6
    assert (g.table.recall == 1).all() and (g.table.precision == 1).all() and len(g.files) == 0

def test_one_of_a_pair_is_enough(planted):
    for i in (0, -1):
        g = score({k: [files[i] for files in v] for k,v in answers(planted).items()}, planted)
        assert g.score == 1 and g.table.false_alarms.sum() == 0

def test_nothing_found(planted):
    g = score({o: [] for o in answers(planted)}, planted, reveal=True)
    assert g.score == 0 and list(g.table.missed) == [2, 2, 5, 3, 2, 1] and g.table.precision.isna().all()
    assert Counter(g.files.kind) == Counter({k: sum(map(len, v)) for k,v in answers(planted).items()}) and set(g.files.verdict) == {'missed'}

def test_what_was_not_looked_for_stays_sealed(planted):
    g = score({'dark': perfect(planted)['dark']}, planted, reveal=True)
    assert g.score == 2/15 and len(g.files) == 0 and g.table.found.isna().sum() == 5
    assert 'Not looked for: flip, copy, near copy, damaged, spelling.' in repr(g) and repr(g).count('not looked for') == 5
    assert score({}, planted).score == 0

def test_wrong_findings(planted):
    right = perfect(planted)
    clean = [o.relative_to(planted).as_posix() for o in find_photos(planted) if o.relative_to(planted).as_posix() not in {f for v in right.values() for f in v}]
    g = score({k: clean[:2] for k in right}, planted, reveal=True)
    assert g.score == 0 and list(g.table.false_alarms) == [2]*6 and (g.table.precision == 0).all()
    assert sum(g.files.verdict == 'false alarm') == 12
    half = score({'dark': right['dark'][:1] + clean[:1]}, planted)
    assert half.table.loc['dark'].to_dict() == dict(planted=2, found=1, missed=1, false_alarms=1, recall=.5, precision=.5)

def test_words_that_mean_the_same(planted):
    right = perfect(planted)
    both = right['copy'] + right['near copy']
    for kind in ('copy', 'near copy', 'leak', 'two labels'):
        g = score({kind: both}, planted)
        assert list(g.table.found[['copy', 'near copy']]) == [2, 5] and g.table.false_alarms.sum() == 0
    for kind in ('damaged', 'empty', 'not a photo'): assert score({kind: right['damaged']}, planted).table.found['damaged'] == 3

def test_what_check_returns(planted, tmp_path):
    right = perfect(planted)
    found = [NS(kind=k, files=[planted/o for o in right[k]]) for k in ('near copy', 'spelling')] + [NS(kind='few', files=[planted/'cat'])]
    g = score(NS(folder=planted, findings=found))
    assert g.score == 6/15 and list(g.table.index[g.table.found.isna()]) == ['flip'] and g.table.missed['dark'] == 2
    with pytest.raises(PetLearnError, match='no answer key'): score(NS(folder=tmp_path, findings=found))
    with pytest.raises(PetLearnError, match='In which folder'): score(NS(folder=None, findings=found))

def test_files_can_be_written_in_four_ways(planted, monkeypatch):
    o = perfect(planted)['dark'][0]
    monkeypatch.chdir(planted.parent)
    for name in (o, Path(o).name, planted/o, f'p/{o}', [o], (Path(o),)):
        assert score({'dark': name if isinstance(name, (list, tuple)) else [name]}, planted).table.found['dark'] == 1
        assert score({'dark': name}, 'p').table.found['dark'] == 1

def test_files_that_are_gone_are_missed(planted, tmp_path):
    shutil.copytree(planted, tmp_path/'p')
    right = perfect(planted)
    for o in right['dark']: (tmp_path/'p'/o).unlink()
    g = score({k: v for k,v in right.items() if k != 'dark'} | {'dark': []}, tmp_path/'p')
    assert g.table.missed['dark'] == 2 and g.score == 13/15

BAD_FINDINGS = [({'blurred': []}, 'no kind of fault'), ({'drak': []}, "Did you mean 'dark'"), ({3: []}, 'no kind of fault 3'), ({'dark': ['photo_9999.jpg']}, 'no photo photo_9999.jpg'),
                ({'dark': ['bird/photo_0001.jpg']}, 'no photo'), ({'dark': ['.answers.json']}, 'no photo'), ({'dark': ['../p']}, 'no photo'), ({'dark': None}, 'None is not a list'),
                ({'dark': [5]}, '5 is not the name'), ({'dark': ['']}, 'not the name'), (['photo_0001.jpg'], "A list doesn't say"), ('dark', "A str doesn't say"), (None, "A NoneType doesn't say")]

@pytest.mark.parametrize('findings,says', BAD_FINDINGS, ids=[says for _,says in BAD_FINDINGS])
def test_bad_findings(planted, findings, says):
    with pytest.raises(PetLearnError, match=says): score(findings, planted)

@pytest.mark.parametrize('text', ['', '{', '[]', '{"salt": "a"}', '{"salt": "a", "planted": {"flip": "x"}, "answers": []}', '['*100_000, '\udcff'])
def test_damaged_keys(planted, tmp_path, text):
    shutil.copytree(planted, tmp_path/'p')
    (tmp_path/'p/.answers.json').write_bytes(text.encode('utf-8', 'surrogateescape'))
    with pytest.raises(PetLearnError, match='answer key in .* is damaged'): score({}, tmp_path/'p')

def test_no_key_no_folder(tiny, tmp_path):
    with pytest.raises(PetLearnError, match='no answer key'): score({}, tiny)
    with pytest.raises(PetLearnError, match='no answer key'): score({}, tmp_path/'nowhere')

def test_grades_can_be_shown(planted):
    g = score(perfect(planted) | {'dark': [find_photos(planted)[0]]}, planted, reveal=True)
    html = g._repr_html_()
    assert g._sentence() in repr(g) and 'false alarm' in html and 'missed' in html
    assert not (set(html) & {'\0'}) and repr(Grade(g.table)).count('\n') == 9

def test_nothing_planted(tiny, tmp_path):
    g = score({'dark': []}, inject_faults(tiny, tmp_path/'p', **NONE))
    assert g.score == 1 and len(g.table) == 0 and 'Found 0 of 0' in repr(g) and '<table' in g._repr_html_()
