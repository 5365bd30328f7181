"""How fast, and how good? Side by side in one run, interleaved; medians, with the smallest and the largest.

python benchmarks/speed.py compare FOLDER     plain fastai, petlearn cold and warm, and the bare floor
python benchmarks/speed.py engines FOLDER     what can run the network, how fast, how far from PyTorch
python benchmarks/speed.py heads FOLDER       heads and schedules, on cat or dog and on breeds
python benchmarks/speed.py presets FOLDER     the three preferences, seconds and errors
python benchmarks/speed.py growth             drawn pets, 370 to 10,000: seconds and memory
FOLDER holds photos named like Oxford-IIIT Pets.
"""
import contextlib, io, json, os, random, subprocess, sys, tempfile, time, warnings
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

warnings.filterwarnings('ignore')

def table(rows, head):
    "Print `rows` under `head` as Markdown."
    for o in [head, ['---']*len(head), *rows]: print('| ' + ' | '.join(str(c) for c in o) + ' |', flush=True)

def spread(values, form='{:.1f}'):
    "The median of `values`, with the smallest and the largest."
    return f'{form.format(median(values))} ({form.format(min(values))}–{form.format(max(values))})'

def machine():
    "This computer in a line, with the most that its processor can multiply."
    import torch
    a = torch.rand(2048, 2048)
    best = 0
    for _ in range(8):
        start = time.perf_counter()
        a @ a
        best = max(best, 2*2048**3/(time.perf_counter()-start)/1e9)
    cpu = next((o.split(':')[1].strip() for o in Path('/proc/cpuinfo').read_text().splitlines() if 'model name' in o), '') if Path('/proc/cpuinfo').exists() else ''
    return f"{cpu}, {torch.get_num_threads()} threads, {best:.0f} GFLOP/s in matrix multiplication, torch {torch.__version__}", best

@contextlib.contextmanager
def quiet():
    "Nobody wants the sentences of fifty trainings."
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()): yield

def last_error(run):
    "The error rate of the last epoch in validation: that of the best one would be chosen by the same photos, and flatter."
    return 1-run.history[run.history.dataset == 'valid'].accuracy.iloc[-1]

# ---- compare: four ways from a folder of photos to a model, each in a fresh process

def plain(folder, seed):
    "fastai as in the book, with the bundled network: seconds, error rate."
    from fastai.vision.all import ImageDataLoaders, Resize, error_rate, get_image_files, set_seed, vision_learner
    from petlearn.models.backbones import efficientnet_lite0
    from petlearn.datasets.labels import is_cat
    start = time.perf_counter()
    set_seed(seed)
    dls = ImageDataLoaders.from_name_func(folder, sorted(get_image_files(folder)), valid_pct=.2, seed=seed, label_func=is_cat, item_tfms=Resize(224), num_workers=0)
    learn = vision_learner(dls, efficientnet_lite0, metrics=error_rate)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(1)
    return time.perf_counter()-start, learn.recorder.values[-1][2]

def petlearn(folder, seed):
    "`train(folder)` cold, then warm with another learning rate: seconds and error rate of both, photos opened by the second."
    import petlearn.models.feature_bank as f
    from petlearn import train
    opened = []
    real,f.center_square = f.center_square,lambda *o: opened.append(1) or real(*o)
    out = []
    with tempfile.TemporaryDirectory() as tmp:
        os.environ['FASTAI_HOME'] = tmp
        for lr in (.01, .008):
            opened.clear()
            start = time.perf_counter()
            run = train(folder, seed=seed, lr=lr, runs_dir=f'{tmp}/runs')
            out += [time.perf_counter()-start, last_error(run)]
    return *out, len(opened)

def floor(folder, seed):
    "Nothing but Pillow, ONNX Runtime and scikit-learn: seconds, error rate."
    import numpy as np, onnxruntime
    from PIL import Image
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from petlearn.models.backbones import backbone
    from petlearn.models.engines import FeatureExtractor, onnx_bytes
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(onnx_bytes(FeatureExtractor(backbone()), 224), providers=['CPUExecutionProvider'])
    files = sorted(Path(folder).glob('*.jpg'))
    def pixels(path):
        img = Image.open(path).convert('RGB')
        side = min(img.size)
        left,top = (img.width-side)//2,(img.height-side)//2
        return np.asarray(img.crop((left, top, left+side, top+side)).resize((224, 224), Image.Resampling.BILINEAR))
    looking = time.perf_counter()
    x = np.concatenate([session.run(None, {'pixels': np.stack([pixels(o) for o in files[i:i+32]])})[0] for i in range(0, len(files), 32)])
    looked = time.perf_counter()
    y = [o.name[0].isupper() for o in files]
    a,b,ya,yb = train_test_split(x, y, test_size=.2, random_state=seed, stratify=y)
    error = 1-LogisticRegression(max_iter=1000).fit(a, ya).score(b, yb)
    return time.perf_counter()-start, error, len(files)/(looked-looking)

def once(name, *args):
    "Run one of the functions above in a fresh process and give what it returns, with its peak memory in GB."
    code = f"import sys, json, resource; sys.path.insert(0, {str(Path(__file__).parent)!r}); import speed, contextlib, io\n" \
           f"with speed.quiet(): out = speed.{name}(*{args!r})\n" \
           f"print(json.dumps([list(out), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20]))"
    return json.loads(subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True, capture_output=True, text=True).stdout.splitlines()[-1])

def import_seconds(module, n=7):
    "The median time of a fresh Python that imports `module`, less that of one that imports nothing."
    def once(code):
        start = time.perf_counter()
        subprocess.run([sys.executable, '-c', code], check=True)
        return time.perf_counter() - start
    return median(once(f'import {module}') for _ in range(n)) - median(once('pass') for _ in range(n))

def compare(folder, repeats=5):
    "Four ways, interleaved, another seed each time."
    rows = {o: [] for o in ('plain', 'petlearn', 'floor')}
    for seed in range(int(repeats)):
        for name in rows: rows[name].append(once(name, folder, seed))
    col = lambda name, i: [o[0][i] for o in rows[name]]
    cold,warm,bare,slow = col('petlearn', 0),col('petlearn', 2),col('floor', 0),col('plain', 0)
    lines = []
    for label,secs,errors,name in (('plain fastai, fine_tune(1)', slow, col('plain', 1), 'plain'), ('petlearn, cold', cold, col('petlearn', 1), 'petlearn'),
                                   ('petlearn, warm, another lr', warm, col('petlearn', 3), 'petlearn'), ('floor: ONNX Runtime + scikit-learn', bare, col('floor', 1), 'floor')):
        lines.append([label, spread(secs, '{:.2f}'), f'{median(a/b for a,b in zip(slow, secs)):.1f}', f'{mean(errors):.1%}', f"{median(o[1] for o in rows[name]):.2f}"])
    table(lines, ['', 'seconds after imports', 'times faster than plain', 'mean error', 'peak memory, GB'])
    print(f"petlearn cold takes {median(a/b for a,b in zip(cold, bare)):.2f} times as long as the floor; the warm training opened {max(col('petlearn', 4))} photos.")
    print(f"import petlearn: {import_seconds('petlearn'):.3f} s")

# ---- engines

def engines(folder, repeats=5):
    "Photos a second with decoding and without, of everything that can run the network."

    import numpy as np, onnxruntime, torch
    from petlearn.models.backbones import backbone
    from petlearn.models.engines import Engine, FeatureExtractor, load_openvino, onnx_bytes, openvino_engine, torch_engine
    from petlearn.models.feature_bank import View, _extract_all
    from petlearn.datasets.split import split_photos
    from petlearn.image_io import center_square
    split = split_photos(folder)
    views = [View(*o) for o in zip(split.file, split.sha256)]
    pixels = np.stack([center_square(o, 224) for o in split.file[:32]])
    b,threads,made = backbone(),torch.get_num_threads(),{}
    reference = FeatureExtractor(b)(torch.from_numpy(pixels)).numpy()
    def make(name, f):
        start = time.perf_counter()
        made[name] = f()
        made[name](pixels)
        ready[name] = time.perf_counter()-start
    ready = {}
    def eager():
        trunk = FeatureExtractor(b)
        def run(p):
            with torch.inference_mode(): return trunk.layers(((torch.from_numpy(p).permute(0, 3, 1, 2).float()/255 - trunk.mean)/trunk.std).contiguous()).numpy()
        return run
    def compiled():
        trunk = torch.compile(FeatureExtractor(b).to(memory_format=torch.channels_last))
        def run(p):
            with torch.inference_mode(): return trunk(torch.from_numpy(p)).numpy()
        return run
    def ort():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(onnx_bytes(FeatureExtractor(b), 224), options, providers=['CPUExecutionProvider'])
        return lambda p: session.run(None, {'pixels': p})[0]
    def openvino(**options):
        core = load_openvino().Core()
        model = core.compile_model(core.read_model(onnx_bytes(FeatureExtractor(b), 224)), 'CPU', {'INFERENCE_NUM_THREADS': threads} | options)
        return lambda p: model(p)[0].copy()
    make('PyTorch', eager)
    make('PyTorch, channels last', lambda: torch_engine(FeatureExtractor(b), 224))
    make('torch.compile, channels last', compiled)
    make('ONNX Runtime', ort)
    make('OpenVINO, 32 bits', lambda: openvino(INFERENCE_PRECISION_HINT='f32', PERFORMANCE_HINT='LATENCY'))
    make('OpenVINO, 16 bits (bf16)', lambda: openvino(INFERENCE_PRECISION_HINT='bf16', PERFORMANCE_HINT='LATENCY'))
    speeds = {o: [] for o in made}
    for _ in range(int(repeats)):
        for name,run in made.items():
            start = time.perf_counter()
            run(pixels)
            speeds[name].append(len(pixels)/(time.perf_counter()-start))
    far = lambda run: (np.linalg.norm(run(pixels)-reference, axis=1)/np.linalg.norm(reference, axis=1)).max()
    table([[name, spread(v, '{:.0f}'), f'{far(made[name]):.0e}', f'{ready[name]:.1f} s'] for name,v in speeds.items()],
          ['engine', 'photos/s', 'furthest from PyTorch', 'ready after'])
    ours,bs = openvino_engine(FeatureExtractor(b), 224),4
    def serial(run):
        for i in range(0, len(views), 32): run(np.stack([center_square(o.file, 224) for o in views[i:i+32]]))
    def threaded(run, bs): return list(_extract_all(views, range(len(views)), 224, Engine('', run, bs)))
    ways = {'ONNX Runtime, one after the other': lambda: serial(made['ONNX Runtime']), 'petlearn with ONNX Runtime': lambda: threaded(made['ONNX Runtime'], 8),
            'petlearn with PyTorch': lambda: threaded(made['PyTorch, channels last'], 16), 'petlearn with OpenVINO': lambda: threaded(ours, bs)}
    speeds = {o: [] for o in ways}
    for _ in range(int(repeats)):
        for name,f in ways.items():
            start = time.perf_counter()
            f()
            speeds[name].append(len(views)/(time.perf_counter()-start))
    print()
    table([[name, spread(v, '{:.0f}')] for name,v in speeds.items()], ['from files to features', 'photos/s'])

# ---- heads

HEADS = [ # name, fastai's words for the head (None: its own default), epochs, lr, loss, copies
    ('linear, 10 epochs (ours)', {}, 10, 1e-2, {}, 0), ('linear, 5 epochs', {}, 5, 1e-2, {}, 0), ('linear, 20 epochs', {}, 20, 1e-2, {}, 0),
    ('linear, lr 0.003', {}, 10, 3e-3, {}, 0), ('linear, lr 0.03', {}, 10, 3e-2, {}, 0),
    ('linear, dropout 0.25', dict(ps=.25), 10, 1e-2, {}, 0), ('linear after batch norm', dict(first_bn=True), 10, 1e-2, {}, 0),
    ("fastai's (hidden layer, batch norms, dropout)", dict(lin_ftrs=[512], ps=.5, first_bn=True), 10, 2e-3, {}, 0),
    ('linear, label smoothing 0.1', {}, 10, 1e-2, dict(label_smoothing=.1), 0), ('linear, rarer labels weigh more', {}, 10, 1e-2, dict(weigh=True), 0),
    ('linear, features kept with 16 bits', {}, 10, 1e-2, dict(half=True), 0),
    ('linear, a mirrored copy', {}, 10, 1e-2, {}, 1), ('linear, a mirrored and 2 cropped copies', {}, 10, 1e-2, {}, 3)]

def head_error(bank, seed, words, epochs, lr, loss):
    "Train one head on `bank`: error rate, seconds."
    import torch
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat
    from fastai.metrics import error_rate
    from fastai.torch_core import no_random
    from fastai.vision.learner import create_head
    import fastai.callback.schedule
    from petlearn.models.backbones import HEAD
    from petlearn.models.features import feature_dataloaders
    weight = None
    if loss.get('half'): bank = replace(bank, x=bank.x.astype('float16').astype('float32'))
    if loss.get('weigh'):
        n = bank.table[bank.table.usage == 'train'].label.value_counts()
        weight = torch.tensor([n.mean()/n[o] for o in bank.vocab], dtype=torch.float)
    with no_random(seed):
        head = create_head(bank.shape[1], len(bank.vocab), **(HEAD | words))[2:]
        learn = Learner(feature_dataloaders(bank), head, metrics=error_rate, loss_func=CrossEntropyLossFlat(weight=weight, label_smoothing=loss.get('label_smoothing', 0.)))
        start = time.perf_counter()
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, lr)
        return learn.recorder.values[-1][2], time.perf_counter()-start

def heads(folder, seeds=5):
    "Error rates of heads and schedules, mean of the seeds."
    from petlearn.models.features import features
    from petlearn.datasets.labels import breed, cat_or_dog
    from petlearn.datasets.split import split_photos
    lines = []
    for name,words,epochs,lr,loss,copies in HEADS:
        errors,seconds = {},[]
        for labeler in (cat_or_dog, breed):
            with quiet(): out = [head_error(features(split_photos(folder, labeler, seed=s), augmentations=copies), s, words, epochs, lr, loss) for s in range(int(seeds))]
            errors[labeler] = [o[0] for o in out]
            seconds += [o[1] for o in out]
        lines.append([name, *(f'{mean(o):.1%}' for o in errors.values()), f'{median(seconds):.2f}'])
    table(lines, ['head and schedule', 'cat or dog', '37 breeds', 'seconds'])

# ---- presets

def presets(folder, seeds=5):
    "The preferences: seconds of a cold training, photos a second, model size, and errors."
    from petlearn import train
    from petlearn.models.backbones import PREFERENCES
    from petlearn.datasets.labels import breed, cat_or_dog
    ways = [(o, {'preference': o}) for o in PREFERENCES] + [('accuracy_first without its package', dict(arch='efficientnet_lite0', size=288)), ('balance, one epoch of fine-tuning', dict(fine_tune_epochs=1))]
    out = {o: dict(seconds=[], rate=[], cat_or_dog=[], breed=[]) for o,_ in ways}
    with tempfile.TemporaryDirectory() as tmp:
        for seed in range(int(seeds)):
            for name,words in ways:
                start = time.perf_counter()
                with quiet(): run = train(folder, cat_or_dog, seed=seed, cache=False, runs_dir=tmp, **words)
                out[name]['seconds'].append(time.perf_counter()-start)
                out[name]['rate'].append(len(run.bank)/run.bank.seconds)
                out[name]['cat_or_dog'].append(last_error(run))
                with quiet(): out[name]['breed'].append(last_error(train(folder, breed, seed=seed, cache=name.startswith('acc') or 'fine' not in name, runs_dir=tmp, **words)))
                out[name]['mb'] = (run.path/'model'/'model.safetensors').stat().st_size/1e6
    table([[name, spread(o['seconds']), f"{median(o['rate']):.0f}", f"{o['mb']:.0f}", f"{mean(o['cat_or_dog']):.1%}", f"{mean(o['breed']):.1%}"] for name,o in out.items()],
          ['preference', 'seconds, cold', 'photos/s', 'model, MB', 'error, cat or dog', 'error, 37 breeds'])

# ---- growth

def grown(folder, n):
    "Seconds of a cold `train` on `n` photos."
    from petlearn import train
    from petlearn.photos.finding import find_photos
    with tempfile.TemporaryDirectory() as tmp:
        os.environ['FASTAI_HOME'] = tmp
        photos = random.Random(0).sample(list(find_photos(folder)), n)
        start = time.perf_counter()
        run = train(photos, lambda o: 'cat' if o.name[0].isupper() else 'dog', runs_dir=f'{tmp}/runs')
        return time.perf_counter()-start, *(o.seconds for o in run.phases)

def growth(most=10_000):
    "Drawn pets: how time and memory grow with the number of photos."
    from petlearn.photos.drawings import draw_pets
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)/'pets'
        base = sorted(draw_pets(folder, n=500, seed=3).glob('*.jpg'))
        for i in range(int(most)-500): # the same pictures, each with other bytes behind the end of the image
            o = base[i % 500]
            (folder/f'{o.stem}_{i}.jpg').write_bytes(o.read_bytes() + str(i).encode())
        lines = []
        for n in (370, 1000, 3000, int(most)):
            (secs,*phases),gb = once('grown', str(folder), n)
            lines.append([f'{n:,}', f'{secs:.1f}', f'{1000*secs/n:.1f}', *(f'{o:.1f}' for o in phases), f'{gb:.2f}'])
    table(lines, ['photos', 'seconds', 'ms a photo', 'features', 'head', 'peak memory, GB'])

if __name__ == '__main__':
    known = dict(compare=compare, engines=engines, heads=heads, presets=presets, growth=growth)
    if len(sys.argv) < 2 or sys.argv[1] not in known: sys.exit(__doc__)
    print(machine()[0] + '\n', flush=True)
    known[sys.argv[1]](*sys.argv[2:])
