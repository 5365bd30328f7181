"The lessons of the course from one source: `python tests/lessons.py` writes nbs/course, and the answers of the teacher's pages, from teaching/solutions."
import copy, json, re
from pathlib import Path
from petlearn.course.lessons import exercises_of
from petlearn.evaluation.glossary import themes

ROOT = Path(__file__).parent.parent
SOURCE,COURSE = ROOT/'teaching'/'solutions',ROOT/'nbs'/'course'
WORDS_A_MINUTE,MINUTES_A_CELL,MINUTES_AN_EXERCISE = 200,1,4

def read(path): return json.loads(path.read_text(encoding='utf-8'))
def write(path, nb): path.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
def text(cell): return ''.join(cell['source'])
def is_exercise(cell): return 'exercise' in cell['metadata'].get('tags', [])
def lessons(): return sorted(SOURCE.glob('*.ipynb'))
def title(nb): return text(nb['cells'][0]).splitlines()[0].removeprefix('# ')

def minutes(nb):
    "How long a lesson takes, in minutes: for reading and looking, and for its exercises."
    words = sum(len(text(o).split()) for o in nb['cells'] if o['cell_type'] == 'markdown')
    exercises = sum(map(is_exercise, nb['cells']))
    cells = sum(o['cell_type'] == 'code' for o in nb['cells']) - exercises
    return round(words/WORDS_A_MINUTE + cells*MINUTES_A_CELL),exercises*MINUTES_AN_EXERCISE

def time_line(nb):
    reading,exercises = minutes(nb)
    return f'- **It takes** about {reading + exercises} minutes: {reading} to read and look, {exercises} for the exercises.'

def links(paths, i):
    "Where to go from lesson `i`."
    before = f'[« {title(read(paths[i-1]))}]({paths[i-1].name})' if i else '[« The course](00_start.ipynb)'
    after = f' · [{title(read(paths[i+1]))} »]({paths[i+1].name})' if i+1 < len(paths) else ''
    return f'---\n{before}{after}'

def finish(nb, paths, i):
    "The measured minutes in the header, and links at the end."
    nb = copy.deepcopy(nb)
    header = nb['cells'][1]
    header['source'] = re.sub(r'- \*\*It takes\*\*.*', time_line(nb), text(header)).splitlines(True)
    if text(nb['cells'][-1]).startswith('---\n'): nb['cells'].pop()
    nb['cells'].append(dict(cell_type='markdown', id='where-next', metadata={}, source=links(paths, i).splitlines(True)))
    return nb

def student(nb):
    "A lesson with blanks in the place of the solutions, and without outputs."
    nb = copy.deepcopy(nb)
    for o in nb['cells']:
        if is_exercise(o): o['source'],o['metadata'] = o['metadata']['blank'].splitlines(True),{}
        if o['cell_type'] == 'code': o.update(outputs=[], execution_count=None)
    return nb

def start_page(paths):
    "The course's first page, with a table of its lessons."
    rows = []
    for i,o in enumerate(paths, 1):
        nb = read(o)
        rows.append(f'| {i} | [{title(nb)}]({o.name}) | {sum(minutes(nb))} |')
    nb = read(COURSE/'00_start.ipynb')
    cell = next(o for o in nb['cells'] if '| question |' in text(o))
    head = text(cell).split('| |')[0]
    cell['source'] = (head + '\n'.join(['| | question | minutes |', '|---|---|---|', *rows])).splitlines(True)
    return nb

def words_page():
    "The glossary as a page that can be printed: pictures, then a list of words for each theme."
    nb = read(COURSE/'words.ipynb')
    nb['cells'] = [o for o in nb['cells'] if not o['id'].startswith('theme-')]
    for i,(theme,terms) in enumerate(themes().items()):
        names = [f" *Also called: {', '.join(o.synonyms)}.*" if o.synonyms else '' for o in terms]
        lines = [f'## {theme}', '', *(f'- **{o.title}**: {o.text}{more}' for o,more in zip(terms, names))]
        nb['cells'].append(dict(cell_type='markdown', id=f'theme-{i}', metadata={}, source='\n'.join(lines).splitlines(True)))
    return nb

def answers(nb, number):
    "What stands below the line 'Answers' of a teacher's page."
    solutions = [text(o) for o in nb['cells'] if is_exercise(o)]
    for exercise,code in zip(exercises_of(number), solutions):
        yield f'\n### Exercise {exercise.key}\n\n{exercise.question}\n\n```python\n{code}\n```\n\n{exercise.because}\n'

def page(nb, path, number):
    "The teacher's page of a lesson, with its minutes and answers."
    head,_,_ = path.with_suffix('.md').read_text(encoding='utf-8').partition('## Answers')
    reading,exercises = minutes(nb)
    head = re.sub(r'\*\*Minutes\*\*.*', f'**Minutes**: {reading} to read and look, {exercises} for the exercises.', head)
    return head + '## Answers\n' + ''.join(answers(nb, number))

def pages():
    "The teacher's pages by their paths."
    return {SOURCE.parent/f'{o.stem}.md': page(read(o), SOURCE.parent/o.name, i) for i,o in enumerate(lessons(), 1)}

def made():
    "All notebooks that belong to the course, by their paths."
    paths = lessons()
    sources = {o: finish(read(o), paths, i) for i,o in enumerate(paths)}
    return sources | {COURSE/o.name: student(nb) for o,nb in sources.items()} | {COURSE/'00_start.ipynb': start_page(paths), COURSE/'words.ipynb': words_page()}

if __name__ == '__main__':
    for path,nb in made().items(): write(path, nb)
    for path,text_ in pages().items(): path.write_text(text_, encoding='utf-8')
    for o in lessons():
        reading,exercises = minutes(read(o))
        print(f'{o.stem:<36} {reading:3} + {exercises:2} = {reading + exercises} minutes')
