"How good and how quick is `train(path)`? Five seeds on one folder of photos: `python benchmarks/walkthrough.py FOLDER [SEEDS]`."
import subprocess, sys, tempfile, time
from statistics import mean, median

def import_seconds(module, n=7):
    "The median time of a fresh Python that imports `module`, less that of one that imports nothing."
    def once(code):
        start = time.perf_counter()
        subprocess.run([sys.executable, '-c', code], check=True)
        return time.perf_counter() - start
    return median(once(f'import {module}') for _ in range(n)) - median(once('pass') for _ in range(n))

def train_rows(path, seeds):
    "One row a seed: photos held back, wrong, error rate, seconds of the two phases, of all."
    from petlearn import train
    for seed in range(seeds):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder: run = train(path, seed=seed, runs_dir=folder)
        seconds = run.history.groupby('phase', sort=False).seconds.sum()
        yield seed, run.metrics['of'], run.metrics['wrong'], run.metrics['valid_error'], *seconds, time.perf_counter()-start

def step_seconds(channels_last, bs=16):
    "Seconds of one training step of the whole network, forward and backward, with pictures as petlearn or as plain fastai has them in memory."
    import torch
    from petlearn.backbones import efficientnet_lite0
    net,xb = efficientnet_lite0(),torch.randn(bs, 3, 224, 224)
    if channels_last: net = net.to(memory_format=torch.channels_last)
    for i in range(2): # the first one warms up
        start = time.perf_counter()
        net(xb).logsumexp(1).mean().backward()
    return time.perf_counter() - start

def main(path, seeds=5):
    "Print one table."
    rows = list(train_rows(path, int(seeds)))
    print(f"\n{'seed':>4} {'held back':>9} {'wrong':>5} {'error':>6} {'head s':>7} {'fine-tune s':>11} {'all s':>6}")
    for seed,of,wrong,error,head,tune,total in rows: print(f"{seed:>4} {of:>9} {wrong:>5} {error:>6.1%} {head:>7.1f} {tune:>11.1f} {total:>6.1f}")
    print(f"mean {'':>15} {mean(o[3] for o in rows):>6.1%}{'':>19} median {median(o[-1] for o in rows):>6.1f}")
    pairs = [(step_seconds(False), step_seconds(True)) for _ in range(5)]
    plain,ours = (median(o[i] for o in pairs) for i in (0, 1))
    print(f"training step of 16 photos: plain {plain:.2f} s, channels last {ours:.2f} s; {median(a/b for a,b in pairs):.2f} times faster (5 pairs, interleaved)")
    print(f"import petlearn: {import_seconds('petlearn'):.3f} s")

if __name__ == '__main__': main(*sys.argv[1:]) if len(sys.argv) > 1 else sys.exit(__doc__)
