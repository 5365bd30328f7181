"Every step that a message may name is written once, and can be typed: its function, its command, their arguments, its button."
import ast, inspect
import petlearn.all
from petlearn.cli import COMMANDS
from petlearn.core import PetLearnError
from petlearn.next_steps import COMMANDS as BY_FUNCTION, Hint, NOTEBOOK, Step, TERMINAL, WIDGET, call, either, option, options, process_shown_in, shown_in
from petlearn.terminal.options import parser_of
from common import ROOT
from hinted import BUTTONS, RUN_VERBS, faults_at_the_terminal, faults_in_a_notebook, faults_in_a_widget

SOURCES = {o.relative_to(ROOT/'petlearn').as_posix(): ast.parse(o.read_text()) for o in (ROOT/'petlearn').rglob('*.py') if o.name != '_modidx.py'}
PARAMETERS = {a.arg for t in SOURCES.values() for f in ast.walk(t) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for a in f.args.args + f.args.kwonlyargs} | {
    a.target.id for t in SOURCES.values() for a in ast.walk(t) if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)} # fields of dataclasses

def written(*names):
    "All calls of these functions in the package: the module, the function, its texts, and the names of arguments."
    for module,tree in SOURCES.items():
        for o in ast.walk(tree):
            if isinstance(o, ast.Call) and getattr(o.func, 'id', '') in names and module not in ('next_steps.py', 'run_steps.py'):
                yield module,o.func.id,[a.value if isinstance(a, ast.Constant) else None for a in o.args],{k.arg: k.value for k in o.keywords if k.arg}

def options_of(command): return {o.dest for o in parser_of(command, COMMANDS[command])._actions}

def test_calls_name_functions_and_parameters():
    n = 0
    for module,_,(name,*_),given in written('call'):
        f,n = getattr(petlearn.all, name),n+1
        given = given.keys() - {'words', 'button'}
        known = inspect.signature(f).parameters
        assert given <= known.keys() or any(o.kind == o.VAR_KEYWORD for o in known.values()), (module, name, given)
        if name in BY_FUNCTION: assert given <= options_of(BY_FUNCTION[name]), (module, name, given)
    assert n > 25

def test_every_function_with_a_command_has_it():
    assert set(BY_FUNCTION.values()) <= COMMANDS.keys() and all(hasattr(petlearn.all, o) for o in BY_FUNCTION)

def test_verbs_of_runs_are_commands_and_methods():
    for module,_,texts,given in written('run_step'):
        assert texts[1] in COMMANDS and texts[1] in RUN_VERBS and given.keys() - {'button'} <= options_of(texts[1]), (module, texts)

def test_options_name_parameters():
    found = [(module, name) for module,_,texts,given in written('option', 'options') for name in [*texts, *given] if name]
    assert [o for o in found if o[1] not in PARAMETERS] == [] and len(found) > 40

def test_variants_can_be_typed():
    for module,_,texts,given in written('either'):
        texts = dict(zip(('call', 'command', 'button', 'words'), texts)) | {k: v.value for k,v in given.items() if isinstance(v, ast.Constant)}
        if texts.get('command'): assert [*faults_at_the_terminal(texts['command'])] == [], module
        if texts.get('words'): assert [*faults_at_the_terminal(texts['words'])] == [], module
        assert texts.get('button') in (None, '', *BUTTONS), (module, texts)

def test_buttons_exist():
    for module,name,texts,given in written('call', 'run_step', 'either'):
        if isinstance(given.get('button'), ast.Constant): assert given['button'].value in BUTTONS, module

STEPS = [ # a hint, and its words in a notebook, in a terminal, and in a widget
    (call('train', "my pets", resume='V001', background=True), "train('my pets', resume='V001', background=True)", "petlearn train 'my pets' --resume V001 --background", None),
    (call('train', ["a b", "it's"], lr=1e-3, cache=False), '''train(['a b', "it's"], lr=0.001, cache=False)''', """petlearn train 'a b' 'it'"'"'s' --lr 0.001 --no-cache""", None),
    (call('train', '-x', words='train again'), "train('-x')", 'petlearn train ./-x', 'train again'),
    (option('runs_dir'), 'runs_dir=', '--runs-dir', 'runs dir'), (options(epochs=3, arch='resnet34'), "epochs=3, arch='resnet34'", '--epochs 3 --arch resnet34', 'epochs 3, arch resnet34'),
    (either('run.stop()', 'petlearn stop', 'Stop'), 'run.stop()', 'petlearn stop', "Press 'Stop'"),
    ("Then " + either('run.stop()', 'petlearn stop', 'Stop') + '.', 'Then run.stop().', 'Then petlearn stop.', "Then press 'Stop'."),
    (call('show_photos', ['a']), "show_photos(['a'])", "In a notebook: show_photos(['a'])", "In a cell: show_photos(['a'])"),
    (either(command='petlearn app'), 'In a terminal: petlearn app', 'petlearn app', 'In a terminal: petlearn app'),
]

def test_words_of_each_place():
    for hint,*words in STEPS:
        for place,text in zip((NOTEBOOK, TERMINAL, WIDGET), words):
            with shown_in(place): assert text is None or str(hint) == text

def test_an_error_is_put_into_words_when_it_is_shown():
    e = PetLearnError(options(epochs=0) + ' is too little.', fix="Next: " + call('train', epochs=3))
    assert e.fix == 'Next: train(epochs=3)'
    with process_shown_in(TERMINAL):
        assert str(e) == '--epochs 0 is too little.\nNext: petlearn train --epochs 3'
        with shown_in(WIDGET): assert e.what == 'epochs 0 is too little.'
    assert e.fix == 'Next: train(epochs=3)'

def test_hints_are_kept_as_json():
    hint = "Or: " + call('train', resume='V001', button='Train more') + '.'
    assert Hint.from_json(hint.to_json()).parts == hint.parts and Hint.from_json('plain').parts == ['plain'] and isinstance(hint.parts[1], Step)

def test_what_finds_faults_finds_them():
    assert [*faults_at_the_terminal("unpack('photos.zip')")] and [*faults_at_the_terminal('Next: lr=0.001')] and [*faults_at_the_terminal('petlearn train --bogus 3')]
    assert [*faults_in_a_notebook("checkup.fix('empty')")] and [*faults_in_a_notebook("train(epochz=3)")] and [*faults_in_a_notebook('petlearn list')]
    assert [*faults_in_a_widget('train()')] and [*faults_in_a_widget('petlearn list')] and [*faults_in_a_widget("Press 'Bogus'")]
    for o in ("petlearn train 'my pets' --epochs 3", 'Did you mean the labeler by_parent(2)?', "In a notebook: draw_pets('x')"): assert [*faults_at_the_terminal(o)] == [], o
