"Photos on their way from a real JupyterLab in Chromium to the model; with PETLEARN_SHOTS=folder, pictures are kept there."
import json, re
from base64 import b64encode
import pytest
from browser import Page, browser, expect, needs_chromium, write_notebook # noqa: F401 a fixture
from petlearn.html import how_sure

pytestmark = [needs_chromium, pytest.mark.slow]
CELLS = ['''from petlearn.runs.run import Run
from petlearn.widgets.upload import UploadPredictor
run = Run({run!r})''', 'uploads = UploadPredictor(run)\nuploads', 'len(uploads.predictions)']
SETUP,UPLOADS,COUNT = range(3)
MB = 10**6

@pytest.fixture(scope='module')
def page(browser, lab, run):
    file = lab[1]/'upload'/'upload.ipynb'
    file.parent.mkdir()
    write_notebook(file, [CELLS[SETUP].format(run=str(run.path)), *CELLS[UPLOADS:]])
    o = Uploads(browser, *lab, file, views=[UPLOADS])
    o.run()
    expect(o.choose).to_be_visible()
    yield o
    o.end_kernels()

class Uploads(Page):
    "The notebook with a place for photos."
    @property
    def choose(self): return self.button(UPLOADS, 'Choose photos …')
    @property
    def cards(self): return self.view(UPLOADS).locator('.petlearn-answer')
    @property
    def notes(self): return self.view(UPLOADS).locator('.petlearn-drop [role=status] p')
    def choose_files(self, *files): self.view(UPLOADS).locator('input[type=file]').set_input_files(list(files))
    def upload(self, *files): self.choose_files(*[dict(name=name, mimeType='image/jpeg', buffer=content) for name,content in files])
    def clear(self):
        self.button(UPLOADS, 'Clear').click()
        expect(self.cards).to_have_count(0)

@pytest.fixture(scope='module')
def pet(pets_folder): return (pets_folder/'Abyssinian_1.jpg').read_bytes()

@pytest.fixture(autouse=True)
def empty(page):
    yield
    page.clear()

def padded(path, pet, n):
    path.write_bytes(pet + bytes(n - len(pet))) # what comes after the end of a JPEG is not looked at
    return path

def test_a_photo_a_text_and_the_same_again(page, pet, run):
    page.upload(('<i>Kitty.jpg', pet))
    expect(page.cards).to_have_count(1)
    p = run.predict(pet)
    expect(page.cards).to_contain_text(f'{p.answer} <i>Kitty.jpg')
    expect(page.cards).to_contain_text(how_sure(p.probs['cat']))
    expect(page.says(UPLOADS).last).to_contain_text(f'<i>Kitty.jpg: {p.answer}')
    expect(page.view(UPLOADS).locator('.petlearn-plain')).to_be_hidden()
    page.shot('upload one', UPLOADS)
    page.upload(('text.jpg', b'remember to feed the cat'))
    expect(page.cards.first).to_contain_text('text.jpg: the upload is not a photo')
    page.upload(('</i>.jpg', b''))
    expect(page.cards.first).to_contain_text('</i>.jpg: the upload is empty (0 bytes)')
    for i in range(2):
        page.upload(('<i>Kitty.jpg', pet))
        expect(page.cards).to_have_count(4+i)
    page.shot('upload five', UPLOADS)

def test_twelve_at_once_and_why(page, pet, pets_folder):
    files = sorted(pets_folder.glob('*.jpg'))[:12]
    page.upload(*((o.name, o.read_bytes()) for o in files))
    expect(page.cards).to_have_count(12)
    for o,card in zip(files, page.cards.all()): expect(card).to_contain_text(o.name)
    expect(page.says(UPLOADS).last).to_contain_text('12 photos: ')
    page.shot('upload twelve', UPLOADS)
    page.cards.first.get_by_role('button', name='Why?').click()
    expect(page.cards.first.locator('.petlearn-why')).to_contain_text('Nearest training photos')
    page.shot('upload why', UPLOADS)

def test_large_files_and_then_a_small_one(page, pet, tmp_path):
    page.choose_files(padded(tmp_path/'large.jpg', pet, 30*MB), padded(tmp_path/'twelve.jpg', pet, 12*MB))
    expect(page.notes).to_have_text('⚠ large.jpg has 30.0 MB. Expected at most 25 MB. Save a smaller copy.')
    expect(page.view(UPLOADS).locator('progress')).to_be_visible()
    expect(page.view(UPLOADS)).to_contain_text(re.compile(r'photo 1 of 1, \d+\.\d of 12.0 MB'))
    page.shot('upload large', UPLOADS)
    expect(page.cards).to_contain_text(['twelve.jpg'])
    page.upload(('small.jpg', pet))
    expect(page.cards).to_contain_text(['small.jpg', 'twelve.jpg'])
    expect(page.notes).to_have_count(0)

def test_drop_and_paste(page, pet):
    zone = page.view(UPLOADS).locator('.petlearn-drop')
    made = '''([name, b64]) => { const o = new DataTransfer(), bytes = Uint8Array.from(atob(b64), c => c.charCodeAt());
        o.items.add(new File([bytes], name, {type: 'image/jpeg'})); return o; }'''
    carried = page.page.evaluate_handle(made, ['dropped.jpg', b64encode(pet).decode()])
    zone.dispatch_event('dragover', dict(dataTransfer=carried))
    expect(zone).to_have_class(re.compile('petlearn-over'))
    zone.dispatch_event('drop', dict(dataTransfer=carried))
    expect(page.cards).to_contain_text(['dropped.jpg'])
    expect(zone).not_to_have_class(re.compile('petlearn-over'))
    zone.evaluate("(o, data) => o.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}))", carried)
    expect(page.cards).to_have_count(2)

def test_camera(page):
    page.page.evaluate('''() => { const o = navigator.mediaDevices, ask = o.getUserMedia.bind(o); window.streams = [];
        o.getUserMedia = async c => { const s = await ask(c); window.streams.push(s); return s; } }''')
    on = lambda: page.page.evaluate("window.streams.flatMap(o => o.getTracks()).filter(o => o.readyState === 'live').length")
    for how in ('Cancel', 'Escape', 'Take it'):
        page.button(UPLOADS, 'Take a photo').click()
        expect(page.button(UPLOADS, 'Take it')).to_be_focused()
        assert on() == 1
        page.shot('upload camera', UPLOADS)
        page.press(how) if how == 'Escape' else page.button(UPLOADS, how).click()
        expect(page.view(UPLOADS).locator('video')).to_have_count(0)
        assert on() == 0, 'the light is off'
        expect(page.button(UPLOADS, 'Take a photo')).to_be_focused()
    expect(page.cards).to_contain_text(['camera.jpg'])

def test_keyboard_alone(page, pets_folder):
    photo = pets_folder/'Abyssinian_1.jpg'
    page.page.on('filechooser', lambda o: o.set_files(photo)) # once, and early: it takes a moment until Chromium knows
    page.go(UPLOADS)
    page.tab_to('button', 'Choose photos')
    for i,key in enumerate(('Enter', ' ')):
        page.keys.press(key)
        expect(page.cards).to_have_count(i+1)
    page.shot('upload focus', UPLOADS)
    page.tab_to('input')
    page.keys.type(str(photo.parent/'nobody.jpg'))
    page.press('Enter')
    expect(page.view(UPLOADS)).to_contain_text('There is no file or folder')
    page.press('Control+a')
    page.keys.type(str(photo))
    page.press('Enter')
    expect(page.cards).to_have_count(3)
    page.tab_to('button', 'Why?')
    page.press('Enter')
    expect(page.cards.first).to_contain_text('Nearest training photos')
    page.go(UPLOADS)
    page.tab_to('button', 'Clear')
    page.press(' ')
    expect(page.cards).to_have_count(0)

def test_no_photo_is_saved_and_cards_come_back(page, pet):
    page.menu('Settings', 'Save Widget State Automatically')
    page.upload(('kitty.jpg', pet), ('bad.jpg', b'no photo'))
    expect(page.cards).to_have_count(2)
    page.cards.first.get_by_role('button', name='Why?').click()
    expect(page.cards.first).to_contain_text('Nearest training photos')
    nb = page.save()
    text = json.dumps(nb)
    assert len(nb.metadata.widgets['application/vnd.jupyter.widget-state+json']['state']) > 5, 'Jupyter does save the widgets'
    assert 'data:image' not in text and 'kitty' not in text and 'run this cell again' in text
    for i in range(3): assert b64encode(pet[100+i:160+i]).decode()[2:-4] not in text
    page.menu('Settings', 'Save Widget State Automatically') # as it was
    page.open()
    expect(page.cards).to_have_count(2)
    expect(page.cards.first).to_contain_text('Nearest training photos')

def test_python_is_restarted(page, pet):
    "Cards stay, words say what to do, and nothing looks broken."
    page.upload(('kitty.jpg', pet), ('bad.jpg', b'no photo'))
    expect(page.cards).to_have_count(2)
    page.menu('Kernel', 'Restart Kernel…')
    page.page.locator('.jp-Dialog button:has-text("Restart")').click()
    expect(page.cell(UPLOADS).locator('.petlearn.jupyter-widgets-disconnected')).to_be_visible()
    page.shot('upload restarted', UPLOADS)
    shown = page.view(UPLOADS).evaluate("o => [o, ...o.querySelectorAll('*')].map(e => getComputedStyle(e, '::before').content).filter(e => !['none', 'normal'].includes(e))")
    assert len(shown) == 1 and 'run this cell again' in shown[0], 'no icon of a broken chain'
    page.upload(('cat.jpg', pet), ('dog.jpg', pet))
    expect(page.notes).to_have_text(re.compile('Python was restarted.* Run this cell again.* 2 of 2 not sent'))
    expect(page.view(UPLOADS).get_by_role('progressbar')).to_be_hidden()
    expect(page.cards).to_have_count(2)
    page.run()
    page.upload(('cat.jpg', pet))
    expect(page.cards).to_contain_text(['cat.jpg'])

def test_no_answer_from_python(page, pet):
    page.end_kernels()
    page.page.clock.install()
    page.upload(('kitty.jpg', pet))
    expect(page.view(UPLOADS)).to_contain_text('photo 1 of 1')
    page.page.clock.fast_forward(9_000)
    expect(page.view(UPLOADS)).to_contain_text('No answer from Python for 8 seconds')
    page.shot('upload late', UPLOADS)
    page.button(UPLOADS, 'Stop').click()
    expect(page.notes).to_have_text('⚠ Stopped: 1 of 1 not sent.')
    expect(page.choose).to_be_enabled()
