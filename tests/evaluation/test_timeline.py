"Looking at a recording: pages, words, plots, and live."
import matplotlib.pyplot as plt, numpy as np, pytest
from petlearn import PetLearnError
from petlearn.evaluation import timeline as module
from petlearn.evaluation.timeline import PredictionTimeline, ShowTimeline
from petlearn.training.prediction_recorder import TIMELINE_COLUMNS, PredictionRecorder, timeline_csv
from recordings import fit, learner, made_up

GOOD = '"frame","step","phase","epoch","file","label","predicted","p_a","p_b"\n0,0,"head",0,"1.jpg","a","b",0.2,0.8\n'

pytestmark = pytest.mark.usefixtures('one_thread')

@pytest.fixture
def recorded(tmp_path):
    bank = made_up()
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]))
    return PredictionTimeline(tmp_path)

def test_odd_labels(tmp_path):
    for i,labels in enumerate((('nan', '7'), ('<b>fat</b>', '"q", \'r\''), ('a\nb', 'NA'), ('1.0', '-'))):
        bank = made_up(labels, folder='<script>')
        fit(learner(bank, [PredictionRecorder(tmp_path/str(i), bank)]), 1)
        recorded = PredictionTimeline(tmp_path/str(i))
        assert recorded.labels == sorted(labels) and set(recorded.table.label) == set(labels)
        for page in (recorded.frame(0), recorded._repr_html_()):
            assert '<b>fat' not in page and '<script' not in page and 'is not there' in page, 'escaped, and no photo is missed'
        assert str(recorded) and len(recorded.photos) == 12

def test_the_plot_takes_any_name(tmp_path):
    bank = made_up(('$x', '$$'), n=40, valid=5)
    bank.table.file = [f'a$b_{i}^.jpg' for i in range(40)]
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1)
    axs = PredictionTimeline(tmp_path).plot()
    axs[0,0].figure.canvas.draw()
    assert sum(o.get_visible() for o in axs.flat) == 5
    plt.close('all')

def test_pages_and_words(recorded):
    for i in (4, -5, 1.5, '0', None, True):
        with pytest.raises(PetLearnError, match='i='): recorded.frame(i)
    assert len(recorded) == 4 and recorded.frame(-1) == recorded.frame(3) != recorded.frame(0) and 'Frame 4 of 4: training, epoch 3, step 15.' in recorded.frame(3)
    for i in range(4): # the sign is a word, not a colour
        rows = recorded.table[recorded.table.frame == i]
        right = (rows.label == rows.predicted).sum()
        assert (recorded.frame(i).count('✓ right'), recorded.frame(i).count('✗ wrong')) == (right, 12-right)
        assert f'Right on {right} of 12.' in recorded.frame(i)
    assert str(recorded).count('✓') + str(recorded).count('✗') == 48 and recorded._repr_html_().count('<tr>') == 13

def test_photos_tell_their_story(tmp_path):
    p = {'a': [.9, .2, .7, .8], 'b': [.1, .2, .3, .4]} # one is right, wrong, right; another is never learned
    rows = [[i, 5*i, 'head', i, f'{k}.jpg', 'x', 'x' if v[i] > .5 else 'y', v[i], 1-v[i]] for i in range(4) for k,v in p.items()]
    (tmp_path/'timeline.csv').write_text(timeline_csv([[*TIMELINE_COLUMNS, 'p_x', 'p_y'], *rows]))
    recorded = PredictionTimeline(tmp_path)
    assert recorded.photos.values.tolist() == [['a.jpg', 'x', .9, .8, .75, 2], ['b.jpg', 'x', .1, .4, 0., 0]]
    assert '✓✗✓✓   90 % to  80 %  x  a.jpg' in str(recorded) and '✗✗✗✗' in str(recorded)

def test_three_hundred_labels(tmp_path):
    labels = [f'breed {i:03}' for i in range(300)]
    bank = made_up(labels, n=1200, valid=600)
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 2)
    recorded = PredictionTimeline(tmp_path)
    assert len(recorded.labels) == 300 and recorded.photos.label.nunique() == 12 and recorded.photos.label.max() > 'breed 150'
    assert (tmp_path/'timeline.csv').stat().st_size < 150_000 and 'and 297 more' in recorded.frame(0)
    assert np.allclose(recorded.table[[f'p_{o}' for o in labels]].sum(axis=1), 1, atol=.01)

# live

@pytest.fixture
def screen(monkeypatch):
    "Pages that a notebook would show, in one place."
    import IPython.display
    class Place:
        pages = []
        def update(self, o): self.pages.append(o.data)
    def display(o, display_id):
        Place.pages = [o.data]
        return Place()
    monkeypatch.setattr(IPython.display, 'display', display)
    monkeypatch.setattr(module, 'in_notebook', lambda: True)
    return Place

def test_live(tmp_path, screen, monkeypatch):
    "Where steps take long, each frame is shown; where they don't, at most two frames a second."
    for slow in (True, False):
        clock,bank = iter(range(10, 10**6)),made_up()
        monkeypatch.setattr(module.time, 'monotonic', lambda: next(clock) if slow else 1)
        fit(learner(bank, [PredictionRecorder(tmp_path/str(slow), bank), ShowTimeline()]))
        shown = [f'<p>Frame {i} of {i}: ' for i in (1, 2, 3, 4)] if slow else ['<p>Frame 1 of 1: ', '<p>Frame 4 of 4: ']
        assert [o[:17] for o in screen.pages] == shown

def test_nothing_to_show(tmp_path, screen, monkeypatch):
    bank,pages = made_up(),screen.pages
    fit(learner(bank, [ShowTimeline()])) # nothing was recorded
    fit(learner(bank, [PredictionRecorder(tmp_path/'a'), ShowTimeline()])) # a recording that failed
    monkeypatch.setattr(module, 'in_notebook', lambda: False)
    fit(learner(bank, [PredictionRecorder(tmp_path/'b', bank), ShowTimeline()])) # a terminal
    assert screen.pages == pages == []

def test_files_whose_names_are_no_text(tmp_path):
    (tmp_path/'timeline.csv').write_bytes(GOOD.replace('1.jpg', 'K\udce4tzchen.jpg').encode('utf-8', 'surrogateescape'))
    recorded = PredictionTimeline(tmp_path)
    for o in (str(recorded), recorded._repr_html_(), recorded.frame(0)): assert 'K?tzchen' in o and o.encode()
    recorded.plot()[0,0].figure.canvas.draw()
    plt.close('all')
