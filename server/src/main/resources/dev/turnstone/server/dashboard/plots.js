// Curves over steps or groups, drawn as SVG: one <figure> each, with its newest value beside the title
// and the value under the pointer instead while there is one.

const WIDTH = 300, HEIGHT = 110, LEFT = 46, TOP = 8, BOTTOM = 16, POINTS = 600;

export const brief = value =>
  !Number.isFinite(value) ? String(value)
  : Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value)
  : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(1)
  : String(Number(value.toPrecision(3)));

function svg(tag, attributes, text = '') {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

export class Plot {
  // over: how many values the curve is a running mean of; above 1 the values themselves are dots.
  constructor(title, {unit = 'step', log = false, over = 1} = {}) {
    Object.assign(this, {title, unit, log, over, points: [], drawing: false});
    this.figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    this.value = document.createElement('output');
    caption.append(title, this.value);
    this.svg = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': title});
    this.figure.append(caption, this.svg);
    this.svg.onpointermove = event => this.point(event);
    this.svg.onpointerleave = () => this.draw();
  }

  add(x, y) {
    if (!Number.isFinite(y)) return;
    this.points.push({x, y, mean: 0});
    const last = this.points.slice(-this.over);
    this.points.at(-1).mean = last.reduce((sum, p) => sum + p.y, 0) / last.length;
    // Every other point goes when there are too many to see.
    if (this.points.length > 2 * POINTS) this.points = this.points.filter((_, i) => i % 2);
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawing = false;
    const points = this.points;
    if (!points.length) return;
    const height = v => this.log ? Math.log10(Math.max(v, 1e-18)) : v;
    const ys = points.map(p => height(p.y));
    let low = Math.min(...ys), high = Math.max(...ys);
    if (low === high) { low -= this.log ? 1 : Math.abs(low) * .1 || .5; high += this.log ? 1 : Math.abs(high) * .1 || .5; }
    const first = points[0].x, span = points.at(-1).x - first || 1;
    this.x = x => LEFT + (WIDTH - LEFT - 6) * (x - first) / span;
    this.y = v => TOP + (HEIGHT - TOP - BOTTOM) * (high - height(v)) / (high - low);
    const shown = v => brief(this.log ? 10 ** v : v);
    const dots = this.over > 1 ? points.map(p => svg('circle', {class: 'dot', cx: this.x(p.x), cy: this.y(p.y), r: 2})) : [];
    this.svg.replaceChildren(
      ...[low, high].map(v => svg('line', {x1: LEFT, x2: WIDTH - 6, y1: this.y(this.log ? 10 ** v : v), y2: this.y(this.log ? 10 ** v : v)})),
      svg('text', {x: LEFT - 4, y: TOP + 4, 'text-anchor': 'end'}, shown(high)),
      svg('text', {x: LEFT - 4, y: HEIGHT - BOTTOM + 3, 'text-anchor': 'end'}, shown(low)),
      svg('text', {x: LEFT, y: HEIGHT - 3}, `${this.unit} ${first}`),
      svg('text', {x: WIDTH - 6, y: HEIGHT - 3, 'text-anchor': 'end'}, String(points.at(-1).x)),
      ...dots,
      svg('polyline', {class: 'curve', points: points.map(p => `${this.x(p.x)},${this.y(p.mean)}`).join(' ')}));
    this.value.textContent = brief(points.at(-1).mean);
  }

  point(event) {
    if (!this.points.length) return;
    this.draw();
    const at = (event.clientX - this.svg.getBoundingClientRect().left) / this.svg.clientWidth * WIDTH;
    const near = this.points.reduce((a, b) => Math.abs(this.x(b.x) - at) < Math.abs(this.x(a.x) - at) ? b : a);
    this.svg.append(svg('line', {class: 'mark', x1: this.x(near.x), x2: this.x(near.x), y1: TOP, y2: HEIGHT - BOTTOM}));
    this.value.textContent = `${this.unit} ${near.x}: ${brief(near.y)}`;
  }
}
