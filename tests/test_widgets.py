"Widgets by their traits: what a browser would send, and what is shown."
from datetime import datetime, timezone
import pytest
from petlearn import PetLearnError
from petlearn.widgets import UploadPredictor, read_uploads

def entry(name, content): return dict(name=name, type='image/jpeg', size=len(content), content=memoryview(content), last_modified=datetime.now(timezone.utc))

@pytest.fixture
def cat(pets_folder): return (pets_folder/'Abyssinian_1.jpg').read_bytes()

def test_both_generations_of_values(cat):
    assert read_uploads((entry('a.jpg', cat),)) == [('a.jpg', cat)]
    assert read_uploads({'a.jpg': {'metadata': {'name': 'a.jpg'}, 'content': cat}}) == [('a.jpg', cat)]
    assert read_uploads(()) == read_uploads({}) == []

@pytest.mark.parametrize('value', [({'name': 'a.jpg'},), {'a.jpg': b'abc'}, ({'name': 'a.jpg', 'content': 5},), (None,)])
def test_uploads_without_content(value):
    with pytest.raises((PetLearnError, AttributeError)): read_uploads(value)

def test_several_photos_and_the_same_twice(run, cat):
    w = UploadPredictor(run)
    w.button.value = (entry('a.jpg', cat), entry('b.jpg', cat))
    assert [o.name for o in w.predictions] == ['a.jpg', 'b.jpg'] and w.cards.value.count('<img') == 2
    assert w.button.value == (), 'no photo stays in the notebook'
    w.button.value = (entry('a.jpg', cat),)
    w.button.value = (entry('a.jpg', cat),)
    assert [o.name for o in w.predictions] == ['a.jpg']

BAD = [('empty.jpg', b'', 'is empty'), ('page.jpg', b'<html>404', 'a web page'), ('cut.jpg', None, 'damaged'), ('film.mp4', b'\0\0\0 ftypisom', 'a video')]

@pytest.mark.parametrize('name,content,says', BAD, ids=[o[0] for o in BAD])
def test_a_bad_file_gets_a_sentence_and_the_next_upload_works(run, cat, name, content, says):
    w = UploadPredictor(run)
    w.button.value = (entry(name, cat[:2000] if content is None else content), entry('good.jpg', cat))
    assert says in w.cards.value and 'Traceback' not in w.cards.value and w.cards.value.count('<img') == 1
    w.button.value = (entry('good.jpg', cat),)
    assert says not in w.cards.value and len(w.predictions) == 1

@pytest.mark.parametrize('name', ['<img onerror=alert(1)>.jpg', '"quotes" & \'more\'.jpg', 'new\nline.jpg', 'ünïcödé 🐱.jpg'])
def test_names_are_escaped(run, cat, name):
    w = UploadPredictor(run)
    w.button.value = (entry(name, cat), entry(name, b''))
    assert '<img onerror' not in w.cards.value

def test_before_there_is_a_model(cat):
    w = UploadPredictor(None)
    w.button.value = (entry('a.jpg', cat),)
    assert 'There is no model yet' in w.cards.value

def test_an_unexpected_error_is_a_sentence_too(run, cat, monkeypatch):
    w = UploadPredictor(run)
    monkeypatch.setattr(w.predictor, 'predict', lambda x: 1/0)
    w.button.value = (entry('a.jpg', cat),)
    assert 'Something unexpected happened' in w.cards.value and 'Traceback' not in w.cards.value

def test_folder_as_source(run, cat):
    w = UploadPredictor(run.path)
    w.button.value = (entry('a.jpg', cat),)
    assert w.predictions[0].label in ('cat', 'dog')
