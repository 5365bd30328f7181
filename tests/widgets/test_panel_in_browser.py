"The panel for a training in a real JupyterLab: begin, restart the kernel, stop; bad folders; keyboard alone."
import re
import pytest
from browser import Page, browser, expect, needs_chromium, write_notebook # noqa: F401 a fixture
from petlearn.runs.run import State
from petlearn.runs.book import runs

pytestmark = [needs_chromium, pytest.mark.slow]
CELLS = ['from petlearn.widgets.panel import TrainPanel', "TrainPanel('pets')"]
PANEL = 1

@pytest.fixture(scope='module')
def place(lab):
    "A folder with drawn pets, settings that make it quick, and a notebook."
    from petlearn.photos.drawings import draw_pets
    place = lab[1]/'panel'
    draw_pets(place/'pets', n=24, seed=31)
    (place/'petlearn.toml').write_text('[train]\nsize = 64\n')
    write_notebook(place/'panel.ipynb', CELLS)
    return place

@pytest.fixture(scope='module')
def page(browser, place, lab):
    o = Page(browser, *lab, place/'panel.ipynb', [PANEL])
    o.run()
    yield o
    for run in runs(place/'runs'):
        if 'stop' in run.actions: run.stop()
    o.end_kernels()

def panel(page): return page.view(PANEL).first
def monitor(page): return panel(page).locator('.petlearn').first
def field(page, name): return panel(page).get_by_label(name, exact=True)
def fill(page, name, text):
    field(page, name).fill(text)
    field(page, name).press('Tab')
def press(page, name): monitor(page).get_by_role('button', name=name, exact=True).click()
def train(page): return panel(page).get_by_role('button', name='Train', exact=True)

def test_the_arithmetic_follows_and_a_bad_setting_is_told_beside_the_button(page):
    expect(panel(page)).to_contain_text('Labels: cat 12, dog 12')
    expect(panel(page)).to_contain_text('10 epochs, 50 steps in all')
    expect(train(page)).to_be_enabled()
    page.shot('panel', PANEL)
    fill(page, 'Epochs', '0')
    expect(panel(page)).to_contain_text('Not yet: No epochs at all')
    expect(train(page)).to_be_disabled()
    page.shot('panel-bad-setting', PANEL)
    fill(page, 'Epochs', '3')
    expect(panel(page)).to_contain_text('3 epochs, 15 steps in all')
    expect(train(page)).to_be_enabled()

def test_a_folder_that_is_not_there(page):
    fill(page, 'Folders', 'pest')
    expect(panel(page)).to_contain_text("Not yet: There is no folder pest")
    expect(train(page)).to_be_disabled()
    page.shot('panel-no-folder', PANEL)
    fill(page, 'Folders', 'pets')
    expect(train(page)).to_be_enabled()

def test_begin_restart_the_kernel_and_stop(page, place):
    fill(page, 'Fine-tune epochs', '1000')
    train(page).click()
    expect(monitor(page)).to_contain_text('fine-tune: epoch', timeout=90_000)
    expect(panel(page)).to_contain_text('is at work on just that')
    page.shot('monitor-running', PANEL)
    page.restart()
    expect(monitor(page)).to_contain_text('RUNNING')
    run = runs(place/'runs')['V001']
    assert run.state == State.RUNNING, 'it outlived the kernel'
    expect(panel(page)).to_contain_text(f'At work: {run.path.name}')
    before = int(re.search(r'step ([\d,]+)', monitor(page).inner_text())[1].replace(',', ''))
    expect(monitor(page)).not_to_contain_text(f'step {before:,} of')
    page.shot('monitor-after-restart', PANEL)
    press(page, 'Stop')
    expect(monitor(page)).to_contain_text('STOPPED', timeout=60_000)
    expect(monitor(page).get_by_role('button', name='Stop', exact=True)).to_be_disabled()
    press(page, 'Use it')
    expect(monitor(page)).to_contain_text("run = runs()['V001']")
    page.shot('monitor-stopped', PANEL)
    assert run.predict(place/'pets/Abyssinian_1.jpg').label in ('cat', 'dog')

def test_everything_by_keyboard_alone(page, place):
    page.go(PANEL)
    page.tab_to('textarea')
    page.tab_to('button', 'Check photos')
    page.press('Enter')
    expect(panel(page)).to_contain_text('Labels: cat 12, dog 12')
    page.tab_to('select', 'performance_first')
    page.press(' ', 'Home', 'Enter')
    expect(panel(page)).to_contain_text('efficientnet_lite0_small at 160 pixels')
    page.tab_to('select')
    page.tab_to('input')
    page.press('Control+a', '4', 'Enter')
    expect(panel(page)).to_contain_text('4 epochs, 20 steps in all')
    page.tab_to('input[type=range]')
    page.press('ArrowLeft')
    expect(panel(page)).to_contain_text('lr=0.003')
    page.press('ArrowRight')
    for words in ('by-keys', 'my pets', 'without a mouse'):
        page.tab_to('input')
        page.keys.type(words)
    page.tab_to('button', 'Train')
    expect(panel(page)).to_contain_text("note='without a mouse', dataset='my pets'")
    page.shot('panel-focus', PANEL)
    page.press('Enter')
    expect(monitor(page)).to_contain_text('SUCCEEDED', timeout=90_000)
    page.go(PANEL)
    page.tab_to('button', 'Use it')
    page.press(' ')
    run = runs(place/'runs')['by-keys']
    expect(monitor(page)).to_contain_text(f"run = runs()['{run.version}']")
    page.shot('monitor-done', PANEL)
    assert (run.note, run.epochs, run.params['size']) == ('without a mouse', 4, 160)

def test_the_saved_notebook_keeps_words_and_no_photo(page):
    nb = page.save()
    html = nb.cells[PANEL].outputs[0].data['text/html']
    assert 'widgets' not in nb.metadata and 'Labels: <b>cat</b> 12' in html and 'data:image/jpeg' not in str(nb)
    page.end_kernels()
    page.open()
    expect(page.cell(PANEL)).to_contain_text('Fit to train on')
    page.shot('panel-still')
