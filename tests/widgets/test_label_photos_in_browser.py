"A pile of photos is labelled in a real JupyterLab, by keyboard alone; with PETLEARN_SHOTS=folder, pictures are kept there."
import pytest
from browser import Page, browser, expect, needs_chromium, write_notebook # noqa: F401 a fixture
from petlearn.datasets.label_tables import read_table

pytestmark = [needs_chromium, pytest.mark.slow]

@pytest.fixture(scope='module')
def page(browser, lab):
    from PIL import Image
    folder = lab[1]/'labels'
    (folder/'pile').mkdir(parents=True)
    for i in range(7): Image.radial_gradient('L').rotate(9*i).resize((300 + 40*i, 300)).convert('RGB').save(folder/f'pile/IMG_{i}.jpg')
    (folder/'pile'/'IMG_2.jpg').write_bytes(b'no photo')
    write_notebook(folder/'labels.ipynb', ['from petlearn.all import LabelPhotos', "LabelPhotos('pile', ['cat', 'dog'])"])
    o = Page(browser, *lab, folder/'labels.ipynb', views=[1])
    o.run()
    yield o,folder/'pile'
    o.end_kernels()

def test_by_keyboard_alone_and_once_more_after_a_restart(page):
    o,pile = page
    says = o.says(1).first
    expect(says).to_have_text('0 of 7 photos done (0 %)')
    o.go(1)
    o.tab_to('.petlearn-stage')
    for key,words in (('1', '1 of 7'), ('d', '2 of 7')):
        o.press(key)
        expect(says).to_contain_text(words if key == '1' else '3 of 7') # the broken one is passed over
    expect(o.view(1)).to_contain_text('Passed over: IMG_2.jpg')
    expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', 'IMG_3.jpg')
    for key,alt in ((' ', 'IMG_4.jpg'), ('ArrowLeft', 'IMG_3.jpg'), ('n', 'IMG_4.jpg'), ('u', 'IMG_3.jpg'), ('ArrowRight', 'IMG_4.jpg')):
        o.press(key)
        expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', alt)
    o.tab_to('input')
    o.keys.type('fox 1')
    o.press('Enter')
    expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', 'IMG_5.jpg')
    assert sorted(read_table(pile/'labels.csv').labels.values()) == ['cat', 'dog', 'fox 1']
    o.tab_to('button', 'None of these') # a key of a label, while a button has the focus
    o.press('2', 'u')
    expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', 'IMG_5.jpg')
    o.shot('labels', 1)
    o.restart()
    expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', 'IMG_3.jpg')
    o.view(1).locator('.petlearn-picture').click()
    for _ in range(3):
        before = says.inner_text()
        o.press('3')
        expect(says).not_to_have_text(before)
    expect(says).to_contain_text('Nothing is left to label')
    expect(o.view(1)).to_contain_text("train('")
    o.view(1).get_by_role('button', name='IMG_0.jpg: cat').click()
    expect(o.view(1).locator('.petlearn-picture img')).to_have_attribute('alt', 'IMG_0.jpg')
    assert len(read_table(pile/'labels.csv').labels) == 5
