"Settings: what is checked, which one counts, and every mistake in petlearn.toml."
import inspect, itertools, math, re, subprocess, sys
from argparse import Namespace
from dataclasses import FrozenInstanceError, asdict, fields
import pytest
from fastcore.docments import docments
from fastcore.script import anno_parser
from petlearn.training import settings
from petlearn.core import PetLearnError
from petlearn.training.settings import Choice, Settings, check_settings, read_defaults, resolve, takes_settings

BUILT_IN = dict(
    preference='balance', arch=None, size=None, epochs=10, fine_tune_epochs=0, lr=1e-2, bs=None, valid_pct=.2, test_pct=0., valid_n=None, test_n=None, seed=42,
    minutes=None, patience=0, min_delta=0., checkpoint_every=0, skip_damaged=False, cache=True)

def typed(d): return {k: (type(o), o) for k,o in d.items()}

def test_the_list_of_settings():
    assert typed(asdict(Settings())) == typed(BUILT_IN) and list(asdict(Settings())) == list(BUILT_IN) == list(settings._CHECKS)
    with pytest.raises(FrozenInstanceError): Settings().epochs = 5

def test_every_setting_has_its_comment():
    docs = docments(Settings)
    for o in fields(Settings): assert len(docs[o.name]) > 15 and '`' not in docs[o.name], f'{o.name}: read in a terminal, too'

def test_agrees_with_the_modules_that_use_it():
    from petlearn.models.backbones import PREFERENCES
    from petlearn.models.learner import LR
    from petlearn.image_io import SIZES
    assert Settings.lr == LR
    size = settings._CHECKS['size'].keywords
    assert (size['least'], size['most']) == SIZES
    for o in PREFERENCES: assert check_settings(dict(preference=o)) == dict(preference=o)
    with pytest.raises(PetLearnError, match=', '.join(PREFERENCES)): check_settings(dict(preference='speed'))

def test_is_loaded_in_a_moment():
    code = "import sys, petlearn.training.settings; print([o for o in ('torch', 'fastai', 'pandas', 'numpy', 'matplotlib', 'timm', 'IPython') if o in sys.modules])"
    r = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (r.stdout.strip(), r.stderr) == ('[]', '')

GOOD = [ # the ends of each range, as given and as they come back
    (dict(size=32), 32), (dict(size=1024), 1024), (dict(size=None), None), (dict(arch='resnet34'), 'resnet34'), (dict(arch=None), None),
    (dict(epochs=0), 0), (dict(epochs=1000), 1000), (dict(fine_tune_epochs=1000), 1000), (dict(lr=1), 1.), (dict(lr=1e-9), 1e-9), (dict(bs=2), 2),
    (dict(bs=4096), 4096), (dict(bs=None), None), (dict(valid_pct=.999), .999), (dict(test_pct=0), 0.), (dict(test_pct=.5), .5), (dict(seed=0), 0),
    (dict(seed=2**32-1), 2**32-1), (dict(minutes=.1), .1), (dict(minutes=6000), 6000.), (dict(minutes=None), None), (dict(patience=0), 0),
    (dict(patience=1000), 1000), (dict(min_delta=0), 0.), (dict(min_delta=99.9), 99.9), (dict(checkpoint_every=0), 0),
    (dict(checkpoint_every=10**6), 10**6), (dict(skip_damaged=True), True), (dict(cache=False), False),
]

def test_sensible_values():
    for given,value in GOOD:
        [got] = check_settings(given).values()
        assert got == value and type(got) is type(value), given

BAD = [ # what is given, and words of the answer
    (dict(epohcs=3), "There is no setting 'epohcs'.", "Did you mean 'epochs'?"), (dict(zzzzz=3), "There is no setting 'zzzzz'.", 'preference, arch, size'),
    (dict(preference='blance'), "preference='blance'", "Did you mean 'balance'?"), (dict(preference=3), 'preference=3', 'performance_first'),
    (dict(preference=None), 'preference=None', 'balance'), (dict(arch=''), "arch=''", 'Expected a name'), (dict(arch=18), 'arch=18', "arch='resnet18'"),
    (dict(size=31), 'size=31', 'from 32 to 1,024'), (dict(size=1025), 'size=1025', 'from 32'), (dict(size='64'), "size='64'", 'whole number'),
    (dict(epochs=-1), 'epochs=-1', 'from 0 to 1,000'), (dict(epochs=1001), 'epochs=1001', 'from 0'), (dict(epochs=True), 'epochs=True', 'whole'),
    (dict(epochs=1.5), 'epochs=1.5', 'whole'), (dict(epochs=None), 'epochs=None', 'whole'), (dict(fine_tune_epochs=-1), 'fine_tune_epochs=-1', 'whole'),
    (dict(lr=0), 'lr=0', 'between 0 and 10'), (dict(lr=10), 'lr=10', 'between 0 and 10'), (dict(lr=math.nan), 'lr=nan', 'between'),
    (dict(lr='1e-2'), "lr='1e-2'", 'between'), (dict(bs=1), 'bs=1', 'from 2 to 4,096'), (dict(bs=4097), 'bs=4097', 'from 2'),
    (dict(valid_pct=0), 'valid_pct=0', 'between 0 and 1'), (dict(valid_pct=1), 'valid_pct=1', 'between 0 and 1'), (dict(valid_pct=None), 'valid_pct=None', 'between'),
    (dict(test_pct=1), 'test_pct=1', 'Expected 0, or a number below 1'), (dict(test_pct=-.1), 'test_pct=-0.1', 'test_pct=0.1'),
    (dict(test_pct=False), 'test_pct=False', 'below 1'), (dict(test_pct=math.nan), 'test_pct=nan', 'below 1'), (dict(test_pct='0'), "test_pct='0'", 'below 1'),
    (dict(seed=-1), 'seed=-1', 'from 0'), (dict(seed=2**32), 'seed=4294967296', 'from 0'), (dict(minutes=0), 'minutes=0', 'Expected minutes from 0.1 to 6000.'),
    (dict(minutes=.05), 'minutes=0.05 is too short.', 'at least 0.1'), (dict(minutes=6000.5), 'minutes=6000.5 is too long.', 'at most 6000'),
    (dict(minutes=math.inf), 'minutes=inf', 'from 0.1 to 6000'), (dict(minutes='5'), "minutes='5' makes no sense.", 'Expected minutes from 0.1 to 6000.\nFor example minutes=5'),
    (dict(minutes=True), 'minutes=True', 'from 0.1'), (dict(minutes=math.nan), 'minutes=nan', 'from 0.1'), (dict(minutes=6001), 'minutes=6001 is too long.', 'at most 6000'), (dict(patience=-1), 'patience=-1', 'whole'), (dict(min_delta=100), 'min_delta=100', 'below 100'),
    (dict(min_delta=-.1), 'min_delta=-0.1', 'below 100'), (dict(checkpoint_every=10**6+1), 'checkpoint_every=1000001', 'to 1,000,000'),
    (dict(checkpoint_every=-1), 'checkpoint_every=-1', 'whole'), (dict(cache=1), 'cache=1', 'yes or no'), (dict(cache='no'), "cache='no'", 'cache=True'),
    (dict(skip_damaged=None), 'skip_damaged=None', 'skip_damaged=True'), (dict(epochs=0, fine_tune_epochs=0), 'No epochs at all', 'at least one'),
    (dict(valid_pct=.7, test_pct=.3), 'valid_pct=0.7 and test_pct=0.3', 'less than 1'), (dict(valid_pct=.8, test_pct=.5), 'leave no photo', 'less than 1'),
]

def test_values_that_make_no_sense():
    for given,what,more in BAD:
        with pytest.raises(PetLearnError) as e: check_settings(given)
        assert what in e.value.what and more in str(e.value) and e.value.expected, given

def test_only_what_is_given_is_checked():
    assert check_settings({}) == {} and check_settings(dict(epochs=0)) == dict(epochs=0) and check_settings(dict(test_pct=.9)) == dict(test_pct=.9)

# the file

def toml(tmp_path, text, newline='\n'):
    (tmp_path/'petlearn.toml').write_bytes(text.replace('\n', newline).encode())
    return tmp_path

READ = [ # text, and the value of each setting
    ('', {}), ('# only words\n\n', {}), ('[train]', {}), ('[train]\nepochs = 5', {'epochs': 5}),
    ('\n# a\n\n[train] # b\n\n  epochs = 5 # c\n', {'epochs': 5}),
    ('[train]\nvalid-pct = 0.3\nfine_tune-epochs = 2', {'valid_pct': 0.3, 'fine_tune_epochs': 2}), ('[train]\nlr = 5', {'lr': 5.0}),
    ('[train]\n"epochs" = 5\n\'lr\' = 0.1', {'epochs': 5, 'lr': 0.1}), ('train.epochs = 3\ntrain . "lr"=1', {'epochs': 3, 'lr': 1.0}),
    ('# x\ntrain = {epochs = 3, valid-pct = 0.5}', {'epochs': 3, 'valid_pct': 0.5}), ('[ "train" ]\nseed = 0x10', {'seed': 16}),
    ('[train]\narch = """\nresnet34"""\nepochs = 4', {'arch': 'resnet34', 'epochs': 4}),
    ('[train]\narch = """a\n[train]\nepochs = 1\nlr = 2"""\n\nepochs = 7', {'arch': 'a\n[train]\nepochs = 1\nlr = 2', 'epochs': 7}),
    ('[train]\ncache = false\nskip-damaged = true\nminutes = 1_000', {'cache': False, 'skip_damaged': True, 'minutes': 1000.0}),
    ('[train]\n# epochs = 1\nepochs = 2 # epochs = 3', {'epochs': 2}), ('[train]\nepochs = 0\nfine-tune-epochs = 0', {'epochs': 0, 'fine_tune_epochs': 0}),
]

def test_reading_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text,found in READ:
        for newline in ('\n', '\r\n'): # of Unix, of Windows
            toml(tmp_path, text, newline)
            assert read_defaults() == {k: Choice(o, 'petlearn.toml') for k,o in found.items()}, text

def test_no_file_no_folder_other_folder(tmp_path):
    assert read_defaults(tmp_path) == read_defaults(tmp_path/'nowhere') == {}
    assert read_defaults(toml(tmp_path, '[train]\nepochs = 5'))['epochs'].source == str(tmp_path/'petlearn.toml')

def test_mark_at_the_beginning(tmp_path):
    (tmp_path/'petlearn.toml').write_bytes('[train]\nepochs = 5'.encode('utf-8-sig'))
    assert read_defaults(tmp_path)['epochs'].value == 5

WRONG = [ # text, what is said, where tomllib says that it is, and what is advised
    ('[train]\nvalid-pct = .3', 'Invalid value', '(at line 2, column 13)', '0.2 its zero'),
    ('[train]\ncache = True\n', 'Invalid value', '(at line 2, column 9)', 'small letters'),
    ('[train]\npreference = balance\n', 'Invalid value', '(at line 2, column 14)', 'straight quotes'),
    ('[train]\nepochs: 5\n', "Expected '='", '(at line 2, column 7)', 'epochs = 5'),
    ('[train]\nepochs = 5 lr = 1\n', 'Expected newline', '(at line 2, column 12)', 'epochs = 5'),
    ('[train\nepochs = 5', "Expected ']'", '(at line 1, column 7)', 'epochs = 5'), ('[train]\nsize = [1,\n\n', 'Invalid value', '', ''),
    ('[train]\nepochs = 1\nepochs = 2\n', 'Cannot overwrite', '(at line 3, column 11)', ''),
    ('[train]\nlr = 1\n[train]\n', 'twice', '(at line 3, column 7)', ''),
    ('[train]\narch = “resnet34”\n', 'Invalid value', '(at line 2, column 8)', 'straight quotes'),
    ('[train]\nepohcs = 5', "There is no setting 'epohcs'", '', "Did you mean 'epochs'?"),
    ('[train]\nlr = 1\n\nvalid-pc = 0.3', "There is no setting 'valid_pc'", '', 'valid_pct'),
    ('[train]\nzzzzz = 5', "There is no setting 'zzzzz'", '', 'preference, arch'), ('[train.epochs]\nx = 3', "epochs = {'x': 3}", '', 'whole number'),
    ('[trian]\nepochs = 5', 'There is no table [trian].', '', "Did you mean '[train]'?"),
    ('[train]\nlr = 1\n[[trains]]\nlr = 1', 'trains does not stand below [train].', '', '[train]'), ('trian.epochs = 5', 'There is no table [trian].', '', '[train]'),
    ('\n[[train]]\nlr = 1', 'train does not stand below [train].', '', '[train]'), ('train = 3', 'train does not stand below [train].', '', '[train]'),
    ('# a\nepochs = 5\n[train]', 'epochs does not stand below [train].', '', '[train] on a line of its own'),
    ('[train]\nepochs = -5', 'epochs = -5 makes no sense.', '', 'from 0 to 1,000'),
    ('[train]\n\nlr = "0.1"', 'lr = "0.1" makes no sense.', '', 'between 0 and 10'), ('[train]\nepochs = 5.0', 'epochs = 5.0', '', 'whole number'),
    ('[train]\nepochs = true', 'epochs = true', '', 'whole number'),
    ('[train]\ncache = "no"', 'cache = "no"', '', 'Expected yes or no.\nFor example cache = true'), ('[train]\nlr = nan', 'lr = nan', '', 'between'),
    ('[train]\npreference = "blance"', 'preference = "blance"', '', "Did you mean 'balance'?"),
    ('[train]\nminutes = 0.05', 'minutes = 0.05 is too short.', '', '0.1'), ('[train]\nseed = 2024-01-01', 'seed = 2024-01-01', '', 'whole number'),
    ('[train]\nvalid-pct = 0.1\nvalid_pct = 0.2', 'valid_pct stands there twice.', '', 'Take valid_pct out'),
    ('train = {lr = 1,\tepohcs = 2}', "There is no setting 'epohcs'", '', 'epochs'), ('[train]\narch = """a\nb"""\nlr = -1', 'lr = -1', '', 'between'),
]

def test_mistakes_in_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text,what,where,advice in WRONG:
        for newline in ('\n', '\r\n'):
            toml(tmp_path, text, newline)
            for f in (read_defaults, lambda: resolve({})):
                with pytest.raises(PetLearnError) as e: f()
                assert re.match(r'petlearn.toml(, line \d+)?: ', e.value.what) and what in e.value.what and where in e.value.what, text
                assert advice in str(e.value) and e.value.expected, text

LINES = [ # text, and the line that is named; none where a value stands in an unusual way
    ('[train]\nlr = 1\n\nvalid-pc = 0.3', 4), ('[train]\n# a\n"lr" = -1', 3), ('train . lr = -1', 1), ('[trian]\nepochs = 5', 1), ('# a\nepochs = 5\n[train]', 2),
    ('[project]\nruns = "x"\n[train]\nruns = 3', 4), ('[project]\nphotos = 3', 2), ('[project]\nphotso = "x"', 2), ('[train]\nvalid-pct = 0.1\nvalid_pct = 0.2', 3), ('train = {lr = -1}', None),
]

def test_mistakes_name_the_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text,line in LINES:
        with pytest.raises(PetLearnError) as e: read_defaults(toml(tmp_path, text))
        assert e.value.what.startswith(f"{tmp_path/'petlearn.toml'}{f', line {line}' if line else ''}: "), text

def test_files_that_cant_be_read(tmp_path):
    path = tmp_path/'petlearn.toml'
    for text in ('[train]\nepochs = 5'.encode('utf-16'), '[train]\n# für uns\nepochs = 5'.encode('latin-1')):
        path.write_bytes(text)
        with pytest.raises(PetLearnError, match='petlearn.toml is not UTF-8'): read_defaults(tmp_path)
    for text in ('[train]\nseed = ' + '9'*5000, '[train]\nseed = ' + '['*20_000):
        with pytest.raises(PetLearnError, match='petlearn.toml: '): read_defaults(toml(tmp_path, text))
    path.unlink()
    path.mkdir()
    with pytest.raises(PetLearnError, match="Can't read .*petlearn.toml"): read_defaults(tmp_path)
    with pytest.raises(PetLearnError, match='not the name'): read_defaults('')

# which one counts

FILE = '[train]\nepochs = 5\nlr = 0.5\nseed = 7\npreference = "accuracy_first"\n'
PARENT = dict(epochs=20, lr=.25, seed=8, size=224, arch='resnet34', minutes=None, valid_pct=None, labeler='cat_or_dog', dataset='D-1', bs=None)

def test_the_nearer_one_wins(tmp_path):
    source = str(toml(tmp_path, FILE)/'petlearn.toml')
    got = resolve(dict(epochs=1, cache=False, minutes=None), PARENT, 'V002', tmp_path)
    special = dict(epochs=(1, 'argument'), cache=(False, 'argument'), minutes=(None, 'argument'), lr=(.25, 'V002'), seed=(8, 'V002'), size=(224, 'V002'),
                   arch=('resnet34', 'V002'), bs=(None, 'V002'), preference=('accuracy_first', source))
    assert got.by_name == {k: (o, 'built-in') for k,o in BUILT_IN.items()} | special
    assert list(got.by_name) == list(BUILT_IN) and got['lr'] == Choice(.25, 'V002')
    assert got.values == {k: o[0] for k,o in got.by_name.items()} and got.sources == {k: o[1] for k,o in got.by_name.items()}
    assert Settings(**got.values).epochs == 1

def test_all_combinations_of_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arg,run,file in itertools.product((None, 1), (None, 2), (None, 3)):
        toml(tmp_path, f'[train]\npatience = {file}' if file else '')
        expected = (1, 'argument') if arg else (2, 'V007') if run else (3, 'petlearn.toml') if file else (0, 'built-in')
        assert resolve(dict(patience=1) if arg else {}, dict(patience=2) if run else None, 'V007')['patience'] == expected

def test_nothing_said(tmp_path):
    assert resolve({}, folder=tmp_path).values == BUILT_IN and set(resolve({}, folder=tmp_path).sources.values()) == {'built-in'}

CLASHES = [ # file, parent, call, and what is said
    ('epochs = 0', {}, {}, 'No epochs at all', 'epochs=0 (petlearn.toml), fine_tune_epochs=0 (built-in)'),
    ('', dict(fine_tune_epochs=0), dict(epochs=0), 'No epochs at all', 'epochs=0 (argument), fine_tune_epochs=0 (V002)'),
    ('test-pct = 0.5', {}, dict(valid_pct=.5), 'valid_pct=0.5 and test_pct=0.5', 'valid_pct=0.5 (argument), test_pct=0.5 (petlearn.toml)'),
    ('', {}, dict(test_pct=.8), 'valid_pct=0.2 and test_pct=0.8', 'valid_pct=0.2 (built-in), test_pct=0.8 (argument)'),
    ('', dict(lr=-1), {}, 'V002: lr=-1 makes no sense.', 'between 0 and 10'), ('lr = -1', dict(lr=-2), dict(lr=-3), 'lr=-3 makes no sense.', 'between 0 and 10'),
    ('lr = -1', {}, dict(lr=1), 'petlearn.toml, line 2: lr = -1', 'between 0 and 10'), ('', {}, dict(epohcs=1), "There is no setting 'epohcs'", 'epochs'),
]

def test_the_result_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file,parent,call,what,sources in CLASHES:
        toml(tmp_path, f'[train]\n{file}')
        with pytest.raises(PetLearnError) as e: resolve(call, parent, 'V002')
        assert what in e.value.what and sources in str(e.value)

def test_another_layer_may_heal_it(tmp_path):
    toml(tmp_path, '[train]\nepochs = 0\ntest-pct = 0.9')
    assert resolve(dict(fine_tune_epochs=1, valid_pct=.05), folder=tmp_path)['epochs'].value == 0

def test_shows_itself(tmp_path):
    choices = resolve(dict(arch='<b>"x"'), dict(epochs=20), 'V<2>', tmp_path)
    lines = str(choices).splitlines()
    assert lines[0].split('  ')[0] == 'setting' and len(lines) == 19 and str(choices) == repr(choices)
    assert len({o.index(s) for o,s in zip(lines, ['where it', 'built-in'])}) == 1 and not any(o != o.rstrip() for o in lines)
    assert lines[2].split() == ['arch', '\'<b>"x"\'', 'argument'] and lines[4].split() == ['epochs', '20', 'V<2>']
    html = choices._repr_html_()
    assert '&lt;b&gt;' in html and 'V&lt;2&gt; ◂' in html and '<td>built-in</td>' in html and html.count('<tr') == 19

# one list for all

@takes_settings
def to_train(
    photos:str|None=None, # Where they are
    *,
    seed:int=7, # A default of its own
    **kwargs
) -> int: # How many settings were given
    "Train."
    return len(kwargs)

def test_signature_and_comments():
    assert list(inspect.signature(to_train).parameters) == ['photos', 'seed', *(o for o in BUILT_IN if o != 'seed')]
    params = inspect.signature(to_train).parameters.values()
    assert all(o.kind is o.KEYWORD_ONLY for o in list(params)[1:]) and {o.name: o.default for o in params} == BUILT_IN | dict(photos=None, seed=7)
    docs = docments(to_train, full=True)
    assert docs['photos'].docment == 'Where they are' and docs['seed'].docment == 'A default of its own'
    for k in BUILT_IN.keys() - {'seed'}: assert docs[k].docment == docments(Settings)[k] and docs[k].anno == Settings.__annotations__[k]
    assert docs['return'].anno is int and inspect.get_annotations(to_train)['return'] is int
    assert to_train('pets') == 0 and to_train('pets', epochs=3, arch=None) == 2

def test_in_a_terminal():
    "argparse tells what was really given, where the namespace is filled beforehand."
    parser = anno_parser(to_train, prog='petlearn train')
    assert 'Early stopping: end after so many epochs' in ' '.join(parser.format_help().split())
    names = inspect.signature(to_train).parameters
    args,_ = parser.parse_known_args(['--epochs', '3', '--no-cache', '--lr', '.5', '--arch', 'resnet34', '--minutes=2'], Namespace(**dict.fromkeys(names, ...)))
    assert {k: o for k,o in vars(args).items() if k in names and o is not ...} == dict(epochs=3, cache=False, lr=.5, arch='resnet34', minutes=2.)

def test_a_share_or_a_number(tmp_path):
    "The stronger layer decides which of the two it is; both at once are refused."
    for both in (dict(valid_pct=.3, valid_n=20), dict(test_pct=.1, test_n=5)):
        with pytest.raises(PetLearnError, match='two answers to one question'): resolve(both, folder=tmp_path)
    (tmp_path/'petlearn.toml').write_text('[train]\nvalid_pct = 0.3\ntest_n = 9\n')
    for given,expected in (({}, (.3, None, 0., 9)), (dict(valid_n=12), (.2, 12, 0., 9)), (dict(test_pct=.1), (.3, None, .1, None)), (dict(valid_pct=.4, test_n=3), (.4, None, 0., 3))):
        assert tuple(resolve(given, folder=tmp_path).values[o] for o in ('valid_pct', 'valid_n', 'test_pct', 'test_n')) == expected
    for o in (0, -1, 2.5, '20'):
        with pytest.raises(PetLearnError, match='valid_n='): check_settings(dict(valid_n=o))
