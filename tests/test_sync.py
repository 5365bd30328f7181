"Notebooks and package agree, notebooks are clean, the README is up to date, and a few rules of style hold."
import ast, json, re, shutil, subprocess, sys
from configparser import ConfigParser
from pathlib import Path
import pytest
from common import ROOT
from house import BY_HAND, House, module_files
import readme

HOUSE = House(ROOT)
NOTEBOOKS = HOUSE.notebooks()
EXPORTING = {re.match(r'#\| default_exp ([\w.]+)', o.sources[0])[1]: o for o in NOTEBOOKS if o.exports}
MODULES = {k: o for k,o in HOUSE.files.items() if o.name not in BY_HAND}

@pytest.fixture(scope='module')
def fresh(tmp_path_factory):
    "A copy of the project, cleaned and exported again."
    copy = tmp_path_factory.mktemp('copy')/'petlearn'
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns('.git', '.venv*', 'walkthrough', 'my-lessons*', 'runs', '__pycache__', '*.egg-info'))
    shutil.copytree(ROOT/'petlearn', copy/'petlearn', dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__')) # there is a petlearn/runs
    for k in MODULES: module_files(copy)[k].unlink()
    for command in ('nbdev_clean', 'nbdev_export'): subprocess.run([Path(sys.executable).parent/command], cwd=copy, check=True, capture_output=True)
    return copy

def test_package_is_what_the_notebooks_export(fresh):
    package = lambda root: {str(o.relative_to(root)): o.read_text() for o in (root/'petlearn').rglob('*.py')}
    old,new = package(ROOT),package(fresh)
    assert [o for o in old.keys() | new.keys() if old.get(o) != new.get(o)] == [], 'make export'

def test_notebooks_are_clean(fresh):
    assert [o.path.name for o in NOTEBOOKS if (fresh/o.path.relative_to(ROOT)).read_text() != o.path.read_text()] == [], 'make export'

def test_every_module_has_its_notebook(): assert set(MODULES) == set(EXPORTING)

def test_packages_are_empty_inside():
    assert {o.parent.name: o.read_text() for o in (ROOT/'petlearn').glob('*/__init__.py') if o.read_text()} == {}

def test_generated_project_file(fresh):
    assert (fresh/'pyproject.toml').read_text() == (ROOT/'pyproject.toml').read_text()

def test_readme_is_up_to_date():
    text,pictures = readme.make()
    assert text == (ROOT/'README.md').read_text(), 'README.md is stale: make export'
    assert {o.name for o in (ROOT/readme.PICTURES).glob('*')} == {Path(o).name for o in pictures}
    for name,data in pictures.items(): assert (ROOT/name).read_bytes() == data

def test_readme_names_the_commands():
    for o in ('make walkthrough', 'make test', 'make lab'): assert o in (ROOT/'README.md').read_text()

def _faults_of_form(nb):
    "What is wrong with the form of a notebook, in words."
    if 'widgets' in json.loads(nb.path.read_text())['metadata']: yield 'saved widget state may hold photos'
    if nb.path.stat().st_size >= 1_500_000: yield 'more than 1.5 MB'
    if nb.exports and len(nb.cells) > 45: yield f'{len(nb.cells)} cells'
    in_a_row = 0
    for kind,source in zip(nb.kinds, nb.sources):
        in_a_row = 0 if kind == 'prose' else in_a_row + (kind != 'hidden')
        if in_a_row > 4: yield f'{in_a_row} code cells without a word before: {source[:60]}'
        if source.count('\n') >= 45: yield f'longer than a screen: {source[:60]}'
        if re.search(r'/(home|work|root|Users)/', source): yield f'absolute path: {source[:60]}'
        if kind in ('demo', 'export') and re.search(r'^\s*[%!]', source, re.M): yield f'magics: {source[:60]}'

def test_notebooks_come_home():
    "The last cell exports the package, and finds it only from inside the project."
    away = [o.path.name for o in NOTEBOOKS if o.exports for went in [[s for k,s in zip(o.kinds, o.sources) if k in ('demo', 'hidden') and 'os.chdir(' in s]]
            if went and not re.search(r'os\.chdir\((home|here)\)', went[-1])]
    assert away == []

def test_notebooks_have_the_form_of_a_lesson():
    assert {o.path.stem: found for o in NOTEBOOKS if (found := list(_faults_of_form(o)))} == {}

def _faults_of_style(name, source):
    "What is wrong with the style of a module, in words."
    for o in ast.walk(ast.parse(source)):
        if isinstance(o, ast.ImportFrom):
            if [a.name for a in o.names] == ['*']: yield f'star import of {o.module}'
            private = [a.name for a in o.names if a.name.startswith('_') and not a.name.startswith('__')]
            if o.level and private: yield f"{', '.join(private)} of {o.module} are for inside"
        if isinstance(o, ast.ExceptHandler) and o.type is None: yield 'bare except'
        if isinstance(o, ast.Assert): yield 'assert in exported code'
        if isinstance(o, ast.Call) and getattr(o.func, 'id', '') == 'print' and name not in ('cli', 'core') and not name.startswith('terminal.'): yield 'print'
    for o in source.splitlines():
        if len(o) > 120 and not o.startswith('__all__'): yield f'{len(o)} characters: {o[:60]}'

def test_modules_have_style():
    assert {k: found for k,o in MODULES.items() if (found := list(_faults_of_style(k, o.read_text())))} == {}

def _public(nodes):
    "Functions among `nodes`, and methods of classes, whose names don't begin with an underscore."
    for o in nodes:
        if getattr(o, 'name', '_').startswith('_') and getattr(o, 'name', '') != '__init__': continue
        if isinstance(o, ast.ClassDef): yield from _public(o.body)
        elif isinstance(o, ast.FunctionDef): yield o

CALLED_BY_FASTAI = re.compile(r'(before|after)_|encodes')

def _undocumented(source):
    "Parameters without a comment of their own, and functions without a one-line docstring."
    lines = source.splitlines()
    for f in _public(ast.parse(source).body):
        params = [a for a in f.args.args + f.args.kwonlyargs if a.arg not in ('self', 'cls')]
        if CALLED_BY_FASTAI.match(f.name) or not params: continue
        if f.name != '__init__' and '\n' in (ast.get_docstring(f) or '\n'): yield f'{f.name} needs a one-line docstring'
        yield from (f'{f.name}: {a.arg}' for a in params if ' # ' not in lines[a.lineno-1])

def test_public_functions_are_documented():
    assert {k: found for k,o in MODULES.items() if (found := list(_undocumented(o.read_text())))} == {}

def test_settings_have_reasons_for_upper_bounds():
    cfg = ConfigParser(delimiters=['='])
    cfg.read(ROOT/'settings.ini')
    comments = ' '.join(o for o in (ROOT/'settings.ini').read_text().splitlines() if o.startswith('#'))
    for key in ('requirements', 'dev_requirements'):
        for o in cfg['DEFAULT'][key].split():
            if '<' in o: assert re.split('[<>=]', o)[0] in comments, f'{o}: why this bound?'

def test_all_is_short():
    import petlearn.all
    assert len(petlearn.all.__all__) <= 64
