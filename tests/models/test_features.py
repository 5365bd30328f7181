"The feature bank: what it knows again, what it survives, and that every path gives the same numbers."
import hashlib, json, os, shutil, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd, pytest, torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from petlearn import PetLearnError, Predictor, train
from petlearn import files as store
import petlearn.models.features as f
from petlearn.models.backbones import backbone, network, preset
from petlearn.photos.drawings import draw_pets
from petlearn.models.engines import FeatureExtractor, openvino_engine, torch_engine
from petlearn.models.features import bank_folder, features
from petlearn.models.learner import load_model
from petlearn.models.loaders import photo_dataloaders
from petlearn.datasets.split import split_photos
from petlearn.image_io import center_square
from conftest import FORKS

SIZE = 64

@pytest.fixture
def folder(tmp_path): return draw_pets(tmp_path/'pets', n=24, seed=21)

@pytest.fixture
def look(tmp_path):
    "`features` with small pictures and a home of its own."
    return lambda photos, **kw: features(split_photos(photos) if isinstance(photos, Path) else photos, **dict(size=SIZE, home=tmp_path/'home') | kw)

def _digest(module): return hashlib.sha256(b''.join(o.detach().numpy().tobytes() for o in module.state_dict().values())).hexdigest()

# ---- what is known again

def test_a_copy_of_the_folder_is_known(folder, look, tmp_path):
    first = look(folder)
    assert first.computed == 24 and first.shape == (24, 1280)
    shutil.copytree(folder, tmp_path/'clone')
    again = look(tmp_path/'clone')
    assert again.cached and again.engine == '' and 'all were known' in str(again)
    np.testing.assert_array_equal(first.x, again.x)

def test_one_pixel_is_exactly_one_miss(folder, look):
    look(folder)
    path = sorted(folder.glob('*.jpg'))[3]
    img = Image.open(path).convert('RGB')
    img.putpixel((1, 1), (1, 2, 3))
    img.save(path, 'PNG')
    assert look(folder).computed == 1

def test_a_new_name_is_no_miss_and_a_new_photo_is_one(folder, look, tmp_path):
    look(folder)
    path = sorted(folder.glob('*.jpg'))[3]
    path.rename(path.with_stem(path.stem+'7'))
    assert look(folder).cached
    shutil.copy(sorted(draw_pets(tmp_path/'more', n=24, seed=22).glob('Bengal*'))[0], folder/'Bengal_77.jpg')
    assert look(folder).computed == 1

def test_same_size_and_time_but_other_bytes(folder, look):
    "A clock that goes backwards or a careful editor can't fool a fingerprint."
    look(folder)
    path = sorted(folder.glob('*.jpg'))[0]
    before,data = path.stat(),bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size and look(folder).computed == 1

def test_cache_may_be_refused(folder, look, tmp_path):
    look(folder)
    assert look(folder, cache=False).computed == 24
    assert look(folder, cache=False, home=tmp_path/'nowhere').computed == 24 and not (tmp_path/'nowhere').exists()

def test_another_way_of_looking_is_another_bank(tmp_path, monkeypatch):
    b = backbone()
    other = tmp_path/'weights'
    other.write_bytes(b.weights.read_bytes()[:-1] + b'x')
    ways = [bank_folder(b, 64), bank_folder(b, 96), bank_folder(replace(b, weights=other), 64), bank_folder(replace(b, mean=(.5,)*3), 64), bank_folder(replace(b, name='x'), 64)]
    monkeypatch.setattr(f, 'VERSION', 0)
    ways.append(bank_folder(b, 64))
    assert len(set(ways)) == len(ways)

def test_dataloaders_of_fastai(folder, look):
    from fastai.vision.all import ImageDataLoaders, Resize, get_image_files
    from petlearn.datasets.labels import cat_or_dog
    dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), valid_pct=.25, seed=1, label_func=cat_or_dog, item_tfms=Resize(SIZE), bs=8, num_workers=0)
    bank = features(dls, home=folder.parent/'home')
    assert len(bank) == 24 and bank.size == SIZE and (bank.table.usage == 'valid').sum() == 6 and bank.vocab == ['cat', 'dog']
    assert look(folder).cached
    assert [Path(o).name[0].isupper() for o in bank.table.file] == list(bank.table.label == 'cat')

def test_copies(folder, look):
    bank = look(folder, copies=2)
    assert len(bank) == 24 + 2*20 and look(folder, copies=2).cached and look(folder).cached
    plain,mirror = (bank.x[((bank.table.variant == o) & (bank.table.usage == 'train')).to_numpy()] for o in (0, 1))
    assert plain.shape == mirror.shape and not np.allclose(plain, mirror)
    assert (bank.table[bank.table.usage == 'valid'].variant == 0).all()

# ---- every path gives the same numbers

@pytest.mark.parametrize('name', ['efficientnet_lite0', 'resnet18', 'mobilenetv3_small_050'])
def test_engines_agree(folder, name):
    "With random weights where there are no others: the numbers don't have to mean anything to agree."
    pixels = np.stack([center_square(o, 96) for o in sorted(folder.glob('*.jpg'))[:6]])
    torch.manual_seed(1)
    trunk = FeatureExtractor(backbone(name), network(backbone(name), 2, pretrained=name == 'efficientnet_lite0'))
    before = _digest(trunk)
    with torch.no_grad(): reference = trunk(torch.from_numpy(pixels)).numpy()
    for run in (openvino_engine(trunk, 96), torch_engine(trunk, 96)):
        for n in (1, 6):
            far = np.linalg.norm(run(pixels[:n])-reference[:n], axis=1)/np.linalg.norm(reference[:n], axis=1)
            assert far.max() < 1e-3
    assert _digest(trunk) == before, 'looking changes nothing'

def test_without_openvino(folder, look, monkeypatch, capsys):
    ours = look(folder)
    monkeypatch.setitem(sys.modules, 'openvino', None)
    theirs = look(folder, cache=False)
    assert theirs.engine == 'PyTorch' and "OpenVINO can't run" in ''.join(capsys.readouterr())
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-3, atol=1e-3)

def test_large_jpegs_open_smaller_and_look_the_same(folder, tmp_path):
    big = tmp_path/'big.jpg'
    img = Image.open(sorted(folder.glob('*.jpg'))[0]).convert('RGB').resize((2400, 1800), Image.Resampling.BICUBIC)
    img.save(big, quality=92)
    trunk = FeatureExtractor(backbone())
    fast = np.asarray(center_square(big, 224))
    slow = np.asarray(center_square(Image.open(big).convert('RGB'), 224))
    a,b = (trunk(torch.from_numpy(o[None].copy())) for o in (fast, slow))
    assert torch.cosine_similarity(a, b).item() > .98

# ---- what it survives

SPOILED = dict(cut=lambda b: b[:len(b)//2], empty=lambda b: b'', text=lambda b: b'not a bank', flipped=lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:],
               header=lambda b: b'\xff'*8 + b[8:], keys=lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:])

@pytest.mark.parametrize('kind', SPOILED)
def test_a_damaged_part_is_rebuilt(folder, look, tmp_path, capsys, kind):
    right = look(folder)
    part, = (tmp_path/'home').rglob('*.safetensors')
    part.write_bytes(SPOILED[kind](part.read_bytes()))
    again = look(folder)
    assert again.computed == 24 and 'damaged' in ''.join(capsys.readouterr())
    np.testing.assert_array_equal(right.x, again.x)
    assert look(folder).cached

@pytest.mark.parametrize('offset', [0, 8, 60, 150, 400, 1000, 5000, 60_000])
def test_no_flipped_bit_gives_a_wrong_feature(folder, look, tmp_path, offset):
    right = look(folder)
    part, = (tmp_path/'home').rglob('*.safetensors')
    data = bytearray(part.read_bytes())
    data[offset] ^= 4
    part.write_bytes(data)
    np.testing.assert_array_equal(right.x, look(folder).x)

def test_a_home_that_cannot_be_written_to(folder, look, tmp_path, capsys):
    (tmp_path/'file').write_text('in the way')
    bank = look(folder, home=tmp_path/'file'/'home')
    said = ''.join(capsys.readouterr())
    assert len(bank) == 24 and said.count("Can't write") == 1 and 'not kept' in said

def _into_a_full_disk(folder, home, log):
    import resource
    sys.stderr = open(log, 'w', buffering=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    sys.exit(len(features(split_photos(folder), size=64, home=home)))

@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no such limit')
def test_a_full_disk(folder, tmp_path):
    "A limit of 50 KB a file stands for a disk that is full: the write fails in the middle."
    p = _start(_into_a_full_disk, folder, tmp_path/'home', tmp_path/'log')
    p.join(120)
    said = (tmp_path/'log').read_text()
    assert p.exitcode == 24 and 'not kept for the next time' in said, said
    assert not [o for o in (tmp_path/'home').rglob('*') if o.is_file()], 'nothing half-written'

def _start(f, *args):
    process = FORKS.Process(target=f, args=args)
    process.start()
    return process

def _slowly(folder, home):
    store.KEEP_EVERY,real = .2,f.engine
    def slow(*o):
        name,run,bs = real(*o)
        return name,lambda p: (time.sleep(.15), run(p))[1],2
    f.engine = slow
    features(split_photos(folder), size=64, home=home)

def test_killed_in_the_middle(folder, look, tmp_path):
    "Whatever was finished is there, and the next call goes on from it."
    right = look(folder, cache=False)
    p = _start(_slowly, folder, tmp_path/'home')
    while not list((tmp_path/'home').rglob('*.safetensors')) and p.is_alive(): time.sleep(.02)
    p.kill()
    p.join()
    bank = look(folder)
    assert 0 < bank.computed < 24
    np.testing.assert_allclose(bank.x, right.x, rtol=1e-3, atol=1e-4)

def test_two_processes_fill_one_bank(folder, look, tmp_path):
    right = look(folder, cache=False)
    both = [_start(_slowly, folder, tmp_path/'home') for _ in range(2)]
    for o in both: o.join(120)
    assert [o.exitcode for o in both] == [0, 0]
    bank = look(folder)
    assert bank.cached
    np.testing.assert_allclose(bank.x, right.x, rtol=1e-3, atol=1e-4)

def test_interrupted(folder, look, monkeypatch):
    "Ctrl-C keeps what was finished, too."
    real,n = f.center_square,[0]
    def stop(*o):
        n[0] += 1
        if n[0] > 12: raise KeyboardInterrupt
        return real(*o)
    monkeypatch.setattr(f, 'center_square', stop)
    with pytest.raises(KeyboardInterrupt): look(folder)
    monkeypatch.setattr(f, 'center_square', real)
    assert 0 < look(folder).computed < 24

# ---- photos that can't be used

def test_a_damaged_photo_in_the_middle(folder, look, tmp_path):
    split = split_photos(folder)
    bad = split.index[split.usage == 'train'][5]
    Path(split.file[bad]).write_bytes(Path(split.file[bad]).read_bytes()[:900])
    split = split_photos(folder)
    with pytest.raises(PetLearnError, match='1 of 24 photos') as e: look(split)
    assert Path(split.file[bad]).name in e.value.what and 'damaged or cut short' in e.value.what and 'skip_damaged=True' in e.value.fix
    bank = look(split, skip_damaged=True)
    assert bank.cached and len(bank) == 23 and list(bank.left_out.file) == [split.file[bad]], 'the others were kept by the first call'
    run = train(split, size=SIZE, epochs=1, skip_damaged=True, cache=False, runs_dir=tmp_path/'runs')
    assert pd.read_csv(run.path/'left_out.csv').file.tolist() == [split.file[bad]] and len(run.split) == 23
    with pytest.raises(PetLearnError, match='1 of 24'): train(split, size=SIZE, epochs=1, runs_dir=tmp_path/'runs')

@pytest.mark.parametrize('change,says', [(lambda p: p.unlink(), "Can't read"), (lambda p: p.write_bytes(b'other'), 'has changed since')], ids=['gone', 'changed'])
def test_a_photo_that_is_not_the_one_that_was_split(folder, look, change, says):
    split = split_photos(folder)
    change(Path(split.file[0]))
    with pytest.raises(PetLearnError, match=says): look(split)

def test_all_photos_damaged(folder, look):
    for o in folder.glob('*.jpg'): o.write_bytes(o.read_bytes()[:500])
    with pytest.raises(PetLearnError, match='24 of 24 photos'): look(folder, skip_damaged=True)

@pytest.mark.parametrize('kw,says', [(dict(arch='resnet43'), "'resnet34'"), (dict(size=8), 'whole number from 32'), (dict(copies=-1), 'copies=-1'), (dict(arch='resnet34'), "can't be reached"),
                                     (dict(home=3), 'not the name of a file')], ids=str)
def test_refused(folder, look, kw, says, blocked):
    with pytest.raises(PetLearnError, match=says): look(folder, **kw)
    blocked.unlink(missing_ok=True)

# ---- no time for all of them

@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from('abc'), st.sampled_from(['train', 'valid'])), min_size=1, max_size=60))
def test_any_beginning_is_fair(rows):
    table = pd.DataFrame(rows, columns=['label', 'usage']).assign(sha256='x')
    order,groups = f._fair_order(table),table.groupby(['label', 'usage'])
    assert sorted(order) == list(range(len(rows)))
    seen = table.iloc[order].reset_index(drop=True)
    assert len(seen[:groups.ngroups].drop_duplicates(['label', 'usage'])) == groups.ngroups, 'one of each comes first'
    for i in range(groups.ngroups, len(rows)):
        for (label,usage),all_of_it in groups:
            n = ((seen[:i].label == label) & (seen[:i].usage == usage)).sum()
            assert abs(n - i*len(all_of_it)/len(rows)) <= groups.ngroups + 1

@pytest.fixture
def slow_engine(monkeypatch):
    real = f.engine
    def slow(*o):
        name,run,bs = real(*o)
        return name,lambda p: (time.sleep(.6), run(p))[1],2
    monkeypatch.setattr(f, 'engine', slow)

def test_a_limit_in_seconds(folder, look, slow_engine):
    bank = look(folder, seconds=.01)
    assert 4 <= len(bank) < 24 and set(bank.table.label) == {'cat', 'dog'} and set(bank.table.usage) == {'train', 'valid'}
    assert (bank.left_out.reason == 'there was no time for it').all() and len(bank) + len(bank.left_out) == 24
    assert look(folder, seconds=100).computed == 24-len(bank)

def test_minutes(tmp_path, slow_engine, capsys):
    "Too little time for all photos: stopped, said, and the model works."
    folder = draw_pets(tmp_path/'pets', n=60, seed=23)
    run = train(folder, size=SIZE, minutes=.1, cache=False, runs_dir=tmp_path/'runs')
    said = ''.join(capsys.readouterr())
    assert run.state == 'STOPPED' and len(run.split) < 60 and f'{len(run.split)} of 60 photos seen' in said and 'of 0.1 minutes used' in said
    assert json.loads((run.path/'run.json').read_text())['states'][-1][0] == 'STOPPED'
    assert Predictor(run.path).predict(next(folder.glob('*.jpg'))).probs
    assert run.metrics['of'] == (run.split.usage == 'valid').sum() and (run.path/'left_out.csv').exists()

def test_enough_minutes(folder, tmp_path):
    run = train(folder, size=SIZE, minutes=5, epochs=2, fine_tune_epochs=1, runs_dir=tmp_path)
    assert run.state == 'SUCCEEDED' and len(run.split) == 24 and len(run.history) == 6

def test_no_step_is_wasted(folder, tmp_path):
    "Stopped at any step: all steps before count, and the schedule has come down."
    from fastai.callback.core import Callback
    class Slow(Callback):
        def after_step(self): time.sleep(.3)
    run = train(folder, size=SIZE, minutes=.1, epochs=499, cbs=[Slow()], runs_dir=tmp_path)
    assert run.state == 'STOPPED' and 0 < run.steps < 499*len(run.head.dls.train)
    assert run.history[run.history.dataset == 'train'].batches.sum() == run.steps and run.head.opt.hypers[-1]['lr'] < 2e-3
    model,_ = load_model(run.path/'model')
    torch.testing.assert_close(model[1][-1].weight, run.head.model.weight)

# ---- the head, and the whole

def test_warm_training_opens_no_photo(pets_folder, tmp_path, monkeypatch):
    first = train(pets_folder, size=72, runs_dir=tmp_path)
    import petlearn.datasets.split as loaders
    import petlearn.image_io as opening
    def never(*o, **kw): raise AssertionError('a photo was opened')
    for module,name in ((f, 'center_square'), (f, 'open_photo'), (loaders, 'open_photo'), (opening, '_open'), (f, 'engine')): monkeypatch.setattr(module, name, never)
    run = train(pets_folder, size=72, lr=.003, epochs=3, runs_dir=tmp_path)
    assert run.phases[0].cached and not first.phases[0].cached and len(run.history) == 6

def test_everything_agrees_with_the_head(pets_folder, tmp_path):
    "fastai's predict, validate, get_preds and export, on pictures, say what the head said on features."
    from fastai.learner import load_learner
    run = train(pets_folder, size=96, epochs=4, runs_dir=tmp_path)
    probs = run.predictions[['p_cat', 'p_dog']].to_numpy()
    with run.learn.no_bar():
        np.testing.assert_allclose(run.learn.get_preds()[0].numpy(), probs, atol=2e-3)
        loss,error,accuracy = run.learn.validate()
        assert error == run.metrics['valid_error'] and loss == pytest.approx(run.metrics['valid_loss'], abs=5e-3) and accuracy == pytest.approx(1-error)
        run.learn.export(tmp_path/'learner.pkl')
        again = load_learner(tmp_path/'learner.pkl')
        with again.no_bar():
            for i,row in enumerate(run.predictions.itertuples()):
                for learn in (run.learn, again):
                    label,_,p = learn.predict(row.file)
                    assert label == row.predicted
                    np.testing.assert_allclose(p.numpy(), probs[i], atol=2e-3)

def test_only_the_head_learned(pets_folder, tmp_path):
    from petlearn.models.backbones import network
    run = train(pets_folder, size=SIZE, epochs=2, runs_dir=tmp_path)
    assert _digest(run.model[0]) == _digest(network(backbone(), 2)[0])

def test_cold_and_warm_give_the_same_model(pets_folder, tmp_path):
    runs = [train(pets_folder, size=48, epochs=2, runs_dir=tmp_path) for _ in range(2)]
    assert [o.phases[0].cached for o in runs] == [False, True]
    np.testing.assert_allclose(*(o.predictions.p_cat for o in runs), atol=1e-6)

def test_every_epoch_reaches_callbacks(pets_folder, tmp_path):
    from fastai.callback.core import Callback
    class Probe(Callback):
        epochs = 0
        def after_epoch(self): self.epochs += 1
    probe = Probe()
    run = train(pets_folder, size=SIZE, epochs=3, fine_tune_epochs=1, cbs=[probe], runs_dir=tmp_path)
    assert probe.epochs == 4 and len(run.history) == 8

def test_fine_tuning_that_harms_is_taken_back(pets_folder, tmp_path):
    from fastai.callback.core import Callback
    class Spoil(Callback):
        def after_train(self): # every answer the other way round, but only when the whole network learns
            if isinstance(self.model, torch.nn.Sequential): self.model[1][-1].weight.data.mul_(-1)
    plain = train(pets_folder, size=SIZE, runs_dir=tmp_path)
    run = train(pets_folder, size=SIZE, fine_tune_epochs=1, cbs=[Spoil()], runs_dir=tmp_path)
    assert 'kept' in run.phases[-1].note and run.metrics == plain.metrics and 'not better' in run._repr_html_()
    assert _digest(load_model(run.path/'model')[0]) == _digest(load_model(plain.path/'model')[0])
    assert run.history[(run.history.phase == 'fine-tune') & (run.history.dataset == 'valid')].accuracy.item() < plain.metrics['valid_accuracy']

def test_fine_tuning_that_helps_is_kept(pets_folder, tmp_path):
    "An untrained head can only get better."
    run = train(pets_folder, size=SIZE, epochs=0, fine_tune_epochs=2, runs_dir=tmp_path)
    assert run.phases[-1].note == '' and list(run.history.phase.unique()) == ['fine-tune']
    last = run.history[run.history.dataset == 'valid'].sort_values(['accuracy', 'cross_entropy'], ascending=[False, True]).iloc[0]
    assert run.metrics['valid_accuracy'] == pytest.approx(last.accuracy) and run.metrics['valid_loss'] == pytest.approx(last.cross_entropy, abs=1e-3)
    assert run.learn.path == run.path
    with run.learn.no_bar(): assert run.learn.validate()[1] == pytest.approx(run.metrics['valid_error'])

def test_the_last_epoch_of_a_budget_counts_for_the_best(pets_folder, tmp_path):
    "fastai's recorder leaves the training loss out of an epoch that was cut short; that must not mix the figures up."
    from fastai.callback.core import Callback
    from petlearn.models.callbacks import RestoreBest, TimeBudget, TrainingLog
    from petlearn.models.learner import head_learner, pet_learner, train_head
    class Slow(Callback):
        def after_step(self): time.sleep(.2)
    split = split_photos(pets_folder)
    log,budget = TrainingLog(), TimeBudget(.5)
    keep = RestoreBest(log)
    head = head_learner(pet_learner(photo_dataloaders(split, SIZE)), features(split, size=SIZE), cbs=[log, keep, budget, Slow()])
    with head.no_bar(), head.no_logging():
        train_head(head, 20)
        assert budget.stopped and keep.best is not None
        loss,error,_ = head.validate()
    assert keep.best['accuracy'] == pytest.approx(1-error) and keep.best['cross_entropy'] == pytest.approx(loss, abs=1e-4)

def test_labels_that_are_numbers_keep_their_order(pets_folder):
    "fastai sorts 2 before 10, text sorts '10' before '2'; the head's outputs must follow fastai's."
    from fastai.vision.all import ImageDataLoaders, Resize
    files = sorted(pets_folder.glob('*.jpg'))
    dls = ImageDataLoaders.from_lists(pets_folder, files, [2 if i % 2 else 10 for i in range(len(files))], valid_pct=.25, seed=1, item_tfms=Resize(SIZE), bs=8, num_workers=0)
    bank = features(dls)
    assert bank.vocab == ['2', '10'] and list(dls.vocab) == [2, 10]

def test_limits_hold_where_nobody_watches(folder, tmp_path, slow_engine):
    "In a log file there is no bar to count with."
    bank = features(split_photos(folder), size=SIZE, seconds=.01, cache=False)
    assert len(bank) < 24

def test_a_table_with_a_labeler_is_refused(pets_folder, tmp_path):
    with pytest.raises(PetLearnError, match='has its labels already'): train(split_photos(pets_folder), lambda o: 'x', runs_dir=tmp_path)

def test_preferences(monkeypatch):
    assert [preset(o)[1] for o in ('performance_first', 'balance')] == [160, 224]
    assert (preset('accuracy_first')[0].name, preset('accuracy_first')[1]) == ('efficientnet_lite2', 260)
    import petlearn.models.backbones as backbones
    monkeypatch.setattr(backbones, '_lite_file', lambda i: Path('/nowhere'))
    assert (preset('accuracy_first')[0].name, preset('accuracy_first')[1]) == ('efficientnet_lite0', 288)
    with pytest.raises(PetLearnError, match='not installed') as e: backbones.require_weights(backbone('efficientnet_lite1'))
    assert 'petlearn[accuracy]' in e.value.fix

@pytest.mark.parametrize('i', [1, 2])
def test_larger_networks_have_their_weights(i):
    "As many numbers as timm's network has, of the same shapes, in the same order."
    import timm
    from petlearn.models.backbones import _lite_weights
    net = timm.create_model(f'tf_efficientnet_lite{i}', pretrained=False, num_classes=0)
    weights = _lite_weights(net, i)
    assert all(weights[k].shape == v.shape for k,v in net.state_dict().items()) and len(weights) == len(net.state_dict())

def test_real_photos_are_right(real_photos, tmp_path):
    "The real thing: cats and dogs, and 37 breeds."
    from petlearn.datasets.labels import breed
    pets = real_photos/'oxford-iiit-pet'/'images'
    errors = [train(pets, seed=o, runs_dir=tmp_path).metrics['valid_error'] for o in range(5)]
    assert np.mean(errors) <= .01
    errors = [train(pets, breed, seed=o, runs_dir=tmp_path).metrics['valid_error'] for o in range(5)]
    assert np.mean(errors) <= .18

def test_nothing_is_reported_to_anyone(folder, tmp_path, blocked):
    "OpenVINO's Python package would look up Google Analytics and leave an identity in the home folder."
    code = f"from petlearn.models.features import features; from petlearn.datasets.split import split_photos; features(split_photos({str(folder)!r}), size=64, home='home')"
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=os.environ | {'HOME': str(tmp_path)}, check=True)
    assert not blocked.exists() and not (tmp_path/'intel').exists()

def test_two_exports_at_once():
    "torch's exporter can't; both give the file that one alone gives."
    nets = [torch.nn.Sequential(torch.nn.Flatten(), Numbers(), torch.nn.Linear(3*SIZE*SIZE, n)) for n in (2, 3)]
    alone = [f.onnx_bytes(o, SIZE) for o in nets]
    with ThreadPoolExecutor(4) as pool: assert list(pool.map(lambda o: f.onnx_bytes(o, SIZE), nets*4)) == alone*4

class Numbers(torch.nn.Module):
    "Pixels as numbers with a point."
    def forward(self, x): return x.float()
