"""Does petlearn find what is wrong, in the labels and in the photos?

python benchmarks/interpret.py suspects FOLDER [SEEDS]    5 % of the labels of FOLDER made wrong, once for each seed (5): how many are suspects, how many suspects are wrong, and accuracy before and after correction
python benchmarks/interpret.py neither FOLDER OTHER STRANGE   train on FOLDER and on OTHER: how many pets of its own (held back), how many of the other one, and how many photos of STRANGE (no pets) pass as known; how honest the probabilities are; and the same by simpler measures of novelty
Photos are only read. Labels are those that `guess_labeler` sees; they are made wrong in memory.
"""
import argparse
from pathlib import Path
from types import SimpleNamespace
import numpy as np
import pandas as pd
from speed import table

SHARE = .05
FILTERS = 'prune_by_noise_rate', 'both', 'confident_learning', 'low_self_confidence'

def seen(folder):
    "The split table of all photos in `folder`, and what the standard network sees of them."
    from petlearn.models.features import features
    from petlearn.datasets.split import split_photos
    return features(split_photos(folder), skip_damaged=True)

def flipped(labels, seed):
    "`labels` with a twentieth of them wrong, and which those are."
    rng,vocab = np.random.default_rng(seed),sorted({*labels})
    wrong = np.zeros(len(labels), bool)
    wrong[rng.permutation(len(labels))[:round(SHARE*len(labels))]] = True
    shift = rng.integers(1, len(vocab), len(labels))
    return np.array([vocab[(vocab.index(o) + s) % len(vocab)] if w else o for o,s,w in zip(labels, shift, wrong)], object),wrong

def rated(chosen, wrong):
    "Recall, precision and number of the photos that are `chosen`."
    return (chosen & wrong).sum()/wrong.sum(), (chosen & wrong).sum()/max(chosen.sum(), 1), chosen.sum()

def filters(suspects, labels):
    "What cleanlab's filters choose, given the same probabilities; nothing where there is no cleanlab."
    try: from cleanlab.filter import find_label_issues
    except ImportError: return {}
    from petlearn.evaluation.label_issues import out_of_fold
    probs = out_of_fold(suspects.x, labels, suspects.photos.fold.to_numpy(), suspects.vocab)
    y = np.array([suspects.vocab.index(o) for o in labels])
    return {f'cleanlab, {o}': find_label_issues(y, probs, filter_by=o, n_jobs=1) for o in FILTERS}

def judged(suspects, truth, labels):
    "Share of photos whose `truth` is said by models that have learned from `labels`: each by one that has not seen it, and those held back by a new head."
    said,valid = suspects.judge(labels),(suspects.photos.usage == 'valid').to_numpy()
    return (said['out_of_fold'] == truth).mean(), (said['valid'] == truth)[valid].mean()

def one(bank, seed):
    "Figures of one trial: by the way of choosing, and accuracy by the labels learned from; the suspects, and which are right."
    from petlearn.runs.run import Run
    from petlearn.evaluation.label_issues import find_label_issues
    truth = bank.table.label.to_numpy()
    labels,wrong = flipped(truth, seed)
    run = Run.__new__(Run) # a run that was never trained: find_label_issues only asks for its bank
    run.path = Path('nowhere')
    run.trained.bank = SimpleNamespace(**vars(bank) | dict(table=bank.table.assign(label=labels)))
    suspects = find_label_issues(run)
    chosen = bank.table.file.isin(suspects.files).to_numpy()
    rows = {'petlearn': chosen, **filters(suspects, labels)}
    corrected = {'all wrong labels left': labels, 'suspects looked at, and corrected': np.where(chosen, truth, labels),
                 'suggestions believed blindly': suspects.with_corrections(dict(zip(suspects.files, suspects.table.suggested))), 'no label wrong': truth}
    right = suspects.table[~pd.Series(wrong, bank.table.file)[suspects.files].to_numpy()]
    accuracy = {'all wrong labels left, measured by them': judged(suspects, labels, labels), **{k: judged(suspects, truth, v) for k,v in corrected.items()}}
    return {k: rated(v, wrong) for k,v in rows.items()},accuracy,right

def suspects(folder, seeds=5):
    "Recall and precision seed by seed, cleanlab's filters beside them, accuracy before and after, and the suspects whose label was right."
    bank = seen(folder)
    trials = [one(bank, o) for o in range(seeds)]
    print(f'{len(bank):,} photos, {len(bank.vocab)} labels, {round(SHARE*len(bank))} of them made wrong, {seeds} trials\n')
    rows = [(f'petlearn, seed {i}', *o[0]['petlearn']) for i,o in enumerate(trials)]
    rows += [(f'mean of {k}', *np.mean([o[0][k] for o in trials], 0)) for k in trials[0][0]]
    table([[name, f'{recall:.1%}', f'{precision:.1%}', f'{n:.1f}'] for name,recall,precision,n in rows],
          ['', 'wrong labels found', 'suspects that are wrong', 'suspects'])
    print()
    means = {k: np.mean([o[1][k] for o in trials], 0) for k in trials[0][1]}
    table([[k, f'{a:.2%}', f'{b:.2%}'] for k,(a, b) in means.items()], ['mean accuracy, learned from', 'each photo by a model that has not seen it', 'validation, new head'])
    often = pd.concat([o[2] for o in trials]).groupby('file').agg(trials=('file', 'size'), label=('label', 'first'), suggested=('suggested', 'first'), p=('p_suggested', 'mean'))
    print('\nSuspects whose label was right (or is wrong in the folder itself):')
    for o in often.sort_values(['trials', 'p'], ascending=False).itertuples(): print(f'{o.trials} of {seeds}: {o.Index}, {o.label} or {o.suggested} ({o.p:.2f})?')

def nearest(x, k=5):
    "Novelty as the mean distance to the `k` nearest training photos, of unit length after centring."
    unit = lambda o: (o - x.mean(0))/np.linalg.norm(o - x.mean(0), axis=1, keepdims=True)
    def scores(o, mine=False):
        far = np.sort(2 - 2*unit(o)@unit(x).T, axis=1)[:,int(mine):k+int(mine)]
        return np.sqrt(far.clip(0)).mean(1)
    usual = scores(x, True)
    return lambda o: (scores(o) - usual.mean())/usual.std()

def residual(x, k=64):
    "Novelty as the plain length of what `k` main directions don't tell, as it is after four fifths of the photos told them."
    from petlearn.models.novelty import _main_directions
    def left(o, mean, directions): return np.linalg.norm((o - mean) - (o - mean)@directions.T@directions, axis=1)
    part,usual = np.random.default_rng(0).permutation(len(x)) % 5,np.empty(len(x))
    for i in range(5): usual[part == i] = left(x[part == i], *_main_directions(x[part != i]))
    return lambda o: (left(o, *_main_directions(x)) - usual.mean())/usual.std()

def by_direction(x):
    "petlearn's without its second look, at the length of the features."
    from petlearn.models.novelty import fit_novelty
    novelty = fit_novelty(x)
    novelty.usual[2] = -1e9
    return novelty.scores

def neither(folder, other, strange):
    "For each way of telling what is strange: who passes, at the limit of 2.5 standard deviations. And how honest are the probabilities?"
    import tempfile, torch
    from petlearn import train
    from petlearn.models.engines import FeatureExtractor
    from petlearn.models.feature_bank import extract_features
    from petlearn.photos.finding import find_photos
    from petlearn.evaluation.report import Report
    from petlearn.files import file_sha256
    with tempfile.TemporaryDirectory() as tmp:
        runs = [train(o, runs_dir=f'{tmp}/runs', check=False) for o in (folder, other)]
        odd = pd.DataFrame([(str(o), file_sha256(o)) for o in find_photos(strange)], columns=['file', 'sha256'])
        flat = np.stack([np.full((224, 224, 3), o, np.uint8) for o in (0, 128, 255, (40, 80, 200), (160, 110, 60))])
        trunk = FeatureExtractor(runs[0].bank.backbone)
        x_odd,x_flat = extract_features(trunk, odd.file, odd.sha256, 224).x,trunk(torch.from_numpy(flat)).numpy()
        rows,honest = [],[]
        for one,another in (runs, runs[::-1]):
            bank,usage = one.bank,one.bank.table.usage
            x,held = bank.x[usage == 'train'],bank.x[usage == 'valid']
            ways = {'petlearn': one.novelty.scores, 'without the length': by_direction(x), 'left over, not as a share': residual(x), '5 nearest': nearest(x)}
            for name,scores in ways.items():
                n = [(scores(o) <= 2.5) for o in (held, another.bank.x, x_odd, x_flat)]
                rows.append([Path(folder if one is runs[0] else other).name, name, *(f'{o.sum()} of {len(o)} ({o.mean():.1%})' for o in n[:2]),
                             *(f'{(~o).sum()} of {len(o)} ({(~o).mean():.1%})' for o in n[2:])])
            h = Report(one).calibration['valid']
            honest.append([Path(folder if one is runs[0] else other).name, one.temperature, *(f'{100*o:.1f} %' for o in (h.before, h.after))])
        print()
        table(rows, ['trained on', 'novelty', 'own pets, held back: pass', 'other pets: pass', 'no pets: refused', 'blank: refused'])
        print()
        table(honest, ['trained on', 'temperature', 'calibration error before', 'after (temperature from other photos)'])

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest='what', required=True)
    labels = what.add_parser('suspects')
    labels.add_argument('folder')
    labels.add_argument('seeds', type=int, nargs='?', default=5)
    known = what.add_parser('neither')
    for o in ('folder', 'other', 'strange'): known.add_argument(o)
    args = vars(parser.parse_args())
    dict(suspects=suspects, neither=neither)[args.pop('what')](**args)
