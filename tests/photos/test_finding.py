"Folders, archives and downloads."
import hashlib, http.server, os, threading
import pytest
from petlearn.photos import finding as photos
from petlearn.core import PetLearnError
from petlearn.photos.finding import find_photos
from petlearn.photos.sources import pets
from helpers import pack

def test_hidden_and_foreign_files_are_counted(tmp_path):
    for o in ('b/2.JPG', 'a/1.png', '.hidden.jpg', '__MACOSX/x.jpg', '.git/y.jpg', 'a/._1.png', 'Thumbs.db', 'x.mat'):
        (tmp_path/o).parent.mkdir(exist_ok=True)
        (tmp_path/o).touch()
    (tmp_path/'dangling.jpg').symlink_to(tmp_path/'nowhere.jpg')
    (tmp_path/'loop').symlink_to(tmp_path)
    found = find_photos(tmp_path)
    assert [o.relative_to(tmp_path).as_posix() for o in found] == ['a/1.png', 'b/2.JPG']
    assert found.skipped == {'hidden': 4, 'not photos': 2, 'broken links': 1, 'linked folders': 1}
    assert '2 photos' in repr(found) and '4 hidden' in repr(found)

@pytest.mark.parametrize('make,says', [(lambda o: o/'nowhere', 'There is no folder'), (lambda o: o, 'found nothing at all'), (lambda o: o/'f.txt', 'is a file')])
def test_bad_folders(tmp_path, make, says):
    if says == 'is a file': (tmp_path/'f.txt').touch()
    with pytest.raises(PetLearnError, match=says): find_photos(make(tmp_path))

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
    photos._download(server, part, 3_000_000)
    assert part.read_bytes() == _Handler.data and _Handler.asked == [1_000_000]
    photos._download(server, part, 3_000_000)
    assert _Handler.asked == [1_000_000]

def test_download_from_a_server_that_starts_over(tmp_path, server):
    _Handler.ranges = False
    part = tmp_path/'x.part'
    part.write_bytes(b'old')
    photos._download(server, part, 3_000_000)
    assert part.read_bytes() == _Handler.data

def test_archive_check_names_both(tmp_path):
    (tmp_path/'a').write_bytes(b'x'*10)
    photos._check_archive(tmp_path/'a', 10, hashlib.md5(b'x'*10).hexdigest())
    with pytest.raises(PetLearnError) as e: photos._check_archive(tmp_path/'a', 11, 'abc')
    assert 'abc' in str(e.value) and hashlib.md5(b'x'*10).hexdigest() in str(e.value)
    assert (tmp_path/'a').exists()

def test_offline_download_says_where_to_put_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, 'fastai_folder', lambda kind: tmp_path/kind)
    with pytest.raises(PetLearnError, match='put the file here by hand') as e: pets(download=True)
    assert str(tmp_path/'archive'/'oxford-iiit-pet.tgz') in str(e.value)

def test_pets_prefers_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, 'fastai_folder', lambda kind: tmp_path/kind)
    images = tmp_path/'data/oxford-iiit-pet/images'
    images.mkdir(parents=True)
    monkeypatch.setattr(photos, '_drawn_pets', lambda: tmp_path/'drawn')
    assert pets() == tmp_path/'drawn', 'an empty folder, as fastai leaves behind, is not a data set'
    (images/'Abyssinian_1.jpg').touch()
    assert pets() == images

def test_a_whole_download(tmp_path, monkeypatch, server):
    "From the server to the folder, with a tiny archive in place of 811 MB."
    monkeypatch.setattr(photos, 'fastai_folder', lambda kind: tmp_path/kind)
    (tmp_path/'data').mkdir()
    _Handler.data = pack(tmp_path/'tiny.tgz', {'oxford-iiit-pet/images/Abyssinian_1.jpg': b'abc'}).read_bytes()
    for k,v in dict(PETS_URL=server, PETS_SIZE=len(_Handler.data), PETS_START=hashlib.md5(_Handler.data).hexdigest()).items(): monkeypatch.setattr(photos, k, v)
    monkeypatch.setattr(photos, 'can_reach', lambda host: True)
    assert [o.name for o in find_photos(pets(download=True))] == ['Abyssinian_1.jpg']
