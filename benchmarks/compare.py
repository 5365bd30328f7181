"""Does `compare` see differences where there are none, and what does a learning curve cost?

python benchmarks/compare.py pairs FOLDER [N]   N pairs (20) of trainings that differ in nothing but the seed, on the same split: how many look different
python benchmarks/compare.py curve              seconds of a learning curve, for many photos and for many labels (made-up features)
"""
import tempfile, time
from speed import command, quiet, table

def pairs(folder, n=20):
    "Both trainings of a pair get the same split (another seed alone would change it), and each pair gets another one."
    from petlearn.core import percent
    from petlearn.evaluation.compare import compare
    from petlearn.datasets.split import split_photos
    from petlearn.training.trainer import train
    rows = []
    with tempfile.TemporaryDirectory() as tmp, quiet():
        for i in range(int(n)):
            split = split_photos(folder, valid_pct=.3, seed=i)
            one,two = (train(split, seed=o, check=False, runs_dir=tmp) for o in (2*i, 2*i+1))
            rows.append(compare(one, two).pairs.iloc[0])
    none = sum(o.p_value >= .05 for o in rows)
    table([[i, o.photos, o.both_wrong, o.only_first_wrong, o.only_second_wrong, f'{o.p_value:.2g}'] for i,o in enumerate(rows, 1)],
          ['pair', 'validation photos', 'both wrong', 'only the first', 'only the second', 'p'])
    print(f'\nno evidence in {none} of {len(rows)} pairs ({percent(none/len(rows))})')

def curve():
    "Ten shares, five times."
    import numpy as np, pandas as pd
    from types import SimpleNamespace
    from petlearn.evaluation.learning_curve import head_mistakes, step_sizes
    rows = []
    for labels,train,valid in ((2, 320, 80), (2, 12_000, 3000), (37, 160, 40), (300, 20, 5)): # photos of each label
        rng = np.random.default_rng(0)
        middles = np.repeat(rng.normal(size=(labels, 1280))*.3, train+valid, axis=0)
        t = pd.DataFrame(dict(label=np.repeat([f'{i:03}' for i in range(labels)], train+valid), usage=(['train']*train + ['valid']*valid)*labels))
        bank = SimpleNamespace(x=(rng.normal(size=middles.shape) + middles).astype(np.float32), table=t)
        start = time.perf_counter()
        head_mistakes(bank, step_sizes(t.label[t.usage == 'train'].value_counts().sort_index()), 5, 0)
        rows.append([labels, f'{labels*train:,}', f'{time.perf_counter()-start:.1f}'])
    table(rows, ['labels', 'training photos', 'seconds'])

if __name__ == '__main__': command(__doc__, pairs=pairs, curve=curve)
