// The cards with answers. The photos that came last are on top; those that came together stay together.
const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

function board(list, ask) {
  const cards = new Map(), groups = new Map();
  function group(batch) {
    if (!groups.get(batch)?.isConnected) {
      groups.set(batch, make('div', { className: 'petlearn-group' }));
      list.prepend(groups.get(batch));
    }
    return groups.get(batch);
  }
  function add({ id, batch, html, can_explain, because }) {
    if (cards.has(id)) return;
    const card = make('div', { className: 'petlearn-answer', innerHTML: html }); // Python has escaped all text in it
    const question = make('button', { type: 'button', textContent: 'Why?', className: 'petlearn-ask' });
    question.onclick = () => {
      question.disabled = true;
      try { ask(id); } catch { return; } // Python was restarted; the widget says so
      question.textContent = 'Working …';
    };
    if (can_explain) card.append(question);
    cards.set(id, card);
    group(batch).append(card);
    if (because) explain({ id, html: because });
  }
  function explain({ id, html }) {
    const card = cards.get(id), question = card?.querySelector('.petlearn-ask');
    if (!question) return;
    const why = make('div', { className: 'petlearn-why', innerHTML: html, tabIndex: -1 });
    card.append(why);
    card.classList.add('petlearn-wide');
    if (question.disabled) why.focus({ preventScroll: true }); // it was asked on this page
    question.remove();
  }
  function remove({ ids }) {
    for (const id of ids) {
      const card = cards.get(id), around = card?.parentNode;
      card?.remove();
      cards.delete(id);
      if (around && !around.children.length) around.remove();
    }
  }
  return { card: add, why: explain, remove };
}

function render({ model, el }) {
  const said = make('div', { role: 'status', className: 'petlearn-said' }), list = make('div');
  const actions = board(list, id => model.send({ type: 'why', id }));
  const hear = o => {
    actions[o.type]?.(o);
    if ('words' in o) said.textContent = o.words;
  };
  el.append(said, list);
  model.on('msg:custom', hear);
  model.send({ type: 'hello' });
  return () => model.off('msg:custom', hear);
}
export default { render };
