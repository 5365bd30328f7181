"The split: the same everywhere, stratified, no photo on both sides."
import random
from collections import Counter
import numpy as np, pytest, torch
from hypothesis import given, strategies as st
from petlearn import loaders
from petlearn.core import PetLearnError
from petlearn.labels import by_folder, cat_or_dog
from petlearn.loaders import dataset_version, fit_batch_size, photo_dataloaders, split_photos

def write(folder, name, content=None):
    "A small file that only needs bytes of its own."
    path = folder/name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((content or str(name)).encode())
    return path

def _held_back(shas, valid_pct, seed): return {k for k,v in loaders._usages(shas, valid_pct, 0, seed).items() if v == 'valid'}

@given(n=st.integers(5, 300), valid_pct=st.floats(.01, .9), test_pct=st.floats(.01, .9), seed=st.integers(0, 10))
def test_three_sets_have_their_shares_and_something_to_learn_from(n, valid_pct, test_pct, seed):
    usages = loaders._usages([str(i) for i in range(n)], valid_pct, test_pct, seed)
    counts = Counter(usages.values())
    assert len(usages) == n and min(counts.values()) >= 1 and set(counts) == {'train', 'valid', 'test'}
    if valid_pct + test_pct < .9 and n > 20: assert abs(counts['test']-n*test_pct) <= 1 and abs(counts['valid']-n*valid_pct) <= 1

@given(counts=st.lists(st.integers(2, 200), min_size=2, max_size=6), valid_pct=st.floats(.01, .99), seed=st.integers(0, 10))
def test_each_label_is_held_back_by_its_share(counts, valid_pct, seed):
    for label,n in enumerate(counts):
        shas = [f'{label}-{i}' for i in range(n)]
        held = _held_back(shas, valid_pct, seed)
        assert held <= set(shas) and 1 <= len(held) <= n-1
        assert abs(len(held) - n*valid_pct) <= 1
        random.Random(0).shuffle(shas)
        assert _held_back(shas, valid_pct, seed) == held

@given(n=st.integers(10, 300))
def test_a_new_photo_moves_few_others(n):
    shas = [str(i) for i in range(n)]
    before,after = (_held_back(o, .2, 42) for o in (shas, shas + ['new']))
    assert len(before ^ after) <= 2

@given(n=st.integers(2, 10_000), bs=st.one_of(st.none(), st.integers(2, 512)))
def test_batch_size_always_leaves_a_step(n, bs):
    got = fit_batch_size(n, bs)
    assert 2 <= got <= n and (bs is None or got <= bs)

def test_order_names_and_folder_dont_matter(tmp_path):
    files = [write(tmp_path/'a', f'{breed}_{i}.jpg') for breed in ('Birman', 'pug') for i in range(20)]
    split = split_photos(tmp_path/'a', cat_or_dog)
    for i,o in enumerate(files): write(tmp_path/'b/deep', f"{'X' if o.name[0] == 'B' else 'x'}{100-i}.jpg", o.name)
    held = lambda df: set(df[df.usage == 'valid'].sha256)
    assert held(split_photos(random.Random(1).sample(files, 40), cat_or_dog)) == held(split)
    assert held(split_photos(tmp_path/'b', cat_or_dog)) == held(split)
    assert dataset_version(split_photos(tmp_path/'b', cat_or_dog)) == dataset_version(split)
    assert split_photos(files, cat_or_dog).equals(split)

def test_no_global_side_effects(tmp_path):
    for i in range(10): write(tmp_path, f'cat/{i}.jpg'), write(tmp_path, f'dog/{i}.jpg')
    states = lambda: (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    before = states()
    split_photos(tmp_path)
    assert states() == before

def test_copies_count_once_and_never_leak(tmp_path, capsys):
    for i in range(10):
        for label in ('cat', 'dog'):
            write(tmp_path, f'{label}/{i}.jpg')
            write(tmp_path, f'{label}/copy of {i}.jpg', f'{label}/{i}.jpg')
    split = split_photos(tmp_path)
    assert len(split) == 20 and split.sha256.is_unique
    assert '20 photos are there twice' in ''.join(capsys.readouterr())

def test_two_folders_are_one_data_set(tmp_path):
    a,b = tmp_path/'a',tmp_path/'b'
    for i in range(10): write(a, f'cat.{i}.jpg'), write(a, f'dog.{i}.jpg'), write(b, f'cat.{i+5}.jpg'), write(b, f'dog.{i+5}.jpg')
    split = split_photos([a, b])
    assert Counter(split.label) == {'cat': 15, 'dog': 15}

BAD = [
    ('one label', {'cat': 20}, {}, "have the same label, 'cat'"),
    ('four photos', {'cat': 20, 'dog': 4}, {}, "Too few photos: 4 of 'dog'"),
    ('nothing', {}, {}, 'No photos in'),
    ('valid_pct 0', {'cat': 9, 'dog': 9}, dict(valid_pct=0), 'valid_pct=0 '),
    ('valid_pct 1', {'cat': 9, 'dog': 9}, dict(valid_pct=1), 'valid_pct=1 '),
    ('valid_pct 1.2', {'cat': 9, 'dog': 9}, dict(valid_pct=1.2), 'between 0 and 1'),
    ('valid_pct word', {'cat': 9, 'dog': 9}, dict(valid_pct='a fifth'), 'between 0 and 1'),
    ('labeler None', {'cat': 9, 'dog': 9}, dict(labeler=lambda o: None), 'no label for 18 of 18'),
    ('labeler fails', {'cat': 9, 'dog': 9}, dict(labeler=lambda o: 1/0), 'ZeroDivisionError'),
    ('labeler no function', {'cat': 9, 'dog': 9}, dict(labeler='is_cat'), 'is not a labeler'),
]

@pytest.mark.parametrize('name,photos,kwargs,says', BAD, ids=[o[0] for o in BAD])
def test_refused(tmp_path, name, photos, kwargs, says):
    for label,n in photos.items():
        for i in range(n): write(tmp_path, f'{label}/{i}.jpg')
    with pytest.raises(PetLearnError, match=says) as e: split_photos(tmp_path, **({'labeler': by_folder} | kwargs))
    assert len(str(e.value).splitlines()) >= 2

def test_same_photo_with_two_labels(tmp_path):
    for i in range(6): write(tmp_path, f'cat/{i}.jpg'), write(tmp_path, f'dog/{i}.jpg')
    write(tmp_path, 'dog/x.jpg', 'cat/3.jpg')
    with pytest.raises(PetLearnError, match='two labels'): split_photos(tmp_path)

def test_more_photos_in_a_batch_than_there_are(pets_folder, capsys):
    dls = photo_dataloaders(split_photos(pets_folder), size=64, bs=64)
    assert dls.train.bs == 32 and len(dls.train) == 1
    assert 'the batch size is 32 instead of 64' in ''.join(capsys.readouterr())
