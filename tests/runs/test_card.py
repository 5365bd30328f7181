"The card of a training: what stands on it in each state, and where it is shown at all."
import base64, math, re, threading
import pandas as pd
import pytest
from xml.etree import ElementTree
from filelock import FileLock
from petlearn.core import echo, progress, report_progress_to
from petlearn.runs import card as cards
from petlearn.runs.card import LiveCard, TextOnly, bar_html, card_html, curve_svg, curves_html, shows_cards, training_card
from petlearn.runs.curves import epochs_of
from petlearn.runs.run import State
from helpers import pretend

def rows(losses, accuracies, phase='head'):
    return [dict(phase=phase, dataset=o, epoch=i+1, batches=4, accuracy=a, cross_entropy=v, learning_rate=.01, seconds=.1)
            for i,(v,a) in enumerate(zip(losses, accuracies)) for o in ('train', 'valid')]

def pictures(page): return [base64.b64decode(o).decode() for o in re.findall(r'data:image/svg\+xml;base64,([^"]+)', page)]

@pytest.mark.parametrize('losses', [[.5], [.5, .2], [0, 0], [math.inf, math.nan, .1], [1e9, 1e-9], [.1]*1000], ids=lambda o: str(o)[:20])
def test_curves_of_all_kinds(losses):
    "Each is a picture with words, and small; whatever is no number leaves a gap."
    page = curves_html(epochs_of(rows(losses, [.5]*len(losses))))
    assert page.count('alt="loss: ') == page.count('alt="mistakes: validation 50 %, training 50 %"') == 1 and len(page) < 60_000
    for svg in pictures(page):
        numbers = [float(v) for o in ElementTree.fromstring(svg).iter() for p in o.get('points', '').split() for v in p.split(',')]
        assert all(0 <= v <= 300 for v in numbers), 'inside of the picture'

def test_room_for_what_comes():
    "A curve that has just begun is on the left; that of a finished training fills the picture."
    def last_x(svg): return float(re.findall(r'points="[^"]*?([\d.]+),[\d.]+"', svg)[0])
    few = dict(validation=[.5, .4])
    assert last_x(curve_svg(few, 1, 2)) == 290 and last_x(curve_svg(few, 1, 20)) < 60

STATES = [ # state, what the card says, and what it doesn't
    ('PREPARING', 'looks at the photos', 'finished'), ('RUNNING', 'learns', 'finished'), ('STOP_REQUESTED', 'will stop', 'finished'), ('STOPPING', 'saves', 'finished'),
    ('SUCCEEDED', '✓ finished', 'progress'), ('STOPPED', '■ stopped', 'progress'), ('FAILED', '⚠ failed', 'progress'), ('CANCELED', 'before it had learned', 'progress')]

def test_each_state(tmp_path):
    for state,says,not_this in STATES:
        run = pretend(tmp_path, state, error='The loss <b>exploded</b>.' if state == 'FAILED' else '')
        (run.path/'progress.json').write_text('{"phase": "head", "epoch": 3, "epochs": 10, "done": 2, "of": 4, "left": 7.6, "seconds": 9.0}')
        with FileLock(run.path/'.lock', thread_local=False): page = card_html(run)
        assert says in page and not_this not in page and ('<b>The loss &lt;b&gt;exploded' in page) == (state == 'FAILED')
        assert not re.search('<script|<style|http:|https:', page), 'it stays in a saved notebook, and asks nobody'

def test_the_end_says_how_sure(tmp_path):
    run = pretend(tmp_path, metrics=dict(wrong=3, of=40))
    page = card_html(run, ['One photo is <damaged>.'], ['V001: wrong on 3 of 40.', 'the curves look fine', 'Kept in …'])
    assert '<b>V001: wrong on 3 of 40.</b></div><div>On other photos like these it would be wrong on 2 % to 20 %, as far as 40 photos can tell.' in page
    assert '<small>One photo is &lt;damaged&gt;.</small>' in page and 'run.report()' in page

def test_a_folder_that_is_gone(tmp_path):
    run = pretend(tmp_path)
    run.path.rename(tmp_path/'elsewhere')
    assert 'is gone' in card_html(run)

class Place:
    "Where a card is displayed: what is there now, and how often it changed."
    def __init__(self): self.shown = []
    def update(self, o): self.shown.append(o._repr_mimebundle_())

@pytest.fixture
def place(monkeypatch):
    "As in a notebook."
    place = Place()
    def display(o, display_id): # a notebook shows it at once
        place.update(o)
        return place
    monkeypatch.setattr('IPython.display.display', display)
    monkeypatch.setattr(cards, 'shows_cards', lambda: True)
    return place

def test_it_follows(tmp_path, place, capsys):
    run = pretend(tmp_path, 'RUNNING')
    lock = FileLock(run.path/'.lock', thread_local=False)
    with training_card() as card:
        assert place.shown[-1]['text/html'] == '', 'nothing to say yet'
        echo('20 photos.')
        bar = progress(range(4), 'checking')
        bar.delay = bar.mininterval = 0
        list(bar)
        assert 'checking: 4 of 4' in place.shown[-1]['text/html'] and '<small>20 photos.</small>' in place.shown[-1]['text/html']
        with lock:
            card.watch(run)
            assert 'checking' not in place.shown[-1]['text/html'] and 'learns' in place.shown[-1]['text/html']
            (run.path/'progress.json').write_text('{"phase": "head", "epoch": 3, "epochs": 10, "done": 2, "of": 4, "left": 7.6}')
            pd.DataFrame(rows([.5, .4], [.7, .8])).to_csv(run.path/'history.csv', index=False)
            echo('     head  epoch 2 of 10: loss 0.400 in validation, 0.400 in training')
            page = place.shown[-1]['text/html']
            assert len(pictures(page)) == 2 and 'head: epoch 3 of 10, step 2 of 4, about 8 s to go' in page and 'epoch 2 of 10' not in page
            run.transition(State.SUCCEEDED, metrics=dict(wrong=3, of=40))
        echo('V001: wrong on 3 of 40.\nKept in …')
    end = place.shown[-1]
    assert '<b>V001: wrong on 3 of 40.</b>' in end['text/html'] and '<progress' not in end['text/html'] and len(end['text/html']) < 10_000
    assert end['text/plain'].splitlines() == ['20 photos.', '     head  epoch 2 of 10: loss 0.400 in validation, 0.400 in training', 'V001: wrong on 3 of 40.', 'Kept in …']
    echo('afterwards')
    assert [o.strip() for o in capsys.readouterr() if o.strip()] == ['afterwards']

@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_it_ends_with_an_error(tmp_path, place, error):
    run = pretend(tmp_path, 'FAILED', error='No.')
    with pytest.raises(error), training_card() as card:
        bar = progress(range(4), 'checking')
        bar.delay = bar.mininterval = 0
        list(bar)
        raise error
    assert place.shown[-1]['text/html'] == '', 'nothing began, so nothing is left'
    with pytest.raises(error), training_card() as card:
        card.watch(run)
        raise error
    assert '⚠ failed' in place.shown[-1]['text/html'] and '<progress' not in place.shown[-1]['text/html']

def test_where_no_card_is_shown(monkeypatch):
    "In a terminal, in a test, in IPython without a notebook; in a notebook: in a thread, where a widget shows the progress, and in papermill."
    assert not shows_cards()
    class Shell: kernel = None
    monkeypatch.setattr('IPython.get_ipython', lambda: Shell)
    assert not shows_cards()
    Shell.kernel = 'a kernel'
    assert shows_cards()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(shows_cards()))
    thread.start()
    thread.join()
    with report_progress_to(print): seen.append(shows_cards())
    monkeypatch.setattr('psutil.Process.cmdline', lambda self: ['python', '/usr/bin/papermill', 'a.ipynb', 'b.ipynb'])
    assert seen + [shows_cards()] == [False]*3
    with training_card() as card: assert type(card) is TextOnly
    with training_card(here=False) as card: assert type(card) is TextOnly
