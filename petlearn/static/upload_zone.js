// A place for photos: choose, drop, paste, or take one; they go to whoever answers in pieces, one after the other.
const LATE = 8000; // milliseconds until it says that there is no answer

const make = (tag, properties = {}, ...children) => {
  const o = Object.assign(document.createElement(tag), properties);
  o.append(...children);
  return o;
};
const button = (text, onclick) => make('button', { type: 'button', textContent: text, onclick });
const region = () => make('div', { role: 'status' });
const inMB = n => (n/1e6).toFixed(n < 1e5 ? 2 : 1);

class Gone extends Error {} // nobody is there who could answer

// Send one piece, and wait until it is said to have come; `late` is called if that takes long.
const sendPiece = (model, message, data, signal, late) => new Promise((done, failed) => {
  signal.throwIfAborted();
  const timer = setTimeout(late, LATE);
  const hear = o => { if (o.upload === message.upload) o.gone ? end(failed, new Gone()) : end(done, o); };
  const stop = () => end(failed, signal.reason);
  function end(f, o) {
    clearTimeout(timer);
    model.off('msg:custom', hear);
    signal.removeEventListener('abort', stop);
    f(o);
  }
  model.on('msg:custom', hear);
  signal.addEventListener('abort', stop);
  try { model.send(message, undefined, [data]); } catch { end(failed, new Gone()); } // Jupyter, after a restart
});

// A file in pieces, so that no message is large and little of the file is in memory.
async function sendFile(model, file, batch, signal, moved, late) {
  const upload = Math.random().toString(36).slice(2), size = model.get('limits').piece;
  const message = { type: 'piece', upload, batch, name: file.name, size: file.size };
  try {
    for (let start = 0; start == 0 || start < file.size; start += size) {
      const data = await file.slice(start, start + size).arrayBuffer();
      const answer = await sendPiece(model, { ...message, start }, data, signal, late);
      moved(Math.min(start + size, file.size));
      if (answer.over) return;
    }
  } catch (e) {
    if (!(e instanceof Gone)) model.send({ type: 'stop', upload });
    throw e;
  }
}

// One photo after the other. `show` gets how far it is, `late` is called if it takes long, `note` gets what went wrong.
async function sendAll(model, files, signal, { show, late, note }) {
  const total = files.reduce((sum, o) => sum + o.size, 0), batch = Math.random().toString(36).slice(2);
  let before = 0;
  for (const [i, file] of files.entries()) {
    const moved = n => show(total ? (before + n)/total : 1,
      `photo ${i + 1} of ${files.length}, ${inMB(before + n)} of ${inMB(total)} MB`);
    moved(0);
    try { await sendFile(model, file, batch, signal, moved, late); } catch (e) {
      const left = `${files.length - i} of ${files.length} not sent.`;
      if (e instanceof Gone || signal.reason instanceof Gone) return note(`${model.get('words').gone} ${left}`);
      if (signal.aborted) return note(`Stopped: ${left}`);
      note(`${file.name} can't be read. If it is a folder, choose the photos in it.`);
    }
    before += file.size;
  }
}

// What is to be sent, with a bar and words for what happens.
function sender(model, { line, bar, place, slow, notes, stop }) {
  const limits = model.get('limits');
  let batches = [], going = null;
  const words = {
    note: text => notes.append(make('p', { textContent: `⚠ ${text}` })),
    late: () => { slow.textContent = model.get('words').late; },
    show: (part, text) => {
      bar.value = part;
      place.textContent = text;
      slow.textContent = '';
    } };
  async function go() {
    line.hidden = false;
    while (batches.length) {
      going = new AbortController();
      await sendAll(model, batches.shift(), going.signal, words);
    }
    going = null;
    line.hidden = true;
    slow.textContent = '';
  }
  stop.onclick = () => { batches = []; going?.abort(); };
  function take(files) {
    if (!going) notes.replaceChildren();
    const fit = files.filter(o => o.size <= limits.mb*1e6);
    for (const o of files) if (!fit.includes(o)) {
      words.note(`${o.name} has ${inMB(o.size)} MB. Expected at most ${limits.mb} MB. Save a smaller copy.`);
    }
    if (fit.length > limits.files) {
      words.note(`The first ${limits.files} of ${fit.length} photos. Choose the rest later.`);
    }
    if (fit.length) batches.push(fit.slice(0, limits.files));
    if (slow.textContent) going?.abort(); // nobody answers: let the new photos try again
    if (!going && batches.length) go();
  }
  function gone() { // it was restarted: what is on its way won't be answered
    batches = [];
    going?.abort(new Gone());
  }
  return { note: words.note, take, gone };
}

// Why there is no picture of a camera, by the name of the browser's error.
const CAMERA = {
  NotFoundError: 'No camera was found. Plug one in, or choose a photo.',
  OverconstrainedError: 'No camera was found that fits. Choose a photo.',
  NotAllowedError: "The browser may not use the camera. Allow it beside the page's address, or choose a photo.",
  NotReadableError: 'The camera does not start: perhaps another program uses it. Close that, or choose a photo.',
  insecure: 'Browsers open the camera only for pages at 127.0.0.1 or localhost, and for encrypted ones. Choose a photo.' };
const cameraError = e => CAMERA[e.name] ?? `The camera can't be used (${e.message}). Choose a photo.`;

// A button that opens the camera in `box`; its light goes off after the photo.
function camera(box, { note, take }) {
  let stream = null, wanted = false;
  const open = button('Take a photo', start);
  open.hidden = isSecureContext && !navigator.mediaDevices?.getUserMedia;
  function close() {
    wanted = false;
    stream?.getTracks().forEach(o => o.stop());
    stream = null;
    box.replaceChildren();
    open.disabled = false;
  }
  function back() {
    close();
    open.focus();
  }
  async function start() {
    if (!isSecureContext) return note(CAMERA.insecure);
    open.disabled = wanted = true;
    try { stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } }); } catch (e) {
      note(cameraError(e));
      return back();
    }
    if (!wanted) return close();
    const video = make('video', { srcObject: stream, muted: true, playsInline: true, autoplay: true });
    const shoot = button('Take it', () => {
      const canvas = make('canvas', { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext('2d').drawImage(video, 0, 0);
      canvas.toBlob(o => take([new File([o], 'camera.jpg', { type: 'image/jpeg' })]), 'image/jpeg', .92);
      back();
    });
    shoot.disabled = true;
    video.onplaying = () => { shoot.disabled = false; shoot.focus(); };
    box.append(video, make('div', { className: 'petlearn-line' }, shoot, button('Cancel', back)));
  }
  box.dataset.lmSuppressShortcuts = 'true'; // JupyterLab has a use of its own for Esc
  box.onkeydown = e => { if (e.key === 'Escape') back(); };
  return { open, close };
}

function render({ model, el }) {
  const input = make('input', { type: 'file', multiple: true, accept: 'image/*', hidden: true });
  const choose = button('Choose photos …', () => input.click());
  const box = make('div'), stop = button('Stop'), bar = make('progress'), place = make('span');
  const line = make('div', { className: 'petlearn-line', hidden: true }, bar, place, stop);
  const slow = region(), notes = region();
  const sending = sender(model, { line, bar, place, slow, notes, stop });
  const eye = camera(box, sending);
  const hint = make('small', { textContent: `Or drop them here, or paste one. At most ${model.get('limits').mb} MB each.` });
  const zone = make('div', { className: 'petlearn-drop', tabIndex: -1 },
    make('div', { className: 'petlearn-line' }, choose, eye.open, input, hint), box, line, slow, notes);
  input.onchange = () => {
    sending.take([...input.files]);
    input.value = '';
  };
  const ours = (e, over = false) => { // JupyterLab has a use of its own for what is dropped
    e.preventDefault();
    e.stopPropagation();
    zone.classList.toggle('petlearn-over', over);
  };
  zone.ondragover = e => ours(e, true);
  zone.ondragleave = e => ours(e);
  zone.ondrop = e => {
    ours(e);
    sending.take([...e.dataTransfer.files]);
  };
  zone.onpaste = e => {
    if (!e.clipboardData.files.length) return;
    ours(e);
    sending.take([...e.clipboardData.files]);
  };
  const look = () => queueMicrotask(() => { if (el.closest('.jupyter-widgets-disconnected')) sending.gone(); });
  model.on('comm_live_update', look); // Jupyter: Python was restarted, or the connection to it is back
  el.append(zone);
  return () => {
    model.off('comm_live_update', look);
    eye.close();
  };
}
export default { render };
