"What would be uploaded to PyPI: it is built, installed where nothing but three packages is, and used there."
import importlib.util, os, subprocess, sys, sysconfig, tarfile, venv, zipfile
from importlib.metadata import distribution
from pathlib import Path
import pytest
from common import ROOT
from inputs import PNG
from tiny import tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not importlib.util.find_spec('build'), reason="the package build is missing: pip install 'petlearn[dev]'")]

def sh(*args, **kwargs):
    env = {k: o for k,o in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    return subprocess.run([*map(str, args)], capture_output=True, text=True, env=env, **kwargs)

@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "The sdist, and the wheel that is made of it."
    source,out = tmp_path_factory.mktemp('source'),tmp_path_factory.mktemp('dist')
    for o in ('petlearn', 'nbs', 'settings.ini', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'CHANGELOG.md', 'LICENSE'): (source/o).symlink_to(ROOT/o)
    r = sh(sys.executable, '-m', 'build', '--no-isolation', '-o', out, source)
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-2000:]
    return next(out.glob('*.tar.gz')),next(out.glob('*.whl'))

def test_both_are_whole(built):
    sdist,wheel = built
    modules = {str(o.relative_to(ROOT)) for o in (ROOT/'petlearn').rglob('*') if o.is_file() and '__pycache__' not in o.parts}
    lessons = {str(o.relative_to(ROOT/'nbs')) for o in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts}
    with zipfile.ZipFile(wheel) as z: names,metadata = set(z.namelist()),z.read('petlearn-0.0.1.dist-info/METADATA').decode()
    assert modules | {f'petlearn/nbs/{o}' for o in lessons} <= names and not [o for o in names if 'checkpoint' in o and o.endswith('.ipynb') and 'checkpoints' not in o]
    with tarfile.open(sdist) as t: names = {o.partition('/')[2] for o in t.getnames()}
    assert modules | {f'nbs/{o}' for o in lessons} | {'settings.ini', 'README.md', 'LICENSE'} <= names
    for extra in ('notebook', 'dev', 'heic', 'accuracy', 'serve'): assert f'Provides-Extra: {extra}' in metadata
    assert 'jupyterlab; extra == "notebook"' in metadata.lower() and 'Requires-Dist: torch>=2.6' in metadata

def only_three_packages(folder):
    "An environment with onnxruntime, Pillow and NumPy, linked from this one, and nothing else; its Python."
    venv.create(folder, with_pip=False, symlinks=os.name != 'nt')
    python = folder/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
    there = Path(sh(python, '-c', "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    for name in ('onnxruntime', 'pillow', 'numpy'):
        for o in {Path(f.parts[0]) for f in distribution(name).files if f.parts[0] != '..'}: (there/o).symlink_to(Path(distribution(name).locate_file(o)).resolve())
    return python

@pytest.mark.skipif(os.name == 'nt', reason='links to folders need a permission there')
def test_where_pytorch_and_fastai_are_missing(built, tmp_path):
    "The wheel answers with an exported model, and says what to install for the rest."
    python = only_three_packages(tmp_path/'env')
    r = sh(sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', '--no-deps', '--no-index', '--no-compile', '--disable-pip-version-check', built[1])
    assert r.returncode == 0, r.stderr
    model = tiny_model(tmp_path/'my model')
    (tmp_path/'cats').mkdir()
    for o in ('cats/a.png', 'cats/b.png'): (tmp_path/o).write_bytes(PNG)
    petlearn = lambda *args: sh(python.parent/'petlearn', *args, cwd=tmp_path)
    for args,said in ((['--version'], '0.0.1'), (['--help'], 'petlearn predict cat.jpg'), (['help', 'predict'], 'The most likely first'.lower()), (['help', 'train'], '--fine-tune-epochs'),
                      (['predict', 'cats/a.png', '--run', model], 'Is this a cat?'), (['predict', 'cats', '--run', model, '--format', 'json'], 'predicted_label'), (['lessons', 'mine'], 'walkthrough')):
        r = petlearn(*args)
        assert r.returncode == 0 and said in r.stdout, (args, r.stdout, r.stderr)
    assert len(list((tmp_path/'mine').rglob('*.ipynb'))) == len([o for o in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts])
    (tmp_path/'runs').mkdir()
    for args in (['train', 'cats'], ['check', 'cats'], ['list'], ['show'], ['predict', '@V001', 'cats/a.png'], ['export'], ['serve', '--run', model]):
        r = petlearn(*args)
        assert r.returncode == 2 and 'is not installed' in r.stderr and 'pip install' in r.stderr and 'Traceback' not in r.stderr, (args, r.stdout, r.stderr)
    for code in ('from petlearn import lite; print(lite.load("my model").predict("cats/a.png"))', 'import petlearn; print(petlearn.__version__)'): assert sh(python, '-c', code, cwd=tmp_path).returncode == 0
