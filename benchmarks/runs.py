"""What the run book costs: fresh processes, in turn, medians with the smallest and the largest.

python benchmarks/runs.py list [N]                petlearn --help, and petlearn list over N runs (1,000)
python benchmarks/runs.py safe                    epochs of a head with and without checkpoints, and how long one checkpoint takes
python benchmarks/runs.py best FOLDER [SEEDS]   which epoch to keep: mistakes among validation and test photos, by three rules
python benchmarks/runs.py memory                  the most memory that a training takes, beside what is asked for before it begins
"""
import json, subprocess, sys, tempfile, time
from pathlib import Path
from speed import command, quiet, spread, table

PETLEARN = Path(sys.executable).parent/'petlearn'

def seconds(*args, cwd='.'):
    "How long a program takes."
    start = time.perf_counter()
    subprocess.run([str(o) for o in args], cwd=cwd, check=True, capture_output=True)
    return time.perf_counter()-start

def pretend(folder, n):
    "`n` runs that look as if they had been trained."
    import pandas as pd
    from petlearn.runs.book import RunBook
    split = pd.DataFrame(dict(file=['a.jpg'], label=['cat'], usage=['train'], sha256=['0'*64]))
    params = dict(preference='balance', arch='efficientnet_lite0', size=224, epochs=10, fine_tune_epochs=0, lr=.01, bs=None, valid_pct=.2, seed=42)
    first = RunBook(folder).create(split, dict(params=params, dataset='D-12345678'))
    metadata = json.loads((first.path/'run.json').read_text())
    for i in range(2, n+1):
        path = folder/f'V{i:03}-run-{i}'
        path.mkdir()
        states = [('QUEUED', ''), ('PREPARING', '2026-11-21 10:00:00'), ('RUNNING', ''), ('SUCCEEDED', '')]
        metrics = dict(valid_error=i/n, valid_accuracy=1-i/n, valid_loss=i/n, wrong=i, of=n)
        (path/'run.json').write_text(json.dumps(metadata | dict(states=states, metrics=metrics, epochs=10, steps=80), indent=1))

def list_(n=1000):
    "The command line, and how long Python itself takes."
    with tempfile.TemporaryDirectory() as tmp:
        pretend(Path(tmp)/'runs', int(n))
        ways = {'python -c pass': (sys.executable, '-c', 'pass'), 'petlearn --help': (PETLEARN, '--help'), f'petlearn list, {int(n):,} runs': (PETLEARN, 'list'),
                f'petlearn list --where --sort, {int(n):,} runs': (PETLEARN, 'list', '--where', 'valid_error<.5', '--sort=-valid_error')}
        took = {o: [] for o in ways}
        for _ in range(9):
            for o,args in ways.items(): took[o].append(seconds(*args, cwd=tmp))
    table([[o, spread(v, '{:.2f}')] for o,v in took.items()], ['', 'seconds'])

def _photos(tmp, n=200):
    from petlearn.photos.drawings import draw_pets
    return draw_pets(Path(tmp)/'pets', n=n, seed=1)

def safe():
    "The same head, trained for 30 epochs with and without what keeps it safe."
    import torch
    from petlearn.models.callbacks import TrainingLog
    from petlearn.models.checkpoints import checkpoint_callbacks
    from petlearn.models.features import features
    from petlearn.models.learner import head_learner, pet_learner, train_head
    from petlearn.models.loaders import photo_dataloaders
    from petlearn.datasets.split import split_photos
    with tempfile.TemporaryDirectory() as tmp, quiet():
        split = split_photos(_photos(tmp))
        bank,learn = features(split, size=128),pet_learner(photo_dataloaders(split, 128))
        took = dict(without=[], with_checkpoints=[], one=[])
        for i in range(7):
            for name in ('without', 'with_checkpoints'):
                log = TrainingLog('head')
                cbs = checkpoint_callbacks(Path(tmp)/f'{i}', log) if name == 'with_checkpoints' else []
                head = head_learner(learn, bank, cbs=[log, *cbs])
                start = time.perf_counter()
                with head.no_bar(), head.no_logging(): train_head(head, 30)
                took[name].append((time.perf_counter()-start)/30*1000)
            start = time.perf_counter()
            head.checkpoints.save(30, 0)
            took['one'].append((time.perf_counter()-start)*1000)
    rows = [['an epoch of the head (160 photos)', 'without'], ['the same with checkpoints', 'with_checkpoints'], ['writing one checkpoint', 'one']]
    table([[a, spread(took[b], '{:.2f}')] for a,b in rows], ['', 'milliseconds'])

def memory():
    "Peak memory of fresh processes above that of the imports alone, and what `room_needed` asks for."
    code = """
import json, resource, sys
from petlearn.training.turns import room_needed
from petlearn.training.trainer import train
import petlearn.models.features, petlearn.models.learner
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024
before = peak()
run = train(sys.argv[1], size=int(sys.argv[3]), epochs=2, fine_tune_epochs=int(sys.argv[2]), bs=int(sys.argv[4]), runs_dir=sys.argv[1]+'-runs', cache=False)
print(json.dumps([peak()-before, room_needed(run.model, len(run.split), run.params).memory]))
"""
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        photos = _photos(tmp)
        for tune,size,bs in ((0, 224, 32), (1, 128, 32), (1, 224, 32), (1, 224, 64)):
            r = subprocess.run([sys.executable, '-W', 'ignore', '-c', code, str(photos), str(tune), str(size), str(bs)], check=True, capture_output=True, text=True)
            took,asked = json.loads(r.stdout.splitlines()[-1])
            rows.append([f"{'fine-tuning' if tune else 'the head'}, {size} pixels, batches of {bs}", f'{took/1e9:.2f}', f'{asked/1e9:.2f}'])
    table(rows, ['200 photos', 'GB taken', 'GB asked for'])

def best(folder, seeds=10):
    "Keep the last epoch, that with the fewest mistakes, or that with the smallest loss: mistakes where it was chosen, and where not."
    from petlearn import train
    from petlearn.models import callbacks
    from petlearn.datasets.labels import breed, cat_or_dog
    rules = {'the last': lambda row: -row['epoch'], 'fewest mistakes, then smallest loss': callbacks._badness, 'smallest loss': lambda row: row['cross_entropy']}
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        for labeler,size in ((cat_or_dog, 224), (cat_or_dog, 64), (breed, 224), (breed, 64)):
            for name,rule in rules.items():
                callbacks._badness = rule
                with quiet(): trials = [train(folder, labeler, size=size, test_pct=.2, seed=o, check=False, runs_dir=tmp).metrics for o in range(int(seeds))]
                n = {k: sum(o[k] for o in trials) for k in ('wrong', 'of', 'test_wrong', 'test_of')}
                rows.append([f'{labeler.__name__}, {size} pixels', name, f"{n['wrong']} of {n['of']}", f"{n['test_wrong']} of {n['test_of']}"])
    table(rows, ['', 'epoch kept', 'wrong validation photos', 'wrong test photos'])

if __name__ == '__main__': command(__doc__, list=list_, safe=safe, best=best, memory=memory)
