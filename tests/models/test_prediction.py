"What a model answers, in words and for other programs."
import json
import pytest
from petlearn.models.prediction import Prediction

SAID = { # probabilities, what True means, novelty, the lines that are printed
    'a cat': (dict(cat=.998611, dog=.001389), '', None, "Is this a cat?: True.\nProbability it's a cat: 0.998611"),
    'a dog': (dict(dog=.9, cat=.1), '', None, "Is this a cat?: False.\nProbability it's a cat: 0.100000"),
    'is_cat, yes': ({'True': .998611, 'False': .001389}, 'cat', None, "Is this a cat?: True.\nProbability it's a cat: 0.998611"),
    'is_cat, no': ({'False': .998611, 'True': .001389}, 'cat', .1, "Is this a cat?: False.\nProbability it's a cat: 0.001389"),
    'is_owl': ({'False': .9, 'True': .1}, 'owl', None, "Is this an owl?: False.\nProbability it's an owl: 0.100000"),
    'of what, nobody knows': ({'True': .9, 'False': .1}, '', None, 'Most likely: True.\nProbability of True: 0.900000'),
    'other labels': (dict(pug=.9, beagle=.1), 'cat', None, 'Most likely: pug.\nProbability of pug: 0.900000'),
    'not sure': (dict(cat=.6, dog=.4), '', None, "Is this a cat?: True.\nProbability it's a cat: 0.600000\nThe model is not sure: it gives 'cat' only 60 %."),
    'neither': (dict(cat=.6, dog=.4), '', 4.1, 'Neither cat nor dog, as far as this model can tell.\nThe photo is like nothing that it has learned from (novelty 4.1, limit 2.5). If it had to choose: cat, 60 %.'),
    'neither of the two': ({'False': .9, 'True': .1}, 'cat', 4.1, 'Neither True nor False, as far as this model can tell.\nThe photo is like nothing that it has learned from (novelty 4.1, limit 2.5). If it had to choose: False, 90 %.'),
    'none of three': (dict(a=.8, b=.1, c=.1), '', 3., 'None of the 3 labels, as far as this model can tell.\nThe photo is like nothing that it has learned from (novelty 3.0, limit 2.5). If it had to choose: a, 80 %.')}

@pytest.mark.parametrize('case', SAID)
def test_words(case):
    probs,subject,novelty,said = SAID[case]
    assert str(Prediction(probs, novelty=novelty, subject=subject)) == said

def test_scores_come_best_first():
    "Whatever the order was, also through JSON; at most `top` of them; all by name in `probs`."
    p = Prediction({f'label {i}': i/45 for i in range(9, -1, -1)})
    for top,n in ((None, 10), (5, 5), (1, 1), (99, 10)):
        d = json.loads(json.dumps(p.to_dict(top)))
        assert d['predicted_label'] == 'label 9' and list(d['scores']) == [f'label {i}' for i in range(9, 9-n, -1)]
        assert list(d['scores'].values()) == sorted(d['scores'].values(), reverse=True)
    assert len(p.to_dict()['scores']) == 5 and len(p.probs) == 10
