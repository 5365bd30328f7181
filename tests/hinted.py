"Finds the calls, commands and buttons in a message, and says what is wrong with them."
import ast, inspect, re, shlex
import petlearn.all
from petlearn import PetLearnError
from petlearn.cli import COMMANDS
from petlearn.runs.run import Run
from petlearn.terminal.options import arguments
from common import ROOT

KNOWN = set(petlearn.all.__all__) | {'run', 'os', 'glob', 'base64'} # `run` is what every lesson calls a training
LABELERS = 'by_parent', 'by_names', 'by_regex', 'by_csv' # words for --labeler that look like calls
_CALL = re.compile(r'(?<![\w.])[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\])*\(')

def commands_in(text):
    "The commands of petlearn in `text`, each as its words."
    for found in re.findall(r'(?<![\w/.])petlearn (?![a-z]+(?:: | has no | got too ))[a-z][^\n]*', text): # not a subject
        line = re.split(r'   |, or |; or |, then|\. |\.?$|: wrong', found)[0]
        try: words = shlex.split(line)
        except ValueError: words = shlex.split(line + "'") # the sentence had an apostrophe
        if words[1] in COMMANDS or any(o.startswith('-') for o in words): yield words[1:]

def calls_in(text):
    "The calls in `text`, from the name to the closing bracket."
    for found in _CALL.finditer(text):
        for end in range(found.end(), len(text)+1):
            try: ast.parse(text[found.start():end], mode='eval')
            except SyntaxError: continue
            yield text[found.start():end]
            break

def faults_at_the_terminal(text):
    "What can't be typed there."
    own = re.sub(r'[Ii]n a notebook: .*', '', text)
    for o in calls_in(own):
        if not o.startswith(LABELERS): yield f'a call: {o}'
    for o in re.findall(r'(?<![\w-])[a-z_]{2,}=(?=[\w\'".\[])', re.sub(r"'[^']*'", '', own)): yield f'an argument: {o}'
    for words in commands_in(text):
        if words[0] not in COMMANDS: yield f'no command: {words}'
        elif '--help' not in words:
            try: arguments(words[0], COMMANDS[words[0]], words[1:])
            except PetLearnError as e: yield f'{words}: {e}'

def faults_in_a_notebook(text):
    "What can't be typed there: other names than those that students have, arguments that there are not."
    for o in calls_in(text):
        for name in {n.id for n in ast.walk(ast.parse(o)) if isinstance(n, ast.Name)} - KNOWN - set(vars(__builtins__) if not isinstance(__builtins__, dict) else __builtins__):
            if name not in ('o', 'x', 'file', 'photos', 'lambda'): yield f'{o}: who is {name}?'
        tree = ast.parse(o, mode='eval').body
        f = vars(petlearn.all).get(getattr(tree.func, 'id', ''))
        if f is None or inspect.isclass(f): continue
        known = inspect.signature(f).parameters
        yield from (f'{o}: {k.arg} is no parameter' for k in tree.keywords if k.arg not in known)
    if re.search(r'(?<!in a terminal: )\bpetlearn (?:' + '|'.join(COMMANDS) + r')\b(?! (?:takes|opens|turns|wrote|keeps))', text): yield f'a command: {text}'

BUTTONS = {o for path in (ROOT/'petlearn/widgets').glob('*.py') for o in re.findall(r"button\('([^']+)'", path.read_text())} | {'Put aside'}
RUN_VERBS = {o for o in dir(Run) if not o.startswith('_')}

def faults_in_a_widget(text):
    "What can't be pressed there."
    own = re.sub(r'in a cell: .*', '', text, flags=re.I)
    yield from (f'a call: {o}' for o in calls_in(own) if not o.startswith(LABELERS))
    yield from (f'a command: {o}' for o in commands_in(text))
    yield from (f'no button {o!r}' for o in re.findall(r"press '([^']+)'", text, re.I) if o not in BUTTONS)
