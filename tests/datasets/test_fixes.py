"Changes to a folder that can be undone: all or nothing, nothing overwritten, and back to the last byte."
import json, os, subprocess, sys, tempfile
from pathlib import Path
import pandas as pd, pytest
from filelock import FileLock
from hypothesis import given, settings, strategies as st
from petlearn.datasets import fixes
from petlearn.core import PetLearnError
from petlearn.datasets.fixes import changes, check_share, correct, quarantine, undo
from petlearn.photos.finding import find_photos
from helpers import corrections

def write(path, data=None):
    "A small file; nothing here looks at pixels."
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.fsencode(path.name) if data is None else data)
    return path

def tree(folder, records=False):
    "Names, kinds and bytes of all that lies in `folder`, petlearn's records aside."
    found = {}
    for root,folders,files in os.walk(folder):
        for o in files + [o for o in folders if (Path(root)/o).is_symlink()]:
            path = Path(root)/o
            name = path.relative_to(folder).as_posix()
            if name.startswith('_quarantine/') and (not records or name.endswith('.lock')): continue
            found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes()
    return found

def left(folder):
    "What lies in `_quarantine` besides records and the lock."
    return [o for o in (folder/'_quarantine').rglob('*') if not o.name.startswith('.lock') and o.name != 'change.json'
            and not (o.is_dir() and o.name.isdecimal())]

TABLE = 'file,label,notes\r\ncat/1.jpg,dog,"mine, ""old"""\r\ndog/2.jpg,cat'

def make(folder, n=10, table=None):
    "Photos in two folders, one with a text beside it."
    for i in range(n): write(folder/('cat' if i % 2 else 'dog')/f'{i}.jpg')
    write(folder/'cat'/'1.txt', b'cat')
    if table is not None: write(folder/'labels.csv', table.encode('utf-8', 'surrogateescape'))
    return folder

@pytest.fixture
def folder(tmp_path): return make(tmp_path/'pets')

def cells(folder): return pd.read_csv(folder/'corrections.csv', dtype=str, keep_default_na=False).to_dict('records')

# ---- quarantine

def test_there_and_back(folder):
    before,photos = tree(folder),find_photos(folder)
    change = quarantine(photos[:2], folder, 'damaged\n or so')
    assert str(change) == f"Change 1: 3 files to {folder}/_quarantine/1 (damaged or so); to take it back: fixes.undo({str(folder)!r}, 1)"
    assert change.files == ['cat/1.jpg', 'cat/3.jpg', 'cat/1.txt'] # the text beside a photo goes along
    assert tree(folder/'_quarantine'/'1').keys() == {*change.files, 'change.json'}
    assert len(find_photos(folder)) == 8 and not tree(folder).keys() & set(change.files)
    assert change.undo() is change and change.undone
    assert tree(folder) == before and not left(folder)
    assert [(o.number, bool(o.undone)) for o in changes(folder)] == [(1, True)]
    assert quarantine(photos[:1], folder, 'again').number == 2

def test_a_text_stays_with_the_photo_that_needs_it(folder):
    other = write(folder/'cat'/'1.PNG')
    assert quarantine([folder/'cat/1.jpg'], folder, 'x').files == ['cat/1.jpg']
    assert quarantine([other], folder, 'x').files == ['cat/1.PNG', 'cat/1.txt']
    write(folder/'notes.pdf'), write(folder/'notes.txt')
    assert quarantine([folder/'notes.pdf'], folder, 'no photo').files == ['notes.pdf']

def test_any_name(tmp_path):
    for i,name in enumerate(('ä ö', 'a,b"c', "it's", 'line\nend', 'odd\udcff', 'a\\b', ' blank ', '=1+1', '喵')):
        folder = make(tmp_path/f'{i}', table=TABLE)
        photo = write(folder/'cat'/f'{name}.jpg')
        before = tree(folder)
        for _ in range(2):
            correct({photo: 'dog'}, folder, 'x', was={photo: 'cat'})
            correct({photo: 'bird'}, folder, 'x')
            assert corrections([photo]) == {photo: 'bird'}, name
            quarantine([photo], folder, 'x')
            for _ in range(3): undo(folder)
            assert tree(folder) == before

def test_links_move_themselves(folder, tmp_path):
    target = write(tmp_path/'elsewhere.jpg')
    (folder/'link.jpg').symlink_to(target)
    (folder/'broken.jpg').symlink_to(tmp_path/'nothing.jpg')
    before = tree(folder)
    quarantine([folder/'link.jpg', folder/'broken.jpg'], folder, 'x')
    assert target.exists() and os.path.islink(folder/'_quarantine/1/link.jpg')
    undo(folder)
    assert tree(folder) == before

def test_a_folder_by_another_name(folder, tmp_path, monkeypatch):
    (tmp_path/'alias').symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    before = tree(folder)
    quarantine([folder/'cat/3.jpg'], 'alias', 'x')
    quarantine(['pets/dog/../cat/5.jpg', Path('alias/cat/5.jpg')], folder, 'x')
    assert [o.files for o in changes('pets')] == [['cat/3.jpg'], ['cat/5.jpg']]
    (folder).rename(tmp_path/'moved')
    for _ in range(2): undo('moved')
    assert tree(tmp_path/'moved') == before

def test_nothing_is_overwritten(folder, capsys):
    a,b = folder/'cat/3.jpg', folder/'cat/5.jpg'
    before = tree(folder)
    quarantine([a, b], folder, 'x')
    write(a, b'a stranger')
    assert not undo(folder).undone and a.read_bytes() == b'a stranger' and b.exists()
    assert f'Kept in {folder}/_quarantine/1: cat/3.jpg' in ''.join(capsys.readouterr())
    assert (folder/'_quarantine/1/cat/3.jpg').read_bytes() == b'3.jpg'
    a.unlink()
    assert undo(folder).undone and tree(folder) == before

def test_the_old_folder_is_something_else_now(tmp_path):
    for what in ('file', 'link'):
        folder = make(tmp_path/what)
        quarantine([folder/'cat/3.jpg', folder/'dog/4.jpg'], folder, 'x')
        (folder/'cat').rename(folder/'cats')
        if what == 'link': (folder/'cat').symlink_to(tmp_path)
        else: write(folder/'cat')
        assert not undo(folder).undone and (folder/'dog/4.jpg').exists() and not (tmp_path/'3.jpg').exists()
        (folder/'cat').unlink()
        assert undo(folder).undone and (folder/'cat/3.jpg').exists() # the folder is made again

def test_a_file_that_was_deleted_by_hand(folder, capsys):
    quarantine([folder/'cat/3.jpg', folder/'cat/5.jpg'], folder, 'x')
    (folder/'_quarantine/1/cat/3.jpg').unlink()
    assert undo(folder).undone and (folder/'cat/5.jpg').exists()
    assert 'Nowhere to be found, perhaps deleted by hand: cat/3.jpg' in ''.join(capsys.readouterr())

def test_later_changes_of_the_same_files_first(folder):
    photo = folder/'cat/3.jpg'
    before = tree(folder)
    quarantine([photo], folder, 'x')
    write(photo, b'new')
    quarantine([photo], folder, 'x')
    with pytest.raises(PetLearnError, match=r'Change 2 came later and has files of change 1, such as cat/3.jpg'): undo(folder, 1)
    undo(folder, 2)
    photo.unlink()
    undo(folder, 1)
    assert tree(folder) == before

# ---- what is refused

BAD = dict(
    empty=(lambda f: quarantine([], f, 'x'), 'not a list of files'),
    one_path=(lambda f: quarantine(f/'cat/1.jpg', f, 'x'), 'not a list of files'),
    none=(lambda f: quarantine(None, f, 'x'), 'not a list of files'),
    number=(lambda f: quarantine([3], f, 'x'), 'not the name of a file'),
    missing=(lambda f: quarantine([f/'cat/1.jpg', f/'cat/0.jpg'], f, 'x'), 'There is no file'),
    outside=(lambda f: quarantine([f/'cat/1.jpg', f.parent/'out.jpg'], f, 'x'), 'does not lie in'),
    dots=(lambda f: quarantine([f/'cat'/'..'/'..'/'out.jpg'], f, 'x'), 'does not lie in'),
    through_a_link=(lambda f: quarantine([f/'way'/'out.jpg'], f, 'x'), 'does not lie in'),
    a_folder=(lambda f: quarantine([f/'cat'], f, 'x'), 'is a folder'),
    itself=(lambda f: quarantine([f/'cat'/'..'], f, 'x'), 'is a folder'),
    table=(lambda f: quarantine([write(f/'labels.csv')], f, 'x'), 'own records'),
    own_table=(lambda f: quarantine([write(f/'corrections.csv')], f, 'x'), 'own records'),
    quarantined=(lambda f: quarantine([write(f/'_quarantine/1/a.jpg')], f, 'x'), 'own records'),
    too_many=(lambda f: quarantine(find_photos(f)[:3], f, 'x'), r'3 of 10 photos \(30 %\)(.|\n)*yes=True'),
    yes_no=(lambda f: quarantine(find_photos(f)[:3], f, 'x', yes='no'), 'yes=True'),
    too_many_labels=(lambda f: correct(dict.fromkeys(find_photos(f)[:3], 'cat'), f, 'x'), '30 %'),
    no_why=(lambda f: quarantine([f/'cat/1.jpg'], f, ''), 'not a reason'),
    why_none=(lambda f: quarantine([f/'cat/1.jpg'], f, None), 'not a reason'),
    no_folder=(lambda f: quarantine([f/'cat/1.jpg'], f/'none', 'x'), 'There is no folder'),
    folder_file=(lambda f: quarantine([f/'cat/1.jpg'], f/'cat/1.jpg', 'x'), 'is a file'),
    labels_list=(lambda f: correct([f/'cat/1.jpg'], f, 'x'), 'which label is whose'),
    labels_empty=(lambda f: correct({}, f, 'x'), 'which label is whose'),
    labels_missing=(lambda f: correct({f/'cat/0.jpg': 'cat'}, f, 'x'), 'There is no file'),
    label_none=(lambda f: correct({f/'cat/1.jpg': None}, f, 'x'), 'None is not a label'),
    label_blank=(lambda f: correct({f/'cat/1.jpg': ' '}, f, 'x'), 'is not a label'),
    label_lines=(lambda f: correct({f/'cat/1.jpg': 'cat\ndog'}, f, 'x'), 'is not a label'),
    was_list=(lambda f: correct({f/'cat/1.jpg': 'cat'}, f, 'x', was=['dog']), 'which label is whose'),
    other_columns=(lambda f: (write(f/'corrections.csv', b'name;kind\n'), correct({f/'cat/1.jpg': 'cat'}, f, 'x')), 'not a table that petlearn wrote'),
    fewer_cells=(lambda f: (write(f/'corrections.csv', b'file,label,was,change,when\na.jpg,cat\n'), correct({f/'cat/1.jpg': 'cat'}, f, 'x')), 'not a table that petlearn wrote'),
    a_workbook=(lambda f: (write(f/'corrections.csv', b'PK\x03\x04\x00'), correct({f/'cat/1.jpg': 'cat'}, f, 'x')), 'not a table in plain text'),
    open_quote=(lambda f: (write(f/'corrections.csv', b'file,label,was,change,when\n"a.jpg,cat\n'), correct({f/'cat/1.jpg': 'cat'}, f, 'x')), 'quotation mark'),
    linked_table=(lambda f: ((f/'corrections.csv').symlink_to(f/'cat/1.txt'), correct({f/'cat/1.jpg': 'cat'}, f, 'x')), 'not a table that petlearn wrote'),
    nothing_to_undo=(lambda f: undo(f), 'There is no change to undo'),
    no_such_number=(lambda f: (quarantine([f/'cat/3.jpg'], f, 'x').undo(), undo(f, 2)), 'There is no change 2 to undo'),
    twice=(lambda f: (quarantine([f/'cat/3.jpg'], f, 'x').undo(), undo(f, 1)), 'All are undone'),
    odd_number=(lambda f: undo(f, 'one'), 'makes no sense'),
    undo_nowhere=(lambda f: undo(f/'none'), 'There is no folder'),
    linked_home=(lambda f: ((f/'_quarantine').symlink_to(f.parent), quarantine([f/'cat/3.jpg'], f, 'x')), 'is a link'),
    home_is_a_file=(lambda f: (write(f/'_quarantine'), quarantine([f/'cat/3.jpg'], f, 'x')), "Can't change"),
    name_of_a_record=(lambda f: quarantine([write(f/'change.json')], f, 'x'), 'own records'))

def test_refused_without_a_change(tmp_path):
    for name,(f,says) in BAD.items():
        top = tmp_path/name
        folder = make(top/'pets')
        write(top/'out.jpg')
        (folder/'way').symlink_to(top)
        before = tree(top, records=True)
        with pytest.raises(PetLearnError, match=says): f(folder)
        if not (folder/'_quarantine').is_symlink(): assert not [o for o in left(folder) if o.is_file() and o.name != 'a.jpg'], name
        assert before.items() <= tree(top, records=True).items() and not (top/'.lock').exists(), name

def test_a_fifth_at_once():
    for n,total,yes in ((1, 5, False), (0, 0, False), (3, 3, True)): check_share(n, total, yes)
    for n,total,yes,says in ((2, 9, False, r'2 of 9 photos \(22 %\)'), (1, 0, False, '1 of 0 photos would'), (3, 3, 'yes', r'\(100 %\)')):
        with pytest.raises(PetLearnError, match=says): check_share(n, total, yes)

def test_a_yes_is_enough(folder):
    before,photos = tree(folder),find_photos(folder)
    quarantine(photos, folder, 'all', yes=True)
    assert len(changes(folder)[0].files) == 11
    undo(folder) # where no photo is left
    assert tree(folder) == before
    assert quarantine(photos[:2], folder, 'a fifth').number == 2

def test_read_only(folder, monkeypatch):
    before = tree(folder, records=True)
    monkeypatch.setattr(os, 'access', lambda path, mode: Path(path).name != 'dog' or not mode & os.W_OK)
    with pytest.raises(PetLearnError, match='dog is read-only'): quarantine([folder/'cat/1.jpg', folder/'dog/2.jpg'], folder, 'x')
    monkeypatch.setattr(os, 'access', lambda path, mode: not mode & os.W_OK)
    with pytest.raises(PetLearnError, match='pets is read-only'): correct({folder/'cat/1.jpg': 'dog'}, folder, 'x')
    assert tree(folder, records=True) == before and not (folder/'_quarantine').exists()

def test_another_disk(folder, monkeypatch):
    lstat = os.lstat
    class Elsewhere:
        st_dev = -1
    monkeypatch.setattr(os, 'lstat', lambda o, **k: Elsewhere if str(o).endswith('1.jpg') and not k else lstat(o, **k))
    with pytest.raises(PetLearnError, match='another disk'): fixes._name_in(folder/'cat/1.jpg', folder)

@pytest.mark.slow
def test_one_at_a_time(folder):
    quarantine([folder/'cat/3.jpg'], folder, 'x')
    before = tree(folder, records=True)
    with FileLock(folder/'_quarantine'/'.lock'):
        for f in (lambda: undo(folder), lambda: quarantine([folder/'cat/1.jpg'], folder, 'x')):
            with pytest.raises(PetLearnError, match='Another program is changing'): f()
    assert tree(folder, records=True) == before

RECORD = dict(kind='quarantine', files=['a.jpg'], why='x', when='', undone='')

BAD_RECORDS = ['', '{', '[]', '3', 'null', '[' * 100_000, {}, {'kind': 'quarantine'}, RECORD | dict(kind='delete'), RECORD | dict(kind=['labels']), RECORD | dict(why=None),
    *(RECORD | dict(files=o) for o in (None, 'a.jpg', [3], [''], ['.'], ['../a.jpg'], ['a/../../b.jpg'], ['/etc/passwd'], ['a\0'],
                                       ['_quarantine/1/change.json'], ['change.json']))]

def test_records_that_petlearn_did_not_write(folder):
    write(folder.parent/'a.jpg')
    for record in BAD_RECORDS:
        write(folder/'_quarantine/1/change.json', (record if isinstance(record, str) else json.dumps(record)).encode())
        before = tree(folder.parent, records=True)
        for f in (changes, undo, lambda o: undo(o, 1)):
            with pytest.raises(PetLearnError, match=r"The record .*change.json can't be read"): f(folder)
        assert tree(folder.parent, records=True) == before

# ---- corrections.csv

def test_corrections_and_back(folder):
    a,b = folder/'cat/1.jpg', folder/'dog/2.jpg'
    change = correct({a: 'dog', b: 'cat'}, folder, 'seen', was={a: 'cat', b: 'dog'})
    assert str(change) == f"Change 1: 2 labels in {folder}/corrections.csv (seen); to take it back: fixes.undo({str(folder)!r}, 1)"
    assert (folder/'corrections.csv').read_text() == f'file,label,was,change,when\ncat/1.jpg,dog,cat,1,{change.when}\ndog/2.jpg,cat,dog,1,{change.when}\n'
    later = correct({a: ' bird '}, folder, 'looked again')
    assert cells(folder)[2] == dict(file='cat/1.jpg', label='bird', was='dog', change='2', when=later.when)
    assert corrections(folder) == {a: 'bird', b: 'cat'}
    with pytest.raises(PetLearnError, match='Change 2 came later'): undo(folder, 1)
    undo(folder)
    assert corrections(folder) == {a: 'dog', b: 'cat'}
    undo(folder)
    assert not (folder/'corrections.csv').exists() and not left(folder)

def test_a_table_of_the_user_is_never_edited(tmp_path):
    "Whatever stands in it; what it says about a photo counts until petlearn corrects that."
    for i,text in enumerate(('', TABLE, '\ufeff' + TABLE, 'name;kind\n', 'file,label\r./dog/2.jpg,cat\r', 'file,label\nx\udcff.jpg,cat\n', 'PK\x03\x04\x00')):
        folder = make(tmp_path/f'{i}', table=text)
        before = tree(folder)
        for o in (2, 1, 3): correct({folder/f'{"cat" if o % 2 else "dog"}/{o}.jpg': 'bird'}, folder, 'x')
        assert tree(folder).items() >= before.items() and tree(folder).keys() - before.keys() == {'corrections.csv'}
        if text == TABLE: assert corrections([folder/'cat/1.jpg']) == {folder/'cat/1.jpg': 'bird'}
        for o in (2, 1, 3): undo(folder, o)
        assert tree(folder) == before

def test_records_may_hold_more(folder):
    "Of a later petlearn, perhaps."
    before = tree(folder)
    quarantine([folder/'cat/3.jpg'], folder, 'x'), correct({folder/'cat/1.jpg': 'dog'}, folder, 'x')
    for o in (folder/'_quarantine').glob('*/change.json'): o.write_text(json.dumps(json.loads(o.read_text()) | dict(more=1)))
    for _ in range(2): undo(folder)
    assert tree(folder) == before

def test_a_table_that_was_edited_or_deleted_by_hand(folder):
    a,b = folder/'cat/1.jpg', folder/'dog/2.jpg'
    correct({a: 'dog', b: 'cat'}, folder, 'seen')
    rows = (folder/'corrections.csv').read_text().splitlines()
    (folder/'corrections.csv').write_text('\r\n'.join(';'.join(f'"{c}"' for c in o.split(',')) for o in rows) + '\r\n', newline='') # as a spreadsheet would
    assert corrections(folder) == {a: 'dog', b: 'cat'}
    correct({folder/'cat/3.jpg': 'fox'}, folder, 'seen')
    undo(folder, 1)
    assert corrections(folder) == {folder/'cat/3.jpg': 'fox'}
    (folder/'corrections.csv').unlink()
    assert undo(folder).undone and not (folder/'corrections.csv').exists()

def test_changes_as_a_table(folder):
    assert repr(changes(folder)) == 'No changes.'
    quarantine([folder/'cat/3.jpg'], folder, '<b>dark</b>').undo()
    correct({folder/'cat/1.jpg': 'dog'}, folder, 'seen')
    assert [(o.number, o.kind, o.why, bool(o.undone)) for o in changes(folder)] == [
        (1, 'quarantine', '<b>dark</b>', True), (2, 'labels', 'seen', False)]
    assert '&lt;b&gt;dark' in changes(folder)._repr_html_() and '<b>dark' not in changes(folder)._repr_html_()
    assert [len(o.split('  ')) > 3 for o in repr(changes(folder)).splitlines()] == [True]*3

# ---- crashes

class Killed(BaseException): pass

def failing_from(monkeypatch, k, error):
    "From its `k`-th call on, whatever moves or opens files for writing fails."
    calls = []
    def stand_in(real):
        def f(*args, **kwargs):
            calls.append(args)
            if len(calls) >= k: raise error
            return real(*args, **kwargs)
        return f
    for o in ('rename', 'replace', 'mkdir', 'fsync', 'rmdir'): monkeypatch.setattr(os, o, stand_in(getattr(os, o)))
    return calls

def steps(folder):
    "Two changes of each kind and their undoing, each as a function."
    photos = [folder/'cat/1.jpg', folder/'cat/3.jpg']
    return dict(quarantine=lambda: quarantine(photos, folder, 'x'), correct=lambda: correct(dict.fromkeys(photos, 'cow'), folder, 'x'),
                undo=lambda: undo(folder))

@pytest.mark.slow
@pytest.mark.parametrize('what', ['quarantine', 'correct', 'undo quarantine', 'undo correct'])
def test_a_crash_at_any_step(tmp_path, what):
    "Killed, or a full disk, at each step that touches the disk."
    for error in (Killed(), OSError(28, 'No space left on device')):
        k,crashed = 0,True
        while crashed:
            k += 1
            folder = make(tmp_path/f'{type(error).__name__}{k}', table=TABLE)
            before,photos = tree(folder),len(find_photos(folder))
            step = steps(folder)
            if what.startswith('undo'): step[what.split()[1]]()
            with pytest.MonkeyPatch.context() as m:
                failing_from(m, k, error)
                try: step[what.split()[0]]()
                except (Killed, PetLearnError): pass
                else: crashed = False
            everywhere = [o.read_bytes() for o in folder.rglob('*.jpg')]
            assert len(everywhere) == len(set(everywhere)) == photos # each photo at one place
            if [o for o in changes(folder) if not o.undone]: undo(folder)
            assert tree(folder) == before and not [o for o in left(folder) if o.is_file() and not o.name.startswith('.')]
            assert quarantine([folder/'cat/5.jpg'], folder, 'life goes on').undo().undone and tree(folder) == before
        assert k > 4

def test_one_move_that_fails_takes_the_others_back(folder, monkeypatch):
    before,rename = tree(folder, records=True),os.rename
    def f(old, new):
        if str(old).endswith('5.jpg'): raise PermissionError(13, 'in use', str(old))
        rename(old, new)
    monkeypatch.setattr(os, 'rename', f)
    with pytest.raises(PetLearnError, match=r"Can't move .*5.jpg: in use(.|\n)*all are where they were"):
        quarantine([folder/'cat/3.jpg', folder/'cat/5.jpg'], folder, 'x')
    assert tree(folder, records=True) == before and not changes(folder)

CHILD = '''
import os, sys
from petlearn.datasets.fixes import correct, quarantine, undo
folder,what,k = sys.argv[1],sys.argv[2],int(sys.argv[3])
calls = []
def dying(real):
    def f(*args, **kwargs):
        calls.append(args)
        if len(calls) == k: os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    return f
for o in ('rename', 'replace'): setattr(os, o, dying(getattr(os, o)))
files = [f'{folder}/cat/1.jpg', f'{folder}/cat/3.jpg']
quarantine(files, folder, 'x') if what == 'quarantine' else correct(dict.fromkeys(files, 'cow'), folder, 'x')
'''

@pytest.mark.slow
def test_really_killed(tmp_path):
    for what,k in (('quarantine', 3), ('correct', 3)):
        folder = make(tmp_path/what)
        before = tree(folder)
        done = subprocess.run([sys.executable, '-c', CHILD, folder, what, str(k)])
        assert done.returncode == -9
        assert undo(folder).undone and tree(folder) == before

# ---- many changes, in any order

NAMES = [f'{"cat" if i % 2 else "dog"}/{i}.jpg' for i in range(10)]
some = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
moves = st.one_of(st.tuples(st.just('quarantine'), some), st.tuples(st.just('undo'), st.integers(1, 8)),
                  st.tuples(st.just('correct'), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(['cat', 'dog', 'a,"b']), min_size=1, max_size=3)))

@settings(max_examples=40, deadline=None)
@given(todo=st.lists(moves, max_size=8))
def test_any_order_of_changes_and_undos_ends_where_it_began(todo):
    with tempfile.TemporaryDirectory() as tmp:
        folder = make(Path(tmp)/'pets', table=TABLE)
        before = tree(folder)
        for what,arg in todo:
            try:
                if what == 'quarantine': quarantine([folder/o for o in arg], folder, 'x', yes=True)
                elif what == 'correct': correct({folder/k: v for k,v in arg.items()}, folder, 'x', yes=True)
                else: undo(folder, arg)
            except PetLearnError as e: assert any(o in str(e) for o in ('There is no', 'came later'))
        while any(not o.undone for o in changes(folder)): undo(folder)
        assert tree(folder) == before and not left(folder)
