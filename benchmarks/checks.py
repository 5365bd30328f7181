"""What `check` finds, and what it costs.

python benchmarks/checks.py found FOLDER [SEEDS]          sets of 400 photos from FOLDER with known faults, one for each seed (3): found and false alarms by kind
python benchmarks/checks.py evidence FOLDER [SEEDS]       the same sets: how well hash, cosine and agreement each tell copies from different photos
python benchmarks/checks.py speed [N] [--folder FOLDER]   N drawn pets (10,000) and a tenth of them, in fresh processes: seconds and memory
The pets are drawn once, into FOLDER (by default in the temporary folder).
"""
import argparse, json, os, subprocess, sys, tempfile
from collections import Counter
from pathlib import Path
import numpy as np
import pandas as pd
from speed import quiet, spread, table

FAULTS = dict(flips=0, leaks=120, damaged=8, dark=0, misspelt=1) # 20 exact copies, and 20 of each kind of near copy
CHANGES = 'as it is', 'resized', 'recompressed', 'cropped', 'mirrored', 'lightened'

def sample(folder, to, seed, n=400):
    "Links to `n` photos of `folder`, chosen by `seed`, in a folder for each label."
    from petlearn.datasets.labeling import guess_labeler, label_photos
    from petlearn.photos.finding import find_photos
    photos = find_photos(folder)
    labels = label_photos(photos, guess_labeler(photos))
    for i in sorted(np.random.default_rng(seed).permutation(len(photos))[:n]):
        (to/labels[i]).mkdir(parents=True, exist_ok=True)
        (to/labels[i]/f'{i}-{photos[i].name}').symlink_to(photos[i].absolute())
    return to

def with_faults(folder, tmp, seed):
    "A folder with known faults, and for each file with one the number of its fault."
    from petlearn.datasets.faults import inject_faults, read_answers
    from petlearn.datasets.labels import by_folder
    where = inject_faults(sample(folder, tmp/'photos', seed), tmp/'faults', seed=seed, labeler=by_folder, **FAULTS)
    return where, {i: o for i,o in enumerate(read_answers(where)) if 'copy' in o.kind}

def one(folder, seed):
    "Inject faults, check, score: the table of scores, the share of photos in a false alarm about copies, pairs found and all of them by change, and remarks."
    from petlearn.datasets.checks import check
    from petlearn.datasets.practice import score
    with tempfile.TemporaryDirectory() as tmp, quiet():
        os.environ['FASTAI_HOME'] = f'{tmp}/home'
        where,copies = with_faults(folder, Path(tmp), seed)
        checked = check(where)
        result = score(checked, reveal=True)
    wrong = [o.file for o in result.files.itertuples() if o.verdict == 'false alarm' and 'copy' in o.kind]
    missed = {o.file for o in result.files.itertuples() if o.verdict == 'missed' and 'copy' in o.kind}
    # a pair is an original 'as it is' and its copy: of an exact pair both are
    change = {i: next((how for how in o.files.values() if how != 'as it is'), 'as it is') for i,o in copies.items()}
    lost = {i for i,o in copies.items() if missed & set(o.files)}
    remarks = [f"seed {seed}: missed {change[i]} of {', '.join(copies[i].files)}" for i in lost] + [f'seed {seed}: false alarm about {o}' for o in wrong]
    return result.table, len(set(wrong))/len(checked.photos), Counter(v for k,v in change.items() if k not in lost), Counter(change.values()), remarks

def found(folder, seeds=3):
    "All kinds, then the copies by what was changed, then which were missed."
    results = [one(folder, o) for o in range(1, seeds+1)]
    total = pd.concat([o[0][['faults', 'found', 'false_alarms']] for o in results]).groupby(level=0, sort=False).sum()
    rows = [[o.Index, o.faults, o.found, f'{o.found/o.faults:.1%}' if o.faults else '', o.false_alarms] for o in total.itertuples()]
    table(rows, [f"{seeds} set{'s'*(seeds != 1)} with known faults", 'faults', 'found', '', 'files in a false alarm'])
    print()
    hit,of = (sum((o[i] for o in results), Counter()) for i in (2, 3))
    table([[o, of[o], hit[o], f'{hit[o]/of[o]:.1%}'] for o in CHANGES if of[o]], ['copies', 'made', 'found', ''])
    n,m = (sum(many[o] for o in CHANGES[1:]) for many in (hit, of))
    print(f"\nNear copies: {n} of {m} found ({n/m:.1%}); photos in a false alarm: {spread([o[1]*100 for o in results], '{:.2f}')} %", *(r for o in results for r in o[4]), sep='\n')

def perceptual_hash(grey):
    "Is each of the 8 × 8 coarsest waves of a picture stronger than the median of them? (Zauner 2010): photos × 64 bits."
    from scipy.fft import dctn
    waves = dctn(grey.reshape(len(grey), 32, 2, 32, 2).mean((2, 4)), axes=(1, 2))[:,:8,:8].reshape(len(grey), 64)
    return waves > np.median(waves, 1, keepdims=True)

def separation(folder, seed):
    "For near copies and for all pairs of different photos: bits of the hash that differ, cosine, agreement (0 if not even looked at)."
    from petlearn.core import unit_rows
    from petlearn.models.feature_bank import compute_features
    from petlearn.photos.copies import CROPS, best_match, find_candidates, fingerprints, inspect_all
    from petlearn.photos.finding import find_photos
    with tempfile.TemporaryDirectory() as tmp, quiet():
        os.environ['FASTAI_HOME'] = f'{tmp}/home'
        where,copies = with_faults(folder, Path(tmp), seed)
        files = find_photos(where)
        shas = fingerprints(files)
        inspected = inspect_all(files, shas)
        good = [i for i in range(len(files)) if i not in inspected.errors]
        files,shas,grey = [files[i] for i in good],np.array(shas)[good],inspected.records['grey'][good]
        x = unit_rows(compute_features([o.as_posix() for o in files], list(shas)).x)
        names = [o.relative_to(where).as_posix() for o in files]
        agree = {tuple(sorted((o.crop_of, o.whole))): best_match(grey[o.crop_of], grey[o.whole], CROPS[o.crop], o.mirrored).agreement
                 for o in find_candidates(grey, .85).itertuples()}
    bits,flipped = (perceptual_hash(o).astype(np.int8) for o in (grey, grey[:,:,::-1]))
    apart = lambda a,b: (a[:,None] != b[None]).sum(2)
    a,b = np.triu_indices(len(names), 1)
    fault_of = {name: i for i,o in copies.items() for name in o.files}
    fault = [fault_of.get(o) for o in names]
    near = np.array([fault[i] is not None and fault[i] == fault[j] for i,j in zip(a, b)])
    rows = pd.DataFrame(dict(near=near, hash=-np.minimum(apart(bits, bits), apart(flipped, bits))[a,b], cosine=(x@x.T)[a,b],
                             agreement=[agree.get((i, j), 0) for i,j in zip(a, b)]))
    return rows[shas[a] != shas[b]]

def evidence(folder, seeds=3):
    "What each of the three would find if it alone decided, with the strictest threshold that has no false alarm."
    all_pairs = pd.concat([separation(folder, o) for o in range(1, seeds+1)])
    copies,others = all_pairs[all_pairs.near],all_pairs[~all_pairs.near]
    sign = dict(hash=-1, cosine=1, agreement=1)
    table([[o, f'{k*copies[o].min():.3g}', f'{k*copies[o].median():.3g}', f'{k*others[o].max():.3g}', f'{(copies[o] > others[o].max()).mean():.1%}']
           for o,k in sign.items()], [f'{len(copies)} near copies, {len(others):,} other pairs', 'worst copy', 'median copy',
                                      'most similar other pair', 'copies found without a false alarm'])

CODE = """
import json, resource, sys, time
from petlearn.datasets.checks import check
def peak(): return max(resource.getrusage(o).ru_maxrss for o in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))*1024
before,start = peak(),time.perf_counter()
n = len(check(sys.argv[1]).photos)
print(json.dumps([n, time.perf_counter()-start, before, peak()]))
"""

def measure(folder, home):
    "Check `folder` in a fresh process: photos, seconds, the most memory before and after."
    env = os.environ | dict(FASTAI_HOME=str(home))
    r = subprocess.run([sys.executable, '-W', 'ignore', '-c', CODE, str(folder)], check=True, capture_output=True, text=True, env=env)
    return json.loads(r.stdout.splitlines()[-1])

def speed(n=10_000, folder=None, repeats=3):
    "Cold: nothing is remembered. Warm: the same folder once more, in another process."
    from petlearn.photos.drawings import draw_pets
    folder,rows = Path(folder or Path(tempfile.gettempdir())/'petlearn-drawn'),[]
    for some in (n//10, n):
        pets = draw_pets(folder/f'pets-{some}', some) if len(list((folder/f'pets-{some}').glob('*.jpg'))) != some else folder/f'pets-{some}'
        with tempfile.TemporaryDirectory() as home:
            for name,times in (('cold', 1), ('warm', repeats)):
                took = [measure(pets, home) for _ in range(times)]
                rows.append([f'{took[0][0]:,} photos, {name}', spread([o[1] for o in took]), f'{took[0][0]/np.median([o[1] for o in took]):.0f}',
                             spread([o[3]/1e6 for o in took], '{:.0f}'), f'{took[0][2]/1e6:.0f}'])
    table(rows, ['check', 'seconds', 'photos a second', 'most memory, MB', 'of it the imports'])

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest='what', required=True)
    one_by_one = what.add_parser('found')
    one_by_one.add_argument('folder')
    one_by_one.add_argument('seeds', type=int, nargs='?', default=3)
    alone = what.add_parser('evidence')
    alone.add_argument('folder')
    alone.add_argument('seeds', type=int, nargs='?', default=3)
    fast = what.add_parser('speed')
    fast.add_argument('n', type=int, nargs='?', default=10_000)
    fast.add_argument('--folder')
    args = vars(parser.parse_args())
    {'found': found, 'evidence': evidence, 'speed': speed}[args.pop('what')](**args)
