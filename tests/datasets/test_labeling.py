"Which rule fits some photos, a label for each of them, and tables and grids to look at."
import os
from pathlib import Path
import matplotlib.pyplot as plt
import pytest
from petlearn.core import PetLearnError
from petlearn.datasets.labeling import guess_labeler, label_photos, label_table, read_labels, show_labels
from petlearn.datasets.labels import by_folder, labeler_name

def write(folder, name, data=b''):
    "Write `data` to the file `name` below `folder`."
    path = folder/name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path

def many(folder, *names): return [write(folder, o) for o in names]

# guessing

LOOSE = ['IMG.jpg', 'DSC.jpg']

GUESSES = [ # names, rows in labels.csv, texts beside, rule
    (LOOSE, LOOSE, [], "by_csv('labels.csv')"), (LOOSE, LOOSE, LOOSE, "by_csv('labels.csv')"), (LOOSE, [], LOOSE, 'by_sidecar'), (LOOSE, LOOSE[:1], LOOSE[1:], 'by_sidecar'),
    (['IMG_1.jpg', 'IMG_2.jpg'], [], ['IMG_1.jpg', 'IMG_2.jpg'], 'by_sidecar'), (['rose_1.jpg', 'tulip_1.jpg'], ['rose_1.jpg', 'tulip_1.jpg'], [], "by_csv('labels.csv')"),
    (['rose_1.jpg', 'tulip_1.jpg'], [], ['rose_1.jpg'], 'by_regex'), (['cat.1.jpg', 'dog.1.jpg'], ['cat.1.jpg', 'dog.1.jpg'], ['cat.1.jpg', 'dog.1.jpg'], 'by_regex'),
    (['a/1.jpg', 'b/1.jpg'], [], ['a/1.jpg', 'b/1.jpg'], 'by_folder'), (['cat.1.jpg', 'dog.1.jpg', 'IMG.jpg'], ['IMG.jpg'], [], 'by_regex'),
    (['Birman_1.jpg', 'pug_1.jpg', 'IMG.jpg'], ['IMG.jpg'], [], 'cat_or_dog'), (['birman_1.jpg', 'pug_1.jpg'], ['birman_1.jpg', 'pug_1.jpg'], [], "by_csv('labels.csv')"),
    (['birman_1.jpg', 'Persian_2.jpg', 'pug_1.jpg'], ['birman_1.jpg'], [], 'cat_or_dog'),
]

def test_guesses(tmp_path):
    for i,(names,rows,beside,rule) in enumerate(GUESSES):
        folder = tmp_path/str(i)
        photos = many(folder, *names)
        if rows: write(folder, 'labels.csv', 'file,label\n' + ''.join(f'{o},l{i}\n' for i,o in enumerate(rows)))
        for o in beside: write(folder, Path(o).with_suffix('.txt'), 'word')
        assert labeler_name(guess_labeler(photos)).startswith(rule), (names, rule)
        assert len(label_photos(folder)) == len(photos)

def test_bad_sidecars_are_explained(tmp_path):
    photos = many(tmp_path, *LOOSE)
    for o in photos: write(tmp_path, o.with_suffix('.txt').name, '0 .5 .5\n1 .2 .2')
    for f in (guess_labeler, label_table):
        with pytest.raises(PetLearnError, match='has several lines'): f(tmp_path)

def test_folders_and_slips_instead_of_lists(tmp_path):
    for f in (label_table, show_labels, guess_labeler, label_photos, read_labels):
        for given,says in ((tmp_path/'pest', 'There is no folder'), (7, 'not a list of photos'), ([None], 'not the name')):
            with pytest.raises(PetLearnError, match=says): f(given)

# the grid

def test_grid_of_labels(pets_folder, tmp_path, capsys):
    axs = show_labels(pets_folder, n=3)
    assert axs.shape == (2, 3) and axs[0,0].get_title().startswith('cat: 20 photos\n')
    write(tmp_path, 'a/1.jpg', b'no photo')
    for i in range(9): write(tmp_path, f'{i}/1.jpg', sorted(pets_folder.iterdir())[i].read_bytes())
    axs = show_labels(tmp_path, by_folder, n=1)
    assert axs.shape == (8, 1) and '8 commonest of 10 labels' in ''.join(capsys.readouterr())
    assert "can't be opened" in show_labels([tmp_path/'a/1.jpg'], by_folder)[0,0].get_title()
    plt.close('all')
    with pytest.raises(PetLearnError, match='n=0 makes no sense'): show_labels(pets_folder, n=0)

@pytest.mark.skipif(os.name == 'nt', reason='file names are text there')
def test_a_folder_whose_name_is_no_text(tmp_path):
    "Such as from a zip file of another computer; a label with such letters could be shown nowhere."
    photo = os.fsdecode(os.fsencode(tmp_path) + b'/K\xe4tzchen/1.jpg')
    assert label_photos([photo], by_folder) == ['Kätzchen'] and label_photos([photo], lambda o: '\udcff') == ['ÿ']
