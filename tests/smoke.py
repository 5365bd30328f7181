"Draw, train, keep, load, predict, upload: a quick look at all rooms on whichever fastai is installed."
import tempfile
from importlib.metadata import version
from pathlib import Path
from fastai.callback.core import Callback
from petlearn import PetLearnError, Predictor, UploadPredictor, draw_pets, train
from petlearn.widgets.browsers import Cleaner, ConfusionExplorer, TimelinePlayer, MistakeBrowser
from petlearn.datasets.checks import check
from petlearn.datasets.versions import combine
from petlearn.evaluation.compare import compare
from petlearn.evaluation.define import define
from petlearn.runs.progress import follow
from petlearn.datasets.faults import inject_faults
from petlearn.datasets.practice import score
from petlearn.evaluation.label_issues import find_label_issues
from petlearn.evaluation.learning_curve import learning_curve
from petlearn.evaluation.robustness import robustness
from petlearn.runs.book import runs
from petlearn.widgets.monitor import RunMonitor
from petlearn.widgets.panel import TrainPanel
from petlearn import lite
from petlearn.cli import main
from petlearn.deploy.service import make_service

folder = Path(tempfile.mkdtemp())
pets = draw_pets(folder/'pets', n=40, seed=11)
faulty = inject_faults(pets, folder/'faulty', leaks=3, damaged=2, dark=2)
checkup = check(faulty)
assert not checkup.ok and score(checkup).table.loc[['copy', 'near copy', 'damaged', 'dark', 'spelling'], 'recall'].eq(1).all()
assert len(checkup.fix()) and len(checkup.undo()) and main(['check', str(faulty)]) == 2
assert len(combine(pets, draw_pets(folder/'more', n=20, seed=12))) == 60
run = train(pets, epochs=1, fine_tune_epochs=1, size=96, runs_dir=folder/'runs')
photo = pets/'Abyssinian_1.jpg'
ours,loaded,raw = run.predict(photo),Predictor(run.path).predict(photo),Predictor(run.learn).predict(photo)
with run.learn.no_bar(): label,i,probs = run.learn.predict(photo)
assert ours.label == label and ours.probs == loaded.probs and abs(raw.probs[label] - probs[i].item()) < 1e-4, (ours, loaded, label, probs)
assert ours.novelty == loaded.novelty is not None
assert '<h' in run.report().save().read_text() and str(run.report()) and run.interpret()._repr_html_() and run.interpret().why(photo)._repr_html_()
assert len(run.film) and learning_curve(run).verdict and len(robustness(run, n=4).table) and find_label_issues(run).note
for o in (MistakeBrowser, ConfusionExplorer, Cleaner): assert o(run).children
assert TimelinePlayer(run.film).children
run.learn.export(folder/'learner.pkl')
model = run.export()
portable = lite.load(model).predict(photo)
assert portable.label == label and all(abs(portable.probs[k] - p) < 1e-3 for k,p in ours.probs.items())
class Stop(Callback):
    def after_step(self):
        if self.learn.train_iter == 5: runs(folder/'runs')['newest'].stop()
stopped = train(pets, epochs=3, size=96, test_pct=.1, cbs=[Stop()], runs_dir=folder/'runs')
assert stopped.state == 'STOPPED' and train(resume='newest', runs_dir=folder/'runs').state == 'SUCCEEDED'
child = train(resume=run, runs_dir=folder/'runs')
assert child.parent == run.path.name and len(runs(folder/'runs').table) == 3 and str(compare(run, child)) and str(define('error rate', run))
away = train(pets, epochs=2, size=96, background=True, runs_dir=folder/'runs')
assert [o.state for o in follow(away)][-1] == 'SUCCEEDED'
widget = UploadPredictor(run)
widget.show((dict(name='a.jpg', content=memoryview(photo.read_bytes())),))
assert [o.label for o in widget.predictions] == [label]
assert RunMonitor(run).state == 'SUCCEEDED' and 'steps in all' in TrainPanel(str(pets), runs_dir=folder/'runs').plan.arithmetic
assert make_service(lite.load(model)).openapi()['paths'].keys() >= {'/predict', '/health'}
try: train(folder/'pest')
except PetLearnError as e: assert 'There is no folder' in str(e)
assert main(['predict', str(photo), '--runs-dir', str(folder/'runs')]) == 0
assert main(['train', '--epochz', '1']) == 2
assert main(['list', '--runs-dir', str(folder/'runs')]) == main(['help', 'train']) == 0
print(f"works on fastai {version('fastai')} with fastcore {version('fastcore')}, torch {version('torch')}")
