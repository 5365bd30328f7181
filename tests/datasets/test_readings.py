"Folder layouts and what they mean: the labels, the split, a question, or a refusal; only names are looked at, no photo is there."
import pickle, time
from pathlib import Path
import pytest
from PIL import Image
from petlearn.core import PetLearnError
from petlearn.datasets.decision import decide, fitting_labeler
from petlearn.datasets.labeling import guess_labeler, label_photos, read_labels
from petlearn.datasets.labeler_words import labeler_of
from petlearn.datasets.labels import by_folder, by_regex, labeler_name
from petlearn.datasets.photo_table import photo_table
from petlearn.datasets.readings import by_names, by_parent
from petlearn.photos.finding import PhotoList
from petlearn.terminal.words import matching
from helpers import write

TOP = Path('/nowhere/photos')

def lay(layout, n=8):
    "The paths of a layout: `a/{}.jpg` stands for `n` photos, `a/{}.jpg*3` for three."
    for o in layout.split('|'):
        name,_,count = o.strip().partition('*')
        if '{' not in name: yield TOP/name
        else: yield from (TOP/name.format(i+1) for i in range(int(count or n)))

def read(layout, top=TOP, **kwargs):
    paths = list(lay(layout))
    return paths,decide(paths, [None]*len(paths), top, **kwargs)

CAMERA = '{}.jpg'.replace('{}', 'IMG_{:04}')

def cam(*folders): return '|'.join(f'{o}/{CAMERA}' for o in folders)

LABELS = { # layout: labels
    # a folder for each label
    cam('cat', 'dog'): 'cat dog',
    cam('data/cat', 'data/dog'): 'cat dog',
    cam('0', '1', '7'): '0 1 7',
    cam('Class 1', 'Class 2'): 'Class 1,Class 2', # Teachable Machine
    cam('n02123045', 'n02085620'): 'n02123045 n02085620', # ImageNet
    cam('001.Black_footed_Albatross', '002.Laysan_Albatross'): '001.Black_footed_Albatross 002.Laysan_Albatross',
    cam('Kätzchen', 'Hündchen'): 'Kätzchen Hündchen', cam('猫', '犬'): '猫 犬', cam('maine coon', 'shiba inu'): 'maine coon,shiba inu',
    cam('train', 'plane', 'car'): 'train plane car', cam('trains', 'planes'): 'trains planes', cam('training', 'resting'): 'training resting',
    cam('indoor', 'outdoor'): 'indoor outdoor', cam('real', 'fake'): 'real fake', cam('raw', 'edited'): 'raw edited', cam('photo', 'sketch'): 'photo sketch',
    cam('cat', 'dog', 'unknown'): 'cat dog unknown', cam('A', 'B', 'C'): 'A B C', cam('good', 'bad'): 'good bad', cam('_background', 'cat'): '_background cat',
    cam('NA', 'None', 'nan', 'null', 'True', '001', '1', '1e5', 'inf'): 'NA None nan null True 001 1 1e5 inf',
    cam('Google Photos/Cats', 'Google Photos/Dogs'): 'Cats Dogs', # Takeout
    '|'.join(f'{k}/0a1b2c3d4e5f60718293a4b5c6d7e8f{i}.jpg' for k in ('oak', 'ash') for i in range(9)): 'oak ash',
    # sorted further
    cam('cats/holiday', 'cats/garden', 'dogs/holiday', 'dogs/garden'): 'cats dogs',
    cam('garden/cats', 'garden/dogs', 'holiday/cats', 'holiday/dogs'): 'cats dogs',
    cam('healthy/left', 'healthy/right', 'sick/left', 'sick/right'): 'healthy sick',
    cam('apple/red', 'apple/green', 'pear/green', 'pear/yellow'): 'apple pear',
    '|'.join(f'{k}/2024-05-{d:02}/IMG_{{}}.jpg*3' for k in ('cats', 'dogs') for d in range(1, 7)): 'cats dogs',
    cam('2023/cat', '2023/dog', '2024/cat', '2024/dog'): 'cat dog', cam('2023/05/oak', '2023/06/ash', '2024/05/ash'): 'oak ash',
    cam('oak/DCIM/100CANON', 'oak/DCIM/101CANON', 'ash/DCIM/100CANON'): 'oak ash',
    cam('oak/part 1', 'oak/part 2', 'ash/part 1'): 'oak ash', cam('batch1/oak', 'batch1/ash', 'batch2/oak', 'batch2/ash'): 'oak ash',
    cam('cat/images', 'dog/images'): 'cat dog', cam('oak/images', 'ash/photos'): 'oak ash', cam('alice/cat', 'alice/dog', 'bob/cat', 'bob/dog'): 'cat dog',
    cam('cats', 'cats/kittens', 'dogs'): 'cats dogs', cam('cats/tom', 'cats/felix', 'dogs/rex', 'dogs'): 'cats dogs',
    cam('a/b/cats/holiday', 'a/b/cats/garden', 'a/b/dogs/park'): 'cats dogs',
    '|'.join(f'{k}/{k}{i}/IMG_{{}}.jpg*2' for k in ('oak', 'ash') for i in range(9)): 'oak ash', # too few of each tree
    # names in a flat folder
    'cat.{}.jpg|dog.{}.jpg': 'cat dog', 'cat_{}.jpg|dog_{}.jpg': 'cat dog', 'cat-{}.jpg|dog-{}.jpg': 'cat dog', 'cat{}.jpg|dog{}.jpg': 'cat dog',
    'cat ({}).jpg|dog ({}).jpg': 'cat dog', 'cat {}.jpg|dog {}.jpg': 'cat dog', 'cat{:03}.JPG|dog{:03}.JPG': 'cat dog',
    'cat.jpg|cat - Copy.jpg|cat - Copy ({}).jpg|dog.jpg|dog - Copy ({}).jpg': 'cat dog', 'cat.jpg|cat {}.jpg|dog.jpg|dog {}.jpg': 'cat dog',
    'Abyssinian_{}.jpg|pug_{}.jpg|saint_bernard_{}.jpg': 'cat dog', 'saint_bernard_{}.jpg|pug_{}.jpg': 'saint_bernard pug',
    'Äpfel_{}.jpg|Birnen_{}.jpg': 'Äpfel Birnen', '猫{}.jpg|犬{}.jpg': '猫 犬', 'my cat ({}).jpg|my dog ({}).jpg': 'my cat,my dog',
    'cat_{}_jpg.rf.0a1b2c3d.jpg|dog_{}_jpg.rf.0a1b2c3d.jpg': 'cat dog', 'n02123045_{}.JPEG|n02085620_{}.JPEG': 'n02123045 n02085620', 'left.{}.jpg|right.{}.jpg': 'left right',
    'CAT_{:04}.JPG|DOG_{:04}.JPG': 'CAT DOG',
    # folders and names
    'cat/cat.{}.jpg|dog/dog.{}.jpg|dog/cat.99.jpg|cat/dog.98.jpg': 'cat dog', 'healthy/left.{}.jpg|healthy/right.{}.jpg|sick/left.{}.jpg|sick/right.{}.jpg': 'healthy sick',
    'happy/img.{}.jpg|sad/pic.{}.jpg': 'happy sad', 'Katzen/cat.{}.jpg|Hunde/dog.{}.jpg': 'Katzen Hunde', '2023/cat.{}.jpg|2024/dog.{}.jpg': 'cat dog', 'part1/cat.{}.jpg|part2/dog.{}.jpg': 'cat dog',
    'Abyssinian/Abyssinian_{}.jpg|pug/pug_{}.jpg': 'Abyssinian pug', 'cat/Abyssinian_{}.jpg|dog/pug_{}.jpg': 'cat dog', 'cat/abyssinian_{}.jpg|dog/pug_{}.jpg': 'cat dog',
    'good/frame.{:04}.png|scratched/cam1.{}.png': 'good scratched', 'cat/bella_{}.jpg|dog/rex_{}.jpg': 'cat dog', 'one/rose_{}.jpg|one/tulip_{}.jpg': 'rose tulip',
    # a few photos without a label are left aside
    cam('cat', 'dog') + '|IMG_9001.jpg': 'cat dog', cam('cat', 'dog') + '|2024-05-01/IMG_1.jpg': 'cat dog', 'cat.{}.jpg*20|dog.{}.jpg|IMG_1.jpg': 'cat dog',
}

def named(labels): return set(labels.split(',' if ',' in labels else ' '))

def test_layouts_with_labels():
    assert len(LABELS) > 60
    for layout,expected in LABELS.items():
        paths,found = read(layout)
        assert {o for o in found.labels if o is not None} == named(expected), layout
        assert not any(found.usage) and not found.problems and found.notes[0].startswith('Labels from the '), layout
        for path,label in zip(paths, found.labels): # what is right about photos that come later, too
            assert label is None or found.labeler(path) == label, (path, layout)
        assert pickle.loads(pickle.dumps(found.labeler))(paths[0]) == found.labeler(paths[0]) and ' at 0x' not in labeler_name(found.labeler)

def test_photos_that_are_put_right_by_hand():
    paths,found = read('cat/cat.{}.jpg|dog/dog.{}.jpg|dog/cat.99.jpg')
    assert found.labels[-1] == 'dog' and 'File names say otherwise for 1 photo, such as cat in the folder dog' in ' '.join(found.notes)
    paths,found = read('cat/cat.{}.jpg*90|dog/dog.{}.jpg*90|dog/cat.10{}.jpg*10|cat/dog.10{}.jpg*10')
    assert 'for 20 photos' in ' '.join(found.notes) and found.labeler is by_folder

SPLITS = { # layout: usages, labels
    cam('train/cat', 'train/dog', 'valid/cat', 'valid/dog', 'test/cat', 'test/dog'): 'train valid test', # Roboflow
    cam('data/Training/oak', 'data/Training/ash', 'data/VAL/oak', 'data/VAL/ash'): 'train valid',
    cam('cat/train', 'cat/test', 'dog/train', 'dog/test'): ' test', cam('cat/train', 'cat/val', 'dog/train', 'dog/val'): 'train valid',
    cam('train_images/oak', 'train_images/ash', 'val_images/oak', 'val_images/ash'): 'train valid', cam('images/train2017/oak', 'images/train2017/ash', 'images/val2017/ash'): 'train valid',
    cam('seg_train/seg_train/sea', 'seg_train/seg_train/ice', 'seg_test/seg_test/sea', 'seg_test/seg_test/ice', 'seg_pred/seg_pred'): ' test',
    cam('training_set/training_set/cats', 'training_set/training_set/dogs', 'test_set/test_set/cats', 'test_set/test_set/dogs'): ' test',
    cam('train/cat', 'train/dog', 'holdout/cat', 'holdout/dog'): ' test', cam('train/cat', 'train/dog', 'dev/cat', 'dev/dog'): 'train valid',
    'train/cat.{}.jpg|train/dog.{}.jpg|valid/cat.1{}.jpg|valid/dog.1{}.jpg': 'train valid',
    'train/cat.{}.jpg|train/dog.{}.jpg|test1/{}.jpg': '', 'train/train/cat.{}.jpg|train/train/dog.{}.jpg|test/test/{}.jpg': '', # Kaggle: the test has no labels
    cam('train/0', 'train/1', 'test/0', 'test/1'): ' test', cam('train/oak/2023', 'train/ash/2024', 'valid/oak/2023', 'valid/ash/2024'): 'train valid',
    cam('train/oak', 'train/ash', 'valid/oak', 'valid/ash', 'more/oak') + '|readme.jpg': 'train valid', cam('train/oak', 'train/ash', 'test/oak', 'test/ash', 'unlabeled'): ' test',
    cam('train/cats/garden', 'train/cats/holiday', 'train/dogs/garden', 'valid/cats/holiday', 'valid/dogs/holiday'): 'train valid',
    cam('train/cat', 'train/dog'): '', cam('test/cat', 'test/dog'): '', cam('valid/cat', 'valid/dog', 'test/cat', 'test/dog'): '',
}

def test_layouts_with_a_split():
    for layout,expected in SPLITS.items():
        paths,found = read(layout)
        used = {(u, o) for u,o in zip(found.usage, found.labels) if o is not None}
        assert {u for u,_ in used} == set(expected.split(' ')), layout
        labels = {o for _,o in used}
        assert len(labels) == 2 and not labels & {'train', 'valid', 'test', 'training', 'val'}, (labels, layout)
        for path,usage in zip(paths, found.usage): # nothing is mixed
            name = str(path.relative_to(TOP)).lower()
            if usage == 'test': assert 'test' in name or 'holdout' in name, layout
            if 'valid' in expected and 'train' in name and usage: assert usage == 'train', layout

def test_what_a_split_leaves_aside_is_said():
    for layout,word in (('train/cat.{}.jpg|train/dog.{}.jpg|test1/{}.jpg', 'Without a label in test1: 8 photos'), (cam('train/oak', 'train/ash', 'valid/oak', 'valid/ash', 'more/oak'), 'In none of the folders'),
                        (cam('cat', 'dog') + '|IMG_9001.jpg', "In no label's folder, but loose in photos, beside the folders cat, dog: 1 photo")):
        found = read(layout)[1]
        assert word in found.aside[0].what and found.aside[0].files, layout
    assert 'none called train' in ' '.join(read(cam('test/cat', 'test/dog'))[1].notes)

ASKS = [ # layout, labelers that the question names
    (cam('fresh/apple', 'fresh/pear', 'rotten/apple', 'rotten/pear'), ('labeler=by_parent(2) for fresh, rotten', 'labeler=by_folder for apple, pear')),
    (cam('fruit/apple', 'fruit/pear', 'vegetable/leek', 'vegetable/carrot'), ('by_parent(2)', 'by_folder')), (cam('cats/siamese', 'cats/persian', 'dogs/pug', 'dogs/beagle'), ('by_parent(2)', 'by_folder')),
    ('indoor/cat.{}.jpg|outdoor/dog.{}.jpg|indoor/dog.{}.jpg|outdoor/cat.{}.jpg', ('by_folder', 'by_regex')), ('cat/cat.{}.jpg|cat/dog.{}.jpg|dog/cat.{}.jpg|dog/dog.{}.jpg', ('by_folder', 'by_regex')),
    ('indoor/Birman_{}.jpg|outdoor/Birman_1{}.jpg|indoor/pug_{}.jpg|outdoor/pug_1{}.jpg', ('by_folder', 'cat_or_dog')),
    ('left/oak_{}.jpg|left/ash_{}.jpg|right/oak_{}.jpg|right/ash_{}.jpg', ('by_folder', 'by_regex')),
]

def test_two_readings_are_a_question():
    for layout,calls in ASKS:
        with pytest.raises(PetLearnError, match='can be read in two ways') as e: read(layout)
        assert all(o in e.value.fix for o in calls) and 'labeler=' in e.value.fix, layout

REFUSES = [ # layout, words
    ('IMG_{}.jpg|DSC_{}.jpg', 'camera'), ('PXL_20240501_10{:04}.jpg|VID_20240501_11{:04}.jpg|Screenshot_{}.jpg', 'camera'), ('P1{:06}.jpg|GOPR{:04}.jpg', 'camera'),
    ('WhatsApp Image 2024-05-01 at 10.11.{:02}.jpeg|IMG-20240501-WA{:04}.jpg', 'camera'), ('image_{}.jpg|photo_{}.jpg', 'No labeling rule'), ('frame_{}.jpg|scan_{}.jpg|untitled-{}.jpg', 'No labeling rule'),
    ('|'.join(f'{i:08x}-0000-4000-8000-00000000000{i}.jpg' for i in range(9)), 'No labeling rule'), ('{}.jpg', 'all photos lie in one folder, photos'),
    (cam('2023', '2024'), 'labeler=by_folder'), (cam('DCIM/100CANON', 'DCIM/101CANON'), 'No labeling rule'), (cam('part1', 'part2'), 'labeler=by_folder'), (cam('train', 'valid', 'test'), 'No labeling rule'),
    (cam('cat', 'dog') + '|IMG_90{}.jpg', 'loose in photos, beside the folders cat, dog'), (cam('cat', 'dog', '2024-05-01'), '2024-05-01'),
    (cam('train/cat', 'train/dog', 'valid/cat', 'valid/Dog'), "'Dog' is new"), (cam('train/cat', 'train/dog', 'test/cat', 'test/bird'), "'bird' is new"),
    (cam('train/cat', 'train/dog', 'valid/cat', 'valid/dog', 'bird'), 'bird would be no label'), (cam('cats_train', 'cats_test', 'dogs_train', 'dogs_test'), 'say two things at once'),
    ('train_{}.jpg|test_{}.jpg', 'No labeling rule'), ('abyssinian_{}.jpg|pug_{}.jpg', 'lost their capital letter'), ('bella.jpg|rex.jpg|tom.jpg', 'No labeling rule'),
]

def test_what_is_refused():
    for layout,word in REFUSES:
        with pytest.raises(PetLearnError) as e: read(layout)
        assert word in str(e.value) and e.value.fix, (layout, str(e.value))

def test_years_are_labels_when_asked():
    paths = list(lay(cam('2023', '2024')))
    assert set(read_labels(paths, by_folder).labels) == {'2023', '2024'}

def test_a_split_that_the_labeler_reads_is_no_split():
    paths = list(lay(cam('train', 'valid')))
    found = read_labels(paths, by_folder)
    assert set(found.labels) == {'train', 'valid'} and not any(found.usage)

def test_a_label_of_which_no_photo_opens(tmp_path):
    from petlearn.datasets.checks import check
    from petlearn.datasets.findings import BAD_FILES
    for k in ('cat', 'dog', 'bird'):
        for i in range(6): write(tmp_path, f'{k}/{i}.jpg', f'no photo {k} {i}') if k == 'bird' else draw(tmp_path/f'{k}/{i}.jpg', i + 10*(k == 'dog'))
    found = check(tmp_path)
    with pytest.raises(PetLearnError, match="0 of 'bird'"): found.require(BAD_FILES)

def draw(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((60, 60), 40 + seed).save(path)

def test_labels_that_would_vanish():
    for bare,words in (({'bird': {}}, 'its folder is empty'), ({'bird': {'videos': 20}}, 'its folder holds 20 videos')):
        problem, = read(cam('cat', 'dog'), bare={TOP/k: v for k,v in bare.items()})[1].problems
        assert problem.what == f'bird has no photos: {words}.' and 'bird' in problem.fix
    for name in ('cat/empty', 'annotations', '2024', 'DCIM'): assert read(cam('cat', 'dog'), bare={TOP/name: {}})[1].problems == []
    split = cam('train/cat', 'train/dog', 'valid/cat', 'valid/dog')
    assert len(read(split, bare={TOP/'train/bird': {}})[1].problems) == 1 and not read(cam('train/cat', 'train/dog', 'valid/cat'), bare={TOP/'valid/dog': {}})[1].problems

def test_an_empty_folder_stops_a_real_folder(tmp_path):
    for k in ('cat', 'dog'):
        for i in range(6): write(tmp_path, f'{k}/{i}.jpg')
    (tmp_path/'bird').mkdir()
    table = photo_table(tmp_path)
    assert [o.kind for o in table.problems] == ['empty label'] and set(table.photos.label) == {'cat', 'dog'}
    with pytest.raises(PetLearnError, match='bird has no photos'): table.require_labels()
    write(tmp_path, 'bird/1.jpg'), write(tmp_path, 'loose.jpg')
    table = photo_table(tmp_path)
    assert table.require_labels() is table and len(table) == 13 and [len(o.files) for o in table.aside] == [1]
    with pytest.raises(PetLearnError, match='loose'): label_photos(tmp_path)

def test_single_labels():
    assert set(read(cam('cat'))[1].labels) == {'cat'} and set(read('rose_{}.jpg')[1].labels) == {'rose'}
    with pytest.raises(PetLearnError, match='all photos lie in one folder, cat'): read(cam('cat'), top=TOP/'cat')

def test_the_folder_above(tmp_path):
    for k in ('cat', 'dog'):
        for i in range(6): write(tmp_path, f'{k}/IMG_{i}.jpg')
    with pytest.raises(PetLearnError, match='give the folder above') as e: guess_labeler(tmp_path/'cat')
    assert str(tmp_path) in e.value.fix
    problems = photo_table([tmp_path/'cat', tmp_path/'dog']).problems
    assert all(f'folder above them: {str(tmp_path)!r}' in o.error.fix for o in problems) and problems

def test_labelers_for_folders():
    for labeler,path,label in ((by_parent(1), 'a/b/1.jpg', 'b'), (by_parent(2), 'a/b/1.jpg', 'a'), (by_names('a', 'c'), 'c/a/b/1.jpg', 'a')):
        assert labeler(path) == label and eval(repr(labeler)) == labeler == pickle.loads(pickle.dumps(labeler)) and len({labeler, eval(repr(labeler))}) == 1
    for bad in (lambda: by_parent(0), lambda: by_parent('2'), lambda: by_names(), lambda: by_names(''), lambda: by_parent(3)('a/1.jpg'), lambda: by_names('x')('a/1.jpg')):
        with pytest.raises(PetLearnError) as e: bad()
        assert e.value.fix

def test_labelers_in_a_terminal():
    for word,labeler in (('by_parent(2)', by_parent(2)), ('by_names(cats, dogs)', by_names('cats', 'dogs')), ("by_names('my cats', 'dogs')", by_names('my cats', 'dogs'))): assert labeler_of(word) == labeler
    for word in ("by_regex('(.+)_[0-9]+')", '(.+)_[0-9]+'): assert repr(labeler_of(word)) == repr(by_regex('(.+)_[0-9]+'))
    for word in ('by_parent(x)', 'by_parent()', 'by_nothing'):
        with pytest.raises(PetLearnError): labeler_of(word)

def test_patterns_in_a_terminal(tmp_path):
    for name in ('a/1.jpg', 'a/2.jpg', 'b/1.jpg', '[odd]/1.jpg'): write(tmp_path, name)
    for words,n in (([f'{tmp_path}/a/*.jpg'], 2), ([f'{tmp_path}/*/*.jpg', 'x.jpg'], 5), ([f'{tmp_path}/[odd]'], 1), ([f'{tmp_path}/c*'], 1), ([], 0)): assert len(list(matching(words))) == n

def test_photos_for_a_test_fit_what_is_known():
    assert fitting_labeler(['t/cat.1.jpg'], {'cat', 'dog'})('t/cat.1.jpg') == 'cat' and fitting_labeler(['t/cat/1/x.jpg'], {'cat'}) == by_parent(2)
    assert fitting_labeler(['t/1.jpg'], {'cat'}) is None

def test_a_list_knows_as_much_as_its_folder():
    paths = list(lay(cam('train/cat', 'train/dog', 'valid/cat', 'valid/dog')))
    for photos in (paths, PhotoList(paths, TOP), list(map(str, paths))): assert set(read_labels(photos).usage) == {'train', 'valid'}

def test_many_paths():
    "A hundred thousand, without opening one; counted in calls instead of seconds: folders are looked at once."
    paths = [f'/nowhere/photos/{k}/{d}/IMG_{i:05}.jpg' for k in ('cats', 'dogs') for d in ('holiday', 'garden') for i in range(25_000)]
    start = time.process_time()
    found = decide(paths, [None]*len(paths), TOP)
    assert set(found.labels) == {'cats', 'dogs'} and time.process_time() - start < 30
