"The panel: the form by its traits; two real trainings in the background."
import shutil, threading
import pytest
from petlearn import PetLearnError
from petlearn.runs.book import runs
from petlearn.runs.run import Run
from petlearn.training import plan
from petlearn.widgets.monitor import RunMonitor
from petlearn.widgets.panel import TrainPanel
from watching import at, buttons, wait, working, write_progress

pytestmark = pytest.mark.slow

@pytest.fixture
def here(tmp_path, monkeypatch):
    "A working folder of one's own, in which no training goes on when a test has failed."
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for o in runs(tmp_path/'runs') if (tmp_path/'runs').exists() else ():
        if 'stop' in o.actions: o.stop()

def seen(w):
    w.check.thread.join(60)
    return w

def test_a_fresh_panel(here):
    w = seen(TrainPanel())
    assert w.train.disabled and 'There are no photos yet' in w.reason.value and not w.code.value and not w.monitors.children
    w.train.click()
    assert 'There are no photos yet' in w.message.value

def test_the_reason_and_the_arithmetic_follow_each_change(two_dozen, here):
    w = seen(TrainPanel(two_dozen))
    assert '<b>cat</b> 12, <b>dog</b> 12' in w.photos.value and 'Fit to train on' in w.photos.value and not w.train.disabled and 'Ready' in w.reason.value
    for name,value,says in (('epochs', 3, '3 epochs, 15 steps'), ('fine_tune_epochs', 2, '5 epochs, 25 steps in all (3 for the head'), ('bs', 10, 'Batches of 10: 2 steps'),
                            ('minutes', 2, 'after 2 minutes'), ('preference', 'performance_first', 'at 160 pixels'), ('arch', 'efficientnet_lite0', 'at 224 pixels')):
        w.form.fields[name].value = value
        assert says in w.arithmetic.value and 'role="status"' in w.arithmetic.value and not w.train.disabled
    assert w.plan.settings == dict(epochs=3, fine_tune_epochs=2, bs=10, minutes=2., preference='performance_first', arch='efficientnet_lite0') and 'epochs=3' in w.code.value
    for name,value,says in (('bs', 1, 'bs 1'), ('minutes', -3, 'minutes -3'), ('epochs', -1, 'epochs -1')):
        before,w.form.fields[name].value = w.form.fields[name].value,value
        assert w.train.disabled and says in w.reason.value and not w.code.value and not w.message.value
        w.form.fields[name].value = before
        assert not w.train.disabled and 'Ready' in w.reason.value
    w.run_name.value = 'My run'
    assert w.train.disabled and 'my-run' in w.reason.value
    w.run_name.value,w.note.value = ' my-run ','a note'
    assert (w.plan.name, w.plan.note, w.train.disabled) == ('my-run', 'a note', False)

def test_folders_by_the_line(two_dozen, one_dozen, unfit, here):
    w = seen(TrainPanel())
    for text,says,off in ((f'{two_dozen}\n\n  {one_dozen} \n', '18', False), (str(unfit/'pest'), 'There is no folder', True), (f"{unfit/'cat and dog'}\n{unfit/'cat and fox'}", 'labels', True), (str(two_dozen), '12', False),
                          (str(unfit/'cats only'), 'same label', True), (str(unfit/'damaged'), 'damaged', True), ('', 'no photos yet', True)):
        w.folders.value = text
        seen(w)
        assert says in w.photos.value + w.reason.value and w.train.disabled is off and not w.message.value
        assert 'image/jpeg' not in w.photos.value, 'no photo gets into the notebook'
    assert TrainPanel([two_dozen, one_dozen]).folders.value == f'{two_dozen}\n{one_dozen}'

def test_paths_as_people_paste_them(two_dozen, here, monkeypatch):
    monkeypatch.setenv('HOME', str(here))
    for o in ('my pets', "ünï 'n 猫"): shutil.copytree(two_dozen, here/o)
    w = TrainPanel()
    for text in (' my pets ', '"my pets"', f"'{here/'my pets'}'", '~/my pets', "ünï 'n 猫", f'"{here}/ünï \'n 猫"\n\nmy pets/'):
        w.folders.value = text
        assert '<b>cat</b> 12' in seen(w).photos.value and not w.train.disabled, text

def test_a_folder_that_goes_while_one_reads(two_dozen, here):
    shutil.copytree(two_dozen, here/'pets')
    w = seen(TrainPanel('pets'))
    shutil.rmtree(here/'pets')
    assert not w.train.disabled
    w.train.click()
    assert 'There is no folder' in w.message.value and seen(w).train.disabled and 'There is no folder' in w.reason.value and not w.monitors.children

def test_networks_and_defaults(two_dozen, here):
    (here/'petlearn.toml').write_text('[train]\nepochs = 4\nsize = 64\nminutes = 3\narch = "resnet26"\n')
    w = seen(TrainPanel(two_dozen))
    words = dict((value, text) for text,value in w.form.fields['arch'].options)
    assert words['efficientnet_lite0'] == 'efficientnet_lite0 (default)' and words[''] == 'as the preference says' and 'not on this computer' in words['resnet34']
    assert (w.form.fields['epochs'].value, w.form.fields['minutes'].value, w.form.fields['arch'].value, w.form.fields['bs'].value) == (4, 3., 'resnet26', 0)
    assert w.plan.settings == {} and w.train.disabled and 'resnet26 are not on this computer' in w.reason.value
    w.form.fields['arch'].value = ''
    assert w.plan.settings == dict(arch=None) and not w.train.disabled
    (here/'petlearn.toml').write_text('[train]\nepochs = none\n')
    with pytest.raises(PetLearnError, match='petlearn.toml'): TrainPanel(two_dozen)

def test_shares_rates_labels_names_and_where_to_start(two_dozen, one_dozen, here):
    (here/'petlearn.toml').write_text('[train]\nvalid_pct = 0.35\nlr = 0.02\n')
    shutil.copytree(one_dozen, here/'pets')
    w = seen(TrainPanel(two_dozen))
    f = w.form.fields
    assert f['valid_pct'].value == .35 and dict(f['valid_pct'].options)['35 % (default)'] == .35 and w.plan.settings == {}
    assert f['lr'].texts[f['lr'].mark] == '0.02' and f['lr'].value == f['lr'].mark
    f['valid_pct'].value,f['test_pct'].value,f['lr'].value = .25,.1,0
    assert w.plan.settings == dict(valid_pct=.25, test_pct=.1, lr=.0001) and 'test photo' in w.arithmetic.value and 'lr=0.0001' in w.code.value
    w.dataset.value = 'two dozen'
    assert "dataset='two dozen'" in w.plan.code and w.plan.dataset == 'two dozen'
    w.dataset.value = '!'
    assert w.train.disabled
    w.dataset.value = ''
    w.labeler.value = 'breed'
    seen(w)
    assert 'labeler=breed' in w.plan.code and set(w.plan.labels) != {'cat', 'dog'}
    w.labeler.value = 'by_fodler'
    assert 'by_folder' in w.message.value
    w.labeler.value = ''
    assert [o for _,o in w.near.options] == ['', 'pets']
    w.near.value = 'pets'
    assert w.folders.value == f'{two_dozen}\npets' and w.near.value == '' and seen(w).plan.labels == dict(cat=18, dog=18)
    assert [o for _,o in w.start.options] == ['']
    done = at(here/'runs', 'SUCCEEDED')
    (done.path/'model').mkdir(exist_ok=True)
    (done.path/'model'/'model.json').write_text('{}')
    assert [o for _,o in TrainPanel(two_dozen).start.options] == ['', done.version]

def test_a_reason_stands_once(unfit, here):
    w = seen(TrainPanel(unfit/'cats only'))
    assert 'same label' in w.photos.value and 'same label' not in w.reason.value and 'marked as an error above' in w.reason.value and w.train.disabled

def test_it_says_that_it_is_looking_and_only_the_last_answer_counts(two_dozen, one_dozen, here, monkeypatch):
    doors,real = {str(two_dozen): threading.Event(), str(one_dozen): threading.Event()},plan.check
    monkeypatch.setattr(plan, 'check', lambda photos, **kw: doors[photos].wait(30) and real(photos, **kw))
    w = TrainPanel(two_dozen)
    first = w.check.thread
    assert 'Checking the photos' in w.photos.value and w.train.disabled and 'still being checked' in w.reason.value
    w.look.click()
    assert w.check.thread is first, 'it is at it already'
    w.form.fields['epochs'].value = 5
    assert 'still being checked' in w.reason.value and not w.message.value
    w.folders.value = str(one_dozen)
    doors[str(one_dozen)].set()
    seen(w)
    assert '<b>cat</b> 6' in w.photos.value and '5 epochs' in w.arithmetic.value
    doors[str(two_dozen)].set()
    first.join(60)
    assert '<b>cat</b> 6' in w.photos.value
    w.look.click()
    assert w.check.thread is not first and seen(w).plan.labels == dict(cat=6, dog=6)

def test_it_says_how_far_it_is(two_dozen, here, monkeypatch):
    door,real = threading.Event(),plan.check
    monkeypatch.setattr(plan, 'check', lambda photos, **kw: door.wait(30) and real(photos, **kw))
    w = TrainPanel(two_dozen)
    w.check.on_progress('<b>fingerprints', 3, 1000, 65.)
    assert '<progress max="1" value="0.003"' in w.bar.value and '&lt;b&gt;fingerprints: 3 of 1,000, about 1 min 5 s to go' in w.bar.value
    door.set()
    assert not seen(w).bar.value

def test_an_unexpected_error_while_looking(two_dozen, here, monkeypatch):
    monkeypatch.setattr(plan, 'check', lambda *args, **kw: 1/0)
    w = seen(TrainPanel(two_dozen))
    assert 'ZeroDivisionError' in w.message.value and w.train.disabled and 'press Check photos' in w.reason.value
    monkeypatch.undo()
    monkeypatch.chdir(here)
    w.look.click()
    assert not seen(w).train.disabled and not w.message.value

def test_html_of_names_is_escaped(two_dozen, here):
    folder = here/'<b>pets'
    for o in ('<i>cat', 'dog'): (folder/o).mkdir(parents=True)
    for o in two_dozen.glob('*.jpg'): shutil.copy(o, folder/('<i>cat' if o.name[0].isupper() else 'dog')/f'1{len(o.name)}{o.stat().st_size}.jpg')
    w = seen(TrainPanel(folder))
    assert '<i>' not in w.photos.value and '<b>pets' not in w.code.value and '&lt;i&gt;cat' in w.photos.value and not w.train.disabled

def test_begin_queue_and_the_same_again(two_dozen, here, monkeypatch):
    told = []
    def begin(photos, **kw):
        told.append(kw)
        return at(here/'runs', 'QUEUED')
    monkeypatch.setattr(plan, 'train', begin)
    w = seen(TrainPanel(two_dozen))
    w.run_name.value,w.form.fields['epochs'].value = 'my-run',3
    w.train.click()
    assert told == [dict(name='my-run', note='', runs_dir=w.runs_dir, background=True, epochs=3)] and w.run_name.value == ''
    first = w.monitors.children[0].run
    assert first.version == 'V001' and 'STATE_UNSPECIFIED' in w.monitors.children[0].numbers.value
    with working(first):
        w.monitors.children[0].watch()
        assert w.train.disabled and f'{first.path.name} is at work on just that' in w.reason.value
        w.train.click() # a click that was under way
        assert len(told) == 1 and 'at work on just that' in w.message.value
        w.form.fields['epochs'].value = 4
        assert not w.train.disabled and f'At work: {first.path.name}' in w.reason.value
        w.train.click()
        assert len(told) == 2 and [o.run.version for o in w.monitors.children] == ['V002', 'V001']
    wait(lambda: 'Ready' in w.reason.value, 10)
    w.form.fields['bs'].value = 5
    w.train.click()
    assert [o.run.version for o in w.monitors.children] == ['V003'], 'what is over makes room'
    w.close()

def test_a_training_that_cannot_begin(two_dozen, here, monkeypatch):
    def refuse(photos, **kw): raise PetLearnError('The training of V001 did not start.', 'Expected a process.', 'log.txt')
    monkeypatch.setattr(plan, 'train', refuse)
    w = seen(TrainPanel(two_dozen))
    w.train.click()
    assert 'did not start' in w.message.value and not w.train.disabled and 'Ready' in w.reason.value and not w.monitors.children

def test_a_run_at_work_is_shown_at_once_and_again(two_dozen, here, monkeypatch):
    shown = []
    monkeypatch.setattr('petlearn.widgets.views.display', lambda o, **kw: shown.append(o))
    run = at(here/'runs', 'RUNNING')
    write_progress(run)
    with working(run):
        a,b = seen(TrainPanel(two_dozen)),seen(TrainPanel())
        for w in (a, b):
            w.watch_all()
            assert [o.run.path for o in w.monitors.children] == [run.path] and 'step 3 of 10' in w.monitors.children[0].bar.value
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

def test_train_to_the_end_and_stop_another(two_dozen, here):
    (here/'petlearn.toml').write_text('[train]\nsize = 64\nepochs = 2\n')
    w = seen(TrainPanel(two_dozen))
    steps = w.plan.steps.fastai_total
    w.train.click()
    first = w.monitors.children[0]
    w.form.fields['fine_tune_epochs'].value = 1000
    w.train.click() # waits its turn
    second = w.monitors.children[0]
    assert w.message.value == '' and {first.run.version, second.run.version} == {'V001', 'V002'}
    wait(lambda: first.state == 'SUCCEEDED') # which is set last
    assert f'{steps} of {steps}' in first.numbers.value and 'rong on' in first.sentence.value and '<img' in first.curve.value and buttons(first) == {'more', 'use'}
    assert 0 < first.status.learning_seconds < first.run.seconds, 'without the time to look at the photos'
    wait(lambda: 'fine-tune' in second.bar.value)
    assert buttons(second) == {'stop'} and second.status.steps >= steps and second.status.planned_steps > 1000 # it may be further already
    second.stop.click()
    wait(lambda: second.state == 'STOPPED')
    assert buttons(second) == {'more', 'use'} and 'it can be resumed' in second.sentence.value and not second.message.value
    assert Run(second.run.path).predict(next(two_dozen.glob('*.jpg'))).label in ('cat', 'dog')
    w.close()
