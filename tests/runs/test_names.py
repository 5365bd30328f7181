"Names that people remember, that a class of fourteen-year-olds can hear, and that folders may have."
import random, re
import pytest
from petlearn import PetLearnError
from petlearn.datasets.split_table import ANIMALS, COLOURS
from petlearn.runs.names import check_name, memorable_name

# words that were found in the lists of other packages, and what else hurts or makes thirty people laugh: none may be a word of a name
REFUSED = '''aboriginal addict alcoholic anal angelic ape arse arrogant ass baboon bald bare beaver beefy berserk big bipedal bitch black bloody blond boar bonobo boob boobook
booby breast brown bulky bum busty butt cheeky cherry chicken chimp chimpanzee chubby chunky cock cockatoo cockle cocky coon coot cougar cow crab crappy crazy creepy cuckoo curvy damn
deadly dead demonic devout dick dirty dodo dog donkey drunk dumb dwarf dyke eel elephant erect exotic fag fanatic fat filthy flabby foul frisky frog furry gay genital ghetto girlish goat
godlike gorilla greedy grumpy gypsy hairy handsome hash hashish heavenly heavy hell heretic hippo hog holy homo horny hot hulking hung husky hysterical idiot illegal insane jerk junkie
kickass kinky knob lame leech loose louse loud lusty macho macaque mandrill mad massive mature meaty midget moist monkey moron mule muscular naked native naughty nude nun obese oriental
oyster pecker petite pig pink plump pope porky primitive prick pussy pygmy queer randy rat retarded root rooster rough rude seductive sensual sexy shag shaggy shrew shrimp sissy skank
skinny skunk slim sloppy sloth slut small smelly smoky snail snake spastic spicy spunk stallion sticky stoned straight stubby stupid swallow sweaty tart tall teal tentacled thick tight
tiny tit toad tramp tranny turd turkey ugly uncovered uptight vegan violent virgin voluptuous vulture wanker weasel weird well-endowed wet whale white whore wicked wild willy woodcock
woodoo woodpecker worm yellow'''.split()

def all_names(monkeypatch):
    "Every name that may be drawn."
    found = []
    class All:
        def choice(self, names):
            found[:] = names
            return names[0]
    monkeypatch.setattr(random, 'SystemRandom', All)
    memorable_name()
    return found

def test_a_class_can_hear_them(monkeypatch):
    "Names of runs, and names of data sets."
    names = all_names(monkeypatch)
    words = {w for o in names for w in o.split('-')} | {*COLOURS, *ANIMALS}
    assert len(names) > 30_000 and sorted(words & {*REFUSED}) == []

def test_all_fit_a_folder_and_none_is_a_label(monkeypatch):
    names = all_names(monkeypatch)
    assert max(map(len, names)) <= 40 and not [o for o in names if not re.fullmatch('[a-z]+-[a-z]+', o)] and not {'cat', 'dog'} & {o.split('-')[1] for o in names}

def test_many_names():
    names = []
    for _ in range(150): names.append(memorable_name(names))
    assert len(set(names)) == 150 and all(check_name(o) for o in names)

def test_when_all_are_taken(monkeypatch):
    names = all_names(monkeypatch)
    monkeypatch.undo()
    assert memorable_name(names[1:]) == names[0] and memorable_name(names) == f'run-{len(names)+1}'

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
        assert e.value.fix.startswith("For example name='") and check_name(e.value.fix.split("'")[1])
