"Everything a student types: `from petlearn.all import *`."
from petlearn import fixes
from petlearn.backbones import backbone, backbones, efficientnet_lite0
from petlearn.callbacks import TimeBudget
from petlearn.checks import check
from petlearn.core import PetLearnError
from petlearn.curves import plot_histories, plot_history, verdict
from petlearn.drawings import draw_pet, draw_pets
from petlearn.evaluate import compare, error_interval
from petlearn.explain import explain, glossary
from petlearn.features import explain_cost, features, plot_features
from petlearn.interpret import grad_cam
from petlearn.labels import breed, by_csv, by_folder, by_regex, cat_or_dog, is_cat, label_table, show_labels
from petlearn.learner import fine_tune, head_learner, pet_learner, train_head
from petlearn.learning_curve import learning_curve
from petlearn.loaders import combine, photo_dataloaders, show_split, split_photos
from petlearn.opening import open_photo
from petlearn.photos import find_photos, pets, show_photos, unpack
from petlearn.panel import RunMonitor, TrainPanel
from petlearn.practice import grade, plant
from petlearn.predict import Predictor
from petlearn.robustness import robustness
from petlearn.runs import Run, follow, runs
from petlearn.settings import steps_for
from petlearn.suspects import label_suspects
from petlearn.training import replay, train
from petlearn.upload import UploadPredictor
from petlearn.widgets import Cleaner, ConfusionExplorer, FilmPlayer, MistakeBrowser

__all__ = [o for o in globals() if not o.startswith('_')]
