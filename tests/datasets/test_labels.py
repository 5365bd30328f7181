"Labels that look like one another, and labels that must be the same."
import string
import pytest
from hypothesis import assume, given, settings, strategies as st
from petlearn.core import PetLearnError
from petlearn.datasets import labels
from petlearn.datasets.labels import CAT_BREEDS, DOG_BREEDS, same_labels, similar_labels

# labels that look like one another

def pairs(o): return {(a, b) for a,b,_ in similar_labels(o)}

CASES = [
    (dict(Cat=30, cat=90, cats=40, dog=80), {('Cat', 'cat'), ('cats', 'cat')}), (dict(cat=90, dog=90, Catt=1), {('Catt', 'cat')}), (dict(cat=90, catt=9, Catt=1), {('catt', 'cat'), ('Catt', 'cat')}),
    ({'maine coon': 5, 'Maine_Coon': 9, 'maine-coon ': 2}, {('maine coon', 'Maine_Coon'), ('maine-coon ', 'Maine_Coon')}), ({'cat ': 3, 'cat': 2}, {('cat', 'cat ')}),
    ({'caf\u00e9': 9, 'cafe\u0301': 3}, {('cafe\u0301', 'caf\u00e9')}), (dict(Abbysinian=2, Abyssinian=50), {('Abbysinian', 'Abyssinian')}), (dict(dgo=1, dog=30), {('dgo', 'dog')}),
    (dict(beagle=7, beaggle=3), {('beaggle', 'beagle')}), (dict(pug=5, pugg=4), {('pugg', 'pug')}), (dict(boxer=7, boxr=3), {('boxr', 'boxer')}), (dict(boxer=7, boxr=5), set()),
    (dict(beagle=60, eagle=3), {('eagle', 'beagle')}), (dict(beagle=60, eagle=20), set()), (dict(XL=30, XXL=20, XXXL=10), set()), (dict(house=90, mouse=20), set()),
    ({'class a': 90, 'class aa': 20}, set()), (dict(left=80, right=3), set()), (dict(cat=50, bat=40), set()), (dict(cat=50, bat=1), set()), (dict(care=50, cart=20), set()), ({'type 1': 90, 'type 2': 2}, set()),
    ({'type a': 90, 'type b': 2}, set()), ({'IMG_1': 9, 'IMG_11': 90}, set()), (dict(A=90, B=1, a=50), set()), ({'1-1': 50, '11': 50, '-1': 50, '1': 50}, set()), ({'A': 9, 'A-': 9, 'A+': 9}, set()),
    (dict(infected=200, uninfected=9), set()), (dict(glass=30, glas=30), set()), (dict(male=90, female=3), set()), (dict(n02123045=90, n02123046=2), set()), ({'': 3, '_': 3}, set()), ({}, set()),
    (dict.fromkeys(map(str, range(10)), 5) | {'9': 100}, set()), (dict(cat=1, cats=1, Cat=1), {('cats', 'cat'), ('Cat', 'cat')}),
]

def test_similar_labels():
    for counts,expected in CASES: assert pairs([o for o,n in counts.items() for _ in range(n)]) == expected, counts

def test_why_labels_are_similar():
    found = {o.odd: o.why for o in similar_labels(['cat']*20 + ['Cat', 'cats', 'catt', 'c-at'])}
    assert found == {'Cat': 'only capital letters differ', 'cats': 'one may be the plural of the other', 'c-at': 'only blanks, hyphens or underscores differ',
                     'catt': '1 photo against 23, and only a typing mistake apart'}

@given(st.lists(st.sampled_from([1, 2, 20, 200]), min_size=37, max_size=37))
@settings(max_examples=20, deadline=None)
def test_breeds_are_never_similar(counts):
    assert similar_labels([o for o,n in zip(CAT_BREEDS+DOG_BREEDS, counts) for _ in range(n)]) == []

WORD = st.text(string.ascii_letters + 'äöé', min_size=3, max_size=9)
LABEL = st.lists(WORD, min_size=1, max_size=3).map('_'.join).filter(lambda o: len(o) >= 4)

@st.composite
def edited(draw):
    "A few labels, one of them, and that one with a single edit."
    known = draw(st.lists(LABEL, min_size=1, max_size=4, unique=True))
    forms = [labels._plain_form(o) for o in known]
    assume(all(labels._edits(a, b) > 3 for i,a in enumerate(forms) for b in forms[:i])) # else it isn't clear which one was meant
    word,kind = draw(st.sampled_from(known)),draw(st.sampled_from(['more', 'less', 'other', 'swap']))
    i,letter = draw(st.integers(0, len(word)-1)),draw(st.sampled_from(string.ascii_letters + 'äß5 _-'))
    odd = {'more': word[:i]+letter+word[i:], 'less': word[:i]+word[i+1:], 'other': word[:i]+letter+word[i+1:], 'swap': word[:i]+word[i:i+2][::-1]+word[i+2:]}[kind]
    assume(odd != word)
    return known,word,odd

@given(edited(), st.integers(1, 2), st.integers(20, 60))
@settings(max_examples=200, deadline=None)
def test_one_slip_is_always_found(slip, few, most):
    known,word,odd = slip
    assert pairs(known*most + [odd]*few) == {(odd, word)}

@given(st.lists(LABEL, max_size=5), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_the_order_of_labels_does_not_matter(names, n):
    assert similar_labels(names*n) == similar_labels(sorted(names*n))

# the same labels

DIFFERENT = [
    (['Cat', 'dog'], ['cat', 'dog'], "'Cat' is new; 'cat' is missing.", "Did you mean 'cat'?"), (['cat', 'dog', 'bird'], ['cat', 'dog'], "'bird' is new.", 'do this'),
    (['dog'], ['cat', 'dog', 'bee'], "'bee', 'cat' are missing.", 'do this'), (['cat', 'Cats', 'dog'], ['cat', 'dog'], "'Cats' is new.", "Did you mean 'cat'?"),
    (['Cat', 'dgos'], ['cat', 'dogs'], "'Cat', 'dgos' are new; 'cat', 'dogs' are missing.", "'Cat': did you mean 'cat'? 'dgos': did you mean 'dogs'?"),
    ([], ['cat'], "'cat' is missing.", 'do this'), (['cat'], [], "'cat' is new.", 'do this'), ([str(i) for i in range(100)], ['x'], "and 60 more are new; 'x' is missing.", 'do this'),
]

def test_labels_that_differ():
    for ours,theirs,says,asks in DIFFERENT:
        with pytest.raises(PetLearnError) as e: same_labels(ours*2, set(theirs), 'the photos', 'R-7', 'do this')
        assert says in e.value.what and 'the photos' in e.value.what and 'R-7' in e.value.what
        assert e.value.fix == asks and e.value.expected.startswith('Expected exactly')

def test_labels_that_are_the_same(): assert same_labels(['b', 'a', 'a'], {'a', 'b'}) is None and same_labels([1, 2], ['2', '1']) is None
