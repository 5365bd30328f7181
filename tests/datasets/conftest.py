"What the tests of data sets share."
import pytest

@pytest.fixture(scope='session')
def small_pets(tmp_path_factory):
    "24 small drawn pets, in folders named after their labels."
    from petlearn.datasets.labels import cat_or_dog
    from petlearn.image_io import open_photo
    from petlearn.photos.drawings import draw_pets
    from petlearn.photos.finding import find_photos
    folder = tmp_path_factory.mktemp('small')
    for o in find_photos(draw_pets(folder/'large', 24)):
        (folder/'pets'/cat_or_dog(o)).mkdir(parents=True, exist_ok=True)
        open_photo(o).resize((64, 48)).save(folder/'pets'/cat_or_dog(o)/o.name, quality=92)
    return folder/'pets'
