"Steps: exact arithmetic, as one would count and as fastai does."
import math
from fractions import Fraction
import pytest
from hypothesis import given, strategies as st
from petlearn import PetLearnError
from petlearn.training.plan import steps_for

def test_an_example():
    o = steps_for(1300, 32, 100)
    assert (o.ceil, o.fastai, o.total, o.rounded, o.fastai_total) == (41, 40, 4063, 4100, 4000)
    assert steps_for(1300) == steps_for(1300, 32, 1, 100)

@given(photos=st.integers(1, 10**9), bs=st.integers(1, 4096), epochs=st.integers(1, 10**6), every=st.integers(0, 10**6))
def test_steps_are_exact(photos, bs, epochs, every):
    o = steps_for(photos, bs, epochs, every)
    assert o.ceil == math.ceil(Fraction(photos, bs)) and o.total == math.ceil(Fraction(photos*epochs, bs)) and o.fastai == math.floor(Fraction(photos, bs))
    assert o.fastai <= o.ceil <= o.fastai+1 and (o.fastai == o.ceil) == (photos % bs == 0)
    assert o.fastai_total == o.fastai*epochs <= o.total <= o.ceil*epochs and (o.total-1)*bs < photos*epochs <= o.total*bs
    assert o.rounded == o.total if every == 0 else o.rounded % every == 0 and 0 <= o.rounded - o.total < every
    assert str(o) and all(f'{n:,}' in o._repr_html_() for n in (o.ceil, o.fastai, o.total, o.fastai_total))

def test_fastai_counts_so():
    from fastai.data.load import DataLoader
    for photos,bs in ((1300, 32), (64, 32), (20, 32), (33, 32), (7, 1)):
        assert len(DataLoader(list(range(photos)), bs=bs, shuffle=True, drop_last=True)) == steps_for(photos, bs).fastai

def test_petlearn_lowers_the_batch_size():
    from petlearn.models.loaders import fit_batch_size
    for bs in (None, 32): assert fit_batch_size(20, bs) <= 20

SENTENCES = [
    ((1300, 32, 100), '1,300 photos in batches of 32: 41 steps to see each once; fastai takes 40 and leaves the last 20 photos out. 100 epochs: 4,063 steps; fastai takes 4,000. '
                      'Up to a multiple of 100: 4,100; petlearn keeps the last step anyway.'),
    ((33, 32, 1, 0), '33 photos in batches of 32: 2 steps to see each once; fastai takes 1 and leaves the last 1 photo out.'),
    ((64, 32, 1, 0), '64 photos in batches of 32: 2 steps to see each once; fastai takes as many.'),
    ((20, 32, 10, 0), "20 photos in batches of 32: 1 step to see each once; fastai takes none, because it drops a last batch that isn't full: nothing would be learned. "
                      'So petlearn lowers the batch size, to 20 or less. 10 epochs: 7 steps.'),
]

def test_in_words():
    for args,text in SENTENCES: assert str(steps_for(*args)) == text

def test_table_of_steps():
    html = steps_for(1300, epochs=100)._repr_html_()
    for o in ('<td>41</td>', '<td>40</td>', '<td>4,063</td>', '<td>4,000</td>', '<td>4,100</td>', 'leaves the last 20 photos out'): assert o in html
    assert 'multiple of' not in steps_for(1300, checkpoint_every=0)._repr_html_() and 'nothing would be learned' in steps_for(20)._repr_html_()

def test_steps_of_nonsense():
    for args in (dict(photos=0), dict(photos='1300'), dict(photos=10, bs=0), dict(photos=10, bs=2.5), dict(photos=10, epochs=0), dict(photos=10, checkpoint_every=-1)):
        name,o = list(args.items())[-1]
        with pytest.raises(PetLearnError, match=f'{name}={o!r} makes no sense'): steps_for(**args)
