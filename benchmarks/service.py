"""What the service bears: a process of its own, asked by many at once.

python benchmarks/service.py crowd [FOLDER] [N]    2,000 good and bad requests from 20 clients; FOLDER is an exported model or a run with
                                                   one (a quick model of drawn pets when left out)
python benchmarks/service.py start FOLDER          seconds until the service answers, and until the first photo is answered
"""
import http.client, os, pickle, statistics, sys, tempfile, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from PIL import Image
from speed import quiet, table

class Payload:
    "Would leave a file if anybody unpickled it."
    def __init__(self, file): self.file = str(file)
    def __reduce__(self): return open, (self.file, 'w')

def photo(side, fmt='JPEG'):
    from petlearn.photos.drawings import draw_pet
    f = BytesIO()
    draw_pet('Persian', seed=side).resize((side, side*3//4)).save(f, fmt)
    return f.getvalue()

def requests_of(trap):
    "What clients ask: name, method, path, headers, body, and the statuses that are right. `trap` is a file that nobody may make."
    jpeg,png,big = photo(500),photo(300, 'PNG'),photo(3000)
    image = {'Content-Type': 'image/jpeg'}
    bomb = BytesIO()
    Image.new('1', (14_000, 14_000)).save(bomb, 'PNG')
    return [('photo', 'POST', '/predict', image, jpeg, {200}), ('PNG', 'POST', '/predict', {'Content-Type': 'application/octet-stream'}, png, {200}),
            ('photo of 7 megapixels', 'POST', '/predict', image, big, {200}), ('photo, path in its name', 'POST', '/predict', image | {'X-File-Name': '../../x', 'Content-Disposition': f'attachment; filename="{trap}"'}, jpeg, {200}),
            ('text', 'POST', '/predict', image, b'remember to feed the cat', {422}), ('web page', 'POST', '/predict', image, b'<!doctype html>', {422}),
            ('empty', 'POST', '/predict', image, b'', {422}), ('cut short', 'POST', '/predict', image, jpeg[:len(jpeg)//2], {422}),
            ('196 megapixels', 'POST', '/predict', image, bomb.getvalue(), {422}), ('pickle', 'POST', '/predict', image, pickle.dumps(Payload(trap)), {422}),
            ('21 MB', 'POST', '/predict', image, bytes(21*2**20), {413}), ('21 MB in pieces', 'POST', '/predict', image, [bytes(2**20)]*21, {413}),
            ('a form', 'POST', '/predict', {'Content-Type': 'multipart/form-data; boundary=x'}, b'--x--', {415}), ('no type', 'POST', '/predict', {}, jpeg, {415}),
            ('wrong way', 'PUT', '/predict', image, jpeg, {405}), ('wrong page', 'GET', '/../../etc/passwd', {}, None, {404}),
            ('another host', 'GET', '/health', {'Host': 'evil.example'}, None, {400}), ('health', 'GET', '/health', {}, None, {200}), ('page', 'GET', '/', {}, None, {200})]

def ask(url, method, path, headers, body):
    "Status and seconds of one request; 0 for a connection that broke."
    c,start = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=120),time.perf_counter()
    try:
        c.request(method, path, iter(body) if isinstance(body, list) else body, headers, encode_chunked=isinstance(body, list))
        r = c.getresponse()
        r.read()
        return r.status,time.perf_counter()-start
    except OSError: return 0,time.perf_counter()-start
    finally: c.close()

def crowd(url, n, clients, trap):
    "Ask `n` times, from so many `clients` at once: a list of (name, right statuses, status, seconds)."
    kinds = requests_of(trap)
    def one(i):
        name,*question,right = kinds[i % len(kinds)]
        return name,right,*ask(url, *question)
    with ThreadPoolExecutor(clients) as pool: return list(pool.map(one, range(n)))

def files_in(*folders): return {str(o) for folder in folders for o in Path(folder).rglob('*') if o.is_file()}

def _served(folder):
    "A running service for the model in `folder`, or for a quick one of drawn pets."
    from petlearn.deploy.service import start_service
    if folder: return start_service(folder)
    from petlearn import draw_pets, train
    tmp = Path(tempfile.mkdtemp())
    with quiet(): train(draw_pets(tmp/'pets', n=40, seed=1), epochs=2, fine_tune_epochs=0, size=224, runs_dir=tmp/'runs').export()
    return start_service(tmp/'runs'/'V001')

def _memory(process):
    "Megabytes that `process` holds."
    import psutil
    return psutil.Process(process.pid).memory_info().rss/2**20

def crowd_(folder='', n=2000):
    "The table."
    folder,n = folder and str(Path(folder).absolute()),int(n)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place) # where it would put what it doesn't want to hold
        os.environ['TMPDIR'],trap = place,Path(place)/'trap'
        service = _served(folder)
        try:
            crowd(service.url, 200, 20, trap) # what is kept for good is kept now
            memory,there,start,done = [_memory(service.process)],files_in(place),time.perf_counter(),[]
            for _ in range(5):
                done += crowd(service.url, n//5, 20, trap)
                memory.append(_memory(service.process))
            took,new = time.perf_counter()-start,files_in(place)-there
            alone = sorted(ask(service.url, *o[1:5])[1] for o in requests_of(trap)[:1]*100)
        finally: service.stop()
        os.chdir('/')
    statuses,wrong = Counter(o[2] for o in done),[o for o in done if o[2] not in o[1]]
    good = sorted(o[3] for o in done if o[2] == 200 and o[0].startswith(('photo', 'PNG')))
    table([[f'{k} {http.client.responses.get(k, "")}', v] for k,v in sorted(statuses.items())], ['status', 'requests'])
    print(f"\n5xx: {sum(v for k,v in statuses.items() if k >= 500)}; other than expected: {Counter((o[0], o[2]) for o in wrong) or 'none'}\n"
          f"memory: {memory[0]:.0f} MB before, after each fifth of them {', '.join(f'{o:.0f}' for o in memory[1:])} MB; new files: {new or 'none'}; pickle ran: {trap.exists()}\n"
          f"{len(done)/took:.0f} requests a second, {len(good)/took:.0f} of them photos; a photo in the crowd: median {statistics.median(good)*1000:.0f} ms, "
          f"95 % within {good[int(.95*len(good))]*1000:.0f} ms; one alone: median {statistics.median(alone)*1000:.0f} ms, 95 % within {alone[95]*1000:.0f} ms")

def start(folder):
    "How soon it is there."
    rows,jpeg = [],photo(500)
    for _ in range(5):
        begin = time.perf_counter()
        service = _served(folder)
        up = time.perf_counter()-begin
        ask(service.url, 'POST', '/predict', {'Content-Type': 'image/jpeg'}, jpeg)
        rows.append([f'{up:.2f}', f'{time.perf_counter()-begin:.2f}'])
        service.stop()
    table(rows, ['answers', 'first photo'])

if __name__ == '__main__':
    ways = dict(crowd=crowd_, start=start)
    if len(sys.argv) < 2 or sys.argv[1] not in ways: raise SystemExit(__doc__)
    ways[sys.argv[1]](*sys.argv[2:])
