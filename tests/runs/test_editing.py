"What may be changed of a run afterwards: its note, the name of its photos, and whether it is there."
import pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.runs.book import runs
from petlearn.runs.editing import name_dataset
from petlearn.runs.run import ACTIONS, Run, State
from helpers import pretend

def test_note(tmp_path):
    run = pretend(tmp_path)
    for o in ('brighter photos', 'é 猫', ''):
        run.note = o
        assert Run(run.path).note == o and (runs(tmp_path).rows[0]['note'] or '') == o
    for o in ('x'*81, 'a\nb', None, 3):
        with pytest.raises(PetLearnError, match='80 characters'): run.note = o
    assert run.note == ''

def test_names_of_data_sets(tmp_path):
    "A name means the same photos everywhere in a folder."
    a,b,other = pretend(tmp_path),pretend(tmp_path),pretend(tmp_path, dataset='D-other')
    a.dataset = ' autumn photos '
    assert [o.dataset for o in (a, b, other)] == ['autumn photos', 'D-12345678', 'D-other'] and a.dataset_version == b.dataset_version == 'D-12345678'
    b.dataset = 'autumn photos'
    for o in ('autumn photos', 'Autumn Photos', 'D-12345678'):
        with pytest.raises(PetLearnError, match='other photos'): other.dataset = o
    with pytest.raises(PetLearnError, match="dataset='autumn photos 2'"): other.dataset = 'autumn photos'
    for where in ('dataset=autumn photos', "dataset='autumn photos'", 'dataset=Autumn photos and status=succeeded', 'dataset_version=D-12345678'):
        assert [o.version for o in runs(tmp_path, where=where)] == ['V001', 'V002'], where
    for text in (str(runs(tmp_path)), runs(tmp_path)._repr_html_(), runs(tmp_path).to_csv(), runs(tmp_path).to_json()): assert text.count('autumn photos') == 2
    for o in (a, b): o.delete()
    other.dataset = 'autumn photos' # it is free again
    other.dataset = ''
    assert other.dataset == 'D-other' and name_dataset(tmp_path/'none', 'x', 'y') == 'x'

def test_only_one_process_writes(tmp_path):
    run = pretend(tmp_path)
    with FileLock(run.path/'.lock', thread_local=False):
        run.record(states=[('RUNNING', '')])
        with pytest.raises(PetLearnError, match='trained by another process'): run.note = 'x'
        with pytest.raises(PetLearnError, match='still at work'): run.delete()

def test_each_action_has_a_method(tmp_path):
    methods = dict(stop='stop', delete='delete')
    assert {o for found in ACTIONS.values() for o in found} - set(methods) == {'use', 'resume'}, 'predict and train(resume=…), in petlearn.training'
    a = pretend(tmp_path)
    child = pretend(tmp_path, parent=a.path.name, parent_id=a.metadata['id'])
    with pytest.raises(PetLearnError, match='Delete that first'): a.delete()
    child.delete(); a.delete()
    assert not len(runs(tmp_path))
    with pytest.raises(PetLearnError): a.delete()
    for state in State:
        run = pretend(tmp_path/state, state)
        if 'delete' in run.actions: run.delete(); assert not run.path.exists()
