"The upload page as an app, and the service's own page, in a real browser; with PETLEARN_SHOTS=folder, pictures are kept there."
import re
from io import BytesIO
import pytest
from PIL import Image
from browser import Visit, browser, expect, needs_chromium # noqa: F401 a fixture
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
    assert visit.errors == visit.elsewhere == []

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
