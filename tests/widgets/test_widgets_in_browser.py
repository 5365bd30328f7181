"The views of a run in a real JupyterLab, in Debian's Chromium; with PETLEARN_SHOTS=folder, pictures of them are kept there."
import re
from pathlib import Path
import pytest
from browser import Page, axe_findings, browser, expect, needs_chromium, write_notebook # noqa: F401 a fixture
from nbconvert import HTMLExporter
from petlearn.evaluation.timeline import PredictionTimeline

pytestmark = [needs_chromium, pytest.mark.slow]
MORE = ['RunMonitor(run)', "LabelPhotos([run.split.file[0]], ['happy', 'sad'])", 'UploadPredictor(run)', "TrainPanel(str(run.path.parent.parent/'pets'), run.path.parent)"]
CELLS = ['''from petlearn.runs.run import Run
from petlearn.widgets.browsers import ConfusionExplorer, MistakeBrowser, TimelinePlayer
from petlearn.widgets.cleaner import Cleaner
from petlearn.all import LabelPhotos, RunMonitor, TrainPanel, UploadPredictor
run = Run({run!r})''', 'MistakeBrowser(run)', 'Cleaner(run, n=3)', 'ConfusionExplorer(run)', 'TimelinePlayer(run)']
SETUP,MISTAKES,CLEANER,CONFUSION,TIMELINE = range(5)

@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    "A run on drawn pets of which some have the name of another animal."
    from petlearn.photos.drawings import draw_pets
    from petlearn.training.trainer import train
    folder = draw_pets(tmp_path_factory.mktemp('browser')/'pets', n=60, seed=5)
    names = sorted(o.name for o in folder.glob('*.jpg'))
    cats,dogs = [o for o in names if o[0].isupper()],[o for o in names if o[0].islower()]
    for i in range(4): # files that change places, and so their labels
        cat,dog = folder/cats[i*5],folder/dogs[i*5]
        cat.rename(folder/'between.jpg')
        dog.rename(cat)
        (folder/'between.jpg').rename(dog)
    run = train(folder, epochs=2, fine_tune_epochs=0, size=96, valid_pct=.5, runs_dir=folder.parent/'runs')
    if not (run.path/'timeline.csv').exists(): _write_timeline(run)
    return run

def _write_timeline(run):
    rows = [f'{i},{i*8},"head",{i},"{o.file}","{o.label}","{said}",{p},{1-p}' for i,(said,p) in enumerate((('dog', .25), ('cat', .5), ('cat', .75)))
            for o in run.predictions.head(12).itertuples()]
    (run.path/'timeline.csv').write_text('\n'.join(['"frame","step","phase","epoch","file","label","predicted","p_cat","p_dog"', *rows, '']))

@pytest.fixture(scope='module')
def page(browser, lab, trained):
    file = lab[1]/'views'/'views.ipynb'
    file.parent.mkdir()
    write_notebook(file, [CELLS[SETUP].format(run=str(trained.path)), *CELLS[MISTAKES:]])
    o = Page(browser, *lab, file, views=range(MISTAKES, TIMELINE+1))
    o.run()
    yield o
    o.end_kernels()

def test_page_through_mistakes_and_ask_why(page, trained):
    view,place = page.view(MISTAKES),page.says(MISTAKES).first
    wrong = trained.predictions.query('label != predicted')
    n = len(wrong)
    expect(place).to_have_text(f'1 of {n}')
    first = view.locator('img').get_attribute('alt')
    page.button(MISTAKES, 'Next ▶').click()
    expect(place).to_have_text(f'2 of {n}')
    expect(view.locator(f'img[alt="{first}"]')).to_have_count(0)
    page.button(MISTAKES, '◀ Previous').click()
    expect(view.locator(f'img[alt="{first}"]')).to_have_count(1)
    view.locator('select').first.select_option(index=1)
    expect(place).to_have_text(f"1 of {(wrong.label == 'cat').sum()}")
    view.locator('select').first.select_option(index=0)
    page.shot('mistakes', MISTAKES)
    page.button(MISTAKES, 'Why?').click()
    expect(view.locator('img').nth(3)).to_be_visible(timeout=60_000)
    page.shot('why', MISTAKES)

def test_choose_switch_restart_apply_and_undo(page, trained):
    folder = Path(trained.split.file[0]).parent
    before = {o.name: o.read_bytes() for o in folder.iterdir() if o.is_file()}
    view = page.view(CLEANER)
    card = lambda i: view.locator('.lm-Panel.petlearn-card').nth(i)
    press = lambda i, name: card(i).locator(f'button:has-text("{name}")').click()
    press(0, 'It is:')
    expect(card(0)).to_contain_text('Your choice: change to')
    press(1, 'Put aside')
    expect(card(1)).to_contain_text('Your choice: put aside')
    texts = [card(i).inner_text() for i in range(2)]
    label = view.locator('select').first
    for i in (1, 2, 0): label.select_option(index=i) # another class, and back
    expect(view.get_by_role('status').nth(1)).to_contain_text('1 label to correct, 1 photo to put aside')
    for i in range(2): expect(card(i)).to_have_text(texts[i], use_inner_text=True)
    page.shot('cleaner', CLEANER)
    page.restart()
    for i in range(2): expect(card(i)).to_have_text(texts[i], use_inner_text=True)
    page.button(CLEANER, 'Apply …').click()
    expect(view).to_contain_text('Shall I do it?')
    page.shot('question', CLEANER)
    assert {o.name: o.read_bytes() for o in folder.iterdir() if o.is_file()} == before, 'not before the second click'
    page.button(CLEANER, 'Yes, do it').click()
    expect(view).to_contain_text('train again')
    page.shot('applied', CLEANER)
    after = {o.name for o in folder.iterdir() if o.is_file()}
    assert len(before.keys() - after) == 1 and after - before.keys() == {'corrections.csv'}
    page.button(CLEANER, 'Undo').click()
    expect(view).to_contain_text('Taken back')
    assert {o.name: o.read_bytes() for o in folder.iterdir() if o.is_file()} == before

def test_press_a_cell_of_the_matrix(page, trained):
    n = len(trained.predictions.query('label == "cat" and predicted == "dog"'))
    button = page.view(CONFUSION).get_by_title(f'cat called dog: {n}')
    expect(button).to_have_text(str(n))
    button.click()
    expect(button).to_have_attribute('aria-pressed', 'true')
    expect(page.says(CONFUSION)).to_contain_text(f'cat called dog: {n} photo')
    expect(page.view(CONFUSION).locator('img')).to_have_count(n)
    page.shot('confusion', CONFUSION)

def test_everything_by_keyboard_alone(page, trained):
    page.go(MISTAKES)
    wrong = trained.predictions.query('label != predicted').label
    n,down = wrong.value_counts().max(),sorted(set(wrong)).index(wrong.mode()[0]) + 1
    page.tab_to('select')
    page.press(' ', *['ArrowDown']*down, 'Enter')
    assert n > 2
    expect(page.says(MISTAKES).first).to_have_text(f'1 of {n}')
    page.tab_to('select', '99 %')
    page.press(' ', 'End', 'Enter')
    expect(page.view(MISTAKES)).to_contain_text('None fits')
    page.press(' ', 'Home', 'Enter')
    expect(page.says(MISTAKES).first).to_have_text(f'1 of {n}')
    page.tab_to('button', 'Next')
    page.press('Enter')
    expect(page.says(MISTAKES).first).to_have_text(f'2 of {n}')
    page.tab_to('button', 'Why?')
    page.press(' ')
    expect(page.view(MISTAKES)).to_contain_text('Nearest training photos')
    page.shot('focus', MISTAKES)

    page.go(CLEANER)
    page.tab_to('button', 'Next page')
    page.press('Enter')
    expect(page.says(CLEANER).first).to_contain_text('page 2')
    page.tab_to('button', 'Keep:')
    page.press(' ')
    expect(page.view(CLEANER)).to_contain_text('✓ Keep:')
    page.tab_to('button', 'Put aside')
    page.press(' ')
    expect(page.view(CLEANER)).to_contain_text('✓ Put aside')
    page.tab_to('button', 'Apply')
    page.press('Enter')
    page.tab_to('button', 'Yes')
    page.press('Enter')
    expect(page.view(CLEANER)).to_contain_text('train again')
    page.go(CLEANER)
    page.tab_to('button', 'Undo')
    page.press('Enter')
    expect(page.view(CLEANER)).to_contain_text('Taken back')

    page.go(CONFUSION)
    page.tab_to('button', '✓')
    page.press('Enter')
    expect(page.view(CONFUSION)).to_contain_text('the model agrees')

    page.go(TIMELINE)
    page.tab_to('input[type=range]')
    page.press('ArrowRight')
    expect(page.view(TIMELINE)).to_contain_text('Frame 2 of ')
    last = len(PredictionTimeline(trained))
    page.press('End')
    expect(page.view(TIMELINE)).to_contain_text(f'Frame {last} of {last}')
    page.shot('timeline', TIMELINE)

def test_axe_finds_nothing_serious_on_a_light_and_on_a_dark_page(browser, lab, trained):
    file = lab[1]/'axe'/'axe.ipynb'
    file.parent.mkdir()
    cells = [*CELLS, *MORE]
    write_notebook(file, [CELLS[SETUP].format(run=str(trained.path)), *cells[MISTAKES:]])
    o = Page(browser, *lab, file, views=range(MISTAKES, len(cells)))
    o.run()
    for theme in ('light', 'dark'):
        if theme == 'dark':
            o.page.evaluate("document.body.dataset.jpThemeLight = 'false'") # what Jupyter's dark themes do
        found = {cells[i]: bad for i in range(MISTAKES, len(cells)) if (bad := axe_findings(o.page, f'.jp-Notebook-cell:nth-child({i+1} of .jp-Notebook-cell) .petlearn'))}
        assert found == {}, theme
    o.end_kernels()

def test_a_saved_notebook_shows_still_pictures(page):
    page.go(SETUP)
    nb = page.save()
    stills = [nb.cells[i].outputs[0].data['text/html'] for i in range(MISTAKES, TIMELINE+1)]
    assert 'widgets' not in nb.metadata and max(map(len, stills)) < 150_000
    html = HTMLExporter().from_notebook_node(nb)[0]
    assert all(re.search('src="(data:image/jpeg.*?)"', o)[1] in html for o in stills if '<img' in o), 'nbconvert'
    page.end_kernels()
    page.open()
    for i in range(MISTAKES, TIMELINE+1): expect(page.cell(i).locator('.jp-OutputArea-output').first).to_be_visible()
    expect(page.cell(MISTAKES).locator('img').first).to_be_visible()
    gone = page.page.get_by_text('Error displaying widget')
    expect(gone).to_have_count(4)
    for i in range(4): expect(gone.nth(i)).to_be_hidden()
    page.shot('still')
