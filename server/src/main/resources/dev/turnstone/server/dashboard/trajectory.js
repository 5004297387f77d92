// One rollout: what was said, and every token with what is recorded of it.

const element = (tag, properties, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// The value of a run-length sequence at every position.
function spread({starts, values}, length) {
  const all = new Array(length);
  starts.forEach((start, i) => all.fill(values[i], start, starts[i + 1] ?? length));
  return all;
}

function tokens(row) {
  const versions = spread(row.versions, row.ids.length), turns = spread(row.turns, row.ids.length);
  return row.ids.map((id, i) => {
    const text = row.texts?.[i] ?? `⟨${id}⟩`;
    if (versions[i] < 0) return element('span', {className: 'read', title: `id ${id}, read`}, text);
    const span = element('span', {
      className: row.mask[i] ? 'trained' : 'sampled',
      title: `id ${id}, log-probability ${row.logprobs[i].toFixed(3)}, version ${versions[i]}, turn ${turns[i]}, mask ${row.mask[i]}`}, text);
    span.style.setProperty('--p', (1 - Math.exp(row.logprobs[i])).toFixed(2));
    return span;
  });
}

const said = message => `${message.role}: ${message.content ?? ''}` +
  (message.tool_calls ?? []).map(call => `\n→ ${call.function.name}(${call.function.arguments})`).join('');

export function show(dialog, trajectory) {
  const {group, index, stop, detail, reward, rows, transcript} = trajectory;
  const close = element('button', {type: 'button', onclick: () => dialog.close()}, 'Close');
  const title = `${group}, rollout ${index}: ${stop}${detail ? ` (${detail})` : ''}, reward ${reward ?? 'none'}`;
  dialog.replaceChildren(
    element('header', {}, element('h1', {}, title), close),
    element('h2', {}, 'Messages'),
    element('pre', {}, transcript.map(said).join('\n\n')),
    ...rows.flatMap(row => [
      element('h2', {}, `Tokens${rows.length > 1 ? ` of branch ${row.branch}` : ''}: grey was read, blue sampled, red a surprise, underlined trained`),
      ...(row.flags.length ? [element('p', {}, row.flags.join(', '))] : []),
      element('pre', {}, ...tokens(row))]));
  dialog.showModal();
}
