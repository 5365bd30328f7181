"What tests of recordings share: learners on made-up features, with no photos."
import numpy as np, pandas as pd, torch
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.torch_core import set_seed
from torch import nn
from petlearn.models.features import Features, feature_dataloaders

def made_up(labels=('cat', 'dog'), n=60, valid=20, d=8, folder='none'):
    "A bank of random features that depend on the label; there are no photos."
    rng = np.random.default_rng(0)
    y = np.arange(n) % len(labels)
    x = (rng.normal(size=(len(labels), d))[y] + rng.normal(size=(n, d))).astype(np.float32)
    table = pd.DataFrame(dict(file=[f'{folder}/{i}.jpg' for i in range(n)], label=np.array(labels, object)[y],
                              usage=['valid']*valid + ['train']*(n-valid), sha256='', variant=0))
    return Features(x, table, sorted(labels), None, 64, 0, 0.)

def learner(bank, cbs=(), seed=0):
    set_seed(seed)
    model = nn.Sequential(nn.Linear(bank.shape[1], 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(.3), nn.Linear(16, len(bank.vocab)))
    return Learner(feature_dataloaders(bank, 8), model, loss_func=CrossEntropyLossFlat(), cbs=list(cbs))

def fit(learn, n=3, lr=.01):
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(n, lr)
    return learn

def weights(learn): return torch.cat([o.flatten().float() for o in learn.model.state_dict().values()])
