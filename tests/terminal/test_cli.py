"The command line: the notebook's words, no tracebacks, exit status 2."
import csv, io, json, os, subprocess, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pytest
from inputs import BAD as BAD_PHOTOS, JPEG, NAMES, ODD, PNG, must_fail, put
from tiny import tiny_model
from petlearn.cli import main
from petlearn.lite import load

PETLEARN = Path(sys.executable).parent/'petlearn'

def sh(*args, cwd): return subprocess.run([PETLEARN, *map(str, args)], cwd=cwd, capture_output=True, text=True)

@pytest.mark.slow
def test_train_and_predict(tmp_path, pets_folder, monkeypatch, capsys):
    r = sh('train', pets_folder, '--epochs', 1, '--fine-tune-epochs=0', '--size', 64, cwd=tmp_path)
    assert r.returncode == 0 and r.stderr.startswith(f'petlearn: reading photos in {pets_folder} …\n') and 'epoch 1 of 1' in r.stderr
    result = r.stdout.splitlines() # the result alone: which run, how good, where it is kept
    assert result[0].startswith('V001-') and 'validation photos' in result[0] and result[-1].startswith('Kept in ') and 'Kept in' not in r.stderr
    monkeypatch.chdir(tmp_path)
    assert main(['predict', str(pets_folder/'Abyssinian_1.jpg')]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith('Is this a cat?: ') and 0 <= float(said[2].removeprefix("Probability it's a cat: ")) <= 1
    Path('bad.jpg').write_text('<html>')
    assert main(['predict', 'bad.jpg', str(pets_folder)]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 41 and 'a web page' in said.err and '1 of 41 photos' in said.err and 'Traceback' not in said.err

@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='this system has no disk that is always full')
def test_a_full_disk_under_the_answer(tmp_path):
    with open('/dev/full', 'w') as full: r = subprocess.run([PETLEARN, 'help'], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert r.returncode == 2 and r.stderr == 'The disk is full: not all could be written.\nMake room, or write to another one.\n'

@pytest.mark.slow
def test_all_defaults_train_on_pets(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main('train --size 64 --epochs 1 --fine_tune_epochs 0'.split()) == 0
    assert 'these are drawn pets' in capfd.readouterr().err and next(tmp_path.glob('runs/V001-*/model/model.json')).exists()

BAD = [
    (['train', 'nowhere'], 'There is no folder'), (['train', '.'], 'No photos in'), (['train', '.', '--valid-pct', '1.2'], 'between 0 and 1'),
    (['train', '.', '--labeler', 'is_cta'], "Did you mean 'is_cat'"), (['train', '.', '--labeler', '('], 'regular expression'),
    (['train', '.', '--arch', 'resnet43'], 'resnet34'), (['train', '.', '--epochs', 'many'], 'epochs'), (['train', '--bogus'], 'no option --bogus'),
    (['predict'], 'no photo to predict'), (['predict', '@V001'], 'no photo to predict'), (['predict', '@V001', 'x.jpg'], 'There are no runs'), (['predict', 'x.jpg', '--format', 'xml'], 'words, table, csv, json'),
    (['predict', 'x.jpg', '--format', 'cvs'], "Did you mean 'csv'"), (['predict', 'x.jpg', '--compact', '--format=csv'], 'two formats'), (['export'], 'There are no runs'), (['export', '@x'], 'There are no runs'),
    (['app'], 'There are no runs'), (['serve'], 'There are no runs'), (['serve', '@x', '--stop-after', '2d'], '24h'), (['app', '--stop-after', '90'], '24h'), (['serve', '--port', 'many'], 'port'), (['app', 'a', 'b'], 'too many words'), (['list', 'V001'], 'too many words'), (['help', 'xyzzy'], 'no command'),
    (['predict', 'x.jpg'], 'There are no runs'), (['predict', 'x.jpg', '--run', 'V007'], 'There are no runs'),
    (['predcit'], "Did you mean 'predict'"), (['explain'], "Did you mean 'define'"), (['define', 'xyzzy'], 'xyzzy'), (['train', ''], 'not the name'), (['train', '--', '-x'], 'There is no'), (['train', '.', '--lr', 'nan'], '--lr nan'),
]

def test_mistakes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for args,says in BAD:
        status,out = main(args),capsys.readouterr()
        assert status == 2 and says in out.err and 'Traceback' not in out.err + out.out, args
        assert not (tmp_path/'runs').exists() or not any((tmp_path/'runs').iterdir()), args

def test_unknown_run(run, pets_folder, monkeypatch, capsys):
    assert main(['predict', str(pets_folder), '--run', 'V009', '--runs-dir', str(run.path.parent)]) == 2
    assert 'Expected one of V001' in capsys.readouterr().err

def test_unexpected_errors_are_kept_in_a_file(monkeypatch, capsys):
    from petlearn import cli
    monkeypatch.setitem(cli.COMMANDS, 'train', cli.Command(lambda: 1/0))
    assert main(['train']) == 1
    err = capsys.readouterr().err
    assert 'ZeroDivisionError' in err and 'Traceback' not in err
    assert 'Traceback' in Path(err.split()[-1]).read_text()

def test_help_is_quick_because_nothing_heavy_is_imported(tmp_path):
    code = "import sys; from petlearn.cli import main; main(['--help']); main(['train', '--nonsense']); sys.exit('torch' in sys.modules or 'fastai' in sys.modules)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    assert 'petlearn train data/pets' in r.stdout

def test_every_option_has_help(capsys):
    assert main(['help', 'train']) == 0
    said = capsys.readouterr().out
    for o in ('--arch', '--epochs', '--fine-tune-epochs', '--lr', '--bs', '--size', '--valid-pct', '--seed', '--runs-dir'): assert o in said
    assert 'Share of each label' in said

def test_help_shows_what_needs_no_name(capsys):
    from petlearn.cli import COMMANDS
    for o in COMMANDS:
        assert main(['help', o]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f'usage: petlearn {o} ') and '(default: )' not in said and '[options]' in said
        if o in ('check', 'train', 'predict'): assert '[photos' in said
        if o in ('show', 'compare', 'report', 'stop', 'delete', 'export', 'app', 'serve'): assert '[run' in said

# ---- predict, in every format, with a model that is made in no time

@pytest.fixture(scope='module')
def model(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('cli')/'model')

def ask(model, *args): return main(['predict', '--run', str(model), *map(str, args)])

@pytest.fixture
def many(tmp_path):
    "Good and bad photos, with names that try to break out of a table; how many are bad."
    folder = tmp_path/'many'
    folder.mkdir()
    for o in NAMES: (folder/o).write_bytes(PNG)
    (folder/'back\\slash\x1b[31m.jpg').write_bytes(JPEG)
    bad = [o for o in BAD_PHOTOS if must_fail(o)]
    put(folder, *bad)
    return sorted(folder.iterdir()),len(bad)

def test_csv_and_json_bring_every_name_back(model, many, capsys):
    files,bad = many
    assert ask(model, *files, '--format', 'csv') == 1
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert list(rows[0]) == ['file', 'predicted_label', 'neither', 'novelty', 'p_cat', 'p_dog', 'error']
    assert [o['file'] for o in rows] == list(map(str, files)) and sum(o['error'] != '' for o in rows) == bad and f'{bad} of {len(files)} photos' in said.err
    assert ask(model, *files, '--format', 'json') == 1
    answers = [json.loads(o) for o in capsys.readouterr().out.splitlines()]
    assert [o['file'] for o in answers] == list(map(str, files)) and sum('error' in o for o in answers) == bad
    lite = load(model)
    for row,o in zip(rows, answers):
        if 'error' in o: assert list(o['error']) == ['what', 'expected', 'fix'] and o['error']['what'] == row['error'] and row['predicted_label'] == ''
        else: assert {k: v for k,v in o.items() if k != 'file'} == lite.predict(o['file']).to_dict() and float(row['p_cat']) == o['scores']['cat'] and row['neither'] == str(o['neither'])

def test_a_line_a_photo_whatever_its_name(model, many, capsys):
    files,bad = many
    for args,percents in ((['--compact'], 0), ([], 2), (['--format', 'table', '--top', '1'], 1)):
        assert ask(model, *files, *args) == 1
        lines = capsys.readouterr().out.split('\n')[:-1]
        assert len(lines) == len(files) and all(o.isprintable() for o in (s.replace('\t', '') for s in lines)) and sum('no answer' in o for o in lines) == bad
        if '--compact' in args: assert [o.count('\t') for o in lines] == [1]*len(files)
        assert sum(o.count('%') for o in lines if 'no answer' not in o and '%s' not in o) == percents*(len(files) - bad - 1)

def test_one_photo_in_the_books_words(model, tmp_path, capsys):
    (tmp_path/'cat.jpg').write_bytes(JPEG)
    assert ask(model, tmp_path/'cat.jpg') == 0
    assert capsys.readouterr().out == f"{tmp_path/'cat.jpg'}\n{load(model).predict(JPEG)}\n"
    assert ask(model, tmp_path/'cat.jpg', tmp_path/'cat.jpg', '--format', 'words') == 0
    assert capsys.readouterr().out.count('Is this a cat?') == 2

EVIL = '\x1b]0;title\x07\x9b31m\u202e'

def test_no_order_reaches_a_terminal(tmp_path, monkeypatch, capsys):
    "From names of photos, runs and options, from labels of a model that somebody sent, and from errors that tell them."
    from petlearn.terminal import predict_command
    from petlearn.models.prediction import PhotoModel
    class Model(PhotoModel):
        labels,size = [f'cat{EVIL}', f'dog{EVIL}'],16
        def _forward(self, n): return lambda pixels: (np.full((len(pixels), 2), .5), np.full(len(pixels), 9.))
    for name,content in (('good', JPEG), ('bad', b'hello')): (tmp_path/f'{name}{EVIL}.jpg').write_bytes(content)
    monkeypatch.setattr(predict_command, 'open_model', lambda source: Model())
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    harmless = lambda text: all(o.isprintable() for o in text.split('\n'))
    for way in ('words', 'table', 'csv', 'json'):
        assert ask(tmp_path, tmp_path, f'nowhere{EVIL}.jpg', '--format', way, '--run', tmp_path) == 1
        said = capsys.readouterr()
        assert harmless(said.out) and harmless(said.err) and said.out and '2 of 3 photos' in said.err
    for args in ([EVIL], ['predict', f'--{EVIL}'], ['predict', f'@{EVIL}', 'x'], ['predict', '--run', f'/{EVIL}', 'x'], ['train', f'/{EVIL}'], ['app', f'@{EVIL}'], ['help', EVIL]):
        assert main(args) == 2 and harmless(capsys.readouterr().err), args

def test_names_that_no_disk_takes(model, capsys):
    for o in ('x'*300, '', 'x/'*3000): assert ask(model, o, '--format', 'json') == 2 and 'error' in json.loads(capsys.readouterr().out)

def test_json_is_whole_after_ctrl_c(model, tmp_path, monkeypatch, capsys):
    from petlearn.terminal import predict_command
    (tmp_path/'cat.png').write_bytes(PNG)
    answers = predict_command._answers
    def interrupted(*args):
        if n: yield next(answers(*args))
        raise KeyboardInterrupt
    monkeypatch.setattr(predict_command, '_answers', interrupted)
    for n in (0, 1):
        assert ask(model, tmp_path/'cat.png', '--format', 'json') == 130
        said = capsys.readouterr()
        assert len([json.loads(o) for o in said.out.splitlines()]) == n and said.err == 'Stopped.\n'

def test_bad_photos_at_the_command_line(model, tmp_path, capsys):
    "One of each kind; all of them are in the tests of lite."
    for o in {o.kind: o for o in BAD_PHOTOS}.values():
        put(tmp_path, o)
        assert ask(model, tmp_path/o.file) == (1 if must_fail(o) else 0), o.name
        said = capsys.readouterr()
        if must_fail(o): assert o.says in said.err and 'Traceback' not in said.err and said.out == '', o.name

def test_odd_photos_at_the_command_line(model, tmp_path, capsys):
    put(tmp_path, *ODD)
    assert ask(model, *(tmp_path/o.file for o in ODD), '--format', 'json') == 0
    for o,said in zip(ODD, map(json.loads, capsys.readouterr().out.splitlines())): assert {k: v for k,v in said.items() if k != 'file'} == load(model).predict(o.content).to_dict()

@pytest.mark.skipif(os.name == 'nt' or sys.platform == 'darwin', reason='only Linux has names that are no text')
@pytest.mark.slow
def test_a_name_that_is_no_text(model, tmp_path):
    file = os.fsencode(tmp_path) + b'/\xff.png'
    with open(file, 'wb') as f: f.write(PNG)
    for way in ('csv', 'json', 'words', 'table'):
        r = subprocess.run([PETLEARN, 'predict', '--run', model, file, '--format', way], capture_output=True)
        assert r.returncode == 0 and b'cat' in r.stdout + r.stderr and b'Traceback' not in r.stderr, way

def test_first_answers_come_at_once_and_photos_are_not_all_held(model, tmp_path, monkeypatch):
    from petlearn.terminal import predict_command
    log = []
    class Model:
        labels = ['cat', 'dog']
        def stream(self, photos):
            p = load(model).predict(PNG)
            for o in photos:
                log.append('looked')
                yield p
    class Out(io.StringIO):
        def write(self, text): return log.append('said') if text.strip() else None
    monkeypatch.setattr(predict_command, 'open_model', lambda o: Model())
    monkeypatch.chdir(tmp_path)
    for o in 'abc': Path(f'{o}.jpg').write_bytes(JPEG)
    monkeypatch.setattr(sys, 'stdout', Out())
    for way in ('table', 'csv', 'json'):
        log.clear()
        assert main(['predict', 'a.jpg', 'b.jpg', 'c.jpg', '--run', str(model), '--format', way]) == 0
        first = log.index('looked')
        assert [o for o in log[first:] if o == 'looked'] == ['looked']*3 and log[first+1] == 'said', (way, log)

def test_the_first_word_may_be_the_run(model, tmp_path, monkeypatch, capsys):
    from helpers import with_state
    with_state(tmp_path/'runs', 'SUCCEEDED')
    (tmp_path/'@cat.png').write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    for args in (['@tiny', '@cat.png'], ['@V001', '@cat.png'], ['./@cat.png'], ['--run', 'V001', '@cat.png'], ['@cat.png', '--run', '@tiny']):
        assert main(['predict', *args]) == 0 and '@cat.png' in capsys.readouterr().out, args
    assert main(['predict', '@tinny', '@cat.png']) == 2 and 'tiny' in capsys.readouterr().err

def test_an_exported_model_needs_no_pytorch(model, tmp_path):
    (tmp_path/'cat.png').write_bytes(PNG)
    code = f"import sys; from petlearn.cli import main; s = main(['predict', '--run', {str(model)!r}, 'cat.png']); sys.exit(s or 'torch' in sys.modules or 'fastai' in sys.modules)"
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr

def test_only_finished_runs_are_served(tmp_path, monkeypatch, capsys):
    from helpers import with_state
    for state in ('FAILED', 'CANCELED', 'STATE_UNSPECIFIED'):
        with_state(tmp_path/state/'runs', state)
        monkeypatch.chdir(tmp_path/state)
        for command in ('app', 'serve'):
            for word in ([], ['@tiny'], ['runs/V001-tiny']):
                assert main([command, *word]) == 2
                assert f'V001-tiny is {state}' in capsys.readouterr().err

def test_commands_that_give_a_model_away(tmp_path, monkeypatch, capsys):
    from helpers import with_state
    from petlearn.deploy import app, export, service
    with_state(tmp_path/'runs', 'SUCCEEDED')
    called = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app, 'launch', lambda *o, announce: called.append(o))
    monkeypatch.setattr(service, 'serve', lambda *o, announce: called.append(o))
    monkeypatch.setattr(export, 'export_model', lambda run, folder: called.append((run.name, folder)) or run.path/'model')
    for line in ('app @tiny --no-browser --port 8870 --stop-after 1h', 'app', 'serve V001 --port 2299 --stop-after 30m', 'export @tiny --folder out', 'export'): assert main(line.split()) == 0
    assert called == [('@tiny', 8870, False, '1h', None), ('', None, True, '', None), ('V001', 2299, '30m', None), ('tiny', 'out'), ('tiny', None)]
    assert 'model.onnx' in capsys.readouterr().out

def test_lessons(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ('mine', 'mine-2'):
        assert main(['lessons', 'mine']) == 0
        assert f'jupyter lab {name}/walkthrough.ipynb' in capsys.readouterr().out and Path(name, 'walkthrough.ipynb').is_file()

def test_words_and_commands(capsys):
    "`define` is for words of the field, `help` for commands."
    for args,says in ((['define', 'learning', 'rate'], 'learning rate'), (['define'], 'learning rate'), (['help', 'train'], 'usage: petlearn train'), (['--version'], '0.')):
        assert main(args) == 0 and says in capsys.readouterr().out.lower(), args

def test_train_takes_check_and_cache(pets_folder, monkeypatch, capsys):
    from petlearn.training import trainer
    given = []
    monkeypatch.setattr(trainer, 'train', lambda *args, **kwargs: given.append(kwargs) or SimpleNamespace(metadata={}))
    for args in ([], ['--check', 'False', '--cache', 'False']): assert main(['train', str(pets_folder), *args]) == 0
    assert [(o['check'], o.get('cache')) for o in given] == [(True, None), (False, False)]
    assert main(['train', '--cache', 'False', '--show_settings']) == 0
    said = capsys.readouterr().out
    assert 'False' in said and 'None' not in said and 'efficientnet_lite0' in said and '224' in said and 'by the number of photos' in said

# ---- odd surroundings: other doors, closed streams, a current folder that is gone

def test_as_a_module(tmp_path):
    "Where the command itself isn't on the path, as often on Windows."
    for module in ('petlearn', 'petlearn.cli'):
        for args,status in ((['--version'], 0), (['trian'], 2)):
            r = subprocess.run([sys.executable, '-m', module, *args], cwd=tmp_path, capture_output=True, text=True)
            assert r.returncode == status and (r.stdout if status == 0 else 'train' in r.stderr), (module, r.stderr)

@pytest.mark.slow
@pytest.mark.skipif(os.name == 'nt', reason='closes streams as a shell does')
def test_streams_that_a_service_has_closed(model, tmp_path):
    (tmp_path/'cat.png').write_bytes(PNG)
    for closed in ('>&-', '2>&-', '<&-', '>&- 2>&- <&-'):
        for args,status in ((f"predict cat.png cat.png --run '{model}'", 0), ('list', 0), ('help', 0), ('trian', 2)):
            r = subprocess.run(['bash', '-c', f"'{PETLEARN}' {args} {closed}"], cwd=tmp_path, capture_output=True, text=True)
            assert r.returncode == status and 'unexpected' not in r.stdout + r.stderr, (closed, args, r.stderr)

@pytest.mark.slow
@pytest.mark.skipif(os.name == 'nt', reason='Windows keeps a folder that somebody is in')
def test_a_current_folder_that_was_deleted(model, tmp_path):
    (tmp_path/'cat.png').write_bytes(PNG)
    run = lambda args: subprocess.run(['bash', '-c', f"mkdir gone; cd gone; rmdir ../gone; '{PETLEARN}' {args}"], cwd=tmp_path, capture_output=True, text=True)
    for args in ('list', 'predict cat.png', 'check photos', f"train '{tmp_path}' --epochs 1", 'show V001', 'new mine', 'lessons', f"export --folder x --run '{model}'"):
        r = run(args)
        assert r.returncode == 2 and 'current folder was deleted' in r.stderr and 'cd ~' in r.stderr, (args, r.stderr)
    r = run(f"predict '{tmp_path}/cat.png' --run '{model}'")
    assert r.returncode == 0 and r.stdout, r.stderr

def test_too_little_memory(monkeypatch, capsys):
    from petlearn import cli
    def train(): raise ImportError('libtorch_cpu.so: failed to map segment from shared object')
    monkeypatch.setitem(cli.COMMANDS, 'train', cli.Command(train))
    assert main(['train']) == 2
    err = capsys.readouterr().err
    assert 'too little memory' in err and 'ulimit -v' in err and 'unexpected' not in err
