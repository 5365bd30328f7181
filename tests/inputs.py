"""One table of everything that may be given as a photo, good or bad; `case` numbers the kinds of trouble.

`BAD` and `ODD` are files: `file` is a name, `content` its bytes. `says` is a piece of the error about a bad one; an odd
one answers like the ordinary picture `same`. `OTHER` are things that are no file, each made in a folder.
`CASES` are all of them as (case, name, make, says, many): `make(folder)` gives what `predict` gets; `says` is a regular
expression that the error must match, or empty where it answers, and then with a list if it is `many`.
"""
import datetime as dt, os, re
from base64 import b64encode
from collections import namedtuple
from io import BytesIO
import numpy as np
from PIL import Image, ImageOps
from petlearn.photos.drawings import draw_pet

def code(img, fmt, **kwargs):
    f = BytesIO()
    img.save(f, fmt, **kwargs)
    return f.getvalue()

def rgb(data): return Image.open(BytesIO(data)).convert('RGB')

PET = draw_pet('Persian', seed=7).resize((120, 90))
JPEG,PNG = code(PET, 'JPEG'),code(PET, 'PNG')
MIRRORED = ImageOps.mirror(PET)
GREY16 = np.asarray(PET.convert('L')).astype('uint16')*257

def turned(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return code(PET, 'JPEG', exif=exif)

def see_through(mode='RGBA'):
    "The pet with a corner that can't be seen, and what is hidden there."
    img = PET.convert('RGBA')
    img.paste((255, 0, 0, 0), (0, 0, 60, 45))
    return img.convert(mode)

def on_white():
    img = PET.copy()
    img.paste('white', (0, 0, 60, 45))
    return img

def see_through_palette():
    img = PET.quantize(200)
    img.putpalette(img.getpalette()[:600] + [255, 0, 0])
    img.paste(200, (0, 0, 60, 45))
    return code(img, 'PNG', transparency=200)

def palette_on_white():
    img = PET.quantize(200).convert('RGB')
    img.paste('white', (0, 0, 60, 45))
    return img

def bomb(side): return code(Image.new('1', (side, side)), 'PNG')
def animation(fmt, **kwargs): return code(PET, fmt, save_all=True, append_images=[MIRRORED], **kwargs)
def inverted(data): return code(Image.merge('CMYK', [ImageOps.invert(o) for o in rgb(data).convert('CMYK').split()]), 'JPEG')

# --- files -------------------------------------------------------------------------------------------------------

# Photos that can't be used: case, name, file, content, kind of the PhotoError, what is said, finding of check
Bad = namedtuple('Bad', 'case name file content kind says check')
BAD = [Bad(c, name, f'Persian_{i}{suffix}', *rest) for i,(c,name,suffix,*rest) in enumerate([
    (1, 'empty', '.jpg', b'', 'empty', 'is empty (0 bytes)', 'empty'),
    (2, 'web page', '.jpg', b'<!DOCTYPE html><html>404</html>', 'not a photo', 'a web page', 'not a photo'),
    (2, 'text', '.jpg', b'remember to feed the cat', 'not a photo', 'a text', 'not a photo'),
    (3, 'cut JPEG', '.jpg', JPEG[:len(JPEG)//2], 'damaged', 'damaged or cut short', 'damaged'),
    (3, 'cut PNG', '.png', PNG[:len(PNG)//2], 'damaged', 'damaged or cut short', 'damaged'),
    (3, 'only the first bytes', '.jpg', JPEG[:15], 'damaged', 'damaged or cut short', 'damaged'),
    (3, 'only the first bytes of AVIF', '.avif', code(PET, 'AVIF')[:40], 'damaged', 'damaged or cut short', 'damaged'),
    (4, '92 million', '.png', bomb(9_600), 'oversized', 'Expected at most 89 million', 'oversized'),
    (4, '196 million', '.png', bomb(14_000), 'oversized', 'Expected at most 89 million', 'oversized'),
    (10, 'float TIFF that is not finite', '.tif', code(Image.fromarray(np.full((90, 120), np.nan, 'float32')), 'TIFF'), 'unsupported', 'not finite', 'unsupported'),
    (12, 'HEIC', '.heic', b'\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'needs plug-in', "pip install 'petlearn[heic]'", 'needs plug-in'),
    (13, 'SVG', '.svg', b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'not a photo', 'an SVG drawing', 'foreign'),
    (13, 'PDF', '.jpg', b'%PDF-1.7 ...', 'not a photo', 'a PDF document', 'not a photo'),
    (13, 'MP4', '.jpg', b'\0\0\0\x20ftypisom\0\0\2\0', 'not a photo', 'a video', 'not a photo'),
    (13, 'EPS', '.jpg', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage', 'not a photo', 'a PostScript drawing', 'not a photo'),
    (13, 'zip', '.jpg', b'PK\3\4rest', 'not a photo', 'unpack', 'not a photo'),
    (16, '1×1', '.png', code(Image.new('RGB', (1, 1)), 'PNG'), 'too small', 'Expected at least 8', 'too small'),
    (16, '3000×1', '.png', code(Image.new('RGB', (3000, 1)), 'PNG'), 'too small', '3000×1', 'too small'),
    (16, '1×3000', '.png', code(Image.new('RGB', (1, 3000)), 'PNG'), 'too small', '1×3000', 'too small'),
], 900)]

# Unusual photos that work: case, name, file, content, the ordinary picture that they must be the same as, note and finding of check
Odd = namedtuple('Odd', 'case name file content same note check')
ODD = [Odd(c, name, f'Persian_{i}{suffix}', *rest) for i,(c,name,suffix,*rest) in enumerate([
    *[(6, f'orientation {n}', '.jpg', turned(n), ImageOps.exif_transpose(Image.open(BytesIO(turned(n)))).convert('RGB'), 'turned', 'turned') for n in range(2, 9)],
    (6, 'orientation 1', '.jpg', turned(1), rgb(turned(1)), None, None),
    (7, 'CMYK', '.jpg', code(PET.convert('CMYK'), 'JPEG'), rgb(code(PET.convert('CMYK'), 'JPEG')), None, None),
    (7, 'CMYK, inverted', '.jpg', inverted(JPEG), rgb(inverted(JPEG)), None, None),
    (8, 'transparent', '.png', code(see_through(), 'PNG'), on_white(), None, None),
    (8, 'transparent WebP', '.webp', code(see_through(), 'WEBP', lossless=True), on_white(), None, None),
    (8, 'grey and transparent', '.png', code(see_through('LA'), 'PNG'), on_white().convert('L').convert('RGB'), None, None),
    (8, 'palette and transparent', '.png', see_through_palette(), palette_on_white(), None, None),
    (9, 'grey', '.jpg', code(PET.convert('L'), 'JPEG'), rgb(code(PET.convert('L'), 'JPEG')), None, None),
    (9, '1 bit', '.png', code(PET.convert('1'), 'PNG'), PET.convert('1').convert('RGB'), None, None),
    (10, '16 bits', '.png', code(Image.fromarray(GREY16), 'PNG'), PET.convert('L').convert('RGB'), None, None),
    (10, 'float TIFF', '.tif', code(Image.fromarray((GREY16/65535).astype('float32')), 'TIFF'), PET.convert('L').convert('RGB'), None, None),
    (11, 'GIF', '.gif', animation('GIF'), rgb(animation('GIF')), 'animated', 'animated'),
    (11, 'animated WebP', '.webp', animation('WEBP', lossless=True), PET, 'animated', 'animated'),
    (11, 'animated PNG', '.png', animation('PNG'), PET, 'animated', 'animated'),
    (14, 'PNG named .jpg', '.jpg', PNG, PET, 'wrong name', 'wrong name'),
], 950)]

# 20: names that a page must show as text, and that no file system may be led astray by
NAMES = ['<img src=x onerror=alert(1)>.jpg', '"quoted" & \'so\'.jpg', 'two\nlines.jpg', 'Mürrische 猫 😺.jpg', '-rf.jpg', '  .jpg', '%s {0} $HOME.jpg']
FOREIGN_NAMES = ['../../outside.jpg', '/etc/cat.jpg', 'C:\\cat.jpg', '<script>alert(1)</script>.jpg', 'x'*250 + '.jpg', '', 'CON', 'nul\0byte.jpg'] # of uploads only

ids = lambda rows: [f'{o.case:02}-{o.name}' for o in rows]

def has_plugin():
    "Can iPhone photos be opened here?"
    try: import pillow_heif # noqa: F401
    except ImportError: return False
    return True

def must_fail(o):
    "Is the bad file `o` refused here? With the plug-in for iPhone photos, another sentence comes."
    return o.kind != 'needs plug-in' or not has_plugin()

def put(folder, *rows):
    "Write the files of `rows` into `folder`."
    folder.mkdir(exist_ok=True, parents=True)
    for o in rows: (folder/o.file).write_bytes(o.content)
    return folder

# --- uploads: the value of ipywidgets' `FileUpload`, versions 8 and 7 ----------------------------------------------

def upload(*files):
    "The value in version 8 of `files`: pairs of a name and bytes."
    now = dt.datetime.now(dt.timezone.utc)
    return tuple(dict(name=name, type='image/jpeg', size=len(o), content=memoryview(o), last_modified=now) for name,o in files)

def upload7(*files):
    "The same in version 7."
    return {name: dict(metadata=dict(name=name, type='image/jpeg', size=len(o)), content=bytes(o)) for name,o in files}

LOST = dict(name='large.jpg', type='image/jpeg', size=12*2**20) # 5: an upload beyond the limit arrives without content

# --- all together ------------------------------------------------------------------------------------------------

Case = namedtuple('Case', 'case name make says many')

def _file(name, content=PNG):
    "A function that writes `content` into a file named so."
    def make(folder):
        folder.mkdir(exist_ok=True, parents=True)
        (folder/name).write_bytes(content)
        return folder/name
    return make

def _of_file(f):
    "A function that makes something of a good photo's path."
    return lambda folder: f(_file('cat.png')(folder))

def _folder(*rows): return lambda folder: put(folder/'photos', *rows)

def _pipe(folder):
    os.mkfifo(folder/'pipe.jpg')
    return folder/'pipe.jpg'

class Named(BytesIO): name = 'cat.jpg'

class Awaited:
    "The upload of a web framework, which is read with await."
    async def read(self): return PNG

class Tensor:
    "What looks like a tensor of PyTorch, colours first."
    def __init__(self, a): self.a = a
    def __iter__(self): return iter(self.a)
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return self.a

class Frame:
    "What looks like a column of a table."
    def __init__(self, items): self.items = items
    def __iter__(self): return iter(self.items)
    def __len__(self): return len(self.items)

OTHER = [Case(*o) for o in [
    (5, 'upload beyond the limit', lambda d: (LOST,), 'large.jpg.*without its content', False),
    (5, 'one of two beyond the limit', lambda d: (*upload(('cat.png', PNG)), LOST), 'large.jpg.*without its content', False),
    (8, 'transparent picture', lambda d: see_through(), '', False),
    (8, 'transparent array', lambda d: np.asarray(see_through()), '', False),
    (9, 'grey picture', lambda d: PET.convert('L'), '', False),
    (9, 'grey array', lambda d: np.asarray(PET.convert('L')), '', False),
    (9, '1-bit picture', lambda d: PET.convert('1'), '', False),
    (10, '16-bit array', lambda d: GREY16, '', False),
    (10, 'array of fractions', lambda d: (GREY16/65535).astype('float32'), '', False),
    (15, 'Path', _of_file(lambda o: o), '', False),
    (15, 'text', _of_file(str), '', False),
    (15, 'bytes', lambda d: PNG, '', False),
    (15, 'bytearray', lambda d: bytearray(PNG), '', False),
    (15, 'memoryview', lambda d: memoryview(PNG), '', False),
    (15, 'BytesIO', lambda d: BytesIO(PNG), '', False),
    (15, 'file with a name', lambda d: Named(PNG), '', False),
    (15, 'picture', lambda d: PET, '', False),
    (15, 'opened picture', _of_file(Image.open), '', False),
    (15, 'array', lambda d: np.asarray(PET), '', False),
    (15, 'upload', lambda d: upload(('cat.png', PNG)), '', False),
    (15, 'upload, version 7', lambda d: upload7(('cat.png', PNG)), '', False),
    (15, 'entry of an upload', lambda d: upload(('cat.png', PNG))[0], '', False),
    (15, 'empty upload', lambda d: (), 'no photo in the upload', False),
    (15, 'empty upload, version 7', lambda d: {}, 'no photo in the upload', False),
    (15, 'web address', lambda d: 'https://example.org/cat.jpg', 'web address', False),
    (15, 'None', lambda d: None, 'NoneType is not a photo', False),
    (15, 'number', lambda d: 5, 'int is not a photo', False),
    (15, 'array of another shape', lambda d: np.zeros((3, 20, 20)), r'transpose\(1,2,0\)', False),
    (15, 'tensor', lambda d: Tensor(np.asarray(PET).transpose(2,0,1)), '', False),
    (18, 'tensor of several', lambda d: Tensor(np.stack([np.asarray(PET).transpose(2,0,1)]*2)), '', True),
    (15, 'photo as text', lambda d: b64encode(JPEG).decode(), 'written as text.*(.|\n)*b64decode', False),
    (15, 'photo as text in bytes', lambda d: b64encode(PNG), 'written as text.*(.|\n)*b64decode', False),
    (15, 'photo in an address', lambda d: 'data:image/png;base64,' + b64encode(PNG).decode(), 'written as text', False),
    (15, 'upload to be awaited', lambda d: Awaited(), '^Reading this upload(.|\n)*await file.read', False),
    (15, 'pattern', lambda d: str(_file('cat.png')(d).parent/'*.png'), r'is a pattern(.|\n)*glob\(', False),
    (15, 'missing file', lambda d: d/'nowhere.jpg', 'There is no file .*nowhere.jpg', False),
    (15, 'empty name', lambda d: '', 'not the name of a file', False),
    (15, 'name with a zero byte', lambda d: 'cat\0.jpg', 'not the name of a file', False),
    (15, 'pipe', _pipe, "pipe.jpg can't be read", False),
    (15, 'folder', _folder(ODD[0], ODD[1]), '', True),
    (15, 'folder of one', _folder(ODD[0]), '', True),
    (15, 'empty folder', lambda d: put(d/'photos'), 'No photos in .*photos', False),
    (15, 'folder with a bad photo', _folder(ODD[0], BAD[2]), f'{BAD[2].file} is not a photo', False),
    (16, 'thin array', lambda d: np.zeros((1, 3000, 3), 'uint8'), 'too small: 3000×1', False),
    (17, 'the same twice', lambda d: [_file('cat.png')(d)]*2, '', True),
    (17, 'the same upload twice', lambda d: upload(('cat.png', PNG), ('cat.png', PNG)), '', True),
    (18, 'list', lambda d: [_file('cat.png')(d), PNG, PET, np.asarray(PET), *upload(('up.png', PNG))], '', True),
    (18, 'list of one', lambda d: [PNG], '', True),
    (18, 'array of pictures', lambda d: np.stack([np.asarray(PET)]*3), '', True),
    (18, 'array of names', lambda d: np.array([str(_file('cat.png')(d))]*2), '', True),
    (18, 'list in a list', lambda d: [[PNG]], 'Photo 1: list is not a photo', False),
    (18, 'list with a folder', lambda d: [PNG, put(d/'photos')], 'Photo 2: .*is a folder', False),
    (18, 'empty list', lambda d: [], '', True),
    (18, 'column of a table', lambda d: Frame([str(_file('cat.png')(d))]*3), '', True),
    (18, 'generator', lambda d: (o for o in [PNG, JPEG]), '', True),
    (18, 'upload of several', lambda d: upload(('a.png', PNG), ('b.jpg', JPEG)), '', True),
    (18, 'upload of several, version 7', lambda d: upload7(('a.png', PNG), ('b.jpg', JPEG)), '', True),
    (18, 'upload with a bad one', lambda d: upload(('a.png', PNG), ('b.jpg', b'a text')), 'b.jpg is not a photo', False),
    (18, 'list with a bad one', lambda d: [PNG, b'a text'], r'Photo 2.*is not a photo(.|\n)*model.stream\(photos\)', False),
    *[(20, f'name {i}', _file(o), '', False) for i,o in enumerate(NAMES)],
    *[(20, f'name of an upload {i}', lambda d, o=o: upload((o, PNG)), '', False) for i,o in enumerate(NAMES+FOREIGN_NAMES)],
    (21, 'a wall', lambda d: np.full((224, 224, 3), 220, 'uint8'), '', False),
]]

CASES = ([Case(o.case, o.name, _file(o.file, o.content), re.escape(o.says), False) for o in BAD if must_fail(o)]
         + [Case(o.case, o.name, _file(o.file, o.content), '', False) for o in ODD] + OTHER)
