"""Does the temperature help? Calibration error and loss on photos that no training has seen, with it and without it.

python benchmarks/calibration.py FOLDER [SEEDS]   trainings on 20, 60, 200 and 400 photos (as far as there are more), each judged on all others
"""
import contextlib, io, sys, tempfile
from pathlib import Path
import numpy as np, pandas as pd
from petlearn.datasets.photo_table import photo_table
from petlearn.models.calibration import calibrated, calibration_error
from petlearn.runs.predictions import Predictions
from petlearn.training.trainer import train

def divided(df, n, seed):
    "`df` with `n` photos to learn from, a fifth of them for validation, and all others for a test."
    df = df.sample(frac=1, random_state=seed).reset_index(drop=True)
    each = n//df.label.nunique()
    number = df.groupby('label').cumcount()
    return df.assign(usage=np.where(number < max(1, each//5), 'valid', np.where(number < each, 'train', 'test')))

def judged(df, n, seed, folder):
    "Temperature, and calibration error and loss on the test: without and with it."
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run = train(divided(df, n, seed), check=False, seed=seed, runs_dir=folder)
    p = Predictions.by_usage(run)['test']
    ways = [calibrated(p.probs, t) for t in (1, run.temperature)]
    losses = [-np.log(np.maximum(q[range(p.n), p.truth], 1e-12)).mean() for q in ways]
    return [run.temperature, *(calibration_error(q, p.truth) for q in ways), *losses]

if __name__ == '__main__':
    df = photo_table(sys.argv[1]).require_complete().photos.drop_duplicates('sha256')[['file', 'label', 'sha256']]
    seeds,columns,rows = int(sys.argv[2]) if len(sys.argv) > 2 else 20,['temperature', 'error without', 'error with', 'loss without', 'loss with'],{}
    with tempfile.TemporaryDirectory() as folder:
        for n in [o for o in (20, 60, 200, 400) if o <= .6*len(df) and o >= 4*df.label.nunique()]:
            rows[f'{n} photos'] = np.mean([judged(df, n, seed, Path(folder)) for seed in range(seeds)], axis=0)
    print(pd.DataFrame(rows, index=columns).T.round(4).to_string())
