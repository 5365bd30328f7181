"What a killed process leaves behind is swept by the next one that works in the folder; what a living one writes is not."
import os, subprocess, sys, time
from pathlib import Path
import psutil
from petlearn.files import Store, file_lock, sweep, temporary_path
from petlearn.runs.book import runs
from petlearn.runs.run import locked
from helpers import pretend

DEAD = 999_999_999 # no computer has a process of this number
BUSY = 'taken', 'free', 'wait'

def left(folder, name, pid=DEAD): return folder/f'.{name}-{pid}-0123abcd'

def test_what_is_swept(tmp_path):
    parent = os.getppid()
    gone = [left(tmp_path, o) for o in ('last.safetensors', 'a-b-c', 'x'*40, '')] + [left(tmp_path, 'old', parent)]
    kept = [temporary_path(tmp_path/'model.onnx'), left(tmp_path, 'new', parent), *(tmp_path/o for o in ('.hidden', '.lock', 'a-999999999-0123abcd', '.cat-12.jpg', '.cat-999999999-0123abcd.jpg', '.petlearn-photos.csv'))]
    for o in gone + kept: o.write_text('half')
    begun = psutil.Process(parent).create_time()
    os.utime(gone[-1], (begun-60, begun-60)) # the number belongs to another process now
    folder = left(tmp_path, 'export')
    folder.mkdir()
    (folder/'model.json').write_text('{}')
    with file_lock(tmp_path/'.lock', BUSY): pass
    assert {o.name for o in tmp_path.iterdir()} - {'.lock'} == {o.name for o in kept} - {'.lock'}

def test_each_place_where_petlearn_writes(tmp_path):
    run = pretend(tmp_path/'runs')
    (run.path/'checkpoints').mkdir()
    bits = [left(run.path, 'run.json'), left(run.path/'model', 'model.safetensors'), left(run.path/'checkpoints', 'last.safetensors'), left(run.path, 'petlearn-export'), left(tmp_path/'store', 'part')]
    (tmp_path/'store').mkdir()
    for o in bits: o.write_bytes(b'half')
    with locked(run): pass
    Store(tmp_path/'store', 'features')
    assert [o for o in bits if o.exists()] == []
    for o in ('.deleted-123', '.new-123'): (tmp_path/'runs'/o/'model').mkdir(parents=True)
    pretend(tmp_path/'runs')
    assert sorted(o.name for o in (tmp_path/'runs').glob('.*') if o.is_dir()) == [] and len(runs(tmp_path/'runs')) == 2

def test_killed_while_it_writes(tmp_path):
    code = 'import os, sys; from pathlib import Path; from petlearn import files; files.os.replace = lambda *o: os.kill(os.getpid(), 9); files.write_atomic(Path(sys.argv[1])/"a.txt", "new")'
    (tmp_path/'a.txt').write_text('old')
    assert subprocess.run([sys.executable, '-c', code, tmp_path]).returncode != 0
    assert len(list(tmp_path.iterdir())) == 2
    sweep(tmp_path)
    assert [o.name for o in tmp_path.iterdir()] == ['a.txt'] and (tmp_path/'a.txt').read_text() == 'old'
