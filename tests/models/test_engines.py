"Every engine gives the same numbers, changes nothing, and reports to nobody."
import hashlib, os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np, pytest, torch
from PIL import Image
from petlearn.image_io import center_square
from petlearn.models.backbones import backbone, network
from petlearn.models.engines import FeatureExtractor, benchmark_backbones, engine, onnx_bytes, openvino_engine, torch_engine
from petlearn.photos.finding import find_photos

def digest(module): return hashlib.sha256(b''.join(o.numpy().tobytes() for o in module.state_dict().values())).hexdigest()

@pytest.mark.slow
def test_engines_agree(pets_folder):
    "With random weights where there are no others: the numbers don't have to mean anything to agree."
    pixels = np.stack([center_square(o, 96) for o in find_photos(pets_folder)[:6]])
    for name in ('efficientnet_lite0', 'resnet18', 'mobilenetv3_small_050'):
        torch.manual_seed(1)
        extractor = FeatureExtractor(backbone(name), network(backbone(name), 2, pretrained=name == 'efficientnet_lite0'))
        before = digest(extractor)
        with torch.no_grad(): reference = extractor(torch.from_numpy(pixels)).numpy()
        for run in (openvino_engine(extractor, 96), torch_engine(extractor, 96)):
            for n in (1, 6):
                far = np.linalg.norm(run(pixels[:n])-reference[:n], axis=1)/np.linalg.norm(reference[:n], axis=1)
                assert far.max() < 1e-3, name
        assert digest(extractor) == before, 'looking changes nothing'

def test_without_openvino(monkeypatch, capsys):
    extractor,pixels = FeatureExtractor(backbone()),np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    ours = engine(extractor, 64)
    def missing(): raise ImportError('No module named openvino')
    monkeypatch.setattr('petlearn.models.engines.openvino_core', missing)
    theirs = engine(extractor, 64)
    assert (ours.name, theirs.name) == ('OpenVINO', 'PyTorch') and "OpenVINO can't run" in ''.join(capsys.readouterr())
    np.testing.assert_allclose(ours.run(pixels), theirs.run(pixels), rtol=1e-3, atol=1e-3)

def test_large_jpegs_open_smaller_and_look_the_same(pets_folder, tmp_path):
    big = tmp_path/'big.jpg'
    img = Image.open(find_photos(pets_folder)[0]).convert('RGB').resize((2400, 1800), Image.Resampling.BICUBIC)
    img.save(big, quality=92)
    extractor = FeatureExtractor(backbone())
    fast,slow = (np.asarray(center_square(o, 224)) for o in (big, Image.open(big).convert('RGB')))
    a,b = (extractor(torch.from_numpy(o[None].copy())) for o in (fast, slow))
    assert torch.cosine_similarity(a, b).item() > .98

class Numbers(torch.nn.Module):
    "Pixels as numbers with a point."
    def forward(self, x): return x.float()

def test_two_exports_at_once():
    "torch's exporter can't; both give the file that one alone gives."
    nets = [torch.nn.Sequential(torch.nn.Flatten(), Numbers(), torch.nn.Linear(3*64*64, n)) for n in (2, 3)]
    alone = [onnx_bytes(o, 64) for o in nets]
    with ThreadPoolExecutor(4) as pool: assert list(pool.map(lambda o: onnx_bytes(o, 64), nets*4)) == alone*4

CTRL_C = """
import signal, torch
from petlearn.models.engines import openvino_engine
class Numbers(torch.nn.Module):
    def forward(self, x): return x.float()
a,b = (openvino_engine(torch.nn.Sequential(torch.nn.Flatten(), Numbers(), torch.nn.Linear(3*8*8, n)), 8) for n in (2, 3))
del a
del b
signal.signal(signal.SIGINT, signal.default_int_handler) # a process in the background ignores it
try: signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt: print('stopped')
"""

@pytest.mark.slow
def test_ctrl_c_after_two_engines():
    "Two of OpenVINO's Cores, gone in the order in which they came, leave Python to die of the next signal."
    ran = subprocess.run([sys.executable, '-c', CTRL_C], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, 'stopped\n'), ran.stderr

def test_cost_of_networks():
    cost = benchmark_backbones(['resnet18', 'resnet34'], 1)
    assert list(cost.index) == ['resnet18', 'resnet34'] and cost.multiplications.is_monotonic_increasing and (cost.photos_per_s > 0).all()

@pytest.mark.slow
def test_nothing_is_reported_to_anyone(tmp_path, blocked):
    "OpenVINO's Python package would look up Google Analytics and leave an identity in the home folder."
    code = "from petlearn.models.backbones import backbone; from petlearn.models.engines import *; assert engine(FeatureExtractor(backbone()), 64).name == 'OpenVINO'"
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=os.environ | {'HOME': str(tmp_path)}, check=True)
    assert not blocked.exists() and not (tmp_path/'intel').exists()
