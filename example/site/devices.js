// What this page sends: camera, microphone and screen of the person in front
// of it, on and off, in the lobby and during a call.

import * as media from './media.js';
import { notice, clearNotice, announce } from './notice.js';

// The stream lives as long as the page, and its tracks come and go.  A camera
// that is off keeps its ended track in its place, so that there is something
// for replaceTrack() to replace.
export const own = {
  stream: new MediaStream(),
  camera: null,
  microphone: null,
  screen: null,
};

let page;

function choiceOf(kind) {
  return document.getElementById(`${kind}-choice`);
}

function isOn(track) {
  return track !== null && track.readyState === 'live' && track.enabled;
}

export function micOn() {
  return isOn(own.microphone);
}

export function camOn() {
  return isOn(own.camera);
}

// page: { session(), changed(), join() }
export function setUpDevices(callbacks) {
  page = callbacks;
}

// --- camera and microphone --------------------------------------------------

function keepTrack(kind, track) {
  if (own[kind]) {
    own.stream.removeTrack(own[kind]);
    own[kind].stop();
  }

  own[kind] = track;
  own.stream.addTrack(track);
  track.addEventListener('ended', () => deviceGone(kind, track));
}

// Our own stop() fires no event: the device was unplugged, or access to it
// was withdrawn.
function deviceGone(kind, track) {
  if (own[kind] === track) {
    notice('device', {
      level: 'problem',
      title: `The ${kind} stopped`,
      text: 'It was unplugged, or the browser took it away.',
      actions: [['Try again', () => toggle(kind)]],
    });
    page.changed();
  }
}

// Asks for both when the page opens, and says what is missing and why.
export async function startDevices() {
  const found = await media.openBoth(choiceOf('camera').value,
                                     choiceOf('microphone').value);

  for (const kind of ['camera', 'microphone']) {
    if (found[kind]) {
      await exchange(kind, found[kind]);
    }
  }

  if (found.errors.length) {
    const { title, text } = media.devicesProblem(found.errors);
    const [[missing]] = found.errors;
    const without = found.errors.length === 1 ? missing : 'them';

    notice('device', {
      level: 'problem',
      title,
      text: `${text} You can also join without ${without}.`,
      actions: [
        ['Try again', startDevices],
        [`Join without ${without}`, page.join],
      ],
    });
  }

  document.getElementById('preview-words').textContent = 'Camera is off';
  await offerChoice();
  page.changed();
}

async function offerChoice() {
  let any = false;

  for (const kind of ['camera', 'microphone']) {
    const select = choiceOf(kind);
    const devices = await media.listDevices(kind);
    const used = own[kind]?.getSettings().deviceId;

    select.replaceChildren(...devices.map((d) => {
      const option = new Option(d.label, d.deviceId);

      option.selected = d.deviceId === used;
      return option;
    }));
    select.parentElement.hidden = devices.length < 2;
    any ||= devices.length >= 2;
  }

  document.getElementById('devices').hidden = !any;
}

// Puts a fresh track where the old one was, in the call too.
async function exchange(kind, track) {
  const old = own[kind];
  const session = page.session();

  keepTrack(kind, track);

  // A session that is still being joined takes the stream as it is then.
  if (!session?.entered) {
    return;
  }

  if (old) {
    await session.replaceTrack(old, track, own.stream, 'camera');
  } else {
    session.addTrack(track, own.stream, 'camera');
  }
}

async function reopen(kind) {
  try {
    const track = await media.openDevice(kind, choiceOf(kind).value);

    await exchange(kind, track);
    clearNotice('device');

  } catch (err) {
    notice('device', {
      level: 'problem',
      ...media.deviceProblem(kind, err),
      actions: [['Try again', () => chooseDevice(kind)]],
    });
  }
}

export async function chooseDevice(kind) {
  await reopen(kind);
  page.changed();
}

const toggling = new Set();

export async function toggle(kind) {
  const track = own[kind];

  // A second press while the browser still asks would open it twice.
  if (toggling.has(kind)) {
    return;
  }
  toggling.add(kind);

  if (!track || track.readyState === 'ended') {
    await reopen(kind);

  } else if (kind === 'camera') {
    // Stopped, not only blanked: the light beside the lens goes out.
    track.enabled = false;
    track.stop();

  } else {
    track.enabled = !track.enabled;
  }

  toggling.delete(kind);
  page.changed();
  announce(kind === 'camera'
    ? `Camera ${camOn() ? 'on' : 'off'}`
    : `Microphone ${micOn() ? 'on' : 'muted'}`);
}

// --- screen -----------------------------------------------------------------

export function stopScreen() {
  const stream = own.screen;

  if (stream) {
    own.screen = null;
    page.session()?.removeStream(stream);
    stream.getTracks().forEach((track) => track.stop());
    page.changed();
  }
}

export async function toggleScreen() {
  if (own.screen) {
    stopScreen();
    return;
  }

  let stream;

  try {
    stream = await media.openScreen();
  } catch (err) {
    // Closing the browser's own question is an answer, not a problem.
    if (err.name !== 'NotAllowedError') {
      notice('screen', { level: 'problem', title: 'The screen is not shared',
                         text: err.message });
    }
    return;
  }

  const session = page.session();

  // The call may have ended while the browser asked.
  if (!session?.entered) {
    stream.getTracks().forEach((track) => track.stop());
    return;
  }

  own.screen = stream;
  stream.getVideoTracks()[0].addEventListener('ended', stopScreen);

  for (const track of stream.getTracks()) {
    session.addTrack(track, stream, 'screen');
  }

  page.changed();
  announce('You are sharing your screen');
}
