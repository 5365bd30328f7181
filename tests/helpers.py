"Small things that tests of several wings share."
import hashlib, io, json, os, tarfile, zipfile
import pandas as pd, pytest
from petlearn import PetLearnError
from petlearn.datasets.labeling import read_labels
from petlearn.datasets.labels import by_folder
from petlearn.runs.book import RunBook
from petlearn.runs.run import Run
from tiny import tiny_model

def corrections(photos, labeler=by_folder):
    "The labels that tables correct, by path."
    return read_labels(photos, labeler).corrected

def pretend(folder, state='SUCCEEDED', name='', metrics=None, states=None, **metadata):
    "A run that looks as if it had been trained."
    split = pd.DataFrame(dict(file=['a.jpg'], label=['cat'], usage=['train'], sha256=['0'*64]))
    run = RunBook(folder).create(split, dict(params=dict(arch='efficientnet_lite0', lr=.01), dataset='D-12345678') | metadata, name)
    run.record(states=states or [('QUEUED', ''), ('PREPARING', '2026-11-21 10:00:00'), (state, '')], metrics=metrics or {}, epochs=10, steps=80)
    if state == 'SUCCEEDED':
        (run.path/'model').mkdir()
        (run.path/'model/model.json').write_text('{}')
    return run

def with_state(folder, state, name='V001-tiny'):
    "A run in `folder` that has a model and is in `state`."
    metadata = dict(format=1, states=[['QUEUED', ''], [state, '']], params={}, metrics={}, phases=[], note='', parent='', dataset='D', error='', seconds=0)
    tiny_model(folder/name/'model')
    (folder/name/'run.json').write_text(json.dumps(metadata))
    return Run(folder/name)

def check_answer(model, case, folder):
    "Ask `model` about a case of `inputs.py`; returns the answer, or nothing where it is refused as it should be."
    x = case.make(folder)
    if case.says:
        with pytest.raises(PetLearnError, match=f'(?s){case.says}') as e: model.predict(x)
        assert e.value.fix
        return None
    answer = model.predict(x)
    assert isinstance(answer, list) == case.many
    for o in answer if case.many else [answer]:
        assert abs(sum(o.probs.values()) - 1) < 1e-5 and o.photo.size == (model.size,)*2
        o._repr_html_().encode() # a name of any kind can be shown
    return answer

def signed(metadata):
    "The text of a model.json with these `metadata` and the checksum that belongs to them."
    rest = {k: v for k,v in metadata.items() if k != 'metadata_sha256'}
    return json.dumps(rest | dict(metadata_sha256=hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()))

def near(a, b, most=1e-3):
    "Do two answers agree?"
    if isinstance(a, list): return len(a) == len(b) and all(near(x, y, most) for x,y in zip(a, b))
    strange = (a.novelty is None) == (b.novelty is None) and (a.novelty is None or abs(a.novelty - b.novelty) < 10*most*max(1, abs(a.novelty)))
    return a.label == b.label and a.name == b.name and strange and all(abs(a.probs[k] - b.probs[k]) < most for k in a.probs)

def write(folder, name, content=None):
    "A small file that only needs bytes of its own."
    path = folder/name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((content or str(name)).encode())
    return path

def pack(path, members):
    "An archive at `path`, of names with their content: bytes, `None` for a folder, or a ready TarInfo or ZipInfo (with any content)."
    members = members.items() if isinstance(members, dict) else members
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
            for name,data in members: z.writestr(name if data is not None else f'{name}/', data or b'')
        return path
    with tarfile.open(path, 'w' if path.suffix == '.tar' else f"w:{dict(tgz='gz').get(path.suffix[1:], path.suffix[1:])}") as tar:
        for name,data in members:
            o = tarfile.TarInfo(name) if isinstance(name, str) else name
            if data is None: o.type = tarfile.DIRTYPE
            o.size = len(data or b'')
            tar.addfile(o, io.BytesIO(data or b''))
    return path

def lock_folders(monkeypatch, name):
    "Folders whose path ends in `name` may not be read, even by an administrator."
    scandir = os.scandir
    def refuse(path):
        if str(path).endswith(name): raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)
    monkeypatch.setattr(os, 'scandir', refuse)
