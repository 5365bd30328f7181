"The service: every answer is declared, every bad request gets words, nothing is kept and nothing is run."
import http.client, importlib.util, json, pickle, socket, subprocess, sys, threading, time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from inputs import BAD, JPEG, ODD, PNG, must_fail
from tiny import tiny_model
from petlearn import __version__
from petlearn.process import open_port
from petlearn.core import PetLearnError
from petlearn.lite import load
from petlearn.image_io import open_photo
from petlearn.models.prediction import Prediction
from petlearn.deploy.service import is_local, make_server, make_service, open_model, serve, start_service
schemathesis = pytest.importorskip('schemathesis', reason='this test needs: pip install schemathesis')
from starlette.testclient import TestClient # noqa: E402 comes with FastAPI

pytestmark = pytest.mark.slow
spec = importlib.util.spec_from_file_location('benchmark', Path(__file__).parent.parent.parent/'benchmarks'/'service.py')

IMAGE = {'Content-Type': 'image/jpeg'}

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('service')/'model')

@pytest.fixture(scope='module')
def model(folder): return load(folder)

@pytest.fixture(scope='module')
def app(model): return make_service(model, max_mb=1, dataset='tiny-1')

@pytest.fixture(scope='module')
def client(app): return TestClient(app, base_url='http://127.0.0.1')

def sentences(r):
    "The error of a refusal, which has three sentences in JSON."
    assert r.headers['content-type'] == 'application/json' and list(r.json()) == ['what', 'expected', 'fix'] and 'Traceback' not in r.text
    return r.json()

# ---- answers

def test_an_answer_is_what_the_model_says(client, model):
    r = client.post('/predict', content=JPEG, headers=IMAGE)
    assert r.status_code == 200 and r.json() == model.predict(JPEG).to_dict() and list(r.json()['scores']) == list(model.predict(JPEG).probs)
    assert client.get('/health').json() == dict(status='ok', labels=['cat', 'dog'], dataset='tiny-1', petlearn=__version__)

def test_bad_and_odd_photos(client, model):
    "One of each kind; all of them are in the tests of lite."
    for o in {o.kind: o for o in BAD}.values():
        r = client.post('/predict', content=o.content, headers=IMAGE)
        if must_fail(o): assert r.status_code == 422 and o.says in ' '.join(sentences(r).values()), o.name
        else: assert r.status_code == 200, o.name
    for o in {o.case: o for o in ODD}.values():
        r = client.post('/predict', content=o.content, headers={'Content-Type': 'application/octet-stream'})
        assert r.status_code == 200 and r.json() == model.predict(o.content).to_dict(), o.name

REQUESTS = [
    ('POST', '/predict', {}, JPEG, 415, 'no Content-Type'), ('POST', '/predict', {'Content-Type': 'text/plain'}, JPEG, 415, 'text/plain'),
    ('POST', '/predict', {'Content-Type': 'multipart/form-data; boundary=x'}, b'--x', 415, 'multipart'), ('POST', '/predict', {'Content-Type': 'image/'}, JPEG, 415, 'image/'),
    ('POST', '/predict', {'Content-Type': 'IMAGE/PNG; charset=x'}, PNG, 200, ''), ('POST', '/predict', {'Content-Type': 'x/<b>' + 'y'*500}, JPEG, 415, '<b>y'),
    ('POST', '/predict', IMAGE, bytes(2**20+1), 413, '1,048,576 bytes'), ('POST', '/predict', IMAGE | {'Content-Length': '99999999'}, b'', 413, '1,048,576 bytes'),
    ('POST', '/predict', IMAGE, iter([bytes(2**19)]*3), 413, 'Expected 1 MB'), ('POST', '/predict', IMAGE | {'Content-Length': '9e9'}, JPEG, 200, ''),
    ('POST', '/predict', IMAGE, b'/etc/passwd', 422, 'not a photo'), ('POST', '/predict', IMAGE, 'Mürrische 猫.jpg'.encode(), 422, 'not a photo'),
    ('POST', '/predict', IMAGE | {'Content-Disposition': 'attachment; filename="../../x.jpg"', 'X-File-Name': '/etc/x'}, JPEG, 200, ''),
    ('POST', '/predict?path=/etc/passwd', IMAGE, JPEG, 200, ''), ('GET', '/predict', {}, None, 405, 'Method'), ('PUT', '/predict', IMAGE, JPEG, 405, 'Method'),
    ('HEAD', '/predict', {}, None, 405, None), ('DELETE', '/', {}, None, 405, 'Method'), ('GET', '/nowhere', {}, None, 404, 'Not Found'),
    ('GET', '/predict/', {}, None, 404, 'Not Found'), ('GET', '/%2e%2e/%2e%2e/etc/passwd', {}, None, 404, 'Not Found'), ('GET', '/猫', {}, None, 404, 'Not Found'),
]

def test_requests(client):
    for method,path,headers,body,status,says in REQUESTS:
        r = client.request(method, path, headers=headers, content=body)
        assert r.status_code == status, (method, path, headers)
        if says: assert says in ' '.join(sentences(r).values()), (method, path, headers)
        if status == 405: assert r.headers['allow'] == ('POST' if 'predict' in path else 'GET')

HOSTS = {'127.0.0.1': 200, 'localhost:2204': 200, 'LOCALHOST': 200, '[::1]:2204': 200, 'evil.example': 400, '127.0.0.1.evil.example': 400, 'localhost.evil.example:80': 400,
         'evil.example:127.0.0.1': 400, '': 400, '127.0.0.1@evil.example': 400, '0.0.0.0': 400}

def test_only_for_this_computer(client):
    for host,status in HOSTS.items():
        assert is_local([host]) == (status == 200) and not is_local([host, host])
        for path in ('/health', '/', '/nowhere'):
            r = client.get(path, headers={'Host': host})
            assert r.status_code == (404 if path == '/nowhere' and status == 200 else status), (host, path)
            if status == 400: assert 'another computer' in sentences(r)['what']

def test_no_other_page_may_read_or_embed_it(client):
    for r in (client.get('/health', headers={'Origin': 'https://evil.example'}), client.options('/predict', headers={'Origin': 'https://evil.example', 'Access-Control-Request-Method': 'POST'}), client.get('/')):
        assert not [o for o in r.headers if o.startswith('access-control')]
        assert r.headers['x-content-type-options'] == 'nosniff' and r.headers['cache-control'] == 'no-store'
    assert "default-src 'none'" in r.headers['content-security-policy'] and "frame-ancestors 'none'" in r.headers['content-security-policy']

def test_the_page_loads_nothing_from_elsewhere(client):
    "Its script writes labels and names as text: the test in a browser looks at that."
    page = client.get('/').text
    for path in ('/', '/service.css', '/service.js'):
        text = client.get(path).text
        assert 'http://' not in text and 'https://' not in text and 'innerHTML' not in text, path
    assert 'src="service.js"' in page and 'href="service.css"' in page and page.count('<script') == 1
    assert client.get('/docs').status_code == client.get('/redoc').status_code == 404, 'they would load scripts from the web'

def test_a_model_that_fails(capfd):
    class Failing:
        labels = ['cat', 'dog']
        def predict(self, x): raise e
    client = TestClient(make_service(Failing()), base_url='http://127.0.0.1')
    for e,status,says in ((PetLearnError('The answer is not a number.', 'a', 'b'), 422, 'not a number'), (ZeroDivisionError('/secret/path'), 500, 'ZeroDivisionError'), (MemoryError(), 500, 'MemoryError')):
        r = client.post('/predict', content=JPEG, headers=IMAGE)
        assert r.status_code == status and says in sentences(r)['what'] and 'secret' not in r.text
    assert capfd.readouterr() == ('', '')

def test_bad_limits(model):
    for kwargs,says in ((dict(max_mb=0), 'max_mb=0'), (dict(max_mb='20'), "max_mb='20'"), (dict(timeout=0), 'timeout=0'), (dict(timeout=float('nan')), 'timeout=nan')):
        with pytest.raises(PetLearnError, match=says): make_service(model, **kwargs)

def test_answers_that_json_can_not_say():
    class Mad:
        labels = ['cat', 'dog']
        def predict(self, x): return p
    client = TestClient(make_service(Mad()), base_url='http://127.0.0.1')
    for p in (Prediction(dict(cat=.5, dog=.5), novelty=float('nan')), Prediction(dict(cat=float('inf'), dog=.5)), Prediction({}), Prediction(dict(cat=b'x', dog=.5)), None):
        r = client.post('/predict', content=JPEG, headers=IMAGE)
        assert r.status_code == 500 and 'Something unexpected' in sentences(r)['what']

# ---- its own description

QUICK = settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))

class Red:
    "Knows what the tiny model knows, but needs no file: schemathesis wants the service before there are fixtures."
    labels = ['cat', 'dog']
    def predict(self, x):
        red,_,blue = (int(o) for o in open_photo(x).resize((1, 1)).getpixel((0, 0)))
        p = (1 + red)/(2 + red + blue)
        return Prediction(dict(sorted(dict(cat=p, dog=1-p).items(), key=lambda o: -o[1])), novelty=red/50)

for o in ('image/*', 'application/octet-stream'): schemathesis.openapi.media_type(o, st.sampled_from([JPEG, PNG, *(o.content for o in ODD)]))
HERE = dict(headers={'Host': '127.0.0.1'})
described = schemathesis.openapi.from_asgi('/openapi.json', make_service(Red(), max_mb=1), **HERE)

@described.parametrize()
@QUICK
def test_it_keeps_to_its_own_description(case): case.call_and_validate(**HERE)

@given(body=st.binary(max_size=2000) | st.sampled_from([o.content for o in BAD]), kind=st.sampled_from(['image/*', 'application/octet-stream']))
@QUICK
def test_it_keeps_to_it_whatever_comes(body, kind): # bytes that are no photo fit the description, too
    case = described['/predict']['POST'].Case(body=body, media_type=kind)
    case.call_and_validate(**HERE, excluded_checks=[schemathesis.checks.positive_data_acceptance])

def test_all_of_it_is_described(client):
    paths = client.get('/openapi.json').json()['paths']
    assert {k: list(v) for k,v in paths.items()} == {'/health': ['get'], '/predict': ['post']}
    assert sorted(paths['/predict']['post']['responses']) == ['200', '400', '408', '413', '415', '422', '500']

# ---- over a real connection

@contextmanager
def listening(service):
    "Its address, while it answers in a thread."
    server,s = make_server(service),open_port(None, 2300)
    thread = threading.Thread(target=server.run, kwargs=dict(sockets=[s]))
    thread.start()
    try: yield s.getsockname()
    finally:
        server.should_exit = True
        thread.join(20)
        s.close()

def raw(address, *parts, pause=0):
    "What comes back when `parts` are sent, until the connection is closed or nothing more comes."
    with socket.create_connection(address, timeout=20) as c:
        for o in parts:
            try: c.sendall(o)
            except OSError: break
            time.sleep(pause)
        got = b''
        try:
            while b'\r\n\r\n' not in got or not got.endswith(b'}'):
                more = c.recv(65536)
                if not more: break
                got += more
        except OSError: pass
    return got.decode('latin-1')

HEAD = b'POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n'

def test_slow_large_and_broken_requests(model):
    with listening(make_service(model, max_mb=1, timeout=.3)) as address:
        slow = raw(address, HEAD + b'Content-Length: 50000\r\n\r\n', *[b'x'*10]*5, pause=.1)
        assert slow.startswith('HTTP/1.1 408') and 'bytes came in 0.3 seconds' in slow and 'connection: close' in slow.lower()
        assert raw(address, HEAD + b'Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n').startswith('HTTP/1.1 413')
        assert raw(address, HEAD + b'Transfer-Encoding: chunked\r\n\r\n', *[b'40000\r\n' + bytes(0x40000) + b'\r\n']*8, b'0\r\n\r\n').startswith('HTTP/1.1 413')
        assert raw(address, HEAD + b'Content-Length: -5\r\n\r\n').startswith('HTTP/1.1 400')
        assert raw(address, b'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n').startswith('HTTP/1.1 400')
        assert raw(address, b'GET /health HTTP/1.0\r\n\r\n').startswith('HTTP/1.1 400')
        assert raw(address, b'\x16\x03\x01 this is no HTTP\r\n\r\n').startswith('HTTP/1.1 400')
        for _ in range(10): socket.create_connection(address).close()
        with socket.create_connection(address) as c: c.sendall(HEAD + b'Content-Length: 50000\r\n\r\nabc') # and goes away
        good = raw(address, HEAD + b'Content-Length: %d\r\n\r\n' % len(JPEG), JPEG)
        assert good.startswith('HTTP/1.1 200') and 'predicted_label' in good and 'server:' not in good.lower()

def test_two_at_a_time_and_the_others_wait(model):
    class Slow:
        labels,now,most = model.labels,0,0
        def predict(self, x):
            Slow.now += 1
            Slow.most = max(Slow.most, Slow.now)
            time.sleep(.03)
            Slow.now -= 1
            return model.predict(x)
    got = []
    def ask(address):
        c = http.client.HTTPConnection(*address, timeout=30)
        c.request('POST', '/predict', JPEG, IMAGE)
        got.append(c.getresponse().status)
        c.close()
    with listening(make_service(Slow(), timeout=5)) as address:
        threads = [threading.Thread(target=ask, args=(address,)) for _ in range(24)]
        for o in threads: o.start()
        for o in threads: o.join()
    assert got == [200]*24 and Slow.most == 2

# ---- as a process

@pytest.fixture(scope='module')
def service(folder):
    o = start_service(folder)
    yield o
    o.stop()

def test_a_hundred_good_and_bad_requests(service, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(spec.origin).parent)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    trap = tmp_path/'trap'
    replies = benchmark.ask_together(service.url, benchmark.questions(trap), 100, 10)
    assert [(o.question.name, o.status) for o in replies if o.status != o.question.right] == [] and not trap.exists()
    pickle.loads(pickle.dumps(benchmark.Payload(trap)))
    assert trap.exists(), 'the payload does run where somebody unpickles it'

def test_a_process_of_its_own(folder, service):
    assert urlsplit(service.url).hostname == '127.0.0.1' and service.url in repr(service) and 'href=' in service._repr_html_()
    with pytest.raises(PetLearnError, match='is taken'): start_service(folder, port=urlsplit(service.url).port)
    with start_it(folder) as other: assert other.url != service.url
    assert not other.running and 'stopped' in repr(other) and 'href' not in other._repr_html_()
    with pytest.raises(OSError): socket.create_connection(('127.0.0.1', urlsplit(other.url).port), timeout=2)

@contextmanager
def start_it(folder):
    o = start_service(folder)
    try: yield o
    finally: o.stop()

def test_it_ends_with_whoever_started_it(folder):
    code = f'from petlearn.deploy.service import start_service\no = start_service({str(folder)!r})\nprint(o.process.pid, flush=True)\nimport os; os.kill(os.getpid(), 9)'
    r = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    import psutil
    gone,alive = psutil.wait_procs([psutil.Process(int(r.stdout))] if psutil.pid_exists(int(r.stdout)) else [], timeout=15)
    assert not alive

def test_damaged_models_are_refused_in_words(tmp_path):
    for name,content,says in (('model.onnx', 'x', 'model.onnx is damaged'), ('model.json', '{"onnx": 1}', 'is damaged')):
        folder = tiny_model(tmp_path/name/'model')
        (folder/name).write_text(content)
        with pytest.raises(PetLearnError, match=says): start_service(folder)

def test_a_run_that_was_not_exported(run, capsys):
    model,dataset = open_model(run)
    assert 'petlearn export' in capsys.readouterr().err and dataset in run.dataset
    client = TestClient(make_service(model, dataset=dataset), base_url='http://127.0.0.1')
    assert client.post('/predict', content=JPEG, headers=IMAGE).json() == model.predict(JPEG).to_dict()

def test_stop_after_ends_it(folder, monkeypatch, capsys):
    from petlearn.deploy import service
    monkeypatch.setattr(service, 'parse_duration', lambda o: .2)
    serve(folder, stop_after='1h')
    said = capsys.readouterr().err
    assert 'on this computer only' in said and said.endswith('The service has ended.\n')

def test_ctrl_c_ends_it_calmly(folder):
    code = f'import sys; from petlearn.cli import main; sys.exit(main(["serve", {str(folder)!r}]))'
    p = subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.PIPE, text=True)
    line = p.stderr.readline()
    address = urlsplit(line.split()[0])
    until = time.monotonic() + 30
    while time.monotonic() < until:
        c = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
        try: c.request('GET', '/health')
        except OSError: continue
        assert json.loads(c.getresponse().read())['status'] == 'ok'
        break
    p.send_signal(2)
    assert p.communicate(timeout=20)[1] == 'The service has ended.\n' and p.returncode == 0
