// The confusion matrix: a table whose numbers are buttons. The darker, the larger the share of the row's photos.
const make = (tag, properties = {}, ...children) => {
  const o = Object.assign(document.createElement(tag), properties);
  o.append(...children);
  return o;
};
const head = (text, scope) => make('th', { scope }, make('span', { textContent: text }));

function render({ model, el }) {
  const labels = model.get('labels'), counts = model.get('counts'), totals = model.get('totals');
  const buttons = new Map();
  function cell(row, column) {
    const n = counts[row][column], right = row === column, box = make('td');
    if (!n) return Object.assign(box, { textContent: '0' });
    const button = make('button', { type: 'button', textContent: right ? `✓ ${n}` : n });
    button.title = `${labels[row]} called ${labels[column]}: ${n}`;
    button.setAttribute('aria-label', button.title);
    button.style.setProperty('--share', `${Math.round(8 + 37*n/totals[row])}%`);
    button.className = right ? 'petlearn-right' : 'petlearn-wrong';
    button.onclick = () => {
      model.set('chosen', [row, column]);
      model.save_changes();
    };
    buttons.set(`${row},${column}`, button);
    box.append(button);
    return box;
  }
  function mark() {
    const chosen = model.get('chosen').join();
    for (const [pair, o] of buttons) o.setAttribute('aria-pressed', pair === chosen);
  }
  const first = make('tr', {}, head('label ↓  model →', 'col'), ...labels.map(o => head(o, 'col')));
  const rows = labels.map((o, i) => make('tr', {}, head(o, 'row'), ...labels.map((_, j) => cell(i, j))));
  const table = make('table', { className: labels.length > 5 ? 'petlearn-upright' : '' },
    make('thead', {}, first), make('tbody', {}, ...rows));
  const box = make('div', { className: 'petlearn-matrix', tabIndex: 0, role: 'region', ariaLabel: 'Confusion matrix' }, table);
  el.append(box);
  mark();
  model.on('change:chosen', mark);
  return () => model.off('change:chosen', mark);
}
export default { render };
