"What is found in a folder of photos, and what is left out."
import pytest
from petlearn.core import PetLearnError
from petlearn.photos.finding import find_photos

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

def test_bad_folders(tmp_path):
    (tmp_path/'empty').mkdir()
    (tmp_path/'f.txt').touch()
    for name,says in {'nowhere': 'There is no folder', 'emty': "Did you mean 'empty'", 'empty': 'found nothing at all', 'f.txt': 'is a file'}.items():
        with pytest.raises(PetLearnError, match=says): find_photos(tmp_path/name)
