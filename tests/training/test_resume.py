"A run goes on, or starts from the weights of another: what it may have, and what is refused."
import shutil
from pathlib import Path
import pytest, torch
from petlearn import PetLearnError, train
from petlearn.runs.book import runs
from petlearn.datasets.split import split_photos
from petlearn.photos.drawings import draw_pets
from trainings import QUICK, Do, ctrl_c, weights

pytestmark = [pytest.mark.usefixtures('hears_ctrl_c'), pytest.mark.slow]

def test_train_more(few, tmp_path):
    a = train(few, **QUICK, runs_dir=tmp_path)
    b = train(resume='best', epochs=2, lr=.001, note='gently', runs_dir=tmp_path)
    assert (b.parent, b.note, b.version, b.params['size']) == (a.path.name, 'gently', 'V002', 64) and b.dataset == a.dataset
    assert b.history.cross_entropy[1] < a.history.cross_entropy[1] and (b.metrics['valid_error'], b.metrics['valid_loss']) <= (a.metrics['valid_error'], a.metrics['valid_loss'] + 1e-4)
    assert train(resume=b, runs_dir=tmp_path).parent == b.path.name, 'a finished one has children'
    shutil.rmtree(a.path)
    assert b.predict(few/'Abyssinian_1.jpg').probs and len(runs(tmp_path)) == 2, 'the child stands alone'

def test_photos_stay_on_their_side(few, tmp_path):
    a = train(few, **QUICK, test_pct=.2, runs_dir=tmp_path)
    more = draw_pets(tmp_path/'more', n=12, seed=77)
    b = train([few, more], resume='V001', seed=5, valid_pct=.4, runs_dir=tmp_path)
    both = b.split.merge(a.split, on='sha256')
    assert len(b.split) == 36 and len(both) == 24 and (both.usage_x == both.usage_y).all() and b.dataset != a.dataset
    leaky = split_photos(few, seed=9)
    with pytest.raises(PetLearnError, match='has learned from'): train(leaky, resume='V001', runs_dir=tmp_path)

def test_other_labels_are_refused(few, tmp_path):
    train(few, **QUICK, runs_dir=tmp_path)
    for labeler,says in ((lambda o: 'Cat' if o.name[0].isupper() else 'dog', "'Cat' is new; 'cat' is missing"), (lambda o: 'cat' if o.name[0].isupper() else 'Dog', "Did you mean 'dog'")):
        with pytest.raises(PetLearnError, match=says) as e: train(few, labeler, resume='V001', runs_dir=tmp_path)
    assert len(runs(tmp_path)) == 1 and "exactly 'cat', 'dog'" in e.value.expected

def test_a_tuned_parent(few, tmp_path):
    a = train(few, size=64, epochs=1, fine_tune_epochs=2, lr=.02, runs_dir=tmp_path)
    a.record(tuned=True) # whether one such epoch really helps is luck
    with pytest.raises(PetLearnError, match='features of the old body'): train(resume='V001', epochs=3, runs_dir=tmp_path)
    b = train(resume='V001', fine_tune_epochs=1, runs_dir=tmp_path)
    assert [o.name for o in b.phases] == ['features', 'fine-tune'] and b.metadata['tuned'] and b.params['epochs'] == 0
    with b.learn.no_bar(): assert b.learn.validate()[0] == pytest.approx(b.metrics['valid_loss'], abs=1e-3)

NO_PARENT = [(dict(arch='resnet34'), "resnet34|can't be reached"), (dict(valid_pct=.3), 'split its photos already'), (dict(test_pct=.1), 'split its photos'),
             (dict(seed=1), 'split its photos'), (dict(labeler=lambda o: 'x'), 'split its photos'), (dict(epohcs=3), "no setting 'epohcs'"), (dict(resume='V009'), 'no run')]

def test_what_a_child_can_not_have(run):
    before = len(runs(run.path.parent))
    for kw,says in NO_PARENT:
        with pytest.raises(PetLearnError, match=says): train(**(dict(resume='V001', runs_dir=run.path.parent) | kw))
    assert len(runs(run.path.parent)) == before

def test_changed_photos_are_noticed(few, tmp_path):
    folder = shutil.copytree(few, tmp_path/'pets')
    run = train(folder, **QUICK, cbs=[Do(5, ctrl_c)], runs_dir=tmp_path/'runs')
    file = Path(run.split.file[0])
    file.write_bytes(Path(run.split.file[1]).read_bytes())
    with pytest.raises(PetLearnError, match='1 photo changed since'): train(resume='V001', runs_dir=tmp_path/'runs')
    assert run.state == 'STOPPED'

def test_a_damaged_checkpoint_says_so(few, tmp_path):
    run = train(few, **QUICK, cbs=[Do(5, ctrl_c)], runs_dir=tmp_path)
    (run.path/'checkpoints/last.safetensors').write_bytes(b'123')
    with pytest.raises(PetLearnError, match='missing or damaged'): train(resume='V001', runs_dir=tmp_path)
    assert run.state == 'FAILED' and run.predict(few/'Abyssinian_1.jpg').probs
    (run.path/'checkpoints/last.safetensors').unlink()
    assert train(resume='V001', runs_dir=tmp_path).state == 'SUCCEEDED'

def test_a_grandchild_is_not_tested_by_what_its_grandparent_learned(few, tmp_path):
    more = draw_pets(tmp_path/'more', n=24, seed=78)
    a = train(few, **QUICK, runs_dir=tmp_path/'runs')
    train(more, resume='V001', runs_dir=tmp_path/'runs')
    shutil.rmtree(a.path)
    c = train(few, resume='V002', seed=7, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='has learned from'): train(split_photos(few, seed=9), resume='V002', runs_dir=tmp_path/'runs')
    assert not set(c.split.sha256[c.split.usage != 'train']) & set(split_photos(few).query("usage == 'train'").sha256)

def test_a_test_folder_that_the_parent_has_learned_from(few, tmp_path):
    more = draw_pets(tmp_path/'more', n=24, seed=78)
    train(few, **QUICK, runs_dir=tmp_path/'runs')
    with pytest.raises(PetLearnError, match='has learned from 20 of'): train(more, resume='V001', test_dir=few, runs_dir=tmp_path/'runs')
    other = draw_pets(tmp_path/'other', n=10, seed=79)
    assert train(more, resume='V001', test_dir=other, runs_dir=tmp_path/'runs').metrics['test_of'] == 10

def test_photos_that_have_moved(few, tmp_path, one_thread):
    whole = train(few, **QUICK, runs_dir=tmp_path/'whole')
    old = shutil.copytree(few, tmp_path/'old')
    train(old, **QUICK, cbs=[Do(7, ctrl_c)], runs_dir=tmp_path/'runs')
    new = old.rename(tmp_path/'new')
    run = train(new, resume='V001', note='moved', runs_dir=tmp_path/'runs')
    assert run.version == 'V001' and run.note == 'moved' and weights(run) == weights(whole) and all(o.startswith(str(new)) for o in run.split.file)

def test_a_child_that_is_not_better_keeps_its_parent(few, tmp_path):
    a = train(few, size=64, epochs=10, runs_dir=tmp_path)
    b = train(resume='V001', epochs=1, lr=1e-6, runs_dir=tmp_path)
    same = torch.equal(a.model[1][-1].weight, b.model[1][-1].weight)
    assert same == ('not better' in b.phases[-1].note) == ('not better' in b.verdict)

def test_answers_are_those_of_the_newest_weights(few, tmp_path):
    "Trained further through another object, as a background training does."
    train(few, size=64, epochs=20, cbs=[Do(3, ctrl_c)], runs_dir=tmp_path)
    old,photo = runs(tmp_path)['V001'],few/'Abyssinian_1.jpg'
    before = old.predict(photo).probs
    train(resume='V001', runs_dir=tmp_path)
    assert old.predict(photo).probs == runs(tmp_path)['V001'].predict(photo).probs != before
