"Runs side by side, with every reason not to trust the comparison."
import base64, json, re, shutil, subprocess, sys
import numpy as np, pandas as pd, pytest
from petlearn import train
from petlearn.core import PetLearnError
from petlearn.evaluation.agreement import photos_needed
from petlearn.evaluation.compare import RESULTS, Comparison, compare
from petlearn.evaluation.metrics import CLASS_METRICS, class_metrics, mean_interval
from petlearn.photos.finding import find_photos
from petlearn.runs.run import Run, csv_text, locked

NAN = float('nan')

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('compared')

@pytest.fixture(scope='module')
def pair(pets_folder, folder):
    "Two quick trainings that differ in nothing but the learning rate and the epochs."
    return [train(pets_folder, size=64, runs_dir=folder, **o) for o in
            (dict(name='one', epochs=2), dict(name='other', epochs=1, lr=.0003))]

@pytest.fixture(scope='module')
def few(pets_folder, folder):
    "One with another choice of photos, so that it learns from some that the others hold back."
    return train(find_photos(pets_folder)[:30], size=64, epochs=1, seed=7, test_pct=.2, name='few', runs_dir=folder)

def copy(run, folder, name, **metadata):
    "A copy of `run` with other `metadata`."
    path = shutil.copytree(run.path, folder/name)
    (path/'run.json').write_text(json.dumps(run.metadata | metadata))
    return Run(path)

def answer(run, wrong, shuffle=None):
    "Let `run` have answered wrongly in the rows `wrong`, and rightly in all others."
    df = run.predictions.sort_values('file', ignore_index=True)
    cat = (df.label == 'cat') ^ df.index.isin(wrong)
    df = df.assign(predicted=cat.map({True: 'cat', False: 'dog'}), p_cat=cat.map({True: .9, False: .1}), p_dog=cat.map({True: .1, False: .9}))
    (run.path/'predictions.csv').write_text(csv_text(df if shuffle is None else df.sample(frac=1, random_state=shuffle)))

def test_what_differs(pair):
    c = compare(*pair)
    assert c.names == ['V001 one', 'V002 other'] == list(c.params.columns) == list(c.results.columns)
    assert list(c.params.index) == ['epochs', 'lr'] and c.params.loc['lr'].tolist() == [.01, .0003]
    assert c.runs == pair and type(c) is Comparison

def test_results_are_those_of_the_runs(pair, few):
    c = compare(*pair, few)
    assert list(c.results.index) == list(RESULTS)
    for name,run in zip(c.names, c.runs):
        for k in ('valid_error', 'valid_loss', 'wrong', 'of'): assert c.results.loc[k, name] == run.metrics[k]
        for k in ('epochs', 'steps', 'seconds'): assert c.results.loc[k, name] == getattr(run, k)
        assert c.results.loc['steps_per_sec', name] == run.metadata['steps_per_sec']
        assert 'accuracy' not in c.per_label
        for k in CLASS_METRICS[:3] + CLASS_METRICS[4:]:
            assert c.per_label[k][name].tolist() == pytest.approx(class_metrics(run.predictions)[k].tolist(), nan_ok=True)
    assert c.results.loc[['test_acc', 'test_loss'], 'V001 one'].isna().all()
    assert c.results.loc['test_acc', 'V003 few'] == few.metrics['test_acc']

def test_words_and_runs(pair, folder):
    for words in (('V001', 'V002'), ('@one', '@other'), (pair[0], 'newest'), (pair[0].path, 'V002-other')):
        assert compare(*words, runs_dir=folder).names[0] == 'V001 one'
    for word in ('V099', '@oter'):
        with pytest.raises(PetLearnError, match='There is no run'): compare(pair[0], word, runs_dir=folder)
    with pytest.raises(PetLearnError, match='there twice'): compare('V001', '@one', runs_dir=folder)

def test_disagreements_by_hand(pair, tmp_path):
    a,b = (copy(o, tmp_path, n) for o,n in zip(pair, ('V001-a', 'V002-b')))
    for run,rows in ((a, {0, 1, 2}), (b, {2, 3})): answer(run, rows, 3)
    c = compare(a, b)
    row = c.pairs.iloc[0]
    assert c.pairs.shape == (1, 12) and row.tolist()[:9] == ['V001 a', 'V002 b', 8, 4, 1, 2, 1, 0, 1.]
    assert (row.low, row.high) == mean_interval([1, 1, -1, 0, 0, 0, 0, 0]) and row.needed == photos_needed(2, 1, 8)
    assert row.both_right + row.both_wrong + row.only_first_wrong + row.only_second_wrong == row.photos
    assert c.notes == ["V001 and V002 have 8 validation photos in common. Both are wrong on 1, only V001 on 2, only V002 on 1. No evidence that one "
                       "is better (p = 1). If the true difference is as large as here, about 190 validation photos would show it."]

# how often only one of the two was wrong, McNemar's exact p by hand, and what the words must say
MCNEMAR = [(8, 0, 2/256, 'is better'), (0, 8, 2/256, 'is better'), (7, 1, 2*9/256, 'No evidence'), (5, 0, 2/32, 'No evidence'), (6, 0, 2/64, 'is better'),
           (3, 3, 1, 'each made as many mistakes'), (0, 0, 1, "can't tell them apart"), (1, 0, 1, 'No evidence')]

@pytest.mark.parametrize('first,second,p,words', MCNEMAR)
def test_more_than_luck(pair, tmp_path, first, second, p, words):
    a,b = (copy(o, tmp_path, n) for o,n in zip(pair, ('V001-a', 'V002-b')))
    for run,rows in ((a, range(first)), (b, range(first, first+second))): answer(run, rows)
    c = compare(a, b)
    row,note = c.pairs.iloc[0],c.notes[-1]
    assert row.p_value == pytest.approx(p) and words in note
    assert ('evidence that V001 is better' in note) == (p < .05 and second > first) and ('evidence that V002 is better' in note) == (p < .05 and first > second)
    assert np.isnan(row.low) == ((first, second) in [(0, 0), (8, 0), (0, 8)]) and 'nan' not in note and np.isnan(row.needed) == (first == second)
    if 0 < first < 8 and not second: assert 0 <= row.low <= first/8 <= row.high <= 1
    html,text = c._repr_html_(),str(c)
    assert html.count('<img') == (1 if np.isnan(row.low) else 2) and 'More than luck?' in html and 'More than luck?' in text
    assert 'nan' not in text.lower() and max(map(len, text.splitlines())) <= 80

def test_no_verdict_where_one_has_learned_from_them(pair, tmp_path):
    "The second one's parent has learned from two of the photos that both hold back."
    parent,child = copy(pair[0], tmp_path, 'V003-parent'),copy(pair[1], tmp_path, 'V002-child', parent='V003-parent')
    split = parent.split
    split.loc[split.index[split.usage == 'valid'][:2], 'usage'] = 'train'
    (parent.path/'split.csv').write_text(csv_text(split))
    c = compare(copy(pair[0], tmp_path, 'V001-a'), child)
    assert c.pairs.learned_from.tolist() == [2] and c.pairs[['p_value', 'low', 'high', 'needed']].isna().all(axis=None)
    assert any('V002 has learned from 2 of the 8 photos' in o for o in c.notes) and c.notes[-1].endswith('No verdict: one of them has learned from 2 of these photos.')
    assert 'differences' not in c._repr_html_(), 'nothing to draw'

def test_other_data_sets_and_leaks(pair, few):
    c = compare(pair[0], few)
    assert {'dataset', 'train_photos', 'seed', 'test_pct'} <= set(c.params.index)
    assert 'the results are of different photos' in c.notes[0] and pair[0].dataset in c.notes[0] and few.dataset in c.notes[0]
    sha = lambda run,*usages: set(run.split.sha256[run.split.usage.isin(usages)])
    for run,name,other,held in ((few, 'V003', 'V001', sha(pair[0], 'valid')), (pair[0], 'V001', 'V003', sha(few, 'valid', 'test'))):
        n = len(sha(run, 'train') & held)
        assert n and any(f"{name} has learned from {n} of the {len(held)} photos that {other} keeps for validation or test" in o for o in c.notes)
    both = sha(pair[0], 'valid') & sha(few, 'valid')
    assert c.pairs.photos.tolist() == ([len(both)] if both else [])
    three = compare(*pair, few).notes
    assert bool(both) == any('The more pairs are tested' in o for o in three)
    assert sum('V001 and V002 keep' in o for o in three) == 1, 'one sentence for the same photos'

def test_a_child_inherits_what_its_parent_learned(pair, few, tmp_path):
    "The child has only learned from one photo of its own, and from its parent, which has seen what the other holds back."
    parent = copy(pair[0], tmp_path, 'V001-parent')
    own = pair[0].split[pair[0].split.usage == 'valid']
    child = copy(pair[1], tmp_path, 'V002-child', parent='V001-parent', dataset='D-child')
    (child.path/'split.csv').write_text(csv_text(own))
    n = len(set(parent.split.sha256[parent.split.usage == 'train']) & set(few.split.sha256[few.split.usage != 'train']))
    assert any(o.startswith(f'V002 has learned from {n} of the') for o in compare(child, few).notes)
    copy(pair[0], tmp_path, 'V003-ring', parent='V004-ring')
    assert compare(copy(pair[1], tmp_path, 'V004-ring', parent='V003-ring'), Run(tmp_path/'V003-ring')), 'a ring has an end'

def test_same_photos_held_back_in_other_data_sets(pair, tmp_path):
    less = copy(pair[1], tmp_path, 'V002-less', dataset='D-less')
    split = less.split
    (less.path/'split.csv').write_text(csv_text(split.drop(index=split.index[split.usage == 'train'][0])))
    c = compare(pair[0], less)
    assert 'but the 8 validation photos are the same: the results can be compared' in c.notes[0]
    assert c.params.loc['train_photos'].tolist() == [32, 31]

def test_other_labels(pair, tmp_path):
    odd = copy(pair[1], tmp_path, 'V002-odd', dataset='D-odd')
    for name in ('split', 'predictions'):
        df = getattr(odd, name).replace({'label': {'cat': '<b>katze', 'dog': 'hund'}, 'predicted': {'cat': '<b>katze', 'dog': 'hund'}})
        (odd.path/f'{name}.csv').write_text(csv_text(df.rename(columns={'p_cat': 'p_<b>katze', 'p_dog': 'p_hund'})))
    c = compare(pair[0], odd)
    assert 'different labels' in c.notes[0] and not len(c.pairs)
    assert list(c.per_label.index) == ['cat', 'dog', '<b>katze', 'hund']
    assert any('V001 and V002 have no validation photo in common' in o for o in c.notes)
    assert np.isnan(c.per_label.loc['cat', ('recall', 'V002 odd')])
    html = c._repr_html_()
    assert '<b>katze' not in html and '&lt;b&gt;katze' in html and 'nan' not in html.lower().replace('nan-', '')
    assert '<b>katze' in str(c) and 'nan' not in str(c).lower()

def test_as_a_page(pair):
    import matplotlib.pyplot as plt
    plt.close('all')
    html = compare(*pair)._repr_html_()
    png = base64.b64decode(re.search('src="data:image/png;base64,([^"]+)"', html)[1])
    assert png.startswith(b'\x89PNG') and len(html) < 100_000 and plt.get_fignums() == []
    for o in ('V001 one', 'Settings that differ', 'valid_error', 'precision', 'auc', '0.0003', '8 validation photos in common'): assert o in html
    assert html.count('<table') == html.count('</table>') == 4
    c = compare(*pair)
    ax = c.plot_pairs()
    assert [o.get_text() for o in ax.get_yticklabels()] == ['V001, V002']*c.pairs.low.notna().sum() and c.plot_pairs(ax) is ax
    plt.close('all')

def test_as_text(pair, few):
    for c in (compare(*pair), compare(*pair, few)):
        text = str(c)
        assert max(map(len, text.splitlines())) <= 80 and repr(c) == text
        for o in ('V001 one', 'Settings that differ', 'valid_error', 'precision', 'Validation loss', '█'): assert o in text
        assert 'NaN' not in text and 'nan' not in text and 'None' not in text

def test_long_and_odd_curves(pair, tmp_path):
    long = copy(pair[0], tmp_path, 'V001-long')
    rows = [dict(phase='head', dataset='valid', epoch=i, batches=1, accuracy=.9, cross_entropy=v, learning_rate=.01, seconds=.1)
            for i,v in enumerate([1., NAN, float('inf'), *np.linspace(.9, .2, 300)])]
    (long.path/'history.csv').write_text(csv_text(pd.DataFrame(rows)))
    none = copy(pair[1], tmp_path, 'V002-none')
    (none.path/'history.csv').unlink()
    c = compare(long, none)
    line,other = str(c).split('epoch by epoch\n')[1].splitlines()[:2]
    assert len(line) <= 80 and line.endswith('best 0.2') and line.split()[2][0] == '█' and other.endswith('no epoch')
    assert 'data:image/png' in c._repr_html_()

def test_plot(pair):
    import matplotlib.pyplot as plt
    c = compare(*pair)
    ax = c.plot()
    assert [o.get_label() for o in ax.lines] == c.names
    assert c.plot(ax) is ax
    plt.close('all')

def test_no_setting_differs(pair, tmp_path):
    c = compare(pair[0], copy(pair[0], tmp_path, 'V001-one')) # the same name, too
    assert not len(c.params) and 'No setting differs.' in str(c) and 'No setting differs.' in c._repr_html_()
    assert len(set(c.names)) == 2 and str(tmp_path) in c.names[1]

def test_versions_of_libraries(pair, tmp_path):
    old = copy(pair[0], tmp_path, 'V009-old', environment=pair[0].environment | dict(torch='2.6.0'))
    assert list(compare(pair[0], old).params.index) == ['torch']
    bare = copy(pair[0], tmp_path, 'V010-bare', environment=None)
    assert 'torch' in compare(pair[0], bare).params.index

def test_without_predictions(pair, tmp_path):
    states = lambda *o: [('QUEUED', ''), *((s, '') for s in o)]
    cases = dict(FAILED=('PREPARING', 'FAILED'), TRY_AGAIN_LATER=('TRY_AGAIN_LATER',), STATE_UNSPECIFIED=('PREPARING', 'RUNNING'), SUCCEEDED=('PREPARING', 'RUNNING', 'SUCCEEDED'))
    for i,(state,way) in enumerate(cases.items()):
        run = copy(pair[0], tmp_path, f'V{i+1:03}-x', states=states(*way))
        (run.path/'predictions.csv').unlink()
        with pytest.raises(PetLearnError) as e: compare(pair[1], run)
        assert f'V{i+1:03}-x has no predictions yet ({state})' in str(e.value)
        assert f"resume='V{i+1:03}'" in e.value.fix or state == 'SUCCEEDED'

def test_too_few_runs():
    for f,words in ((lambda: compare(), 'No run was given'), (lambda: compare('V001'), "compare('V001', 'V002')"), (lambda: compare(['V001', 'V002']), 'compare(*the_list)')):
        with pytest.raises(PetLearnError) as e: f()
        assert words in str(e.value) and e.value.fix

def test_at_work(pair, tmp_path):
    run = copy(pair[0], tmp_path, 'V005-busy', states=[('QUEUED', ''), ('PREPARING', ''), ('RUNNING', '')])
    with locked(run):
        assert 'V005 is still at work (RUNNING)' in compare(pair[1], run).notes[0]
        (run.path/'predictions.csv').unlink()
        with pytest.raises(PetLearnError, match='RunMonitor'): compare(pair[1], run)

def test_damaged(pair, tmp_path):
    run = copy(pair[0], tmp_path, 'V001-x')
    (run.path/'predictions.csv').write_text('"a"\n1\n')
    with pytest.raises(PetLearnError, match='no predictions|predictions.csv is damaged'): compare(pair[1], run)
    (run.path/'run.json').write_text('{')
    with pytest.raises(PetLearnError, match='V001-x'): compare(pair[1], run)

def test_the_module_is_light():
    code = "import sys, petlearn.evaluation.compare; print([o for o in ('torch', 'fastai', 'pandas', 'sklearn', 'matplotlib') if o in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'
