"Labels by hand: what is asked, what the table says afterwards, and what a training makes of it."
import shutil
from pathlib import Path
import pytest
from PIL import Image
from petlearn import PetLearnError
from petlearn.datasets.checks import check
from petlearn.datasets.hand_labels import HandLabels, label_keys, tidy_label
from petlearn.datasets.labeling import read_labels
from petlearn.datasets.labels import is_cat

def pile_of(folder, *names):
    "Different small pictures with these names."
    for i,o in enumerate(names):
        path = folder/o
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.radial_gradient('L').resize((40 + i, 40)).rotate(11*i).convert('RGB').save(path)
    return folder

def labels_in(folder): return {Path(o).name: label for o,label in zip(HandLabels(folder).photos, read_labels(folder).labels)}

CAMERA = [f'IMG_{i:04}.jpg' for i in range(8)]

def test_what_is_asked(tmp_path):
    for name,files,table,labels,asked in (
        ('pile', CAMERA[:3], None, (), 3),
        ('some rows', CAMERA[:3], 'file,label\nIMG_0001.jpg,cat\n', (), 2),
        ('somebody named them by place', ['garden_1.jpg', 'garden_2.jpg', 'sofa_1.jpg', 'sofa_2.jpg'], None, ('cat', 'dog'), 4),
        ('folders are the labels', [f'{k}/IMG_{i}.jpg' for k in ('cat', 'dog') for i in range(9)] + ['IMG_99.jpg'], None, ('cat', 'dog'), 1),
        ('folders are other labels', [f'{k}/IMG_{i}.jpg' for k in ('cat', 'dog') for i in range(3)], None, ('happy', 'sad'), 6),
        ('folders of a camera', ['2023/IMG_1.jpg', '2024/IMG_2.jpg'], None, ('cat',), 2)):
        folder = pile_of(tmp_path/name, *files)
        if table: (folder/'labels.csv').write_text(table)
        assert len(HandLabels(folder, labels).queue) == asked, name

def test_a_row_is_found_again_whatever_the_photo_is_called(tmp_path):
    names = ['a;b.jpg', 'a, b.jpg', '"q".jpg', '#1.jpg', ' x .jpg', 'Zoe\u0308.jpg', 'über/ö.jpg', 'a/b/c/d/e/deep.jpg', '50%20.jpg', '-.jpg']
    folder = pile_of(tmp_path/'pile', *names)
    for label in ('cat', 'grau|weiß; "oder"', '', 'N/A'):
        work = HandLabels(folder, ['x'])
        while work.current: work.give(label)
        again = HandLabels(folder)
        assert not again.queue and {*again.known.values()} == {label} and len(again.history) == len(names), label
        while again.history: again.undo()
        assert len(HandLabels(folder).queue) == len(names) and not list(folder.rglob('labels.csv')), label

def test_a_table_of_yours_is_kept(tmp_path):
    for i,text in enumerate(('file,label\nIMG_0001.jpg,cat\n', 'Bild;Image;Class\n1;IMG_0001.jpg;cat\n', 'mine\nfile\tlabel\twhy\nIMG_0001.jpg\tcat\told\n', 'IMG_0001.jpg,cat\n')):
        folder = pile_of(tmp_path/str(i), *CAMERA[:3])
        (folder/'labels.csv').write_text(text)
        work = HandLabels(folder, ['dog'])
        work.give('dog')
        after = (folder/'labels.csv').read_text()
        assert all(o in after for line in text.splitlines() for o in line.replace(';', ',').replace('\t', ',').split(',')), text
        assert labels_in(folder) == {'IMG_0000.jpg': 'dog', 'IMG_0001.jpg': 'cat', 'IMG_0002.jpg': ''}, text
        assert (folder/'_quarantine'/'labels.csv').read_text() == text
        work.undo()
        assert HandLabels(folder).counts == {'cat': 1}

def test_a_damaged_table_is_said_first(tmp_path):
    folder = pile_of(tmp_path, *CAMERA[:2])
    (folder/'labels.csv').write_text('file,label\nIMG_0001.jpg,\n')
    with pytest.raises(PetLearnError, match='no label for IMG_0001'): HandLabels(folder)

def test_what_training_sees(tmp_path):
    folder = pile_of(tmp_path/'pile', *CAMERA, 'cat_9.jpg')
    work = HandLabels(folder, ['happy', 'sad'])
    for o in ('happy', 'sad', '', 'happy', 'sad'): work.give(o)
    found = read_labels(folder)
    assert found.labels == ['happy', 'sad', '', 'happy', 'sad', '', '', '', '']
    assert [len(o.files) for o in found.aside] == [4, 1] and 'LabelPhotos' in found.aside[0].what and 'None of the labels' in found.aside[1].what
    assert dict(check(folder).photos.label.value_counts()) == {'happy': 2, 'sad': 2}
    assert read_labels(folder, is_cat).labels[2] == '', 'none of the labels, also for a rule'
    with pytest.raises(PetLearnError, match='is none of its labels'): found.labeler(folder/'IMG_0002.jpg')

def test_loose_photos_beside_folders(tmp_path):
    folder = pile_of(tmp_path/'pets', *(f'{k}/IMG_{i}.jpg' for k in ('cat', 'dog') for i in range(8)), *(f'IMG_{i}.jpg' for i in range(20, 26)))
    with pytest.raises(PetLearnError, match='loose'): read_labels(folder)
    work = HandLabels(folder, ['cat', 'dog'])
    while work.current: work.give('dog')
    labels = read_labels(folder).labels
    assert (labels.count('cat'), labels.count('dog')) == (8, 14)

def test_the_order_and_what_is_skipped(tmp_path):
    folder = pile_of(tmp_path, *CAMERA[:4])
    work = HandLabels(folder, ['cat'], order=lambda photos: photos[::-1])
    assert [work.skip().name for _ in range(4)] == ['IMG_0002.jpg', 'IMG_0001.jpg', 'IMG_0000.jpg', 'IMG_0003.jpg']
    assert [work.undo().name for _ in range(2)] == ['IMG_0000.jpg', 'IMG_0001.jpg']
    work.give('cat')
    work.leave_out(work.current, PetLearnError('Broken.'))
    assert str(work) == "Labelled: 1 of 4 photos (cat 1). 1 can't be opened: IMG_0000.jpg. 2 wait for a label."
    with pytest.raises(PetLearnError, match='no label that was given here'): work.take_back(work.current)
    assert HandLabels([folder/'IMG_0003.jpg'], ['cat']).current == folder/'IMG_0003.jpg'

def test_nothing_is_lost_when_the_table_cannot_be_written(tmp_path):
    folder = pile_of(tmp_path, *CAMERA[:2])
    work = HandLabels(folder, ['cat'])
    (folder/'_quarantine').write_text('a file in the way')
    with pytest.raises(PetLearnError): work.give('cat')
    assert work.current.name == 'IMG_0000.jpg' and not work.history and work.counts == {'cat': 0}
    with pytest.raises(PetLearnError, match='nothing to take back'): work.undo()

def test_keys_and_words():
    for labels,keys in ((['cat', 'dog'], '1 2 c d'), (['cat', 'cow'], '1 2'), (['newt', 'ukulele'], '1 2'), (['7 up', 'Äffin'], '1 2 ä'), ([str(i) for i in range(12)], '1 2 3 4 5 6 7 8 9')):
        assert ' '.join(label_keys(labels)) == keys
    for text,label in (('CAT', 'cat'), (' a  b ', 'a b'), ('Ärger', 'Ärger')): assert tidy_label(text, ['cat']) == label
    for text in ('', '  ', 'a\x07', 'x'*61, 3):
        with pytest.raises(PetLearnError, match='is not a label'): tidy_label(text)
    with pytest.raises(PetLearnError, match='one word'): HandLabels('.', 'cat')
