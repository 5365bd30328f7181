"Decisions about suspicious labels: kept, applied once, taken back."
import hashlib, json, os, shutil
from pathlib import Path
from threading import Thread
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from petlearn.evaluation import cleaning as module
from petlearn.datasets import fixes
from petlearn.evaluation.cleaning import Cleaning
from petlearn.core import PetLearnError
from petlearn.datasets.labels import by_folder
from petlearn.datasets.labeling import label_photos
from petlearn.photos.finding import find_photos
from petlearn.runs.run import Run, csv_text

def content(folder):
    "All files of `folder` but petlearn's own records."
    return {o.relative_to(folder).as_posix(): hashlib.sha256(o.read_bytes()).hexdigest() for o in sorted(folder.rglob('*'))
            if o.is_file() and '_quarantine' not in o.parts}

def moved_to(run, folder, name=lambda o: f'pets/{o.label}/{Path(o.file).name}'):
    "A copy of `run` and of its photos in `folder`; `name` gives a photo's new place."
    new = Run(shutil.copytree(run.path, folder/'runs'/run.path.name))
    split,said = new.split,new.predictions
    places = {o.file: folder/name(o) for o in split.itertuples()}
    for old,place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(old, place)
    for table,df in dict(split=split, predictions=said).items():
        (new.path/f'{table}.csv').write_text(csv_text(df.assign(file=[places[o].as_posix() for o in df.file])), errors='surrogateescape')
    return new

@pytest.fixture
def own(run, tmp_path): return moved_to(run, tmp_path)

@pytest.fixture
def some(own, monkeypatch):
    "A run whose first six photos are candidates, and its `Cleaning`."
    rows = own.split.head(6)
    other = [next(l for l in own.labels if l != o) for o in rows.label]
    table = pd.DataFrame(dict(file=rows.file, label=rows.label, predicted=other, p_label=.1, p_predicted=.9, reason='because'))
    monkeypatch.setattr(module, '_candidates', lambda run: table)
    return Cleaning(own)

def pets(c): return Path(c.split.file.iloc[0]).parent.parent

# ---- candidates

def test_suspects_then_mistakes_each_once(own):
    c = Cleaning(own)
    said = own.predictions
    wrong = set(said.file[(said.usage == 'valid') & (said.label != said.predicted)])
    assert list(c.table) == ['file', 'label', 'predicted', 'p_label', 'p_predicted', 'reason', 'choice']
    assert c.table.file.is_unique and wrong <= set(c.table.file) and len(c) == len(c.table) and c.left_out.empty
    assert c.table.choice.isna().all() and c.labels == ['cat', 'dog']
    suspects = module.find_label_issues(own).files
    assert list(c.table.file[:len(suspects)]) == suspects

def test_without_predictions(own):
    (own.path/'predictions.csv').unlink()
    assert list(Cleaning(own).table.file) == module.find_label_issues(own).files

def test_candidates_that_are_not_as_they_were(some):
    files = list(some.rows.file)
    Path(files[0]).unlink()
    Path(files[1]).rename(files[1] + '.moved.jpg')
    with open(files[2], 'ab') as f: f.write(b' ')
    fixes.correct({files[3]: 'dog' if by_folder(files[3]) == 'cat' else 'cat'}, pets(some), 'by hand')
    fixes.correct({files[4]: by_folder(files[4])}, pets(some), 'confirmed by hand')
    c = Cleaning(some.run)
    assert list(c.table.file) == files[4:]
    happened = dict(zip(c.left_out.file, c.left_out.happened))
    assert [happened[o].split()[0] + ' ' + happened[o].split()[1] for o in files[:4]] == ['is not', 'is not', 'has changed', 'has another']
    assert '4 candidates left out' in str(c.plan)
    for o in files[:4]:
        with pytest.raises(PetLearnError, match='as it was in the training'): c.choose(o, 'keep')

def test_labels_that_mean_something_else(some, monkeypatch):
    for label in ('keep', 'quarantine'):
        monkeypatch.setattr(Run, 'labels', ['cat', label])
        with pytest.raises(PetLearnError, match='means something else'): Cleaning(some.run)

# ---- choices

@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.sampled_from(['keep', 'quarantine', 'cat', 'dog', None])), max_size=12))
def test_two_notebooks_and_one_truth(some, steps):
    some.path.unlink(missing_ok=True)
    both,truth = [some, Cleaning(some.run)],{}
    for who,i,choice in steps:
        row = some.rows.loc[i]
        both[who].choose(row.file, choice)
        truth.pop(row.file, None)
        if choice: truth[row.file] = 'keep' if choice == row.label else choice
    for o in (*both, Cleaning(some.run)):
        assert o.choices == truth and [truth.get(f) for f in o.table.file] == o.table.choice.tolist()
        plan = o.plan
        assert (plan.relabel + plan.quarantine + plan.keep, plan.open, plan.applied) == (len(truth), 6 - len(truth), False)

def test_at_the_same_time(some):
    files = list(some.split.file)
    def click(part):
        mine = Cleaning(some.run)
        for o in part: mine.choose(o, 'keep')
    threads = [Thread(target=click, args=(files[i::2],)) for i in (0, 1)]
    for o in threads: o.start()
    for o in threads: o.join()
    assert some.choices == dict.fromkeys(files, 'keep')

def test_ways_to_name_a_photo(some):
    file = some.rows.file[2]
    for o in (file, Path(file), Path(file).name):
        some.choose(o, 'quarantine')
        assert some.choices == {file: 'quarantine'}
        some.choose(o, None)

def test_choices_that_make_no_sense(some):
    first = some.rows.file[0]
    for file,choice,words in (('nowhere.jpg', 'keep', 'is no photo'), (3, 'keep', 'is no photo'), (None, 'keep', 'is no photo'), ('a\0b', 'keep', 'is no photo'),
                              (first, 'dgo', "Did you mean 'dog'"), (first, 'KEEP', "Did you mean 'keep'"), (first, 7, '7 is no choice'),
                              (first, '', 'is no choice'), (first, True, 'is no choice')):
        with pytest.raises(PetLearnError, match=words): some.choose(file, choice)
    assert some.choices == {}

def test_a_name_that_several_photos_have(run, tmp_path):
    c = Cleaning(moved_to(run, tmp_path, lambda o: f'pets/{o.label}/{o.sha256[:1]}/{o.Index}/same.jpg'))
    with pytest.raises(PetLearnError, match='the name of several photos'): c.choose('same.jpg', 'keep')

GOOD = dict(format=1, choices={}, applied=[])
RECORD = dict(folder='x', number=1, when='', files=[])
DAMAGED = [dict(format=2), dict(format='1'), dict(format=True), dict(choices=[]), dict(choices={'a': 3}), dict(choices=None), dict(applied={}), dict(applied=[3]),
           dict(applied=[RECORD | dict(number='1')]), dict(applied=[dict(folder='x')]), *(dict(applied=[RECORD | dict(files=[o])]) for o in (3, None, [], {}))]

def test_damaged_file(some):
    for text in ('', '{', '[]', '7', 'null', '\0', '[' * 5000, json.dumps(dict(choices={}, applied=[])), *(json.dumps(GOOD | o) for o in DAMAGED)):
        some.path.write_text(text)
        for do in (lambda: Cleaning(some.run), lambda: some.choose(some.rows.file[0], 'keep'), lambda: some.table, lambda: some.plan,
                   some.apply, some.undo, lambda: str(some)):
            with pytest.raises(PetLearnError, match="cleaning.json can't be used") as e: do()
            assert 'Rename it' in str(e.value) and str(e.value).count('\n') == 2
        assert some.path.read_text() == text and not list(some.run.path.glob('.cleaning.json*'))

def test_half_of_a_write_does_no_harm(some, monkeypatch):
    some.choose(some.rows.file[0], 'keep')
    before = some.path.read_bytes()
    monkeypatch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
    with pytest.raises(PetLearnError, match='No space left'): some.choose(some.rows.file[1], 'keep')
    assert some.path.read_bytes() == before

# ---- apply and undo

def decided(c):
    "Two labels corrected, one photo put aside, one kept."
    rows = c.rows
    for i in (0, 1): c.choose(rows.file[i], rows.predicted[i])
    c.choose(rows.file[2], 'quarantine')
    c.choose(rows.file[3], 'keep')
    return rows

def test_apply_and_undo(some, capsys):
    folder,rows = pets(some),decided(some)
    before = content(folder)
    done = some.apply()
    assert [(o.kind, len(o.files)) for o in done] == [('labels', 2), ('quarantine', 1)] and all(some.run.path.name in o.why for o in done)
    now = dict(zip(map(str, find_photos(folder)), label_photos(find_photos(folder), by_folder)))
    assert [now[o] for o in rows.file[:2]] == list(rows.predicted[:2]) and rows.file[2] not in now and len(now) == 39
    assert 'was' in (folder/'corrections.csv').read_text() and some.plan.applied and 'Applied: 2 labels corrected, 1 photo put aside' in str(some.plan)
    assert f"train('{folder}'" in capsys.readouterr().err
    again = Cleaning(some.run) # as after a restart
    assert again.left_out.empty and list(again.table.file) == list(rows.file[3:]) and again.choices == some.choices
    for do in (again.apply, lambda: again.choose(rows.file[0], 'keep')):
        with pytest.raises(PetLearnError, match='cleaning.undo()'): do()
    again.choose(rows.file[4], 'quarantine') # what is left is open, and can be applied, too
    assert [o.number for o in again.apply()] == [3] and (again.plan.corrected, again.plan.put_aside, len(again)) == (2, 2, 2)
    assert [o.number for o in again.undo()] == [3] and again.choices[rows.file[4]] == 'quarantine', 'the last ones first'
    again.choose(rows.file[4], None)
    assert [o.number for o in again.undo()] == [2, 1]
    assert content(folder) == before and not some.plan.applied and len(some.choices) == 4
    with pytest.raises(PetLearnError, match='Nothing of the choices'): some.undo()
    some.choose(rows.file[2], None)
    assert [o.kind for o in some.apply()] == ['labels']

def test_undone_elsewhere(some):
    decided(some)
    for o in some.apply()[::-1]: o.undo()
    assert not some.plan.applied and not some.plan.applied
    some.choose(some.rows.file[5], 'keep')
    some.apply()

def test_half_undone_elsewhere(some):
    decided(some)
    before = content(pets(some))
    some.apply()[1].undo()
    assert some.plan.applied and [o.number for o in some.undo()] == [1]
    assert content(pets(some)).keys() == before.keys()

def test_a_later_change_must_go_first(some):
    rows = decided(some)
    some.apply()
    later = fixes.correct({rows.file[0]: 'fox'}, pets(some), 'later')
    with pytest.raises(PetLearnError, match=f'Change {later.number} came later'): some.undo()
    later.undo()
    some.undo()
    assert not some.plan.applied

def test_all_or_nothing(some, monkeypatch):
    decided(some)
    before = content(pets(some))
    def fails(*_): raise PetLearnError('the disk is full')
    with monkeypatch.context() as m:
        m.setattr(fixes, 'quarantine', fails)
        with pytest.raises(PetLearnError, match='disk is full'): some.apply()
    with monkeypatch.context() as m:
        m.setattr(module, 'write_atomic', fails)
        with pytest.raises(PetLearnError, match='disk is full'): some.apply()
    assert content(pets(some)) == before and not some.plan.applied
    assert len(some.apply()) == 2

def test_more_than_a_fifth(some):
    for o in some.split.file[:9]: some.choose(o, 'quarantine')
    before = content(pets(some))
    with pytest.raises(PetLearnError, match='add yes=True'): some.apply()
    assert content(pets(some)) == before
    assert len(some.apply(yes=True)[0].files) == 9

def test_nothing_to_do(some):
    for do in (lambda: None, lambda: some.choose(some.rows.file[0], 'keep')):
        do()
        with pytest.raises(PetLearnError, match='nothing to change'): some.apply()

def test_photos_that_went_away_after_the_choice(some, capsys):
    rows = decided(some)
    Path(rows.file[0]).unlink()
    fixes.quarantine([rows.file[2]], pets(some), 'by hand')
    done = some.apply()
    assert [(o.kind, o.files) for o in done] == [('labels', [Path(rows.file[1]).relative_to(pets(some)).as_posix()])]
    assert f'{Path(rows.file[0]).name} is not there any more, {Path(rows.file[2]).name} is not' in capsys.readouterr().err

def test_photos_folder_away_after_apply(some):
    decided(some)
    some.apply()
    pets(some).rename(pets(some).with_name('elsewhere'))
    assert some.plan.applied # as far as anybody can know
    with pytest.raises(PetLearnError, match='no folder'): some.undo()
    pets(some).with_name('elsewhere').rename(pets(some))
    assert len(some.undo()) == 2

# ---- places

def test_several_folders(run, tmp_path):
    c = Cleaning(moved_to(run, tmp_path, lambda o: f'{"ab"[o.Index % 2]}/{o.label}/{Path(o.file).name}'))
    for o in c.split.groupby([c.split.index % 2, 'label']).file.first(): c.choose(o, 'quarantine')
    before = content(tmp_path/'a'),content(tmp_path/'b')
    assert {o.folder for o in c.apply()} == {tmp_path/'a', tmp_path/'b'} and "a', " in c.again
    assert len(find_photos(tmp_path/'a')) == len(find_photos(tmp_path/'b')) == 18
    c.undo()
    assert (content(tmp_path/'a'), content(tmp_path/'b')) == before

def test_the_table_that_counts_is_corrected(some):
    row = some.rows.loc[0]
    near = Path(row.file).parent/'labels.csv' # nearer than that of the data set
    near.write_text(f'file,label\n{Path(row.file).name},{row.label}\n')
    some.choose(row.file, row.predicted)
    assert some.apply()[0].folder == near.parent
    assert label_photos([row.file], by_folder) == [row.predicted]
    some.undo()
    assert near.read_text() == f'file,label\n{Path(row.file).name},{row.label}\n'

def odd(o):
    names = ['<b>&"x".jpg', "it's, a \"pet\".jpg", '  two  spaces .jpg', 'naïve\u0301 猫.jpg', 'caf\udce9.jpg', '=1+1.jpg']
    return f"pets/{o.label}/{names[o.Index] if o.Index < len(names) else Path(o.file).name}"

def test_odd_names(run, tmp_path):
    try: (tmp_path/'caf\udce9.jpg').touch()
    except OSError: pytest.skip('this disk only takes names that are text')
    c = Cleaning(moved_to(run, tmp_path, odd))
    before = content(tmp_path/'pets')
    for i,o in enumerate(c.split.itertuples()):
        if i < 6: c.choose(o.file, 'quarantine' if i % 2 else next(l for l in c.labels if l != o.label))
    assert len(Cleaning(c.run).choices) == 6 and [len(o.files) for o in c.apply()] == [3, 3]
    c.undo()
    assert content(tmp_path/'pets') == before
    assert '<b>&"' not in c._repr_html_()
    (c._repr_html_() + str(c)).encode('utf-8')

def test_what_it_shows(some):
    decided(some)
    assert 'quarantine' in str(some) and '2 labels to correct, 1 photo to put aside, 1 to keep' in str(some)
    page = some._repr_html_()
    assert page.count('<img') == 6 and 'none yet' in page and repr(some) == str(some)

def test_a_choice_that_is_no_label_of_the_run(some):
    "Somebody wrote it into the file by hand: nothing is changed."
    rows,before = decided(some),content(pets(some))
    state = json.loads(some.path.read_text())
    state['choices'][rows.file[3]] = 'zebra'
    some.path.write_text(json.dumps(state))
    with pytest.raises(PetLearnError, match="'zebra' is no label"): some.apply()
    assert content(pets(some)) == before and not fixes.changes(pets(some))
