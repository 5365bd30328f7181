"What a run still gets right when its photos are changed: every change, every figure, and photos that are gone."
import json, shutil
import numpy as np, pandas as pd, pytest
from PIL import Image, ImageOps
from petlearn.evaluation.robustness import robustness as module
from petlearn.models.calibration import calibrated
from petlearn.core import PetLearnError
from petlearn.evaluation.robustness import CHANGES, Robustness, _all_changed, _counted, robustness
from petlearn.image_io import open_photo
from petlearn.runs.run import Run, csv_text

@pytest.fixture(scope='module')
def judge(run): return module._judge(run)

@pytest.fixture
def quick(judge, monkeypatch):
    "The engine of this run is built once for all tests; it takes seconds."
    monkeypatch.setattr(module, '_judge', lambda run: judge)

@pytest.fixture(scope='module')
def found(run, judge):
    with pytest.MonkeyPatch.context() as m:
        m.setattr(module, '_judge', lambda run: judge)
        return robustness(run)

def small_copy(run, folder, keep=None, **metadata):
    "A copy of `run` with its model, the photos of `keep` (a table) held back, and other `metadata`."
    path = shutil.copytree(run.path, folder/run.path.name)
    if keep is not None:
        split = run.split
        (path/'split.csv').write_text(csv_text(pd.concat([split[split.usage == 'train'], keep])))
    (path/'run.json').write_text(json.dumps(run.metadata | metadata))
    return Run(path)

def files(folder): return {o: o.stat().st_mtime_ns for o in folder.rglob('*')}

def test_unchanged_is_what_the_run_said(run, found, quick):
    p = run.predictions
    p = p[p.usage == 'valid']
    assert found.table.right['unchanged'] == (p.label == p.predicted).sum() and found.table.of['unchanged'] == len(p)
    assert found.table.p_true['unchanged'] == pytest.approx(np.mean([r[f'p_{r.label}'] for _,r in p.iterrows()]), abs=1e-5)
    split = run.split.set_index('file').loc[p.file].reset_index()
    said = np.stack(_all_changed(run, list(split.itertuples())))
    assert said.shape == (len(p), len(CHANGES), 2) and np.allclose(said.sum(2), 1, atol=1e-5)
    assert np.abs(said[:,0] - p[[f'p_{o}' for o in run.labels]].to_numpy(float)).max() < 1e-5
    assert [run.labels[i] for i in said[:,0].argmax(1)] == list(p.predicted)

def test_changed_is_what_the_run_says_about_the_changed_picture(run, quick):
    row = next(run.split[run.split.usage == 'valid'].itertuples())
    said, = _all_changed(run, [row])
    img = open_photo(row.file, run.params['size'])
    for name in ('dark', 'turned'):
        probs = run.predict(CHANGES[name](img)).probs # calibrated
        mine = calibrated(said[[list(CHANGES).index(name)]], run.temperature)[0]
        assert [probs[o] for o in run.labels] == pytest.approx(mine.tolist(), abs=1e-3)

@pytest.mark.parametrize('size', [(96, 96), (200, 120), (90, 210), (300, 9), (8, 8)])
@pytest.mark.parametrize('name', CHANGES)
def test_each_change_is_applied(name, size):
    img = Image.fromarray(np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8))
    before = img.tobytes()
    new = CHANGES[name](img)
    assert (new.size, new.mode) == (size, 'RGB') and img.tobytes() == before, 'the picture that was given stays as it is'
    same = name == 'unchanged' or name == 'small' and min(size) < 64
    assert (new.tobytes() == before) == same

def test_changes_by_hand():
    img = Image.new('RGB', (120, 100), (100, 60, 40))
    colour = lambda name, at: CHANGES[name](img).getpixel(at)
    assert colour('dark', (3, 3)) == (30, 18, 12) and colour('bright', (3, 3)) == (170, 102, 68)
    assert len(set(colour('black and white', (3, 3)))) == 1
    for o in ('turned', 'in the corner', 'blurred', 'small', 'mirrored'): assert colour(o, (0, 0)) == (100, 60, 40), 'filled with the mean'
    assert colour('surrounded by grey', (60, 50)) == (100, 60, 40)
    for at in ((60, 8), (18, 50), (0, 0), (119, 99)): assert colour('surrounded by grey', at) == (128, 128, 128)
    img.putpixel((10, 20), (255, 255, 255))
    assert colour('mirrored', (109, 20)) == colour('in the corner', (35, 45)) == (255, 255, 255)
    assert ImageOps.mirror(CHANGES['mirrored'](img)).tobytes() == img.tobytes()

def test_counted_by_hand():
    right,wrong = (.75, .25),(.4, .6)
    said = np.array([[right if c == 0 or i else wrong for c in range(len(CHANGES))] for i in range(3)] + [[wrong] + [right]*(len(CHANGES)-1)])
    df = _counted(said, np.zeros(4, int))
    assert df.loc['unchanged'].tolist() == pytest.approx([3, 4, .75, 0, (3*.75+.4)/4])
    assert df.loc['dark'].tolist() == pytest.approx([3, 4, .75, 1, (3*.75+.4)/4]), 'one lost, another one won'
    assert list(df.index) == list(CHANGES)

def table(base, of=100, **right):
    right = dict.fromkeys(CHANGES, base) | {k.replace('_', ' '): v for k,v in right.items()}
    return pd.DataFrame([dict(right=v, of=of, accuracy=v/of, lost=max(base-v, 0), p_true=v/of) for v in right.values()],
                        index=pd.Index(right, name='change'))

VERDICTS = dict(
    dark=(table(97, dark=61, small=90), 'Weakest when dark: 61 % instead of 97 % (61 of 100 photos, not 97); take some photos like that for training.'),
    grey=(table(97, surrounded_by_grey=60), 'it needs what is around: take photos in other places.'),
    one=(table(97, blurred=96), 'Weakest when blurred: 96 % instead of 97 % (96 of 100 photos, not 97); one photo may be luck.'),
    two=(table(8, 8, in_the_corner=6), 'two photos may be luck.'),
    none=(table(97), 'No change makes it worse: right on 97 of 100 (97 %) or more.'),
    better=(table(50, dark=60), 'No change makes it worse: right on 50 of 100 (50 %) or more.'))

@pytest.mark.parametrize('name', VERDICTS)
def test_verdict(name):
    df,words = VERDICTS[name]
    assert Robustness('V001-x', df, 100, {}).verdict.endswith(words)

def test_as_page_and_text(found, run):
    import matplotlib.pyplot as plt
    html,text = found._repr_html_(),str(found)
    assert 'data:image/png;base64,' in html and html.count('<table') == html.count('</table>') == 1 and plt.get_fignums() == []
    assert repr(found) == text and max(map(len, text.splitlines())) <= 80
    for o in (*CHANGES, 'p_true', 'lost', 'Asked about all 8 photos held back.'): assert o in html and o in text
    odd = Robustness('x', found.table, 9, {'a.jpg': "Can't read <b>a.jpg"})
    assert '<b>a.jpg' not in odd._repr_html_() and '1 photo left out' in odd._repr_html_()
    ax = found.plot()
    assert [o.get_width() for o in ax.patches] == pytest.approx([100*o for o in found.table.accuracy[::-1]])
    assert found.plot(ax) is ax
    plt.close('all')

def test_some_of_them_evenly(run, quick):
    some = robustness(run, n=3)
    assert some.table.of.tolist() == [3]*len(CHANGES) and some.notes == ['Asked about 3 of the 8 photos held back, evenly chosen.']
    assert some.table.equals(robustness(run, n=3).table)

def test_missing_and_changed_photos_are_counted(run, found, tmp_path, quick):
    valid = run.split[run.split.usage == 'valid'].reset_index(drop=True)
    valid.loc[0, 'file'] = (tmp_path/'gone.jpg').as_posix()
    (tmp_path/'other.jpg').write_bytes(b'other')
    valid.loc[1, 'file'] = (tmp_path/'other.jpg').as_posix()
    less = small_copy(run, tmp_path, valid)
    before = files(tmp_path)
    r = robustness(less.path)
    assert r.table.of.iloc[0] == 6 and r.held == 8 and set(r.left_out) == set(valid.file[:2])
    assert "Can't read" in r.left_out[valid.file[0]] and 'has changed' in r.left_out[valid.file[1]]
    assert r.notes[0] == 'Asked about 6 of the 8 photos held back.' and r.notes[1].startswith("2 photos left out, such as: Can't read")
    assert files(tmp_path) == before, 'nothing is written'

def test_none_left(run, tmp_path, quick):
    valid = run.split[run.split.usage == 'valid']
    gone = small_copy(run, tmp_path, valid.assign(file=[f'{o}.gone' for o in valid.file]))
    with pytest.raises(PetLearnError) as e: robustness(gone)
    assert 'None of the photos' in e.value.what and e.value.expected and e.value.fix

BAD = dict(zero=(dict(n=0), 'n=0 makes no sense'), negative=(dict(n=-1), 'n=-1'), half=(dict(n=2.5), 'n=2.5'),
           word=(dict(n='all'), "n='all'"), yes=(dict(n=True), 'n=True'), none=(dict(n=None), 'n=None'))

@pytest.mark.parametrize('name', BAD)
def test_bad_input(run, name):
    kwargs,words = BAD[name]
    with pytest.raises(PetLearnError, match=words): robustness(run, **kwargs)

def test_without_a_model(run, tmp_path):
    empty = small_copy(run, tmp_path, states=[('QUEUED', ''), ('FAILED', '')])
    for o in ('model', 'checkpoints'): shutil.rmtree(empty.path/o, ignore_errors=True)
    with pytest.raises(PetLearnError, match='it has no model'): robustness(empty)
    with pytest.raises(PetLearnError, match='There is no run'): robustness('V099', runs_dir=tmp_path)

def test_pytorch_says_the_same_and_the_run_stays_as_it_was(run, judge, monkeypatch):
    "Where OpenVINO doesn't work; and the run's own network is neither moved nor changed."
    from petlearn.models.features import features
    def no(*args): raise RuntimeError('no OpenVINO here')
    monkeypatch.setattr(features, 'openvino_engine', no)
    before = {k: v.clone() for k,v in run.model.state_dict().items()}
    again = robustness(run, n=2)
    assert again.table.of.tolist() == [2]*len(CHANGES)
    assert all((v == before[k]).all() for k,v in run.model.state_dict().items())
    rows = list(run.split[run.split.usage == 'valid'].iloc[[0, 4]].itertuples())
    said = [p[:,run.labels.index(o.label)] for o,p in ((o, module._changed(o, run.params['size'], judge)) for o in rows)]
    assert np.allclose(again.table.p_true, np.mean(said, 0), atol=1e-3)
