"A notebook in a process of its own. What this module imports, each of them waits for."
import os, sys, tempfile
from common import ROOT

def run_alone(nb, log):
    "What `nbdev_test` does with a notebook, in this process; what it says goes into the file `log`, and its files beside that."
    os.chdir(ROOT)
    os.environ['TMPDIR'] = tempfile.tempdir = str(log.parent)
    with open(log, 'w') as f:
        for o in (1, 2): os.dup2(f.fileno(), o)
    from nbdev.config import get_config
    from nbdev.test import test_nb
    sys.exit(not test_nb(nb, skip_flags=get_config().tst_flags.split(), basepath=ROOT)[0])
