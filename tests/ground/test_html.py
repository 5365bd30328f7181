"Pieces of pages: no photo, whatever is wrong with it, may end a page."
import re
from importlib.resources import files
import pandas as pd
import pytest
from PIL import Image
from petlearn.html import bars, shown_name, style_tag, table_html, thumbnail

@pytest.mark.parametrize('photo,says', [('/nowhere/a.jpg', 'is not there'), ('x'*5000, 'is not there'), ('a\0b', 'is not there'), ('', 'is not there'),
    ('.', 'can not be opened'), (__file__, 'can not be opened'), (Image.new('RGB', (0, 3)), 'can not be opened'), ('/<b>&"/<i>.jpg', '&lt;i&gt;.jpg')],
    ids=lambda o: repr(o)[:20])
def test_a_box_instead_of_a_picture(photo, says):
    page = thumbnail(photo)
    assert page.startswith('<span') and says in page and '<i>' not in page and page.encode()

@pytest.mark.parametrize('size', [(1, 1), (1, 3000), (3000, 1), (50, 40)], ids=str)
@pytest.mark.parametrize('mode', ['RGB', 'L', 'RGBA', 'P', 'CMYK', '1', 'I;16'])
def test_pictures_of_all_kinds(size, mode):
    page = thumbnail(Image.new(mode, size), alt='"><script>')
    assert page.startswith('<img alt="&quot;&gt;&lt;script&gt;"') or 'can not be opened' in page

def test_names_that_are_no_text():
    assert shown_name('/x/K\udce4.jpg') == 'K?.jpg' and thumbnail('/x/K\udce4.jpg').encode() and '<script' not in bars({'<script>': .7, 'b': .3})

def test_tables_scroll_and_have_no_empty_heading():
    "By the keyboard, too; axe-core asks for all three."
    page = table_html(pd.DataFrame({'<b>': [1, None]}, index=['x', '"y']), 'counts of "x"')
    assert page.startswith('<div class="petlearn-scroll" role="region" tabindex="0" aria-label="counts of &quot;x&quot;"')
    assert '<th></th>' not in page and '&lt;b&gt;' in page and 'NaN' not in page
    assert table_html(pd.DataFrame({'a': [1]}), 'x', index=False).count('<th>') == 1

def test_colours_have_two_values():
    "Each name that a style sheet uses is defined for light, for a dark system, and for JupyterLab's dark theme."
    theme = style_tag('theme.css')
    used = {o for sheet in (files('petlearn')/'static').iterdir() if sheet.name.endswith('.css') for o in re.findall(r'var\((--petlearn-[\w-]+)', sheet.read_text())}
    assert used and {o: theme.count(f'{o}:') for o in used} == dict.fromkeys(used, 3)
