"Learners, and trainings as a whole: features, head and fine-tuning give the same numbers on every path."
import hashlib, json, time
from pathlib import Path
import numpy as np, pandas as pd, pytest, torch
from fastai.callback.core import Callback
import petlearn.models.feature_bank as bank
from petlearn import Predictor, train
from petlearn.core import PetLearnError
from petlearn.datasets.split import split_photos
from petlearn.models.backbones import backbone, network
from petlearn.models.features import features
from petlearn.models.learner import head_learner, pet_learner, train_head
from petlearn.models.loaders import photo_dataloaders
from petlearn.models.saving import load_model
from petlearn.photos.drawings import draw_pets

pytestmark = pytest.mark.slow

SIZE = 64

def digest(module): return hashlib.sha256(b''.join(o.detach().numpy().tobytes() for o in module.state_dict().values())).hexdigest()

@pytest.fixture(scope='module')
def drawn(tmp_path_factory): return draw_pets(tmp_path_factory.mktemp('drawn')/'pets', n=40, seed=23)

@pytest.fixture(scope='module')
def plain(drawn, tmp_path_factory):
    "A training of the head alone."
    return train(drawn, size=SIZE, runs_dir=tmp_path_factory.mktemp('plain'))

@pytest.fixture
def slow_engine(monkeypatch):
    real = bank.engine
    def slow(*args):
        eng = real(*args)
        return eng._replace(run=lambda p: (time.sleep(.6), eng.run(p))[1], batch_size=2)
    monkeypatch.setattr(bank, 'engine', slow)

# ---- the head, and the whole

def test_warm_training_opens_no_photo(drawn, plain, tmp_path, monkeypatch):
    import petlearn.image_io as image_io
    def never(*args, **kwargs): raise AssertionError('a photo was opened')
    for module,name in ((bank, 'view_pixels'), (bank, 'engine'), (image_io, '_open')): monkeypatch.setattr(module, name, never)
    run = train(plain.split, size=SIZE, lr=.003, epochs=3, runs_dir=tmp_path, check=False)
    assert run.phases[0].cached and not plain.phases[0].cached and len(run.history) == 6

def test_only_the_head_learned(plain): assert digest(plain.model[0]) == digest(network(backbone(), 2)[0])

def test_everything_agrees_with_the_head(plain, tmp_path):
    "fastai's predict, validate, get_preds and export, on pictures, say what the head said on features."
    from fastai.learner import load_learner
    run = plain
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

def test_cold_and_warm_give_the_same_model(drawn, tmp_path):
    runs = [train(drawn, size=48, epochs=2, runs_dir=tmp_path) for _ in range(2)]
    assert [o.phases[0].cached for o in runs] == [False, True]
    np.testing.assert_allclose(*(o.predictions.p_cat for o in runs), atol=1e-6)

def test_a_bank_of_other_photos_is_refused(drawn):
    split = split_photos(drawn)
    learn = pet_learner(photo_dataloaders(split, SIZE))
    with pytest.raises(PetLearnError, match='those of efficientnet_lite0, 32 pixels'): head_learner(learn, features(split, size=32))
    with pytest.raises(PetLearnError, match='epochs=0'): train_head(learn, 0)

# ---- fine-tuning

def test_every_epoch_reaches_callbacks(drawn, tmp_path):
    class Probe(Callback):
        epochs = 0
        def after_epoch(self): self.epochs += 1
    probe = Probe()
    run = train(drawn, size=SIZE, epochs=3, fine_tune_epochs=1, cbs=[probe], runs_dir=tmp_path)
    assert probe.epochs == 4 and len(run.history) == 8

def test_fine_tuning_that_harms_is_taken_back(drawn, plain, tmp_path):
    class Spoil(Callback):
        def after_train(self): # every answer the other way round, but only when the whole network learns
            if isinstance(self.model, torch.nn.Sequential): self.model[1][-1].weight.data.mul_(-1)
    run = train(drawn, size=SIZE, fine_tune_epochs=1, cbs=[Spoil()], runs_dir=tmp_path)
    assert 'kept' in run.phases[-1].note and run.metrics == plain.metrics and 'not better' in run._repr_html_()
    assert digest(load_model(run.path/'model').model) == digest(load_model(plain.path/'model').model)
    assert run.history[(run.history.phase == 'fine-tune') & (run.history.dataset == 'valid')].accuracy.item() < plain.metrics['valid_accuracy']

def test_fine_tuning_that_helps_is_kept(drawn, tmp_path):
    "An untrained head can only get better."
    run = train(drawn, size=SIZE, epochs=0, fine_tune_epochs=2, runs_dir=tmp_path)
    assert run.phases[-1].note == '' and list(run.history.phase.unique()) == ['fine-tune']
    last = run.history[run.history.dataset == 'valid'].sort_values(['accuracy', 'cross_entropy'], ascending=[False, True]).iloc[0]
    assert run.metrics['valid_accuracy'] == pytest.approx(last.accuracy) and run.metrics['valid_loss'] == pytest.approx(last.cross_entropy, abs=1e-3)
    assert run.learn.path == run.path
    with run.learn.no_bar(): assert run.learn.validate()[1] == pytest.approx(run.metrics['valid_error'])

# ---- limits

def test_minutes(tmp_path, slow_engine, capsys):
    "Too little time for all photos: stopped, said, and the model works."
    folder = draw_pets(tmp_path/'pets', n=60, seed=23)
    run = train(folder, size=SIZE, minutes=.1, cache=False, runs_dir=tmp_path/'runs')
    said = ''.join(capsys.readouterr())
    assert run.state == 'STOPPED' and len(run.split) < 60 and f'{len(run.split)} of 60 photos' in said and 'of 0.1 minutes used' in said
    assert json.loads((run.path/'run.json').read_text())['states'][-1][0] == 'STOPPED'
    assert Predictor(run.path).predict(next(folder.glob('*.jpg'))).probs
    assert run.metrics['of'] == (run.split.usage == 'valid').sum() and (run.path/'left_out.csv').exists()

def test_no_step_is_wasted(drawn, tmp_path):
    "Stopped at any step: all steps before count, and the schedule has come down."
    class Slow(Callback):
        def after_step(self): time.sleep(.3)
    run = train(drawn, size=SIZE, minutes=.1, epochs=499, cbs=[Slow()], runs_dir=tmp_path)
    assert run.state == 'STOPPED' and 0 < run.steps < 499*len(run.head.dls.train)
    assert run.history[run.history.dataset == 'train'].batches.sum() == run.steps and run.head.opt.hypers[-1]['lr'] < 2e-3
    torch.testing.assert_close(load_model(run.path/'model').model[1][-1].weight, run.head.model.weight)

def test_a_damaged_photo_in_a_training(drawn, tmp_path):
    split = split_photos(drawn)
    bad = split.index[split.usage == 'train'][5]
    copy = tmp_path/Path(split.file[bad]).name
    copy.write_bytes(Path(split.file[bad]).read_bytes()[:900])
    split.loc[bad, ['file', 'sha256']] = str(copy),hashlib.sha256(copy.read_bytes()).hexdigest()
    run = train(split, size=SIZE, epochs=1, skip_damaged=True, runs_dir=tmp_path/'runs')
    assert pd.read_csv(run.path/'left_out.csv').file.tolist() == [str(copy)] and len(run.split) == 39
    with pytest.raises(PetLearnError, match='1 of 40'): train(split, size=SIZE, epochs=1, runs_dir=tmp_path/'runs')

def test_real_photos_are_right(real_photos, tmp_path):
    "The real thing: cats and dogs, and 37 breeds."
    from petlearn.datasets.labels import breed
    pets = real_photos/'oxford-iiit-pet'/'images'
    errors = [train(pets, seed=o, runs_dir=tmp_path).metrics['valid_error'] for o in range(5)]
    assert np.mean(errors) <= .01
    errors = [train(pets, breed, seed=o, runs_dir=tmp_path).metrics['valid_error'] for o in range(5)]
    assert np.mean(errors) <= .18
