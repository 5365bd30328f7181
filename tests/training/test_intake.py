"Photos and settings are looked at before there is a run: with a check and without one."
import shutil
import pytest
from petlearn import PetLearnError
from petlearn.training.intake import take_photos, training_settings

SETTINGS = training_settings(dict(size=64))

@pytest.mark.slow
def test_files_that_cannot_be_read(few):
    files = [*sorted(few.glob('*.jpg')), few/'pug_99.jpg']
    for check in (True, False):
        with pytest.raises(PetLearnError, match='pug_99.jpg'): take_photos(files, SETTINGS, check=check)
        split = take_photos(files, SETTINGS | dict(skip_damaged=True), check=check).split
        assert len(split) == 24 and not split.file.str.contains('pug_99').any()

def test_corrections_are_announced(few, tmp_path, capsys):
    shutil.copytree(few, tmp_path/'pets')
    cat = sorted((tmp_path/'pets').glob('[A-Z]*.jpg'))[0]
    (tmp_path/'pets/corrections.csv').write_text(f'file,label\n{cat.name},dog\n')
    for check in (True, False):
        split = take_photos(tmp_path/'pets', SETTINGS, check=check).split
        assert (split.label == 'dog').sum() == 13 and 'correct' in ''.join(capsys.readouterr())
