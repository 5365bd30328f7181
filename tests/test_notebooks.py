"Every notebook runs alone, in a process of its own, without a network; the walkthrough in a real kernel as well."
import nbformat, pytest
from common import ROOT, run_in_fork
from alone import run_alone
import walkthrough

pytestmark = pytest.mark.slow
# lessons of the course run in tests/course, with their solutions
NOTEBOOKS = [o for o in sorted((ROOT/'nbs').rglob('*.ipynb'))
             if o.stem != 'walkthrough' and '.ipynb_checkpoints' not in o.parts and (o.parent.name != 'course' or o.stem in ('00_start', 'words'))]

# what is there now: a notebook must leave nothing behind
BEFORE = set((ROOT/'nbs').rglob('*'))

@pytest.mark.parametrize('nb', NOTEBOOKS, ids=lambda o: o.stem)
def test_notebook(nb, tmp_path, blocked):
    run_in_fork(run_alone, nb, tmp_path/'log')
    assert set((ROOT/'nbs').rglob('*')) == BEFORE, 'it left something behind'
    assert not blocked.exists(), f'it tried the network: {blocked.read_text()}'

def _run_walkthrough(tmp_path, monkeypatch):
    tmp_path.mkdir(exist_ok=True)
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    nb = nbformat.read(ROOT/'nbs/walkthrough.ipynb', as_version=4)
    walkthrough.execute(nb, ROOT/'nbs')
    return nb, walkthrough.save(nb, tmp_path)

def test_walkthrough_on_drawn_pets(tmp_path, monkeypatch, blocked):
    nb,n = _run_walkthrough(tmp_path, monkeypatch)
    assert 'these are drawn pets' in walkthrough.text(nb)
    assert walkthrough.error_rate(nb) and n >= 6
    assert (tmp_path/'walkthrough.html').stat().st_size > 10_000
    assert not blocked.exists()

def test_walkthrough_on_real_photos(tmp_path, monkeypatch, real_photos):
    (tmp_path/'fastai/data').mkdir(parents=True)
    (tmp_path/'fastai/data/oxford-iiit-pet').symlink_to(real_photos/'oxford-iiit-pet')
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'fastai'))
    nb,_ = _run_walkthrough(tmp_path/'out', monkeypatch)
    assert '370 photos' in walkthrough.text(nb)
    wrong = int(walkthrough.error_rate(nb).split()[2])
    assert wrong <= 6, walkthrough.error_rate(nb)
