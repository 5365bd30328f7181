"A training is asked to end: by Ctrl-C, by a closed terminal, by the system."
import os, signal, subprocess, sys
import pytest
from petlearn.interrupts import graceful_interrupt

def test_ctrl_c_is_noted_once(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt), graceful_interrupt() as asked:
            assert not asked() and not asked.meaning
            signal.raise_signal(signal.SIGINT)
            assert asked() and asked.meaning == 'Ctrl-C was pressed'
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally: signal.signal(signal.SIGINT, before)

@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM', 'SIGHUP'])
def test_what_is_ignored_stays_ignored(name):
    "As under nohup, and in the background of scripts."
    number,before = getattr(signal, name),signal.getsignal(getattr(signal, name))
    try:
        signal.signal(number, signal.SIG_IGN)
        with graceful_interrupt() as asked:
            signal.raise_signal(number)
            assert not asked()
    finally: signal.signal(number, before)

@pytest.mark.skipif(os.name == 'nt', reason='has no terminals of this kind')
def test_a_closed_terminal_is_no_error(tmp_path):
    "Also if it is told twice; what is printed afterwards goes nowhere."
    import pty
    code = ("import signal, sys, time\nfrom petlearn.core import echo\nfrom petlearn.interrupts import graceful_interrupt\n"
            "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n" # the tests themselves may run under nohup
            "with graceful_interrupt() as asked:\n  print('ready', flush=True)\n"
            "  while not asked(): time.sleep(.01)\n"
            "  signal.raise_signal(signal.SIGHUP)\n  echo('Into nothing.')\n  print('this, too', flush=True)\n"
            f"  open({str(tmp_path/'said')!r}, 'w').write(asked.meaning)\n")
    terminal,other = pty.openpty()
    p = subprocess.Popen([sys.executable, '-c', code], stdin=other, stdout=other, stderr=other, start_new_session=True)
    os.close(other)
    assert b'ready' in os.read(terminal, 100)
    os.close(terminal)
    p.send_signal(signal.SIGHUP)
    assert p.wait(60) == 0 and (tmp_path/'said').read_text() == 'its terminal was closed'
