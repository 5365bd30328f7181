"Split tables: which can be learned from, what they are called, and how they look."
import matplotlib.pyplot as plt
import pandas as pd, pytest
from petlearn.core import PetLearnError
from petlearn.datasets.split_table import check_split, dataset_version, show_split

def table(*rows):
    "A split table of rows `(file, content, label, usage)`, and two of each label that never change."
    always = [(f'{k}{i}', f'{k}{i}', k, u) for k in ('cat', 'dog') for i,u in enumerate(('train', 'valid'))]
    return pd.DataFrame([dict(file=f, label=k, usage=u, sha256=f'{ord(c[-1])*1000+sum(map(ord, c)):064x}') for f,c,k,u in (*always, *rows)])

def test_a_version_has_a_name_and_its_hash():
    assert dataset_version(table()) == 'amber-canary-8d3c0563'
    assert dataset_version(table(('a', 'A', 'cat', 'train'))) != dataset_version(table(('a', 'B', 'cat', 'train')))
    assert dataset_version(table(('a', 'A', 'cat', 'train'))) == dataset_version(table(('b', 'A', 'cat', 'train')))

TROUBLE = [
    (lambda o: 'pets', 'str is not a split table'), (lambda o: None, 'NoneType is not'), (lambda o: o[['file']], 'no column label, sha256, usage'),
    (lambda o: pd.concat([o, o[['label']]], axis=1), 'two columns of one name'), (lambda o: o.assign(label=[None, *o.label[1:]]), 'no file or no label'),
    (lambda o: o.assign(usage='Train'), "usage is 'Train'"), (lambda o: o.assign(label='cat'), '1 label to learn'),
    (lambda o: o[o.usage == 'train'], '0 validation photos'), (lambda o: o.assign(label=[*o.label[:-1], 'bird']), "Nothing to learn 'bird' from"),
    (lambda o: o.assign(sha256='f00'), 'not 64 hexadecimal digits'), (lambda o: pd.concat([o, o.head(1)]), '1 file in the table twice'),
    (lambda o: pd.concat([o, o.head(1).assign(usage='test')]), '1 photo with two usages'),
    (lambda o: pd.concat([o, o.head(1).assign(usage='test', file='copy.jpg')]), '1 photo with two usages')]

def test_tables_that_cant_be_learned_from():
    for spoil,says in TROUBLE:
        with pytest.raises(PetLearnError, match=says): check_split(spoil(table()))

def test_labels_become_text():
    assert check_split(table().assign(label=[1, 1, 2, 2])).label.tolist() == ['1', '1', '2', '2']

def test_show_split():
    rows = [(f'{i}', f'{i}x{chr(i+50)}', f'label ${i:02}', 'train') for i in range(50)] + [('t', 'T', 'cat', 'test'), ('u', 'U', 'cat', 'train')]
    ax = show_split(table(*rows))
    labels = [o.get_text() for o in ax.get_yticklabels()]
    assert len(labels) == 40 and labels[:2] == ['cat', 'dog'] and labels[2].startswith(r'label \$') # as matplotlib wants it
    assert 'the 40 with most photos' in ax.get_title() and dataset_version(table(*rows)) in ax.get_title() and '52 labels' in ax.get_title()
    assert [o.get_hatch() for o in (bars[0] for bars in ax.containers)] == ['', '///', '...']
    assert [bars[0].get_width() for bars in ax.containers] == [2, 1, 1]
    ax.figure.canvas.draw()
    plt.close(ax.figure)

def test_show_split_wants_a_table():
    with pytest.raises(PetLearnError, match='str is not a split table'): show_split('pets')
