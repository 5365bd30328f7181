"Plans of trainings, on paper: why one may not begin, and the same numbers as the training will have."
from collections import Counter
import pytest
from filelock import FileLock
from petlearn import PetLearnError
from petlearn.datasets.split import split_photos
from petlearn.training import plan as module
from petlearn.training.plan import TrainingPlan
from petlearn.training.plan import steps_for
from helpers import pretend

pytestmark = pytest.mark.slow

NO_PHOTOS = [(None, 'There are no photos yet'), ('', 'There are no photos yet'), ([], 'There are no photos yet'), ('pest', 'There is no folder'),
             ('empty', 'No photos in'), ('a file', 'is a file'), ('cats only', "same label, 'cat'"), (['cat and dog', 'cat and fox'], 'labels'), ('damaged', 'damaged'),
             (['cat and dog', 'pest'], 'There is no folder'), (3, '3 is not'), ('http://x.org/pets', 'http')]

def test_photos_that_nobody_should_train_on(unfit, tmp_path):
    at = lambda o: str(unfit/o) if o.strip() and '://' not in o else o
    for photos,says in NO_PHOTOS:
        plan = TrainingPlan(at(photos) if isinstance(photos, str) else [at(o) for o in photos] if isinstance(photos, list) else photos, tmp_path/'runs')
        assert says in plan.why_not and '\n' not in plan.why_not, photos
        assert isinstance(plan.arithmetic, str) and plan.why_not in str(plan)
        with pytest.raises(PetLearnError): plan.train()
        assert not (tmp_path/'runs').exists()

BAD = [(dict(epochs=-1), 'epochs=-1'), (dict(epochs=0), 'No epochs at all'), (dict(bs=1), 'bs=1'), (dict(bs='8'), "bs='8'"), (dict(minutes=.01), 'too short'), (dict(minutes=-1), 'minutes=-1'),
       (dict(preference='fast'), "preference='fast'"), (dict(arch='resnet43'), "'resnet34'?"), (dict(arch=''), "arch=''"), (dict(epoch=3), "Did you mean 'epochs'"), (dict(size=31), 'size=31'),
       (dict(name='My run'), "name='my-run'"), (dict(name='iron-swift'), 'already'), (dict(note='x'*81), '80 characters'), (dict(valid_pct=.6, test_pct=.6), 'no photo to learn from')]

def test_settings_that_make_no_sense(two_dozen, tmp_path):
    pretend(tmp_path, name='iron-swift')
    plan = TrainingPlan(two_dozen, tmp_path)
    assert plan.why_not == ''
    for change,says in BAD:
        bad = plan.but(**change)
        assert says in bad.why_not and '\n' not in bad.why_not and bad.data_check is plan.data_check, change
        with pytest.raises(PetLearnError): bad.train()
    assert plan.why_not == '' and TrainingPlan(two_dozen, tmp_path, **change).why_not == bad.why_not

def test_the_folder_for_runs_is_a_file(two_dozen, unfit):
    assert "Can't look into" in TrainingPlan(two_dozen, unfit/'a file').why_not

def test_damaged_photos_may_be_left_out(unfit):
    plan = TrainingPlan(unfit/'damaged')
    assert 'damaged' in plan.why_not and plan.but(skip_damaged=True).why_not == '' and sum(plan.labels.values()) == 23

def test_labels_of_several_folders(two_dozen, one_dozen, unfit):
    plan = TrainingPlan([two_dozen, str(one_dozen)])
    assert plan.labels == dict(cat=18, dog=18) and plan.why_not == ''
    assert TrainingPlan([two_dozen, unfit/'cat and dog']).labels == dict(cat=12, dog=12), 'copies count once'
    assert TrainingPlan([two_dozen, two_dozen]).labels == TrainingPlan(two_dozen).labels == dict(cat=12, dog=12)

def test_the_arithmetic_is_that_of_the_training(two_dozen, one_dozen, unfit):
    for photos in (two_dozen, [two_dozen, one_dozen], [two_dozen, unfit/'cat and dog']):
        plan = TrainingPlan(photos)
        for valid,test,seed in ((.2, 0., 42), (.5, .2, 7), (.01, 0., 1), (.9, 0., 3)):
            own = plan.but(valid_pct=valid, test_pct=test, seed=seed)
            split = split_photos(photos, valid_pct=valid, test_pct=test, seed=seed)
            assert own.usage == Counter(split.usage)
            n = (split.usage == 'train').sum()
            assert own.arithmetic.startswith(f"{n} training photo{'s'*int(n > 1)}, {(split.usage == 'valid').sum()} validation photos")

WORDS = [(dict(), '20 training photos, 4 validation photos. Batches of 4: 5 steps in an epoch, 10 epochs, 50 steps in all. Network: efficientnet_lite0 at 224 pixels.'),
         (dict(bs=6), 'Batches of 6: 3 steps in an epoch (2 photos left over, others each time), 10 epochs, 30 steps in all.'),
         (dict(bs=64), 'Batches of 20, because there are no more photos than that: 1 step in an epoch, 10 epochs, 10 steps in all.'),
         (dict(epochs=1), '5 steps in an epoch, 1 epoch, 5 steps in all.'), (dict(epochs=0, fine_tune_epochs=2), '2 epochs, 10 steps in all (0 for the head, then 2 for everything).'),
         (dict(epochs=1000), '5,000 steps in all'), (dict(preference='performance_first'), 'at 160 pixels.'), (dict(arch='efficientnet_lite0', size=64), 'efficientnet_lite0 at 64 pixels.'),
         (dict(minutes=1.5), 'It ends after 1.5 minutes at the latest.'), (dict(test_pct=.2), '16 training photos, 4 validation photos, 4 test photos.')]

def test_the_arithmetic_in_words(two_dozen):
    whole = TrainingPlan(two_dozen)
    for change,says in WORDS:
        plan = whole.but(**change)
        assert says in plan.arithmetic
        assert plan.steps == steps_for(plan.usage['train'], plan.steps.bs, plan.params['epochs'] + plan.params['fine_tune_epochs'], 0)

def test_a_plan_does_not_change(two_dozen):
    a = TrainingPlan(two_dozen, name='first', epochs=3)
    b = a.but(name='second', epochs=4, bs=8)
    assert (a.name, a.settings, b.name, b.settings) == ('first', dict(epochs=3), 'second', dict(epochs=4, bs=8))

def test_what_is_typed_is_what_is_done(two_dozen, one_dozen, monkeypatch):
    told = []
    monkeypatch.setattr(module, 'train', lambda photos, **kw: told.append((photos, kw)))
    plan = TrainingPlan([two_dozen, one_dozen], note='it\'s "mine"', epochs=3)
    plan.train()
    scope = {}
    exec(plan.code, dict(train=lambda photos, **kw: told.append((photos, kw))), scope)
    (photos,kw),(typed,given) = told
    assert [str(o) for o in photos] == typed and kw.pop('background') is True and {k: v for k,v in kw.items() if v != '' and k != 'runs_dir'} == given

def test_another_training_at_work_is_no_reason(two_dozen, tmp_path):
    run = pretend(tmp_path, 'RUNNING')
    assert TrainingPlan(two_dozen, tmp_path).waits_for == []
    with FileLock(run.path/'.lock', thread_local=False):
        plan = TrainingPlan(two_dozen, tmp_path)
        assert plan.why_not == '' and [o.path for o in plan.waits_for] == [run.path]
