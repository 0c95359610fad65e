// Copyright (C) The ngx_signaling authors
//
// Mutations of sessions: of their order, of frames, of JSON, of HTTP, of
// bytes.  All that is chosen comes from "dice", so that a seed repeats it.

import { bytes } from './session.mjs';

const LONGEST = 40;             // steps
const MOST = 1 << 17;           // bytes of a text

const NUMBERS = [0, -1, 1, 125, 126, 127, 128, 255, 256, 1000, 4096, 32768,
                 65535, 65536, 2147483647, 4294967296, 1e308];

const VALUES = [null, true, false, 0, -0.5, 1e300, '', 'x', [], {}, [[[]]],
                '\u0000', '\ud800', '\u{1f600}', 'alice', 'bob', 'room-1',
                '_system/x', 'a'.repeat(300), { a: { b: [{}] } }];

const NAMES = ['type', 'channel', 'to', 'data', 'requestId', 'sub', 'ttl',
               'includeSenderMetadata', 'peerMetadata', '__proto__', ''];

const TYPES = ['subscribe', 'unsubscribe', 'publish', 'send', 'ping', 'ack'];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH',
                 'TRACE', 'CONNECT', 'G', ''];

const HEADERS = [
  ['Connection', 'close'], ['Connection', 'keep-alive, Upgrade'],
  ['Upgrade', 'WebSocket, h2c'], ['Expect', '100-continue'],
  ['Content-Length', '5'], ['Content-Length', '-1'],
  ['Transfer-Encoding', 'chunked'], ['Transfer-Encoding', 'gzip'],
  ['Origin', 'null'], ['Origin', 'https://x:99999'], ['Origin', ''],
  ['Authorization', 'Bearer @BOB@'], ['Authorization', 'Bearer :'],
  ['Authorization', 'Basic eDp5'], ['Authorization', ''],
  ['Sec-WebSocket-Protocol', 'signaling.bearer.@BOB@'],
  ['Sec-WebSocket-Protocol', 'signaling.bearer.'],
  ['Sec-WebSocket-Protocol', ',,'],
  ['Sec-WebSocket-Extensions', 'permessage-deflate'],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; server_max_window_bits=8'],
  ['Sec-WebSocket-Key', '=='], ['Sec-Fetch-Site', 'same-origin'],
  ['Accept', 'text/html'], ['Host', ''], ['X', 'y'.repeat(9000)]
];

const PIECES = ['%', '%00', '%2F', '..', '/', '//', '?', '&', '=', '+', '#',
                ':', 'key=', 'token=', '@ALICE@', '@PAIR@', 'secretKey=',
                'ttl=-1', '\u00ff', '\u0000', '\r\n', '"', '\\', '{', '}',
                '[', ']', ',', 'x'.repeat(3000)];

const TARGETS = ['/v1', '/v1/small', '/v1/tokens', '/v1/usage', '/status',
                 '/v1/channels/room-1/peers', '/v1/peers/bob', '/turn',
                 '/turn/twilio', '/api/v1/turn/credentials'];

export class Mutator {
  constructor(dice, seeds) {
    this.dice = dice;
    this.seeds = seeds;
  }

  pick(list) {
    return list[this.dice(list.length)];
  }

  /* another session */
  next() {
    const session = structuredClone(this.pick(this.seeds));

    for (let n = this.dice(5); n >= 0; n--) {
      this.once(session);
    }

    return session.slice(0, LONGEST);
  }

  once(session) {
    const at = this.dice(session.length);
    const step = session[at];

    if (step === undefined || this.dice(3) === 0) {
      this.order(session, at);

    } else if (step.http && this.dice(4)) {
      this.http(step.http);

    } else if (step.frame && this.dice(4)) {
      this.frame(session, at);

    } else if ('json' in step && this.dice(4)) {
      session[at] = { ...step, json: this.json(step.json) };

    } else if (step.keys !== undefined) {
      step.keys = this.text(step.keys);

    } else {
      this.raw(session, at);
    }
  }

  order(session, at) {
    const on = session[at]?.on ?? 'a';

    switch (this.dice(8)) {
    case 0:
      session.splice(at, 1);
      break;
    case 1:
      session.splice(at, 0, structuredClone(session[at] ?? { on, end: 'fin' }));
      break;
    case 2:
      session.splice(this.dice(session.length + 1), 0,
        ...session.splice(at, 1));
      break;
    case 3:
      session.splice(at, 0, { on, end: this.pick(['fin', 'half', 'rst']) });
      break;
    case 4:
      session.splice(at, 0, { on, answer: true });
      break;
    case 5:
      if (session[at]) {
        session[at].cut = 1 + this.dice(40);
      }
      break;
    case 6: {
      const other = this.pick(this.seeds);
      const from = this.dice(other.length);

      session.splice(at, 0, ...structuredClone(
        other.slice(from, from + 1 + this.dice(6))));
      break;
    }
    default:
      if (session[at]?.on) {
        session[at].on = this.pick(['a', 'b', 'c', 'd']);
      }
    }
  }

  http(request) {
    const { headers } = request;
    const at = this.dice(headers.length);

    switch (this.dice(9)) {
    case 0:
      request.method = this.pick(METHODS);
      break;
    case 1:
      request.target = this.text(request.target);
      break;
    case 2:
      request.target = this.pick(TARGETS) +
        request.target.replace(/^[^?]*/, '');
      break;
    case 3:
      headers.splice(at, this.dice(2));
      break;
    case 4:
      headers.splice(at, 0, this.pick(HEADERS));
      break;
    case 5:
      if (headers[at]) {
        headers[at] = [headers[at][0], this.text(headers[at][1])];
      }
      break;
    case 6:
      request.chunked = this.dice(20);
      break;
    case 7:
      request.version = this.pick(['1.1', '1.0', '0.9', '2.0', '1.11', '']);
      break;
    default:
      request.body = this.body(request.body ?? '');
    }
  }

  body(text) {
    try {
      return JSON.stringify(this.json(JSON.parse(text))) ?? '';
    } catch {
      return this.text(text);
    }
  }

  frame(session, at) {
    const step = session[at];
    const { frame } = step;

    switch (this.dice(8)) {
    case 0:
      frame.opcode = this.dice(16);
      break;
    case 1:
      frame.bits = this.dice(16) << 4;
      break;
    case 2:
      frame.length = this.pick(NUMBERS.filter((n) => n >= 0 && n < 2 ** 53));
      frame.size = this.length(frame.length);
      break;
    case 3:
      frame.size = this.pick([2, 8]);
      break;
    case 4:
      frame.masked = !(frame.masked ?? true);
      break;
    case 5:
      this.split(session, at);
      break;
    default:
      frame.payload = this.text(frame.payload);
    }

    // one byte has no room for more

    if (frame.size === undefined && frame.length === undefined) {
      return;
    }
    const said = frame.length ?? Buffer.byteLength(frame.payload);
    frame.size = Math.max(frame.size ?? 0, this.length(said));
    if (frame.size === 2 && said > 65535) {
      frame.size = 8;
    }
  }

  length(n) {
    return n < 126 ? this.pick([0, 2, 8]) : n < 65536 ? this.pick([2, 8]) : 8;
  }

  /* into fragments, perhaps with something between them */
  split(session, at) {
    const { on, frame } = session[at];
    const middle = this.dice(frame.payload.length + 1);
    const between = this.dice(2)
      ? [{ on, frame: { opcode: 8 + this.dice(3), payload: '' } }] : [];

    session.splice(at, 1,
      { on, frame: { opcode: frame.opcode, bits: 0,
                     payload: frame.payload.slice(0, middle) } },
      ...between,
      { on, frame: { opcode: this.dice(8) ? 0 : 1,
                     payload: frame.payload.slice(middle) } });
  }

  json(value, depth = 0) {
    if (value === null || typeof value !== 'object' || this.dice(8) === 0 ||
        depth > 8) {
      return this.value(value);
    }

    const names = Object.keys(value);
    const name = this.pick(names);
    const copy = Array.isArray(value) ? [...value] : { ...value };

    switch (this.dice(6)) {
    case 0:
      delete copy[name];
      return copy;
    case 1:
      copy[this.pick(NAMES)] = this.pick(VALUES);
      return copy;
    case 2:
      copy[this.pick(NAMES)] = copy[name];
      return copy;
    case 3:
      if (copy.type !== undefined) {
        copy.type = this.pick(TYPES);
      }
      return copy;
    default:
      if (name !== undefined) {
        copy[name] = this.json(copy[name], depth + 1);
      }
      return copy;
    }
  }

  value(value) {
    switch (this.dice(5)) {
    case 0:
      return this.pick(NUMBERS);
    case 1:
      return typeof value === 'string' ? this.text(value) : this.pick(VALUES);
    case 2: {
      let deep = value;

      for (let n = this.dice(140); n > 0; n--) {
        deep = this.dice(2) ? [deep] : { a: deep };
      }
      return deep;
    }
    case 3:
      return 'x'.repeat(this.pick([128, 129, 256, 257, 1024, 4096, 66000]));
    default:
      return this.pick(VALUES);
    }
  }

  /* bytes as latin1 */
  text(text) {
    const at = this.dice(text.length + 1);
    const n = 1 + this.dice(this.dice(4) ? 4 : 40);

    switch (this.dice(8)) {
    case 0:
      return text.slice(0, at) + text.slice(at + n);
    case 1:
      return text.slice(0, at) + String.fromCharCode(this.dice(256)) +
        text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at, at + n).repeat(2) +
        text.slice(at + n);
    case 3:
      return text.slice(0, at);
    case 4:
      return (text.slice(0, at) +
        text.slice(at, at + n).repeat(1 + this.dice(600)) +
        text.slice(at + n)).slice(0, MOST);
    case 5: {
      const bit = String.fromCharCode(
        (text.charCodeAt(at) || 0) & 0xff ^ 1 << this.dice(8));

      return text.slice(0, at) + bit + text.slice(at + 1);
    }
    default:
      return text.slice(0, at) + this.pick(PIECES) + text.slice(at);
    }
  }

  /* what it is on the wire, with other bytes */
  raw(session, at) {
    const data = bytes(session[at]);

    if (data) {
      session[at] = { on: session[at].on,
                      bytes: this.text(data.toString('latin1')) };
    }
  }
}
