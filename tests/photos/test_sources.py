"Archives, metadata.md 33 to 37: all of it or nothing, and nothing outside."
import errno, hashlib, io, os, socket, stat, tarfile, zipfile
from pathlib import Path
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from petlearn import train
from petlearn.photos import finding as photos
from petlearn.core import PetLearnError
from petlearn.photos.finding import find_photos
from petlearn.photos.sources import pets, unpack
from helpers import pack


def special(name, kind, target=''):
    o = tarfile.TarInfo(name)
    o.type,o.linkname = kind,target
    return o,b''

def zip_link(name, kind=stat.S_IFLNK):
    o = zipfile.ZipInfo(name)
    o.create_system,o.external_attr = 3,(kind | 0o777) << 16
    return o,b'/etc/passwd'

def names(folder): return sorted(o.relative_to(folder).as_posix() for o in folder.rglob('*'))

GOOD = [('pets/1.jpg', b'one'), ('pets/cat/2.jpg', b'two'), ('pets/inner.zip', b'PK stays a file'), ('pets/empty', None),
        ('__MACOSX/pets/._1.jpg', b'x'), ('pets/.DS_Store', b'x')]
INSIDE = ['1.jpg', 'cat', 'cat/2.jpg', 'empty', 'inner.zip']
ENDINGS = ['zip', 'tar', 'tar.gz', 'tgz', 'tar.bz2', 'tar.xz', 'ZIP']

@pytest.mark.parametrize('ending', ENDINGS)
def test_every_kind_of_archive(tmp_path, ending):
    pack(tmp_path/f'pets.{ending.lower()}', GOOD).rename(tmp_path/f'pets.{ending}')
    assert unpack(tmp_path/f'pets.{ending}') == tmp_path/'pets'
    assert names(tmp_path/'pets') == INSIDE and (tmp_path/'pets/cat/2.jpg').read_bytes() == b'two'
    assert len(find_photos(tmp_path/'pets')) == 2 and len(list(tmp_path.iterdir())) == 2

@pytest.mark.parametrize('ending', ['zip', 'tgz'])
def test_where_it_goes(tmp_path, ending, monkeypatch):
    archive = pack(tmp_path/f'all.{ending}', {'cat/1.jpg': b'1', './dog/2.jpg': b'2'})
    monkeypatch.chdir(tmp_path)
    assert unpack(archive.name) == tmp_path/'all' and names(tmp_path/'all') == ['cat', 'cat/1.jpg', 'dog', 'dog/2.jpg']
    assert names(unpack(archive, 'mine')) == names(tmp_path/'all')
    odd = archive.rename(tmp_path/'download')
    assert unpack(odd) == tmp_path/'unpacked', 'an archive is known by its content, not by its name'
    one = pack(tmp_path/f'animals.{ending}', {'cat/1.jpg': b'1'})
    assert names(unpack(one)) == ['cat', 'cat/1.jpg'], 'the only folder is a label'

def test_names_with_backslashes_are_folders(tmp_path):
    assert names(unpack(pack(tmp_path/'a.zip', {'cat\\': b'', 'cat\\1.jpg': b'1'}))) == ['cat', 'cat/1.jpg']

WICKED = { # 33: what is in the archive (a name alone is put into both a zip and a tar), and what the message says
    'up': ('../up.jpg', 'outside'), 'up in the middle': ('pets/../../up.jpg', 'outside'), 'up, Windows': ('..\\up.jpg', 'outside'),
    'absolute': ('/tmp/petlearn-absolute.jpg', 'outside'), 'drive': ('C:/up.jpg', 'outside'), 'share': ('\\\\host\\up.jpg', 'outside'),
    'symlink': (special('pets/a', tarfile.SYMTYPE, '/etc/passwd'), 'link or a device'), 'symlink inside': (special('pets/a', tarfile.SYMTYPE, '1.jpg'), 'link or a device'),
    'hard link': (special('pets/a', tarfile.LNKTYPE, 'pets/1.jpg'), 'link or a device'), 'device': (special('pets/a', tarfile.CHRTYPE), 'link or a device'),
    'pipe': (special('pets/a', tarfile.FIFOTYPE), 'link or a device'), 'sparse': (special('pets/a', tarfile.GNUTYPE_SPARSE), ''),
    'zip symlink': (zip_link('pets/a'), 'link or a device'), 'zip pipe': (zip_link('pets/a', stat.S_IFIFO), 'link or a device'),
    'case': ('pets/1.JPG', 'capital letters'), 'case of a folder': ('Pets/2.jpg', 'capital letters'), 'twice': ('pets/1.jpg', 'twice'),
    'a file as a folder': ('pets/1.jpg/2.jpg', ''), 'colon': ('pets/a:b.jpg', 'not every computer'), 'device name': ('pets/CON.jpg', 'not every computer'),
    'dot at the end': ('pets/a.', 'not every computer'), 'control': ('pets/a\nb.jpg', 'not every computer'), 'too long': (f"pets/{'x'*300}.jpg", ''),
}
BOTH = [pytest.param(kind, member, says, id=f'{name}-{kind}') for name,(member,says) in WICKED.items() for kind in ('zip', 'tgz')
        if isinstance(member, str) or isinstance(member[0], tarfile.TarInfo) == (kind == 'tgz')]

@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('kind,member,says', BOTH)
def test_33_wicked_archives_leave_nothing(tmp_path, kind, member, says):
    (tmp_path/'in').mkdir()
    archive = pack(tmp_path/f'in/a.{kind}', [('pets/1.jpg', b'1'), (member, b'2') if isinstance(member, str) else member])
    with pytest.raises(PetLearnError, match=f"Can't unpack.*{says}") as e: unpack(archive)
    assert 'Nothing was left behind' in e.value.fix and archive.name in e.value.what
    assert names(tmp_path) == ['in', f'in/a.{kind}'] and not os.path.exists('/tmp/petlearn-absolute.jpg')

@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_33_too_many_members(tmp_path, kind, monkeypatch):
    archive = pack(tmp_path/f'a.{kind}', [(f'{i}.jpg', b'') for i in range(20)])
    assert len(names(unpack(archive, tmp_path/'all'))) == 20
    monkeypatch.setattr(photos, 'MAX_MEMBERS', 10)
    with pytest.raises(PetLearnError, match='more than 10 files'): unpack(archive)
    assert names(tmp_path/'all') and not (tmp_path/'a').exists()

@pytest.mark.parametrize('kind', ['zip', 'tgz', 'tar.xz'])
def test_33_a_thousand_to_one(tmp_path, kind, monkeypatch):
    written = []
    monkeypatch.setattr(photos.shutil, 'copyfileobj', lambda f, out, n: [written.append(len(o)) for o in iter(lambda: f.read(n), b'')])
    archive = pack(tmp_path/f'a.{kind}', {'zeros.jpg': bytes(40*2**20)})
    with pytest.raises(PetLearnError, match='far more bytes'): unpack(archive)
    assert sum(written) < 20*2**20 and names(tmp_path) == [archive.name], 'stopped on the way'

@pytest.mark.parametrize('kind', ['zip', 'tar'])
def test_33_too_large(tmp_path, kind, monkeypatch):
    archive = pack(tmp_path/f'a.{kind}', {'1.jpg': os.urandom(3*2**20)})
    monkeypatch.setattr(photos, 'MAX_BYTES', 2*2**20)
    with pytest.raises(PetLearnError, match='far more bytes'): unpack(archive)
    assert names(tmp_path) == [archive.name]

def test_33_a_zip_that_lies_about_its_size(tmp_path, monkeypatch):
    "What counts is what comes out: the size in the list is made small."
    archive = pack(tmp_path/'a.zip', {'zeros.jpg': bytes(2*2**20)})
    archive.write_bytes(archive.read_bytes().replace((2*2**20).to_bytes(4, 'little'), (9).to_bytes(4, 'little')))
    with pytest.raises(PetLearnError, match="Can't unpack"): unpack(archive)
    assert names(tmp_path) == ['a.zip']

def test_33_skipped_members_and_long_names_count_too(tmp_path):
    "A bomb in a file that is not written, and one in a name."
    for name,member in [('a', {'.DS_Store': bytes(40*2**20)}), ('b', {'x'*40*2**20: b''})]:
        with pytest.raises(PetLearnError, match='far more bytes'): unpack(pack(tmp_path/f'{name}.tgz', member))
    assert names(tmp_path) == ['a.tgz', 'b.tgz']

def _locked(path):
    pack(path, {'1.jpg': b'x'})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b'PK\1\2')+8] |= 1
    path.write_bytes(data)

def _no_end(path): path.write_bytes(pack(path, [(f'{i}.jpg', b'x'*512) for i in range(3)]).read_bytes()[:1024*2])

NOT_UNPACKED = { # file, how it is made, what is said
    'locked with a password': ('a.zip', _locked, 'locked with a password'), 'a text': ('a.zip', lambda o: o.write_text('hello'), 'looks like a text'),
    'empty file': ('a.zip', lambda o: o.touch(), 'is empty'), 'nothing in it': ('a.zip', lambda o: pack(o, {}), 'no files in it'),
    'nothing in the tar': ('a.tgz', lambda o: pack(o, {'a': None}), 'no files in it'), 'only what Macs add': ('a.tgz', lambda o: pack(o, {'.DS_Store': b'x'}), 'no files in it'),
    'rar': ('a.zip', lambda o: o.write_bytes(b'Rar!\x1a\7'), 'RAR archive'), 'one packed file': ('a.tar.gz', lambda o: o.write_bytes(__import__('gzip').compress(b'one'*999)), 'damaged'),
    'tar cut between two members': ('a.tar', _no_end, 'damaged or cut short'), 'missing': ('a.zip', lambda o: o.with_name('aa.zip').touch(), "Did you mean 'aa.zip'"),
    'a folder': ('a.zip', lambda o: o.mkdir(), 'is a folder'),
}

@pytest.mark.parametrize('file,make,says', NOT_UNPACKED.values(), ids=NOT_UNPACKED)
def test_not_unpacked(tmp_path, file, make, says):
    make(tmp_path/file)
    before = names(tmp_path)
    with pytest.raises(PetLearnError, match=says): unpack(tmp_path/file)
    assert names(tmp_path) == before

@pytest.mark.parametrize('x', ['https://example.org/pets.zip', '', None, 5])
def test_no_path(x):
    with pytest.raises(PetLearnError): unpack(x)

@pytest.mark.parametrize('target', ['file', 'folder', 'link'])
def test_nothing_is_overwritten(tmp_path, target):
    archive,there = pack(tmp_path/'a.zip', {'1.jpg': b'1'}),tmp_path/'a'
    if target == 'file': there.write_text('mine')
    elif target == 'folder': there.mkdir()
    else: there.symlink_to(tmp_path/'nowhere')
    before = names(tmp_path)
    with pytest.raises(PetLearnError, match='is there already'): unpack(archive)
    assert names(tmp_path) == before and (target != 'file' or there.read_text() == 'mine')

def test_no_folder_to_unpack_in(tmp_path):
    with pytest.raises(PetLearnError, match='No such file or directory'): unpack(pack(tmp_path/'a.zip', {'1.jpg': b'1'}), tmp_path/'no/such')
    assert names(tmp_path) == ['a.zip']

def test_full_disk(tmp_path, monkeypatch):
    def full(f, out, n):
        out.write(f.read(1))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(photos.shutil, 'copyfileobj', full)
    archive = pack(tmp_path/'a.zip', {'1.jpg': b'11', '2.jpg': b'22'})
    with pytest.raises(PetLearnError, match='No space left'): unpack(archive)
    assert names(tmp_path) == ['a.zip']

DATA = {o: pack(Path(os.environ['FASTAI_HOME']).parent/f'x.{o}', {f'pets/{i}.jpg': bytes(range(i, i+40))*5 for i in range(9)}).read_bytes() for o in ('zip', 'tgz', 'tar', 'tar.xz')}

@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(list(DATA)), keep=st.floats(0, .999))
def test_35_cut_archives_give_nothing(tmp_path_factory, kind, keep):
    "Wherever an archive was cut; only the padding behind the end of a plain tar may be missing."
    folder,data = tmp_path_factory.mktemp('cut'),DATA[kind]
    n = int(len(data)*keep)
    if kind == 'tar' and n > len(data.rstrip(b'\0')): return
    (folder/f'x.{kind}').write_bytes(data[:n])
    with pytest.raises(PetLearnError): unpack(folder/f'x.{kind}')
    assert names(folder) == [f'x.{kind}']

@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(list(DATA)), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_35_damaged_archives_give_all_or_nothing(tmp_path_factory, kind, flips):
    folder,data = tmp_path_factory.mktemp('flips'),bytearray(DATA[kind])
    for where,value in flips: data[int(where*(len(data)-1))] = value
    (folder/f'x.{kind}').write_bytes(data)
    try: unpack(folder/f'x.{kind}')
    except PetLearnError: assert names(folder) == [f'x.{kind}']
    else: assert sum(o.is_file() for o in (folder/'x').rglob('*')) == 9 or kind == 'tar' # which has no checksums for contents

@pytest.mark.parametrize('error', [KeyboardInterrupt, None], ids=['interrupted', 'killed'])
def test_35_interrupted_and_done_again(tmp_path, monkeypatch, error):
    archive = pack(tmp_path/'a.zip', {'1.jpg': b'1', '2.jpg': b'2'})
    if error:
        def stop(*args): raise error
        with monkeypatch.context() as m:
            m.setattr(photos.shutil, 'copyfileobj', stop)
            with pytest.raises(error): unpack(archive)
        assert names(tmp_path) == ['a.zip']
    else:
        (tmp_path/'.a-unpacking').mkdir()
        (tmp_path/'.a-unpacking/half.jpg').touch()
    assert names(unpack(archive)) == ['1.jpg', '2.jpg'] and len(list(tmp_path.iterdir())) == 2

def test_a_folder_that_is_an_archive(tmp_path):
    archive = pack(tmp_path/'pets.zip', GOOD)
    for f in (find_photos, train):
        with pytest.raises(PetLearnError, match='is an archive') as e: f(archive)
        assert e.value.fix == f"unpack('{archive}')"
    with pytest.raises(PetLearnError, match='No photos in') as e: find_photos(tmp_path)
    assert e.value.fix == f"unpack('{archive}')"
    with pytest.raises(PetLearnError, match='unpack') as e: photos.open_photo(archive)
    assert e.value.kind == 'not a photo'

@pytest.fixture
def home(tmp_path, monkeypatch):
    "A folder in which fastai has nothing yet."
    monkeypatch.setattr(photos, 'fastai_folder', lambda kind: tmp_path/kind)
    (tmp_path/'archive').mkdir()
    return tmp_path

def _ready_archive(home, monkeypatch):
    archive = pack(home/'archive/oxford-iiit-pet.tgz', {'oxford-iiit-pet/images/Abyssinian_1.jpg': b'abc'})
    data = archive.read_bytes()
    for k,v in dict(PETS_SIZE=len(data), PETS_START=hashlib.md5(data).hexdigest(), PETS_COUNT=1).items(): monkeypatch.setattr(photos, k, v)
    return archive

def test_34_another_file_names_both_hashes_and_is_kept(home):
    archive = home/'archive/oxford-iiit-pet.tgz'
    archive.write_bytes(b'something else')
    with pytest.raises(PetLearnError, match='petlearn keeps it') as e: pets(download=True)
    for o in (photos.PETS_START, hashlib.md5(b'something else').hexdigest(), '811,706,944', '14 bytes'): assert o in str(e.value)
    assert archive.read_bytes() == b'something else' and not (home/'data/oxford-iiit-pet').exists()

@pytest.mark.parametrize('left', ['', 'images', 'images/more'])
def test_35_empty_folders_are_not_in_the_way(home, monkeypatch, left):
    (home/'data/oxford-iiit-pet'/left).mkdir(parents=True)
    _ready_archive(home, monkeypatch)
    assert [o.name for o in find_photos(pets(download=True))] == ['Abyssinian_1.jpg']

def test_35_but_files_are(home, monkeypatch):
    (home/'data/oxford-iiit-pet').mkdir(parents=True)
    (home/'data/oxford-iiit-pet/mine.txt').touch()
    _ready_archive(home, monkeypatch)
    with pytest.raises(PetLearnError, match='Move that folder away'): pets(download=True)
    assert (home/'data/oxford-iiit-pet/mine.txt').exists()

def test_35_a_part_of_the_photos_is_said(home, capsys):
    (home/'data/oxford-iiit-pet/images').mkdir(parents=True)
    (home/'data/oxford-iiit-pet/images/Abyssinian_1.jpg').touch()
    assert pets() == home/'data/oxford-iiit-pet/images'
    assert 'Only 1 of the 7,390 photos' in capsys.readouterr().err

def test_36_offline_is_said_at_once(home, monkeypatch):
    asked = []
    def no_network(address, timeout=None):
        asked.append((address, timeout))
        raise socket.gaierror(-2, 'Name or service not known')
    monkeypatch.setattr(socket, 'create_connection', no_network)
    with pytest.raises(PetLearnError, match='put the file here by hand') as e: pets(download=True)
    assert str(home/'archive/oxford-iiit-pet.tgz') in str(e.value)
    assert [o for _,o in asked] == [4], 'one attempt, of less than five seconds'

def test_37_a_network_that_swallows_everything(home, monkeypatch):
    "The server accepts and never answers: each wait has an end, and the user hears how to go on."
    with socket.create_server(('127.0.0.1', 0)) as server:
        monkeypatch.setattr(photos, 'PETS_URL', f'http://127.0.0.1:{server.getsockname()[1]}/x.tgz')
        monkeypatch.setattr(photos, 'can_reach', lambda host: True)
        monkeypatch.setattr(photos._download, '__defaults__', (.2,))
        with pytest.raises(PetLearnError, match='The download stopped') as e: pets(download=True)
    assert 'pets(download=True)' in e.value.fix and not (home/'archive/oxford-iiit-pet.tgz').exists()

def test_35_a_zip_whose_list_breaks_off(tmp_path):
    "The end of its list was damaged so that the list seems to be shorter; Python's zipfile then gives fewer members without a word."
    data = bytearray(DATA['zip'])
    data[int(.662109375*(len(data)-1))] = 2
    (tmp_path/'x.zip').write_bytes(data)
    with pytest.raises(PetLearnError, match='damaged'): unpack(tmp_path/'x.zip')
    assert names(tmp_path) == ['x.zip']
