"Does the package work on the newest fastai (2.8.12 or later, with fastcore 2)? Runs `tests/smoke.py` in an environment of its own."
import os, subprocess, sys, sysconfig, venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENV = ROOT/'.venv-newest'
PYTHON = ENV/'bin'/'python'
NEWEST = ['fastai>=2.8.12', 'fastcore>=2.2.22', 'plum-dispatch<2.10']

def build():
    "An environment with the newest fastai and fastcore, which finds PyTorch and all the rest where this Python has it."
    venv.create(ENV, with_pip=True, clear=True)
    own = next((ENV/'lib').glob('python3*'))/'site-packages'
    (own/'rest.pth').write_text(sysconfig.get_path('purelib') + '\n')
    subprocess.run([PYTHON, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--upgrade', *NEWEST], check=True)

if __name__ == '__main__':
    built_for = ENV/'.ready'
    if not built_for.exists() or built_for.read_text() != str(NEWEST):
        build()
        built_for.write_text(str(NEWEST))
    sys.exit(subprocess.run([PYTHON, ROOT/'tests/smoke.py'], cwd=ROOT/'tests', env=os.environ | {'PYTHONPATH': str(ROOT)}).returncode)
