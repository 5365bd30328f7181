"""Bad photos and bad folders: what `open_photo`, `check`, `train` and `predict` do with them. The photos are those of
`inputs.py`; what only one room can meet (archives, downloads, uploads) is tested with that room."""
import os, re, shutil
from io import BytesIO
from pathlib import Path
import numpy as np, pandas as pd, pytest
from PIL import EpsImagePlugin, Image
from PIL.PngImagePlugin import PngInfo
from petlearn import PetLearnError, check, open_photo, train
from petlearn.cli import main
from petlearn.datasets.labels import by_regex, cat_or_dog
from petlearn.datasets.split import split_photos
from petlearn.models.features import features
from petlearn.models.prediction import Prediction
from petlearn.photo_errors import PhotoError
from petlearn.photos.finding import find_photos
from helpers import lock_folders
from inputs import BAD, JPEG, ODD, PET, PNG, Bad, code, must_fail, put

pytestmark = pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
SIZE = 96 # that of the fixture `run`: its features are known already

# one more, which only an ordinary user can't read
LOCKED = Bad(30, 'unreadable', 'Persian_899.jpg', JPEG, 'unreadable', "can't be read", 'foreign')
BAD = [o for o in [*BAD, LOCKED] if must_fail(o)]

@pytest.fixture(autouse=True)
def locked_file(monkeypatch):
    "The tests may run as an administrator, who may read everything; and Ghostscript is never to be called."
    locked,access,opened = LOCKED.file,os.access,open
    def refuse(file, *args, **kwargs):
        if str(file).endswith(locked) and 'w' not in str(args) and 'x' not in str(args): raise PermissionError(13, 'Permission denied', str(file))
        return opened(file, *args, **kwargs)
    monkeypatch.setattr(os, 'access', lambda path, mode, **kwargs: not str(path).endswith(locked) and access(path, mode, **kwargs))
    monkeypatch.setattr('builtins.open', refuse)
    monkeypatch.setattr(EpsImagePlugin, 'Ghostscript', lambda *args, **kwargs: pytest.fail('Ghostscript was called'))

def good(folder, pets_folder, n=20):
    "Copies of the first drawn pets, whose features are known from the fixture `run`."
    folder.mkdir(exist_ok=True)
    files = find_photos(pets_folder)
    for o in [o for o in files if cat_or_dog(o) == 'cat'][:n//2] + [o for o in files if cat_or_dog(o) == 'dog'][:n//2]: shutil.copy2(o, folder)
    return folder

# --- single photos -----------------------------------------------------------------------------------------------

def test_bad_photos_are_refused_with_a_reason(tmp_path, predictor):
    for o in BAD:
        path = put(tmp_path, o)/o.file
        for f in (open_photo, lambda x: open_photo(x, min_side=64), predictor.predict):
            with pytest.raises(PhotoError) as e: f(path)
            assert e.value.kind == o.kind and o.says in str(e.value) and o.file in e.value.what and e.value.fix, o.name

def test_odd_photos_are_like_ordinary_ones(tmp_path, predictor):
    for o in ODD:
        path = put(tmp_path, o)/o.file
        for x in (path, o.content, Image.open(BytesIO(o.content))):
            img = open_photo(x)
            assert img.mode == 'RGB' and img.size == o.same.size, o.name
            assert np.abs(np.asarray(img).astype(int) - np.asarray(o.same)).max() <= 1, o.name
        assert list(open_photo(path).info['notes']) == ([o.note] if o.note else []), o.name
        a,b = predictor.predict(path).probs,predictor.predict(o.same).probs
        assert all(abs(a[k] - b[k]) < .02 for k in b), o.name

@pytest.mark.slow
def test_bad_photos_in_a_folder(tmp_path, pets_folder):
    "Found before the training, listed with their reasons, and left out by choice."
    folder = put(good(tmp_path/'pets', pets_folder), *BAD)
    listed = [o for o in BAD if o.check != 'foreign']
    assert len(find_photos(folder)) == 20 + len(listed) and list(find_photos(folder).skipped) == ['files that may not be read', 'pictures of other kinds']
    for skip in (False, True): # so many are no accident, whatever is asked for
        with pytest.raises(PetLearnError, match=f'{len(listed)} of {20 + len(listed)} photos'):
            train(folder, size=SIZE, epochs=1, skip_damaged=skip, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='skip_damaged=True') as e: train(folder, size=SIZE, epochs=1, check=False, runs_dir=tmp_path/'runs')
    assert any(o.file in str(e.value) and o.says in str(e.value) for o in listed)
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, skip_damaged=True, check=False, runs_dir=tmp_path/'left out')
    reasons = {Path(f).name: r for f,r in zip(run.left_out.file, run.left_out.reason)}
    assert len(run.split) == 20 and reasons.keys() == {o.file for o in listed} and all(reasons.values())

@pytest.mark.slow
def test_odd_photos_train_like_ordinary_ones(tmp_path, pets_folder):
    "All of them in one folder, and the ordinary pictures in another: the model learns from the same features."
    folder,ordinary = put(good(tmp_path/'odd', pets_folder), *ODD),good(tmp_path/'ordinary', pets_folder)
    for o in ODD:
        (mark := PngInfo()).add_text('name', o.name) # no two files with the same bytes
        o.same.save((ordinary/o.file).with_suffix('.png'), pnginfo=mark)
    by_name = lambda bank: {Path(f).stem: x.astype('float32') for f,x in zip(bank.table.file, bank.x)}
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, runs_dir=tmp_path/'runs')
    a,b = by_name(run.bank),by_name(features(split_photos(ordinary), size=SIZE))
    for o in ODD:
        x,y = a[Path(o.file).stem],b[Path(o.file).stem]
        assert x @ y / np.sqrt(x@x * (y@y)) > .98, o.name

def test_bad_photos_on_the_command_line(tmp_path, run, pets_folder, capsys):
    files = [put(tmp_path/'in', o)/o.file for o in BAD] + [pets_folder/'Abyssinian_1.jpg']
    assert main(['predict', *map(str, files), '--run', str(run.path), '--format', 'words']) == 1
    out = capsys.readouterr()
    for o in BAD: assert o.says in out.err and o.file in out.err, o.name
    assert out.out.count('Is this a cat?') == 1 and 'Traceback' not in out.err and f'{len(BAD)} of {len(files)} photos' in out.err

def test_check_finds_photos(tmp_path, pets_folder):
    "All of them among good ones: each finding names the files that are to blame, and no other."
    found = check(put(good(tmp_path/'pets', pets_folder, 10), *BAD, *ODD))
    for kind in ('empty', 'damaged', 'not a photo', 'unsupported', 'needs plug-in', 'oversized', 'too small', 'wrong name', 'animated', 'turned'):
        expected = {o.file for o in [*BAD, *ODD] if o.check == kind}
        assert {Path(f).name for f in found[kind].files} == expected if expected else kind not in found, kind
    assert 'foreign' in found and 'foreign' not in check(good(tmp_path/'good', pets_folder, 10))

def test_heic_with_its_plugin():
    heif = pytest.importorskip('pillow_heif')
    heif.register_heif_opener()
    assert open_photo(code(PET, 'HEIF')).size == PET.size

def test_what_is_no_photo(tmp_path, predictor): # what else a model may be asked about: the tests of `Predictor`
    for x,says in (('https://example.org/cat.jpg', 'web address'), (None, 'NoneType is not a photo'), ('.', 'is a folder'), (5, 'int is not a photo')):
        with pytest.raises(PetLearnError, match=says): open_photo(x)
    os.mkfifo(tmp_path/'pipe.jpg') # no endless waiting
    for name in ('gone.jpg', 'pipe.jpg'):
        with pytest.raises(PhotoError, match=name) as e: predictor.predict(tmp_path/name)
        assert e.value.kind == 'unreadable'

def test_no_model_on_the_command_line(tmp_path, capsys):
    (tmp_path/'cat.png').write_bytes(PNG)
    assert main(['predict', str(tmp_path/'cat.png'), '--runs-dir', str(tmp_path/'runs')]) == 2
    assert 'There are no runs' in capsys.readouterr().err

def test_neither_cat_nor_dog():
    for p in (.5, .79):
        doubtful = Prediction({'cat': p, 'dog': 1-p}, 'car.jpg')
        assert 'not sure' in str(doubtful) and 'not sure' in doubtful._repr_html_()
    assert 'It can only choose among these labels' in Prediction({'cat': .99, 'dog': .01})._repr_html_()

# --- folders -----------------------------------------------------------------------------------------------------

def missing(folder, pets): return folder/'pets'
def misspelt(folder, pets): return good(folder/'pets', pets).with_name('pest')
def empty(folder, pets): return put(folder/'pets')
def a_file(folder, pets): return put(folder/'pets', ODD[0])/ODD[0].file
def two_photos(folder, pets): return good(folder/'pets', pets, 2)
def eight_photos(folder, pets): return good(folder/'pets', pets, 8)
def twenty_photos(folder, pets): return good(folder/'pets', pets)

def one_label(folder, pets):
    for i,o in enumerate(find_photos(good(folder/'pets', pets))): o.rename(o.with_name(f'Persian_{i}.jpg'))
    return folder/'pets'

def only_in_validation(folder, pets):
    "A split with a label that no training photo has."
    split = split_photos(good(folder/'pets', pets))
    return split.assign(label=split.label.mask((split.usage == 'valid') & (split.label == 'cat'), 'bird'))

def two_labels(folder, pets):
    shutil.copy(good(folder/'pets', pets)/'Abyssinian_1.jpg', folder/'pets/pug_99.jpg')
    return folder/'pets'

def lower_case(folder, pets):
    for o in find_photos(good(folder/'pets', pets)): o.rename(o.with_name(o.name.lower()))
    return folder/'pets'

# how the folder is made, labeler, what `train` says, finding of `check` (None where it raises as well)
FOLDERS = [
    (missing, None, 'There is no folder', None),
    (misspelt, None, "Did you mean 'pets'", None),
    (empty, None, 'No photos in .*found nothing at all', None),
    (a_file, None, 'is a file', None),
    (one_label, None, 'Expected at least 2 labels', 'one label'),
    (two_photos, None, 'Expected at least 5 of each label', 'too few'),
    (eight_photos, None, 'Expected at least 5 of each label', 'too few'),
    (twenty_photos, lambda o: None, 'no label for 20 of 20 photos, such as .*, .*, ', 'no label'),
    (twenty_photos, lambda o: o.nothing, 'it raised AttributeError', 'no label'),
    (twenty_photos, by_regex('(zzz)'), 'does not fit the name', 'no label'),
    (only_in_validation, None, "Nothing to learn 'bird' from", 'too few'),
    (two_labels, None, 'The same photo has two labels.*Abyssinian_1.jpg.*pug_99.jpg', 'two labels'),
    (lower_case, None, 'have lost their capital letter', 'case'),
    (lower_case, cat_or_dog, 'have lost their capital letter.*the same label', 'case')]

@pytest.mark.parametrize('make,labeler,says,finding', FOLDERS, ids=[f'{o[0].__name__}-{i}' for i,o in enumerate(FOLDERS)])
def test_folders_are_refused_before_anything_is_trained(tmp_path, pets_folder, run, capsys, make, labeler, says, finding):
    photos = make(tmp_path, pets_folder)
    with pytest.raises(PetLearnError) as e: train(photos, labeler, size=SIZE, epochs=1, runs_dir=tmp_path/'runs')
    assert re.search(says, str(e.value), re.S) and e.value.expected and e.value.fix
    assert not (tmp_path/'runs').exists() or not any((tmp_path/'runs').iterdir())
    if finding:
        found = check(photos, labeler)
        assert finding in found and not found.ok
        return
    for f in (check, find_photos):
        with pytest.raises(PetLearnError, match=says) as e: f(photos)
        assert str(photos) in str(e.value)
    capsys.readouterr()
    assert main(['predict', str(photos), '--run', str(run.path)]) == {a_file: 0, empty: 1}.get(make, 2)
    assert make == a_file or str(photos) in capsys.readouterr().err

def test_a_batch_larger_than_the_photos(tmp_path, pets_folder, capsys):
    run = train(good(tmp_path/'pets', pets_folder), size=SIZE, epochs=1, fine_tune_epochs=0, bs=64, runs_dir=tmp_path/'runs')
    assert 'Only 16 photos to train on, so the batch size is 16 instead of 64' in capsys.readouterr().err
    assert np.isfinite(run.history.cross_entropy).all() and list(run.history.dataset) == ['train', 'valid'] and run.steps == 1

def test_copies_are_counted_once_and_leaks_are_refused(tmp_path, pets_folder, capsys):
    folder = good(tmp_path/'pets', pets_folder)
    shutil.copy(folder/'Abyssinian_1.jpg', folder/'Abyssinian_99.jpg')
    split = split_photos(folder)
    assert len(split) == 20 and 'exact cop' in capsys.readouterr().err and 'copy' in check(folder)
    valid = split[split.usage == 'valid']
    with pytest.raises(PetLearnError, match='two usages'):
        train(pd.concat([split, valid.assign(usage='train')]), size=SIZE, epochs=1, runs_dir=tmp_path/'runs')
    photo = valid[valid.label == 'cat'].iloc[0] # and saved anew, among the training photos
    Image.open(photo.file).save(folder/'Abyssinian_98.jpg', quality=60)
    again = dict(photo, file=str(folder/'Abyssinian_98.jpg'), usage='train', sha256='0'*64)
    found = check(pd.concat([split, pd.DataFrame([again])], ignore_index=True))
    assert {Path(o).name for o in found['leak'].files} & {Path(photo.file).name, 'Abyssinian_98.jpg'}

def test_what_is_skipped(tmp_path, pets_folder, monkeypatch):
    folder = put(good(tmp_path/'pets', pets_folder), LOCKED)
    for o in ('.hidden.jpg', '__MACOSX/._1.jpg', 'Thumbs.db', 'x.mat', '_quarantine/2026/1.jpg', 'deep/_quarantine/2.jpg', 'locked/1.jpg'):
        (folder/o).parent.mkdir(parents=True, exist_ok=True)
        (folder/o).touch()
    (folder/'loop').symlink_to(folder)
    (folder/'gone.jpg').symlink_to(folder/'nowhere.jpg')
    (folder/'itself.jpg').symlink_to(folder/'itself.jpg')
    os.mkfifo(folder/'pipe.jpg')
    lock_folders(monkeypatch, 'locked')
    found = find_photos(folder)
    assert {kind: o.total() for kind,o in found.skipped.items()} == {
        'folders that may not be read': 1, 'files that may not be read': 1, 'broken links': 2, 'linked folders': 1, 'photos in quarantine': 2,
        'files in system folders': 1, 'system files': 1, 'hidden files': 1, 'empty files': 1, 'other files': 1}
    assert len(found) == len(split_photos(folder)) == 20 and 'foreign' in check(folder)

def test_imbalance_is_named_with_the_base_rate(tmp_path, pets_folder, capsys):
    folder = put(tmp_path/'pets')
    for i,o in enumerate(find_photos(pets_folder)): shutil.copy(o, folder/f"{'Persian' if i < 35 else 'pug'}_{i}.jpg")
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, runs_dir=tmp_path/'runs')
    assert "always answering 'cat' would be wrong on 1" in capsys.readouterr().err and run.split.label.value_counts()['dog'] == 5
    assert 'imbalance' in check(folder)
