"Learn to train an image classifier: `from petlearn import train`."
__version__ = "0.0.1"

import warnings

# two libraries warn about each other when they are loaded, and nobody in front of a notebook can do anything about it;
# Pillow warns of large photos, which open_photo refuses in its own words
for o in ('`torch.jit.script` is deprecated', "The 'mode.chained_assignment' option is deprecated", r'Image size \(\d+ pixels\) exceeds limit'):
    warnings.filterwarnings('ignore', message=o)

def __getattr__(name):
    # importing torch takes seconds, so it waits until a name is asked for
    if name.startswith('__'): raise AttributeError(f"module 'petlearn' has no attribute {name!r}")
    from importlib import import_module
    everything = import_module('petlearn.all')
    if name in everything.__all__: return getattr(everything, name)
    raise AttributeError(f"module 'petlearn' has no attribute {name!r}; petlearn.all has {', '.join(everything.__all__)}")
