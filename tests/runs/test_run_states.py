"The states of a training, what may follow, and what may be done."
import itertools, shutil
import pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.runs.run import LIVE, State
from helpers import pretend

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
        run.record(states=[(a, '')])
        if (str(a), str(b)) in LEGAL:
            run.transition(b)
            assert run.written_state == b
        else:
            with pytest.raises(RuntimeError, match='can not follow'): run.transition(b)
            assert run.metadata['states'] == [(a, '')]

POSSIBLE = dict(QUEUED='stop', PREPARING='stop', RUNNING='stop', STOP_REQUESTED='', STOPPING='', STOPPED='use resume delete', CANCELED='resume delete',
                SUCCEEDED='use delete', FAILED='use resume delete', TRY_AGAIN_LATER='resume delete', STATE_UNSPECIFIED='use resume delete')

@pytest.mark.slow
def test_what_one_may_do(tmp_path):
    "In every state, with and without a model; what is refused says so."
    run = pretend(tmp_path)
    shutil.rmtree(run.path/'model')
    for state,usable in itertools.product(State, (False, True)):
        run.record(states=[(state, '')])
        shutil.rmtree(run.path/'checkpoints', ignore_errors=True)
        if usable:
            (run.path/'checkpoints').mkdir()
            (run.path/'checkpoints/best.safetensors').write_bytes(b'')
        lock = FileLock(run.path/'.lock', thread_local=False)
        if state in LIVE: lock.acquire()
        try:
            assert run.state == state and run.has_model == usable
            possible = run.actions
            assert possible == run.actions_in(state) == set(POSSIBLE[state].split()) - (set() if usable else {'use'})
            for action in ('stop', 'use', 'resume', 'delete'):
                if action in possible: assert run.require(action) is run
                else:
                    with pytest.raises(PetLearnError, match=f"Can't {action} {run.path.name}") as e: run.require(action)
                    assert e.value.fix and e.value.expected and str(state) in e.value.what
            if 'stop' not in possible:
                with pytest.raises(PetLearnError): run.stop()
        finally: lock.release()
