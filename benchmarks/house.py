"""How the house stands: `python benchmarks/house.py` prints the table; `--before REV` puts an older commit beside it; a folder of
notebooks, such as `nbs/kit/02_datasets`, shows each notebook of it alone. `--times FILE` adds what pytest's last line in FILE says."""
import io, re, subprocess, sys, tarfile, tempfile
from argparse import ArgumentParser
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT/'tests'))
from house import House, middle_and_90, rooms # noqa: E402

def share(n, of): return f'{n} of {of} ({100*n/max(of, 1):.0f} %)'

def old_order(house):
    "Modules of the flat layout, in the order of their notebooks."
    named = [(o.path.name, re.match(r'#\| default_exp (\w+)', o.sources[0])) for o in house.notebooks()]
    return [m[1] for _,m in sorted((n, m) for n,m in named if m)] + ['all', '__init__']

def numbers(root):
    "Name and value of each row."
    house = House(root)
    order = rooms() if set(rooms()) >= set(house.files) else old_order(house)
    lines,(mid,most) = house.module_lines(),middle_and_90(house.function_lines())
    nbs = [o for o in house.notebooks() if o.exports]
    defining = [(o, i, names) for o in nbs for i,names in o.defining()]
    return {
        'floors of imports': house.floors(), 'circles (modules in each)': str([len(o) for o in house.circles()]),
        'imports upward': len(house.upward(order)),
        'modules': len(lines), 'lines of a module, median and longest': f'{median(lines):.0f}, {max(lines)}',
        'lines of all modules': sum(lines), 'lines of code in them': house.code_lines(),
        'lines of a function, median and 90 %': f'{mid:.0f}, {most:.0f}',
        'exported cells with one definition': share(sum(len(o[2]) == 1 for o in defining), len(defining)),
        'definitions with an assertion within three cells': share(sum(o.tested(i) for o,i,_ in defining), len(defining)),
        'definitions tried or tested within three cells': share(sum(o.tried(i, names) for o,i,names in defining), len(defining)),
        'cells of an exporting notebook, median and longest': f'{median(len(o.cells) for o in nbs):.0f}, {max(len(o.cells) for o in nbs)}',
        'exporting notebooks of more than 45 cells': share(sum(len(o.cells) > 45 for o in nbs), len(nbs))}

def at(rev, folder):
    "The project as it stood at commit `rev`, unpacked into `folder`."
    data = subprocess.run(['git', 'archive', rev], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar: tar.extractall(folder, filter='data')
    return folder

def show(columns):
    for k in columns[0]: print(f'{k:52}' + ''.join(f'{str(o.get(k, "")):>22}' for o in columns))

def show_each(folder):
    print(f"{'notebook':44} cells  one definition    tried")
    for o in House(ROOT).notebooks(folder):
        d = list(o.defining())
        print(f"{str(o.path.relative_to(ROOT)):44} {len(o.cells):5}  {sum(len(n) == 1 for _,n in d):3} of {len(d):3}       {sum(o.tried(*x) for x in d):3} of {len(d):3}")

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('folder', nargs='?')
    parser.add_argument('--before', metavar='REV')
    args = parser.parse_args()
    if args.folder: show_each(args.folder)
    elif args.before:
        with tempfile.TemporaryDirectory() as d:
            print(f"{'':52}{args.before[:12]:>22}{'now':>22}")
            show([numbers(at(args.before, d)), numbers(ROOT)])
    else: show([numbers(ROOT)])
