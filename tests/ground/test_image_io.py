"The cases of damaged, foreign and unusual pictures, as a table."
from io import BytesIO
import numpy as np, pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageOps
from petlearn.core import PetLearnError
from petlearn.image_io import MAX_PIXELS, open_photo, photo_formats

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
