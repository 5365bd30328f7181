"Text in plots: as it was typed, with a font of this computer, or in letters that there are; never a warning."
import warnings
import matplotlib, matplotlib.pyplot as plt, numpy as np, pandas as pd, pytest
from matplotlib import font_manager
from petlearn.photos import captions
from petlearn.photos.captions import plot_text

LABELS = ['cat', '_background', '$x^2$', 'a$b', r'C:\dogs', '猫', 'كلب', 'कुत्ता', '🐦', '👩‍🔬', '고양이', 'naïve', '　', 'a\nb', '']

@pytest.fixture
def fresh(monkeypatch):
    "As in a new Python."
    captions._missing.cache_clear()
    monkeypatch.setattr(captions, '_SAID', [])
    with matplotlib.rc_context({'font.family': ['sans-serif']}): yield
    captions._missing.cache_clear()
    plt.close('all')

@pytest.fixture
def no_other_fonts(monkeypatch):
    monkeypatch.setattr(font_manager.fontManager, 'ttflist', [o for o in font_manager.fontManager.ttflist if o.name.startswith(('DejaVu', 'Last'))])

def drawn(*texts):
    "The figure of a legend with the `texts`, drawn under the strictest filter."
    _,ax = plt.subplots()
    for o in texts: ax.plot([0, 1], label=plot_text(o))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        ax.legend()
        ax.figure.canvas.draw()
    return [o.get_text() for o in ax.get_legend().get_texts()]

def test_any_label_has_its_name_in_a_legend(fresh, no_other_fonts, capsys):
    assert len(drawn(*LABELS)) == len(LABELS) - 1 # matplotlib lists no empty name
    assert drawn('_background', '猫', '🐦', '$x^2$') == [' _background', '[732B]', '[bird]', r'\$x^2\$']
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and 'No font here has' in said and '猫' in said and 'Noto Sans CJK' in said
    drawn(*LABELS)
    assert capsys.readouterr().err == '', 'said once'

def test_a_font_of_this_computer_is_used(fresh, monkeypatch, tmp_path, capsys):
    "A font with one letter, made for this test."
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for o in ((500, 900), (900, 0)): pen.lineTo(o)
    pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(['.notdef', 'cat'])
    font.setupCharacterMap({ord('猫'): 'cat'})
    font.setupGlyf({o: pen.glyph() for o in ('.notdef', 'cat')})
    font.setupHorizontalMetrics({o: (1000, 0) for o in ('.notdef', 'cat')})
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable(dict(familyName='One Cat', styleName='Regular'))
    font.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    font.setupPost()
    font.save(tmp_path/'cat.ttf')
    monkeypatch.setattr(font_manager.fontManager, 'ttflist', font_manager.fontManager.ttflist[:])
    font_manager.fontManager.addfont(str(tmp_path/'cat.ttf'))
    before = [o for o in font_manager.fontManager.ttflist if o.name in ('One Cat', 'DejaVu Sans')]
    monkeypatch.setattr(font_manager.fontManager, 'ttflist', before)
    assert drawn('猫', 'dog') == ['猫', 'dog'] and matplotlib.rcParams['font.family'] == ['sans-serif', 'One Cat'] and capsys.readouterr().err == ''
    assert drawn('犬') == ['[72AC]']

def test_every_plot_with_labels(fresh, no_other_fonts):
    "Curves, dots, bars: each names all labels, without a warning."
    from petlearn.datasets.split_table import show_split
    from petlearn.evaluation.metrics import plot_precision_recall, plot_roc
    labels = ['_background', '猫', '$5 to $10']
    probs = np.random.default_rng(0).dirichlet([1]*3, 30)
    rows = pd.DataFrame(dict(file=[f'{i}.jpg' for i in range(30)], usage='valid', label=labels*10, predicted=[labels[i] for i in probs.argmax(1)])).assign(**{f'p_{o}': p for o,p in zip(labels, probs.T)})
    split = rows[['file', 'label', 'usage']].assign(sha256=[f'{i:064x}' for i in range(30)])
    for ax in (plot_roc(rows), plot_precision_recall(rows)):
        assert sorted(o.get_text().split(':')[0].replace('\\', '') for o in ax.get_legend().get_texts()) == [' _background', '$5 to $10', '[732B]']
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        show_split(split.assign(usage=['train']*15 + ['valid']*15)).figure.canvas.draw()

def every_plot(tmp_path, pets_folder):
    "What each function returns that draws something, by its name."
    from types import SimpleNamespace
    from petlearn.datasets.checks import check
    from petlearn.datasets.labeling import show_labels
    from petlearn.datasets.split_table import show_split
    from petlearn.evaluation.compare import Comparison
    from petlearn.evaluation.metrics import plot_precision_recall, plot_roc
    from petlearn.evaluation.robustness import Robustness
    from petlearn.models.calibration import plot_reliability, reliability_table
    from petlearn.models.features import plot_features
    from petlearn.photos.finding import find_photos, show_photos
    from petlearn.runs.curves import plot_histories, plot_history
    photos = find_photos(pets_folder)[:4]
    table = pd.DataFrame(dict(file=photos, label=['cat', 'dog']*2, usage=['train', 'train', 'valid', 'valid'], sha256=[f'{i:064x}' for i in range(4)], variant=0))
    probs = np.array([[.9, .1], [.2, .8], [.6, .4], [.7, .3]])
    answers = table.assign(usage='valid', predicted=['cat', 'dog', 'cat', 'cat'], p_cat=probs[:,0], p_dog=probs[:,1])
    history = pd.DataFrame([dict(phase=p, dataset=o, epoch=1, accuracy=.5, cross_entropy=.7) for p in ('head', 'fine-tune') for o in ('train', 'valid')])
    pairs = pd.DataFrame([dict(first='V001', second='V002', photos=8, only_first_wrong=1, only_second_wrong=2, low=-.2, high=.1)])
    after = pd.DataFrame(dict(accuracy=[1, .02], right=[4, 0], of=[4, 4]), index=['unchanged', 'dark'])
    class Bank(SimpleNamespace):
        def __len__(self): return 4
    return dict(show_photos=show_photos(photos), show_split=show_split(table), show_labels=show_labels(pets_folder, n=2), plot_roc=plot_roc(answers), history=plot_history(history),
                plot_precision_recall=plot_precision_recall(answers), histories=plot_histories(dict(a=history)), reliability=plot_reliability(reliability_table(probs, np.array([0, 1, 0, 1]))),
                features=plot_features(Bank(x=np.random.default_rng(0).random((4, 8)), table=table, vocab=['cat', 'dog'])), robustness=Robustness('V001', after, 4, {}).plot(),
                pairs=Comparison.plot_pairs(SimpleNamespace(pairs=pairs, short=dict(V001='V001', V002='V002'))))

def test_each_plot_suits_a_dark_page_and_prints_nothing(tmp_path, pets_folder):
    "As IPython shows the last line of a cell; and letters, frames and lines that can be seen on white and on black."
    from IPython.core.formatters import DisplayFormatter
    from matplotlib.colors import to_rgb
    def light(colour): return sum(k*((v + .055)/1.055)**2.4 if v > .04045 else k*v/12.92 for k,v in zip((.2126, .7152, .0722), to_rgb(colour)))
    def contrast(a, b): return (max(light(a), light(b)) + .05)/(min(light(a), light(b)) + .05)
    plots = every_plot(tmp_path, pets_folder)
    assert {name: o for name,o in plots.items() if DisplayFormatter().format(o) != ({}, {})} == {}
    for name,o in plots.items():
        for ax in np.ravel(o):
            assert not ax.figure.patch.get_visible() and not ax.patch.get_visible(), name
            letters = [t.get_color() for t in (*ax.get_xticklabels(), ax.title, ax.xaxis.label, *(ax.get_legend().get_texts() if ax.get_legend() else ()))]
            lines = [l.get_color() for l in ax.lines if l.get_label()[0] != '_' and l.get_alpha() is None]
            assert [c for c in letters + lines if min(contrast(c, 'white'), contrast(c, '#111')) < 2.9] == [], name
    plt.close('all')

def test_plots_are_drawn_in_one_way():
    "Who begins or shows a plot elsewhere leaves it white, or prints its axes."
    from pathlib import Path
    import petlearn
    found = {o.stem for o in Path(petlearn.__file__).parent.rglob('*.py') if any(word in o.read_text() for word in ('plt.', '.pyplot', 'subplots('))}
    assert found == {'captions', 'pieces', 'pictures'} # pictures of the course have paper of their own

@pytest.mark.slow
def test_each_cell_of_a_notebook_shows_its_plot(tmp_path):
    "In a kernel: one picture for each call, the second time, too, and no text below it."
    import nbformat
    from nbclient import NotebookClient
    begin = "from petlearn.photos.captions import finish_plot, new_plot, new_plots\ndef draw():\n    ax = new_plot(2, 1)\n    ax.plot([1, 2])\n    return finish_plot(ax)"
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(o) for o in (begin, 'draw()', 'draw()', 'new_plots(1, 2, 2, 1)', 'draw();')])
    NotebookClient(nb, timeout=300, kernel_name='python3', resources={'metadata': {'path': str(tmp_path)}}).execute()
    assert [[sorted(o.data) for o in c.outputs] for c in nb.cells] == [[]] + [[['image/png', 'text/plain']]]*4
    assert all(c.outputs[0].data['text/plain'].startswith('<Figure') and not c.outputs[0].metadata.get('needs_background') for c in nb.cells[1:])
