"Tables that lie beside photos: which one wins, which one is of something else, and what is said about rows that fit no photo."
import os, re
from pathlib import Path
import pytest
from petlearn.core import PetLearnError
from petlearn.datasets.found_tables import label_rows, match_tables
from petlearn.datasets.label_tables import by_csv
from petlearn.datasets.labeling import label_photos, label_table, read_labels
from petlearn.datasets.labels import by_folder, labeler_name
from petlearn.datasets.photo_table import photo_table
from petlearn.photos.drawings import draw_pets
from petlearn.photos.finding import find_photos
from petlearn.texts import read_text_table
from helpers import corrections
from test_label_tables import many, write

def test_the_nearest_correction_wins(tmp_path):
    photos = many(tmp_path, *(f'{o}/1.jpg' for o in ('a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/c/d/e')))
    write(tmp_path, 'a/labels.csv', 'file,label\n' + ''.join(f'{o.relative_to(tmp_path/"a")},far\n' for o in photos) + 'other.jpg,far\n')
    write(tmp_path, 'a/b/labels.csv', 'why,label,file\nears,near,c/1.jpg\n')
    assert corrections(photos) == dict(zip(photos, ['far', 'far', 'near', 'far'])) # four folders up is too far
    assert label_photos(photos, by_folder) == ['far', 'far', 'near', 'far', 'e']

def test_corrections_come_before_the_labeler(tmp_path, monkeypatch):
    photos = many(tmp_path, 'cat/1.jpg', 'cat/2.jpg', 'dog/3.jpg')
    write(tmp_path, 'labels.csv', 'file,label\ncat/2.jpg,dog\ncat/99.jpg,dog\n')
    asked = []
    def labeler(path):
        asked.append(path.name)
        return 1/0 if path.name == '2.jpg' else path.parent.name
    assert label_photos(photos, labeler) == ['cat', 'dog', 'dog'] and asked == ['1.jpg', '3.jpg']
    table = label_table(tmp_path)
    assert table.corrected.to_dict() == {'cat': 0, 'dog': 1} and table.photos.to_dict() == {'cat': 1, 'dog': 2}
    monkeypatch.chdir(tmp_path)
    assert corrections(['cat/2.jpg']) == {tmp_path/'cat/2.jpg': 'dog'}
    (tmp_path/'labels.csv').unlink()
    assert corrections(photos) == {} and 'corrected' not in label_table(photos)

def test_the_table_of_the_labeler_corrects_nothing(tmp_path):
    photos = many(tmp_path, 'x/1.jpg', 'x/2.jpg')
    table = write(tmp_path, 'labels.csv', 'image,breed\nx/1.jpg,pug\nx/2.jpg,beagle\n')
    label = by_csv(table, 'image', 'breed')
    assert corrections(photos, label) == {} and label_photos(photos, label) == ['pug', 'beagle'] and 'corrected' not in label_table(photos, label)
    write(tmp_path, 'x/labels.csv', 'file,label\n2.jpg,boxer\n')
    assert label_photos(photos, label) == ['pug', 'boxer'] and corrections(photos, label) == {photos[1]: 'boxer'}

def test_without_a_table_only_folders_are_looked_at(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(os.path, 'isfile', lambda o: looked.append(o))
    assert corrections([tmp_path/f'{i%3}/{i}.jpg' for i in range(10_000)]) == {}
    assert len(looked) == 2*(3 + 3) # two names in three folders, and in three above that they share

def test_names_in_no_alphabet_are_corrected_too(tmp_path):
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b'/M\xfcl\x81ler.jpg'))
    for mark in ('', '\ufeff'):
        write(tmp_path, 'labels.csv', (f'{mark}file,label\n{photo.name},Öl\n').encode('utf-8', 'surrogateescape'))
        assert corrections([photo]) == {photo: 'Öl'}

def test_petlearns_table_wins(tmp_path):
    "Over a nearer table of the user's, and a newer row over an older one."
    photo, = many(tmp_path, 'a/1.jpg')
    write(tmp_path, 'a/labels.csv', 'file,label\n1.jpg,mine\n')
    assert label_rows([photo])[0].label == 'mine'
    write(tmp_path, 'corrections.csv', 'file,label,was,change,when\na/1.jpg,first,mine,1,now\na/1.jpg,second,first,2,now\n')
    assert corrections([photo]) == {photo: 'second'} == corrections([photo], by_csv(tmp_path/'a/labels.csv'))
    assert label_photos([photo], by_folder) == ['second']

def test_each_table_is_read_once(tmp_path, monkeypatch):
    "However many photos and folders there are, and whichever labeler is chosen."
    photos = many(tmp_path, *(f'{o}/{i}.jpg' for o in 'xyz' for i in range(5)))
    write(tmp_path, 'labels.csv', 'file,label\n' + ''.join(f'{o.relative_to(tmp_path)},l{o.stem}\n' for o in photos))
    write(tmp_path, 'corrections.csv', 'file,label\nx/1.jpg,cat\n')
    read,real = [],read_text_table
    monkeypatch.setattr('petlearn.datasets.label_tables.read_text_table', lambda path: read.append(Path(path).name) or real(path))
    for labeler in (None, by_folder):
        read.clear()
        found = read_labels(photos, labeler)
        assert sorted(read) == ['corrections.csv', 'labels.csv'] and found.labels[1] == 'cat' and found.labels[0] == 'l0'
    alone = many(tmp_path/'one', '1.jpg', '2.jpg')
    write(tmp_path/'one', 'labels.csv', 'file,label\n1.jpg,cat\n2.jpg,dog\n')
    (tmp_path/'labels.csv').unlink(), (tmp_path/'corrections.csv').unlink(), read.clear()
    found = read_labels(alone)
    assert (labeler_name(found.labeler), found.labels, found.corrected, read) == ("by_csv('labels.csv')", ['cat', 'dog'], {}, ['labels.csv'])

# tables of something else

KAGGLE,BOXES = 'id,breed\n000bec18,boston_bull\n001513df,dingo\n','filename,width,height,class,xmin,ymin,xmax,ymax\n{0},500,375,cat,1,2,3,4\n{0},500,375,dog,5,6,7,8\n'
ASIDE = { # content of a labels.csv beside or above photos in class folders, and a word of the sentence about it
    'a competition': (KAGGLE, "no column 'file'"), 'boxes': (BOXES.format('a.jpg'), 'boxes'), 'boxes of these photos': (BOXES.format('0.jpg'), 'boxes'), 'a workbook': (b'PK\x03\x04 a workbook\0\0', 'not a table'), 'nothing': ('', 'empty'),
    'other photos': ('file,label\nx/0001.jpg,pug\nx/0002.jpg,boxer\n', 'no photo'), 'one word a line': ('cat\ndog\n', "no column 'file'"), 'names of labels': ('0,cat\n1,dog\n', "no column 'file'"),
    'a damaged one of other photos': ('image,label\nx/0001.jpg,pug\nx/0002.jpg,\n', 'no photo'), 'more columns': ('image_id,dog,cat\n7,1,0\n', "no column 'file'"), 'many that only share names': ('file,label\n'+''.join(f'{i},x\n' for i in range(1, 999, 2)), 'no photo')}

def test_tables_of_something_else_are_left_aside(tmp_path):
    "In the folder of the photos, and up to three above."
    for i,(name,(data,says)) in enumerate(ASIDE.items()):
        for up in range(4):
            photos = many(tmp_path/f'{i}{up}', *(f'a/b/c/{o}/{n}.jpg' for o in ('cat', 'dog') for n in ((0, 2, 4) if o == 'cat' else (6, 8, 10))))
            write(tmp_path/f'{i}{up}', '/'.join(['a', 'b', 'c', 'cat'][:4-up] + ['labels.csv']), data)
            found = read_labels(photos)
            assert found.labels == [o.parent.name for o in photos] and not found.corrected, name
            assert len(found.notes) == 1 and 'Left aside' in found.notes[0] and says in found.notes[0] and 'To use it' not in found.notes[0], (name, found.notes)

def test_a_sentence_says_how_to_use_it(tmp_path, capsys):
    "Whether something else labels the photos or not, what it says to type works."
    for i,sub in enumerate(('train', 'cat')):
        photos = many(tmp_path/str(i), *(f'{sub}/{o}.jpg' for o in ('000bec18', '001513df')))
        write(tmp_path/str(i), 'labels.csv', KAGGLE)
        if sub == 'cat': photos += many(tmp_path/str(i), 'dog/7.jpg')
        try: text = read_labels(photos).notes[0]
        except PetLearnError as e: text = e.fix
        call = text.partition('labeler=')[2].splitlines()[0]
        assert label_photos(photos[:2], eval(call)) == ['boston_bull', 'dingo']

CORRECTED = { # rows of pets/labels.csv about cat/0.jpg and others, and what is said; `cat/0.jpg` becomes a dog where nothing is said
    'path': ('cat/0.jpg,dog', ''), 'Windows': ('cat\\0.jpg,dog', ''), 'name alone': ('0.jpg,dog', ''), 'no ending': ('0,dog', ''), 'capitals': ('CAT/0.JPG,dog', ''), 'twice': ('cat/0.jpg,dog\ncat/0.jpg,dog', ''), 'another computer': ('D:\\pets\\cat\\0.jpg,dog', ''),
    'blanks': (' cat/0.jpg , dog ', ''), 'quotes': ('"cat/0.jpg","dog"', ''), 'empty lines': ('cat/0.jpg,dog\n\n,\n', ''), 'gone': ('cat/9.jpg,dog', 'Left aside: 1 row of .* fits no photo: cat/9.jpg'), 'one of two is gone': ('cat/0.jpg,dog\ncat/9.jpg,dog', '1 row of .* fits no photo: cat/9.jpg'),
    'may be two': ('1.jpg,dog\ncat/0.jpg,dog', 'Not clear in .*: 1.jpg in line 2 may be .*cat/1.jpg, .*dog/1.jpg'), 'a letter of China': ('cat/0.jpg,狗狗\ncat/1.jpg,小猫', 'gbk'),
}

def test_rows_that_correct_and_rows_that_do_not(tmp_path):
    photos = many(tmp_path, 'pets/cat/0.jpg', 'pets/cat/1.jpg', 'pets/dog/1.jpg', 'pets/dog/2.jpg')
    for name,(rows,says) in CORRECTED.items():
        write(tmp_path, 'pets/labels.csv', ('file,label\n'+rows+'\n').encode('gbk'))
        found = read_labels(photos, by_folder)
        label = {'gone': 'cat', 'a letter of China': '狗狗'}.get(name, 'dog')
        assert found.labels[0] == label and found.labels[2:] == ['dog', 'dog'], name
        assert len(found.notes) == bool(says), (name, found.notes)
        if says: assert re.search(says, found.notes[0]), (name, found.notes)

def test_a_row_for_another_set_is_not_missed(tmp_path, capsys):
    "Each folder is a data set of its own, and rows of names alone fit photos of both."
    for i,o in enumerate(('one', 'two')):
        for photo in find_photos(draw_pets(tmp_path/'all'/o, n=6, seed=i)): photo.rename(photo.with_name(f'{o}-{photo.name}'))
    photos = find_photos(tmp_path/'all')
    write(tmp_path, 'all/labels.csv', 'file,label\n'+''.join(f'{o.name},pet\n' for o in photos)+'gone.jpg,pet\n')
    capsys.readouterr()
    table = photo_table([tmp_path/'all/one', tmp_path/'all/two'])
    assert set(table.photos.label) == {'pet'} and [o.count('fits no photo: gone.jpg') for o in table.about_tables] == [1]

def test_corrections_of_something_else(tmp_path):
    photos = many(tmp_path, 'pets/cat/0.jpg', 'pets/dog/1.jpg')
    write(tmp_path, 'corrections.csv', 'page,old,new\n3,teh,the\n')
    found = read_labels(photos)
    assert found.labels == ['cat', 'dog'] and 'Left aside' in found.notes[0]
    (tmp_path/'_quarantine').mkdir()
    with pytest.raises(PetLearnError, match="no column 'file'"): read_labels(photos)
