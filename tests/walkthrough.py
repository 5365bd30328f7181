"Run `nbs/walkthrough.ipynb` in a real kernel; keep the executed notebook, a page and its pictures; print the error rate."
import base64, re, sys, time
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent

# nbconvert's own page, without what it would load from the web: its code for modules, formulas, diagrams and live widgets
PAGE = "{%- extends 'index.html.j2' -%}" + ''.join('{%% block %s %%}{%% endblock %%}' % o for o in ('html_head_js', 'html_head_js_mathjax', 'html_head_js_mermaidjs', 'jupyter_widgets'))

def outputs(nb):
    "All outputs of a notebook's code cells."
    return [o for cell in nb.cells if cell.cell_type == 'code' for o in cell.outputs]

def text(nb):
    "All that the cells printed or returned, as plain text."
    return '\n'.join(o.get('text') or o.get('data', {}).get('text/plain', '') for o in outputs(nb))

def error_rate(nb):
    "The sentence in which the walkthrough says how good its model is, or None."
    found = re.search(r'wrong on \d+ of \d+ validation photos \([\d.]+ %\)', text(nb))
    return found and found[0]

def execute(nb, folder):
    "Run all cells of `nb` in a fresh kernel, in `folder`, and say where we are."
    n = sum(o.cell_type == 'code' for o in nb.cells)
    count,start = iter(range(1, n+1)),time.time()
    def say(cell, cell_index):
        first = cell.source.partition('\n')[0][:60]
        print(f'  cell {next(count):>2} of {n}, {time.time()-start:3.0f} s: {first}', flush=True)
    return NotebookClient(nb, timeout=600, kernel_name='python3', extra_arguments=['--log-level=ERROR'], resources={'metadata': {'path': str(folder)}}, on_cell_execute=say).execute()

def page(nb):
    "A page for the browser."
    return HTMLExporter(raw_template=PAGE).from_notebook_node(nb)[0]

def save(nb, out):
    "Write the executed notebook, a page for the browser, and the pictures."
    out.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, out/'walkthrough.ipynb')
    (out/'walkthrough.html').write_text(page(nb), encoding='utf-8')
    pictures = [o.data['image/png'] for o in outputs(nb) if 'image/png' in o.get('data', {})]
    for i,o in enumerate(pictures, 1): (out/f'picture-{i:02}.png').write_bytes(base64.b64decode(o))
    return len(pictures)

def main(out=ROOT/'walkthrough'):
    "Run, save, and say what came out; exit status 1 if a cell failed."
    nb,start = nbformat.read(ROOT/'nbs/walkthrough.ipynb', as_version=4),time.time()
    print('Running nbs/walkthrough.ipynb, a minute or two:')
    try: execute(nb, ROOT/'nbs')
    except CellExecutionError as e: sys.exit(f'\nA cell failed:\n{e}')
    n = save(nb, Path(out))
    print(f"\nIn {time.time()-start:.0f} seconds the model learned to tell cats from dogs: {error_rate(nb)}.")
    answer = next(o for o in text(nb).splitlines() if o.startswith('Is this a cat?'))
    print(f"About a new picture of a cat it says: {answer}")
    print(f"The notebook with all results:  {out}/walkthrough.ipynb\nThe same to read in a browser:  {out}/walkthrough.html\n"
          f"Its {n} pictures:                {out}/picture-*.png\nNext: make lab, and run the cells yourself.")

if __name__ == '__main__': main(*sys.argv[1:])
