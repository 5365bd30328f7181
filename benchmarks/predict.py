"""Do both formats of a model give the same answers, and how long does one take?

python benchmarks/predict.py parity FOLDER...         train on the photos of the first folder, export, and compare both formats on all photos of all folders
python benchmarks/predict.py speed FOLDER [REPEATS]   train on the photos, export, and ask the kit and lite (5 times): the first answer of a fresh process,
                                                      then one more, then many
"""
import json, os, subprocess, sys, tempfile, time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from speed import command, machine, quiet, spread, table

@contextmanager
def exported(folder):
    "A model of the photos in `folder`, as `export` writes it."
    from petlearn import train
    from petlearn.deploy.export import export_model
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            os.environ.setdefault('FASTAI_HOME', f'{tmp}/home')
            model = export_model(train(folder, runs_dir=f'{tmp}/runs', check=False, seed=0))
        yield model

def parity(*folders):
    "A row a folder: photos, answers that differ, and the largest differences."
    from petlearn.deploy.parity import parity as compare
    from petlearn.photos.finding import find_photos
    rows = []
    with exported(folders[0]) as model:
        for o in map(Path, folders):
            with quiet(): found = compare(model, find_photos(o))
            name = o.parent.name if o.name == 'images' else o.name
            rows.append([name, found.photos, found.unread, found.labels, found.neither, *(f'{o:.1e}' for o in (found.files, found.pixels, found.novelty))])
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

def speed(folder, repeats=5):
    "A row for each way and size of photos; lite and kit in turn."
    from petlearn.photos.finding import find_photos
    photos = find_photos(folder).some(40)
    with exported(folder) as model, tempfile.TemporaryDirectory() as tmp:
        sets = {'as they are': [str(o) for o in photos], '12 million pixels': phone_size(photos.some(20), Path(tmp))}
        found = {(way, kind): [] for kind in sets for way in WAYS}
        for _ in range(int(repeats)):
            for way,kind in found: found[way, kind].append(ask(WAYS[way], model, sets[kind]))
    print(machine())
    rows = []
    for (way,kind),o in found.items():
        first,more,many,memory = zip(*o)
        rows.append([way, kind, spread(first, '{:.2f} s'), spread([1000*o for o in more], '{:.1f} ms'), spread(many, '{:.0f}'), f'{median(memory):.2f}'])
    table(rows, ['', 'photos', 'first answer', 'one more', 'many, photos/s', 'GB at most'])

if __name__ == '__main__': command(__doc__, parity=parity, speed=speed)
