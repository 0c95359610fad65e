// Camera, microphone and screen: asking for them, and saying in words what
// went wrong.  Nothing here knows about calls.

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 },
                frameRate: { ideal: 30, max: 30 } };
const AUDIO = { echoCancellation: true, noiseSuppression: true,
                autoGainControl: true };
const SCREEN = { frameRate: { ideal: 15, max: 30 } };

function constraints(base, deviceId) {
  return deviceId ? { ...base, deviceId: { exact: deviceId } } : { ...base };
}

async function permissionState(name) {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return 'unknown';
  }
}

// One device kind at a time: 'camera' or 'microphone'.
export async function openDevice(kind, deviceId) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DOMException('no media devices on this page', 'InsecureError');
  }

  const stream = await navigator.mediaDevices.getUserMedia(
    kind === 'camera'
      ? { video: constraints(VIDEO, deviceId) }
      : { audio: constraints(AUDIO, deviceId) });

  return stream.getTracks()[0];
}

// Both, or what there is of them.  Resolves to { camera, microphone, errors },
// the tracks null where there is none, errors a list of [kind, error].
//
// Both are asked for together first, since browsers then show one question
// instead of two.  Only when that fails for another reason than "no" is each
// tried alone: a computer without a camera still has a microphone.
export async function openBoth(cameraId, microphoneId) {
  const found = { camera: null, microphone: null, errors: [] };
  let kinds = ['camera', 'microphone'];

  if (!navigator.mediaDevices?.getUserMedia) {
    const err = new DOMException('insecure page', 'InsecureError');

    found.errors = kinds.map((kind) => [kind, err]);
    return found;
  }

  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: constraints(VIDEO, cameraId),
      audio: constraints(AUDIO, microphoneId),
    });

    [found.camera] = stream.getVideoTracks();
    [found.microphone] = stream.getAudioTracks();
    return found;

  } catch (err) {
    if (err.name === 'NotAllowedError') {
      // A refusal of both may be a standing refusal of one of them.
      const states = await Promise.all(kinds.map(permissionState));
      const refused = kinds.filter((_, i) => states[i] === 'denied');

      if (refused.length !== 1) {
        found.errors = kinds.map((kind) => [kind, err]);
        return found;
      }

      found.errors = refused.map((kind) => [kind, err]);
      kinds = kinds.filter((kind) => !refused.includes(kind));
    }
  }

  for (const kind of kinds) {
    try {
      found[kind] = await openDevice(
        kind, kind === 'camera' ? cameraId : microphoneId);
    } catch (err) {
      found.errors.push([kind, err]);
    }
  }

  return found;
}

export function canShareScreen() {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

export function openScreen() {
  return navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: true });
}

// The devices to choose from.  Labels are empty until access was granted
// once, and a choice without labels is no choice.
export async function listDevices(kind) {
  if (!navigator.mediaDevices?.enumerateDevices) {
    return [];
  }

  const type = kind === 'camera' ? 'videoinput' : 'audioinput';
  const devices = await navigator.mediaDevices.enumerateDevices();

  return devices.filter((d) => d.kind === type && d.label !== '');
}

// What happened, and what the person in front of the screen can do about it.
// kind: 'camera', 'microphone', or 'camera and microphone'.
export function deviceProblem(kind, err) {
  const both = kind.includes(' and ');
  const is = both ? 'are' : 'is';
  const it = both ? 'them' : 'it';

  switch (err?.name) {
  case 'NotAllowedError':
  case 'SecurityError':
    return {
      title: `This page may not use the ${kind}`,
      text: `The browser or the system refused ${it}. Open the site settings `
            + `next to the address, allow ${it}, then try again.`,
    };

  case 'NotFoundError':
  case 'OverconstrainedError':
    return {
      title: `No ${kind.replace(' and ', ' and no ')} found`,
      text: `Plug ${it} in or switch ${it} on, then try again.`,
    };

  case 'NotReadableError':
  case 'AbortError':
    return {
      title: `The ${kind} ${is} in use`,
      text: `Another program or tab seems to hold ${it}. Close that, then try `
            + `again.`,
    };

  case 'InsecureError':
    return {
      title: `The ${kind} ${is} not available on this address`,
      text: `Browsers give ${it} only to pages on https:// and on localhost. `
            + `Open the page under such an address.`,
    };

  default:
    return {
      title: `The ${kind} ${both ? 'do' : 'does'} not start`,
      text: `The browser says: ${err?.message || err?.name || 'no reason'}.`,
    };
  }
}

// One text for the two devices, since they mostly fail together.
export function devicesProblem(errors) {
  if (errors.length === 2 && errors[0][1]?.name === errors[1][1]?.name) {
    return deviceProblem('camera and microphone', errors[0][1]);
  }

  const parts = errors.map(([kind, err]) => deviceProblem(kind, err));

  return {
    title: parts.map((p) => p.title).join('. '),
    text: parts.map((p) => p.text).join(' '),
  };
}
