"Learn to train an image classifier: `from petlearn import train`."
__version__ = "0.0.1"

from .privacy import stop_reports
stop_reports() # first of all: libraries read the environment when they are imported

from .core import PetLearnError # noqa: F401 light: `petlearn.lite` raises it where nothing else is installed

# importing torch takes seconds, so petlearn.all waits until one of its names is asked for;
# petlearn.runs is the package with everything about runs: the function is `from petlearn.all import runs`
_PACKAGES = ('photos', 'datasets', 'models', 'runs', 'training', 'evaluation', 'widgets', 'deploy', 'course', 'terminal')
_MODULES = ('all', 'cli', 'core', 'files', 'html', 'image_io', 'lite', 'privacy', 'process', 'project_file') # `from petlearn import lite` asks here first

def __getattr__(name):
    if name.startswith('__') or name in _PACKAGES + _MODULES: raise AttributeError(f"module 'petlearn' has no attribute {name!r}")
    from importlib import import_module
    everything = import_module('petlearn.all')
    if name in everything.__all__: return getattr(everything, name)
    raise AttributeError(f"module 'petlearn' has no attribute {name!r}; petlearn.all has {', '.join(everything.__all__)}")

def __dir__():
    # for completion: the names in petlearn.all, read from its text, since importing it takes seconds
    import ast, pathlib
    tree = ast.parse((pathlib.Path(__file__).parent/'all.py').read_text(encoding='utf-8'))
    names = {a.asname or a.name for o in tree.body if isinstance(o, ast.ImportFrom) for a in o.names}
    return sorted(['__version__', *(o for o in names if not o.startswith('_')), *_PACKAGES])
