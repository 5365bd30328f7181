"What people type: other names of options and commands, numbers with units, yes and no, near misses, the Tab key."
import os, shutil, subprocess, sys
from pathlib import Path
import pytest
from helpers import with_state
from petlearn.cli import COMMANDS, main
from petlearn.core import PetLearnError
from petlearn.terminal.completion import candidates
from petlearn.terminal.options import arguments
from petlearn.training.settings import check_settings

def read(line): return arguments(line.split()[0], COMMANDS[line.split()[0]], line.split()[1:])

READ = [ # what is typed, and what the function gets
    ('train --learning_rate=0.005', dict(lr=.005)), ('train --learning-rate .005', dict(lr=.005)), ('train --lr 1e-2', dict(lr=.01)), ('train --lr 0,001', dict(lr=.001)),
    ('train --batch-size 8', dict(bs=8)), ('train --batch_size=8', dict(bs=8)), ('train --architecture resnet34', dict(arch='resnet34')), ('train --model resnet34', dict(arch='resnet34')),
    ('train --epoch 2', dict(epochs=2)), ('train --num-epochs 2', dict(epochs=2)), ('train --epochs 3.0', dict(epochs=3)), ('train --fine-tune 2', dict(fine_tune_epochs=2)),
    ('train --size 128px', dict(size=128)), ('train --size 1e2', dict(size=100)), ('train --image-size 96', dict(size=96)), ('train --test-pct 10%', dict(test_pct=.1)), ('train --val-split 0.3', dict(valid_pct=.3)),
    ('train --minutes 90s', dict(minutes=1.5)), ('train --minutes 2h', dict(minutes=120)), ('train --minutes 2,5', dict(minutes=2.5)), ('train --minutes 1h30m', dict(minutes=90)), ('train --minutes none', dict(minutes=None)),
    ('train --no-check', dict(check=False)), ('train --check False', dict(check=False)), ('train --check=no', dict(check=False)), ('train --no-cache', dict(cache=False)), ('train --cache yes', dict(cache=True)), ('train --skip_damaged', dict(skip_damaged=True)),
    ('train pets --no-check more', dict(check=False, photos=['pets', 'more'])), ('train --photos pets', dict(photos=['pets'])), ('train --data pets', dict(photos=['pets'])), ('train --random-state 7', dict(seed=7)),
    ('list --json', dict(format='json')), ('list --csv', dict(format='csv')), ('list --format json', dict(format='json')), ('list --sort -test_acc', dict(sort='-test_acc')), ('list --sort=-test_acc', dict(sort='-test_acc')),
    ('predict - --json', dict(format='json', photos=['-'])), ('predict cat.jpg --model V001', dict(run='V001', photos=['cat.jpg'])), ('predict cat.jpg --top-k 2', dict(top=2, photos=['cat.jpg'])), ('predict -- -x.jpg', dict(photos=['-x.jpg'])),
    ('check --fix', dict(fix='safe')), ('check pets --fix --yes', dict(photos=['pets'], fix='safe', yes=True)), ('check --fix . --yes', dict(photos=['.'], fix='safe', yes=True)), ('check pets --fix copy', dict(photos=['pets'], fix='copy')),
    ('show --runs-dir x', dict(runs_dir='x')), ('app --no-browser', dict(browser=False)), ('delete V001 V002 --yes', dict(run=['V001', 'V002'], yes=True)),
]

def test_what_is_read():
    for line,found in READ: assert read(line) == found, line

REFUSED = [ # what is typed, and words of the answer
    ('train --lr 0', '--lr 0.01'), ('train --lr=nan', '--lr 0.01'), ('train --lr many', '--lr 0.01'), ('train --lr 50%', '--lr 0.01'), ('train --minutes 1:30', '--minutes 1.5'), ('train --minutes 5x', '--minutes 1.5'), ('train --minutes 5s', 'at least 0.1'),
    ('train --epochs 2,5', '--epochs 10'), ('train --epochs -1', 'from 0 to 1,000'), ('train --epochs=', '--epochs 10'), ('train --epochs', 'needs a value'), ('train --size 1,5', '--size 160'), ('train --bs 1,000,00', '--bs 64'), ('train --valid-pct 20', '20%'),
    ('train --seed random', '--seed 42'), ('train --dropout 0.5', 'early stopping'), ('train --momentum .9', 'Adam'), ('train --weight-decay 0.1', 'early stopping'), ('train --optimizer sgd', 'Adam'), ('train --gpu', 'nothing to choose'),
    ('train --epohcs 2', "'--epochs'"), ('train --t 2', '--test-dir'), ('list --jsno', "'--json'"), ('predict x --fromat csv', "'--format'"), ('trian', "'train'"), ('help trian', "'train'"), ('help ls', "'list'"), ('ls', "'list'"),
    ('init', "'new'"), ('download', "'pets'"), ('rm V001', "'delete'"), ('evaluate', "'report'"), ('list V001', 'too many words'), ('completion csh', 'bash, zsh, fish'), ('delete', 'petlearn delete V003'), ('note', 'petlearn note V003'), ('delete V001 --yes', 'no runs'),
]

def test_what_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line,says in REFUSED:
        assert main(line.split()) == 2, line
        err = capsys.readouterr().err
        assert says in err and '_parse' not in err and 'bool_arg' not in err and 'invalid' not in err and 'Traceback' not in err, (line, err)

def test_a_notebook_is_told_the_name():
    for name,says in (('learning_rate', 'called lr'), ('batch_size', 'called bs'), ('architecture', 'called arch'), ('dropout', 'patience=3'), ('momentum', 'lr=0.01'), ('epohcs', "'epochs'")):
        with pytest.raises(PetLearnError) as e: check_settings({name: 1})
        assert says in str(e.value), name

def test_version_quiet_and_help(capsys):
    for args,says in ((['-V'], '0.'), (['--version'], '0.'), (['-h'], 'petlearn new mypets'), (['-q', 'help'], 'petlearn new mypets'), (['help', '-q'], 'petlearn new mypets')):
        assert main(args) == 0 and says in capsys.readouterr().out, args

def test_note_and_delete(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = with_state(tmp_path/'runs', 'SUCCEEDED')
    assert main(['note', 'V001', 'my', 'best']) == 0 and capsys.readouterr().out == 'my best\n'
    assert main(['note', '@tiny']) == 0 and capsys.readouterr().out == 'my best\n' and main(['note', 'V001', '']) == 0
    monkeypatch.setattr(sys, 'stdin', open(os.devnull))
    assert main(['delete', 'V001']) == 2 and '--yes' in capsys.readouterr().err and main(['delete', 'V001', 'V009', '--yes']) == 2 and len(list(tmp_path.glob('runs/V*'))) == 1
    assert main(['delete', 'V001', '--yes']) == 0 and not list(tmp_path.glob('runs/V*'))

# ---- the Tab key

FIT = [(['tr'], ['train']), (['de'], ['delete', 'define']), (['train', '--ep'], ['--epochs']), (['train', '--no-c'], ['--no-check', '--no-cache']), (['show', ''], ['V001', 'tiny']), (['predict', 'V'], ['V001']), (['predict', ''], []), (['predict', '--run', 't'], ['tiny']),
       (['list', '--format', ''], ['words', 'table', 'csv', 'json']), (['help', 'com'], ['compare', 'completion']), (['completion', 'z'], ['zsh']), (['train', 'pe'], []), (['nonsense', ''], []), (['-q', 'tr'], ['train']), (['train', '--resume=', 'V'], []), ([], None)]

def test_what_fits(tmp_path, monkeypatch):
    with_state(tmp_path/'runs', 'SUCCEEDED')
    monkeypatch.chdir(tmp_path)
    for words,found in FIT: assert sorted(candidates(COMMANDS, words)) == sorted(found if found is not None else [*COMMANDS, '--help', '--version']), words

@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('bash'), reason='bash is not here')
def test_a_real_bash(tmp_path):
    "It is asked as the Tab key asks it; nothing heavy is loaded."
    with_state(tmp_path/'runs', 'SUCCEEDED')
    (tmp_path/'photo.jpg').write_text('x')
    ask = '''eval "$(petlearn completion bash)"; complete -p petlearn
        tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=(); _petlearn; echo "${COMPREPLY[*]}"; }
        tab petlearn tr; tab petlearn show V; tab petlearn train --ep; tab petlearn predict pho'''
    env = os.environ | dict(PATH=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}')
    r = subprocess.run(['bash', '-c', ask], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert r.returncode == 0 and r.stdout.splitlines()[1:] == ['train', 'V001', '--epochs', ''] and 'default' in r.stdout, r.stdout + r.stderr
    code = "import sys; from petlearn.cli import main; main(['__complete', 'show', '']); sys.exit(any(o in sys.modules for o in ('torch', 'fastai', 'pandas', 'matplotlib')))"
    assert subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True).returncode == 0
