"Photos whose label a model that has not seen them does not believe."
from pathlib import Path
from types import SimpleNamespace as NS
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from petlearn.core import PetLearnError
from petlearn.photos.drawings import draw_pets
from petlearn.photos.finding import find_photos
from petlearn.datasets.faults import inject_faults
from petlearn.datasets.practice import score
from petlearn.runs.run import Run
from petlearn.core import unit_rows
from petlearn.evaluation.label_issues import FOLDS, LabelIssues, assign_folds, find_label_issues, out_of_fold

def a_run(labels, centres=None, shas=None, usage=None, variant=0, files=None, spread=.3, seed=0):
    "A run that was never trained, with features around the centre of each photo's true label."
    rng,n = np.random.default_rng(seed),len(labels)
    centres = labels if centres is None else centres
    where = {o: rng.normal(size=16) for o in sorted({*centres})}
    x = np.stack([where[o] for o in centres]) + spread*rng.normal(size=(n, 16))
    table = pd.DataFrame(dict(file=files or [f'/nowhere/{i:03}.jpg' for i in range(n)], label=list(labels), usage=usage or ['train', 'valid', 'train', 'test']*(n//4) + ['train']*(n%4),
                              sha256=shas or [f'{i:064x}' for i in range(n)], variant=variant))
    run = Run.__new__(Run)
    run.path = Path('/nowhere')
    run.trained.bank = NS(x=x.astype(np.float32), table=table, left_out=table[:0])
    return run

def mixed(n=20, wrong=(3, 25), labels=('cat', 'dog')):
    "True labels and given ones, of which those at `wrong` are the other label."
    truth = [o for o in labels for _ in range(n)]
    return truth,[labels[1-labels.index(o)] if i in wrong else o for i,o in enumerate(truth)]

# ---- folds

@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from('abcd'), st.integers(0, 12)), min_size=1, max_size=40))
def test_folds(rows):
    df = pd.DataFrame(rows, columns=['label', 'group'])
    df['fold'] = assign_folds(df.label, df.group)
    assert df.fold.min() >= -1 and df.fold.max() < FOLDS
    for (_,group),some in df[df.fold >= 0].groupby(['label', 'group']): assert some.fold.nunique() == 1, 'copies together'
    for i,some in df[df.fold >= 0].groupby('fold'): assert set(some.label) <= set(df.label[df.fold != i]), 'somebody else teaches each label'
    alone = df.groupby('label').group.transform('nunique') == 1
    assert (df.fold[alone] == -1).all() and (df.fold == assign_folds(df.label, df.group)).all()

def test_folds_are_spread():
    for n in (2, 3, 5, 12):
        counts = np.bincount(assign_folds(['cat']*n + ['dog']*n, range(2*n)))
        assert len(counts) == min(n, FOLDS) and counts.max() - counts.min() <= 2

# ---- judging

def test_wrong_labels_come_first_wherever_they_are_used():
    truth,labels = mixed()
    found = find_label_issues(a_run(labels, truth))
    assert found.files == sorted(['/nowhere/003.jpg', '/nowhere/025.jpg'], key=found.files.index)
    assert list(found.table.suggested) == [truth[int(o[-7:-4])] for o in found.files]
    assert set(found.table.usage) == {'test', 'valid'} and len(found) == 2
    assert (found.table.p_suggested > found.table.p_label).all()

def test_a_clean_folder_has_no_issues():
    found = find_label_issues(a_run(mixed(wrong=())[0]))
    assert len(found) == 0 and found.files == [] and '0 suspicious labels among 40 photos' in str(found) and '<table' not in found._repr_html_()
    assert found.effect().round(6).nunique().tolist() == [1, 1]

def test_copies_do_not_vouch_for_each_other():
    truth,labels = ['cat']*20 + ['dog']*20 + ['dog']*10,['cat']*20 + ['dog']*20 + ['cat']*10 # ten copies of a dog, all called a cat
    run = a_run(labels, truth, shas=[f'{min(i, 40):064x}' for i in range(50)])
    copies = {f'/nowhere/{i:03}.jpg' for i in range(40, 50)}
    assert copies <= set(find_label_issues(run).files)
    assert all('of its 5 nearest photos are labelled' in o for o in find_label_issues(run).table.reason[:10]) # others, not its copies
    x,y = unit_rows(run.bank.x - run.bank.x.mean(0)),np.array(labels, object)
    alone = out_of_fold(x, y, assign_folds(labels, range(50)), ['cat', 'dog'])
    together = out_of_fold(x, y, assign_folds(labels, np.minimum(range(50), 40)), ['cat', 'dog'])
    assert (alone[40:,0] > together[40:,0]).all()

def test_every_photo_is_judged_by_models_that_have_not_seen_its_label():
    truth,labels = mixed()
    run = a_run(labels, truth)
    part = assign_folds(labels, range(40))
    given = out_of_fold(unit_rows(run.bank.x - run.bank.x.mean(0)), np.array(labels, object), part, ['cat', 'dog'])
    for i in (3, 8, 30):
        other = np.array([{'cat': 'dog', 'dog': 'cat'}[o] if j == i else o for j,o in enumerate(labels)], object)
        np.testing.assert_allclose(out_of_fold(unit_rows(run.bank.x - run.bank.x.mean(0)), other, part, ['cat', 'dog'])[i], given[i])

def test_augmented_copies_are_not_judged():
    truth,labels = mixed()
    run = a_run(labels, truth)
    more = a_run(labels, truth, variant=1)
    run.bank.x,run.bank.table = np.concatenate([run.bank.x, more.bank.x]),pd.concat([run.bank.table, more.bank.table], ignore_index=True)
    assert len(find_label_issues(run).photos) == 40 and len(find_label_issues(run)) == 2

def test_many_labels():
    truth = [f'breed {i:03}' for i in range(60) for _ in range(4)]
    labels = list(truth)
    labels[0],labels[100] = labels[100],labels[0]
    found = find_label_issues(a_run(labels, truth, spread=.1))
    assert {'/nowhere/000.jpg', '/nowhere/100.jpg'} <= set(found.files) and 'fewer than 5 photos' in found.note and ' more' in found.note

# ---- too little to judge

def test_few_photos():
    for labels,judged in [(['cat']*2 + ['dog']*2, 4), (['cat']*6 + ['dog'], 6), (['cat']*3 + ['dog']*2 + ['fox'], 5)]:
        found = find_label_issues(a_run(labels))
        assert (found.photos.fold >= 0).sum() == judged and f'{judged} photos' in found.note and not found.table.isna().any(axis=None)

def test_nothing_to_judge():
    for labels,shas in [(['cat', 'dog'], None), (['cat', 'cat', 'dog', 'dog'], ['a'*64, 'a'*64, 'b'*64, 'b'*64]), (['cat']*5, None)]:
        with pytest.raises(PetLearnError, match='too few photos to judge') as e: find_label_issues(a_run(labels, shas=shas))
        assert str(e.value).count('\n') == 2

def test_left_out_photos_are_mentioned():
    run = a_run(mixed()[1])
    run.bank.left_out = run.bank.table[:3]
    assert 'could not be opened: 3 photos' in find_label_issues(run).note

# ---- bad input

def test_bad_input(tmp_path):
    for ratio in (1, 0, -2, 'many', None, True, float('nan')):
        with pytest.raises(PetLearnError, match='ratio='): find_label_issues(a_run(mixed()[1]), ratio)
    for run,words in [(3.5, 'not the name of a run'), (None, 'not the name of a run'), ('V001', 'no runs')]:
        with pytest.raises(PetLearnError, match=words): find_label_issues(run, runs_dir=tmp_path)
    issues = find_label_issues(a_run(mixed()[1]))
    for corrected,words in [({'x.jpg': 'cat'}, 'no photo x.jpg'), ({'/nowhere/001.jpg': 'dgo'}, "Did you mean 'dog'"), ({'/nowhere/001.jpg': None}, 'no label None'),
                            (3, 'a dict'), ({3: 'cat'}, 'a dict'), ('cat', 'a dict')]:
        with pytest.raises(PetLearnError, match=words): issues.effect(corrected)

# ---- what it shows

def test_names_are_escaped_and_odd_names_shown():
    truth,labels = mixed(labels=('<b>cat', '"dog" & co'))
    files = [f'/nowhere/{i:03}<script>\udcff.jpg' for i in range(40)]
    found = find_label_issues(a_run(labels, truth, files=files))
    page,text = found._repr_html_(),str(found)
    assert '<script>' not in page and '<b>cat' not in page and '&lt;script&gt;' in page and 'is not there' in page
    (page + text).encode('utf-8')
    assert repr(found) == text

def test_a_long_list_is_cut():
    truth,labels = mixed(60, wrong=range(0, 120, 5))
    found = find_label_issues(a_run(labels, truth, spread=.05))
    n = len(found)
    assert n > 20 and f'And {n-20} more' in str(found) and f'And {n-20} more' in found._repr_html_()

def test_effect():
    truth,labels = mixed(20, wrong=(1, 5, 25, 29, 33)) # all in validation
    found = find_label_issues(a_run(labels, truth))
    df = found.effect()
    assert df.valid.tolist() == [.5, 1, 1] and df.loc['after', 'out_of_fold'] == 1 and df.loc['before', 'out_of_fold'] == 35/40
    assert found.effect({o: truth[int(o[-7:-4])] for o in found.files}).equals(df)
    nobody = find_label_issues(a_run(labels, truth, usage=['train']*40)).effect()
    assert nobody.valid.isna().all() and nobody.out_of_fold.notna().all()

# ---- and the answer key

def test_grade(tmp_path):
    planted = inject_faults(draw_pets(tmp_path/'pets', 12), tmp_path/'planted', flips=.25, leaks=0, damaged=0, dark=0, misspelt=0)
    files = find_photos(planted)
    all_of_them = LabelIssues(pd.DataFrame(dict(file=[o.as_posix() for o in files], suggested='cat')), '', None, None, [])
    row = score(all_of_them, planted).table.loc['flip']
    assert (row.faults, row.found, row.false_alarms, row.recall) == (3, 3, 9, 1)
    with pytest.raises(PetLearnError, match='In which folder'): score(all_of_them)
    with pytest.raises(PetLearnError, match='find_label_issues'): score(row)
