"Where things are, and how tests start processes."
import multiprocessing
from pathlib import Path

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent/'shared'/'photos'

# new processes are forked from one that has imported what takes seconds, and has done nothing else
FORKS = multiprocessing.get_context('forkserver')
FORKS.set_forkserver_preload(['nbdev.test', 'fastai.vision.all', 'sklearn.linear_model', 'timm', 'ipywidgets', 'petlearn.training.trainer', 'petlearn.training.trained'])
