"A saved model is the same when it is loaded, and refused when something in it was changed."
import json, shutil
import numpy as np, pytest
from petlearn import Predictor
from petlearn.core import PetLearnError
from petlearn.models.novelty import Novelty, fit_novelty, novelty_bytes
from petlearn.models.saving import load_model, read_metadata

def test_kept_beside_the_model(run):
    metadata = read_metadata(run.path/'model')
    assert metadata['temperature'] == run.metrics['temperature'] == run.temperature and isinstance(metadata['novelty'], Novelty)
    x = run.bank.x
    assert np.array_equal(metadata['novelty'].scores(x), run.novelty.scores(x)) and load_model(run.path/'model').metadata['novelty'].limit == 2.5
    held = (run.bank.table.usage == 'valid').to_numpy()
    np.testing.assert_allclose(run.predictions.novelty, run.novelty.scores(x[held]), rtol=1e-4)

def test_a_damaged_novelty_is_refused(run, tmp_path):
    folder = shutil.copytree(run.path/'model', tmp_path/'model')
    path = folder/'novelty.safetensors'
    whole = path.read_bytes()
    another = novelty_bytes(fit_novelty(np.random.default_rng(0).normal(size=(40, 30))))
    for content in (whole[:-1] + b'\x01', b'hello', another):
        path.write_bytes(content)
        with pytest.raises(PetLearnError, match='novelty.safetensors'): Predictor(folder)
    path.unlink()
    with pytest.raises(PetLearnError, match='novelty.safetensors'): Predictor(folder)

def test_a_temperature_that_is_not_a_number_is_refused(run, tmp_path):
    folder = shutil.copytree(run.path/'model', tmp_path/'model')
    metadata = json.loads((folder/'model.json').read_text())
    for value in (0, -1, 'hot', None, True, float('nan')):
        (folder/'model.json').write_text(json.dumps(metadata | dict(temperature=value)))
        with pytest.raises(PetLearnError, match='model.json is damaged'): load_model(folder)
