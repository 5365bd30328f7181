"The course: what students get is made from the solutions, blanks are blanks, and solutions are right."
import json, re
import pytest
from common import run_in_fork
from alone import run_lesson
import lessons
from petlearn.course.lessons import LESSONS, exercises_of

PATHS = lessons.lessons()
CODE = re.compile(r'^q\d+\.(check|card|about)\(|^answer = \.\.\.$|^def |^    \.\.\.$')

def solution_lines(cell):
    "The lines of a solution that a student must find."
    return [o for o in lessons.text(cell).splitlines() if o.strip() and not CODE.match(o)]

def test_students_lessons_are_made_from_the_solutions():
    stale = [o.name for o,nb in lessons.made().items() if lessons.read(o) != nb]
    stale += [o.name for o,text in lessons.pages().items() if o.read_text(encoding='utf-8') != text]
    assert stale == [], 'make course'

def test_no_solution_is_in_a_students_lesson():
    for path in PATHS:
        student = [lessons.text(o) for o in lessons.read(lessons.COURSE/path.name)['cells']]
        for cell in filter(lessons.is_exercise, lessons.read(path)['cells']):
            lines = '\n'.join(solution_lines(cell))
            assert not lines or not any(lines in o for o in student), f'{path.name}: {lines}'
            assert not re.search(r"\.check\('[a-h]'\)", '\n'.join(student)), path.name

def test_every_exercise_stands_in_its_lesson():
    for number,path in enumerate(PATHS, 1):
        cells,found = lessons.read(path)['cells'],exercises_of(number)
        assert sum(map(lessons.is_exercise, cells)) == len(found) >= 5
        prose = '\n'.join(lessons.text(o) for o in cells)
        for o in found: assert f'**Exercise {o.key}.** {o.question}' in prose

def test_lessons_say_their_own_names_and_minutes():
    for number,(path,asked) in enumerate(zip(PATHS, LESSONS, strict=True), 1):
        nb = lessons.read(path)
        assert lessons.title(nb) == asked and path.name.startswith(f'{number:02}_')
        assert lessons.time_line(nb) in lessons.text(nb['cells'][1]) and sum(lessons.minutes(nb)) <= 45

def test_cells_are_short_and_plain():
    for path in PATHS:
        for o in lessons.read(path)['cells']:
            if o['cell_type'] == 'code': assert lessons.text(o).count('\n') < 10 and ':=' not in lessons.text(o), (path.name, lessons.text(o))

def test_every_lesson_has_a_teachers_page():
    for path in PATHS:
        page = (lessons.SOURCE.parent/f'{path.stem}.md').read_text(encoding='utf-8')
        for o in ('**Minutes**: ', '**Afterwards, a student can**', '**Usual misconceptions**', '**For groups**'): assert o in page
        for o in exercises_of(int(path.name[:2])): assert f'### Exercise {o.key}\n\n{o.question}\n' in page

@pytest.mark.slow
@pytest.mark.parametrize('path', PATHS, ids=lambda o: o.stem)
def test_blanks_are_not_tried_and_solutions_are_right(path, tmp_path, blocked):
    run_in_fork(run_lesson, path, tmp_path/'log')
    done = json.loads((tmp_path/'course-progress.json').read_text())
    assert all(o['done'] for o in done.values()) and len(done) == len(exercises_of(int(path.name[:2])))
    assert not blocked.exists(), f'it tried the network: {blocked.read_text()}'
