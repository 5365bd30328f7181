"Trainings take turns: one at a time in a folder and in a process, first come, first served."
from concurrent.futures import ThreadPoolExecutor
import pytest
from filelock import FileLock
from petlearn import PetLearnError, train
from petlearn.runs.book import runs
from petlearn.runs.progress import follow
from petlearn.training.turns import queue_position
from helpers import pretend
from trainings import QUICK, Do, is_learning, start, states, until, weights

@pytest.mark.slow
def test_train_in_a_callback_of_train(few, tmp_path):
    def again(): train(few, **QUICK, runs_dir=tmp_path)
    with pytest.raises(Exception, match='in this very program'): train(few, **QUICK, cbs=[Do(2, again)], runs_dir=tmp_path)
    assert train(few, **QUICK, runs_dir=tmp_path).state == 'SUCCEEDED'

@pytest.mark.slow
def test_two_threads_take_turns(few, tmp_path, one_thread):
    whole = weights(train(few, **QUICK, runs_dir=tmp_path/'whole'))
    with ThreadPoolExecutor(2) as pool: both = list(pool.map(lambda o: weights(train(few, **QUICK, runs_dir=tmp_path/o)), 'ab'))
    assert both == [whole, whole]

@pytest.mark.slow
def test_one_at_a_time(few, tmp_path):
    "The second waits; it can be given up while it waits; the first isn't disturbed."
    folder = tmp_path/'runs'
    first = start(few, folder, .2, size=64, epochs=500)
    until(lambda: folder.exists() and states(folder) == ['RUNNING'])
    second,third = start(few, folder, **QUICK),start(few, folder, **QUICK)
    until(lambda: states(folder) == ['RUNNING', 'QUEUED', 'QUEUED'])
    with pytest.raises(PetLearnError, match='still at work'): train(resume='V001', runs_dir=folder)
    runs(folder)['V002'].stop()
    until(lambda: states(folder)[1] == 'CANCELED')
    until(lambda: is_learning(runs(folder)['V001']))
    runs(folder)['V001'].stop()
    until(lambda: states(folder) == ['STOPPED', 'CANCELED', 'SUCCEEDED'])
    for o in (first, second, third): o.join(60)
    seen = list(follow(runs(folder)['V001']))
    assert len(seen) == 1 and seen[0].over and '▁' in str(seen[0])

@pytest.mark.slow
def test_first_come_first_served(few, tmp_path):
    "Who has waited for longer goes first, even when the lock of the turn is free; those whom nobody works on, or that are damaged, keep nobody waiting."
    older,given_up,damaged = (pretend(tmp_path, 'QUEUED', states=[('QUEUED', '2026-11-21 10:00:00')]) for _ in range(3))
    (damaged.path/'run.json').write_text('{')
    with FileLock(older.path/'.lock', thread_local=False), FileLock(damaged.path/'.lock', thread_local=False):
        newer = start(few, tmp_path, **QUICK)
        until(lambda: len(runs(tmp_path)) == 4 and runs(tmp_path)['V004'].state == 'QUEUED')
        newer.join(1.5)
        assert runs(tmp_path)['V004'].state == 'QUEUED' and not queue_position(older)
    newer.join(120)
    assert runs(tmp_path)['V004'].state == 'SUCCEEDED' and given_up.state == 'STATE_UNSPECIFIED'

@pytest.mark.slow
def test_a_child_of_a_run_at_work_is_refused(few, tmp_path):
    first = start(few, tmp_path/'runs', .2, size=64, epochs=500)
    until(lambda: (tmp_path/'runs').exists() and states(tmp_path/'runs') == ['RUNNING'])
    run = runs(tmp_path/'runs')['V001']
    with pytest.raises(PetLearnError, match="Can't resume"): train(few, resume='V001', runs_dir=tmp_path/'runs')
    until(lambda: run.status.phase == 'head')
    assert run.status.of == 2500 and run.status.epochs == 500 and 'to go' in str(run.status) and '<progress' in run._repr_html_()
    first.kill()
    first.join()
    assert run.state == 'STATE_UNSPECIFIED'
