"Features of a data set: from tables and DataLoaders, in time, without damaged photos."
import shutil, time
from pathlib import Path
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
import petlearn.models.feature_bank as bank
import petlearn.models.features as f
from petlearn.core import PetLearnError
from petlearn.datasets.checks import DataCheck
from petlearn.datasets.split import split_photos
from petlearn.models.backbones import backbone
from petlearn.models.engines import FeatureExtractor, engine
from petlearn.models.feature_bank import FeatureRows
from petlearn.models.features import fair_order, feature_dataloaders, features
from petlearn.photos.drawings import draw_pets

SIZE = 64

@pytest.fixture(scope='module')
def drawn(tmp_path_factory): return draw_pets(tmp_path_factory.mktemp('drawn')/'pets', n=24, seed=21)

@pytest.fixture
def folder(drawn, tmp_path): return shutil.copytree(drawn, tmp_path/'pets')

@pytest.fixture(scope='module')
def split(drawn): return split_photos(drawn)

@pytest.fixture(scope='module')
def eng(): return engine(FeatureExtractor(backbone()), SIZE)

@pytest.fixture(autouse=True)
def same_engine(eng, monkeypatch):
    "One engine for all tests: making it takes longer than most of them."
    monkeypatch.setattr(bank, 'engine', lambda extractor, size: eng)
    monkeypatch.setattr(bank, 'FeatureExtractor', lambda b: None)

@pytest.fixture
def slow_engine(eng, monkeypatch):
    slow = eng._replace(run=lambda p: (time.sleep(.1), eng.run(p))[1], batch_size=2)
    monkeypatch.setattr(bank, 'engine', lambda extractor, size: slow)

def test_dataloaders_of_fastai(drawn, split, tmp_path):
    from fastai.vision.all import ImageDataLoaders, Resize, get_image_files
    from petlearn.datasets.labels import cat_or_dog
    dls = ImageDataLoaders.from_name_func(drawn, get_image_files(drawn), valid_pct=.25, seed=1, label_func=cat_or_dog, item_tfms=Resize(SIZE), bs=8, num_workers=0)
    found = features(dls, cache=tmp_path)
    assert len(found) == 24 and found.size == SIZE and (found.table.usage == 'valid').sum() == 6 and found.vocab == ['cat', 'dog']
    assert features(split, size=SIZE, cache=tmp_path).cached
    assert [Path(o).name[0].isupper() for o in found.table.file] == list(found.table.label == 'cat')

def test_labels_that_are_numbers_keep_their_order(drawn, tmp_path):
    "fastai sorts 2 before 10, text sorts '10' before '2'; the head's outputs must follow fastai's."
    from fastai.vision.all import ImageDataLoaders, Resize
    files = sorted(drawn.glob('*.jpg'))
    dls = ImageDataLoaders.from_lists(drawn, files, [2 if i % 2 else 10 for i in range(len(files))], valid_pct=.25, seed=1, item_tfms=Resize(SIZE), bs=8, num_workers=0)
    found = features(dls, cache=tmp_path)
    assert found.vocab == ['2', '10'] and list(dls.vocab) == [2, 10]

def test_rows_follow_the_table(split, tmp_path):
    found = features(split, size=SIZE, cache=tmp_path)
    back = features(split[::-1].reset_index(drop=True), size=SIZE, cache=tmp_path)
    assert back.cached and 'all were known' in str(back) and 'computed with OpenVINO' in str(found)
    np.testing.assert_array_equal(found.x, back.x[::-1])
    dls = feature_dataloaders(found)
    x,y = next(iter(dls.valid))
    rows = np.flatnonzero(found.table.usage == 'valid')
    np.testing.assert_array_equal(x.cpu(), found.x[rows])
    assert [found.vocab[i] for i in y] == found.table.label[rows].tolist()

def test_augmentations(split, tmp_path):
    found = features(split, size=SIZE, augmentations=2, cache=tmp_path)
    train = (split.usage == 'train').sum()
    assert len(found) == 24 + 2*train and (found.table[found.table.usage == 'valid'].variant == 0).all()
    assert features(split, size=SIZE, augmentations=2, cache=tmp_path).cached and features(split, size=SIZE, cache=tmp_path).cached
    plain,mirror = (found.x[((found.table.variant == o) & (found.table.usage == 'train')).to_numpy()] for o in (0, 1))
    assert plain.shape == mirror.shape and not np.allclose(plain, mirror)
    for n in (-1, 256):
        with pytest.raises(PetLearnError, match=f'augmentations={n}'): features(split, augmentations=n)

# ---- photos that can't be used

def test_a_damaged_photo_is_refused_or_left_out(folder, tmp_path):
    split = split_photos(folder)
    bad = split.index[split.usage == 'train'][5]
    Path(split.file[bad]).write_bytes(Path(split.file[bad]).read_bytes()[:900])
    split = split_photos(folder)
    with pytest.raises(PetLearnError, match='1 of 24 photos') as e: features(split, size=SIZE, cache=tmp_path)
    assert Path(split.file[bad]).name in e.value.what and 'damaged or cut short' in e.value.what and 'skip_damaged=True' in e.value.fix
    found = features(split, size=SIZE, skip_damaged=True, cache=tmp_path)
    assert found.cached and len(found) == 23 and list(found.left_out.file) == [split.file[bad]], 'the others were kept by the first call'

def test_photos_that_are_not_those_that_were_split(folder, tmp_path):
    for change,said in ((lambda p: p.write_bytes(b'other'), 'has changed since'), (lambda p: p.unlink(), "Can't read")):
        split = split_photos(folder)
        change(Path(split.file[0]))
        with pytest.raises(PetLearnError, match=said): features(split, size=SIZE, cache=tmp_path)
    for o in folder.glob('*.jpg'): o.write_bytes(o.read_bytes()[:500])
    with pytest.raises(PetLearnError, match=f'{len(split)} of {len(split)} photos'): features(split, size=SIZE, skip_damaged=True, cache=False)

# ---- no time for all of them

@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from('abc'), st.sampled_from(['train', 'valid'])), min_size=1, max_size=60))
def test_any_beginning_is_fair(rows):
    table = pd.DataFrame(rows, columns=['label', 'usage']).assign(sha256='x')
    order,groups = fair_order(table),table.groupby(['label', 'usage'])
    assert sorted(order) == list(range(len(rows)))
    seen = table.iloc[order].reset_index(drop=True)
    assert len(seen[:groups.ngroups].drop_duplicates(['label', 'usage'])) == groups.ngroups, 'one of each comes first'
    for i in range(groups.ngroups, len(rows)):
        for (label,usage),all_of_it in groups:
            n = ((seen[:i].label == label) & (seen[:i].usage == usage)).sum()
            assert abs(n - i*len(all_of_it)/len(rows)) <= groups.ngroups + 1

@pytest.mark.slow
def test_a_limit_in_seconds(split, slow_engine, tmp_path):
    progress = []
    some = features(split, size=SIZE, seconds=.01, cache=tmp_path, on_progress=lambda *o: progress.append(o))
    assert 4 <= len(some) < 24 and set(some.table.label) == {'cat', 'dog'} and set(some.table.usage) == {'train', 'valid'}
    assert (some.left_out.reason == 'there was no time for it').all() and len(some) + len(some.left_out) == 24
    assert progress[0] == (2, 24) and progress[-1] == (len(some), 24)
    assert features(split, size=SIZE, seconds=100, cache=tmp_path).computed == 24-len(some)

# ---- photos that look alike

def test_alike_finds_pairs_that_are_no_copies(monkeypatch):
    "Made-up features: a and b are copies, c is near both, d points elsewhere, e can't be opened."
    photos = pd.DataFrame(dict(file=list('abcde'), label='cat', usage='train', sha256=['1', '2', '3', '4', '5']))
    x = np.array([[2, 0], [1, 0], [10, 1], [0, 1]], np.float32)
    monkeypatch.setattr(f, 'compute_features', lambda files, shas, arch: FeatureRows(x, np.arange(4), {4: 'damaged'}, 0, ''))
    found = DataCheck(photos, [], pairs=pd.DataFrame(dict(file_a=['a'], file_b=['b'], agreement=[1.])))
    pairs = found.alike()
    assert pairs[['file_a', 'file_b']].to_numpy().tolist() == [['a', 'c'], ['b', 'c']] and pairs.cosine.tolist() == pytest.approx([10/101**.5]*2)
    assert len(found.alike(least=.05)) == 3 and len(found.alike(least=.999)) == 0
