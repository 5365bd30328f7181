"Right and wrong answers, counted against scikit-learn"
import math
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from petlearn.core import PetLearnError
from petlearn.runs.predictions import Predictions, majority_baseline

def predictions(truth, predicted, usage='valid', **probs): return pd.DataFrame(dict(usage=usage, label=list(truth), predicted=list(predicted), **probs))

@st.composite
def tables(draw):
    k,n = draw(st.integers(2, 5)),draw(st.integers(1, 30))
    p = np.random.default_rng(draw(st.integers(0, 10**6))).dirichlet(np.ones(k), n)
    truth = draw(st.lists(st.integers(0, k-1), min_size=n, max_size=n))
    names = [f'pet{i}' for i in range(k)]
    return predictions([names[i] for i in truth], [names[i] for i in p.argmax(1)], **{f'p_{o}': p[:,i] for i,o in enumerate(names)})

@settings(deadline=None, max_examples=60)
@given(tables())
def test_counts_are_those_of_sklearn(df):
    from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support
    p = Predictions(df)
    assert (p.confusion.to_numpy() == confusion_matrix(df.label, df.predicted, labels=p.labels)).all()
    expected = precision_recall_fscore_support(df.label, df.predicted, labels=p.labels, zero_division=math.nan)
    np.testing.assert_allclose(p.per_label.to_numpy(float), np.array(expected).T)
    assert p.wrong == (df.label != df.predicted).sum() == len(p.mistakes) == p.confused.n.sum() and p.error == p.wrong/p.n
    assert p.loss == pytest.approx(log_loss(df.label, p.probs, labels=p.labels))
    assert p.baseline.wrong == len(df) - df.label.value_counts().max()
    assert p.worst_first.loss.is_monotonic_decreasing and sorted(p.worst_first.loss) == pytest.approx(sorted(p.losses))

def test_labels_may_be_numbers_names_of_nothing_or_unknown_to_the_model():
    assert Predictions(predictions([1, 2, 2], [1, 2, 1])).per_label.recall.to_dict() == {'1': 1, '2': .5}
    assert Predictions(predictions(['nan', 'None'], ['nan', 'nan'])).per_label.recall.to_dict() == {'None': 0, 'nan': 1}
    p = Predictions(predictions(['cat', 'fox'], ['cat', 'cat'], p_cat=[1., .9], p_dog=[0., .1]))
    assert p.labels == ['cat', 'dog', 'fox'] and p.known == ['cat', 'dog'] and p.losses[1] == pytest.approx(-math.log(1e-12))
    p = Predictions(predictions('aaabcc', 'bbabba'))
    assert p.confused.values.tolist() == [['a', 'b', 2, 3], ['c', 'a', 1, 2], ['c', 'b', 1, 2]] and math.isnan(p.loss)
    assert majority_baseline('dcdc') == ('c', 2, 4) and str(majority_baseline('d')) == "always answering 'd' would be right on 1 of 1 photo (100 %)"

GOOD = predictions('cd', 'cc', p_c=[.9, .6], p_d=[.1, .4])

def test_each_mistake_is_said():
    for make,words in {
        'word': (lambda: Predictions.of('V001'), 'str without usage, label, predicted'), 'nothing': (lambda: Predictions.of(None), 'run.predictions'),
        'no label': (lambda: Predictions(GOOD.drop(columns='label')), 'DataFrame without label.'), 'no usage': (lambda: Predictions.of(GOOD.drop(columns='usage')), 'without usage'),
        'usage': (lambda: Predictions.of(GOOD, 'tset'), "Did you mean 'test'?"), 'usage train': (lambda: Predictions.of(GOOD, 'train'), "Expected 'valid' or 'test'"),
        'usage None': (lambda: Predictions.of(GOOD, None), 'usage=None makes no sense'), 'no test': (lambda: Predictions.of(GOOD, 'test'), 'test_pct=0.1'),
        'no rows': (lambda: Predictions.of(GOOD[:0]), 'when it ends'), 'NaN label': (lambda: Predictions(predictions(['c', None], 'cd')), '1 line of 2'),
        'no answer': (lambda: Predictions(predictions('cd', ['c', math.nan])), 'dropna'), 'odd usage': (lambda: Predictions(GOOD.assign(usage='foo')), '2 lines of 2'),
        'no numbers': (lambda: Predictions(GOOD.assign(p_c=['x', .6])), 'line 0 first'), 'sum': (lambda: Predictions(GOOD.assign(p_c=[.9, .7])), 'line 1 first'),
        'negative': (lambda: Predictions(GOOD.assign(p_c=[1.5, .6], p_d=[-.5, .4])), '1 line of 2'), 'other label': (lambda: Predictions(GOOD.assign(predicted='d')), '2 lines of 2'),
        'unknown label': (lambda: Predictions(GOOD.assign(predicted='fox')), '2 lines of 2')}.values():
        with pytest.raises(PetLearnError) as e: make()
        assert words in str(e.value), (words, str(e.value))

def test_a_usage_at_a_time():
    both = pd.concat([GOOD, GOOD.assign(usage='test', label='d')])
    assert {k: (o.wrong, o.usage) for k,o in Predictions.by_usage(both).items()} == dict(valid=(1, 'valid'), test=(2, 'test'))
    p = Predictions.of(both, 'test')
    assert Predictions.of(p) is p and list(Predictions.by_usage(GOOD.assign(usage='test'))) == ['test']
    assert p.with_probs(p.probs**2/(p.probs**2).sum(1, keepdims=True)).probs[0,0] == pytest.approx(.81/.82) and p.with_probs(p.probs).usage == 'test'
