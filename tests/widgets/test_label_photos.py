"`LabelPhotos` by its messages: what a page would send, and what it gets to see."
import re
import pytest
from PIL import Image
from petlearn import PetLearnError
from petlearn.datasets.hand_labels import HandLabels
from petlearn.datasets.label_tables import read_table
from petlearn.widgets.label_photos import LabelPhotos, PicturesAhead

@pytest.fixture
def pile(tmp_path):
    folder = tmp_path/'pile'
    folder.mkdir()
    for i in range(6): Image.radial_gradient('L').rotate(9*i).resize((60, 40)).convert('RGB').save(folder/f'IMG_{i}.jpg')
    (folder/'IMG_1.jpg').write_bytes(b'no <i>photo')
    return folder

def press(w, kind, **more):
    "What the page sends about the photo that it shows; gives what it shows afterwards."
    w.receive(dict(type=kind, photo=w.ids.get(w.source.current)) | more)
    return w.view()

def test_from_the_first_photo_to_the_last(pile):
    w = LabelPhotos(pile, ['cat', 'dog'])
    seen = w.view()
    assert (seen['name'], seen['words'], seen['keys'], seen['can_undo']) == ('IMG_0.jpg', '0 of 6 photos done (0 %)', {'1': 'cat', '2': 'dog', 'c': 'cat', 'd': 'dog'}, False)
    assert seen['src'].startswith('data:image/jpeg') and seen['labels'][0] == dict(label='cat', count=0, keys=['1', 'c'])
    w.receive(dict(type='label', photo=0, label='cat'))
    assert 'IMG_1.jpg' in w.note and '/' not in w.note.split(' is ')[0] and w.source.current.name == 'IMG_2.jpg', 'a broken one is passed over, and said'
    assert [o['name'] for o in press(w, 'skip')['last']] == ['IMG_0.jpg']
    assert press(w, 'undo')['name'] == 'IMG_2.jpg'
    press(w, 'none')
    assert press(w, 'label', label='fox')['keys']['3'] == 'fox'
    for o in ('dog', 'Cat'): seen = press(w, 'label', label=o)
    assert seen['photo'] is None and seen['words'].startswith('Nothing is left to label') and 'train(' in seen['name'] and seen['share'] == 1
    assert sorted(read_table(pile/'labels.csv').labels.values()) == ['cat', 'cat', 'dog', 'fox']
    assert press(w, 'take_back', id=0)['name'] == 'IMG_0.jpg' and 'IMG_0' not in (pile/'labels.csv').read_text()
    assert LabelPhotos(pile).view()['name'] == 'IMG_0.jpg', 'as after a restart'

def test_a_key_too_many_and_messages_from_anywhere(pile):
    w = LabelPhotos(HandLabels(pile, ['cat']))
    press(w, 'label', label='cat')
    for o in (dict(type='label', photo=0, label='cat'), dict(type='none', photo=0), dict(type='skip'), dict(type='label', photo=None, label='cat'), dict(type='hello'), {}, None, 'x', 3, dict(type=[])): w.receive(o)
    assert w.source.counts == {'cat': 1} and not w.message.value
    for o,says in ((dict(label='<i>\0'), 'is not a label'), (dict(label=None), 'is not a label'), (dict(label='x'*99), 'is not a label')):
        press(w, 'label', **o)
        assert says in w.message.value and '<i>' not in w.message.value
    press(w, 'take_back', id='0')
    assert 'that photo has no label' in w.message.value
    for _ in range(2): press(w, 'undo')
    assert 'nothing to take back' in w.message.value and w.source.counts == {'cat': 0}

def test_a_table_that_cannot_be_written_is_said(pile):
    w = LabelPhotos(pile, ['cat'])
    (pile/'_quarantine').write_text('in the way')
    seen = press(w, 'label', label='cat')
    assert seen['name'] == 'IMG_0.jpg' and w.message.value and w.source.counts == {'cat': 0}

def test_what_a_saved_notebook_keeps(pile):
    w = LabelPhotos(pile, ['cat <b>'])
    press(w, 'label', label='cat <b>')
    still = w.still_html()
    assert '<b>' not in still and 'run this cell again' in still and len(still) < 20_000 and len(re.findall('<img', still)) == 1
    assert not [k for k,v in w.board.get_state().items() if isinstance(v, str) and v.startswith('data:')], 'no photo is part of its state'

def test_pictures_are_made_ahead_and_few_are_kept(pile):
    ahead,photos = PicturesAhead(keep=2),sorted(pile.glob('*.jpg'))
    ahead.prepare(photos[:1])
    assert ahead.made[photos[0]].result(10) == ahead.get(photos[0])
    for o in photos[2:]: ahead.get(o)
    assert len(ahead.made) == 2
    with pytest.raises(PetLearnError): ahead.get(photos[1])
