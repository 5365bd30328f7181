"What a run still gets right when its photos are changed: every change, every number, and photos that are gone."
import json, shutil
import numpy as np, pandas as pd, pytest
from PIL import Image, ImageOps
from petlearn.core import PetLearnError
from petlearn.evaluation.robustness import CHANGES, Robustness, ask_changed, count_changed, robustness
from petlearn.image_io import open_photo
from petlearn.runs.run import Run, csv_text

pytestmark = pytest.mark.slow

@pytest.fixture(scope='module')
def found(run): return robustness(run)

def small_copy(run, folder, keep=None, **metadata):
    "A copy of `run` with its model, the photos of `keep` (a table) held back, and other `metadata`."
    path = shutil.copytree(run.path, folder/run.path.name)
    if keep is not None:
        split = run.split
        (path/'split.csv').write_text(csv_text(pd.concat([split[split.usage == 'train'], keep])))
    (path/'run.json').write_text(json.dumps(run.metadata | metadata))
    return Run(path)

def files(folder): return {o: o.stat().st_mtime_ns for o in folder.rglob('*')}

def test_answers_are_those_of_the_run(run, found, tmp_path):
    "Unchanged and changed: the same network, preprocessing and temperature as in run.predict."
    p = run.predictions
    p = p[p.usage == 'valid']
    assert found.table.right['unchanged'] == (p.label == p.predicted).sum() and (found.table.of == len(p)).all()
    rows,run = list(run.split[run.split.usage == 'valid'].itertuples()),small_copy(run, tmp_path)
    run.trained.predictor.temperature = 3.
    answers,left_out = ask_changed(run, rows[:2])
    assert not left_out and list(answers.change) == 2*list(CHANGES)
    for o,row in zip(answers.itertuples(), [row for row in rows[:2] for _ in CHANGES]):
        said = run.predict(CHANGES[o.change](open_photo(row.file, run.params['size'])))
        assert o.file == row.file and o.right == (said.label == row.label) and o.p_true == pytest.approx(said.probs[row.label], abs=1e-3)
    assert answers.p_true[0] == pytest.approx(run.predict(rows[0].file).probs[rows[0].label], abs=1e-3)

def test_each_change_is_applied():
    for size in [(96, 96), (200, 120), (90, 210), (300, 9), (8, 8)]:
        img = Image.fromarray(np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8))
        before = img.tobytes()
        for name,change in CHANGES.items():
            new = change(img)
            assert (new.size, new.mode) == (size, 'RGB') and img.tobytes() == before, 'the picture that was given stays as it is'
            same = name == 'unchanged' or name == 'small' and min(size) < 64
            assert (new.tobytes() == before) == same, (name, size)

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
    "Of four photos, one is lost by each change and another one won."
    rows = [dict(file=f'{i}.jpg', change=c, right=right, p_true=.75 if right else .4) for i in range(4)
            for c in CHANGES for right in [{2: c == 'unchanged', 3: c != 'unchanged'}.get(i, True)]]
    df = count_changed(pd.DataFrame(rows))
    assert df.loc['unchanged'].tolist() == pytest.approx([3, 4, .75, 0, (3*.75+.4)/4])
    assert df.loc['dark'].tolist() == pytest.approx([3, 4, .75, 1, (3*.75+.4)/4])
    assert list(df.index) == list(CHANGES)

def table(base, of=100, **right):
    right = dict.fromkeys(CHANGES, base) | {k.replace('_', ' '): v for k,v in right.items()}
    return pd.DataFrame([dict(right=v, of=of, accuracy=v/of, lost=max(base-v, 0), p_true=v/of) for v in right.values()],
                        index=pd.Index(right, name='change'))

VERDICTS = dict(
    dark=(table(97, dark=61, small=90), 'Weakest when dark: right on 61 % instead of 97 % (61 of 100 photos, not 97); take some photos like that for training.'),
    grey=(table(97, surrounded_by_grey=60), 'it needs what is around: take photos in other places.'),
    one=(table(97, blurred=96), 'Weakest when blurred: right on 96 % instead of 97 % (96 of 100 photos, not 97); one photo may be luck.'),
    two=(table(8, 8, in_the_corner=6), 'two photos may be luck.'),
    none=(table(97), 'No change makes it worse: right on 97 of 100 (97 %) or more.'),
    better=(table(50, dark=60), 'No change makes it worse: right on 50 of 100 (50 %) or more.'))

def test_verdict():
    for df,words in VERDICTS.values(): assert Robustness('V001-x', df, 100, {}).verdict.endswith(words)

def test_as_page_and_text(found, run):
    import matplotlib.pyplot as plt
    html,text = found._repr_html_(),str(found)
    assert 'data:image/png;base64,' in html and html.count('<table') == html.count('</table>') == 1 and plt.get_fignums() == []
    assert repr(found) == text and max(map(len, text.splitlines())) <= 80
    for o in (*CHANGES, 'p_true', 'lost', 'Asked about all 8 validation photos.'): assert o in html and o in text
    odd = Robustness('x', found.table, 9, {'a.jpg': "Can't read <b>a.jpg"})
    assert '<b>a.jpg' not in odd._repr_html_() and '1 photo left out' in odd._repr_html_()
    ax = found.plot()
    assert [o.get_width() for o in ax.patches] == pytest.approx([100*o for o in found.table.accuracy[::-1]])
    assert found.plot(ax) is ax
    plt.close('all')

def test_some_of_them_evenly(run):
    some = robustness(run, n=3)
    assert some.table.of.tolist() == [3]*len(CHANGES) and some.notes == ['Asked about 3 of the 8 validation photos, evenly chosen.']
    assert some.table.equals(robustness(run, n=3).table)

def test_missing_and_changed_photos_are_counted(run, found, tmp_path):
    valid = run.split[run.split.usage == 'valid'].reset_index(drop=True)
    valid.loc[0, 'file'] = (tmp_path/'gone.jpg').as_posix()
    (tmp_path/'other.jpg').write_bytes(b'other')
    valid.loc[1, 'file'] = (tmp_path/'other.jpg').as_posix()
    less = small_copy(run, tmp_path, valid)
    before = files(tmp_path)
    r = robustness(less.path)
    assert r.table.of.iloc[0] == 6 and r.n_valid == 8 and set(r.left_out) == set(valid.file[:2])
    assert "Can't read" in r.left_out[valid.file[0]] and 'has changed' in r.left_out[valid.file[1]]
    assert r.notes[0] == 'Asked about 6 of the 8 validation photos.' and r.notes[1].startswith("2 photos left out, such as: Can't read")
    assert files(tmp_path) == before, 'nothing is written'

def test_none_left(run, tmp_path):
    valid = run.split[run.split.usage == 'valid']
    gone = small_copy(run, tmp_path, valid.assign(file=[f'{o}.gone' for o in valid.file]))
    with pytest.raises(PetLearnError) as e: robustness(gone)
    assert 'None of the validation photos' in e.value.what and e.value.expected and e.value.fix

def test_bad_input(run):
    for n in (0, -1, 2.5, 'all', True, None):
        with pytest.raises(PetLearnError, match='n='): robustness(run, n=n)

def test_without_a_model(run, tmp_path):
    empty = small_copy(run, tmp_path, states=[('QUEUED', ''), ('FAILED', '')])
    for o in ('model', 'checkpoints'): shutil.rmtree(empty.path/o, ignore_errors=True)
    with pytest.raises(PetLearnError, match='it has no model'): robustness(empty)
    with pytest.raises(PetLearnError, match='There is no run'): robustness('V099', runs_dir=tmp_path)

def test_the_run_stays_as_it_was(run):
    before = {k: v.clone() for k,v in run.model.state_dict().items()}
    robustness(run, n=2)
    assert all((v == before[k]).all() for k,v in run.model.state_dict().items())
