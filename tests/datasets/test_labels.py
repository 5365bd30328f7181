"Tables, text files beside photos, corrections, and labels that look like one another."
import os, string
from pathlib import Path
import matplotlib.pyplot as plt
import pytest
from hypothesis import assume, given, settings, strategies as st
from petlearn.datasets import labels
from petlearn.core import PetLearnError
from petlearn.datasets.labels import CAT_BREEDS, DOG_BREEDS, by_folder, guess_labeler, is_cat, label_photos, label_table, labeler_name, same_labels, show_labels, similar_labels
from petlearn.datasets.label_tables import by_csv, by_sidecar, corrections

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

@pytest.mark.parametrize('name,data', GOOD, ids=[o[0] for o in GOOD])
def test_tables_of_all_kinds(tmp_path, name, data):
    photo = write(tmp_path, '1.jpg')
    assert by_csv(write(tmp_path, 'table.csv', data))(photo) == 'cat'
    (tmp_path/'table.csv').rename(tmp_path/'labels.csv')
    assert corrections([photo]) == {photo: 'cat'}

BAD = [
    ('empty', b'', "no column 'file'"), ('no such column', b'file,lable\n1.jpg,cat\n', "Did you mean 'lable'"), ('column twice', b'file,label,label\n1.jpg,a,b\n', 'twice'),
    ('two labels', b'file,label\n1.jpg,cat\n2.jpg,cat\n./1.jpg,dog\n', "Line 4 of .* says that ./1.jpg is 'dog'; a line before it said 'cat'"),
    ('no label', b'file,label\n1.jpg,cat\n2.jpg,\n', 'Line 3 of .* has no label for 2.jpg'), ('short line', b'file,label\n1.jpg\n', 'Line 2 of .* has no label for 1.jpg'),
    ('no file', b'file,label\n,cat\n', 'Line 2 of .* has no file'), ('comma in a name', b'file,label\na, b.jpg,cat\n', 'Line 2 of .* has 3 cells'),
    ('open quote', b'file,label\n"1.jpg,cat\n2.jpg,dog\n', 'Is a quotation mark'), ('lines in a label', b'file,label\n1.jpg,"cat\n2.jpg,dog"\n', 'Line 3 of .* a label like this'),
    ('workbook', b'PK\x03\x04\x14\x00\x06\x00', 'not a table in plain text'), ('photo', b'\xff\xd8\xff\xe0\x00\x10JFIF', 'not a table in plain text'),
    ('undefined byte', b'file,label\n1.jpg,c\x81t\n', 'Line 2 of .* a label like this'), ('half UTF-16', b'\xff\xfefi\x00', 'not a table in plain text'),
]

@pytest.mark.parametrize('name,data,says', BAD, ids=[o[0] for o in BAD])
def test_damaged_tables_name_the_line(tmp_path, name, data, says):
    photo,table = write(tmp_path, '1.jpg'),write(tmp_path, 'labels.csv', data)
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

@pytest.mark.parametrize('name,data,says', SIDECARS, ids=[str(o[0]) for o in SIDECARS])
def test_sidecars(tmp_path, name, data, says):
    if data is not None: write(tmp_path, '10.txt', data)
    if data is not None and says.encode('cp1252')[:5] in data or name == 'umlauts': assert by_sidecar(tmp_path/'10.jpg') == says
    else:
        with pytest.raises(PetLearnError, match=says): by_sidecar(str(tmp_path/'10.jpg'))

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
    assert len(looked) == 3 + 3 # three folders, and three above that they share

def test_names_in_no_alphabet_are_corrected_too(tmp_path):
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b'/M\xfcl\x81ler.jpg'))
    for mark in ('', '\ufeff'):
        write(tmp_path, 'labels.csv', (f'{mark}file,label\n{photo.name},Öl\n').encode('utf-8', 'surrogateescape'))
        assert corrections([photo]) == {photo: 'Öl'}

# guessing

LOOSE = ['IMG.jpg', 'DSC.jpg']

@pytest.mark.parametrize('names,rows,beside,rule', [
    (LOOSE, LOOSE, [], "by_csv('labels.csv')"), (LOOSE, LOOSE, LOOSE, "by_csv('labels.csv')"), (LOOSE, [], LOOSE, 'by_sidecar'), (LOOSE, LOOSE[:1], LOOSE[1:], 'by_sidecar'),
    (['IMG_1.jpg', 'IMG_2.jpg'], [], ['IMG_1.jpg', 'IMG_2.jpg'], 'by_sidecar'), (['rose_1.jpg', 'tulip_1.jpg'], ['rose_1.jpg', 'tulip_1.jpg'], [], "by_csv('labels.csv')"),
    (['rose_1.jpg', 'tulip_1.jpg'], [], ['rose_1.jpg'], 'by_regex'), (['cat.1.jpg', 'dog.1.jpg'], ['cat.1.jpg', 'dog.1.jpg'], ['cat.1.jpg', 'dog.1.jpg'], 'by_regex'),
    (['a/1.jpg', 'b/1.jpg'], [], ['a/1.jpg', 'b/1.jpg'], 'by_folder'), (['cat.1.jpg', 'dog.1.jpg', 'IMG.jpg'], ['IMG.jpg'], [], 'by_regex'),
    (['Birman_1.jpg', 'pug_1.jpg', 'IMG.jpg'], ['IMG.jpg'], [], 'cat_or_dog'), (['birman_1.jpg', 'pug_1.jpg'], ['birman_1.jpg', 'pug_1.jpg'], [], "by_csv('labels.csv')"),
    (['birman_1.jpg', 'Persian_2.jpg', 'pug_1.jpg'], ['birman_1.jpg'], [], 'cat_or_dog'),
])
def test_guesses(tmp_path, names, rows, beside, rule):
    photos = many(tmp_path, *names)
    if rows: write(tmp_path, 'labels.csv', 'file,label\n' + ''.join(f'{o},l{i}\n' for i,o in enumerate(rows)))
    for o in beside: write(tmp_path, Path(o).with_suffix('.txt'), 'word')
    assert labeler_name(guess_labeler(photos)).startswith(rule)
    assert len(label_photos(tmp_path, guess_labeler(tmp_path))) == len(photos)

def test_bad_sidecars_are_explained(tmp_path):
    photos = many(tmp_path, *LOOSE)
    for o in photos: write(tmp_path, o.with_suffix('.txt').name, '0 .5 .5\n1 .2 .2')
    assert guess_labeler(photos) is by_sidecar
    with pytest.raises(PetLearnError, match='has several lines'): label_table(tmp_path)

@pytest.mark.parametrize('f', [label_table, show_labels, guess_labeler, corrections, lambda o: label_photos(o, is_cat)])
def test_folders_and_slips_instead_of_lists(tmp_path, f):
    with pytest.raises(PetLearnError, match='There is no folder'): f(tmp_path/'pest')
    with pytest.raises(PetLearnError, match='not a list of photos'): f(7)
    with pytest.raises(PetLearnError, match='not the name'): f([None])

# the grid

def test_grid_of_labels(pets_folder, tmp_path, capsys):
    axs = show_labels(pets_folder, n=3)
    assert axs.shape == (2, 3) and axs[0,0].get_title().startswith('cat: 20 photos\n')
    write(tmp_path, 'a/1.jpg', b'no photo')
    for i in range(9): write(tmp_path, f'{i}/1.jpg', sorted(pets_folder.iterdir())[i].read_bytes())
    axs = show_labels(tmp_path, by_folder, n=1)
    assert axs.shape == (8, 1) and '8 commonest of 10 labels' in ''.join(capsys.readouterr())
    assert "can't be opened" in show_labels([tmp_path/'a/1.jpg'], by_folder)[0,0].get_title()
    plt.close('all')
    with pytest.raises(PetLearnError, match='n=0 makes no sense'): show_labels(pets_folder, n=0)

# labels that look like one another

def pairs(o): return {(a, b) for a,b,_ in similar_labels(o)}

@pytest.mark.parametrize('counts,expected', [
    (dict(Cat=30, cat=90, cats=40, dog=80), {('Cat', 'cat'), ('cats', 'cat')}), (dict(cat=90, dog=90, Catt=1), {('Catt', 'cat')}), (dict(cat=90, catt=9, Catt=1), {('catt', 'cat'), ('Catt', 'cat')}),
    ({'maine coon': 5, 'Maine_Coon': 9, 'maine-coon ': 2}, {('maine coon', 'Maine_Coon'), ('maine-coon ', 'Maine_Coon')}), ({'cat ': 3, 'cat': 2}, {('cat', 'cat ')}),
    ({'caf\u00e9': 9, 'cafe\u0301': 3}, {('cafe\u0301', 'caf\u00e9')}), (dict(Abbysinian=2, Abyssinian=50), {('Abbysinian', 'Abyssinian')}), (dict(dgo=1, dog=30), {('dgo', 'dog')}),
    (dict(beagle=7, beaggle=3), {('beaggle', 'beagle')}), (dict(pug=5, pugg=4), {('pugg', 'pug')}), (dict(boxer=7, boxr=3), {('boxr', 'boxer')}), (dict(boxer=7, boxr=5), set()),
    (dict(beagle=60, eagle=3), {('eagle', 'beagle')}), (dict(beagle=60, eagle=20), set()), (dict(XL=30, XXL=20, XXXL=10), set()), (dict(house=90, mouse=20), set()),
    ({'class a': 90, 'class aa': 20}, set()), (dict(left=80, right=3), set()), (dict(cat=50, bat=40), set()), (dict(cat=50, bat=1), set()), (dict(care=50, cart=20), set()), ({'type 1': 90, 'type 2': 2}, set()),
    ({'type a': 90, 'type b': 2}, set()), ({'IMG_1': 9, 'IMG_11': 90}, set()), (dict(A=90, B=1, a=50), set()), ({'1-1': 50, '11': 50, '-1': 50, '1': 50}, set()), ({'A': 9, 'A-': 9, 'A+': 9}, set()),
    (dict(infected=200, uninfected=9), set()), (dict(glass=30, glas=30), set()), (dict(male=90, female=3), set()), (dict(n02123045=90, n02123046=2), set()), ({'': 3, '_': 3}, set()), ({}, set()),
    (dict.fromkeys(map(str, range(10)), 5) | {'9': 100}, set()), (dict(cat=1, cats=1, Cat=1), {('cats', 'cat'), ('Cat', 'cat')}),
])
def test_similar_labels(counts, expected):
    found = pairs([o for o,n in counts.items() for _ in range(n)])
    assert found == expected

def test_why_labels_are_similar():
    found = {o.odd: o.why for o in similar_labels(['cat']*20 + ['Cat', 'cats', 'catt', 'c-at'])}
    assert found == {'Cat': 'only capital letters differ', 'cats': 'one may be the plural of the other', 'c-at': 'only blanks, hyphens or underscores differ',
                     'catt': '1 photo against 23, and a slip of the finger apart'}

@given(st.lists(st.sampled_from([1, 2, 20, 200]), min_size=37, max_size=37))
@settings(max_examples=20, deadline=None)
def test_breeds_are_never_similar(counts):
    assert similar_labels([o for o,n in zip(CAT_BREEDS+DOG_BREEDS, counts) for _ in range(n)]) == []

WORD = st.text(string.ascii_letters + 'äöé', min_size=3, max_size=9)
LABEL = st.lists(WORD, min_size=1, max_size=3).map('_'.join).filter(lambda o: len(o) >= 4)

@st.composite
def edited(draw):
    "A few labels, one of them, and that one with a single edit."
    known = draw(st.lists(LABEL, min_size=1, max_size=4, unique=True))
    forms = [labels._plain_form(o) for o in known]
    assume(all(not labels._within(a, b, 3) for i,a in enumerate(forms) for b in forms[:i])) # else it isn't clear which one was meant
    word,kind = draw(st.sampled_from(known)),draw(st.sampled_from(['more', 'less', 'other', 'swap']))
    i,letter = draw(st.integers(0, len(word)-1)),draw(st.sampled_from(string.ascii_letters + 'äß5 _-'))
    odd = {'more': word[:i]+letter+word[i:], 'less': word[:i]+word[i+1:], 'other': word[:i]+letter+word[i+1:], 'swap': word[:i]+word[i:i+2][::-1]+word[i+2:]}[kind]
    assume(odd != word)
    return known,word,odd

@given(edited(), st.integers(1, 2), st.integers(20, 60))
@settings(max_examples=400, deadline=None)
def test_one_slip_is_always_found(slip, few, most):
    known,word,odd = slip
    assert pairs(known*most + [odd]*few) == {(odd, word)}

@given(st.lists(LABEL, max_size=5), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_the_order_of_labels_does_not_matter(names, n):
    assert similar_labels(names*n) == similar_labels(sorted(names*n))

# the same labels

@pytest.mark.parametrize('ours,theirs,says,asks', [
    (['Cat', 'dog'], ['cat', 'dog'], "'Cat' is new; 'cat' is missing.", "Did you mean 'cat'?"), (['cat', 'dog', 'bird'], ['cat', 'dog'], "'bird' is new.", 'do this'),
    (['dog'], ['cat', 'dog', 'bee'], "'bee', 'cat' are missing.", 'do this'), (['cat', 'Cats', 'dog'], ['cat', 'dog'], "'Cats' is new.", "Did you mean 'cat'?"),
    (['Cat', 'dgos'], ['cat', 'dogs'], "'Cat', 'dgos' are new; 'cat', 'dogs' are missing.", "'Cat': did you mean 'cat'? 'dgos': did you mean 'dogs'?"),
    ([], ['cat'], "'cat' is missing.", 'do this'), (['cat'], [], "'cat' is new.", 'do this'), ([str(i) for i in range(100)], ['x'], "and 60 more are new; 'x' is missing.", 'do this'),
])
def test_labels_that_differ(ours, theirs, says, asks):
    with pytest.raises(PetLearnError) as e: same_labels(ours*2, set(theirs), 'the photos', 'R-7', 'do this')
    assert says in e.value.what and 'the photos' in e.value.what and 'R-7' in e.value.what
    assert e.value.fix == asks and e.value.expected.startswith('Expected exactly')

def test_labels_that_are_the_same(): assert same_labels(['b', 'a', 'a'], {'a', 'b'}) is None and same_labels([1, 2], ['2', '1']) is None

@pytest.mark.skipif(os.name == 'nt', reason='file names are text there')
def test_a_folder_whose_name_is_no_text(tmp_path):
    "Such as from a zip file of another computer; a label with such letters could be shown nowhere."
    photo = os.fsdecode(os.fsencode(tmp_path) + b'/K\xe4tzchen/1.jpg')
    assert label_photos([photo], by_folder) == ['Kätzchen'] and label_photos([photo], lambda o: '\udcff') == ['ÿ']
