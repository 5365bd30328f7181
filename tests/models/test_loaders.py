"Photos in batches: sizes that leave something to learn from, and the same pixels as everywhere else."
import pytest, torch
from fastai.vision.augment import Resize
from fastai.vision.data import ImageDataLoaders
from hypothesis import given, strategies as st
from petlearn.core import PetLearnError
from petlearn.datasets.split import split_photos
from petlearn.image_io import center_square
from petlearn.models.loaders import OpenPhoto, fit_batch_size, photo_dataloaders, seen_size

@given(n=st.integers(2, 10_000), bs=st.one_of(st.none(), st.integers(2, 512)))
def test_batch_size_always_leaves_a_step(n, bs):
    got = fit_batch_size(n, bs)
    assert 2 <= got <= n and (bs is None or got <= bs)

def test_more_photos_in_a_batch_than_there_are(pets_folder, capsys):
    dls = photo_dataloaders(split_photos(pets_folder), size=64, bs=64)
    assert dls.train.bs == 32 and len(dls.train) == 1
    assert 'the batch size is 32 instead of 64' in ''.join(capsys.readouterr())

def test_test_photos_stay_out(pets_folder):
    split = split_photos(pets_folder, test_pct=.2)
    dls = photo_dataloaders(split, size=64)
    assert len(dls.train_ds) + len(dls.valid_ds) == (split.usage != 'test').sum() == 32
    assert list(dls.vocab) == ['cat', 'dog'] and dls.one_batch()[0].shape[1:] == (3, 64, 64)

def test_validation_sees_the_middle_square(pets_folder):
    for o in sorted(pets_folder.glob('*.jpg'))[:4]:
        for x in (o, str(o), o.read_bytes()): assert Resize(96)(OpenPhoto(96)(x), split_idx=1).tobytes() == center_square(o, 96).tobytes()

def test_the_size_of_other_peoples_loaders(pets_folder):
    def loaders(*args, **kwargs): return ImageDataLoaders.from_folder(pets_folder, valid_pct=.2, item_tfms=Resize(*args, **kwargs))
    assert seen_size(loaders(64)) == 64
    for odd in (loaders(64, method='squish'), loaders((64, 32))):
        with pytest.raises(PetLearnError, match='plain Resize'): seen_size(odd)

def test_random_numbers_stay_as_they_were(pets_folder):
    state = torch.get_rng_state()
    photo_dataloaders(split_photos(pets_folder), size=64)
    assert torch.equal(torch.get_rng_state(), state)
