"Looking at a recording: pages, words, plots, and live."
import numpy as np, pytest
from petlearn import PetLearnError
from petlearn.evaluation import timeline as module
from petlearn.evaluation.timeline import Film, ShowTimeline
from petlearn.training.prediction_recorder import TIMELINE_COLUMNS, PredictionRecorder, timeline_csv
from recordings import fit, learner, made_up

GOOD = '"frame","step","phase","epoch","file","label","predicted","p_a","p_b"\n0,0,"head",0,"1.jpg","a","b",0.2,0.8\n'

pytestmark = pytest.mark.usefixtures('one_thread')

@pytest.fixture
def film(tmp_path):
    bank = made_up()
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]))
    return Film(tmp_path)

@pytest.mark.parametrize('labels', [('nan', '7'), ('<b>fat</b>', '"q", \'r\''), ('a\nb', 'NA'), ('1.0', '-')], ids=str)
def test_odd_labels(tmp_path, labels):
    bank = made_up(labels, folder='<script>')
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1)
    film = Film(tmp_path)
    assert film.labels == sorted(labels) and set(film.table.label) == set(labels)
    for page in (film.frame(0), film._repr_html_()):
        assert '<b>fat' not in page and '<script' not in page and 'is not there' in page, 'escaped, and no photo is missed'
    assert str(film) and len(film.photos) == 12

def test_the_plot_takes_any_name(tmp_path):
    bank = made_up(('$x', '$$'), n=40, valid=5)
    bank.table.file = [f'a$b_{i}^.jpg' for i in range(40)]
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 1)
    axs = Film(tmp_path).plot()
    axs[0,0].figure.canvas.draw()
    assert sum(o.get_visible() for o in axs.flat) == 5
    module.plt.close('all')

@pytest.mark.parametrize('i', [4, -5, 1.5, '0', None, True])
def test_there_is_no_such_frame(film, i):
    with pytest.raises(PetLearnError, match='i='): film.frame(i)

def test_pages_and_words(film):
    assert len(film) == 4 and film.frame(-1) == film.frame(3) != film.frame(0) and 'Frame 4 of 4: training, epoch 3, step 15.' in film.frame(3)
    for i in range(4): # the sign is a word, not a colour
        rows = film.table[film.table.frame == i]
        right = (rows.label == rows.predicted).sum()
        assert (film.frame(i).count('✓ right'), film.frame(i).count('✗ wrong')) == (right, 12-right)
        assert f'Right on {right} of 12.' in film.frame(i)
    assert str(film).count('✓') + str(film).count('✗') == 48 and film._repr_html_().count('<tr>') == 13

def test_photos_tell_their_story(tmp_path):
    p = {'a': [.9, .2, .7, .8], 'b': [.1, .2, .3, .4]} # one is right, wrong, right; another is never learned
    rows = [[i, 5*i, 'head', i, f'{k}.jpg', 'x', 'x' if v[i] > .5 else 'y', v[i], 1-v[i]] for i in range(4) for k,v in p.items()]
    (tmp_path/'timeline.csv').write_text(timeline_csv([[*TIMELINE_COLUMNS, 'p_x', 'p_y'], *rows]))
    film = Film(tmp_path)
    assert film.photos.values.tolist() == [['a.jpg', 'x', .9, .8, .75, 2], ['b.jpg', 'x', .1, .4, 0., 0]]
    assert '✓✗✓✓   90% to  80%  x  a.jpg' in str(film) and '✗✗✗✗' in str(film)

def test_three_hundred_labels(tmp_path):
    labels = [f'breed {i:03}' for i in range(300)]
    bank = made_up(labels, n=1200, valid=600)
    fit(learner(bank, [PredictionRecorder(tmp_path, bank)]), 2)
    film = Film(tmp_path)
    assert len(film.labels) == 300 and film.photos.label.nunique() == 12 and film.photos.label.max() > 'breed 150'
    assert (tmp_path/'timeline.csv').stat().st_size < 150_000 and 'and 297 more' in film.frame(0)
    assert np.allclose(film.table[[f'p_{o}' for o in labels]].sum(axis=1), 1, atol=.01)

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

@pytest.mark.parametrize('slow', [True, False])
def test_live(tmp_path, screen, monkeypatch, slow):
    clock = iter(range(10, 10**6))
    monkeypatch.setattr(module.time, 'monotonic', lambda: next(clock) if slow else 1)
    bank = made_up()
    fit(learner(bank, [PredictionRecorder(tmp_path, bank), ShowTimeline()]))
    assert [o[:17] for o in screen.pages] == ([f'<p>Frame {i} of {i}: ' for i in (1, 2, 3, 4)] if slow else ['<p>Frame 1 of 1: ', '<p>Frame 4 of 4: '])

def test_nothing_to_show(tmp_path, screen, monkeypatch):
    bank,pages = made_up(),screen.pages
    fit(learner(bank, [ShowTimeline()])) # no film
    fit(learner(bank, [PredictionRecorder(tmp_path/'a'), ShowTimeline()])) # a film that failed
    monkeypatch.setattr(module, 'in_notebook', lambda: False)
    fit(learner(bank, [PredictionRecorder(tmp_path/'b', bank), ShowTimeline()])) # a terminal
    assert screen.pages == pages == []

def test_files_whose_names_are_no_text(tmp_path):
    (tmp_path/'timeline.csv').write_bytes(GOOD.replace('1.jpg', 'K\udce4tzchen.jpg').encode('utf-8', 'surrogateescape'))
    film = Film(tmp_path)
    for o in (str(film), film._repr_html_(), film.frame(0)): assert 'K?tzchen' in o and o.encode()
    film.plot()[0,0].figure.canvas.draw()
    module.plt.close('all')
