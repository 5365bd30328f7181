// A slider over steps that have names, with a mark at the usual one, and a button that plays them, if wanted.
const PAUSE = 900; // milliseconds from one step to the next

const make = (tag, properties = {}, ...children) => {
  const o = Object.assign(document.createElement(tag), properties);
  o.append(...children);
  return o;
};

function render({ model, el }) {
  const input = make('input', { type: 'range', min: 0, step: 1 }), words = make('span', { ariaHidden: 'true' });
  const name = make('span'), usual = make('datalist', { id: `usual-${Math.random().toString(36).slice(2)}` });
  const play = make('button', { type: 'button', hidden: !model.get('play') });
  let timer = null;
  input.setAttribute('list', usual.id);
  function show() {
    const texts = model.get('texts'), mark = model.get('mark'), value = model.get('value');
    name.textContent = model.get('description');
    input.max = Math.max(texts.length - 1, 0);
    input.value = value;
    usual.replaceChildren(...(mark < 0 ? [] : [make('option', { value: mark })]));
    words.textContent = (texts[value] ?? '') + (mark >= 0 && value === mark ? ' (default)' : '');
    input.setAttribute('aria-valuetext', words.textContent);
    play.textContent = timer ? '■ Stop' : '▶ Play';
  }
  function set(value) {
    model.set('value', Number(value));
    model.save_changes();
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    show();
  }
  const forward = () => {
    if (model.get('value') >= Number(input.max)) return stop();
    set(model.get('value') + 1);
  };
  play.onclick = () => {
    if (timer) return stop();
    if (model.get('value') >= Number(input.max)) set(0);
    timer = setInterval(forward, PAUSE);
    show();
  };
  input.oninput = () => { words.textContent = model.get('texts')[input.value] ?? ''; };
  input.onchange = () => set(input.value);
  const line = make('div', { className: 'petlearn-slider' }, make('label', {}, name, input), words, usual, play);
  for (const o of [input, play]) o.dataset.lmSuppressShortcuts = 'true'; // JupyterLab has a use of its own for arrow keys
  el.append(line);
  show();
  model.on('change', show);
  return () => {
    clearInterval(timer);
    model.off('change', show);
  };
}
export default { render };
