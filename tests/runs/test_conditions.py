"Conditions on runs: numbers as numbers, words as words, and never any code."
import pytest
from hypothesis import given, settings, strategies as st
from petlearn import PetLearnError
from petlearn.runs.conditions import conditions

@settings(max_examples=200)
@given(st.one_of(st.none(), st.floats(0, 1), st.integers(-9, 9)), st.sampled_from(['<', '<=', '>', '>=', '=', '==', '!=']), st.floats(-1, 1))
def test_numbers(have, op, limit):
    expected = have is not None and eval(f'{have!r} {"==" if op == "=" else op} {limit!r}')
    o, = conditions(f'valid_error{op}{limit!r}')
    assert o.fits(dict(valid_error=have)) == expected

WORDS = [("name='n1'", True), ('name=N1', True), ('name=n', False), ('note="a, b and c"', True), ("note='a, b'", False), ('status>3', True), ('flag=true', True),
         ('valid_error=.25, name=n1', True), ('valid_error<1 and name!=n1', False), ('valid_error!=many', True), ('none=1', False), ('none!=1', False),
         ('training_start>2026-11-20', True), ("training_start>'2026-11-21 11:00'", False), ('', True), ('  ', True), ('a_b=x-y.z', True)]

def test_words():
    row = dict(name='n1', note='A, b and c', status='SUCCEEDED', flag=True, valid_error=.25, none=None, training_start='2026-11-21 10:00', a_b='x-y.z')
    for where,fits in WORDS: assert all(o.fits(row) for o in conditions(where)) == fits, where

def test_everything_else_is_refused():
    for where in ('valid_error', 'valid_error<', '<3', 'a=1 or b=2', 'a=1 b=2', 'a=1 and', ',a=1', "a='x", '__import__("os")', 'a=1; b=2', 'a.b=1', '@a=1', 'a=b c=d', 'a=1,,b=2'):
        with pytest.raises(PetLearnError, match='is not a condition') as e: conditions(where)
        assert e.value.fix.startswith('For example where=')
