"Run notebooks and keep small outputs in them, for those who read without running: `python tests/outputs.py [NAME ...]`. Drawn pets only."
import base64, os, re, sys, tempfile
from io import BytesIO
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
MAX_BYTES = 60_000

def shrink(data):
    "Large pictures as JPEG of a moderate size; small plots stay PNG."
    png = base64.b64decode(data['image/png'])
    if len(png) <= MAX_BYTES: return
    img,f = Image.open(BytesIO(png)).convert('RGBA'),BytesIO()
    img = Image.alpha_composite(Image.new('RGBA', img.size, 'white'), img).convert('RGB') # JPEG has no transparency
    img.thumbnail((760, 760))
    img.save(f, 'JPEG', quality=72, optimize=True)
    data['image/jpeg'] = base64.b64encode(f.getvalue()).decode()
    del data['image/png']

def plain(text, home):
    "No folders of this machine in what is kept."
    text = text.replace(str(ROOT), '…').replace(f'{home}/.fastai', '~/.fastai')
    return re.sub(r'/tmp/tmp\w+', '…', text)

def visible(data):
    "Is there anything to see? A progress bar that is through leaves an empty page."
    return 'text/html' not in data or '<img' in data['text/html'] or re.sub(r'<style>.*?</style>|<[^>]*>', '', data['text/html'], flags=re.S).strip()

def said(outputs, home):
    "What a cell printed, as it looks in the end: progress bars overwrite themselves."
    text = ''.join(o.text for o in outputs if o.output_type == 'stream')
    lines = [o.rpartition('\r')[2].rstrip() for o in text.split('\n')]
    text = '\n'.join(o for o in lines if o)
    return [nbformat.v4.new_output('stream', name='stdout', text=plain(text, home) + '\n')] if text else []

def keep(o, home):
    "One output as it shall be kept, or None."
    if o.output_type == 'stream': return None
    if o.output_type == 'error' or 'application/vnd.jupyter.widget-view+json' in o.data or not visible(o.data): return None
    if 'image/png' in o.data: shrink(o.data)
    for k in ('text/plain', 'text/html', 'text/markdown'):
        if k in o.data: o.data[k] = plain(o.data[k], home)
    return o

def kept(outputs, home):
    "What stays of a cell's outputs: first what was said, then what was shown."
    return said(outputs, home) + [k for k in (keep(o, home) for o in outputs) if k]

def main(names):
    "Execute the notebooks called `names` (all by default) in a home folder of their own."
    home = tempfile.mkdtemp()
    os.environ.update(HOME=home, FASTAI_HOME=f'{home}/.fastai')
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        if names and path.stem not in names: continue
        nb = nbformat.read(path, as_version=4)
        NotebookClient(nb, timeout=600, kernel_name='python3', extra_arguments=['--log-level=ERROR'], store_widget_state=False, resources={'metadata': {'path': str(path.parent)}}).execute()
        for cell in nb.cells:
            if cell.cell_type == 'code': cell.outputs = [] if cell.source.startswith('#| hide\n') else kept(cell.outputs, home)
        nb.metadata = {'kernelspec': {'display_name': 'python3', 'language': 'python', 'name': 'python3'}}
        nbformat.write(nb, path)
        print(f'{path.name}: {path.stat().st_size//1024} KB', flush=True)

if __name__ == '__main__': main(sys.argv[1:])
