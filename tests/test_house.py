"One direction: every import of every module goes down; who must be light is light; notebooks stand in the order of the house."
import re, sys
from common import ROOT
from house import LIGHT, House, rooms

HOUSE = House(ROOT)

def test_the_table_knows_every_room():
    assert set(rooms()) == set(HOUSE.files), 'the table ORDER in tests/house.py'

def test_imports_go_down():
    assert [f'{a} imports {b}' for a,b in HOUSE.upward(rooms())] == []

def test_no_circles(): assert HOUSE.circles() == []

def test_ground_floor_and_runs_are_light():
    light = [o for o in rooms() if '.' not in o and rooms().index(o) < rooms().index('photos.finding') or o.startswith('runs.')]
    assert {o: found for o in light if (found := HOUSE.foreign[o] & set(LIGHT))} == {}

def test_lite_needs_three_packages():
    "What it imports at once; what it could import later, such as a plug-in for iPhone photos, is not loaded (tests/models/test_lite.py looks)."
    needed = HOUSE._below('lite') | {'lite'}
    assert {o for k in needed for o in HOUSE.at_import[k]} - set(sys.stdlib_module_names) <= {'onnxruntime', 'PIL', 'numpy'}

def test_notebooks_stand_in_the_order_of_the_house():
    kit = [(str(o.path.relative_to(ROOT/'nbs/kit')), re.match(r'#\| default_exp ([\w.]+)', o.sources[0])[1]) for o in HOUSE.notebooks('nbs/kit')]
    for path,module in kit: assert re.fullmatch(rf"\d\d_\w+/\d\d_{module.split('.')[-1]}\.ipynb", path), path
    place = rooms().index
    assert [m for _,m in kit] == sorted((m for _,m in kit), key=place)
    for path,module in kit: assert '.' not in module or path.split('/')[0].split('_', 1)[1] == module.split('.')[0], path

def test_rooms_that_are_named_are_there():
    "Prose says `04_runs/02_predictions` or `04_runs/predictions`; numbers change when a room comes in between."
    wings = {o.name: {p.stem for p in o.glob('*.ipynb')} for o in (ROOT/'nbs/kit').iterdir() if o.is_dir()}
    named = re.compile(rf"\b({'|'.join(wings)})/(\w+)")
    prose = {o.path.name: '\n'.join(s for k,s in zip(o.kinds, o.sources) if k == 'prose') for o in HOUSE.notebooks()}
    prose |= {o.name: o.read_text() for o in (ROOT/'README.md', ROOT/'CHANGELOG.md', *(ROOT/'teaching').glob('*.md'), *(ROOT/'benchmarks').glob('*.md'))}
    lost = {(k, m[0]) for k,text in prose.items() for m in named.finditer(text) if not any(m[2] in (o, o[3:]) for o in wings[m[1]])}
    assert lost == set()
