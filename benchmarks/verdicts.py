"""Does the sentence under a training name the right cause?

python benchmarks/verdicts.py train FILE [PHOTOS [SETS]] [--quick]   train where the cause is known, twenty seeds of each kind (--quick: three), and add the histories to FILE; on drawn pets,
                                                                     and on the folders oxford-iiit-pet and cats-dogs in PHOTOS; SETS such as drawn-96,cats-dogs-224 chooses some
python benchmarks/verdicts.py judge FILE…                            what the verdict says about these histories: cause against sentence, and the share of sentences that name a wrong cause
python benchmarks/verdicts.py say FILE KIND                          all sentences about one kind
Photos are only read; wrong labels, balls and copies are made in a folder of its own. What a body sees of a photo is computed once.
"""
import json, sys, tempfile
from collections import Counter
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
import numpy as np
import pandas as pd
from petlearn.core import PetLearnError, percent
from speed import quiet, table

# ---- photos

def photos_of(folder, labeler):
    "Photos as rows: `file` and `label`."
    from petlearn.photos.finding import find_photos
    files = [str(o) for o in find_photos(folder)]
    return pd.DataFrame(dict(file=files, label=[labeler(Path(o)) for o in files]))

def changed(photos, to, change):
    "The same photos, each changed and written into the folder `to`, once for all trainings."
    to.mkdir(parents=True, exist_ok=True)
    return photos.assign(file=[change(o, to/f'{Path(o).stem}.jpg') for o in photos.file])

def with_ball(file, to):
    "The photo with a red ball below on the left."
    from PIL import Image, ImageDraw
    if not to.exists():
        img = Image.open(file).convert('RGB')
        side,(w,h) = min(img.size)//4,img.size
        left,top = (w - min(img.size))//2 + side//4,(h + min(img.size))//2 - side - side//4
        ImageDraw.Draw(img).ellipse((left, top, left+side, top+side), fill=(220, 20, 30))
        img.save(to, quality=92)
    return str(to)

def saved_again(file, to):
    "The photo, saved again at a lower quality: another file, and nothing else."
    from PIL import Image
    if not to.exists(): Image.open(file).convert('RGB').save(to, quality=70)
    return str(to)

# ---- situations: from photos, and a source of random numbers, to a table with `file`, `label`, `usage`

def draw(photos, rng, n_train, n_valid):
    "Some photos of each label for training, and others for validation."
    k = photos.label.nunique()
    parts = []
    for _,group in photos.groupby('label'):
        rows = group.iloc[rng.permutation(len(group))[:(n_train+n_valid)//k]]
        parts.append(rows.assign(usage=['train']*(n_train//k) + ['valid']*(len(rows) - n_train//k)))
    return pd.concat(parts, ignore_index=True)

def plain(s, rng, n_train=160, n_valid=40): return draw(s['photos'], rng, n_train, n_valid)

def wrong_labels(s, rng, share, **numbers):
    "A share of all labels is wrong, in training and in validation."
    df = plain(s, rng, **numbers)
    rows = rng.permutation(len(df))[:round(share*len(df))]
    vocab = sorted({*df.label})
    labels = df.label.to_numpy().copy()
    labels[rows] = [vocab[(vocab.index(labels[i]) + rng.integers(1, len(vocab))) % len(vocab)] for i in rows]
    return df.assign(label=labels)

def shortcut(s, rng):
    "A ball on each training photo of one label, and on half of the validation photos of each."
    df,ball = plain(s, rng),dict(zip(s['photos'].file, s['ball'].file))
    marked = (df.usage == 'train') & (df.label == max(df.label))
    marked |= (df.usage == 'valid') & (df.groupby(['usage', 'label']).cumcount() % 2 == 0)
    return df.assign(file=[ball[o] if m else o for o,m in zip(df.file, marked)])

def leak(s, rng):
    "Each validation photo is a training photo, saved again."
    df,again = plain(s, rng),dict(zip(s['photos'].file, s['again'].file))
    train = df[df.usage == 'train']
    valid = train.groupby('label').head(20).assign(usage='valid', file=lambda o: [again[f] for f in o.file])
    return pd.concat([train, valid], ignore_index=True)

def label_missing(s, rng):
    "No validation photo of one of the labels."
    df = plain(s, rng)
    return df[(df.usage == 'train') | (df.label == min(df.label))].reset_index(drop=True)

def other_kind(s, rng):
    "Learned from one kind of pictures, asked about another."
    train,valid = plain(s, rng),draw(s['others'], rng, 0, 40)
    return pd.concat([train[train.usage == 'train'], valid], ignore_index=True)

def breeds(s, rng):
    "Many labels that are hard to tell apart, and eight photos of each."
    return draw(s['breeds'], rng, 8*s['breeds'].label.nunique(), 2*s['breeds'].label.nunique())

OK,PHOTOS,LABELS,SHORTCUT,HIGH,LOW,SHORT,LONG,SMALL = 'fine','few photos','wrong labels','shortcut','rate too high','rate too low','too few epochs','overfitting','underfitting'
UNSURE,CALM,PERFECT,LUCK,MISSING = "can't tell: few photos, labels, shortcut?",'curves fine, look at mistakes','no mistakes','perhaps luck','label missing' # these name no wrong cause: they say what is there

KINDS = { # settings of the training, the situation, and the causes that may be named; "can't tell" is always right
    'fine': ({}, plain, [OK]),
    'fine, 16 validation photos': ({}, partial(plain, n_train=64, n_valid=16), [OK, PHOTOS]),
    'learning rate too high': (dict(lr=.3), plain, [HIGH]),
    'learning rate far too high': (dict(lr=1.), plain, [HIGH]),
    'learning rate too low': (dict(lr=1e-4), plain, [LOW, SHORT]),
    'too few epochs': (dict(epochs=2, lr=1e-3), plain, [SHORT, LOW]),
    'too many epochs': (dict(epochs=150), plain, [LONG, OK]),
    'too few photos': ({}, partial(plain, n_train=10), [PHOTOS]),
    '5 % wrong labels': ({}, partial(wrong_labels, share=.05), [LABELS]),
    '10 % wrong labels': ({}, partial(wrong_labels, share=.1), [LABELS]),
    '15 % wrong labels': ({}, partial(wrong_labels, share=.15), [LABELS]),
    '10 % wrong labels, rate .001': (dict(lr=1e-3), partial(wrong_labels, share=.1, n_train=480, n_valid=120), [LABELS]),
    'a shortcut': ({}, shortcut, [SHORTCUT]),
    'a leak': ({}, leak, [OK]),
    'one label missing in validation': ({}, label_missing, []),
    'validation of another kind': ({}, other_kind, []),
    'hard but honest': ({}, breeds, [PHOTOS]),
}

# ---- train

def pet(path):
    "A pet as both collections and the drawings name it: `cat.10.jpg`, `Abyssinian_1.jpg`, `saint_bernard_2.jpg`."
    return 'cat' if path.name.startswith('cat.') or path.name[0].isupper() else 'dog'

def picture_sets(tmp, photos, sets):
    "By name: photos, the same with a ball, the same saved again, those of another kind, breeds where there are some; and the size of what the body sees."
    from petlearn.datasets.labels import breed
    from petlearn.photos.drawings import draw_pets
    drawn = photos_of(draw_pets(tmp/'drawn', 800), pet)
    for name,size in sets:
        mine = drawn if name == 'drawn' else photos_of(Path(photos)/name, pet)
        s = dict(photos=mine, ball=changed(mine, tmp/f'{name}-ball', with_ball), again=changed(mine, tmp/f'{name}-again', saved_again), size=size)
        if photos: s['others'] = photos_of(Path(photos)/'cats-dogs', pet) if name == 'drawn' else drawn
        if name == 'oxford-iiit-pet': s['breeds'] = mine.assign(label=[breed(Path(f)) for f in mine.file])
        yield f'{name}, {size} pixels',s

def one_training(s, kind, seed, shas):
    "A training of a kind: what is known about it when it has ended."
    from petlearn.all import train
    settings,situation,_ = KINDS[kind]
    rng = np.random.default_rng([seed, *kind.encode()])
    df = situation(s, rng)
    df = df.assign(sha256=[shas(o) for o in df.file])
    split = df[['usage', 'label']].value_counts().sort_index().reset_index().to_dict('records')
    with tempfile.TemporaryDirectory() as tmp, quiet():
        try: run = train(df, check=False, seed=seed, size=s['size'], runs_dir=tmp, **settings)
        except PetLearnError as e: return dict(history='', split=split, said=f'failed: {e}')
        return dict(history=run.history.round(5).to_csv(index=False), metrics=run.metrics, params=run.params, split=split)

def possible(kind, s):
    "Are there the pictures that a kind needs?"
    return not (kind == 'hard but honest' and 'breeds' not in s or kind == 'validation of another kind' and 'others' not in s)

def train_all(file, photos='', sets='', seeds=20):
    "Train all kinds, and write each history into a line of `file`."
    from petlearn.files import file_sha256
    shas = lru_cache(None)(file_sha256)
    known = [('drawn', 96)] + [('oxford-iiit-pet', 64), ('cats-dogs', 224)]*bool(photos)
    with tempfile.TemporaryDirectory() as tmp, open(file, 'a') as f:
        for name,s in picture_sets(Path(tmp), photos, [o for o in known if not sets or f'{o[0]}-{o[1]}' in sets]):
            for kind in filter(partial(possible, s=s), KINDS):
                for seed in range(seeds): f.write(json.dumps(dict(set=name, kind=kind, seed=seed) | one_training(s, kind, seed, shas)) + '\n')
                print(f'{name}: {kind}', file=sys.stderr, flush=True)

# ---- judge

CLAIMS = { # words of a sentence, and the cause that it names; the first that fits
    'learning rate is too high': HIGH, 'learning rate was probably too high': HIGH, 'is very high': HIGH,
    'is too low': LOW, 'is very low': LOW, 'but slowly': LOW, 'too few epochs': SHORT, 'more epochs may help': SHORT,
    'overfitting': LONG, 'brought nothing': LONG, 'Next: lr=0.01, or preference': LOW, 'underfitting': SMALL, 'Are the labels right': LABELS,
    'nothing is known about': MISSING, 'look as they should': CALM, "can't tell": UNSURE, 'is there a shortcut': UNSURE, 'no mistakes': PERFECT, 'to tell that from luck': LUCK,
    'the curves look fine': OK,
}

def claim(sentence): return next((cause for words,cause in CLAIMS.items() if words in sentence), UNSURE)

def histories(file):
    "What `train` has written, and for each what the verdict says of it today."
    from petlearn.runs.verdict import verdict
    for o in map(json.loads, open(file)):
        rows = [dict(label=r['label'], usage=r['usage']) for r in o['split'] for _ in range(r['count'])]
        said = o.get('said') or verdict(pd.read_csv(StringIO(o['history'])), rows, o['params'])
        yield o | dict(said=said, claim=claim(said))

def is_wrong(kind, cause): return cause not in (UNSURE, CALM, PERFECT, LUCK, MISSING, *KINDS[kind][2])

def judge(*files):
    "Cause against sentence, and the share of sentences that name a wrong cause."
    found = [o for file in files for o in histories(file)]
    claims = [o for o in dict.fromkeys([*CLAIMS.values()]) if any(r['claim'] == o for r in found)]
    rows = []
    for kind in KINDS:
        mine = [o for o in found if o['kind'] == kind]
        counts,wrong = Counter(o['claim'] for o in mine),sum(is_wrong(kind, o['claim']) for o in mine)
        if mine: rows.append([kind, len(mine), *(counts[o] or '' for o in claims), f'{wrong} ({percent(wrong/len(mine))})'])
    table(rows, ['cause', 'trainings', *claims, 'names a wrong cause'])

def say(file, kind):
    "All sentences about one kind of training."
    for o in histories(file):
        if o['kind'] == kind: print(f"{o['set']}, seed {o['seed']}: {o['said']}")

if __name__ == '__main__':
    a = [o for o in sys.argv if o != '--quick']
    known = dict(train=partial(train_all, seeds=3 if '--quick' in sys.argv else 20), judge=judge, say=say)
    if len(a) < 3 or a[1] not in known: sys.exit(__doc__)
    known[a[1]](*a[2:])
