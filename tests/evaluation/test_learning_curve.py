"The error against the number of photos: which photos are drawn, what the numbers are made of, and when it must say that it can't tell."
import json, shutil
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from petlearn.models.backbones import backbone
from petlearn.core import PetLearnError
from petlearn.evaluation.metrics import mean_interval
from petlearn.runs.intervals import error_interval
from petlearn.models.features import Features
from petlearn.evaluation.learning_curve import SHARES, LearningCurve, draw_steps, learning_curve, main_directions, measure_gain, step_sizes
from petlearn.runs.run import Run, csv_text

pytestmark = pytest.mark.slow

def pretend(run, folder, x, labels, usage, left_out=0, name='V001-x', **metadata):
    "A copy of `run` with other photos, of which only the features are there."
    path = shutil.copytree(run.path, folder/name)
    (path/'run.json').write_text(json.dumps(run.metadata | metadata))
    table = pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(len(x))], label=labels, usage=usage, sha256=[f'{i:064x}' for i in range(len(x))]))
    (path/'split.csv').write_text(csv_text(table))
    copy,gone = Run(path),pd.DataFrame(dict(file=['x']*left_out, reason='gone'))
    copy.trained.bank = Features(np.asarray(x, np.float32), table.assign(variant=0), sorted(set(labels)), backbone('efficientnet_lite0'), 96, 0, 0., '', gone)
    return copy

def clouds(n_learn, n_ask, labels=('cat', 'dog'), apart=3., dims=20, seed=0):
    "Features, labels and usage: a cloud of points for each label."
    rng = np.random.default_rng(seed)
    at = dict(zip(labels, rng.normal(size=(len(labels), dims))*apart/dims**.5))
    y = list(labels)*n_learn + list(labels)*n_ask
    return rng.normal(size=(len(y), dims)) + [at[o] for o in y], y, ['train']*(n_learn*len(labels)) + ['valid']*(n_ask*len(labels))

@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text('ab<$', min_size=1), st.integers(1, 40), min_size=2, max_size=6), st.integers(0, 99))
def testdraw_steps(counts, seed):
    counts = pd.Series(counts)
    labels = np.repeat(counts.index.to_numpy(), counts)
    sizes = step_sizes(counts)
    draws = draw_steps(labels, sizes, seed)
    assert sizes.iloc[-1].equals(counts.rename(1.)) and sizes.index[-1] == 1 and sizes.index.is_monotonic_increasing and sizes.index.is_unique
    for rows,(_,want) in zip(draws, sizes.iterrows()):
        assert pd.Series(labels[rows]).value_counts().reindex(counts.index).tolist() == want.tolist() and want.min() >= 1, 'a fair share of each label'
    assert all(set(a) < set(b) for a,b in zip(draws, draws[1:])) and sorted(draws[-1]) == list(range(len(labels)))
    assert all((a == b).all() for a,b in zip(draws, draw_steps(labels, sizes, seed)))

def test_sizes_by_hand():
    df = step_sizes(pd.Series(dict(cat=100, dog=10)))
    assert df.cat.tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] and df.dog.tolist() == list(range(1, 11)) and list(df.index) == pytest.approx(SHARES)
    assert list(step_sizes(pd.Series(dict(a=2, b=2))).index) == [.5, 1] and len(step_sizes(pd.Series(dict(a=1, b=1)))) == 1

def test_main_directions_keep_all_distances():
    for n,d in ((30, 50), (60, 12)): check_distances(n, d)

def check_distances(n, d):
    rng = np.random.default_rng(1)
    x,learn = rng.normal(size=(n+9, d)) + 5,np.arange(n)
    inside = x.copy()
    if n < d: inside[n:] = x[:n].mean(0) + rng.normal(size=(9, n)) @ (x[:n] - x[:n].mean(0)) # a head sees nothing else of a photo
    z = main_directions(inside, learn)
    far = lambda o: ((o[:,None]-o[None])**2).sum(2)
    assert np.allclose(far(z)*((inside[:n]-inside[:n].mean(0))**2).sum(1).mean(), far(inside))

def test_the_run_itself_with_all_photos(run):
    "The quick head makes as many mistakes as fastai's, within two photos."
    c = learning_curve(run)
    assert abs(c.table.wrong.iloc[-1] - run.metrics['wrong']) <= 2 and c.run == run.path.name
    assert f"the run itself on {run.metrics['wrong']}" in c.notes[1] and c.notes[0] == 'Asked about 8 validation photos; each share was drawn 5 times at random.'
    assert c.table.photos.iloc[-1] == (run.split.usage == 'train').sum() == 32 and (c.table.of == 8).all()
    same,other = learning_curve(run.path),learning_curve(run, seed=1)
    assert (same.wrong == c.wrong).all() and (other.wrong[0,-1] == c.wrong[0,-1]).all() and not (other.wrong == c.wrong).all()
    assert learning_curve(run.version, repeats=1, runs_dir=run.path.parent).wrong.shape[0] == 1

def test_no_picture_is_opened(run, monkeypatch):
    import petlearn.models.feature_bank
    def no(*args): raise AssertionError('a photo was opened')
    monkeypatch.setattr(petlearn.models.feature_bank, 'view_pixels', no)
    before = {o: o.stat().st_mtime_ns for o in run.path.rglob('*')}
    assert len(learning_curve(Run(run.path), repeats=1).table) > 3
    assert {o: o.stat().st_mtime_ns for o in run.path.rglob('*')} == before, 'nothing is written'

def made(wrong, truth, sizes=None):
    "A curve of known mistakes: repeats × shares × photos."
    truth = np.array(truth)
    labels = sorted(set(truth))
    sizes = pd.DataFrame({o: [50, 100] for o in labels}, index=[.5, 1.]) if sizes is None else sizes
    return LearningCurve('V001-x', sizes, np.array(wrong, bool), truth, [])

def test_tables_by_hand():
    c = made([[[1, 1, 0, 0], [1, 0, 0, 0]], [[1, 0, 0, 1], [1, 0, 0, 0]]], ['cat', 'cat', 'dog', 'dog'])
    assert c.table.to_dict('list') == dict(share=[.5, 1], photos=[100, 200], wrong=[2, 1], of=[4, 4], error=[.5, .25], low=[.5, .25], high=[.5, .25])
    cats = c.by_label[c.by_label.label == 'cat']
    assert (cats.photos.tolist(), cats.error.tolist(), cats.low.tolist(), cats.high.tolist()) == ([50, 100], [.75, .5], [.5, .5], [1, .5])
    assert c.labels[['photos', 'of', 'half', 'all', 'gain']].to_dict('index') == dict(
        cat=dict(photos=100, of=2, half=1.5, all=1, gain=.5), dog=dict(photos=100, of=2, half=.5, all=0, gain=.5))
    assert not c.labels.helped.any() and (c.labels.low < 0).all()

def test_gain_is_the_bootstrap_of_the_differences():
    half,whole = np.array([1.]*12 + [.2]*10 + [0]*78),np.array([0.]*20 + [1]*2 + [0]*78)
    assert measure_gain(half, whole)[:3] == pytest.approx(((12+2-2)/100, *mean_interval(half-whole)))
    high = error_interval(0, 30)[1]
    assert measure_gain(np.zeros(30), np.zeros(30)) == (0, -high, high, 'unknown')
    for n,helped in ((300, 'unknown'), (400, 'flat')): assert measure_gain(np.zeros(n), np.zeros(n))[3] == helped, 'none of 300 may still be 1.2 %'
    for n,helped in ((5, 'unknown'), (6, 'helped')): assert measure_gain(np.array([1.]*n + [0]*n), np.zeros(2*n))[3] == helped, 'as in a test of McNemar'
    assert measure_gain(np.zeros(500), np.array([1.]*60 + [0]*440))[3] == 'flat'

def test_seldom_a_trend_where_there_is_none():
    "Heads that are as good with half of the photos: at most one curve of twenty seems to fall."
    rng,found = np.random.default_rng(3),[]
    for _ in range(300):
        q = rng.beta(.3, 1.5, 100) # some photos are harder than others
        found.append(measure_gain((rng.random((5, 100)) < q).mean(0), (rng.random(100) < q)*1.)[3])
    assert found.count('helped') <= 15

VERDICTS = dict(
    helps=(dict(n_learn=40, n_ask=150, dims=400, apart=4.), 'More photos would help: with 40 photos wrong on'),
    flat=(dict(n_learn=100, n_ask=500, apart=9., dims=5), 'More photos of this kind would hardly help'),
    few=(dict(n_learn=30, n_ask=10, apart=2.), "Can't tell: with 30 photos wrong on"),
    clear=(dict(n_learn=30, n_ask=10, apart=40.), 'Nothing to see: no mistake with 30 photos, and none with 60. Use more photos for validation to see any (none of 20'))

def test_verdict(run, tmp_path):
    for name,(kwargs,words) in VERDICTS.items():
        c = learning_curve(pretend(run, tmp_path, *clouds(**kwargs), name=f'V001-{name}'))
        assert c.verdict.startswith(words) and c.verdict in c._repr_html_().replace('&#x27;', "'")
        assert ('twice as many' in c.verdict) == (name == 'helps') and 'nan' not in c.verdict

def test_more_than_a_thousand_is_overkill():
    many = pd.DataFrame(dict(cat=[600, 1200], dog=[20, 40]), index=[.5, 1.])
    wrong = np.zeros((2, 2, 800))
    wrong[:,:,:8] = 1
    c = made(wrong, ['cat']*400 + ['dog']*400, many)
    assert 'More than 1,000 of a label are seldom worth the work' in c.verdict and '1,000' not in made(wrong, ['cat']*400 + ['dog']*400).verdict

def test_of_which_label():
    "The cats gain, the dogs don't; with 40 labels, the same gain may be luck."
    wrong = np.zeros((5, 2, 200), bool)
    wrong[:,0,:9] = wrong[:,:,100:105] = True
    c = made(wrong, ['cat']*100 + ['dog']*100)
    assert 'The most for cat: 9.0 of 100 wrong with half, 0 with all.' in c.verdict and c.labels.helped.to_dict() == dict(cat=True, dog=False)
    wrong[:,0,5:9] = False
    c = made(wrong, ['cat']*100 + ['dog']*100)
    assert 'No label gains clearly more than others. Most mistakes are with dog (5 of 100 wrong: between 2 % and 11 %).' in c.verdict
    truth = [f'breed {i//5}' for i in range(200)]
    c = made(wrong, truth)
    assert c.labels.index[0] == 'breed 0' and not c.labels.helped.any(), 'five photos of one breed are too few among forty'

def test_300_labels_with_names_of_all_kinds(run, tmp_path):
    labels = [f'<b>${i}$ & "' for i in range(300)]
    c = learning_curve(pretend(run, tmp_path, *clouds(4, 1, labels, apart=8., dims=12)), repeats=2)
    assert list(c.table.photos) == [300, 600, 900, 1200] and c.wrong.shape == (2, 4, 300) and len(c.labels) == 300 and len(c.by_label) == 1200
    html,text = c._repr_html_(),str(c)
    assert '<b>$' not in html and '&lt;b&gt;' in html and 'and 288 more labels' in html and 'and 288 more labels' in text and len(html) < 100_000
    assert max(map(len, text.splitlines())) <= 80

def test_one_label_held_back(run, tmp_path):
    x,y,usage = clouds(20, 5)
    keep = [u == 'train' or l == 'cat' for u,l in zip(usage, y)]
    c = learning_curve(pretend(run, tmp_path, *([v for v,k in zip(o, keep) if k] for o in (x, y, usage))))
    assert "All validation photos are 'cat': nothing is known about other labels." in c.notes and list(c.labels.index) == ['cat']
    assert c._repr_html_() and 'No label' not in c.verdict

def test_photos_kept_for_a_test_and_notes(run, tmp_path):
    x,y,usage = clouds(20, 6)
    usage = [u if u == 'train' or i % 3 else 'test' for i,u in enumerate(usage)]
    c = learning_curve(pretend(run, tmp_path, x, y, usage, left_out=3, tuned=True, parent='V000-old'))
    assert len(c.truth) == usage.count('valid') and c.table.photos.iloc[-1] == 40, 'the test is not looked at'
    assert c.notes[1:] == ['Its body was fine-tuned; the curve is of heads on the body as it was before.', 'What it has inherited from V000-old is not in the curve.',
                           '3 photos could not be opened and were left out.']
    far = learning_curve(pretend(run, tmp_path, x, y, usage, name='V002-y', metrics=dict(wrong=7)))
    assert far.notes[1].endswith('the run itself on 7: the curve is a rough picture of this run.')
    assert len(learning_curve(pretend(run, tmp_path, x, y, usage, name='V003-z', metrics={})).notes) == 1

def test_as_page_text_and_plot(run, tmp_path):
    import matplotlib.pyplot as plt
    plt.close('all')
    c = learning_curve(pretend(run, tmp_path, *clouds(30, 20)))
    html,text = c._repr_html_(),str(c)
    assert html.count('<table') == html.count('</table>') == 2 and 'data:image/png;base64,' in html and plt.get_fignums() == []
    assert repr(c) == text and max(map(len, text.splitlines())) <= 80 and 'nan' not in text.lower()
    ax = c.plot()
    assert [o.get_label() for o in ax.lines[:3]] == ['all labels', *c.labels.index] and c.plot(ax) is ax
    assert ax.lines[0].get_ydata().tolist() == pytest.approx(list(100*c.table.error)) and list(ax.lines[0].get_xdata()) == list(c.table.photos)
    plt.close('all')

def test_none_held_back(run, tmp_path):
    x,y,_ = clouds(5, 0)
    with pytest.raises(PetLearnError, match='has no validation photos') as e: learning_curve(pretend(run, tmp_path, x, y, ['train']*10))
    assert 'valid_pct' in e.value.fix

def test_few_photos_of_a_label(run, tmp_path):
    assert len(learning_curve(pretend(run, tmp_path, *clouds(2, 3))).table) == 2
    with pytest.raises(PetLearnError, match='1 photo of a label at most') as e: learning_curve(pretend(run, tmp_path, *clouds(1, 3), name='V002-y'))
    assert e.value.expected and e.value.fix

BAD = dict(none=(dict(repeats=0), 'repeats=0'), many=(dict(repeats=101), 'repeats=101'), half=(dict(repeats=2.5), 'repeats=2.5'), seed=(dict(seed=-1), 'seed=-1'),
           word=(dict(seed='x'), "seed='x'"))

def test_bad_input(run, tmp_path):
    for kwargs,words in BAD.values():
        with pytest.raises(PetLearnError) as e: learning_curve(run, **kwargs)
        assert words in str(e.value) and e.value.expected and e.value.fix
    with pytest.raises(PetLearnError, match='no runs|no run'): learning_curve('V009', runs_dir=tmp_path)
