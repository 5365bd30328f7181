"Tables of many programs, and text files beside photos: which row belongs to which photo."
import os
from pathlib import Path
import pytest
from petlearn.core import PetLearnError
from petlearn.datasets.label_tables import by_csv, by_sidecar, read_table
from petlearn.datasets.labeling import guess_labeler, label_photos, read_labels
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

BAD = [ # the third: is it an error, too, where the table is only found beside photos?
    ('empty', b'', "no column 'file'", False), ('no such column', b'file,lable\n1.jpg,cat\n', "Did you mean 'lable'", True), ('column twice', b'file,label,label\n1.jpg,a,b\n', 'twice', True),
    ('two labels', b'file,label\n1.jpg,cat\n2.jpg,cat\n./1.jpg,dog\n', "Line 4 of .* says that ./1.jpg is 'dog'; a line before it said 'cat'", True),
    ('no label', b'file,label\n1.jpg,cat\n2.jpg,\n', 'Line 3 of .* has no label for 2.jpg', True), ('short line', b'file,label\n1.jpg\n', 'Line 2 of .* has no label for 1.jpg', True),
    ('no file', b'file,label\n,cat\n', 'Line 2 of .* has no file', True), ('comma in a name', b'file,label\na, b.jpg,cat\n', 'Line 2 of .* has 3 cells', True),
    ('open quote', b'file,label\n"1.jpg,cat\n2.jpg,dog\n', 'Is a quotation mark', True), ('lines in a label', b'file,label\n1.jpg,"cat\n2.jpg,dog"\n', 'Line 3 of .* a label like this', True),
    ('workbook', b'PK\x03\x04\x14\x00\x06\x00', 'not a table in plain text', False), ('photo', b'\xff\xd8\xff\xe0\x00\x10JFIF', 'not a table in plain text', False),
    ('half UTF-16', b'\xff\xfefi\x00', 'not a table in plain text', False), ('ids', b'id,label\n7,cat\n', "no column 'file'", False),
]

def test_damaged_tables_name_the_line(tmp_path):
    for name,data,says,stops in BAD:
        photo,table = write(tmp_path/name, '1.jpg'),write(tmp_path/name, 'labels.csv', data)
        for o in [lambda: by_csv(table)] + [lambda: corrections([photo]), lambda: label_photos([photo], by_folder), lambda: guess_labeler([photo])]*stops:
            with pytest.raises(PetLearnError, match=says) as e: o()
            assert e.value.expected and e.value.fix, name
        if not stops:
            found = read_labels([photo], by_folder)
            assert (found.labels, len(found.notes)) == ([name], 1) and found.notes[0].startswith(f'Left aside: {table} '), name

def test_table_that_is_not_there(tmp_path):
    write(tmp_path, 'labels.csv', 'file,label\n')
    for path,says in (('label.csv', "Did you mean 'labels.csv'"), ('', 'is a folder'), ('labels.csv', 'has no rows')):
        with pytest.raises(PetLearnError, match=says): by_csv(tmp_path/path)
    with pytest.raises(PetLearnError, match='not the name of a file'): by_csv(None)

def test_table_that_may_not_be_read(tmp_path, monkeypatch):
    table = write(tmp_path, 'labels.csv', 'file,label\n1.jpg,cat\n')
    monkeypatch.setattr(Path, 'read_bytes', lambda self: (_ for _ in ()).throw(PermissionError(13, 'Permission denied')))
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

FORMS = { # how a table may name pets/cat/0.jpg
    'from the table': 'cat/0.jpg', 'Windows': 'C:\\Users\\Ann\\pets\\cat\\0.jpg', 'Colab': '/content/drive/MyDrive/pets/cat/0.jpg', 'another name of the folder': '/data/all/cat/0.jpg', 'pets twice': 'pets/cat/0.jpg',
    'backslashes': 'cat\\0.jpg', 'slashes': 'cat//0.jpg', 'dot': './cat/0.jpg', 'above': '../pets/cat/0.jpg', 'capitals': 'Cat/0.JPG', 'no ending': 'cat/0', 'blanks': ' cat / 0.jpg ', 'share': '\\\\host\\pets\\cat\\0.jpg',
    'address': 'file:///home/ann/my%20pets/cat/0.jpg'}

def test_paths_of_other_computers(tmp_path):
    "The same names in two folders: the longest common end decides; a table of some photos only doesn't label the others."
    photos = many(tmp_path, *(f'pets/{o}/{i}.jpg' for o in ('cat', 'dog') for i in (0, 1)))
    for name,form in FORMS.items():
        rows = [form.replace('cat', o.parent.name).replace('Cat', o.parent.name.title()).replace('0', o.stem) for o in photos]
        for n in (4, 1): # all rows, or that of a cat alone
            label = by_csv(write(tmp_path, 'pets/t.csv', 'file,label\n'+''.join(f'{a},{b.parent.name}\n' for a,b in zip(rows[:n], photos))))
            assert [label(o) for o in photos[:n]] == [o.parent.name for o in photos[:n]], name
            if n == 1:
                with pytest.raises(PetLearnError, match='other folder'): label(photos[2])

def test_names_alone(tmp_path):
    a,b,c = many(tmp_path, 'pets/x/a.jpg', 'pets/x/b.PNG', 'pets/y/a.jpg')
    label = by_csv(write(tmp_path, 'pets/t.csv', 'name of photo,breed\nB.png,pug\na,beagle\n'), file='name of photo', label='breed')
    assert [label(b), label_photos([a, b], label)] == ['pug', ['beagle', 'pug']]
    with pytest.raises(PetLearnError, match=r'Not clear in .*t.csv: a in line 3 may be .*x/a.jpg, .*y/a.jpg'): label_photos([a, b, c], label)

COLUMNS = ['file,label', 'File;Label', 'image|class', 'Filename\tBreed', 'photo,category', 'image path;species', 'id,file,when,label', 'my pets\n\nimg,classname', '# mine\npath,labels', 'label,file', '']

def test_columns_by_their_usual_names(tmp_path):
    photo = write(tmp_path, '1.jpg')
    for header in COLUMNS:
        sign = next((o for o in ';|\t' if o in header), ',')
        names = (header.splitlines() or ['file,label'])[-1].lower().split(sign)
        row = sign.join('1.jpg' if o in ('file', 'image', 'filename', 'photo', 'image path', 'img', 'path') else '7' if o in ('id', 'when') else 'cat' for o in names)
        label = by_csv(write(tmp_path, 't.csv', f'{header}\n{row}\n' if header else f'{row}\n'))
        assert label(photo) == 'cat' and label_photos([photo], label) == ['cat'], header
    assert repr(by_csv(write(tmp_path, 't.csv', 'Image,Breed\n1.jpg,pug\n'))) == "by_csv('t.csv', file='Image', label='Breed')"
    assert by_csv(write(tmp_path, 't.csv', 'id,pet\n1,cat\n'), 'id', 'pet')(photo) == 'cat'
    with pytest.raises(PetLearnError, match="no column 'file'") as e: by_csv(tmp_path/'t.csv')
    assert eval(e.value.fix.removeprefix('Name the columns: labeler=').replace("'t.csv'", repr(str(tmp_path/'t.csv'))))(photo) == 'cat'

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
