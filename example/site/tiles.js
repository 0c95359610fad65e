// The stage: one tile for each picture, and where each tile goes.
//
// The page describes what is to be seen as a list; a tile whose key was there
// before keeps its elements, so a video is never interrupted by a repaint.

const GAP = 10;
const NARROWEST = 1;
const NARROWEST_UPRIGHT = 3 / 4;
const WIDEST = 16 / 9;
const HUES = [168, 205, 262, 318, 18, 44, 96, 230];

const tiles = new Map();
let stage;
let model = [];

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');

  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  svg.setAttribute('aria-hidden', 'true');
  return svg;
}

function element(tag, className, parent) {
  const el = document.createElement(tag);

  el.className = className;
  parent.append(el);
  return el;
}

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);

  return words.slice(0, 2).map((w) => Array.from(w)[0]).join('').toUpperCase();
}

function hueOf(key) {
  let sum = 0;

  for (const c of key) {
    sum = (sum * 31 + c.codePointAt(0)) % 9973;
  }

  return HUES[sum % HUES.length];
}

function makeTile(item) {
  const root = document.createElement('article');
  const video = element('video', 'picture', root);
  const avatar = element('div', 'avatar', root);
  const plate = element('div', 'plate', root);
  const muted = icon('mic-off');

  root.className = 'tile';
  root.dataset.tile = item.key;
  root.style.setProperty('--hue', hueOf(item.key));

  video.autoplay = true;
  video.playsInline = true;
  video.muted = item.local;
  video.addEventListener('resize', layout);

  avatar.setAttribute('aria-hidden', 'true');
  muted.classList.add('muted');
  plate.append(muted);

  return {
    root, video, avatar, plate, muted,
    name: element('span', 'name', plate),
    state: element('span', 'state', plate),
  };
}

function paint(tile, item, blocked) {
  const { root, video } = tile;

  if (item.peer) {
    root.dataset.peer = item.peer;
  }
  root.dataset.role = item.role;
  root.dataset.state = item.word;
  root.classList.toggle('local', item.local);
  root.classList.toggle('mirrored', item.mirrored === true);
  root.classList.toggle('without-picture', !item.picture);
  root.classList.toggle('speaking', item.speaking === true);
  root.setAttribute('aria-label',
                    item.words ? `${item.label}, ${item.words}` : item.label);

  tile.avatar.textContent = initials(item.name);
  tile.muted.classList.toggle('on', item.muted === true);
  tile.name.textContent = item.label;
  tile.state.textContent = item.words ?? '';

  if (video.srcObject !== item.stream) {
    video.srcObject = item.stream;

    if (item.stream) {
      // Browsers may refuse to play sound on a page nobody touched yet.
      video.play().catch((err) => {
        if (err.name === 'NotAllowedError') {
          blocked();
        }
      });
    }
  }
}

// items: [{ key, peer, role, local, mirrored, stream, picture, name, label,
// words, word, muted, speaking }], the own tiles last.
export function showTiles(parent, items, blocked) {
  if (!stage) {
    stage = parent;
    new ResizeObserver(layout).observe(stage);
  }

  const keys = new Set(items.map((i) => i.key));

  for (const [key, tile] of tiles) {
    if (!keys.has(key)) {
      tile.video.srcObject = null;
      tile.root.remove();
      tiles.delete(key);
    }
  }

  for (const item of items) {
    let tile = tiles.get(item.key);

    if (!tile) {
      tile = makeTile(item);
      tiles.set(item.key, tile);
      stage.append(tile.root);
    }

    paint(tile, item, blocked);
  }

  model = items;
  layout();
}

export function playAll() {
  for (const { video } of tiles.values()) {
    video.play().catch(() => {});
  }
}

export function remoteVideos() {
  return model.filter((i) => !i.local).map((i) => tiles.get(i.key).video);
}

// --- where the tiles go ----------------------------------------------------

function place(item, x, y, width, height, floating) {
  const { root, video } = tiles.get(item.key);
  const shown = video.videoWidth / video.videoHeight;
  const wanted = width / height;

  root.style.left = `${x}px`;
  root.style.top = `${y}px`;
  root.style.width = `${width}px`;
  root.style.height = `${height}px`;
  root.style.setProperty('--beside', '0px');
  root.classList.toggle('floating', floating === true);
  root.classList.toggle('tiny', width < 200);

  // A picture is cut to fill its tile unless too much of it would be lost.
  root.classList.toggle('whole', item.role === 'screen'
    || (shown > 0 && Math.max(shown / wanted, wanted / shown) > 2.4));
}

// The number of columns that makes the tiles largest.
function bestGrid(n, width, height) {
  const narrowest = height > width ? NARROWEST_UPRIGHT : NARROWEST;
  let best = null;

  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    let w = (width - GAP * (columns - 1)) / columns;
    let h = (height - GAP * (rows - 1)) / rows;

    w = Math.min(w, h * WIDEST);
    h = Math.min(h, w / narrowest);

    if (!best || w * h > best.w * best.h) {
      best = { columns, rows, w, h };
    }
  }

  return best;
}

function placeGrid(items, x, y, width, height) {
  const { columns, rows, w, h } = bestGrid(items.length, width, height);
  const top = y + (height - rows * h - (rows - 1) * GAP) / 2;

  items.forEach((item, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, items.length - row * columns);
    const left = x + (width - inRow * w - (inRow - 1) * GAP) / 2;

    place(item, left + (i % columns) * (w + GAP), top + row * (h + GAP), w, h);
  });
}

function placeScreen(screen, others, width, height) {
  if (width > height) {
    const side = Math.min(240, width / 4);

    place(screen, 0, 0, width - side - GAP, height);
    placeGrid(others, width - side, 0, side, height);
    return;
  }

  const strip = Math.min(190, height / 3.5);

  place(screen, 0, 0, width, height - strip - GAP);
  placeGrid(others, 0, height - strip, width, strip);
}

function placePair(remote, own, width, height) {
  const upright = height > width;
  const w = upright ? Math.min(112, width / 3) : Math.min(240, width / 4);
  const h = upright ? w * 4 / 3 : w * 9 / 16;
  const { root, plate } = tiles.get(remote.key);

  place(remote, 0, 0, width, height);

  // In an upright window the name of the other person needs the whole width,
  // otherwise it leaves room for the own picture.
  root.style.setProperty('--beside', upright ? '0px' : `${w + 12}px`);

  const above = upright ? plate.offsetHeight + 20 : 12;

  place(own, width - w - 12, height - h - above, w, h, true);
}

function layout() {
  const width = stage?.clientWidth;
  const height = stage?.clientHeight;

  if (!width || !height || model.length === 0) {
    return;
  }

  const screen = model.findLast((i) => i.role === 'screen' && !i.local);
  const others = model.filter((i) => i !== screen);

  if (screen) {
    placeScreen(screen, others, width, height);

  } else if (model.length === 2 && !model[0].local) {
    placePair(model[0], model[1], width, height);

  } else {
    placeGrid(model, 0, 0, width, height);
  }
}
