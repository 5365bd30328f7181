"Tables as an `Interpreter` has them, for the tests of what is shown."
import ipywidgets as widgets
import pandas as pd

PAIRS = [('cat', 'dog', .97), ('dog', 'cat', .93), ('cat', 'dog', .81), ('cat', 'cat', .99), ('dog', 'dog', .9), ('cat', 'dog', .62)]

def photo_table(files, pairs=PAIRS):
    "A row for each photo."
    rows = [(str(file), a, b, 1-p if a != b else p, p, a != b, f'the model is {p:.0%} sure') for file,(a,b,p) in zip(files, pairs)]
    return pd.DataFrame(rows, columns='file label predicted p_label p_predicted wrong reason'.split())

def all_html(w):
    "All HTML in a widget and in those within."
    return (w.value if isinstance(w, widgets.HTML) else '') + ''.join(map(all_html, getattr(w, 'children', ())))
