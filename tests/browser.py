"JupyterLab in Debian's Chromium, for the tests of what is clicked; with PETLEARN_SHOTS=folder, pictures of it are kept there."
import json, os, shutil, socket, subprocess, sys, time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen
import nbformat
import pytest

playwright = pytest.importorskip('playwright.sync_api', reason='the browser tests need: pip install playwright')
CHROMIUM = shutil.which('chromium')
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason='the browser tests need: apt-get install chromium')
expect = playwright.expect
expect.set_options(timeout=30_000)
FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] # a camera that films a drawing
BIN = Path(sys.executable).parent

@pytest.fixture(scope='module')
def browser():
    "Chromium with nothing open."
    with playwright.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield b
        b.close()

def axe_findings(page, selector):
    "What axe-core finds serious or critical below `selector`: a rule and the element, in text."
    axe = pytest.importorskip('axe_playwright_python', reason='this test needs: pip install axe-playwright-python')
    if not page.evaluate('!!window.axe'): page.evaluate((Path(axe.__file__).parent/'axe.min.js').read_text())
    found = page.evaluate('async o => (await axe.run(o)).violations', selector)
    return [f"{o['id']}: {node['html'][:200]}" for o in found if o['impact'] in ('serious', 'critical') for node in o['nodes']]

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def answers(url):
    try: return urlopen(url, timeout=5).status == 200
    except URLError: return False

@contextmanager
def serving(command, url, home, **env):
    "Start `command` with a home of its own, wait until `url` answers, and end it afterwards."
    env = os.environ | dict(HOME=str(home), PETLEARN_BLOCKED=str(home/'blocked'), IPYTHONDIR=str(home/'ipython'), **{f'JUPYTER_{o}_DIR': str(home/o) for o in ('CONFIG', 'DATA', 'RUNTIME')}) | env
    with open(home/'log', 'wb') as log: server = subprocess.Popen(list(map(str, command)), env=env, stdout=log, stderr=log)
    try:
        while not answers(url):
            assert server.poll() is None, (home/'log').read_text()
            time.sleep(.2)
        yield server
    finally:
        server.terminate()
        server.wait(20)

@contextmanager
def jupyterlab(home, folder):
    "The address of a JupyterLab on `folder`, with the limits that it has by itself."
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    command = [BIN/'jupyter-lab', '--no-browser', '--allow-root', '--ip=127.0.0.1', f'--port={port}', f'--ServerApp.root_dir={folder}', '--IdentityProvider.token=',
               '--ServerApp.disable_check_xsrf=True', '--LabApp.news_url=', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    with serving(command, url + '/api', home): yield url

class Visit:
    "A page that is watched: what it asked from elsewhere, and what it complained about."
    def __init__(self, browser, url, folder):
        self.folder,self.url = folder/'chosen',url.split('?')[0]
        self.folder.mkdir(exist_ok=True)
        self.page,self.elsewhere,self.errors = browser.new_page(viewport=dict(width=1000, height=900)),[],[]
        self.page.set_default_timeout(40_000)
        self.page.on('request', lambda o: self._asked(o.url)) # also what the page's own rules forbid
        self.page.on('websocket', lambda o: self._asked(o.url.replace('ws:', 'http:')))
        self.page.on('pageerror', lambda o: self.errors.append(str(o)))
        self.page.on('console', lambda o: self.errors.append(o.text) if o.type == 'error' and 'the server responded' not in o.text else None)
        self.page.goto(url)

    def _asked(self, url):
        if not url.startswith((self.url, 'data:', 'blob:')): self.elsewhere.append(url)

    def upload(self, name, content):
        (self.folder/name).write_bytes(content) # a large one handed over directly takes playwright half a minute
        self.page.locator('input[type=file]').set_input_files(self.folder/name)

    def shot(self, name):
        if folder := os.getenv('PETLEARN_SHOTS'): self.page.screenshot(path=str(Path(folder)/f'{name}.png'), full_page=True)

def write_notebook(path, cells):
    kernel = dict(display_name='Python 3', language='python', name='python3')
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(o) for o in cells], metadata=dict(kernelspec=kernel)), path)

class Page:
    "The notebook `file` in a JupyterLab at `url` on the folder `top`; its cells `views` show a widget each."
    def __init__(self, browser, url, top, file, views):
        self.url,self.top,self.file,self.views = url,top,file,views
        self.page = browser.new_page(viewport=dict(width=1200, height=1500))
        self.page.set_default_timeout(40_000) # on a machine that does other work, too
        self.keys = self.page.keyboard
        self.open()

    def open(self):
        self.page.goto(f'{self.url}/lab/tree/{self.file.relative_to(self.top)}?reset')
        self.idle()

    def idle(self): self.page.get_by_text('(ipykernel) | Idle').wait_for()

    def menu(self, *names):
        self.page.locator(f'.lm-MenuBar-itemLabel:text-is("{names[0]}")').click()
        self.page.locator(f'.lm-Menu-itemLabel:text-is("{names[1]}")').click()

    def run(self):
        self.menu('Run', 'Run All Cells')
        self.wait()

    def wait(self):
        "Wait until all views are there."
        try:
            for i in self.views: self.view(i).first.wait_for()
        except playwright.TimeoutError: pytest.fail('\n'.join(self.page.locator('.jp-Notebook-cell').all_inner_texts()))

    def restart(self):
        self.menu('Kernel', 'Restart Kernel and Run All Cells…')
        self.page.locator('.jp-Dialog button:has-text("Restart")').click()
        self.page.locator('.jp-Cell').nth(max(self.views)).locator('.jp-InputPrompt:text-is("[*]:")').wait_for()
        self.wait()

    def save(self):
        "Save as a student would, and read what was saved."
        self.press('Control+s')
        expect(self.page.locator('.lm-TabBar-tab.jp-mod-dirty')).to_have_count(0)
        return nbformat.read(self.file, as_version=4)

    def end_kernels(self):
        for o in json.load(urlopen(f'{self.url}/api/sessions')): urlopen(Request(f'{self.url}/api/sessions/{o["id"]}', method='DELETE'))

    def go(self, i): self.cell(i).focus() # as the arrow keys do that go from cell to cell

    def press(self, *names):
        for o in names:
            self.keys.press(o)
            self.page.wait_for_timeout(150) # a list opens after a moment

    def tab_to(self, what, text=''):
        "Press Tab until the focus is on a `what` with `text`."
        for _ in range(60):
            self.keys.press('Tab')
            if self.page.locator(f'{what}:focus').filter(has_text=text).count(): return
        pytest.fail(f'Tab did not reach {what} {text}')

    def cell(self, i): return self.page.locator('.jp-Notebook-cell').nth(i)
    def view(self, i): return self.cell(i).locator('.petlearn')
    def button(self, i, name): return self.view(i).get_by_role('button', name=name, exact=True)
    def says(self, i): return self.view(i).get_by_role('status')

    def shot(self, name, i=None):
        if not (out := os.environ.get('PETLEARN_SHOTS')): return
        (self.page if i is None else self.cell(i)).screenshot(path=f'{out}/{name}.png')
