"Widgets by their traits: what a browser would send, and what is shown."
import re
from pathlib import Path
import ipywidgets as widgets
import pandas as pd
import pytest
from IPython.display import HTML
from petlearn import PetLearnError
from petlearn.evaluation.cleaning import ASIDE, KEEP, Plan
from petlearn.widgets.browsers import Cleaner, ConfusionExplorer, TimelinePlayer, MistakeBrowser

# the views of a run, on objects made by hand

PAIRS = [('cat', 'dog', .97), ('dog', 'cat', .93), ('cat', 'dog', .81), ('cat', 'cat', .99), ('dog', 'dog', .9), ('cat', 'dog', .62)]

def photo_table(files, pairs=PAIRS):
    "A row a photo, as `Interpreter` has them."
    rows = [(str(file), a, b, 1-p if a != b else p, p, a != b, f'the model is {p:.0%} sure') for file,(a,b,p) in zip(files, pairs)]
    return pd.DataFrame(rows, columns='file label predicted p_label p_predicted wrong reason'.split())

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

class Cleaned:
    "What a view asks of a `Cleaning`."
    def __init__(self, table, labels=('cat', 'dog')): self.table,self.labels,self.choices,self.applied = table,list(labels),{},False
    again = "train('my <pets>')"
    @property
    def plan(self):
        aside = sum(o == ASIDE for o in self.choices.values())
        keep = sum(o == KEEP for o in self.choices.values())
        return Plan(len(self.choices)-aside-keep, aside, keep, len(self.table)-len(self.choices), 0, self.applied)
    def choose(self, file, choice):
        self.choices.pop(file, None)
        if choice is not None: self.choices[file] = choice
    def apply(self, yes=False): self.applied = True
    def undo(self):
        if not self.applied: raise PetLearnError('There is nothing to undo.')
        self.applied = False

@pytest.fixture(scope='module')
def table(pets_folder): return photo_table(sorted(pets_folder.glob('*.jpg')))

def shown(browser): return re.findall(r'<b>(\S+?\.jpg)', browser.card.value)

def test_page_through_mistakes(table):
    w = MistakeBrowser(Interpreted(table, notes=['A <b>note</b>.']))
    names = [Path(o).name for o in table.file[table.wrong]]
    assert '1 of 4' in w.place.value and shown(w) == names[:1] and '&lt;b&gt;note' in w.children[1].value
    for i in (1, 2, 3, 0):
        w.on.click()
        assert f'{i+1} of 4' in w.place.value and shown(w) == [names[i]]
    w.back.click()
    assert '4 of 4' in w.place.value and 'label: <b>cat</b> (38&nbsp;%)' in w.card.value and 'the model says: <b>dog</b> (62&nbsp;%)' in w.card.value

def test_filter_mistakes_and_come_back(table):
    w = MistakeBrowser(Interpreted(table))
    assert [o for o,_ in w.label.options] == ['all (4)', 'cat (3)', 'dog (1)']
    w.label.value = 'dog'
    assert '1 of 1' in w.place.value and w.on.disabled and w.row.predicted == 'cat'
    w.label.value = ''
    assert '2 of 4' in w.place.value, 'it stays with the photo in view'
    w.sure.value = .95
    assert '1 of 1' in w.place.value and w.row.p_predicted == .97
    w.label.value = 'dog'
    assert 'None fits' in w.place.value and w.ask.disabled and not w.card.value
    w.on.click()
    w.sure.value,w.label.value = 0., 'cat'
    assert '1 of 3' in w.place.value

def test_why_is_asked_on_click_only(table):
    w = MistakeBrowser(Interpreted(table))
    states = []
    w.why.observe(lambda o: states.append(o['new']), 'value')
    w.ask.click()
    assert 'Looking' in states[0] and states[1] == 'because of 1' and w.source.asked == [table.file[0]]
    w.on.click()
    assert w.why.value == '', 'that was about another photo'

def test_an_error_in_a_view_is_a_sentence(table, monkeypatch):
    w = MistakeBrowser(Interpreted(table))
    monkeypatch.setattr(w.source, 'why', lambda o: 1/0)
    w.ask.click()
    assert 'Something unexpected happened (ZeroDivisionError' in w.message.value and 'Why?' in w.message.value and not w.why.value
    w.on.click()
    assert w.message.value == ''

def test_no_mistakes(table):
    w = MistakeBrowser(Interpreted(table[~table.wrong], notes=['Suspicious.']))
    for o in (w.on, w.back): o.click()
    assert 'No mistakes' in w.place.value and 'Suspicious' in w.children[1].value and w.message.value == ''
    assert '0 mistakes' in w._still()

def buttons(card): return [o.description for o in (card.keep, card.change, card.aside)]

def test_choices_go_to_the_object_at_once_and_survive_the_view(table):
    source = Cleaned(table)
    w = Cleaner(source, n=4)
    assert buttons(w.cards[1]) == ['Keep: dog', 'It is: cat', 'Put aside'] and 'not decided' in w.cards[1].html.value
    w.cards[1].change.click()
    assert source.choices == {table.file[1]: 'cat'} and buttons(w.cards[1])[1] == '✓ It is: cat' and '1 label to correct' in w.plan.value
    w.label.value = 'cat'
    w.cards[0].aside.click()
    w.label.value = ''
    for view in (w, Cleaner(source, n=4)):
        assert 'put aside' in view.cards[0].html.value and 'change to cat' in view.cards[1].html.value
    w.cards[1].change.click()
    assert source.choices == {table.file[0]: 'quarantine'} and 'not decided' in w.cards[1].html.value

def test_pages_of_suspects(table):
    w = Cleaner(Cleaned(table), n=4)
    assert 'page 1 of 2' in w.place.value
    w.on.click()
    assert 'page 2 of 2' in w.place.value and [o.layout.display for o in w.cards] == [None, None, 'none', 'none']
    w.on.click()
    assert 'page 1 of 2' in w.place.value
    w.back.click()
    w.label.value = 'dog'
    assert 'page 1 of 1' in w.place.value and w.on.disabled

def test_apply_asks_and_undo_takes_back(table):
    source = Cleaned(table)
    w = Cleaner(source)
    w.apply.click()
    assert 'nothing to change' in w.message.value and w.question.layout.display == 'none'
    w.cards[0].keep.click()
    w.apply.click()
    assert 'nothing to change' in w.message.value
    w.cards[1].change.click()
    w.apply.click()
    assert w.question.layout.display is None and '1 label to correct, 0 photos to put aside, 1 to keep' in w.asked.value and not source.applied
    w.no.click()
    assert w.question.layout.display == 'none' and not source.applied
    w.apply.click()
    w.yes.click()
    assert source.applied and 'Done' in w.message.value and 'train(&#x27;my &lt;pets&gt;&#x27;)' in w.message.value and 'Applied: 1 label' in w.plan.value
    w.apply.click()
    assert 'done already' in w.message.value and w.question.layout.display == 'none'
    w.undo.click()
    assert 'Taken back' in w.message.value and 'change to cat' in w.cards[1].html.value and not source.applied
    w.undo.click()
    assert 'nothing to undo' in w.message.value

def test_a_choice_closes_the_question(table):
    w = Cleaner(Cleaned(table))
    w.cards[0].aside.click()
    w.apply.click()
    w.cards[1].aside.click()
    assert w.question.layout.display == 'none', 'it asked about another plan'

def test_another_label_by_the_list(table):
    source = Cleaned(table, labels=['cat', 'dog', 'owl <i>'])
    w = Cleaner(source)
    card = w.cards[0]
    assert [o for o,_ in card.other.options] == ['another label …', 'owl <i>'] and card.other in card.children
    card.other.value = 'owl <i>'
    assert source.choices == {table.file[0]: 'owl <i>'} and 'change to owl &lt;i&gt;' in card.html.value
    assert Cleaner(source).cards[0].other.value == 'owl <i>'
    card.aside.click()
    assert source.choices == {table.file[0]: 'quarantine'} and card.other.value == ''
    card.other.value = 'owl <i>'
    card.other.value = ''
    assert source.choices == {} and w.cards[0].change.description == 'It is: dog'

def test_no_suspects(table):
    w = Cleaner(Cleaned(table[:0]))
    assert 'No suspects' in w.place.value and all(o.layout.display == 'none' for o in w.cards)
    assert '0 suspicious labels' in w._still()

def test_a_refused_choice_is_a_sentence(table, monkeypatch):
    w = Cleaner(Cleaned(table))
    def refuse(*args): raise PetLearnError("Can't write <there>.")
    monkeypatch.setattr(w.source, 'choose', refuse)
    w.cards[0].keep.click()
    assert 'Can&#x27;t write &lt;there&gt;.' in w.message.value and 'not decided' in w.cards[0].html.value

def test_press_a_number_of_the_matrix(table):
    w = ConfusionExplorer(Interpreted(table))
    assert {k: (o.description, o.tooltip, o.disabled) for k,o in w.cells.items()} == {
        ('cat', 'cat'): ('✓ 1', 'cat called cat: 1', False), ('cat', 'dog'): ('3', 'cat called dog: 3', False),
        ('dog', 'cat'): ('1', 'dog called cat: 1', False), ('dog', 'dog'): ('✓ 1', 'dog called dog: 1', False)}
    w.cells['cat', 'dog'].click()
    assert 'cat called dog: 3 photos' in w.photos.value and w.photos.value.count('<img') == 3
    assert w.cells['cat', 'dog'].description == '[ 3 ]'
    w.cells['dog', 'dog'].click()
    assert 'the model agrees' in w.photos.value and w.cells['cat', 'dog'].description == '3'
    with pytest.raises(PetLearnError, match='no button'): w.choose('cat', 'owl')

def test_three_hundred_labels_show_the_most_confused(pets_folder):
    labels = [f'animal {i:03}' for i in range(300)]
    photo = next(pets_folder.glob('*.jpg'))
    pairs = [(labels[i], labels[i], .9) for i in range(300)] + [(labels[i], labels[i+1], .8) for i in range(100, 160) for _ in range(i)]
    w = ConfusionExplorer(Interpreted(photo_table([photo]*len(pairs), pairs), labels))
    assert len(w.cells) == 144 and w.labels[-1] == 'animal 159' and 'Of 300 labels, only the 12' in w.children[1].value
    w.choose('animal 158', 'animal 159')
    assert '158 photos, the first 24' in w.photos.value and w.photos.value.count('<img') == 24

def test_photos_that_are_gone_or_damaged(tmp_path):
    (tmp_path/'page.jpg').write_text('<html>')
    t = photo_table([tmp_path/'gone <i>.jpg', tmp_path/'page.jpg'])
    for w in (MistakeBrowser(Interpreted(t)), Cleaner(Cleaned(t)), ConfusionExplorer(Interpreted(t))):
        assert 'is not there' in w._still() or isinstance(w, ConfusionExplorer)
        assert '<i>' not in w._still()
    w.choose('cat', 'dog')
    assert 'is not there' in w.photos.value and 'gone &lt;i&gt;' in w.photos.value

def test_names_of_labels_are_escaped(pets_folder):
    pairs = [('<img onerror=1>', 'dog', .8), ('dog', '<img onerror=1>', .7)]
    t = photo_table(sorted(pets_folder.glob('*.jpg')), pairs)
    source = Interpreted(t, ['<img onerror=1>', 'dog'])
    for w in (MistakeBrowser(source), Cleaner(Cleaned(t, ['<img onerror=1>', 'dog'])), ConfusionExplorer(source)):
        assert '<img onerror' not in w._still() + all_html(w)
    w.choose('dog', '<img onerror=1>')
    assert '<img onerror' not in all_html(w)

def all_html(w):
    "All HTML in a widget and in those within."
    return (w.value if isinstance(w, widgets.HTML) else '') + ''.join(map(all_html, getattr(w, 'children', ())))

@pytest.fixture(scope='module')
def film(tmp_path_factory, pets_folder):
    "A film of three frames of one photo."
    photo = next(pets_folder.glob('*.jpg'))
    head = '"frame","step","phase","epoch","file","label","predicted","p_cat","p_dog"\n'
    rows = [f'{i},{i*5},"head",{i},"{photo}","cat","{said}",{p},{1-p}\n' for i,(said,p) in enumerate((('dog', .25), ('cat', .75), ('cat', .875)))]
    path = tmp_path_factory.mktemp('film')/'timeline.csv'
    path.write_text(head + ''.join(rows))
    return path

def test_slider_over_the_checkpoints(film):
    w = TimelinePlayer(film.parent)
    assert w.slider.max == len(w.film)-1 == 2 and 'Frame 1 of 3' in w.frame.value
    w.slider.value = 2
    assert 'Frame 3 of 3' in w.frame.value and 'Frame' not in w.message.value
    assert 'Film of 1 photo' in w._still()

@pytest.mark.parametrize('make', [lambda t: MistakeBrowser(Interpreted(t)), lambda t: Cleaner(Cleaned(t)), lambda t: ConfusionExplorer(Interpreted(t))])
def test_a_still_picture_stays_in_the_notebook(table, make, monkeypatch):
    outputs = []
    monkeypatch.setattr('petlearn.widgets.views.display', lambda data, raw: outputs.append(data))
    w = make(table)
    w._ipython_display_()
    still,live = outputs
    assert w._still() in still['text/html'] and live['text/html'] == '' and '<' in still['text/html']
    mark = re.search(r'still-(view-\w+)', still['text/html'])[1]
    assert mark in w._dom_classes and live['application/vnd.jupyter.widget-view+json']['model_id'] == w.model_id
    w._ipython_display_()
    assert outputs[2] == still, 'the same in every run'
    assert len(still['text/html']) < 100_000 and len(still['text/plain']) < 100
