"Precision, recall and AUC against scikit-learn and by hand; intervals against tables, scipy and their own rules."
import math
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn.metrics import classification_report, f1_score, precision_score, recall_score, roc_auc_score
from petlearn.core import PetLearnError
from petlearn.runs.intervals import error_interval, in_words
from petlearn.evaluation.metrics import (CLASS_METRICS, class_averages, class_metrics, mean_interval, plot_precision_recall,
                                         plot_roc)
from petlearn.runs.predictions import Predictions

NAN = float('nan')

def table(label, predicted, usage='valid', **more):
    "Predictions from two words a photo, such as `'cdd'`."
    return pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(len(label))], usage=usage, label=list(label), predicted=list(predicted), **more))

def random_table(labels, n, right, seed, decimals=6):
    "Predictions about `n` photos, most of them right, with probabilities."
    rng = np.random.default_rng(seed)
    truth,p = rng.integers(len(labels), size=n),rng.dirichlet(np.ones(len(labels)), n).round(decimals)
    order = np.argsort(-p, 1)
    swap = rng.random(n) < right
    for i in np.flatnonzero(swap): p[i,[truth[i], order[i,0]]] = p[i,[order[i,0], truth[i]]]
    columns = {f'p_{o}': p[:,i] for i,o in enumerate(labels)}
    return table([labels[i] for i in truth], [labels[i] for i in p.argmax(1)], **columns)

BY_HAND = dict( # labels, answers: precision, recall, F1, accuracy and number of photos of each label
    all_right=('ccdd', 'ccdd', dict(c=(1, 1, 1, 1, 2), d=(1, 1, 1, 1, 2))),
    all_wrong=('ccdd', 'ddcc', dict(c=(0, 0, 0, 0, 2), d=(0, 0, 0, 0, 2))),
    misses_cats=('ccccdddd', 'cccddddd', dict(c=(1, 3/4, 6/7, 7/8, 4), d=(4/5, 1, 8/9, 7/8, 4))),
    always_dog=('cddd', 'dddd', dict(c=(NAN, 0, 0, 3/4, 1), d=(3/4, 1, 6/7, 3/4, 3))), # never predicted: no precision; was there: recall 0
    predicted_but_never_there=('cc', 'cx', dict(c=(1, 1/2, 2/3, 1/2, 2), x=(0, NAN, 0, 1/2, 0))),
    one_label=('cc', 'cc', dict(c=(1, 1, 1, 1, 2))))

def test_by_hand():
    for name,(label,predicted,expected) in BY_HAND.items():
        df = class_metrics(table(label, predicted))
        assert list(df.columns) == list(CLASS_METRICS) == ['precision', 'recall', 'f1', 'accuracy', 'auc', 'n'] and df.index.name == 'label'
        assert list(df.index) == list(expected) and df.auc.isna().all(), name
        for o,numbers in expected.items(): assert df.loc[o].drop('auc').tolist() == pytest.approx(list(numbers), nan_ok=True), name

def test_a_label_without_photos_is_blank_and_never_zero():
    df = class_metrics(table('cd', 'cd', p_d=[.1, .9], p_c=[.9, .1], p_fox=0.))
    assert list(df.index) == ['d', 'c', 'fox'], 'in the order of the probabilities'
    assert df.loc['fox', ['precision', 'recall', 'f1', 'auc']].isna().all() and df.n['fox'] == 0
    assert class_averages(df).loc['macro average', 'recall'] == 1, 'a blank does not pull the mean down'

def test_agrees_with_sklearn():
    for k,right,decimals in ((2, .9, 6), (5, .6, 1), (12, .6, 6), (37, .8, 6), (3, 1, 6)):
        labels = [f'<b>{i:02}' for i in range(k)]
        df = random_table(labels, 300, right, k, decimals) if decimals > 1 else random_table(labels, 300, right, k).round(9)
        mine = class_metrics(df)
        for name,f in dict(precision=precision_score, recall=recall_score, f1=f1_score).items():
            assert np.allclose(mine[name], f(df.label, df.predicted, labels=labels, average=None, zero_division=np.nan), equal_nan=True)
        assert np.allclose(mine.accuracy, [((df.label == o) == (df.predicted == o)).mean() for o in labels]) and mine.n.sum() == 300
        for o in labels: assert mine.auc[o] == pytest.approx(roc_auc_score(df.label == o, df[f'p_{o}']))
        theirs,averages = classification_report(df.label, df.predicted, output_dict=True, zero_division=math.nan),class_averages(mine)
        for my,their in (('macro average', 'macro avg'), ('weighted average', 'weighted avg')):
            assert averages.loc[my, ['precision', 'recall', 'f1', 'n']].tolist() == pytest.approx([theirs[their][o] for o in ('precision', 'recall', 'f1-score', 'support')])

def test_area_by_hand():
    df = class_metrics(table('cccdd', 'ccdcd', p_c=[.9, .8, .4, .6, .1], p_d=[.1, .2, .6, .4, .9]))
    assert df.auc.tolist() == pytest.approx([5/6, 5/6])
    assert class_metrics(table('cd', 'cc', p_c=[.7, .7], p_d=[.3, .3])).auc.tolist() == [.5, .5]
    assert class_metrics(table('cc', 'cc', p_c=[.9, .8], p_d=[.1, .2])).auc.isna().all(), 'one label alone'

KNOWN = [ # mistakes, photos, and the limits that tables of Clopper and Pearson give
    (0, 10, 0, .3085), (1, 10, .0025, .4450), (5, 10, .1871, .8129), (10, 10, .6915, 1), (3, 74, .0084, .1139), (0, 1, 0, .975)]

def test_known_intervals():
    for wrong,n,low,high in KNOWN: assert error_interval(wrong, n) == pytest.approx((low, high), abs=5e-5)

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

def test_in_words():
    for counts,words in WORDS.items(): assert in_words(*map(np.int64, counts)) == words

def test_curves_from_predictions():
    import matplotlib.pyplot as plt
    labels = [f'<b>${i:03}$' for i in range(60)]
    many = random_table(labels, 600, .7, 4)
    for f in (plot_roc, plot_precision_recall):
        ax = f(many)
        ax.figure.canvas.draw()
        assert len(ax.get_legend().texts) == 5 and 'weakest of 60 labels' in ax.get_legend().get_title().get_text()
        assert f(many, ax=ax) is ax
    few = table('ccdd', 'cddd', p_c=[.9, .3, .4, .1], p_d=[.1, .7, .6, .9])
    ax = plot_roc(few)
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [0, .5], [.5, .5], [.5, 1], [1, 1]] and ax.lines[0].get_label() == 'c: 0.750'
    ax = plot_precision_recall(few)
    assert [1, 2/3] in [pytest.approx(o) for o in ax.lines[0].get_xydata().tolist()] and ax.lines[0].get_label().startswith('c: 0.833')
    plt.close('all')

def test_each_usage_for_itself():
    both = pd.concat([table('ccd', 'ccd'), table('cdd', 'ddd', 'test')])
    assert class_metrics(both).recall.tolist() == [1, 1] and class_metrics(both).n.tolist() == [2, 1]
    assert class_metrics(both, usage='test').recall.tolist() == [0, 1] and class_metrics(Predictions.of(both, 'test')).n.tolist() == [1, 2]

GOOD = table('cd', 'cd')
BAD = {'word': (lambda: class_metrics('V001'), 'str without usage, label, predicted'), 'usage': (lambda: class_metrics(GOOD, 'tset'), "Did you mean 'test'?"),
       'one label': (lambda: plot_roc(table('cc', 'cc', p_c=[.9, .8], p_d=[.1, .2])), "All 2 photos are of one label, 'c'"),
       'one label, other plot': (lambda: plot_precision_recall(table('cc', 'cc', p_c=[1., 1.])), 'two labels or more'),
       'no probabilities': (lambda: plot_roc(GOOD), 'no probabilities'), 'plot of a word': (lambda: plot_roc('V001'), 'str without usage'),
       'more than all': (lambda: error_interval(4, 3), 'wrong=4 makes no sense'), 'less than none': (lambda: in_words(-1, 3), 'wrong=-1'),
       'half a photo': (lambda: in_words(1, 3.5), 'n=3.5'), 'percent': (lambda: error_interval(1, 3, 95), 'level=95'), 'draws': (lambda: mean_interval([0, 1], draws=0), 'draws=0')}

def test_bad_input():
    for name,(f,words) in BAD.items():
        with pytest.raises(PetLearnError) as e: f()
        assert words in str(e.value) and e.value.expected and e.value.fix, name

@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 1000), st.integers(0, 9))
def test_bootstrap_against_the_bell_curve_and_its_own_rules(first, second, rest, seed):
    values = [1]*first + [-1]*second + [0]*rest
    low,high = mean_interval(values, seed=seed)
    if not first + second: return np.testing.assert_(np.isnan(low) and np.isnan(high))
    mean,n = np.mean(values),len(values)
    assert low <= mean <= high and mean_interval(values, seed=seed) == (low, high), 'the same seed'
    assert high-low == pytest.approx(2*1.96*np.std(values)/n**.5, rel=.25, abs=2/n)
    assert mean_interval([-o for o in values], seed=seed) == pytest.approx((-high, -low), abs=2.5/n)
