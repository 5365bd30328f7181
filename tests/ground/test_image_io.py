"The cases of damaged, foreign and unusual pictures, as a table."
import struct, zlib
from io import BytesIO
from itertools import product
import numpy as np, pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageOps
from petlearn.core import PetLearnError, result_or_error
from petlearn.image_io import MAX_PIXELS, center_square, open_photo, photo_formats
from petlearn.picture_files import jpeg_segments, tiff_pages
from pictures import chunk, matrix_profile, png, tiff
from tiny import tiny_model

def encode(img, fmt, **kw):
    f = BytesIO()
    img.save(f, fmt, **kw)
    return f.getvalue()

rng = np.random.default_rng(0)
SMOOTH = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype='uint8')).resize((80, 60), Image.BICUBIC)
PNG,JPEG = encode(SMOOTH, 'PNG'),encode(SMOOTH, 'JPEG', quality=95)
ENCODED = {o: encode(SMOOTH, o) for o in ('JPEG', 'PNG', 'GIF', 'WEBP', 'TIFF', 'BMP', 'AVIF')}

def same(a, b, off=0):
    "Are two pictures equal, up to `off` per colour?"
    a,b = np.asarray(a).astype(int),np.asarray(b).astype(int)
    return a.shape == b.shape and np.abs(a-b).max() <= off

BAD = [ # name, content, what the message says
    ('empty.jpg', b'', 'is empty (0 bytes)'),
    ('page.jpg', b'<!DOCTYPE html><html>404</html>', 'a web page'),
    ('text.jpg', b'remember to feed the cat', 'a text'),
    ('cut.jpg', JPEG[:len(JPEG)//2], 'damaged or cut short'),
    ('cut.png', PNG[:len(PNG)//2], 'damaged or cut short'),
    ('drawing.svg', b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'an SVG drawing'),
    ('paper.pdf', b'%PDF-1.7 ...', 'a PDF document'),
    ('evil.eps', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9', 'a PostScript drawing'),
    ('film.mp4', b'\x00\x00\x00\x20ftypisom\x00\x00\x02\x00', 'a video'),
    ('phone.heic', b'\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic', "petlearn[heic]"),
    ('docs.jpg', b'PK\x03\x04rest', 'a zip archive'),
    ('noise.jpg', bytes(range(256))*4, 'something else, or damaged'),
    ('dot.png', encode(Image.new('RGB', (1, 1)), 'PNG'), 'too small: 1×1'),
    ('line.png', encode(Image.new('RGB', (3000, 1)), 'PNG'), 'too small: 3000×1'),
    ('column.png', encode(Image.new('RGB', (1, 3000)), 'PNG'), 'too small: 1×3000'),
]

@pytest.mark.parametrize('name,content,says', BAD, ids=[o[0] for o in BAD])
def test_refused_with_a_reason(tmp_path, name, content, says):
    (tmp_path/name).write_bytes(content)
    if 'heic' in name and 'HEIF' in photo_formats(): pytest.skip('the plug-in for iPhone photos is installed')
    for source in (tmp_path/name, content):
        with pytest.raises(PetLearnError) as e: open_photo(source)
        assert says in str(e.value)
    with pytest.raises(PetLearnError, match=name): open_photo(tmp_path/name)

@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
@pytest.mark.parametrize('side', [9_600, 14_000], ids=['92 million', '196 million'])
def test_bombs_are_refused_before_decoding(tmp_path, side, monkeypatch):
    (tmp_path/'bomb.png').write_bytes(encode(Image.new('1', (side, side)), 'PNG'))
    monkeypatch.setattr(Image.Image, 'load', lambda self: pytest.fail('it was decoded'))
    with pytest.raises(PetLearnError, match='too many pixels') as e: open_photo(tmp_path/'bomb.png')
    assert str(MAX_PIXELS//10**6) in str(e.value)

@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(SMOOTH, 'JPEG', exif=exif, quality=95)
    assert same(open_photo(data), ImageOps.exif_transpose(Image.open(BytesIO(data))).convert('RGB'))
    assert same(open_photo(Image.open(BytesIO(data))), open_photo(data))
    assert ('turned' in open_photo(data).info['notes']) == (orientation > 1)

@pytest.mark.parametrize('mode', ['L', '1', 'P', 'CMYK', 'YCbCr', 'HSV'])
def test_modes_are_like_the_rgb_version(mode):
    img = SMOOTH.convert(mode)
    assert same(open_photo(img), img.convert('RGB'))

def test_cmyk_jpeg():
    data = encode(SMOOTH.convert('CMYK'), 'JPEG', quality=95)
    assert same(open_photo(data), Image.open(BytesIO(data)).convert('RGB'))
    assert np.abs(np.asarray(open_photo(data)).astype(int) - np.asarray(SMOOTH)).mean() < 12

@pytest.mark.parametrize('mode', ['RGBA', 'LA'])
def test_transparency_is_put_on_white(mode):
    img = Image.new('RGBA', (20, 20), (200, 0, 0, 0))
    img.paste((0, 0, 200, 255), (0, 0, 10, 20))
    img = img.convert(mode)
    assert open_photo(img).getpixel((15, 10)) == (255, 255, 255)
    assert open_photo(img).getpixel((5, 10)) != (255, 255, 255)
    assert same(open_photo(encode(img, 'PNG')), open_photo(img))

def test_palette_with_transparency():
    img = Image.new('P', (20, 20), 0)
    img.putpalette([255, 0, 0, 0, 0, 255])
    assert open_photo(encode(img, 'PNG', transparency=0)).getpixel((5, 5)) == (255, 255, 255)

def test_sixteen_bits_are_scaled():
    a = np.array([[0, 255, 256, 32768, 65535]*4]*20, dtype='uint16')
    for x in (a, encode(Image.fromarray(a), 'PNG'), Image.fromarray(a), encode(Image.fromarray(a), 'TIFF')):
        assert np.asarray(open_photo(x))[0, :5, 0].tolist() == [0, 1, 1, 128, 255]

ARRAYS = [
    ('fractions', np.linspace(0, 1, 400).reshape(20, 20), (0, 255)),
    ('colours as floats', np.linspace(0, 255, 400).reshape(20, 20), (0, 255)),
    ('beyond', np.linspace(-5, 9000, 400).reshape(20, 20), (0, 255)),
    ('bool', np.eye(20, dtype=bool), (0, 255)),
    ('one channel', np.zeros((20, 20, 1), 'uint8'), (0, 0)),
    ('flat', np.full((20, 20), 7.), (7, 7)),
]

@pytest.mark.parametrize('name,a,ends', ARRAYS, ids=[o[0] for o in ARRAYS])
def test_arrays(name, a, ends):
    b = np.asarray(open_photo(a))
    assert b.shape == (20, 20, 3) and (b.min(), b.max()) == ends

@pytest.mark.parametrize('a', [np.zeros((3, 20, 20)), np.zeros(5), np.zeros((20, 20, 7)), np.zeros((0, 0)), np.full((20, 20), np.nan)])
def test_arrays_that_are_no_pictures(a):
    with pytest.raises(PetLearnError): open_photo(a)

def test_float_tiff():
    img = Image.fromarray(np.linspace(0, 1, 400).reshape(20, 20).astype('float32'))
    assert np.asarray(open_photo(encode(img, 'TIFF'))).max() == 255

@pytest.mark.parametrize('fmt', ['GIF', 'WEBP', 'PNG'])
def test_animations_give_their_first_frame(fmt):
    frames = [Image.new('RGB', (20, 20), o) for o in ('red', 'lime')]
    data = encode(frames[0], fmt, save_all=True, append_images=frames[1:], **({'lossless': True} if fmt == 'WEBP' else {}))
    img = open_photo(data)
    assert img.getpixel((5, 5)) == (255, 0, 0)
    assert img.info['notes'] == {'animated': 'first of 2 frames'}

def test_wrong_suffix_works_and_is_noted(tmp_path):
    (tmp_path/'cat.jpg').write_bytes(PNG)
    img = open_photo(tmp_path/'cat.jpg')
    assert same(img, SMOOTH) and img.info['notes'] == {'wrong name': 'a PNG file named .jpg'}
    (tmp_path/'cat.png').write_bytes(PNG)
    assert open_photo(tmp_path/'cat.png').info['notes'] == {}

def test_all_sources_give_the_same_pixels(tmp_path):
    path = tmp_path/'a.png'
    path.write_bytes(PNG)
    with open(path, 'rb') as f: opened = open_photo(f)
    sources = [path, str(path), PNG, bytearray(PNG), memoryview(PNG), BytesIO(PNG), Image.open(path), np.asarray(SMOOTH)]
    for o in [opened, *map(open_photo, sources)]: assert same(o, SMOOTH)

def test_the_given_picture_is_left_alone():
    img = SMOOTH.copy()
    out = open_photo(img)
    out.putpixel((0, 0), (1, 2, 3))
    assert same(img, SMOOTH)

@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(fmt=st.sampled_from(['JPEG', 'PNG', 'GIF', 'WEBP', 'TIFF', 'BMP', 'AVIF']), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
       keep=st.floats(.05, 1))
def test_damaged_bytes_give_a_picture_or_a_sentence(fmt, flips, keep):
    data = bytearray(ENCODED[fmt])
    for where,value in flips: data[int(where*(len(data)-1))] = value
    try: img = open_photo(bytes(data[:max(int(len(data)*keep), 1)]))
    except PetLearnError: return
    assert img.mode == 'RGB' and min(img.size) >= 8

@pytest.mark.parametrize('tag', [0, 9, 99])
def test_foreign_orientation_tags_turn_nothing(tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    img = open_photo(encode(SMOOTH, 'JPEG', exif=exif))
    assert img.size == SMOOTH.size and img.info['notes'] == {}

@pytest.mark.parametrize('fmt', ['PNG', 'WEBP', 'JPEG'])
def test_a_damaged_tag_does_not_spoil_the_pixels(fmt):
    assert open_photo(encode(SMOOTH, fmt, exif=b'Exif\0\0garbage that is no tag')).size == SMOOTH.size

@pytest.mark.parametrize('a', [np.array([['a']*9]*9), np.zeros((9, 9), complex), np.zeros((9, 9), 'datetime64[s]'), np.full((9, 9), None)])
def test_arrays_without_numbers(a):
    with pytest.raises(PetLearnError, match='not a picture'): open_photo(a)

@pytest.mark.parametrize('x,says', [('file:///etc/a.jpg', 'web address'), ('data:image/png;base64,AA', 'written as text'), ('', 'not the name'), (None, 'NoneType'), (3, 'int'), ('https://example.org/a.jpg', 'web address'), ('.', 'is a folder'), ('nowhere.jpg', 'There is no file')])
def test_what_is_no_photo(x, says):
    with pytest.raises(PetLearnError, match=says): open_photo(x)

def test_a_jpeg_of_very_many_passes():
    "A bomb of few pixels: its last pass is repeated, as nobody but an attacker would."
    data = encode(SMOOTH, 'JPEG', progressive=True)
    last = data.rindex(b'\xff\xda')
    bomb = data[:last] + data[last:-2]*200 + data[-2:]
    with pytest.raises(PetLearnError, match='passes') as e: open_photo(bomb)
    assert e.value.kind == 'oversized' and open_photo(data).size == SMOOTH.size

def test_many_pixels_of_16_bits_take_little_memory():
    import tracemalloc
    data = encode(Image.fromarray(np.arange(4000*3000, dtype=np.uint16).reshape(3000, 4000)), 'PNG')
    tracemalloc.start()
    try: img = open_photo(data)
    finally: peak = tracemalloc.get_traced_memory()[1]; tracemalloc.stop()
    assert img.size == (4000, 3000) and peak < 4000*3000*6

# --- kinds of files × both sides: the right pixels, or the right reason -------------------------------------------

A = np.random.default_rng(1).random((24, 40, 6)) # from 0 to 1
A[0,:2] = [[0], [1]]
DAMAGED,UNSUPPORTED = 'damaged','unsupported'

def as_numbers(a, kind, bits):
    "Fractions as the whole numbers, or floats, of a file."
    if kind == 'f': return a.astype({16: 'f2', 32: 'f4', 64: 'f8'}[bits])
    full = 2.**(bits - (kind == 'i')) - 1
    return (a*full).round().clip(0, full if bits < 64 else 2.**63).astype(f'{kind}{max(1 << (bits-1).bit_length(), 8)//8}')

def shown(a, meaning, extra=()):
    "How the bands of `a` look, from 0 to 255."
    c = a[...,:1].repeat(3, 2) if meaning < 2 else a[...,:3]
    if meaning == 0: c = 1 - c
    if meaning == 5: c = (1 - a[...,:3])*(1 - a[...,3:4])
    if extra == (2,): c = c*a[...,-1:] + 1 - a[...,-1:]
    return c*255

@pytest.fixture(scope='module')
def side(tmp_path_factory):
    "What each side makes of a file: the kit, when a small picture is enough, and the portable model."
    from petlearn import lite
    model = lite.load(tiny_model(tmp_path_factory.mktemp('tiny')/'model'))
    return dict(kit=open_photo, small=lambda o: open_photo(o, 8), lite=model.predict)

def outcome(side, data):
    "The picture of the kit, or the kind of its error; all sides agree."
    found = {k: result_or_error(f, data) for k,f in side.items()}
    if isinstance(found['kit'], PetLearnError):
        assert {k: str(o) for k,o in found.items()} == dict.fromkeys(found, str(found['kit']))
        return found['kit'].kind
    assert same(found['lite'].photo, center_square(data, 32))
    return found['kit']

def check_pixels(img, expected, off=2, say=''):
    assert not isinstance(img, str), (say, img)
    got = np.asarray(img).astype(float)
    assert got.shape == expected.shape and np.abs(got - expected).max() <= off, say

LAYOUTS = [dict(order=o, **k) for o in '<>' for k in (dict(), dict(deflate=True), dict(tile=16), dict(planes=True), dict(planes=True, deflate=True))] + [dict(big=True), dict(tile=16, deflate=True)]
BANDS = [(0, 1, ()), (1, 1, ()), (1, 2, (2,)), (1, 2, (0,)), (2, 3, ()), (2, 4, (2,)), (2, 4, (0,)), (2, 5, (0, 0)), (2, 6, (0, 0, 0)), (5, 4, ()), (5, 5, (2,))]
NUMBERS = [('u', o) for o in (1, 2, 4, 8, 10, 12, 14, 16, 32, 64)] + [('i', 8), ('i', 16), ('i', 32), ('f', 16), ('f', 32), ('f', 64)]

def test_tiffs_have_the_right_pixels_or_the_right_reason():
    "1,600 ways to write the same pixels: never others, and never damage where there is none."
    opened = set()
    for (meaning,bands,extra),(kind,bits),layout in product(BANDS, NUMBERS, LAYOUTS):
        if bands == 1 and layout.get('planes'): continue
        a = A[...,:bands]
        img = result_or_error(open_photo, tiff(as_numbers(a, kind, bits), meaning, bits, extra=extra, **layout))
        name = meaning,bands,extra,kind,bits,str(layout)
        if isinstance(img, PetLearnError):
            assert img.kind == UNSUPPORTED and f'{bits} bits' in img.what, (name, img)
            continue
        opened.add((meaning, bands, extra, kind, bits, str(layout)))
        check_pixels(img, shown(a, meaning, extra), {1: 128, 2: 43, 4: 9}.get(bits, 2.5), name)
    plain = {o[:5] for o in opened if o[5] == "{'order': '<'}"}
    assert plain >= {(1, 1, (), 'u', o) for o in (1, 2, 4, 8, 12, 16, 32)} | {(m, n, e, 'u', o) for m,n,e in BANDS[4:7] + [BANDS[9]] for o in (8, 16)}
    assert plain >= {(0, 1, (), 'u', 8), (1, 2, (2,), 'u', 8), (1, 1, (), 'f', 32), (2, 5, (0, 0), 'u', 8)} and len(opened) > 220

COLOURS = (A[...,:3]*255).astype('u1')
_T = Image.Transpose
TURNS = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE, 6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}

TIFFS = [ # what it is, the file, what comes of it
    ('big-endian BigTIFF', tiff(COLOURS, 2, order='>', big=True), UNSUPPORTED),
    ("a camera's raw photo", tiff(COLOURS, 2, tags={254: (4, [1]), 330: (4, [8])}), UNSUPPORTED),
    ('only a preview', tiff(COLOURS, 2, tags={254: (4, [1])}), COLOURS),
    ('unknown compression', tiff(COLOURS, 2, tags={259: (3, [33005])}), UNSUPPORTED),
    ('raw sensor data', tiff((A[...,:1]*65535).astype('u2'), 32803), UNSUPPORTED),
    ('YCbCr with fewer colours', tiff(COLOURS, 6), UNSUPPORTED),
    ('cut', tiff(COLOURS, 2)[:-900], DAMAGED),
    ('cut, packed', tiff(COLOURS, 2, deflate=True)[:-900], DAMAGED),
    ('cut, of a kind that is not known', tiff(A[...,:3].astype('f4'), 2)[:-900], DAMAGED),
    ('no page', b'II*\0' + bytes(40), DAMAGED)]

def test_odd_tiffs(side):
    for name,data,expected in TIFFS:
        if isinstance(expected, str): assert outcome(side, data) == expected, name
        else: check_pixels(outcome(side, data), expected, 1, name)
    far = tiff(COLOURS, 2, big=True).replace(struct.pack('<QQQ', 16, 0, 0)[:8], b'\xff'*8, 1) # the page lies behind the end of every disk
    assert outcome(side, far) == DAMAGED
    with pytest.raises(PetLearnError, match=r'a kind of TIFF that can.t be opened here \(float, 32 bits, 3 bands\)') as e: open_photo(tiff(A[...,:3].astype('f4'), 2))
    assert 'PNG' in e.value.fix

def test_pages_of_a_tiff():
    a = COLOURS
    for n,notes in ((1, {}), (5, {'pages': 'first of 5 pages'})): assert open_photo(tiff(a, 2, pages=n)).info['notes'] == notes
    small,large = Image.fromarray(a[:12,:20]),Image.fromarray(a)
    data = encode(small, 'TIFF', save_all=True, append_images=[large], tiffinfo={254: 1})
    at = data.rindex(struct.pack('<HHI', 254, 4, 1)) + 8
    data = data[:at] + bytes(4) + data[at+4:]
    assert [o.get(254, 1) for o in tiff_pages(BytesIO(data))] == [1, 0] # a preview comes first
    assert open_photo(data).size == large.size and not open_photo(data).info['notes']
    assert len(list(tiff_pages(BytesIO(tiff(a, 2, pages=1500))))) == 1000

PNGS = [(0, 1, o) for o in (1, 2, 4, 8, 16)] + [(2, 3, 8), (2, 3, 16), (4, 2, 8), (4, 2, 16), (6, 4, 8), (6, 4, 16)] # kind, bands, bits

def test_pngs_of_all_kinds(side):
    for (kind,bands,bits),interlaced in product(PNGS, (False, True)):
        a = as_numbers(A[...,:bands], 'u', bits)
        expected = shown(a/(2.**bits - 1), 1 if kind in (0, 4) else 2, (2,) if kind in (4, 6) else ())
        check_pixels(outcome(side, png(a, kind, bits, interlaced)), expected, 2.5, (kind, bits, interlaced))
    colours = np.random.default_rng(2).integers(0, 256, (256, 3), 'uint8')
    for bits in (1, 2, 4, 8):
        a = as_numbers(A[...,:1], 'u', bits)
        for alpha in (b'', bytes([0])): # the first colour is transparent
            table = colours[:2**bits]
            data = png(a, 3, bits, more=chunk(b'PLTE', table.tobytes()) + (chunk(b'tRNS', alpha) if alpha else b''))
            expected = np.where((a == 0) & bool(alpha), 255, table[a[...,0]])
            check_pixels(outcome(side, data), expected, 0, (bits, alpha))

def test_fewer_bits_than_the_file_has(side):
    "Scaled by what is there, and said; grey and in colour, PNG and TIFF."
    for bits in (8, 10, 12, 14, 16):
        for bands,kind,meaning in ((1, 0, 1), (3, 2, 2), (4, 6, 2)):
            a = (A[...,:bands]*(2**bits - 1)).round().astype('u2')
            if bands == 4: a[...,3] = 65535
            files = [png(a, kind, 16)] + [tiff(a, meaning, order=o, extra=(2,)*(bands == 4), deflate=z) for o in '<>' for z in (False, True)]
            for i,data in enumerate(files):
                img = outcome(side, data)
                check_pixels(img, shown(A[...,:min(bands, 3)], meaning), 1, (bits, bands, i))
                assert img.info['notes'] == ({} if bits == 16 else {'levels': f'{bits} of 16 bits are used: {2**bits - 1:,} is white'}), (bits, bands, i)
    assert open_photo(tiff(as_numbers(A[...,:1]/9, 'u', 12), 1, 12)).getextrema()[0][1] in (28, 29) # the file says 12 bits: a dark picture stays dark
    black = np.zeros((20, 20, 1), 'u2')
    assert open_photo(png(black, 0, 16)).info['notes'] == {} and not np.asarray(open_photo(png(black, 0, 16))).any()

VIDEO = rng.bytes(200_000)
MP4 = b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom' + VIDEO
SAMSUNG = b'\0\0\x08\x0a\x0e\0\0\0Image_UTC_Data' + VIDEO + b'SEFT'
WHOLE = encode(SMOOTH, 'JPEG', quality=90),encode(SMOOTH, 'JPEG', quality=90, progressive=True),encode(SMOOTH.convert('L'), 'JPEG'),encode(SMOOTH.convert('CMYK'), 'JPEG')

def test_jpegs_with_something_behind_or_without_end(side):
    for data in WHOLE:
        expected = np.asarray(Image.open(BytesIO(data)).convert('RGB'))
        for behind in (MP4, SAMSUNG, VIDEO, bytes(4096), b'\n', b'<script>1</script>', b'\xff\xd9', b'\xff\xda'*500):
            img = outcome(side, data + behind)
            check_pixels(img, expected, 0)
            assert img.info['notes'] == {}
        for behind in (b'', b'\xff', MP4, SAMSUNG, bytes(4096)):
            img = outcome(side, data[:-2] + behind)
            check_pixels(img, expected, 0)
            assert list(img.info['notes']) == ['no end']

def test_jpegs_that_are_cut_are_damaged(side):
    for data in WHOLE:
        scans = [o.start - 2 for o in jpeg_segments(data) if o.marker == 0xda]
        for cut in [*scans, *np.linspace(scans[0], len(data) - 5, 12).astype(int)]:
            for behind in (b'', bytes(4096), SAMSUNG, MP4): assert outcome(side, data[:cut] + behind) == DAMAGED, (cut, behind[:9])

JPEGS = [(0xc1, 12, '12 bits'), (0xc3, 8, 'lossless'), (0xc5, 8, 'hierarchical'), (0xcb, 8, 'lossless'), (0xf7, 8, 'JPEG-LS'), (0xc9, 12, 'arithmetic coding, 12 bits')] # marker, bits

def test_jpegs_of_unusual_kinds(side):
    at = WHOLE[0].index(b'\xff\xc0')
    for marker,bits,says in JPEGS:
        data = WHOLE[0][:at+1] + bytes([marker]) + WHOLE[0][at+2:at+4] + bytes([bits]) + WHOLE[0][at+5:]
        assert outcome(side, data) == UNSUPPORTED
        with pytest.raises(PetLearnError, match=f'a kind of JPEG .*{says}'): open_photo(data)

def test_two_pictures_in_a_jpeg(side):
    "A photo with a map of its brightness (Ultra HDR), or of a 3D camera."
    for options in ({}, {'progressive': True}):
        data = encode(SMOOTH, 'MPO', save_all=True, append_images=[SMOOTH.resize((20, 15))], **options)
        check_pixels(outcome(side, data), np.asarray(Image.open(BytesIO(data)).convert('RGB')), 0)

def test_texts_and_checksums_beside_the_pixels(side):
    a = COLOURS
    texts = [chunk(b'zTXt', b'workflow\0\0' + zlib.compress(bytes(3_000_000))), chunk(b'tEXt', b'parameters\0' + b'x'*3_000_000), chunk(b'iTXt', b'XML:com.adobe.xmp\0\1\0\0\0' + zlib.compress(b'<li>layer</li>'*200_000))]
    texts += [chunk(o, b'12345678', wrong=1) for o in (b'tEXt', b'tIME', b'gAMA', b'pHYs', b'abCd')] + [chunk(o, b'abc') for o in (b'gAMA', b'pHYs', b'cHRM')]
    for o in texts: check_pixels(outcome(side, png(a, 2, more=o)), a, 0, o[:8])
    profiles = chunk(b'iCCP', b'mine\0\0' + zlib.compress(rng.bytes(1000)*1200)),chunk(b'iCCP', b'mine\0\0' + zlib.compress(rng.bytes(1000)))
    for o in profiles: assert list(open_photo(png(a, 2, more=o)).info['notes']) == ['profile'] and same(open_photo(png(a, 2, more=o)), a)
    for cut in np.linspace(40, len(png(a, 2)) - 40, 9).astype(int): assert outcome(side, png(a, 2, more=texts[0])[:len(texts[0]) + cut]) == DAMAGED

def test_nothing_but_transparent_pixels(side):
    "The colours behind are used if they are a picture, and it is said; a blank one is white."
    a = np.dstack([(A[...,:3]*255).astype('u1'), np.zeros((24, 40), 'u1')])
    for data in (png(a, 6), tiff(a, 2, extra=(2,)), encode(Image.fromarray(a), 'WEBP', lossless=True, exact=True)):
        img = outcome(side, data)
        check_pixels(img, a[...,:3], 0)
        assert list(img.info['notes']) == ['transparent']
    blank = np.full_like(a, [200, 0, 0, 0])
    assert np.asarray(open_photo(png(blank, 6))).min() == 255 and open_photo(png(blank, 6)).info['notes'] == {}
    a[0,0,3] = 1
    assert np.asarray(outcome(side, png(a, 6)))[1:].min() == 255

def test_colour_profiles():
    "Brought into the usual colours, in each container; a linear profile with the primaries of sRGB is known exactly."
    x = np.arange(256)/255
    curve = np.where(x <= .0031308, 12.92*x, 1.055*x**(1/2.4) - .055)*255
    a = np.random.default_rng(3).integers(0, 256, (24, 40, 3), 'uint8')
    for form,options in (('PNG', {}), ('TIFF', {}), ('WEBP', dict(lossless=True))):
        img = open_photo(encode(Image.fromarray(a), form, icc_profile=matrix_profile(1), **options))
        assert np.abs(np.asarray(img) - curve[a]).max() < 4 and img.info['notes'] == {}, form
    wide = matrix_profile(1.8, (.7977, .288, 0), (.1352, .7119, 0), (.0313, .0001, .8249))
    red = Image.new('RGB', (20, 20), (150, 60, 60))
    for form in ('PNG', 'JPEG', 'TIFF', 'WEBP', 'AVIF'):
        r,g,b = open_photo(encode(red, form, icc_profile=wide, quality=95)).getpixel((9, 9))
        assert r > 190 and g < 90 and b < 90, form # the same numbers are a stronger red there
    grey = encode(red.convert('L'), 'PNG', icc_profile=wide)
    assert list(open_photo(grey).info['notes']) == ['profile']

@pytest.mark.parametrize('form', ['PNG', 'WEBP', 'TIFF', 'AVIF', 'JPEG', 'MPO'])
def test_orientation_in_each_container(form):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(SMOOTH, form, exif=exif, quality=95, lossless=True)
        turned = SMOOTH if orientation == 1 else SMOOTH.transpose(TURNS[orientation])
        img = open_photo(data)
        assert img.size == turned.size and np.abs(np.asarray(img).astype(int) - np.asarray(turned)).mean() < 6, orientation
        assert ('turned' in img.info['notes']) == (orientation > 1), orientation

NAMED = [(b'\0\0\0\x0cjP  \r\n\x87\n', 'JPEG 2000'), (b'\xff\x4f\xff\x51\0', 'JPEG 2000'), (b'\xff\x0a\0\0', 'JPEG XL'), (b'8BPS\0\1', 'Photoshop'), (bytes(128) + b'DICM', 'DICOM'), (b'P6\n9 9\n255\n', 'PNM'),
         (b'\0\0\0\x18ftypcrx \0', "camera's raw"), (b'FUJIFILMCCD-RAW ', "camera's raw"), (b'v/1\x01\2\0', 'OpenEXR'), (b'\0\0\1\0\1\0', 'icon')]

def test_other_pictures_are_named(side):
    for data,says in NAMED:
        assert outcome(side, data + bytes(200)) == 'not a photo'
        with pytest.raises(PetLearnError, match=says): open_photo(data + bytes(200))
    jpeg_in_bmp = b'BM' + struct.pack('<IHHIIIIHHIIIIII', 900, 0, 0, 54, 40, 40, 24, 1, 0, 4, 800, 0, 0, 0, 0) + bytes(846)
    assert outcome(side, jpeg_in_bmp) == UNSUPPORTED

def test_webp_without_its_last_zero(side):
    sizes = [(o, encode(Image.fromarray(COLOURS[:o]), 'WEBP', lossless=True)) for o in range(9, 24)]
    rows,odd = next((n, o) for n,o in sizes if o[16] % 2) # a chunk of odd length is filled up
    img = outcome(side, odd[:-1])
    check_pixels(img, COLOURS[:rows], 0)
    assert list(img.info['notes']) == ['no end']
    even = next(o for _,o in sizes if not o[16] % 2)
    for data in (even[:-1], odd[:-2], odd[:len(odd)//2]): assert outcome(side, data) == DAMAGED
