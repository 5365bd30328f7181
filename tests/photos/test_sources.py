"Archives: all of it or nothing, and nothing outside. Pets: found, drawn or fetched."
import errno, gzip, hashlib, http.server, os, shutil, socket, stat, tarfile, threading, zipfile
from pathlib import Path
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from petlearn.training.trainer import train
from petlearn.photos import sources
from petlearn.core import PetLearnError
from petlearn.image_io import open_photo
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

def test_every_kind_of_archive(tmp_path):
    for ending in ('zip', 'tar', 'tar.gz', 'tgz', 'tar.bz2', 'tar.xz', 'ZIP'):
        folder = tmp_path/ending.replace('.', '-')
        folder.mkdir()
        pack(folder/f'pets.{ending.lower()}', GOOD).rename(folder/f'pets.{ending}')
        assert unpack(folder/f'pets.{ending}') == folder/'pets'
        assert names(folder/'pets') == INSIDE and (folder/'pets/cat/2.jpg').read_bytes() == b'two'
        assert len(find_photos(folder/'pets')) == 2 and len(list(folder.iterdir())) == 2

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

WICKED = { # what is in the archive (a name alone is put into both a zip and a tar), and what the message says
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
@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_wicked_archives_leave_nothing(tmp_path, kind):
    for i,(name,(member,says)) in enumerate(WICKED.items()):
        if not isinstance(member, str) and isinstance(member[0], tarfile.TarInfo) != (kind == 'tgz'): continue
        (tmp_path/str(i)).mkdir()
        archive = pack(tmp_path/f'{i}/a.{kind}', [('pets/1.jpg', b'1'), (member, b'2') if isinstance(member, str) else member])
        with pytest.raises(PetLearnError, match=f"Can't unpack.*{says}") as e: unpack(archive)
        assert 'Nothing was left behind' in e.value.fix and archive.name in e.value.what, name
        assert names(archive.parent) == [archive.name] and not os.path.exists('/tmp/petlearn-absolute.jpg'), name

@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_too_many_members(tmp_path, kind, monkeypatch):
    archive = pack(tmp_path/f'a.{kind}', [(f'{i}.jpg', b'') for i in range(20)])
    assert len(names(unpack(archive, tmp_path/'all'))) == 20
    monkeypatch.setattr(sources, 'MAX_MEMBERS', 10)
    with pytest.raises(PetLearnError, match='more than 10 files'): unpack(archive)
    assert names(tmp_path/'all') and not (tmp_path/'a').exists()

@pytest.mark.parametrize('kind', ['zip', 'tgz', 'tar.xz'])
def test_a_thousand_to_one(tmp_path, kind, monkeypatch):
    for o in (zipfile.ZipFile, tarfile.TarFile): monkeypatch.setattr(o, 'extract', lambda *args, **kwargs: pytest.fail('it was written'))
    archive = pack(tmp_path/f'a.{kind}', {'zeros.jpg': bytes(40*2**20)})
    with pytest.raises(PetLearnError, match='far more bytes'): unpack(archive)
    assert names(tmp_path) == [archive.name]

@pytest.mark.parametrize('kind', ['zip', 'tar'])
def test_too_large(tmp_path, kind, monkeypatch):
    archive = pack(tmp_path/f'a.{kind}', {'1.jpg': os.urandom(3*2**20)})
    monkeypatch.setattr(sources, 'MAX_BYTES', 2*2**20)
    with pytest.raises(PetLearnError, match='far more bytes'): unpack(archive)
    assert names(tmp_path) == [archive.name]

def test_a_zip_that_lies_about_its_size(tmp_path, monkeypatch):
    "What counts is what comes out: the size in the list is made small."
    archive = pack(tmp_path/'a.zip', {'zeros.jpg': bytes(2*2**20)})
    archive.write_bytes(archive.read_bytes().replace((2*2**20).to_bytes(4, 'little'), (9).to_bytes(4, 'little')))
    with pytest.raises(PetLearnError, match="Can't unpack"): unpack(archive)
    assert names(tmp_path) == ['a.zip']

def test_skipped_members_and_long_names_count_too(tmp_path):
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
    'rar': ('a.zip', lambda o: o.write_bytes(b'Rar!\x1a\7'), 'RAR archive'), 'one packed file': ('a.tar.gz', lambda o: o.write_bytes(gzip.compress(b'one'*999)), 'damaged'),
    'tar cut between two members': ('a.tar', _no_end, 'damaged or cut short'), 'missing': ('a.zip', lambda o: o.with_name('aa.zip').touch(), "Did you mean 'aa.zip'"),
    'a folder': ('a.zip', lambda o: o.mkdir(), 'is a folder'),
}

def test_not_unpacked(tmp_path):
    for i,(name,(file,make,says)) in enumerate(NOT_UNPACKED.items()):
        folder = tmp_path/str(i)
        folder.mkdir()
        make(folder/file)
        before = names(folder)
        with pytest.raises(PetLearnError, match=says): unpack(folder/file)
        assert names(folder) == before, name
    for o in ('https://example.org/pets.zip', '', None, 5):
        with pytest.raises(PetLearnError): unpack(o)

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
    def full(f, out, *n):
        out.write(f.read(1))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(shutil, 'copyfileobj', full)
    archive = pack(tmp_path/'a.zip', {'1.jpg': b'11', '2.jpg': b'22'})
    with pytest.raises(PetLearnError, match='No space left'): unpack(archive)
    assert names(tmp_path) == ['a.zip']

DATA = {o: pack(Path(os.environ['FASTAI_HOME']).parent/f'x.{o}', {f'pets/{i}.jpg': bytes(range(i, i+40))*5 for i in range(9)}).read_bytes() for o in ('zip', 'tgz', 'tar', 'tar.xz')}

@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(list(DATA)), keep=st.floats(0, .999))
def test_cut_archives_give_nothing(tmp_path_factory, kind, keep):
    "Wherever an archive was cut; only the padding behind the end of a plain tar may be missing."
    folder,data = tmp_path_factory.mktemp('cut'),DATA[kind]
    n = int(len(data)*keep)
    if kind == 'tar' and n > len(data.rstrip(b'\0')): return
    (folder/f'x.{kind}').write_bytes(data[:n])
    with pytest.raises(PetLearnError): unpack(folder/f'x.{kind}')
    assert names(folder) == [f'x.{kind}']

@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(list(DATA)), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_damaged_archives_give_all_or_nothing(tmp_path_factory, kind, flips):
    folder,data = tmp_path_factory.mktemp('flips'),bytearray(DATA[kind])
    for where,value in flips: data[int(where*(len(data)-1))] = value
    (folder/f'x.{kind}').write_bytes(data)
    try: unpack(folder/f'x.{kind}')
    except PetLearnError: assert names(folder) == [f'x.{kind}']
    else: assert sum(o.is_file() for o in (folder/'x').rglob('*')) == 9 or kind == 'tar' # which has no checksums for contents

@pytest.mark.parametrize('error', [KeyboardInterrupt, None], ids=['interrupted', 'killed'])
def test_interrupted_and_done_again(tmp_path, monkeypatch, error):
    archive = pack(tmp_path/'a.zip', {'1.jpg': b'1', '2.jpg': b'2'})
    if error:
        def stop(*args): raise error
        with monkeypatch.context() as m:
            m.setattr(shutil, 'copyfileobj', stop)
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
    with pytest.raises(PetLearnError, match='unpack') as e: open_photo(archive)
    assert e.value.kind == 'not a photo'

@pytest.fixture
def home(tmp_path, monkeypatch):
    "A folder in which fastai has nothing yet."
    monkeypatch.setattr(sources, 'fastai_folder', lambda kind: tmp_path/kind)
    (tmp_path/'archive').mkdir()
    return tmp_path

def _ready_archive(home, monkeypatch):
    archive = pack(home/'archive/oxford-iiit-pet.tgz', {'oxford-iiit-pet/images/Abyssinian_1.jpg': b'abc'})
    data = archive.read_bytes()
    for k,v in dict(PETS_SIZE=len(data), PETS_START=hashlib.md5(data).hexdigest(), PETS_COUNT=1).items(): monkeypatch.setattr(sources, k, v)
    return archive

def test_another_file_names_both_hashes_and_is_kept(home):
    archive = home/'archive/oxford-iiit-pet.tgz'
    archive.write_bytes(b'something else')
    with pytest.raises(PetLearnError, match='petlearn keeps it') as e: pets(download=True)
    for o in (sources.PETS_START, hashlib.md5(b'something else').hexdigest(), '811,706,944', '14 bytes'): assert o in str(e.value)
    assert archive.read_bytes() == b'something else' and not (home/'data/oxford-iiit-pet').exists()

@pytest.mark.parametrize('left', ['', 'images', 'images/more'])
def test_empty_folders_are_not_in_the_way(home, monkeypatch, left):
    (home/'data/oxford-iiit-pet'/left).mkdir(parents=True)
    _ready_archive(home, monkeypatch)
    assert [o.name for o in find_photos(pets(download=True))] == ['Abyssinian_1.jpg']

def test_but_files_are(home, monkeypatch):
    (home/'data/oxford-iiit-pet').mkdir(parents=True)
    (home/'data/oxford-iiit-pet/mine.txt').touch()
    _ready_archive(home, monkeypatch)
    with pytest.raises(PetLearnError, match='Move that folder away'): pets(download=True)
    assert (home/'data/oxford-iiit-pet/mine.txt').exists()

def test_a_part_of_the_photos_is_said(home, capsys):
    (home/'data/oxford-iiit-pet/images').mkdir(parents=True)
    (home/'data/oxford-iiit-pet/images/Abyssinian_1.jpg').touch()
    assert pets() == home/'data/oxford-iiit-pet/images'
    assert 'Only 1 of the 7,390 photos' in capsys.readouterr().err

def test_offline_is_said_at_once(home, monkeypatch):
    asked = []
    def no_network(address, timeout=None):
        asked.append((address, timeout))
        raise socket.gaierror(-2, 'Name or service not known')
    monkeypatch.setattr(socket, 'create_connection', no_network)
    with pytest.raises(PetLearnError, match='put the file here by hand') as e: pets(download=True)
    assert str(home/'archive/oxford-iiit-pet.tgz') in str(e.value)
    assert [o for _,o in asked] == [4], 'one attempt, of less than five seconds'

def test_a_network_that_swallows_everything(home, monkeypatch):
    "The server accepts and never answers: each wait has an end, and the user hears how to go on."
    with socket.create_server(('127.0.0.1', 0)) as server:
        monkeypatch.setattr(sources, 'PETS_URL', f'http://127.0.0.1:{server.getsockname()[1]}/x.tgz')
        monkeypatch.setattr(sources, 'can_reach', lambda host: True)
        monkeypatch.setattr(sources._download, '__defaults__', (.2,))
        with pytest.raises(PetLearnError, match='The download stopped') as e: pets(download=True)
    assert 'pets(download=True)' in e.value.fix and not (home/'archive/oxford-iiit-pet.tgz').exists()

def test_a_zip_whose_list_breaks_off(tmp_path):
    "The end of its list was damaged so that the list seems to be shorter; Python's zipfile then gives fewer members without a word."
    data = bytearray(DATA['zip'])
    data[int(.662109375*(len(data)-1))] = 2
    (tmp_path/'x.zip').write_bytes(data)
    with pytest.raises(PetLearnError, match='damaged'): unpack(tmp_path/'x.zip')
    assert names(tmp_path) == ['x.zip']

# --- downloads, from a server on this computer ----------------------------------------------------------------------------

class _Handler(http.server.BaseHTTPRequestHandler):
    data,asked,ranges = b'',[],True
    def do_GET(self):
        start = int(self.headers['Range'].split('=')[1].split('-')[0]) if self.ranges and self.headers['Range'] else 0
        self.asked.append(start)
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(self.data)-start))
        self.end_headers()
        self.wfile.write(self.data[start:])
    def log_message(self, *args): pass

@pytest.fixture
def server():
    "A small server of a file of 3 MB, that knows how to go on in the middle."
    _Handler.data,_Handler.asked,_Handler.ranges = os.urandom(3_000_000),[],True
    s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{s.server_port}/x.tgz'
    s.shutdown()

def test_download_goes_on_where_it_stopped(tmp_path, server):
    part = tmp_path/'x.part'
    part.write_bytes(_Handler.data[:1_000_000])
    sources._download(server, part, 3_000_000)
    assert part.read_bytes() == _Handler.data and _Handler.asked == [1_000_000]
    sources._download(server, part, 3_000_000)
    assert _Handler.asked == [1_000_000]

def test_download_from_a_server_that_starts_over(tmp_path, server):
    _Handler.ranges = False
    part = tmp_path/'x.part'
    part.write_bytes(b'old')
    sources._download(server, part, 3_000_000)
    assert part.read_bytes() == _Handler.data

def test_pets_prefers_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, 'fastai_folder', lambda kind: tmp_path/kind)
    images = tmp_path/'data/oxford-iiit-pet/images'
    images.mkdir(parents=True)
    monkeypatch.setattr(sources, '_drawn_pets', lambda: tmp_path/'drawn')
    assert pets() == tmp_path/'drawn', 'an empty folder, as fastai leaves behind, is not a data set'
    (images/'Abyssinian_1.jpg').touch()
    assert pets() == images

def test_a_whole_download(tmp_path, monkeypatch, server):
    "From the server to the folder, with a tiny archive in place of 811 MB."
    monkeypatch.setattr(sources, 'fastai_folder', lambda kind: tmp_path/kind)
    (tmp_path/'data').mkdir()
    _Handler.data = pack(tmp_path/'tiny.tgz', {'oxford-iiit-pet/images/Abyssinian_1.jpg': b'abc'}).read_bytes()
    for k,v in dict(PETS_URL=server, PETS_SIZE=len(_Handler.data), PETS_START=hashlib.md5(_Handler.data).hexdigest()).items(): monkeypatch.setattr(sources, k, v)
    monkeypatch.setattr(sources, 'can_reach', lambda host: True)
    assert [o.name for o in find_photos(pets(download=True))] == ['Abyssinian_1.jpg']
