const [labels, field, photo, answer, example] =
  ['labels', 'field', 'photo', 'answer', 'example'].map(o => document.getElementById(o));

function line(text, tag = 'p') {
  const o = document.createElement(tag);
  o.textContent = text; // never as HTML: labels and file names may hold anything
  return o;
}

function row(label, p) {
  const meter = document.createElement('meter');
  meter.value = p;
  const bar = line('', 'td');
  bar.append(meter);
  const o = line('', 'tr');
  o.append(line(label, 'td'), bar, line((100 * p).toFixed(1) + ' %', 'td'));
  return o;
}

function lines(prediction) {
  const table = document.createElement('table');
  const likely = Object.entries(prediction.scores).sort((a, b) => b[1] - a[1]).slice(0, 10);
  table.append(...likely.map(([label, p]) => row(label, p)));
  const unusual = prediction.neither ? [line('The photo is like nothing that the model has learned from.')] : [];
  return [line(prediction.answer, 'h2'), ...unusual, table];
}

async function predict(file) {
  const type = file.type.startsWith('image/') ? file.type : 'application/octet-stream';
  const r = await fetch('predict', {method: 'POST', body: file, headers: {'Content-Type': type}});
  const found = await r.json();
  photo.hidden = !r.ok;
  return [line(file.name), ...(r.ok ? lines(found) : Object.values(found).map(o => line(o)))];
}

field.onchange = async () => {
  const file = field.files[0];
  if (!file) return;
  URL.revokeObjectURL(photo.src);
  photo.src = URL.createObjectURL(file);
  photo.alt = file.name;
  answer.replaceChildren(line('Looking …'));
  try { answer.replaceChildren(...await predict(file)); }
  catch { answer.replaceChildren(line('The service does not answer. Is it still running?')); }
  field.value = '';
};

example.textContent = `curl -H 'Content-Type: image/jpeg' --data-binary @cat.jpg ${location.origin}/predict`;
fetch('health').then(r => r.json()).then(o => {
  labels.textContent = o.labels.slice(0, 20).join(', ') + (o.labels.length > 20 ? ` and ${o.labels.length - 20} more` : '');
});
