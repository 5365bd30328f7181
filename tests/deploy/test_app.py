"The upload page as an app: what it serves, what it doesn't, and how it ends."
import http.client, os, re, socket, subprocess, sys
from http.cookies import SimpleCookie
from urllib.parse import urlsplit
import pytest
from tiny import tiny_model
from petlearn.deploy import app
from petlearn.deploy.app import exported_model, find_model, launch, page, start_app
from petlearn.process import ServerProcess
from petlearn.runs.choosing import finished_run
from petlearn.core import PetLearnError
from helpers import with_state

pytestmark = pytest.mark.slow

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('app')/'model')

# ---- which models

def test_finished_runs(tmp_path):
    for state in ('SUCCEEDED', 'STOPPED'):
        run = with_state(tmp_path/state, state)
        for o in (run, 'V001', '@tiny', 'newest', ''): assert find_model(o, tmp_path/state).path == run.path/'model'
        for o in (run.path, str(run.path), run.path/'model', run): assert exported_model(o).path == run.path/'model'

def test_other_runs_are_refused_with_their_state(tmp_path):
    for state in ('FAILED', 'CANCELED', 'TRY_AGAIN_LATER', 'STATE_UNSPECIFIED', 'RUNNING'):
        folder = tmp_path/state
        run = with_state(folder, state)
        for o in (run, 'V001', '@tiny', '', run.path, run.path/'model'):
            with pytest.raises(PetLearnError, match=f'V001-tiny is {run.state}'): find_model(o, folder)
        with_state(folder, 'SUCCEEDED', 'V002-good')
        with_state(folder, state, 'V003-new')
        assert finished_run('', folder).name == 'good', 'the newest that is finished'

def test_no_such_run(tmp_path):
    for source,says in (('V009', 'There are no runs'), ('@nobody', 'There are no runs'), ('', 'There are no runs'), (5, 'not the name'), ('no/where', 'not the folder of a run'), ('x\0', 'not the name')):
        with pytest.raises(PetLearnError, match=says): find_model(source, tmp_path)

def test_a_folder_without_an_exported_model(tmp_path):
    folder = tiny_model(tmp_path/'model')
    (folder/'model.onnx').unlink()
    with pytest.raises(PetLearnError, match='(?s)no model.onnx.*exported'): exported_model(folder)
    (tiny_model(tmp_path/'damaged')/'model.json').write_text('{')
    with pytest.raises(PetLearnError, match='model.json is damaged'): exported_model(tmp_path/'damaged')

def test_a_run_is_exported_first(tmp_path, monkeypatch, capsys):
    run = with_state(tmp_path, 'SUCCEEDED')
    content = (run.path/'model/model.onnx').read_bytes()
    (run.path/'model/model.onnx').unlink()
    from petlearn.deploy import export
    def pretend(o):
        (o.path/'model/model.onnx').write_bytes(content)
        return o.path/'model'
    monkeypatch.setattr(export, 'export_model', pretend)
    assert exported_model('', tmp_path).path == run.path/'model' and 'is exported first' in capsys.readouterr().err
    assert exported_model('', tmp_path).path == run.path/'model' and capsys.readouterr().err == '', 'only once'

def test_nothing_starts_with_a_bad_time_or_without_the_extra(folder, monkeypatch):
    monkeypatch.setattr(app, 'start_process', lambda *o: pytest.fail('started'))
    with pytest.raises(PetLearnError, match="stop_after='2d'"): start_app(folder, stop_after='2d')
    monkeypatch.setattr('petlearn.process.find_spec', lambda o: None)
    with pytest.raises(PetLearnError, match=re.escape("pip install 'petlearn[app]'")): start_app(folder)

# ---- the page

def test_page_in_words_without_a_model(monkeypatch, tmp_path):
    monkeypatch.delenv('PETLEARN_MODEL', raising=False)
    assert 'petlearn app' in page().value
    monkeypatch.setenv('PETLEARN_MODEL', str(tmp_path/'<b>nowhere'))
    assert 'model.json is missing' in page().value and '<b>' not in page().value

def test_page_with_a_model(monkeypatch, folder):
    monkeypatch.setenv('PETLEARN_MODEL', str(folder))
    text,upload = page().children
    assert 'It knows these labels, and nothing else: cat, dog. Tested on photos that it had not learned from: 1 of 80 wrong.' in text.value
    assert upload.path not in upload.children, 'a guest may not name files of this computer'
    assert 'torch' not in subprocess.run([sys.executable, '-c', 'import sys; from petlearn.deploy.app import page; page(); print([o for o in sys.modules if o in ("torch", "fastai")])'],
                                         capture_output=True, text=True, env=os.environ | dict(PETLEARN_MODEL=str(folder))).stdout

# ---- Voilà

@pytest.fixture(scope='module')
def running(folder):
    pytest.importorskip('voila', reason="this test needs: pip install 'petlearn[app]'")
    o = start_app(folder)
    yield o
    o.stop()

def get(url, path, **headers):
    "Status, headers and text of a page."
    c = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=60)
    c.request('GET', path, headers=headers)
    r = c.getresponse()
    text = r.read().decode('utf-8', 'replace')
    c.close()
    return r.status,r.headers,text

def test_only_with_the_word_in_the_address(running):
    token = urlsplit(running.url).query.removeprefix('token=')
    assert len(token) >= 32 and running.url.startswith('http://127.0.0.1:')
    for path in ('/', '/?token=', '/?token=wrong', '/x', '/api/kernels', '/api/contents', '/voila/api/contents', '/voila/render/petlearn.ipynb'):
        status,headers,_ = get(running.url, path)
        assert status == 302 and headers['Location'].startswith('/login'), path
    status,headers,text = get(running.url, f'/?token={token}')
    assert status == 200 and 'What is in this photo?' in text and 'Traceback' not in text and 'from petlearn' not in text
    assert "default-src 'self'" in headers['Content-Security-Policy']
    assert get(running.url, f'/?token={token}', Host='evil.example')[0] == 403, 'a page elsewhere may give its name to this computer'

def test_no_other_file(running):
    token = urlsplit(running.url).query
    for path in ('/voila/files/petlearn.ipynb', '/voila/files/model.json', '/voila/files/x.png', '/voila/files/..%2f..%2fetc%2fpasswd', '/voila/files//etc/passwd',
                 '/voila/static/..%2f..%2f..%2fetc%2fpasswd', '/voila/static/../../etc/passwd', '/voila/labextensions/..%2f..%2fetc%2fpasswd'):
        for o in (path, f'{path}?{token}'):
            status,_,text = get(running.url, o)
            assert status in (302, 403, 404) and 'root:' not in text and 'onnx' not in text, o

def test_nothing_but_the_page(running):
    cookie = SimpleCookie(get(running.url, '/?' + urlsplit(running.url).query)[1]['Set-Cookie'])
    known = '; '.join(f'{k}={v.value}' for k,v in cookie.items())
    for path in ('/api/contents', '/api/kernels', '/api/terminals', '/voila/api/contents', '/voila/tree', '/lab', '/tree'):
        status,headers,text = get(running.url, path, Cookie=known)
        assert status in (302, 403, 404) and not headers.get('Location', '').startswith('/login') and 'kernel_id' not in text, path

def test_only_its_own_page_may_talk_to_a_kernel(running):
    _,headers,text = get(running.url, '/?' + urlsplit(running.url).query)
    known = '; '.join(f'{k}={v.value}' for k,v in SimpleCookie(headers['Set-Cookie']).items())
    path = f"/api/kernels/{re.search('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', text)[0]}/channels"
    here,shake = running.url.split('/?')[0],{'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='}
    def ask(**more):
        with socket.create_connection((urlsplit(here).hostname, urlsplit(here).port), timeout=20) as c:
            lines = dict(Host=urlsplit(here).netloc) | shake | more
            c.sendall(f"GET {path} HTTP/1.1\r\n{''.join(f'{k}: {v}' + chr(13) + chr(10) for k,v in lines.items())}\r\n".encode())
            return int(c.recv(1000).split()[1])
    assert ask(Cookie=known, Origin=here) == 101
    for o in (dict(Cookie=known, Origin='http://evil.example'), dict(Cookie=known, Origin='null'), dict(Origin=here), dict(Cookie=known, Origin=here, Host='evil.example')): assert ask(**o) == 403, o

def test_a_port_that_is_taken_or_none(running, folder):
    for port,says in ((urlsplit(running.url).port, 'is taken'), (70_000, 'port=70000')):
        with pytest.raises(PetLearnError, match=says): start_app(folder, port=port)

def test_all_of_it_ends(folder, monkeypatch, capsys):
    import psutil
    opened,begun = [],[]
    monkeypatch.setattr(app.webbrowser, 'open', opened.append)
    def seen(self):
        assert get(self.url, '/?' + urlsplit(self.url).query)[0] == 200
        begun.extend(psutil.Process(self.process.pid).children(recursive=True))
        raise KeyboardInterrupt
    monkeypatch.setattr(ServerProcess, 'wait', seen)
    launch(folder)
    said = capsys.readouterr().err
    assert opened[0] in said and said.endswith('The page is closed.\n')
    gone,alive = psutil.wait_procs(begun, timeout=10)
    assert begun and not alive, 'its kernel ends with it'
    with pytest.raises(OSError): socket.create_connection(('127.0.0.1', urlsplit(opened[0]).port), timeout=2)
