"What a user can do, capability by capability, through public names only, with drawn pets."
import json, shutil
import pytest
from petlearn.all import (PetLearnError, compare, define, draw_pets, draw_scenes, find_photos, is_cat, learning_curve, replay, runs, steps_for, train)

pytestmark = pytest.mark.slow

@pytest.fixture(scope='module')
def home(tmp_path_factory): return tmp_path_factory.mktemp('home')

@pytest.fixture(scope='module')
def pets(home): return draw_pets(home/'pets', 80, seed=3)

@pytest.fixture(scope='module')
def book(home): return home/'runs'

@pytest.fixture(scope='module')
def first(pets, book): return train(pets, size=96, dataset='autumn photos', note='the first', runs_dir=book)

@pytest.fixture(scope='module')
def second(first, pets, book): return train(pets, size=96, lr=.02, epochs=3, test_n=6, valid_n=12, runs_dir=book)

def test_the_book_is_a_table(first, second, book):
    assert list(runs(book, columns='').table.columns) == ['name', 'model', 'status', 'training_start', 'epoch', 'steps', 'test_acc', 'test_loss']
    assert [o.version for o in runs(book, where='dataset=autumn photos')] == ['V001'] and 'the first' in str(runs(book))
    assert 'test_acc ↑' in str(runs(book)) and 'test_acc' not in str(runs(book, where='note=the first')), 'columns without a value are hidden'
    page = runs(book)._repr_html_()
    assert page.count('<details>') == 2 and 'report.html' not in page
    first.report().save()
    assert 'V001-' in runs(book)._repr_html_().split('report.html')[0][-80:]

def test_a_name_of_a_data_set_stays_with_its_photos(first, pets, book):
    with pytest.raises(PetLearnError, match="dataset='autumn photos 2'"): train(pets, size=96, seed=1, dataset='autumn photos', runs_dir=book)

def test_numbers_of_photos_and_the_batch_size(second):
    assert second.split.usage.value_counts().to_dict() == dict(train=62, valid=12, test=6) and second.params['bs'] == 7 and second.metadata['params']['bs'] is None

def test_known_features_say_what_they_save(second): assert second.phases[0].cached and 'times as fast' in second.phases[0].note

def test_arrows(first, second):
    for o in (first.report(), compare(first, second)):
        for text in (str(o), o._repr_html_()): assert '↑' in text and '↓' in text

def test_scores_and_words(first, pets, book):
    d = json.loads(json.dumps(first.predict(find_photos(pets)[0]).to_dict()))
    assert list(d['scores'].values()) == sorted(d['scores'].values(), reverse=True) and d['predicted_label'] == next(iter(d['scores']))
    run = train(pets, is_cat, size=96, epochs=1, runs_dir=book)
    for o in (run, train(resume=run, epochs=1, runs_dir=book)): assert str(o.predict(pets/'Bombay_1.jpg')).startswith('Is this a cat?: ')

def test_note_and_card(first):
    first.note = 'brighter'
    folder = first.export()
    assert 'Note: brighter' in (folder/'MODEL_CARD.md').read_text() and json.loads((folder/'model.json').read_text())['note'] == 'brighter'

def test_other_labels_for_the_test(pets, home, book):
    "A test folder has a way of its own to say its labels."
    for i,o in enumerate(find_photos(draw_pets(home/'more', 20, seed=9))):
        target = home/'test'/('cat' if o.name[0].isupper() else 'dog')/f'IMG_{i:04}.jpg'
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(o, target)
    run = train(pets, size=96, epochs=1, test_dir=home/'test', runs_dir=book)
    assert run.metrics['test_of'] == 20

def test_preferences_differ(pets, book):
    small,middle = (train(pets, preference=o, epochs=1, runs_dir=book) for o in ('performance_first', 'balance'))
    size = lambda run: (run.path/'model/model.safetensors').stat().st_size
    assert size(small) < .95*size(middle) and small.params['size'] < middle.params['size']

def test_delete(pets, book):
    a = train(pets, size=96, epochs=1, runs_dir=book)
    b = train(resume=a, epochs=1, runs_dir=book)
    with pytest.raises(PetLearnError, match='started from'): a.delete()
    b.delete(); a.delete()
    assert not a.path.exists() and not b.path.exists()

def test_the_rest(first, home, book, capsys):
    assert steps_for(1300, 32).ceil == 41 and define('support').term == 'support'
    assert str(learning_curve(first)) and len(find_photos(draw_scenes(home/'scenes', 5))) == 5
    replay(first, book)
    assert 'to the last bit' in ''.join(capsys.readouterr())

def test_the_report_shows_what_an_export_proved(first):
    first.export()
    assert 'model.onnx against model.safetensors' in str(first.report()) and 'with another label' in first.report()._repr_html_()
