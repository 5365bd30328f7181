"What all tests share: no network, a fastai folder of their own, drawn pets, and the closing line."
import os, shutil, signal, sys, tempfile
from pathlib import Path
import petlearn # noqa: F401 first: it keeps libraries from reporting their use
import hypothesis, pytest
from common import REAL, ROOT

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE/'offline'))
import sitecustomize # noqa: F401 blocks the network in this process
if 'offline' not in sitecustomize.__file__: exec((HERE/'offline/sitecustomize.py').read_text())

# set before anything imports fastai, torch or the hub, which read them once
_home = tempfile.mkdtemp(prefix='petlearn-tests-')
os.environ.update(FASTAI_HOME=f'{_home}/fastai', HF_HOME=f'{_home}/hf', TORCH_HOME=f'{_home}/torch', HF_HUB_OFFLINE='1',
                  PETLEARN_BLOCKED=f'{_home}/blocked', PYTHONPATH=os.pathsep.join([str(HERE/'offline'), str(ROOT)]))

if 'PYTEST_XDIST_WORKER' in os.environ: os.environ['OMP_NUM_THREADS'] = '1' # two workers on two cores, a thread each

hypothesis.settings.register_profile('petlearn', deadline=None) # no test depends on how long something takes
hypothesis.settings.load_profile('petlearn')

def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: trains, exports, serves, opens a browser or another Python; `make quick` leaves it out')

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    "With several workers: a file's tests stay together and share what they train, and each notebook stands alone."
    from xdist.scheduler import LoadScopeScheduling
    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition('::')[0]
            return nodeid if 'test_notebooks' in file else file
    return ByFile(config, log)

@pytest.fixture
def blocked():
    "The file in which blocked connections are noted; those of earlier tests are forgotten."
    file = Path(os.environ['PETLEARN_BLOCKED'])
    file.unlink(missing_ok=True)
    return file

@pytest.fixture(scope='session')
def pets_folder(tmp_path_factory):
    "Forty drawn pets."
    from petlearn.photos.drawings import draw_pets
    return draw_pets(tmp_path_factory.mktemp('drawn')/'pets', n=40, seed=11)

@pytest.fixture(scope='session')
def run(pets_folder, tmp_path_factory):
    "A quick training on the drawn pets."
    from petlearn import train
    return train(pets_folder, epochs=2, fine_tune_epochs=0, size=96, runs_dir=tmp_path_factory.mktemp('runs'))

@pytest.fixture(scope='session')
def few(tmp_path_factory):
    "Two dozen drawn pets whose features, at 64 pixels, are known."
    from petlearn import train
    from petlearn.photos.drawings import draw_pets
    folder = draw_pets(tmp_path_factory.mktemp('few')/'pets', n=24, seed=31)
    train(folder, size=64, epochs=1, runs_dir=folder.parent/'warm')
    return folder

@pytest.fixture(scope='session')
def two_dozen(tmp_path_factory):
    "Drawn pets that nobody has looked at."
    from petlearn.photos.drawings import draw_pets
    return draw_pets(tmp_path_factory.mktemp('few')/'pets', n=24, seed=31)

@pytest.fixture(scope='session')
def one_dozen(tmp_path_factory):
    "Others, and fewer."
    from petlearn.photos.drawings import draw_pets
    return draw_pets(tmp_path_factory.mktemp('more')/'others', n=12, seed=32)

@pytest.fixture(scope='session')
def unfit(two_dozen, tmp_path_factory):
    "Folders that nobody should train on, by a word for each."
    top = tmp_path_factory.mktemp('odd')
    photos = sorted(two_dozen.glob('*.jpg'))
    for name in ('empty', 'cats only', 'cat and fox/cat', 'cat and fox/fox', 'cat and dog/cat', 'cat and dog/dog', 'damaged'): (top/name).mkdir(parents=True)
    for o in photos: shutil.copy(o, top/'damaged')
    (top/'damaged'/photos[0].name).write_bytes(photos[0].read_bytes()[:3000])
    for i,o in enumerate(photos):
        if o.name[0].isupper(): shutil.copy(o, top/f'cats only/cat.{i}.jpg')
        for pair in ('cat and fox', 'cat and dog'): shutil.copy(o, top/pair/('cat' if o.name[0].isupper() else pair[8:])/f'{i}.jpg')
    (top/'a file').write_text('')
    return top

@pytest.fixture
def hears_ctrl_c():
    "Ctrl-C works in this test, even if the tests run in the background, where it is ignored."
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

@pytest.fixture(scope='module')
def one_thread():
    "The same sums in the same order every time; and small ones are quicker while other programs are busy."
    import torch
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)

@pytest.fixture(scope='module')
def predictor(run, one_thread):
    "The `Predictor` of that training."
    from petlearn import Predictor
    return Predictor(run)

@pytest.fixture(scope='session')
def exported(run, tmp_path_factory):
    "The model of that training in all formats, as a folder to share."
    from petlearn.deploy.export import export_model
    return export_model(run, tmp_path_factory.mktemp('exported')/'model')

@pytest.fixture(scope='session')
def real_photos():
    "Folder of real photos, where there are some."
    if not REAL.is_dir(): pytest.skip(f'the real photos are not on this machine ({REAL})')
    return REAL

def pytest_unconfigure(config):
    "The last line of everything: how many passed and failed; and nothing large stays behind."
    shutil.rmtree(_home, ignore_errors=True)
    reporter = config.pluginmanager.get_plugin('terminalreporter')
    if reporter is None or config.option.collectonly: return
    n = {o: len(reporter.stats.get(o, [])) for o in ('passed', 'failed', 'error', 'skipped')}
    print(f"\n{n['passed']} passed, {n['failed']+n['error']} failed, {n['skipped']} skipped")
