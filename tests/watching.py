"Runs that look as if a training were at work, for the tests of widgets."
import contextlib, json, time
from filelock import FileLock
from helpers import pretend

PARAMS = dict(arch='efficientnet_lite0', lr=.01, epochs=2, fine_tune_epochs=1, bs=2)

def at(folder, state, **metadata):
    "A run in `state` with eleven photos to learn from."
    run = pretend(folder, state, params=PARAMS, **metadata)
    rows = [f'{i}.jpg,cat,train,{i:064}' for i in range(11)] + [f'v.jpg,cat,valid,{11:064}']
    (run.path/'split.csv').write_text('\n'.join(['file,label,usage,sha256', *rows, '']))
    return run

@contextlib.contextmanager
def working(run):
    "Hold the lock of `run`, as a training at work does."
    with FileLock(run.path/'.lock', thread_local=False): yield run

def write_progress(run, **said):
    (run.path/'progress.json').write_text(json.dumps(dict(phase='head', epoch=1, epochs=2, done=3, of=10, seconds=4., left=5., all_epochs=0, all_steps=2) | said))

def buttons(m): return {o for o in ('stop', 'more', 'use') if not getattr(m, o).disabled}

def wait(until, seconds=60):
    "Wait until `until()` is true."
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, 'it takes too long'
        time.sleep(.05)
