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
from petlearn.core import in_order, percent

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
    return f"{cpu}, {torch.get_num_threads()} threads, {best:.0f} GFLOP/s in matrix multiplication, torch {torch.__version__}"

def command(doc, **known):
    "Call that one of the `known` functions that the command line names, or print how to."
    if len(sys.argv) < 2 or sys.argv[1] not in known: sys.exit(doc)
    known[sys.argv[1]](*sys.argv[2:])

@contextlib.contextmanager
def quiet():
    "Print nothing of what happens inside."
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()): yield

def last_error(run):
    "The error rate of the last epoch in validation: that of the best epoch, chosen by the same photos, would look better than it is."
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
    x = np.concatenate([session.run(None, {'pixels': np.stack([pixels(o) for o in files[i:i+32]])})[0] for i in range(0, len(files), 32)])
    y = [o.name[0].isupper() for o in files]
    a,b,ya,yb = train_test_split(x, y, test_size=.2, random_state=seed, stratify=y)
    error = 1-LogisticRegression(max_iter=1000).fit(a, ya).score(b, yb)
    return time.perf_counter()-start, error

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
    trials = {o: [] for o in ('plain', 'petlearn', 'floor')}
    for seed in range(int(repeats)):
        for name in trials: trials[name].append(once(name, folder, seed))
    def column(name, i): return [numbers[i] for numbers,_ in trials[name]]
    ways = {'plain fastai, fine_tune(1)': ('plain', 0), 'petlearn, cold': ('petlearn', 0), 'petlearn, warm, another lr': ('petlearn', 2),
            'floor: ONNX Runtime + scikit-learn': ('floor', 0)} # the column with seconds; the next one has the error rate
    rows,slow = [],column('plain', 0)
    for label,(name,i) in ways.items():
        seconds,errors = column(name, i),column(name, i+1)
        rows.append([label, spread(seconds, '{:.2f}'), f'{median(a/b for a,b in zip(slow, seconds)):.1f}', percent(mean(errors)),
                     f'{median(memory for _,memory in trials[name]):.2f}'])
    table(rows, ['', 'seconds after imports', 'times faster than plain', 'mean error', 'peak memory, GB'])
    ratio = median(a/b for a,b in zip(column('petlearn', 0), column('floor', 0)))
    print(f"petlearn cold takes {ratio:.2f} times as long as the floor; the warm training opened {max(column('petlearn', 4))} photos.")
    print(f"import petlearn: {import_seconds('petlearn'):.3f} s")

# ---- engines

def prepared(extractor, threads):
    "Everything that can run `extractor`, by name: functions that prepare a function from pixels to features."
    import onnxruntime, torch
    from petlearn.models.engines import openvino_core, onnx_bytes, torch_engine
    def eager(pixels):
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()/255
        with torch.inference_mode(): return extractor.layers(((x - extractor.mean)/extractor.std).contiguous()).numpy()
    def compiled():
        network = torch.compile(extractor.to(memory_format=torch.channels_last))
        def run(pixels):
            with torch.inference_mode(): return network(torch.from_numpy(pixels)).numpy()
        return run
    def onnx():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(onnx_bytes(extractor, 224), options, providers=['CPUExecutionProvider'])
        return lambda pixels: session.run(None, {'pixels': pixels})[0]
    def openvino(precision, **options):
        core = openvino_core()
        options = {'INFERENCE_NUM_THREADS': threads, 'INFERENCE_PRECISION_HINT': precision} | options
        model = core.compile_model(core.read_model(onnx_bytes(extractor, 224)), 'CPU', options)
        return lambda pixels: model(pixels)[0].copy()
    return {'PyTorch': lambda: eager, 'PyTorch, channels last': lambda: torch_engine(extractor, 224), 'torch.compile, channels last': compiled,
            'ONNX Runtime': onnx, 'OpenVINO, 32 bits': lambda: openvino('f32', PERFORMANCE_HINT='LATENCY'),
            'OpenVINO, 16 bits (bf16)': lambda: openvino('bf16', PERFORMANCE_HINT='LATENCY')}

def rates(ways, n, repeats):
    "How many of `n` photos a second each of the `ways` handles, in turn."
    out = {o: [] for o in ways}
    for _ in range(int(repeats)):
        for name,f in ways.items():
            start = time.perf_counter()
            f()
            out[name].append(n/(time.perf_counter()-start))
    return {k: spread(v, '{:.0f}') for k,v in out.items()}

def engines(folder, repeats=5):
    "Photos a second with decoding and without, of everything that can run the network."
    import numpy as np, torch
    from petlearn.models.backbones import backbone
    from petlearn.models.engines import FeatureExtractor, openvino_engine
    from petlearn.models.feature_bank import View, view_pixels
    from petlearn.datasets.split import split_photos
    split,threads = split_photos(folder),torch.get_num_threads()
    views = [View(*o) for o in zip(split.file, split.sha256)]
    def pixels(views): return np.stack([view_pixels(o, 224) for o in views])
    few = pixels(views[:32])
    reference,made,ready = FeatureExtractor(backbone())(torch.from_numpy(few)).numpy(),{},{}
    for name,f in prepared(FeatureExtractor(backbone()), threads).items():
        start = time.perf_counter()
        made[name] = f()
        made[name](few)
        ready[name] = time.perf_counter()-start
    def furthest(run): return (np.linalg.norm(run(few)-reference, axis=1)/np.linalg.norm(reference, axis=1)).max()
    measured = rates({k: lambda run=run: run(few) for k,run in made.items()}, len(few), repeats)
    table([[name, o, f'{furthest(made[name]):.0e}', f'{ready[name]:.1f} s'] for name,o in measured.items()],
          ['engine', 'photos/s', 'furthest from PyTorch', 'ready after'])
    def batches(bs): return [views[i:i+bs] for i in range(0, len(views), bs)]
    def one_by_one(run): return [run(pixels(o)) for o in batches(32)]
    def threaded(run, bs): return list(in_order(lambda o: run(pixels(o)), batches(bs), threads, 2*threads))
    ours = openvino_engine(FeatureExtractor(backbone()), 224)
    ways = {'ONNX Runtime, one after the other': lambda: one_by_one(made['ONNX Runtime']), 'petlearn with ONNX Runtime': lambda: threaded(made['ONNX Runtime'], 8),
            'petlearn with PyTorch': lambda: threaded(made['PyTorch, channels last'], 16), 'petlearn with OpenVINO': lambda: threaded(ours, 4)}
    print()
    table(rates(ways, len(views), repeats).items(), ['from files to features', 'photos/s'])

# ---- heads

HEADS = [ # name, arguments of fastai's create_head, epochs, lr, what is special about the loss or the features, augmentations
    ('linear, 10 epochs (ours)', {}, 10, 1e-2, {}, 0), ('linear, 5 epochs', {}, 5, 1e-2, {}, 0), ('linear, 20 epochs', {}, 20, 1e-2, {}, 0),
    ('linear, lr 0.003', {}, 10, 3e-3, {}, 0), ('linear, lr 0.03', {}, 10, 3e-2, {}, 0),
    ('linear, dropout 0.25', dict(ps=.25), 10, 1e-2, {}, 0), ('linear after batch norm', dict(first_bn=True), 10, 1e-2, {}, 0),
    ("fastai's (hidden layer, batch norms, dropout)", dict(lin_ftrs=[512], ps=.5, first_bn=True), 10, 2e-3, {}, 0),
    ('linear, label smoothing 0.1', {}, 10, 1e-2, dict(label_smoothing=.1), 0), ('linear, rarer labels weigh more', {}, 10, 1e-2, dict(weigh=True), 0),
    ('linear, features kept with 16 bits', {}, 10, 1e-2, dict(half=True), 0),
    ('linear, a mirrored copy', {}, 10, 1e-2, {}, 1), ('linear, a mirrored and 2 cropped copies', {}, 10, 1e-2, {}, 3)]

def head_error(bank, seed, args, epochs, lr, special):
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
    if special.get('half'): bank = replace(bank, x=bank.x.astype('float16').astype('float32'))
    if special.get('weigh'):
        n = bank.table[bank.table.usage == 'train'].label.value_counts()
        weight = torch.tensor([n.mean()/n[o] for o in bank.vocab], dtype=torch.float)
    with no_random(seed):
        head = create_head(bank.shape[1], len(bank.vocab), **(HEAD | args))[2:]
        learn = Learner(feature_dataloaders(bank), head, metrics=error_rate, loss_func=CrossEntropyLossFlat(weight=weight, label_smoothing=special.get('label_smoothing', 0.)))
        start = time.perf_counter()
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, lr)
        return learn.recorder.values[-1][2], time.perf_counter()-start

def heads(folder, seeds=5):
    "Error rates of heads and schedules, mean of the seeds."
    from petlearn.models.features import features
    from petlearn.datasets.labels import breed, cat_or_dog
    from petlearn.datasets.split import split_photos
    rows = []
    for name,args,epochs,lr,special,augmentations in HEADS:
        errors,seconds = [],[]
        for labeler in (cat_or_dog, breed):
            with quiet():
                banks = [features(split_photos(folder, labeler, seed=o), augmentations=augmentations) for o in range(int(seeds))]
                trials = [head_error(o, seed, args, epochs, lr, special) for seed,o in enumerate(banks)]
            errors.append(mean(o[0] for o in trials))
            seconds += [o[1] for o in trials]
        rows.append([name, *map(percent, errors), f'{median(seconds):.2f}'])
    table(rows, ['head and schedule', 'cat or dog', '37 breeds', 'seconds'])

# ---- presets

def presets(folder, seeds=5):
    "The preferences: seconds of a cold training, photos a second, model size, and errors."
    from petlearn import train
    from petlearn.models.backbones import PREFERENCES
    from petlearn.datasets.labels import breed, cat_or_dog
    ways = {o: {'preference': o} for o in PREFERENCES} | {
        'accuracy_first without its package': dict(arch='efficientnet_lite0', size=288), 'balance, one epoch of fine-tuning': dict(fine_tune_epochs=1)}
    out = {o: dict(seconds=[], rate=[], cat_or_dog=[], breed=[]) for o in ways}
    with tempfile.TemporaryDirectory() as tmp:
        for seed in range(int(seeds)):
            for name,settings in ways.items():
                mine,settings = out[name],settings | dict(seed=seed, runs_dir=tmp, check=False)
                start = time.perf_counter()
                with quiet(): run = train(folder, cat_or_dog, cache=False, **settings)
                mine['seconds'].append(time.perf_counter()-start)
                mine['rate'].append(len(run.split)/run.phases[0].seconds)
                mine['cat_or_dog'].append(last_error(run))
                with quiet(): mine['breed'].append(last_error(train(folder, breed, **settings)))
                mine['mb'] = (run.path/'model'/'model.safetensors').stat().st_size/1e6
    table([[name, spread(o['seconds']), f"{median(o['rate']):.0f}", f"{o['mb']:.0f}", percent(mean(o['cat_or_dog'])), percent(mean(o['breed']))] for name,o in out.items()],
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
    "How time and memory grow with the number of drawn pets, up to `most`."
    from petlearn.photos.drawings import draw_pets
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)/'pets'
        base = sorted(draw_pets(folder, n=500, seed=3).glob('*.jpg'))
        for i in range(int(most)-500): # the same pictures, each with other bytes behind the end of the image
            o = base[i % 500]
            (folder/f'{o.stem}_{i}.jpg').write_bytes(o.read_bytes() + str(i).encode())
        lines = []
        for n in sorted({o for o in (370, 1000, 3000) if o < int(most)} | {int(most)}):
            (secs,*phases),gb = once('grown', str(folder), n)
            lines.append([f'{n:,}', f'{secs:.1f}', f'{1000*secs/n:.1f}', *(f'{o:.1f}' for o in phases), f'{gb:.2f}'])
    table(lines, ['photos', 'seconds', 'ms a photo', 'features', 'head', 'peak memory, GB'])

if __name__ == '__main__':
    if len(sys.argv) > 1: print(machine() + '\n', flush=True)
    command(__doc__, compare=compare, engines=engines, heads=heads, presets=presets, growth=growth)
