'use strict';
// Sorts the table of classes; fills, filters and sorts the gallery; switches layers; names segments.
// Numbers come from data.js; what an image's segments are comes from its folder, when it is hovered:
// a page that is opened from disk may load scripts, but may not read other files.

const find = (selector, root = document) => root.querySelector(selector);
const make = (tag, text = '', className = '') => {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
};
const number = (value) => (value === null ? '-' : value.toFixed(1));
const fateClass = (fate) => fate.replace(' ', '-');

// ---- The table of classes

function sortTable(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const descending = heading.ariaSort !== 'descending';
  const rows = [...table.tBodies[0].rows];
  const isNumber = rows.some((row) => row.cells[column].dataset.key)
    && rows.every((row) => !isNaN(row.cells[column].dataset.key));
  const compare = (a, b) => {
    const [x, y] = [a, b].map((row) => row.cells[column].dataset.key);
    if (!x || !y) return !x - !y; // what was not measured comes last
    return (isNumber ? x - y : x.localeCompare(y)) * (descending ? -1 : 1);
  };
  for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
  heading.ariaSort = descending ? 'descending' : 'ascending';
  table.tBodies[0].append(...rows.sort(compare));
}

for (const table of document.querySelectorAll('.sortable')) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.tabIndex = 0;
    heading.addEventListener('click', () => sortTable(table, column));
    heading.addEventListener('keydown', (event) => event.key === 'Enter' && sortTable(table, column));
  });
}

// ---- Segments of an image, by what the pointer is on

const segments = new Map(); // image -> promise of its segments

// What the script of an image calls.
window.einetSegments = (content) => document.currentScript.arrived(content);

function loadSegments(image) {
  if (!segments.has(image)) {
    segments.set(image, new Promise((resolve) => {
      const script = make('script');
      script.arrived = resolve;
      script.src = `${REPORT.images[image].folder}/segments.js`;
      document.head.append(script);
    }));
  }
  return segments.get(image);
}

// Rows of the segments of ground truth and prediction at a place, given as shares of the image.
function rowsAt(content, x, y) {
  const [width, height] = content.size;
  let place = Math.floor(y * height) * width + Math.floor(x * width);
  for (let i = 0; i < content.runs.length; i += 3) {
    place -= content.runs[i];
    if (place < 0) return [content.runs[i + 1], content.runs[i + 2]];
  }
  return [-1, -1];
}

const className = (segment) => (segment && segment.label >= 0 ? REPORT.classes[segment.label] : 'void');

function describe(title, segment) {
  const line = make('div', `${title}: ${className(segment)}`);
  if (!segment || segment.label < 0) return line;
  line.textContent += `, ${segment.area.toLocaleString('en')} pixels, ${segment.fate}`;
  if (segment.partner >= 0) line.textContent += `, IoU ${segment.iou.toFixed(2)}`;
  if (segment.score) line.textContent += `, score ${segment.score.toFixed(2)}`;
  return line;
}

const tip = find('#tip');
let hovered = null;

async function showTip(event, image) {
  const box = event.currentTarget.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  hovered = image;
  const content = await loadSegments(image);
  if (hovered !== image || x < 0 || x >= 1 || y < 0 || y >= 1) return;
  const [row, predicted] = rowsAt(content, x, y);
  tip.replaceChildren(
    describe('ground truth', content.truth[row]), describe('prediction', content.prediction[predicted]));
  tip.hidden = false;
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 4)}px`;
  tip.style.top = `${Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 4)}px`;
}

function hideTip() {
  hovered = null;
  tip.hidden = true;
}

function hoverable(picture, imageOf) {
  picture.addEventListener('mousemove', (event) => showTip(event, imageOf()));
  picture.addEventListener('mouseleave', hideTip);
}

// ---- The gallery

const layerOf = () => find('[name=layer]:checked').value;
const source = (image) => `${REPORT.images[image].folder}/${layerOf()}.jpg`;

function makeCard(image) {
  const entry = REPORT.images[image];
  const card = make('article', '', 'card');
  const picture = make('div', '', 'picture');
  const view = make('img');
  view.loading = 'lazy';
  [view.width, view.height] = entry.size;
  view.alt = entry.name;
  picture.append(view);
  const heading = make('h3');
  const name = make('span', entry.name);
  name.title = entry.name;
  heading.append(name, make('span', '', 'pq'));
  card.append(picture, heading, make('p'));
  picture.addEventListener('click', () => openViewer(image));
  hoverable(picture, () => image);
  return card;
}

// Numbers of errors by kind, of all classes or of one.
const errorsOf = (run, label) => (label === '' ? run.errors : run.class_errors[label] ?? {});

function labelCard(card, image, label) {
  const entry = REPORT.images[image];
  const score = (run) => (label === '' ? run.pq : run.classes[label] ?? null);
  const pq = entry.B ? `A ${number(score(entry.A))}, B ${number(score(entry.B))}` : number(score(entry.A));
  find('.pq', card).textContent = `PQ ${pq}`;
  const errors = errorsOf(entry.A, label);
  const parts = REPORT.errors.filter((fate) => errors[fate]).map((fate) => `${errors[fate]} ${fate}`);
  if (entry.B) parts.unshift(`A and B agree by ${number(entry.agreement)}`);
  find('p', card).textContent = parts.join(', ') || (label === '' ? 'all segments found' : 'no error of this class');
}

const ORDERS = {
  worst: (score) => (a, b) => score(a) - score(b),
  best: (score) => (a, b) => score(b) - score(a),
  differ: () => (a, b) => REPORT.images[a].agreement - REPORT.images[b].agreement,
  name: () => (a, b) => REPORT.images[a].name.localeCompare(REPORT.images[b].name),
};
const cards = REPORT.images.map((_, image) => makeCard(image));
let shown = [];

function updateGallery() {
  const [label, error, order] = ['#class', '#error', '#order'].map((id) => find(id).value);
  // An image without anything to measure is neither good nor bad: last in both orders.
  const unmeasured = order === 'best' ? -1 : 101;
  const runs = (image) => [REPORT.images[image].A, REPORT.images[image].B].filter(Boolean);
  const score = (image) => {
    const run = REPORT.images[image].A;
    return (label === '' ? run.pq : run.classes[label]) ?? unmeasured;
  };
  shown = REPORT.images.map((_, image) => image)
    .filter((image) => label === '' || runs(image).some((run) => label in run.classes))
    .filter((image) => error === '' || errorsOf(REPORT.images[image].A, label)[error])
    .sort(ORDERS[order](score));
  shown.forEach((image) => labelCard(cards[image], image, label));
  find('#cards').replaceChildren(...shown.map((image) => cards[image]));
  find('#count').textContent = `${shown.length} of ${REPORT.images.length} images`;
}

function updateLayer() {
  cards.forEach((card, image) => { find('img', card).src = source(image); });
  find('#legend').hidden = !layerOf().endsWith('errors');
  if (viewer.open) showInViewer(current);
}

// ---- One image, large

const viewer = find('#viewer');
let current = 0;

function openViewer(image) {
  find('#viewer .controls').append(find('#layers')); // the one set of buttons moves along
  viewer.showModal();
  showInViewer(image);
}

async function showInViewer(image) {
  hideTip();
  current = image;
  const entry = REPORT.images[image];
  const view = find('#viewer-image');
  view.src = source(image);
  [view.width, view.height] = entry.size;
  view.parentElement.style.maxWidth = `${(74 * entry.size[0]) / entry.size[1]}vh`;
  find('#viewer-name').textContent = `${entry.name}, PQ ${number(entry.A.pq)}`;
  find('#viewer .frame').hidden = true;
  const content = await loadSegments(image);
  if (current === image) listErrors(content);
}

function listErrors(content) {
  const isError = (segment) => REPORT.errors.includes(segment.fate);
  const pairs = content.truth.filter(isError).map((segment) => [segment, content.prediction[segment.partner]]);
  pairs.push(...content.prediction.filter((s) => s.fate === 'invented').map((s) => [undefined, s]));
  const area = ([truth, predicted]) => (truth ?? predicted).area;
  const rows = pairs.sort((a, b) => area(b) - area(a)).map(([truth, predicted]) => {
    const segment = truth ?? predicted;
    const row = make('tr');
    const what = make('td', segment.fate);
    what.prepend(make('span', '', `swatch ${fateClass(segment.fate)}`));
    row.append(what, ...[truth, predicted].map((s) => make('td', s ? className(s) : '')));
    row.append(make('td', segment.area.toLocaleString('en')));
    row.append(make('td', segment.partner >= 0 ? segment.iou.toFixed(2) : ''));
    row.addEventListener('mouseenter', () => frame(segment.box));
    row.addEventListener('mouseleave', () => { find('#viewer .frame').hidden = true; });
    return row;
  });
  const none = make('tr');
  none.append(make('td', 'nothing: all segments were found'));
  find('#viewer-segments tbody').replaceChildren(...(rows.length ? rows : [none]));
}

function frame(box) {
  if (!box.length) return; // no pixel is left of it
  const style = find('#viewer .frame').style;
  ['left', 'top', 'width', 'height'].forEach((side, i) => { style[side] = `${100 * box[i]}%`; });
  find('#viewer .frame').hidden = false;
}

function step(by) {
  const place = shown.indexOf(current) + by;
  if (place >= 0 && place < shown.length) showInViewer(shown[place]);
}

// ---- Controls

REPORT.classes.forEach((name, label) => find('#class').append(new Option(name, label)));
REPORT.errors.forEach((fate) => find('#error').append(new Option(fate, fate)));
for (const id of ['#class', '#error', '#order']) find(id).addEventListener('change', updateGallery);
find('#layers').addEventListener('change', updateLayer);
find('#previous').addEventListener('click', () => step(-1));
find('#next').addEventListener('click', () => step(1));
find('#close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', (event) => event.target === viewer && viewer.close());
viewer.addEventListener('close', () => {
  hideTip();
  find('#count').before(find('#layers'));
});
hoverable(find('#viewer .picture'), () => current);
for (const link of document.querySelectorAll('[data-label]')) {
  link.addEventListener('click', () => {
    find('#class').value = link.dataset.label;
    updateGallery();
  });
}
document.addEventListener('keydown', (event) => {
  if (event.target.matches('select') || event.ctrlKey || event.altKey || event.metaKey) return;
  const button = document.querySelectorAll('[name=layer]')[event.key - 1];
  if (button) {
    button.checked = true;
    updateLayer();
  }
  if (viewer.open && event.key === 'ArrowLeft') step(-1);
  if (viewer.open && event.key === 'ArrowRight') step(1);
});
if (REPORT.images[0]?.B) find('#order').value = 'differ';
updateLayer();
updateGallery();
