"Every wing once, on whichever fastai is installed: `make newest` runs it on the newest one."
import tempfile
from importlib.metadata import version
from pathlib import Path
from fastai.callback.core import Callback
from petlearn import lite
from petlearn.all import *
from petlearn.cli import main
from petlearn.deploy.service import make_service

def data_sets(folder, pets):
    "Faults are found, fixed, and the fixes undone."
    faulty = inject_faults(pets, folder/'faulty', leaks=3, damaged=2, dark=2)
    checked = check(faulty)
    found = score(checked).table.recall
    assert not checked.ok and found[['copy', 'near copy', 'damaged', 'dark', 'spelling']].eq(1).all(), found
    assert str(checked) and len(checked.fix()) and len(checked.undo())
    assert main(['check', str(faulty)]) == 1
    assert len(combine(pets, draw_pets(folder/'more', n=20, seed=12))) == 60
    assert label_table(pets).photos.sum() == 40 and show_split(split_photos(pets)) is not None

def models(pets):
    "The steps that `train` takes, one by one."
    split = split_photos(pets)
    bank = features(split, size=96)
    learn = pet_learner(photo_dataloaders(split, 96))
    head = head_learner(learn, bank)
    with learn.no_bar(), learn.no_logging():
        train_head(head, 2)
        fine_tune(learn, 1)
    assert plot_features(bank) is not None

def predictions(run, photo):
    "The run, its folder and its learner answer alike."
    ours,loaded,raw = run.predict(photo),Predictor(run.path).predict(photo),Predictor(run.learn).predict(photo)
    with run.learn.no_bar(): label,i,probs = run.learn.predict(photo)
    assert ours.label == label and ours.probs == loaded.probs, (ours, loaded, label)
    assert abs(raw.probs[label] - probs[i].item()) < 1e-4 and ours.novelty == loaded.novelty is not None
    return ours

def runs_and_trainings(run, pets, runs_dir):
    "A stopped training goes on; a run has a child; one trains in the background."
    class Stop(Callback):
        def after_step(self):
            if self.learn.train_iter == 5: runs(runs_dir)['newest'].stop()
    stopped = train(pets, epochs=3, size=96, test_pct=.1, cbs=[Stop()], runs_dir=runs_dir)
    assert stopped.state == 'STOPPED' and train(resume='newest', runs_dir=runs_dir).state == 'SUCCEEDED'
    in_tuning = train(pets, epochs=1, fine_tune_epochs=2, size=96, cbs=[Stop()], runs_dir=runs_dir)
    assert train(resume=in_tuning, runs_dir=runs_dir).state == 'SUCCEEDED'
    child = train(resume=run, runs_dir=runs_dir)
    assert child.parent == run.path.name and str(compare(run, child)) and verdict(run)
    away = train(pets, epochs=2, size=96, background=True, runs_dir=runs_dir)
    assert [o.state for o in follow(away)][-1] == 'SUCCEEDED' and replay(away, runs_dir=runs_dir).state == 'SUCCEEDED'
    assert len(runs(runs_dir).table) == 6

def evaluation(run, photo):
    report,looked = run.report(),run.interpret()
    assert '<h' in report.save().read_text() and str(report)
    assert looked._repr_html_() and looked.why(photo)._repr_html_() and grad_cam(run, photo) is not None
    assert len(run.timeline) and learning_curve(run).verdict and len(robustness(run, n=4).table)
    assert find_label_issues(run).note and str(define('error rate', run))

def widgets(run, photo, pets, runs_dir):
    for o in (MistakeBrowser, ConfusionExplorer, Cleaner): assert o(run).children
    assert TimelinePlayer(run.timeline).children
    assert 'steps in all' in TrainPanel(str(pets), runs_dir=runs_dir).plan.arithmetic
    assert RunMonitor(run).state == 'SUCCEEDED'
    page = UploadPredictor(run)
    page.show((dict(name='a.jpg', content=memoryview(photo.read_bytes())),))
    assert [o.label for o in page.predictions] == [run.predict(photo).label]

def deploy(run, photo, answer):
    "Both formats answer alike; a service has its addresses; fastai's own export still works."
    model = run.export()
    portable = lite.load(model).predict(photo)
    assert portable.label == answer.label and all(abs(portable.probs[k] - p) < 1e-3 for k,p in answer.probs.items())
    assert make_service(lite.load(model)).openapi()['paths'].keys() >= {'/predict', '/health'}
    run.learn.export(run.path.absolute()/'learner.pkl')

def command_line(pets, photo, folder, runs_dir):
    try: train(folder/'pest')
    except PetLearnError as e: assert 'There is no folder' in str(e)
    good = [['list'], ['list', '--sort=-valid_error'], ['show', 'newest'], ['report', 'newest'], ['compare', 'V001', 'newest'], ['predict', str(photo)],
            ['train', str(pets), '--epochs', '1', '--size', '96', '--fine-tune-epochs', '0']]
    for words in good: assert main([*words, '--runs-dir', str(runs_dir)]) == 0, words
    assert main(['help', 'train']) == main(['define', 'overfitting']) == 0
    assert main(['train', '--epochz', '1']) == 2

if __name__ == '__main__':
    folder = Path(tempfile.mkdtemp())
    runs_dir,pets = folder/'runs',draw_pets(folder/'pets', n=40, seed=11)
    photo = pets/'Abyssinian_1.jpg'
    data_sets(folder, pets)
    models(pets)
    run = train(pets, epochs=1, fine_tune_epochs=1, size=96, runs_dir=runs_dir)
    answer = predictions(run, photo)
    runs_and_trainings(run, pets, runs_dir)
    evaluation(run, photo)
    deploy(run, photo, answer)
    command_line(pets, photo, folder, runs_dir)
    widgets(run, photo, pets, runs_dir)
    print(f"works on fastai {version('fastai')} with fastcore {version('fastcore')}, torch {version('torch')}")
