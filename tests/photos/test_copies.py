"Copies of a photo, byte for byte or near: each kind of change is found, and different photos are not."
import shutil
from io import BytesIO
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageEnhance, ImageOps
from petlearn.core import PetLearnError
from petlearn.photos.copies import (MAX_DIFFERENCE, NOTES, SIDE, best_match, complete_groups, connected_components, copy_groups, detail_difference, duplicate_pairs,
    fingerprints, inspect_all, inspect_photo, near_copies)
from petlearn.photos.drawings import draw_pet

@pytest.fixture(scope='module')
def photos(pets_folder):
    "Eight cats and eight dogs, all different."
    files = sorted(pets_folder.glob('*.jpg'))
    some = [o for o in files if o.name[0].isupper()][:8] + [o for o in files if not o.name[0].isupper()][:8]
    return [Image.open(o).convert('RGB') for o in some]

def again(img, **kwargs):
    img.save(f := BytesIO(), 'JPEG', **({'quality': 92} | kwargs))
    return Image.open(BytesIO(f.getvalue()))

def cut(left, top, width=.9, height=.9):
    return lambda o: o.crop((round(left*o.width), round(top*o.height), round((left+width)*o.width), round((top+height)*o.height)))

CHANGES = dict(resized=lambda o: o.resize([round(s*.6) for s in o.size]), recompressed=lambda o: again(o, quality=60), mirrored=ImageOps.mirror,
               lightened=lambda o: ImageEnhance.Brightness(o).enhance(1.15), top_left=cut(0, 0), top_right=cut(.1, 0), bottom_left=cut(0, .1),
               bottom_right=cut(.1, .1), middle=cut(.05, .05))

def pairs_of(pictures): return near_copies(np.stack([inspect_photo(o)['grey'] for o in pictures]))
def found(pairs): return list(zip(pairs.a, pairs.b))

@pytest.mark.parametrize('how', CHANGES)
def test_near_copies_of_each_kind(photos, how):
    pairs = pairs_of([*photos, *(again(CHANGES[how](o)) for o in photos)])
    assert found(pairs) == [(i, i+16) for i in range(16)]
    assert all(('mirrored' in o) == (how == 'mirrored') for o in pairs.how) and pairs.agreement.min() > .94

def test_cut_at_one_edge_and_mirrored(photos):
    "The shape changes: each edge of the crop must move alone."
    edges = [cut(.1, 0, .9, 1), cut(0, 0, .9, 1), cut(0, .1, 1, .9), cut(0, 0, 1, .9)]
    pairs = pairs_of([*photos, *(again(ImageOps.mirror(edges[i%4](o))) for i,o in enumerate(photos))])
    right = {(i, i+16) for i in range(16)}
    assert set(found(pairs)) <= right and len(pairs) >= 14

@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=6, max_size=6, unique=True))
def test_different_pictures_are_no_copies(seeds):
    assert len(pairs_of([draw_pet(('Siamese', 'pug')[o % 2], o) for o in seeds])) == 0

@pytest.mark.parametrize('side,colour,at,size', [((400, 400), 'white', (135, 135), (130, 130)), ((270, 480), 'black', (0, 139), (270, 202))],
                         ids=['on white', 'black bars'])
def test_the_same_border_makes_no_copies(photos, side, colour, at, size):
    def place(photo):
        img = Image.new('RGB', side, colour)
        img.paste(photo.resize(size), at)
        return img
    assert len(pairs_of(map(place, photos[:12]))) == 0
    assert found(pairs_of([place(photos[0]), again(place(photos[0]), quality=60), place(photos[1])])) == [(0, 1)]
    one,other = (inspect_photo(place(o))['grey'] for o in photos[:2])
    assert detail_difference(one, one) == 0 and detail_difference(one, other) > MAX_DIFFERENCE

def test_flat_pictures_are_no_near_copies():
    noise = np.random.default_rng(0)
    assert len(pairs_of([Image.new('RGB', (90+i, 80), 'black') for i in range(6)])) == 0
    assert len(pairs_of([Image.fromarray(noise.integers(0, 6, (100, 100, 3)).astype('uint8')) for _ in range(6)])) == 0
    assert len(near_copies(np.zeros((0, SIDE, SIDE), np.uint8))) == 0

def test_agreement_is_one_with_itself(photos):
    grey = inspect_photo(photos[0])['grey']
    for match in (best_match(grey, grey), best_match(grey, grey[:,::-1], mirrored=True)): assert match.agreement == pytest.approx(1, abs=1e-5)

def test_what_is_seen_of_a_photo(photos):
    turned = Image.Exif()
    turned[0x0112] = 6
    o = inspect_photo(again(photos[0], exif=turned))
    assert (o['width'], o['height']) == photos[0].size and o['format'] == b'JPEG' and o['notes'] == 1 << NOTES.index('turned') and o['grey'].shape == (SIDE, SIDE)
    assert np.isnan(inspect_photo(photos[0].resize((40, 40)))['detail']), 'too small to tell'
    assert inspect_photo(photos[0])['detail'] > inspect_photo(photos[0].resize((80, 80)).resize(photos[0].size))['detail']

def test_inspections_are_kept_and_errors_do_not_stop_the_others(tmp_path, photos, monkeypatch):
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    files = [tmp_path/f'{i}.png' for i in range(3)]
    for o,img in zip(files, photos): img.save(o)
    files[1].write_bytes(b'no photo')
    shas = fingerprints([*files, tmp_path/'gone.png'])
    assert isinstance(shas.pop(), PetLearnError)
    first = inspect_all(files, shas)
    assert list(first.errors) == [1] and first.errors[1].kind == 'not a photo' and first.records['width'][1] == 0
    monkeypatch.setattr('petlearn.photos.copies.inspect_photo', lambda x: pytest.fail('it was opened again'))
    second = inspect_all(files[::2], shas[::2])
    assert not second.errors and (second.records == first.records[::2]).all()

def test_groups_connect_over_others(tmp_path, photos):
    img,names = photos[0],['a.png', 'b.png', 'c.png', 'd.png', 'bad.jpg', 'bad too.jpg', 'e.png']
    files = [tmp_path/o for o in names]
    for i,o in {0: img, 1: again(img, quality=60), 3: photos[1], 6: ImageOps.mirror(img)}.items(): o.save(files[i])
    shutil.copy(files[1], files[2])
    for o in files[4:6]: o.write_bytes(b'bad')
    assert copy_groups(files, fingerprints(files)) == [0, 0, 0, 3, 4, 4, 0] and copy_groups([], []) == []
    assert duplicate_pairs('abca') == [(0, 0), (1, 1), (2, 2), (0, 3)]
    assert connected_components(6, [(4, 5), (1, 4), (0, 2)]) == [0, 1, 0, 3, 1, 1] and connected_components(2, []) == [0, 1]

def test_complete_groups_cut_a_chain():
    chain = [(i, i+1) for i in range(9)]
    assert connected_components(10, chain) == [0]*10 and complete_groups(10, chain) == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    everyone = [(a, b) for b in range(5) for a in range(b)]
    assert complete_groups(6, everyone) == [0]*5 + [5] and complete_groups(2, []) == [0, 1]
    assert complete_groups(3, [(1, 2), (0, 1)]) == [0, 1, 1], 'the best pair comes first'
