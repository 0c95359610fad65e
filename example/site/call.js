// The call page: the lobby, the controls, and what is shown when.

import { Session, MAX_PEOPLE } from './session.js';
import { canShareScreen } from './media.js';
import { own, micOn, camOn, toggle, toggleScreen, stopScreen, startDevices,
         chooseDevice, setUpDevices } from './devices.js';
import * as rooms from './room.js';
import { notice, clearNotice, clearNotices, currentNotices, announce }
  from './notice.js';
import { refusalByCode, refusalByError } from './refusal.js';
import { setUpTabs, openTab } from './tabs.js';
import { showTiles, playAll, remoteVideos } from './tiles.js';
import { setUpCheck, checkResults } from './check.js';

const $ = (id) => document.getElementById(id);
const relayOnly = new URLSearchParams(location.search).get('relay') === '1';

let room = '';
let session = null;
let wakeLock = null;

// --- joining and leaving ----------------------------------------------------

async function join() {
  if (session) {
    return;
  }

  setRoom(rooms.cleanRoom($('room').value) || rooms.randomRoom());
  clearNotices();

  let s;

  try {
    s = newSession();
  } catch (err) {
    // The SDK takes no http:// address but localhost.
    refused(refusalByError(err, null));
    return;
  }

  session = s;
  s.setAbout({ mic: micOn(), cam: camOn() });
  remember('name', s.name);
  update();

  try {
    await s.join(own.stream);
  } catch (err) {
    if (session === s) {
      session = null;
      s.close();
      refused(refusalByError(err, s.lastCloseCode));
    }
    return;
  }

  keepAwake();
  announce(`You are in the room ${room}`);
  update();
  $('mic').focus({ preventScroll: true });
}

function newSession() {
  const s = new Session({
    room,
    name: $('name').value.trim(),
    relayOnly,
    on: {
      change: () => session === s && update(),
      peerJoined: (p) => announce(`${s.nameOf(p)} joined`),
      peerLeft: (p) => announce(`${s.nameOf(p)} left`),
      lost: (p) => notice('lost', {
        level: 'problem',
        title: `The connection to ${s.nameOf(p)} is lost`,
        text: 'All attempts to restore it failed.',
        actions: [['Leave and join again', rejoin]],
      }),
      goingAway: () => notice('server', {
        title: 'The server is restarting',
        text: 'In a moment the call stops, and the page brings it back by '
              + 'itself.',
      }),
      ended: (code, err) => session === s && ended(code, err),
    },
  });

  return s;
}

function refused({ title, text, check }) {
  notice('server', {
    level: 'problem',
    title,
    text,
    actions: [['Try again', join],
              ...(check ? [['Open the check', openCheck]] : [])],
  });
  update();
}

// The server ended the session, or its recovery failed.
function ended(code, err) {
  leave();
  refused(err
    ? { title: 'The call could not be restored',
        text: 'The server is there again, but does not say who is in the '
              + 'room.' }
    : refusalByCode(code));
}

function leave() {
  const s = session;

  if (!s) {
    return;
  }

  stopScreen();
  session = null;
  s.close();
  clearNotices();
  wakeLock?.release().catch(() => {});
  wakeLock = null;

  $('lobby-title').textContent = 'You left the call';
  $('join').textContent = 'Rejoin';
  announce('You left the call');
  update();
  $('join').focus({ preventScroll: true });
}

function rejoin() {
  leave();
  return join();
}

// A phone on the table should not go dark in the middle of a call.
async function keepAwake() {
  try {
    wakeLock = await navigator.wakeLock?.request('screen') ?? null;
  } catch {
    wakeLock = null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows have no storage; the name is asked for again then.
  }
}

function recall(key) {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function setRoom(name) {
  room = name;
  rooms.showRoomInAddress(room);
  $('room').value = room;
  $('room-label').textContent = room;
  $('share-link').textContent = rooms.shareLink(room).replace(/^https?:\/\//,
                                                              '');
  document.title = `${room} · Video call`;
}

async function invite(button) {
  const url = rooms.shareLink(room);
  const words = button.querySelector('span');
  const before = words.textContent;

  // The system's share sheet is the better way where fingers are the input.
  if (navigator.share && matchMedia('(pointer: coarse)').matches) {
    try {
      await navigator.share({ title: `Video call: ${room}`, url });
    } catch {
      // Closed without sharing.
    }
    return;
  }

  try {
    await navigator.clipboard.writeText(url);
  } catch {
    prompt('The link of this room', url);
    return;
  }

  if (button.dataset.copied) {
    return;
  }
  button.dataset.copied = 'yes';
  words.textContent = 'Link copied';
  announce('Link copied');
  setTimeout(() => {
    words.textContent = before;
    delete button.dataset.copied;
  }, 2000);
}

// --- what is shown ----------------------------------------------------------

function pageState() {
  return session === null ? 'lobby' : session.state;
}

function tileItems() {
  const items = [];
  const name = session.name || 'You';

  for (const person of session.people.values()) {
    if (!person.introduced) {
      continue;
    }

    const label = session.nameOf(person);
    const common = {
      peer: person.id, local: false, name: label,
      word: session.wordOf(person), words: session.wordsOf(person),
    };

    items.push({
      ...common, key: person.id, role: 'camera', stream: person.camera, label,
      picture: person.camera?.getVideoTracks().length > 0
               && person.cam !== false,
      muted: person.mic === false,
      speaking: person.speaking,
    });

    if (person.screen) {
      items.push({
        ...common, key: `${person.id} screen`, role: 'screen',
        stream: person.screen, picture: true, label: `Screen of ${label}`,
      });
    }
  }

  if (own.screen) {
    items.push({
      key: 'own screen', role: 'screen', local: true, stream: own.screen,
      picture: true, name, label: 'Your screen',
    });
  }

  items.push({
    key: 'own', role: 'camera', local: true, mirrored: true, name,
    stream: own.stream, picture: camOn(), muted: !micOn(),
    label: session.name ? `${session.name} (you)` : 'You',
  });

  return items;
}

// A button whose words say what it will do next; data-on is for its looks.
function setControl(id, on, icon, words) {
  $(id).dataset.on = on;
  $(id).querySelector('use').setAttribute('href', `#i-${icon}`);
  $(id).querySelector('span').textContent = words;
}

// A button named after the device, pressed while that is on.
function setSwitch(id, on, icon) {
  $(id).setAttribute('aria-pressed', String(on));
  $(id).querySelector('use').setAttribute('href', `#i-${icon}`);
}

// A server that is there and has no room is another thing to wait for than
// one that does not answer.
function serverState() {
  const state = pageState();

  return state === 'reconnecting' && session.lastCloseCode === 4010
    ? 'full' : state;
}

function updateServerNotice(state) {
  if (state === 'full') {
    notice('server', {
      title: refusalByCode(4010).title,
      text: 'Others came in while you were away. The page tries again every '
            + 'half a minute.',
    });

  } else if (state === 'reconnecting') {
    notice('server', {
      title: 'Reconnecting to the server',
      text: 'Sound and pictures may stop until it is there again.',
    });

  } else if (state === 'in-call'
             && (shownState === 'reconnecting' || shownState === 'full'))
  {
    clearNotice('server');
    announce('Connected again');
  }
}

let shownState = '';

function update() {
  const state = pageState();
  const inCall = state === 'in-call' || state === 'reconnecting';

  document.body.dataset.state = state;
  $('lobby').hidden = inCall;
  $('call').hidden = !inCall;
  $('join').disabled = state === 'joining';
  $('room').disabled = $('name').disabled = state === 'joining';

  if (state === 'joining') {
    $('join').textContent = 'Joining …';
  } else if ($('join').textContent === 'Joining …') {
    $('join').textContent = 'Join';
  }

  const micIcon = micOn() ? 'mic' : 'mic-off';
  const camIcon = camOn() ? 'cam' : 'cam-off';

  setControl('mic', micOn(), micIcon, micOn() ? 'Mute' : 'Unmute');
  setControl('cam', camOn(), camIcon, camOn() ? 'Stop video' : 'Start video');
  setControl('screen', own.screen !== null, 'screen',
             own.screen ? 'Stop sharing' : 'Share screen');
  setSwitch('preview-mic', micOn(), micIcon);
  setSwitch('preview-cam', camOn(), camIcon);
  $('screen').hidden = !canShareScreen();

  $('preview-empty').hidden = camOn();

  // A video that waits for a stream without tracks keeps the page "loading".
  if (($('preview').srcObject !== null) !== camOn()) {
    $('preview').srcObject = camOn() ? own.stream : null;
  }

  if (session) {
    session.setAbout({ mic: micOn(), cam: camOn() });
  }

  if (inCall) {
    const items = tileItems();

    const others = new Set(items.map((i) => i.peer)).size - 1;

    $('people').textContent = others > 0 ? `${others + 1} people` : '';
    $('alone').hidden = items.some((i) => !i.local);
    showTiles($('stage'), items, soundBlocked);
  } else {
    $('people').textContent = '';
    showTiles($('stage'), [], soundBlocked);
  }

  const server = serverState();

  if (server !== shownState) {
    updateServerNotice(server);
    shownState = server;
  }
}

function openCheck() {
  openTab('check');
  $('run-check').focus();
}

function soundBlocked() {
  notice('sound', { title: 'The browser keeps the sound off',
                    actions: [['Turn the sound on', playAll]] });
}

// --- start ------------------------------------------------------------------

function callKeys(ev) {
  const typing = ev.target.closest('input, select, textarea');

  if (typing || ev.ctrlKey || ev.metaKey || ev.altKey || $('call').hidden
      || $('view-call').hidden || ev.repeat)
  {
    return;
  }

  switch (ev.key.toLowerCase()) {
  case 'm':
    toggle('microphone');
    break;
  case 'v':
    toggle('camera');
    break;
  case 's':
    if (!$('screen').hidden) {
      toggleScreen();
    }
    break;
  default:
    break;
  }
}

function start() {
  setRoom(rooms.roomFromAddress() || rooms.randomRoom());
  $('name').value = recall('name');

  $('join-form').addEventListener('submit', (ev) => {
    ev.preventDefault();
    join();
  });
  $('room').addEventListener('change', () => {
    setRoom(rooms.cleanRoom($('room').value) || rooms.randomRoom());
  });
  window.addEventListener('hashchange', () => {
    const named = rooms.roomFromAddress();

    if (named && named !== room) {
      leave();
      setRoom(named);
    }
  });

  for (const id of ['mic', 'preview-mic']) {
    $(id).addEventListener('click', () => toggle('microphone'));
  }
  for (const id of ['cam', 'preview-cam']) {
    $(id).addEventListener('click', () => toggle('camera'));
  }
  for (const kind of ['camera', 'microphone']) {
    $(`${kind}-choice`).addEventListener('change', () => chooseDevice(kind));
  }
  for (const b of document.querySelectorAll('.invite')) {
    b.addEventListener('click', () => invite(b));
  }

  $('screen').addEventListener('click', toggleScreen);
  $('leave').addEventListener('click', leave);
  document.addEventListener('keydown', callKeys);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && session) {
      keepAwake();
    }
  });

  setUpTabs();
  setUpDevices({ session: () => session, changed: update, join });
  setUpCheck($('run-check'), $('check-steps'), $('check-summary'));
  update();
  startDevices();
}

// For tests and for the curious: what the page knows, not to be changed.
window.callPage = Object.freeze({
  maxPeople: MAX_PEOPLE,
  get room() { return room; },
  get state() { return pageState(); },
  get peerId() { return session?.peer.peerId ?? null; },
  get peers() {
    return [...session?.people.values() ?? []].map((p) => ({
      id: p.id,
      name: session.nameOf(p),
      state: session.wordOf(p),
      words: session.wordsOf(p),
      path: p.path,
      mic: p.mic,
      cam: p.cam,
      sharing: p.screen !== null,
    }));
  },
  get remoteVideos() { return session ? remoteVideos() : []; },
  get notices() { return currentNotices(); },
  get checks() { return checkResults(); },
});

start();
