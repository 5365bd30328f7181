"Recording what a model says while it learns: photos chosen fairly, nothing taken away from the training, and it survives stops."
import random
import numpy as np, pandas as pd, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from pathlib import Path
from fastai.callback.core import Callback
from fastai.callback.schedule import lr_find # noqa: F401 gives learners their `lr_find`
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.torch_core import set_seed
from fastai.vision.augment import aug_transforms
from torch import nn
from petlearn import PetLearnError, train
from petlearn.datasets.split import split_photos
from petlearn.models.callbacks import TrainingLog
from petlearn.models.checkpoints import checkpoint_callbacks
from petlearn.models.learner import pet_learner
from petlearn.models.loaders import photo_dataloaders
from petlearn.photos.drawings import draw_pets
from petlearn.training import prediction_recorder as module
from petlearn.training.prediction_recorder import TIMELINE_COLUMNS, PredictionRecorder, choose_photos, read_timeline, timeline_csv
from recordings import fit, learner, made_up, weights

def recorded(folder):
    "The recording in `folder` as a table."
    columns,rows = read_timeline(Path(folder)/'timeline.csv')
    return pd.DataFrame(rows, columns=columns)

def frames(folder): return recorded(folder).frame.nunique()

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.slow]

# which photos

@given(st.lists(st.sampled_from('abcdefghijklmnopqrstuvwxyz'), max_size=60), st.randoms(use_true_random=False))
def test_every_label_gets_its_turn(labels, rng):
    files = [f'{i}.jpg' for i in range(len(labels))]
    chosen = choose_photos(files, labels)
    assert len(chosen) == len(set(chosen)) == min(12, len(labels))
    got = {o: sum(labels[i] == o for i in chosen) for o in set(labels)}
    most = max(got.values(), default=0)
    assert all(n >= most-1 or n == labels.count(o) for o,n in got.items()), 'as many of each as there are'
    order = rng.sample(range(len(files)), len(files))
    again = choose_photos([files[i] for i in order], [labels[i] for i in order])
    assert {files[order[i]] for i in again} == {files[i] for i in chosen}, 'whatever their order'

def test_a_moved_folder_changes_nothing():
    files,labels = [f'{i}.jpg' for i in range(50)],['cat', 'dog']*25
    assert choose_photos(files, labels) == choose_photos([f'other place/{o}' for o in files], labels)

@given(st.integers(1, 5000))
def test_a_hundred_frames_at_most(n):
    kept = [i for i in range(1, n+1) if module._is_kept(i, n)]
    assert kept[-1] == n and len(kept) <= 101 and (n > 100 or len(kept) == n)

# it must not disturb

def test_same_weights_with_and_without(tmp_path):
    bank = made_up()
    alone = fit(learner(bank))
    rng = random.random(),np.random.rand(),torch.rand(1)
    recordinged = fit(learner(bank, [PredictionRecorder(tmp_path, bank, every=2)]))
    assert torch.equal(weights(alone), weights(recordinged))
    assert rng == (random.random(), np.random.rand(), torch.rand(1)), 'the rng lie as they would have lain'

def test_same_weights_with_pictures(tmp_path, pets_folder):
    "With augmentation, whose rng fastai throws even in validation."
    results = []
    for cbs in ([], [PredictionRecorder(tmp_path, every=1)]):
        set_seed(5)
        learn = pet_learner(photo_dataloaders(split_photos(pets_folder), 32, 8, aug_transforms()), cbs=cbs)
        learn.unfreeze()
        with learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3)
        results.append(weights(learn))
    assert torch.equal(*results)
    recording = recorded(tmp_path)
    assert recording.frame.nunique() == 5 and recording.phase.unique() == ['training'] and recording.file.nunique() == 8
    assert all(Path(o).exists() for o in recording.file)

def test_each_layer_is_as_it_was(tmp_path):
    bank,seen = made_up(),[]
    class Look(Callback):
        order = 80
        def before_train(self): self.model[1].eval() # as petlearn does with batch norms
        def before_batch(self): seen.append((self.training, self.model[0].training, self.model[1].training, torch.is_grad_enabled()))
    fit(learner(bank, [PredictionRecorder(tmp_path, bank, every=1), Look()]))
    trained = [o for o in seen if o[0]]
    assert trained and set(trained) == {(True, True, False, True)}

def test_what_it_says_is_what_the_model_says(tmp_path):
    bank = made_up()
    learn = fit(learner(bank, [PredictionRecorder(tmp_path, bank)]))
    with learn.no_bar(): probs = learn.get_preds()[0]
    valid = bank.table[bank.table.usage == 'valid'].reset_index()
    last = recorded(tmp_path).query('frame == 3')
    assert len(last) == 12 and set(last.label) == {'cat', 'dog'} and (last.label == 'cat').sum() == 6
    for row in last.itertuples():
        p = probs[valid.index[valid.file == row.file][0]]
        assert (row.p_cat, row.p_dog) == pytest.approx(p.tolist(), abs=2e-5) and row.predicted == ['cat', 'dog'][p.argmax()]

# it must not make a training fail

def _full(*args): raise PetLearnError("Can't write it: the disk is full.")

@pytest.mark.parametrize('name', ['no bank', 'no labels', 'full disk', 'all vanished'])
def test_a_training_goes_on_without_its_recording(tmp_path, monkeypatch, capsys, name):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path/'recording', None if name == 'no bank' else bank)])
    if name == 'no labels': learn = Learner(learn.dls, nn.Sequential(nn.Linear(8, 1), nn.Flatten(0)), loss_func=MSELossFlat(), cbs=learn.cbs[-1:])
    if name == 'full disk': monkeypatch.setattr(module, 'write_atomic', _full)
    if name == 'all vanished': monkeypatch.setattr(type(learn.dls.valid), 'do_item', lambda *o: (_ for _ in ()).throw(FileNotFoundError()))
    before = weights(learn).clone()
    with learn.no_bar(), learn.no_logging(): learn.fit(2, 1e-2)
    assert not torch.equal(before, weights(learn)) and not (tmp_path/'recording').exists()
    said = ''.join(capsys.readouterr())
    assert name == 'no labels' or said.count('its recording ends here') == 1, said

def test_a_vanished_photo_is_left_out(tmp_path):
    folder = draw_pets(tmp_path/'pets', n=24, seed=2)
    split = split_photos(folder)
    learn = pet_learner(photo_dataloaders(split, 32, 4), cbs=[PredictionRecorder(tmp_path)])
    gone = split[split.usage == 'valid'].file.iloc[0]
    Path(gone).unlink()
    class NoValidation(Callback):
        def before_validate(self): self.learn.dl = []
    with learn.no_bar(), learn.no_logging(), learn.added_cbs(NoValidation()): learn.fit(1)
    recording = recorded(tmp_path)
    assert recording.file.nunique() == (split.usage == 'valid').sum() - 1 and gone not in set(recording.file)

def test_the_learning_rate_finder_is_no_training(tmp_path):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path, bank)])
    with learn.no_bar(), learn.no_logging(): learn.lr_find(num_it=5, show_plot=False)
    assert not (tmp_path/'timeline.csv').exists()
    assert frames(fit(learn, 2) and tmp_path) == 3

# stops, sessions and several trainings

def test_one_callback_for_two_trainings(tmp_path):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path, bank)])
    assert frames(fit(learn, 2) and tmp_path) == 3
    assert recorded(fit(learn, 2) and tmp_path).step.unique().tolist() == [0, 5, 10, 15, 20]
    assert frames(fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1) and tmp_path) == 2, 'another callback begins a new recording'

class Cut(Callback):
    order = 90
    def __init__(self, step): self.at = step
    def after_batch(self):
        if self.training and self.learn.checkpoints.steps == self.at: raise KeyboardInterrupt

def sessions(folder, bank, cuts, every, epochs=3):
    for cut in [*cuts, None]:
        log = TrainingLog('head')
        learn = learner(bank, [log, *checkpoint_callbacks(folder, log, every=every), PredictionRecorder(folder, bank, every), *([Cut(cut)] if cut else [])])
        try: fit(learn, epochs)
        except KeyboardInterrupt: pass
    return (folder/'timeline.csv').read_text()

@pytest.mark.parametrize('cuts,every', [([1], 0), ([7], 0), ([5, 12], 0), ([3, 8], 3), ([6, 6], 1)], ids=str)
def test_a_stopped_training_has_the_recording_of_an_uninterrupted_one(tmp_path, cuts, every):
    "Frames after the checkpoint are dropped, and taken again; none is missing, none is there twice."
    bank = made_up()
    text = sessions(tmp_path/'a', bank, [], every)
    assert text == sessions(tmp_path/'b', bank, cuts, every)
    table = recorded(tmp_path/'b')
    assert table.step.unique().tolist() == {0: [0, 5, 10, 15], 1: [*range(16)], 3: [0, 3, 5, 6, 9, 10, 12, 15]}[every]
    assert table.frame.unique().tolist() == [*range(table.step.nunique())] and len(table) == 12*table.step.nunique()

def test_a_damaged_recording_is_begun_anew(tmp_path):
    bank = made_up()
    for stop in (12, None):
        log = TrainingLog('head')
        try: fit(learner(bank, [log, *checkpoint_callbacks(tmp_path, log), PredictionRecorder(tmp_path, bank), *([Cut(stop)] if stop else [])]), 4)
        except KeyboardInterrupt: (tmp_path/'timeline.csv').write_text('"frame","st')
    assert recorded(tmp_path).step.unique().tolist() == [10, 15, 20]

def test_recording_of_a_run(tmp_path, pets_folder):
    "Head, fine-tuning and checkpoints between: the same photos, and what the run says of them in the end."
    run = train(pets_folder, epochs=1, fine_tune_epochs=1, size=32, bs=8, checkpoint_every=3, runs_dir=tmp_path)
    recording = recorded(run.path)
    assert list(dict.fromkeys(recording.phase)) == ['head', 'fine-tune']
    assert recording.groupby('phase').step.unique().map(list).to_dict() == {'head': [0, 3, 4], 'fine-tune': [4, 6, 8]}
    assert (recording.groupby('frame').file.unique().map(list).map(str).nunique(), recording.file.nunique()) == (1, 8)
    valid = run.history.query("dataset == 'valid'")
    best = valid.assign(score=list(zip(1-valid.accuracy, valid.cross_entropy))).sort_values('score').iloc[0]
    kept = recording[(recording.phase == best.phase) & (recording.epoch == best.epoch)]
    kept = kept[kept.step == kept.step.max()].set_index('file')
    p = run.predictions.set_index('file').loc[kept.index]
    assert np.allclose(kept[['p_cat', 'p_dog']], p[['p_cat', 'p_dog']], atol=1e-3)

# reading

WORDS = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']) | st.just('\udcfc'), min_size=1, max_size=8)

@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, min_size=2, max_size=4, unique=True), WORDS)
def test_every_word_comes_back(tmp_path, labels, file):
    head = [*TIMELINE_COLUMNS, *(f'p_{o}' for o in labels)]
    rows = [[0, 0, 'head', 0, file, o, labels[0], *[.25]*len(labels)] for o in labels]
    path = tmp_path/'timeline.csv'
    path.write_bytes(timeline_csv([head, *rows]).encode('utf-8', 'surrogateescape'))
    assert read_timeline(path) == (head, rows)

GOOD = '"frame","step","phase","epoch","file","label","predicted","p_a","p_b"\n0,0,"head",0,"1.jpg","a","b",0.2,0.8\n'

DAMAGED = {'nothing': '', 'no frames': GOOD.split('\n')[0] + '\n', 'cut': GOOD[:-9], 'another table': '"a","b"\n1,2\n', 'no number': GOOD.replace('0.2', 'x'),
           'nan step': GOOD.replace('0,0,', '0,nan,'), 'no such label': GOOD.replace('"a","b",0', '"c","b",0'), 'said of no label': GOOD.replace('"b",0', '"c",0'), 'endless step': GOOD.replace('0,0,', '0,1e999,'),
           'a word for a number': GOOD.replace('0.8', '"0.8"'), 'a number for a word': GOOD.replace('"1.jpg"', '1'), 'no share': GOOD.replace('0.8', '8'),
           'nan share': GOOD.replace('0.8', 'nan'), 'a column twice': GOOD.replace('"p_b"', '"p_a"'),
           'zeros': '\0'*50, 'bytes': b'\xff\xfe\x00' * 9}

def test_damaged_recordings(tmp_path):
    path = tmp_path/'timeline.csv'
    path.write_text(GOOD)
    assert frames(tmp_path) == 1
    for name,data in DAMAGED.items():
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        with pytest.raises(PetLearnError, match='is damaged'): read_timeline(path)
    with pytest.raises(PetLearnError, match='There is no recording'): read_timeline(tmp_path/'nowhere/timeline.csv')

def test_every_that_makes_no_sense(tmp_path):
    for every in (-1, 1.5, '3', True, None, 10**7):
        with pytest.raises(PetLearnError, match='every='): PredictionRecorder(tmp_path, every=every)
