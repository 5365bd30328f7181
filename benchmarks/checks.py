"""What `check` finds, and what it costs.

python benchmarks/checks.py found FOLDER [SEEDS]      up to 400 photos of FOLDER with known faults, once for each seed (3): found and false alarms by kind
python benchmarks/checks.py evidence FOLDER [SEEDS]   the same photos: how well hash, cosine and agreement separate copies from different photos
python benchmarks/checks.py fixed [N]                 N drawn photos (60) of each scene that a fixed camera sees, alone and with copies of 20: false pairs, copies found
python benchmarks/checks.py speed [N] [FOLDER]        N drawn pets (10,000) and a tenth of them, in fresh processes: seconds and memory;
                                                      they are drawn once, into FOLDER (by default in the temporary folder)
"""
import json, os, subprocess, sys, tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple
import numpy as np
import pandas as pd
from petlearn.core import percent, pluralize
from speed import command, quiet, spread, table

sys.path.insert(0, str(Path(__file__).parent.parent/'tests'))
from scenes import COPIES, SCENES # noqa: E402

CHANGES = 'as it is', 'resized', 'recompressed', 'cropped', 'mirrored', 'lightened'

def sample(folder, to, seed, n=400):
    "Links to at most `n` photos of `folder`, chosen by `seed`, in a folder for each label."
    from petlearn.datasets.labeling import guess_labeler, label_photos
    from petlearn.photos.finding import find_photos
    photos = find_photos(folder)
    labels = label_photos(photos, guess_labeler(photos))
    for i in sorted(np.random.default_rng(seed).permutation(len(photos))[:n]):
        (to/labels[i]).mkdir(parents=True, exist_ok=True)
        (to/labels[i]/f'{i}-{photos[i].name}').symlink_to(photos[i].absolute())
    return to

def with_faults(folder, tmp, seed):
    "A folder with known faults (of 120 copies, 20 are exact and 20 of each kind of near copy), and those of its faults that are copies, by number."
    from petlearn.datasets.faults import inject_faults, read_answers
    from petlearn.datasets.labels import by_folder
    photos = sample(folder, tmp/'photos', seed)
    leaks = min(120, sum(1 for _ in photos.rglob('*.*'))//2)
    faulty = inject_faults(photos, tmp/'faults', seed=seed, labeler=by_folder, flips=0, leaks=leaks, damaged=8, dark=0, misspelt=1)
    return faulty, {i: o for i,o in enumerate(read_answers(faulty)) if 'copy' in o.kind}

class Trial(NamedTuple):
    "What was found among the faults of one seed."
    table:pd.DataFrame # The table of `score`
    false_alarms:float # Share of the photos that are in a false alarm about copies
    found:Counter # Copies found, by what was changed
    made:Counter # All copies, by what was changed
    remarks:list # A sentence for each copy that was missed and each false alarm

def how_changed(copy):
    "What was done to the copy: of an exact one, both files are as they are."
    return next((o for o in copy.files.values() if o != 'as it is'), 'as it is')

def try_one(folder, seed):
    "Inject faults, check, score."
    from petlearn.datasets.checks import check
    from petlearn.datasets.practice import score
    with tempfile.TemporaryDirectory() as tmp, quiet():
        os.environ['FASTAI_HOME'] = f'{tmp}/home'
        faulty,copies = with_faults(folder, Path(tmp), seed)
        checked = check(faulty)
        result = score(checked, reveal=True)
    about_copies = result.files[result.files.kind.str.contains('copy')]
    wrong = {*about_copies.file[about_copies.verdict == 'false alarm']}
    missed = {*about_copies.file[about_copies.verdict == 'missed']}
    lost = [o for o in copies.values() if missed & {*o.files}]
    found = [o for o in copies.values() if not missed & {*o.files}]
    remarks = [f"seed {seed}: missed a copy, {how_changed(o)}: {', '.join(o.files)}" for o in lost]
    remarks += [f'seed {seed}: false alarm about {o}' for o in sorted(wrong)]
    return Trial(result.table, len(wrong)/len(checked.photos), Counter(map(how_changed, found)), Counter(map(how_changed, copies.values())), remarks)

def found(folder, seeds=3):
    "All kinds, then the copies by what was changed, then which were missed."
    trials = [try_one(folder, o) for o in range(1, int(seeds)+1)]
    total = pd.concat([o.table[['faults', 'found', 'false_alarms']] for o in trials]).groupby(level=0, sort=False).sum()
    rows = [[o.Index, o.faults, o.found, percent(o.found/o.faults) if o.faults else '', o.false_alarms] for o in total.itertuples()]
    table(rows, [f"{pluralize(len(trials), 'set')} with known faults", 'faults', 'found', '', 'files in a false alarm'])
    print()
    hit,made = sum((o.found for o in trials), Counter()),sum((o.made for o in trials), Counter())
    table([[o, made[o], hit[o], percent(hit[o]/made[o])] for o in CHANGES if made[o]], ['copies', 'made', 'found', ''])
    n,m = (sum(counts[o] for o in CHANGES[1:]) for counts in (hit, made))
    print(f"\nNear copies: {n} of {m} found ({percent(n/m)}); photos in a false alarm: {spread([100*o.false_alarms for o in trials], '{:.2f}')} %",
          *(remark for o in trials for remark in o.remarks), sep='\n')

def perceptual_hash(grey):
    "Is each of the 8 × 8 coarsest waves of a picture stronger than the median of them? (Zauner 2010): photos × 64 bits."
    from scipy.fft import dctn
    waves = dctn(grey.reshape(len(grey), 32, 2, 32, 2).mean((2, 4)), axes=(1, 2))[:,:8,:8].reshape(len(grey), 64)
    return waves > np.median(waves, 1, keepdims=True)

class Pairs(NamedTuple):
    "All pairs of photos of a folder that differ in their bytes: three measures of how alike they are."
    near:np.ndarray # Is one a copy of the other?
    hash:np.ndarray # Minus the number of bits that differ
    cosine:np.ndarray # Of their features
    agreement:np.ndarray # Of their pixels; 0 where `check` does not even compare them

def measure_pairs(folder, seed):
    "The `Pairs` of one set with known faults."
    from petlearn.core import unit_rows
    from petlearn.models.feature_bank import compute_features
    from petlearn.photos.copies import CROPS, best_match, find_candidates, fingerprints, inspect_all
    from petlearn.photos.finding import find_photos
    with tempfile.TemporaryDirectory() as tmp, quiet():
        os.environ['FASTAI_HOME'] = f'{tmp}/home'
        faulty,copies = with_faults(folder, Path(tmp), seed)
        files = find_photos(faulty)
        shas = fingerprints(files)
        inspected = inspect_all(files, shas)
        good = [i for i in range(len(files)) if i not in inspected.errors]
        files,shas,grey = [files[i] for i in good],np.array(shas)[good],inspected.records['grey'][good]
        x = unit_rows(compute_features([str(o) for o in files], list(shas)).x)
    agreement,bits_apart = np.zeros((len(files),)*2),np.zeros((len(files),)*2, int)
    for o in find_candidates(grey, .85).itertuples():
        match = best_match(grey[o.crop_of], grey[o.whole], CROPS[o.crop], o.mirrored)
        agreement[min(o.crop_of, o.whole),max(o.crop_of, o.whole)] = match.agreement
    bits,mirrored = perceptual_hash(grey),perceptual_hash(grey[:,:,::-1])
    for i,o in enumerate(bits): bits_apart[i] = np.minimum((bits != o).sum(1), (mirrored != o).sum(1))
    number = {name: i for i,o in copies.items() for name in o.files} # of the fault that a file belongs to
    fault = np.array([number.get(o.relative_to(faulty).as_posix(), -1-i) for i,o in enumerate(files)])
    a,b = np.triu_indices(len(files), 1)
    a,b = a[shas[a] != shas[b]],b[shas[a] != shas[b]]
    return Pairs(fault[a] == fault[b], -bits_apart[a,b], (x @ x.T)[a,b], agreement[a,b])

def evidence(folder, seeds=3):
    "What each of the three would find if it alone decided, with the strictest threshold that has no false alarm."
    pairs = Pairs(*map(np.concatenate, zip(*(measure_pairs(folder, o) for o in range(1, int(seeds)+1)))))
    rows = []
    for name in ('hash', 'cosine', 'agreement'):
        copies,others = getattr(pairs, name)[pairs.near],getattr(pairs, name)[~pairs.near]
        rows.append([name, *(f'{abs(o):.3g}' for o in (copies.min(), np.median(copies), others.max())), percent((copies > others.max()).mean())])
    table(rows, [f'{pairs.near.sum()} near copies, {(~pairs.near).sum():,} other pairs', 'worst copy', 'median copy', 'most similar other pair',
                 'copies found without a false alarm'])

def near_pairs(pictures):
    "Which of some `pictures` are called copies."
    from petlearn.photos.copies import inspect_photo, near_copies
    with quiet(): pairs = near_copies(np.stack([inspect_photo(o)['grey'] for o in pictures]), lambda i: pictures[i])
    return {*zip(map(int, pairs.a), map(int, pairs.b))}

def fixed(n=60):
    "No photo of a scene is a copy of another. Then copies are made of twenty of them, a fourth of these in each way."
    rows,changes = [],list(COPIES.values())
    for name,draw in SCENES.items():
        pictures = [o.convert('RGB') for _,o in draw(int(n))]
        source = np.random.default_rng(5).permutation(len(pictures))[:20]
        both = near_pairs([*pictures, *(changes[i % 4](pictures[k]) for i,k in enumerate(source))])
        right = {(int(k), len(pictures)+i) for i,k in enumerate(source)}
        rows.append([name, len(pictures), len(near_pairs(pictures)), f'{len(both & right)} of {len(source)}', len(both - right)])
    table(rows, ['scene', 'photos', 'false pairs', 'copies found', 'false pairs with them'])

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

def speed(n=10_000, folder=None):
    "Cold: nothing is remembered. Warm: the same folder once more, in another process."
    from petlearn.photos.drawings import draw_pets
    folder,rows = Path(folder or Path(tempfile.gettempdir())/'petlearn-drawn'),[]
    for some in (int(n)//10, int(n)):
        pets = folder/f'pets-{some}'
        if len(list(pets.glob('*.jpg'))) != some: draw_pets(pets, some)
        with tempfile.TemporaryDirectory() as home:
            for name,times in (('cold', 1), ('warm', 3)):
                took = [measure(pets, home) for _ in range(times)]
                photos,seconds,before,_ = map(np.median, zip(*took))
                rows.append([f'{photos:,.0f} photos, {name}', spread([o[1] for o in took]), f'{photos/seconds:.0f}',
                             spread([o[3]/1e6 for o in took], '{:.0f}'), f'{before/1e6:.0f}'])
    table(rows, ['check', 'seconds', 'photos a second', 'most memory, MB', 'of it the imports'])

if __name__ == '__main__': command(__doc__, found=found, evidence=evidence, fixed=fixed, speed=speed)
