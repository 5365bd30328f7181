"Which run a word means, which one answers, which one is at work."
import shutil
import pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.evaluation.compare import compare
from petlearn.evaluation.interpret import Interpreter
from petlearn.evaluation.label_issues import find_label_issues
from petlearn.evaluation.robustness import robustness
from petlearn.deploy.app import find_model
from petlearn.deploy.export import export_model
from petlearn.runs.book import runs
from petlearn.runs.choosing import answering_run, current_run, find_run, finished_run, is_left_open, run_to_judge
from helpers import pretend

def test_a_word_means_the_same_everywhere(tmp_path):
    a,b = pretend(tmp_path, name='iron-swift'),pretend(tmp_path, name='tall-ibis')
    for word in ('V002', 'v2', '2', 2, '002', 'tall-ibis', '@tall-ibis', '@V002', '@2', 'V002-tall-ibis', '@V002-tall-ibis', 'newest', '@newest', b.path, str(b.path), tmp_path/'V002', str(tmp_path/'V002'), b, 'V002 '):
        for f in (find_run, finished_run, current_run, answering_run, run_to_judge): assert f(word, tmp_path).path == b.path, (f, word)
        if isinstance(word, str) and '/' not in word: assert runs(tmp_path)[word].path == b.path
    for word,says in (('V003', 'no run'), ('tall-ibsi', "Did you mean 'tall-ibis'"), (tmp_path/'x', 'not the folder of a run'), (tmp_path/'V007', 'There is no run'), ('<b>', 'no run'), (3, 'no run'), (3.5, 'not the name'), (True, 'not the name')):
        for f in (find_run, finished_run, current_run): 
            with pytest.raises(PetLearnError, match=says): f(word, tmp_path)
    for word in ('', '@'):
        with pytest.raises(PetLearnError, match='no run'): find_run(word, tmp_path)
    shutil.copytree(a.path, tmp_path/'V001-a-copy')
    with pytest.raises(PetLearnError, match='may mean V001-a-copy or V001-iron-swift'): find_run('V001', tmp_path)
    assert find_run('iron-swift', tmp_path).path == a.path
    with pytest.raises(PetLearnError, match='There are no runs'): find_run('newest', tmp_path/'none')

def test_expected_names_the_newest_and_counts_the_rest(tmp_path):
    made = [pretend(tmp_path).path.name for _ in range(7)]
    with pytest.raises(PetLearnError, match=f"Expected one of {', '.join(made[:1:-1])} and 2 more"): find_run('V099', tmp_path)

def test_one_that_did_not_end_well_never_answers(tmp_path, capsys):
    "Left out, it is the newest that ended well; named, the reason is said, and what to do."
    pretend(tmp_path, 'CANCELED')
    with pytest.raises(PetLearnError, match='CANCELED'): finished_run('', tmp_path)
    good,bad = pretend(tmp_path, metrics=dict(valid_error=.1, valid_loss=.2, wrong=4, of=40)),pretend(tmp_path)
    states = [pretend(tmp_path, o, error='The loss became 9e+4.', metrics=dict(valid_error=0., valid_loss=.1)) for o in ('FAILED', 'CANCELED', 'TRY_AGAIN_LATER', 'STATE_UNSPECIFIED')]
    (bad.path/'run.json').write_text('{')
    for o in states: (o.path/'checkpoints').mkdir(); (o.path/'checkpoints/best.safetensors').write_text('')
    for word in ('', '@', 'newest', 'best', 'V002', good, str(good.path)): assert finished_run(word, tmp_path).path == good.path, word
    for o in states:
        for f in (lambda x: finished_run(x, tmp_path), lambda x: find_model(x, tmp_path), lambda x: robustness(x, runs_dir=tmp_path), lambda x: compare(x, 'V002', runs_dir=tmp_path),
                  lambda x: find_label_issues(x, runs_dir=tmp_path), lambda x: Interpreter(x, runs_dir=tmp_path), lambda x: export_model(find_run(x, tmp_path))):
            with pytest.raises(PetLearnError, match=f'(?s)is {o.state}: The loss became 9e.4.*Expected a run that is SUCCEEDED or STOPPED.*resume'): f(o.version)
    capsys.readouterr()
    answering_run('', tmp_path)
    assert capsys.readouterr().err == f'{good.path.name} answers: wrong on 4 of 40 validation photos (10 %).\n'
    answering_run('V002', tmp_path)
    assert capsys.readouterr().err == ''
    assert [is_left_open(o) for o in ('', '@', 'newest', '@newest', 'best', 'V001', good)] == [True]*4 + [False]*3

def test_the_one_at_work_is_shown_and_stopped(tmp_path):
    first,second,last = pretend(tmp_path),pretend(tmp_path, 'QUEUED'),pretend(tmp_path, 'FAILED')
    assert current_run('', tmp_path).path == last.path
    with FileLock(second.path/'.lock', thread_local=False):
        assert current_run('', tmp_path).path == second.path
        with FileLock(first.path/'.lock', thread_local=False):
            first.record(states=[('RUNNING', '')])
            assert current_run('', tmp_path).path == current_run('@', tmp_path).path == first.path
