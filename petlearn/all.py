"Everything a student types: `from petlearn.all import *`."
from petlearn.datasets import fixes
from petlearn.models.backbones import backbone, backbones, efficientnet_lite0
from petlearn.models.callbacks import TimeBudget
from petlearn.datasets.checks import check
from petlearn.core import PetLearnError
from petlearn.runs.curves import plot_histories, plot_history
from petlearn.runs.verdict import verdict
from petlearn.photos.drawings import draw_pet, draw_pets, draw_scenes
from petlearn.evaluation.compare import compare
from petlearn.runs.intervals import error_interval
from petlearn.evaluation.define import define
from petlearn.models.engines import benchmark_backbones
from petlearn.models.features import features, plot_features
from petlearn.evaluation.why import grad_cam
from petlearn.datasets.labels import breed, by_folder, by_regex, cat_or_dog, is_cat
from petlearn.datasets.readings import by_names, by_parent
from petlearn.datasets.word_kinds import by_word
from petlearn.datasets.labeling import label_table, show_labels
from petlearn.datasets.label_tables import by_csv
from petlearn.models.learner import fine_tune, head_learner, pet_learner, train_head
from petlearn.evaluation.learning_curve import learning_curve
from petlearn.datasets.versions import combine
from petlearn.models.loaders import photo_dataloaders
from petlearn.datasets.split import split_photos
from petlearn.datasets.split_table import show_split
from petlearn.image_io import open_photo
from petlearn.photos.finding import find_photos, show_photos
from petlearn.photos.archives import unpack
from petlearn.photos.sources import pets
from petlearn.widgets.monitor import RunMonitor
from petlearn.widgets.panel import TrainPanel
from petlearn.datasets.faults import inject_faults
from petlearn.datasets.practice import score
from petlearn.training.trained import Predictor
from petlearn.evaluation.robustness import robustness
from petlearn.runs.run import Run
from petlearn.runs.progress import follow
from petlearn.runs.book import runs
from petlearn.training.plan import steps_for
from petlearn.evaluation.label_issues import find_label_issues
from petlearn.training.trainer import replay, train
from petlearn.widgets.upload import UploadPredictor
from petlearn.widgets.browsers import ConfusionExplorer, MistakeBrowser, TimelinePlayer
from petlearn.widgets.cleaner import Cleaner
from petlearn.widgets.label_photos import LabelPhotos

# these give `Run` its verbs: export, app, serve, report, interpret, timeline
from petlearn.deploy import app as _app, export as _export, service as _service
from petlearn.evaluation import interpret as _interpret, report as _report, timeline as _timeline

__all__ = [o for o in globals() if not o.startswith('_')]
