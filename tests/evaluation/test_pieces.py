"A piece on a page and in a terminal: names are text, lines are short."
import re
import pandas as pd
from petlearn.evaluation.pieces import Piece, listed, one_line

def test_one_line():
    assert one_line('one\ntwo\x1b[31m', 9) == 'one two …' and one_line('a'*80) == 'a'*80 and len(one_line('a'*81)) == 80

def test_pieces_in_both_ways():
    name = '<b>' + 'x'*200
    table = pd.DataFrame({name: [name, 1.23456, None], 'number': [1, 2, 3]}, index=[name, 'a\tb', 'c'])
    for piece in (Piece(name, name), Piece(name, [name, 'b']), Piece(name, table), listed(name, {name: name, 'n': 12_000, 'none': None}), Piece(name, lambda ax: ax.plot([1, 2]))):
        html,text = piece.html(), piece.text()
        assert '<b>' not in html and '&lt;b&gt;' in html and max(map(len, text.splitlines())) <= 80 and '\t' not in text
    assert '1.235' in Piece('x', table).text() and '1.235' in Piece('x', table).html()
    assert re.search(r'n +12,000\n *none +–', listed('x', dict(n=12_000, none=None)).text())
    assert Piece('', 'words').text() == 'words' and Piece('', 'words').html() == '<p>words</p>'
