"""Do all formats of a model say the same, and how long does an answer take?

python benchmarks/predict.py parity FOLDER...    train on the photos of the first folder, export, and compare native and portable on all photos of all of them
"""
import argparse, os, sys, tempfile
from pathlib import Path
from speed import quiet, table

def parity(folders):
    "A row a folder: photos, answers that differ, and the largest differences."
    from petlearn import train
    from petlearn.export import export_model, parity as compare
    from petlearn.photos import find_photos
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        with quiet():
            os.environ.setdefault('FASTAI_HOME', f'{tmp}/home')
            model = export_model(train(folders[0], runs_dir=f'{tmp}/runs', check=False, seed=0))
        for o in folders:
            with quiet(): found = compare(model, find_photos(o))
            rows.append([Path(o).name if Path(o).name != 'images' else Path(o).parent.name, found.photos, found.unread, found.labels, found.neither,
                         *(f'{getattr(found, k):.1e}' for k in ('files', 'pixels', 'novelty'))])
    table(rows, ['folder', 'photos', 'unread', 'other label', "other 'neither'", 'probability, from files', 'from pixels', 'novelty'])

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='what', required=True)
    commands.add_parser('parity').add_argument('folders', nargs='+')
    o = parser.parse_args()
    if o.what == 'parity': parity(o.folders)
