"Is a difference more than luck? The formulas against simulations, and careful words."
import numpy as np, pandas as pd
from scipy import stats
from petlearn.evaluation.agreement import about, pair_notes, pair_verdict, photos_needed

def test_so_many_photos_do_tell():
    "Of experiments with the number of photos that is needed, it says, four of five find a difference."
    rng,n = np.random.default_rng(2),photos_needed(14, 6, 200)
    first,second,_ = rng.multinomial(n, [.07, .03, .9], 600).T
    p = np.array([stats.binomtest(a, a+b).pvalue for a,b in zip(first, second)])
    assert .7 < (p < .05).mean() < .85 and n == 2*photos_needed(28, 12, 400)/2
    assert photos_needed(140, 60, 2000) == n and np.isnan(photos_needed(3, 3, 9)) and photos_needed(10, 0, 100) < photos_needed(10, 5, 100)

def test_equal_runs_seldom_look_different():
    "McNemar's exact test speaks of evidence in at most one of twenty comparisons of runs that are equally good."
    rng = np.random.default_rng(5)
    for n in (3, 8, 20, 60):
        p = np.array([stats.binomtest(o, n).pvalue for o in range(n+1)])
        assert (p[rng.binomial(n, .5, 2000)] < .05).mean() <= .05 + 3*(.05*.95/2000)**.5

SHORT = dict(a='V001', b='V002')
WORDS = [ # only the first wrong, only the second wrong, p, interval, photos needed; what must be said
    (0, 8, .0078, -.7, -.35, 30, 'V001 is better (p = 0.0078): its error rate is 35 to 70 percentage points lower (95 % interval).'),
    (9, 0, .0039, .2, .8, 20, 'V002 is better (p = 0.0039): its error rate is 20 to 80 percentage points lower (95 % interval).'),
    (99, 0, 1e-9, .004, .8, 20, 'V002 is better (p < 0.001): its error rate is 0.4 to 80 percentage points lower (95 % interval).'),
    (6, 0, .03, np.nan, np.nan, 20, 'V002 is better (p = 0.03).'), (3, 1, .62, -.1, .3, 123, 'about 120 validation photos would show it.'),
    (2, 2, 1., -.2, .2, np.nan, 'each made as many mistakes as the other.'), (0, 0, 1., np.nan, np.nan, np.nan, "these can't tell them apart.")]

def test_words():
    rows = pd.DataFrame([dict(first='a', second='b', photos=100, both_wrong=1, only_first_wrong=o[0], only_second_wrong=o[1], learned_from=0, p_value=o[2], low=o[3],
                              high=o[4], needed=o[5]) for o in WORDS])
    for row,words in zip(rows.itertuples(), WORDS): assert pair_verdict(row, SHORT).endswith(words[-1])
    assert pair_verdict(next(rows.assign(learned_from=3).itertuples()), SHORT) == 'No verdict: one of them has learned from 3 of these photos.'
    notes = pair_notes(rows[:1], SHORT | dict(c='V003'))
    assert notes[0].startswith('V001 and V002 have 100 validation photos in common. Both are wrong on 1, only V001 on 0, only V002 on 8. There is evidence')
    assert notes[1:] == [f'{o} have no validation photo in common: nothing can be said about which is better.' for o in ('V001 and V003', 'V002 and V003')]
    assert [about(o) for o in (7, 123, 1_250_000)] == ['7', '120', '1,200,000']
