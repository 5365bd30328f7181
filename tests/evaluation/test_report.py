"The report of a run: safe and self-contained pages, and sentences about every kind of odd run. No training, no photo."
import builtins, json, math, re
from html.parser import HTMLParser
import numpy as np
import pandas as pd
import pytest
from petlearn.core import PetLearnError
from petlearn.evaluation.report import Report
from petlearn.runs.run import Run, csv_text

pytestmark = pytest.mark.slow

PARTS = ['Accuracy', 'Evaluation Result', 'Training Parameters', 'Classification Statistics']

def said_about(labels, truth, said, sure=.9, usage='valid', name='photos/{}.jpg'):
    "A table of predictions: label numbers `truth`, answers `said`."
    k = len(labels)
    p = np.full((len(truth), k), (1-sure)/max(k-1, 1))
    p[np.arange(len(said)),said] = sure if k > 1 else 1
    df = pd.DataFrame(dict(file=[name.format(i) for i in range(len(truth))], usage=usage, label=[labels[i] for i in truth],
                           predicted=[labels[i] for i in said]))
    return df.join(pd.DataFrame(p, columns=[f'p_{o}' for o in labels]))

@pytest.fixture
def make_run(tmp_path):
    "Makes a run by hand from predictions; every photo of validation has four in training."
    def make(predictions, state='SUCCEEDED', name='V001-testing-moose', left_out=None, epochs=3, **metadata):
        path = tmp_path/name
        path.mkdir(parents=True)
        train = pd.concat([predictions[['file', 'label']].assign(usage='train')]*4) if len(predictions) else pd.DataFrame(
            dict(file=['a.jpg'], label='cat', usage='train'))
        split = pd.concat([train, predictions[['file', 'label', 'usage']]]).assign(sha256='0')
        history = pd.DataFrame([dict(phase='head', dataset=o, epoch=i, batches=3, accuracy=.8, cross_entropy=1/i, learning_rate=.01, seconds=1)
                                for i in range(1, epochs+1) for o in ('train', 'valid')])
        metadata = dict(format=1, petlearn='0.0.1', id='x', states=[(state, '2025-01-01 00:00:00')], note='', parent='', dataset='data', error='',
                     metrics={}, seconds=12.5, phases=[dict(name='head', seconds=1.5)], params=dict(arch='resnet18', lr=.01, epochs=3)) | metadata
        (path/'run.json').write_text(json.dumps(metadata))
        for o,df in dict(split=split, predictions=predictions, history=history, left_out=left_out).items():
            if df is not None and len(df.columns): (path/f'{o}.csv').write_bytes(csv_text(df).encode('utf-8', 'surrogateescape'))
        return Run(path)
    return make

def some(n=120, k=4, right=.8, seed=0, **kw):
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    return said_about([f'pet{i}' for i in range(k)], truth, np.where(rng.random(n) < right, truth, rng.integers(k, size=n)), **kw)

class Page(HTMLParser):
    "What a browser would see."
    def __init__(self, text):
        super().__init__()
        self.tags,self.words,self.open = [],[],[]
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ('img', 'meta', 'br'): self.open.append(tag)
    def handle_endtag(self, tag): assert self.open.pop() == tag, f'{tag} is not closed well'
    def handle_data(self, data): self.words.append(data)
    def all(self, tag): return [a for t,a in self.tags if t == tag]

# %% the page and the text

def test_four_parts(make_run):
    report = Report(make_run(pd.concat([some(), some(40, seed=1, usage='test')], ignore_index=True), metrics=dict(temperature=1.5)))
    assert list(report.parts) == PARTS and report.temperature == 1.5
    page,text = Page(report._repr_html_()),str(report)
    assert [o for o in page.words if o in PARTS] == PARTS and not page.open
    for o in PARTS: assert f'\n{o}\n{"="*len(o)}\n' in text
    for o in ('between', 'Confusion matrix', 'macro average', 'calibration error', 'resnet18'): assert o in text
    assert max(map(len, text.splitlines())) <= 80
    assert repr(report) == text

def check_page(html):
    "One file that needs nothing else, and that everybody can read."
    page = Page(html)
    assert not page.open and page.all('html') == [{'lang': 'en'}] and len(page.all('title')) == len(page.all('h1')) == 1
    assert {'charset': 'utf-8'} in page.all('meta') and 'width=device-width' in html
    assert not page.all('script') and not page.all('link') and not page.all('a') and 'url(' not in html and '@import' not in html
    for o in page.all('img'): assert o['src'].startswith('data:image/png;base64,') and o['alt'].strip()
    assert not re.search(r'(https?:|src="(?!data:)|href)', re.sub(r'base64,[^"]*', '', html))
    return page

def test_one_file(make_run):
    run = make_run(some(), name='V012-nice-name')
    path = Report(run).save()
    assert path == run.path/'report.html'
    page = check_page(path.read_text())
    assert 'Report of V012-nice-name' in page.words and len(page.all('img')) == 5
    assert len(page.all('figcaption')) == len(page.all('figure')) == len(page.all('table')) + 5
    assert not [o for o in run.path.iterdir() if o.name.startswith('.report')]

def test_where_it_is_saved(make_run, monkeypatch):
    monkeypatch.setattr(Report, '_repr_html_', lambda self: 'page')
    report = Report(make_run(some(20)))
    folder = report.run.path.parent
    for o,path in ((None, report.run.path/'report.html'), (folder, folder/'report.html'), (folder/'new'/'a.html', folder/'new'/'a.html')):
        assert report.save(o) == path and '<main>page</main>' in path.read_text()
    for bad in ('', 42, folder/'report.html'/'below.html'):
        with pytest.raises(PetLearnError): report.save(bad)

NASTY = ['<b>x</b>', '"quoted" & \'so\'', '<script>alert(1)</script>', '$x_1^2$', '猫 🐱', 'a\tb' + 'o'*100, '{% raw %}']

def test_names_are_text(make_run):
    truth = [i % 7 for i in range(70)]
    said = [i if j % 3 else (i+1) % 7 for j,i in enumerate(truth)]
    df = said_about(NASTY, truth, said, name='x/"><img src=y onerror=z> {}.jpg')
    out = pd.DataFrame(dict(file=['<i>.jpg'], reason=['<u>"torn"</u>']))
    run = make_run(df, note='<h1>note</h1>', parent='<p>', dataset='<q>', left_out=out, params=dict(arch='<em>', lr=.1))
    report = Report(run)
    page = check_page(report.save().read_text())
    assert {t for t,_ in page.tags} <= set('html head meta title style body main div section h1 h2 h3 p ul li table figcaption thead tbody tr th td figure img'.split())
    for o in (NASTY[0], NASTY[2], '<em>', '<q>', '<u>"torn"</u>'): assert o in page.words
    text = str(report)
    assert max(map(len, text.splitlines())) <= 80 and '\t' not in text

def test_file_names_that_are_no_text(make_run):
    df = said_about(['cat', 'dog'], [0, 1, 0, 1], [1, 1, 0, 1], name='x/b\udce4r{}.jpg')
    report = Report(make_run(df))
    assert 'x/b r0.jpg' in str(report) and 'x/b?r0.jpg' in report.save().read_text()

def test_nothing_but_tables_is_read(make_run, monkeypatch):
    "The photos of these runs don't exist; and the network isn't asked."
    run = make_run(some())
    opened,real = [],builtins.open
    monkeypatch.setattr(builtins, 'open', lambda f,*a,**kw: (opened.append(str(f)), real(f, *a, **kw))[1])
    monkeypatch.setattr(Run, 'model', property(lambda self: pytest.fail('the model was asked for')))
    monkeypatch.setattr(Run, 'bank', property(lambda self: pytest.fail('features were asked for')))
    import petlearn.image_io
    monkeypatch.setattr(petlearn.image_io, '_open', lambda *a: pytest.fail('a photo was opened'))
    Report(run).save()
    assert not [o for o in opened if o.endswith(('.jpg', '.safetensors', '.pth'))]

# %% notes

def notes(run): return ' | '.join(Report(run).notes)

NOTES = [([0, 1]*100, [0, 1]*100, 'Perfect is suspicious'), ([0]*90 + [1]*10, [0]*100, 'Not better than the baseline'),
    ([0]*90 + [1]*10, [1]*100, "always answering 'cat' would be right on 90 of 100 photos (90 %)"),
    ([0]*50, [0]*49 + [1], "No other label than 'cat' in validation (50 photos)"), ([0, 1]*3, [0, 1, 0, 1, 1, 1], 'Perhaps only luck'),
    ([0, 1]*3, [0, 1, 0, 1, 1, 1], 'moves the error rate by 17 %'), ([0]*100 + [1]*3, [0]*99 + [1]*4, "Fewer than five photos in validation of 'dog'"),
    ([0]*30, [0]*30, "No photo in validation of 'dog'"), ([0], [0], "(1 photo)")]

def test_notes(make_run):
    for i,(truth,said,expected) in enumerate(NOTES):
        report = Report(make_run(said_about(['cat', 'dog'], truth, said), name=f'V{i:03}'))
        assert expected in ' | '.join(report.notes)
        assert max(map(len, str(report).splitlines())) <= 80
        if len(set(truth)) == 1: check_page(report.save().read_text())

def test_a_good_run_has_no_warnings(make_run):
    assert Report(make_run(some(1000, 2, .9))).notes[-1].startswith('Only the head') and len(Report(make_run(some(1000, 2, .9), name='V2', metrics=dict(temperature=1.))).notes) == 2

def test_fine_tuned(make_run):
    assert 'whole network was fine-tuned' in notes(make_run(some(), tuned=True))

def test_test_photos_only(make_run):
    "No photos of validation: the test is what there is."
    report = Report(make_run(some(usage='test')))
    assert 'No validation photo' in report.notes[0] and report.main.usage == 'test' and 'validation' not in str(report.calibration['test'])

def test_120_labels(make_run):
    report = Report(make_run(some(900, 120, .7, seed=2)))
    text,html = str(report),report.save().read_text()
    assert len(text.splitlines()) < 400 and len(html) < 1_500_000 and max(map(len, text.splitlines())) <= 80
    assert '25 of 120' in text and '10 most confused of 120 labels' in text and len(report.main.labels) == 120
    check_page(html)

def test_neither(make_run, monkeypatch):
    class Novelty: limit = .5
    monkeypatch.setattr(Run, 'novelty', Novelty())
    df = said_about(['cat', 'dog'], [0, 1]*10, [0, 1]*9 + [1, 1]).assign(novelty=[.1]*18 + [.9, .2])
    text = str(Report(make_run(df)))
    assert re.search(r'validation\s+20\s+19\s+1\s+0\.1 % to 25 %\s+0\n', text), text
    assert 'Neither of them' not in str(Report(make_run(df.drop(columns='novelty'), name='V002')))

def test_a_model_that_is_gone(make_run, monkeypatch):
    def gone(run): raise PetLearnError('There is no model.')
    monkeypatch.setattr(Run, 'novelty', property(gone))
    assert 'Which photos it would refuse is not known. There is no model.' in str(Report(make_run(some().assign(novelty=.1))))

# %% bad input

BAD = [(lambda df: df[:0], 'no predictions yet'), (lambda df: df.assign(usage='train'), 'no predictions yet'),
    (lambda df: df.drop(columns='label'), 'damaged: it has no label'), (lambda df: df.assign(p_pet1=math.nan), 'damaged: 120 lines of 120'),
    (lambda df: df.assign(p_pet1=[7] + [0]*119), 'damaged'), (lambda df: df.assign(p_pet1=-1), 'damaged'),
    (lambda df: df.assign(predicted=['fish'] + list(df.predicted[1:])), 'damaged: 1 line of 120.*line 2 first'),
    (lambda df: df.assign(predicted=['pet1' if o == 'pet0' else 'pet0' for o in df.predicted]), 'damaged: 120 lines'),
    (lambda df: df.assign(usage=['valic'] + list(df.usage[1:])), 'damaged: 1 line of 120'),
    (lambda df: df.assign(label=''), 'damaged'), (lambda df: df[['file', 'usage', 'label', 'predicted']], 'damaged')]

def test_bad_tables(make_run):
    run = make_run(some())
    for change,said in BAD:
        (run.path/'predictions.csv').write_text(csv_text(change(some())))
        with pytest.raises(PetLearnError, match=said): Report(run)

def test_no_predictions(make_run):
    for i,(state,fix) in enumerate([('FAILED', 'train\\(resume='), ('QUEUED', 'train\\(resume='), ('SUCCEEDED', 'runs\\(')]):
        run = make_run(some(), state=state, name=f'V{i:03}')
        (run.path/'predictions.csv').unlink()
        with pytest.raises(PetLearnError, match='no predictions yet') as e: Report(run)
        assert re.search(fix, str(e.value))

def test_garbage(make_run):
    run = make_run(some())
    (run.path/'predictions.csv').write_bytes(b'\x00\xff"' * 500)
    with pytest.raises(PetLearnError): Report(run)

def test_without_history(make_run):
    run = make_run(some())
    (run.path/'history.csv').unlink()
    assert 'No epoch was finished' in str(Report(run))

def test_killed_without_a_model(make_run, monkeypatch):
    monkeypatch.setattr(Run, 'novelty', None)
    text = str(Report(make_run(some().assign(novelty=.1), state='FAILED')))
    assert 'what is left refuses nothing' in text and 'What passes' not in text

def test_percentages_are_those_of_the_run(make_run):
    "The mistakes are as sure as run.predict says; a killed run has no temperature, and its network is believed."
    for i,(metrics,sure) in enumerate([({}, '90 %'), (dict(temperature=3.), '68 %')]):
        report = Report(make_run(some(40, 2, .7), name=f'V{i:03}', metrics=metrics))
        assert report.parts['Classification Statistics'][-2].content['sure of that'].tolist()[0] == sure

def test_runs_without_some_numbers(make_run):
    for i,metrics in enumerate([dict(wrong=3), dict(wrong=3, of=9), dict(of=9, valid_error=.1), {}]):
        run = make_run(some(40, 2), metrics=metrics, name=f'V{i:03}')
        assert run.summary and run._repr_html_() and len(str(run.report())) > 1000

def test_photos_only_if_asked(make_run, pets_folder):
    "A report is sent to others: by default no photo is in it, and it says so."
    from petlearn.photos.finding import find_photos
    df = some(20)
    files = [str(o) for o in find_photos(pets_folder)[:20]]
    run = make_run(df.assign(file=(files*20)[:20]))
    wrong = len(Report(run).main.mistakes)
    assert wrong and 'image/jpeg' not in Report(run)._repr_html_() and 'No photo is in this report' in str(Report(run))
    assert run.report(photos=2)._repr_html_().count('image/jpeg') == min(2, wrong) and 'No photo is in' not in str(run.report(photos=2))
    for bad in (-1, 11, True, 'all'):
        with pytest.raises(PetLearnError, match='photos='): run.report(photos=bad)

def test_a_table_stays_with_its_picture(make_run):
    "In one box at any width, the picture first; the confusion matrix comes in the first part."
    page = Report(make_run(some(40)))._repr_html_()
    pairs = re.findall('<div class="petlearn-pair">(.*?)</table>', page, re.S)
    assert len(pairs) == 2
    for o in pairs:
        how = re.search('alt="Reliability ([a-z]+ the temperature)', o)[1]
        assert f'How sure, {how}' in o and o.count('<img') == o.count('<table') == 1
    assert page.index('Confusion matrix') < page.index('Evaluation Result')
