"The portable model: the same answers as the kit, on its own, and never a wrong one from a damaged folder."
import hashlib, json, os, shutil, subprocess, sys, sysconfig
from pathlib import Path
from types import SimpleNamespace
import numpy as np, psutil, pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from petlearn import PetLearnError, Predictor
from petlearn import lite
from petlearn.photos.finding import find_photos
from common import ROOT
from inputs import CASES, JPEG, ODD, PET, PNG
from helpers import check_answer, near, signed

pytestmark = [pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning'), pytest.mark.slow]

@pytest.fixture(scope='module')
def kit(exported): return Predictor(exported)

@pytest.fixture(scope='module')
def small(exported): return lite.load(exported)

# --- the same answers --------------------------------------------------------------------------------------------

@pytest.mark.parametrize('case', sorted({o.case for o in CASES}))
def test_inputs(kit, small, case, tmp_path):
    "All cases of the table with this number."
    for i,o in enumerate([o for o in CASES if o.case == case]):
        for name in 'kit','lite': (tmp_path/f'{name}{i}').mkdir()
        said = check_answer(small, o, tmp_path/f'lite{i}')
        if said is not None: assert near(check_answer(kit, o, tmp_path/f'kit{i}'), said), o.name

def test_odd_files(kit, small):
    for o in ODD: assert near(kit.predict(o.content), small.predict(o.content), 1e-5), o.name

def test_stream(kit, small, pets_folder):
    photos = [*find_photos(pets_folder)[:12], b'a text', PNG]
    a,b = list(kit.stream(photos)),list(small.stream(photos))
    assert str(a.pop(12)) == str(b.pop(12)) and near(a, b, 1e-5)

def test_one_or_many_is_the_same_to_the_last_bit(small, pets_folder):
    photos = find_photos(pets_folder)[:9]
    one = [small.predict(o) for o in photos]
    for bs in (1, 4, 9): assert [(o.probs, o.novelty) for o in small.stream(photos, bs)] == [(o.probs, o.novelty) for o in one]

def test_it_looks_like_the_kit(kit, small, run, exported):
    assert (small.labels, small.size, small.limit) == (kit.labels, kit.size, kit.limit) and (np.asarray(small.preprocess(PNG)) == np.asarray(kit.preprocess(PNG))).all()
    assert repr(small) == repr(kit).replace('Predictor', 'LiteModel')

def test_folder_of_a_run(exported, small, tmp_path):
    "A run's folder is as good as that of its model."
    (tmp_path/'V009-tame-ibis').mkdir()
    (tmp_path/'V009-tame-ibis/run.json').write_text('{}')
    shutil.copytree(exported, tmp_path/'V009-tame-ibis/model')
    assert near(lite.load(str(tmp_path/'V009-tame-ibis')).predict(PNG), small.predict(PNG), 1e-9)

# --- on its own --------------------------------------------------------------------------------------------------

ALONE = '''
import json, sys
from pathlib import Path
model_folder,photos = sys.argv[1],json.loads(sys.argv[2])
from petlearn import lite
model = lite.load(model_folder)
said = [model.predict(o) for o in photos] + model.predict(photos) + model.predict(str(Path(photos[0]).parent))
from petlearn import PetLearnError
for bad in ('nowhere.jpg', __file__):
    try: model.predict(bad)
    except PetLearnError as e: print(e, file=sys.stderr)
assert '<img' in said[0]._repr_html_() and 'Probability' in str(said[0])
homes = {Path(o.__file__).parts for o in list(sys.modules.values()) if getattr(o, '__file__', None)}
packages = {p[p.index('site-packages') + 1].split('.')[0] for p in homes if 'site-packages' in p}
print(json.dumps([[o.to_dict() for o in said], sorted(packages)]))
'''
GUARD = '''
import sys
ALLOWED = {'onnxruntime', 'PIL', 'numpy', 'petlearn', *sys.stdlib_module_names}
class Guard:
    "Nothing but these three packages, petlearn and the standard library."
    def find_spec(self, name, path=None, target=None):
        top = name.split('.')[0]
        if top not in ALLOWED and not top.startswith(('_', 'pillow_heif')): raise ImportError(f'{name} is forbidden here')
sys.meta_path.insert(0, Guard())
'''

def alone(python, folder, code, model, photos, **env):
    "What lite says in a process of its own."
    (folder/'alone.py').write_text(code)
    env = {k: v for k,v in os.environ.items() if k != 'PYTHONPATH'} | env
    done = subprocess.run([*python, str(folder/'alone.py'), str(model), json.dumps([str(o) for o in photos])], capture_output=True, text=True, env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    for o in ('There is no file nowhere.jpg', 'not a photo that can be opened'): assert o in done.stderr
    return json.loads(done.stdout)

def some_photos(folder):
    "Odd photos in a folder of their own."
    (folder/'photos').mkdir()
    for o in ODD[:12]: (folder/'photos'/o.file).write_bytes(o.content)
    return find_photos(folder/'photos')

def check_alone(said, kit, photos):
    expected = [kit.predict(o).to_dict() for o in photos]*3
    assert len(said) == len(expected)
    for a,b in zip(said, expected):
        assert a['predicted_label'] == b['predicted_label'] and a['neither'] == b['neither']
        assert all(abs(a['scores'][k] - p) < 1e-5 for k,p in b['scores'].items())

def test_nothing_else_is_imported(tmp_path, exported, kit):
    "In this environment, with everything else forbidden."
    photos = some_photos(tmp_path)
    said,packages = alone([sys.executable], tmp_path, GUARD + ALONE, exported, photos, PYTHONPATH=str(ROOT))
    check_alone(said, kit, photos)
    assert {'numpy', 'onnxruntime', 'PIL'} <= set(packages) and not {'torch', 'fastai', 'fastcore', 'pandas', 'matplotlib', 'tqdm'} & set(packages)

def test_in_an_environment_without_torch(tmp_path, exported, kit):
    "A real virtual environment that has the three packages and petlearn, and nothing else."
    venv,photos = tmp_path/'venv',some_photos(tmp_path)
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', str(venv)], check=True)
    site = Path(subprocess.run([venv/'bin/python', '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], capture_output=True, text=True, check=True).stdout.strip())
    for name in ('onnxruntime', 'numpy', 'numpy.libs', 'PIL', 'pillow.libs'):
        source = Path(sysconfig.get_path('purelib'))/name
        if source.is_dir(): (site/name).symlink_to(source)
    (site/'petlearn').symlink_to(ROOT/'petlearn')
    said,packages = alone([venv/'bin/python', '-I', '-W', 'error'], tmp_path, ALONE, exported, photos)
    check_alone(said, kit, photos)
    assert set(packages) <= {'numpy', 'onnxruntime', 'PIL', 'petlearn'}
    refused = subprocess.run([venv/'bin/python', '-I', '-c', 'from petlearn import train'], capture_output=True, text=True)
    assert 'ModuleNotFoundError' in refused.stderr, 'there is really no torch'

# --- folders that are not right ----------------------------------------------------------------------------------

def changed(**new): return lambda d: (d/'model.json').write_text(signed(json.loads((d/'model.json').read_text()) | new))
def written(name, content): return lambda d: (d/name).write_bytes(content)

def other_network(d):
    "A good network of another shape, in every letter of model.json."
    from onnx import TensorProto, helper
    pixels,probs = helper.make_tensor_value_info('pixels', TensorProto.UINT8, ['n', 8, 8, 3]),helper.make_tensor_value_info('probabilities', TensorProto.UINT8, ['n', 8, 8, 3])
    graph = helper.make_graph([helper.make_node('Identity', ['pixels'], ['probabilities'])], 'other', [pixels], [probs])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8).SerializeToString()
    signed_network(d, content)

def signed_network(d, content):
    (d/'model.onnx').write_bytes(content)
    metadata = json.loads((d/'model.json').read_text())
    changed(files=metadata['files'] | {'model.onnx': hashlib.sha256(content).hexdigest()})(d)

def unlisted(d):
    files = json.loads((d/'model.json').read_text())['files']
    changed(files={k: v for k,v in files.items() if k != 'model.onnx'})(d)

WRONG = {
    'no folder': (shutil.rmtree, 'There is no model in'),
    'no metadata': (lambda d: (d/'model.json').unlink(), 'model.json is missing'),
    'no network': (lambda d: (d/'model.onnx').unlink(), 'model.onnx is missing'),
    'network not listed': (unlisted, r'run\.export\(\)'),
    'a folder for metadata': (lambda d: ((d/'model.json').unlink(), (d/'model.json').mkdir()), "can't be read"),
    'empty metadata': (written('model.json', b''), 'is damaged'),
    'text': (written('model.json', b'remember to feed the cat'), 'is damaged'),
    'deep': (written('model.json', b'['*10**5), 'is damaged'),
    'no text': (written('model.json', b'\xff\xfe\0'), 'is damaged'),
    'a list': (written('model.json', b'[1, 2]'), 'not those of a model'),
    'changed by hand': (lambda d: (d/'model.json').write_text((d/'model.json').read_text().replace('"cat"', '"cow"')), 'changed by hand'),
    'no checksum': (lambda d: (d/'model.json').write_text(json.dumps({k: v for k,v in json.loads((d/'model.json').read_text()).items() if k != 'metadata_sha256'})), 'changed by hand'),
    'a newer format': (changed(format=99), 'newer petlearn'),
    'one label': (changed(labels=['cat']), 'not those of a model'),
    'the same label twice': (changed(labels=['cat', 'cat']), 'not those of a model'),
    'labels that are no words': (changed(labels=['cat', 5]), 'not those of a model'),
    'three labels': (changed(labels=['cat', 'cow', 'dog']), 'not the network'),
    'another size': (changed(size=128), 'not the network'),
    'no size': (changed(size='large'), 'not those of a model'),
    'no limit': (changed(limit=None), 'not the network'),
    'limit without end': (changed(limit=float('inf')), 'not those of a model'),
    'empty network': (written('model.onnx', b''), 'damaged or not of this model'),
    'cut network': (lambda d: (d/'model.onnx').write_bytes((d/'model.onnx').read_bytes()[:-100]), 'damaged or not of this model'),
    'another network': (other_network, 'not the network'),
    'a network that is none': (lambda d: signed_network(d, b'remember to feed the cat'), 'not a network'),
    'a cut network, signed': (lambda d: signed_network(d, (d/'model.onnx').read_bytes()[:100_000]), 'not a network'),
}

def test_wrong_folders_are_refused(tmp_path, exported):
    for what,(spoil,says) in WRONG.items():
        folder = shutil.copytree(exported, tmp_path/what)
        spoil(folder)
        with pytest.raises(PetLearnError, match=says) as e: lite.load(folder)
        assert e.value.fix and str(folder) in str(e.value), what

def test_what_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (None, 5, '', 'a\0b', 'nowhere'):
        with pytest.raises(PetLearnError): lite.load(folder)

def test_a_model_that_is_not_exported(run):
    "Only the native files, as after a training."
    folder = Path(run.path)/'model'
    if (folder/'model.onnx').exists(): pytest.skip('another test has exported it')
    for o in (run.path, folder):
        with pytest.raises(PetLearnError, match=r'run\.export\(\)'): lite.load(o)

@pytest.mark.parametrize('name', ['model.json', 'model.onnx'])
def test_flipped_bits_never_lie(exported, small, tmp_path, name):
    "46 to 49: 200 places in each file: refused, or the same answer."
    folder,expected = shutil.copytree(exported, tmp_path/'model'),small.predict(PNG)
    whole,rng = (folder/name).read_bytes(),np.random.default_rng(7)
    for i in rng.integers(0, len(whole)*8, 200):
        data = bytearray(whole)
        data[i//8] ^= 1 << (i % 8)
        (folder/name).write_bytes(data)
        try: model = lite.load(folder)
        except PetLearnError: continue
        assert near(model.predict(PNG), expected, 1e-9), f'bit {i}'

@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(metadata=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda o: st.lists(o, max_size=3) | st.dictionaries(
    st.sampled_from(['format', 'labels', 'size', 'limit', 'files', 'model.onnx', 'onnx']), o, max_size=7), max_leaves=12))
def test_any_json_gives_a_sentence(tmp_path_factory, exported, metadata):
    folder = tmp_path_factory.mktemp('any')
    (folder/'model.json').write_text(signed(metadata) if isinstance(metadata, dict) else json.dumps(metadata))
    with pytest.raises(PetLearnError): lite.load(folder)

def test_an_answer_without_numbers_is_refused(small, monkeypatch):
    class Mad:
        def get_outputs(self): return small._session.get_outputs()
        def run(self, names, given): return [np.full((1, 2), np.nan, 'float32'), np.zeros(1, 'float32')]
    with pytest.raises(PetLearnError, match='not a number'): lite.LiteModel(dict(labels=small.labels, size=small.size), Mad()).predict(PET)

def test_memory_stays_the_same(small):
    "No arena that grows with every batch."
    def held(n):
        for _ in range(n): list(small.stream([JPEG]*64))
        return psutil.Process().memory_info().rss//2**20
    before = held(2)
    assert held(4) - before < 30

def test_copies_for_other_processes_and_threads(small):
    "pickle (spawn, joblib, Spark) and deepcopy; the copy needs no folder."
    import copy, pickle
    for o in (pickle.loads(pickle.dumps(small)), copy.deepcopy(small)): assert o.predict(PET).to_dict() == small.predict(PET).to_dict() and repr(o) == repr(small)

class Session:
    "A network that gives these `rows` for each photo."
    def __init__(self, rows): self.rows = np.array(rows, 'float32')
    def get_outputs(self): return [SimpleNamespace(name='probabilities')]
    def run(self, names, given): return [self.rows]

def test_answers_that_are_none():
    "Other row counts, numbers that are no probabilities: refused, never answered with."
    for rows,says in ((np.zeros((0, 2)), '0 answers for one photo'), ([[.5, .5]]*2, '2 answers for one photo'), ([[9, -8]], 'no probabilities'), ([[.9, .9]], 'no probabilities'),
                      ([[np.nan, 1]], 'not a number'), ([[.2, .3, .5]], 'the shape')):
        model = lite.LiteModel(dict(labels=['cat', 'dog'], size=32), Session(rows))
        for x in (PNG, [PNG, JPEG]):
            with pytest.raises(PetLearnError, match=says): model.predict(x)
    assert lite.LiteModel(dict(labels=['cat', 'dog'], size=32), Session([[.25, .75]])).predict(PNG).label == 'dog'
