"The panel: monitors of runs in every state, and the form by its traits; two real trainings in the background."
import contextlib, json, shutil, threading, time
import pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn import core
from petlearn.widgets import panel
from petlearn.photos.drawings import draw_pets
from petlearn.widgets.monitor import RunMonitor, pressable, snapshot
from petlearn.widgets.panel import TrainPanel
from petlearn.runs.run import Run
from petlearn.runs.states import ACTIONS, LIVE, State
from petlearn.runs.book import runs
from helpers import pretend

def wait(until, seconds=60):
    "Wait until `until()` is true."
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, 'it takes too long'
        time.sleep(.05)

@pytest.fixture(scope='module')
def few(tmp_path_factory): return draw_pets(tmp_path_factory.mktemp('few')/'pets', n=24, seed=31)

@pytest.fixture(scope='module')
def more(tmp_path_factory): return draw_pets(tmp_path_factory.mktemp('more')/'others', n=12, seed=32)

@pytest.fixture(scope='module')
def odd(few, tmp_path_factory):
    "Folders that nobody should train on, by a word for each."
    top = tmp_path_factory.mktemp('odd')
    photos = sorted(few.glob('*.jpg'))
    for name in ('empty', 'cats only', 'cat and fox/cat', 'cat and fox/fox', 'cat and dog/cat', 'cat and dog/dog', 'damaged'): (top/name).mkdir(parents=True)
    for o in photos: shutil.copy(o, top/'damaged')
    (top/'damaged'/photos[0].name).write_bytes(photos[0].read_bytes()[:3000])
    for i,o in enumerate(photos):
        if o.name[0].isupper(): shutil.copy(o, top/f'cats only/cat.{i}.jpg')
        for pair in ('cat and fox', 'cat and dog'): shutil.copy(o, top/pair/('cat' if o.name[0].isupper() else pair[8:])/f'{i}.jpg')
    (top/'a file').write_text('')
    return top

# a run at one moment, and its monitor

PARAMS = dict(arch='efficientnet_lite0', lr=.01, epochs=2, fine_tune_epochs=1, bs=2)

def at(folder, state, **metadata):
    "A run in `state` with ten photos to learn from, and a lock if it is at work."
    run = pretend(folder, state, params=PARAMS, **metadata)
    rows = [f'{i}.jpg,cat,train,{i:064}' for i in range(11)] + [f'v.jpg,cat,valid,{11:064}']
    (run.path/'split.csv').write_text('\n'.join(['file,label,usage,sha256', *rows, '']))
    return run

@contextlib.contextmanager
def working(run):
    with FileLock(run.path/'.lock', thread_local=False): yield run

def locked(run): return working(run) if run.written_state in LIVE else contextlib.nullcontext()
def echo(run, **said): (run.path/'progress.json').write_text(json.dumps(dict(phase='head', epoch=1, epochs=2, done=3, of=10, seconds=4., left=5., all_epochs=0, all_steps=2) | said))
def buttons(m): return {o for o in ('stop', 'more', 'use') if not getattr(m, o).disabled}

ON = dict(QUEUED='stop', PREPARING='stop', RUNNING='stop', STOP_REQUESTED='', STOPPING='', STOPPED='more use', CANCELED='more', SUCCEEDED='more use', FAILED='more use',
          TRY_AGAIN_LATER='more', STATE_UNSPECIFIED='more use')

@pytest.mark.parametrize('state', list(State))
@pytest.mark.parametrize('usable', [True, False], ids=['model', 'no model'])
def test_buttons_follow_the_state(tmp_path, state, usable):
    run = at(tmp_path, state)
    shutil.rmtree(run.path/'model', ignore_errors=True)
    if usable:
        (run.path/'checkpoints').mkdir()
        (run.path/'checkpoints/best.safetensors').write_bytes(b'')
    expected = set(ON[state].split())
    if not usable: expected -= {'use'} | ({'more'} if state == 'SUCCEEDED' else set())
    with locked(run):
        m = RunMonitor(run)
        assert buttons(m) == expected == {k for k,v in pressable(run.actions).items() if v}
        assert m.state == state and f'<b style="font-size:120%">{state}</b>' in m.fields.value and run.path.name in m.said.value
        assert ('<progress' in m.bar.value) is False, 'nothing was said yet'
        assert bool(m._thread) == (state in LIVE), 'nobody watches what is over'
        m.close()

def test_every_state_has_its_words():
    assert set(panel._SAYS) == set(State) == {State(o) for o in ON} == set(ACTIONS)

SECONDS = [('QUEUED', 0, {}, 0), ('PREPARING', 0, dict(phase='features', seconds=9), 0), ('RUNNING', 0, dict(phase='features', seconds=9), 0), ('RUNNING', 0, dict(seconds=9.), 6), ('RUNNING', 0, dict(seconds=12.), 9),
           ('STOP_REQUESTED', 0, dict(seconds=12.), 9), ('STATE_UNSPECIFIED', 0, dict(seconds=12.), 9), ('SUCCEEDED', 15., dict(seconds=12.), 12), ('STOPPED', 15., dict(seconds=12.), 12),
           ('QUEUED', 15., dict(seconds=12.), 12), ('PREPARING', 15., dict(phase='features', seconds=17.), 12), ('RUNNING', 15., dict(seconds=20.), 17), ('CANCELED', 0, {}, 0)]

@pytest.mark.parametrize('state,before,said,expected', SECONDS, ids=lambda o: str(o)[:40])
def test_training_time_grows_only_while_running(tmp_path, state, before, said, expected):
    run = at(tmp_path, state, phases=[dict(name='features', seconds=3.)], seconds=before)
    if said: echo(run, **said)
    with locked(run): assert snapshot(run).seconds == expected

def test_steps_phase_and_curve(tmp_path):
    run = at(tmp_path, 'RUNNING')
    run.record(steps=None)
    echo(run)
    rows = ['"head","train",1,.5,.7', '"head","valid",1,.5,.8', '"head","valid",2,nan,.8', '"head","valid",3,.75,', '"head","valid",4,.75,.4']
    (run.path/'history.csv').write_text('\n'.join(['phase,dataset,epoch,accuracy,cross_entropy', *rows, '']))
    with working(run):
        o = snapshot(run)
        assert (o.steps, o.of, o.done, o.curve) == (2, 15, .3, [(.8, .5), (.4, .25)]) and o.phase == 'head: epoch 1 of 2, step 3 of 10, about 5.0 s to go' and not o.over
        (run.path/'checkpoints').mkdir()
        (run.path/'checkpoints/checkpoints.csv').write_text('step,phase\n4,head\n7,head\n')
        assert snapshot(run).steps == 7, 'a checkpoint in the middle of an epoch'
        m = RunMonitor(run)
        assert '7 of 15' in m.fields.value and 'value="0.300"' in m.bar.value and 'cross-entropy 0.400, error rate 25.0%' in m.curve.value and 'image/svg+xml' in m.curve.value
        m.close()

JUNK = ['', '[]', '{', '{"done": "x"}', '{"phase": 3, "seconds": "long", "left": [], "all_steps": "many", "of": null}', '\0']

@pytest.mark.parametrize('text', JUNK, ids=repr)
def test_junk_in_the_files_of_a_run(tmp_path, text):
    run = at(tmp_path, 'RUNNING')
    for o in ('progress.json', 'history.csv', 'split.csv'): (run.path/o).write_text(text)
    with working(run):
        m = RunMonitor(run)
        assert m.said.value and 'Traceback' not in m.said.value + m.message.value
        m.close()

def test_watch_to_the_end_from_several_monitors(tmp_path):
    run = at(tmp_path, 'RUNNING')
    with working(run):
        ms = [RunMonitor(run, every=.02), RunMonitor(run.path, every=.02), RunMonitor('V001', tmp_path, every=.02)]
        threads = [m._thread for m in ms]
        assert all(o.daemon for o in threads), 'they keep no program alive'
        echo(run, done=7)
        wait(lambda: all('step 7 of 10' in m.bar.value for m in ms))
        run.transition(State.SUCCEEDED, metrics=dict(valid_error=0., wrong=0, of=1), seconds=5.)
    for o in threads: o.join(10)
    assert not any(o.is_alive() for o in threads) and all('SUCCEEDED' in m.fields.value and 'Wrong on 0 of 1' in m.said.value and not m.bar.value for m in ms)

def test_killed_deleted_damaged(tmp_path):
    "Each is told in a sentence, and ends the watching."
    for what in ('killed', 'deleted', 'damaged', 'newer'):
        run = at(tmp_path/what, 'RUNNING')
        with working(run):
            m = RunMonitor(run, every=.02)
            thread = m._thread
            if what == 'deleted': shutil.rmtree(run.path)
            if what == 'damaged': (run.path/'run.json').write_text('{')
            if what == 'newer': run.record(format=99)
            if what != 'killed': thread.join(10)
        thread.join(10)
        assert not thread.is_alive() and not m.message.value
        says = dict(killed='its process was killed', deleted='is not there any more', damaged='is damaged', newer='newer petlearn')[what]
        assert says in m.said.value and buttons(m) == ({'more'} if what == 'killed' else set())
        again = RunMonitor(run) if what != 'deleted' else m
        assert says in again.said.value

def test_an_unexpected_error_ends_the_watching_with_a_sentence(tmp_path, monkeypatch):
    run = at(tmp_path, 'RUNNING')
    with working(run):
        m = RunMonitor(run, every=.02)
        monkeypatch.setattr(panel, 'snapshot', lambda run: 1/0)
        m._thread.join(10)
        assert not m._thread.is_alive() and 'ZeroDivisionError' in m.message.value

def test_closing_ends_the_watching(tmp_path):
    run = at(tmp_path, 'RUNNING')
    with working(run):
        m = RunMonitor(run, every=.02)
        thread = m._thread
        m.close()
        thread.join(10)
        assert not thread.is_alive()

def test_stop_use_and_more(tmp_path, monkeypatch):
    run = at(tmp_path/'runs', 'RUNNING')
    with working(run):
        m = RunMonitor(run)
        m.stop.click()
        assert (run.path/'stop').exists() and 'STOP_REQUESTED' in m.fields.value and buttons(m) == set()
        m.stop.click()
        assert 't stop V001' in m.message.value
        m.close()
    done = at(tmp_path/'runs', 'SUCCEEDED')
    monkeypatch.chdir(tmp_path)
    m = RunMonitor(done)
    m.use.click()
    assert 'run = runs()[&#x27;V002&#x27;]' in m.how.value and 'role="status"' in m.how.value
    child = at(tmp_path/'runs', 'QUEUED')
    told = []
    monkeypatch.setattr(panel, 'train', lambda **kw: told.append(kw) or child)
    with working(child):
        m.more.click()
        assert told == [dict(resume=done, runs_dir=done.path.parent, background=True)] and child.path.name in m.head.value and buttons(m) == {'stop'} and m._thread
        m.close()
    monkeypatch.setattr(panel, 'train', lambda **kw: 1/0)
    m = RunMonitor(done)
    m.more.click()
    assert 'ZeroDivisionError' in m.message.value and 'is finished' in m.said.value

def test_no_such_run(tmp_path):
    with pytest.raises(PetLearnError, match='no run'): RunMonitor('V009', tmp_path)
    with pytest.raises(PetLearnError): RunMonitor(tmp_path/'V009-x')

def test_what_a_run_says_is_escaped(tmp_path):
    run = at(tmp_path, 'FAILED', error='<script>alert(1)</script>')
    m = RunMonitor(run)
    assert '<script>' not in m.said.value + m._still() and 'alert(1)' in m.said.value

# the panel

@pytest.fixture
def here(tmp_path, monkeypatch):
    "A working folder of one's own, in which no training goes on when a test has failed."
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for o in runs(tmp_path/'runs') if (tmp_path/'runs').exists() else ():
        if 'stop' in o.actions: o.stop()

def seen(w):
    w.thread.join(60)
    return w

def test_a_fresh_panel(here):
    w = seen(TrainPanel())
    assert w.train.disabled and 'There are no photos yet' in w.reason.value and not w.code.value and not w.monitors.children
    w.train.click()
    assert 'There are no photos yet' in w.message.value

def test_the_reason_and_the_arithmetic_follow_each_change(few, here):
    w = seen(TrainPanel(few))
    assert '<b>cat</b> 12, <b>dog</b> 12' in w.photos.value and 'Fit to train on' in w.photos.value and not w.train.disabled and 'Ready' in w.reason.value
    for name,value,says in (('epochs', 3, '3 epochs, 15 steps'), ('fine_tune_epochs', 2, '5 epochs, 25 steps in all (3 for the head'), ('bs', 10, 'Batches of 10: 2 steps'),
                            ('minutes', 2, 'after 2 minutes'), ('preference', 'performance_first', 'at 160 pixels'), ('arch', 'efficientnet_lite0', 'at 224 pixels')):
        w.controls[name].value = value
        assert says in w.sums.value and 'role="status"' in w.sums.value and not w.train.disabled
    assert w.plan.settings == dict(epochs=3, fine_tune_epochs=2, bs=10, minutes=2., preference='performance_first', arch='efficientnet_lite0') and 'epochs=3' in w.code.value
    for name,value,says in (('bs', 1, 'bs=1'), ('minutes', -3, 'minutes=-3'), ('epochs', -1, 'epochs=-1')):
        before,w.controls[name].value = w.controls[name].value,value
        assert w.train.disabled and says in w.reason.value and not w.code.value and not w.message.value
        w.controls[name].value = before
        assert not w.train.disabled and 'Ready' in w.reason.value
    w.name.value = 'My run'
    assert w.train.disabled and 'my-run' in w.reason.value
    w.name.value,w.note.value = ' my-run ','a note'
    assert (w.plan.name, w.plan.note, w.train.disabled) == ('my-run', 'a note', False)

def test_folders_by_the_line(few, more, odd, here):
    w = seen(TrainPanel())
    for text,says,off in ((f'{few}\n\n  {more} \n', '18', False), (str(odd/'pest'), 'There is no folder', True), (f"{odd/'cat and dog'}\n{odd/'cat and fox'}", 'labels', True), (str(few), '12', False),
                          (str(odd/'cats only'), 'same label', True), (str(odd/'damaged'), 'damaged', True), ('', 'no photos yet', True)):
        w.folders.value = text
        seen(w)
        assert says in w.photos.value + w.reason.value and w.train.disabled is off and not w.message.value
        assert 'image/jpeg' not in w.photos.value, 'no photo gets into the notebook'
    assert TrainPanel([few, more]).folders.value == f'{few}\n{more}'

def test_paths_as_people_paste_them(few, here, monkeypatch):
    monkeypatch.setenv('HOME', str(here))
    for o in ('my pets', "ünï 'n 猫"): shutil.copytree(few, here/o)
    w = TrainPanel()
    for text in (' my pets ', '"my pets"', f"'{here/'my pets'}'", '~/my pets', "ünï 'n 猫", f'"{here}/ünï \'n 猫"\n\nmy pets/'):
        w.folders.value = text
        assert '<b>cat</b> 12' in seen(w).photos.value and not w.train.disabled, text

def test_a_folder_that_goes_while_one_reads(few, here):
    shutil.copytree(few, here/'pets')
    w = seen(TrainPanel('pets'))
    shutil.rmtree(here/'pets')
    assert not w.train.disabled
    w.train.click()
    assert 'There is no folder' in w.message.value and seen(w).train.disabled and 'There is no folder' in w.reason.value and not w.monitors.children

def test_networks_and_defaults(few, here):
    (here/'petlearn.toml').write_text('[train]\nepochs = 4\nsize = 64\nminutes = 3\narch = "resnet26"\n')
    w = seen(TrainPanel(few))
    words = dict((value, text) for text,value in w.controls['arch'].options)
    assert words['efficientnet_lite0'] == 'efficientnet_lite0 (default)' and words[''] == 'as the preference says' and 'not on this computer' in words['resnet34']
    assert (w.controls['epochs'].value, w.controls['minutes'].value, w.controls['arch'].value, w.controls['bs'].value) == (4, 3., 'resnet26', 0)
    assert w.plan.settings == {} and w.train.disabled and 'resnet26 are not on this computer' in w.reason.value
    w.controls['arch'].value = ''
    assert w.plan.settings == dict(arch=None) and not w.train.disabled
    (here/'petlearn.toml').write_text('[train]\nepochs = none\n')
    w = seen(TrainPanel(few))
    assert w.train.disabled and 'petlearn.toml' in w.reason.value

def test_it_says_that_it_is_looking_and_only_the_last_answer_counts(few, more, here, monkeypatch):
    doors,real = {str(few): threading.Event(), str(more): threading.Event()},panel.check
    monkeypatch.setattr(panel, 'check', lambda photos, **kw: doors[photos].wait(30) and real(photos, **kw))
    w = TrainPanel(few)
    first = w.thread
    assert 'Looking at the photos' in w.photos.value and w.train.disabled and 'still looking' in w.reason.value
    w.look.click()
    assert w.thread is first, 'it looks already'
    w.controls['epochs'].value = 5
    assert 'still looking' in w.reason.value and not w.message.value
    w.folders.value = str(more)
    doors[str(more)].set()
    seen(w)
    assert '<b>cat</b> 6' in w.photos.value and '5 epochs' in w.sums.value
    doors[str(few)].set()
    first.join(60)
    assert '<b>cat</b> 6' in w.photos.value
    w.look.click()
    assert w.thread is not first and seen(w).plan.labels == dict(cat=6, dog=6)

def test_it_says_how_far_it_is(few, here, monkeypatch):
    door,real = threading.Event(),panel.check
    def slow(photos, **kw):
        core._REPORT_TO.get()('<b>fingerprints', 3, 1000, 65.)
        door.wait(30)
        return real(photos, **kw)
    monkeypatch.setattr(panel, 'check', slow)
    w = TrainPanel(few)
    wait(lambda: w.far.value)
    assert '<progress max="1" value="0.003"' in w.far.value and '&lt;b&gt;fingerprints: 3 of 1,000, about 1 min 5 s to go' in w.far.value
    door.set()
    assert not seen(w).far.value

def test_an_unexpected_error_while_looking(few, here, monkeypatch):
    monkeypatch.setattr(panel, 'check', lambda *args, **kw: 1/0)
    w = seen(TrainPanel(few))
    assert 'ZeroDivisionError' in w.message.value and w.train.disabled and 'press Look' in w.reason.value
    monkeypatch.undo()
    monkeypatch.chdir(here)
    w.look.click()
    assert not seen(w).train.disabled and not w.message.value

def test_html_of_names_is_escaped(few, here):
    folder = here/'<b>pets'
    for o in ('<i>cat', 'dog'): (folder/o).mkdir(parents=True)
    for o in few.glob('*.jpg'): shutil.copy(o, folder/('<i>cat' if o.name[0].isupper() else 'dog')/f'1{len(o.name)}{o.stat().st_size}.jpg')
    w = seen(TrainPanel(folder))
    assert '<i>' not in w.photos.value and '<b>pets' not in w.code.value and '&lt;i&gt;cat' in w.photos.value and not w.train.disabled

def test_begin_queue_and_the_same_again(few, here, monkeypatch):
    told = []
    def begin(photos, **kw):
        told.append(kw)
        return at(here/'runs', 'QUEUED')
    monkeypatch.setattr(panel, 'train', begin)
    w = seen(TrainPanel(few))
    w.name.value,w.controls['epochs'].value = 'my-run',3
    w.train.click()
    assert told == [dict(name='my-run', note='', runs_dir=w.runs_dir, background=True, epochs=3)] and w.name.value == ''
    first = w.monitors.children[0].run
    assert first.version == 'V001' and 'STATE_UNSPECIFIED' in w.monitors.children[0].fields.value
    with working(first):
        w.monitors.children[0].watch()
        assert w.train.disabled and f'{first.path.name} is at work on just that' in w.reason.value
        w.train.click() # a click that was under way
        assert len(told) == 1 and 'at work on just that' in w.message.value
        w.controls['epochs'].value = 4
        assert not w.train.disabled and f'At work: {first.path.name}' in w.reason.value
        w.train.click()
        assert len(told) == 2 and [o.run.version for o in w.monitors.children] == ['V002', 'V001']
    wait(lambda: 'Ready' in w.reason.value, 10)
    w.controls['bs'].value = 5
    w.train.click()
    assert [o.run.version for o in w.monitors.children] == ['V003'], 'what is over makes room'
    w.close()

def test_a_training_that_cannot_begin(few, here, monkeypatch):
    def refuse(photos, **kw): raise PetLearnError('The training of V001 did not start.', 'Expected a process.', 'log.txt')
    monkeypatch.setattr(panel, 'train', refuse)
    w = seen(TrainPanel(few))
    w.train.click()
    assert 'did not start' in w.message.value and not w.train.disabled and 'Ready' in w.reason.value and not w.monitors.children

def test_a_run_at_work_is_shown_at_once_and_again(few, here, monkeypatch):
    shown = []
    monkeypatch.setattr('petlearn.widgets.views.display', lambda o, **kw: shown.append(o))
    run = at(here/'runs', 'RUNNING')
    echo(run)
    with working(run):
        a,b = seen(TrainPanel(few)),seen(TrainPanel())
        for w in (a, b): assert [o.run.path for o in w.monitors.children] == [run.path] and 'step 3 of 10' in w.monitors.children[0].bar.value
        other = at(here/'runs', 'QUEUED')
        with working(other):
            a._ipython_display_()
            assert [o.run.path for o in a.monitors.children] == [other.path, run.path]
            still = shown[0]['text/html']
            assert '<b>cat</b> 12' in still and '50 steps' in still and 'run this cell again' in still and len(shown) == 2
        for w in (a, b): w.close()
    m = RunMonitor(run)
    m._ipython_display_()
    assert 'STATE_UNSPECIFIED' in shown[2]['text/html']

# real trainings

def test_train_to_the_end_and_stop_another(few, here):
    (here/'petlearn.toml').write_text('[train]\nsize = 64\nepochs = 2\n')
    w = seen(TrainPanel(few))
    steps = w.plan.steps.fastai_total
    w.train.click()
    first = w.monitors.children[0]
    w.controls['fine_tune_epochs'].value = 1000
    w.train.click() # waits its turn
    second = w.monitors.children[0]
    assert w.message.value == '' and {first.run.version, second.run.version} == {'V001', 'V002'}
    wait(lambda: first.state == 'SUCCEEDED') # which is set last
    assert f'{steps} of {steps}' in first.fields.value and 'Wrong on' in first.said.value and '<img' in first.curve.value and buttons(first) == {'more', 'use'}
    assert 0 < first.seen.seconds < first.run.seconds, 'without the time to look at the photos'
    wait(lambda: 'fine-tune' in second.bar.value)
    assert buttons(second) == {'stop'} and second.seen.steps >= steps and second.seen.of > 1000 # it may be further already
    second.stop.click()
    wait(lambda: second.state == 'STOPPED')
    assert buttons(second) == {'more', 'use'} and 'it can go on' in second.said.value and not second.message.value
    assert Run(second.run.path).predict(next(few.glob('*.jpg'))).label in ('cat', 'dog')
    w.close()
