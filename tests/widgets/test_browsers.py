"Views of a run by their traits: what a browser would send, and what is shown; on objects made by hand."
import re
from pathlib import Path
import pandas as pd
import pytest
from IPython.display import HTML
from petlearn import PetLearnError
from petlearn.widgets.browsers import ConfusionExplorer, MistakeBrowser, TimelinePlayer
from looking import all_html, photo_table

class Interpreted:
    "What a view asks of an `Interpreter`."
    def __init__(self, table, labels=('cat', 'dog'), notes=()):
        self.table,self.notes,self.asked = table,list(notes),[]
        self.mistakes = table[table.wrong]
        self.confusion = pd.crosstab(table.label, table.predicted).reindex(index=labels, columns=labels, fill_value=0)
    def cell(self, label, predicted): return self.table[(self.table.label == label) & (self.table.predicted == predicted)]
    def why(self, photo):
        self.asked.append(photo)
        return HTML(f'because of {len(self.asked)}')

@pytest.fixture(scope='module')
def table(pets_folder): return photo_table(sorted(pets_folder.glob('*.jpg')))

def shown(browser): return re.findall(r'<b>(\S+?\.jpg)', browser.card.value)

def test_page_through_mistakes(table):
    w = MistakeBrowser(Interpreted(table, notes=['A <b>note</b>.']))
    names = [Path(o).name for o in table.file[table.wrong]]
    assert '1 of 4' in w.place.value and shown(w) == names[:1] and '&lt;b&gt;note' in w.notes.value
    for i in (1, 2, 3, 0):
        w.next.click()
        assert f'{i+1} of 4' in w.place.value and shown(w) == [names[i]]
    w.previous.click()
    assert '4 of 4' in w.place.value and 'label: <b>cat</b> (38&nbsp;%)' in w.card.value and 'the model says: <b>dog</b> (62&nbsp;%)' in w.card.value

def test_filter_mistakes_and_come_back(table):
    w = MistakeBrowser(Interpreted(table))
    assert [o for o,_ in w.label.options] == ['all (4)', 'cat (3)', 'dog (1)']
    w.label.value = 'dog'
    assert '1 of 1' in w.place.value and w.next.disabled and w.row.predicted == 'cat'
    w.label.value = ''
    assert '2 of 4' in w.place.value, 'it stays with the photo in view'
    w.sure.value = .95
    assert '1 of 1' in w.place.value and w.row.p_predicted == .97
    w.label.value = 'dog'
    assert 'None fits' in w.place.value and w.ask.disabled and not w.card.value
    w.next.click()
    w.sure.value,w.label.value = 0., 'cat'
    assert '1 of 3' in w.place.value

def test_why_is_asked_on_click_only(table):
    w = MistakeBrowser(Interpreted(table))
    states = []
    w.why.observe(lambda o: states.append(o['new']), 'value')
    w.ask.click()
    assert 'Working' in states[0] and states[1] == 'because of 1' and w.source.asked == [table.file[0]]
    w.next.click()
    assert w.why.value == '', 'that was about another photo'

def test_an_error_in_a_view_is_a_sentence(table, monkeypatch):
    w = MistakeBrowser(Interpreted(table))
    monkeypatch.setattr(w.source, 'why', lambda o: 1/0)
    w.ask.click()
    assert 'Something unexpected happened (ZeroDivisionError' in w.message.value and 'Why?' in w.message.value and not w.why.value
    w.next.click()
    assert w.message.value == ''

def test_no_mistakes(table):
    w = MistakeBrowser(Interpreted(table[~table.wrong], notes=['Suspicious.']))
    for o in (w.next, w.previous): o.click()
    assert 'No mistakes' in w.place.value and 'Suspicious' in w.notes.value and w.message.value == ''
    assert '0 mistakes' in w.still_html()

def test_press_a_number_of_the_matrix(table):
    w = ConfusionExplorer(Interpreted(table))
    assert (w.table.labels, w.table.counts, w.table.totals) == (['cat', 'dog'], [[1, 3], [1, 1]], [4, 2])
    w.table.chosen = [0, 1] # as the page does
    assert 'cat called dog: 3 photos' in w.photos.value and w.photos.value.count('<img') == 3
    w.choose('dog', 'dog')
    assert 'the model agrees' in w.photos.value and w.table.chosen == [1, 1]
    for junk in ([], [0], [0, 9], [-1, 0]):
        w.table.chosen = junk
        assert 'the model agrees' in w.photos.value
    with pytest.raises(PetLearnError, match='no button'): w.choose('cat', 'owl')

def test_three_hundred_labels_show_the_most_confused(pets_folder):
    labels = [f'animal {i:03}' for i in range(300)]
    photo = next(pets_folder.glob('*.jpg'))
    pairs = [(labels[i], labels[i], .9) for i in range(300)] + [(labels[i], labels[i+1], .8) for i in range(100, 160) for _ in range(i)]
    w = ConfusionExplorer(Interpreted(photo_table([photo]*len(pairs), pairs), labels))
    assert len(w.table.counts) == 12 and w.labels[-1] == 'animal 159' and 'Of 300 labels, only the 12' in w.children[1].value
    w.choose('animal 158', 'animal 159')
    assert '158 photos, the first 24' in w.photos.value and w.photos.value.count('<img') == 24

def test_photos_that_are_gone_or_damaged(tmp_path):
    (tmp_path/'page.jpg').write_text('<html>')
    t = photo_table([tmp_path/'gone <i>.jpg', tmp_path/'page.jpg'])
    for w in (MistakeBrowser(Interpreted(t)), ConfusionExplorer(Interpreted(t))):
        assert 'is not there' in w.still_html() or isinstance(w, ConfusionExplorer)
        assert '<i>' not in w.still_html()
    w.choose('cat', 'dog')
    assert 'is not there' in w.photos.value and 'gone &lt;i&gt;' in w.photos.value

def test_names_of_labels_are_escaped(pets_folder):
    pairs = [('<img onerror=1>', 'dog', .8), ('dog', '<img onerror=1>', .7)]
    t = photo_table(sorted(pets_folder.glob('*.jpg')), pairs)
    source = Interpreted(t, ['<img onerror=1>', 'dog'])
    for w in (MistakeBrowser(source), ConfusionExplorer(source)):
        assert '<img onerror' not in w.still_html() + all_html(w)
    w.choose('dog', '<img onerror=1>')
    assert '<img onerror' not in all_html(w)

@pytest.fixture(scope='module')
def timeline(tmp_path_factory, pets_folder):
    "A recording of three frames of one photo."
    photo = next(pets_folder.glob('*.jpg'))
    head = '"frame","step","phase","epoch","file","label","predicted","p_cat","p_dog"\n'
    rows = [f'{i},{i*5},"head",{i},"{photo}","cat","{said}",{p},{1-p}\n' for i,(said,p) in enumerate((('dog', .25), ('cat', .75), ('cat', .875)))]
    path = tmp_path_factory.mktemp('recording')/'timeline.csv'
    path.write_text(head + ''.join(rows))
    return path

def test_slider_over_the_checkpoints(timeline):
    w = TimelinePlayer(timeline.parent)
    assert w.slider.texts == ['1 of 3', '2 of 3', '3 of 3'] and 'Frame 1 of 3' in w.frame.value
    w.slider.value = 2
    assert 'Frame 3 of 3' in w.frame.value and 'Frame' not in w.message.value
    assert '1 photo in 3 frames' in w.still_html()
