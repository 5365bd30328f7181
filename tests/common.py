"Where things are, and how tests start processes."
import multiprocessing
from pathlib import Path

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent/'shared'/'photos'

# new processes are forked from one that has imported what takes seconds, and has done nothing else
FORKS = multiprocessing.get_context('forkserver')
FORKS.set_forkserver_preload(['nbdev.test', 'fastai.vision.all', 'sklearn.linear_model', 'timm', 'ipywidgets', 'petlearn.training.trainer', 'petlearn.training.trained'])

def run_in_fork(target, what, log):
    "Call `target(what, log)` in a process of its own, for ten minutes at most; it must end well. What it says is in the file `log`."
    process = FORKS.Process(target=target, args=(what, log))
    process.start()
    process.join(600)
    process.kill() # if it is still there
    assert process.exitcode == 0, log.read_text()[-3000:]
