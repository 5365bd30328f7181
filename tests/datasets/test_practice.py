"What a search found of the known faults: recall, precision, and files that can be named in several ways."
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace as NS
import pytest
from petlearn.core import PetLearnError
from petlearn.datasets.faults import inject_faults, read_answers
from petlearn.datasets.practice import SearchScore, score
from petlearn.photos.finding import find_photos

@pytest.fixture(scope='module')
def spoilt(small_pets, tmp_path_factory):
    return inject_faults(small_pets, tmp_path_factory.mktemp('spoilt')/'p', flips=.1, leaks=7, damaged=3, dark=2, misspelt=1)

def answers(folder):
    "For each kind, a list of the files of each fault."
    out = {}
    for o in read_answers(folder): out.setdefault(o.kind, []).append(list(o.files))
    return out

def perfect(folder): return {k: [o for files in v for o in files] for k,v in answers(folder).items()}

# ---- score

def test_perfect_findings(spoilt):
    g = score(perfect(spoilt), spoilt, reveal=True)
    assert g.recall == 1 and list(g.table.missed) == [0]*6 and list(g.table.false_alarms) == [0]*6
    assert (g.table.recall == 1).all() and (g.table.precision == 1).all() and len(g.files) == 0

def test_one_of_a_pair_is_enough(spoilt):
    for i in (0, -1):
        g = score({k: [files[i] for files in v] for k,v in answers(spoilt).items()}, spoilt)
        assert g.recall == 1 and g.table.false_alarms.sum() == 0

def test_nothing_found(spoilt):
    g = score({o: [] for o in answers(spoilt)}, spoilt, reveal=True)
    assert g.recall == 0 and list(g.table.missed) == [2, 2, 5, 3, 2, 1] and g.table.precision.isna().all()
    assert Counter(g.files.kind) == Counter({k: sum(map(len, v)) for k,v in answers(spoilt).items()}) and set(g.files.verdict) == {'missed'}

def test_what_was_not_looked_for_is_not_revealed(spoilt):
    g = score({'dark': perfect(spoilt)['dark']}, spoilt, reveal=True)
    assert g.recall == 2/15 and len(g.files) == 0 and g.table.found.isna().sum() == 5
    assert 'Not looked for: flip, copy, near copy, damaged, spelling.' in repr(g) and repr(g).count('not looked for') == 5
    assert score({}, spoilt).recall == 0

def test_wrong_findings(spoilt):
    right = perfect(spoilt)
    clean = [o.relative_to(spoilt).as_posix() for o in find_photos(spoilt) if o.relative_to(spoilt).as_posix() not in {f for v in right.values() for f in v}]
    g = score({k: clean[:2] for k in right}, spoilt, reveal=True)
    assert g.recall == 0 and list(g.table.false_alarms) == [2]*6 and (g.table.precision == 0).all()
    assert sum(g.files.verdict == 'false alarm') == 12
    half = score({'dark': right['dark'][:1] + clean[:1]}, spoilt)
    assert half.table.loc['dark'].to_dict() == dict(faults=2, found=1, missed=1, false_alarms=1, recall=.5, precision=.5)

def test_words_that_mean_the_same(spoilt):
    right = perfect(spoilt)
    both = right['copy'] + right['near copy']
    for kind in ('copy', 'near copy', 'leak', 'two labels'):
        g = score({kind: both}, spoilt)
        assert list(g.table.found[['copy', 'near copy']]) == [2, 5] and g.table.false_alarms.sum() == 0
    for kind in ('damaged', 'empty', 'not a photo'): assert score({kind: right['damaged']}, spoilt).table.found['damaged'] == 3

def test_what_check_returns(spoilt, tmp_path):
    right = perfect(spoilt)
    found = [NS(kind=k, files=[spoilt/o for o in right[k]]) for k in ('near copy', 'spelling')] + [NS(kind='few', files=[spoilt/'cat'])]
    g = score(NS(folder=spoilt, findings=found))
    assert g.recall == 6/15 and list(g.table.index[g.table.found.isna()]) == ['flip'] and g.table.missed['dark'] == 2
    with pytest.raises(PetLearnError, match='There are no answers'): score(NS(folder=tmp_path, findings=found))
    with pytest.raises(PetLearnError, match='In which folder'): score(NS(folder=None, findings=found))

def test_files_can_be_written_in_four_ways(spoilt, monkeypatch):
    o = perfect(spoilt)['dark'][0]
    monkeypatch.chdir(spoilt.parent)
    for name in (o, Path(o).name, spoilt/o, f'p/{o}', [o], (Path(o),)):
        assert score({'dark': name if isinstance(name, (list, tuple)) else [name]}, spoilt).table.found['dark'] == 1
        assert score({'dark': name}, 'p').table.found['dark'] == 1

def test_files_that_are_gone_are_missed(spoilt, tmp_path):
    shutil.copytree(spoilt, tmp_path/'p')
    right = perfect(spoilt)
    for o in right['dark']: (tmp_path/'p'/o).unlink()
    g = score({k: v for k,v in right.items() if k != 'dark'} | {'dark': []}, tmp_path/'p')
    assert g.table.missed['dark'] == 2 and g.recall == 13/15

BAD_FINDINGS = [({'blurred': []}, 'no kind of fault'), ({'drak': []}, "Did you mean 'dark'"), ({3: []}, 'no kind of fault 3'), ({'dark': ['photo_9999.jpg']}, 'no photo photo_9999.jpg'),
                ({'dark': ['bird/photo_0001.jpg']}, 'no photo'), ({'dark': ['.answers.json']}, 'no photo'), ({'dark': ['../p']}, 'no photo'), ({'dark': None}, 'None is not a list'),
                ({'dark': [5]}, '5 is not the name'), ({'dark': ['']}, 'not the name'), (['photo_0001.jpg'], "A list doesn't say"), ('dark', "A str doesn't say"), (None, "A NoneType doesn't say")]

def test_bad_findings(spoilt):
    for findings,says in BAD_FINDINGS:
        with pytest.raises(PetLearnError, match=says): score(findings, spoilt)

def test_no_answers_no_folder(small_pets, tmp_path):
    with pytest.raises(PetLearnError, match='There are no answers'): score({}, small_pets)
    with pytest.raises(PetLearnError, match='There are no answers'): score({}, tmp_path/'nowhere')

def test_scores_can_be_shown(spoilt):
    g = score(perfect(spoilt) | {'dark': [find_photos(spoilt)[0]]}, spoilt, reveal=True)
    html = g._repr_html_()
    assert g._sentence() in repr(g) and 'false alarm' in html and 'missed' in html
    assert not (set(html) & {'\0'}) and repr(SearchScore(g.table)).count('\n') == 9

def test_nothing_to_find(small_pets, tmp_path):
    g = score({'dark': []}, inject_faults(small_pets, tmp_path/'p', flips=0, leaks=0, damaged=0, dark=0, misspelt=0))
    assert g.recall == 1 and len(g.table) == 0 and 'Found 0 of 0 faults' in repr(g) and '<table' in g._repr_html_()
