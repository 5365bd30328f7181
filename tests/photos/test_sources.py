"Pets: found, drawn or fetched; whatever went wrong with a download, the advice is to type it again, and that works."
import hashlib, http.server, os, shutil, socket, threading
import pytest
from petlearn.core import PetLearnError
from petlearn.photos import sources
from petlearn.photos.finding import find_photos
from petlearn.photos.sources import pets
from helpers import pack

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
    with pytest.raises(PetLearnError, match='is not the archive') as e: pets(download=True)
    for o in (sources.PETS_START, hashlib.md5(b'something else').hexdigest(), '811,706,944', '14 bytes', 'oxford-iiit-pet.tgz.wrong-1'): assert o in str(e.value)
    assert archive.with_name(f'{archive.name}.wrong-1').read_bytes() == b'something else' and not archive.exists() and not (home/'data/oxford-iiit-pet').exists()

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

# --- downloads, from a server on this computer ----------------------------------------------------------------------------

class _Handler(http.server.BaseHTTPRequestHandler):
    data,asked,ranges,piece = b'',[],True,None # `piece`: it hangs up after so many bytes
    def do_GET(self):
        start = int(self.headers['Range'].split('=')[1].split('-')[0]) if self.ranges and self.headers['Range'] else 0
        self.asked.append(start)
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(self.data)-start))
        self.end_headers()
        self.wfile.write(self.data[start:start+self.piece] if self.piece else self.data[start:])
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

# what a download may leave behind: does the advice that is given then work?

def _flipped(data):
    data = bytearray(data)
    data[len(data)//2] ^= 255
    return bytes(data)

TROUBLE = { # what lies there: as the archive, and as a part of it; and how often one must type it again
    'a part': (None, lambda o: o[:len(o)//2], 0), 'an empty part': (None, lambda o: b'', 0), 'a hotel in the part': (None, lambda o: b'<html>Welcome', 1), 'a part that is too long': (None, lambda o: o+b'more', 1), 'another archive of that size': (None, lambda o: b'\x1f\x8b'+bytes(len(o)-2), 1),
    'one byte wrong': (_flipped, None, 1), 'one byte wrong, and a part': (_flipped, lambda o: o[:2000], 1), 'a whole archive': (lambda o: o, None, 0), 'the beginning, put there by hand': (lambda o: o[:-2000], None, 0), 'a hotel': (lambda o: b'<html>Welcome', None, 1)}

@pytest.fixture
def pets_server(home, monkeypatch, server):
    "A server of an archive of a megabyte and a half that begins as the real one does, so to say."
    (home/'data').mkdir()
    _Handler.data = pack(home/'tiny.tgz', {'oxford-iiit-pet/images/Abyssinian_1.jpg': os.urandom(1_500_000)}).read_bytes()
    for k,v in dict(PETS_URL=server, PETS_SIZE=len(_Handler.data), PETS_START=hashlib.md5(_Handler.data[:1 << 20]).hexdigest(), PETS_COUNT=1).items(): monkeypatch.setattr(sources, k, v)
    monkeypatch.setattr(sources, 'can_reach', lambda host: True)
    return home

def type_it_again(times):
    "What every error about a download says; all of it but the last must be such an error."
    for _ in range(times):
        with pytest.raises(PetLearnError, match=r'Try again, and it .*pets\(download=True\)'): pets(download=True)
    return find_photos(pets(download=True))

def test_typing_it_again_helps(pets_server):
    archive = pets_server/'archive/oxford-iiit-pet.tgz'
    for name,(whole,part,again) in TROUBLE.items():
        shutil.rmtree(pets_server/'data/oxford-iiit-pet', ignore_errors=True)
        for o in archive.parent.iterdir(): o.unlink()
        for path,make in ((archive, whole), (archive.with_name('oxford-iiit-pet.tgz.part'), part)):
            if make: path.write_bytes(make(_Handler.data))
        assert [o.name for o in type_it_again(again)] == ['Abyssinian_1.jpg'], name
        assert len(list(archive.parent.glob('*.wrong-*'))) == again, f'{name}: what was wrong is kept under another name'

def test_a_server_that_hangs_up(pets_server):
    "Each try brings a piece; the next one goes on there."
    _Handler.piece = 600_000
    try:
        assert len(type_it_again(2)) == 1 and len(_Handler.asked) == 3 and _Handler.asked == [0, 600_000, 1_200_000]
    finally: _Handler.piece = None
