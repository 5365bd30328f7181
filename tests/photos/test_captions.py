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
