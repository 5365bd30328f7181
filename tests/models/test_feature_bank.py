"The bank: what it knows again, what it survives, and photos that can't be used."
import os, shutil, sys, time
from dataclasses import replace
import numpy as np, pytest
from PIL import Image
import petlearn.models.feature_bank as bank
from petlearn import files as store
from petlearn.core import PetLearnError
from petlearn.files import file_sha256
from petlearn.models.backbones import backbone
from petlearn.models.engines import FeatureExtractor, engine
from petlearn.models.feature_bank import View, bank_features, bank_folder, compute_features, extract_features
from petlearn.photos.drawings import draw_pets
from petlearn.photos.finding import find_photos
from common import FORKS

def look(folder, cache):
    "Features of the photos in `folder`, at 64 pixels."
    files = find_photos(folder)
    return compute_features(files, [file_sha256(o) for o in files], size=64, cache=cache)

@pytest.fixture(scope='module')
def drawn(tmp_path_factory): return draw_pets(tmp_path_factory.mktemp('drawn')/'pets', n=24, seed=21)

@pytest.fixture
def folder(drawn, tmp_path): return shutil.copytree(drawn, tmp_path/'pets')

@pytest.fixture(scope='module')
def eng(): return engine(FeatureExtractor(backbone()), 64)

@pytest.fixture(autouse=True)
def same_engine(eng, monkeypatch):
    "One engine for all tests: making it takes longer than most of them."
    monkeypatch.setattr(bank, 'engine', lambda extractor, size: eng)
    monkeypatch.setattr(bank, 'FeatureExtractor', lambda b: None)

@pytest.fixture
def filled(folder, tmp_path):
    "A bank that knows all photos, with what it holds."
    rows = look(folder, tmp_path/'home')
    return rows,next((tmp_path/'home').rglob('*.safetensors'))

# ---- what is known again

def test_photos_are_known_by_their_bytes(folder, tmp_path):
    home = tmp_path/'home'
    first = look(folder, home)
    assert (first.computed, first.x.shape, first.engine) == (24, (24, 1280), 'OpenVINO')
    again = look(shutil.copytree(folder, tmp_path/'clone'), home)
    assert again.computed == 0 and again.engine == ''
    np.testing.assert_array_equal(first.x, again.x)
    path = find_photos(folder)[3]
    path = path.rename(path.with_stem(path.stem + '7'))
    assert look(folder, home).computed == 0, 'a new name'
    img = Image.open(path).convert('RGB')
    img.putpixel((1, 1), (1, 2, 3))
    img.save(path, 'PNG')
    assert look(folder, home).computed == 1, 'a new pixel'
    Image.new('RGB', (90, 70), 'red').save(folder/'Bengal_77.jpg')
    assert look(folder, home).computed == 1, 'a new photo'

def test_same_size_and_time_but_other_bytes(folder, tmp_path):
    "A clock that goes backwards or a careful editor can't fool a fingerprint."
    look(folder, tmp_path/'home')
    path = find_photos(folder)[0]
    before,data = path.stat(),bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size and look(folder, tmp_path/'home').computed == 1

def test_no_cache_keeps_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'fastai'))
    assert [look(folder, False).computed for _ in range(2)] == [24, 24] and not list(tmp_path.rglob('*.safetensors'))

def test_another_way_of_looking_is_another_bank(tmp_path, monkeypatch):
    b,other = backbone(),tmp_path/'weights'
    other.write_bytes(b.weights.read_bytes()[:-1] + b'x')
    ways = [bank_folder(b, 64), bank_folder(b, 96), *(bank_folder(replace(b, **o), 64) for o in (dict(weights=other), dict(mean=(.5,)*3), dict(name='x')))]
    monkeypatch.setattr(bank, 'VERSION', 0)
    assert len({*ways, bank_folder(b, 64)}) == 6

def test_augmentations_are_views_of_their_own(folder, tmp_path):
    file = find_photos(folder)[0]
    views = [View(str(file), file_sha256(file), i) for i in range(4)]
    first,again = (bank_features(views, backbone(), 64, tmp_path/'home') for _ in range(2))
    assert (first.computed, again.computed) == (4, 0) and len(np.unique(first.x.round(4), axis=0)) == 4
    np.testing.assert_array_equal(first.x, again.x)

# ---- what it survives

SPOILED = dict(cut=lambda b: b[:len(b)//2], empty=lambda b: b'', text=lambda b: b'not a bank', flipped=lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:],
               header=lambda b: b'\xff'*8 + b[8:], keys=lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:])

def test_a_damaged_part_is_rebuilt(folder, filled, tmp_path, capsys):
    right,part = filled
    whole = part.read_bytes()
    for kind,spoil in SPOILED.items():
        part.write_bytes(spoil(whole))
        again = look(folder, tmp_path/'home')
        assert again.computed == 24 and 'damaged' in ''.join(capsys.readouterr()), kind
        np.testing.assert_array_equal(right.x, again.x)
        assert look(folder, tmp_path/'home').computed == 0, kind

def test_no_flipped_bit_gives_a_wrong_feature(folder, filled, tmp_path):
    right,part = filled
    whole = part.read_bytes()
    for offset in (0, 8, 60, 150, 400, 1000, 5000, 60_000):
        data = bytearray(whole)
        data[offset] ^= 4
        part.write_bytes(data)
        np.testing.assert_array_equal(right.x, look(folder, tmp_path/'home').x, err_msg=str(offset))

def test_a_home_that_cannot_be_written_to(folder, tmp_path, capsys):
    (tmp_path/'file').write_text('in the way')
    assert len(look(folder, tmp_path/'file'/'home').x) == 24
    said = ''.join(capsys.readouterr())
    assert said.count("Can't write") == 1 and 'not kept' in said

def test_interrupted(folder, tmp_path, monkeypatch):
    "Ctrl-C keeps what was finished."
    n = [0]
    def stop(*args):
        n[0] += 1
        if n[0] > 12: raise KeyboardInterrupt
        return bank.np.zeros((64, 64, 3), np.uint8)
    with monkeypatch.context() as m:
        m.setattr(bank, 'center_square', stop)
        with pytest.raises(KeyboardInterrupt): look(folder, tmp_path/'home')
    assert 0 < look(folder, tmp_path/'home').computed < 24

def _into_a_full_disk(folder, home, log):
    import resource
    sys.stderr = open(log, 'w', buffering=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    sys.exit(len(look(folder, home).x))

def _slowly(folder, home):
    store.KEEP_EVERY,real = .2,bank.engine
    def slow(*args):
        eng = real(*args)
        return eng._replace(run=lambda p: (time.sleep(.15), eng.run(p))[1], batch_size=2)
    bank.engine = slow
    look(folder, home)

def _start(f, *args):
    process = FORKS.Process(target=f, args=args)
    process.start()
    return process

@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no such limit')
def test_a_full_disk(folder, tmp_path):
    "A limit of 50 KB a file stands for a disk that is full: the write fails in the middle."
    p = _start(_into_a_full_disk, folder, tmp_path/'home', tmp_path/'log')
    p.join(120)
    said = (tmp_path/'log').read_text()
    assert p.exitcode == 24 and 'not kept for the next time' in said, said
    assert not [o for o in (tmp_path/'home').rglob('*') if o.is_file()], 'nothing half-written'

@pytest.mark.slow
def test_killed_in_the_middle(folder, tmp_path):
    "Whatever was finished is there, and the next call continues."
    right,p = look(folder, False),_start(_slowly, folder, tmp_path/'home')
    while not list((tmp_path/'home').rglob('*.safetensors')) and p.is_alive(): time.sleep(.02)
    p.kill()
    p.join()
    rows = look(folder, tmp_path/'home')
    assert 0 < rows.computed < 24
    np.testing.assert_allclose(rows.x, right.x, rtol=1e-3, atol=1e-4)

@pytest.mark.slow
def test_two_processes_fill_one_bank(folder, tmp_path):
    both = [_start(_slowly, folder, tmp_path/'home') for _ in range(2)]
    for o in both: o.join(120)
    rows = look(folder, tmp_path/'home')
    assert [o.exitcode for o in both] == [0, 0] and rows.computed == 0
    np.testing.assert_allclose(rows.x, look(folder, False).x, rtol=1e-3, atol=1e-4)

# ---- photos that can't be used

def test_photos_that_cannot_be_used_are_named(folder, tmp_path):
    files = find_photos(folder)
    shas = [file_sha256(o) for o in files]
    files[2].unlink()
    files[5].write_bytes(b'other')
    files[7].write_bytes(files[7].read_bytes()[:500])
    shas[7] = file_sha256(files[7])
    rows = compute_features(files, shas, size=64, cache=tmp_path/'home')
    assert rows.computed == len(rows.x) == 21 and set(rows.positions) == set(range(24)) - {2, 5, 7}
    for i,reason in {2: "Can't read", 5: 'has changed since', 7: 'damaged or cut short'}.items(): assert reason in rows.failed[i]
    again = extract_features(None, files, shas, 64)
    assert again.failed == rows.failed
    np.testing.assert_array_equal(again.x, rows.x)
    assert len(extract_features(None, files[2:3], shas[2:3], 64).x) == 0

def test_stopped_when_it_is_enough(folder, tmp_path):
    files,seen = find_photos(folder),[]
    views = [View(str(o), file_sha256(o)) for o in files]
    def enough(settled):
        seen.append(settled.sum())
        return settled.sum() >= 8
    rows = bank_features(views, backbone(), 64, tmp_path/'home', range(23, -1, -1), enough)
    assert rows.positions.tolist() == list(range(16, 24)) and seen == [4, 8]
    np.testing.assert_array_equal(rows.x, bank_features(views[16:], backbone(), 64, False).x)

def test_refused(folder, blocked):
    files = find_photos(folder)
    shas = ['0'*64]*len(files)
    for kw,said in ((dict(arch='resnet43'), "'resnet34'"), (dict(size=8), 'whole number from 32'), (dict(arch='resnet34'), "can't be reached"), (dict(cache=3), 'not the name of a file')):
        with pytest.raises(PetLearnError, match=said): compute_features(files, shas, **kw)
    blocked.unlink(missing_ok=True)
