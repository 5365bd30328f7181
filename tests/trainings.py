"Small things that tests of trainings share: callbacks that interrupt, trainings in processes of their own, and what to compare."
import hashlib, signal, sys, time
import torch
from fastai.callback.core import Callback
from petlearn import PetLearnError, train
from petlearn.runs.book import runs
from common import FORKS

QUICK = dict(size=64, epochs=3)

class Do(Callback):
    "Call `f` after the step number `at`."
    def __init__(self, at, f): self.at,self.f,self.n = at,f,0
    def after_step(self):
        self.n += 1
        if self.n == self.at: self.f()

def ctrl_c(): signal.raise_signal(signal.SIGINT)
def weights(run): return hashlib.sha256((run.path/'model/model.safetensors').read_bytes()).hexdigest()
def best(run): return run.history[run.history.dataset == 'valid'].sort_values(['accuracy', 'cross_entropy'], ascending=[False, True]).iloc[0]
def numbers(run): return run.history.drop(columns='seconds').values.tolist()
def states(folder): return [str(o.state) for o in runs(folder)]

def train_slowly(photos, runs_dir, slow, kw):
    torch.set_num_threads(1)
    class Slow(Callback):
        def after_step(self): time.sleep(slow)
    try: train(photos, runs_dir=runs_dir, cbs=[Slow()] if slow else None, **kw)
    except PetLearnError: sys.exit(2)

def start(photos, runs_dir, slow=0, **kw):
    process = FORKS.Process(target=train_slowly, args=(photos, runs_dir, slow, kw))
    process.start()
    return process

def until(f, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if f(): return True
        time.sleep(.05)
    raise TimeoutError

def is_learning(run):
    "Has it taken a step? Stopped before that, it is CANCELED: nothing is learned yet."
    return run.state == 'RUNNING' and run.status.phase == 'head' and run.status.done > 0
