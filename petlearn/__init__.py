"Learn to train an image classifier: `from petlearn import train`."
__version__ = "0.0.1"

import warnings

# two libraries warn about each other when they are loaded, and nobody in front of a notebook can do anything about it;
# Pillow warns of large photos, which open_photo refuses in its own words
for o in ('`torch.jit.script` is deprecated', "The 'mode.chained_assignment' option is deprecated", r'Image size \(\d+ pixels\) exceeds limit'):
    warnings.filterwarnings('ignore', message=o)

_home = dict(train='training', check='checks', Run='runs', RunBook='runs', Predictor='predict', UploadPredictor='upload', TrainPanel='panel', RunMonitor='panel', PetLearnError='core',
             pets='photos', find_photos='photos', open_photo='opening', draw_pets='drawings')

def __getattr__(name):
    # importing torch takes seconds, so it waits until a name is asked for
    if name not in _home:
        raise AttributeError(f"module 'petlearn' has no attribute {name!r}; it has {', '.join(_home)}, and more in petlearn.all")
    from importlib import import_module
    return getattr(import_module(f'petlearn.{_home[name]}'), name)

def __dir__(): return ['__version__', *_home]
