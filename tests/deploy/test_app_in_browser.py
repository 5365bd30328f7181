"The page of the app and of the service, in a real browser; with PETLEARN_SHOTS=folder, pictures are kept there."
from io import BytesIO
from urllib.parse import urlsplit
import pytest
from PIL import Image
from browser import Visit, browser, expect, needs_chromium # noqa: F401 a fixture
from tiny import tiny_model
from petlearn.deploy.app import start_app

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
def app(folder):
    o = start_app(folder)
    yield o
    o.stop()

@pytest.fixture
def visit(browser, app, tmp_path):
    v = Visit(browser, app.url, tmp_path)
    expect(v.page.get_by_role('button', name='Choose photos …')).to_be_visible()
    yield v
    v.page.close()

def cards(visit): return visit.page.get_by_role('article')
def note(visit): return visit.page.locator('.petlearn-drop [role=status] p')

UPLOADS = [('<i>Kitty.jpg', RED, 'cat', 'cat'), ('dog.jpg', BLUE, 'dog', 'dog'), ('dog.jpg', BLUE, 'dog', 'dog'),
           ('white.jpg', WHITE, 'neither cat nor dog', 'like nothing that the model has learned from'),
           ('<img src=x onerror=alert(1)>.jpg', b'remember to feed the cat', '⚠ No answer', 'is not a photo that can be opened: it looks like a text'),
           ('large.jpg', BLUE + bytes(24*MB - len(BLUE)), 'dog', 'dog')]

def test_a_card_for_each_photo_that_stays_after_a_reload(visit):
    page = visit.page
    expect(page.get_by_text('The model knows these labels, and nothing else: cat, dog. Tested on photos that it had not learned from: 1 of 80 wrong.')).to_be_visible()
    visit.shot('page empty')
    for i,(name,content,heading,words) in enumerate(UPLOADS, 1):
        visit.upload(name, content)
        expect(cards(visit)).to_have_count(i)
        expect(cards(visit).first.get_by_role('heading')).to_have_text(heading)
        for o in (name, words): expect(cards(visit).first).to_contain_text(o)
        expect(cards(visit).first.get_by_role('img')).to_have_count(0 if 'No' in heading else 1)
        expect(page.locator('#said')).to_contain_text(name)
    visit.upload('too large.jpg', bytes(26*MB))
    expect(note(visit)).to_contain_text('Expected at most 25 MB')
    visit.shot('page answers')
    page.reload()
    expect(cards(visit)).to_have_count(len(UPLOADS))
    expect(cards(visit).first.get_by_role('heading')).to_have_text('dog')
    page.get_by_role('button', name='Clear').click()
    expect(cards(visit)).to_have_count(0)
    page.reload()
    expect(page.get_by_role('button', name='Choose photos …')).to_be_visible()
    expect(cards(visit)).to_have_count(0)
    assert visit.elsewhere == visit.errors == []

def test_for_programs(visit):
    visit.page.goto(f'{visit.url}/docs')
    expect(visit.page.get_by_text('curl --data-binary')).to_contain_text(f'{visit.url}/predict')

def test_a_server_that_is_stopped_and_comes_back(browser, folder, tmp_path):
    app = start_app(folder)
    v = Visit(browser, app.url, tmp_path)
    v.upload('cat.jpg', RED)
    expect(cards(v)).to_have_count(1)
    app.stop()
    v.upload('dog.jpg', BLUE)
    expect(note(v)).to_contain_text('the computer that answers was stopped or restarted. Your cards stay.')
    expect(v.page.get_by_role('progressbar')).to_be_hidden()
    expect(cards(v)).to_have_count(1)
    app = start_app(folder, port=urlsplit(app.url).port)
    try:
        v.upload('dog.jpg', BLUE)
        expect(cards(v)).to_have_count(2)
        expect(note(v)).to_have_count(0)
    finally: app.stop()
    v.page.close()

CAMERA = {'NotFoundError': 'No camera was found', 'NotAllowedError': "Allow it beside the page's address", 'NotReadableError': 'another program uses it', 'TypeError': '(odd). Choose a photo.'}

def test_why_there_is_no_camera(visit):
    for name,says in CAMERA.items():
        visit.page.evaluate("name => { navigator.mediaDevices.getUserMedia = async () => { throw Object.assign(new Error('odd'), { name }) } }", name)
        visit.page.get_by_role('button', name='Take a photo').click()
        expect(note(visit).last).to_contain_text(says)
        assert ('Allow' in note(visit).last.inner_text()) == (name == 'NotAllowedError')

def test_a_photo_from_the_camera(visit):
    visit.page.get_by_role('button', name='Take a photo').click()
    visit.page.get_by_role('button', name='Take it').click()
    expect(cards(visit)).to_have_count(1)
    expect(cards(visit)).to_contain_text('camera.jpg')

def test_it_fits_a_phone_and_has_a_dark_theme(visit):
    visit.upload('a-name-without-any-space-that-is-longer-than-the-page-of-a-phone-is-wide.jpg', RED)
    expect(cards(visit)).to_have_count(1)
    visit.page.set_viewport_size(dict(width=390, height=800))
    visit.page.emulate_media(color_scheme='dark')
    assert visit.page.evaluate('document.documentElement.scrollWidth') == 390
    assert visit.page.evaluate('getComputedStyle(document.body).backgroundColor') == 'rgb(23, 24, 27)'
    visit.shot('page dark')
