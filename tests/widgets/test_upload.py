"Uploads without a browser: what it would send, what is shown, and that nothing of a photo stays in the widget."
import json, re, shutil, subprocess, sys
from base64 import b64encode
import pytest
from inputs import BAD, FOREIGN_NAMES, JPEG, NAMES, ODD, PNG, must_fail, put, upload, upload7
from hypothesis import given, settings, strategies as st
from petlearn import PetLearnError
from petlearn.widgets import upload as room
from petlearn.image_io import center_square
from petlearn.models.prediction import Prediction
from petlearn.models.prediction import MAX_UPLOAD_MB
from petlearn.widgets.upload import MAX_FILES, Inbox, UploadPredictor
from petlearn.widgets.views import static_file
from petlearn.models.prediction import read_uploads

pytestmark = pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')

class Guess:
    "Sees photos as a model does, and answers with what it was told."
    labels,size = ['cat', 'dog'],96
    def __init__(self, novelty=None): self.novelty,self.seen = novelty,[]
    def preprocess(self, x): return center_square(x, self.size)
    def predict(self, x):
        self.seen.append(x)
        return Prediction({'cat': .9, 'dog': .1}, '', self.preprocess(x), self.novelty)

class Page:
    "The browser's part of an `UploadPredictor`, without a browser."
    def __init__(self, view, hello=True):
        self.view,self.got,self.shown = view,[],[]
        view.zone.send,view.page.send = self.got.append,self.shown.append
        if hello: self.echo(dict(type='hello'))

    def echo(self, o): self.view.receive_request(o)

    def piece(self, data, buffers=None, **more):
        o = dict(type='piece', upload='abc', batch='1', name='cat.jpg', size=len(data), start=0) | more
        self.view.receive_piece(o, [memoryview(data)] if buffers is None else buffers)
        return self.got[-1] if self.got else None

    def send(self, name, content, upload='abc', n=2_000, batch='1'):
        "A whole file, as the browser sends it."
        for start in range(0, max(len(content), 1), n):
            answer = self.piece(content[start:start+n], name=name, upload=upload, batch=batch, size=len(content), start=start)
            assert answer['upload'] == upload
            if answer['over']: return

    @property
    def html(self): return ''.join(o['html'] for o in self.shown if o['type'] == 'card')
    @property
    def words(self): return [o['words'] for o in self.shown if 'words' in o]

@pytest.fixture
def page(): return Page(UploadPredictor(Guess()))

def state(view):
    "All that a notebook could save of a widget and those within."
    return json.dumps([o.get_state() for o in (view, *view.children, *(i for o in view.children for i in getattr(o, 'children', ())))], default=str)

def names(view): return [o.name for o in view.predictions]

# --- what arrives ------------------------------------------------------------------------------------------------

def test_pieces_become_a_photo():
    inbox = Inbox()
    for n in (1, 7, len(JPEG)-1, len(JPEG), 2*len(JPEG)):
        got = [inbox.add('a', len(JPEG), i, JPEG[i:i+n]) for i in range(0, len(JPEG), n)]
        assert got[-1] == JPEG and set(got[:-1]) <= {None} and inbox.files == {}
    assert [inbox.add(k, 4, i, k.encode()*2) for i in (0, 2) for k in 'ab'] == [None, None, b'aaaa', b'bbbb']

WRONG = dict(no_beginning=('a', 9, 3, b'abc'), too_much=('a', 2, 0, b'abc'), nothing=('a', 9, 0, b''), negative=('a', 9, -3, b'abc'), beyond=('a', 3, 3, b'abc'), negative_size=('a', -1, 0, b''),
             text=('a', 9, 0, 'abc'), no_piece=('a', 9, 0, None), size_is_text=('a', '9', 0, b'abc'), size_is_true=('a', True, 0, b'a'), start_is_none=('a', 9, None, b'abc'), fraction=('a', 9., 0, b'abc'),
             endless=('a', float('inf'), 0, b'abc'), no_name=(None, 9, 0, b'abc'), list_as_name=(['a'], 9, 0, b'abc'), long_name=('a'*41, 9, 0, b'abc'), large_piece=('a', 10**6, 0, bytes(600_000)))

def test_a_piece_that_does_not_fit():
    for name,o in WRONG.items():
        inbox = Inbox()
        with pytest.raises(PetLearnError, match='did not arrive whole'): inbox.add(*o)
        assert inbox.files == {}, name

def test_05_a_file_over_the_limit_takes_no_memory(page):
    for size in (MAX_UPLOAD_MB*10**6 + 1, 10**18, 10**400):
        assert page.piece(b'abc', size=size) == dict(upload='abc', over=True)
        assert f'Expected at most {MAX_UPLOAD_MB} MB' in page.html and page.view.inbox.files == {}
    page.send('cat.jpg', JPEG)
    assert names(page.view) == ['cat.jpg']

def test_a_file_of_exactly_the_limit(page):
    content = JPEG + bytes(MAX_UPLOAD_MB*10**6 - len(JPEG)) # what comes after the end of a JPEG is not looked at
    page.send('cat.jpg', content, n=512*1024)
    assert names(page.view) == ['cat.jpg']

SCRAMBLED = {'a piece missing': [0, 2], 'the same twice': [0, 0, 1, 2], 'out of order': [1, 0, 2], 'the end first': [2, 1, 0], 'the middle twice': [0, 1, 1, 2]}

def test_pieces_in_disorder_and_the_next_upload():
    n = len(JPEG)//3 + 1
    parts = [(i, JPEG[i:i+n]) for i in range(0, len(JPEG), n)]
    for name,order in SCRAMBLED.items():
        page = Page(UploadPredictor(Guess()))
        for i in order: page.piece(parts[i][1], start=parts[i][0], size=len(JPEG))
        assert 'did not arrive whole' in page.html or names(page.view) == ['cat.jpg'], name
        page.send('next.jpg', JPEG, upload='def')
        assert names(page.view)[-1] == 'next.jpg', name

anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda o: st.lists(o, max_size=3) | st.dictionaries(st.text(max_size=5), o, max_size=3), max_leaves=5)
message = st.fixed_dictionaries({}, optional=dict(type=st.sampled_from(['piece', 'stop', 'why', 'hello', 'x']) | anything, upload=st.sampled_from('ab') | anything, batch=anything, name=anything,
                                                  size=st.sampled_from([0, 3, 6]) | anything, start=st.sampled_from([0, 3]) | anything, id=st.integers(0, 3) | anything))

@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(message | anything, st.lists(st.sampled_from([b'', b'abc', b'abcdef']), max_size=2)), max_size=6))
def test_whatever_a_page_sends_nothing_breaks(messages):
    page = Page(UploadPredictor(Guess()), hello=False)
    for o,buffers in messages:
        page.view.receive_piece(o, [memoryview(b) for b in buffers])
        page.echo(o)
    assert len(page.view.inbox.files) <= 4
    page.send('good.jpg', JPEG)
    assert names(page.view) == ['good.jpg']

def test_files_that_never_end_are_forgotten():
    inbox = Inbox()
    for i in range(100): inbox.add(f'{i}', 99, 0, b'abc')
    assert list(inbox.files) == ['96', '97', '98', '99']
    inbox.forget('98')
    inbox.forget('nobody')
    assert list(inbox.files) == ['96', '97', '99']

def test_stop_forgets(page):
    page.piece(b'abc', size=99)
    page.view.receive_piece(dict(type='stop', upload='abc'), [])
    assert page.view.inbox.files == {} and page.html == ''

# --- what is shown -----------------------------------------------------------------------------------------------

def test_a_photo_gets_a_card(page):
    page.send('cat.jpg', JPEG)
    card, = [o for o in page.shown if o['type'] == 'card']
    assert '<img' in card['html'] and 'cat.jpg' in card['html'] and '90 %' in card['html'] and not card['can_explain'] and page.words == ['cat.jpg: cat, 90 %']
    assert bytes(page.view.model.seen[0]) == JPEG

def test_18_twelve_at_once(page):
    for i in range(12): page.send(f'{i}.jpg', JPEG if i else b'a text', upload=f'u{i}')
    assert names(page.view) == [f'{i}.jpg' for i in range(1, 12)] and page.words[-1] == '12 photos: 11 cat, 1 without an answer'

def test_17_the_same_twice(page):
    for i in range(2): page.send('cat.jpg', JPEG, upload='same', batch=str(i))
    assert names(page.view) == ['cat.jpg']*2 and page.html.count('<img') == 2

def test_21_neither():
    page = Page(UploadPredictor(Guess(novelty=9.)))
    page.send('car.jpg', JPEG)
    assert 'neither cat nor dog' in page.html and page.words == ['car.jpg: neither cat nor dog'] and 'like nothing that it has learned from' in page.html

def test_bad_files_get_a_sentence_and_the_others_go_on():
    for o in filter(must_fail, BAD):
        page = Page(UploadPredictor(Guess()))
        page.send(o.file, o.content, n=500_000)
        page.send('good.jpg', JPEG)
        assert o.file in page.html and re.sub(r'[<>&]', '', o.says) in re.sub(r'&#x27;', "'", page.html) and 'Traceback' not in page.html, o.name
        assert names(page.view) == ['good.jpg'] and page.html.count('<img') == 1, o.name

def test_odd_files_are_seen_as_the_model_sees_them(page):
    for o in ODD:
        page.send(o.file, o.content)
        assert page.view.predictions[-1].photo == center_square(o.content, 96), o.name

DEEP = []
for _ in range(5_000): DEEP = [DEEP]

def test_20_names_are_text(page):
    for name in (*NAMES, *FOREIGN_NAMES, None, 5, {'a': 1}, ['x'], DEEP):
        page.send(name, PNG, batch=name)
        page.send(name, b'')
        assert '<img src=x' not in page.html and '<script' not in page.html
        shown = names(page.view)[-1]
        assert 0 < len(shown) <= 80 and shown.isprintable() and (isinstance(name, str) or shown == 'photo')
    assert not any(bad in o.plain for o in page.view.cards.values() for bad in ('<img src=x', '<script'))

def test_names_are_shown_whole_but_for_invisible_characters(page):
    for name,shown in (('<i>Kitty</i>.jpg', '<i>Kitty</i>.jpg'), ('a\u202egpj.exe', 'a gpj.exe'), ('\u200f\n', 'photo'), ('x'*10**6, 'x'*60 + '…' + 'x'*19)):
        page.send(name, JPEG)
        assert names(page.view)[-1] == shown

def test_19_before_there_is_a_model():
    page = Page(UploadPredictor(None))
    assert 'There is no model yet' in page.view.message.value
    page.send('cat.jpg', JPEG)
    assert 'There is no model yet' in page.html and page.view.predictions == []

def test_an_unexpected_error_is_a_sentence_too(page, monkeypatch):
    monkeypatch.setattr(page.view.model, 'predict', lambda x: 1/0)
    page.send('cat.jpg', JPEG)
    assert 'Something unexpected happened (ZeroDivisionError' in page.html and 'Traceback' not in page.html and page.words == ['cat.jpg: something unexpected happened']

def test_cards_come_back_and_clear_takes_them_away(page):
    page.send('cat.jpg', JPEG)
    again = Page(page.view)
    assert [o['type'] for o in again.shown] == ['card'] and again.html == page.html
    page.view.clear.click()
    assert again.shown[-1] == dict(type='remove', ids=[0], words='') and page.view.predictions == [] and not Page(page.view).shown

def test_the_oldest_cards_go(page, monkeypatch):
    monkeypatch.setattr(room, 'MAX_CARDS', 3)
    for i in range(5): page.send(f'{i}.jpg', JPEG)
    assert names(page.view) == ['2.jpg', '3.jpg', '4.jpg'] and [o['ids'] for o in page.shown if o['type'] == 'remove'] == [[0], [1]]

def test_no_photo_stays_in_the_state():
    for hello in (True, False):
        page = Page(UploadPredictor(Guess()), hello)
        page.send('cat.jpg', JPEG)
        page.view.show(upload(('dog.jpg', JPEG)))
        text = state(page.view)
        assert 'data:image' not in text and len(text) < 40_000 and b64encode(JPEG).decode()[40:80] not in text
        assert ('cat.jpg' in text) != hello and ('90 %' in text) != hello

def test_where_the_page_can_not_be_shown():
    page = Page(UploadPredictor(Guess()), hello=False)
    assert 'Type a path above' in page.view.plain.value
    page.view.show([('cat.jpg', JPEG), ('bad.jpg', b'')])
    assert re.findall(r'(?:cat|bad)\.jpg', page.view.plain.value) == ['bad.jpg', 'cat.jpg'] and not page.shown
    page.echo(dict(type='hello'))
    assert page.view.plain.value == '' and len(page.shown) == 2

# --- why ---------------------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_why_where_there_is_a_run(run):
    page = Page(UploadPredictor(run))
    page.send('cat.jpg', JPEG)
    page.send('bad.jpg', b'')
    assert [o['can_explain'] for o in page.shown if o['type'] == 'card'] == [True, False]
    for id in (1, 2, -1, None, [], '0'): page.echo(dict(type='why', id=id))
    assert not [o for o in page.shown if o['type'] == 'why']
    page.echo(dict(type='why', id=0))
    assert page.shown[-1]['type'] == 'why' and 'Nearest training photos' in page.shown[-1]['html'] and page.shown[-1]['id'] == 0
    assert 'Nearest training photos' in Page(page.view).shown[0]['because']

def test_why_fails_well(run, monkeypatch):
    page = Page(UploadPredictor(run))
    page.send('cat.jpg', JPEG)
    monkeypatch.setattr(type(run), 'interpret', lambda self: 1/0)
    page.echo(dict(type='why', id=0))
    assert 'Something unexpected happened (ZeroDivisionError' in page.shown[-1]['html']

def test_a_run_its_folder_and_a_model(run):
    for source,why in ((run, True), (run.path, True), (str(run.path), True), (run.path/'model', False)):
        view = UploadPredictor(source)
        view.show([('pet.png', PNG)])
        assert view.predictions[0].probs == run.predict(PNG).probs and (view.run is not None) == why

# --- values and paths --------------------------------------------------------------------------------------------

def test_both_generations_of_values():
    files = ('a.jpg', JPEG),('b.png', PNG)
    assert read_uploads(upload(*files)) == read_uploads(upload7(*files)) == list(files) and read_uploads(()) == read_uploads({}) == []
    for value in (upload(*files), upload7(*files), list(files)):
        view = UploadPredictor(Guess())
        view.show(value)
        assert names(view) == ['a.jpg', 'b.png'] and view.message.value == ''

def test_what_is_no_upload(page):
    for value in ('cat.jpg', [b'abc'], None, [('a.jpg',)], [('a.jpg', JPEG, 1)], 5, JPEG, [None], [{'name': 'a.jpg'}, 5], {'a.jpg': JPEG}, {'a', 'b'}):
        with pytest.raises(PetLearnError, match='not what an upload gives'): page.view.show(value)
    page.view.show([])
    assert page.view.predictions == []
    for value in (({'name': 'a.jpg'},), {'a.jpg': b'abc'}, ({'name': 'a.jpg', 'content': 5},)):
        with pytest.raises(PetLearnError, match='without its content'): read_uploads(value)

def test_a_path_in_the_field(tmp_path, page):
    put(tmp_path/'two', ODD[0], ODD[1])
    view = page.view
    for text,n in ((str(tmp_path/'two'/ODD[0].file), 1), (f'  "{tmp_path}/two" ', 2), ('   ', 0)):
        view.path.value = text
        assert len(view.predictions) == n and (view.path.value == '' or not n) and view.message.value == ''
        view.clear.click()

def test_a_wrong_path_stays_in_the_field(page):
    for text,says in (('nowhere', 'There is no file or folder'), ('https://example.org/cat.jpg', 'web address'), ('a\0b', 'not the name of a file'), ('~nobody/cat.jpg', 'no')):
        page.view.path.value = text
        assert says in page.view.message.value and page.view.path.value == text and not page.view.predictions

def test_a_folder_without_photos_and_a_bad_file(tmp_path, page):
    page.view.path.value = str(tmp_path)
    assert 'No photos in' in page.view.message.value
    (tmp_path/'bad.jpg').write_text('a text')
    page.view.path.value = str(tmp_path/'bad.jpg')
    assert 'is not a photo' in page.html

def test_a_folder_of_many(tmp_path, page):
    for i in range(MAX_FILES + 3): (tmp_path/f'{i:03}.jpg').write_bytes(JPEG)
    page.view.path.value = str(tmp_path)
    assert len(page.view.predictions) == MAX_FILES and f'The first {MAX_FILES} of {MAX_FILES+3} photos.' in page.view.message.value

def test_no_field_for_strangers():
    view = UploadPredictor(Guess(), paths=False)
    assert view.path is None and 'Type a path' not in view.plain.value and 'Or a path' not in state(view)

def test_a_still_sentence_in_the_saved_notebook(page):
    assert 'run this cell again' in page.view.still_html() and 'img' not in page.view.still_html() and repr(page.view) == 'UploadPredictor(…)'

def test_the_scripts():
    "Only cards, whose text Python has escaped, become HTML; and the limits are those of Python."
    zone,cards = (static_file(f'upload_{o}.js').read_text(encoding='utf-8') for o in ('zone', 'cards'))
    assert cards.count('innerHTML') == 2 and 'innerHTML' not in zone
    view = UploadPredictor(Guess())
    assert view.zone.limits == dict(mb=MAX_UPLOAD_MB, files=MAX_FILES, piece=room.PIECE_BYTES) and (view.zone._esm, view.page._esm) == (zone, cards)
    if node := shutil.which('node'):
        for o in ('zone', 'cards'): subprocess.run([node, '--check', static_file(f'upload_{o}.js')], check=True)

def test_without_torch():
    code = "import sys, petlearn.widgets.upload; print([o for o in ('torch', 'fastai', 'pandas', 'matplotlib') if o in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == '[]\n'
