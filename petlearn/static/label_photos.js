const LATE = 8000; // milliseconds until it says that Python doesn't answer

// A big picture, and keys that say what it is. Python keeps the labels; each answer names the photo that it is about.
// An element; what can have the focus keeps its keys, for which JupyterLab has a use of its own.
const make = (tag, properties = {}, ...children) => {
  const o = Object.assign(document.createElement(tag), properties);
  o.append(...children);
  if (['INPUT', 'BUTTON'].includes(o.tagName)) o.dataset.lmSuppressShortcuts = 'true';
  return o;
};

// A button with its key on it; `keys` are for screen readers.
function button(text, keys, onclick) {
  const o = make('button', { type: 'button', onclick }, text);
  if (keys.length) {
    o.setAttribute('aria-keyshortcuts', keys.join(' '));
    o.prepend(make('kbd', { textContent: keys[0], ariaHidden: 'true' }), ' ');
  }
  return o;
}

// What stands below the picture: labels with their counts, and what else can be done with a photo.
function controls(act) {
  const labels = make('div', { className: 'petlearn-line' }), others = make('div', { className: 'petlearn-line' });
  const input = make('input', { type: 'text', placeholder: 'another label, then Enter', maxLength: 60 });
  input.setAttribute('aria-label', 'Another label');
  input.onkeydown = e => {
    if (e.key !== 'Enter' || !input.value.trim()) return;
    act('label', { label: input.value });
    input.value = '';
  };
  function show({ labels: known, photo, can_undo }) {
    labels.replaceChildren(...known.map(({ label, count, keys }) => {
      const o = button(label, keys, () => act('label', { label }));
      o.append(make('small', { textContent: ` ${count}` }));
      o.disabled = photo === null;
      return o;
    }));
    const none = button('None of these', ['n'], () => act('none')), later = button('Later', ['Space'], () => act('skip'));
    const undo = button('Undo', ['u'], () => act('undo'));
    none.disabled = later.disabled = input.disabled = photo === null;
    undo.disabled = !can_undo;
    others.replaceChildren(none, later, undo, input);
  }
  return { nodes: [labels, others], input, show };
}

// The last photos, small; a click takes the label of one back.
function strip(act) {
  const list = make('div', { className: 'petlearn-strip', role: 'group', ariaLabel: 'Labelled last' });
  const show = last => list.replaceChildren(...last.map(({ id, name, said, src }) => {
    const o = make('button', { type: 'button', title: `${name}: ${said}. Take it back`, onclick: () => act('take_back', { id }) });
    o.setAttribute('aria-label', `${name}: ${said}. Take it back`);
    o.append(src ? make('img', { src, alt: '' }) : '', make('span', { textContent: said }));
    return o;
  }));
  return { list, show };
}

function render({ model, el }) {
  let shown = null, waits = false, timer = null; // what is on the page; has Python not yet answered?
  const act = (type, more = {}) => {
    if (waits && type !== 'undo') return; // a key too many is not for a photo that nobody has seen
    waits = true;
    clearTimeout(timer);
    timer = setTimeout(() => { note.textContent = 'No answer from Python for 8 seconds. If it is busy with another cell, '
      + 'wait. If it was restarted, run this cell again: all labels are kept.'; }, LATE);
    model.send({ type, photo: shown?.photo ?? null, ...more });
  };
  const place = make('div', { role: 'status', className: 'petlearn-said' }), bar = make('progress', { max: 1 });
  bar.setAttribute('aria-label', 'photos that are done');
  const picture = make('div', { className: 'petlearn-picture' }), note = make('div', { role: 'status' });
  const buttons = controls(act), last = strip(act);
  const hint = make('small');
  const stage = make('div', { className: 'petlearn-stage', tabIndex: 0, role: 'group' }, place, bar, picture, note,
    ...buttons.nodes, last.list, hint);
  stage.setAttribute('aria-label', 'Photos to label');
  stage.dataset.lmSuppressShortcuts = 'true';
  stage.onkeydown = e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.target === buttons.input || !shown) return;
    const onButton = e.target.tagName === 'BUTTON' && [' ', 'Enter'].includes(e.key);
    const label = shown.keys[e.key.toLowerCase()];
    const what = { ' ': 'skip', ArrowRight: 'skip', n: 'none', u: 'undo', ArrowLeft: 'undo' }[e.key];
    if (onButton || e.key === 'Tab' || (!label && !what)) return;
    e.preventDefault();
    e.stopPropagation();
    if (e.repeat) return; // a key that is held down
    if (what === 'undo' || shown.photo !== null) act(label ? 'label' : what, label ? { label } : {});
  };
  function show(o) {
    const inside = stage.contains(document.activeElement) && document.activeElement !== buttons.input;
    shown = o;
    waits = false;
    clearTimeout(timer);
    place.textContent = o.words;
    bar.value = o.share;
    picture.replaceChildren(o.src ? make('img', { src: o.src, alt: o.name }) : make('p', { textContent: o.name }));
    note.textContent = o.note;
    buttons.show(o);
    last.show(o.last);
    hint.textContent = o.photo === null ? '' : 'Click the picture, then press keys: a number or first letter for the label, '
      + 'n for none of these, Space or → for later, u or ← to undo.';
    if (inside) stage.focus({ preventScroll: true }); // the button that had the focus is gone
  }
  picture.onclick = () => stage.focus({ preventScroll: true });
  const hear = o => { if (o.type === 'show') show(o); };
  el.append(stage);
  model.on('msg:custom', hear);
  model.send({ type: 'hello' });
  return () => {
    clearTimeout(timer);
    model.off('msg:custom', hear);
  };
}
export default { render };
