"Ask a trained model: one photo or several, the cases of inputs.py, and what a Predictor is made of."
import os, subprocess, sys, threading, time
import numpy as np, pytest, torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from petlearn import PetLearnError, Predictor
from petlearn.training import trained as predict
from petlearn.models.saving import save_model
from petlearn.photo_errors import PhotoError
from petlearn.photos.finding import find_photos
from petlearn.models.prediction import MAX_PICTURES, PhotoModel, Prediction, photos_of
from petlearn.runs.run import Run
from inputs import BAD, CASES, NAMES, ODD, PET, PNG, must_fail, upload
from helpers import check_answer, near

pytestmark = [pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning'), pytest.mark.slow]

def each_in_its_folder(folder, cases):
    "Pairs of a case and an empty folder."
    for i,case in enumerate(cases):
        (folder/f'{i}').mkdir()
        yield case,folder/f'{i}'

def test_every_kind_of_input(predictor, tmp_path):
    for case,folder in each_in_its_folder(tmp_path, CASES): check_answer(predictor, case, folder)

def test_odd_files_are_answered_like_ordinary_ones(predictor):
    for o in ODD:
        a,b = predictor.predict(o.content),predictor.predict(o.same)
        assert all(abs(a.probs[k] - b.probs[k]) < .02 for k in b.probs), o.name

SOURCES = [o for o in CASES if o.case in (15, 17, 18) and not o.says and o.name not in ('folder', 'folder of one', 'empty list')]

def test_all_sources_of_a_photo_give_the_same_answer(predictor, tmp_path):
    expected = predictor.predict(PET).probs
    for case,folder in each_in_its_folder(tmp_path, SOURCES):
        answer = predictor.predict(case.make(folder))
        first = answer[0] if case.many else answer
        assert all(abs(first.probs[k] - p) < 1e-5 for k,p in expected.items()), case.name

def test_stream_goes_on_after_bad_photos(predictor):
    rows = [o for o in BAD if must_fail(o)]
    photos = [o for row in rows for o in (PNG, row.content)]
    for n in (1, 3, None):
        said = list(predictor.stream(photos, n))
        assert len(said) == len(photos)
        for good,bad,row in zip(said[::2], said[1::2], rows):
            assert isinstance(good, Prediction) and isinstance(bad, PhotoError) and bad.kind == row.kind and row.says in str(bad)

def test_several_are_answered_like_one(predictor, pets_folder, monkeypatch):
    photos = find_photos(pets_folder)
    assert near([predictor.predict(o) for o in photos], predictor.predict(pets_folder))
    monkeypatch.setattr(predict, 'EAGER_LIMIT', 9) # now the other engine is asked
    assert near([predictor.predict(o) for o in photos], predictor.predict(pets_folder))
    assert near(predictor.predict(photos[:5]), list(predictor.stream(iter(photos[:5]))))

def test_names(predictor, pets_folder, tmp_path):
    photo = find_photos(pets_folder)[0]
    assert [o.name for o in predictor.predict([photo, str(photo), photo.read_bytes(), PET])] == [photo.name]*2 + ['', '']
    assert [o.name for o in predictor.predict(upload(*((o, PNG) for o in NAMES)))] == NAMES
    assert predictor.predict(upload(('tom.png', PNG))).name == predictor.predict([*upload(('tom.png', PNG))])[0].name == 'tom.png'

def test_names_that_are_no_text(predictor, tmp_path):
    path = tmp_path/b'caf\xe9.png'.decode('utf-8', 'surrogateescape')
    try: path.write_bytes(PNG)
    except OSError: pytest.skip('such names are not possible here')
    p = predictor.predict(path)
    assert p.name == 'caf?.png'
    p._repr_html_().encode()

def test_see(predictor):
    pixels = [np.asarray(predictor.preprocess(o)) for o in (PNG, PET, upload(('a.png', PNG)), upload(('a.png', PNG))[0])]
    assert all((o == pixels[0]).all() for o in pixels) and pixels[0].shape == (96, 96, 3)
    with pytest.raises(PetLearnError, match='tuple is not a photo'): predictor.preprocess(upload(('a.png', PNG), ('b.png', PNG)))

def test_batches_that_make_no_sense(predictor):
    for bs in (0, -1, 1.5, 'many', 10**6):
        with pytest.raises(PetLearnError, match='bs='): list(predictor.stream([PNG], bs))

class Counting(PhotoModel):
    "A model that counts, and remembers how many photos were opened but not asked for yet."
    labels,size,threads = ['even', 'odd'],16,2
    def __init__(self): self.seen,self.most,self.given = 0,0,0
    def preprocess(self, x):
        self.seen += 1
        return Image.new('RGB', (16, 16), (x % 256, 0, 0))
    def _forward(self, n): return lambda pixels: (np.eye(2)[pixels[:, 0, 0, 0] % 2], None)

@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 60), bs=st.integers(1, 9), sized=st.booleans())
def test_stream_keeps_the_order(n, bs, sized):
    photos = range(n) if sized else iter(range(n))
    assert [o.label for o in Counting().stream(photos, bs)] == [['even', 'odd'][i % 2] for i in range(n)]

def test_stream_holds_few():
    model,taken = Counting(),[]
    photos = (taken.append(i) or i for i in range(10_000))
    stream = model.stream(photos, 5)
    for i in range(100): next(stream)
    assert len(taken) <= 100 + 5*5
    stream.close()
    assert len(taken) <= 100 + 5*5 and model.seen <= 100 + 5*5

def no_more_threads_than(n):
    "Is that so, now or soon?"
    until = time.monotonic() + 20
    while threading.active_count() > n and time.monotonic() < until: time.sleep(.05)
    return threading.active_count() <= n

def test_threads_end():
    before = threading.active_count()
    stream = Counting().stream(iter(range(1000)))
    next(stream)
    stream.close()
    assert no_more_threads_than(before)

def test_long_lists_keep_few_pictures(monkeypatch):
    monkeypatch.setattr('petlearn.models.prediction.MAX_PICTURES', 3)
    assert MAX_PICTURES == 500 and [o.photo is not None for o in Counting().predict(list(range(5)))] == [True]*3 + [False]*2

def test_a_novelty_that_is_no_number():
    "In JSON, there is no word for it."
    model = Counting()
    model._forward = lambda n: lambda pixels: (np.eye(2)[:len(pixels)], np.full(len(pixels), np.inf))
    with pytest.raises(PetLearnError, match='not a number'): model.predict(1)

def test_trouble_on_the_way_ends_the_threads():
    def photos(trouble):
        yield from range(9)
        raise trouble
    before = threading.active_count()
    for o in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(o): list(Counting().stream(photos(o)))
        assert no_more_threads_than(before)

def test_one_or_several():
    one = PNG,np.zeros((9, 9, 3)),PET
    several = [PNG],iter([PNG]),torch.zeros(2, 3, 9, 9),{PNG},np.zeros((2, 9, 9, 3)),np.array(['a.jpg', 'b.jpg']),{'a': PNG}.values()
    assert [photos_of(o)[1] for o in (*one, *several)] == [False]*3 + [True]*7

# --- what a Predictor is made of ---------------------------------------------------------------------------------

def test_sources_agree(run, predictor, pets_folder):
    photo = find_photos(pets_folder)[0]
    expected = predictor.predict(photo)
    for source in (run.path, str(run.path), run.path/'model', Run(run.path)): assert near(Predictor(source).predict(photo), expected, 1e-5)
    raw = Predictor(run.learn)
    assert raw.temperature == 1 and raw.novelty is None and raw.predict(photo).label == expected.label

def test_a_run_is_read_once(run, monkeypatch):
    "The first answer reads run.json once, and loads the model once; the second nothing at all."
    from petlearn.runs import run as module
    read,loaded = [],[]
    for o,calls,name in ((module, read, 'read_run'), (predict, loaded, 'load_model')):
        real = getattr(o, name)
        monkeypatch.setattr(o, name, lambda *args, real=real, calls=calls: calls.append(args) or real(*args))
    fresh = Run(run.path)
    first = fresh.predict(PET)
    assert (len(read), len(loaded)) == (1, 1)
    assert fresh.predict(PET).probs == first.probs and (len(read), len(loaded)) == (1, 1)

def test_a_learner_is_copied(run):
    learn = run.learn
    predictor = Predictor(learn)
    before = predictor.predict(PET).probs
    kept = {k: v.clone() for k,v in learn.model.state_dict().items()}
    try:
        with torch.no_grad():
            for o in learn.model.parameters(): o.zero_()
        assert predictor.predict(PET).probs == before
    finally: learn.model.load_state_dict(kept)

def test_fastai_says_the_same(run, pets_folder):
    photo = find_photos(pets_folder)[3]
    with run.learn.no_bar(): label,i,probs = run.learn.predict(photo)
    p = Predictor(run.learn).predict(photo)
    assert p.label == label and abs(p.probs[label] - probs[i].item()) < 1e-4

def test_a_model_without_numbers_is_refused(run, tmp_path):
    metadata = {k: v for k,v in run.model_metadata.items() if k in ('labels', 'arch', 'size', 'mean', 'std', 'temperature', 'novelty')}
    model = Run(run.path).model
    with torch.no_grad(): model[1][-1].weight.fill_(float('nan'))
    predictor = Predictor(save_model(model, metadata, tmp_path/'model'))
    for ask in (lambda: predictor.predict(PET), lambda: predictor.predict([PET]*2), lambda: next(predictor.stream([PET]))):
        with pytest.raises(PetLearnError, match='not a number'): ask()

def test_pickles_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.setattr('pickle.load', lambda *o, **k: pytest.fail('it was opened'))
    monkeypatch.setattr('torch.load', lambda *o, **k: pytest.fail('it was opened'))
    (tmp_path/'model.pkl').write_bytes(b'\x80\x04cposix\nsystem\n')
    with pytest.raises(PetLearnError, match='pickle') as e: Predictor(tmp_path/'model.pkl')
    assert 'load_learner' in str(e.value)

def test_what_is_no_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source,says in ((None, 'not the name'), (5, 'not the name'), ('nowhere', 'There is no model'), ('', 'not the name'), ('.', 'There is no model')):
        with pytest.raises(PetLearnError, match=says): Predictor(source)

def test_the_books_two_lines(predictor, pets_folder):
    p = predictor.predict(pets_folder/'Abyssinian_1.jpg')
    assert str(Prediction(p.probs)).startswith(f"Is this a cat?: {p.label == 'cat'}.\nProbability it's a cat: {p.probs['cat']:.6f}")


def test_copies_for_other_processes_and_threads(predictor, run):
    import copy, pickle
    expected = predictor.predict(PET).to_dict()
    for o in (pickle.loads(pickle.dumps(predictor)), copy.deepcopy(predictor), pickle.loads(pickle.dumps(run)), copy.deepcopy(run)): assert near(o.predict(PET), predictor.predict(PET)), o
    assert predictor.predict(PET).to_dict() == expected

FORKED = '''
import multiprocessing as mp, sys, torch
from petlearn.all import *
from petlearn.training.trained import EAGER_LIMIT
torch.set_num_threads(2)
folder,photos = sys.argv[1],sys.argv[2]
one,model,run = find_photos(photos)[0],Predictor(folder),Run(folder)
many = find_photos(photos)*(EAGER_LIMIT//20)
before = [model.predict(one).label, run.predict(one).label, len(model.predict(many))]
def ask(answers): answers.put([model.predict(one).label, run.predict(one).label, len(model.predict(many)), Predictor(folder).predict(one).label, train(photos, epochs=1, size=64, runs_dir=sys.argv[3]).state])
copies = mp.get_context('fork')
answers = copies.Queue()
copies.Process(target=ask, args=(answers,), daemon=True).start()
after = answers.get(timeout=120)
assert after == [*before, before[0], 'SUCCEEDED'], (before, after)
'''

@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere, processes are not forked')
def test_a_forked_process_answers_and_trains(run, pets_folder, tmp_path):
    "Gunicorn, multiprocessing: the copy has none of the threads that PyTorch and OpenVINO remember."
    r = subprocess.run([sys.executable, '-c', FORKED, run.path, pets_folder, tmp_path/'runs'], cwd=tmp_path, capture_output=True, text=True, env=os.environ | dict(OMP_NUM_THREADS='2'))
    assert r.returncode == 0, r.stderr[-2000:]
