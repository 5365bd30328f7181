"The exported folder: both formats agree, faults are refused, writing can be killed, damage is found, nothing ever runs."
import getpass, hashlib, json, os, pickle, random, re, shutil, subprocess, sys
from pathlib import Path
import numpy as np, onnx, onnxruntime, pytest, torch
from petlearn import PetLearnError, Predictor, train
from petlearn.cli import export
from petlearn import lite
from petlearn.models.backbones import backbone, network
from petlearn.deploy.export import NAMES, Portable, doubts, export_model, export_pickle, model_card, read_pickle
from petlearn.deploy.parity import Parity, parity
from petlearn.models.learner import load_model, network_metadata, read_metadata, save_model
from petlearn.models.model_folder import write_metadata
from petlearn.runs.run import Run

NATIVE = {'model.safetensors', 'novelty.safetensors', 'model.json'}
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

@pytest.fixture
def quick(monkeypatch, exported):
    "Without the fresh process, which takes seconds, and the network as it was exported before."
    monkeypatch.setattr(export, '_begin_fresh', lambda *args: None)
    monkeypatch.setattr(export, '_end_fresh', lambda *args: None)
    monkeypatch.setattr(export, '_gone', lambda process: None)
    monkeypatch.setattr(export, '_portable_bytes', lambda *args: (exported.path/'model/model.onnx').read_bytes())

@pytest.fixture
def unproven(monkeypatch, quick): monkeypatch.setattr(export, '_prove', lambda *args: Parity(photos=8, answers={'cat': 4, 'dog': 4}))

# ---- the two formats

@pytest.mark.parametrize('n', [1, 2, 5])
def test_pixels_in_probabilities_out(exported, n):
    own,pixels = exported.model_metadata,np.random.default_rng(n).integers(0, 256, (n, 96, 96, 3), np.uint8)
    net = Portable(exported.model, own)
    with torch.inference_mode(): probs,strange = (o.numpy() for o in net(torch.from_numpy(pixels)))
    body,head = exported.model
    with torch.inference_mode():
        x = head[:-1](body(((torch.from_numpy(pixels).permute(0, 3, 1, 2)/255 - net.trunk.mean)/net.trunk.std)))
        np.testing.assert_allclose(probs, (head[-1](x)/own['temperature']).softmax(1), atol=1e-5)
    np.testing.assert_allclose(strange, own['novelty'].scores(x.numpy()), rtol=1e-3, atol=1e-3)
    session = onnxruntime.InferenceSession((exported.path/'model/model.onnx').read_bytes())
    for a,b in zip(session.run(None, {'pixels': pixels}), (probs, strange)): np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)

@pytest.mark.parametrize('temperature', [.3, 1, 4.])
def test_the_temperature_is_inside(bare, temperature):
    own,pixels = bare.model_metadata,torch.randint(0, 256, (3, 96, 96, 3), dtype=torch.uint8)
    hot = Portable(bare.model, own | dict(temperature=temperature, novelty=None))
    plain = Portable(bare.model, own | dict(temperature=1., novelty=None))
    assert hot.outputs == ('probabilities',)
    torch.testing.assert_close(hot(pixels)[0], (plain(pixels)[0].log()/temperature).softmax(1), atol=1e-5, rtol=1e-4)

@pytest.mark.parametrize('arch', ['resnet18', 'mobilenetv3_small_050'])
def test_other_networks(arch):
    "Their weights are not here; random ones do."
    b = backbone(arch)
    net = Portable(network(b, 3, pretrained=False).eval(), network_metadata(b, 'abc', 64))
    content = export._portable_bytes(net, network_metadata(b, 'abc', 64))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(onnxruntime.InferenceSession(content).run(None, {'pixels': pixels})[0], net(torch.from_numpy(pixels))[0], atol=1e-4)

def test_parity_of_an_export(exported, pets_folder):
    found = parity(exported.path/'model', sorted(pets_folder.iterdir()))
    assert found.agree and found.photos == 40 and not found.labels + found.neither + found.unread and sum(found.answers.values()) == 40

def test_photos_that_are_gone_or_damaged_are_counted(exported, tmp_path, pets_folder):
    (tmp_path/'x.jpg').write_text('<html>')
    found = parity(exported.path/'model', [*sorted(pets_folder.iterdir())[:2], tmp_path/'x.jpg', tmp_path/'gone.jpg'])
    assert (found.photos, found.unread, found.agree) == (2, 2, True) and '(2 more are gone, changed or damaged)' in str(found)

@pytest.mark.parametrize('fault', [dict(labels=1), dict(neither=1), dict(files=1e-3), dict(pixels=1e-4), dict(novelty=float('inf'))], ids=lambda o: next(iter(o)))
def test_what_is_no_agreement(fault): assert Parity(photos=1).agree and not Parity(photos=1, **fault).agree

def test_a_gap_of_no_numbers():
    assert export._gap([1, 2], [1.5, 2]) == .5 and export._gap([float('nan')], [1]) == export._strangeness_gap(None, 1.) == float('inf')

# ---- the folder

def test_files_and_facts(exported, run):
    folder = exported.path/'model'
    metadata = json.loads((folder/'model.json').read_text())
    assert {o.name for o in folder.iterdir()} == set(NAMES) and metadata['format'] == 2
    assert metadata['files'] == {o: hashlib.sha256((folder/o).read_bytes()).hexdigest() for o in NAMES if o != 'model.json'}
    assert metadata['labels'] == ['cat', 'dog'] and metadata['limit'] == 2.5 and metadata['temperature'] == run.temperature and metadata['size'] == 96
    assert metadata['metrics']['valid'] | dict(in_words='') == dict(wrong=run.metrics['wrong'], of=8, in_words='', always=dict(label='cat', wrong=4),
        labels={o: dict(of=4, right=int(((run.predictions.label == o) & (run.predictions.predicted == o)).sum())) for o in ('cat', 'dog')})
    assert metadata['dataset'] == dict(version=run.dataset, photos=dict(train=dict(cat=16, dog=16), valid=dict(cat=4, dog=4)))
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
    assert export._portable_bytes(Portable(exported.model, own), own) == (exported.path/'model/model.onnx').read_bytes(), 'the same bytes every time'

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
    assert re.search(r'Exported to .*: native and portable agree. 8 photos: 0 with another label, 0 with another .neither.; largest difference', ''.join(capfd.readouterr()))

def test_a_new_training_takes_an_old_export_away(exported, tmp_path):
    "model.onnx and the card are of the model that was there before."
    again = copied(exported, tmp_path)
    (again.path/'model/mine.txt').write_text('a note')
    save_model(again.model, {k: v for k,v in again.model_metadata.items() if k in ('labels', 'arch', 'size', 'mean', 'std')}, again.path/'model')
    assert {o.name for o in (again.path/'model').iterdir()} == {'model.safetensors', 'model.json', 'mine.txt'}

# ---- the gate

FAULTS = {'labels swapped': lambda p,n: (p.flip(1), n), 'probabilities shifted': lambda p,n: (p*.99 + .005, n), 'novelty shifted': lambda p,n: (p, n+.5),
          'always neither': lambda p,n: (p, n*0+9), 'no numbers': lambda p,n: (p*float('nan'), n)}

@pytest.mark.parametrize('fault', FAULTS)
def test_faults_are_refused_with_numbers(bare, monkeypatch, fault):
    real,before = Portable.forward,contents(bare.path/'model')
    monkeypatch.setattr(export, '_begin_fresh', lambda *args: None)
    monkeypatch.setattr(export, '_gone', lambda process: None)
    monkeypatch.setattr(Portable, 'forward', lambda self, pixels: FAULTS[fault](*real(self, pixels)))
    with pytest.raises(PetLearnError) as e: export_model(bare)
    assert 'not exported' in e.value.what and ('no numbers' in e.value.what if fault == 'no numbers' else re.search(r'8 photos: \d', e.value.what))
    assert contents(bare.path/'model') == before and not list(bare.path.glob('.petlearn-export*'))

def test_another_order_of_colours_is_refused(bare, monkeypatch):
    real = Portable.forward
    monkeypatch.setattr(export, '_begin_fresh', lambda *args: None)
    monkeypatch.setattr(export, '_gone', lambda process: None)
    monkeypatch.setattr(Portable, 'forward', lambda self, pixels: real(self, pixels.flip(3)))
    with pytest.raises(PetLearnError, match='not exported.*8 photos'): export_model(bare)

def test_a_broken_file_is_refused(bare, monkeypatch, exported, quick):
    before = contents(bare.path/'model')
    monkeypatch.setattr(export, '_portable_bytes', lambda *args: (exported.path/'model/model.onnx').read_bytes()[:-1000])
    with pytest.raises(PetLearnError): export_model(bare)
    assert contents(bare.path/'model') == before

FRESH = {'it ends': ('import sys; sys.exit("no such library")', 'no such library'), 'it dies': ('import os; os._exit(9)', 'no reason'), 'it says nothing': ('0', "can't use"),
         'it says something else': ('''print('[{"predicted_label": "cat", "scores": {"cat": 0.5, "dog": 0.5}}]')''', 'answers'),
         'it raises': ('from petlearn.core import PetLearnError\nraise PetLearnError("a reason")', 'a reason')}

def test_a_fresh_process_that_sleeps(bare, monkeypatch, exported):
    monkeypatch.setattr(export, '_FRESH', 'import time; time.sleep(99)')
    process = export._begin_fresh(exported.path/'model')
    monkeypatch.setattr(process, 'communicate', lambda *args, timeout=None: subprocess.Popen.communicate(process, *args, timeout=timeout and .01))
    with pytest.raises(PetLearnError, match='did not answer'): export._end_fresh(process, 'cat.jpg', None)
    export._gone(process)
    assert process.returncode

def test_a_fresh_process_takes_nothing_that_lies_about(exported, tmp_path, monkeypatch, pets_folder):
    "A file named json.py in the folder where one works."
    monkeypatch.delenv('PYTHONPATH', raising=False)
    monkeypatch.chdir(tmp_path)
    for o in ('json.py', 'petlearn.py', 'torch.py'): (tmp_path/o).write_text('raise SystemExit("mine")')
    monkeypatch.setattr(export, '_FRESH', 'import json, petlearn.core; print(json.__file__, petlearn.core.__file__)')
    assert str(tmp_path) not in export._begin_fresh(exported.path/'model').communicate()[0]

@pytest.mark.parametrize('case', FRESH)
def test_a_fresh_process_that_fails(bare, monkeypatch, case, exported):
    code,says = FRESH[case]
    before = contents(bare.path/'model')
    monkeypatch.setattr(export, '_FRESH', code)
    monkeypatch.setattr(export, 'parity', lambda *args: Parity(photos=8, answers={'cat': 4, 'dog': 4}))
    monkeypatch.setattr(export, '_portable_bytes', lambda *args: (exported.path/'model/model.onnx').read_bytes())
    with pytest.raises(PetLearnError, match='fresh process') as e: export_model(bare)
    assert says in e.value.what and contents(bare.path/'model') == before

def test_photos_that_are_gone_or_have_changed(bare, tmp_path, quick, capfd):
    "What is asked about is what the training held back: another photo under the same name would prove nothing."
    again,away = copied(bare, tmp_path),tmp_path/'away'
    split = again.split
    split['file'] = [str(away/Path(o).name) for o in split.file]
    split.to_csv(again.path/'split.csv', index=False)
    def refused(what):
        with pytest.raises(PetLearnError, match=what) as e: export_model(again)
        assert 'Put them back' in e.value.fix
    refused('None of the 8 photos held back is there as it was')
    away.mkdir()
    here = split.file[split.usage == 'valid'].iloc[:3]
    for o in here: shutil.copy(bare.split.file[list(split.file).index(o)], o)
    shutil.copy(here.iloc[0], here.iloc[1])
    metadata = read_metadata(export_model(again))
    assert (metadata['parity']['photos'], metadata['parity']['unread']) == (2, 6) and '6 more are gone, changed or damaged' in ''.join(capfd.readouterr())
    for o in here: Path(o).write_bytes(b'no photo')
    refused('None of the 8 photos held back is there as it was')
    split.assign(sha256=hashlib.sha256(b'no photo').hexdigest()).to_csv(again.path/'split.csv', index=False) # was it one when it was trained?
    refused('Not one of the 3 photos held back opens')

def test_trained_further_meanwhile(bare, exported, tmp_path, quick, monkeypatch):
    "The new model stays; a copy to share is of the old one, as it was asked for."
    again,prove = copied(bare, tmp_path),export._prove
    def prove_and_train(stage, files):
        model,metadata = load_model(again.path/'model')
        with torch.no_grad(): model[1][-1].bias += 1
        save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std')}, again.path/'model')
        return prove(stage, files)
    monkeypatch.setattr(export, '_prove', prove_and_train)
    with pytest.raises(PetLearnError, match='was trained further while it was exported'): export_model(again)
    assert {o.name for o in (again.path/'model').iterdir()} == {'model.safetensors', 'model.json'}

def test_no_numbers_in_the_weights(bare, tmp_path):
    again = copied(bare, tmp_path)
    model,metadata = load_model(again.path/'model')
    model[1][-1].bias.data[0] = float('nan')
    save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std', 'temperature', 'novelty')}, again.path/'model')
    with pytest.raises(PetLearnError, match='no numbers'): export_model(again)

def test_what_has_no_model(bare, tmp_path):
    again = copied(bare, tmp_path)
    for o in ('model', 'checkpoints'): shutil.rmtree(again.path/o)
    with pytest.raises(PetLearnError, match="Can't use .*: it has no model"): export_model(again)
    with pytest.raises(PetLearnError, match="Can't use"): export_pickle(again, tmp_path/'x.pkl')
    for o in (None, 3, torch.nn.Linear(2, 2)):
        with pytest.raises(PetLearnError): export_model(o)

def test_the_network_of_the_disk_is_exported_not_that_of_the_notebook(bare, tmp_path, quick):
    again = copied(bare, tmp_path)
    with torch.no_grad(): again.model[1][-1].weight.zero_()
    assert load_model(export_model(again))[0][1][-1].weight.abs().sum() > 0

# ---- is it any good?

GOOD = dict(valid=dict(wrong=1, of=8, always=dict(label='cat', wrong=4), in_words='', labels={}))
DOUBTS = {'good': (dict(metrics=GOOD), None), 'as good as a guess': (dict(metrics=dict(valid=GOOD['valid'] | dict(wrong=4))), "always saying 'cat' is wrong on 4. It is no better"),
          'test': (dict(metrics=GOOD | dict(test=GOOD['valid'] | dict(wrong=7))), 'kept for the test, it is wrong on 7'),
          'unknown': (dict(metrics={}), 'not measured'), 'monotonous': (dict(metrics=GOOD, parity=dict(answers=dict(dog=8))), "It says 'dog' about each of 8 photos"),
          'one photo': (dict(metrics=GOOD, parity=dict(answers=dict(dog=1))), None)}

@pytest.mark.parametrize('case', DOUBTS)
def test_doubts(case):
    metadata,says = DOUBTS[case]
    assert doubts(metadata) == [] if says is None else says in ' '.join(doubts(metadata))

def test_a_model_that_always_says_the_same(bare, tmp_path, quick, monkeypatch, capfd):
    "It is exported, and the card says what it is worth."
    monkeypatch.undo()
    for o in ('_begin_fresh', '_end_fresh', '_gone'): monkeypatch.setattr(export, o, lambda *args: None)
    again = copied(bare, tmp_path)
    model,metadata = load_model(again.path/'model')
    model[1][-1].weight.data.zero_()
    model[1][-1].bias.data[:] = torch.tensor([-1., 1.])
    save_model(model, {k: metadata[k] for k in ('labels', 'arch', 'size', 'mean', 'std', 'temperature', 'novelty')}, again.path/'model')
    df = again.predictions.assign(predicted='dog')
    df.to_csv(again.path/'predictions.csv', index=False)
    card = (export_model(again)/'MODEL_CARD.md').read_text()
    for text in (card, ''.join(capfd.readouterr())): assert 'no better than that' in text and 'about each of 8 photos' in text

# ---- the card

def test_the_card(exported, run):
    card = (exported.path/'model/MODEL_CARD.md').read_text()
    head = card.split('---\n')[1]
    assert head.startswith('license: apache-2.0\n') and 'pipeline_tag: image-classification\n' in head
    metadata = json.loads((exported.path/'model/model.json').read_text())
    assert metadata['metrics']['valid']['in_words'] in card and run.dataset in card and '| cat | 16 | 4 |' in card
    for o in ('## How good is it?', "## What can't it do?", '`--no-deps`', 'lite.load', '## Licence', '1/8, 1/4 or 1/2', 'neither'): assert o in card, o
    for o in NAMES[:3]: assert f"`{metadata['files'][o]}`" in card and f"{(exported.path/'model'/o).stat().st_size:,}" in card

ODD = ['<img src=x onerror=alert(1)>', 'a|b', '`rm`', "it's \"so\"", 'line\nbreak', '# title', '**bold**', 'наша кошка', '猫', '[x](http://y)', '\u202eevil', '$x$']

def test_odd_labels_in_the_card(exported):
    metadata = json.loads((exported.path/'model/model.json').read_text())
    most = dict(label=ODD[0], wrong=1)
    metadata |= dict(labels=ODD, run='V001-<b>', metrics=dict(valid=dict(wrong=0, of=9, in_words='', always=most, labels={o: dict(of=1, right=1) for o in ODD})),
                  dataset=dict(version='x', photos=dict(train={o: 1 for o in ODD})))
    card = model_card(metadata, {'model.onnx': (3, 'abc')})
    assert '<img' not in card and '<b>' not in card and '\u202e' not in card and r'a\|b' in card and '猫' in card and 'наша кошка' in card
    assert r'\`rm\`' in card and 'line break' in card and r'\# title' in card and r'\*\*bold' in card and r'\[x\]' in card and r'\$x\$' in card
    tables = [o for o in card.splitlines() if o.startswith('|')]
    assert all(len(re.findall(r'(?<!\\)\|', o)) in (3, 4) for o in tables)

@pytest.mark.parametrize('arch,word,head', [('efficientnet_lite0', 'Apache-2.0', 'apache-2.0'), ('resnet18', 'ImageNet', 'other'), ('mobilenetv3_small_050', 'apache-2.0', 'apache-2.0')])
def test_licences(arch, word, head):
    assert word in export.weights_licence(arch) and export._head(dict(licence=export.weights_licence(arch))).startswith(f'---\nlicense: {head}\n')

def test_an_unknown_licence_is_said(monkeypatch):
    from dataclasses import replace
    monkeypatch.setattr(export, 'backbone', lambda name: replace(backbone('efficientnet_lite0'), licence=''))
    assert export.weights_licence('x') == 'unknown'

def odd_label(path): return ODD[0] if Path(path).name[0].isupper() else ODD[3]

def test_a_model_with_odd_labels(pets_folder, tmp_path, monkeypatch):
    for o in ('_begin_fresh', '_end_fresh', '_gone'): monkeypatch.setattr(export, o, lambda *args: None)
    run = train(pets_folder, odd_label, epochs=1, fine_tune_epochs=0, size=64, runs_dir=tmp_path/'läufe & co', check=False)
    folder = export_model(run, tmp_path/"it's <b>ünique</b>")
    photo = pets_folder/'beagle_1.jpg'
    assert set(ODD[:4]) > set(lite.load(folder).labels) and lite.load(folder).predict(photo).label == Predictor(folder).predict(photo).label
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
    monkeypatch.setattr(export.os, 'rename', lambda a, b: (shutil.copytree(a, b), real(a, b)))
    assert set(contents(export_model(exported, tmp_path/'model'))) == set(NAMES) and lite.load(tmp_path/'model')

def test_a_full_disk(bare, tmp_path, unproven, monkeypatch):
    again = copied(bare, tmp_path)
    before = contents(again.path/'model')
    def full(path, data): raise OSError(28, 'No space left on device')
    monkeypatch.setattr('petlearn.core._write_and_rename', full)
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
    n,real = [0],dict(w=export.write_atomic, r=os.rename)
    def count(f):
        def write(*args):
            n[0] += 1
            if n[0] == i: raise Killed
            return f(*args)
        return write
    with monkeypatch.context() as m:
        m.setattr(export, 'write_atomic', count(real['w']))
        m.setattr('petlearn.models.learner.write_atomic', count(real['w']))
        m.setattr('petlearn.models.model_folder.write_atomic', count(real['w']))
        m.setattr(export.os, 'rename', count(real['r']))
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
        monkeypatch.setattr(export, '_portable_bytes', lambda *args: model.SerializeToString())
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

@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('kind', OPEN)
def test_flipped_bits(folder, kind, name, pets_folder):
    "200 of them, one after the other; a file that isn't read may as well be gone."
    photo,path,dice = pets_folder/'beagle_1.jpg',folder/name,random.Random(name)
    want = OPEN[kind](folder).predict(photo).metadata
    if name not in READS[kind]:
        path.unlink()
        assert OPEN[kind](folder).predict(photo).metadata == want
        return
    refused = 0
    with open(path, 'r+b', buffering=0) as f:
        for _ in range(200):
            at,bit = dice.randrange(path.stat().st_size),1 << dice.randrange(8)
            f.seek(at)
            was = f.read(1)
            def put(b):
                f.seek(at)
                f.write(b)
            put(bytes([was[0] ^ bit]))
            try: assert OPEN[kind](folder).predict(photo).metadata == want
            except PetLearnError as e: refused += 'damaged' in e.what
            put(was)
    assert refused >= 190 and OPEN[kind](folder).predict(photo).metadata == want

WRECKS = {'gone': None, 'empty': b'', 'cut short': lambda o: o[:len(o)//2], 'text': b'hello', 'a page': b'<html>', 'zeros': bytes(100), 'a list': b'[]', 'null': b'null', 'deep': b'['*100_000}

@pytest.mark.parametrize('wreck', WRECKS)
@pytest.mark.parametrize('kind,name', [(k, o) for k in OPEN for o in sorted(READS[k])])
def test_wrecks(folder, kind, name, wreck):
    path,o = folder/name,WRECKS[wreck]
    if o is None: path.unlink()
    else: path.write_bytes(o(path.read_bytes()) if callable(o) else o)
    with pytest.raises(PetLearnError, match=re.escape(name)): OPEN[kind](folder)

def forged(folder, name, content):
    "Put `content` into the file `name`, and let the metadata agree."
    (folder/name).write_bytes(content)
    metadata = {k: v for k,v in json.loads((folder/'model.json').read_text()).items() if k != 'facts_sha256'}
    write_metadata(folder, metadata, {o: (folder/o).read_bytes() for o in NAMES[:-1]})

class Payload:
    def __init__(self, marker): self.marker = marker
    def __reduce__(self): return os.system, (f'echo ran > "{self.marker}"',)

@pytest.mark.parametrize('name', ['model.safetensors', 'novelty.safetensors', 'model.onnx', 'model.json', 'x.pkl'])
def test_a_pickle_never_runs(folder, tmp_path, name, monkeypatch):
    "Under each name, even where the fingerprints are right."
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
    with pytest.raises(PetLearnError, match='any program'): read_pickle(folder/'x.pkl')
    assert not marker.exists()
    monkeypatch.setenv('PYTHONWARNINGS', 'ignore')
    (folder/'x.pkl').write_bytes(content)
    with pytest.raises(PetLearnError, match='not a learner'): read_pickle(folder/'x.pkl', trust=True)
    assert marker.exists(), 'with trust it does run: that is what trust is'

FORGED = {'another network': dict(arch='resnet18'), 'no network': dict(arch='os.system'), 'too many labels': dict(labels=['a', 'b', 'c']), 'one label': dict(labels=['cat']),
          'labels that are none': dict(labels=['cat', 3]), 'a size that is none': dict(size=-5), 'a huge size': dict(size=10**9), 'a limit that is none': dict(limit='high'),
          'files that are none': dict(files=[1]), 'another file': dict(files={'../../etc/passwd': 'x'}), 'a newer format': dict(format=99)}

@pytest.mark.parametrize('kind', OPEN)
@pytest.mark.parametrize('case', FORGED)
def test_facts_that_do_not_fit(folder, kind, case):
    metadata = {k: v for k,v in json.loads((folder/'model.json').read_text()).items() if k != 'facts_sha256'} | FORGED[case]
    told = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()
    (folder/'model.json').write_text(json.dumps(metadata | dict(facts_sha256=told)))
    if kind == 'lite' and 'arch' in FORGED[case]: return # the network is in the file itself
    with pytest.raises(PetLearnError): OPEN[kind](folder)

def test_changed_by_hand(folder):
    metadata = json.loads((folder/'model.json').read_text())
    (folder/'model.json').write_text(json.dumps(metadata | dict(labels=['dog', 'cat'])))
    for o in OPEN.values():
        with pytest.raises(PetLearnError, match='changed by hand'): o(folder)

def test_from_another_system(folder, pets_folder):
    "Other line ends, another layout, other names of folders: the same model."
    want = Predictor(folder).predict(pets_folder/'beagle_1.jpg').metadata
    metadata = json.loads((folder/'model.json').read_text())
    for text in ((folder/'model.json').read_text().replace('\n', '\r\n'), json.dumps(metadata), json.dumps(metadata, ensure_ascii=False, sort_keys=True)):
        (folder/'model.json').write_bytes(text.encode())
        assert Predictor(folder).predict(pets_folder/'beagle_1.jpg').metadata == want
        assert lite.load(folder).labels == ['cat', 'dog']
    moved = folder.rename(folder.with_name('C:\\Users\\mädchen\\model '*3))
    assert Predictor(moved).predict(pets_folder/'beagle_1.jpg').metadata == want and lite.load(moved).labels == ['cat', 'dog']
    text = json.dumps(metadata | dict(files={f'C:\\model\\{k}': v for k,v in metadata['files'].items()}))
    (moved/'model.json').write_text(text)
    for o in OPEN.values():
        with pytest.raises(PetLearnError, match='damaged'): o(moved)

@pytest.mark.parametrize('name,says', [('x.pkl', 'is a pickle'), ('x.pth', 'is a pickle'), ('model.json', 'is a file'), ('model.onnx', 'is a file')])
def test_a_file_instead_of_the_folder(folder, name, says):
    if not (folder/name).exists(): (folder/name).write_bytes(b'')
    for f in (load_model, read_metadata):
        with pytest.raises(PetLearnError, match=says) as e: f(folder/name)
    assert 'trust=True' in e.value.fix if 'pickle' in says else str(folder) in e.value.fix

# ---- pickles

@pytest.fixture(scope='module')
def pkl(exported, tmp_path_factory): return export_pickle(exported, tmp_path_factory.mktemp('pickle')/'friend.pkl')

def test_a_pickle_for_fastai(exported, pkl, pets_folder, capfd):
    photo = pets_folder/'beagle_1.jpg'
    learn = read_pickle(pkl, trust=True)
    assert 'because you trust it' in ''.join(capfd.readouterr())
    with learn.no_bar(): label,_,probs = learn.predict(photo)
    want = exported.predict(photo)
    assert label == want.label and learn.backbone.on_disk and Predictor(learn).predict(photo).label == want.label

def test_the_pickle_has_no_paths_of_any_system(exported, pkl):
    import zipfile
    with zipfile.ZipFile(pkl) as z: content = b''.join(z.read(o) for o in z.namelist() if '/data/' not in o)
    for o in (b'PosixPath', b'WindowsPath', exported.path.name.encode(), exported.path.parent.name.encode(), b'site-packages'):
        assert o not in content.replace(b'PurePosixPath', b''), o

def test_plain_fastai_reads_it(pkl, pets_folder):
    from fastai.learner import load_learner
    with pytest.warns(UserWarning): learn = load_learner(pkl)
    with learn.no_bar(): assert learn.predict(pets_folder/'beagle_1.jpg')[0] in ('cat', 'dog')

@pytest.mark.parametrize('content', [b'', b'hello', b'PK\3\4 no archive', pickle.dumps({'a': 1}), pickle.dumps('x')[:-1], None], ids=['empty', 'text', 'zip', 'no learner', 'cut', 'half'])
def test_pickles_that_do_not_open(pkl, tmp_path, content):
    (tmp_path/'x.pkl').write_bytes(pkl.read_bytes()[:10**6] if content is None else content)
    with pytest.raises(PetLearnError, match='not a learner that opens here'): read_pickle(tmp_path/'x.pkl', trust=True)

@pytest.mark.parametrize('trust', [False, 1, 'yes', None], ids=str)
def test_without_trust(pkl, trust):
    with pytest.raises(PetLearnError, match='any program') as e: read_pickle(pkl, trust)
    assert 'trust=True' in e.value.fix

def test_pickle_names(exported, pkl, tmp_path):
    with pytest.raises(PetLearnError, match='there already'): export_pickle(exported, pkl)
    with pytest.raises(PetLearnError, match='does not end in .pkl'): export_pickle(exported, tmp_path/'model.onnx')
    with pytest.raises(PetLearnError, match='not a learner'): read_pickle(tmp_path/'gone.pkl', trust=True)
