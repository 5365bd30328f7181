"""What the service can bear: a process of its own, asked by many at once.

python benchmarks/service.py crowd [FOLDER] [N]    N (2,000) good and bad requests from 20 clients; FOLDER is an exported model or a run with
                                                   one (a quick model of drawn pets when left out)
python benchmarks/service.py start [FOLDER]        seconds until the service answers, and until the first photo is answered
"""
import http.client, os, pickle, statistics, tempfile, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from PIL import Image
from speed import command, quiet, table

class Payload:
    "Would leave a file if anybody unpickled it."
    def __init__(self, file): self.file = str(file)
    def __reduce__(self): return open, (self.file, 'w')

def photo(side, fmt='JPEG'):
    from petlearn.photos.drawings import draw_pet
    f = BytesIO()
    draw_pet('Persian', seed=side).resize((side, side*3//4)).save(f, fmt)
    return f.getvalue()

class Question(NamedTuple):
    "A request."
    name:str # What it is about
    right:int # The status that is right
    headers:dict # Of the request
    body:object=None # Bytes, or a list of them to be sent in pieces
    method:str='POST'
    path:str='/predict'

def questions(trap):
    "What clients ask. `trap` is a file that nobody may make."
    jpeg,bomb = photo(500),BytesIO()
    Image.new('1', (14_000, 14_000)).save(bomb, 'PNG')
    image = {'Content-Type': 'image/jpeg'}
    leading_out = image | {'X-File-Name': '../../x', 'Content-Disposition': f'attachment; filename="{trap}"'}
    return [Question('photo', 200, image, jpeg), Question('photo, PNG', 200, {'Content-Type': 'application/octet-stream'}, photo(300, 'PNG')),
            Question('photo of 7 megapixels', 200, image, photo(3000)), Question('photo, path in its name', 200, leading_out, jpeg),
            Question('text', 422, image, b'remember to feed the cat'), Question('web page', 422, image, b'<!doctype html>'),
            Question('empty', 422, image, b''), Question('cut short', 422, image, jpeg[:len(jpeg)//2]),
            Question('196 megapixels', 422, image, bomb.getvalue()), Question('pickle', 422, image, pickle.dumps(Payload(trap))),
            Question('26 MB', 413, image, bytes(26*10**6)), Question('26 MB in pieces', 413, image, [bytes(10**6)]*26),
            Question('a form', 415, {'Content-Type': 'multipart/form-data; boundary=x'}, b'--x--'), Question('no type', 200, {}, jpeg),
            Question('wrong method', 405, image, jpeg, 'PUT'), Question('wrong page', 404, {}, None, 'GET', '/../../etc/passwd'),
            Question('another host', 400, {'Host': 'evil.example'}, None, 'GET', '/health'),
            Question('health', 200, {}, None, 'GET', '/health'), Question('page', 200, {}, None, 'GET', '/')]

class Reply(NamedTuple):
    "What came back."
    question:Question
    status:int # 0 if the connection broke
    seconds:float

def ask(url, question):
    "Send one request, and wait for the reply."
    c,start = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=120),time.perf_counter()
    in_pieces = isinstance(question.body, list)
    try:
        body = iter(question.body) if in_pieces else question.body
        c.request(question.method, question.path, body, question.headers, encode_chunked=in_pieces)
        r = c.getresponse()
        r.read()
        status = r.status
    except OSError: status = 0
    finally: c.close()
    return Reply(question, status, time.perf_counter()-start)

def ask_together(url, asked, n, clients=20):
    "Ask `n` times, from so many `clients` at once."
    with ThreadPoolExecutor(clients) as pool: return list(pool.map(lambda i: ask(url, asked[i % len(asked)]), range(n)))

def files_in(*folders): return {str(o) for folder in folders for o in Path(folder).rglob('*') if o.is_file()}

def quick_model(folder):
    "A model of drawn pets, exported below `folder`."
    from petlearn import draw_pets, train
    with quiet(): return train(draw_pets(folder/'pets', n=40, seed=1), epochs=2, fine_tune_epochs=0, runs_dir=folder/'runs').export()

@contextmanager
def served(folder):
    "A running service for the model in `folder`."
    from petlearn.deploy.service import start_service
    service = start_service(folder)
    try: yield service
    finally: service.stop()

def memory_of(process):
    "Megabytes that `process` holds."
    import psutil
    return psutil.Process(process.pid).memory_info().rss/2**20

def percentiles(replies):
    "Median and 95 % of the seconds of `replies`, in milliseconds."
    seconds = sorted(o.seconds for o in replies)
    return f'median {statistics.median(seconds)*1000:.0f} ms, 95 % within {seconds[int(.95*len(seconds))]*1000:.0f} ms'

def crowd(folder='', n=2000):
    "Statuses, memory, files that were left behind, and seconds."
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(folder).absolute() if folder else quick_model(Path(tmp)).absolute()
        place = Path(tmp)/'empty' # where the service would put what it doesn't want to hold
        place.mkdir()
        os.chdir(place)
        os.environ['TMPDIR'],trap = str(place),place/'trap'
        asked,replies = questions(trap),[]
        with served(folder) as service:
            ask_together(service.url, asked, 200) # what is kept for good is kept now
            memory,before,start = [memory_of(service.process)],files_in(place),time.perf_counter()
            for _ in range(5):
                replies += ask_together(service.url, asked, int(n)//5)
                memory.append(memory_of(service.process))
            seconds,new = time.perf_counter()-start,files_in(place)-before
            alone = [ask(service.url, asked[0]) for _ in range(100)]
        os.chdir('/')
    table([[f'{k} {http.client.responses.get(k, "")}', v] for k,v in sorted(Counter(o.status for o in replies).items())], ['status', 'requests'])
    wrong = Counter((o.question.name, o.status) for o in replies if o.status != o.question.right)
    photos = [o for o in replies if o.status == 200 and o.question.name.startswith('photo')]
    print(f"\n5xx: {sum(o.status >= 500 for o in replies)}; other than expected: {wrong or 'none'}\n"
          f"memory: {memory[0]:.0f} MB before, after each fifth of them {', '.join(f'{o:.0f}' for o in memory[1:])} MB; new files: {new or 'none'}; pickle ran: {trap.exists()}\n"
          f"{len(replies)/seconds:.0f} requests a second, {len(photos)/seconds:.0f} of them photos; a photo in the crowd: {percentiles(photos)}; one alone: {percentiles(alone)}")

def start(folder='', repeats=5):
    "Seconds until it is there, and until it has answered."
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        folder = folder or quick_model(Path(tmp))
        question = Question('photo', 200, {'Content-Type': 'image/jpeg'}, photo(500))
        for _ in range(int(repeats)):
            begin = time.perf_counter()
            with served(folder) as service:
                up = time.perf_counter()-begin
                ask(service.url, question)
                rows.append([f'{up:.2f}', f'{time.perf_counter()-begin:.2f}'])
    table(rows, ['answers after, s', 'first photo after, s'])

if __name__ == '__main__': command(__doc__, crowd=crowd, start=start)
