"The upload page as an app, and the service's own page, in a real browser; with PETLEARN_SHOTS=folder, pictures are kept there."
import os, re
from io import BytesIO
from pathlib import Path
import pytest
from PIL import Image
from browser import browser, expect, needs_chromium # noqa: F401 a fixture
from tiny import tiny_model
from petlearn.deploy.app import start_app
from petlearn.deploy.service import start_service

pytestmark = [needs_chromium, pytest.mark.slow]
MB = 10**6

def jpeg(colour):
    f = BytesIO()
    Image.new('RGB', (300, 200), colour).save(f, 'JPEG')
    return f.getvalue()

RED,BLUE,WHITE = jpeg('#e02010'),jpeg('#2030d0'),jpeg('white')

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('browser')/'model')

class Visit:
    "A page that is watched: what it asked from elsewhere, and what it complained about."
    def __init__(self, browser, url, folder):
        self.folder = folder/'chosen'
        self.folder.mkdir(exist_ok=True)
        self.page,self.elsewhere,self.errors = browser.new_page(viewport=dict(width=1000, height=900)),[],[]
        self.page.set_default_timeout(40_000)
        self.page.on('request', lambda o: None if o.url.startswith((url.split('?')[0], 'data:', 'blob:')) else self.elsewhere.append((o.url, o)))
        self.page.on('pageerror', lambda o: self.errors.append(str(o)))
        self.page.goto(url)

    def upload(self, name, content):
        (self.folder/name).write_bytes(content) # a large one handed over directly takes playwright half a minute
        self.page.locator('input[type=file]').set_input_files(self.folder/name)

    def shot(self, name):
        if folder := os.getenv('PETLEARN_SHOTS'): self.page.screenshot(path=str(Path(folder)/f'{name}.png'), full_page=True)

@pytest.fixture(scope='module')
def visit(browser, folder):
    pytest.importorskip('voila', reason="this test needs: pip install 'petlearn[app]'")
    app = start_app(folder)
    v = Visit(browser, app.url, folder.parent)
    yield v
    v.page.close()
    app.stop()

def test_the_page_as_a_friend_sees_it(visit):
    page = visit.page
    expect(page.get_by_text('It knows these labels, and nothing else: cat, dog.')).to_be_visible()
    expect(page.get_by_role('button', name='Choose photos …')).to_be_visible()
    expect(page.get_by_text('from petlearn')).to_have_count(0)
    expect(page.get_by_text('Or a path')).to_have_count(0)
    assert page.title() == 'petlearn'
    visit.shot('app empty')

def test_a_photo_a_text_a_large_one_and_a_small_one(visit):
    cards = visit.page.locator('.petlearn-answer')
    visit.upload('<i>Kitty.jpg', RED)
    expect(cards).to_have_count(1)
    expect(cards.first).to_contain_text('cat <i>Kitty.jpg')
    visit.upload('text.jpg', b'remember to feed the cat')
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text(re.compile('text.jpg: the upload is not a photo', re.I))
    visit.upload('large.jpg', BLUE + bytes(12*MB - len(BLUE)))
    expect(cards).to_have_count(3)
    expect(cards.first).to_contain_text('dog large.jpg')
    visit.upload('small.jpg', WHITE)
    expect(cards).to_have_count(4)
    expect(cards.first).to_contain_text('neither cat nor dog small.jpg')
    visit.shot('app four')

def test_nothing_is_loaded_from_elsewhere(visit):
    assert visit.errors == []
    assert all(o.failure for _,o in visit.elsewhere), visit.elsewhere # Voilà asks for icons, and its page forbids it

def test_a_second_visitor_has_a_page_of_its_own(visit, browser, folder):
    other = Visit(browser, visit.page.url, folder.parent)
    expect(other.page.get_by_role('button', name='Choose photos …')).to_be_visible()
    expect(other.page.locator('.petlearn-answer')).to_have_count(0)
    other.page.close()

def test_the_service_and_its_page(browser, folder):
    service = start_service(folder)
    try:
        v = Visit(browser, service.url + '/', folder.parent)
        said = v.page.get_by_role('status')
        for name,content,answer in (('cat.jpg', RED, 'cat'), ('dog.jpg', BLUE, 'dog'), ('dog.jpg', BLUE, 'dog'), ('white.jpg', WHITE, 'neither cat nor dog')):
            v.upload(name, content)
            expect(said.get_by_role('heading')).to_have_text(answer)
            expect(v.page.locator('tr')).to_have_count(2)
            expect(v.page.get_by_alt_text(name)).to_be_visible()
        expect(said).to_contain_text('like nothing that the model has learned from')
        v.shot('service answer')
        v.upload('<img src=x onerror=alert(1)>.jpg', b'remember to feed the cat')
        expect(said).to_contain_text('is not a photo that can be opened: it looks like a text')
        v.upload('large.jpg', bytes(21*2**20))
        expect(said).to_contain_text('Expected 20 MB at most')
        v.upload('cat.jpg', RED)
        expect(said.get_by_role('heading')).to_have_text('cat')
        expect(v.page.get_by_text('curl -H')).to_contain_text(f'{service.url}/predict')
        expect(v.page.get_by_text('The model knows cat, dog, and nothing else.')).to_be_visible()
        assert v.errors == [] and v.elsewhere == []
        service.stop()
        v.upload('cat.jpg', RED)
        expect(said).to_contain_text('Is it still running?')
    finally: service.stop()
