"petlearn show: states, epochs, watching."
import csv, os, signal, subprocess, sys, time
import pytest
from filelock import FileLock
from petlearn.cli import main
from petlearn.runs.progress import RunStatus
from petlearn.terminal import show_command
from petlearn.terminal.show_command import description, epochs_text
from helpers import pretend

def history(run, n):
    with open(run.path/'history.csv', 'w', newline='') as f:
        out = csv.writer(f)
        out.writerow('phase dataset epoch batches accuracy cross_entropy learning_rate seconds'.split())
        for i in range(n):
            for o in ('train', 'valid'): out.writerow(['head', o, i+1, 4, .5+.4*i/n, 1-i/(2*n), .01, .25])

def test_epochs_fit_and_name_the_kept_one(tmp_path):
    run = pretend(tmp_path)
    assert epochs_text(run) == ''
    for n in (1, 20, 21, 1000):
        history(run, n)
        for width in (60, 80, 100, 9999):
            lines = epochs_text(run, width).splitlines()
            table = [o for o in lines if not o.startswith('Not shown') and 'all of them' not in o]
            assert max(map(len, table)) <= width and len(table) <= 22 and 'loss ↓' in lines[0], (n, width)
            assert table[-1].split()[0] == str(n)
        assert len([o for o in epochs_text(run, everything=True).splitlines()]) == n+1
        assert epochs_text(run).count('kept') == 1 and ('--all-epochs' in epochs_text(run)) == (n > 20)

@pytest.mark.parametrize('state,says,next_word', [
    ('STOPPED', 'because its terminal was closed', '--resume'), ('FAILED', 'The loss became', '--resume'), ('CANCELED', 'before it had learned anything', '--resume'),
    ('RUNNING', 'ended without a message', '--resume'), ('SUCCEEDED', 'Wrong on 1 of 8', 'petlearn predict')])
def test_every_state_has_words_and_a_next_step(tmp_path, monkeypatch, capsys, state, says, next_word):
    monkeypatch.chdir(tmp_path)
    run = pretend(tmp_path/'runs', state, metrics=dict(wrong=1, of=8) if state in ('SUCCEEDED', 'STOPPED') else {})
    run.record(stopped_by='its terminal was closed', error='The loss became 9e+4.' if state == 'FAILED' else '')
    assert main(['show']) == 0
    out = capsys.readouterr().out
    assert says in out and next_word in out.splitlines()[-1], out

def test_watching_a_pipe_gives_a_line_a_state(tmp_path, monkeypatch, capsys):
    "Progress on standard error, the result on standard output; Ctrl-C says that the training goes on."
    monkeypatch.chdir(tmp_path)
    run = pretend(tmp_path/'runs')
    seen = [RunStatus('V001-x', 'RUNNING', 'head', 1, 9, i, 90) for i in range(50)] + [RunStatus('V001-x', 'SUCCEEDED')]
    monkeypatch.setattr(show_command, 'statuses', lambda one: iter(seen))
    assert main(['show', '--follow']) == 0
    out = capsys.readouterr()
    assert out.err.splitlines() == [str(seen[0]), str(seen[-1])] and run.path.name in out.out and '\r' not in out.out+out.err
    def interrupted(one):
        yield seen[0]
        raise KeyboardInterrupt
    monkeypatch.setattr(show_command, 'statuses', interrupted)
    assert main(['show', '--follow']) == 130
    said = capsys.readouterr().err
    assert f'{run.path.name} goes on' in said and 'petlearn stop V001' in said

def test_stop_twice_and_stop_what_is_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    over,live,later = (pretend(tmp_path/'runs', o) for o in ('SUCCEEDED', 'RUNNING', 'FAILED'))
    with FileLock(live.path/'.lock', thread_local=False):
        for _ in range(2):
            assert main(['stop']) == 0 and f'{live.path.name} will stop' in capsys.readouterr().out
    assert main(['stop', 'V001']) == 0 and 'Nothing to stop' in capsys.readouterr().out

def test_the_exit_status_has_one_table(tmp_path, monkeypatch, capsys):
    from petlearn.core import Failed, PetLearnError
    from petlearn.models.learner import Diverged
    from petlearn.terminal.outcomes import STATUSES, outcome
    for e,status in ((PetLearnError('a', 'b', 'c'), 2), (Failed('a', 'b', 'c'), 1), (Diverged('a', 'b', 'c'), 1), (KeyboardInterrupt('Stopped; its model is kept.'), 130), (KeyboardInterrupt(), 130), (ModuleNotFoundError('x', name='x'), 2)):
        assert outcome(e)[0] == status and status in STATUSES and outcome(e)[1], e
    assert main(['--help']) == 0
    said = capsys.readouterr().out
    assert all(f'{k} {v}' in ' '.join(said.split()) for k,v in STATUSES.items()) and max(map(len, said.splitlines())) <= 80

def test_a_backend_that_matplotlib_does_not_know(monkeypatch):
    from petlearn.terminal.outcomes import outcome
    monkeypatch.setenv('MPLBACKEND', 'nonsense')
    status,text = outcome(ValueError("Key backend: 'nonsense' is not a valid value for backend; supported values are ['agg']"))
    assert status == 2 and "MPLBACKEND is 'nonsense'" in text and text.endswith('unset MPLBACKEND')
    assert outcome(ValueError('another'))[0] == 1
