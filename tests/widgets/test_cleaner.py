"The `Cleaner` by its traits, on an object made by hand."
import pytest
from petlearn import PetLearnError
from petlearn.evaluation.cleaning import ASIDE, KEEP, CleaningPlan
from petlearn.widgets.cleaner import Cleaner
from looking import all_html, photo_table

class Cleaned:
    "What a view asks of a `Cleaning`."
    def __init__(self, table, labels=('cat', 'dog')): self.all,self.labels,self.choices,self.applied = table,list(labels),{},set()
    again = "train('my <pets>')"
    @property
    def plan(self):
        made = [o for file,o in self.choices.items() if file not in self.applied]
        aside,keep = made.count(ASIDE),made.count(KEEP)
        return CleaningPlan(len(made)-aside-keep, aside, keep, len(self.table)-len(made), 0, len(self.applied), 0)
    @property
    def table(self): return self.all[~self.all.file.isin(self.applied)]
    def choose(self, file, choice):
        self.choices.pop(file, None)
        if choice is not None: self.choices[file] = choice
    def apply(self, yes=False): self.applied = {file for file,o in self.choices.items() if o != KEEP}
    def undo(self):
        if not self.applied: raise PetLearnError('There is nothing to undo.')
        self.applied = set()

@pytest.fixture(scope='module')
def table(pets_folder): return photo_table(sorted(pets_folder.glob('*.jpg')))

def names(card): return [o.description for o in (card.keep, card.change, card.aside)]

def test_choices_go_to_the_object_at_once_and_survive_the_view(table):
    source = Cleaned(table)
    w = Cleaner(source, n=4)
    assert names(w.cards[1]) == ['Keep: dog', 'It is: cat', 'Put aside'] and 'not decided' in w.cards[1].html.value
    w.cards[1].change.click()
    assert source.choices == {table.file[1]: 'cat'} and names(w.cards[1])[1] == '✓ It is: cat' and '1 label to correct' in w.plan.value
    w.label.value = 'cat'
    w.cards[0].aside.click()
    w.label.value = ''
    for view in (w, Cleaner(source, n=4)):
        assert 'put aside' in view.cards[0].html.value and 'change to cat' in view.cards[1].html.value
    assert 'put aside' in w.still_html() and 'change to cat' in w.still_html()
    w.cards[1].change.click()
    assert source.choices == {table.file[0]: ASIDE} and 'not decided' in w.cards[1].html.value

def test_pages_of_suspects(table):
    w = Cleaner(Cleaned(table), n=4)
    assert 'page 1 of 2' in w.place.value
    w.next.click()
    assert 'page 2 of 2' in w.place.value and [o.layout.display for o in w.cards] == [None, None, 'none', 'none']
    w.next.click()
    assert 'page 1 of 2' in w.place.value
    w.previous.click()
    assert 'page 2 of 2' in w.place.value
    w.label.value = 'dog'
    assert 'page 1 of 1' in w.place.value and w.next.disabled

def test_apply_asks_and_undo_takes_back(table):
    source = Cleaned(table)
    w = Cleaner(source)
    b = w.buttons
    def able(): return not b.apply.disabled, not b.undo.disabled
    assert able() == (False, False)
    w.cards[0].keep.click()
    assert able() == (False, False), 'to keep is no change'
    w.cards[1].change.click()
    assert able() == (True, False)
    b.apply.click()
    assert b.question.layout.display is None and '1 label to correct, 0 photos to put aside, 1 to keep' in b.asked.value and not source.applied
    b.no.click()
    assert b.question.layout.display == 'none' and not source.applied
    b.apply.click()
    b.yes.click()
    assert source.applied == {table.file[1]} and 'Done' in w.message.value and 'train(&#x27;my &lt;pets&gt;&#x27;)' in w.message.value and 'Applied: 1 label' in w.plan.value
    assert able() == (False, True) and table.file[1] not in [o.file for o in w.suspects] and 'cleaning.undo' not in w.plan.value
    w.cards[1].aside.click() # another one, afterwards
    assert able() == (True, True) and '1 photo to put aside' in w.plan.value
    w.cards[1].aside.click()
    b.undo.click()
    assert 'Taken back' in w.message.value and 'change to cat' in w.cards[1].html.value and not source.applied and able() == (True, False)
    b.undo.click()
    assert 'nothing to undo' in w.message.value
    b.apply.click()
    w.cards[2].aside.click()
    assert b.question.layout.display == 'none', 'it asked about another plan'

def test_another_label_by_the_list(table):
    source = Cleaned(table, labels=['cat', 'dog', 'owl <i>'])
    w = Cleaner(source)
    card = w.cards[0]
    assert [o for o,_ in card.other.options] == ['another label …', 'owl <i>'] and card.other in card.children
    card.other.value = 'owl <i>'
    assert source.choices == {table.file[0]: 'owl <i>'} and 'change to owl &lt;i&gt;' in card.html.value
    assert Cleaner(source).cards[0].other.value == 'owl <i>'
    card.aside.click()
    assert source.choices == {table.file[0]: ASIDE} and card.other.value == ''
    card.other.value = 'owl <i>'
    card.other.value = ''
    assert source.choices == {} and w.cards[0].change.description == 'It is: dog'

def test_no_suspects_and_bad_numbers(table):
    w = Cleaner(Cleaned(table[:0]))
    assert 'No suspects' in w.place.value and all(o.layout.display == 'none' for o in w.cards) and '0 suspects' in w.still_html()
    for n in (0, 51, 'x'):
        with pytest.raises(PetLearnError, match='n='): Cleaner(Cleaned(table), n=n)

def test_a_refused_choice_is_a_sentence(table, monkeypatch):
    w = Cleaner(Cleaned(table))
    def refuse(*args): raise PetLearnError("Can't write <there>.")
    monkeypatch.setattr(w.source, 'choose', refuse)
    w.cards[0].keep.click()
    assert 'Can&#x27;t write &lt;there&gt;.' in w.message.value and 'not decided' in w.cards[0].html.value

def test_odd_photos_and_labels(tmp_path, pets_folder):
    (tmp_path/'page.jpg').write_text('<html>')
    still = Cleaner(Cleaned(photo_table([tmp_path/'gone <i>.jpg', tmp_path/'page.jpg']))).still_html()
    assert 'is not there' in still and '<i>' not in still
    label = '<img onerror=1>'
    w = Cleaner(Cleaned(photo_table(sorted(pets_folder.glob('*.jpg')), [(label, 'dog', .8), ('dog', label, .7)]), [label, 'dog']))
    assert '<img onerror' not in w.still_html() + all_html(w)
