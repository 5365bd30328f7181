"Novelty: exact on made-up features, bad input, kept beside the model, and whether it refuses real chairs and lets real pets pass."
import hashlib
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from petlearn import PetLearnError, train
from petlearn.models.features import features
from petlearn.models.novelty import FEWEST, fit_novelty, novelty_bytes, novelty_from
from petlearn.photos.finding import find_photos
from petlearn.models.prediction import Prediction

def made_up(n, seed=0, d=30):
    "Photos in a plane of three directions, with a little noise, far from 0."
    rng = np.random.default_rng(seed)
    return (5 + rng.normal(size=(n, 3)) @ np.eye(3, d)*4 + rng.normal(size=(n, d))*.3).astype(np.float32)

@pytest.fixture(scope='module')
def novelty(): return fit_novelty(made_up(200))

def test_others_of_the_same_kind_pass(novelty):
    assert (novelty.scores(made_up(1000, 1)) <= novelty.limit).mean() > .9

def test_another_direction_is_refused(novelty):
    strange = made_up(50, 2)
    strange[:,10:14] += 12
    assert (novelty.scores(strange) > novelty.limit).all()

def test_hardly_any_features_are_refused(novelty):
    assert (novelty.scores(np.zeros((3, 30))) > novelty.limit).all()

@settings(max_examples=15, deadline=None)
@given(st.integers(FEWEST, 300), st.integers(0, 9))
def test_always_finite(n, seed):
    found = fit_novelty(made_up(n, seed))
    assert np.isfinite(found.scores(made_up(20, seed+1))).all() and len(found.directions) <= n//4
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(len(found.directions)), atol=1e-3)

def test_all_the_same_photo():
    assert np.isfinite(fit_novelty(np.ones((40, 8))).scores(np.random.default_rng(0).normal(size=(5, 8)))).all()

def test_many_photos_need_no_more_room(): assert fit_novelty(made_up(5000)).directions.shape == fit_novelty(made_up(1000)).directions.shape

def test_the_same_photos_the_same_novelty():
    a,b = (fit_novelty(made_up(100)) for _ in range(2))
    assert novelty_bytes(a) == novelty_bytes(b) == novelty_bytes(novelty_from(novelty_bytes(a)))

def test_refused():
    for x in (np.ones((FEWEST-1, 4)), np.ones(40), np.full((40, 4), np.nan), np.ones((0, 4)), np.ones((30, 4, 4))):
        with pytest.raises(PetLearnError, match='Novelty can.t be learned'): fit_novelty(x)

# ---- beside the model

@pytest.mark.slow
def test_too_few_photos_to_tell(pets_folder, tmp_path):
    run = train(find_photos(pets_folder)[::2], epochs=1, size=64, runs_dir=tmp_path)
    assert run.novelty is None and run.predictions.novelty.isna().all() and run.predict(find_photos(pets_folder)[1]).novelty is None

# ---- what it says

def test_words():
    p = Prediction({'dog': .94, 'cat': .06}, novelty=4.)
    assert p.neither and p.answer == 'neither cat nor dog' and p.label == 'dog'
    assert str(p) == ("Neither cat nor dog, as far as this model can tell.\nThe photo is like nothing that it has learned from "
                      "(novelty 4.0, limit 2.5). If it had to choose: dog, 94 %.")
    assert '<b>neither cat nor dog</b>' in p._repr_html_() and 'Is this a cat' not in str(p)
    assert '&lt;b&gt;' in Prediction({'<b>': .9, 'x': .1}, novelty=9.)._repr_html_()

# ---- real photos

@pytest.mark.slow
def test_chairs_are_refused_and_pets_pass(real_photos, tmp_path):
    "Trained on the Oxford Pets: its own pets held back, every fourth pet of another collection, and 100 photos without a pet."
    run = train(real_photos/'oxford-iiit-pet/images', runs_dir=tmp_path, check=False)
    assert (run.predictions.novelty <= run.novelty.limit).mean() >= .97 and run.metrics['calibration_error'] <= .03
    sha = lambda o: hashlib.sha256(o.read_bytes()).hexdigest()
    def scores(files):
        usage = ['train', 'train', 'train', 'valid']*len(files)
        table = pd.DataFrame([(str(o), 'ab'[i//4 % 2], usage[i], sha(o)) for i,o in enumerate(files)], columns=['file', 'label', 'usage', 'sha256'])
        return run.novelty.scores(features(table).x)
    others,none = scores(find_photos(real_photos/'cats-dogs')[::4]),scores(find_photos(real_photos/'not-pets'))
    assert len(none) == 100 and (none > run.novelty.limit).mean() >= .95
    assert len(others) == 200 and (others <= run.novelty.limit).mean() >= .9
