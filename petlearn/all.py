"Everything a student types: `from petlearn.all import *`."
from petlearn import fixes
from petlearn.backbones import backbone, backbones, efficientnet_lite0, preset
from petlearn.callbacks import TimeBudget
from petlearn.checks import check
from petlearn.core import PetLearnError
from petlearn.curves import plot_histories, plot_history, verdict
from petlearn.drawings import draw_pet, draw_pets
from petlearn.evaluate import compare
from petlearn.explain import explain, glossary
from petlearn.features import FeatureBank, explain_cost, features, plot_features
from petlearn.labels import (breed, by_csv, by_folder, by_regex, by_sidecar, cat_or_dog, guess_labeler, is_cat, label_photos,
                             label_table, show_labels)
from petlearn.learner import fine_tune, head_learner, pet_learner, train_head
from petlearn.loaders import combine, dataset_version, photo_dataloaders, show_split, split_by_folder, split_photos
from petlearn.photos import find_photos, open_photo, pets, show_photos, unpack
from petlearn.practice import grade, plant
from petlearn.predict import Prediction, Predictor
from petlearn.runs import Run, RunBook, State, follow, runs
from petlearn.settings import steps_for
from petlearn.training import replay, train
from petlearn.widgets import UploadPredictor, read_uploads

__all__ = [o for o in globals() if not o.startswith('_')]
