"README.md from `nbs/index.ipynb` with its saved outputs: `python tests/readme.py` writes it (nbdev's own way needs quarto)."
import re
from pathlib import Path
import nbformat
from traitlets.config import Config
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent
PICTURES = 'nbs/index_files'
NOTE = '<!-- Made from nbs/index.ipynb by `make export`; edit there. -->\n\n'

SHOWN_AS = ['image/png', 'image/jpeg', 'text/markdown', 'text/plain'] # tables as text: not every page that shows a README takes HTML

def visible(nb):
    "`nb` without hidden cells; of a cell that begins with `hide_input`, only the output."
    nb.cells = [o for o in nb.cells if not o.source.startswith('#| hide\n')]
    for o in nb.cells:
        if o.source.startswith('#| hide_input'): o.metadata['tags'],o.source = ['output only'],''
    nb.metadata.language_info = {'name': 'python'}
    return nb

def make(path=ROOT/'nbs/index.ipynb'):
    "The README's text, and its pictures by their path in the repository."
    exporter = MarkdownExporter(config=Config({'NbConvertBase': {'display_data_priority': SHOWN_AS}, 'TagRemovePreprocessor': {'enabled': True, 'remove_input_tags': ['output only']}}))
    body,resources = exporter.from_notebook_node(visible(nbformat.read(path, as_version=4)), {'output_files_dir': PICTURES, 'unique_key': 'index'})
    return NOTE + re.sub(r'\n{3,}', '\n\n', body).strip() + '\n', resources['outputs']

if __name__ == '__main__':
    text,pictures = make()
    for old in (ROOT/PICTURES).glob('*'): old.unlink()
    (ROOT/PICTURES).mkdir(exist_ok=True)
    for name,data in pictures.items(): (ROOT/name).write_bytes(data)
    (ROOT/'README.md').write_text(text, encoding='utf-8')
