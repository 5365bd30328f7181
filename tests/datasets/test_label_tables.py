"Tables of many programs, text files beside photos, corrections: which row belongs to which photo, and which table wins."
import os
from pathlib import Path
import pytest
from petlearn.core import PetLearnError
from petlearn.datasets.label_tables import by_csv, by_sidecar, label_rows, read_table
from petlearn.datasets.labeling import guess_labeler, label_photos, label_table, read_labels
from petlearn.datasets.labels import by_folder, labeler_name
from helpers import corrections

def write(folder, name, data=b''):
    "Write `data` to the file `name` below `folder`."
    path = folder/name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path

def many(folder, *names): return [write(folder, o) for o in names]

# tables

GOOD = [
    ('plain', b'file,label\n1.jpg,cat\n'), ('mark of UTF-8', '\ufefffile,label\n1.jpg,cat\n'.encode()), ('Windows lines', b'file,label\r\n1.jpg,cat\r\n'),
    ('UTF-16', 'file\tlabel\n1.jpg\tcat\n'.encode('utf-16')), ('German', 'file;label;Größe\n1.jpg;cat;5\n;;\n'.encode('cp1252')),
    ('tabs', b'file\tlabel\n1.jpg\tcat'), ('blanks', b'\n file , label \n\n 1.jpg , cat \n\n'), ('quotes', b'"file","label"\n"1.jpg","cat"\n'),
    ('other columns', b'id,label,why,file\n7,cat,"ears, tail",1.jpg\n'), ('dot', b'file,label\n./1.jpg,cat\n'), ('twice alike', b'file,label\n1.jpg,cat\n1.jpg,cat\n'),
    ('roundabout', b'file,label\nx/../1.jpg,cat\n'), ('trailing cells', b'file,label\n1.jpg,cat,,\n'),
]

def test_tables_of_all_kinds(tmp_path):
    for name,data in GOOD:
        photo = write(tmp_path/name, '1.jpg')
        assert by_csv(write(tmp_path/name, 'table.csv', data))(photo) == 'cat', name
        (tmp_path/name/'table.csv').rename(tmp_path/name/'labels.csv')
        assert corrections([photo]) == {photo: 'cat'}, name

BAD = [
    ('empty', b'', "no column 'file'"), ('no such column', b'file,lable\n1.jpg,cat\n', "Did you mean 'lable'"), ('column twice', b'file,label,label\n1.jpg,a,b\n', 'twice'),
    ('two labels', b'file,label\n1.jpg,cat\n2.jpg,cat\n./1.jpg,dog\n', "Line 4 of .* says that ./1.jpg is 'dog'; a line before it said 'cat'"),
    ('no label', b'file,label\n1.jpg,cat\n2.jpg,\n', 'Line 3 of .* has no label for 2.jpg'), ('short line', b'file,label\n1.jpg\n', 'Line 2 of .* has no label for 1.jpg'),
    ('no file', b'file,label\n,cat\n', 'Line 2 of .* has no file'), ('comma in a name', b'file,label\na, b.jpg,cat\n', 'Line 2 of .* has 3 cells'),
    ('open quote', b'file,label\n"1.jpg,cat\n2.jpg,dog\n', 'Is a quotation mark'), ('lines in a label', b'file,label\n1.jpg,"cat\n2.jpg,dog"\n', 'Line 3 of .* a label like this'),
    ('workbook', b'PK\x03\x04\x14\x00\x06\x00', 'not a table in plain text'), ('photo', b'\xff\xd8\xff\xe0\x00\x10JFIF', 'not a table in plain text'),
    ('undefined byte', b'file,label\n1.jpg,c\x81t\n', 'Line 2 of .* a label like this'), ('half UTF-16', b'\xff\xfefi\x00', 'not a table in plain text'),
]

def test_damaged_tables_name_the_line(tmp_path):
    for name,data,says in BAD:
        photo,table = write(tmp_path/name, '1.jpg'),write(tmp_path/name, 'labels.csv', data)
        for o in (lambda: by_csv(table), lambda: corrections([photo]), lambda: label_photos([photo], by_folder), lambda: guess_labeler([photo])):
            with pytest.raises(PetLearnError, match=says) as e: o()
            assert e.value.expected and e.value.fix

def test_table_that_is_not_there(tmp_path):
    write(tmp_path, 'labels.csv', 'file,label\n')
    for path,says in (('label.csv', "Did you mean 'labels.csv'"), ('', 'is a folder'), ('labels.csv', 'has no rows')):
        with pytest.raises(PetLearnError, match=says): by_csv(tmp_path/path)
    with pytest.raises(PetLearnError, match='not the name of a file'): by_csv(None)

def test_table_that_may_not_be_read(tmp_path, monkeypatch):
    table = write(tmp_path, 'labels.csv', 'file,label\n1.jpg,cat\n')
    monkeypatch.setattr('builtins.open', lambda *args, **kwargs: (_ for _ in ()).throw(PermissionError(13, 'Permission denied')))
    with pytest.raises(PetLearnError, match='Permission denied'): by_csv(table)

def test_rows_are_found_by_path_then_by_name(tmp_path):
    here,_ = many(tmp_path, 'pets/cat/1.jpg', 'pets/dog/1.jpg')
    label = by_csv(write(tmp_path, 'pets/t.csv', 'file,label\ncat/1.jpg,cat\ncat\\3.jpg,cat\nx/5.jpg,a\ny/5.jpg,b\nz/Mo\u0308hre.jpg,carrot\n'))
    assert label(here) == label(f'{here.parent}/../cat/1.jpg') == label('elsewhere/1.jpg') == 'cat'
    assert label(tmp_path/'pets/cat/3.jpg') == 'cat' # written on Windows
    assert label(tmp_path/'pets/z/M\u00f6hre.jpg') == 'carrot' # written on a Mac
    for path,says in ((tmp_path/'pets/dog/1.jpg', 'names 1.jpg in 1 other folder '), ('elsewhere/5.jpg', 'names 5.jpg in 2 other folders '), ('9.jpg', 'has no row for 9.jpg')):
        with pytest.raises(PetLearnError, match=says) as e: label(path)
        assert 'such as cat/1.jpg, cat/3.jpg, x/5.jpg' in e.value.expected

def test_photos_that_are_not_in_the_table(tmp_path):
    label = by_csv(write(tmp_path, 't.csv', 'file,label\n1.jpg,cat\n'))
    with pytest.raises(PetLearnError, match=r"by_csv\('t.csv'\) has no label for 4 of 5 photos, such as 2.jpg, 3.jpg, 4.jpg .*t.csv has no row for 2.jpg"):
        label_photos([f'{i}.jpg' for i in range(1, 6)], label)
    assert labeler_name(label) == "by_csv('t.csv')"
    assert repr(by_csv(write(tmp_path, 'u.csv', 'image,label\n1.jpg,cat\n'), file='image')) == "by_csv('u.csv', file='image')"

# text files beside photos

SIDECARS = [
    ('plain', b'cat', 'cat'), ('line', b'Maine Coon\r\n', 'Maine Coon'), ('mark', b'\xef\xbb\xbfcat\n\n', 'cat'), ('umlaut', 'Möhre'.encode('cp1252'), 'Möhre'),
    ('32', b'x'*32, 'x'*32), ('33', b'x'*33, 'more than 32'), ('umlauts', ('ö'*32).encode(), 'ö'*32), ('empty', b'', 'is empty'), ('blank', b' \n', 'is empty'),
    ('two', b'cat\ndog\n', 'several lines'), ('bytes', b'\x00\x01', 'is not a text'), ('sign', b'c\x07t', 'is not a text'), ('long', b'cat '*10**6, 'more than 32'), (None, None, 'There is no 10.txt beside 10.jpg'),
]

def test_sidecars(tmp_path):
    for name,data,says in SIDECARS:
        photo = tmp_path/str(name)/'10.jpg'
        if data is not None: write(photo.parent, '10.txt', data)
        if data is not None and (says.encode('cp1252')[:5] in data or name == 'umlauts'): assert by_sidecar(photo) == says
        else:
            with pytest.raises(PetLearnError, match=says): by_sidecar(str(photo))

# corrections

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
    with pytest.raises(PetLearnError, match="no column 'file'"): label_photos(photos, by_folder)
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
    read,real = [],read_table
    monkeypatch.setattr('petlearn.datasets.label_tables.read_table', lambda path, *columns: read.append(Path(path).name) or real(path, *columns))
    for labeler in (None, by_folder):
        read.clear()
        found = read_labels(photos, labeler)
        assert sorted(read) == ['corrections.csv', 'labels.csv'] and found.labels[1] == 'cat' and found.labels[0] == 'l0'
    alone = many(tmp_path/'one', '1.jpg', '2.jpg')
    write(tmp_path/'one', 'labels.csv', 'file,label\n1.jpg,cat\n2.jpg,dog\n')
    (tmp_path/'labels.csv').unlink(), (tmp_path/'corrections.csv').unlink(), read.clear()
    found = read_labels(alone)
    assert (labeler_name(found.labeler), found.labels, found.corrected, read) == ("by_csv('labels.csv')", ['cat', 'dog'], {}, ['labels.csv'])
