// Messages to the person: a list at the top of the page.  Each has a key, and
// a new message replaces the one with the same key, so that "reconnecting"
// turns into "back again" instead of piling up.

const shown = new Map();
let list;

function button(label, onClick) {
  const b = document.createElement('button');

  b.type = 'button';
  b.className = 'notice-action';
  b.textContent = label;
  b.addEventListener('click', onClick);
  return b;
}

// level: 'info' or 'problem'.  actions: [[label, function]].  A problem is
// announced at once by screen readers, an info when they are done speaking.
export function notice(key, { level = 'info', title, text = '', actions = [],
                              seconds = 0 }) {
  list ??= document.getElementById('notices');
  clearNotice(key);

  const item = document.createElement('div');
  const body = document.createElement('div');
  const heading = document.createElement('strong');

  item.className = `notice ${level}`;
  item.dataset.notice = key;
  item.setAttribute('role', level === 'problem' ? 'alert' : 'status');
  body.className = 'notice-body';
  heading.textContent = title;
  body.append(heading);

  if (text) {
    const p = document.createElement('p');

    p.textContent = text;
    body.append(p);
  }

  if (actions.length) {
    const row = document.createElement('div');

    row.className = 'notice-actions';
    for (const [label, run] of actions) {
      row.append(button(label, () => {
        clearNotice(key);
        run();
      }));
    }
    body.append(row);
  }

  const close = button('×', () => clearNotice(key));

  close.className = 'notice-close';
  close.setAttribute('aria-label', 'Dismiss this message');
  item.append(body, close);
  list.append(item);

  const timer = seconds
    ? setTimeout(() => clearNotice(key), seconds * 1000) : null;

  shown.set(key, { item, timer, title, text, level });
}

export function clearNotice(key) {
  const entry = shown.get(key);

  if (entry) {
    clearTimeout(entry.timer);
    entry.item.remove();
    shown.delete(key);
  }
}

export function clearNotices() {
  for (const key of [...shown.keys()]) {
    clearNotice(key);
  }
}

export function currentNotices() {
  return [...shown].map(([key, { level, title, text }]) =>
    ({ key, level, title, text }));
}

// For what needs no place on the screen: "Ada joined".
export function announce(text) {
  const region = document.getElementById('announcer');
  const line = document.createElement('p');

  line.textContent = text;
  region.replaceChildren(line);
}
