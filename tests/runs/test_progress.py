"How far, how good: one status for lines and views, one score a run."
import json
import pandas as pd, pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.runs.progress import RunStatus, follow, phases_table, read_progress, spark, try_status
from petlearn.runs.run import State
from helpers import pretend

def history(run, accuracies, phase='head'):
    rows = [dict(phase=phase, dataset=o, epoch=i+1, batches=4, accuracy=a, cross_entropy=1-a, learning_rate=.01, seconds=.1)
            for i,a in enumerate(accuracies) for o in ('train', 'valid')]
    pd.DataFrame(rows).to_csv(run.path/'history.csv', index=False)

def test_status_while_it_works(tmp_path):
    run = pretend(tmp_path, 'RUNNING', phases=[dict(name='features', seconds=3.)], planned_steps=40, seconds=1.)
    history(run, [.5, .75])
    with FileLock(run.path/'.lock', thread_local=False):
        assert run.write_progress(phase='head', epoch=3, epochs=10, done=2, of=4, left=7.6, seconds=9., all_steps=10, all_epochs=2)
        assert not run.write_progress(phase='other'), 'at most twice a second'
        o = run.status
        assert (o.activity, o.seconds, o.learning_seconds, o.over) == ('head: epoch 3 of 10, step 2 of 4, about 8 s to go', 9, 6, False)
        assert (o.losses, o.errors, o.actions) == ((.5, .25), (.5, .25), {'stop'})
        assert (o.steps, o.planned_steps) == (80, 40), 'what run.json says of earlier sessions counts'
        assert str(o) == f'{run.path.name}: RUNNING, {o.activity}, 9 s  █▁' and 'value=\'2\' max=\'4\'' in o._repr_html_()
        (run.path/'checkpoints').mkdir()
        (run.path/'checkpoints/checkpoints.csv').write_text('step,phase,epoch,batch\n4,head,1,4\n95,head,2,2\n')
        assert run.status.steps == 95
    o = run.status
    assert (o.state, o.activity, o.over, o.seconds) == (State.STATE_UNSPECIFIED, '', True, 1)
    assert len(list(follow(run))) == 1

def test_progress_that_is_damaged(tmp_path):
    run = pretend(tmp_path, 'RUNNING')
    words = json.dumps(dict(phase=3, epoch='three', epochs='ten', done=None, of=[4], left='soon', seconds='long'))
    for text in ('', '{', '3', '[]', 'null', words):
        (run.path/'progress.json').write_text(text)
        assert read_progress(run.path) == {}
        with FileLock(run.path/'.lock', thread_local=False): assert (run.status.state, run.status.activity) == (State.RUNNING, '')
    (run.path/'history.csv').write_text('phase,dataset\n1')
    assert run.status.losses == ()

def test_trouble_is_told(tmp_path):
    run = pretend(tmp_path)
    (run.path/'run.json').write_text('{')
    with pytest.raises(PetLearnError, match='damaged'): run.status
    o = try_status(run)
    assert o.over and 'damaged' in o.trouble and '\n' not in o.trouble and o.trouble in str(o)
    run.path.rename(tmp_path/'elsewhere')
    assert 'is gone' in try_status(run).trouble

def test_follow_to_the_end(tmp_path):
    run = pretend(tmp_path, 'RUNNING')
    seen = []
    with FileLock(run.path/'.lock', thread_local=False):
        for o in follow(run, .001):
            seen.append(o.state)
            if not o.over: run.transition(State.SUCCEEDED)
    assert seen == [State.RUNNING, State.SUCCEEDED]

def test_one_score(tmp_path):
    run = pretend(tmp_path)
    split = pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(10)], label=['dog']*6 + ['cat']*4, usage='valid', sha256='0'*64))
    split.to_csv(run.path/'split.csv', index=False)
    history(run, [.7, .9, .8])
    always = "always answering 'dog' would be wrong on 4 of 10"
    run.record(metrics=dict(wrong=1, of=10))
    assert run.summary == f'kept epoch 2, the best: wrong on 1 of 10 validation photos (10 %); the last epoch: 2 of 10; {always}'
    run.record(metrics=dict(wrong=1, of=10, test_wrong=3, test_of=20))
    assert '; wrong on 3 of 20 test photos (15 %); always' in run.summary
    run.record(metrics=dict(wrong=0, of=10))
    assert run.summary.startswith('kept the weights that it started from: wrong on 0 of 10 validation photos (0 %)')
    history(run, [.7, .9])
    run.record(metrics=dict(wrong=1, of=10))
    assert run.summary == f'kept epoch 2, the best: wrong on 1 of 10 validation photos (10 %); {always}' and run.summary in str(run) and run.result.startswith('Kept epoch')
    run.record(phases=[dict(name='features', seconds=1., cached=True), dict(name='head', seconds=2.)])
    table = phases_table(run)
    assert table.epoch.tolist()[1] == '2 of 2' and table['validation accuracy'][1] == .9 and table.seconds.tolist() == ['1.00 (known)', '2.00']

def test_no_score_yet(tmp_path):
    run = pretend(tmp_path, 'CANCELED')
    assert run.summary == 'CANCELED' and run.result == '' and run.verdict.startswith('nothing to say yet')
    run.record(states=[('FAILED', '')], error='ZeroDivisionError: oh')
    assert run.summary == 'FAILED: ZeroDivisionError: oh' and run.verdict == 'failed: ZeroDivisionError: oh' == f'failed: {run.result}'

def test_html_is_escaped(tmp_path):
    run = pretend(tmp_path)
    run.record(note='<script>alert(1)</script>', dataset='<u>', parent='<u>', params=dict(arch='<u>'))
    page = run._repr_html_()
    assert '<script>' not in page and '<u>' not in page and page.count('&lt;u&gt;') == 3 and '<b>V001' in page

def test_sparks():
    assert (spark([]), spark([1]), spark([1, 2, float('nan'), float('inf')]), spark([0, .5, 1])) == ('', '▁', '▁█', '▁▅█')
    assert str(RunStatus('V001-x', State.QUEUED)) == 'V001-x: QUEUED'
