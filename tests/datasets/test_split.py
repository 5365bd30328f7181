"The split: the same everywhere, stratified, no photo on both sides."
import hashlib, random
from collections import Counter
from pathlib import Path
import numpy as np, pandas as pd, pytest, torch
from hypothesis import given, strategies as st
from petlearn.core import PetLearnError
from petlearn.datasets import photo_table as intake
from petlearn.datasets.labels import by_folder, cat_or_dog
from petlearn.datasets.split import split_groups, split_photos
from petlearn.datasets.usage import Shares, assign_usage, share_out
from petlearn.datasets.split_table import dataset_version
from helpers import write

@pytest.fixture
def alike(monkeypatch):
    "Photos named `…=word.jpg` with the same word are near copies."
    def groups(files, shas): return [(o.stem.split('=') + [s])[1] for o,s in zip(files, shas)]
    monkeypatch.setattr(intake, 'copy_groups', groups)

def table(counts):
    "A table of so many photos of each label, without files."
    rows = [(f'{k}-{i}', hashlib.sha256(f'{k}-{i}'.encode()).hexdigest()) for k,n in counts.items() for i in range(n)]
    return pd.DataFrame({'file': [o for o,_ in rows], 'label': [o.split('-')[0] for o,_ in rows], 'sha256': [o for _,o in rows]})

def usages(df, valid_pct, test_pct=0., seed=42, group=None):
    "What each photo is for, by fingerprint; each is a group of its own by default."
    return dict(zip(df.sha256, assign_usage(df, range(len(df)) if group is None else group, Shares(valid_pct, test_pct), seed)))

def oracle(shas, valid_pct, test_pct, seed):
    "One label's usages as petlearn has always chosen them: validation has the first keys, the test the last ones."
    keys = sorted(set(shas), key=lambda o: hashlib.sha256(f'{seed}:{o}'.encode()).hexdigest())
    test = min(max(round(len(keys)*test_pct), 1), len(keys)-2) if test_pct else 0
    valid = min(max(round(len(keys)*valid_pct), 1), len(keys)-test-1)
    return dict.fromkeys(keys, 'train') | dict.fromkeys(keys[:valid], 'valid') | dict.fromkeys(keys[len(keys)-test:], 'test')

counts = st.lists(st.integers(5, 60), min_size=2, max_size=5).map(lambda o: dict(zip('abcde', o)))
share = st.floats(.01, .95)

@given(counts=counts, valid_pct=share, test_pct=st.one_of(st.just(0.), share), seed=st.integers(0, 10))
def test_without_groups_it_is_the_first_fifth_of_each_label(counts, valid_pct, test_pct, seed):
    df = table(counts)
    got = usages(df, valid_pct, test_pct, seed)
    for _,o in df.groupby('label'): assert {k: got[k] for k in o.sha256} == oracle(o.sha256, valid_pct, test_pct, seed)

@given(counts=counts, valid_pct=share, test_pct=share, seed=st.integers(0, 10))
def test_three_sets_have_their_shares_and_something_to_learn_from(counts, valid_pct, test_pct, seed):
    df = table(counts)
    got = usages(df, valid_pct, test_pct, seed)
    for label,n in counts.items():
        c = Counter(got[o] for o in df.sha256[df.label == label])
        assert sum(c.values()) == n and set(c) == {'train', 'valid', 'test'}
        if valid_pct + test_pct < .9 and n > 20: assert abs(c['test']-n*test_pct) <= 1 and abs(c['valid']-n*valid_pct) <= 1

@given(counts=counts, valid_pct=share, seed=st.integers(0, 10))
def test_order_is_nothing(counts, valid_pct, seed):
    df = table(counts)
    assert usages(df, valid_pct, seed=seed) == usages(df.sample(frac=1, random_state=0).reset_index(drop=True), valid_pct, seed=seed)

@given(n=st.integers(10, 300))
def test_a_new_photo_moves_few_others(n):
    before,after = (usages(table(o), .2) for o in ({'cat': n}, {'cat': n+1}))
    assert sum(before[o] != after[o] for o in before) <= 1

@given(counts=counts, data=st.data())
def test_by_number(counts, data):
    room = {k: v-1 for k,v in counts.items()}
    n = data.draw(st.integers(len(counts), sum(room.values())))
    got = share_out('valid_n', n, counts, room)
    assert sum(got.values()) == n and all(1 <= got[k] <= room[k] for k in counts)
    if min(n*v/sum(counts.values()) for v in counts.values()) >= 1 and n <= .8*sum(counts.values()):
        assert all(abs(got[k] - n*v/sum(counts.values())) < 1 for k,v in counts.items())

@given(counts=counts, cut=st.integers(1, 12), mixed=st.booleans(), valid_pct=st.floats(.05, .5), test_pct=st.sampled_from([0., .1, .3]))
def test_groups_are_never_parted(counts, cut, mixed, valid_pct, test_pct):
    df = table(counts)
    name = [int(o.split('-')[1])//cut if mixed else (o.split('-')[0], int(o.split('-')[1])//cut) for o in df.file]
    group = list(pd.factorize(pd.Series(map(str, name)))[0])
    df['usage'] = list(usages(df, valid_pct, test_pct, group=group).values())
    assert (df.usage.groupby(group).nunique() == 1).all()
    for label,o in df.groupby('label'):
        assert 'train' in set(o.usage)
        if mixed: continue
        several = -(-counts[label]//cut) > 1
        assert ('valid' in set(o.usage)) == several
        assert abs((o.usage == 'valid').sum() - counts[label]*valid_pct) <= max(cut, 1)

PINNED = [ # versions that petlearn gave before it was rebuilt
    ({}, 'copper-collie-129545aa'), (dict(seed=1), 'lucky-badger-b9196e27'), (dict(valid_pct=.3, test_pct=.2), 'amber-ferret-eb032d97'),
    (dict(valid_n=12, test_n=6), 'calm-dolphin-63454feb'),
    (dict(group_func=lambda o: f'{o.parent.name}{int(o.stem)//3}'), 'lively-pony-d2389604')]

def test_the_same_photos_and_seed_give_the_same_split_for_ever(tmp_path):
    fill(tmp_path, cat=40, dog=15, bird=9)
    assert [(kw, dataset_version(split_photos(tmp_path, **kw))) for kw,_ in PINNED] == PINNED

def test_order_names_and_folder_dont_matter(tmp_path):
    files = [write(tmp_path/'a', f'{breed}_{i}.jpg') for breed in ('Birman', 'pug') for i in range(20)]
    split = split_photos(tmp_path/'a', cat_or_dog)
    for i,o in enumerate(files): write(tmp_path/'b/deep', f"{'X' if o.name[0] == 'B' else 'x'}{100-i}.jpg", o.name)
    valid = lambda df: set(df[df.usage == 'valid'].sha256)
    assert valid(split_photos(random.Random(1).sample(files, 40), cat_or_dog)) == valid(split)
    assert valid(split_photos(tmp_path/'b', cat_or_dog)) == valid(split)
    assert dataset_version(split_photos(tmp_path/'b', cat_or_dog)) == dataset_version(split)
    assert split_photos(files, cat_or_dog).equals(split)

def test_no_global_side_effects(tmp_path):
    for i in range(10): write(tmp_path, f'cat/{i}.jpg'), write(tmp_path, f'dog/{i}.jpg')
    states = lambda: (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    before = states()
    split_photos(tmp_path)
    assert states() == before

def test_copies_count_once_and_never_leak(tmp_path, capsys):
    for i in range(10):
        for label in ('cat', 'dog'):
            write(tmp_path, f'{label}/{i}.jpg')
            write(tmp_path, f'{label}/copy of {i}.jpg', f'{label}/{i}.jpg')
    split = split_photos(tmp_path)
    assert len(split) == 20 and split.sha256.is_unique
    assert '20 photos are exact copies' in ''.join(capsys.readouterr())

def test_two_folders_are_one_data_set(tmp_path):
    a,b = tmp_path/'a',tmp_path/'b'
    for i in range(10): write(a, f'cat.{i}.jpg'), write(a, f'dog.{i}.jpg'), write(b, f'cat.{i+5}.jpg'), write(b, f'dog.{i+5}.jpg')
    split = split_photos([a, b])
    assert Counter(split.label) == {'cat': 15, 'dog': 15}

BAD = [
    ('one label', {'cat': 20}, {}, "have the same label, 'cat'"),
    ('four photos', {'cat': 20, 'dog': 4}, {}, "Too few photos: 4 of 'dog'"),
    ('nothing', {}, {}, 'No photos in'),
    ('valid_pct 0', {'cat': 9, 'dog': 9}, dict(valid_pct=0), 'valid_pct=0 '),
    ('valid_pct 1', {'cat': 9, 'dog': 9}, dict(valid_pct=1), 'valid_pct=1 '),
    ('valid_pct 1.2', {'cat': 9, 'dog': 9}, dict(valid_pct=1.2), 'between 0 and 1'),
    ('valid_pct word', {'cat': 9, 'dog': 9}, dict(valid_pct='a fifth'), 'between 0 and 1'),
    ('labeler None', {'cat': 9, 'dog': 9}, dict(labeler=lambda o: None), 'no label for 18 of 18'),
    ('labeler fails', {'cat': 9, 'dog': 9}, dict(labeler=lambda o: 1/0), 'ZeroDivisionError'),
    ('labeler no function', {'cat': 9, 'dog': 9}, dict(labeler='is_cat'), 'is not a labeler'),
    ('valid_n 0', {'cat': 9, 'dog': 9}, dict(valid_n=0), 'valid_n=0 makes no sense'),
    ('valid_n 1', {'cat': 9, 'dog': 9}, dict(valid_n=1), r'valid_n=1 does not fit 18 photos of 2 labels'),
    ('valid_n 17', {'cat': 9, 'dog': 9}, dict(valid_n=17), r'Expected 2 \(one of each label\) to 16'),
    ('valid_n word', {'cat': 9, 'dog': 9}, dict(valid_n='ten'), 'Expected a whole number'),
    ('valid_n half', {'cat': 9, 'dog': 9}, dict(valid_n=4.5), 'Expected a whole number'),
    ('valid_n and share', {'cat': 9, 'dog': 9}, dict(valid_n=4, valid_pct=.3), 'two answers to one question'),
    ('test_n and share', {'cat': 9, 'dog': 9}, dict(test_n=4, test_pct=.1), 'Leave test_pct= out'),
    ('test_n 15', {'cat': 9, 'dog': 9}, dict(test_n=15), 'test_n=15 does not fit'),
    ('both too many', {'cat': 9, 'dog': 9}, dict(valid_n=9, test_n=8), r'valid_n=9 does not fit 18 photos .*\nExpected 2 .* to 8 '),
    ('group fails', {'cat': 9, 'dog': 9}, dict(group_func=lambda o: 1/0), 'group_func failed: ZeroDivisionError'),
    ('group says nothing', {'cat': 9, 'dog': 9}, dict(group_func=lambda o: None if o.stem == '8' else o), 'no name for 2 photos'),
    ('group no function', {'cat': 9, 'dog': 9}, dict(group_func='stem'), 'not callable'),
    ('one group a label', {'cat': 9, 'dog': 9}, dict(group_func=lambda o: o.parent.name), 'No photo can be kept for validation'),
    ('one group', {'cat': 9, 'dog': 9}, dict(group_func=lambda o: 'all'), 'No photo can be kept for validation'),
]

def test_refused(tmp_path):
    for i,(name,photos,kwargs,says) in enumerate(BAD):
        folder = fill(tmp_path/str(i), **photos)
        with pytest.raises(PetLearnError, match=says) as e: split_photos(folder, **({'labeler': by_folder} | kwargs))
        assert len(str(e.value).splitlines()) >= 2, name

def fill(folder, **counts):
    "A folder with so many files of each label."
    folder.mkdir(exist_ok=True)
    for label,n in counts.items():
        for i in range(n): write(folder, f'{label}/{i}.jpg')
    return folder

def test_by_number_in_all(tmp_path):
    split = split_photos(fill(tmp_path, cat=40, dog=15, bird=5), valid_n=12, test_n=6)
    assert split.groupby(['usage', 'label']).size().to_dict() == {
        ('test', 'bird'): 1, ('test', 'cat'): 4, ('test', 'dog'): 1, ('train', 'bird'): 3, ('train', 'cat'): 28,
        ('train', 'dog'): 11, ('valid', 'bird'): 1, ('valid', 'cat'): 8, ('valid', 'dog'): 3}
    half = split_photos(tmp_path, valid_n=30)
    assert (half.usage == 'valid').sum() == 30 and set(half.sha256[half.usage == 'valid']) > set(split.sha256[split.usage == 'valid'])

def test_few_validation_photos_are_said(tmp_path, capsys):
    split_photos(fill(tmp_path, cat=40, dog=6, bird=5))
    assert capsys.readouterr().err.splitlines() == ["Only one validation photo of 'bird', 'dog': a score from a single photo means little."]
    split_photos(fill(tmp_path, dog=40, bird=40))
    assert capsys.readouterr().err == ''

def test_near_duplicates_and_animals_stay_together(tmp_path, alike, capsys):
    for label in ('cat', 'dog'):
        for i in range(30): write(tmp_path, f'{label}/{i//3}-{i}={label}{i//2}.jpg')
    split = split_photos(tmp_path, group_func=lambda o: f'{o.parent.name}{o.stem.split("-")[0]}')
    # 0-2, 3-5 by animal, 0-1, 2-3 by looks: 0 to 5 belong together
    assert split.usage.groupby([f"{l}{int(Path(o).stem.split('-')[1].split('=')[0])//6}" for l,o in zip(split.label, split.file)]).nunique().max() == 1
    assert split.groupby(['label', 'usage']).size().to_dict() == {(l, u): n for l in ('cat', 'dog') for u,n in (('train', 24), ('valid', 6))}
    said = ''.join(capsys.readouterr())
    assert '60 photos are nearly the same as another one' in said and '60 photos in 10 groups' in said
    split_photos(tmp_path)
    assert 'groups' not in ''.join(capsys.readouterr())

def test_a_label_that_is_one_group(tmp_path, capsys):
    split = split_photos(fill(tmp_path, cat=20, dog=20, bird=20), group_func=lambda o: 'bird' if o.parent.name == 'bird' else f'{o.parent.name}{o.stem}')
    assert set(split.usage[split.label == 'bird']) == {'train'} and (split.usage == 'valid').sum() == 8
    assert "No validation photo of 'bird'" in ''.join(capsys.readouterr())

def test_corrections_win_and_are_counted(tmp_path, capsys):
    fill(tmp_path, cat=10, dog=10)
    write(tmp_path, 'labels.csv', 'file,label\ncat/3.jpg,dog\ndog/4.jpg,cat\ndog/5.jpg,cat\n')
    split = split_photos(tmp_path)
    assert split.label.value_counts().to_dict() == {'cat': 11, 'dog': 9} and '3 labels corrected' in ''.join(capsys.readouterr())
    split = split_photos(tmp_path, group_func=lambda o: o.stem)
    assert (split.usage.groupby([Path(o).stem for o in split.file]).nunique() == 1).all()

def test_same_photo_with_two_labels(tmp_path):
    for i in range(6): write(tmp_path, f'cat/{i}.jpg'), write(tmp_path, f'dog/{i}.jpg')
    write(tmp_path, 'dog/x.jpg', 'cat/3.jpg')
    with pytest.raises(PetLearnError, match='two labels'): split_photos(tmp_path)

class Copies:
    "A table that knows copies: `groups` over others, `tight_groups` each with each; one label a letter."
    def __init__(self, groups, tight): self.groups,self.tight_groups = groups,tight
    @property
    def df(self): return pd.DataFrame(dict(file=list(self.groups), label=[o[0] for o in self.groups], sha256=list(self.groups)))

def test_a_chain_of_similar_photos_is_cut_where_nothing_else_is_left():
    names = [f'{k}{i}' for k in 'cd' for i in range(20)]
    single,one,label,tight = {o: o for o in names},dict.fromkeys(names, 0),{o: o[0] for o in names},{o: f'{o[0]}{int(o[1:])//4}' for o in names}
    few = single | {f'c{i}': 'few' for i in range(9)}
    burst = single | {f'c{i}': 'burst' for i in range(20)}
    three = {f'e{i}': f'e{i}' for i in range(20)}
    table = [ # groups, tight groups, how many groups are left, how many photos were in groups that were cut
        (single, single, 40, 0), (few, single, 32, 0), (one, tight, 10, 40), (label, tight, 10, 40), (label, single, 40, 40), (label, label, 40, 40),
        (one, one, 40, 40), (burst, burst, 40, 20), (burst | three, burst | three, 41, 20), ({o: 0 for o in names} | {f'd{i}': i for i in range(20)}, tight, 25, 21)]
    for groups,inner,n,parted in table:
        known = Copies(groups, inner)
        got = split_groups(known.df, groups, known)
        assert (got[0].nunique(), got[1]) == (n, parted), (groups, inner)
        usage = assign_usage(known.df, got[0], Shares(.2), 42)
        assert 'valid' in usage and 'train' in usage and (known.df.assign(group=got[0], usage=usage).groupby('group').usage.nunique() == 1).all()
