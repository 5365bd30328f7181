"""Does petlearn find wrong labels, and does it notice what is no pet?

python benchmarks/interpret.py labels FOLDER [SEEDS]   5 % of the labels of FOLDER made wrong, once for each seed (5): how many of them `find_label_issues` names, how many
                                                       of those it names are wrong, and accuracy before and after the correction; cleanlab beside it, where it is installed
python benchmarks/interpret.py neither FOLDER OTHER STRANGE   train on FOLDER and on OTHER: how many of its own validation photos and of the pets of the other one each model knows,
                                                       how many of STRANGE (no pets) it calls "neither", by its own measure and by simpler ones; and how honest its probabilities are
Photos are only read; labels are made wrong in memory.
"""
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
import numpy as np
import pandas as pd
from petlearn.core import percent, unit_rows
from speed import command, quiet, table

WRONG = .05 # share of the labels that are made wrong
FILTERS = 'prune_by_noise_rate', 'both', 'confident_learning', 'low_self_confidence' # of cleanlab

# ---- labels

def make_wrong(labels, seed):
    "`labels` with some of them wrong, and which those are."
    rng,vocab = np.random.default_rng(seed),sorted({*labels})
    wrong = np.zeros(len(labels), bool)
    wrong[rng.permutation(len(labels))[:round(WRONG*len(labels))]] = True
    others = [vocab[(vocab.index(o) + rng.integers(1, len(vocab))) % len(vocab)] for o in labels]
    return np.where(wrong, np.array(others, object), labels),wrong

def cleanlab(issues, labels):
    "What cleanlab's filters choose, given the same probabilities; nothing where it is not installed."
    try: from cleanlab.filter import find_label_issues
    except ImportError: return {}
    from petlearn.evaluation.label_issues import out_of_fold
    probs = out_of_fold(issues.x, labels, issues.photos.fold.to_numpy(), issues.vocab)
    y = np.array([issues.vocab.index(o) for o in labels])
    return {f'cleanlab, {o}': find_label_issues(y, probs, filter_by=o, n_jobs=1) for o in FILTERS}

class Trial(NamedTuple):
    "What came out for one seed."
    scores:dict # By the way of choosing: share of the wrong labels found, share of those chosen that are wrong, number chosen
    accuracy:dict # By the labels learned from: share of right answers, each photo by a model that has not seen it; and a new head in validation
    right:pd.DataFrame # Those chosen by petlearn whose label was right

def try_one(run, bank, seed):
    "Make labels wrong, find them, correct them."
    from petlearn.evaluation.label_issues import find_label_issues
    truth,valid = bank.table.label.to_numpy(),(bank.table.usage == 'valid').to_numpy()
    labels,wrong = make_wrong(truth, seed)
    run.trained.bank = replace(bank, table=bank.table.assign(label=labels))
    issues = find_label_issues(run)
    chosen = bank.table.file.isin(issues.files).to_numpy()
    def scores(o): return (o & wrong).sum()/wrong.sum(), (o & wrong).sum()/max(o.sum(), 1), o.sum()
    def accuracy(learned, truth):
        answers = issues.judge(learned)
        return (answers['out_of_fold'] == truth).mean(), (answers['valid'] == truth)[valid].mean()
    suggested = issues.with_corrections(dict(zip(issues.files, issues.table.suggested)))
    corrected = {'all wrong labels left': labels, 'those named looked at, and corrected': np.where(chosen, truth, labels),
                 'suggestions believed blindly': suggested, 'no label wrong': truth}
    return Trial({'petlearn': scores(chosen)} | {k: scores(v) for k,v in cleanlab(issues, labels).items()},
                 {'all wrong labels left, measured by them': accuracy(labels, labels)} | {k: accuracy(v, truth) for k,v in corrected.items()},
                 issues.table[~pd.Series(wrong, bank.table.file)[issues.files].to_numpy()])

def labels(folder, seeds=5):
    "Scores seed by seed, accuracy before and after, and the photos that were named although their label was right."
    from petlearn import train
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            run = train(folder, skip_damaged=True, check=False, runs_dir=tmp)
            bank = run.bank
            trials = [try_one(run, bank, o) for o in range(int(seeds))]
    print(f'{len(bank):,} photos, {len(bank.vocab)} labels, {round(WRONG*len(bank))} of them made wrong, {len(trials)} trials\n')
    rows = {f'petlearn, seed {i}': o.scores['petlearn'] for i,o in enumerate(trials)}
    rows |= {f'mean of {k}': np.mean([o.scores[k] for o in trials], 0) for k in trials[0].scores}
    table([[name, percent(recall), percent(precision), f'{n:.1f}'] for name,(recall,precision,n) in rows.items()],
          ['', 'wrong labels named', 'named labels that are wrong', 'named'])
    print()
    means = {k: np.mean([o.accuracy[k] for o in trials], 0) for k in trials[0].accuracy}
    table([[k, f'{100*a:.2f} %', f'{100*b:.2f} %'] for k,(a, b) in means.items()], ['mean accuracy, learned from', 'each photo by a model that has not seen it', 'validation photos, new head'])
    often = pd.concat([o.right for o in trials]).groupby('file').agg(trials=('file', 'size'), label=('label', 'first'), suggested=('suggested', 'first'), p=('p_suggested', 'mean'))
    print('\nNamed, though the label was right (or is wrong in the folder itself):')
    for o in often.sort_values(['trials', 'p'], ascending=False).itertuples(): print(f'{o.trials} of {len(trials)}: {o.Index}, {o.label} or {o.suggested} ({o.p:.2f})?')

# ---- neither

def nearest(x, k=5):
    "Novelty as the mean distance to the `k` nearest training photos, of unit length after centring."
    mine,mean = unit_rows(x - x.mean(0)),x.mean(0)
    def distance(o, skip=0):
        apart = np.sort(2 - 2*unit_rows(o - mean) @ mine.T, axis=1)[:,skip:skip+k]
        return np.sqrt(apart.clip(0)).mean(1)
    usual = distance(x, 1) # each is nearest to itself
    return lambda o: (distance(o) - usual.mean())/usual.std()

def left_length(x):
    "Novelty as the length (not the share) of what the main directions don't explain, beside that of photos that they have not seen."
    from petlearn.models.novelty import fit_novelty
    def length(o, novelty):
        special = o - novelty.mean
        return np.linalg.norm(special - (special @ novelty.directions.T) @ novelty.directions, axis=1)
    part = np.random.default_rng(0).permutation(len(x)) % 5
    usual = np.concatenate([length(x[part == i], fit_novelty(x[part != i])) for i in range(5)])
    whole = fit_novelty(x)
    return lambda o: (length(o, whole) - usual.mean())/usual.std()

def without_length(x):
    "petlearn's measure without its second part, the length of the features."
    from petlearn.models.novelty import fit_novelty
    novelty = fit_novelty(x)
    return replace(novelty, usual=np.array([*novelty.usual[:2], -1e9, 1], np.float32)).scores

def blank_photos():
    "Five pictures of one colour: photos × 224 × 224 × 3."
    return np.stack([np.full((224, 224, 3), o, np.uint8) for o in (0, 128, 255, (40, 80, 200), (160, 110, 60))])

def neither(folder, other, strange):
    "For each measure, at the limit of 2.5 standard deviations. And how honest are the probabilities?"
    import torch
    from petlearn import train
    from petlearn.models.engines import FeatureExtractor
    from petlearn.models.feature_bank import compute_features
    from petlearn.photos.copies import fingerprints
    from petlearn.photos.finding import find_photos
    def some(chosen): return f'{chosen.sum()} of {len(chosen)} ({percent(chosen.mean())})'
    rows,honest = [],[]
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            runs = [train(o, runs_dir=tmp, check=False) for o in (folder, other)]
            odd = find_photos(strange)
            x_odd = compute_features([str(o) for o in odd], fingerprints(odd)).x
            x_blank = FeatureExtractor(runs[0].bank.backbone)(torch.from_numpy(blank_photos())).numpy()
        for name,one,another in ((folder, *runs), (other, *runs[::-1])):
            name,usage = Path(name).resolve().name,one.bank.table.usage
            x = one.bank.x[usage == 'train']
            measures = {'petlearn': one.novelty.scores, 'without the length': without_length(x), 'left over, not as a share': left_length(x), '5 nearest': nearest(x)}
            for measure,scores in measures.items():
                rows.append([name, measure, *(some(scores(o) <= 2.5) for o in (one.bank.x[usage == 'valid'], another.bank.x)),
                             *(some(scores(o) > 2.5) for o in (x_odd, x_blank))])
            found = one.report().calibration['valid']
            honest.append([name, f'{one.temperature:.2f}', percent(found.before), percent(found.after)])
    table(rows, ['trained on', 'measure', 'own validation photos: known', 'other pets: known', 'no pets: "neither"', 'blank: "neither"'])
    print()
    table(honest, ['trained on', 'temperature', 'calibration error before', 'after (temperature from other photos)'])

if __name__ == '__main__': command(__doc__, labels=labels, neither=neither)
