"What all modules share: work in several threads, and who is told how far it is."
import copy, pickle
import threading
import pytest
from petlearn.core import PetLearnError, echo, in_order, is_reported, progress, report_progress_to

@pytest.mark.parametrize('threads', [1, 2, 5])
@pytest.mark.parametrize('ahead', [0, 1, 7])
def test_in_order(threads, ahead):
    assert list(in_order(lambda o: o*o, iter(range(40)), threads, ahead)) == [o*o for o in range(40)]

def test_in_order_passes_trouble_on():
    with pytest.raises(ZeroDivisionError): list(in_order(lambda o: 1/o, [2, 1, 0, 1], 2, 2))

def test_nobody_waits_for_what_is_abandoned():
    "The collector closes it in the middle of anything; to wait there for a thread could be for ever (seen on CPython 3.11)."
    door,done = threading.Event(),[]
    def work(i):
        if i: door.wait(30)
        done.append(i)
        return i
    results = in_order(work, range(9), 2, 3)
    assert next(results) == 0
    results.close()
    assert done == [0], 'close has not waited for the others'
    door.set()

def test_who_is_told():
    told = []
    with report_progress_to(lambda *o: told.append(o)):
        bar = progress(range(4), 'steps')
        bar.delay = bar.mininterval = 0 # no need to wait for it
        assert list(bar) == [0, 1, 2, 3]
    assert told[-1][:3] == ('steps', 4, 4) and all(o[3] is None or o[3] >= 0 for o in told)
    n = len(told)
    assert list(progress(range(2), 'more')) == [0, 1] and len(told) == n, 'nobody is told any more'

def test_who_hears_sentences(capsys):
    "Within `report_progress_to` the one that it was given, at the end those before; also after an error."
    outer,inner = [],[]
    with report_progress_to(print, outer.append):
        with report_progress_to(print): echo('a') # nobody new: the one outside hears it
        with pytest.raises(ZeroDivisionError), report_progress_to(print, inner.append):
            echo('b')
            assert is_reported()
            1/0
        echo('c')
    assert (outer, inner, is_reported()) == (['a', 'c'], ['b'], False)
    echo('d')
    assert capsys.readouterr().err.strip() == 'd'

def test_an_error_keeps_its_words():
    "Whatever passes it on: a copy, another process, fastai, which puts one text in the place of all arguments."
    e = PetLearnError('a', 'b', 'c')
    e.args = ('Exception occured in `X`:\n\ta',)
    for o in (e, pickle.loads(pickle.dumps(PetLearnError('a', 'b', 'c'))), copy.copy(PetLearnError('a', 'b', 'c'))): assert (o.what, o.expected, o.fix, str(o)) == ('a', 'b', 'c', 'a\nb\nc')
