"Nothing leaves the computer, and files are written only where data/README.md says: strace watches the kit, an exported model, the app and the service."
import os, re, subprocess, sys, time
import nbformat, pytest
from browser import Visit, browser, expect, needs_chromium # noqa: F401 a fixture
from common import ROOT
from house import House
from tiny import tiny_model
from tracing import Trace, needs_strace, trace
from petlearn.deploy.model_card import model_card
from petlearn.photos.drawings import draw_pets
from petlearn.privacy import NO_REPORTS, PLACES
import walkthrough

DELAY = 12 # seconds: nine after its import, onnxruntime would look up its maker's server

# ---- reports are stopped

def python(code, **env):
    "What a fresh Python says."
    outer = {k: v for k,v in os.environ.items() if k not in NO_REPORTS}
    r = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=outer | env)
    assert r.returncode == 0, r.stderr
    return r.stdout + r.stderr

STATE = f"import os, sys; print(all(os.environ.get(k) == v for k,v in {NO_REPORTS}.items()), sys.modules.get('openvino_telemetry', 0))"
FIRST = ['petlearn', 'petlearn.core', 'petlearn.privacy', 'petlearn.lite', 'petlearn.runs.run', 'petlearn.process']

@pytest.mark.slow
def test_whatever_is_imported_first():
    for o in FIRST: assert python(f'import {o}\n{STATE}') == 'True None\n', o
    assert python(f'import petlearn\n{STATE}', ORT_DISABLE_TELEMETRY='0', DO_NOT_TRACK='') == 'True None\n'

@pytest.mark.slow
def test_children_inherit_it():
    child = f"from petlearn.process import fresh_python; fresh_python({STATE!r}).wait()"
    assert python(child) == 'True 0\n', 'it has not imported petlearn'

EARLY = "import sys, types; sys.modules['{}'] = types.ModuleType('early'); import petlearn; from petlearn.privacy import stop_reports; stop_reports()"

@pytest.mark.slow
def test_too_late_is_said():
    for o in ('onnxruntime', 'openvino_telemetry'): assert python(EARLY.format(o)).count(f'Imported before petlearn: {o}. It reports') == 1
    assert python(EARLY.format('onnxruntime'), ORT_DISABLE_TELEMETRY='1') == python(EARLY.format('numpy')) == ''

def test_nobody_imports_a_library_that_reports_before_petlearn():
    "In the package, its notebooks and benchmarks; among the tests, conftest.py comes first."
    for o in [*House(ROOT).files.values(), *(ROOT/'nbs').rglob('*.ipynb'), *(ROOT/'benchmarks').glob('*.py')]:
        text = o.read_text()
        reports = re.search(r'\bimport (\w+, )*(onnxruntime|openvino)\b|\bfrom openvino\b', text)
        stops = re.search(r'from (petlearn|\.\.?)\b|import petlearn|ORT_DISABLE_TELEMETRY', text)
        assert not reports or stops and stops.start() < reports.start(), o

# ---- pages

ASKED = re.compile(r'''(?:<(?:link|script|img|iframe|source|object|embed)\b[^>]*?(?:href|src|data)\s*=\s*["']?|\burl\(\s*["']?|\bimport\s*\(?\s*["'])\s*((?:https?:)?//[^"'\s)>]+)''', re.I)

def test_what_a_page_asks_for_is_found():
    for o in ('<link rel="x" href="https://a.b/c.css">', "<script src='//a.b/c.js'>", 'url(http://a.b/c.woff)', 'await import("https://a.b/c.mjs")', '<img alt="" src=https://a.b/c.png>'): assert ASKED.search(o), o
    for o in ('<a href="https://a.b">', '<link rel="icon" href="data:,">', '<script src="own.js">', 'xmlns="http://www.w3.org/2000/svg"', "url(data:image/png;base64,//8A)"): assert not ASKED.search(o), o

@pytest.mark.slow
def test_files_of_pages(run):
    nb = nbformat.read(ROOT/'nbs/walkthrough.ipynb', as_version=4)
    nb.metadata['widgets'] = {'application/vnd.jupyter.widget-state+json': dict(state={}, version_major=2, version_minor=0)}
    pages = {'walkthrough.html': walkthrough.page(nb), 'report.html': run.report().save().read_text()} | {o.name: o.read_text() for o in (ROOT/'petlearn/static').iterdir()}
    assert {k: found for k,o in pages.items() if (found := ASKED.findall(o))} == {}

PICTURE = re.compile(r'!\[[^\]]*\]\(\s*<?((?:https?:)?//[^\s)]+)')

def test_notebooks_load_nothing_when_they_are_opened():
    "Neither their text nor the outputs that were saved with them."
    for o in (ROOT/'nbs').rglob('*.ipynb'):
        nb = nbformat.read(o, as_version=4)
        shown = [c.source for c in nb.cells if c.cell_type == 'markdown'] + [''.join(out.get('data', {}).get('text/html', '')) for out in walkthrough.outputs(nb)]
        for text in shown: assert ASKED.findall(text) == PICTURE.findall(text) == [], o

def test_jupyterlab_as_make_starts_it():
    commands = [o for o in (ROOT/'Makefile').read_text().splitlines() if 'jupyter lab' in o]
    assert commands and all('NeverCheckForUpdate' in o and 'news_url= ' in o for o in commands)

# ---- files and folders

def test_the_list_of_folders():
    text = (ROOT/'data/README.md').read_text()
    for o in PLACES: assert f'`{o.folder}`' in text and (not o.variable or f'`{o.variable}`' in text), o

class Watched:
    "A Python that runs `code` under strace, with an empty home folder, and none of the settings that the tests have."
    def __init__(self, home, code, *args, **kwargs):
        self.home,self.work = home,home/'work'
        for o in (self.work, home/'tmp'): o.mkdir(parents=True)
        own = re.compile('|'.join(['XDG_', 'PETLEARN_', 'JUPYTER_', 'MPL', 'HF_', *(o.variable for o in PLACES if o.variable), *NO_REPORTS]))
        env = {k: v for k,v in os.environ.items() if not own.match(k)} | dict(HOME=str(home), TMPDIR=str(home/'tmp'), PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE='1')
        self.process = trace([sys.executable, '-c', code, *args], self.work, home/'log', env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kwargs)

    def line(self): return self.process.stdout.readline().strip()

    def end(self):
        "Let it end, and say what was seen."
        self.said = self.process.communicate('\n')[0]
        assert self.process.returncode == 0, self.said
        return Trace(self.home/'log', self.work)

    def unexpected(self, seen):
        "What was written into no folder of the list; `pets` is the folder that the code names."
        listed = {o.folder: o.folder.replace('~', str(self.home)) for o in PLACES} | {'runs': f'{self.work}/runs', '/tmp': f'{self.home}/tmp', 'named': f'{self.work}/pets'}
        inside = tuple(f'{o}/' for o in ['/dev', '/proc', *listed.values()])
        return [o for o in sorted(seen.written) if not f'{o}/'.startswith(inside) and not any(f.startswith(f'{o}/') for f in listed.values())]

# ---- what strace sees

BAD = """import os, socket, subprocess, sys
def attempt(f, *args):
    try: f(*args)
    except OSError: pass
attempt(socket.getaddrinfo, 'petlearn.invalid', 80)
attempt(socket.socket().connect, ('192.0.2.1', 9))
attempt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto, b'', ('192.0.2.2', 9))
attempt(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect, ('2001:db8::1', 9))
attempt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect, ('127.0.0.1', 53))
attempt(socket.socket().connect, ('127.0.0.1', 80))
subprocess.run([sys.executable, '-c', "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(('192.0.2.3', 9))"])
os.makedirs(os.path.expanduser('~/.cache/Microsoft'))
open('secret', 'w').close()
os.rename('secret', 'pets')
os.mkdir('pets-2')
os.makedirs('runs/V001')
open(os.path.expanduser('~/.fastai'), 'w').close()
try: open('/nowhere/file', 'w')
except OSError: pass
"""

@needs_strace
@pytest.mark.slow
def test_it_would_be_seen(tmp_path):
    "Nothing of this is sent: strace lets each such call fail."
    w = Watched(tmp_path, BAD, inject='connect,sendto,sendmmsg:error=ENETUNREACH')
    seen = w.end()
    assert any('/etc/resolv.conf' in o for o in seen.elsewhere), 'a lookup'
    for o in ('connect 192.0.2.1 port 9', 'sendto 192.0.2.2 port 9', 'connect 2001:db8::1 port 9', 'connect 127.0.0.1 port 53', 'connect 192.0.2.3 port 9'): assert o in seen.elsewhere, o
    assert not any('port 80' in o for o in seen.elsewhere), 'a server on this computer'
    assert [os.path.relpath(o, tmp_path) for o in w.unexpected(seen)] == ['.cache/Microsoft', 'work/pets-2', 'work/secret']

# ---- the kit, a stranger, the app and the service: all at the same time, since they must be watched for a while

KIT = f"""import time
from petlearn.all import *
from petlearn import lite
import timm
from safetensors.torch import save_file
start = time.monotonic()
pets = draw_pets('pets', n=24, seed=3)
child = train(pets, size=64, epochs=1, background=True)
run = train(pets, size=64, epochs=1, fine_tune_epochs=1)
photo = pets/'Abyssinian_1.jpg'
check(pets)
run.report().save()
run.interpret()._repr_html_()
network = backbone('mobilenetv3_small_050') # one of timm's, with weights on this computer: nobody is asked for newer ones
network.weights.parent.mkdir(parents=True)
save_file(timm.create_model(network.name).state_dict(), network.weights)
split = split_photos(pets)
features(split, network.name, 64)
pet_learner(photo_dataloaders(split, 64), network.name)
print(run.predict(photo).label == lite.load(run.export()).predict(photo).label, [o.state for o in follow(child)][-1])
time.sleep(max(0, {DELAY} - (time.monotonic()-start)))
"""
SERVER = f"import sys, time; from petlearn.deploy.{{0}} import start_{{0}}; o = start_{{0}}(sys.argv[1]); print(o.url, flush=True); input(); o.stop()"
CARD = dict(run='V001-x', arch='resnet18', size=32, labels=['cat', 'dog'], temperature=1., limit=None, metrics={}, dataset=dict(version='x', photos={}), preprocessing=[], licence='x', versions=dict(petlearn='0'), parity=dict(photos=1))

def stranger(model):
    "The code in the card of a model, as somebody runs it who has only onnxruntime."
    code = next(o for o in re.findall('```python\n(.*?)```', model_card(CARD, {}), re.S) if 'InferenceSession' in o)
    return f"import numpy, time\npixels = numpy.zeros((1, 32, 32, 3), 'uint8')\n{code.replace('this folder', str(model))}\nprint(probabilities.shape)\ntime.sleep({DELAY})"

@pytest.fixture(scope='module')
def watched(tmp_path_factory):
    home = tmp_path_factory.mktemp('watched')
    model = tiny_model(home/'model')
    codes = dict(kit=KIT, app=SERVER.format('app'), service=SERVER.format('service'), stranger=stranger(model))
    found = {name: Watched(home/name, code, model) for name,code in codes.items()}
    for o in ('app', 'service'): found[o].url,found[o].ready = found[o].line(),time.monotonic()
    yield found
    for o in found.values():
        if o.process.poll() is None: o.process.communicate('\n')

def check_quiet(w):
    seen = w.end()
    print(f"{w.home.name}: {seen.calls:,} calls of it and its children, {len(seen.elsewhere)} to elsewhere; {len(seen.written):,} files and folders written, {len(w.unexpected(seen))} unexpected")
    assert seen.elsewhere == [] and w.unexpected(seen) == []
    assert seen.calls, 'it was watched'

def photo(folder): return (draw_pets(folder/'pets', n=1, seed=5)/'Abyssinian_1.jpg').read_bytes()

def wait(page, since):
    "Keep the `page` open until so much time has passed that a late lookup would have been seen."
    page.wait_for_timeout(1000*max(0, DELAY - (time.monotonic()-since)))

@needs_strace
@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize('name', ['app', 'service'])
def test_the_page(watched, browser, tmp_path, name):
    v = Visit(browser, watched[name].url, tmp_path)
    v.upload('pet.jpg', photo(tmp_path))
    expect(v.page.get_by_role('article')).to_have_count(1)
    wait(v.page, watched[name].ready)
    assert v.elsewhere == v.errors == []
    assert [o for o in ASKED.findall(v.page.content()) if not o.startswith(v.url)] == []
    v.page.close()
    check_quiet(watched[name])

@needs_strace
@pytest.mark.slow
def test_the_kit(watched):
    check_quiet(watched['kit'])
    assert watched['kit'].said.strip() == "True SUCCEEDED"

@needs_strace
@pytest.mark.slow
def test_a_stranger_with_the_card_of_a_model(watched):
    check_quiet(watched['stranger'])
    assert watched['stranger'].said == '(1, 2)\n'
