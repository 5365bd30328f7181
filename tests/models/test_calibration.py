"Temperature, reliability and calibration error against other implementations, and for every kind of bad input."
import math
from itertools import product
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from petlearn.models.calibration import calibrated, calibration_error, cross_calibrated, fit_temperature, plot_reliability, reliability_table
from petlearn.core import PetLearnError

def made_up(n, k, sharp=1., seed=0):
    "Scores, and true labels that were drawn with the honest probabilities."
    rng = np.random.default_rng(seed)
    scores = 2*rng.normal(size=(n, k))
    return sharp*scores,np.array([rng.choice(k, p=o) for o in softmax(scores, axis=1)])

class Says(ClassifierMixin, BaseEstimator):
    "A classifier whose scores are what it is given."
    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self
    def decision_function(self, x): return x
    def predict(self, x): return x.argmax(1)

def test_same_as_scikit_learn():
    for n,k,sharp in ((20_000, 3, 2.5), (20_000, 3, .5), (10_000, 10, 1.5), (10_000, 37, 3)):
        scores,y = made_up(n, k, sharp, seed=n+k)
        theirs = CalibratedClassifierCV(FrozenEstimator(Says().fit(scores, y)), method='temperature').fit(scores, y).predict_proba(scores)
        p = softmax(scores, axis=1)
        t = fit_temperature(p, y)
        assert abs(calibrated(p, t) - theirs).max() < .005, 'many photos: what was thought before hardly counts'
        assert log_loss(y, calibrated(p, t)) <= log_loss(y, theirs) + 1e-5

def test_no_other_temperature_fits_better():
    for n,k,sharp in ((30, 2, 3), (200, 4, .7), (77, 5, 1)):
        scores,y = made_up(n, k, sharp, seed=n)
        p = softmax(scores, axis=1)
        def cost(t): return n*log_loss(y, softmax(scores/t, axis=1), labels=range(k)) + (np.log(t)/.3)**2/2
        best = cost(fit_temperature(p, y))
        for t in np.geomspace(.05, 20, 80): assert best <= cost(t) + 1e-3

def test_few_photos_move_it_little():
    "Two photos never make .05 or 20 of it; the more there are, the more they count."
    for p,y in (([[.6, .4]], [0]), ([[.6, .4]], [1]), ([[.99, .01]], [1]), ([[.7, .3], [.2, .8]], [0, 1]), ([[.7, .3], [.2, .8]], [1, 0])): assert .6 < fit_temperature(p, y) < 1.7
    found = []
    for n in (5, 50, 500, 5000):
        scores,y = made_up(n, 3, 2.5, seed=3)
        found.append(fit_temperature(softmax(scores, axis=1), y))
    assert found == sorted(found) and found[0] < 1.7 and 2.3 < found[-1] < 2.6

def by_hand(probs, truth, bins):
    "The calibration error as Guo and others write it, photo by photo."
    total = 0
    for b in range(bins):
        inside = [(p, y) for p,y in zip(probs, truth) if b/bins < max(p) <= (b+1)/bins]
        if inside:
            right = sum(max(range(len(p)), key=lambda i: p[i]) == y for p,y in inside)/len(inside)
            total += len(inside)/len(probs)*abs(right - sum(max(p) for p,_ in inside)/len(inside))
    return total

@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), k=st.integers(2, 6), bins=st.integers(1, 20), seed=st.integers(0, 999), sharp=st.sampled_from([.01, 1, 5, 500]))
def test_for_any_answers(n, k, bins, seed, sharp):
    scores,y = made_up(n, k, sharp, seed)
    p = softmax(scores, axis=1)
    assert calibration_error(p, y, bins) == pytest.approx(by_hand(p.tolist(), y, bins), abs=1e-12)
    table = reliability_table(p, y, bins)
    assert table.n.sum() == n and len(table) == bins
    assert (table.n*table.accuracy).sum() == pytest.approx((p.argmax(1) == y).sum())
    t = fit_temperature(p, y)
    q = calibrated(p, t)
    assert .05 <= t <= 20 and np.allclose(q.sum(1), 1)
    assert (np.take_along_axis(q, p.argmax(1)[:,None], 1)[:,0] >= q.max(1) - 1e-12).all() # the favourite stays it
    if n > 1: assert np.allclose(cross_calibrated(p, y).sum(1), 1)

def test_never_made_surer_than_that_many_right_answers_allow():
    for n,sure in product((1, 5, 20, 500), (.4, .9, .99)):
        p = np.tile([sure, .6*(1-sure), .4*(1-sure)], (n, 1))
        t = fit_temperature(p, [0]*n)
        assert sure - 1e-6 <= calibrated(p, t).max(1).mean() <= max(sure, (n+1)/(n+2)) + 1e-3

def test_answers_without_doubt():
    p = np.eye(3)[[0, 1, 2, 0]]
    assert fit_temperature(p, [0, 1, 2, 0]) == 1 # right: surer than can be shown already
    assert fit_temperature(p, [1, 2, 0, 1]) > 5 # wrong, all of them, and without a doubt
    assert np.allclose(calibrated(p, 1), p, atol=1e-9) and np.isfinite(calibrated(p, 20)).all()
    assert calibration_error(p, [1, 2, 0, 1]) == 1 and calibration_error(p, [0, 1, 2, 0]) == 0

def test_honest_answers_stay_nearly_as_they_are():
    scores,y = made_up(3000, 4)
    assert fit_temperature(softmax(scores, axis=1), y) == pytest.approx(1, abs=.05)

def test_cross_fitted_parts_hold_each_label():
    "Sorted by label, as a table of predictions is: still, each temperature has seen all labels."
    scores,y = made_up(100, 2, 2)
    order = np.argsort(y, kind='stable')
    p,y = softmax(scores[order], axis=1),y[order]
    q = cross_calibrated(p, y)
    for i in range(5):
        part = np.arange(100) % 5 == i
        assert np.allclose(q[part], calibrated(p[part], fit_temperature(p[~part], y[~part])))

BAD = [
    ([], [], 'not probabilities'), ([.8, .2], [0, 1], 'not probabilities'), ([[80, 20]], [0], 'not probabilities'),
    ([[1.5, -.5]], [0], 'not probabilities'), ([[math.nan, 1]], [0], 'not probabilities'), (None, [0], 'not probabilities'),
    ('cats', [0], 'not probabilities'), ([[.5, .5], [1]], [0], 'not probabilities'), (np.empty((0, 2)), [], '0 rows'),
    ([[.8, .2]], [0, 1], '1 row of probabilities and 2 true labels'), ([[.8, .2]], 0, 'belong together'), ([[.8, .2]], [2], 'not numbers of labels'),
    ([[.8, .2]], [-1], 'not numbers'), ([[.8, .2]], ['cat'], 'not numbers'), ([[.8, .2]], [.0], 'not numbers'), ([[.8, .2]], [None], 'not numbers')]

def test_bad_input():
    for probs,truth,said in BAD:
        for f in (fit_temperature, reliability_table, calibration_error, cross_calibrated):
            with pytest.raises(PetLearnError, match=said): f(probs, truth)

def test_bad_numbers():
    for o in (0, -1, 2.5, '10', True):
        with pytest.raises(PetLearnError, match='bins='): calibration_error([[.8, .2]], [0], o)
    for o in (0, -1, math.nan, math.inf, None, 'hot', True):
        with pytest.raises(PetLearnError, match='temperature='): calibrated([[.8, .2]], o)
    for o in (0, 1, 2.5, True):
        with pytest.raises(PetLearnError, match='folds='): cross_calibrated([[.8, .2]]*5, [0]*5, o)
    with pytest.raises(PetLearnError, match='One photo'): cross_calibrated([[.8, .2]], [0])
    with pytest.raises(PetLearnError, match='reliability table'): plot_reliability([[.8, .2]])

def test_a_table_of_probabilities_is_as_good_as_the_scores():
    "The table holds probabilities, a prediction is made from scores: both are calibrated to the same."
    for gap,temperature in product((1, 20, 40, 80), (.5, 1, 3, 20)):
        z = np.array([[0, gap], [gap, 0], [0, gap/2]], np.float32)
        e = np.exp(z - z.max(1, keepdims=True))
        assert np.allclose(calibrated(e/e.sum(1, keepdims=True), temperature), softmax(z/temperature, axis=1), atol=1e-5)
