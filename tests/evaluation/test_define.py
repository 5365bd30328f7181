"Every word has its place, is found under many names, and says the right numbers or none."
import math, re, subprocess, sys
from enum import Enum
from types import ModuleType, SimpleNamespace
import pandas as pd, pytest
from petlearn.core import PetLearnError
from petlearn.evaluation.define import Definition, define
from petlearn.evaluation.glossary import Glossary, plain_words
from petlearn.evaluation.own_numbers import OWN_NUMBERS, TABLES

TERMS = Glossary().terms
NAMES = [o.name for o in TERMS]
EPOCHS = [('head', i) for i in range(1, 5)] + [('fine-tune', 1), ('fine-tune', 2)]
LOSSES = dict(train=[.9, .5, .3, .2, .3, .2], valid=[.8, .5, .42, .40, .39, .38])
P_CAT = dict(a=(.9, 'cat', 'valid'), b=(.3, 'cat', 'valid'), c=(.2, 'dog', 'valid'), d=(.05, 'dog', 'valid'), e=(.6, 'dog', 'valid'),
             f=(.01, 'dog', 'valid'), g=(.99, 'cat', 'test'), h=(.7, 'dog', 'test'))

class State(str, Enum): STOPPED = 'STOPPED'

def a_run(cat='cat', **changes):
    "A run made up by hand, with a test; `changes` replace some of its attributes."
    name = {'cat': cat, 'dog': 'dog'}
    predictions = pd.DataFrame([{'file': f'/photos/{k}.jpg', 'usage': usage, 'label': name[label], 'predicted': name['cat' if p > .5 else 'dog'],
                                 f'p_{cat}': p, 'p_dog': 1-p} for k,(p,label,usage) in P_CAT.items()])
    history = pd.DataFrame(dict(phase=phase, dataset=d, epoch=n, batches=7, accuracy=.9, cross_entropy=LOSSES[d][i], learning_rate=.01/(i+1), seconds=.1)
                           for i,(phase,n) in enumerate(EPOCHS) for d in ('train', 'valid'))
    predictions['novelty'] = 0.
    split = pd.DataFrame([dict(file=f'/photos/t{i}.jpg', label=name['dog' if i % 3 else 'cat'], usage='train', sha256=f'{i:064x}') for i in range(9)]
                         + [dict(file=o.file, label=o.label, usage=o.usage, sha256=f'{i+8:064x}') for i,o in enumerate(predictions.itertuples())])
    phases = [SimpleNamespace(name='features', seconds=1.5, cached=True, note=''), SimpleNamespace(name='head', seconds=.5, cached=False, note=''),
              SimpleNamespace(name='fine-tune', seconds=9., cached=False, note='not better')]
    o = dict(version='V002', name='nervous-tron', state=State.STOPPED, parent='V001-calm-neuron', dataset='D-3f9a21c0', dataset_version='D-3f9a21c0', dataset_name='', steps=42, history=history,
             metrics=dict(wrong=2, of=6, valid_error=1/3, valid_accuracy=2/3, valid_loss=.5, test_wrong=1, test_of=2, test_acc=.5, test_loss=.6, temperature=1.5),
             predictions=predictions, split=split, phases=phases,
             params=dict(arch='resnet18', size=128, epochs=4, fine_tune_epochs=2, lr=.01, bs=8, valid_pct=.2, seed=7, preference='balance',
                         labeler='cat_or_dog', patience=3, checkpoint_every=100, minutes=5))
    return SimpleNamespace(**(o | changes))

OWN = {
    'error rate': 'wrong on 2 of 6 validation photos (33 %); wrong on 1 of 2 test photos (50 %).',
    'accuracy': 'right on 4 of 6 validation photos (67 %); right on 1 of 2 test photos (50 %).',
    'epoch': '6 epochs: 4 epochs in the phase head, 2 epochs in the phase fine-tune.',
    'batch': '7 batches an epoch in the phase head, 7 batches an epoch in the phase fine-tune, of 8 photos each.',
    'batch size': 'bs=8.',
    'step': '42 steps of learning.',
    'learning rate': '0.01 at most, and 0.002 at the end.',
    'optimizer': "Adam took the 42 steps (fastai's default is Adam; many texts say SGD).",
    'SGD': "Adam took the 42 steps (fastai's default is Adam; many texts say SGD).",
    'confusion matrix': "the most frequent confusion: 'cat' was called 'dog', 1 of 2 mistakes on 6 validation photos.",
    'precision': "of 2 photos called 'cat', 1 are right (50 %); of 4 photos called 'dog', 3 are right (75 %).",
    'recall': "of 2 photos of 'cat', 1 were found (50 %); of 4 photos of 'dog', 3 were found (75 %).",
    'F1': "'cat': 2 × 1 / (2 called + 2 of this label) = 0.500; 'dog': 2 × 3 / (4 called + 4 of this label) = 0.750.",
    'base rate': "always answering 'dog' would be right on 4 of 6 photos (67 %); the model is right on 4.",
    'calibration': 'its answers had a mean probability of 82 %, and 67 % of them were right.',
    'probability': "its least sure answer is 'cat' for e.jpg, with 60 %.",
    'softmax': 'for f.jpg: dog 0.990, cat 0.010; together 1.000.',
    'cross-entropy': '0.500 in validation; guessing among 2 labels would give log(2) = 0.693.',
    'leak': '1 of 16 different pictures is in more than one part.',
    'duplicate': '17 photos, 16 different pictures.',
    'split': '9 photos for training, 6 photos for validation, 2 photos for the test.',
    'training set': '9 photos: 6 dog, 3 cat.',
    'validation set': '6 photos: 4 dog, 2 cat.',
    'class imbalance': '6 training photos of dog, 3 of cat: 2.0 to 1.',
    'head': 'resnet18 with a head for 2 labels: cat, dog.',
    'bottleneck features': 'all 17 photos were known from an earlier training, so it took 1.50 s.',
    'fine-tuning': '2 epochs in 9.00 s: not better.',
    'phase': 'features 1.50 s (known), head 0.50 s, fine-tune 9.00 s.',
    'patience': 'patience=3; 6 epochs: 4 epochs in the phase head, 2 epochs in the phase fine-tune.',
    'checkpoint': 'one every 100 steps.',
    'time budget': 'minutes=5.',
    'seed': 'seed=7.',
    'state': 'STOPPED. It ended early, after a checkpoint: it has a model, and can be resumed.',
    'run': 'STOPPED, 42 steps in 11.0 s, on data set D-3f9a21c0.',
    'parent': 'its parent is V001-calm-neuron.',
    'version': 'V002, called nervous-tron.',
    'rule of three': '2 of 6 were wrong, so the rule does not apply.',
    'overfitting': "wrong on 1 of 6 validation photos, and always answering 'dog' on 2: too few photos to tell that from luck. Next: valid_pct=0.4.",
}

def test_own_numbers():
    run = a_run()
    assert {o: define(o, run).own for o in OWN} == {k: f'In V002 nervous-tron: {o}' for k,o in OWN.items()}

def test_tables_have_their_words(): assert OWN_NUMBERS.keys() | TABLES.keys() <= set(NAMES)

def test_loss_is_cross_entropy_recomputed():
    own = define('loss', a_run()).own
    losses = {k: -math.log(p if label == 'cat' else 1-p) for k,(p,label,usage) in P_CAT.items() if usage == 'valid'}
    assert f'{sum(losses.values())/6:.3f}, the mean over 6 validation photos' in own
    shown = re.findall(r"(\w)\.jpg \('\w+'\): probability ([\d.]+), loss -log\(([\d.]+)\) = ([\d.]+\d)", own)
    assert [o[0] for o in shown] == ['f', 'c', 'b'] # the best, the one in the middle, the worst
    for k,p,again,loss in shown: assert p == again and f'{losses[k]:.3f}' == loss and f'{math.exp(-losses[k]):.3g}' == p

def test_loss_at_the_ends():
    "Probabilities of 0 and 1, or a hair more than 1, as 32-bit numbers have them."
    df = pd.DataFrame(dict(file=['x', 'y', 'z'], usage='valid', label='cat', predicted=['cat', 'dog', 'cat'], p_cat=[1., 0., 1.0000001], p_dog=[0., 1., 0.]))
    own = define('loss', a_run(predictions=df)).own
    assert '-log(1) = 0.000' in own and '-0.000' not in own and '= 27.631' in own

def test_confusion_matrix_as_a_table():
    assert define('confusion matrix', a_run()).rows == [('', 'called cat', 'called dog'), ('is cat', 1, 1), ('is dog', 1, 3)]

def test_many_labels_stay_short():
    "With 37 labels: the worst are named, and no table is drawn."
    labels = [f'breed {i:02}' for i in range(37)]
    df = pd.DataFrame([dict(file=f'{o}.jpg', usage='valid', label=o, predicted=labels[max(i-1, 0)]) | {f'p_{l}': 1/37 for l in labels} for i,o in enumerate(labels)])
    run = a_run(predictions=df)
    assert not define('confusion matrix', run).rows
    for o in ('precision', 'recall', 'f1'): assert 'and 31 labels that are not worse' in define(o, run).own

def test_terms():
    run = a_run()
    for term in TERMS: _check_term(term, run)

def _check_term(term, run):
    assert term.text.endswith('.') and len(term.text) < 420 and term.better in ('', 'lower', 'higher')
    for o in term.see: assert o in NAMES and o != term.name
    found = define(term.name, run)
    assert isinstance(found, Definition) and found.term == term.name and not found.understood and found.text.startswith(term.text)
    assert max(map(len, str(found).split('\n'))) < 80 and repr(found) == str(found)
    if term.name in OWN_NUMBERS: assert found.own.startswith('In V002 nervous-tron: '), 'a complete run has numbers for every word that asks for them'
    if term.better: assert f"{term.better.capitalize()} is better ({'↓' if term.better == 'lower' else '↑'})." in found.text

def test_names_are_unique():
    keys = [''.join(plain_words(n)) for o in TERMS for n in (o.name, *o.synonyms)]
    assert len(TERMS) >= 70 and len(keys) == len(set(keys)) and '' not in keys

def test_asked_for():
    "The words of the issue are all there."
    for o in """loss|cross-entropy|accuracy|error rate|epoch|batch|step|batch size|learning rate|one-cycle schedule|optimizer|adam|sgd|weights|parameters|hyperparameter|pretrained model|backbone|body|head
        |transfer learning|bottleneck features|feature bank|fine-tuning|freezing|training set|validation set|test set|split|data set version|label|labeler|confusion matrix|precision|recall|F1|overfitting|underfitting
        |early stopping|patience|checkpoint|augmentation|base rate|calibration|confidence|probability|softmax|leak|seed|run|state|version|parent|inference|defaults""".split('|'):
        assert not define(o.strip(), a_run()).understood, o

SAME = {'lr': 'learning rate', 'LR': 'learning rate', 'Learning-Rate': 'learning rate', 'learning_rates': 'learning rate', 'LearningRate': 'learning rate', ' loss ': 'loss', 'losses': 'loss', 'val loss': 'loss',
        'valid_loss': 'loss', 'epochs': 'epoch', 'batches': 'batch', 'bs': 'batch size', 'accuracies': 'accuracy', 'val-acc': 'accuracy', 'crossentropy': 'cross-entropy', 'Cross Entropy': 'cross-entropy',
        'f1-score': 'F1', 'parameters': 'weights', 'weight': 'weights', 'body': 'backbone', 'frozen': 'freezing', 'finetuning': 'fine-tuning', 'classes': 'label', 'overfit': 'overfitting', 'STOP_REQUESTED': 'state',
        'state_unspecified': 'state', 'stopped': 'state', 'cancelled': 'state', 'confidence': 'probability', 'dataset': 'data set', 'dev sets': 'validation set', 'pre-trained': 'pretrained model', 'tpr': 'recall', 'hit rate': 'recall',
        'gradient descent': 'SGD', 'params': 'hyperparameter', 'embedding': 'bottleneck features', 'feature vectors': 'bottleneck features', 'overconfidence': 'calibration'}

def test_other_names():
    assert {o: (define(o).term, define(o).understood) for o in SAME} == {k: (o, '') for k,o in SAME.items()}

NEAR = {'lernin rate': 'learning rate', 'los': 'loss', 'acuracy': 'accuracy', 'accurracy': 'accuracy', 'eporch': 'epoch', 'bach size': 'batch size', 'optimiser function': 'optimizer', 'overfiting': 'overfitting',
        'over-fittng': 'overfitting', 'percision': 'precision', 'recal': 'recall', 'confussion matrix': 'confusion matrix', 'softmaxx': 'softmax', 'calibraton': 'calibration', 'augmentaton': 'augmentation',
        'cross entrophy': 'cross-entropy', 'hyper paramater': 'hyperparameter', 'transfer lerning': 'transfer learning', 'pretraind model': 'pretrained model', 'validaton set': 'validation set', 'chekpoint': 'checkpoint',
        'what is a learning rate?': 'learning rate', 'how many epochs do I need': 'epoch', 'safetensor file': 'safetensors', 'eror rate': 'error rate', 'gradiant': 'gradient'}

def test_near_misses():
    run = a_run()
    for word,term in NEAR.items():
        found = define(word, run)
        assert found.term == term and found.understood == f"{word!r} is not in the glossary; understood as {term!r}."
        assert str(found).startswith(repr(word)[:20]) and 'understood as' in found._repr_html_()

def test_unknown_words():
    for word in ('zebra', 'horsepower', 'banana', 'qwerty', '42', '???', 'x', 'Schmetterling', 'x'*5000):
        with pytest.raises(PetLearnError) as e: define(word)
        assert 'is not in the glossary' in str(e.value) and len(str(e.value)) < 300 and e.value.fix

def test_nearly_near():
    with pytest.raises(PetLearnError, match="Did you mean 'epoch'"): define('epic')

def test_not_a_word():
    for word in (3, 2.5, ['loss'], a_run()):
        with pytest.raises(PetLearnError, match='is not a word'): define(word)

def test_a_run_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for o in ('V002', tmp_path/'runs'/'V002-calm-neuron'):
        with pytest.raises(PetLearnError, match='There (are no runs|is no run)'): define('loss', o)
    import petlearn.runs.choosing
    monkeypatch.setattr(petlearn.runs.choosing, 'find_run', {'V002': a_run()}.__getitem__)
    assert define('step', 'V002').own == 'In V002 nervous-tron: 42 steps of learning.'

class Broken:
    "A run whose every attribute is trouble."
    def __getattr__(self, name): raise OSError(f'{name} is damaged')

NO_ROWS = pd.DataFrame()
PARTIAL = dict(nothing=SimpleNamespace(), broken=Broken(), number=3,
    queued=SimpleNamespace(version='V003', name='calm-neuron', state='QUEUED', metrics={}, params={}, history=None, predictions=None, split=None, phases=[], steps=0, parent='', dataset=''),
    empty_tables=a_run(history=NO_ROWS, predictions=NO_ROWS, split=NO_ROWS, metrics={}),
    no_rows=(lambda o: a_run(history=o.history[:0], predictions=o.predictions[:0], split=o.split[:0], phases=[]))(a_run()),
    no_test=a_run(metrics=dict(wrong=2, of=6, valid_error=1/3, valid_accuracy=2/3, valid_loss=.5)),
    no_columns=a_run(predictions=pd.DataFrame(dict(file=['a'], label=['cat'])), split=pd.DataFrame(dict(file=['a']))),
    old_params=a_run(params=dict(arch='resnet18', size=128)), nones=a_run(params=dict.fromkeys(a_run().params), metrics=dict.fromkeys(a_run().metrics)))

def test_no_run_makes_it_fail():
    for o in PARTIAL: _check_partial(o)

def _check_partial(name):
    for o in NAMES:
        found = define(o, PARTIAL[name])
        assert found.text and str(found) and found._repr_html_()
        for odd in ('nan', 'None ', '{}', '[]'): assert odd not in found.own, found.own
    if name in ('nothing', 'broken', 'number'): assert not any(define(o, PARTIAL[name]).own for o in NAMES if o != 'parent')

def test_unfinished_runs_say_what_they_can():
    queued = PARTIAL['queued']
    assert define('state', queued).own == 'In V003 calm-neuron: QUEUED. It waits until it is its turn: one training at a time in each folder.'
    for o in ('loss', 'error rate', 'overfitting', 'epoch', 'step', 'confusion matrix', 'precision', 'base rate', 'leak', 'learning rate', 'optimizer'): assert define(o, queued).own == '', o

def test_labels_that_are_numbers():
    "Folders called 1 and 2 come back from a file as numbers."
    df = pd.DataFrame(dict(file=['a', 'b'], usage='valid', label=[1, 2], predicted=[1, 1], p_1=[.9, .8], p_2=[.1, .2]))
    assert "of 2 photos called '1', 1 are right (50 %); no photo was called '2'" in define('precision', a_run(predictions=df)).own
    assert '0.857, the mean over 2' in define('loss', a_run(predictions=df)).own

def test_html_is_escaped():
    run = a_run('<b>', name='<script>')
    for o in NAMES:
        page = define(o, run)._repr_html_()
        assert '<script>' not in page and "'<b>'" not in page and 'called <b>' not in page
    assert '&lt;b&gt;' in define('confusion matrix', run)._repr_html_() and '&lt;script&gt;' in define('loss', run)._repr_html_()
    assert '<i>' not in define('<i>loss</i>')._repr_html_().replace('<i>', '', 1) # ours, around how it was understood

def test_glossary():
    o = define()
    assert isinstance(o, Glossary) and list(o) == NAMES and len(o) == len(TERMS) and repr(o) == str(o)
    text = str(o)
    assert max(map(len, text.split('\n'))) < 80
    for name in NAMES: assert re.search(rf'^  {re.escape(name)}( |$)', text, re.M) and name in o._repr_html_()
    for term in ('', '  ', None, 'glossary', 'Glossary'): assert str(define(term)) == text
    for term in o.terms: assert term.first_sentence.endswith(('.', '?'))
    assert 'loss ↓' in text and 'accuracy ↑' in text

def test_precision_and_recall_are_not_swapped():
    assert define('precision').text.startswith('Of all photos that were called')
    assert define('recall').text.startswith('Of all photos that really have')

def test_defaults():
    from petlearn.training.settings import Settings
    text = ' '.join(str(define('defaults')).split())
    for o in ('ResnetV2_50', '200', '10', '0.01', 'exponential', '0.1', 'accuracy', 'min_delta', 'patience 20'): assert o in text
    for row in define('defaults').rows: assert len(row) == 3
    ours = ' '.join(row[2] for row in define('defaults').rows)
    for o in ('epochs', 'fine_tune_epochs', 'patience'): assert f'{o}={getattr(Settings, o)}' in ours
    assert f'lr={Settings.lr:g}' in ours and f'valid_pct={Settings.valid_pct:g}' in ours

def test_newest_run(tmp_path, monkeypatch):
    "Without a run: the newest of the folder `runs` that has numbers; nothing, whatever is wrong there."
    monkeypatch.chdir(tmp_path)
    assert define('error rate').own == ''
    book = ModuleType('petlearn.runs.book')
    monkeypatch.setitem(sys.modules, 'petlearn.runs.book', book)
    (tmp_path/'runs').mkdir()
    assert define('error rate').own == '' # no RunBook in there
    book.RunBook = lambda folder: []
    assert define('error rate').own == ''
    book.RunBook = lambda folder: [a_run(version='V001'), a_run(), Broken(), PARTIAL['queued']]
    assert define('error rate').own.startswith('In V002 nervous-tron') # the newest that knows
    assert define('state').own.startswith('In V003 calm-neuron: QUEUED')
    assert define('error rate', a_run(version='V007')).own.startswith('In V007')
    assert define('error rate', PARTIAL['queued']).own == '' # who asks about one run shall not hear of another
    book.RunBook = lambda folder: 1/0
    assert define('error rate').own == ''

def test_loads_nothing_heavy(tmp_path):
    "Not even when a word is explained, where there are no runs."
    code = ("import sys; from petlearn.evaluation.define import define; str(define()), str(define('loss')), define('error rate')._repr_html_(); "
            "heavy = {'torch','fastai','pandas','numpy','matplotlib'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)")
    r = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr

def test_explain_with_a_real_run(run):
    assert f"{run.metrics['wrong']} of {run.metrics['of']}" in str(define('error rate', run)) and '2 epochs' in str(define('epoch', run))
    assert f"{run.metrics['valid_loss']:.3f}" in str(define('loss', run))
    p = [row[f'p_{row.label}'] for _,row in run.predictions.iterrows()]
    assert run.metrics['valid_loss'] == pytest.approx(-sum(map(math.log, p))/len(p))
