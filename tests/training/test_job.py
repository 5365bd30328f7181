"A training is stopped, fails, runs out of room or of disk: what it has learned is never lost, and it goes on to the last bit."
import errno, itertools, os, random, signal, threading, time
from pathlib import Path
import pytest, torch
from fastai.callback.core import Callback
from petlearn import PetLearnError, Predictor, train
from petlearn.runs.book import runs
from petlearn.models.checkpoints import load_checkpoint
from petlearn.photos.drawings import draw_pets
from petlearn.runs.names import memorable_name
from trainings import QUICK, Do, best, ctrl_c, is_learning, numbers, states, weights

pytestmark = [pytest.mark.usefixtures('hears_ctrl_c'), pytest.mark.slow]

def test_ctrl_c_anywhere_and_go_on_to_the_last_bit(few, tmp_path, one_thread):
    "Five steps an epoch: in the middle and at the end of an epoch of the head, and while everything learns."
    kw = dict(size=64, epochs=3, fine_tune_epochs=2)
    whole = train(few, **kw, runs_dir=tmp_path/'whole')
    for at in (1, 5, 15, 18):
        folder = tmp_path/f'{at}'
        run = train(few, **kw, cbs=[Do(at, ctrl_c)], runs_dir=folder)
        assert run.state == 'STOPPED' and run.steps == at and run.predict(few/'Abyssinian_1.jpg').probs
        assert load_checkpoint(run.path/'checkpoints/last.safetensors')[0]['steps'] == at
        assert run.metrics['valid_loss'] == pytest.approx(best(run).cross_entropy, abs=1e-3), 'the best so far'
        again = train(resume='newest', runs_dir=folder)
        assert again.path == run.path and again.state == 'SUCCEEDED' and again.parent == ''
        assert weights(again) == weights(whole) and numbers(again) == numbers(whole) and again.metrics == whole.metrics

def test_stopped_again_and_again(few, tmp_path, one_thread):
    whole = train(few, **QUICK, checkpoint_every=4, runs_dir=tmp_path/'whole')
    run = train(few, **QUICK, checkpoint_every=4, cbs=[Do(2, ctrl_c)], runs_dir=tmp_path/'runs')
    while run.state == 'STOPPED': run = train(resume='V001', cbs=[Do(2, ctrl_c)], runs_dir=tmp_path/'runs')
    assert weights(run) == weights(whole) and numbers(run) == numbers(whole)
    drop = lambda o: o.checkpoints.drop(columns=[c for c in o.checkpoints if 'seconds' in c]).values.tolist()
    assert drop(run) == drop(whole) and whole.checkpoints.step.tolist() == [4, 8, 12]

def test_stop_from_another_thread(few, tmp_path):
    "What a Stop button calls."
    def press():
        for o in itertools.count():
            for run in runs(tmp_path/'runs'):
                if is_learning(run): return run.stop()
            time.sleep(.02)
    class Slow(Callback):
        def after_step(self): time.sleep(.05)
    button = threading.Thread(target=press)
    button.start()
    run = train(few, size=64, epochs=500, cbs=[Slow()], runs_dir=tmp_path/'runs')
    button.join()
    assert run.state == 'STOPPED' and 0 < run.steps < 2000 and not (run.path/'stop').exists()
    assert [str(o) for o,_ in run.metadata['states']][-3:] == ['STOP_REQUESTED', 'STOPPING', 'STOPPED']

def test_ctrl_c_twice_goes_back_to_the_best_checkpoint(few, tmp_path):
    "In the middle of a step the weights are half old, half new: they must not be used."
    def twice():
        ctrl_c()
        ctrl_c()
    run = train(few, **QUICK, cbs=[Do(10, twice)], runs_dir=tmp_path)
    assert run.state == 'STOPPED' and run.predict(few/'Abyssinian_1.jpg').probs and len(run.history) == 2
    assert run.metrics['valid_loss'] == pytest.approx(best(run).cross_entropy, abs=1e-3)
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_ctrl_c_before_the_first_step(few, tmp_path, monkeypatch):
    from petlearn.training import job
    before,real = signal.getsignal(signal.SIGINT),job.features
    def features(*args, **kwargs):
        ctrl_c()
        return real(*args, **kwargs)
    monkeypatch.setattr(job, 'features', features)
    with pytest.raises(KeyboardInterrupt): train(few, **QUICK, runs_dir=tmp_path)
    run, = runs(tmp_path)
    assert run.state == 'CANCELED' and run.metrics == {} and runs(tmp_path).rows[0].get('steps') is None
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is before
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_a_ctrl_c_that_is_ignored_stays_ignored(few, tmp_path):
    "As in a process that a shell has started in the background."
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = train(few, **QUICK, cbs=[Do(3, ctrl_c)], runs_dir=tmp_path)
    assert run.state == 'SUCCEEDED' and signal.getsignal(signal.SIGINT) is signal.SIG_IGN

def test_failures_are_written_down(few, tmp_path):
    def fail(): raise ZeroDivisionError('oh')
    with pytest.raises(ZeroDivisionError): train(few, **QUICK, cbs=[Do(6, fail)], runs_dir=tmp_path)
    run, = runs(tmp_path)
    assert run.state == 'FAILED' and run.error.startswith('ZeroDivisionError') and 'Traceback' in (run.path/'error.txt').read_text()
    assert 'use' in run.actions and run.predict(few/'Abyssinian_1.jpg').probs, 'the best checkpoint is still good'
    assert 'ZeroDivisionError' in str(run) + run._repr_html_()
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_best_is_only_written_when_better(few, tmp_path):
    from petlearn.models import checkpoints
    written = []
    real = checkpoints.save_checkpoint
    def save(path, *args):
        written.append(Path(path).name)
        return real(path, *args)
    checkpoints.save_checkpoint = save
    try: run = train(few, size=64, epochs=8, lr=.05, runs_dir=tmp_path)
    finally: checkpoints.save_checkpoint = real
    scores = [(1-o.accuracy, o.cross_entropy) for o in run.history[run.history.dataset == 'valid'].itertuples()]
    better = sum(o < min(scores[:i], default=(9, 9)) for i,o in enumerate(scores))
    assert better < 8 and written.count('best.safetensors') == better and written.count('last.safetensors') == 8

def test_early_stopping_spans_the_phases(few, tmp_path):
    run = train(few, size=64, epochs=200, fine_tune_epochs=3, lr=.3, patience=3, runs_dir=tmp_path)
    valid = run.history[run.history.dataset == 'valid']
    last_gain = max(valid.cross_entropy.to_numpy().argmin(), valid.accuracy.to_numpy().argmax())
    assert len(valid) == last_gain + 1 + 3 and run.state == 'SUCCEEDED' and set(run.history.phase) == {'head'}

def test_checkpoints_of_both_phases(few, tmp_path):
    run = train(few, size=64, epochs=2, fine_tune_epochs=1, checkpoint_every=4, runs_dir=tmp_path)
    assert run.checkpoints.step.tolist() == [4, 8, 12] and run.checkpoints.phase.tolist() == ['head', 'head', 'fine-tune']
    assert load_checkpoint(run.path/'checkpoints/last.safetensors')[0]['steps'] == run.steps == 15

def test_enough_minutes_change_nothing(few, tmp_path, one_thread):
    assert weights(train(few, **QUICK, minutes=5, runs_dir=tmp_path)) == weights(train(few, **QUICK, runs_dir=tmp_path))

def test_no_epoch_at_all(few, tmp_path):
    from fastai.callback.core import CancelFitException
    class Cancel(Callback):
        def before_epoch(self): raise CancelFitException
    with pytest.raises(PetLearnError, match='before its first validation'): train(few, **QUICK, cbs=[Cancel()], runs_dir=tmp_path)
    class CtrlC(Callback):
        def before_fit(self): ctrl_c()
    with pytest.raises(KeyboardInterrupt): train(few, size=64, epochs=0, fine_tune_epochs=1, cbs=[CtrlC()], runs_dir=tmp_path)
    assert states(tmp_path) == ['FAILED', 'CANCELED']

def test_all_photos_of_a_label_are_damaged(tmp_path):
    folder = draw_pets(tmp_path/'pets', n=24, seed=31)
    birds = [folder/f'bird_{i}.jpg' for i in range(6)]
    for i,o in enumerate(birds): o.write_text(f'no photo {i}')
    def label(o): return 'bird' if o.name.startswith('bird') else 'cat' if o.name[0].isupper() else 'dog'
    for check,says in ((True, "Too few photos: 0 of 'bird'"), (False, "No photo of 'bird' could be used")):
        with pytest.raises(PetLearnError, match=says): train(folder, label, **QUICK, skip_damaged=True, check=check, runs_dir=tmp_path/'runs')

def test_nothing_of_python_is_changed(few, tmp_path):
    import numpy as np, warnings
    def state(): return random.getstate(),np.random.get_state()[1].tolist(),torch.get_rng_state().tolist(),os.getcwd(),dict(os.environ),signal.getsignal(signal.SIGINT),signal.getsignal(signal.SIGTERM),list(warnings.filters)
    train(few, **QUICK, runs_dir=tmp_path)
    before = state()
    train(few, **QUICK, fine_tune_epochs=1, runs_dir=tmp_path)
    memorable_name()
    assert state() == before

def test_the_test_set_is_looked_at_once(few, tmp_path, monkeypatch):
    from petlearn.training import results
    asked,real = [],results._probabilities
    def probabilities(layer, x):
        asked.append(x)
        return real(layer, x)
    monkeypatch.setattr(results, '_probabilities', probabilities)
    run = train(few, **QUICK, test_pct=.2, runs_dir=tmp_path)
    usage = {o.tobytes(): u for o,u in zip(run.bank.x, run.bank.table.usage)}
    assert [{usage[o.tobytes()] for o in x} for x in asked] == [{'valid', 'test'}]
    test = run.predictions[run.predictions.usage == 'test']
    assert run.metrics['test_of'] == len(test) == 4 and run.metrics['test_wrong'] == (test.label != test.predicted).sum()
    assert run.metrics['test_acc'] == 1-run.metrics['test_wrong']/4 and runs(tmp_path).table.test_acc.tolist() == [run.metrics['test_acc']]
    shas = run.split.groupby('usage').sha256.agg(set)
    assert not shas['test'] & (shas['train'] | shas['valid']) and len(run.history) == 6

def test_a_folder_for_the_test(few, tmp_path):
    other = draw_pets(tmp_path/'other', n=10, seed=55)
    run = train(few, **QUICK, test_dir=other, runs_dir=tmp_path/'runs')
    assert run.metrics['test_of'] == 10 and run.metrics['of'] == 4 and set(run.split.usage) == {'train', 'valid', 'test'}

def test_try_again_later(few, tmp_path, monkeypatch):
    from petlearn.training import turns
    for need,word in (((10**15, 0), 'on the disk'), ((0, 10**15), 'of memory')):
        monkeypatch.setattr(turns, 'room_needed', lambda *args: turns.Room(*need))
        with pytest.raises(PetLearnError, match=f'needs about .* {word}'): train(few, **QUICK, runs_dir=tmp_path/word)
        run, = runs(tmp_path/word)
        assert run.state == 'TRY_AGAIN_LATER' and word in run.error and run.actions == {'resume', 'delete'}
    monkeypatch.undo()
    assert train(resume='V001', runs_dir=tmp_path/word).state == 'SUCCEEDED'

def test_memory_that_runs_short(few, tmp_path, monkeypatch):
    "As PyTorch says it: the run says so in a sentence, with settings that need half of it at most; and a limit of the container is known beforehand."
    from petlearn.training import job, turns
    words = 'could not create a primitive', "DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes"
    for i,o in enumerate(words):
        def fine_tune(*args, **kwargs): raise RuntimeError(o)
        monkeypatch.setattr(job, 'fine_tune', fine_tune)
        with pytest.raises(PetLearnError, match='Memory ran short') as e: train(few, epochs=1, fine_tune_epochs=1, size=224, runs_dir=tmp_path)
        run = runs(tmp_path)[f'V00{i+1}']
        assert 'train with less: train(' in e.value.fix and 'fine_tune_epochs=0' in e.value.fix and run.state == 'FAILED' and 'Memory ran short' in run.error and o in (run.path/'error.txt').read_text()
    monkeypatch.undo()
    monkeypatch.setattr(turns, 'memory_left', lambda: 400_000_000)
    with pytest.raises(PetLearnError, match='needs about') as e: train(few, size=224, fine_tune_epochs=1, runs_dir=tmp_path)
    assert 'fine_tune_epochs=0, epochs=10' in e.value.fix and train(few, epochs=1, fine_tune_epochs=0, size=64, runs_dir=tmp_path).state == 'SUCCEEDED'

def test_a_disk_that_gets_full(few, tmp_path, monkeypatch):
    "Whatever write is the first to fail: a clear sentence, earlier runs stay good, and with room again it goes on."
    good,real = train(few, **QUICK, runs_dir=tmp_path),os.fsync
    for after in range(0, 40, 6):
        n = itertools.count()
        def fsync(fd):
            if next(n) >= after: raise OSError(errno.ENOSPC, 'No space left on device')
            return real(fd)
        with monkeypatch.context() as m:
            m.setattr(os, 'fsync', fsync)
            try: train(few, size=64, epochs=8, runs_dir=tmp_path)
            except PetLearnError as e: assert 'No space left' in e.what
        assert Predictor(good.path).predict(few/'Abyssinian_1.jpg').probs
        for run in list(runs(tmp_path))[1:]:
            assert run.state in ('FAILED', 'STATE_UNSPECIFIED', 'SUCCEEDED'), after
            if run.state != 'SUCCEEDED': assert train(resume=run, runs_dir=tmp_path).state == 'SUCCEEDED'
        assert not [o for o in tmp_path.rglob('*.-????????') if o.is_file()], after

@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='nothing is read-only for the administrator')
def test_a_folder_that_may_only_be_read(few, tmp_path):
    (tmp_path/'runs').mkdir(mode=0o500)
    with pytest.raises(PetLearnError, match="Can't write into"): train(few, **QUICK, runs_dir=tmp_path/'runs')

def test_a_folder_that_can_not_be_made(few, tmp_path, monkeypatch):
    def mkdir(*args, **kwargs): raise PermissionError(errno.EACCES, 'Permission denied')
    monkeypatch.setattr(Path, 'mkdir', mkdir)
    with pytest.raises(PetLearnError, match="Can't write into .*: Permission denied"): train(few, **QUICK, runs_dir=tmp_path/'runs')
