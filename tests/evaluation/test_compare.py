"Figures by label against scikit-learn and by hand; runs side by side, with every reason not to trust them."
import base64, json, re, shutil, subprocess, sys
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score
from petlearn import train
from petlearn.core import PetLearnError
from petlearn.evaluation.metrics import CLASS_FIGURES, class_metrics, error_interval, in_words, mean_interval, plot_precision_recall, plot_roc
from petlearn.evaluation.compare import FIGURES, Comparison, _needed, compare
from petlearn.core import percent
from petlearn.photos.finding import find_photos
from petlearn.runs.run import Run, locked, csv_text

def table(label, predicted, usage='valid', **more):
    "Predictions from two words a photo, such as `'cdd'`."
    return pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(len(label))], usage=usage, label=list(label), predicted=list(predicted), **more))

NAN = float('nan')
BY_HAND = dict( # labels, answers: precision, recall, F1, accuracy and support of each label
    all_right=('ccdd', 'ccdd', dict(c=(1, 1, 1, 1, 2), d=(1, 1, 1, 1, 2))),
    all_wrong=('ccdd', 'ddcc', dict(c=(0, 0, 0, 0, 2), d=(0, 0, 0, 0, 2))),
    misses_cats=('ccccdddd', 'cccddddd', dict(c=(1, 3/4, 6/7, 7/8, 4), d=(4/5, 1, 8/9, 7/8, 4))),
    always_dog=('cddd', 'dddd', dict(c=(NAN, 0, 0, 3/4, 1), d=(3/4, 1, 6/7, 3/4, 3))), # never said: no precision; was there: recall 0
    said_but_never_there=('cc', 'cx', dict(c=(1, 1/2, 2/3, 1/2, 2), x=(0, NAN, 0, 1/2, 0))),
    one_label=('cc', 'cc', dict(c=(1, 1, 1, 1, 2))))

@pytest.mark.parametrize('name', BY_HAND)
def test_by_hand(name):
    label,predicted,expected = BY_HAND[name]
    df = class_metrics(table(label, predicted))
    assert list(df.columns) == list(CLASS_FIGURES) == ['precision', 'recall', 'f1', 'accuracy', 'auc', 'support'] and df.index.name == 'label'
    assert list(df.index) == list(expected)
    assert df.auc.isna().all(), 'no probabilities'
    for o,figures in expected.items(): assert df.loc[o].drop('auc').tolist() == pytest.approx(list(figures), nan_ok=True)

def test_a_label_that_nobody_met_is_blank_and_never_zero():
    df = class_metrics(table('cd', 'cd', p_d=[.1, .9], p_c=[.9, .1], p_fox=0.))
    assert list(df.index) == ['d', 'c', 'fox'], 'in the order of the scores'
    assert df.loc['fox', ['precision', 'recall', 'f1']].isna().all() and df.support['fox'] == 0
    assert df.recall.mean() == 1, 'a blank does not pull the mean down'

@pytest.mark.parametrize('seed', range(5))
def test_agrees_with_sklearn(seed):
    rng = np.random.default_rng(seed)
    labels = [f'breed {i:02}' for i in range(12)]
    true,said = rng.choice(labels, 300),rng.choice(labels, 300)
    said = np.where(rng.random(300) < .6, true, said)
    df = class_metrics(table(true, said))
    for name,f in dict(precision=precision_score, recall=recall_score, f1=f1_score).items():
        assert np.allclose(df[name], f(true, said, labels=labels, average=None, zero_division=np.nan), equal_nan=True)
    correct = pd.Series(true)[true == said].value_counts().reindex(labels).to_numpy()
    assert np.allclose(df.recall, correct/pd.Series(true).value_counts().reindex(labels).to_numpy())
    assert np.allclose(df.precision, correct/pd.Series(said).value_counts().reindex(labels).to_numpy())
    assert df.support.sum() == 300
    assert np.allclose(df.accuracy, [((true == o) == (said == o)).mean() for o in labels])

@pytest.mark.parametrize('decimals', [1, 6])
def test_area_agrees_with_sklearn(decimals):
    "With many ties, and with none."
    rng = np.random.default_rng(decimals)
    labels = [f'<b>{i}' for i in range(5)]
    true,p = rng.choice(labels[:4], 200),rng.dirichlet(np.ones(5), 200).round(decimals)
    df = class_metrics(table(true, true, **{f'p_{o}': p[:,i] for i,o in enumerate(labels)}))
    for i,o in enumerate(labels[:4]): assert df.auc[o] == pytest.approx(roc_auc_score(true == o, p[:,i]))
    assert np.isnan(df.auc[labels[4]]), 'nobody is one'
    assert class_metrics(table('cc', 'cc', p_c=[.9, .8], p_d=[.1, .2])).auc.isna().all(), 'one label alone'
    assert class_metrics(table('cd', 'cd', p_c=[.9, NAN], p_d=['x', .2])).auc.isna().all(), 'no numbers'

def test_area_by_hand():
    df = class_metrics(table('cccdd', 'ccdcd', p_c=[.9, .8, .4, .6, .1], p_d=[.1, .2, .6, .4, .9]))
    assert df.auc.tolist() == pytest.approx([5/6, 5/6])
    assert class_metrics(table('cd', 'cc', p_c=[.7, .7], p_d=[.3, .3])).auc.tolist() == [.5, .5]

KNOWN = [ # mistakes, photos, and the limits that tables of Clopper and Pearson give
    (0, 10, 0, .3085), (1, 10, .0025, .4450), (5, 10, .1871, .8129), (10, 10, .6915, 1), (3, 74, .0084, .1139), (0, 1, 0, .975)]

@pytest.mark.parametrize('wrong,of,low,high', KNOWN)
def test_known_intervals(wrong, of, low, high): assert error_interval(wrong, of) == pytest.approx((low, high), abs=5e-5)

@settings(deadline=None, max_examples=60)
@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([.5, .9, .95, .99]))
def test_interval_is_where_either_tail_is_small(wrong, more, level):
    of = wrong+more
    low,high = error_interval(wrong, of, level)
    assert 0 <= low <= wrong/of <= high <= 1 and (low == 0) == (wrong == 0)
    assert stats.binom.cdf(wrong, of, high) == pytest.approx((1-level)/2)
    if wrong: assert stats.binom.sf(wrong-1, of, low) == pytest.approx((1-level)/2)
    assert error_interval(more, of, level) == pytest.approx((1-high, 1-low)), 'the same for what is right'

WORDS = {(3, 74): '3 of 74 wrong: between 0.8 % and 11 %', (4, 74): '4 of 74 wrong: between 1 % and 13 %', (0, 74): 'none of 74 wrong: it may still be up to 5 %',
         (74, 74): 'all 74 wrong: at least 95 %', (0, 0): 'no photos: nothing is known', (73, 74): '73 of 74 wrong: between 93 % and 99.97 %',
         (1, 12_000): '1 of 12,000 wrong: between 0.0002 % and 0.05 %'}

@pytest.mark.parametrize('figures', WORDS)
def test_in_words(figures): assert in_words(*map(np.int64, figures)) == WORDS[figures]

@settings(deadline=None, max_examples=200)
@given(st.floats(0, 1))
def test_percentages_promise_nothing(share):
    text = percent(share)
    assert text.endswith(' %') and 'e' not in text
    if share > 1e-11 and 1-share > 1e-11: assert text not in ('0 %', '100 %')
    assert float(text[:-2]) == pytest.approx(100*share, abs=.51)

def test_curves_from_predictions():
    import matplotlib.pyplot as plt
    rng = np.random.default_rng(4)
    labels = [f'<b>${i:03}$' for i in range(60)]
    true = rng.permutation(labels*2)
    p = rng.dirichlet(np.ones(60), 120) + .01*(true[:,None] == np.array(labels))
    many = table(true, true, **{f'p_{o}': p[:,i] for i,o in enumerate(labels)})
    for f in (plot_roc, plot_precision_recall):
        ax = f(many)
        ax.figure.canvas.draw()
        assert len(ax.get_legend().texts) == 5 and 'weakest of 60 labels' in ax.get_legend().get_title().get_text()
        assert f(many, ax=ax) is ax
    few = table('ccdd', 'ccdd', p_c=[.9, .3, .4, .1], p_d=[.1, .7, .6, .9])
    ax = plot_roc(few)
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [0, .5], [.5, .5], [.5, 1], [1, 1]] and ax.lines[0].get_label() == 'c: 0.750'
    ax = plot_precision_recall(few)
    assert [1, 2/3] in [pytest.approx(o) for o in ax.lines[0].get_xydata().tolist()] and ax.lines[0].get_label().startswith('c: 0.833')
    plt.close('all')

def test_each_usage_for_itself():
    both = pd.concat([table('ccd', 'ccd'), table('cdd', 'ddd', 'test')])
    assert class_metrics(both).recall.tolist() == [1, 1] and class_metrics(both).support.tolist() == [2, 1]
    assert class_metrics(both, usage='test').recall.tolist() == [0, 1] and class_metrics(both, 'test').support.tolist() == [1, 2]

def test_labels_that_are_no_words():
    assert class_metrics(table([1, 2, 2], [1, 2, 1])).recall.to_dict() == {'1': 1, '2': .5}
    assert class_metrics(table(['nan', 'None'], ['nan', 'nan'])).recall.to_dict() == {'None': 0, 'nan': 1}

GOOD = table('cd', 'cd')
BAD = dict(
    word=(lambda: class_metrics('V001'), 'str without usage, label, predicted'),
    nothing=(lambda: class_metrics(None), 'class_metrics(run.predictions)'),
    no_label=(lambda: class_metrics(GOOD.drop(columns='label')), 'DataFrame without label.'),
    no_usage=(lambda: class_metrics(GOOD.drop(columns='usage')), 'without usage'),
    usage=(lambda: class_metrics(GOOD, 'tset'), "Did you mean 'test'?"),
    usage_train=(lambda: class_metrics(GOOD, 'train'), "Expected 'valid' or 'test'"),
    usage_none=(lambda: class_metrics(GOOD, None), 'usage=None makes no sense'),
    no_test=(lambda: class_metrics(GOOD, 'test'), 'test_pct=.1'),
    no_rows=(lambda: class_metrics(GOOD[:0]), 'when it ends'),
    missing_label=(lambda: class_metrics(table(['c', None], ['c', 'd'])), 'no label, or no prediction'),
    missing_answer=(lambda: class_metrics(table('cd', ['c', NAN])), 'dropna'),
    one_label_roc=(lambda: plot_roc(table('cc', 'cc', p_c=[.9, .8], p_d=[.1, .2])), "All 2 photos are of one label, 'c'"),
    one_label_pr=(lambda: plot_precision_recall(table('cc', 'cc', p_c=[.9, .8])), 'two labels or more'),
    no_probabilities=(lambda: plot_roc(GOOD), 'no probabilities'),
    roc_of_a_word=(lambda: plot_roc('V001'), 'str without usage'),
    more_than_all=(lambda: error_interval(4, 3), 'wrong=4 makes no sense'),
    less_than_none=(lambda: in_words(-1, 3), 'wrong=-1'),
    half_a_photo=(lambda: in_words(1, 3.5), 'of=3.5'),
    level_in_percent=(lambda: error_interval(1, 3, 95), 'level=95'),
    draws=(lambda: mean_interval([0, 1], draws=0), 'draws=0'),
    no_run=(lambda: compare(), 'No run was given'),
    one_word=(lambda: compare('V001'), "compare('V001', 'V002')"),
    a_list=(lambda: compare(['V001', 'V002']), 'compare(*the_list)'))

@pytest.mark.parametrize('name', BAD)
def test_bad_input(name):
    f,words = BAD[name]
    with pytest.raises(PetLearnError) as e: f()
    assert words in str(e.value) and e.value.expected and e.value.fix

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

def test_what_differs(pair):
    c = compare(*pair)
    assert c.names == ['V001 one', 'V002 other'] == list(c.params.columns) == list(c.figures.columns)
    assert list(c.params.index) == ['epochs', 'lr'] and c.params.loc['lr'].tolist() == [.01, .0003]
    assert c.runs == pair and type(c) is Comparison

def test_figures_are_those_of_the_runs(pair, few):
    c = compare(*pair, few)
    assert list(c.figures.index) == list(FIGURES)
    for name,run in zip(c.names, c.runs):
        for k in ('valid_error', 'valid_loss', 'wrong', 'of'): assert c.figures.loc[k, name] == run.metrics[k]
        for k in ('epochs', 'steps', 'seconds'): assert c.figures.loc[k, name] == getattr(run, k)
        assert c.figures.loc['steps_per_sec', name] == run.metadata['steps_per_sec']
        assert 'accuracy' not in c.classes
        for k in CLASS_FIGURES[:3] + CLASS_FIGURES[4:]:
            assert c.classes[k][name].tolist() == pytest.approx(class_metrics(run.predictions)[k].tolist(), nan_ok=True)
    assert c.figures.loc[['test_acc', 'test_loss'], 'V001 one'].isna().all()
    assert c.figures.loc['test_acc', 'V003 few'] == few.metrics['test_acc']

def test_words_and_runs(pair, folder):
    for words in (('V001', 'V002'), ('@one', '@other'), (pair[0], 'newest'), (pair[0].path, 'V002-other')):
        assert compare(*words, runs_dir=folder).names[0] == 'V001 one'
    for word in ('V099', '@oter'):
        with pytest.raises(PetLearnError, match='There is no run'): compare(pair[0], word, runs_dir=folder)
    with pytest.raises(PetLearnError, match='there twice'): compare('V001', '@one', runs_dir=folder)

def test_disagreements_by_hand(pair, tmp_path):
    a,b = (copy(o, tmp_path, n) for o,n in zip(pair, ('V001-a', 'V002-b')))
    df = a.predictions
    turned = lambda rows: df.assign(predicted=[{'cat': 'dog', 'dog': 'cat'}[l] if i in rows else l for i,l in enumerate(df.label)])
    for run,rows in ((a, {0, 1, 2}), (b, {2, 3})): (run.path/'predictions.csv').write_text(csv_text(turned(rows).sample(frac=1, random_state=3)))
    c = compare(a, b)
    row = c.pairs.iloc[0]
    assert c.pairs.shape == (1, 12) and row.tolist()[:9] == ['V001 a', 'V002 b', 8, 4, 1, 2, 1, 0, 1.]
    assert (row.low, row.high) == mean_interval([1, 1, -1, 0, 0, 0, 0, 0]) and row.needed == _needed(2, 1, 8)
    assert row.both_right + row.both_wrong + row.only_first_wrong + row.only_second_wrong == row.photos
    assert c.notes == ["8 photos are held back by both V001 and V002. Wrong: both on 1, only V001 on 2, only V002 on 1. No evidence that one "
                       "is better (p = 1). If the true difference is as large as here, about 190 photos held back would show it."]

# how often only one of the two was wrong, McNemar's exact p by hand, and what the words must say
MCNEMAR = [(8, 0, 2/256, 'is better'), (0, 8, 2/256, 'is better'), (7, 1, 2*9/256, 'No evidence'), (5, 0, 2/32, 'No evidence'), (6, 0, 2/64, 'is better'),
           (3, 3, 1, 'each made as many mistakes'), (0, 0, 1, "can't tell them apart"), (1, 0, 1, 'No evidence')]

@pytest.mark.parametrize('first,second,p,words', MCNEMAR)
def test_more_than_luck(pair, tmp_path, first, second, p, words):
    a,b = (copy(o, tmp_path, n) for o,n in zip(pair, ('V001-a', 'V002-b')))
    wrong = lambda df,rows: df.assign(predicted=[{'cat': 'dog', 'dog': 'cat'}[l] if i in rows else l for i,l in enumerate(df.label)])
    for run,rows in ((a, range(first)), (b, range(first, first+second))): (run.path/'predictions.csv').write_text(csv_text(wrong(run.predictions, rows)))
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

@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 1000), st.integers(0, 9))
def test_bootstrap_against_the_bell_curve_and_its_own_rules(first, second, rest, seed):
    values = [1]*first + [-1]*second + [0]*rest
    low,high = mean_interval(values, seed=seed)
    if not first + second: return np.testing.assert_(np.isnan(low) and np.isnan(high))
    mean,n = np.mean(values),len(values)
    assert low <= mean <= high and mean_interval(values, seed=seed) == (low, high), 'the same dice'
    assert high-low == pytest.approx(2*1.96*np.std(values)/n**.5, rel=.25, abs=2/n)
    assert mean_interval([-o for o in values], seed=seed) == pytest.approx((-high, -low), abs=2.5/n)

def test_so_many_photos_do_tell():
    "Of experiments with the number of photos that is said to be needed, four of five find a difference."
    rng,n = np.random.default_rng(2),_needed(14, 6, 200)
    first,second,_ = rng.multinomial(n, [.07, .03, .9], 600).T
    p = np.array([stats.binomtest(a, a+b).pvalue for a,b in zip(first, second)])
    assert .7 < (p < .05).mean() < .85 and n == 2*_needed(28, 12, 400)/2
    assert _needed(140, 60, 2000) == n and np.isnan(_needed(3, 3, 9)) and _needed(10, 0, 100) < _needed(10, 5, 100)

def test_equal_runs_seldom_look_different():
    "McNemar's exact test speaks of evidence in at most one of twenty comparisons of runs that are equally good."
    rng = np.random.default_rng(5)
    for n in (3, 8, 20, 60):
        p = np.array([stats.binomtest(o, n).pvalue for o in range(n+1)])
        assert (p[rng.binomial(n, .5, 2000)] < .05).mean() <= .05 + 3*(.05*.95/2000)**.5

def test_other_data_sets_and_leaks(pair, few):
    c = compare(pair[0], few)
    assert {'dataset', 'train_photos', 'seed', 'test_pct'} <= set(c.params.index)
    assert 'the figures are of different photos' in c.notes[0] and pair[0].dataset in c.notes[0] and few.dataset in c.notes[0]
    sha = lambda run,*usages: set(run.split.sha256[run.split.usage.isin(usages)])
    for run,name,other,held in ((few, 'V003', 'V001', sha(pair[0], 'valid')), (pair[0], 'V001', 'V003', sha(few, 'valid', 'test'))):
        n = len(sha(run, 'train') & held)
        assert n and any(f"{name} has learned from {n} of the {len(held)} photos that {other} holds back" in o for o in c.notes)
    both = sha(pair[0], 'valid') & sha(few, 'valid')
    assert c.pairs.photos.tolist() == ([len(both)] if both else [])
    three = compare(*pair, few).notes
    assert bool(both) == any('The more pairs are tested' in o for o in three)
    assert sum('V001 and V002 hold back' in o for o in three) == 1, 'one sentence for the same photos'

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
    assert 'but the same 8 photos were held back: the figures can be compared' in c.notes[0]
    assert c.params.loc['train_photos'].tolist() == [32, 31]

def test_other_labels(pair, tmp_path):
    odd = copy(pair[1], tmp_path, 'V002-odd', dataset='D-odd')
    for name in ('split', 'predictions'):
        df = getattr(odd, name).replace({'label': {'cat': '<b>katze', 'dog': 'hund'}, 'predicted': {'cat': '<b>katze', 'dog': 'hund'}})
        (odd.path/f'{name}.csv').write_text(csv_text(df.rename(columns={'p_cat': 'p_<b>katze', 'p_dog': 'p_hund'})))
    c = compare(pair[0], odd)
    assert 'different labels' in c.notes[0] and not len(c.pairs)
    assert list(c.classes.index) == ['cat', 'dog', '<b>katze', 'hund']
    assert any('No photo is held back by both V001 and V002' in o for o in c.notes)
    assert np.isnan(c.classes.loc['cat', ('recall', 'V002 odd')])
    html = c._repr_html_()
    assert '<b>katze' not in html and '&lt;b&gt;katze' in html and 'nan' not in html.lower().replace('nan-', '')
    assert '<b>katze' in str(c) and 'nan' not in str(c).lower()

def test_as_a_page(pair):
    import matplotlib.pyplot as plt
    plt.close('all')
    html = compare(*pair)._repr_html_()
    png = base64.b64decode(re.search('src="data:image/png;base64,([^"]+)"', html)[1])
    assert png.startswith(b'\x89PNG') and len(html) < 100_000 and plt.get_fignums() == []
    for o in ('V001 one', 'Settings that differ', 'valid_error', 'precision', 'auc', '0.0003', '8 photos are held back by both'): assert o in html
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
    assert [o.get_label() for o in ax.lines] == c.names and [len(o.get_xdata()) for o in ax.lines] == [2, 1]
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

def test_at_work(pair, tmp_path):
    run = copy(pair[0], tmp_path, 'V005-busy', states=[('QUEUED', ''), ('PREPARING', ''), ('RUNNING', '')])
    with locked(run):
        assert 'V005 is still at work (RUNNING)' in compare(pair[1], run).notes[0]
        (run.path/'predictions.csv').unlink()
        with pytest.raises(PetLearnError, match='--follow'): compare(pair[1], run)

def test_damaged(pair, tmp_path):
    run = copy(pair[0], tmp_path, 'V001-x')
    (run.path/'predictions.csv').write_text('"a"\n1\n')
    with pytest.raises(PetLearnError, match='no predictions|predictions.csv is damaged'): compare(pair[1], run)
    (run.path/'run.json').write_text('{')
    with pytest.raises(PetLearnError, match='V001-x'): compare(pair[1], run)

def test_the_module_is_light():
    code = "import sys, petlearn.evaluation.compare; print([o for o in ('torch', 'fastai', 'pandas', 'numpy', 'sklearn', 'matplotlib') if o in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'
