"What is found in a folder of photos, what is passed over, and what to do about it."
import os
from collections import Counter
from io import BytesIO
import pytest
from PIL import Image
from petlearn.core import PetLearnError
from petlearn.file_kinds import FILE_KINDS, SUFFIXES, content_kind, count_kind
from petlearn.photos.finding import PhotoList, find_photos
from helpers import lock_folders

def code(fmt):
    f = BytesIO()
    Image.new('RGB', (16, 16), 'orange').save(f, fmt)
    return f.getvalue()

PHOTOS = {o: code(o) for o in ('JPEG', 'PNG', 'GIF', 'BMP', 'WEBP', 'TIFF', 'AVIF')}
JPEG,TIFF,VIDEO = PHOTOS['JPEG'],PHOTOS['TIFF'],b'\0\0\0\x14ftypqt  '+bytes(50)
HEIC = b'\0\0\0\x24ftypheic\0\0\0\0mif1'

def put(folder, files):
    "Write `files`, a dict from name to content; `None` is a folder."
    for name,content in files.items():
        path = folder/name
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is not None: path.write_bytes(content)
    return folder

def counts(found): return {kind: o.total() for kind,o in found.items()}
def names(photos): return [o.relative_to(photos.folder).as_posix() for o in photos]

# --- the content decides --------------------------------------------------------------------------------------------

ENDINGS = 'photo photo.dat photo.JPG_large photo.jpg~ photo.jpe photo.pjpeg photo.txt photo.php photo.jpg_original photo.mp4 photo.jpg?w=640 photo.1'.split()

def test_a_photo_is_a_photo_under_any_name(tmp_path):
    files = {f'{fmt}/{name}': data for fmt,data in (PHOTOS | {'HEIC': HEIC}).items() for name in ENDINGS + ['photo.jpg']}
    found = find_photos(put(tmp_path, files))
    assert names(found) == sorted(files) and not found.skipped and not found.bare

FOREIGN = { # what is no photo, by kind
    'texts and tables': {'notes.txt': b'feed the cat', 'labels.csv': b'file,label', 'read me': b'BMW is a car', 'x.json': b'{}', 'utf16.txt': 'cat'.encode('utf-16')},
    'videos': {'a.mov': VIDEO, 'b.MP4': VIDEO, 'c': VIDEO, 'd.avi': b'RIFF0000AVI LIST', 'e.mkv': b'\x1a\x45\xdf\xa3', 'f.mts': b'G' + bytes(99)},
    'RAW photos': {'a.CR2': TIFF, 'b.nef': TIFF, 'c.dng': TIFF, 'd.arw': TIFF, 'e.cr3': b'\0\0\0\x18ftypcrx ', 'f': b'FUJIFILMCCD-RAW '},
    'pictures of other kinds': {'a.svg': b'<svg/>', 'b.psd': b'8BPS', 'c.jxl': b'\xff\x0a', 'd': b'8BPS', 'e.ico': b'\0\0\1\0\1\0', 'f.jp2': b'\0\0\0\x0cjP  ', 'g': b'\xff\x0a', 'h': b'gimp xcf'},
    'documents': {'a.pdf': b'%PDF-1.7', 'b': b'%PDF-1.7', 'c.docx': b'PK\3\4', 'page.html': b'<html>'},
    'archives': {'a.zip': b'PK\3\4', 'b.7z': b'7z\xbc\xaf', 'c': b'PK\3\4', 'd.tar.gz': b'\x1f\x8b'},
    'files still in a cloud': {'.IMG_1.jpg.icloud': b'bplist00', 'b.jpg.nextcloud': b' ', 'c.jpg.owncloud': b' ', 'd.gdoc': b'{"url": 1}', 'e.gphoto': b'{}', 'f': b'version https://git-lfs.github.com/spec/v1'},
    'system files': {'._IMG_1.jpg': JPEG, '.DS_Store': b'Bud1', 'Thumbs.db': JPEG, 'desktop.ini': b'[.ShellClassInfo]', 'SYNOPHOTO_THUMB_M.jpg': JPEG, 'MVI_1.THM': JPEG, 'Picasa.ini': b'[a]'},
    'hidden files': {'.hidden.jpg': JPEG, '.private/a.jpg': JPEG}, 'empty files': {'a': b'', 'b.dat': b''},
    'unfinished downloads': {'a.jpg.part': JPEG, 'b.crdownload': JPEG, 'c.jpg.!sync': JPEG}, 'shortcuts': {'a.lnk': b'L\0\0\0', 'b.url': b'[InternetShortcut]'},
    'other files': {'a.mp3': b'ID3', 'b.bin': bytes(range(200)), 'c.exe': b'MZ'},
    'photos in quarantine': {'_quarantine/1/a.jpg': JPEG, 'deep/_quarantine/b.jpg': JPEG},
    'files of petlearn': {'runs/V001/run.json': b'{}', 'runs/V001/model/MODEL_CARD.md': b'#', 'box/model.json': b'{}', 'box/MODEL_CARD.md': b'#'},
    'files in photo libraries': {'Photos Library.photoslibrary/originals/0/a.jpg': JPEG, 'iPhoto Library/AlbumData.xml': b'<plist/>', 'iPhoto Library/Masters/a.jpg': JPEG},
    "files in folders named like a system's": {'Thumbs/a.jpg': JPEG, 'lost+found/b.jpg': JPEG, 'Thumbnails/c.jpg': JPEG}}

def test_what_is_passed_over_has_a_kind(tmp_path):
    for kind,files in FOREIGN.items():
        found = find_photos(put(tmp_path/kind, files | {'cat.jpg': JPEG}))
        assert names(found) == ['cat.jpg'] and counts(found.skipped) == {kind: len(files)}, (kind, found.skipped)
        assert count_kind(len(files), kind) in repr(found)

SYSTEM_FOLDERS = ('@eaDir #recycle #snapshot $RECYCLE.BIN @Recycle .@__thumb __MACOSX .thumbnails .Trash-1000 .Trashes .picasaoriginals .AppleDouble .stfolder .stversions '
                  '.dropbox.cache .ipynb_checkpoints .git node_modules FOUND.000 LOST.DIR').split() + [
                  'System Volume Information', 'My Previews.lrdata', 'Photos.app']

def test_folders_that_systems_make(tmp_path):
    files = {f'{where}{o}/{sub}{i}.jpg': JPEG for o in SYSTEM_FOLDERS for i in range(2) for where,sub in (('', ''), ('cat/', 'IMG_1.jpg/'))}
    files |= {'env/pyvenv.cfg': b'home', 'env/lib/icon.png': JPEG, 'old bin/S-1-5-21/Dc1.jpg': JPEG, 'old bin/INFO2': b'', 'cat/@eaDir/empty': None}
    found = find_photos(put(tmp_path, files | {'cat/1.jpg': JPEG}))
    assert names(found) == ['cat/1.jpg'] and counts(found.skipped) == {'files in system folders': 4*len(SYSTEM_FOLDERS) + 4} and not found.bare
    assert tmp_path/'cat/@eaDir' in found.skipped['files in system folders']

def test_labels_that_sound_like_systems_are_labels(tmp_path):
    files = {f'{o}/1.jpg': JPEG for o in ('trash', 'recycle', 'recycled', 'git', 'app', 'previews', 'cache', 'runs', 'env', 'snapshot', 'tmp')}
    found = find_photos(put(tmp_path, files))
    assert names(found) == sorted(files) and not found.skipped
    put(tmp_path, {'lost+found/1.jpg': JPEG}) # a folder that is given by its name is meant
    assert names(find_photos(tmp_path/'lost+found')) == ['1.jpg']

def test_live_photos_are_not_called_videos(tmp_path):
    found = find_photos(put(tmp_path, {'a/IMG_1.HEIC': HEIC, 'a/IMG_1.MOV': VIDEO, 'b/IMG_1.MOV': VIDEO}))
    assert counts(found.skipped) == {'videos': 1, 'videos of Live Photos': 1} and found.bare == {tmp_path/'b': {'videos': 1}}

@pytest.mark.skipif(os.name == 'nt', reason='Windows has a flag for it')
def test_files_that_are_only_in_a_cloud_are_not_read(tmp_path, monkeypatch):
    put(tmp_path, {'cat/1.jpg': JPEG, 'dog/small.jpg': JPEG[:20]})
    for o in ('dog/2.jpg', 'dog/3'):
        with open(tmp_path/o, 'wb') as f: f.truncate(3_000_000)
    found = find_photos(tmp_path)
    assert names(found) == ['cat/1.jpg', 'dog/small.jpg'] and counts(found.skipped) == {'files still in a cloud': 2}

# --- links ----------------------------------------------------------------------------------------------------------

LINKS = { # where links lead from, the photos that are found, the links that are passed over
    'class folders': ({'all/cat': 'disk/cat', 'all/dog': 'disk/dog'}, ['cat/1.jpg', 'dog/1.jpg'], []),
    'single photos': ({'all/cat/x.jpg': 'disk/cat/1.jpg'}, ['cat/x.jpg'], []),
    'a circle': ({'all/cat': 'disk/cat', 'disk/cat/again': 'disk'}, ['cat/1.jpg', 'cat/again/dog/1.jpg'], ['cat/again/cat']),
    'to a folder above': ({'all/cat': 'disk/cat', 'all/up': ''}, ['cat/1.jpg'], ['up']),
    'to itself': ({'all/cat': 'disk/cat', 'all/me': 'all'}, ['cat/1.jpg'], ['me']),
    'twice': ({'all/a': 'disk/cat', 'all/b': 'disk/cat'}, ['a/1.jpg'], ['b']),
    'inside': ({'all/cat': 'disk/cat', 'all/real/x.jpg': 'disk/dog/1.jpg', 'all/again': 'all/real'}, ['cat/1.jpg', 'real/x.jpg'], ['again']),
    'to what is hidden': ({'all/cat': 'disk/.store'}, ['cat/1.jpg'], []),
}

def test_linked_folders(tmp_path):
    for name,(links,expected,passed) in LINKS.items():
        place = put(tmp_path/name, {'disk/cat/1.jpg': JPEG, 'disk/dog/1.jpg': JPEG, 'disk/.store/1.jpg': JPEG, 'all': None})
        for link,to in links.items():
            (place/link).parent.mkdir(exist_ok=True)
            (place/link).symlink_to(place/to)
        found = find_photos(place/'all')
        assert names(found) == expected, name
        assert [o.relative_to(place/'all').as_posix() for o in found.skipped.get('linked folders', ())] == passed, name

def test_the_folder_itself_is_a_link(tmp_path):
    put(tmp_path, {'real/cat/1.jpg': JPEG, 'real/dog/2.jpg': JPEG})
    (tmp_path/'link').symlink_to(tmp_path/'real')
    assert names(find_photos(tmp_path/'link')) == ['cat/1.jpg', 'dog/2.jpg']

def test_broken_links_pipes_and_locked_folders(tmp_path, monkeypatch):
    put(tmp_path, {'1.jpg': JPEG, 'locked/2.jpg': JPEG})
    for o,to in {'gone.jpg': 'nowhere.jpg', 'itself.jpg': 'itself.jpg', 'gone': 'nowhere'}.items(): (tmp_path/o).symlink_to(tmp_path/to)
    os.mkfifo(tmp_path/'pipe.jpg')
    lock_folders(monkeypatch, 'locked')
    found = find_photos(tmp_path)
    assert names(found) == ['1.jpg'] and counts(found.skipped) == {'folders that may not be read': 1, 'broken links': 3, 'other files': 1}
    assert found.bare == {tmp_path/'locked': {'folders that may not be read': 1}}

# --- folders without photos -----------------------------------------------------------------------------------------

def test_folders_without_photos_are_known(tmp_path):
    put(tmp_path, {'cat/old/1.jpg': JPEG, 'cat/empty': None, 'bird/deep/a.mov': VIDEO, 'bird/b.mov': VIDEO, 'bird/n.txt': b'x', 'fish': None, 'pony/@eaDir/1.jpg': JPEG, '_quarantine/1/1.jpg': JPEG})
    found = find_photos(tmp_path)
    assert {o.relative_to(tmp_path).as_posix(): dict(what) for o,what in found.bare.items()} == {
        'cat/empty': {}, 'bird': {'videos': 2, 'texts and tables': 1}, 'bird/deep': {'videos': 1}, 'fish': {}, 'pony': {'files in system folders': 1}}
    assert all(isinstance(o, Counter) for o in found.bare.values()) and found.some(1).bare == found.bare

NO_PHOTOS = { # what lies in a folder, and what the error says
    'nothing': ({}, 'found nothing at all(.|\n)*draw_pets'),
    'placeholders': ({'.IMG_1.jpg.icloud': b'bplist00', 'notes.txt': b'x'}, 'still in a cloud(.|\n)*Download them first'),
    'videos': ({'bird/a.mov': VIDEO}, r'1 video \(bird/a.mov\)(.|\n)*save single pictures'),
    'an archive': ({'sub/pets.zip': b'PK\3\4', 'notes.txt': b'x'}, r"unpack\('.*pets.zip'\)"),
    'another archive': ({'pets.rar': b'Rar!'}, 'another program'), 'negatives': ({'a.nef': TIFF}, 'Export them as JPEG'),
    'a library': ({'P.photoslibrary/originals/a.jpg': JPEG}, 'Export the photos'), 'a name of a system': ({'Thumbs/a.jpg': JPEG}, 'rename the folder'),
    'texts': ({'a.txt': b'x'}, 'draw_pets'), 'deleted photos': ({'$RECYCLE.BIN/a.jpg': JPEG}, r'1 file in a system folder \(\$RECYCLE.BIN\)'),
}

def test_no_photos(tmp_path):
    for name,(files,says) in NO_PHOTOS.items():
        with pytest.raises(PetLearnError, match=says): find_photos(put(tmp_path/name, {'.': None} | files))

def test_bad_folders(tmp_path):
    put(tmp_path, {'empty': None, 'f.txt': b''})
    for name,says in {'nowhere': 'There is no folder', 'emty': "Did you mean 'empty'", 'empty': 'found nothing at all', 'f.txt': 'is a file'}.items():
        with pytest.raises(PetLearnError, match=says): find_photos(tmp_path/name)

def test_every_kind_reads_well():
    for kind,o in FILE_KINDS.items():
        assert count_kind(1, kind) == f'1 {o.one}' and count_kind(20, kind) == f'20 {kind}' and (not o.step or o.step.endswith('.')), kind
    assert {content_kind(f'x{o}', JPEG) for o in SUFFIXES} == {None} and repr(PhotoList(['a.jpg'], 'pets')) == '1 photo in pets: a.jpg'
