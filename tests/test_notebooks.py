"Every notebook runs alone, in a fresh process, without a network; the walkthrough in a real kernel as well."
import subprocess, sys
from pathlib import Path
import nbformat, pytest
from conftest import ROOT
import walkthrough

NOTEBOOKS = [o for o in sorted((ROOT/'nbs').glob('*.ipynb')) if o.stem != 'walkthrough']

BEFORE = set((ROOT/'nbs').iterdir())

@pytest.mark.parametrize('nb', NOTEBOOKS, ids=lambda o: o.stem)
def test_notebook(nb, blocked):
    command = [Path(sys.executable).parent/'nbdev_test', '--path', nb, '--n_workers', '0']
    r = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert r.returncode == 0, r.stdout + r.stderr
    assert set((ROOT/'nbs').iterdir()) == BEFORE, 'it left something behind'
    assert not blocked.exists(), f'it tried the network: {blocked.read_text()}'

def _run_walkthrough(tmp_path, monkeypatch):
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
