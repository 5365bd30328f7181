"Grad-CAM against captum and against a patch whose place is known, changed photos, and the sentence on the card."
import numpy as np, pandas as pd, pytest, torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from torch import nn
from petlearn.core import PetLearnError
from petlearn.evaluation.why import GradCam, Why, cam_grid, changed_pictures, grad_cam, what_if
from petlearn.html import Gallery
from petlearn.image_io import center_square
from petlearn.models.backbones import backbone
from petlearn.models.prediction import Prediction
from petlearn.runs.run import Run

pytestmark = pytest.mark.slow

# Grad-CAM

@pytest.fixture(scope='module')
def photo(run): return run.predictions.file.iloc[0]

def tiny(seed, k=3):
    "A small network of a body and a head like ours."
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6(inplace=True), nn.Conv2d(8, 6, 3, 2, 1), nn.ReLU6(inplace=True))
    return nn.Sequential(body, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, k))).eval()

def test_cam_is_that_of_captum():
    captum = pytest.importorskip('captum.attr')
    for seed in range(5):
        model,x = tiny(seed),torch.rand(1, 3, 40, 40)
        for number in (0, 1, 2, None):
            grid,n = cam_grid(model, model[0], x, number)
            assert n == (int(model(x).argmax()) if number is None else number)
            theirs = captum.LayerGradCam(model, model[0]).attribute(x, target=n, relu_attributions=True)[0, 0]
            assert np.abs(grid - theirs.detach().numpy()).max() < 1e-6

def test_cam_of_a_run_is_that_of_captum(run, photo):
    captum = pytest.importorskip('captum.attr')
    b,pixels = backbone(run.params['arch']),torch.from_numpy(np.array(center_square(photo, 96)))
    x = ((pixels/255 - torch.tensor(b.mean))/torch.tensor(b.std)).permute(2, 0, 1)[None]
    for i,label in enumerate(run.labels):
        theirs = captum.LayerGradCam(run.model.eval(), run.model[0]).attribute(x, target=i, relu_attributions=True)[0, 0].detach().numpy()
        ours = grad_cam(run, photo, label)
        assert ours.grid.shape == (3, 3) and np.abs(ours.grid - theirs/max(theirs.max(), 1e-12)).max() < 1e-5

def test_cam_leaves_the_network_alone(run, photo):
    mine = Run(run.path)
    model = mine.model.train().requires_grad_(True)
    before = {k: v.clone() for k,v in model.state_dict().items()}
    first = grad_cam(mine, photo)
    assert all((v == before[k]).all() for k,v in model.state_dict().items()) and model.training
    assert all(o.grad is None for o in model.parameters()) and not model[0]._forward_hooks
    model.requires_grad_(False)
    with torch.no_grad(): again = grad_cam(mine, photo)
    assert (first.grid == again.grid).all() and first.label == again.label == run.predict(photo).label

def test_hook_is_gone_after_trouble():
    model = tiny(0)
    with pytest.raises(RuntimeError): cam_grid(model, model[0], torch.rand(1, 4, 40, 40), 0)
    with pytest.raises(IndexError): cam_grid(model, model[0], torch.rand(1, 3, 40, 40), 9)
    assert not model[0]._forward_hooks

def test_nothing_speaks_for_it(run, photo):
    "All weights of the last layer below 0: no heat, and no division by nothing."
    layer = run.model[1][-1]
    kept = layer.weight.detach().clone()
    try:
        with torch.no_grad(): layer.weight.fill_(-1.)
        cam = grad_cam(run, photo, 'cat')
    finally:
        with torch.no_grad(): layer.weight.copy_(kept)
    assert not cam.grid.any() and not cam.heat.any() and np.isfinite(np.asarray(cam.overlay)).all()
    assert cam.hottest == (0, 0, 48, 48)

def test_bad_labels_and_networks(run, photo):
    for label,words in (('dgo', "Did you mean 'dog'"), (3, 'There is no label 3'), ('', "There is no label ''")):
        with pytest.raises(PetLearnError, match=words): grad_cam(run, photo, label)
    flat = nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(3*96*96, 5)), nn.Sequential(nn.Linear(5, 2)))
    other = Run(run.path)
    other.set_model(flat)
    with pytest.raises(PetLearnError, match='has no maps of places'): grad_cam(other, photo)

@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(6, 40))
def test_heat_and_hottest(seed, n, side):
    grid = np.random.default_rng(seed).random((n, n))
    cam = GradCam(Image.new('RGB', (side, side), (90, 90, 90)), 'x', grid/grid.max())
    assert cam.heat.shape == (side, side) and cam.heat.min() >= 0 and cam.heat.max() == pytest.approx(1)
    l,t,r,b = cam.hottest
    w = r-l
    assert b-t == w == round(side/2) and 0 <= l and r <= side and 0 <= t and b <= side
    best = max(cam.heat[i:i+w,j:j+w].sum() for i in range(side-w+1) for j in range(side-w+1))
    assert cam.heat[t:b,l:r].sum() == pytest.approx(best, rel=1e-4)

def test_readable_in_grey():
    grid = np.zeros((5, 5))
    grid[1, 3] = 1
    cam = GradCam(Image.new('RGB', (100, 100), (120, 100, 90)), 'x', grid)
    grey = np.asarray(cam.overlay.convert('L')).astype(int)
    assert grey[30, 70] > 2.5*grey[80, 20] and (grey == 255).any() and cam.overlay.size == (100, 100)
    assert cam._repr_html_().count('<img') == 2 and 'bright: what speaks for x' in cam._repr_html_()
    l,t,r,b = cam.hottest
    assert l <= 70 < r and t <= 30 < b

# a patch that decides

@pytest.fixture(scope='module')
def patches(tmp_path_factory):
    "A run on grey noise; a yellow or a blue chequered patch at a random place is the label. Also where the patches are."
    from petlearn import train
    folder = tmp_path_factory.mktemp('patches')
    rng,place = np.random.default_rng(5),{}
    for i in range(40):
        label = ('blue', 'yellow')[i % 2]
        a = rng.integers(60, 160, (20, 20, 1)).repeat(3, 2).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        y,x = rng.integers(0, 160-52, 2)
        chequers = (np.add.outer(np.arange(52)//13, np.arange(52)//13) % 2)[...,None]
        a[y:y+52, x:x+52] = np.where(chequers, (250, 220, 30) if label == 'yellow' else (20, 40, 230), 10)
        path = folder/'photos'/label/f'{i:02}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(a).save(path)
        place[path.as_posix()] = slice(y, y+52),slice(x, x+52)
    return train(folder/'photos', epochs=3, fine_tune_epochs=0, size=160, check=False, runs_dir=folder/'runs'),place

def test_heat_is_in_the_planted_patch(patches):
    run,place = patches
    shares,covered = [],[]
    for f in run.predictions.file:
        cam,(y,x) = grad_cam(run, f),place[f]
        l,t,r,b = cam.hottest
        shares.append(cam.heat[y,x].sum()/cam.heat.sum())
        covered.append(max(0, min(r, x.stop) - max(l, x.start))*max(0, min(b, y.stop) - max(t, y.start))/52**2)
    assert len(shares) == 8 and np.mean(shares) > 2*(52/160)**2, 'by chance it would be the share of the area'
    assert np.mean(covered) > .6, 'a quarter of the photo covers a quarter of the patch by chance'

# changed photos

def test_experiments_are_what_the_run_says_of_the_pictures(run, photo):
    cam = grad_cam(run, photo)
    pictures = changed_pictures(photo, cam)
    table = what_if(run, pictures, cam.label)
    for img,o in zip(pictures.values(), table.itertuples()):
        p = run.predict(img)
        assert img.size == (96, 96) and p.probs[cam.label] == pytest.approx(o.p, abs=1e-4) and p.label == o.answer and o.flips == (p.label != cam.label)
    l,t,r,b = cam.hottest
    covered,before = np.array(pictures['hottest place covered']),np.array(pictures['unchanged'])
    assert (covered[t:b,l:r] == 128).all()
    covered[t:b,l:r] = before[t:b,l:r]
    assert (covered == before).all()

# the sentence

def test_sentence():
    changes = pd.DataFrame([('unchanged', .9, 'dog', False), ('dark', .3, 'cat', True)], columns=['change', 'p', 'answer', 'flips'])
    near = Gallery(pd.DataFrame(dict(file=list('abcde'), label=['dog', 'dog', 'cat', 'dog', 'dog'])), ['']*5)
    def echo(given, near=near): return Why(Prediction({'dog': .9, 'cat': .1}), given, None, near, changes, [], []).sentence
    rest = '4 of the 5 nearest training photos are labelled dog; the answer changes when: dark (cat).'
    assert echo('') == f'It says dog (90 %); {rest}'
    assert echo('dog') == f'It says dog (90 %), as it is labelled; {rest}'
    assert echo('cat') == f'It says dog (90 %), but it is labelled cat (10 %); {rest}'
    strange = Why(Prediction({'dog': .9, 'cat': .1}, novelty=9.), '', None, None, changes, [], []).sentence
    assert strange == 'It says neither cat nor dog, and dog (90 %) if it had to choose; the answer changes when: dark (cat).'
    assert echo('', None) == 'It says dog (90 %); the answer changes when: dark (cat).'
    one = Gallery(near.table.assign(label=['dog', *['cat']*4]), ['']*5)
    assert '1 of the 5 nearest training photos is labelled dog' in echo('', one)

def test_flips_in_words():
    for rows,words in (([], 'nothing that was tried changes the answer'), ([('dark', 'cat')], 'the answer changes when: dark (cat)'),
                       ([('dark', 'cat'), ('only the middle', 'fox'), ('covered', 'cat')], 'the answer changes when: dark (cat), only the middle (fox) or covered (cat)')):
        df = pd.DataFrame([('unchanged', 'dog', False)] + [(*o, True) for o in rows], columns=['change', 'answer', 'flips'])
        assert Why(Prediction({'dog': 1.}), '', None, None, df, [], []).sentence == f'It says dog (over 99 %); {words}.'
