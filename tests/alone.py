"A notebook in a process of its own. What this module imports, each of them waits for."
import os, sys, tempfile
from common import ROOT

def _begin(folder, log):
    "Work in `folder`; what is said goes into the file `log`, and new files beside that."
    os.chdir(folder)
    os.environ['TMPDIR'] = tempfile.tempdir = str(log.parent)
    with open(log, 'w') as f:
        for o in (1, 2): os.dup2(f.fileno(), o)

def run_alone(nb, log):
    "What `nbdev_test` does with a notebook, in this process; what it says goes into the file `log`, and its files beside that."
    _begin(ROOT, log)
    from nbdev.config import get_config
    from nbdev.test import test_nb
    sys.exit(not test_nb(nb, skip_flags=get_config().tst_flags.split(), basepath=ROOT)[0])

def run_lesson(path, log):
    "A lesson with its solutions, in this process: each blank must be 'not tried', each solution 'right'."
    import json
    _begin(log.parent, log)
    os.environ['MPLBACKEND'] = 'agg'
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    def run(source):
        found = shell.run_cell(source)
        sys.stdout.flush()
        if not found.success: sys.exit(f'It failed:\n{source}')
        return found.result
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        if cell['cell_type'] != 'code': continue
        source,blank = ''.join(cell['source']),cell['metadata'].get('blank')
        if blank:
            found = run(blank)
            if hasattr(found, 'state') and found.state != 'not tried': sys.exit(f'Not a blank:\n{blank}\n{found}')
        found = run(source)
        if blank and found.state != 'right': sys.exit(f'Not right:\n{source}\n{found}')
    sys.exit(0)
