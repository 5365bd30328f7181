"Where a run is wrong: tables by hand, neighbours by hand, advice, cards, and everything that can be missing."
import hashlib, json, shutil
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from pathlib import Path
from PIL import Image
from torch import nn
from petlearn.evaluation import interpret
from petlearn.models.backbones import backbone
from petlearn.core import PetLearnError
from petlearn.models.features import Features
from petlearn.evaluation.why import GradCam, Why, grad_cam
from petlearn.evaluation.interpret import Interpreter
from petlearn.models.learner import network_metadata
from petlearn.image_io import open_photo
from petlearn.models.prediction import Prediction
from petlearn.runs.run import Run, csv_text
from petlearn.runs.book import RunBook

PARAMS = dict(arch='efficientnet_lite0', size=96, bs=8, seed=1)

def sha(o): return hashlib.sha256(o).hexdigest()

def made(folder, rows, labels=('cat', 'dog'), temperature=1., train=3, **columns):
    "A run by hand; `rows` are name, label, and the probability of each label; its photos are small files that are no photos."
    folder.mkdir(exist_ok=True, parents=True)
    file = lambda name: (folder/name).as_posix()
    learned = [(file(f'train_{o}_{i}.jpg'), o, 'train') for o in labels for i in range(train)]
    split = pd.DataFrame(learned + [(file(name), label, 'valid') for name,label,*_ in rows], columns=['file', 'label', 'usage'])
    split['sha256'] = [sha(o.encode()) for o in split.file]
    for o in split.file: Path(o).write_bytes(o.encode())
    run = RunBook(folder/'runs').create(split, dict(params=PARAMS, dataset="some-set", metrics=dict(temperature=temperature)))
    (run.path/'model').mkdir()
    metadata = network_metadata(backbone(), list(labels), 96)
    (run.path/'model/model.json').write_text(json.dumps(metadata))
    said = [dict(file=file(name), usage='valid', label=label, predicted=labels[int(np.argmax(p))],
                 **{f'p_{o}': v for o,v in zip(labels, p)}) for name,label,*p in rows]
    if said: (run.path/'predictions.csv').write_text(csv_text(pd.DataFrame(said).assign(**columns)))
    return run

def bank(run, x):
    "Give `run` the features `x`, a row a photo of its split."
    table = run.split.assign(variant=0)
    run.trained.bank = Features(np.array(x, np.float32), table, run.labels, backbone(), 96, 0, 0.)

THREE = ('cat', 'dog', 'fox')
ROWS = [('a.jpg', 'cat', .7, .2, .1), ('b.jpg', 'cat', .1, .8, .1), ('c.jpg', 'dog', .2, .7, .1), ('d.jpg', 'fox', .6, .3, .1),
        ('e.jpg', 'cat', .3, .6, .1), ('f.jpg', 'fox', .05, .9, .05)]

@pytest.fixture
def it(tmp_path): return Interpreter(made(tmp_path, ROWS, THREE))

def names(df): return [Path(o).name for o in df.file]

# tables

def test_tables_by_hand(it):
    df = it.table
    assert names(df) == ['f.jpg', 'b.jpg', 'd.jpg', 'e.jpg', 'a.jpg', 'c.jpg'], 'worst first; equal losses by name'
    assert df.p_label.tolist() == pytest.approx([.05, .1, .1, .3, .7, .7])
    assert df.p_predicted.tolist() == pytest.approx([.9, .8, .6, .6, .7, .7])
    assert df.loss.tolist() == pytest.approx((-np.log(df.p_label)).tolist()) and df.novelty.isna().all()
    assert df.wrong.tolist() == [True]*4 + [False]*2 and it.mistakes.equals(df[:4])
    assert it.confusion.to_numpy().tolist() == [[1, 2, 0], [0, 1, 0], [1, 1, 0]] and list(it.confusion) == list(it.confusion.index) == [*THREE]
    assert it.confused.to_numpy().tolist() == [['cat', 'dog', 2, 3], ['fox', 'cat', 1, 2], ['fox', 'dog', 1, 2]]
    assert names(it.cell('cat', 'dog')) == ['b.jpg', 'e.jpg'] and not len(it.cell('dog', 'cat'))
    assert len(it.show(2)) == 2 and [o.label for o in it.show(2)] == ['fox', 'cat']
    assert it.show(1).words == ['labelled fox (5 %), it said dog (90 %)'] and it.notes == []
    assert it.summary.endswith('validation photos: 4 of 6 wrong: between 22 % and 96 %')

def test_calibrated_by_the_temperature_of_the_run(tmp_path):
    "A temperature of 2 takes the square root of probabilities; who says what stays."
    it = Interpreter(made(tmp_path, ROWS, THREE, temperature=2.))
    root = np.sqrt([.05, .9, .05])
    assert it.table.p_label[0] == pytest.approx(root[2]/root.sum()) and it.table.p_predicted[0] == pytest.approx(root[1]/root.sum())
    assert it.table.predicted[0] == 'dog'

def test_novelty_of_the_file(tmp_path):
    it = Interpreter(made(tmp_path, ROWS, THREE, novelty=[.1, .2, .3, .4, .5, .6]))
    assert dict(zip(names(it.table), it.table.novelty)) == pytest.approx(dict(zip('a.jpg b.jpg c.jpg d.jpg e.jpg f.jpg'.split(), [.1, .2, .3, .4, .5, .6])))

def test_one_reading_and_no_inference(tmp_path, monkeypatch):
    run,reads = made(tmp_path, ROWS, THREE),[]
    real = pd.read_csv
    monkeypatch.setattr(pd, 'read_csv', lambda path, *a, **k: (reads.append(Path(path).name), real(path, *a, **k))[1])
    def never(*args): raise AssertionError('inference')
    monkeypatch.setattr(nn.Module, '__call__', never)
    monkeypatch.setattr(interpret, 'torch_engine', never)
    it = Interpreter(run)
    (run.path/'predictions.csv').unlink()
    for _ in range(2): it.table, it.mistakes, it.confused, it.confusion, it.cell('cat', 'dog'), it.notes, it.show(), str(it), it._repr_html_()
    assert reads.count('predictions.csv') == 1

def test_words_find_the_run_and_usage_the_photos(tmp_path):
    run = made(tmp_path, ROWS, THREE)
    run.record(states=[('SUCCEEDED', '')])
    df = run.predictions
    df.loc[df.label == 'fox', 'usage'] = 'test'
    (run.path/'predictions.csv').write_text(csv_text(df))
    assert len(Interpreter('V001', runs_dir=run.path.parent).table) == 4 and len(Interpreter(run.path).table) == 4
    it = Interpreter('newest', 'test', runs_dir=run.path.parent)
    assert len(it.table) == 2 and 'test photos' in it.summary

def test_bad_input(it):
    run = it.run
    for do,words in ((lambda: Interpreter(made(run.path.parent.parent/'none', [], THREE)), 'no predictions'),
                     (lambda: Interpreter(run, 'test'), 'test_pct=0.1'),
                     (lambda: Interpreter(run, 'vaild'), "Did you mean 'valid'"),
                     (lambda: Interpreter('V099', runs_dir=run.path.parent), "There is no run 'V099'"),
                     (lambda: Interpreter(3.5), 'not the name of a run'),
                     (lambda: it.cell('cat', 'fxo'), "Did you mean 'fox'"),
                     (lambda: it.cell(1, 'cat'), 'There is no label 1'),
                     (lambda: it.show(0), 'n=0'),
                     (lambda: it.nearest('a.jpg', 0), 'n=0'),
                     (lambda: it.nearest('a.jpg', 'all'), "n='all'")):
        with pytest.raises(PetLearnError) as e: do()
        assert words in str(e.value) and e.value.expected and '\n' not in e.value.what

def test_run_at_work_has_no_predictions_yet(tmp_path):
    run = made(tmp_path, ROWS, THREE)
    (run.path/'predictions.csv').unlink()
    with pytest.raises(PetLearnError, match='no predictions yet'): Interpreter(run)

# what the validation photos don't show

def shown(it): return it._repr_html_(),str(it)

def test_one_class_in_validation(tmp_path):
    it = Interpreter(made(tmp_path, [('a.jpg', 'cat', .9, .1), ('b.jpg', 'cat', .4, .6)]))
    assert it.notes == ['All photos here are labelled cat; about the other labels they say nothing.']
    assert it.confusion.to_numpy().tolist() == [[1, 1], [0, 0]]
    for o in shown(it): assert it.notes[0] in o

def test_perfect_is_suspicious(tmp_path):
    it = Interpreter(made(tmp_path, [('a.jpg', 'cat', .9, .1), ('b.jpg', 'dog', .4, .6)]))
    assert it.notes[0].startswith('There is no mistake among 2 photos. That is suspicious') and 'copies of training photos' in it.notes[0]
    assert 'none of 2 wrong' in it.summary and not len(it.confused) and not len(it.mistakes) and str(it.show()) == 'No photos.'
    assert it.advice[0].startswith('There is no mistake to learn from') and len(it.advice) == 1
    for o in shown(it): assert it.notes[0] in o and 'Most confused' not in o

def test_all_wrong(tmp_path):
    it = Interpreter(made(tmp_path, [('a.jpg', 'cat', .1, .9), ('b.jpg', 'dog', .6, .4)]))
    assert it.mistakes.equals(it.table) and 'all 2 wrong' in it.summary

def test_photos_that_are_gone(it):
    for o in it.table.file[:2]: Path(o).unlink()
    assert it.notes == ["2 photos of 6 can't be found any more, such as f.jpg. The numbers still count them."]
    html,text = shown(it)
    assert 'f.jpg: labelled fox' in html and 'is not there' in html and 'can not be opened' in html, 'gone, and no photos'
    assert 'f.jpg' in text

def test_names_with_html(tmp_path):
    bad = '<b onload=x>&"'
    it = Interpreter(made(tmp_path, [(f'{bad}.jpg', bad, .1, .9), ('b.jpg', '<i>dog', .6, .4)], (bad, '<i>dog')))
    html = it._repr_html_() + it.show()._repr_html_()
    assert '<b onload' not in html and '<i>' not in html and '&lt;b onload=x&gt;' in html
    cam = GradCam(Image.new('RGB', (9, 9)), bad, np.eye(3))
    p = Prediction({bad: .9, '<i>dog': .1})
    w = Why(p, '<i>dog', cam, it.show(), pd.DataFrame([('dark', .2, '<i>dog', True)], columns=['change', 'p', 'answer', 'flips']),
            [cam.photo], ['<i>note'])
    for html in (cam._repr_html_(), w._repr_html_()): assert '<b onload' not in html and '<i>' not in html and '&lt;' in html

def test_name_that_is_no_text(tmp_path):
    run = made(tmp_path, ROWS, THREE)
    df = run.predictions
    df['file'] = [f'{o}\udcff' for o in df.file]
    (run.path/'predictions.csv').write_bytes(csv_text(df).encode('utf-8', 'surrogateescape'))
    for o in shown(Interpreter(run)): assert o.encode() and 'f.jpg?' in o

def test_label_that_the_model_does_not_know(tmp_path):
    it = Interpreter(made(tmp_path, [('a.jpg', 'cow', .6, .4), ('b.jpg', 'dog', .2, .8)]))
    assert it.labels == ['cat', 'dog', 'cow'] and it.table.p_label[0] == 0 and np.isfinite(it.table.loss).all()
    assert it.confusion.loc['cow'].tolist() == [1, 0, 0] and it.confused.to_numpy().tolist() == [['cow', 'cat', 1, 1]]

def test_300_classes(tmp_path):
    labels = [f'breed_{i:03}' for i in range(300)]
    rng = np.random.default_rng(0)
    rows = [(f'{i}.jpg', labels[i % 300], *rng.dirichlet(np.ones(300))) for i in range(320)]
    it = Interpreter(made(tmp_path, rows, labels, train=1))
    assert it.confusion.shape == (300, 300) and len(it.confused) > 250
    html,text = shown(it)
    assert html.count('<tr') == 11 and f'and {len(it.confused)-10} more pairs' in html and f'and {len(it.confused)-10} more pairs' in text
    assert len(html) < 20_000 and text.count('\n') < 40
    with pytest.raises(PetLearnError) as e: it.cell('x', 'y')
    assert len(str(e.value)) < 300

# neighbours

@pytest.fixture
def flat(tmp_path):
    "Six training photos in a plane (mean 0), two photos held back."
    it = Interpreter(made(tmp_path, [('a.jpg', 'cat', .2, .8), ('b.jpg', 'dog', .3, .7)]))
    #            cats                       dogs                      a         b
    bank(it.run, [(2, 0), (0, 2), (0, -2)] + [(-2, 0), (1, 1), (-1, -1)] + [(3, 3.1), (-.1, 0)])
    return it

def test_nearest_by_hand(flat):
    near = flat.nearest(flat.table.file[0])
    assert names(near.table) == 'train_dog_1.jpg train_cat_1.jpg train_cat_0.jpg train_dog_0.jpg train_cat_2.jpg'.split()
    cosines = [6.1/2**.5, 3.1, 3, -3, -3.1]/np.hypot(3, 3.1)
    assert near.table.similarity.tolist() == pytest.approx(cosines.tolist(), abs=1e-6)
    assert near.words[0] == 'dog, 1.00' and list(near.table) == ['file', 'label', 'similarity']
    assert [o.label for o in near] == near.table.label.tolist() and len(near) == 5 and near.table.index.tolist() == [0, 1, 2, 3, 4]
    assert len(flat.nearest('a.jpg', 2)) == 2 and len(flat.nearest('a.jpg', 100)) == 6
    assert 'train_dog_1.jpg' in str(near) and str(near) == repr(near) and near._repr_html_().count('can not be opened') == 5

def test_nearest_ids_are_stable(flat):
    "Equally near ones are told by name, whatever the order of the table."
    run = flat.run
    x = np.array([(1, 0), (1, 0), (1, 0), (-1, 0), (-1, 0), (-1, 0), (.5, 0), (-3, 0)], np.float32)
    bank(run, x)
    first = names(Interpreter(run).nearest('a.jpg', 6).table)
    assert first == [f'train_cat_{i}.jpg' for i in range(3)] + [f'train_dog_{i}.jpg' for i in range(3)]
    b,order = run.bank,np.random.default_rng(1).permutation(8)
    run.trained.bank = Features(b.x[order], b.table.iloc[order].reset_index(drop=True), b.vocab, b.backbone, 96, 0, 0.)
    assert names(Interpreter(run).nearest('a.jpg', 6).table) == first

def test_a_photo_is_known_by_its_content(flat, tmp_path, monkeypatch):
    file = Path(flat.table.file[0])
    ids = lambda photo: names(flat.nearest(photo).table)
    expected = ids(file)
    (tmp_path/'copy.jpg').write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    for o in (str(file), file.read_bytes(), bytearray(file.read_bytes()), tmp_path/'copy.jpg', Path('a.jpg'), 'a.jpg', './a.jpg'): assert ids(o) == expected
    monkeypatch.chdir('/')
    assert ids('a.jpg') == expected, 'the name is enough'
    file.unlink()
    assert ids(file) == ids('a.jpg') == expected, 'the bank still has it'

def test_a_training_photo_is_not_its_own_neighbour(flat):
    near = flat.nearest('train_cat_1.jpg', 6)
    assert len(near) == 5 and 'train_cat_1.jpg' not in names(near.table) and near.table.label[0] == 'dog'

@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_nearest_is_the_largest_cosine(seed, n):
    rng = np.random.default_rng(seed)
    x,labels = rng.normal(size=(14, 5)).astype(np.float32),list('aabbaabbaabb') + ['a', 'b']
    files = [f'/nowhere/{seed}/{i:02}.jpg' for i in range(14)]
    split = pd.DataFrame(dict(file=files, label=labels, usage=['train']*12 + ['valid']*2, sha256=[sha(o.encode()) for o in files]))
    it = object.__new__(Interpreter)
    it.run = type('R', (), dict(split=split, bank=Features(x, split.assign(variant=0), ['a', 'b'], backbone(), 96, 0, 0.)))
    mean = x[:12].mean(0)
    cosine = lambda i: float((x[i]-mean) @ (x[12]-mean)/np.linalg.norm(x[i]-mean)/np.linalg.norm(x[12]-mean))
    best = sorted(range(12), key=lambda i: -cosine(i))[:n]
    df = it.nearest(files[12], n).table
    assert df.similarity.tolist() == pytest.approx([cosine(i) for i in best], abs=1e-5) and df.similarity.abs().max() <= 1.000001

def test_photos_that_are_none(whole):
    for o in ('nowhere.jpg', Path('/no/such/photo.jpg'), None, 7, b'', b'<html>', 'x'*5000, 'https://example.org/cat.jpg', 'a\0b'):
        for do in (whole.nearest, whole.why):
            with pytest.raises(PetLearnError) as e: do(o)
            assert e.value.what

# advice

def test_advice_by_hand(tmp_path):
    rows = [('a.jpg', 'cat', .2, .8), ('b.jpg', 'cat', .4, .6), ('c.jpg', 'cat', .9, .1), ('d.jpg', 'dog', .9, .1), ('e.jpg', 'dog', .1, .9), ('f.jpg', 'dog', .1, .9), ('g.jpg', 'cat', .9, .1), ('h.jpg', 'dog', .1, .9)]
    it = Interpreter(made(tmp_path, rows, train=5))
    cats,dogs = [(1, .01*i) for i in range(5)],[(-1, .01*i) for i in range(5)]
    bank(it.run, cats + dogs + [(-1, 0), (0, 5), (1, 0), (1, 0), (-1, 0), (-1, 0), (1, 0), (-1, 0)])
    take,look = it.advice
    assert take == 'Take 10 photos of cat: 2 of 4 were missed.' and look.startswith('Look at d.jpg, a.jpg: the training photos nearest to them')
    assert take in str(it) and take in it._repr_html_() and look not in str(it)

def test_advice_names_no_photo_twice(tmp_path):
    "A photo unlike all that was learned is one to take; it isn't asked what it shares with its neighbours."
    rows = [('a.jpg', 'cat', .2, .8), ('b.jpg', 'cat', .4, .6), ('c.jpg', 'cat', .9, .1), *((f'{o}.jpg', 'dog', .1, .9) for o in 'def')]
    it = Interpreter(made(tmp_path, rows, train=5, novelty=[3., 2.4, 9., 9., 9., 9.]))
    bank(it.run, [(1, .01*i) for i in range(5)] + [(-1, .01*i) for i in range(5)] + [(-1, 0)]*6)
    take,strange,look = it.advice
    assert take.startswith('Take 10 photos of cat: 2 of 3') and strange == 'Take photos like a.jpg: no training photo is like them.'
    assert look.startswith('Look at b.jpg: ')

def test_advice_only_where_it_is_right(tmp_path):
    "A label that was missed once, or far less often than the others, needs no photos more than they do."
    once = Interpreter(made(tmp_path/'once', [(f'{i}.jpg', 'cat', .9, .1) for i in range(9)] + [('x.jpg', 'dog', .9, .1), ('y.jpg', 'dog', .1, .9)]))
    bank(once.run, [(1, 0)]*3 + [(-1, 0)]*3 + [(1, 0)]*11)
    assert once.advice[0].startswith('No label was missed twice') and len(once.advice) == 1
    rows = [(f'c{i}.jpg', 'cat', *((.1, .9) if i < 2 else (.9, .1))) for i in range(40)]
    rows += [(f'd{i}.jpg', 'dog', *((.1, .9) if i < 10 else (.9, .1))) for i in range(20)]
    some = Interpreter(made(tmp_path/'some', rows))
    bank(some.run, [(1, 0)]*3 + [(-1, 0)]*3 + [(1, 0)]*60)
    assert [o for o in some.advice if o.startswith('Take')] == ['Take 10 photos of dog: 10 of 20 were missed.']

def test_advice_of_a_model_that_is_no_better_than_always_the_same(tmp_path):
    "All are called cats: more photos of dogs are not what it needs first; where all photos have one label, nothing can be compared."
    rows = [(f'{i}.jpg', 'cat' if i < 6 else 'dog', .6, .4) for i in range(10)]
    it = Interpreter(made(tmp_path/'same', rows))
    bank(it.run, [(1, 0)]*16)
    assert it.advice[0] == ("Not better than the baseline: always answering 'cat' would be right on 6 of 10 photos (60 %). More photos of a label may not help before it is. "
                            "What its curves say: run.verdict")
    one = Interpreter(made(tmp_path/'one', [(f'{i}.jpg', 'cat', *((.1, .9) if i < 3 else (.9, .1))) for i in range(9)]))
    bank(one.run, [(1, 0)]*15)
    assert one.advice[0] == 'Take 10 photos of cat: 3 of 9 were missed.'

def test_advice_without_the_photos(it, monkeypatch):
    "Nothing is in the bank any more, and the photos are gone."
    monkeypatch.setattr(type(it.run), 'bank', property(lambda o: (_ for _ in ()).throw(PetLearnError('All photos are gone.', 'x', 'y'))))
    assert it.advice[0].startswith("Not better than the baseline: always answering 'cat'") and it.advice[1] == "The training photos are not known: All photos are gone."

# the card of a photo

@pytest.fixture(scope='module')
def photo(run): return run.predictions.file.iloc[0]

@pytest.fixture(scope='module')
def whole(run): return Interpreter(run)

@pytest.fixture(scope='module')
def card(whole, photo): return whole.why(photo)

def test_card(whole, card, run, photo):
    p = run.predict(photo)
    assert card.prediction.probs == p.probs and card.prediction.photo.tobytes() == p.photo.tobytes()
    row = next(o for o in whole.table.itertuples() if o.file == photo)
    assert card.given == row.label and card.prediction.label == row.predicted and card.prediction.probs[row.label] == pytest.approx(row.p_label, abs=1e-3)
    assert card.nearest.table.equals(whole.nearest(photo).table) and len(card.nearest) == 5
    assert (card.cam.grid == grad_cam(run, photo).grid).all() and card.cam.label == p.label
    c = card.changes
    assert c.change.tolist() == ['unchanged', 'only the middle', 'dark', 'surrounded by grey', 'hottest place covered']
    assert c.p[0] == pytest.approx(p.confidence, abs=1e-4) and c.flips.tolist() == [o != p.label for o in c.answer] and not c.flips[0]
    html,text = card._repr_html_(),str(card)
    assert html.count('<img') == 12 and html.count('data:image/jpeg') == 12 and card.sentence in text and text == repr(card)
    for o in ('Nearest training photos', 'What changes its mind', 'hottest place covered'): assert o in html and o in text
    assert html.count('<div') == html.count('</div>') and len(html) < 100_000

def copy_of(run, folder):
    "The same run on copies of its photos, which may be moved and changed."
    path = shutil.copytree(run.path, folder/'runs'/run.path.name)
    (folder/'photos').mkdir()
    for name in ('split', 'predictions'):
        df = getattr(run, name)
        (path/f'{name}.csv').write_text(csv_text(df.assign(file=[shutil.copy(o, folder/'photos') for o in df.file])))
    return Run(path)

def test_something_else(whole):
    "The doubt of the prediction is on the card."
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    w = whole.why(noise)
    p = w.prediction
    assert p.neither == (p.novelty > p.limit) and w.notes == ([p.doubt] if p.doubt else [])
    assert w.given == '' and w.sentence.startswith(f'It says {p.answer}') and all(o in str(w) for o in w.notes)

def test_photo_that_is_gone(run, tmp_path):
    mine = copy_of(run, tmp_path)
    it = Interpreter(mine)
    gone,other = map(Path, it.table.file[:2])
    gone.rename(tmp_path/'moved.jpg')
    with pytest.raises(PetLearnError) as e: it.why(gone)
    assert gone.name in e.value.what and e.value.fix
    assert it.why(tmp_path/'moved.jpg').given == it.table.label[0], 'it is known by its content'
    assert len(it.nearest(gone)) == 5 and gone.name in it.notes[-1]
    new = tmp_path/'photos'/other.name
    Image.effect_noise((120, 120), 90).convert('RGB').save(new)
    w = it.why(new)
    assert w.given == '' and w.notes[0] == f'{new.name} has changed since the training; then it was labelled {it.table.label[1]}.'
    assert 'labelled' not in w.sentence.split(';')[0]

def test_no_photo_is_left(run, tmp_path, monkeypatch):
    "A new photo still gets its card; only the neighbours are missing."
    mine = copy_of(run, tmp_path)
    it,new = Interpreter(mine),open_photo(run.predictions.file.iloc[0])
    shutil.rmtree(tmp_path/'photos')
    def empty(run): raise PetLearnError('No photo can be used.', 'x', 'y')
    monkeypatch.setattr(Run, 'bank', property(empty))
    w = it.why(new)
    assert w.nearest is None and w.notes[-1] == "The training photos are not known: No photo can be used."
    assert 'nearest' not in w.sentence and 'Nearest' not in w._repr_html_() and 'Nearest' not in str(w)
    assert it.notes[-1].startswith(f"{len(it.table)} photos of {len(it.table)} can't be found")

def test_photos_of_all_kinds(whole, photo):
    "A name and bytes are the photo of the run; an open file and an array are new ones, even with the same pixels."
    data = Path(photo).read_bytes()
    with open(photo, 'rb') as f: cards = [whole.why(o) for o in (Path(photo).name, data, f, np.asarray(open_photo(photo)))]
    assert [bool(o.given) for o in cards] == [True, True, False, False]
    for o in cards: assert o.prediction.label == cards[0].prediction.label and len(o.nearest) == 5
    assert cards[2].nearest.table.file[0] == cards[3].nearest.table.file[0]

def test_damaged_predictions(tmp_path):
    run = made(tmp_path, [('a.jpg', 'cat', .9, .1), ('b.jpg', 'dog', .2, .8)])
    df = run.predictions.astype({'p_cat': float})
    for change in (dict(predicted='dog'), dict(usage='valic'), dict(p_cat=2.), dict(p_cat=float('nan')), dict(label='')):
        (run.path/'predictions.csv').write_text(csv_text(df.assign(**{k: [v, *df[k][1:]] for k,v in change.items()})))
        with pytest.raises(PetLearnError, match='predictions.csv is damaged: 1 line of 2'): Interpreter(run)

def test_the_tables_need_no_model(tmp_path):
    run = made(tmp_path, ROWS, THREE, temperature=2.)
    want = Interpreter(run).table
    shutil.rmtree(run.path/'model')
    assert Interpreter(run).table.equals(want)

def test_a_name_that_is_too_long_is_a_photo_that_is_gone(tmp_path):
    run = made(tmp_path, [('a.jpg', 'cat', .9, .1), ('b.jpg', 'dog', .9, .1)])
    (run.path/'predictions.csv').write_text(csv_text(run.predictions.assign(file=['/' + 5000*'x', '/x\0y'])))
    it = Interpreter(run)
    assert '2 photos of 2' in it.notes[0] and 'is not there' in it._repr_html_()
