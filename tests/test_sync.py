"Notebooks and package agree, notebooks are clean, the README is up to date, and a few rules of style hold."
import ast, json, re, shutil, subprocess, sys
from configparser import ConfigParser
from pathlib import Path
import pytest
from conftest import ROOT
import readme

NOTEBOOKS = sorted(o for o in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)
MODULES = {o: re.match(r'#\| default_exp ([\w.]+)', ''.join(json.loads(o.read_text())['cells'][0]['source'])) for o in NOTEBOOKS}
EXPORTING = {m[1]: o for o,m in MODULES.items() if m}
BY_HAND = {'__init__.py', 'all.py', '_modidx.py'}

def modules(root):
    "Modules of the package under `root`, by their dotted names; without those that are written by hand."
    files = [o for o in (root/'petlearn').rglob('*.py') if o.name not in BY_HAND]
    return {'.'.join(o.relative_to(root/'petlearn').with_suffix('').parts): o for o in files}

@pytest.fixture(scope='module')
def fresh(tmp_path_factory):
    "A copy of the project, cleaned and exported again."
    copy = tmp_path_factory.mktemp('copy')/'petlearn'
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns('.git', '.venv*', 'walkthrough', 'runs', '__pycache__', '*.egg-info'))
    for o in modules(copy).values(): o.unlink()
    for command in ('nbdev_clean', 'nbdev_export'): subprocess.run([Path(sys.executable).parent/command], cwd=copy, check=True, capture_output=True)
    return copy

def test_package_is_what_the_notebooks_export(fresh):
    names = lambda root: {str(o.relative_to(root)): o.read_text() for o in (root/'petlearn').rglob('*.py')}
    assert names(fresh) == names(ROOT)

def test_notebooks_are_clean(fresh):
    for o in NOTEBOOKS: assert (fresh/o.relative_to(ROOT)).read_text() == o.read_text(), f'{o.name} is not clean: make export'

def test_every_module_has_its_notebook():
    assert set(modules(ROOT)) == set(EXPORTING)

def test_generated_project_file(fresh):
    assert (fresh/'pyproject.toml').read_text() == (ROOT/'pyproject.toml').read_text()

def test_readme_is_up_to_date():
    text,pictures = readme.make()
    assert text == (ROOT/'README.md').read_text(), 'README.md is stale: make export'
    assert {o.name for o in (ROOT/readme.PICTURES).glob('*')} == {Path(o).name for o in pictures}
    for name,data in pictures.items(): assert (ROOT/name).read_bytes() == data

def test_readme_names_the_commands():
    for o in ('make walkthrough', 'make test', 'make lab'): assert o in (ROOT/'README.md').read_text()

@pytest.mark.parametrize('nb', NOTEBOOKS, ids=lambda o: o.stem)
def test_notebook_form(nb):
    d = json.loads(nb.read_text())
    assert 'widgets' not in d['metadata'], 'saved widget state may hold photos'
    assert nb.stat().st_size < 1_500_000
    in_a_row = 0
    for cell in d['cells']:
        source = ''.join(cell['source'])
        hidden = source.startswith('#| hide')
        in_a_row = 0 if cell['cell_type'] == 'markdown' else in_a_row + (not hidden)
        assert in_a_row <= 4, f'{in_a_row} code cells without a word before: {source[:60]}'
        assert source.count('\n') < 45, f'longer than a screen: {source[:60]}'
        assert not re.search(r'/(home|work|root|Users)/', source), 'absolute path'
        if cell['cell_type'] == 'code' and not hidden: assert not re.search(r'^\s*[%!]', source, re.M), 'magics'

@pytest.mark.parametrize('name', sorted(EXPORTING))
def test_module_style(name):
    "No star imports, bare excepts, asserts or prints where they don't belong; docments and docstrings on what is public."
    source = modules(ROOT)[name].read_text()
    tree = ast.parse(source)
    for o in ast.walk(tree):
        if isinstance(o, ast.ImportFrom): assert [a.name for a in o.names] != ['*'], f'star import of {o.module}'
        assert not (isinstance(o, ast.ExceptHandler) and o.type is None), 'bare except'
        assert not isinstance(o, ast.Assert), 'assert in exported code'
        if isinstance(o, ast.Call) and getattr(o.func, 'id', '') == 'print': assert name in ('cli', 'core'), 'print'
    assert max(len(o) for o in source.splitlines() if not o.startswith("__all__")) <= 120

@pytest.mark.parametrize('name', sorted(EXPORTING))
def test_no_name_for_inside_is_used_outside(name):
    for o in ast.walk(ast.parse(modules(ROOT)[name].read_text())):
        names = [a.name for a in o.names] if isinstance(o, ast.ImportFrom) and o.level else []
        assert not [n for n in names if n.startswith('_') and not n.startswith('__')], f'from .{o.module}'

def _public(nodes):
    "Functions among `nodes`, and methods of classes, whose names don't begin with an underscore."
    for o in nodes:
        if getattr(o, 'name', '_').startswith('_') and getattr(o, 'name', '') != '__init__': continue
        if isinstance(o, ast.ClassDef): yield from _public(o.body)
        elif isinstance(o, ast.FunctionDef): yield o

def _public_functions():
    for name in sorted(EXPORTING):
        source = modules(ROOT)[name].read_text()
        for o in _public(ast.parse(source).body): yield pytest.param(o, source.splitlines(), id=f'{name}.{o.name}')

CALLED_BY_FASTAI = re.compile(r'(before|after)_|encodes')

@pytest.mark.parametrize('f,lines', list(_public_functions()))
def test_public_functions_are_documented(f, lines):
    "Every parameter has a comment of its own, and every function a one-line docstring."
    params = [a for a in f.args.args + f.args.kwonlyargs if a.arg not in ('self', 'cls')]
    if CALLED_BY_FASTAI.match(f.name) or not params: return
    if f.name != '__init__': assert '\n' not in (ast.get_docstring(f) or '\n'), f'{f.name} needs a one-line docstring'
    for a in params: assert ' # ' in lines[a.lineno-1], f'{f.name}: {a.arg} has no docment'

def test_settings_have_reasons_for_upper_bounds():
    cfg = ConfigParser(delimiters=['='])
    cfg.read(ROOT/'settings.ini')
    comments = ' '.join(o for o in (ROOT/'settings.ini').read_text().splitlines() if o.startswith('#'))
    for key in ('requirements', 'dev_requirements'):
        for o in cfg['DEFAULT'][key].split():
            if '<' in o: assert re.split('[<>=]', o)[0] in comments, f'{o}: why this bound?'

def test_all_is_short():
    import petlearn.all
    assert len(petlearn.all.__all__) <= 60
