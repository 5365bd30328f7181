"Several data sets, splits that others made, saved tables, versions and what changed between them."
import pandas as pd, pytest
from hypothesis import given, strategies as st
from petlearn.datasets import photo_table, usage
from petlearn.core import PetLearnError
from petlearn.datasets.labels import by_folder
from petlearn.datasets.versions import add_test_photos, combine, read_split, split_by_folder, what_changed
from petlearn.datasets.split_table import USAGES, dataset_version
from petlearn.datasets.split import split_photos
from helpers import write

def fill(folder, n=10, labels=('cat', 'dog'), start=0):
    "A folder with `n` files of each label, with content of their own."
    for label in labels:
        for i in range(start, start+n): write(folder, f'{label}/{i}.jpg')
    return folder

def side(split, usage): return set(split.sha256[split.usage == usage])

@pytest.fixture
def alike(monkeypatch):
    "Files whose content begins with the same word are near copies."
    def groups(files, shas):
        seen = {}
        return [seen.setdefault(o.read_bytes().split()[0] if b' ' in o.read_bytes() else s, len(seen)) for o,s in zip(files, shas)]
    for o in (photo_table, usage): monkeypatch.setattr(o, 'copy_groups', groups)

# several folders

def test_photos_of_two_folders_minus_copies(tmp_path, capsys):
    a,b = fill(tmp_path/'a'),fill(tmp_path/'b', start=7)
    split = split_photos([a, b])
    assert len(split) == 34 == len(split_photos(a)) + len(split_photos(b)) - 6
    assert '6 photos are exact copies' in ''.join(capsys.readouterr())

def test_each_folder_has_a_rule_of_its_own(tmp_path):
    a = fill(tmp_path/'a')
    for i in range(10): write(tmp_path/'b', f'cat.{i}.jpg', f'another cat{i}'), write(tmp_path/'b', f'dog.{i}.jpg', f'another dog{i}')
    assert split_photos([a, tmp_path/'b']).label.value_counts().to_dict() == {'cat': 20, 'dog': 20}

def test_labels_must_be_the_same(tmp_path):
    a,b = fill(tmp_path/'a'),fill(tmp_path/'b', labels=('Cat', 'dog'))
    for f in (lambda: split_photos([a, b]), lambda: combine(a, b), lambda: combine(split_photos(a), b)):
        with pytest.raises(PetLearnError, match="'Cat' is new; 'cat' is missing") as e: f()
        assert "'cat'" in e.value.fix
    c = fill(tmp_path/'c', labels=('cat', 'dog', 'bird'))
    with pytest.raises(PetLearnError, match="'bird' is new"): split_photos([a, c])

def test_folders_of_one_label_each(tmp_path):
    for name in ('{}.jpg', '{}_{}.jpg'):
        root = tmp_path/str(len(name))
        for label in ('cat', 'dog'):
            for i in range(10): write(root/label, name.replace('{}', label if '_' in name else str(i), 1).format(i), f'{label}{i}')
        with pytest.raises(PetLearnError, match='give the folder above them'): split_photos([root/'cat', root/'dog'])
        assert len(split_photos(root)) == 20

def test_the_same_photo_with_two_labels(tmp_path):
    a,b = fill(tmp_path/'a'),fill(tmp_path/'b', start=20)
    write(b, 'dog/x.jpg', 'cat/3.jpg')
    for f in (lambda: split_photos([a, b]), lambda: combine(a, b)):
        with pytest.raises(PetLearnError, match='two labels'): f()

# combine

def test_tables_keep_their_sides(tmp_path):
    a = split_photos(fill(tmp_path/'a'))
    both = combine(a, fill(tmp_path/'b', n=20, start=20), valid_pct=.5)
    assert len(both) == 60 and side(a, 'valid') < side(both, 'valid') and side(a, 'train') < side(both, 'train')
    assert len(side(both, 'valid')) == 4 + 20
    assert combine(a).equals(a) and list(both.columns) == list(a.columns)

def test_once_learned_always_learned(tmp_path, capsys):
    a = split_photos(fill(tmp_path/'a'), test_pct=.2)
    flipped = a.assign(usage=a.usage.map({'train': 'valid', 'valid': 'train', 'test': 'valid'}))
    both = combine(a, flipped)
    assert len(both) == 20 and side(both, 'train') == side(a, 'train') | side(a, 'valid') and side(both, 'valid') == side(a, 'test')
    said = ''.join(capsys.readouterr())
    assert '16 photos from the validation or test set of one data set' in said and 'so for training only' in said and '20 photos are exact copies' in said
    assert '4 photos from the validation or test set' in said and 'so for validation only' in said

def test_nearly_the_same_photo_in_two_data_sets(tmp_path, alike, capsys):
    a,b = fill(tmp_path/'a'),fill(tmp_path/'b', start=20)
    for i in range(4): write(a, f'cat/t{i}.jpg', f'twin{i} large'), write(b, f'cat/t{i}.jpg', f'twin{i} small')
    for seed in range(4):
        both = combine(split_photos(a, seed=seed), split_photos(b, seed=seed+9))
        twins = both[both.file.str.contains('/cat/t')]
        assert len(twins) == 8 and (twins.groupby(twins.file.str[-6:]).usage.nunique() == 1).all()

def test_nothing_to_split(tmp_path):
    split = split_photos(fill(tmp_path))
    for tables,kw in (([], {}), ([split], dict(labeler=by_folder)), ([split], dict(valid_pct=.5))):
        with pytest.raises(PetLearnError, match='nothing to split'): combine(*tables, **kw)

def test_a_set_that_is_no_set():
    with pytest.raises(PetLearnError, match='no folder'): combine('nowhere')
    with pytest.raises(PetLearnError, match='is not a list of photos'): combine(3)

# folders for the sides

def _bought(root, names=('train', 'valid')):
    fill(root/names[0]), fill(root/names[1], n=3, start=20)
    for o in names[2:]: fill(root/o, n=2, start=30)
    return root

def test_split_by_folder(tmp_path):
    for names in (['train', 'valid'], ['Train', 'VAL', 'test'], ['TRAIN', 'Validation', 'Test']):
        split = split_by_folder(_bought(tmp_path/names[1], names))
        assert split.usage.value_counts().to_dict() == {'train': 20, 'valid': 6} | ({'test': 4} if names[2:] else {})
        assert set(split.label) == {'cat', 'dog'} and all(f'/{names[USAGES.index(u)]}/' in f for u,f in zip(split.usage, split.file))

BOUGHT = [
    ('no train', lambda o: (o/'train').rename(o/'stuff'), "no folder 'train'"),
    ('no valid', lambda o: (o/'valid').rename(o/'check'), "no folder 'valid'"),
    ('other labels', lambda o: (o/'valid/cat').rename(o/'valid/Cat'), "'Cat' is new"),
    ('a label less', lambda o: (o/'valid/dog').rename(o/'dog'), "'dog' is missing"),
    ('few to learn', lambda o: [(o/f'train/cat/{i}.jpg').unlink() for i in range(6)], "Too few photos: 4 of 'cat'"),
    ('two labels', lambda o: write(o, 'valid/dog/x.jpg', 'cat/1.jpg'), 'two labels'),
]

def test_folders_that_are_no_split(tmp_path):
    for name,spoil,says in BOUGHT:
        spoil(_bought(tmp_path/name))
        with pytest.raises(PetLearnError, match=says): split_by_folder(tmp_path/name)

def test_the_exam_stays_as_it_is(tmp_path, alike, capsys):
    root = _bought(tmp_path, ('train', 'valid', 'test'))
    exam = {k: side(split_by_folder(root), k) for k in ('valid', 'test')}
    write(root, 'train/cat/copy.jpg', 'cat/20.jpg'), write(root, 'valid/dog/copy.jpg', 'dog/30.jpg')
    write(root, 'test/cat/twin.jpg', 'twin large'), write(root, 'train/cat/twin.jpg', 'twin small')
    split = split_by_folder(root)
    assert '3 photos left out' in ''.join(capsys.readouterr())
    assert side(split, 'valid') == exam['valid'] and len(side(split, 'test') - exam['test']) == 1 and len(side(split, 'train')) == 20

def test_photos_outside_are_said(tmp_path, capsys):
    write(_bought(tmp_path), 'more/cat/1.jpg')
    assert len(split_by_folder(tmp_path)) == 26 and 'In none of the folders train, valid: 1 photo (1.jpg); left aside' in ''.join(capsys.readouterr())

def test_test_photos_that_are_nearly_known(tmp_path, alike):
    a,b = fill(tmp_path/'a'),fill(tmp_path/'b', n=2, start=50)
    write(a, 'cat/twin.jpg', 'twin large'), write(b, 'cat/twin.jpg', 'twin small')
    split = add_test_photos(split_photos(a), b)
    assert split.usage.value_counts()['test'] == 5 and split.file.str.endswith('twin.jpg').sum() == 1

# saved tables

def save(folder):
    "A split of the photos in `folder`/pets, and a table of it beside them."
    split = split_photos(fill(folder/'pets'))
    split.to_csv(folder/'split.csv', index=False)
    return split

def test_read_split(tmp_path, run):
    saved = save(tmp_path)
    assert read_split(tmp_path/'split.csv').equals(saved)
    for table in (saved.assign(file=saved.file.str[len(str(tmp_path))+1:]), saved.drop(columns='sha256')):
        table.to_csv(tmp_path/'split.csv', index=False)
        assert read_split(str(tmp_path/'split.csv'))[list(saved)].equals(saved)
    assert dataset_version(read_split(run.path/'split.csv')) == dataset_version(run.split)

TABLES = [
    ('photo gone', lambda o: (o/'pets/cat/1.jpg').unlink(), r'1 of 20 photos in .* are not there, such as .*cat/1.jpg'),
    ('photo changed', lambda o: (o/'pets/cat/1.jpg').write_bytes(b'x'), r'1 of 20 photos in .* have changed .*cat/1.jpg'),
    ('not there', lambda o: (o/'split.csv').unlink(), "Can't read a table"),
    ('empty', lambda o: (o/'split.csv').write_text(''), "Can't read a table"),
    ('a folder', lambda o: [(o/'split.csv').unlink(), (o/'split.csv').mkdir()], "Can't read a table"),
    ('a photo', lambda o: (o/'split.csv').write_bytes(bytes(range(256))*9), "Can't read a table|no column"),
    ('no usage', lambda o: pd.read_csv(o/'split.csv').drop(columns='usage').to_csv(o/'split.csv'), 'no column usage'),
    ('no files', lambda o: pd.read_csv(o/'split.csv').drop(columns='file').to_csv(o/'split.csv'), 'no column file'),
    ('no rows', lambda o: (o/'split.csv').write_text('file,label,usage,sha256\n'), '0 labels to learn'),
    ('odd usage', lambda o: (o/'split.csv').write_text((o/'split.csv').read_text().replace('valid', 'val')), "usage is 'val'"),
    ('zero byte', lambda o: (o/'split.csv').write_text((o/'split.csv').read_text().replace('pets/cat/1', 'pets/cat\0/1')), 'not there|read a table'),
    ('long name', lambda o: (o/'split.csv').write_text((o/'split.csv').read_text().replace('pets/cat/1', 'pets/'*999)), 'not there'),
]

def test_tables_that_cant_be_used(tmp_path):
    for name,spoil,says in TABLES:
        save(folder := tmp_path/name)
        spoil(folder)
        with pytest.raises(PetLearnError, match=says): read_split(folder/'split.csv')

def test_labels_stay_text(tmp_path):
    split = split_photos(fill(tmp_path/'pets', labels=('001', 'NA')))
    split.to_csv(tmp_path/'split.csv', index=False)
    assert set(read_split(tmp_path/'split.csv').label) == {'001', 'NA'}

# versions

def table(*rows):
    "A split table of rows `(file, content, label, usage)`, and two of each label that never change."
    always = [(f'{k}{i}', f'{k}{i}', k, u) for k in ('cat', 'dog') for i,u in enumerate(('train', 'valid'))]
    return pd.DataFrame([dict(file=f, label=k, usage=u, sha256=f'{ord(c[-1])*1000+sum(map(ord, c)):064x}') for f,c,k,u in (*always, *rows)])

A = ('x/a.jpg', 'A', 'cat', 'train')
CHANGES = [
    ([A], [A], ''),
    ([A], [('renamed.jpg', *A[1:])], ''),
    ([], [A], '1 photo added (cat): a.jpg.'),
    ([A], [], '1 photo removed (cat): a.jpg.'),
    ([A], [('x/a.jpg', 'B', 'cat', 'train')], '1 photo changed, under the old name (cat): a.jpg.'),
    ([A], [('x/a.jpg', 'A', 'dog', 'train')], '1 photo relabelled (from cat to dog): a.jpg.'),
    ([A], [('y/b.jpg', 'A', 'cat', 'valid')], '1 photo moved (from train to valid): b.jpg.'),
    ([A], [('x/a.jpg', 'B', 'dog', 'train')], '1 photo changed, under the old name (dog): a.jpg; 1 photo relabelled (from cat to dog): a.jpg.'),
    ([A, ('b', 'B', 'dog', 'train')], [('x/a.jpg', 'B', 'dog', 'train'), ('b', 'A', 'cat', 'train')], ''),
    ([], [(f'{i}.jpg', c, k, 'train') for i,(c,k) in enumerate(zip('ABCDE', ('cat', 'dog', 'cat', 'cat', 'dog')))], '5 photos added (3 cat, 2 dog): 0.jpg, 1.jpg, 2.jpg and 2 more.'),
    ([A], [('z', 'Z', 'dog', 'train')], '1 photo added (dog): z; 1 photo removed (cat): a.jpg.'),
]

def test_what_changed():
    for old,new,says in CHANGES: assert what_changed(table(*old), table(*new)) == says

row = st.tuples(st.sampled_from(['a', 'b', 'c']), st.sampled_from('ABC'), st.sampled_from(['cat', 'dog']), st.sampled_from(['train', 'valid', 'test']))
rows = st.lists(row, max_size=3, unique_by=(lambda o: o[0], lambda o: o[1]))

@pytest.mark.slow
@given(old=rows, new=rows)
def test_something_changed_exactly_when_the_version_did(old, new):
    old,new = table(*old),table(*new)
    assert (what_changed(old, new) == '') == (dataset_version(old) == dataset_version(new))

def test_adding_a_photo_makes_another_version(tmp_path):
    before = split_photos(fill(tmp_path, n=20))
    write(tmp_path, 'cat/new.jpg')
    after = split_photos(tmp_path)
    assert dataset_version(after) != dataset_version(before) and '1 photo added (cat): new.jpg' in what_changed(before, after)
