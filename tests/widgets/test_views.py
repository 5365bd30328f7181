"What all widgets share: errors as sentences, words as HTML, and what a saved notebook keeps of a widget."
import re
import ipywidgets as widgets
from petlearn import PetLearnError
from petlearn.core import duration
from petlearn.widgets.views import View, button, choice, error_html, field, progress_html, static_file, status_html, typed_path

class Bell(View):
    "A view with a button that fails, and a list."
    def __init__(self):
        self.ring,self.tone = button('Ring'),choice('Tone', ['low', 'high'])
        super().__init__(self.ring, self.tone)
        self.when(self.ring, lambda: 1/0)
        self.when(self.tone, self.change)
    def change(self):
        if self.tone.value == 'high': raise PetLearnError('Too <high>.')
    def still_html(self): return '<p>A bell.</p>'

def test_an_error_is_a_sentence_until_the_next_click():
    bell = Bell()
    bell.ring.click()
    assert 'Something unexpected happened (ZeroDivisionError' in bell.message.value and '<b>Ring</b>' in bell.message.value
    bell.tone.value = 'high'
    assert 'Too &lt;high&gt;.' in bell.message.value and 'Zero' not in bell.message.value
    bell.tone.value = 'low'
    assert bell.message.value == ''

def test_text_from_outside_is_escaped():
    for html in (error_html('<i>', ValueError('<i>')), error_html('<i>', PetLearnError('<i>', '<i>', '<i>')), status_html('<i>'), progress_html(.5, '<i>"')):
        assert '<i>' not in html and '&lt;i&gt;' in html
    assert 'aria-label="&lt;i&gt;&quot;"' in progress_html(.5, '<i>"')

def test_the_message_stands_where_the_view_wants_it():
    note,below = widgets.HTML(),widgets.HTML()
    view = View(note, below, message=note)
    assert view.children[1:3] == (note, below) and view.message is note
    view = View(below)
    assert view.children[1:] == (below, view.message)

def test_durations_and_paths():
    for seconds,words in ((0, '0 s'), (9.94, '9.9 s'), (9.96, '10 s'), (59.6, '1 min 0 s'), (65, '1 min 5 s'), (3599.9, '1 h 0 min'), (7380, '2 h 3 min')): assert duration(seconds) == words
    for text,path in ((' pets ', 'pets'), ('"my pets"', 'my pets'), ("'a'", 'a'), ('"', '"'), ('', ''), ("it's", "it's")): assert typed_path(text) == path

def test_a_field_waits_until_it_is_left():
    o = field(widgets.Text, 'Name', 'a', 'A tip', placeholder='at random')
    assert (o.value, o.description, o.tooltip, o.placeholder, o.continuous_update) == ('a', 'Name', 'A tip', 'at random', False)

def test_scripts_and_styles_come_with_the_package_and_fetch_nothing():
    for name in ('views.css', 'upload.css', 'upload_zone.js', 'upload_cards.js', 'label_photos.js', 'label_photos.css', 'slider.js', 'confusion.js'):
        text = static_file(name).read_text(encoding='utf-8')
        assert text and not re.search(r'https?:|import\s|fetch\(|eval\(|url\(', text), name

def test_a_still_picture_stays_in_the_notebook(monkeypatch):
    outputs = []
    monkeypatch.setattr('petlearn.widgets.views.display', lambda data, raw: outputs.append(data))
    bell = Bell()
    bell._ipython_display_()
    still,live = outputs
    assert bell.still_html() in still['text/html'] and live['text/html'] == '' and still['text/plain'] == 'Bell(…)'
    mark = re.search(r'still-(view-\w+)', still['text/html'])[1]
    assert mark in bell._dom_classes and live['application/vnd.jupyter.widget-view+json']['model_id'] == bell.model_id
    bell._ipython_display_()
    assert outputs[2] == still, 'the same in every run'
