"""Do all formats of a model say the same, and how long does an answer take?

python benchmarks/predict.py parity FOLDER...    train on the photos of the first folder, export, and compare native and portable on all photos of all of them
python benchmarks/predict.py speed FOLDER        train on the photos, export, and ask the kit and lite: the first answer of a fresh process, then one by one, then many
"""
import argparse, json, os, subprocess, sys, tempfile, time
from pathlib import Path
from statistics import median
from speed import machine, quiet, spread, table

def parity(folders):
    "A row a folder: photos, answers that differ, and the largest differences."
    from petlearn import train
    from petlearn.deploy.export import export_model
    from petlearn.deploy.parity import parity as compare
    from petlearn.photos.finding import find_photos
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            os.environ.setdefault('FASTAI_HOME', f'{tmp}/home')
            model = export_model(train(folders[0], runs_dir=f'{tmp}/runs', check=False, seed=0))
        for o in folders:
            with quiet(): found = compare(model, find_photos(o))
            rows.append([Path(o).name if Path(o).name != 'images' else Path(o).parent.name, found.photos, found.unread, found.labels, found.neither,
                         *(f'{getattr(found, k):.1e}' for k in ('files', 'pixels', 'novelty'))])
    table(rows, ['folder', 'photos', 'unread', 'other label', "other 'neither'", 'probability, from files', 'from pixels', 'novelty'])

# ---- speed: each row in fresh processes

ASK = '''
import json, sys, time
from pathlib import Path
from statistics import median
{opens}
photos,now,each = json.loads(sys.argv[2]),time.perf_counter,[]
model.predict(photos[0])
print('first', flush=True)
for o in photos:
    start = now()
    model.predict(o)
    each.append(now() - start)
for o in model.stream(photos*3): pass # the kit prepares an engine for many
start,n = now(),sum(1 for o in model.stream(photos*3))
peak = next(o for o in Path('/proc/self/status').read_text().splitlines() if o.startswith('VmHWM')) if Path('/proc/self/status').exists() else 'VmHWM nan'
print(json.dumps([median(each), n/(now() - start), float(peak.split()[1])/1e6]))
'''
WAYS = {'lite': 'from petlearn import lite; model = lite.load(sys.argv[1])', 'the kit': 'from petlearn import Predictor; model = Predictor(sys.argv[1])'}

def ask(opens, model, photos):
    "In a fresh process: seconds to the first answer, to a further one, answers a second in a stream, and GB at most."
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, '-W', 'ignore', '-c', ASK.format(opens=opens), str(model), json.dumps(photos)], stdout=subprocess.PIPE, text=True) as p:
        p.stdout.readline()
        return [time.perf_counter() - start, *json.loads(p.stdout.readline())]

def phone_size(files, folder):
    "The same pictures as from a phone: 12 million pixels."
    from PIL import Image
    from petlearn.image_io import open_photo
    for i,o in enumerate(files): open_photo(o).resize((4032, 3024), Image.Resampling.BICUBIC).save(folder/f'{i}.jpg', quality=90)
    return sorted(map(str, folder.glob('*.jpg')))

def speed(folder, reps):
    "A row for each way and size of photos; lite and kit in turn."
    from petlearn import train
    from petlearn.deploy.export import export_model
    from petlearn.photos.finding import find_photos
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            os.environ.setdefault('FASTAI_HOME', f'{tmp}/home')
            model = export_model(train(folder, runs_dir=f'{tmp}/runs', check=False, seed=0))
        photos = find_photos(folder).some(40)
        (Path(tmp)/'phone').mkdir()
        sets = {'as they are': list(map(str, photos)), '12 million pixels': phone_size(photos.some(20), Path(tmp)/'phone')}
        found = {(w, k): [] for k in sets for w in WAYS}
        for _ in range(reps):
            for way,kind in found: found[way, kind].append(ask(WAYS[way], model, sets[kind]))
    print(machine()[0])
    table([[way, kind, spread([o[0] for o in v], '{:.2f} s'), spread([1000*o[1] for o in v], '{:.1f} ms'), spread([o[2] for o in v], '{:.0f}'), f'{median(o[3] for o in v):.2f}']
           for (way,kind),v in found.items()], ['', 'photos', 'first answer', 'one more', 'many, photos/s', 'GB at most'])

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='what', required=True)
    commands.add_parser('parity').add_argument('folders', nargs='+')
    one = commands.add_parser('speed')
    one.add_argument('folder')
    one.add_argument('--reps', type=int, default=5)
    o = parser.parse_args()
    if o.what == 'parity': parity(o.folders)
    if o.what == 'speed': speed(o.folder, o.reps)
