"How a run says that it ended, and what to do next."
import pandas as pd, pytest
from petlearn.next_steps import NOTEBOOK, TERMINAL, shown_in
from petlearn.runs.endings import conclusion, ending, next_step, unseen_photos
from petlearn.runs.run import State
from helpers import pretend

ENDS = { # state, what else is known, what is said, what to do next
    'STOPPED': (dict(stopped_by='its terminal was closed'), 'after 80 steps, because its terminal was closed; its best model is kept', 'resume'),
    'CANCELED': (dict(stopped_by='Ctrl-C was pressed'), 'before it had learned anything, because Ctrl-C was pressed', 'resume'),
    'FAILED': (dict(error='The loss became 9e+4.'), 'The loss became 9e+4.', 'resume'),
    'TRY_AGAIN_LATER': (dict(error='It needs about 9 GB of memory.'), 'needs about 9 GB', 'resume'),
    'STATE_UNSPECIFIED': ({}, 'ended without a message', 'resume'),
    'RUNNING': ({}, 'ended without a message', 'resume'), # nobody holds its lock
    'SUCCEEDED': ({}, 'All of it is done', 'report')}

def test_every_state_says_what_happened_and_what_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for state,(more,says,next_word) in ENDS.items():
        run = pretend(tmp_path/'runs', state)
        run.record(**more)
        assert says in ending(run), state
        with shown_in(TERMINAL): assert 'petlearn ' in str(next_step(run)) and next_word in str(next_step(run)), state
        with shown_in(NOTEBOOK): assert 'petlearn ' not in str(next_step(run)) and next_word in str(next_step(run)), state
    assert set(ENDS) | {'QUEUED', 'PREPARING', 'STOP_REQUESTED', 'STOPPING'} == set(State)

def test_conclusion_is_read_from_the_folder(tmp_path):
    run = pretend(tmp_path, 'STOPPED', metrics=dict(wrong=1, of=8))
    run.record(stopped_by='its 0.2 minutes were over', session_seconds=11.4, params=dict(minutes=.2))
    text = conclusion(run)
    for o in (run.path.name, 'wrong on 1 of 8 validation photos', '0.19 of 0.2 minutes used', 'because its 0.2 minutes were over', 'To go on for another 0.2 minutes: ', f'Kept in {run.path}'): assert o in text, o
    rows = [('a.jpg', 'there was no time for it', 'train'), ('b.jpg', 'it is damaged', 'train'), ('c.jpg', 'there was no time for it', 'valid')]
    pd.DataFrame([dict(file=f, reason=r, label='cat', usage=u, sha256='0') for f,r,u in rows]).to_csv(run.path/'left_out.csv', index=False)
    assert list(unseen_photos(run).file) == ['a.jpg', 'c.jpg'] and 'It has learned from 1 of 3 photos' in conclusion(run)
