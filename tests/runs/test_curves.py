"Curves are drawn, and the epoch that is kept is the one with the fewest mistakes."
from types import SimpleNamespace
import matplotlib.pyplot as plt
import pandas as pd, pytest
from petlearn.core import PetLearnError
from petlearn.runs.curves import epochs_of, kept_epoch, plot_histories, plot_history

def history(losses, errors, phase='head'):
    "The same numbers in training and in validation."
    return [dict(phase=phase, dataset=o, epoch=i+1, accuracy=1-b, cross_entropy=a) for i,(a,b) in enumerate(zip(losses, errors)) for o in ('train', 'valid')]

BOTH = history([.9, .5, .4], [.3, .1, .1]) + history([.3, .2], [.2, .1], 'fine-tune')

def test_plots():
    df = pd.DataFrame(BOTH)
    ax = plot_history(df)
    assert ax.get_xlabel() == 'epoch: head, then fine-tune' and len(ax.lines) == 4, 'three curves, and where a phase begins'
    assert [round(o, 6) for o in ax.lines[1].get_ydata()] == [.9, .5, .4, .3, .2] and list(ax.lines[2].get_xdata()) == [1, 2, 3, 4, 5]
    run = SimpleNamespace(history=df)
    assert len(plot_history(run).lines) == 4 and len(plot_histories({'a': run}).lines) == 1
    own = plt.figure().add_subplot()
    assert plot_histories({'a': df, 'b': df[df.dataset == 'valid'][:2]}, own) is own and len(own.lines) == 2
    assert len(plot_history(df[df.dataset == 'valid'], plt.figure().add_subplot()).lines) == 4, 'no training photos'
    plt.close('all')

def test_what_can_not_be_drawn():
    df = pd.DataFrame(BOTH)
    for o in ({}, [df], None):
        with pytest.raises(PetLearnError, match='Nothing to draw'): plot_histories(o)
    with pytest.raises(PetLearnError, match='a str'): plot_histories({'a': 'V001'})
    with pytest.raises(PetLearnError, match='without phase'): plot_history(df.drop(columns='phase'))
    with pytest.raises(PetLearnError, match='not the history of a training'): plot_history(SimpleNamespace(history=None))

def test_epochs():
    epochs = epochs_of(BOTH)
    assert [(o.n, o.phase) for o in epochs] == [(1, 'head'), (2, 'head'), (3, 'head'), (4, 'fine-tune'), (5, 'fine-tune')]
    assert kept_epoch(epochs).n == 5 and kept_epoch(epochs[:4]).n == 3, 'of equally many mistakes, the smaller loss'
    again = epochs_of(BOTH[:4] + BOTH[:4])
    assert [o.n for o in again] == [1, 2, 3, 4], 'a training that was resumed may count from 1 again'
    odd = epochs_of([dict(phase='head', dataset='valid', epoch=1, accuracy='?', cross_entropy='')])[0]
    assert odd.error == 1 and odd.valid_loss != odd.valid_loss and odd.train_loss is None
    assert kept_epoch(epochs_of([o for o in BOTH if o['dataset'] == 'train'])) is None
