"The order of the house, and what the imports, modules and notebooks really look like; read from their text, nothing is run."
import ast, json, re
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

# a wing imports only from wings above it, a room only from rooms to its left (and from wings above)
ORDER = '''
            next_steps core photo_errors picture_files pixel_values image_io files html process file_kinds texts privacy memory project_file interrupts run_steps text_tables
photos      captions finding painting animals drawings archives scenes copies sources
datasets    labels label_tables found_tables word_kinds split_folders readings decision labeling photo_table split_table usage split versions change_records fixes findings checks faults practice hand_labels labeler_words default_photos
models      backbones engines loaders feature_bank features learner callbacks checkpoints novelty calibration model_folder saving prediction
            lite
runs        run intervals predictions curves verdict progress names conditions book choosing editing endings card
training    setting_names settings prediction_recorder trained turns results job intake resume trainer plan
evaluation  metrics pieces agreement compare report robustness why interpret label_issues cleaning learning_curve timeline glossary own_numbers define
widgets     views upload monitor panel browsers cleaner label_photos
deploy      parity model_card export printing opening project guards service app
course      progress exercises pictures lesson_01 lesson_02 lesson_03 lesson_04 lesson_05 lesson_06 lesson_07 lesson_08 lesson_09 lesson_10 lesson_11 lesson_12 lesson_13 lessons
terminal    number_words options words train_commands project_commands predict_command share_commands show_command run_commands outcomes completion
            cli __main__ all __init__
'''
LIGHT = ('torch', 'fastai', 'matplotlib') # never imported by the ground floor or by runs/, not even inside functions
BY_HAND = {'__init__.py', '__main__.py', 'all.py', '_modidx.py'}

def rooms():
    "All modules by their dotted names, from the lowest to the highest."
    lines = [(o[:12].strip(), o[12:].split()) for o in ORDER.strip('\n').splitlines()]
    return [f'{wing}.{o}' if wing else o for wing,names in lines for o in names]

def module_files(root):
    "Modules of the package under `root` by their dotted names, without empty `__init__` files."
    files = [o for o in (root/'petlearn').rglob('*.py') if o.name != '_modidx.py' and (o.name != '__init__.py' or o.parent.name == 'petlearn')]
    return {'.'.join(o.relative_to(root/'petlearn').with_suffix('').parts): o for o in files}

def imported(tree):
    "Dotted names of all that a syntax tree imports, inside functions, too, as pairs of (level, name); each name that is imported `from` a module is listed, too."
    for o in ast.walk(tree):
        if isinstance(o, ast.Import): yield from ((0, a.name) for a in o.names)
        elif isinstance(o, ast.ImportFrom): yield from ((o.level, '.'.join(filter(None, (o.module, a.name)))) for a in o.names)

class House:
    "What stands under `root`."
    def __init__(self, root): self.root,self.files = Path(root),module_files(Path(root))

    @cached_property
    def trees(self): return {k: ast.parse(o.read_text()) for k,o in self.files.items()}

    @cached_property
    def foreign(self):
        "For each module, other packages that it imports."
        return {k: {name.split('.')[0] for level,name in imported(t) if not level} - {'petlearn'} for k,t in self.trees.items()}

    @cached_property
    def arrows(self):
        "For each module, the modules of petlearn that it imports."
        return {k: {m for o in imported(t) if (m := self._module(k, *o)) and m != k} for k,t in self.trees.items()}

    def _module(self, here, level, name):
        "The module that `name`, imported in the module `here`, is or is a part of."
        parts = name.split('.')
        if level: parts = here.split('.')[:-level] + parts
        elif parts[0] != 'petlearn': return None
        else: parts = parts[1:]
        return next((m for m in ('.'.join(parts), '.'.join(parts[:-1])) if m in self.files and m != '__init__'), None)

    @cached_property
    def at_import(self):
        "For each module, other packages that it imports as soon as it is imported itself."
        return {k: {name.split('.')[0] for o in t.body for level,name in imported(ast.Module([o], [])) if isinstance(o, (ast.Import, ast.ImportFrom)) and not level} - {'petlearn'}
                for k,t in self.trees.items()}

    def upward(self, order):
        "Imports that don't go down, by an `order` of modules, as pairs."
        place = {o: i for i,o in enumerate(order)}
        return sorted((k, o) for k,found in self.arrows.items() for o in found if place[o] >= place[k])

    def circles(self):
        "Groups of modules that import one another."
        below = {k: self._below(k) for k in self.files}
        return sorted({tuple(sorted(o for o in below[k] if k in below[o])) for k in self.files if k in below[k]})

    def _below(self, k):
        "All modules that `k` needs."
        found,new = set(),set(self.arrows[k])
        while new:
            found |= new
            new = {o for n in new for o in self.arrows[n]} - found
        return found

    def floors(self):
        "How many modules stand on one another at most; circles count as one floor."
        below = {k: self._below(k) for k in self.files}
        height = {}
        for k in sorted(self.files, key=lambda o: len(below[o])): height[k] = 1 + max((height.get(o, 0) for o in below[k]), default=0)
        return max(height.values())

    def module_lines(self): return [len(o.read_text().splitlines()) for k,o in self.files.items() if o.name not in BY_HAND]

    def code_lines(self):
        "Lines that hold code: no blank lines, no comments alone, no docstrings, no `__all__`."
        return sum(_code_lines(o.read_text()) for o in self.files.values())

    def function_lines(self): return [o.end_lineno - o.lineno + 1 for t in self.trees.values() for o in ast.walk(t) if isinstance(o, ast.FunctionDef)]

    def notebooks(self, folder='nbs'): return [Notebook(o) for o in sorted((self.root/folder).rglob('*.ipynb')) if '.ipynb_checkpoints' not in o.parts]

def _code_lines(text):
    tree = ast.parse(text)
    docs = [o.body[0] for o in ast.walk(tree) if isinstance(o, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(o, clean=False)]
    auto = [o for o in tree.body if isinstance(o, ast.Assign) and getattr(o.targets[0], 'id', '') == '__all__']
    skip = {i for o in docs + auto for i in range(o.lineno, o.end_lineno+1)}
    return sum(bool(o.strip()) and not o.strip().startswith('#') and i not in skip for i,o in enumerate(text.splitlines(), 1))

class Notebook:
    "A notebook as text."
    def __init__(self, path):
        self.path,self.cells = path,json.loads(path.read_text())['cells']
        self.sources = [''.join(o['source']) for o in self.cells]
        self.kinds = [self._kind(c, s) for c,s in zip(self.cells, self.sources)]

    def _kind(self, cell, source):
        if cell['cell_type'] != 'code': return 'prose'
        if re.match(r'#\|\s*exports?\b', source): return 'export'
        return 'hidden' if source.startswith('#| hide') else 'demo'

    @property
    def exports(self): return bool(re.match(r'#\| default_exp', self.sources[0]))

    def defining(self):
        "Positions of exported cells that define something, with the names that they define."
        for i,(kind,s) in enumerate(zip(self.kinds, self.sources)):
            defs = [o for o in ast.parse(s).body if isinstance(o, (ast.FunctionDef, ast.ClassDef))] if kind == 'export' else ()
            if defs: yield i,[o.name for o in defs]

    def tested(self, i):
        "Does an assertion stand in the three cells after cell `i`?"
        return any(re.search(r'\btest_\w+\(|\bassert\b', s) for k,s in zip(self.kinds[i+1:i+4], self.sources[i+1:i+4]) if k in ('hidden', 'demo'))

    def tried(self, i, names):
        "Is something of `names`, defined in cell `i`, used or tested in the next three cells?"
        after = [s for k,s in zip(self.kinds[i+1:i+4], self.sources[i+1:i+4]) if k in ('hidden', 'demo')]
        return self.tested(i) or any(re.search(rf"\b({'|'.join(map(re.escape, names))})\b", s) for s in after)

def middle_and_90(values): return median(values),quantiles(values, n=10)[-1] if len(values) > 1 else values[0]
