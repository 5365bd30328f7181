"What petlearn says to type next is typed, and works: after a stop, a kill, a time limit, a failure, an explosion, changed photos; also for runs in another folder."
import re, shlex, shutil, subprocess, sys
from pathlib import Path
import pandas as pd, pytest
import petlearn.all
from petlearn import PetLearnError, train
from petlearn.runs.book import runs
from petlearn.runs.predictions import require_predictions
from petlearn.runs.endings import unseen_photos
from trainings import QUICK, Do, ctrl_c, is_learning, start, until, weights

pytestmark = [pytest.mark.usefixtures('hears_ctrl_c'), pytest.mark.slow]

def typed(text):
    "The last call in a hint, carried out as a student would: with the words of petlearn.all."
    call = re.findall(r'train\((?:[^()]|\([^()]*\))*\)', text)[-1]
    return eval(call, vars(petlearn.all).copy())

@pytest.fixture(params=['runs', 'other/my runs'])
def place(request, tmp_path, monkeypatch):
    "A working folder, and the folder of runs in it: the usual one, and one that a hint must name."
    monkeypatch.chdir(tmp_path)
    return tmp_path/request.param

def stopped(few, place, capsys):
    train(few, **QUICK, cbs=[Do(4, ctrl_c)], runs_dir=place)
    return ''.join(capsys.readouterr())

def killed(few, place, capsys):
    process = start(few, place, slow=.1, size=64, epochs=5)
    until(lambda: any(is_learning(o) for o in runs(place)))
    process.kill()
    process.join()
    with pytest.raises(PetLearnError) as e: require_predictions(runs(place)[0])
    return e.value.fix

def no_room(few, place, capsys):
    from petlearn.training import turns
    with pytest.MonkeyPatch.context() as m:
        m.setattr(turns, 'room_needed', lambda *args: turns.Room(10**15, 0))
        with pytest.raises(PetLearnError, match='needs about') as e: train(few, **QUICK, runs_dir=place)
    return e.value.fix

def exploded(few, place, capsys):
    with pytest.raises(PetLearnError, match='The loss became') as e: train(few, size=64, epochs=3, lr=9.9, runs_dir=place, seed=1)
    return e.value.fix

def too_short(few, place, capsys):
    "The time is over before the first step."
    from petlearn.training import job
    def no_time(job_, *args, **kwargs):
        job_.out_of_time = True
        raise job.StopRequested
    with pytest.MonkeyPatch.context() as m:
        m.setattr(job, '_fit', no_time)
        with pytest.raises(PetLearnError, match='too short to learn') as e: train(few, **QUICK, minutes=.3, runs_dir=place)
    return e.value.fix

def failed(few, place, capsys):
    def fail(): raise ZeroDivisionError('oh')
    with pytest.raises(ZeroDivisionError): train(few, **QUICK, cbs=[Do(6, fail)], runs_dir=place)
    with pytest.raises(PetLearnError) as e: require_predictions(runs(place)[0])
    return e.value.fix

def changed_photos(few, place, capsys):
    folder = shutil.copytree(few, Path.cwd()/'pets')
    run = train(folder, **QUICK, cbs=[Do(4, ctrl_c)], runs_dir=place)
    photo = Path(run.split.file[run.split.usage == 'train'].iloc[0])
    photo.write_bytes(photo.read_bytes()+b'\0')
    with pytest.raises(PetLearnError, match='1 photo changed since') as e: train(resume='V001', runs_dir=place)
    return e.value.fix

def test_what_is_said_is_typed(few, place, capsys):
    for i,situation in enumerate((stopped, killed, no_room, exploded, too_short, failed, changed_photos)):
        folder = place/situation.__name__ if place.name != 'runs' else place
        shutil.rmtree(place, ignore_errors=True)
        hint = situation(few, folder, capsys)
        run = typed(hint)
        assert run.state == 'SUCCEEDED' and run.path.parent == folder, situation.__name__
        assert ('runs_dir=' in hint) == (folder != Path.cwd()/'runs')
        rows = [str(o.state) for o in runs(folder)]
        assert rows == (['FAILED', 'SUCCEEDED'] if situation is exploded else ['STOPPED', 'SUCCEEDED'] if situation is changed_photos else ['SUCCEEDED']), situation.__name__

def test_a_time_limit_forgets_no_photo(few, place, capsys, monkeypatch):
    "Half of the photos were seen; what is said to type takes up the others, each for what it was meant."
    from petlearn.training import job
    real = job.features
    def half(split, *args, **kwargs):
        bank = real(split, *args, **kwargs)
        keep = bank.table.groupby(['label', 'usage']).cumcount() < bank.table.groupby(['label', 'usage']).label.transform('size')/2
        if kwargs['seconds'] is None or kwargs['seconds'] > 20: return bank
        gone = bank.table[~keep]
        bank.left_out = pd.DataFrame(dict(file=gone.file, reason=job.NO_TIME))
        bank.x,bank.table = bank.x[keep.to_numpy()],bank.table[keep].reset_index(drop=True)
        return bank
    monkeypatch.setattr(job, 'features', half)
    run = train(few, **QUICK, minutes=.3, runs_dir=place)
    said = ''.join(capsys.readouterr())
    n = len(run.split)
    assert run.state == 'STOPPED' and n < 24 and len(unseen_photos(run)) == 24-n and f'It has learned from {n} of 24 photos' in said
    child = typed(said)
    assert (child.parent, child.state, len(child.split), child.path.parent) == (run.path.name, 'SUCCEEDED', 24, place)
    whole = train(few, **QUICK, runs_dir=place/'whole').split
    assert set(zip(whole.sha256, whole.usage)) == set(zip(child.split.sha256, child.split.usage))

def test_more_minutes_are_no_new_run(few, tmp_path, one_thread):
    "With another time limit, or none, a stopped run goes on as itself, to the last bit."
    whole = train(few, **QUICK, runs_dir=tmp_path/'whole')
    run = train(few, **QUICK, minutes=5, cbs=[Do(4, ctrl_c)], runs_dir=tmp_path/'runs')
    again = train(resume='V001', minutes=9, cbs=[Do(3, ctrl_c)], runs_dir=tmp_path/'runs')
    assert again.path == run.path and again.params['minutes'] == 9 and again.steps == 7
    assert weights(train(resume='V001', minutes=None, runs_dir=tmp_path/'runs')) == weights(whole) and len(runs(tmp_path/'runs')) == 1

def test_a_command_that_is_said_is_typed(few, place):
    "In a terminal: what the background training says, in the folder where it says it."
    def petlearn(*args): return subprocess.run([sys.executable, '-m', 'petlearn', *map(str, args)], capture_output=True, text=True)
    r = petlearn('train', few, '--size', 64, '--epochs', 3, '--background', '--runs-dir', place)
    command = r.stdout.splitlines()[1].partition('   ')[0]
    assert command.startswith('petlearn show V001 --follow'), r.stdout + r.stderr
    r = petlearn(*shlex.split(command)[1:])
    assert r.returncode == 0 and 'SUCCEEDED' in r.stdout, r.stderr

def test_few_photos(few, tmp_path):
    "Too few of a label: with the photos that are asked for, it trains."
    folder = tmp_path/'pets'
    folder.mkdir()
    photos = sorted(few.glob('*.jpg'))
    for o in photos[:4]: shutil.copy(o, folder)
    with pytest.raises(PetLearnError) as e: train(folder, **QUICK, runs_dir=tmp_path/'runs')
    assert 'labels' in str(e.value) or 'at least' in str(e.value)
    for o in photos: shutil.copy(o, folder)
    assert train(folder, **QUICK, runs_dir=tmp_path/'runs').state == 'SUCCEEDED'
