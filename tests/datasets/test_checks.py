"What `check` finds, fixes and takes back, on drawn pets with known faults; and what `train` and the command line make of it."
import os, shutil, subprocess, sys
from io import BytesIO
from pathlib import Path
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps
from petlearn.datasets import photo_table as intake
from petlearn.datasets.findings import BAD_FILES, ERROR, INFO, KINDS, MOVE, WARNING
from petlearn.photos import copies
from petlearn.datasets.checks import check
from petlearn.cli import main
from petlearn.core import PetLearnError
from petlearn.photos.drawings import draw_pet
from petlearn.datasets.fixes import changes
from petlearn.datasets.labels import by_folder, cat_or_dog
from petlearn.datasets.split import split_photos
from petlearn.datasets.faults import inject_faults
from petlearn.datasets.practice import score
from petlearn.training.trainer import train
from inputs import has_plugin
from scenes import SCENES

@pytest.fixture(scope='session')
def drawn(pets_folder):
    "Sixteen cats and sixteen dogs, all different: a list of paths of each."
    files = sorted(pets_folder.glob('*.jpg'))
    return [o for o in files if o.name[0].isupper()][:16],[o for o in files if not o.name[0].isupper()][:16]

def clean(folder, drawn):
    "A clean folder, with a folder for each label."
    for label,files in zip(('cat', 'dog'), drawn):
        (folder/label).mkdir(parents=True)
        for i,o in enumerate(files): shutil.copy(o, folder/f'{label}/{label}_{i:02}.jpg')
    return folder

@pytest.fixture
def pets(tmp_path, drawn): return clean(tmp_path/'pets', drawn)

def quick(photos, *args, **kwargs): return check(photos, *args, **({'advised': 10} | kwargs))
def kinds(photos, *args, **kwargs): return [o for o in quick(photos, *args, **kwargs).kinds if o != 'foreign'] # petlearn's own records are passed over, too
def names(finding): return sorted(Path(o).name for o in finding.files)
def tree(folder): return {o.relative_to(folder).as_posix(): o.read_bytes() for o in folder.rglob('*') if o.is_file() and '_quarantine' not in o.parts}
def saved(img, path, **kwargs): img.save(path, **kwargs); return path
def first(folder, label='cat', i=0): return folder/label/f'{label}_{i:02}.jpg'

# --- one fault, one finding -----------------------------------------------------------------------------------------

def _bytes(name, data): return lambda o: (o/'cat'/name).write_bytes(data)
def _half(o): (o/'cat/half.jpg').write_bytes(first(o).read_bytes()[:4000])
def _bmp_of(w, h): return b'BM' + (54).to_bytes(4, 'little') + bytes(4) + (54).to_bytes(4, 'little') + (40).to_bytes(4, 'little') + w.to_bytes(4, 'little') + h.to_bytes(4, 'little') + b'\1\0\x18\0' + bytes(24)
def _turned(o):
    img = Image.open(first(o)); (exif := Image.Exif())[0x0112] = 6
    img.save(first(o), exif=exif, quality=95)
def _animated(o): Image.open(first(o)).save(o/'cat/cat_00.gif', save_all=True, append_images=[Image.new('RGB', (9, 9))]); first(o).unlink()
def _repaint(change): return lambda o: change(Image.open(first(o))).save(first(o), quality=92)
def _copy(new, old=('cat', 0)): return lambda o: shutil.copy(first(o, *old), o/new)
def _sides(o):
    for i,label in enumerate(('cat', 'dog')):
        for side,n in (('train', slice(2, None)), ('valid', slice(2))):
            (o/side/label).mkdir(parents=True)
            for p in sorted((o/label).iterdir())[n]: shutil.move(p, o/side/label)
        (o/label).rmdir()
    shutil.copy(o/'valid/cat/cat_00.jpg', o/'train/cat/again.jpg')
def _only(n): return lambda o: [first(o, i=i).unlink() for i in range(n, 16)]
def _misspell(o):
    (o/'doog').mkdir()
    shutil.move(first(o, 'dog'), o/'doog')

FAULTS = dict( # what is done to a clean folder, the kind, the files of the finding
    empty=(_bytes('x.jpg', b''), 'empty', ['x.jpg']), damaged=(_half, 'damaged', ['half.jpg']), text=(_bytes('x.jpg', b'<html>'), 'not a photo', ['x.jpg']),
    tiny=(lambda o: saved(Image.new('RGB', (300, 1)), o/'cat/line.png'), 'too small', ['line.png']),
    huge=(_bytes('x.bmp', _bmp_of(60_000, 60_000)), 'oversized', ['x.bmp']),
    copy=(_copy('cat/zz.jpg'), 'copy', ['cat_00.jpg', 'zz.jpg']), near=(lambda o: ImageOps.mirror(Image.open(first(o))).save(o/'cat/zz.jpg'), 'near copy', ['cat_00.jpg', 'zz.jpg']),
    torn=(_copy('dog/zz.jpg'), 'two labels', ['cat_00.jpg', 'zz.jpg']), leak=(_sides, 'leak', ['again.jpg', 'cat_00.jpg']),
    dark=(_repaint(lambda o: ImageEnhance.Brightness(o).enhance(.08)), 'dark', ['cat_00.jpg']),
    bright=(_repaint(lambda o: Image.blend(o, Image.new('RGB', o.size, 'white'), .9)), 'bright', ['cat_00.jpg']),
    blurred=(_repaint(lambda o: o.resize((12, 12)).resize(o.size, Image.Resampling.BICUBIC)), 'blurred', ['cat_00.jpg']),
    spelling=(_misspell, 'spelling', ['dog_00.jpg']), few=(_only(8), 'few', [f'cat_{i:02}.jpg' for i in range(8)]),
    turned=(_turned, 'turned', ['cat_00.jpg']), animated=(_animated, 'animated', ['cat_00.gif']),
    name=(lambda o: first(o).rename(o/'cat/cat_00.png'), 'wrong name', ['cat_00.png']),
    foreign=(_bytes('notes.txt', b'hello'), 'foreign', ['notes.txt']), uneven=(_only(4), 'imbalance', []))

def test_each_fault_is_found_alone(tmp_path, drawn):
    for name,(spoil,kind,files) in FAULTS.items():
        spoil(pets := clean(tmp_path/name, drawn))
        found = quick(pets, advised=9) if kind == 'few' else quick(pets)
        also = {'spelling': ['too few', 'imbalance'], 'imbalance': ['too few']}.get(kind, []) # what cannot be otherwise
        assert sorted(found.kinds) == sorted([kind] + also), (name, found)
        one = found[kind]
        assert names(one) == sorted(files), name
        assert one.severity == KINDS[kind].severity and one.can_fix == (KINDS[kind].way is not None), name
        assert found.ok == (ERROR not in [o.severity for o in found.findings]), name
        assert one.what.split()[0] in repr(found) and one.kind in found._repr_html_(), name

def test_one_label_and_too_few(pets):
    assert quick(pets/'cat', by_folder).kinds == ['one label']
    found = quick(pets, min_photos=17, advised=17)
    assert found.kinds == ['too few'] and len(found['too few'].files) == 32 and not found['too few'].can_fix
    with pytest.raises(PetLearnError, match='16 of'): found.require()
    assert quick(pets, min_photos=16, advised=16).findings == []

def test_capital_letters_that_are_lost(tmp_path, drawn):
    for o in drawn[0]: (tmp_path/'pets').mkdir(exist_ok=True); shutil.copy(o, tmp_path/'pets'/o.name.lower())
    for o in drawn[1]: shutil.copy(o, tmp_path/'pets')
    for labeler in (None, cat_or_dog): assert 'case' in quick(tmp_path/'pets', labeler).kinds

def test_many_unusable_files_are_no_accident(pets):
    for i in range(8): first(pets, i=i).write_bytes(b'')
    found = quick(pets, min_photos=1, advised=1)
    assert found.kinds == ['unusable', 'empty']
    with pytest.raises(PetLearnError, match='8 of 32'): found.require(BAD_FILES)

def test_all_files_are_bad(tmp_path):
    for o in 'ab': (tmp_path/o).mkdir(); (tmp_path/o/'x.jpg').write_bytes(b'')
    found = quick(tmp_path)
    assert found.kinds == ['unusable', 'empty'] and found.pairs.empty and '<img' not in found._repr_html_()

def test_a_clean_folder(pets):
    assert check(pets).kinds == ['few'] and quick(pets).findings == [] and '<table' not in quick(pets)._repr_html_()
    assert {o.severity for o in quick(pets, advised=100).findings} == {WARNING} and quick(pets).verdict == 'Fit to train on.'
    with pytest.raises(PetLearnError, match='Nothing of the kind'): quick(pets)['copy']
    with pytest.raises(PetLearnError, match='Nothing was found'): quick(pets).fix()

def test_kinds_have_a_severity_and_a_way():
    assert {o.severity for o in KINDS.values()} == {ERROR, WARNING, INFO} and set(BAD_FILES) <= set(KINDS)

# --- copies: what stays --------------------------------------------------------------------------------------------

def _again(img, **kwargs):
    img.save(f := BytesIO(), 'JPEG', **({'quality': 92} | kwargs))
    return Image.open(BytesIO(f.getvalue()))

def test_the_largest_copy_stays(pets):
    img = Image.open(first(pets))
    img.resize([2*o for o in img.size], Image.Resampling.BICUBIC).save(pets/'cat/larger.png')
    found = quick(pets)
    assert [o.name for o in found['near copy'].move] == ['cat_00.jpg']

def test_a_link_goes_and_the_photo_stays(pets):
    os.symlink(first(pets), pets/'cat/aa.jpg')
    found = quick(pets)
    assert [o.name for o in found['copy'].move] == ['aa.jpg']
    found.fix('copy')
    assert kinds(pets) == []

# --- what can be checked --------------------------------------------------------------------------------------------

def _table(pets): return split_photos(pets, by_folder, valid_pct=.25)

def test_a_leak_in_a_table_takes_all_copies_out_of_training(pets):
    table = _table(pets)
    held,learned = (table[table.usage == o].file.iloc[0] for o in ('valid', 'train'))
    def add(name, img): img.save(pets/f'cat/{name}'); return (pets/f'cat/{name}').as_posix()
    again = add('again.jpg', _again(Image.open(held)))
    twice = pets/'cat/twice.jpg'
    shutil.copy(again, twice)
    more = pd.DataFrame({'file': [again, twice.as_posix()], 'label': 'cat', 'usage': 'train'})
    found = quick(pd.concat([table, more]))
    assert found.findings[0].kind == 'leak' and sorted(o.name for o in found['leak'].move) == ['again.jpg', 'twice.jpg']
    found.fix('leak')
    assert kinds(table) == [] and not twice.exists() and Path(held).exists()

def test_a_table_with_one_row_on_both_sides(pets):
    table = _table(pets)
    found = quick(pd.concat([table, table.head(1).assign(usage='test')]))
    assert 'leak' in found and (table.usage[0] != 'train' or not found['leak'].can_fix) # nothing to move: the photo would be gone from both

def test_tables_with_gaps(pets):
    for spoil,kind in ((lambda o: o.assign(label=[None, *o.label[1:]]), 'no label'), (lambda o: o.assign(label=['', *o.label[1:]]), 'no label'),
                       (lambda o: pd.concat([o, o.head(1).assign(file='/gone/x.jpg')]), 'unreadable'), (lambda o: o.assign(file=['gone.jpg', *o.file[1:]]), 'unreadable')):
        found = quick(spoil(_table(pets)))
        assert found.kinds == [kind] and not found.ok and len(found[kind].files) == 1

def test_without_labels_the_rest_is_checked(pets):
    first(pets).write_bytes(b'')
    for labeler in (lambda o: 1/0, lambda o: None, 'breed', 3): assert quick(pets, labeler).kinds == ['no label', 'empty']

def test_settings_that_make_no_sense(pets):
    for kw in (dict(min_photos=0), dict(min_photos=2.5), dict(advised='many'), dict(advised=True)):
        with pytest.raises(PetLearnError): quick(pets, **kw)

def test_several_folders(pets, tmp_path):
    shutil.copytree(pets, tmp_path/'more')
    found = quick([pets, tmp_path/'more'])
    assert found.kinds == ['copy'] and len(found['copy'].move) == 32 and found.folders == [pets, tmp_path/'more']
    (tmp_path/'more/dog').rename(tmp_path/'more/Dog')
    found = quick([pets, tmp_path/'more'])
    assert 'labels differ' in found.kinds and "'Dog'" in found['labels differ'].what and not found.ok

def test_a_split_of_what_was_checked_looks_at_nothing_again(pets, monkeypatch):
    FAULTS['copy'][0](pets), FAULTS['near'][0](pets)
    found,split = quick(pets),split_photos(pets)
    for name in ('fingerprints', 'copy_groups', 'inspect_all', 'read_labels', 'find_photos'): monkeypatch.delattr(intake, name)
    assert split_photos(found).equals(split)

def test_what_cant_be_read_is_left_out_of_a_split_of_what_was_checked(pets):
    files = sorted(pets.rglob('*.jpg'))
    found = quick([*files, pets/'cat/gone.jpg'])
    assert found.kinds == ['unreadable'] and split_photos(found).equals(split_photos(pets))
    with pytest.raises(PetLearnError, match='gone.jpg'): split_photos([*files, pets/'cat/gone.jpg'])

def test_odd_names(tmp_path, drawn):
    odd = ['<img onerror=alert(1)>', "it's \"one\"", 'a\nb', 'ünï cödé 猫', os.fsdecode(b'\xff\xfe'), ' blank', '-x', '$HOME']
    for label,files in zip(('cats & co', 'Hunde <b>'), drawn):
        (tmp_path/'odd one'/label).mkdir(parents=True)
        for name,o in zip(odd, files): shutil.copy(o, tmp_path/'odd one'/label/f'{name}.jpg')
    shutil.copy(drawn[0][0], tmp_path/'odd one/cats & co/twice <img onerror=1>.jpg')
    found = quick(tmp_path/'odd one', advised=6)
    page = found._repr_html_()
    assert found.kinds == ['copy'] and len(found.photos) == 17 and '<img onerror' not in page and '<b>alert' not in page and '&lt;img onerror' in page
    assert len(repr(found).splitlines()) > 2
    done = found.fix()
    assert len(done) == 1 and len(found.undo()) == 1

# --- fix and take back -----------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_fix_and_undo_bring_back_the_exact_tree(tmp_path, drawn):
    for name,(spoil,kind,_) in FAULTS.items():
        if not KINDS[kind].way: continue
        spoil(pets := clean(tmp_path/name, drawn))
        before,found = tree(pets),quick(pets)
        one = found.fix(kind)
        assert one and all(o.why == kind for o in one) and kind not in quick(pets).kinds and tree(pets) != before, name
        if KINDS[kind].way == MOVE: assert found.fix(kind) == [], name # nothing is left to move
        found.undo()
        assert tree(pets) == before and kinds(pets) == [o for o in found.kinds if o != 'foreign'], name
        with pytest.raises(PetLearnError, match='changed nothing'): found.undo()
        assert found.fix(kind) and kind not in quick(pets).kinds, name # and once more, after all
        found.undo()
        assert tree(pets) == before, name

def test_fix_without_a_word_does_what_is_sure(pets):
    for o in ('empty', 'damaged', 'copy', 'spelling'): FAULTS[o][0](pets)
    found = quick(pets)
    assert {o.why for o in found.fix()} == {'empty', 'damaged', 'copy'}
    assert kinds(pets) == ['too few', 'spelling', 'imbalance']

def test_more_than_a_fifth_needs_a_yes(pets):
    "All together count, not each kind alone."
    for i in range(4): first(pets, i=i).write_bytes(b'')
    for i in range(4): first(pets, 'dog', i).write_bytes(b'<html>')
    before,found = tree(pets),quick(pets)
    for kinds in ([], ['empty', 'not a photo']):
        with pytest.raises(PetLearnError, match='8 of 32 photos .25 %.*at once'): found.fix(*kinds)
    assert tree(pets) == before and found.changes == []
    assert len(found.fix(yes=True)) == 2 and len(found.undo()) == 2 and tree(pets) == before

def test_what_cant_be_fixed_is_refused_before_anything_is_done(pets):
    FAULTS['empty'][0](pets)
    found = quick(pets, advised=100)
    for kinds in (['empty', 'few'], ['empty', 'bogus']):
        with pytest.raises(PetLearnError): found.fix(*kinds)
    assert found.changes == [] and (pets/'cat/x.jpg').exists()

def test_files_that_are_gone(pets):
    for o in 'ab': (pets/f'cat/{o}.jpg').write_bytes(b'')
    found = quick(pets)
    (pets/'cat/a.jpg').unlink()
    with pytest.raises(PetLearnError, match='There is no file.*a.jpg'): found.fix('empty')
    assert (pets/'cat/b.jpg').exists() and not changes(pets) and found.changes == []
    assert repr(found) and found._repr_html_()

def test_a_change_is_known_even_if_the_next_one_fails(pets, tmp_path):
    shutil.copytree(pets, tmp_path/'more')
    for o in (pets, tmp_path/'more'): (o/'cat/x.jpg').write_bytes(b'')
    found = quick([pets, tmp_path/'more'])
    (tmp_path/'more/cat/x.jpg').unlink()
    with pytest.raises(PetLearnError): found.fix('empty')
    assert len(found.changes) == 1 and found.undo() and (pets/'cat/x.jpg').exists()

def test_from_another_folder(pets, monkeypatch, tmp_path):
    FAULTS['empty'][0](pets)
    monkeypatch.chdir(pets.parent)
    found = quick('pets')
    (tmp_path/'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path/'elsewhere')
    found.fix()
    assert not (pets/'cat/x.jpg').exists() and found.undo() and (pets/'cat/x.jpg').exists()

def test_corrections_win_over_the_table_that_is_there(pets):
    "And leave it as it is, whatever program wrote it."
    _misspell(pets)
    for text in ('file,label\ncat/cat_01.jpg,cat\n', 'file;label\ncat/cat_01.jpg;cat\ndoog/dog_00.jpg;doog\n', '\ufefffile,label,who\r\ncat/cat_01.jpg,cat,me\r\n'):
        (pets/'labels.csv').write_text(text, newline='')
        before,found = tree(pets),quick(pets)
        found.fix('spelling')
        table = pd.read_csv(pets/'corrections.csv')
        assert [(o.file, o.label, o.was, o.change) for o in table.itertuples()] == [('doog/dog_00.jpg', 'dog', 'doog', found.changes[0].number)]
        assert kinds(pets) == ['corrected'] and (pets/'labels.csv').read_bytes() == text.encode()
        found.undo()
        assert tree(pets) == before

def test_a_folder_that_can_only_be_read(pets, monkeypatch):
    FAULTS['empty'][0](pets)
    found = quick(pets)
    real = os.access
    monkeypatch.setattr(os, 'access', lambda o, mode: False if mode & os.W_OK else real(o, mode)) # root may write anywhere
    with pytest.raises(PetLearnError, match='read-only'): found.fix()
    assert (pets/'cat/x.jpg').exists() and found.changes == []

# --- what was seen is kept ------------------------------------------------------------------------------------------

@pytest.fixture
def looks(monkeypatch, tmp_path):
    "An empty store, and the names of all photos that are opened."
    monkeypatch.setattr(copies, 'store_folder', lambda kind: tmp_path/'store')
    opened,real = [],copies.inspect_photo
    monkeypatch.setattr(copies, 'inspect_photo', lambda o: opened.append(o.name) or real(o))
    return opened

def test_the_second_check_opens_no_photo(pets, looks, tmp_path, capfd):
    once = quick(pets)
    assert len(looks) == 32
    looks.clear()
    assert repr(quick(pets)) == repr(once) and looks == []
    part, = (tmp_path/'store').glob('*.safetensors')
    part.write_bytes(part.read_bytes()[:-100])
    assert repr(quick(pets)) == repr(once) and len(looks) == 32 and 'damaged' in capfd.readouterr().err
    looks.clear()
    FAULTS['copy'][0](pets)
    assert quick(pets).kinds == ['copy'] and looks == []

def test_a_store_that_cant_be_written(pets, looks, tmp_path, capfd):
    (tmp_path/'store').write_text('a file in its place')
    assert quick(pets).findings == [] and 'not kept' in capfd.readouterr().err

def test_a_photo_that_changes_in_between(pets, looks, monkeypatch):
    real = intake.fingerprints
    def later(files):
        shas = real(files)
        first(pets).write_bytes(first(pets, i=1).read_bytes())
        first(pets, i=2).unlink()
        return shas
    monkeypatch.setattr(intake, 'fingerprints', later)
    found = quick(pets)
    assert found.kinds == ['unreadable'] and names(found['unreadable']) == ['cat_00.jpg', 'cat_02.jpg']

# --- planted faults ---------------------------------------------------------------------------------------------------

def test_planted_faults_are_found(pets_folder, tmp_path):
    folder = inject_faults(pets_folder, tmp_path/'planted', flips=0, leaks=6, damaged=3, dark=2, misspelt=1, seed=3)
    found = check(folder)
    scores = score(found)
    assert scores.recall == 1 and scores.table.false_alarms.sum() == 0, scores

@pytest.mark.parametrize('where', ['oxford-iiit-pet/images', 'cats-dogs'])
def test_real_photos(real_photos, tmp_path, where):
    some = sorted(o for o in (real_photos/where).rglob('*') if o.suffix.lower() in ('.jpg', '.jpeg'))[::7 if 'ox' in where else 1]
    some = some[::max(len(some)//120, 1)][:120]
    for o in some: os.makedirs(tmp_path/'real', exist_ok=True); os.symlink(o, tmp_path/f'real/{o.name}')
    labeler = (lambda o: 'cat' if 'cat' in Path(o).name.lower() else 'dog') if where == 'cats-dogs' else None
    assert check(tmp_path/'real', labeler, min_photos=1).errors == []
    folder = inject_faults(tmp_path/'real', tmp_path/'planted', flips=0, leaks=30, damaged=3, dark=0, misspelt=1, seed=5, labeler=labeler)
    table = score(check(folder, min_photos=1)).table
    assert all(table.recall[o] == 1 for o in ('copy', 'damaged', 'spelling')) and table.recall['near copy'] >= .98, table

# --- training and the command line -----------------------------------------------------------------------------------------------

QUICK = dict(size=64, epochs=1, fine_tune_epochs=0)

@pytest.mark.slow
def test_train_looks_first(pets, tmp_path, capfd):
    FAULTS['near'][0](pets)
    Image.new('RGB', (90, 90), (9, 9, 9)).save(pets/'dog/night.png')
    run = train(pets, runs_dir=tmp_path/'runs', **QUICK)
    said = capfd.readouterr().err
    assert said.index('1 photo is dark') < said.index('nearly the same') < said.index('validation photos') and 'Since' not in said
    (pets/'dog/night.png').unlink()
    draw_pet('pug', 987).save(pets/'dog/new.jpg')
    two = train(pets, runs_dir=tmp_path/'runs', check=False, **QUICK)
    said = capfd.readouterr().err
    assert 'is dark' not in said and f'Since {run.path.name}' in said and 'new.jpg' in said
    assert two.dataset != run.dataset and two.metadata['dataset'] == two.dataset
    img = _again(Image.open(next(o for o,u in zip(run.split.file, run.split.usage) if u == 'train')), quality=70)
    img.save(pets/'cat/known.jpg')
    child = train(pets, resume=run, runs_dir=tmp_path/'runs', **QUICK)
    assert child.split.usage[[Path(o).name == 'known.jpg' for o in child.split.file]].tolist() == ['train']

def test_refusals_leave_nothing(tmp_path, drawn):
    for name in ('torn', 'text', 'uneven'):
        FAULTS[name][0](pets := clean(tmp_path/name, drawn))
        with pytest.raises(PetLearnError) as e: train(pets, runs_dir=tmp_path/'runs', **QUICK)
        assert e.value.fix and not list((tmp_path/'runs').glob('*'))

@pytest.mark.slow
def test_two_data_sets(pets, tmp_path):
    for label in ('cat', 'dog'):
        (tmp_path/'more'/label).mkdir(parents=True)
        for i in range(8, 16): shutil.move(first(pets, label, i), tmp_path/'more'/label)
    shutil.copy(first(pets), tmp_path/'more/cat')
    run = train([pets, tmp_path/'more'], runs_dir=tmp_path/'runs', **QUICK)
    assert len(run.split) == 32 and run.labels == ['cat', 'dog']
    (tmp_path/'more/cat').rename(tmp_path/'more/cats')
    with pytest.raises(PetLearnError, match="'cats'.*new"): train([pets, tmp_path/'more'], runs_dir=tmp_path/'other', **QUICK)
    assert not list((tmp_path/'other').glob('*'))

def test_no_torch_without_a_network(pets):
    code = "import sys; from petlearn.datasets.checks import check; check(sys.argv[1]); from petlearn.cli import main; s = main(['check', sys.argv[1]]); sys.exit(10*s + any(o in sys.modules for o in ('torch', 'fastai', 'timm')))"
    r = subprocess.run([sys.executable, '-c', code, pets], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr + r.stdout

def test_the_command_line(pets, capsys):
    def petlearn(*args):
        status = main(['check', str(pets), *args])
        out = capsys.readouterr()
        assert 'Traceback' not in out.err
        return status,out.out,out.err
    assert petlearn() == (0, petlearn()[1], '')
    FAULTS['empty'][0](pets); FAULTS['near'][0](pets)
    before = tree(pets)
    status,out,err = petlearn('--labeler', 'by_folder')
    assert status == 1 and f'petlearn check {pets} --labeler by_folder --fix empty' in ' '.join(out.split()) and 'empty' in err and 'checkup' not in out+err
    assert petlearn('--fix', 'bogus')[0] == petlearn('--fix', 'few')[0] == 2 and tree(pets) == before
    assert petlearn('--fix', 'safe')[0] == 0 and not (pets/'cat/x.jpg').exists()
    assert petlearn('--fix', 'near copy')[0] == petlearn()[0] == 0
    assert petlearn('--undo')[0] == petlearn('--undo')[0] == 0 and petlearn('--undo')[0] == 2 and tree(pets) == before
    assert petlearn('--network', 'resnet43')[0] == 2


# --- files that are passed over, and folders that are links -----------------------------------------------------------

PASSED = { # what lies beside the photos: the severity, what is said, what to do
    'videos': ({'bird/a.mov': b'\0\0\0\x14ftypqt  ', 'bird/b.mov': b'\0\0\0\x14ftypqt  '}, INFO, '2 videos (bird/a.mov, bird/b.mov)', 'save single pictures'),
    'a cloud': ({'cat/.cat_77.jpg.icloud': b'bplist00'}, WARNING, '1 file still in a cloud (cat/.cat_77.jpg.icloud)', 'Download them first'),
    'a disk station': ({f'cat/@eaDir/{i}.jpg': b'\xff\xd8\xff' for i in range(26)}, INFO, '26 files in system folders (cat/@eaDir)', ''),
    'an archive': ({'more.zip': b'PK\3\4'}, INFO, '1 archive (more.zip)', "more.zip')"),
    'a note': ({'notes.txt': b'feed the cat'}, INFO, '1 text or table (notes.txt)', '')}

def test_each_kind_that_is_passed_over_has_its_line(tmp_path, drawn):
    for name,(files,severity,what,advice) in PASSED.items():
        folder = clean(tmp_path/name, drawn)
        for o,content in files.items():
            (folder/o).parent.mkdir(parents=True, exist_ok=True)
            (folder/o).write_bytes(content)
        one = next(o for o in quick(folder, by_folder).findings if o.kind == 'foreign')
        assert (one.severity, one.what) == (severity, f'Passed over: {what}.') and advice in one.advice and not one.can_fix, name
        assert '<img' not in quick(folder, by_folder)._repr_html_()

HEIC = b'\0\0\0\x18ftypheic\0\0\0\0mif1heic'

@pytest.mark.skipif(has_plugin(), reason='iPhone photos can be opened here')
def test_iphone_photos_name_the_plug_in(tmp_path, drawn, pets):
    for i in range(3): (pets/f'cat/IMG_{i}.HEIC').write_bytes(HEIC)
    found = quick(pets)
    assert found.kinds[0] == 'needs plug-in' and "pip install 'petlearn[heic]'" in found['needs plug-in'].advice
    with pytest.raises(PetLearnError, match=r'petlearn\[heic\]'): found.require()
    phone = tmp_path/'phone'
    for label in ('cat', 'dog'):
        (phone/label).mkdir(parents=True)
        for i in range(8): (phone/label/f'IMG_{i}.HEIC').write_bytes(HEIC + bytes([i]))
    found = quick(phone, by_folder)
    assert found.kinds == ['unusable', 'needs plug-in'] and 'disk' not in found['unusable'].advice
    with pytest.raises(PetLearnError, match=r'petlearn\[heic\]'): found.require()

def test_a_label_of_which_no_photo_opens_stops(pets):
    for i in range(6):
        (pets/'bird').mkdir(exist_ok=True)
        (pets/f'bird/{i}.jpg').write_bytes(b'a text')
    found = quick(pets, by_folder)
    assert "0 of 'bird'" in found['too few'].what
    with pytest.raises(PetLearnError, match="0 of 'bird'"): found.require(BAD_FILES)

def test_photos_behind_links_are_named_and_fixed_where_they_lie(tmp_path, pets):
    shutil.move(pets/'cat', tmp_path/'disk')
    (pets/'cat').symlink_to(tmp_path/'disk')
    (tmp_path/'disk/empty.jpg').write_bytes(b'')
    (pets/'dog/empty.jpg').write_bytes(b'')
    before = {o: o.read_bytes() for folder in (tmp_path/'disk', pets/'dog') for o in folder.iterdir()}
    found = quick(pets, by_folder)
    assert sorted(set(found.photos.label)) == ['cat', 'dog'] and '17 photos reached through linked folders: cat.' == found['linked'].what
    assert len(found.fix('empty')) == 2 and not (tmp_path/'disk/empty.jpg').exists() and not (pets/'dog/empty.jpg').exists()
    assert 'empty' not in quick(pets, by_folder)
    found.undo()
    assert {o: o.read_bytes() for o in before} == before

@pytest.mark.slow
def test_a_fixed_camera_is_checked_and_trained(tmp_path):
    "Good and scratched parts on a conveyor: no copies, nothing is moved away, and the split has both labels on both sides."
    for i,(label,img) in enumerate(SCENES['conveyor'](40)):
        (tmp_path/'parts'/label).mkdir(parents=True, exist_ok=True)
        img.save(tmp_path/f'parts/{label}/{i:03}.png')
    found = check(tmp_path/'parts')
    kinds = {o.kind for o in found.findings}
    assert 'one scene' in kinds and not kinds & {'copy', 'near copy', 'two labels', 'leak'}
    split = split_photos(found)
    assert split.groupby('usage').label.nunique().to_dict() == dict(train=2, valid=2) and len(split) == 40
    run = train(tmp_path/'parts', size=64, epochs=1, runs_dir=tmp_path/'runs')
    assert run.state == 'SUCCEEDED' and run.metrics['of'] == 8
