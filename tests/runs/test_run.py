"The run book: states, names, damage, crashes, two at once; stop and go on, to the last bit."
import errno, hashlib, itertools, json, os, random, shutil, signal, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pandas as pd, pytest, torch
from hypothesis import given, settings, strategies as st
from fastai.callback.core import Callback
from filelock import FileLock
from petlearn import PetLearnError, Predictor, train
from petlearn.models.callbacks import load_checkpoint
from petlearn.photos.drawings import draw_pets
from petlearn.datasets.split import split_photos
from petlearn.models.model_folder import model_json, write_metadata
from petlearn.runs.book import COLUMNS, EXTRAS, RunBook, find_run, memorable_name, runs
from petlearn.runs.run import LIVE, State
from petlearn.runs.progress import follow
from petlearn.training.job import is_behind_in_queue
from conftest import FORKS
from helpers import pretend

QUICK = dict(size=64, epochs=3)

@pytest.fixture(scope='module')
def few(tmp_path_factory):
    "Two dozen drawn pets whose features are known."
    folder = draw_pets(tmp_path_factory.mktemp('few')/'pets', n=24, seed=31)
    train(folder, size=64, epochs=1, runs_dir=folder.parent/'warm')
    return folder

# states

LEGAL = """QUEUED PREPARING; QUEUED TRY_AGAIN_LATER; QUEUED STOP_REQUESTED; QUEUED STOPPING; QUEUED FAILED; QUEUED STATE_UNSPECIFIED
PREPARING RUNNING; PREPARING STOP_REQUESTED; PREPARING STOPPING; PREPARING FAILED; PREPARING STATE_UNSPECIFIED
RUNNING SUCCEEDED; RUNNING STOP_REQUESTED; RUNNING STOPPING; RUNNING FAILED; RUNNING STATE_UNSPECIFIED
STOP_REQUESTED STOPPING; STOP_REQUESTED SUCCEEDED; STOP_REQUESTED FAILED; STOP_REQUESTED STATE_UNSPECIFIED
STOPPING STOPPED; STOPPING CANCELED; STOPPING FAILED; STOPPING STATE_UNSPECIFIED
STOPPED QUEUED; CANCELED QUEUED; FAILED QUEUED; TRY_AGAIN_LATER QUEUED; STATE_UNSPECIFIED QUEUED"""
LEGAL = {tuple(o.split()) for o in LEGAL.replace('\n', ';').split(';')}

def test_eleven_states():
    assert [str(o) for o in State] == ('QUEUED PREPARING RUNNING STOP_REQUESTED STOPPING STOPPED CANCELED SUCCEEDED FAILED '
                                       'TRY_AGAIN_LATER STATE_UNSPECIFIED').split()

def test_every_transition(tmp_path):
    run = pretend(tmp_path)
    for a,b in itertools.product(State, State):
        run._record(states=[(a, '')])
        if (str(a), str(b)) in LEGAL:
            run._transition(b)
            assert run.metadata['states'][-1][0] == b
        else:
            with pytest.raises(RuntimeError, match='no way'): run._transition(b)
            assert run.metadata['states'] == [(a, '')]

BUTTONS = dict(QUEUED='stop', PREPARING='stop', RUNNING='stop', STOP_REQUESTED='', STOPPING='', STOPPED='use resume delete', CANCELED='resume delete',
               SUCCEEDED='use delete', FAILED='use resume delete', TRY_AGAIN_LATER='resume delete', STATE_UNSPECIFIED='use resume delete')

@pytest.mark.parametrize('state', list(State))
@pytest.mark.parametrize('usable', [True, False])
def test_what_one_may_do(tmp_path, state, usable):
    "In every state, with and without a model; what is refused says so."
    run = pretend(tmp_path, state)
    shutil.rmtree(run.path/'model', ignore_errors=True)
    if usable:
        (run.path/'checkpoints').mkdir()
        (run.path/'checkpoints/best.safetensors').write_bytes(b'')
    lock = FileLock(run.path/'.lock', thread_local=False)
    if state in LIVE: lock.acquire()
    try:
        assert run.state == state and run.actions == set(BUTTONS[state].split()) - (set() if usable else {'use'})
        for do in ('stop', 'use', 'resume', 'delete'):
            if do in run.actions: assert run.require(do) is run
            else:
                with pytest.raises(PetLearnError, match=f"Can't {do} {run.path.name}") as e: run.require(do)
                assert e.value.fix and e.value.expected and str(state) in e.value.what
        if 'stop' not in run.actions:
            with pytest.raises(PetLearnError): run.stop()
    finally: lock.release()

@pytest.mark.parametrize('state', sorted(LIVE))
def test_nobody_at_home(tmp_path, state):
    "The lock decides, not the clock: old and future time stamps change nothing."
    run = pretend(tmp_path, state)
    assert run.state == State.STATE_UNSPECIFIED
    for stamp in (0, time.time() + 10**6):
        (run.path/'progress.json').write_text('{}')
        os.utime(run.path/'progress.json', (stamp, stamp))
        with FileLock(run.path/'.lock', thread_local=False): assert run.state == state
        assert run.state == State.STATE_UNSPECIFIED

def test_a_lock_that_may_not_be_touched(tmp_path, monkeypatch):
    "A teacher may only read: then the heartbeat decides."
    from petlearn.runs import run as module
    run = pretend(tmp_path, 'RUNNING')
    (run.path/'.lock').touch()
    def refuse(*args, **kwargs): raise PermissionError(13, 'Permission denied')
    monkeypatch.setattr(module, 'FileLock', refuse)
    assert run.state == State.STATE_UNSPECIFIED
    (run.path/'progress.json').write_text('{}')
    assert run.state == State.RUNNING
    os.utime(run.path/'progress.json', (0, 0))
    assert run.state == State.STATE_UNSPECIFIED

# names and finding

def test_a_thousand_names():
    names = set()
    for i in range(1000): names.add(memorable_name(names, seed=i % 200)) # five times the same dice
    assert len(names) == 1000 and all(len(o) <= 40 for o in names)
    assert memorable_name(seed=7) == memorable_name(seed=7)
    torch.manual_seed(42); random.seed(42); a = memorable_name()
    torch.manual_seed(42); random.seed(42); assert a != memorable_name()

NAMES = ['My run', '', 'a'*41, 'CON', 'con.', 'x/y', '..', 'ünï', '🐱', 'a b', '-a', 'a--b', 'a-', 'V001', 'v1', 'newest', 'best', 3, None, '<img>', "'", 'a\nb']

@pytest.mark.parametrize('name', NAMES, ids=repr)
def test_names_that_no_folder_may_have(few, tmp_path, name):
    if not name: return # means: choose one
    with pytest.raises(PetLearnError, match='name=') as e: train(few, **QUICK, name=name, runs_dir=tmp_path/'runs')
    assert e.value.fix.startswith("name='") and not (tmp_path/'runs').exists()

def test_finding(tmp_path):
    a,b = pretend(tmp_path, name='iron-swift'),pretend(tmp_path, name='tall-ibis')
    for word in ('V002', 'v2', '2', 'tall-ibis', '@tall-ibis', 'V002-tall-ibis', 'newest', b.path, str(b.path), b, 'V002 '): assert find_run(word, tmp_path).path == b.path
    for word,says in (('V003', 'no run'), ('tall-ibsi', "Did you mean 'tall-ibis'"), ('', 'no run'), ('@', 'no run'), (tmp_path/'x', 'not the folder of a run'), ('<b>', 'no run')):
        with pytest.raises(PetLearnError, match=says): find_run(word, tmp_path)
    shutil.copytree(a.path, tmp_path/'V001-a-copy')
    with pytest.raises(PetLearnError, match='may mean V001-a-copy or V001-iron-swift'): find_run('V001', tmp_path)
    assert find_run('iron-swift', tmp_path).path == a.path
    with pytest.raises(PetLearnError, match='There are no runs'): find_run('newest', tmp_path/'none')

def test_versions_only_grow(tmp_path):
    made = [pretend(tmp_path) for _ in range(3)]
    shutil.rmtree(made[0].path)
    assert pretend(tmp_path).version == 'V004' and [o.version for o in runs(tmp_path)] == ['V002', 'V003', 'V004']
    made[1].path.rename(tmp_path/'V1200-far')
    assert pretend(tmp_path).version == 'V1201'

def test_many_in_the_same_second(tmp_path):
    with ThreadPoolExecutor(8) as pool: made = list(pool.map(lambda _: pretend(tmp_path/'runs', 'CANCELED'), range(24)))
    assert sorted(int(o.version[1:]) for o in made) == list(range(1, 25)) and len({o.name for o in made}) == 24

# the table

def test_columns_and_blanks(tmp_path):
    pretend(tmp_path, metrics=dict(valid_error=0., valid_loss=.1, test_acc=1., test_loss=0.))
    pretend(tmp_path, 'CANCELED')
    book = runs(tmp_path)
    assert list(book.table.columns) == [*COLUMNS, *EXTRAS] and list(runs(tmp_path, columns='').table.columns) == list(COLUMNS)
    assert COLUMNS == ('name', 'model', 'status', 'training_start', 'epoch', 'batch', 'test_acc', 'test_loss')
    assert book.table.test_loss.isna().tolist() == [False, True], 'blank, never zero'
    assert json.loads(book.to_json())[1]['test_acc'] is None and book.to_csv().splitlines()[2].split(',')[-5:] == ['', '', '', 'D-12345678', '']
    assert 'nan' not in str(book).lower() and 'None' not in book._repr_html_()
    assert pd.read_csv(__import__('io').StringIO(book.to_csv())).test_acc.isna().tolist() == [False, True]

def test_html_is_escaped(tmp_path):
    run = pretend(tmp_path, note='<script>alert(1)</script>')
    assert '<script>' not in runs(tmp_path)._repr_html_() + run._repr_html_()

@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8), st.sampled_from(['<', '<=', '>', '>=', '=', '==', '!=']), st.floats(0, 1))
def test_filters(values, op, limit):
    from petlearn.runs.book import _clauses
    from petlearn.datasets.labels import _fits
    rows = [dict(version='V001', valid_error=o) for o in values]
    same = {'=': '==', '<': '<', '<=': '<=', '>': '>', '>=': '>=', '==': '==', '!=': '!='}[op]
    expected = [o is not None and eval(f'{o!r} {same} {limit!r}') for o in values]
    assert [_fits(o, _clauses(f'valid_error{op}{limit!r}')) for o in rows] == expected

def test_sort_and_filter(tmp_path):
    for i,error in enumerate((.3, None, .1, .2)): pretend(tmp_path, name=f'n{i}', metrics={} if error is None else dict(valid_error=error, valid_loss=error))
    names = lambda **kw: [o.name for o in runs(tmp_path, **kw)]
    assert names(sort='valid_error') == ['n2', 'n3', 'n0', 'n1'] and names(sort='-valid_error') == ['n0', 'n3', 'n2', 'n1']
    assert names(where='valid_error<.25 and status=succeeded') == ['n2', 'n3'] and names(where='lr=.01, valid_error>=.3') == ['n0']
    with pytest.raises(PetLearnError, match='not by `or`'): names(where='lr=.01 or lr=.02')
    assert 'None of the 4 runs' in str(runs(tmp_path, where='lr>1')) and names(where="note='a, b and c'") == []
    assert names(where="name='n1'") == ['n1'] and names(where='status>3') == ['n0', 'n1', 'n2', 'n3'] and runs(tmp_path).best.name == 'n2'
    for kw,says in ((dict(where='valid_eror<1'), "Did you mean 'valid_error'"), (dict(where='valid_error'), 'no condition'), (dict(where='valid_error<'), 'no condition'),
                    (dict(sort='tset_acc'), "'test_acc'"), (dict(columns='lrr'), 'no column'), (dict(where='__import__("os")'), 'no condition')):
        with pytest.raises(PetLearnError, match=says): runs(tmp_path, **kw)

DAMAGE = ['', '{', '[]', '3', 'null', '{}', '{"format": "1"}', '{"format": 1}', '\0\0', b'\xff\xfe', '{"format": true}', '['*10**5]

@pytest.mark.parametrize('content', DAMAGE, ids=lambda o: repr(o)[:20])
def test_damaged_runs_are_listed_as_damaged(tmp_path, content):
    a,b,c = (pretend(tmp_path) for _ in range(3))
    (b.path/'run.json').write_bytes(content if isinstance(content, bytes) else content.encode())
    book = runs(tmp_path)
    assert [o['status'] for o in book.rows] == ['SUCCEEDED', 'damaged', 'SUCCEEDED'] and book.best if False else True
    assert 'damaged' in str(book) and 'damaged' in b._repr_html_()
    with pytest.raises(PetLearnError, match='damaged'): b.state
    with pytest.raises(PetLearnError, match='damaged'): train(resume=b.version, runs_dir=tmp_path)
    assert pretend(tmp_path).version == 'V004' and (b.path/'run.json').exists()

CHANGES = [dict(states=[]), dict(states=[('DANCING', '')]), dict(states='RUNNING'), dict(params=None), dict(metrics=3), dict(note=None), dict(phases={}), dict(phases=[1]), dict(phases=[{'name': 'x'}]), dict(dataset=7), dict(metrics={'valid_error': 'x'}), dict(seconds='x'), dict(error={})]

@pytest.mark.parametrize('change', CHANGES, ids=str)
def test_edited_by_hand(tmp_path, change):
    run = pretend(tmp_path)
    metadata = json.loads((run.path/'run.json').read_text())
    (run.path/'run.json').write_text(json.dumps(metadata | change))
    assert runs(tmp_path).rows[0]['status'] == 'damaged'
    (run.path/'run.json').write_text(json.dumps(metadata))
    assert runs(tmp_path).rows[0]['status'] == 'SUCCEEDED'

def test_missing_and_newer(tmp_path):
    a,b = pretend(tmp_path),pretend(tmp_path)
    (a.path/'run.json').unlink()
    b._record(format=2, petlearn='9.9')
    assert [o['status'] for o in runs(tmp_path).rows] == ['damaged', 'unknown']
    with pytest.raises(PetLearnError, match='newer petlearn .9.9.') as e: b.params
    assert 'pip install --upgrade' in e.value.fix

def test_what_is_no_run_is_not_listed(tmp_path):
    pretend(tmp_path)
    for o in ('.new-1234', 'V1', 'notes', '.deleted-12', 'W001-x'): (tmp_path/o).mkdir()
    (tmp_path/'V002-a-file').write_text('')
    (tmp_path/'V003-loop').symlink_to(tmp_path/'V003-loop')
    (tmp_path/'V٠٠٧-x').mkdir()
    assert len(runs(tmp_path)) == 1 and pretend(tmp_path).version == 'V002' and not (tmp_path/'.new-1234').exists()
    with pytest.raises(PetLearnError, match="Can't look into"): runs(tmp_path/'V002-a-file')

def test_delete(tmp_path):
    a = pretend(tmp_path)
    b = pretend(tmp_path, parent=a.path.name, parent_id=a.metadata['id'])
    with pytest.raises(PetLearnError, match='started from'): RunBook(tmp_path).delete(a.version)
    with FileLock(b.path/'.lock', thread_local=False):
        b._record(states=[('RUNNING', '')])
        with pytest.raises(PetLearnError, match='still at work'): RunBook(tmp_path).delete(b.version)
    RunBook(tmp_path).delete(b.version)
    RunBook(tmp_path).delete(a.version)
    assert not [o for o in tmp_path.iterdir() if o.is_dir()]

# stop and go on

class Do(Callback):
    "Call `f` after the step number `at`."
    def __init__(self, at, f): self.at,self.f,self.n = at,f,0
    def after_step(self):
        self.n += 1
        if self.n == self.at: self.f()

def ctrl_c(): signal.raise_signal(signal.SIGINT)
def weights(run): return hashlib.sha256((run.path/'model/model.safetensors').read_bytes()).hexdigest()
def best(run): return run.history[run.history.dataset == 'valid'].sort_values(['accuracy', 'cross_entropy'], ascending=[False, True]).iloc[0]
def figures(run): return run.history.drop(columns='seconds').values.tolist()

@pytest.mark.parametrize('at', [1, 4, 5, 14, 15, 18])
def test_ctrl_c_anywhere_and_go_on_to_the_last_bit(few, tmp_path, one_thread, at):
    "Five steps an epoch: in the middle and at the end of an epoch of the head, and while everything learns."
    kw = dict(size=64, epochs=3, fine_tune_epochs=2)
    whole = train(few, **kw, runs_dir=tmp_path/'whole')
    run = train(few, **kw, cbs=[Do(at, ctrl_c)], runs_dir=tmp_path/'runs')
    assert run.state == 'STOPPED' and run.steps == at and run.predict(few/'Abyssinian_1.jpg').probs
    assert run.metrics['valid_loss'] == pytest.approx(best(run).cross_entropy, abs=1e-3), 'the best so far'
    again = train(resume='newest', runs_dir=tmp_path/'runs')
    assert again.path == run.path and again.state == 'SUCCEEDED' and again.parent == ''
    assert weights(again) == weights(whole) and figures(again) == figures(whole) and again.metrics == whole.metrics

def test_stopped_again_and_again(few, tmp_path, one_thread):
    whole = train(few, **QUICK, checkpoint_every=4, runs_dir=tmp_path/'whole')
    run = train(few, **QUICK, checkpoint_every=4, cbs=[Do(2, ctrl_c)], runs_dir=tmp_path/'runs')
    while run.state == 'STOPPED': run = train(resume='V001', cbs=[Do(2, ctrl_c)], runs_dir=tmp_path/'runs')
    assert weights(run) == weights(whole) and figures(run) == figures(whole)
    drop = lambda o: o.checkpoints.drop(columns=[c for c in o.checkpoints if 'seconds' in c]).values.tolist()
    assert drop(run) == drop(whole) and whole.checkpoints.step.tolist() == [4, 8, 12]

def test_no_step_of_500_is_wasted(few, tmp_path):
    run = train(few, size=64, epochs=100, cbs=[Do(499, ctrl_c)], runs_dir=tmp_path)
    assert run.state == 'STOPPED' and run.steps == 499 and load_checkpoint(run.path/'checkpoints/last.safetensors')[0]['steps'] == 499

def test_stop_from_another_thread(few, tmp_path):
    "What a Stop button calls."
    def press():
        for o in itertools.count():
            for run in runs(tmp_path/'runs'):
                if _learning(run): return run.stop()
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
    from petlearn.training import trainer as training
    real = training.features
    def features(*args, **kwargs):
        ctrl_c()
        return real(*args, **kwargs)
    monkeypatch.setattr(training, 'features', features)
    with pytest.raises(KeyboardInterrupt): train(few, **QUICK, runs_dir=tmp_path)
    run, = runs(tmp_path)
    assert run.state == 'CANCELED' and run.metrics == {} and runs(tmp_path).rows[0].get('batch') is None
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_failures_are_written_down(few, tmp_path):
    def fail(): raise ZeroDivisionError('oh')
    with pytest.raises(ZeroDivisionError): train(few, **QUICK, cbs=[Do(6, fail)], runs_dir=tmp_path)
    run, = runs(tmp_path)
    assert run.state == 'FAILED' and run.error.startswith('ZeroDivisionError') and 'Traceback' in (run.path/'error.txt').read_text()
    assert 'use' in run.actions and run.predict(few/'Abyssinian_1.jpg').probs, 'the best checkpoint is still good'
    assert 'ZeroDivisionError' in str(run) + run._repr_html_()
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_best_is_only_written_when_better(few, tmp_path):
    from petlearn.models import callbacks
    written = []
    real = callbacks.save_checkpoint
    def save(path, *args):
        written.append(Path(path).name)
        return real(path, *args)
    callbacks.save_checkpoint = save
    try: run = train(few, size=64, epochs=8, lr=.05, runs_dir=tmp_path)
    finally: callbacks.save_checkpoint = real
    scores = [(1-o.accuracy, o.cross_entropy) for o in run.history[run.history.dataset == 'valid'].itertuples()]
    better = sum(o < min(scores[:i], default=(9, 9)) for i,o in enumerate(scores))
    assert better < 8 and written.count('best.safetensors') == better and written.count('last.safetensors') == 8

def test_early_stopping_spans_the_phases(few, tmp_path):
    run = train(few, size=64, epochs=200, fine_tune_epochs=3, lr=.3, patience=3, runs_dir=tmp_path)
    valid = run.history[run.history.dataset == 'valid']
    last_gain = max(valid.cross_entropy.to_numpy().argmin(), valid.accuracy.to_numpy().argmax())
    assert len(valid) == last_gain + 1 + 3 and run.state == 'SUCCEEDED' and set(run.history.phase) == {'head'}

# children

def test_train_more(few, tmp_path):
    a = train(few, **QUICK, runs_dir=tmp_path)
    b = train(resume='best', epochs=2, lr=.001, note='gently', runs_dir=tmp_path)
    assert (b.parent, b.note, b.version, b.params['size']) == (a.path.name, 'gently', 'V002', 64) and b.dataset == a.dataset
    assert b.history.cross_entropy[1] < a.history.cross_entropy[1] and (b.metrics['valid_error'], b.metrics['valid_loss']) <= (a.metrics['valid_error'], a.metrics['valid_loss'] + 1e-4)
    assert train(resume=b, runs_dir=tmp_path).parent == b.path.name, 'a finished one has children'
    shutil.rmtree(a.path)
    assert b.predict(few/'Abyssinian_1.jpg').probs and len(runs(tmp_path)) == 2, 'the child stands alone'

def test_photos_stay_on_their_side(few, tmp_path):
    a = train(few, **QUICK, test_pct=.2, runs_dir=tmp_path)
    more = draw_pets(tmp_path/'more', n=12, seed=77)
    b = train([few, more], resume='V001', seed=5, valid_pct=.4, runs_dir=tmp_path)
    both = b.split.merge(a.split, on='sha256')
    assert len(b.split) == 36 and len(both) == 24 and (both.usage_x == both.usage_y).all() and b.dataset != a.dataset
    leaky = split_photos(few, seed=9)
    with pytest.raises(PetLearnError, match='has learned from'): train(leaky, resume='V001', runs_dir=tmp_path)

def test_other_labels_are_refused(few, tmp_path):
    train(few, **QUICK, runs_dir=tmp_path)
    for labeler,says in ((lambda o: 'Cat' if o.name[0].isupper() else 'dog', "'Cat' is new; 'cat' is missing"), (lambda o: 'cat' if o.name[0].isupper() else 'Dog', "Did you mean 'dog'")):
        with pytest.raises(PetLearnError, match=says) as e: train(few, labeler, resume='V001', runs_dir=tmp_path)
    assert len(runs(tmp_path)) == 1 and "exactly 'cat', 'dog'" in e.value.expected

def test_a_tuned_parent(few, tmp_path):
    a = train(few, size=64, epochs=1, fine_tune_epochs=2, lr=.02, runs_dir=tmp_path)
    a._record(tuned=True) # whether one such epoch really helps is luck
    with pytest.raises(PetLearnError, match='features of the old body'): train(resume='V001', epochs=3, runs_dir=tmp_path)
    b = train(resume='V001', fine_tune_epochs=1, runs_dir=tmp_path)
    assert [o.name for o in b.phases] == ['features', 'fine-tune'] and b.metadata['tuned'] and b.params['epochs'] == 0
    with b.learn.no_bar(): assert b.learn.validate()[0] == pytest.approx(b.metrics['valid_loss'], abs=1e-3)

NO_PARENT = [(dict(arch='resnet34'), "resnet34|can't be reached"), (dict(valid_pct=.3), 'split its photos already'), (dict(test_pct=.1), 'split its photos'),
             (dict(seed=1), 'split its photos'), (dict(labeler=lambda o: 'x'), 'split its photos'), (dict(epohcs=3), "no setting 'epohcs'"), (dict(resume='V009'), 'no run')]

@pytest.mark.parametrize('kw,says', NO_PARENT, ids=lambda o: str(o)[:25])
def test_what_a_child_can_not_have(run, kw, says):
    before = len(runs(run.path.parent))
    with pytest.raises(PetLearnError, match=says): train(**(dict(resume='V001', runs_dir=run.path.parent) | kw))
    assert len(runs(run.path.parent)) == before

def test_changed_photos_are_noticed(few, tmp_path):
    folder = shutil.copytree(few, tmp_path/'pets')
    run = train(folder, **QUICK, cbs=[Do(5, ctrl_c)], runs_dir=tmp_path/'runs')
    file = Path(run.split.file[0])
    file.write_bytes(Path(run.split.file[1]).read_bytes())
    with pytest.raises(PetLearnError, match='1 photos have changed since'): train(resume='V001', runs_dir=tmp_path/'runs')
    assert run.state == 'STOPPED'

def test_a_damaged_checkpoint_says_so(few, tmp_path):
    run = train(few, **QUICK, cbs=[Do(5, ctrl_c)], runs_dir=tmp_path)
    (run.path/'checkpoints/last.safetensors').write_bytes(b'123')
    with pytest.raises(PetLearnError, match='missing or damaged'): train(resume='V001', runs_dir=tmp_path)
    assert run.state == 'FAILED' and run.predict(few/'Abyssinian_1.jpg').probs
    (run.path/'checkpoints/last.safetensors').unlink()
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_a_grandchild_is_not_tested_by_what_its_grandparent_learned(few, tmp_path):
    more = draw_pets(tmp_path/'more', n=24, seed=78)
    a = train(few, **QUICK, runs_dir=tmp_path/'runs')
    train(more, resume='V001', runs_dir=tmp_path/'runs')
    shutil.rmtree(a.path)
    c = train(few, resume='V002', seed=7, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='has learned from'): train(split_photos(few, seed=9), resume='V002', runs_dir=tmp_path/'runs')
    assert not set(c.split.sha256[c.split.usage != 'train']) & set(split_photos(few).query("usage == 'train'").sha256)

def test_a_test_folder_that_the_parent_has_learned_from(few, tmp_path):
    more = draw_pets(tmp_path/'more', n=24, seed=78)
    train(few, **QUICK, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='has learned from 20 of'): train(more, resume='V001', test_dir=few, runs_dir=tmp_path/'runs')
    other = draw_pets(tmp_path/'other', n=10, seed=79)
    assert train(more, resume='V001', test_dir=other, runs_dir=tmp_path/'runs').metrics['test_of'] == 10

def test_checkpoints_of_both_phases(few, tmp_path):
    run = train(few, size=64, epochs=2, fine_tune_epochs=1, checkpoint_every=4, runs_dir=tmp_path)
    assert run.checkpoints.step.tolist() == [4, 8, 12] and run.checkpoints.phase.tolist() == ['head', 'head', 'fine-tune']
    assert load_checkpoint(run.path/'checkpoints/last.safetensors')[0]['steps'] == run.steps == 15

def test_enough_minutes_change_nothing(few, tmp_path, one_thread):
    assert weights(train(few, **QUICK, minutes=5, runs_dir=tmp_path)) == weights(train(few, **QUICK, runs_dir=tmp_path))

def test_photos_that_have_moved(few, tmp_path, one_thread):
    whole = train(few, **QUICK, runs_dir=tmp_path/'whole')
    old = shutil.copytree(few, tmp_path/'old')
    train(old, **QUICK, cbs=[Do(7, ctrl_c)], runs_dir=tmp_path/'runs')
    new = old.rename(tmp_path/'new')
    run = train(new, resume='V001', note='moved', runs_dir=tmp_path/'runs')
    assert run.version == 'V001' and run.note == 'moved' and weights(run) == weights(whole) and all(o.startswith(str(new)) for o in run.split.file)

def test_train_in_a_callback_of_train(few, tmp_path):
    def again(): train(few, **QUICK, runs_dir=tmp_path)
    with pytest.raises(Exception, match='in this very program'): train(few, **QUICK, cbs=[Do(2, again)], runs_dir=tmp_path)
    assert train(few, **QUICK, runs_dir=tmp_path).state == 'SUCCEEDED'

def test_two_threads_take_turns(few, tmp_path, one_thread):
    whole = weights(train(few, **QUICK, runs_dir=tmp_path/'whole'))
    with ThreadPoolExecutor(2) as pool: both = list(pool.map(lambda o: weights(train(few, **QUICK, runs_dir=tmp_path/o)), 'ab'))
    assert both == [whole, whole]

def test_no_epoch_at_all(few, tmp_path):
    from fastai.callback.core import CancelFitException
    class Cancel(Callback):
        def before_epoch(self): raise CancelFitException
    with pytest.raises(PetLearnError, match='before its first validation'): train(few, **QUICK, cbs=[Cancel()], runs_dir=tmp_path)
    class CtrlC(Callback):
        def before_fit(self): ctrl_c()
    with pytest.raises(KeyboardInterrupt): train(few, size=64, epochs=0, fine_tune_epochs=1, cbs=[CtrlC()], runs_dir=tmp_path)
    assert _states(tmp_path) == ['FAILED', 'CANCELED']

def test_all_photos_of_a_label_are_damaged(tmp_path):
    folder = draw_pets(tmp_path/'pets', n=24, seed=31)
    birds = [folder/f'bird_{i}.jpg' for i in range(6)]
    for i,o in enumerate(birds): o.write_text(f'no photo {i}')
    with pytest.raises(PetLearnError, match="No photo of 'bird' could be used"):
        train(folder, lambda o: 'bird' if o.name.startswith('bird') else 'cat' if o.name[0].isupper() else 'dog', **QUICK, skip_damaged=True, runs_dir=tmp_path/'runs')

def test_a_child_that_is_not_better_keeps_its_parent(few, tmp_path):
    a = train(few, size=64, epochs=10, runs_dir=tmp_path)
    b = train(resume='V001', epochs=1, lr=1e-6, runs_dir=tmp_path)
    same = torch.equal(a.model[1][-1].weight, b.model[1][-1].weight)
    assert same == ('not better' in b.phases[-1].note) == ('not better' in b.verdict)

MISTAKES = [(dict(cbs=Callback()), 'cbs='), (dict(cbs=[3]), 'cbs='), (dict(resume=1), 'not the name of a run'), (dict(resume=''), 'no run'), (dict(resume=True), 'not the name'),
            (dict(resume=Path('/')), 'not the folder of a run'), (dict(note=None), "doesn't fit"), (dict(note='x'*81), "doesn't fit"), (dict(test_dir='nowhere'), 'There is no folder')]

@pytest.mark.parametrize('kw,says', MISTAKES, ids=lambda o: str(o)[:25])
def test_mistakes_in_a_call(few, tmp_path, kw, says):
    with pytest.raises(PetLearnError, match=says) as e: train(few, **QUICK, runs_dir=tmp_path/'runs', **kw)
    assert 'delete' not in str(e.value) and not (tmp_path/'runs').exists()

def test_nothing_of_python_is_changed(few, tmp_path):
    import numpy as np, warnings
    def state(): return random.getstate(),np.random.get_state()[1].tolist(),torch.get_rng_state().tolist(),os.getcwd(),dict(os.environ),signal.getsignal(signal.SIGINT),signal.getsignal(signal.SIGTERM),list(warnings.filters)
    train(few, **QUICK, runs_dir=tmp_path)
    before = state()
    train(few, **QUICK, fine_tune_epochs=1, runs_dir=tmp_path)
    memorable_name()
    assert state() == before

def test_explain_with_a_real_run(run):
    from petlearn.evaluation.define import define
    import math
    assert f"{run.metrics['wrong']} of {run.metrics['of']}" in str(define('error rate', run)) and '2 epochs' in str(define('epoch', run))
    assert f"{run.metrics['valid_loss']:.3f}" in str(define('loss', run))
    p = [row[f'p_{row.label}'] for _,row in run.predictions.iterrows()]
    assert run.metrics['valid_loss'] == pytest.approx(-sum(map(math.log, p))/len(p))

def test_replay(few, tmp_path, one_thread, capsys, monkeypatch):
    from petlearn.training.trainer import replay
    kw = dict(size=64, epochs=2, fine_tune_epochs=1, test_pct=.2)
    a = train(few, **kw, runs_dir=tmp_path/'runs')
    (tmp_path/'petlearn.toml').write_text('[train]\nbs = 2\npatience = 1\n') # of today; the run didn't know it
    monkeypatch.chdir(tmp_path)
    b = replay('V001', tmp_path/'runs')
    assert weights(a) == weights(b) and b.dataset == a.dataset and 'the same weights as V001' in capsys.readouterr().err
    a._record(environment=a.environment | dict(torch='1.0'))
    write_metadata(a.path/'model', model_json(a.path/'model'), {'model.safetensors': b'others'})
    replay('V001', tmp_path/'runs')
    assert 'Different: torch 1.0, now' in capsys.readouterr().err
    child = train(resume='V002', runs_dir=tmp_path/'runs')
    assert child._repr_html_().count('not better') in (0, 2), 'in the line and in the table'
    with pytest.raises(PetLearnError, match='in one go'): replay('newest', tmp_path/'runs')
    folder = shutil.copytree(few, tmp_path/'copy')
    (tmp_path/'petlearn.toml').unlink()
    train(folder, **QUICK, name='copied', runs_dir=tmp_path/'runs')
    next(folder.glob('*.jpg')).write_bytes(b'changed')
    with pytest.raises(PetLearnError, match='1 photos have changed'): replay('copied', tmp_path/'runs')

# three data sets

def test_the_test_set_is_looked_at_once(few, tmp_path, monkeypatch):
    from petlearn.training import trainer as training
    asked = []
    real = training._probs
    def probs(job, x):
        rows = {o.tobytes(): u for o,u in zip(job.bank.x, job.bank.table.usage)}
        asked.append({rows[o.tobytes()] for o in x})
        return real(job, x)
    monkeypatch.setattr(training, '_probs', probs)
    run = train(few, **QUICK, test_pct=.2, runs_dir=tmp_path)
    assert asked == [{'valid'}, {'test'}]
    test = run.predictions[run.predictions.usage == 'test']
    assert run.metrics['test_of'] == len(test) == 4 and run.metrics['test_wrong'] == (test.label != test.predicted).sum()
    assert run.metrics['test_acc'] == 1-run.metrics['test_wrong']/4 and runs(tmp_path).table.test_acc.tolist() == [run.metrics['test_acc']]
    shas = run.split.groupby('usage').sha256.agg(set)
    assert not shas['test'] & (shas['train'] | shas['valid']) and len(run.history) == 6

def test_a_folder_for_the_test(few, tmp_path):
    other = draw_pets(tmp_path/'other', n=10, seed=55)
    run = train(few, **QUICK, test_dir=other, runs_dir=tmp_path/'runs')
    assert run.metrics['test_of'] == 10 and run.metrics['of'] == 4 and set(run.split.usage) == {'train', 'valid', 'test'}

# room, time, disk

def test_try_again_later(few, tmp_path, monkeypatch):
    from petlearn.training import trainer as training
    for free,word in (((10**6, 10**12), 'on the disk'), ((10**12, 10**6), 'of memory')):
        monkeypatch.setattr(training, '_free', lambda folder: free)
        with pytest.raises(PetLearnError, match=f'needs about .* {word}'): train(few, **QUICK, runs_dir=tmp_path/word)
        run, = runs(tmp_path/word)
        assert run.state == 'TRY_AGAIN_LATER' and word in run.error and run.actions == {'resume', 'delete'}
    monkeypatch.undo()
    assert train(resume='V001', runs_dir=tmp_path/word).state == 'SUCCEEDED'

@pytest.mark.parametrize('after', range(0, 40, 6))
def test_a_disk_that_gets_full(few, tmp_path, monkeypatch, after):
    "Whatever write is the first to fail: a clear sentence, earlier runs stay good, and with room again it goes on."
    good = train(few, **QUICK, runs_dir=tmp_path)
    real,n = os.fsync,itertools.count()
    def fsync(fd):
        if next(n) >= after: raise OSError(errno.ENOSPC, 'No space left on device')
        return real(fd)
    monkeypatch.setattr(os, 'fsync', fsync)
    try: train(few, size=64, epochs=8, runs_dir=tmp_path)
    except PetLearnError as e: assert 'No space left' in e.what
    monkeypatch.undo()
    assert Predictor(good.path).predict(few/'Abyssinian_1.jpg').probs
    for run in list(runs(tmp_path))[1:]:
        assert run.state in ('FAILED', 'STATE_UNSPECIFIED', 'SUCCEEDED')
        if run.state != 'SUCCEEDED': assert train(resume=run, runs_dir=tmp_path).state == 'SUCCEEDED'
    assert not [o for o in tmp_path.rglob('.*-????????') if o.is_file()]

@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='nothing is read-only for the administrator')
def test_a_folder_that_may_only_be_read(few, tmp_path):
    (tmp_path/'runs').mkdir(mode=0o500)
    with pytest.raises(PetLearnError, match="Can't write into"): train(few, **QUICK, runs_dir=tmp_path/'runs')

def test_a_folder_that_can_not_be_made(few, tmp_path, monkeypatch):
    def mkdir(*args, **kwargs): raise PermissionError(errno.EACCES, 'Permission denied')
    monkeypatch.setattr(Path, 'mkdir', mkdir)
    with pytest.raises(PetLearnError, match="Can't write into .*: Permission denied"): train(few, **QUICK, runs_dir=tmp_path/'runs')

# several processes

def _train(photos, runs_dir, slow, kw):
    torch.set_num_threads(1)
    class Slow(Callback):
        def after_step(self): time.sleep(slow)
    try: train(photos, runs_dir=runs_dir, cbs=[Slow()] if slow else None, **kw)
    except PetLearnError: sys.exit(2)

def _start(photos, runs_dir, slow=0, **kw):
    process = FORKS.Process(target=_train, args=(photos, runs_dir, slow, kw))
    process.start()
    return process

def _until(f, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if f(): return True
        time.sleep(.05)
    raise TimeoutError

def _learning(run):
    "Has it taken a step? Stopped before that, it is CANCELED: nothing is learned yet."
    return run.state == 'RUNNING' and run.status.phase == 'head' and run.status.done > 0

def _states(folder): return [str(o.state) for o in runs(folder)]

def test_one_at_a_time(few, tmp_path):
    "The second waits; it can be given up while it waits; the first isn't disturbed."
    folder = tmp_path/'runs'
    first = _start(few, folder, .2, size=64, epochs=500)
    _until(lambda: folder.exists() and _states(folder) == ['RUNNING'])
    second,third = _start(few, folder, **QUICK),_start(few, folder, **QUICK)
    _until(lambda: _states(folder) == ['RUNNING', 'QUEUED', 'QUEUED'])
    with pytest.raises(PetLearnError, match='still at work'): train(resume='V001', runs_dir=folder)
    runs(folder)['V002'].stop()
    _until(lambda: _states(folder)[1] == 'CANCELED')
    _until(lambda: _learning(runs(folder)['V001']))
    runs(folder)['V001'].stop()
    _until(lambda: _states(folder) == ['STOPPED', 'CANCELED', 'SUCCEEDED'])
    for o in (first, second, third): o.join(60)
    seen = list(follow(runs(folder)['V001']))
    assert len(seen) == 1 and seen[0].over and '▁' in str(seen[0])

def test_first_come_first_served(few, tmp_path):
    "Who has waited for longer goes first, even when the lock of the turn is free; those whom nobody works on, or that are damaged, keep nobody waiting."
    older,given_up,damaged = (pretend(tmp_path, 'QUEUED', states=[('QUEUED', '2026-11-21 10:00:00')]) for _ in range(3))
    (damaged.path/'run.json').write_text('{')
    with FileLock(older.path/'.lock', thread_local=False), FileLock(damaged.path/'.lock', thread_local=False):
        newer = _start(few, tmp_path, **QUICK)
        _until(lambda: len(runs(tmp_path)) == 4 and runs(tmp_path)['V004'].state == 'QUEUED')
        newer.join(1.5)
        assert runs(tmp_path)['V004'].state == 'QUEUED' and not is_behind_in_queue(older)
    newer.join(120)
    assert runs(tmp_path)['V004'].state == 'SUCCEEDED' and given_up.state == 'STATE_UNSPECIFIED'

def test_a_child_of_a_run_at_work_is_refused(few, tmp_path):
    first = _start(few, tmp_path/'runs', .2, size=64, epochs=500)
    _until(lambda: (tmp_path/'runs').exists() and _states(tmp_path/'runs') == ['RUNNING'])
    run = runs(tmp_path/'runs')['V001']
    with pytest.raises(PetLearnError, match="Can't resume"): train(few, resume='V001', runs_dir=tmp_path/'runs')
    _until(lambda: run.status.phase == 'head')
    assert run.status.of == 2500 and run.status.epochs == 500 and 'to go' in str(run.status) and '<progress' in run._repr_html_()
    first.kill()
    first.join()
    assert run.state == 'STATE_UNSPECIFIED'

def _kill_once(i, few, folder, whole, seconds):
    "Train, kill -9 at a random moment, look at the book, go on; gives what the book said."
    process = _start(few, folder, size=64, epochs=6, fine_tune_epochs=1, checkpoint_every=(0, 3)[i % 2])
    time.sleep(random.Random(i).uniform(0, seconds))
    process.kill()
    process.join()
    book = list(runs(folder))
    if not book: return 'not begun'
    run, = book
    before = str(run.state)
    assert before in ('STATE_UNSPECIFIED', 'SUCCEEDED') and len(run.split) == 24
    for o in (run.path/'checkpoints').glob('*.safetensors'): load_checkpoint(o)
    if 'use' in run.actions: assert sum(run.predict(few/'Abyssinian_1.jpg').probs.values()) == pytest.approx(1)
    if before != 'SUCCEEDED':
        process = _start(few, folder, resume='V001')
        process.join(120)
        assert process.exitcode == 0
    run, = runs(folder)
    assert run.state == 'SUCCEEDED' and weights(run) == whole, 'the same model, to the last bit'
    return before

def test_kill_9_at_random_moments(few, tmp_path):
    "At most twenty seconds; two at a time."
    kw = dict(size=64, epochs=6, fine_tune_epochs=1)
    _start(few, tmp_path/'warm', **kw).join()
    start = time.monotonic()
    process = _start(few, tmp_path/'whole', **kw)
    process.join()
    seconds,whole,end = time.monotonic()-start,weights(runs(tmp_path/'whole')['V001']),time.monotonic() + 20
    def kill(i): return _kill_once(i, few, tmp_path/f'{i}', whole, 1.2*seconds) if time.monotonic() < end else None
    with ThreadPoolExecutor(2) as pool: seen = [o for o in pool.map(kill, range(50)) if o]
    print({o: seen.count(o) for o in set(seen)})
    assert len(seen) >= 4 and seen.count('STATE_UNSPECIFIED') >= 2

# background and from a terminal

def test_background_and_follow(few, tmp_path):
    run = train(few, size=64, epochs=4, background=True, note='away', runs_dir=tmp_path)
    assert run.state in LIVE or run.state == 'SUCCEEDED'
    lines = [str(o) for o in follow(run)]
    assert lines[-1].startswith(f'{run.path.name}: SUCCEEDED') and run.metrics['of'] == 4 and run.note == 'away'
    assert 'held back' in (run.path/'log.txt').read_text()

def test_background_goes_on_without_its_parent(few, tmp_path):
    "ServerProcess by a process that ends at once; stopped from here."
    code = f"from petlearn import train; train({str(few)!r}, size=64, epochs=1000, background=True, runs_dir={str(tmp_path)!r})"
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)
    run, = runs(tmp_path)
    _until(lambda: _learning(run))
    run.stop()
    _until(lambda: run.state == 'STOPPED')
    assert 0 < run.steps < 4000

def test_background_that_can_not_start(few, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    with pytest.raises(PetLearnError, match='did not start'): train(few, **QUICK, background=True, runs_dir=tmp_path)

def petlearn(*args, cwd): return subprocess.run([Path(sys.executable).parent/'petlearn', *map(str, args)], cwd=cwd, capture_output=True, text=True)

def test_the_book_from_a_terminal(few, tmp_path, monkeypatch, capsys):
    from petlearn.cli import main
    r = petlearn('train', few, '--size', 64, '--epochs', 3, '--background', cwd=tmp_path)
    assert r.returncode == 0 and 'trains in the background' in r.stdout and 'petlearn show V001 --follow' in r.stdout
    r = petlearn('show', 'V001', '--follow', cwd=tmp_path)
    assert r.returncode == 0 and 'SUCCEEDED' in r.stdout and 'held back' in r.stdout
    monkeypatch.chdir(tmp_path)
    assert main(['train', '--resume', 'V001', '--epochs', '2', '--note', 'more']) == 0
    rows = json.loads(petlearn('list', '--format', 'json', '--columns', 'parent note', cwd=tmp_path).stdout)
    assert [o['version'] for o in rows] == ['V001', 'V002'] and rows[1]['note'] == 'more' and rows[1]['parent'].startswith('V001-')
    assert len(petlearn('list', '--where', 'note=more', '--format', 'csv', cwd=tmp_path).stdout.splitlines()) == 2
    (tmp_path/'petlearn.toml').write_text('[train]\nepochs = 3\nlearning_rate = 0.1\n')
    assert main(['train', str(few)]) == 2 and 'petlearn.toml, line 3' in capsys.readouterr().err
    (tmp_path/'petlearn.toml').write_text('[train]\nepochs = 4\nlr = 0.1\n')
    assert main(['train', str(few), '--lr', '.2', '--show-settings']) == 0
    assert [o.split()[:3] for o in capsys.readouterr().out.splitlines() if o.startswith(('epochs', 'lr', 'seed'))] == [['epochs', '4', 'petlearn.toml,'], ['lr', '0.2', 'argument'], ['seed', '42', 'built-in']]
    assert main(['stop', 'V001']) == 2

def test_listing_needs_neither_torch_nor_pandas(tmp_path):
    for i in range(20): pretend(tmp_path/'runs')
    code = "import sys; from petlearn.cli import main; main(['list', '--sort', 'valid_error', '--where', 'status=SUCCEEDED']); sys.exit(str({'torch', 'fastai', 'pandas', 'numpy'} & set(sys.modules)) if {'torch', 'fastai', 'pandas', 'numpy'} & set(sys.modules) else 0)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    assert len(r.stdout.splitlines()) == 21

def test_answers_are_those_of_the_newest_weights(few, tmp_path):
    "Trained further through another object, as a background training does."
    train(few, size=64, epochs=20, cbs=[Do(3, ctrl_c)], runs_dir=tmp_path)
    old,photo = runs(tmp_path)['V001'],few/'Abyssinian_1.jpg'
    before = old.predict(photo).probs
    train(resume='V001', runs_dir=tmp_path)
    assert old.predict(photo).probs == runs(tmp_path)['V001'].predict(photo).probs != before
