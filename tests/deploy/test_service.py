"The service: every answer is declared, every bad request gets words, nothing is kept and nothing is run."
import http.client, importlib.util, json, pickle, re, socket, subprocess, sys, threading, time
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
from petlearn.deploy.guards import Room, is_local
from petlearn.deploy.opening import open_model
from petlearn.deploy.service import make_server, make_service, serve, service_of, start_service
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
def app(model): return make_service(model, max_mb=1, dataset='tiny-1', tested='1 of 80 wrong')

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
    assert client.get('/health').json() == dict(status='ok', labels=['cat', 'dog'], tested='1 of 80 wrong', dataset='tiny-1', max_mb=1, petlearn=__version__)

def test_bad_and_odd_photos(client, model):
    "One of each kind; all of them are in the tests of lite."
    for o in {o.kind: o for o in BAD}.values():
        r = client.post('/predict', content=o.content, headers=IMAGE)
        if must_fail(o): assert r.status_code == 422 and o.says in ' '.join(sentences(r).values()), o.name
        else: assert r.status_code == 200, o.name
    for o in {o.case: o for o in ODD}.values():
        r = client.post('/predict', content=o.content, headers={'Content-Type': 'application/octet-stream'})
        assert r.status_code == 200 and r.json() == model.predict(o.content).to_dict(), o.name

def kind(o): return {'Content-Type': o}

FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n' + JPEG + b'\r\n--x--'
REQUESTS = [
    # what the bytes are decides, whatever the type says
    *[('POST', '/predict', h, JPEG, 200, '') for h in ({}, kind('text/plain'), kind('image/'), kind('binary/octet-stream'), kind('x/<b>' + 'y'*500), kind(''), kind('application/x-www-form-urlencoded'), kind('image/jpg'), kind(';'))],
    ('POST', '/predict', kind('IMAGE/PNG; charset=x'), PNG, 200, ''), ('POST', '/predict', kind('image/png'), JPEG, 200, ''),
    *[('POST', '/predict', kind(o), FORM, 415, 'alone is the body') for o in ('multipart/form-data; boundary=x', 'application/json', 'application/ld+json', 'text/html', 'Application/X-WWW-Form-Urlencoded')],
    *[('POST', '/predict', kind(o), FORM, 422, 'not a photo') for o in ('image/jpeg', 'application/octet-stream', 'x/y')], ('POST', '/predict', {}, FORM, 422, 'not a photo'),
    *[('POST', '/predict', IMAGE | {'Content-Encoding': o}, JPEG, 415, 'Content-Encoding') for o in ('gzip', 'GZIP', 'br', 'gzip, gzip', 'x'*500)], ('POST', '/predict', IMAGE | {'Content-Encoding': 'identity'}, JPEG, 200, ''),
    # pages of the web
    ('POST', '/predict', IMAGE | {'Sec-Fetch-Site': 'cross-site'}, JPEG, 403, 'from elsewhere'), ('POST', '/predict', IMAGE | {'Sec-Fetch-Site': 'same-origin'}, JPEG, 200, ''),
    # sizes
    ('POST', '/predict', IMAGE, bytes(10**6+1), 413, '1,000,000 bytes'), ('POST', '/predict', IMAGE | {'Content-Length': '99999999'}, b'', 413, '1,000,000 bytes'),
    ('POST', '/predict', IMAGE, iter([bytes(2**19)]*3), 413, 'Expected 1 MB'), ('POST', '/predict', IMAGE | {'Content-Length': '9e9'}, JPEG, 200, ''), ('POST', '/predict', IMAGE, b'', 422, 'empty'),
    # names and paths do nothing
    ('POST', '/predict', IMAGE, b'/etc/passwd', 422, 'not a photo'), ('POST', '/predict', IMAGE, 'Mürrische 猫.jpg'.encode(), 422, 'not a photo'),
    ('POST', '/predict', IMAGE | {'Content-Disposition': 'attachment; filename="../../x.jpg"', 'X-File-Name': '/etc/x'}, JPEG, 200, ''), ('POST', '/predict?path=/etc/passwd', IMAGE, JPEG, 200, ''),
    # methods and addresses
    ('GET', '/predict', {}, None, 405, 'Method'), ('PUT', '/predict', IMAGE, JPEG, 405, 'Method'), ('HEAD', '/predict', {}, None, 405, None), ('DELETE', '/', {}, None, 405, 'Method'), ('BREW', '/health', {}, None, 405, 'Method'),
    *[('HEAD', o, {}, None, 200, None) for o in ('/', '/health', '/openapi.json', '/page.js', '/favicon.ico')], *[('OPTIONS', o, {}, None, 204, None) for o in ('/', '/health', '/openapi.json', '/predict')],
    ('OPTIONS', '/nowhere', {}, None, 404, None), ('HEAD', '/nowhere', {}, None, 404, None), ('GET', '/nowhere', {}, None, 404, 'POST /predict'),
    ('POST', '/predict/', IMAGE, JPEG, 404, 'POST /predict'), ('GET', '/%2e%2e/%2e%2e/etc/passwd', {}, None, 404, 'Not Found'), ('GET', '/猫', {}, None, 404, 'Not Found'), ('GET', '/redoc', {}, None, 404, 'Not Found'),
]

def test_requests(client):
    for method,path,headers,body,status,says in REQUESTS:
        r = client.request(method, path, headers=headers, content=body)
        assert r.status_code == status, (method, path, headers)
        if says: assert says in ' '.join(sentences(r).values()), (method, path, headers)
        if status in (204, 405): assert r.headers['allow'] == ('OPTIONS, POST' if 'predict' in path else 'GET, HEAD, OPTIONS'), (method, path)
        if method in ('HEAD', 'OPTIONS') and status != 404: assert r.content == b'', (method, path)

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
    for path in ('/', *re.findall('(?:src|href)="([^"#]+)"', page)):
        r = client.get(f"/{path.lstrip('/')}")
        assert r.status_code == 200 and 'innerHTML' not in r.text, path
        assert not re.search('https?://[a-z]', r.text.replace('http://www.w3.org/2000/svg', '').replace('http://{host}', '')), path
    assert client.get('/docs', follow_redirects=False).headers['location'] == '/#programs', "FastAPI's own would load scripts from the web"

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
    assert sorted(paths['/predict']['post']['responses']) == ['200', '400', '403', '408', '413', '415', '422', '500', '503']

# ---- over a real connection

@contextmanager
def listening(service, **kwargs):
    "Its address, while it answers in a thread."
    server,s = make_server(service, **kwargs),open_port(None, 2300)
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

BROKEN = [HEAD + b'Content-Length: -5\r\n\r\n', HEAD + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345', HEAD + b'Content-Length: ' + b'9'*40 + b'\r\n\r\n', HEAD + b'X: ' + b'y'*100_000,
          HEAD + b'Transfer-Encoding: gzip\r\n\r\n', b'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n', b'GET /health HTTP/1.0\r\n\r\n', b'\x16\x03\x01 this is no HTTP\r\n\r\n', b'GET /health HTTP/9.9\r\n\r\n']

def test_large_and_broken_requests(model):
    with listening(make_service(model, max_mb=1)) as address:
        for o in BROKEN:
            got = raw(address, o)
            assert got.startswith('HTTP/1.1 400') and '"what"' in got, o[:100]
        assert raw(address, HEAD + b'Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n').startswith('HTTP/1.1 413')
        assert raw(address, HEAD + b'Transfer-Encoding: chunked\r\n\r\n', *[b'40000\r\n' + bytes(0x40000) + b'\r\n']*8, b'0\r\n\r\n').startswith('HTTP/1.1 413')
        for _ in range(10): socket.create_connection(address).close()
        with socket.create_connection(address) as c: c.sendall(HEAD + b'Content-Length: 50000\r\n\r\nabc') # and goes away
        whole = HEAD + b'Content-Length: %d\r\n' % len(JPEG)
        half = len(JPEG)//2
        for parts in ((whole + b'\r\n', JPEG), (whole + b'Expect: 100-continue\r\n\r\n', JPEG), (HEAD + b'Content-Length: %d\r\n' % len(JPEG) + whole[len(HEAD):] + b'\r\n', JPEG),
                      (HEAD + b'Transfer-Encoding: chunked\r\n\r\n', *[b'%x\r\n' % len(o) + o + b'\r\n' for o in (JPEG[:half], JPEG[half:])], b'0\r\n\r\n')):
            good = raw(address, *parts, pause=.01)
            assert 'HTTP/1.1 200' in good and 'predicted_label' in good and 'server:' not in good.lower(), parts[0]
        with socket.create_connection(address, timeout=20) as c: # three at once over one connection
            c.sendall((whole + b'\r\n' + JPEG)*3)
            got = b''
            while got.count(b'predicted_label') < 3: got += c.recv(65536)

def test_slow_clients_make_nobody_wait(model):
    with listening(make_service(model, max_mb=1, timeout=1.5), patience=1.5) as address:
        slow = [socket.create_connection(address, timeout=20) for _ in range(200)]
        for i,c in enumerate(slow): c.sendall((HEAD + b'Content-Length: 50000\r\n\r\nabc') if i % 2 else HEAD)
        start = time.monotonic()
        good = raw(address, HEAD + b'Content-Length: %d\r\n\r\n' % len(JPEG), JPEG)
        waiting = time.monotonic()-start < 1.4 # else it says nothing
        assert good.startswith('HTTP/1.1 200')
        for c in slow[1::2]:
            got = b''.join(iter(lambda: c.recv(9999), b'')).lower()
            assert got.startswith(b'http/1.1 408') and b'3 bytes came in 1.5 seconds' in got and b'connection: close' in got
        for c in slow[::2]:
            try: assert c.recv(9999) == b'', 'its request never came'
            except ConnectionResetError: pass
        assert waiting, 'a good client waited for slow ones'

def test_too_many_photos_at_once(model, monkeypatch):
    from petlearn.deploy import service
    room = Room(500_000)
    monkeypatch.setattr(service, 'Room', lambda most: room)
    def wait_until(used):
        until = time.monotonic() + 20
        while room.used != used and time.monotonic() < until: time.sleep(.01)
        assert room.used == used
    with listening(make_service(model, max_mb=1)) as address:
        with socket.create_connection(address) as c:
            c.sendall(HEAD + b'Content-Length: 900000\r\n\r\n' + bytes(490_000))
            wait_until(490_000)
            full = raw(address, HEAD + b'Content-Length: 60000\r\n\r\n', bytes(60_000))
            assert full.startswith('HTTP/1.1 503') and 'Too many photos' in full and 'retry-after' in full.lower()
            wait_until(490_000)
        wait_until(0)
        assert raw(address, HEAD + b'Content-Length: %d\r\n\r\n' % len(JPEG), JPEG).startswith('HTTP/1.1 200')

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
    client = TestClient(service_of(run.path/'model'), base_url='http://127.0.0.1')
    assert 'run.export()' in capsys.readouterr().err and client.get('/health').json()['dataset'] in run.dataset
    assert client.post('/predict', content=JPEG, headers=IMAGE).json() == open_model(run.path/'model').predict(JPEG).to_dict()

def test_stop_after_ends_it(folder, monkeypatch, capsys):
    from petlearn.deploy import service
    monkeypatch.setattr(service, 'parse_duration', lambda o: .2)
    serve(folder, stop_after='1h', announce=print)
    out,err = capsys.readouterr()
    assert out.startswith('http://127.0.0.1:') and out.count('\n') == 1 and err.startswith('It answers, on this computer only') and err.endswith('The service has ended.\n')

def test_ctrl_c_ends_it_calmly(folder):
    for command in (['serve'], ['app', '--no-browser']):
        code = f'import sys; from petlearn.cli import main; sys.exit(main([*{command}, {str(folder)!r}]))'
        p = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        address = urlsplit(p.stdout.readline().strip())
        c = http.client.HTTPConnection(address.hostname, address.port, timeout=60) # it listens already
        c.request('GET', '/health')
        assert json.loads(c.getresponse().read())['status'] == 'ok'
        p.send_signal(2)
        assert p.communicate(timeout=20)[1].splitlines()[1:] == ['The page is closed.' if 'app' in command else 'The service has ended.'] and p.returncode == 0
