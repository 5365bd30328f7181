"Verdicts about many histories: the right rule is shown, in one line, whatever is missing; real trainings whose cause is known get no wrong cause."
import csv, io
from types import SimpleNamespace
import pandas as pd, pytest
from histories import RECORDED
from petlearn.core import PetLearnError
from petlearn.next_steps import TERMINAL, WIDGET, call, shown_in
from petlearn.runs.verdict import verdict

NAN,INF = float('nan'),float('inf')

def rows(train, valid, own=None, others=None, phase='head', lr=.01):
    "The rows of one phase; losses and accuracies that are `None` as a whole are left out, of a side or of a column."
    n,found = len(train or valid),[]
    for i in range(n):
        for dataset,losses,right in (('train', train, own or [.9]*n), ('valid', valid, others or [.88]*n)):
            if losses: found.append(dict(phase=phase, dataset=dataset, epoch=i+1, batches=9, accuracy=right[i], cross_entropy=losses[i], learning_rate=lr, seconds=.1))
    return found

def photos(train, valid):
    "A split with so many photos of each label; numbers stand for cats and dogs, half of each."
    train,valid = (o if isinstance(o, dict) else dict(cat=(o+1)//2, dog=o//2) for o in (train, valid))
    return [dict(label=label, usage=usage) for usage,counts in (('train', train), ('valid', valid)) for label,n in counts.items() for _ in range(n)]

FALLING,RISING = [.9, .5, .3, .2, .15, .1, .07, .05],[.8, .5, .42, .40, .45, .5, .56, .62]
CALM = [.8, .55, .46, .42, .40, .395, .392, .391]
TUNED = dict(phase='fine-tune', lr=.001)
RANDOM = rows([.9, .72, .70, .69, .69, .69], [.72, .70, .71, .72, .72, .72], [.5]*6, [.55]*6)
# figures of a log in ML.NET's documentation: .987 in training, .763 and then .755 in validation, loss rising
MLNET = rows([.62*.82**i for i in range(20)], [.60, .55, .52, .51] + [.51 + .012*i for i in range(1, 17)],
             [min(.7 + .03*i, .987) for i in range(20)], [.7, .74, .76, .763] + [.763 - .008*i/16 for i in range(1, 17)])

CASES = dict( # history, number of validation photos, what is said
    empty=([], None, 'nothing to say yet'),
    none=(None, None, 'nothing to say yet'),
    one_epoch=(rows([.9], [.8]), 16, 'only one epoch: a curve needs at least two. Next: epochs=10'),
    one_epoch_nan=(rows([NAN], [NAN], lr=1), 16, 'no longer a number in epoch 1: the learning rate is too high. Next: lr=0.01'),
    nan_later=(rows([.9, .8, NAN], [.9, .9, NAN], lr=.3), 16, 'no longer a number in epoch 3'),
    infinite=(rows([.9, INF], [.9, .8]), None, 'no longer a number in epoch 2'),
    nan_while_tuning=(rows(FALLING, CALM) + rows([NAN], [.5], **TUNED), 16, 'in epoch 9 (fine-tune): the learning rate is too high. Next: lr=0.001'),
    no_valid=(rows(FALLING, None), None, "no validation photos, so nobody knows how good it is on new photos. Next: valid_pct=0.2"),
    no_train=(rows(None, CALM), 74, 'the curves look as they should'),
    one_label=(rows(FALLING, CALM), dict(cat=20), "all 20 validation photos are 'cat', so nothing is known about 'dog'"),
    too_high=(rows([4.1, .9, .6, .45, .5, .1], [2, 3.7, 3.1, 3.3, 4.2, 6.3], [.61, .92, .94, .97, .96, .98], lr=.3), 74, 'training loss of 0.45 with 97 % right (epoch 4): the learning rate is too high. Next: lr=0.01'),
    leapt_by_itself=(rows([1.5, .9, .9, .5, .1, .04, .02, .01], [.7, 2.4, 2.4, .7, 1.9, .9, 1.2, 1.5], [.55, .72, .70, .88, .97, .98, 1, 1], [.62, .62, .69, .81, .69, .81, .75, .75]), 16,
                     'validation loss 0.70, worse than blind guessing (0.69): very sure of its mistakes'),
    two_better=(rows([.9, .6], [.8, .65], [.5, .62], [.5, .6]), 74, 'right on only 62 % even of the training photos, and it was still learning: too few epochs. Next: epochs=10'),
    two_worse=(rows([.5, .3], [.4, .6]), 74, 'the curves look as they should: validation loss came down to 0.4 in epoch 1'),
    mlnet=(MLNET, None, "right on 99 % of the training photos, but on only 76 % of the validation photos; the curves can't tell why"),
    rising=(rows(FALLING, RISING), 74, 'validation loss rose after epoch 4 while training loss fell; wrong on 9 of 74 validation photos'),
    rising_on_five_mistakes=(rows(FALLING, RISING), 40, 'the curves look as they should'),
    rising_alone=(rows(None, RISING), 74, 'the curves look as they should'),
    long_for_nothing=(rows(FALLING + [.05]*12, CALM + [.45]*12), 74, 'nothing got better after epoch 8: 12 of 20 epochs brought nothing; wrong on 9 of 74 validation photos. Next: patience=10'),
    convex=(rows([3.15, .3, .05, .01, .004, .002], [1.2, 1.22, 1.3, 1.5, 1.9, 2.6], [.5, .9, .98, 1, 1, 1], [.6, .62, .6, .6, .6, .6]), 40, 'right on 100 % of the training photos, but on only 62 % of'),
    tuned_in_vain=(rows(FALLING, CALM) + rows([.1], [.42], **TUNED), 74, 'fine-tuning did not help: epoch 8 (head), before it began, was the best. Next: fine_tune_epochs=0'),
    tuned_fewer_mistakes=(rows(FALLING, CALM) + rows([.1, .09], [.40, .40], None, [.95, .95], **TUNED), 74, 'the curves look as they should'),
    tuned_not_ready=(rows(FALLING, CALM) + rows([.9, .6], [.8, .65], [.5, .7], [.5, .7], **TUNED), 74, 'too few epochs. Next: fine_tune_epochs=10'),
    trembling=(rows(FALLING, [.8, .5, .42, .44, .41, .45, .40, .43]), 74, 'the curves look as they should'),
    gap=(rows([.9, .3, .1, .05, .04, .03], [.9, .7, .62, .60, .60, .60], [.6, .9, .97, .98, .99, .99], [.6, .7, .75, .76, .76, .76]), 74,
         "right on 99 % of the training photos, but on only 76 % of the validation photos; the curves can't tell why (too few photos, wrong labels, a shortcut, photos of another kind?). Next: run.interpret(), find_label_issues(run)"),
    gap_of_few_photos=(rows([.9, .3, .1, .05, .04, .03], [.9, .4, .32, .30, .30, .30], [.7, .9, .97, .99, .99, .99], [.8]*6), 16, 'the curves look as they should'),
    read_in_the_end=(rows([2.5, .8, .1, .01], [.9, 1.4, 2.2, 2.6], [.5, .72, .98, 1], [.6, .59, .55, .55]), 40, 'right on 100 % of the training photos, but on only 60 %'), # the kept epoch is the first
    worse_than_guessing=(rows([.9, .4, .1], [1.1, .95, .916], [.6, .8, .9], [.8, .85, .85]), 74, 'validation loss 0.92, worse than blind guessing (0.69): very sure of its mistakes'),
    no_better=(rows([.9, .4, .1], [.7, .65, .64], [.6, .8, .9], [.5, .55, .55]), dict(cat=11, dog=9), "wrong on 9 of 20 validation photos, and always answering 'cat' on 9; the curves can't tell why"),
    luck=(rows([.9, .4, .1], [.7, .45, .44], [.6, .8, .9], [.5, .75, .75]), 4, "wrong on 1 of 4 validation photos, and always answering 'cat' on 2: too few photos to tell that from luck"),
    constant=(RANDOM, 74, "right on only 50 % even of the training photos; the curves can't tell why (wrong labels, labels that look alike?). Next: run.interpret(), find_label_issues(run)"),
    too_slow=(rows([1.15, 1.14, 1.13, 1.12, 1.11], [1.2, 1.19, 1.18, 1.18, 1.17], [.4]*5, [.3]*5, lr=1e-5), 74, 'a learning rate of 1e-05 is too low. Next: lr=0.01'),
    too_fast=(rows([.7, .8, .7, .9, .8, .8], [.7, .8, .7, .75, .8, .8], [.5]*6, [.5]*6, lr=.5), 74, "can't tell why (wrong labels, labels that look alike, a learning rate of 0.5?)"),
    constant_but_good=(rows([.01]*5, [.08]*5, [.99]*5, [.97]*5), 74, 'the curves look as they should: validation loss came down to 0.08 in epoch 1'),
    perfect_few=(rows(FALLING, CALM, None, [1.]*8), 16, 'no mistakes on 16 validation photos: so few that up to 21 % of new ones may be wrong'),
    perfect_some=(rows(FALLING, CALM, None, [1.]*8), 74, 'up to 5 % of new ones may'),
    perfect_many=(rows(FALLING, CALM, None, [1.]*8), 1000, 'at most 0.4 % of new photos should be wrong; too good to be true?'),
    perfect_unknown=(rows(FALLING, CALM, None, [1.]*8), None, 'very good, if they are many'),
    low_but_good=(rows([.69, .64, .62, .61, .60], [.69, .66, .65, .645, .644], [.5, .6, .62, .63, .63], [.5, .6, .6, .6, .6], lr=.001), 74, "can't tell why (wrong labels, labels that look alike, a learning rate of 0.001?)"),
    slow=(rows([1.027, .957, .835, .668, .534, .462, .41, .381, .368, .363], [.918, .828, .697, .554, .487, .459, .431, .411, .402, .401],
               [.45, .47, .53, .63, .72, .8, .84, .84, .84, .84], [.5, .63, .75, .75, *[.8125]*6], lr=3e-4), 16, 'a learning rate of 0.0003 is too low. Next: lr=0.01'), # measured
    settled=(rows([.832, .256, .035, .003, .002, .001, .001, .001, .001, .001], [.589, .296, .155, .258, .219, .17, .15, .144, .143, .142],
                  [.52, .89, .98, *[1.]*7], [.75, *[.9375]*9]), 16, 'validation loss came down to 0.142 in epoch 10; wrong on 1 of 16'), # the same with lr=.01
    well=(rows(FALLING, CALM), 74, "the curves look as they should: validation loss came down to 0.391 in epoch 8; wrong on 9 of 74 validation photos, and they can't tell why. Next: run.interpret()"),
    well_of_unknown_photos=(rows(FALLING, CALM), None, 'wrong on 12 % of the validation photos'),
    no_learning_rate=([{k: v for k,v in o.items() if k != 'learning_rate'} for o in rows([NAN, NAN], [NAN, NAN])], 16, 'lr=0.001'),
    words_in_numbers=([o | dict(cross_entropy='?') for o in rows([.9, .8], [.9, .8])], None, 'no longer a number'),
    well_but_kept_earlier=(rows(FALLING, CALM, None, [.8, .85, .9, .95, .92, .92, .92, .92]), 74, 'came down to 0.391 in epoch 8; epoch 4 made the fewest mistakes and was kept; wrong on 4 of 74'),
    one_epoch_of_tuning=(rows([.5], [.5], **TUNED), 16, 'Next: fine_tune_epochs=3'),
    half_an_epoch=(rows(FALLING, CALM) + rows([.04], None), 74, 'the curves look as they should'),
)

@pytest.mark.parametrize('name', CASES)
def test_verdict(name):
    "As rows; as a `DataFrame`; as rows of a file, in which every number is text and nan is empty; whichever side comes first."
    history,n,words = CASES[name]
    split = photos(100, n) if n else None
    said = verdict(history, split)
    assert words in said and '\n' not in said and len(said) < 260, said
    if not history: return
    df = pd.DataFrame(history)
    assert words in verdict(df, split and pd.DataFrame(split))
    assert words in verdict(list(csv.DictReader(io.StringIO(df.to_csv(index=False)))), split)
    if df.phase.nunique() == 1: assert words in verdict(sorted(history, key=lambda o: o['dataset'] != 'train'), split)

# what a sentence may say about a cause; that the curves can't tell is always right
MAY_SAY = {'fine': (), 'fine, 16 validation photos': (), 'learning rate far too high': ('the learning rate is too high',), 'learning rate too low': ('is too low',),
           'too few epochs': ('too few epochs',), 'too few photos': ('to learn from',), '5 % wrong labels': (), '10 % wrong labels': (), '15 % wrong labels': (), 'a shortcut': (),
           'a leak': (), 'one label missing in validation': ('nothing is known about',), 'validation of another kind': (), 'hard but honest': ('to learn from',)}
CAUSES = 'the learning rate is too high', 'is too low', 'too few epochs', 'brought nothing', 'nothing is known about'

@pytest.mark.parametrize('name', RECORDED)
def test_real_trainings_get_no_wrong_cause(name):
    lr,size,train,valid,*curves = RECORDED[name]
    losses,own,valid_losses,others = ([float(o) for o in text.split()] for text in curves)
    said,allowed = verdict(rows(losses, valid_losses, own, others, lr=lr), photos(train, valid), dict(lr=lr, size=size)),MAY_SAY[name.partition(':')[0]]
    assert all(o in allowed for o in CAUSES if o in said), said
    assert not allowed or any(o in said for o in allowed), said
    assert allowed or any(o in said for o in ("can't tell why", 'no mistakes')), said

def test_going_on_counts_from_one_again():
    "A training that is continued: the same phase twice, and the epochs are numbered on."
    said = verdict(rows([.9, .7], [.9, .7]) + rows([.6, .5, .4, .3, .2], [.6, .65, .7, .77, .85]), photos(100, 74))
    assert 'rose after epoch 3 while training loss fell' in said, said

TOLD = [ # settings, photos, a case, what is said, and what is not
    (dict(patience=5), photos(100, 74), 'long_for_nothing', 'look as they should', 'brought nothing'), (dict(patience=0), photos(100, 74), 'long_for_nothing', 'patience=10', 'none'),
    (dict(size=64), photos(100, 74), 'gap', 'pictures of 64 pixels?', 'none'), (dict(size=224), photos(100, 74), 'gap', 'of another kind?', 'pixels'),
    (dict(lr=.1), photos(100, 74), 'too_high', 'lr=0.01', 'none'), (dict(lr=None, patience=None), photos(100, 74), 'too_high', 'lr=0.01', 'none'),
    ({}, photos(9, 74), 'gap', "only 4 photos of 'dog' to learn from", 'too few'), ({}, photos(9, 74), 'well', "only 4 photos of 'dog' to learn from; the curves", 'none'),
    ({}, photos(dict(cat=50), dict(cat=20)), 'well', 'as they should', 'nothing is known'), ({}, photos(dict(cat=50, dog=9, cow=9), dict(cat=20)), 'well', "about 'dog', 'cow'", 'none'),
]

def test_words_fit_the_settings_and_the_photos():
    for params,split,name,words,not_said in TOLD:
        history = CASES[name][0]
        said = verdict(history, split, params)
        assert words in said and not_said not in said, (params, said)
        assert verdict(SimpleNamespace(history=pd.DataFrame(history), split=pd.DataFrame(split), params=params)) == said

def test_the_next_step_is_said_where_it_is_read():
    for place,words in ((TERMINAL, '--epochs 10'), (WIDGET, 'Next: epochs 10')):
        with shown_in(place): assert verdict(CASES['two_better'][0], photos(100, 74)).endswith(words)
    whole = lambda **settings: call('train', 'pets', **settings)
    run = SimpleNamespace(history=pd.DataFrame(CASES['two_better'][0]), split=pd.DataFrame(photos(100, 74)), params={}, train_step=whole)
    assert verdict(run).endswith("Next: train('pets', epochs=10)")
    with shown_in(TERMINAL): assert verdict(run).endswith('Next: petlearn train pets --epochs 10')
    with shown_in(TERMINAL): assert verdict(CASES['gap'][0]).endswith('petlearn report, in a notebook: find_label_issues(run)')

def test_runs_that_have_nothing_yet():
    for o in (SimpleNamespace(history=None), SimpleNamespace(history=pd.DataFrame(), split=None, params=None)): assert 'nothing to say yet' in verdict(o)

def test_something_else_is_refused():
    for o in ('V001', 3, [1, 2], [dict(epoch=1)], pd.DataFrame({'epoch': [1]}), {'epoch': [1]}):
        with pytest.raises(PetLearnError, match='not the history of a training'): verdict(o)
