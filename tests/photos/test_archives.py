"Archives: all of it or nothing, nothing outside, and names that every computer can have."
import errno, gzip, io, os, re, shutil, stat, struct, subprocess, tarfile, zipfile
from pathlib import Path
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from petlearn.training.trainer import train
from petlearn.photos import archives
from petlearn.core import PetLearnError
from petlearn.image_io import open_photo
from petlearn.photos.finding import find_photos
from petlearn.photos.archives import unpack
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

WICKED = { # a name that is put into both a zip and a tar
    'up': '../up.jpg', 'up in the middle': 'pets/../../up.jpg', 'up, Windows': '..\\up.jpg', 'absolute': '/tmp/petlearn-absolute.jpg', 'drive': 'C:/up.jpg', 'share': '\\\\host\\up.jpg',
}
@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_wicked_archives_leave_nothing(tmp_path, kind):
    for i,(name,member) in enumerate(WICKED.items()):
        (tmp_path/str(i)).mkdir()
        archive = pack(tmp_path/f'{i}/a.{kind}', [('pets/1.jpg', b'1'), (member, b'2')])
        with pytest.raises(PetLearnError, match="Can't unpack.*outside") as e: unpack(archive)
        assert 'Nothing was left behind' in e.value.fix and archive.name in e.value.what and e.value.kind == 'refused', name
        assert names(archive.parent) == [archive.name] and not os.path.exists('/tmp/petlearn-absolute.jpg'), name

LINKS = {'symlink': special('pets/a', tarfile.SYMTYPE, '/etc/passwd'), 'symlink inside': special('pets/a', tarfile.SYMTYPE, '1.jpg'), 'hard link': special('pets/a', tarfile.LNKTYPE, 'pets/1.jpg'),
         'device': special('pets/a', tarfile.CHRTYPE), 'pipe': special('pets/a', tarfile.FIFOTYPE), 'zip symlink': zip_link('pets/a'), 'zip pipe': zip_link('pets/a', stat.S_IFIFO)}

def test_links_are_left_out_and_named(tmp_path, capsys):
    for i,(name,member) in enumerate(LINKS.items()):
        (tmp_path/str(i)).mkdir()
        kind = 'zip' if name.startswith('zip') else 'tgz'
        assert names(unpack(pack(tmp_path/f'{i}/a.{kind}', [('pets/1.jpg', b'1'), member]))) == ['pets', 'pets/1.jpg'], name
        assert 'left out: pets/a.' in capsys.readouterr().err, name

ODD = { # names that some computer can't have, and what becomes of them
    'question mark': ('pets/why?.jpg', 'pets/why_.jpg'), 'colon': ('pets/Screenshot 10:30.jpg', 'pets/Screenshot 10_30.jpg'), 'quotes': ('pets/the "big" one.jpg', 'pets/the _big_ one.jpg'), 'line': ('pets/a|b.jpg', 'pets/a_b.jpg'),
    'control': ('pets/a\nb.jpg', 'pets/a_b.jpg'), 'device': ('pets/aux.jpg', 'pets/_aux.jpg'), 'device, capitals': ('pets/CON', 'pets/_CON'), 'dot at the end': ('pets/etc..', 'pets/etc'), 'only dots': ('pets/...', 'pets/_'),
    'blank behind a folder': ('pets /2.jpg', 'pets/2.jpg'), 'capitals': ('pets/1.JPG', 'pets/1-2.JPG'), 'capitals of a folder': ('Pets/2.jpg', 'pets/2.jpg'), 'twice': ('pets/1.jpg', 'pets/1-2.jpg'), 'a file as a folder': ('pets/1.jpg/2.jpg', 'pets/1.jpg-2/2.jpg'),
    'too long': (f"pets/{'x'*300}.jpg", f"pets/{'x'*196}.jpg"), 'too long, Chinese': (f"pets/{'猫'*90}.jpg", f"pets/{'猫'*65}.jpg")}

@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_names_that_some_computer_can_not_have(tmp_path, kind, capsys):
    "Nothing is lost, and it is said."
    for i,(name,(old,new)) in enumerate(ODD.items()):
        (tmp_path/str(i)).mkdir()
        folder = unpack(pack(tmp_path/f'{i}/a.{kind}', [('pets/1.jpg', b'one'), (old, b'two')]))
        files = {o: (folder/o).read_bytes() for o in names(folder) if (folder/o).is_file()}
        assert files == {'pets/1.jpg': b'one', new: b'two'}, name
        said = capsys.readouterr().err
        assert '1 name changed' in said and repr(old) in said and repr(new) in said, name

def test_names_in_old_alphabets(tmp_path, capsys, monkeypatch):
    "Not marked as UTF-8: all names together are guessed, and it is said; UTF-8 and the Unicode name of Info-ZIP are known."
    monkeypatch.setattr(tarfile.TarFile, 'format', tarfile.GNU_FORMAT)
    for i,(encoding,word) in enumerate([('utf-8', '猫'), ('cp437', 'Zoë'), ('gbk', '小猫'), ('cp932', '柴犬'), ('cp1251', 'кошка'), ('cp850', 'São')]):
        raw = word.encode(encoding)
        for kind in ('zip', 'tar'):
            path = tmp_path/f'{i}{kind}/a.{kind}'
            path.parent.mkdir()
            if kind == 'zip': path.write_bytes(pack(path, {'pets/1.jpg': b'1', f'{"?"*len(raw)}/2.jpg': b'2'}).read_bytes().replace(b'?'*len(raw), raw))
            else: pack(path, {'pets/1.jpg': b'1', f'{os.fsdecode(raw)}/2.jpg': b'2'})
            assert f'{word}/2.jpg' in names(unpack(path)), (encoding, kind)
            assert (f'read as {encoding}' in capsys.readouterr().err) == (encoding != 'utf-8'), (encoding, kind)

def test_an_archive_in_an_archive(tmp_path, capsys):
    "Both the folder of its own name, which is left out, and another; what is said to type works."
    for i,top in enumerate(('a', 'pets')):
        (tmp_path/str(i)).mkdir()
        inner = pack(tmp_path/'cats.zip', {'1.jpg': b'1'}).read_bytes()
        unpack(pack(tmp_path/f'{i}/a.zip', {f'{top}/cats.zip': inner, f'{top}/2.jpg': b'2'}))
        call = re.search(r'unpack\(.*\)', capsys.readouterr().err)[0]
        assert names(eval(call)) == ['1.jpg']

# zip archives of other programs

def end_of(data): return data.rindex(b'PK\5\6')

def zip64(data, forced=False):
    "The same zip archive with the numbers of its end in a zip64 record; `forced`: and in the last one, too."
    at = end_of(data)
    n,size,start = struct.unpack('<HII', data[at+10:at+20])
    end64 = struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, n, n, size, start)
    last = struct.pack('<4sHHHHIIH', b'PK\5\6', 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    return data[:at] + end64 + struct.pack('<4sIQI', b'PK\6\7', 0, at, 1) + (data[at:] if forced else last)

def streamed(data):
    "An archive as a program writes it that can't go back: sizes behind each file, in 8 bytes (as stream-zip writes them)."
    out = io.BytesIO()
    class Pipe(io.RawIOBase):
        def writable(self): return True
        def write(self, o): return out.write(o)
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(Pipe(), 'w') as new:
        for o in old.infolist():
            with new.open(o.filename, 'w', force_zip64=True) as f: f.write(old.read(o))
    return out.getvalue()

def commented(data, text): return data[:end_of(data)+20] + struct.pack('<H', len(text)) + text

ZIPS = { # what other programs make of an archive
    'zip64': zip64, 'zip64 that was not needed': lambda o: zip64(o, True), 'streamed': streamed, 'streamed, zip64': lambda o: zip64(streamed(o)), 'comment': lambda o: commented(o, b'my pets'), 'comment with the sign of an end': lambda o: commented(o, b'made by PK\5\6 tools'.ljust(60)),
    'comment with a whole end': lambda o: commented(o, b'PK\5\6'+bytes(18)+b' is an empty archive'), 'a long comment': lambda o: commented(o, b'x'*65_000), 'zip64 and comment': lambda o: commented(zip64(o), b'a PK\5\6'),
    'a program before': lambda o: b'MZ unpacks itself'+o, 'a line behind': lambda o: o+b'\n', 'zeros behind': lambda o: o+bytes(2000)}

def test_zips_of_other_programs(tmp_path):
    plain = pack(tmp_path/'plain.zip', {f'pets/{i}.jpg': os.urandom(99) for i in range(5)}).read_bytes()
    for i,(name,make) in enumerate(ZIPS.items()):
        (tmp_path/f'{i}.zip').write_bytes(make(plain))
        assert len(names(unpack(tmp_path/f'{i}.zip'))) == 6, name

def test_a_zip_with_the_unicode_name_of_info_zip(tmp_path):
    import zlib
    o = zipfile.ZipInfo('cat?/1.jpg')
    o.extra = struct.pack('<HHBI', 0x7075, 5+len('猫/1.jpg'.encode()), 1, zlib.crc32(b'cat\xe9/1.jpg')) + '猫/1.jpg'.encode()
    path = pack(tmp_path/'a.zip', [(o, b'1'), ('2.jpg', b'2')])
    path.write_bytes(path.read_bytes().replace(b'cat?', b'cat\xe9'))
    assert '猫/1.jpg' in names(unpack(path))

def _method(path, n):
    pack(path, {'1.jpg': b'1'*99})
    data = bytearray(path.read_bytes())
    for at in (8, data.index(b'PK\1\2')+10): data[at:at+2] = n.to_bytes(2, 'little')
    path.write_bytes(data)

def _last_part(path):
    data = bytearray(pack(path, {'1.jpg': b'1'}).read_bytes())
    data[end_of(data)+4] = 2
    path.write_bytes(data)

@pytest.mark.parametrize('kind', ['zip', 'tgz'])
def test_too_many_members(tmp_path, kind, monkeypatch):
    archive = pack(tmp_path/f'a.{kind}', [(f'{i}.jpg', b'') for i in range(20)])
    assert len(names(unpack(archive, tmp_path/'all'))) == 20
    monkeypatch.setattr(archives, 'MAX_MEMBERS', 10)
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
    monkeypatch.setattr(archives, 'MAX_BYTES', 2*2**20)
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
    'a folder': ('a.zip', lambda o: o.mkdir(), 'is a folder'), '7z': ('a.7z', lambda o: o.write_bytes(b"7z\xbc\xaf'\x1c\0\4"+bytes(99)), '7-Zip archive'), 'zst': ('a.tar.zst', lambda o: o.write_bytes(b'(\xb5/\xfd'+bytes(99)), 'Zstandard'),
    'Deflate64': ('a.zip', lambda o: _method(o, 9), 'Deflate64'), 'AES': ('a.zip', lambda o: _method(o, 99), 'password'), 'the last of several': ('a.zip', _last_part, 'one of several parts'), 'the second': ('a.zip.002', lambda o: o.write_bytes(os.urandom(99)), 'one of several parts'),
    'spanned': ('a.z01', lambda o: o.write_bytes(b'PK\7\x08PK\3\4'+bytes(99)), 'one of several parts'),
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

def test_a_zip_whose_list_breaks_off(tmp_path):
    "The end of its list was damaged so that the list seems to be shorter; Python's zipfile then gives fewer members without a word."
    data = bytearray(DATA['zip'])
    data[int(.662109375*(len(data)-1))] = 2
    (tmp_path/'x.zip').write_bytes(data)
    with pytest.raises(PetLearnError, match='damaged'): unpack(tmp_path/'x.zip')
    assert names(tmp_path) == ['x.zip']

