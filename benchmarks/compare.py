"""Does `compare` see differences where there are none, and what does a learning curve cost?

python benchmarks/compare.py pairs FOLDER [N]   N pairs (20) of trainings that differ in nothing but the seed, on the same split: how many look different
python benchmarks/compare.py curve              seconds of a learning curve, for many photos and for many labels (made-up features)
"""
import sys, tempfile, time
from speed import quiet, table

def pairs(folder, n=20):
    "The seed would change the split, too: so both trainings of a pair get the same table, and each pair another one."
    from petlearn.evaluation.compare import compare
    from petlearn.datasets.split import split_photos
    from petlearn.training.trainer import train
    rows = []
    with tempfile.TemporaryDirectory() as tmp, quiet():
        for i in range(int(n)):
            split = split_photos(folder, valid_pct=.3, seed=i)
            rows.append(compare(*(train(split, seed=o, check=False, runs_dir=tmp) for o in (2*i, 2*i+1))).pairs.iloc[0])
    none = sum(o.p_value >= .05 for o in rows)
    table([[f'{i+1}', o.photos, o.both_wrong, o.only_first_wrong, o.only_second_wrong, f'{o.p_value:.2g}'] for i,o in enumerate(rows)],
          ['pair', 'validation photos', 'both wrong', 'only the first', 'only the second', 'p'])
    print(f'\nno evidence in {none} of {len(rows)} pairs ({none/len(rows):.0%})')

def curve():
    "Ten shares, five times."
    import numpy as np, pandas as pd
    from types import SimpleNamespace
    from petlearn.evaluation.learning_curve import head_mistakes, step_sizes
    rows = []
    for labels,n,held in ((2, 320, 80), (2, 12_000, 3000), (37, 160, 40), (300, 20, 5)):
        rng = np.random.default_rng(0)
        y = np.repeat([f'{i:03}' for i in range(labels)], n+held)
        x = (rng.normal(size=(len(y), 1280)) + np.repeat(rng.normal(size=(labels, 1280))*.3, n+held, axis=0)).astype(np.float32)
        t = pd.DataFrame(dict(label=y, usage=(['train']*n + ['valid']*held)*labels))
        start = time.perf_counter()
        head_mistakes(SimpleNamespace(x=x, table=t), step_sizes(t.label[t.usage == 'train'].value_counts().sort_index()), 5, 0)
        rows.append([f'{labels}', f'{labels*n:,}', f'{time.perf_counter()-start:.1f}'])
    table(rows, ['labels', 'photos to learn from', 'seconds'])

if __name__ == '__main__':
    if len(sys.argv) < 2: sys.exit(__doc__)
    {'pairs': pairs, 'curve': curve}[sys.argv[1]](*sys.argv[2:])
