"Verdicts about many histories: the right rule is shown, in one line, whatever is missing."
import csv, io
from types import SimpleNamespace
import pandas as pd, pytest
from petlearn.core import PetLearnError
from petlearn.runs.verdict import verdict

NAN,INF = float('nan'),float('inf')

def rows(train, valid, own=None, others=None, phase='head', lr=.01):
    "The rows of one phase; losses and accuracies that are `None` as a whole are left out, of a side or of a column."
    n,found = len(train or valid),[]
    for i in range(n):
        for dataset,losses,right in (('train', train, own or [.9]*n), ('valid', valid, others or [.88]*n)):
            if losses: found.append(dict(phase=phase, dataset=dataset, epoch=i+1, batches=9, accuracy=right[i], cross_entropy=losses[i], learning_rate=lr, seconds=.1))
    return found

FALLING,RISING = [.9, .5, .3, .2, .15, .1, .07, .05],[.8, .5, .42, .40, .45, .5, .56, .62]
CALM = [.8, .55, .46, .42, .40, .395, .392, .391]
TUNED = dict(phase='fine-tune', lr=.001)
# figures of a log in ML.NET's documentation: .987 in training, .763 and then .755 in validation, loss rising
MLNET = rows([.62*.82**i for i in range(20)], [.60, .55, .52, .51] + [.51 + .012*i for i in range(1, 17)],
             [min(.7 + .03*i, .987) for i in range(20)], [.7, .74, .76, .763] + [.763 - .008*i/16 for i in range(1, 17)])

CASES = dict(
    empty=([], None, 'nothing to say yet'),
    none=(None, None, 'nothing to say yet'),
    one_epoch=(rows([.9], [.8]), 16, 'only one epoch: a curve needs at least two'),
    one_epoch_nan=(rows([NAN], [NAN], lr=1), 16, 'no longer a number in epoch 1: the learning rate is too high. Next: lr=0.1'),
    nan_later=(rows([.9, .8, NAN], [.9, .9, NAN], lr=.3), 16, 'no longer a number in epoch 3'),
    infinite=(rows([.9, INF], [.9, .8]), None, 'no longer a number in epoch 2'),
    nan_while_tuning=(rows(FALLING, CALM) + rows([NAN], [.5], **TUNED), 16, 'in epoch 9 (fine-tune): the learning rate is too high. Next: lr=0.001'),
    leapt=(rows([2.4, .16, .17, .16, .2, .01], [.96, .54, 2.15, 1.08, 1.2, 1.4], lr=.1), 74, 'jumped from 0.54 to 2.15 in epoch 3'),
    no_valid=(rows(FALLING, None), None, 'no validation photos, so nobody knows'),
    no_train=(rows(None, CALM), 74, 'the curves look fine'),
    two_better=(rows([.9, .5], [.8, .5]), 74, 'still falling at the end (0.8, then 0.5): more epochs may help. Next: epochs=4'),
    two_worse=(rows([.5, .3], [.4, .6]), 74, 'lowest in epoch 1 (0.4) and ended at 0.6'),
    mlnet=(MLNET, None, 'validation loss rose for 16 epochs while training loss fell: overfitting; epoch 4 was the best'),
    three_after_the_best=(rows(FALLING[:7], RISING[:7]), 74, 'rose for 3 epochs while training loss fell: overfitting; epoch 4 was the best. Next: epochs=4, or with patience=3'),
    two_after_the_best=(rows(FALLING[:6], RISING[:6]), 74, 'not enough to call it overfitting'),
    leapt_and_stayed=(rows(FALLING + [.04], [.8, .5, .4, .7, .8, .78, .77, .76, .76]), 74, 'overfitting; epoch 3 was the best'),
    tuned_too_long=(rows(FALLING, CALM) + rows([.3, .2, .12, .07], [.41, .46, .52, .6], **TUNED), 74,
                    'rose for 4 epochs while training loss fell: overfitting; epoch 8 (head) was the best. Next: fine_tune_epochs=0'),
    tuned_well_then_too_long=(rows(FALLING, CALM) + rows([.3, .2, .12, .08, .05], [.36, .33, .38, .44, .5], **TUNED), 74,
                              'overfitting; epoch 10 (fine-tune) was the best. Next: fine_tune_epochs=2'),
    tuned_in_vain=(rows(FALLING, CALM) + rows([.1], [.42], **TUNED), 74, 'fine-tuning did not help: epoch 8 (head), before it began, was the best'),
    tuned_fewer_mistakes=(rows(FALLING, CALM) + rows([.1, .09], [.40, .40], None, [.95, .95], **TUNED), 74, 'the curves look fine'),
    tuned_still_better=(rows(FALLING, CALM) + rows([.2, .15], [.38, .30], **TUNED), 74, 'Next: fine_tune_epochs=4'),
    rising_both=(rows([.5, .5, .55, .6, .7], [.5, .55, .62, .7, .8]), 74, 'training loss did not fall either, so the learning rate is too high'),
    rising_alone=(rows(None, RISING), 74, 'training loss is not known, so perhaps overfitting'),
    trembling=(rows(FALLING, [.8, .5, .42, .44, .41, .45, .40, .43]), 74, 'the curves look fine'),
    gap=(rows([.9, .3, .1, .05, .04, .03], [.9, .7, .62, .60, .60, .60], [.6, .9, .97, .98, .99, .99], [.6, .7, .75, .76, .76, .76]), 74,
         'right on 98 % of the training photos, but on only 76 % of the validation photos'),
    gap_of_few_photos=(rows([.9, .3, .1, .05, .04, .03], [.9, .4, .32, .30, .30, .30], [.99]*6, [.86]*6), 7, 'the curves look fine'),
    constant=(rows([.69]*5, [.69]*5, [.5]*5, [.5]*5), 74, 'training loss did not fall (0.69, then 0.69): the model learned nothing. Are the labels right'),
    too_slow=(rows([1.15, 1.14, 1.13, 1.12], [1.2, 1.19, 1.18, 1.18], [.4]*4, [.3]*4, lr=1e-5), 74, 'A learning rate of 1e-05 is very low. Next: lr=0.01'),
    too_fast=(rows([.7, .8, .7, .9], [.7, .8, .7, .75], [.5]*4, [.5]*4, lr=.5), 74, 'very high'),
    constant_but_good=(rows([.01]*5, [.08]*5, [.99]*5, [.97]*5), 74, 'the curves look fine: validation loss came down to 0.08 in epoch 1 and stayed near it'),
    restless=(rows(FALLING, [.8, 1.2, .6, 1.1, .5, 1.2, .6, .7], lr=.3), 74, 'jumps up and down (between 0.50 and 1.20): the learning rate is too high. Next: lr=0.1'),
    perfect_few=(rows(FALLING, CALM, None, [1.]*8), 16, 'no mistakes on 16 validation photos: so few that up to 21 % of new ones may be wrong'),
    perfect_some=(rows(FALLING, CALM, None, [1.]*8), 74, 'up to 5 % of new ones may'),
    perfect_many=(rows(FALLING, CALM, None, [1.]*8), 1000, 'at most 0.4 % of new photos should be wrong; too good to be true?'),
    perfect_unknown=(rows(FALLING, CALM, None, [1.]*8), None, 'very good, if they are many'),
    underfitting=(rows([.69, .64, .62, .61, .605], [.69, .66, .65, .645, .644], [.5, .6, .62, .63, .63], [.5, .6, .6, .6, .6], lr=.001), 74,
                  'right on only 63 % even of the training photos'),
    still_better=(rows([.9, .7, .6, .5], [.9, .72, .6, .52]), 74, 'still falling at the end'),
    well=(rows(FALLING, CALM), 74, 'the curves look fine: validation loss came down to 0.391 in epoch 8; wrong on 12 % of the validation photos'),
    no_learning_rate=([{k: v for k,v in o.items() if k != 'learning_rate'} for o in rows([NAN, NAN], [NAN, NAN])], 16, 'Next: lr=0.001'),
    words_in_numbers=([o | dict(cross_entropy='?') for o in rows([.9, .8], [.9, .8])], None, 'no longer a number'),
    fewest_mistakes_later=(rows(FALLING, RISING, None, [.7, .8, .85, .88, .88, .9, .89, .89]), 74,
                           'overfitting; its loss was lowest in epoch 4, but epoch 6 made the fewest mistakes and was kept. Next: epochs=6, or with patience=3'),
    fewest_mistakes_earlier=(rows(FALLING, RISING, None, [.7, .8, .9, .88, .88, .88, .88, .88]), 74, 'but epoch 3 made the fewest mistakes and was kept. Next: epochs=4, or'),
    fewest_mistakes_last=(rows(FALLING, RISING, None, [.7, .8, .85, .86, .86, .87, .88, .9]), 74, 'epoch 8 made the fewest mistakes and was kept. Next: more photos of each label'),
    tuned_and_kept=(rows(FALLING, CALM) + rows([.3, .2, .12, .07], [.41, .46, .52, .6], None, [.88, .92, .9, .9], **TUNED), 74,
                    'lowest in epoch 8 (head), but epoch 10 (fine-tune) made the fewest mistakes and was kept. Next: fine_tune_epochs=2'),
    perfect_and_kept=(rows(FALLING, CALM, None, [.8, .9, 1., 1., 1., .98, .98, .98]), 16, 'no mistakes on 16 validation photos'),
    perfect_once_and_overfitting=(rows(FALLING, RISING, None, [1., *[.98]*7]), 74, 'lowest in epoch 4, but epoch 1 made the fewest mistakes'),
    well_but_kept_earlier=(rows(FALLING, CALM, None, [.8, .85, .9, .95, .92, .92, .92, .92]), 74,
                           'came down to 0.391 in epoch 8; epoch 4 made the fewest mistakes and was kept; wrong on 5 % of the validation photos'),
    slipped_but_kept=(rows(FALLING[:6], RISING[:6], None, [.8, .8, .8, .8, .8, .9]), 74, 'overfitting; epoch 6 made the fewest mistakes and was kept. Next: more photos'),
    guessing_is_no_gap=(rows([.80, .70, .695, .69, .689, .684], [.75, .74, .735, .733, .732, .732], [.5, .5, .52, .54, .55, .55], [.31]*6), 16, 'right on only 55 % even of'),
    slow=(rows([1.027, .957, .835, .668, .534, .462, .41, .381, .368, .363], [.918, .828, .697, .554, .487, .459, .431, .411, .402, .401],
               [.45, .47, .53, .63, .72, .8, .84, .84, .84, .84], [.5, .63, .75, .75, *[.8125]*6], lr=3e-4), 16, # measured with lr=.0003
          'still learning, but slowly: validation loss came down to 0.401, and training loss is hardly lower (0.363). Next: lr=0.01'),
    settled=(rows([.832, .256, .035, .003, .002, .001, .001, .001, .001, .001], [.589, .296, .155, .258, .219, .17, .15, .144, .143, .142],
                  [.52, .89, .98, *[1.]*7], [.75, *[.9375]*9]), 16, 'the curves look fine: validation loss came down to 0.142 in epoch 10; wrong on 6 %'), # the same with lr=.01
    one_epoch_of_tuning=(rows([.5], [.5], **TUNED), 16, 'Next: fine_tune_epochs=3'),
    half_an_epoch=(rows(FALLING, CALM) + rows([.04], None), 74, 'the curves look fine'),
)

@pytest.mark.parametrize('name', CASES)
def test_verdict(name):
    "As rows; as a `DataFrame`; as rows of a file, in which every number is text and nan is empty; whichever side comes first."
    history,photos,words = CASES[name]
    said = verdict(history, photos)
    assert words in said and '\n' not in said and len(said) < 240, said
    if not history: return
    df = pd.DataFrame(history)
    assert words in verdict(df, photos)
    assert words in verdict(list(csv.DictReader(io.StringIO(df.to_csv(index=False)))), photos)
    if df.phase.nunique() == 1: assert words in verdict(sorted(history, key=lambda o: o['dataset'] != 'train'), photos)

def test_going_on_counts_from_one_again():
    "A training that is continued: the same phase twice, and the epochs are numbered on."
    said = verdict(rows([.9, .7], [.9, .7]) + rows([.6, .5, .4, .3, .2], [.6, .65, .7, .77, .85]), 74)
    assert 'overfitting; epoch 3 was the best. Next: epochs=3' in said

TOLD = [ # settings, a case, what is said, and what is not
    (dict(patience=3), 'mlnet', 'Next: epochs=4', 'patience'), (dict(patience=0), 'mlnet', 'Next: epochs=4, or with patience=3', 'none'),
    (dict(patience=5), 'two_after_the_best', 'Next: epochs=4', 'patience'), (dict(epochs=0, fine_tune_epochs=1), 'one_epoch', 'Next: fine_tune_epochs=3', ' epochs='),
    (dict(epochs=1), 'one_epoch', 'Next: epochs=10', 'fine_tune'), (dict(preference='accuracy_first'), 'underfitting', 'Next: lr=0.01', 'preference'),
    (dict(preference='balance'), 'underfitting', "preference='accuracy_first'", 'none'), (dict(lr=.1), 'restless', 'Next: lr=0.03', 'none'),
    (dict(lr=None, patience=None), 'restless', 'Next: lr=0.1', 'none'),
]

def test_advice_fits_the_settings():
    for params,name,words,not_said in TOLD:
        history,photos,_ = CASES[name]
        said = verdict(history, photos, params)
        assert words in said and not_said not in said, (params, said)
        assert verdict(SimpleNamespace(history=pd.DataFrame(history), metrics=dict(of=photos), params=params)) == said

def test_runs_that_have_nothing_yet():
    for o in (SimpleNamespace(history=None), SimpleNamespace(history=pd.DataFrame(), metrics=None, params=None)): assert 'nothing to say yet' in verdict(o)

def test_photos_that_make_no_sense_are_ignored():
    for o in (0, -3, 'many', 2.5): assert 'very good, if they are many' in verdict(CASES['perfect_few'][0], o)

def test_something_else_is_refused():
    for o in ('V001', 3, [1, 2], [dict(epoch=1)], pd.DataFrame({'epoch': [1]}), {'epoch': [1]}):
        with pytest.raises(PetLearnError, match='not the history of a training'): verdict(o)
