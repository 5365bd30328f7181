"Trainings in processes of their own: killed, in the background, from a terminal."
import json, random, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pytest
from petlearn import PetLearnError, train
from petlearn.runs.book import runs
from petlearn.models.checkpoints import load_checkpoint
from petlearn.runs.progress import follow
from petlearn.runs.run import LIVE
from trainings import QUICK, is_learning, start, until, weights

def kill_once(i, few, folder, whole, seconds):
    "Train, kill -9 at a random moment, look at the book, go on; gives what the book said."
    process = start(few, folder, size=64, epochs=6, fine_tune_epochs=1, checkpoint_every=(0, 3)[i % 2])
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
        process = start(few, folder, resume='V001')
        process.join(120)
        assert process.exitcode == 0
    run, = runs(folder)
    assert run.state == 'SUCCEEDED' and weights(run) == whole, 'the same model, to the last bit'
    return before

@pytest.mark.slow
def test_kill_9_at_random_moments(few, tmp_path):
    "Six times at least, and then for as long as eight seconds last; two at a time."
    kw = dict(size=64, epochs=6, fine_tune_epochs=1)
    start(few, tmp_path/'warm', **kw).join()
    begun = time.monotonic()
    start(few, tmp_path/'whole', **kw).join()
    seconds,whole,end = time.monotonic()-begun,weights(runs(tmp_path/'whole')['V001']),time.monotonic() + 8
    def kill(i): return kill_once(i, few, tmp_path/f'{i}', whole, 1.2*seconds) if i < 6 or time.monotonic() < end else None
    with ThreadPoolExecutor(2) as pool: seen = [o for o in pool.map(kill, range(50)) if o]
    print({o: seen.count(o) for o in set(seen)})
    assert len(seen) >= 4 and seen.count('STATE_UNSPECIFIED') >= 2

@pytest.mark.slow
def test_background_and_follow(few, tmp_path):
    run = train(few, size=64, epochs=4, background=True, note='away', runs_dir=tmp_path)
    assert run.state in LIVE or run.state == 'SUCCEEDED'
    lines = [str(o) for o in follow(run)]
    assert lines[-1].startswith(f'{run.path.name}: SUCCEEDED') and run.metrics['of'] == 4 and run.note == 'away'
    assert 'validation photos' in (run.path/'log.txt').read_text()

@pytest.mark.slow
def test_background_goes_on_without_its_parent(few, tmp_path):
    "Started by a process that ends at once; stopped from here."
    code = f"from petlearn import train; train({str(few)!r}, size=64, epochs=1000, background=True, runs_dir={str(tmp_path)!r})"
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)
    run, = runs(tmp_path)
    until(lambda: is_learning(run))
    run.stop()
    until(lambda: run.state == 'STOPPED')
    assert 0 < run.steps < 4000

@pytest.mark.slow
def test_background_that_can_not_start(few, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    with pytest.raises(PetLearnError, match='did not start'): train(few, **QUICK, background=True, runs_dir=tmp_path)

def petlearn(*args, cwd): return subprocess.run([Path(sys.executable).parent/'petlearn', *map(str, args)], cwd=cwd, capture_output=True, text=True)

@pytest.mark.slow
def test_the_book_from_a_terminal(few, tmp_path, monkeypatch, capsys):
    from petlearn.cli import main
    r = petlearn('train', few, '--size', 64, '--epochs', 3, '--background', cwd=tmp_path)
    assert r.returncode == 0 and 'trains in the background' in r.stdout and 'petlearn show V001 --follow' in r.stdout
    r = petlearn('show', 'V001', '--follow', cwd=tmp_path)
    assert r.returncode == 0 and 'SUCCEEDED' in r.stdout and 'validation photos' in r.stdout
    monkeypatch.chdir(tmp_path)
    assert main(['train', '--resume', 'V001', '--epochs', '2', '--note', 'more']) == 0
    rows = json.loads(petlearn('list', '--format', 'json', '--columns', 'parent note', cwd=tmp_path).stdout)
    assert [o['version'] for o in rows] == ['V001', 'V002'] and rows[1]['note'] == 'more' and rows[1]['parent'].startswith('V001-')
    assert len(petlearn('list', '--where', 'note=more', '--format', 'csv', cwd=tmp_path).stdout.splitlines()) == 2
    (tmp_path/'petlearn.toml').write_text('[train]\nepochs = 3\nlearning_rate = 0.1\n')
    assert main(['train', str(few)]) == 2 and 'petlearn.toml, line 3: There is no setting' in capsys.readouterr().err
    (tmp_path/'petlearn.toml').write_text('[train]\nepochs = 4\nlr = 0.1\n')
    assert main(['train', str(few), '--lr', '.2', '--show-settings']) == 0
    assert [o.split()[:3] for o in capsys.readouterr().out.splitlines() if o.startswith(('epochs', 'lr', 'seed'))] == [['epochs', '4', 'petlearn.toml'], ['lr', '0.2', 'argument'], ['seed', '42', 'built-in']]
    assert main(['stop', 'V001']) == 0
