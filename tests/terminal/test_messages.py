"Every message at the terminal proposes what can be typed there: no Python, and commands that exist; the same mistakes in a notebook propose calls."
import itertools, shlex, shutil, zipfile
from pathlib import Path
import pytest
from petlearn import PetLearnError
from petlearn.cli import main
from petlearn.core import result_or_error
from petlearn.datasets.checks import check
from petlearn.next_steps import WIDGET, shown_in
from petlearn.photos.drawings import draw_pets
from petlearn.run_steps import resume_step
from helpers import pretend
from hinted import commands_in, faults_at_the_terminal, faults_in_a_notebook, faults_in_a_widget

@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "A folder with photos in all kinds of disorder, and with runs that can't do everything."
    top = tmp_path_factory.mktemp('here')
    drawn = sorted(draw_pets(top/'drawn', 40).iterdir())
    cats,dogs = ([o for o in drawn if o.name[0].isupper() == is_cat] for is_cat in (True, False))
    number = itertools.count()
    def folder(name, **labels):
        for label,files in labels.items():
            (top/name/label).mkdir(parents=True)
            for i,o in enumerate(files): shutil.copy(o, top/name/label/f'IMG_{next(number):04}.jpg')
    folder('photos', cat=cats[:9], dog=dogs[:9])
    folder('few', cat=cats[:3], dog=dogs[:9])
    folder('one', cat=cats[:9])
    folder('bad', cat=cats[:9], dog=dogs[:9])
    (top/'bad/cat/x.jpg').write_bytes(next((top/'bad/cat').iterdir()).read_bytes()[:900])
    (top/'bad/dog/y.jpg').write_bytes(b'')
    folder('odd', cat=cats[:9], dog=dogs[:9])
    (top/'odd/bird').mkdir()
    (top/'odd/cat/z.zip').write_bytes(b'PK\3\4')
    (top/'unlabelled').mkdir()
    for i,o in enumerate(drawn[:12]): shutil.copy(o, top/f'unlabelled/{"IMG" if i%2 else "DSC"}_{i:04}.jpg')
    folder('two ways/fresh', apple=cats[:5], pear=dogs[:5])
    folder('two ways/rotten', apple=cats[5:10], pear=dogs[5:10])
    (top/'empty').mkdir()
    (top/'zipped').mkdir()
    with zipfile.ZipFile(top/'photos.zip', 'w') as z: z.write(drawn[0], 'a.jpg')
    shutil.copy(top/'photos.zip', top/'zipped/photos.zip')
    (top/'split.csv').write_text('file,label,usage\n')
    (top/'table.csv').write_text('id;animal\n1;cat\n')
    (top/'page.jpg').write_text('<html>')
    pretend(top/'runs', 'FAILED', error=["The loss became 9. ", *resume_step(top/'runs/V001-x', lr=.01).to_json()])
    pretend(top/'runs', 'STOPPED')
    pretend(top/'elsewhere', 'CANCELED')
    return top

MISTAKES = """
train photos.zip|train split.csv|train nowhere|train foto|train empty|train zipped|train few|train one|train unlabelled|train bad|train https://example.org/pets.zip
train 'two ways'|train photos --valid-pct 2|train photos --arch resnet999|train photos --arch mobilenet|train photos --resume V009|train photos --resume newest --runs-dir nothing
train photos --minutes 0|train photos --minutes 1:30|train photos --minutes 9999|train photos --lr 0|train photos --lr fast|train photos --epochs 3.5|train photos --epochs -1
train photos --epochs 0 --fine-tune-epochs 0|train photos --valid-pct .6 --test-pct .6|train photos --size big|train photos --size 9|train photos --preference fast|train photos --preference blance
train photos --name 'My Run!'|train photos --name best|train photos --note xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
train photos --labeler bogus|train photos --labeler '('|train photos --labeler table.csv|train photos --labeler 'by_parent(x)'|train photos --labeler nolabels.csv|train photos --labeler '(x)_.*'
train photos --seed -1|train photos --bs 1|train photos --patience many|train photos --lerning-rate .1|train photos --test-dir nowhere|train photos --test-dir empty
check photos.zip|check nowhere|check empty|check zipped|check one|check few|check bad|check odd|check unlabelled|check 'two ways'|check table.csv|check photos --fix dark|check photos --fix bogus
check bad --fix few|check photos --fix safe|check photos --undo|check bad --bogus|check photos few
predict|predict nothere.jpg --run V001|predict nothere.jpg|predict page.jpg --run nowhere|predict photos.zip --run V002|predict photos --run runs/V009-x|predict photos --format xml|predict photos --compact --format csv|predict photos --top 0
export|export V001|export V009|export V001 --folder photos|serve|serve V001|serve --port 99999|serve --stop-after 2d|app|app --port many|app V001 --runs-dir elsewhere
report|report V001|report V009|report --runs-dir elsewhere|compare|compare V001|compare V001 V009|compare V001 V001|stop|stop V001|stop V009|show V009|show --runs-dir nothing|show V001|show V001 --runs-dir elsewhere
list --where bogus|list --where valid_error|list --sort bogus|list --format xml|list --runs-dir page.jpg|define bogusword|help bogus|bogus|new|new mypets cat|new photos|new a/b:c dog cat|unpack|unpack nowhere.zip|unpack photos|unpack photos.zip|draw drawn|lessons photos/cat
"""

def mistakes():
    return [shlex.split(o) for line in MISTAKES.strip().splitlines() for o in line.split('|')]

def test_the_terminal_proposes_commands(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr('petlearn.runs.book.create_run', lambda *args: 1/0) # nothing here is right enough to train
    found,named = {},0
    for args in mistakes():
        try: main(args)
        except SystemExit: found[' '.join(args)] = ['left Python'],''
        out = capsys.readouterr()
        text = out.out + out.err
        named += len(list(commands_in(text)))
        faults = [*faults_at_the_terminal(text)] + ['a traceback']*('Traceback' in text) + ['something unexpected']*('unexpected' in text)
        if faults: found[' '.join(args)] = faults, text
    assert found == {}, '\n\n'.join(f'{k}: {faults}\n{text}' for k,(faults,text) in found.items())
    assert named > 40 and len(mistakes()) > 100

def test_a_notebook_proposes_calls(place, monkeypatch):
    "The same disorder, looked at in a notebook, and in a widget."
    from petlearn.photos.archives import unpack
    from petlearn.photos.finding import find_photos
    from petlearn.runs.book import runs
    from petlearn.runs.choosing import find_run, finished_run
    from petlearn.training.trainer import train
    monkeypatch.chdir(place)
    tries = [lambda o=o: train(o) for o in ('photos.zip', 'nowhere', 'empty', 'zipped', 'few', 'one', 'unlabelled', 'bad', 'two ways', 'page.jpg')]
    tries += [lambda o=o: check(o) for o in ('photos.zip', 'nowhere', 'empty', 'zipped')] + [lambda o=o: unpack(o) for o in ('nowhere.zip', 'photos', 'photos.zip')]
    tries += [lambda o=o: train('photos', **o) for o in (dict(epochs=-1), dict(lr=0), dict(arch='resnet999'), dict(preference='fast'), dict(name='My run'), dict(minutes=.01), dict(resume='V009'), dict(bogus=3))]
    tries += [lambda: runs()['V009'], lambda: runs('nothing')['newest'], lambda: runs()['V001'].stop(), lambda: runs()['V002'].require('use'), lambda: runs(where='x'), lambda: finished_run('V001'), lambda: find_run(3.5),
              lambda: runs()['V001'].report(), lambda: check('photos').fix('dark'), lambda: check('photos').undo(), lambda: check('bad')['dark'], lambda: check('few').fix('few'), lambda: find_photos('photos').some(0)]
    found = {}
    for i,f in enumerate(tries):
        e = result_or_error(f)
        if not isinstance(e, PetLearnError): found[i] = ['no error'],e
        else:
            faults = [*faults_in_a_notebook(str(e))]
            with shown_in(WIDGET): faults += faults_in_a_widget(str(e))
            if faults: found[i] = faults,str(e)
    assert found == {}, '\n\n'.join(map(str, found.values()))
