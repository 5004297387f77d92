// The page of one server: polls its state, follows one run's events, draws what they say.
import {Plot, brief} from './plots.js';
import {show} from './trajectory.js';

const $ = id => document.getElementById(id);
const SHOWN = 30, POLL_MS = 2000;
// A trainer's figures that everybody looks at, in this order; any other number that it sends is a click away.
const FIRST = ['mismatch_k3', 'entropy', 'loss', 'grad_norm', 'effective_sample_size', 'drift_k3', 'staleness_max', 'clip_fraction'];
const NOT_DRAWN = ['step', 'version', 'seq'];

let run = '', newest = '0', plots = new Map(), before, watching = new AbortController();

async function get(path, options = {}) {
  const key = $('key').value;
  const reply = await fetch(path, {...options, headers: {...options.headers, ...(key && {Authorization: `Bearer ${key}`})}});
  if (reply.status === 401) $('ask').hidden = false;
  if (!reply.ok) throw new Error((await reply.json()).error.message);
  return reply;
}

async function poll() {
  try {
    const {runs} = await (await get('/v1/runs')).json();
    const names = runs.map(r => r.run);
    if ([...$('runs').options].map(o => o.value).join('\n') !== names.join('\n')) {
      $('runs').replaceChildren(...names.map(name => new Option(name, name)));
      $('runs').value = run;
    }
    if (!names.includes(run) && names.length) follow($('runs').value = names.at(-1));
    $('status').textContent = names.length ? '' : 'no run yet: POST /v1/runs makes one';
    const state = runs.find(r => r.run === run);
    tiles(state, await engine().catch(error => { $('status').textContent = error.message; return {}; }));
    if (state) $('counters').replaceChildren(...Object.entries(state.counters).map(([name, value]) => row([name, value])));
  } catch (error) { $('status').textContent = error.message; }
}

async function engine() {
  const text = await (await get('/metrics')).text();
  const value = name => Number(new RegExp(`^turnstone_${name}(?:{.*})? (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
  return {running: value('engine_running'), waiting: value('engine_waiting'), kv: value('engine_kv_usage'),
    tokens: value('engine_generated_tokens_total'), calls: value('completions'), at: performance.now()};
}

function tiles(state, now) {
  const speed = before ? (now.tokens - before.tokens) / (now.at - before.at) * 1000 : NaN;
  before = now;
  const counters = state?.counters ?? {};
  const all = [
    ...(state ? [['run', state.broken ? `broken: ${state.broken}` : state.state], ['trainer', state.trainer ? 'connected' : 'not connected'],
      ['policy version', state.weights.version], ['rollouts running', counters.rollouts_running],
      ['groups complete', counters.groups_complete], ['groups committed', counters.commit]] : []),
    ['tokens per second', speed], ['sequences running', now.running], ['sequences waiting', now.waiting],
    ['KV cache used', Number.isFinite(now.kv) ? `${(100 * now.kv).toFixed(1)} %` : NaN], ['calls of agents', now.calls]];
  $('tiles').replaceChildren(...all.filter(([, value]) => value !== undefined && !Number.isNaN(value)).map(([name, value]) => {
    const tile = document.createElement('div'), figure = document.createElement('b');
    figure.textContent = typeof value === 'number' ? brief(Math.round(value)) : value;
    tile.append(figure, name);
    return tile;
  }));
}

function row(cells) {
  const tr = document.createElement('tr');
  for (const cell of cells) {
    const td = tr.insertCell();
    if (typeof cell === 'number') td.className = 'n';
    td.append(cell instanceof Node ? cell : typeof cell === 'number' ? brief(cell) : String(cell ?? ''));
  }
  return tr;
}

// Follows a run from the oldest event that the server still knows, and goes on where it was cut off.
async function follow(name) {
  watching.abort();
  watching = new AbortController();
  const {signal} = watching;
  run = name; newest = '0'; plots = new Map();
  for (const id of ['plots', 'others']) $(id).replaceChildren();
  $('alarms').replaceChildren(); $('rollouts').tBodies[0].replaceChildren();
  while (!signal.aborted) {
    try {
      const path = `/v1/runs/${encodeURIComponent(name)}/events`;
      const reader = (await get(path, {signal, headers: {'Last-Event-ID': newest}})).body.pipeThrough(new TextDecoderStream()).getReader();
      for (let held = ''; ;) {
        const {done, value} = await reader.read();
        if (done) break;
        const frames = (held + value).split('\n\n');
        held = frames.pop();
        for (const frame of frames) {
          const [, event, data, id] = /^event: (\w+)\ndata: (.*)\nid: (\d+)$/.exec(frame) ?? [];
          if (!event) continue;
          newest = id;
          happened(event, JSON.parse(data));
          if (event === 'end') return;
        }
      }
    } catch (error) { if (!signal.aborted) $('status').textContent = error.message; }
    await new Promise(wake => setTimeout(wake, POLL_MS));
  }
}

function happened(event, data) {
  if (event === 'rollout') rollout(data);
  else if (event === 'group') {
    const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
    const scored = data.rewards.filter(reward => reward !== null);
    if (scored.length) plot('reward', {unit: 'group', over: 20}).add(data.seq, mean(scored));
    if (data.lengths.length) plot('tokens per rollout', {unit: 'group', over: 20}).add(data.seq, mean(data.lengths));
  } else if (event === 'stats') {
    const names = Object.keys(data).filter(name => typeof data[name] === 'number' && !NOT_DRAWN.includes(name));
    for (const name of [...FIRST.filter(name => names.includes(name)), ...names.filter(name => !FIRST.includes(name))])
      plot(name, {log: /_(k3|abs)$/.test(name), aside: !FIRST.includes(name)}).add(data.step ?? data.version ?? 0, data[name]);
    $('alarms').replaceChildren();
  } else if (event === 'alarm') $('alarms').append(alarm(data.detail));
  else if (event === 'weights_failed') $('alarms').append(alarm(`weights ${data.lineage} ${data.version} were refused: ${data.reason}`));
}

function alarm(sentence) {
  const p = document.createElement('p');
  p.textContent = sentence;
  return p;
}

function plot(name, options) {
  if (!plots.has(name)) {
    plots.set(name, new Plot(name.replaceAll('_', ' '), options));
    $(options.aside ? 'others' : 'plots').append(plots.get(name).figure);
  }
  return plots.get(name);
}

function rollout(data) {
  const open = document.createElement('button');
  open.textContent = data.group;
  open.onclick = () => trajectory(data.group, data.index);
  const body = $('rollouts').tBodies[0];
  body.prepend(row([open, data.index, data.detail ? `${data.stop}: ${data.detail}` : data.stop, data.reward, data.turns, data.tool_calls,
    data.generated_tokens, data.version_max, data.wall_ms / 1000]));
  while (body.rows.length > SHOWN) body.lastChild.remove();
}

async function trajectory(group, index) {
  try {
    show($('trajectory'), await (await get(`/v1/runs/${encodeURIComponent(run)}/rollouts/${encodeURIComponent(group)}/${index}`)).json());
  } catch (error) { $('status').textContent = error.message; }
}

$('runs').onchange = () => follow($('runs').value);
$('key').onchange = poll;
for (;;) {
  await poll();
  await new Promise(wake => setTimeout(wake, POLL_MS));
}
