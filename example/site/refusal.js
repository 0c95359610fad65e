// What the server's refusals mean, in words.  Close codes and error names are
// those of docs/protocol.md, sections 8 and 9.

import { publishableKey } from './config.js';

export const ROOM_FULL = 'room_full';

const BY_CLOSE_CODE = {
  1001: {
    title: 'The server is shutting down',
    text: 'Try again in a moment.',
  },
  4001: {
    title: 'The server refused the key or this address',
    text: `Either no publishable_key block in nginx.conf is called `
          + `“${publishableKey}” (compare config.js), or its origins line `
          + `does not list ${location.origin}. The “Check” tab tells which.`,
    check: true,
  },
  4010: {
    title: 'The server is full',
    text: 'It takes no more connections at the moment: max_connections of '
          + 'signaling_app, or a signaling_zone that is too small. Try again '
          + 'in half a minute.',
  },
  4011: {
    title: 'Disconnected: too many messages',
    text: 'This page sent more than signaling_rate allows.',
  },
  4012: {
    title: 'Calls are suspended',
    text: 'The owner of this server has switched them off.',
  },
  4020: {
    title: 'You were removed from the call',
    text: 'The owner of this server ended your connection.',
  },
};

const BY_NAME = {
  [ROOM_FULL]: {
    title: 'This room is full',
    text: 'Wait until somebody leaves, or open another room.',
  },
  channel_not_authorized: {
    title: 'The key does not admit this room',
    text: `Add the pattern call-* to the channels line of publishable_key `
          + `${publishableKey} in nginx.conf.`,
    check: true,
  },
  action_not_permitted: {
    title: 'The key has too few rights',
    text: `A call needs actions subscribe publish presence send in `
          + `publishable_key ${publishableKey} of nginx.conf.`,
    check: true,
  },
  backend_error: {
    title: 'The server has no room left',
    text: 'Its signaling_zone is full. Try again later.',
  },
  channel_limit_exceeded: {
    title: 'Too many rooms on one connection',
    text: 'See signaling_max_channels in nginx.conf.',
  },
  over_message_quota: {
    title: 'The server takes no more messages',
    text: 'The quota of signaling_app is used up.',
  },
};

const UNREACHABLE = {
  title: 'The server cannot be reached',
  text: 'No WebSocket connection came about: you are offline, or nginx is '
        + 'down, or has no “signaling” in location = /v1. The “Check” tab '
        + 'tells more.',
  check: true,
};

export function refusalByCode(code) {
  return BY_CLOSE_CODE[code] ?? UNREACHABLE;
}

// From what MeteredPeer.join() rejects with.
export function refusalByError(err, lastCloseCode) {
  if (BY_NAME[err?.name]) {
    return BY_NAME[err.name];
  }

  if (err instanceof TypeError && location.protocol === 'http:') {
    return {
      title: 'This page needs https://',
      text: 'Calls work on https:// addresses and, for trying out, on '
            + 'localhost. Add a certificate to the server block.',
    };
  }

  return refusalByCode(err?.closeCode ?? lastCloseCode);
}
