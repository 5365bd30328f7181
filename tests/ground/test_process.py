"Durations, ports, and processes that say where they are, fail in words, and end."
import pytest
from petlearn.core import PetLearnError
from petlearn.process import open_port, parse_duration, require_package, start_process

def test_durations():
    for text,seconds in (('1m', 60), ('30m', 1800), ('90m', 5400), ('1h', 3600), ('24h', 86400), ('1440m', 86400), (None, None), ('', None)): assert parse_duration(text) == seconds
    for text in ('0m', '0h', '25h', '1441m', '60', '60s', '1.5h', '1 h', '-1h', 'h', '1d', '1H', '1h\n', '١h', '999999h', 60, 1.5, True, '1h30m'):
        with pytest.raises(PetLearnError, match="For example stop_after='30m'"): parse_duration(text)

def test_ports():
    with open_port(None, 8900) as s, open_port(None, 8900) as t:
        first,second = s.getsockname(),t.getsockname()
        assert first[0] == second[0] == '127.0.0.1' and 8900 <= first[1] < second[1]
        with pytest.raises(PetLearnError, match=f'Port {first[1]} is taken'): open_port(first[1], 8900)
    with open_port(first[1], 8900) as s: assert s.getsockname() == first, 'free again at once'
    for port in (0, -1, 65536, '8866', 1.5, True):
        with pytest.raises(PetLearnError, match='port='): open_port(port, 8900)

def test_a_package_that_is_missing():
    with pytest.raises(PetLearnError, match=r"pip install 'petlearn\[serve\]'"): require_package('no_such_module', 'serve')

CHILD = 'from petlearn.process import child_main\nfrom petlearn.core import PetLearnError\nimport time\n'

def test_a_process_says_where_it_is_and_ends():
    o = start_process(CHILD + 'child_main(lambda settings, report: (print("noise"), report(url="http://127.0.0.1:1/" + settings["word"]), time.sleep(60)))', dict(word='a<b'))
    assert o.running and o.url.endswith('/a<b') and 'a&lt;b' in o._repr_html_()
    o.stop()
    o.stop()
    assert not o.running and 'stopped' in repr(o)

@pytest.mark.slow
def test_a_process_that_does_not_start():
    for code,says in (('def no(settings, report): raise PetLearnError("It is too late.", "b", "c")\nchild_main(no)', '^It is too late.\nb\nc$'), ('child_main(lambda *o: 1/0)', 'did not start: ZeroDivisionError'),
                      ('pass', 'it printed nothing'), ('print("hello")', 'it printed nothing'), ('child_main(lambda *o: time.sleep(60))', 'it printed nothing')):
        with pytest.raises(PetLearnError, match=says): start_process(CHILD + code, {}, seconds=2)
