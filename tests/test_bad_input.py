"""Bad input, case by case as metadata.md numbers them: what `open_photo`, `check`, `train` and `predict` make of it.
Cases 33 to 37 (archives and downloads) are in test_archives.py; what other files test is named in `ELSEWHERE`."""
import os, re, shutil
from collections import namedtuple
from importlib import import_module
from io import BytesIO
from pathlib import Path
import numpy as np, pandas as pd, pytest
from PIL import EpsImagePlugin, Image
from PIL.PngImagePlugin import PngInfo
from petlearn import PetLearnError, train
from petlearn.datasets.checks import check
from petlearn.cli import main
from petlearn.models.features import features
from petlearn.datasets.labels import by_regex, cat_or_dog
from petlearn.datasets.split import split_photos
from petlearn.photos.finding import find_photos
from petlearn.image_io import open_photo
from petlearn.photo_errors import PhotoError
from petlearn.models.prediction import Prediction
from inputs import BAD, JPEG, ODD, PET, PNG, Bad, code, ids, must_fail, put

pytestmark = pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
SIZE = 96 # that of the fixture `run`: its features are known already

# one more, which only an ordinary user can't read
LOCKED = Bad(30, 'unreadable', 'Persian_899.jpg', JPEG, 'unreadable', "can't be read", 'foreign')
BAD = [*BAD, LOCKED]

@pytest.fixture(autouse=True)
def some_things_are_not_so(monkeypatch):
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

def skip_with_plugin(o):
    if not must_fail(o): pytest.skip('the plug-in for iPhone photos is installed')

# --- single photos -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize('o', BAD, ids=ids(BAD))
def test_bad_photos_are_refused_with_a_reason(tmp_path, predictor, o):
    skip_with_plugin(o)
    path = put(tmp_path/'in', o)/o.file
    for f in (open_photo, lambda o: open_photo(o, min_side=64), predictor.predict):
        with pytest.raises(PhotoError) as e: f(path)
        assert e.value.kind == o.kind and o.says in str(e.value) and o.file in e.value.what and e.value.fix

@pytest.mark.parametrize('o', ODD, ids=ids(ODD))
def test_odd_photos_are_like_ordinary_ones(tmp_path, predictor, o):
    path = put(tmp_path/'in', o)/o.file
    for x in (path, o.content, Image.open(BytesIO(o.content))):
        img = open_photo(x)
        assert img.mode == 'RGB' and img.size == o.same.size
        assert np.abs(np.asarray(img).astype(int) - np.asarray(o.same)).max() <= 1
    assert list(open_photo(path).info['notes']) == ([o.note] if o.note else [])
    a,b = predictor.predict(path).probs,predictor.predict(o.same).probs
    assert all(abs(a[k] - b[k]) < .02 for k in b)

def test_bad_photos_in_a_folder(tmp_path, pets_folder):
    "26: found before the training, listed with their reasons, and left out by choice."
    folder = put(good(tmp_path/'pets', pets_folder), *BAD)
    listed = [o for o in BAD if o.check != 'foreign']
    assert len(find_photos(folder)) == 20 + len(listed) and find_photos(folder).skipped == {'not photos': 1, 'not readable': 1}
    for skip in (False, True): # so many are no accident, whatever one says
        with pytest.raises(PetLearnError, match='18 of 38 photos') as e: train(folder, size=SIZE, epochs=1, skip_damaged=skip, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='skip_damaged=True') as e: train(folder, size=SIZE, epochs=1, check=False, runs_dir=tmp_path/'runs')
    assert any(o.file in str(e.value) and o.says in str(e.value) for o in listed)
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, skip_damaged=True, check=False, runs_dir=tmp_path/'left out')
    assert len(run.split) == 20
    reasons = {Path(f).name: r for f,r in zip(run.left_out.file, run.left_out.reason)}
    for o in listed: assert reasons.pop(o.file)
    assert not reasons

def test_odd_photos_train_like_ordinary_ones(tmp_path, pets_folder):
    "All of them in one folder, and their ordinary twins in another: the model learns from the same features."
    folder,twins = good(tmp_path/'odd', pets_folder),good(tmp_path/'twins', pets_folder)
    put(folder, *ODD)
    for o in ODD:
        (mark := PngInfo()).add_text('name', o.name) # no two files with the same bytes
        o.same.save((twins/o.file).with_suffix('.png'), pnginfo=mark)
    by_name = lambda bank: {Path(f).stem: x for f,x in zip(bank.table.file, bank.x)}
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, runs_dir=tmp_path/'runs')
    a,b = by_name(run.bank),by_name(features(split_photos(twins), size=SIZE))
    for o in ODD:
        x,y = (np.asarray(bank[Path(o.file).stem], 'float32') for bank in (a, b))
        assert x @ y / np.sqrt(x@x * (y@y)) > .98, o.name

def test_bad_photos_on_the_command_line(tmp_path, run, pets_folder, capsys):
    rows = [o for o in BAD if must_fail(o)]
    files = [put(tmp_path/'in', o)/o.file for o in rows] + [pets_folder/'Abyssinian_1.jpg']
    assert main(['predict', *map(str, files), '--run', str(run.path), '--format', 'words']) == 2
    out = capsys.readouterr()
    for o in rows: assert o.says in out.err and o.file in out.err
    assert out.out.count('Is this a cat?') == 1 and 'Traceback' not in out.err and f'{len(rows)} of {len(files)} photos' in out.err

def _check(photos, labeler=None): return check(photos, labeler)

@pytest.mark.parametrize('o', BAD+ODD, ids=ids(BAD+ODD))
def test_check_finds_photos(tmp_path, pets_folder, o):
    "The finding of each bad or odd photo names its file, and an ordinary one has none."
    if o in BAD: skip_with_plugin(o)
    found = _check(put(good(tmp_path/'pets', pets_folder, 10), o))
    about = {'empty', 'damaged', 'not a photo', 'needs plug-in', 'oversized', 'too small', 'unreadable', 'foreign', 'wrong name', 'animated', 'turned'}
    assert [k for k in found.kinds if k in about] == ([o.check] if o.check else [])
    if o.check and o.check != 'foreign': assert [Path(f).name for f in found[o.check].files] == [o.file]

def test_12_heic_with_its_plugin():
    heif = pytest.importorskip('pillow_heif')
    heif.register_heif_opener()
    assert open_photo(code(PET, 'HEIF')).size == PET.size

@pytest.mark.parametrize('x,says', [('https://example.org/cat.jpg', 'web address'), (None, 'NoneType is not a photo'), ('.', 'is a folder'), (Path('nowhere.jpg'), 'There is no file'), (5, 'int is not a photo')])
def test_15_what_is_no_source(x, says): # what else a model may be asked about: test_predict.test_door
    with pytest.raises(PetLearnError, match=says): open_photo(x)

def test_15_a_file_that_is_gone_or_is_a_pipe(tmp_path, predictor):
    "An ordinary error, with a kind, and no endless waiting."
    os.mkfifo(tmp_path/'pipe.jpg')
    for name in ('gone.jpg', 'pipe.jpg'):
        with pytest.raises(PhotoError, match=name) as e: predictor.predict(tmp_path/name)
        assert e.value.kind == 'unreadable'

def test_19_no_model_on_the_command_line(tmp_path, capsys):
    (tmp_path/'cat.png').write_bytes(PNG)
    assert main(['predict', str(tmp_path/'cat.png'), '--runs-dir', str(tmp_path/'runs')]) == 2
    assert 'There are no runs' in capsys.readouterr().err

@pytest.mark.parametrize('p', [.5, .79])
def test_21_neither_cat_nor_dog(p):
    doubtful = Prediction({'cat': p, 'dog': 1-p}, 'car.jpg')
    assert 'not sure' in str(doubtful) and 'not sure' in doubtful._repr_html_()
    assert 'It can only choose among these labels' in Prediction({'cat': .99, 'dog': .01})._repr_html_()

# --- folders -----------------------------------------------------------------------------------------------------

def nothing(folder, pets): return folder/'pets'
def misspelt(folder, pets): return good(folder/'pets', pets).with_name('pest')
def empty(folder, pets): return put(folder/'pets')
def a_file(folder, pets): return put(folder/'pets', ODD[0])/ODD[0].file

def one_label(folder, pets):
    for i,o in enumerate(find_photos(good(folder/'pets', pets))): o.rename(o.with_name(f'Persian_{i}.jpg'))
    return folder/'pets'

def only(n):
    def f(folder, pets): return good(folder/'pets', pets, n)
    return f

def a_lonely_label(folder, pets):
    "A label of a split table that is only held back."
    split = split_photos(good(folder/'pets', pets))
    row = split.usage == 'valid'
    return split.assign(label=split.label.where(~row | (split.label == 'dog'), 'bird'))

def torn(folder, pets):
    good(folder/'pets', pets)
    shutil.copy(folder/'pets/Abyssinian_1.jpg', folder/'pets/pug_99.jpg')
    return folder/'pets'

def lower_case(folder, pets):
    for o in find_photos(good(folder/'pets', pets)): o.rename(o.with_name(o.name.lower()))
    return folder/'pets'

# Folders that can't be used: case, name, how it is made, labeler, what `train` says, finding of `check` (or None where it raises as well)
Folder = namedtuple('Folder', 'case name make labeler says check')
FOLDERS = [Folder(*o) for o in [
    (22, 'missing', nothing, None, 'There is no folder', None),
    (22, 'misspelt', misspelt, None, "Did you mean 'pets'", None),
    (22, 'empty', empty, None, 'No photos in .*found nothing at all', None),
    (22, 'a file', a_file, None, 'is a file', None),
    (23, 'one class', one_label, None, 'Expected at least 2 labels', 'one label'),
    (24, 'two photos', only(2), None, 'Expected at least 5 of each label', 'too few'),
    (24, 'eight photos', only(8), None, 'Expected at least 5 of each label', 'too few'),
    (27, 'labeler says None', only(20), lambda o: None, 'no label for 20 of 20 photos, such as .*, .*, ', 'no label'),
    (27, 'labeler raises', only(20), lambda o: o.nothing, 'it raised AttributeError', 'no label'),
    (27, 'pattern does not fit', only(20), by_regex('(zzz)'), 'does not fit the name', 'no label'),
    (28, 'nothing to learn a label from', a_lonely_label, None, "Nothing to learn 'bird' from", 'too few'),
    (29, 'one photo with two labels', torn, None, 'The same photo has two labels.*Abyssinian_1.jpg.*pug_99.jpg', 'two labels'),
    (32, 'no capital letters', lower_case, None, 'have lost their capital letter', 'case'),
    (32, 'no capital letters, and the rule that needs them', lower_case, cat_or_dog, 'have lost their capital letter.*the same label', 'case'),
]]

@pytest.mark.parametrize('o', FOLDERS, ids=ids(FOLDERS))
def test_folders_are_refused_before_anything_is_trained(tmp_path, pets_folder, o):
    with pytest.raises(PetLearnError) as e: train(o.make(tmp_path, pets_folder), o.labeler, size=SIZE, epochs=1, runs_dir=tmp_path/'runs')
    assert re.search(o.says, str(e.value), re.S) and e.value.expected and e.value.fix
    assert not (tmp_path/'runs').exists() or not any((tmp_path/'runs').iterdir())

@pytest.mark.parametrize('o', FOLDERS, ids=ids(FOLDERS))
def test_check_finds_folders(tmp_path, pets_folder, o):
    photos = o.make(tmp_path, pets_folder)
    if o.check: assert o.check in _check(photos, o.labeler) and not _check(photos, o.labeler).ok
    else:
        with pytest.raises(PetLearnError, match=o.says): _check(photos, o.labeler)

@pytest.mark.parametrize('o', [o for o in FOLDERS if o.case == 22], ids=lambda o: o.name)
def test_22_folders_for_find_photos_and_predict(tmp_path, pets_folder, run, capsys, o):
    folder = o.make(tmp_path, pets_folder)
    with pytest.raises(PetLearnError) as e: find_photos(folder)
    assert re.search(o.says, str(e.value)) and str(folder) in str(e.value)
    assert main(['predict', str(folder), '--run', str(run.path)]) == (0 if o.name == 'a file' else 2)
    assert o.name == 'a file' or str(folder) in capsys.readouterr().err

def test_25_a_batch_larger_than_the_photos(tmp_path, pets_folder, capsys):
    run = train(good(tmp_path/'pets', pets_folder), size=SIZE, epochs=1, fine_tune_epochs=0, bs=64, runs_dir=tmp_path/'runs')
    assert 'Only 16 photos to train on, so the batch size is 16 instead of 64' in capsys.readouterr().err
    assert np.isfinite(run.history.cross_entropy).all() and list(run.history.dataset) == ['train', 'valid'] and run.steps == 1

def test_29_copies_are_counted_once_and_leaks_are_refused(tmp_path, pets_folder, capsys):
    folder = good(tmp_path/'pets', pets_folder)
    shutil.copy(folder/'Abyssinian_1.jpg', folder/'Abyssinian_99.jpg')
    split = split_photos(folder)
    assert len(split) == 20 and 'exact cop' in capsys.readouterr().err
    leak = pd.concat([split, split[split.usage == 'valid'].assign(usage='train')])
    with pytest.raises(PetLearnError, match='two usages'): train(leak, size=SIZE, epochs=1, runs_dir=tmp_path/'runs')
    assert 'copy' in _check(folder)

def test_29_check_finds_a_leak(tmp_path, pets_folder):
    "A copy in training of a photo that is held back, byte for byte or saved anew."
    folder = good(tmp_path/'pets', pets_folder)
    split = split_photos(folder)
    held = split[(split.usage == 'valid') & (split.label == 'cat')].iloc[0]
    Image.open(held.file).save(folder/'Abyssinian_99.jpg', quality=60)
    leak = pd.concat([split, pd.DataFrame([dict(held, file=str(folder/'Abyssinian_99.jpg'), usage='train', sha256='0'*64)])], ignore_index=True)
    found = _check(leak)
    assert 'leak' in found and {Path(o).name for o in found['leak'].files} & {Path(held.file).name, 'Abyssinian_99.jpg'}

def test_30_what_is_skipped(tmp_path, pets_folder):
    folder = put(good(tmp_path/'pets', pets_folder), BAD[-1])
    for o in ('.hidden.jpg', '__MACOSX/._1.jpg', 'Thumbs.db', 'x.mat', '_quarantine/2026/1.jpg', 'deep/_quarantine/2.jpg'):
        (folder/o).parent.mkdir(parents=True, exist_ok=True)
        (folder/o).touch()
    (folder/'loop').symlink_to(folder)
    (folder/'gone.jpg').symlink_to(folder/'nowhere.jpg')
    (folder/'itself.jpg').symlink_to(folder/'itself.jpg')
    os.mkfifo(folder/'pipe.jpg')
    found = find_photos(folder)
    assert len(found) == 20
    assert found.skipped == {'hidden': 2, 'not photos': 3, 'in quarantine': 2, 'linked folders': 1, 'broken links': 2, 'not readable': 1}
    assert len(split_photos(folder)) == 20 and 'foreign' in _check(folder)

def test_30_a_locked_folder_is_counted(tmp_path, monkeypatch):
    put(tmp_path/'pets', ODD[0])
    (tmp_path/'pets/locked').mkdir()
    scandir = os.scandir
    def refuse(path):
        if str(path).endswith('locked'): raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)
    monkeypatch.setattr(os, 'scandir', refuse)
    assert find_photos(tmp_path/'pets').skipped == {'not readable': 1}

def test_31_imbalance_is_told_with_the_base_rate(tmp_path, pets_folder, capsys):
    folder = put(tmp_path/'pets')
    for i,o in enumerate([*find_photos(pets_folder)]): shutil.copy(o, folder/f"{'Persian' if i < 35 else 'pug'}_{i}.jpg")
    run = train(folder, size=SIZE, epochs=1, fine_tune_epochs=0, runs_dir=tmp_path/'runs')
    assert "always answering 'cat' would be wrong on 1" in capsys.readouterr().err and run.split.label.value_counts()['dog'] == 5
    assert 'imbalance' in _check(folder)

# --- is every case here? -----------------------------------------------------------------------------------------

ELSEWHERE = { # cases that other files test, in the one place where they can
    4: 'test_open_photo.test_bombs_are_refused_before_decoding', 5: 'test_upload.test_05_a_file_over_the_limit_takes_no_memory', 6: 'test_open_photo.test_orientation', 17: 'test_predict.test_door',
    18: 'test_predict.test_door', 19: 'test_upload.test_19_before_there_is_a_model', 20: 'test_predict.test_door',
    26: 'test_bad_input.test_bad_photos_in_a_folder', 33: 'test_archives.test_33_wicked_archives_leave_nothing',
    34: 'test_archives.test_34_another_file_names_both_hashes_and_is_kept', 35: 'test_archives.test_35_interrupted_and_done_again',
    36: 'test_archives.test_36_offline_is_said_at_once', 37: 'test_archives.test_37_a_network_that_swallows_everything',
}

def test_every_case_is_covered():
    for o in ELSEWHERE.values():
        module,name = o.split('.')
        assert hasattr(import_module(module), name), o
    here = [int(o[5:7]) for o in globals() if re.match(r'test_\d\d_', o)]
    assert {*here, *ELSEWHERE, *(o.case for o in BAD+ODD+FOLDERS)} == set(range(1, 38))
