"The exported folder: both formats agree, faults are refused, writing can be killed, damage is found, nothing ever runs."
import getpass, hashlib, json, os, pickle, random, re, shutil, sys
from pathlib import Path
import numpy as np, onnx, onnxruntime, pytest, torch
from petlearn import PetLearnError, Predictor, train
from petlearn import lite
from petlearn.deploy import export, parity as parity_module
from petlearn.deploy.export import Portable, export_model, onnx_file
from petlearn.deploy.parity import FreshProcess, Parity, gap, novelty_gap, parity
from petlearn.models.backbones import backbone, network
from petlearn.models.learner import network_metadata
from petlearn.models.saving import load_model, read_metadata, save_model
from petlearn.models.model_folder import write_model
from petlearn.runs.run import Run
from helpers import signed

pytestmark = pytest.mark.slow

NAMES = ('model.safetensors', 'novelty.safetensors', 'model.onnx', 'MODEL_CARD.md', 'model.json')
contents = lambda folder: {o.name: o.read_bytes() for o in folder.iterdir()}

def copied(run, to): return Run(shutil.copytree(run.path, to/run.path.name))

@pytest.fixture(scope='module')
def bare(run, tmp_path_factory):
    "A trained run that nobody has exported."
    return copied(run, tmp_path_factory.mktemp('bare'))

@pytest.fixture(scope='module')
def exported(run, tmp_path_factory):
    "A copy of the run, exported with all proofs."
    again = copied(run, tmp_path_factory.mktemp('exported'))
    assert export_model(again) == again.path/'model'
    return again

@pytest.fixture
def folder(exported, tmp_path): return Path(shutil.copytree(exported.path/'model', tmp_path/'model'))

class NoProcess:
    "Instead of a fresh process, which takes seconds."
    def __init__(self, folder): pass
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def check(self, photo, expected): pass

@pytest.fixture
def no_process(monkeypatch): monkeypatch.setattr(parity_module, 'FreshProcess', NoProcess)

@pytest.fixture
def quick(monkeypatch, exported, no_process):
    "Without the fresh process, and with the network as it was exported before."
    monkeypatch.setattr(export, 'onnx_file', lambda *args: (exported.path/'model/model.onnx').read_bytes())

@pytest.fixture
def unproven(monkeypatch, quick): monkeypatch.setattr(export, 'prove', lambda *args: Parity(photos=8, answers={'cat': 4, 'dog': 4}))

# ---- the two formats

def test_pixels_in_probabilities_out(exported):
    own,net = exported.model_metadata,Portable(exported.model, exported.model_metadata)
    session = onnxruntime.InferenceSession((exported.path/'model/model.onnx').read_bytes())
    body,head = exported.model
    for n in (1, 5):
        pixels = np.random.default_rng(n).integers(0, 256, (n, 96, 96, 3), np.uint8)
        with torch.inference_mode():
            probs,novelty = (o.numpy() for o in net(torch.from_numpy(pixels)))
            x = head[:-1](body(((torch.from_numpy(pixels).permute(0, 3, 1, 2)/255 - net.extractor.mean)/net.extractor.std)))
            np.testing.assert_allclose(probs, (head[-1](x)/own['temperature']).softmax(1), atol=1e-5)
        np.testing.assert_allclose(novelty, own['novelty'].scores(x.numpy()), rtol=1e-3, atol=1e-3)
        for a,b in zip(session.run(None, {'pixels': pixels}), (probs, novelty)): np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)

def test_the_temperature_is_inside(bare):
    own,pixels = bare.model_metadata,torch.randint(0, 256, (3, 96, 96, 3), dtype=torch.uint8)
    plain = Portable(bare.model, own | dict(temperature=1., novelty=None))(pixels)[0]
    for temperature in (.3, 4.):
        hot = Portable(bare.model, own | dict(temperature=temperature, novelty=None))
        assert hot.outputs == ('probabilities',)
        torch.testing.assert_close(hot(pixels)[0], (plain.log()/temperature).softmax(1), atol=1e-5, rtol=1e-4)

def test_other_networks():
    "Their weights are not here; random ones do."
    for arch in ('resnet18', 'mobilenetv3_small_050'):
        b = backbone(arch)
        net = Portable(network(b, 3, pretrained=False).eval(), network_metadata(b, 'abc', 64))
        content = onnx_file(net, network_metadata(b, 'abc', 64))
        pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
        np.testing.assert_allclose(onnxruntime.InferenceSession(content).run(None, {'pixels': pixels})[0], net(torch.from_numpy(pixels))[0], atol=1e-4)

def test_parity_of_an_export(exported, pets_folder):
    found = parity(exported.path/'model', sorted(pets_folder.iterdir()))
    assert found.agree and found.photos == 40 and not found.labels + found.neither + found.unread and sum(found.answers.values()) == 40

def test_photos_that_are_gone_or_damaged_are_counted(exported, tmp_path, pets_folder):
    (tmp_path/'x.jpg').write_text('<html>')
    found = parity(exported.path/'model', [*sorted(pets_folder.iterdir())[:2], tmp_path/'x.jpg', tmp_path/'gone.jpg'])
    assert (found.photos, found.unread, found.agree) == (2, 2, True) and '(2 more are missing, changed or damaged)' in str(found)

def test_what_is_no_agreement():
    assert Parity(photos=1).agree
    for fault in (dict(labels=1), dict(neither=1), dict(files=1e-3), dict(pixels=1e-4), dict(novelty=float('inf'))): assert not Parity(photos=1, **fault).agree
    assert gap([1, 2], [1.5, 2]) == .5 and gap([float('nan')], [1]) == novelty_gap(None, 1.) == float('inf')

# ---- the folder

def test_files_and_metadata(exported, run):
    folder = exported.path/'model'
    metadata = json.loads((folder/'model.json').read_text())
    assert {o.name for o in folder.iterdir()} == set(NAMES) and metadata['format'] == 1
    assert metadata['files'] == {o: hashlib.sha256((folder/o).read_bytes()).hexdigest() for o in NAMES if o != 'model.json'}
    assert metadata['labels'] == ['cat', 'dog'] and metadata['limit'] == 2.5 and metadata['temperature'] == run.temperature and metadata['size'] == 96
    assert metadata['metrics']['valid'] | dict(in_words='') == dict(wrong=run.metrics['wrong'], of=8, in_words='', always=dict(label='cat', wrong=4),
        labels={o: dict(of=4, right=int(((run.predictions.label == o) & (run.predictions.predicted == o)).sum())) for o in ('cat', 'dog')})
    assert metadata['dataset'] == dict(name='', version=run.dataset_version, photos=dict(train=dict(cat=16, dog=16), valid=dict(cat=4, dog=4)))
    assert metadata['licence'] == 'Apache-2.0' and {'petlearn', 'python', 'torch', 'onnxruntime', 'pillow'} <= set(metadata['versions'])
    assert metadata['onnx'] == dict(opset=17, input=dict(name='pixels', type='uint8', shape=['photos', 96, 96, 3]),
        outputs=[dict(name='probabilities', type='float32', shape=['photos', 2]), dict(name='novelty', type='float32', shape=['photos'])])
    assert metadata['parity']['photos'] == 8 and metadata['parity']['labels'] == 0 and Parity(**metadata['parity']).agree
    assert any('middle square' in o for o in metadata['preprocessing']) and any('96×96' in o for o in metadata['preprocessing'])

def test_the_onnx_file_tells_what_it_is(exported):
    model = onnx.load(exported.path/'model/model.onnx')
    said = {o.key: o.value for o in model.metadata_props}
    assert json.loads(said['labels']) == ['cat', 'dog'] and set(said) == {'labels', 'petlearn', 'description'}
    assert model.opset_import[0].version == 17 and not model.doc_string + model.graph.doc_string
    assert not any(o.doc_string or o.metadata_props for o in model.graph.node)
    own = exported.model_metadata
    assert onnx_file(Portable(exported.model, own), own) == (exported.path/'model/model.onnx').read_bytes(), 'the same bytes every time'

def test_answers_stay_the_same(exported, run, pets_folder):
    photo = pets_folder/'beagle_1.jpg'
    want = run.predict(photo)
    for o in (Predictor(exported.path), Predictor(exported.path/'model'), lite.load(exported.path/'model'), lite.load(exported.path)):
        got = o.predict(photo)
        assert got.answer == want.answer and got.probs == pytest.approx(want.probs, abs=1e-4) and got.novelty == pytest.approx(want.novelty, abs=1e-2)

def test_nothing_of_this_machine(exported, run, tmp_path):
    private = {str(Path.home()), os.getcwd(), str(Path(__file__).parent.parent.parent), str(run.path.parent), str(tmp_path.parent), sys.prefix}
    names = {Path(o).stem for o in run.split.file}
    for name,content in contents(exported.path/'model').items():
        for o in private - {'/'}: assert o.encode() not in content, (name, o)
        assert b'/'+getpass.getuser().encode()+b'/' not in content
        if name in ('model.json', 'MODEL_CARD.md'):
            text = content.decode()
            assert not re.search(rf'\b{getpass.getuser()}\b', text) and not any(re.search(rf'\b{o}\b', text) for o in names)
            assert not re.search(r'(^|[\s"\'(])(/(home|root|tmp|work|Users)|[A-Z]:\\)', text)

def test_a_second_export_changes_nothing_but_figures(exported, quick):
    before = contents(exported.path/'model')
    export_model(exported)
    after = contents(exported.path/'model')
    assert set(before) == set(after) and all(before[o] == after[o] for o in ('model.safetensors', 'novelty.safetensors', 'model.onnx'))
    assert parity(exported.path/'model', list(exported.split.file)[:3]).agree

def test_says_what_was_proven(bare, tmp_path, quick, capfd):
    export_model(copied(bare, tmp_path))
    assert re.search(r'Exported to .*: both formats agree. 8 photos: 0 with another label, 0 with another .neither.; largest difference', ''.join(capfd.readouterr()))

def test_a_new_training_takes_an_old_export_away(exported, tmp_path):
    "model.onnx and the card are of the model that was there before."
    again = copied(exported, tmp_path)
    (again.path/'model/mine.txt').write_text('a note')
    save_model(again.model, {k: v for k,v in again.model_metadata.items() if k in ('labels', 'arch', 'size', 'mean', 'std')}, again.path/'model')
    assert {o.name for o in (again.path/'model').iterdir()} == {'model.safetensors', 'model.json', 'mine.txt'}

# ---- the gate

FAULTS = {'labels swapped': lambda p,n: (p.flip(1), n), 'probabilities shifted': lambda p,n: (p*.99 + .005, n), 'novelty shifted': lambda p,n: (p, n+.5),
          'always neither': lambda p,n: (p, n*0+9), 'no numbers': lambda p,n: (p*float('nan'), n)}

def test_faults_are_refused_with_numbers(bare, monkeypatch, no_process):
    real,before = Portable.forward,contents(bare.path/'model')
    for fault,change in FAULTS.items():
        monkeypatch.setattr(Portable, 'forward', lambda self, pixels: change(*real(self, pixels)))
        with pytest.raises(PetLearnError) as e: export_model(bare)
        assert 'not exported' in e.value.what and ('not a number' in e.value.what if fault == 'no numbers' else re.search(r'8 photos: \d', e.value.what)), fault
        assert contents(bare.path/'model') == before and not list(bare.path.glob('.petlearn-export*'))
    monkeypatch.setattr(Portable, 'forward', lambda self, pixels: real(self, pixels.flip(3)))
    with pytest.raises(PetLearnError, match='not exported.*8 photos'): export_model(bare) # another order of colours

def test_a_broken_file_is_refused(bare, monkeypatch, exported, quick):
    before = contents(bare.path/'model')
    monkeypatch.setattr(export, 'onnx_file', lambda *args: (exported.path/'model/model.onnx').read_bytes()[:-1000])
    with pytest.raises(PetLearnError): export_model(bare)
    assert contents(bare.path/'model') == before

FRESH = {'it ends': ('import sys; sys.exit("no such library")', 'no such library'), 'it dies': ('import os; os._exit(9)', 'no reason'), 'it says nothing': ('0', "can't use"),
         'it says something else': ('''print('[{"predicted_label": "cat", "scores": {"cat": 0.5, "dog": 0.5}}]')''', 'answers'),
         'it raises': ('from petlearn.core import PetLearnError\nraise PetLearnError("a reason")', 'a reason')}

def test_a_fresh_process_that_fails(bare, monkeypatch, exported, quick):
    monkeypatch.setattr(parity_module, 'parity', lambda *args: Parity(photos=8, answers={'cat': 4, 'dog': 4}))
    before = contents(bare.path/'model')
    for code,says in FRESH.values():
        monkeypatch.setattr(parity_module, 'FreshProcess', lambda folder: FreshProcess(folder, code))
        with pytest.raises(PetLearnError, match='fresh process') as e: export_model(bare)
        assert says in e.value.what and contents(bare.path/'model') == before
    with FreshProcess(exported.path/'model', 'import time; time.sleep(99)') as fresh:
        with pytest.raises(PetLearnError, match='did not answer'): fresh.answers('cat.jpg', timeout=.01)
    assert fresh.process.returncode

def test_a_fresh_process_takes_nothing_that_lies_about(exported, tmp_path, monkeypatch):
    "A file named json.py in the folder where one works."
    monkeypatch.delenv('PYTHONPATH', raising=False)
    monkeypatch.chdir(tmp_path)
    for o in ('json.py', 'petlearn.py', 'torch.py'): (tmp_path/o).write_text('raise SystemExit("mine")')
    fresh = FreshProcess(exported.path/'model', 'import json, petlearn.core; print(json.dumps([json.__file__, petlearn.core.__file__]))')
    assert str(tmp_path) not in str(fresh.answers('cat.jpg'))

def test_photos_that_are_gone_or_have_changed(bare, tmp_path, quick, capfd):
    "What is asked about is what the training held back: another photo under the same name would prove nothing."
    again,away = copied(bare, tmp_path),tmp_path/'away'
    split = again.split
    split['file'] = [str(away/Path(o).name) for o in split.file]
    split.to_csv(again.path/'split.csv', index=False)
    def refused(what):
        with pytest.raises(PetLearnError, match=what) as e: export_model(again)
        assert 'Put them back' in e.value.fix
    refused('None of the 8 validation photos is there as it was')
    away.mkdir()
    here = split.file[split.usage == 'valid'].iloc[:3]
    for o in here: shutil.copy(bare.split.file[list(split.file).index(o)], o)
    shutil.copy(here.iloc[0], here.iloc[1])
    metadata = read_metadata(export_model(again))
    assert (metadata['parity']['photos'], metadata['parity']['unread']) == (2, 6) and '6 more are missing, changed or damaged' in ''.join(capfd.readouterr())
    for o in here: Path(o).write_bytes(b'no photo')
    refused('None of the 8 validation photos is there as it was')
    split.assign(sha256=hashlib.sha256(b'no photo').hexdigest()).to_csv(again.path/'split.csv', index=False) # was it one when it was trained?
    refused('None of the 3 photos to compare on opens')

def test_trained_further_meanwhile(bare, exported, tmp_path, quick, monkeypatch):
    "The new model stays; a copy to share is of the old one, as it was asked for."
    again,prove = copied(bare, tmp_path),export.prove
    def prove_and_train(stage, files):
        model,metadata = load_model(again.path/'model')
        with torch.no_grad(): model[1][-1].bias += 1
        save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std')}, again.path/'model')
        return prove(stage, files)
    monkeypatch.setattr(export, 'prove', prove_and_train)
    with pytest.raises(PetLearnError, match='was trained further while it was exported'): export_model(again)
    assert {o.name for o in (again.path/'model').iterdir()} == {'model.safetensors', 'model.json'}

def test_no_numbers_in_the_weights(bare, tmp_path):
    again = copied(bare, tmp_path)
    model,metadata = load_model(again.path/'model')
    model[1][-1].bias.data[0] = float('nan')
    save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std', 'temperature', 'novelty')}, again.path/'model')
    with pytest.raises(PetLearnError, match='not numbers'): export_model(again)

def test_what_has_no_model(bare, tmp_path):
    again = copied(bare, tmp_path)
    for o in ('model', 'checkpoints'): shutil.rmtree(again.path/o)
    with pytest.raises(PetLearnError, match="Can't use .*: it has no model"): export_model(again)
    for o in (None, 3, torch.nn.Linear(2, 2)):
        with pytest.raises(PetLearnError): export_model(o)

def test_the_network_of_the_disk_is_exported_not_that_of_the_notebook(bare, tmp_path, quick):
    again = copied(bare, tmp_path)
    with torch.no_grad(): again.model[1][-1].weight.zero_()
    assert load_model(export_model(again))[0][1][-1].weight.abs().sum() > 0

# ---- is it any good?

def test_a_model_that_always_says_the_same(bare, tmp_path, no_process, capfd):
    "It is exported, and the card says what it is worth."
    again = copied(bare, tmp_path)
    model,metadata = load_model(again.path/'model')
    model[1][-1].weight.data.zero_()
    model[1][-1].bias.data[:] = torch.tensor([-1., 1.])
    save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std', 'temperature', 'novelty')}, again.path/'model')
    df = again.predictions.assign(predicted='dog', p_cat=.3, p_dog=.7)
    df.to_csv(again.path/'predictions.csv', index=False)
    card = (export_model(again)/'MODEL_CARD.md').read_text()
    for text in (card, ''.join(capfd.readouterr())): assert 'It is no better' in text and 'for each of 8 validation photos' in text

# ---- the card

def test_the_card(exported, run):
    card = (exported.path/'model/MODEL_CARD.md').read_text()
    head = card.split('---\n')[1]
    assert head.startswith('license: apache-2.0\n') and 'pipeline_tag: image-classification\n' in head
    metadata = json.loads((exported.path/'model/model.json').read_text())
    assert metadata['metrics']['valid']['in_words'] in card and run.dataset in card and '| cat | 16 | 4 |' in card
    for o in ('## How good is it?', "## What can't it do?", '`--no-deps`', 'lite.load', '## Licence', '1/8, 1/4 or 1/2', 'neither'): assert o in card, o
    for o in NAMES[:3]: assert f"`{metadata['files'][o]}`" in card and f"{(exported.path/'model'/o).stat().st_size:,}" in card

def test_an_unknown_licence_is_said(monkeypatch):
    from dataclasses import replace
    monkeypatch.setattr(export, 'backbone', lambda name: replace(backbone('efficientnet_lite0'), licence=''))
    assert export.weights_licence('x') == 'unknown'

ODD = ['<img src=x onerror=alert(1)>', 'a|b', '`rm`', 'наша кошка']

def odd_label(path): return ODD[0] if Path(path).name[0].isupper() else ODD[3]

def test_a_model_with_odd_labels(pets_folder, tmp_path, no_process):
    run = train(pets_folder, odd_label, epochs=1, fine_tune_epochs=0, size=64, runs_dir=tmp_path/'läufe & co', check=False)
    folder = export_model(run, tmp_path/"it's <b>ünique</b>")
    photo = pets_folder/'beagle_1.jpg'
    assert set(ODD) > set(lite.load(folder).labels) and lite.load(folder).predict(photo).label == Predictor(folder).predict(photo).label
    assert '<img' not in (folder/'MODEL_CARD.md').read_text()

# ---- a copy somewhere else

def test_a_copy_to_share(exported, tmp_path, quick, pets_folder):
    folder = export_model(exported, tmp_path/'new'/'my-model')
    assert set(contents(folder)) == set(NAMES) and [o.name for o in folder.parent.iterdir()] == ['my-model']
    photo = pets_folder/'beagle_1.jpg'
    assert Predictor(folder).predict(photo).label == lite.load(folder).predict(photo).label == Predictor(exported).predict(photo).label
    (folder/'.git').mkdir()
    assert export_model(exported, folder) == folder, 'an earlier export of this model'

def test_where_a_copy_may_go(exported, tmp_path, unproven, monkeypatch):
    (tmp_path/'empty').mkdir()
    for o in ('to empty', 'to new', 'loop'): (tmp_path/o).symlink_to(tmp_path/o.removeprefix('to '))
    monkeypatch.chdir(tmp_path/'empty')
    assert export_model(exported, '.') == export_model(exported, '../to empty') == Path.cwd() and set(contents(Path.cwd())) == set(NAMES)
    assert export_model(exported, '../to new') == tmp_path/'new'
    with pytest.raises(PetLearnError, match="Can't write"): export_model(exported, tmp_path/'loop')

def test_somebody_else_was_quicker(exported, tmp_path, unproven, monkeypatch):
    "Two exports into the same new folder."
    real = os.rename
    monkeypatch.setattr('petlearn.models.model_folder.os.rename', lambda a, b: (shutil.copytree(a, b), real(a, b)))
    assert set(contents(export_model(exported, tmp_path/'model'))) == set(NAMES) and lite.load(tmp_path/'model')

def test_a_full_disk(bare, tmp_path, unproven, monkeypatch):
    again = copied(bare, tmp_path)
    before = contents(again.path/'model')
    def full(path, data): raise OSError(28, 'No space left on device')
    monkeypatch.setattr('petlearn.files._write_and_rename', full)
    with pytest.raises(PetLearnError, match='No space left'): export_model(again)
    assert contents(again.path/'model') == before and not list(again.path.glob('.petlearn-export*'))

def test_nothing_of_others_is_overwritten(exported, tmp_path, quick):
    def refused(folder, what):
        before = {o: o.read_bytes() for o in tmp_path.rglob('*') if o.is_file()}
        with pytest.raises(PetLearnError, match=what): export_model(exported, folder)
        assert {o: o.read_bytes() for o in tmp_path.rglob('*') if o.is_file()} == before
    for name in ('notes.txt', 'model.onnx', 'MODEL_CARD.md', 'model.json'):
        (tmp_path/name[:5]).mkdir(exist_ok=True)
        (tmp_path/name[:5]/name).write_text('mine')
        refused(tmp_path/name[:5], 'holds something else')
    refused(tmp_path/'notes'/'notes.txt', 'notes.txt')
    model,metadata = load_model(exported.path/'model')
    with torch.no_grad(): model[1][-1].bias += 1
    refused(save_model(model, metadata | dict(files={}), tmp_path/'another'), 'holds something else: model.json')
    for o in ('', ' ', None.__class__, 'a\0b'):
        with pytest.raises(PetLearnError): export_model(exported, o)

def test_where_nothing_can_be_written(exported, tmp_path, quick):
    (tmp_path/'file').write_text('x')
    with pytest.raises(PetLearnError, match="Can't"): export_model(exported, tmp_path/'file'/'model')

# ---- killed

class Killed(BaseException): pass

def killed_at(monkeypatch, i, work):
    "Do `work`, but die at write number `i`; how many writes were there?"
    from petlearn.models import model_folder
    n = [0]
    def count(f):
        def write(*args):
            n[0] += 1
            if n[0] == i: raise Killed
            return f(*args)
        return write
    with monkeypatch.context() as m:
        m.setattr(model_folder, 'write_atomic', count(model_folder.write_atomic))
        m.setattr(os, 'rename', count(os.rename))
        try: work()
        except Killed: pass
    return n[0]

@pytest.mark.parametrize('kind', ['first export', 'another export', 'copy'])
def test_killed_at_each_write(kind, bare, exported, tmp_path, unproven, monkeypatch, pets_folder):
    photo,old = pets_folder/'beagle_1.jpg',bare if kind == 'first export' else exported
    want = bare.predict(photo)
    if kind == 'another export':
        model = onnx.load(exported.path/'model/model.onnx')
        model.producer_version = 'another'
        monkeypatch.setattr(export, 'onnx_file', lambda *args: model.SerializeToString())
        monkeypatch.setattr(export, '__version__', 'another')
    def work(i):
        again = copied(old, tmp_path/str(i))
        folder = tmp_path/str(i)/'copy' if kind == 'copy' else again.path/'model'
        return killed_at(monkeypatch, i, lambda: export_model(again, folder if kind == 'copy' else None)),folder
    writes = work(0)[0]
    assert writes == {'first export': 10, 'another export': 11, 'copy': 8}[kind], 'seven of them into the folder for work'
    for i in (0, *range(8 if kind == 'another export' else 6, writes+1)): # 0: to the end; the first writes are the same
        folder = work(i)[1] if i else tmp_path/'0'/'copy' if kind == 'copy' else next((tmp_path/'0').iterdir())/'model'
        assert not list(tmp_path.rglob('.petlearn-export*')) and folder.exists() == (kind != 'copy' or not i)
        if not folder.exists(): continue
        got = Predictor(folder).predict(photo)
        assert got.probs == pytest.approx(want.probs, abs=1e-5) and got.novelty == pytest.approx(want.novelty, abs=1e-3)
        try: assert lite.load(folder).predict(photo).label == want.label
        except PetLearnError as e: assert i and 'model.onnx' in e.what, 'the portable half comes back with the next export'

def test_work_of_exports_that_were_killed_is_cleared_away(exported, tmp_path, quick):
    for name,age in (('old', 4000), ('new', 0)):
        (tmp_path/f'.petlearn-export-{name}').mkdir()
        os.utime(tmp_path/f'.petlearn-export-{name}', (1e9, 1e9) if age else None)
    export_model(exported, tmp_path/'model')
    assert {o.name for o in tmp_path.iterdir()} == {'model', '.petlearn-export-new'}

# ---- damaged: refused or the same answers

OPEN = dict(native=Predictor, lite=lite.load)
READS = dict(native={'model.json', 'model.safetensors', 'novelty.safetensors'}, lite={'model.json', 'model.onnx'})

@pytest.mark.parametrize('kind,name', [('native', 'model.json'), ('native', 'model.safetensors'), ('native', 'novelty.safetensors'), ('lite', 'model.onnx')])
def test_flipped_bits(folder, kind, name, pets_folder):
    "200 of them, one after the other."
    photo,path,rng = pets_folder/'beagle_1.jpg',folder/name,random.Random(name)
    want = OPEN[kind](folder).predict(photo).to_dict()
    refused = 0
    with open(path, 'r+b', buffering=0) as f:
        for _ in range(200):
            at,bit = rng.randrange(path.stat().st_size),1 << rng.randrange(8)
            f.seek(at)
            was = f.read(1)
            def put(b):
                f.seek(at)
                f.write(b)
            put(bytes([was[0] ^ bit]))
            try: assert OPEN[kind](folder).predict(photo).to_dict() == want
            except PetLearnError as e: refused += 'damaged' in e.what
            put(was)
    assert refused >= 190 and OPEN[kind](folder).predict(photo).to_dict() == want

def test_files_that_are_not_read_may_be_gone(folder, pets_folder):
    for kind,o in OPEN.items():
        copy = Path(shutil.copytree(folder, folder.with_name(kind)))
        want = o(copy).predict(pets_folder/'beagle_1.jpg').to_dict()
        for name in {*NAMES} - READS[kind]: (copy/name).unlink()
        assert o(copy).predict(pets_folder/'beagle_1.jpg').to_dict() == want

WRECKS = {'gone': None, 'empty': b'', 'cut short': lambda o: o[:len(o)//2], 'text': b'hello', 'a page': b'<html>', 'zeros': bytes(100), 'a list': b'[]', 'null': b'null', 'deep': b'['*100_000}

def test_wrecks(folder):
    for kind,o in OPEN.items():
        for name in READS[kind]:
            path,content = folder/name,(folder/name).read_bytes()
            for wreck in WRECKS.values():
                if wreck is None: path.unlink()
                else: path.write_bytes(wreck(content) if callable(wreck) else wreck)
                with pytest.raises(PetLearnError, match=re.escape(name)): o(folder)
            path.write_bytes(content)

def forged(folder, name, content):
    "Put `content` into the file `name`, and let the metadata agree."
    metadata = json.loads((folder/'model.json').read_text())
    write_model(folder, metadata, {o: (folder/o).read_bytes() for o in NAMES[:-1]} | {name: content})

class Payload:
    def __init__(self, marker): self.marker = marker
    def __reduce__(self): return os.system, (f'echo ran > "{self.marker}"',)

@pytest.mark.parametrize('name', ['model.safetensors', 'novelty.safetensors', 'model.onnx', 'model.json', 'x.pkl'])
def test_a_pickle_never_runs(folder, tmp_path, name):
    "Under each name, even where the checksums are right."
    marker = tmp_path/'marker'
    content = pickle.dumps(Payload(marker))
    if name in NAMES[:3]: forged(folder, name, content)
    else: (folder/name).write_bytes(content)
    source = folder/name if name == 'x.pkl' else folder
    for kind,o in OPEN.items():
        try: o(source)
        except PetLearnError: continue
        assert name not in READS[kind]
    with pytest.raises(PetLearnError): load_model(folder/name)
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists(), 'where somebody unpickles it, it does run'

FORGED = {'another network': dict(arch='resnet18'), 'no network': dict(arch='os.system'), 'too many labels': dict(labels=['a', 'b', 'c']), 'one label': dict(labels=['cat']),
          'labels that are none': dict(labels=['cat', 3]), 'a size that is none': dict(size=-5), 'a huge size': dict(size=10**9), 'a limit that is none': dict(limit='high'),
          'files that are none': dict(files=[1]), 'another file': dict(files={'../../etc/passwd': 'x'}), 'a newer format': dict(format=99)}

def test_metadata_that_do_not_fit(folder):
    whole = json.loads((folder/'model.json').read_text())
    for case,change in FORGED.items():
        (folder/'model.json').write_text(signed(whole | change))
        for kind,o in OPEN.items():
            if kind == 'lite' and 'arch' in change: continue # the network is in the file itself
            with pytest.raises(PetLearnError): o(folder)

def test_changed_by_hand(folder):
    metadata = json.loads((folder/'model.json').read_text())
    (folder/'model.json').write_text(json.dumps(metadata | dict(labels=['dog', 'cat'])))
    for o in OPEN.values():
        with pytest.raises(PetLearnError, match='changed by hand'): o(folder)

def test_from_another_system(folder, pets_folder):
    "Other line ends, another layout, other names of folders: the same model."
    want = Predictor(folder).predict(pets_folder/'beagle_1.jpg').to_dict()
    metadata = json.loads((folder/'model.json').read_text())
    for text in ((folder/'model.json').read_text().replace('\n', '\r\n'), json.dumps(metadata), json.dumps(metadata, ensure_ascii=False, sort_keys=True)):
        (folder/'model.json').write_bytes(text.encode())
        assert Predictor(folder).predict(pets_folder/'beagle_1.jpg').to_dict() == want
        assert lite.load(folder).labels == ['cat', 'dog']
    moved = folder.rename(folder.with_name('C:\\Users\\mädchen\\model '*3))
    assert Predictor(moved).predict(pets_folder/'beagle_1.jpg').to_dict() == want and lite.load(moved).labels == ['cat', 'dog']
    text = json.dumps(metadata | dict(files={f'C:\\model\\{k}': v for k,v in metadata['files'].items()}))
    (moved/'model.json').write_text(text)
    for o in OPEN.values():
        with pytest.raises(PetLearnError, match='damaged'): o(moved)

def test_a_file_instead_of_the_folder(folder):
    for name,says in (('x.pkl', 'is a pickle'), ('x.pth', 'is a pickle'), ('model.json', 'is a file'), ('model.onnx', 'is a file')):
        if not (folder/name).exists(): (folder/name).write_bytes(b'')
        for f in (load_model, read_metadata):
            with pytest.raises(PetLearnError, match=says) as e: f(folder/name)
        assert 'load_learner' in e.value.fix if 'pickle' in says else str(folder) in e.value.fix

def test_fastai_writes_a_pickle_of_its_own(exported, tmp_path, pets_folder):
    from fastai.learner import load_learner
    again = copied(exported, tmp_path)
    again.learn.export('friend.pkl')
    with pytest.warns(UserWarning): learn = load_learner(again.path/'friend.pkl')
    with learn.no_bar(): assert learn.predict(pets_folder/'beagle_1.jpg')[0] == exported.predict(pets_folder/'beagle_1.jpg').label
