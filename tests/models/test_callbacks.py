"Callbacks: what is logged, kept and stopped. (What a run makes of them is tested with the runs.)"
import time
import numpy as np, pytest, torch
from fastai.callback.core import Callback
from hypothesis import given, strategies as st
from petlearn.core import PetLearnError
from petlearn.models.backbones import backbone
from petlearn.models.callbacks import EarlyStopping, Heartbeat, RestoreBest, StopWhen, TimeBudget, TrainingLog, epochs_since_improvement
from petlearn.models.checkpoints import checkpoint_callbacks, load_checkpoint
from petlearn.models.features import Features
from petlearn.models.learner import layer_learner, train_head

@pytest.fixture(scope='module')
def bank():
    "Made-up features: two labels that overlap a little, 48 photos to learn from."
    import pandas as pd
    rng,n = np.random.default_rng(0),60
    x = rng.normal(size=(n, 12)).astype(np.float32)
    x[::2,:3] += 1.2
    table = pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(n)], label=['cat', 'dog']*(n//2), usage=['train']*48 + ['valid']*12, sha256='', variant=0))
    return Features(x, table, ['cat', 'dog'], backbone(), 64, 0, 0.)

def fit(bank, cbs, epochs=5, lr=.01):
    torch.manual_seed(0)
    head = layer_learner([None, [torch.nn.Linear(12, 2)]], bank, cbs=cbs)
    with head.no_bar(), head.no_logging(): train_head(head, epochs, lr)
    return head

class Slow(Callback):
    def after_step(self): time.sleep(.05)

def test_the_last_epoch_of_a_budget_counts_for_the_best(bank):
    "fastai's recorder leaves the training loss out of an epoch that was cut short; that must not mix the numbers up."
    log,budget = TrainingLog(),TimeBudget(.5)
    restore = RestoreBest(log)
    head = fit(bank, [log, restore, budget, Slow()], 20)
    assert budget.stopped and sum(o['batches'] for o in log.rows if o['dataset'] == 'train') == budget.steps and head.opt.hypers[-1]['lr'] < 2e-3
    with head.no_bar(): loss,error,_ = head.validate()
    assert restore.best['accuracy'] == pytest.approx(1-error) and restore.best['cross_entropy'] == pytest.approx(loss, abs=1e-4)

@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3)), min_size=1, max_size=20), st.floats(0, .5))
def test_epochs_since_improvement(epochs, min_delta):
    "Written down another way: the newest epoch that beats all earlier ones in one of the two."
    rows = [dict(dataset='valid', accuracy=a, cross_entropy=c) for a,c in epochs]
    best,accuracy,newest = float('inf'),0.,-1
    for i,(a,c) in enumerate(epochs):
        if c < best - min_delta or a > accuracy: newest = i
        if c < best - min_delta: best = c
        accuracy = max(accuracy, a)
    assert epochs_since_improvement(rows, min_delta) == len(epochs)-1-newest

def test_stopped_before_the_first_step_and_at_any_other(bank):
    for n in (0, 1, 7, 8, 9, 20):
        log,asked = TrainingLog(),iter(range(1000))
        stop = StopWhen(lambda: next(asked) >= n)
        fit(bank, [log, RestoreBest(log), stop], 3)
        assert stop.stopped == (n < 27) and (not log.rows or log.rows[-1]['dataset'] == 'valid'), n

def test_the_clock_counts_for_what_is_still_to_go(bank, capsys):
    "A thousand epochs that don't fit: the estimate is that of the clock, in sentences and in progress."
    heard,log = [],TrainingLog('head')
    fit(bank, [log, Heartbeat(lambda **o: heard.append(o), log), TimeBudget(1.5), Slow()], 1000)
    assert all(o['left'] <= 1.5 for o in heard[6:]) and heard[0]['left'] > 10
    assert 'of 1,000 epochs fit into' in capsys.readouterr().err

def test_progress_never_goes_back(bank):
    heard,log = [],TrainingLog('head')
    fit(bank, [log, Heartbeat(lambda **o: heard.append(o), log)], 3)
    done = [o['done'] for o in heard]
    assert done == sorted(done) and done[0] == 1 and done[-1] == heard[-1]['of'] and all(o['left'] >= 0 for o in heard) and heard[-1]['phase'] == 'head'

def test_continued_to_the_last_bit_from_any_step(bank, tmp_path):
    "Stopped once or often, at ends of epochs or between: the same weights and rows."
    def run(folder, stop=None, every=0):
        log,asked = TrainingLog('head'),iter(range(1000))
        head = fit(bank, [log, *checkpoint_callbacks(folder, log, every=every), StopWhen(lambda: stop is not None and next(asked) > stop)], 4)
        return head.model.weight,[{k: v for k,v in o.items() if k != 'seconds'} for o in log.rows]
    whole,rows = run(tmp_path/'whole')
    for stop in (1, 8, 9, 13, 30):
        run(tmp_path/f'{stop}', stop)
        again,rows_again = run(tmp_path/f'{stop}')
        assert torch.equal(whole, again) and rows == rows_again, stop
    for _ in range(6): run(tmp_path/'often', 4, every=5)
    often,rows_again = run(tmp_path/'often', every=5)
    assert torch.equal(whole, often) and rows == rows_again
    assert load_checkpoint(tmp_path/'often'/'last.safetensors').metadata['steps'] == 4*len(layer_learner([None, [torch.nn.Linear(12, 2)]], bank).dls.train)

def test_damaged_checkpoints_are_refused(bank, tmp_path):
    log = TrainingLog('head')
    fit(bank, [log, *checkpoint_callbacks(tmp_path, log)], 1)
    file = tmp_path/'last.safetensors'
    whole = file.read_bytes()
    for content in (b'', b'hello', whole[:100], whole[:-1]):
        file.write_bytes(content)
        with pytest.raises(PetLearnError, match='missing or damaged'): checkpoint_callbacks(tmp_path, log)

def test_early_stopping_counts_over_phases(bank):
    log = TrainingLog('head', [dict(phase='before', epoch=1, dataset='valid', accuracy=1., cross_entropy=0.)])
    fit(bank, [log, EarlyStopping(log, 2)], 10)
    assert len([o for o in log.rows if o['dataset'] == 'valid']) == 3, 'the best epoch was in the phase before'
