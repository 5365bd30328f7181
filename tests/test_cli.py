"The command line: the notebook's words, no tracebacks, exit status 2."
import subprocess, sys
from pathlib import Path
import pytest
from petlearn.cli import main

PETLEARN = Path(sys.executable).parent/'petlearn'

def sh(*args, cwd): return subprocess.run([PETLEARN, *map(str, args)], cwd=cwd, capture_output=True, text=True)

def test_train_and_predict(tmp_path, pets_folder):
    r = sh('train', pets_folder, '--epochs', 1, '--fine-tune-epochs=0', '--size', 64, cwd=tmp_path)
    assert r.returncode == 0 and 'photos held back' in r.stderr and r.stdout == ''
    r = sh('predict', pets_folder/'Abyssinian_1.jpg', cwd=tmp_path)
    assert r.returncode == 0
    assert r.stdout.splitlines()[1].startswith('Is this a cat?: ') and 0 <= float(r.stdout.splitlines()[2].removeprefix("Probability it's a cat: ")) <= 1
    (tmp_path/'bad.jpg').write_text('<html>')
    r = sh('predict', 'bad.jpg', pets_folder, cwd=tmp_path)
    assert r.returncode == 2 and r.stdout.count('Is this a cat?') == 40 and 'a web page' in r.stderr and 'Traceback' not in r.stderr

def test_all_defaults_train_on_pets(tmp_path):
    r = sh('train', '--size', 64, '--epochs', 1, '--fine_tune_epochs', 0, cwd=tmp_path)
    assert r.returncode == 0 and 'these are drawn pets' in r.stderr and next(tmp_path.glob('runs/V001-*/model/model.json')).exists()

BAD = [
    (['train', 'nowhere'], 'There is no folder'), (['train', '.'], 'No photos in'), (['train', '.', '--valid-pct', '1.2'], 'between 0 and 1'),
    (['train', '.', '--labeler', 'is_cta'], "Did you mean 'is_cat'"), (['train', '.', '--labeler', '('], 'regular expression'),
    (['train', '.', '--arch', 'resnet43'], 'resnet34'), (['train', '.', '--epochs', 'many'], 'epochs'), (['train', '--bogus'], 'no option --bogus'),
    (['predict'], 'No photo'), (['predict', 'x.jpg'], 'There are no runs'), (['predict', 'x.jpg', '--run', 'V007'], 'There are no runs'),
    (['predcit'], "Did you mean 'predict'"), (['train', ''], 'not the name'), (['train', '--', '-x'], 'There is no'), (['train', '.', '--lr', 'nan'], 'lr=nan'),
]

@pytest.mark.parametrize('args,says', BAD, ids=[' '.join(o[0]) for o in BAD])
def test_mistakes(tmp_path, monkeypatch, capsys, args, says):
    monkeypatch.chdir(tmp_path)
    try: status = main(args)
    except SystemExit as e: status = e.code # argparse's own
    out = capsys.readouterr()
    assert status == 2 and says in out.err and 'Traceback' not in out.err + out.out
    assert not (tmp_path/'runs').exists() or not any((tmp_path/'runs').iterdir())

def test_unknown_run(run, pets_folder, monkeypatch, capsys):
    assert main(['predict', str(pets_folder), '--run', 'V009', '--runs-dir', str(run.path.parent)]) == 2
    assert 'Expected one of V001' in capsys.readouterr().err

def test_unexpected_errors_are_kept_in_a_file(monkeypatch, capsys):
    from petlearn import cli
    monkeypatch.setitem(cli.COMMANDS, 'train', lambda: 1/0)
    monkeypatch.setattr(cli, '_arguments', lambda *args: {})
    assert main(['train']) == 1
    err = capsys.readouterr().err
    assert 'ZeroDivisionError' in err and 'Traceback' not in err
    assert 'Traceback' in Path(err.split()[-1]).read_text()

def test_help_is_quick_because_nothing_heavy_is_imported(tmp_path):
    code = "import sys; from petlearn.cli import main; main(['--help']); main(['train', '--nonsense']); sys.exit('torch' in sys.modules or 'fastai' in sys.modules)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    assert 'petlearn train data/pets' in r.stdout

def test_every_option_has_help(tmp_path):
    r = sh('train', '--help', cwd=tmp_path)
    for o in ('--arch', '--epochs', '--fine_tune_epochs', '--lr', '--bs', '--size', '--valid_pct', '--seed', '--runs_dir'): assert o in r.stdout
    assert 'Share of each label' in r.stdout
