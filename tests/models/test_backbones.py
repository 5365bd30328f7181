"Networks, their weights, and that petlearn changes nothing in the process that imports it."
import re, subprocess, sys, warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pytest
from PIL import Image
import petlearn
from petlearn.core import PetLearnError
from petlearn.image_io import open_photo
from petlearn.models.backbones import backbone, lite_weights, network, preset, require_weights

CODE = """
import sys, warnings
ours,real = [],(warnings.filterwarnings, warnings.simplefilter)
def spy(make):
    def f(*args, **kwargs):
        make(*args, **kwargs)
        if sys._getframe(1).f_globals['__name__'].startswith('petlearn'): ours.append(warnings.filters[0])
    return f
warnings.filterwarnings,warnings.simplefilter = map(spy, real)
import petlearn.all
from petlearn.photos.drawings import draw_pets
before = list(warnings.filters)
petlearn.all.train(draw_pets('pets', n=24, seed=1), size=32, epochs=1, runs_dir='runs')
print(len(ours), [o for o in ours if o in warnings.filters])
"""

@pytest.mark.slow
def test_filters_of_warnings_stay_as_they_were(tmp_path):
    "Neither the import nor a training leaves a filter behind, and nothing is warned of on the way."
    p = subprocess.run([sys.executable, '-c', CODE], cwd=tmp_path, capture_output=True, text=True, check=True)
    n,left = p.stdout.splitlines()[-1].split(' ', 1)
    assert int(n) > 2 and left == '[]' and 'Warning' not in p.stderr, p.stderr

def test_each_room_imports_fastai_without_its_warnings():
    for path in Path(petlearn.__file__).parent.rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        first = re.search(r'^(from|import) fastai', text, re.M)
        if first and path.stem != 'backbones': assert re.search(r'(petlearn\.models|\.models|from \.)\.?backbones', text[:first.start()]), path

def test_many_threads_open_photos_and_leave_the_filters_alone(tmp_path, monkeypatch):
    Image.new('RGB', (64, 64)).save(tmp_path/'a.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 4000)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        before = list(warnings.filters)
        with ThreadPoolExecutor(8) as pool: assert len(list(pool.map(open_photo, [tmp_path/'a.png']*200))) == 200
        assert warnings.filters == before

def test_preferences(monkeypatch):
    assert [(preset(o).backbone.name, preset(o).size) for o in ('performance_first', 'balance')] == [('efficientnet_lite0_small', 160), ('efficientnet_lite0', 224)]
    large = preset('accuracy_first')
    assert (large.backbone.name, large.size) == ('efficientnet_lite2', 260)
    import petlearn.models.backbones as backbones
    monkeypatch.setattr(backbones, '_lite_file', lambda i: Path('/nowhere'))
    without = preset('accuracy_first')
    assert (without.backbone.name, without.size) == ('efficientnet_lite0', 288)
    with pytest.raises(PetLearnError, match='not installed') as e: require_weights(backbone('efficientnet_lite1'))
    assert 'petlearn[accuracy]' in e.value.fix

def test_larger_networks_have_their_weights():
    "As many numbers as timm's network has, of the same shapes, in the same order."
    import timm
    for i in (1, 2):
        net = timm.create_model(f'tf_efficientnet_lite{i}', pretrained=False, num_classes=0)
        weights = lite_weights(net, i)
        assert all(weights[k].shape == v.shape for k,v in net.state_dict().items()) and len(weights) == len(net.state_dict())

def test_weights_put_where_the_error_says_are_taken_and_nobody_is_asked(tmp_path, monkeypatch, blocked):
    import timm, torch
    from huggingface_hub import constants
    from safetensors.torch import save_file
    for o in ('HF_HUB_CACHE', 'HF_HUB_OFFLINE'): monkeypatch.setattr(constants, o, str(tmp_path) if o == 'HF_HUB_CACHE' else False)
    b = backbone('mobilenetv3_small_050')
    with pytest.raises(PetLearnError) as e: require_weights(b)
    assert str(b.weights) in e.value.expected and tmp_path in b.weights.parents
    blocked.unlink(missing_ok=True) # whether that network can be reached was asked, since there were no weights
    theirs = timm.create_model(b.name)
    b.weights.parent.mkdir(parents=True)
    save_file(theirs.state_dict(), b.weights)
    require_weights(b)
    body = network(b, 2)[0]
    assert torch.equal(body.model.conv_stem.weight, theirs.conv_stem.weight) and not blocked.exists()
