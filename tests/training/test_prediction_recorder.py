"The film of a training: chosen fairly, takes nothing away from the training, survives stops, and reads back what was said."
import random
import numpy as np, pandas as pd, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from pathlib import Path
from fastai.callback.core import Callback
from fastai.callback.schedule import lr_find # noqa: F401 gives learners their `lr_find`
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat, MSELossFlat
from fastai.torch_core import set_seed
from fastai.vision.augment import aug_transforms
from torch import nn
import petlearn.training.prediction_recorder as filmstrip
from petlearn import PetLearnError, train
from petlearn.models.callbacks import TrainingLog, checkpoint_callbacks
from petlearn.photos.drawings import draw_pets
from petlearn.models.features import Features, feature_dataloaders
from petlearn.evaluation.timeline import Film, ShowTimeline
from petlearn.training.prediction_recorder import PredictionRecorder, _as_csv, _choose, _due, _read
from petlearn.models.learner import pet_learner
from petlearn.models.loaders import photo_dataloaders
from petlearn.datasets.split import split_photos

def made_up(labels=('cat', 'dog'), n=60, valid=20, d=8, folder='none'):
    "A bank of random features that depend on the label; there are no photos."
    dice = np.random.default_rng(0)
    y = np.arange(n) % len(labels)
    x = (dice.normal(size=(len(labels), d))[y] + dice.normal(size=(n, d))).astype(np.float32)
    table = pd.DataFrame(dict(file=[f'{folder}/{i}.jpg' for i in range(n)], label=np.array(labels, object)[y],
                              usage=['valid']*valid + ['train']*(n-valid), sha256='', variant=0))
    return Features(x, table, sorted(labels), None, 64, 0, 0.)

def learner(bank, cbs=(), seed=0):
    set_seed(seed)
    model = nn.Sequential(nn.Linear(bank.shape[1], 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(.3), nn.Linear(16, len(bank.vocab)))
    return Learner(feature_dataloaders(bank, 8), model, loss_func=CrossEntropyLossFlat(), cbs=list(cbs))

def fit(learn, n=3, lr=.01):
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(n, lr)
    return learn

def weights(learn): return torch.cat([o.flatten().float() for o in learn.model.state_dict().values()])

pytestmark = pytest.mark.usefixtures('one_thread')

@pytest.fixture
def film(tmp_path):
    bank = made_up()
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]))
    return Film(tmp_path)

# which photos

@given(st.lists(st.sampled_from('abcdefghijklmnopqrstuvwxyz'), max_size=60), st.randoms(use_true_random=False))
def test_every_label_gets_its_turn(labels, dice):
    files = [f'{i}.jpg' for i in range(len(labels))]
    chosen = _choose(files, labels)
    assert len(chosen) == len(set(chosen)) == min(12, len(labels))
    got = {o: sum(labels[i] == o for i in chosen) for o in set(labels)}
    most = max(got.values(), default=0)
    assert all(n >= most-1 or n == labels.count(o) for o,n in got.items()), 'as many of each as there are'
    order = dice.sample(range(len(files)), len(files))
    again = _choose([files[i] for i in order], [labels[i] for i in order])
    assert {files[order[i]] for i in again} == {files[i] for i in chosen}, 'whatever their order'

def test_a_moved_folder_changes_nothing():
    files,labels = [f'{i}.jpg' for i in range(50)],['cat', 'dog']*25
    assert _choose(files, labels) == _choose([f'other place/{o}' for o in files], labels)

@given(st.integers(1, 5000))
def test_a_hundred_frames_at_most(n):
    kept = [i for i in range(1, n+1) if _due(i, n)]
    assert kept[-1] == n and len(kept) <= 101 and (n > 100 or len(kept) == n)

# it must not disturb

def test_same_weights_with_and_without(tmp_path):
    bank = made_up()
    alone = fit(learner(bank))
    dice = random.random(),np.random.rand(),torch.rand(1)
    filmed = fit(learner(bank, [PredictionRecorder(tmp_path, bank, every=2)]))
    assert torch.equal(weights(alone), weights(filmed))
    assert dice == (random.random(), np.random.rand(), torch.rand(1)), 'the dice lie as they would have lain'

def test_same_weights_with_pictures(tmp_path, pets_folder):
    "With augmentation, whose dice fastai throws even in validation."
    results = []
    for cbs in ([], [PredictionRecorder(tmp_path, every=1)]):
        set_seed(5)
        learn = pet_learner(photo_dataloaders(split_photos(pets_folder), 32, 8, aug_transforms()), cbs=cbs)
        learn.unfreeze()
        with learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3)
        results.append(weights(learn))
    assert torch.equal(*results)
    film = Film(tmp_path)
    assert len(film) == 5 and film.table.phase.unique() == ['training'] and len(film.photos) == 8
    assert all(Path(o).exists() for o in film.photos.file)

def test_each_layer_is_as_it_was(tmp_path):
    bank,seen = made_up(),[]
    class Look(Callback):
        order = 80
        def before_train(self): self.model[1].eval() # as petlearn does with batch norms
        def before_batch(self): seen.append((self.training, self.model[0].training, self.model[1].training, torch.is_grad_enabled()))
    learn = fit(learner(bank, [PredictionRecorder(tmp_path, bank, every=1), Look()]))
    trained = [o for o in seen if o[0]]
    assert trained and set(trained) == {(True, True, False, True)}

def test_what_it_says_is_what_the_model_says(tmp_path):
    bank = made_up()
    learn = fit(learner(bank, [PredictionRecorder(tmp_path, bank)]))
    with learn.no_bar(): probs = learn.get_preds()[0]
    valid = bank.table[bank.table.usage == 'valid'].reset_index()
    last = Film(tmp_path).table.query('frame == 3')
    assert len(last) == 12 and set(last.label) == {'cat', 'dog'} and (last.label == 'cat').sum() == 6
    for row in last.itertuples():
        p = probs[valid.index[valid.file == row.file][0]]
        assert (row.p_cat, row.p_dog) == pytest.approx(p.tolist(), abs=2e-5) and row.predicted == ['cat', 'dog'][p.argmax()]

# it must not make a training fail

def _full(*args): raise PetLearnError("Can't write it: the disk is full.")

@pytest.mark.parametrize('name', ['no bank', 'no labels', 'full disk', 'all vanished'])
def test_a_training_goes_on_without_its_film(tmp_path, monkeypatch, capsys, name):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path/'film', None if name == 'no bank' else bank)])
    if name == 'no labels': learn = Learner(learn.dls, nn.Sequential(nn.Linear(8, 1), nn.Flatten(0)), loss_func=MSELossFlat(), cbs=learn.cbs[-1:])
    if name == 'full disk': monkeypatch.setattr(filmstrip, 'write_atomic', _full)
    if name == 'all vanished': monkeypatch.setattr(type(learn.dls.valid), 'do_item', lambda *o: (_ for _ in ()).throw(FileNotFoundError()))
    before = weights(learn).clone()
    with learn.no_bar(), learn.no_logging(): learn.fit(2, 1e-2)
    assert not torch.equal(before, weights(learn)) and not (tmp_path/'film').exists()
    said = ''.join(capsys.readouterr())
    assert name == 'no labels' or said.count('its film ends here') == 1, said

def test_a_vanished_photo_is_left_out(tmp_path):
    folder = draw_pets(tmp_path/'pets', n=24, seed=2)
    split = split_photos(folder)
    learn = pet_learner(photo_dataloaders(split, 32, 4), cbs=[PredictionRecorder(tmp_path)])
    gone = split[split.usage == 'valid'].file.iloc[0]
    Path(gone).unlink()
    class NoValidation(Callback):
        def before_validate(self): self.learn.dl = []
    with learn.no_bar(), learn.no_logging(), learn.added_cbs(NoValidation()): learn.fit(1)
    film = Film(tmp_path)
    assert len(film.photos) == (split.usage == 'valid').sum() - 1 and gone not in set(film.photos.file)

def test_the_learning_rate_finder_is_no_training(tmp_path):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path, bank)])
    with learn.no_bar(), learn.no_logging(): learn.lr_find(num_it=5, show_plot=False)
    assert not (tmp_path/'filmstrip.csv').exists()
    assert len(Film(fit(learn, 2) and tmp_path)) == 3

# stops, sessions and several trainings

def test_one_callback_for_two_trainings(tmp_path):
    bank = made_up()
    learn = learner(bank, [PredictionRecorder(tmp_path, bank)])
    assert len(Film(fit(learn, 2) and tmp_path)) == 3
    assert Film(fit(learn, 2) and tmp_path).table.step.unique().tolist() == [0, 5, 10, 15, 20]
    assert len(Film(fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1) and tmp_path)) == 2, 'another callback begins a new film'

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
    return (folder/'filmstrip.csv').read_text()

@pytest.mark.parametrize('cuts,every', [([1], 0), ([7], 0), ([5, 12], 0), ([3, 8], 3), ([6, 6], 1)], ids=str)
def test_a_stopped_training_has_the_film_of_an_uninterrupted_one(tmp_path, cuts, every):
    "Frames after the checkpoint are dropped, and taken again; none is missing, none is there twice."
    bank = made_up()
    text = sessions(tmp_path/'a', bank, [], every)
    assert text == sessions(tmp_path/'b', bank, cuts, every)
    table = Film(tmp_path/'b').table
    assert table.step.unique().tolist() == {0: [0, 5, 10, 15], 1: [*range(16)], 3: [0, 3, 5, 6, 9, 10, 12, 15]}[every]
    assert table.frame.unique().tolist() == [*range(table.step.nunique())] and len(table) == 12*table.step.nunique()

def test_a_damaged_film_is_begun_anew(tmp_path):
    bank = made_up()
    for stop in (12, None):
        log = TrainingLog('head')
        try: fit(learner(bank, [log, *checkpoint_callbacks(tmp_path, log), PredictionRecorder(tmp_path, bank), *([Cut(stop)] if stop else [])]), 4)
        except KeyboardInterrupt: (tmp_path/'filmstrip.csv').write_text('"frame","st')
    assert Film(tmp_path).table.step.unique().tolist() == [10, 15, 20]

def test_film_of_a_run(tmp_path, pets_folder):
    "Head, fine-tuning and checkpoints between: the same photos, and what the run says of them in the end."
    run = train(pets_folder, epochs=1, fine_tune_epochs=1, size=32, bs=8, checkpoint_every=3, runs_dir=tmp_path)
    film = Film(run)
    assert list(dict.fromkeys(film.table.phase)) == ['head', 'fine-tune']
    assert film.table.groupby('phase').step.unique().map(list).to_dict() == {'head': [0, 3, 4], 'fine-tune': [4, 6, 8]}
    assert (film.table.groupby('frame').file.unique().map(list).map(str).nunique(), len(film.photos)) == (1, 8)
    valid = run.history.query("dataset == 'valid'")
    best = valid.assign(score=list(zip(1-valid.accuracy, valid.cross_entropy))).sort_values('score').iloc[0]
    kept = film.table[(film.table.phase == best.phase) & (film.table.epoch == best.epoch)]
    kept = kept[kept.step == kept.step.max()].set_index('file')
    p = run.predictions.set_index('file').loc[kept.index]
    assert np.allclose(kept[['p_cat', 'p_dog']], p[['p_cat', 'p_dog']], atol=1e-3)

# reading

WORDS = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']) | st.just('\udcfc'), min_size=1, max_size=8)

@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, min_size=2, max_size=4, unique=True), WORDS)
def test_every_word_comes_back(tmp_path, labels, file):
    head = [*filmstrip._HEAD, *(f'p_{o}' for o in labels)]
    rows = [[0, 0, 'head', 0, file, o, labels[0], *[.25]*len(labels)] for o in labels]
    path = tmp_path/'filmstrip.csv'
    path.write_bytes(_as_csv([head, *rows]).encode('utf-8', 'surrogateescape'))
    assert _read(path) == (head, rows)

@pytest.mark.parametrize('labels', [('nan', '7'), ('<b>fat</b>', '"q", \'r\''), ('a\nb', 'NA'), ('1.0', '-')], ids=str)
def test_odd_labels(tmp_path, labels):
    bank = made_up(labels, folder='<script>')
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1)
    film = Film(tmp_path)
    assert film.labels == sorted(labels) and set(film.table.label) == set(labels)
    for page in (film.frame(0), film._repr_html_()):
        assert '<b>fat' not in page and '<script' not in page and 'is not there' in page, 'escaped, and no photo is missed'
    assert str(film) and len(film.photos) == 12

def test_the_plot_takes_any_name(tmp_path):
    bank = made_up(('$x', '$$'), n=40, valid=5)
    bank.table.file = [f'a$b_{i}^.jpg' for i in range(40)]
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1)
    axs = Film(tmp_path).plot()
    axs[0,0].figure.canvas.draw()
    assert sum(o.get_visible() for o in axs.flat) == 5
    filmstrip.plt.close('all')

GOOD = '"frame","step","phase","epoch","file","label","predicted","p_a","p_b"\n0,0,"head",0,"1.jpg","a","b",0.2,0.8\n'
DAMAGED = {'nothing': '', 'no frames': GOOD.split('\n')[0] + '\n', 'cut': GOOD[:-9], 'another table': '"a","b"\n1,2\n', 'no number': GOOD.replace('0.2', 'x'),
           'nan step': GOOD.replace('0,0,', '0,nan,'), 'no such label': GOOD.replace('"a","b",0', '"c","b",0'), 'said of no label': GOOD.replace('"b",0', '"c",0'), 'endless step': GOOD.replace('0,0,', '0,1e999,'),
           'a word for a number': GOOD.replace('0.8', '"0.8"'), 'a number for a word': GOOD.replace('"1.jpg"', '1'), 'no share': GOOD.replace('0.8', '8'),
           'nan share': GOOD.replace('0.8', 'nan'), 'a column twice': GOOD.replace('"p_b"', '"p_a"'),
           'zeros': '\0'*50, 'bytes': b'\xff\xfe\x00' * 9}

@pytest.mark.parametrize('name', DAMAGED)
def test_damaged_films(tmp_path, name):
    path = tmp_path/'filmstrip.csv'
    path.write_text(GOOD)
    assert len(Film(path)) == len(Film(tmp_path)) == len(Film(str(tmp_path))) == 1
    data = DAMAGED[name]
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(PetLearnError, match='is damaged'): Film(tmp_path)

@pytest.mark.parametrize('source,says', [('nowhere', 'There is no film'), (None, 'not the name'), (3, 'not the name'), ('', 'not the name')])
def test_there_is_no_film(source, says):
    with pytest.raises(PetLearnError, match=says): Film(source)

@pytest.mark.parametrize('i', [4, -5, 1.5, '0', None, True])
def test_there_is_no_such_frame(film, i):
    with pytest.raises(PetLearnError, match='i='): film.frame(i)

@pytest.mark.parametrize('every', [-1, 1.5, '3', True, None, 10**7])
def test_every_that_makes_no_sense(tmp_path, every):
    with pytest.raises(PetLearnError, match='every='): PredictionRecorder(tmp_path, every=every)

def test_pages_and_words(film):
    assert len(film) == 4 and film.frame(-1) == film.frame(3) != film.frame(0) and 'Frame 4 of 4: training, epoch 3, step 15.' in film.frame(3)
    for i in range(4): # the sign is a word, not a colour
        rows = film.table[film.table.frame == i]
        right = (rows.label == rows.predicted).sum()
        assert (film.frame(i).count('✓ right'), film.frame(i).count('✗ wrong')) == (right, 12-right)
        assert f'Right on {right} of 12.' in film.frame(i)
    assert str(film).count('✓') + str(film).count('✗') == 48 and film._repr_html_().count('<tr>') == 13

def test_photos_tell_their_story(tmp_path):
    p = {'a': [.9, .2, .7, .8], 'b': [.1, .2, .3, .4]} # one is right, wrong, right; another is never learned
    rows = [[i, 5*i, 'head', i, f'{k}.jpg', 'x', 'x' if v[i] > .5 else 'y', v[i], 1-v[i]] for i in range(4) for k,v in p.items()]
    (tmp_path/'filmstrip.csv').write_text(_as_csv([[*filmstrip._HEAD, 'p_x', 'p_y'], *rows]))
    film = Film(tmp_path)
    assert film.photos.values.tolist() == [['a.jpg', 'x', .9, .8, .75, 2], ['b.jpg', 'x', .1, .4, 0., 0]]
    assert '✓✗✓✓   90% to  80%  x  a.jpg' in str(film) and '✗✗✗✗' in str(film)

def test_three_hundred_labels(tmp_path):
    labels = [f'breed {i:03}' for i in range(300)]
    bank = made_up(labels, n=1200, valid=600)
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 2)
    film = Film(tmp_path)
    assert len(film.labels) == 300 and film.photos.label.nunique() == 12 and film.photos.label.max() > 'breed 150'
    assert (tmp_path/'filmstrip.csv').stat().st_size < 150_000 and 'and 297 more' in film.frame(0)
    assert np.allclose(film.table[[f'p_{o}' for o in labels]].sum(axis=1), 1, atol=.01)

# live

@pytest.fixture
def screen(monkeypatch):
    "Pages that a notebook would show, in one place."
    import IPython.display
    class Place:
        pages = []
        def update(self, o): self.pages.append(o.data)
    def display(o, display_id):
        Place.pages = [o.data]
        return Place()
    monkeypatch.setattr(IPython.display, 'display', display)
    monkeypatch.setattr(filmstrip, 'in_notebook', lambda: True)
    return Place

@pytest.mark.parametrize('slow', [True, False])
def test_live(tmp_path, screen, monkeypatch, slow):
    clock = iter(range(10, 10**6))
    monkeypatch.setattr(filmstrip.time, 'monotonic', lambda: next(clock) if slow else 1)
    bank = made_up()
    fit(learner(bank, [PredictionRecorder(tmp_path, bank), ShowTimeline()]))
    assert [o[:17] for o in screen.pages] == ([f'<p>Frame {i} of {i}: ' for i in (1, 2, 3, 4)] if slow else ['<p>Frame 1 of 1: ', '<p>Frame 4 of 4: '])

def test_nothing_to_show(tmp_path, screen, monkeypatch):
    bank,pages = made_up(),screen.pages
    fit(learner(bank, [ShowTimeline()])) # no film
    fit(learner(bank, [PredictionRecorder(tmp_path/'a'), ShowTimeline()])) # a film that failed
    monkeypatch.setattr(filmstrip, 'in_notebook', lambda: False)
    fit(learner(bank, [PredictionRecorder(tmp_path/'b', bank), ShowTimeline()])) # a terminal
    assert screen.pages == pages == []

def test_files_whose_names_are_no_text(tmp_path):
    (tmp_path/'filmstrip.csv').write_bytes(GOOD.replace('1.jpg', 'K\udce4tzchen.jpg').encode('utf-8', 'surrogateescape'))
    film = Film(tmp_path)
    for o in (str(film), film._repr_html_(), film.frame(0)): assert 'K?tzchen' in o and o.encode()
    film.plot()[0,0].figure.canvas.draw()
    filmstrip.plt.close('all')
