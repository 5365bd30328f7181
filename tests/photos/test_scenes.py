"Photos of a camera that doesn't move are no copies of one another, and real copies among them are found."
import numpy as np, pytest
from PIL import Image
from petlearn.core import PetLearnError
from petlearn.photos.copies import SIDE, inspect_photo, near_copies
from petlearn.photos.drawings import draw_pet
from petlearn.photos.scenes import MAX_VISIBLE, in_fixed_scene, scene_candidates, scene_copies, visible_difference
from scenes import COPIES, SCENES

def seen(pictures): return np.stack([inspect_photo(o)['grey'] for o in pictures])
def pairs_of(pictures):
    pairs = near_copies(seen(pictures), lambda i: pictures[i])
    return set(zip(pairs.a, pairs.b))

@pytest.mark.slow
@pytest.mark.parametrize('name', SCENES)
def test_no_photo_of_a_fixed_camera_is_a_copy(name):
    pictures = [o for _,o in SCENES[name](150 if name == 'digits' else 40)]
    assert in_fixed_scene(seen(pictures)).all() and pairs_of(pictures) == set()

@pytest.mark.slow
@pytest.mark.parametrize('name,least', dict(conveyor=16, forms=18, screens=20, digits=18, gauges=16).items())
def test_copies_in_a_fixed_scene(name, least):
    "Twenty photos are there once more: smaller, saved again, mirrored or lighter."
    pictures,changes = [o for _,o in SCENES[name](60)],list(COPIES.values())
    source = np.random.default_rng(5).permutation(60)[:20]
    pairs = pairs_of([*pictures, *(changes[i % 4](pictures[k].convert('RGB')) for i,k in enumerate(source))])
    right = {(k, 60+i) for i,k in enumerate(source)}
    assert len(pairs & right) >= least and len(pairs - right) <= 3

def test_what_is_no_fixed_scene():
    pets = [draw_pet(('Siamese', 'pug')[i % 2], i) for i in range(24)]
    few = [o for _,o in SCENES['conveyor'](5)]
    assert not in_fixed_scene(seen(pets)).any() and not in_fixed_scene(seen(few)).any()
    assert not in_fixed_scene(np.zeros((0, SIDE, SIDE), np.uint8)).any() and not in_fixed_scene(np.zeros((30, SIDE, SIDE), np.uint8)).any()
    burst = [COPIES['recompressed'](pets[0].resize((300+i, 300))) for i in range(4)]
    assert not in_fixed_scene(seen([*pets, *burst])).any(), 'a few photos of one thing are no scene'

def test_the_place_that_differs_most_decides():
    one = seen([SCENES['conveyor'](1)[0][1]])[0]
    scratched = one.copy()
    scratched[30:33,25:35] = 20
    assert visible_difference(one, one) < .01 and visible_difference(one//2 + 40, one) < .05
    assert visible_difference(scratched, one) > MAX_VISIBLE and visible_difference(one, scratched) > MAX_VISIBLE
    flat = np.full((SIDE, SIDE), 7, np.uint8)
    assert visible_difference(flat, flat) == 0

def test_photos_that_are_gone_are_no_copies():
    pictures = [o for _,o in SCENES['fixture'](12)]
    grey = seen(pictures)
    def gone(i): raise PetLearnError('It is gone.')
    assert len(scene_copies(grey[:1])) == len(scene_copies(grey, gone)) == 0
    table = scene_candidates(grey)
    assert (table.a != table.b).all() and table.score.is_monotonic_decreasing
