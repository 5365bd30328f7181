"Monitors of runs in every state."
import contextlib, shutil
import pytest
from petlearn import PetLearnError
from petlearn.runs.progress import RunStatus
from petlearn.runs.run import ACTIONS, LIVE, State
from petlearn.widgets.monitor import STATE_WORDS, RunMonitor, curve_html, numbers_html
from watching import at, buttons, wait, working, write_progress

ON = dict(QUEUED='stop', PREPARING='stop', RUNNING='stop', STOP_REQUESTED='', STOPPING='', STOPPED='more use', CANCELED='more', SUCCEEDED='more use', FAILED='more use',
          TRY_AGAIN_LATER='more', STATE_UNSPECIFIED='more use')

def test_buttons_and_words_follow_the_state(tmp_path):
    assert set(STATE_WORDS) == set(State) == {State(o) for o in ON} == set(ACTIONS)
    for state in State:
        for usable in (True, False):
            run = at(tmp_path/f'{state}{usable}', state)
            shutil.rmtree(run.path/'model', ignore_errors=True)
            if usable:
                (run.path/'checkpoints').mkdir()
                (run.path/'checkpoints/best.safetensors').write_bytes(b'')
            expected = set(ON[state].split())
            if not usable: expected -= {'use'} | ({'more'} if state == 'SUCCEEDED' else set())
            with working(run) if state in LIVE else contextlib.nullcontext():
                m = RunMonitor(run)
                assert buttons(m) == expected, (state, usable)
                assert m.state == state and f'<b style="font-size:120%">{state}</b>' in m.numbers.value and f'{run.path.name} {STATE_WORDS[state]}'[:40] in m.sentence.value.replace('&#x27;', "'")
                assert '<progress' not in m.bar.value, 'nothing was written about its progress yet'
                m.watch()
                assert bool(m.thread) == (state in LIVE), 'nobody watches what is over'
                m.close()

def test_numbers_bar_and_curve(tmp_path):
    run = at(tmp_path, 'RUNNING', planned_steps=15)
    run.record(steps=None)
    write_progress(run)
    rows = ['"head","train",1,.5,.7', '"head","valid",1,.5,.8', '"head","valid",2,nan,.8', '"head","valid",3,.75,', '"head","valid",4,.75,.4']
    (run.path/'history.csv').write_text('\n'.join(['phase,dataset,epoch,accuracy,cross_entropy', *rows, '']))
    (run.path/'checkpoints').mkdir()
    (run.path/'checkpoints/checkpoints.csv').write_text('step,phase\n4,head\n7,head\n')
    with working(run):
        m = RunMonitor(run)
        assert '7 of 15' in m.numbers.value and 'value="0.300"' in m.bar.value and 'head: epoch 1 of 2, step 3 of 10, about 5 s to go' in m.bar.value
        assert 'loss: validation 0.400' in m.curve.value and 'mistakes: validation 25 %' in m.curve.value and 'svg' in m.curve.value
        before = m.curve.value
        m.refresh()
        assert m.curve.value is before, 'drawn again for a new epoch only'
        m.close()
    (run.path/'history.csv').write_text('junk')
    assert curve_html(run) == '' and numbers_html(RunStatus('', trouble='gone')) == ''

JUNK = '', '[]', '{', '{"done": "x"}', '{"phase": 3, "seconds": "long", "left": [], "all_steps": "many", "of": null}', '\0'

def test_junk_in_the_files_of_a_run(tmp_path):
    for i,text in enumerate(JUNK):
        run = at(tmp_path/str(i), 'RUNNING')
        for o in ('progress.json', 'history.csv', 'split.csv'): (run.path/o).write_text(text)
        with working(run):
            m = RunMonitor(run)
            assert m.sentence.value and 'Traceback' not in m.sentence.value + m.message.value
            m.close()
        assert RunMonitor(run).sentence.value, 'its end may be strange, too'

def test_watch_to_the_end_from_several_monitors(tmp_path):
    run = at(tmp_path, 'RUNNING')
    with working(run):
        ms = [RunMonitor(run, every=.02), RunMonitor(run.path, every=.02), RunMonitor('V001', tmp_path, every=.02)]
        for m in ms: m.watch()
        threads = [m.thread for m in ms]
        assert all(o.daemon for o in threads), 'they keep no program alive'
        write_progress(run, done=7)
        wait(lambda: all('step 7 of 10' in m.bar.value for m in ms))
        run.transition(State.SUCCEEDED, metrics=dict(valid_error=0., wrong=0, of=1), seconds=5.)
    for o in threads: o.join(10)
    assert not any(o.is_alive() for o in threads) and all('SUCCEEDED' in m.numbers.value and 'Wrong on 0 of 1' in m.sentence.value and not m.bar.value for m in ms)

def test_killed_deleted_damaged(tmp_path):
    "Each is told in a sentence, and ends the watching."
    for what,says in dict(killed='its process was killed', deleted='was deleted, moved or renamed', damaged='is damaged', newer='newer petlearn').items():
        run = at(tmp_path/what, 'RUNNING')
        with working(run):
            m = RunMonitor(run, every=.02)
            m.watch()
            thread = m.thread
            if what == 'deleted': shutil.rmtree(run.path)
            if what == 'damaged': (run.path/'run.json').write_text('{')
            if what == 'newer': run.record(format=99)
            if what != 'killed': thread.join(10)
        thread.join(10)
        assert not thread.is_alive() and not m.message.value
        assert says in m.sentence.value and buttons(m) == ({'more'} if what == 'killed' else set())
        if what != 'deleted': assert says in RunMonitor(run).sentence.value

def test_an_unexpected_error_and_closing_end_the_watching(tmp_path, monkeypatch):
    run = at(tmp_path, 'RUNNING')
    with working(run):
        closed,broken = RunMonitor(run, every=.02),RunMonitor(run, every=.02)
        for m in (closed, broken): m.watch()
        threads = closed.thread,broken.thread
        closed.close()
        threads[0].join(10)
        monkeypatch.setattr('petlearn.widgets.monitor.try_status', lambda run: 1/0)
        threads[1].join(10)
        assert not any(o.is_alive() for o in threads) and 'ZeroDivisionError' in broken.message.value and not closed.message.value

def test_stop_use_and_more(tmp_path, monkeypatch):
    run = at(tmp_path/'runs', 'RUNNING')
    with working(run):
        m = RunMonitor(run)
        m.stop.click()
        assert (run.path/'stop').exists() and 'STOP_REQUESTED' in m.numbers.value and buttons(m) == set()
        m.stop.click()
        assert 't stop V001' in m.message.value
    done = at(tmp_path/'runs', 'SUCCEEDED')
    monkeypatch.chdir(tmp_path)
    m = RunMonitor(done)
    m.use.click()
    assert 'run = runs()[&#x27;V002&#x27;]' in m.code.value and 'role="status"' in m.code.value
    child,told = at(tmp_path/'runs', 'QUEUED'),[]
    monkeypatch.setattr('petlearn.widgets.monitor.train', lambda **kw: told.append(kw) or child)
    with working(child):
        m.more.click()
        assert told == [dict(resume=done, runs_dir=done.path.parent, background=True)] and child.path.name in m.heading.value and buttons(m) == {'stop'} and m.thread
        m.close()
    monkeypatch.setattr('petlearn.widgets.monitor.train', lambda **kw: 1/0)
    m = RunMonitor(done)
    m.more.click()
    assert 'ZeroDivisionError' in m.message.value and 'is finished' in m.sentence.value

def test_no_such_run_and_what_a_run_says_is_escaped(tmp_path):
    with pytest.raises(PetLearnError, match='no run'): RunMonitor('V009', tmp_path)
    with pytest.raises(PetLearnError): RunMonitor(tmp_path/'V009-x')
    m = RunMonitor(at(tmp_path, 'FAILED', error='<script>alert(1)</script>'))
    assert '<script>' not in m.sentence.value + m.still_html() and 'alert(1)' in m.sentence.value

def test_it_watches_when_it_is_shown(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr('petlearn.widgets.views.display', lambda o, **kw: shown.append(o))
    run = at(tmp_path, 'RUNNING')
    with working(run):
        m = RunMonitor(run)
        assert m.thread is None
        m._ipython_display_()
        assert m.thread.is_alive() and 'RUNNING' in shown[0]['text/html']
        m.close()
