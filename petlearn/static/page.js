// The page: a photo goes to the service, and its answer becomes a card. All text is written as text, never as HTML.
import upload from './upload_zone.js';

const MOST_CARDS = 200, MOST_ROWS = 10, SECONDS = 60, PICTURE = 320;
const [about, zone, said, clear, list, programs, example] =
  ['about', 'zone', 'said', 'clear', 'cards', 'programs', 'example'].map(o => document.getElementById(o));
const words = {
  late: 'No answer for 8 seconds. If the computer is busy, wait: it continues by itself.',
  gone: 'No answer: the computer that answers was stopped or restarted. Your cards stay. '
    + 'Try again; if that fails, reload the page, or ask whoever started it.' };

const make = (tag, properties = {}, ...children) => {
  const o = Object.assign(document.createElement(tag), properties);
  o.append(...children);
  return o;
};
const sure = p => p > .995 ? 'over 99 %' : p < .005 ? 'under 1 %' : `${Math.max(1, Math.round(100*p))} %`;

function row([label, p]) {
  const bar = make('div', { className: 'page-bar' });
  bar.style.width = `${100*p}%`;
  return make('tr', {}, make('td', { textContent: label }), make('td', {}, bar), make('td', { textContent: sure(p) }));
}

function answer({ answer, neither, scores }) {
  const likely = Object.entries(scores).sort((a, b) => b[1] - a[1]), more = likely.length - MOST_ROWS;
  const notes = [neither && 'The photo is like nothing that the model has learned from.'];
  if (more > 0) notes.push(`${more} more labels are less likely.`);
  return [make('table', {}, ...likely.slice(0, MOST_ROWS).map(row)),
    ...notes.filter(Boolean).map(o => make('p', { textContent: o }))];
}

const sentences = ({ what, expected, fix }, name) => [`${name}: ${what}`, expected, fix].filter(Boolean)
  .map(o => make('p', { textContent: o }));

// `card`: name, picture (a data URL, or empty), ok, and found: what the service said.
function draw({ name, picture, ok, found }) {
  const inside = ok ? [make('p', { textContent: name }), ...answer(found)] : sentences(found, name);
  const text = make('div', {}, make('h2', { textContent: ok ? found.answer : '⚠ No answer' }), ...inside);
  const photo = picture ? [make('img', { src: picture, alt: name })] : [];
  return make('article', { className: 'petlearn-answer' }, make('div', {}, ...photo, text));
}

// The cards; this tab of the browser keeps them, so that they are there after a reload.
const kept = JSON.parse(sessionStorage.getItem('cards') ?? '[]');
function keep() {
  clear.hidden = !kept.length;
  try { sessionStorage.setItem('cards', JSON.stringify(kept)); } catch { /* too many: they are on the page, at least */ }
}
function show(card) {
  kept.push(card);
  list.prepend(draw(card));
  if (kept.length > MOST_CARDS) {
    kept.shift();
    list.lastChild.remove();
  }
  said.textContent = `${card.name}: ${card.ok ? card.found.answer : card.found.what}`;
  keep();
}
clear.onclick = () => {
  kept.length = 0;
  list.replaceChildren();
  said.textContent = '';
  keep();
  zone.querySelector('button').focus();
};

// A small copy of a photo; nothing if the browser can't open it, as most can't open those of an iPhone.
async function small(photo) {
  try {
    const all = await createImageBitmap(photo), scale = Math.min(1, PICTURE/Math.max(all.width, all.height));
    const canvas = make('canvas', { width: Math.ceil(all.width*scale), height: Math.ceil(all.height*scale) });
    canvas.getContext('2d').drawImage(all, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/jpeg', .8);
  } catch { return ''; }
}

async function ask(name, data) {
  const photo = new Blob([data]), headers = { 'Content-Type': 'application/octet-stream' };
  const r = await fetch('predict', { method: 'POST', body: photo, headers, signal: AbortSignal.timeout(1000*SECONDS) });
  show({ name, ok: r.ok, found: await r.json(), picture: r.ok ? await small(photo) : '' });
}

// What the place for photos knows in a notebook as its widget: it sends a message, and hears one.
function connection(limits) {
  let hear = new Set();
  const known = { limits, words };
  return {
    get: name => known[name],
    on: (_, f) => hear.add(f),
    off: (_, f) => hear.delete(f),
    send: ({ type, upload, name }, _, [data] = []) => {
      if (type != 'piece') return;
      const answered = o => hear.forEach(f => f({ upload, ...o }));
      ask(name, data).then(() => answered({ over: true }), () => answered({ gone: true }));
    } };
}

kept.forEach(o => list.prepend(draw(o)));
keep();
example.textContent = `curl --data-binary @cat.jpg ${location.origin}/predict`;
programs.open = location.hash == '#programs';
try {
  const o = await (await fetch('health')).json(), rest = o.labels.length - 20;
  const labels = o.labels.slice(0, 20).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  const tested = o.tested ? ` Tested on photos that it had not learned from: ${o.tested}.` : '';
  about.textContent = `The model knows these labels, and nothing else: ${labels}.${tested} Your photos stay on this `
    + 'computer. Only this page remembers them and their answers, until you close it.';
  upload.render({ model: connection({ mb: o.max_mb, files: 50, piece: o.max_mb*1e6 }), el: zone });
} catch { about.textContent = words.gone; }
