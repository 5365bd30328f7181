"Names that people remember and folders may have."
import random
import pytest
from petlearn import PetLearnError
from petlearn.runs.names import check_name, memorable_name

@pytest.mark.slow
def test_many_names(monkeypatch):
    names = []
    monkeypatch.setattr(random, 'SystemRandom', lambda: random.Random(len(names) % 30)) # five times the same random numbers
    for _ in range(150): names.append(memorable_name(names))
    assert len(set(names)) == 150 and all(len(o) <= 40 and check_name(o) for o in names)

def test_random_numbers_of_others():
    "They are neither used nor changed."
    random.seed(42)
    before = random.getstate()
    a = memorable_name()
    assert random.getstate() == before
    random.seed(42)
    assert a != memorable_name()

def test_names_that_no_folder_may_have():
    for name in ('My run', 'a'*41, 'CON', 'con.', 'x/y', '..', 'ünï', '🐱', 'a b', '-a', 'a--b', 'a-', 'V001', 'v1', 'newest', 'best', 3, None, '<img>', "'", 'a\nb'):
        with pytest.raises(PetLearnError, match='name=') as e: check_name(name)
        assert e.value.fix.startswith("name='") and check_name(e.value.fix[6:-1])
