// Copyright (C) The ngx_signaling authors
//
// RFC 6455, case by case.  Families and numbers are those of the Autobahn
// test suite, but for its family 6, which is in framing_utf8.test.mjs.  That
// suite wants an echo: here each client sends messages to itself.
//
// Every case comes in one piece, cut to bytes (to pieces of 997 bytes where it
// is long), and glued to the request.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import {
  BINARY, CLOSE, closing, connectRaw, CONTINUATION, fragments, frame, PING,
  PONG, TEXT
} from './raw.mjs';
import { startSite } from './signaling.mjs';

const KEEP = { bits: 0 };       // no FIN: the message goes on
const LONG = 1200;
const CHOP = 997;

const cases = [];

/*
 * "parts" is given the peer's ID, and gives the frames; what is expected are
 * texts of pongs, "direct" with its data, codes of errors, or of a Close.
 */
function define(id, name, parts, ...expected) {
  cases.push({ id, name, parts, expected });
}

/* a message to oneself, of a length, or with the data given */
function to(self, what = 'echo') {
  const bare = JSON.stringify({ type: 'send', to: self, data: '' });
  const data = typeof what === 'number'
    ? 'x'.repeat(what - bare.length) : what;

  return JSON.stringify({ type: 'send', to: self, data });
}

const echo = (self, what) => frame(TEXT, to(self, what));

/* cut into n pieces of like length */
function pieces(bytes, n) {
  const buffer = Buffer.from(bytes);
  const size = Math.ceil(buffer.length / n);

  return Array.from({ length: n },
    (_, i) => buffer.subarray(i * size, (i + 1) * size));
}

const BEHIND = (self) => echo(self, 'behind');
const ECHO = { data: 'echo' };
const pong = (text) => ({ pong: text });
const error = (code) => ({ error: code });
const length = (n) => ({ length: n });
const close = (code) => ({ close: code });

// 1, framing

for (const [family, opcode] of [[1, TEXT], [2, BINARY]]) {
  define(`1.${family}.1`, `opcode ${opcode}, no payload`,
    () => [frame(opcode)], error('malformed_message'));

  [125, 126, 127, 128, 65535, 65536].forEach((size, i) => {
    define(`1.${family}.${i + 2}`, `opcode ${opcode}, ${size} bytes`,
      (self) => [frame(opcode, to(self, size))], length(size));
  });
}

// 2, pings and pongs

for (const [i, payload] of ['', 'Hello, world!',
  Buffer.from([0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]),
  Buffer.alloc(125, 0xfe)].entries()) {
  define(`2.${i + 1}`, `a ping with ${payload.length} bytes`,
    () => [frame(PING, payload)], pong(payload));
}

define('2.5', 'a ping with 126 bytes',
  (self) => [frame(PING, Buffer.alloc(126, 0xfe)), BEHIND(self)],
  close(1002));
define('2.7', 'a pong that nobody asked for',
  (self) => [frame(PONG), echo(self)], ECHO);
define('2.8', 'the same with a payload',
  (self) => [frame(PONG, 'unsolicited'), echo(self)], ECHO);
define('2.9', 'the same, then a ping',
  () => [frame(PONG, 'unsolicited'), frame(PING, 'asked')], pong('asked'));
define('2.10', 'ten pings',
  () => Array.from({ length: 10 }, (_, i) => frame(PING, `payload-${i}`)),
  ...Array.from({ length: 10 }, (_, i) => pong(`payload-${i}`)));

// 3, reserved bits

define('3.1', 'RSV3',
  (self) => [frame(TEXT, to(self), { bits: 0x90 }), BEHIND(self)],
  close(1002));
define('3.2', 'RSV2 behind a good message',
  (self) => [echo(self), frame(TEXT, to(self), { bits: 0xa0 }),
    frame(PING)], ECHO, close(1002));
define('3.3', 'RSV2 and RSV3',
  (self) => [echo(self), frame(TEXT, to(self), { bits: 0xb0 }),
    frame(PING)], ECHO, close(1002));
define('3.4', 'RSV1',
  (self) => [echo(self), frame(TEXT, to(self), { bits: 0xc0 }),
    frame(PING)], ECHO, close(1002));
define('3.5', 'RSV1 and RSV3 of a binary message',
  (self) => [frame(BINARY, to(self), { bits: 0xd0 }), BEHIND(self)],
  close(1002));
define('3.6', 'RSV1 and RSV2 of a ping',
  (self) => [frame(PING, '', { bits: 0xe0 }), BEHIND(self)], close(1002));
define('3.7', 'all three of a Close',
  (self) => [frame(CLOSE, closing(1000), { bits: 0xf0 }), BEHIND(self)],
  close(1002));

// 4, opcodes

for (const [family, first] of [[1, 3], [2, 11]]) {
  for (let i = 0; i < 5; i++) {
    const opcode = first + i;

    define(`4.${family}.${i + 1}`, `opcode ${opcode}`, (self) => [
      ...(i < 2 ? [] : [echo(self)]),
      frame(opcode, i % 2 ? 'reserved opcode payload' : ''), frame(PING)
    ], ...(i < 2 ? [] : [ECHO]), close(1002));
  }
}

// 5, fragments

const halves = (self, opcode) => fragments(pieces(to(self), 2), opcode);

define('5.1', 'a ping in two fragments', (self) => [
  frame(PING, 'fragment1', KEEP), frame(CONTINUATION, 'fragment2'),
  BEHIND(self)], close(1002));
define('5.2', 'a pong in two fragments', (self) => [
  frame(PONG, 'fragment1', KEEP), frame(CONTINUATION, 'fragment2'),
  BEHIND(self)], close(1002));
define('5.3', 'a text in two fragments', (self) => halves(self), ECHO);
define('5.3b', 'a binary message in two fragments',
  (self) => halves(self, BINARY), ECHO);
define('5.6', 'a ping between two fragments', (self) => {
  const [one, two] = halves(self);
  return [one, frame(PING, 'ping payload'), two];
}, pong('ping payload'), ECHO);
define('5.9', 'a continuation of nothing, with FIN', (self) => [
  frame(CONTINUATION, 'non-continuation payload'), echo(self)],
close(1002));
define('5.12', 'a continuation of nothing, without FIN', (self) => [
  frame(CONTINUATION, 'non-continuation payload', KEEP), echo(self)],
close(1002));
define('5.15', 'a continuation of a finished message', (self) => [
  ...halves(self), frame(CONTINUATION, 'fragment3', KEEP), echo(self)],
ECHO, close(1002));
define('5.16', 'a message behind a continuation of nothing', (self) => [
  frame(CONTINUATION, 'fragment1', KEEP), ...halves(self),
  frame(CONTINUATION, 'fragment1', KEEP), ...halves(self)], close(1002));
define('5.17', 'the same with FIN', (self) => [
  frame(CONTINUATION, 'fragment1'), ...halves(self),
  frame(CONTINUATION, 'fragment1'), ...halves(self)], close(1002));

for (const opcode of [TEXT, BINARY]) {
  define(`5.18, opcode ${opcode}`, 'a second fragment that is none', (self) => {
    const [one, two] = pieces(to(self), 2);
    return [frame(TEXT, one, KEEP), frame(opcode, two)];
  }, close(1002));
}

define('5.19', 'five fragments with pings between', (self) => {
  const [one, two, three, four, five] = fragments(pieces(to(self), 5));
  return [one, two, frame(PING, 'pongme 1!'), three, four,
    frame(PING, 'pongme 2!'), five];
}, pong('pongme 1!'), pong('pongme 2!'), ECHO);
define('5.20', 'a byte in each fragment',
  (self) => fragments([...Buffer.from(to(self))].map((b) => [b])), ECHO);
define('5.21', 'fragments without a byte',
  (self) => fragments([[], [], to(self), [], []]), ECHO);
define('5.22', 'nothing but fragments without a byte',
  () => fragments([[], [], []]), error('malformed_message'));
define('5.23', 'messages in fragments and whole ones', (self) => [
  ...halves(self), echo(self, 'whole'), ...halves(self, BINARY)],
ECHO, { data: 'whole' }, ECHO);

// 7, closing

define('7.1.1', 'a message, then a Close', (self) => [
  echo(self), frame(CLOSE, closing(1000))], ECHO, close(1000));
define('7.1.2', 'two Closes', () => [
  frame(CLOSE, closing(1000)), frame(CLOSE, closing(1000))], close(1000));
define('7.1.3', 'a ping behind a Close', () => [
  frame(CLOSE, closing(1000)), frame(PING)], close(1000));
define('7.1.4', 'a text behind a Close', (self) => [
  frame(CLOSE, closing(1000)), echo(self)], close(1000));
define('7.1.5', 'a Close between two fragments', (self) => {
  const [one, two] = halves(self);
  return [one, frame(CLOSE, closing(1000)), two];
}, close(1000));
define('7.1.6', 'a long message, a Close, a ping', (self) => [
  echo(self, 65536), frame(CLOSE, closing(1000)), frame(PING)],
length(65536), close(1000));
define('7.3.1', 'no payload', () => [frame(CLOSE)], close(undefined));
define('7.3.2', 'a payload of one byte', (self) => [
  frame(CLOSE, 'a'), BEHIND(self)], close(1002));
define('7.3.3', 'a code', () => [frame(CLOSE, closing(1000))], close(1000));
define('7.3.4', 'a code and a reason', () => [
  frame(CLOSE, closing(1000, 'Hello World!'))], close(1000));
define('7.3.5', 'the longest reason', () => [
  frame(CLOSE, closing(1000, '*'.repeat(123)))], close(1000));
define('7.3.6', 'a reason of a byte more', (self) => [
  frame(CLOSE, closing(1000, '*'.repeat(124))), BEHIND(self)], close(1002));
define('7.5.1', 'a reason that is no UTF-8', (self) => [
  frame(CLOSE, Buffer.concat([closing(1000, '\u03ba\u1f79\u03c3'),
    Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('edited')])),
  BEHIND(self)], close(1007));
define('7.5.2', 'a reason that ends in a character', (self) => [
  frame(CLOSE, Buffer.concat([closing(1000, 'a'),
    Buffer.from([0xe2, 0x82])])), BEHIND(self)], close(1007));

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
  1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
  define('7.7', `code ${code}`, () => [
    frame(CLOSE, closing(code, 'gr\u00fc\u00dfe'))], close(code));
}

for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
  5000, 65535]) {
  define('7.9', `code ${code}, which is none to be sent`, (self) => [
    frame(CLOSE, closing(code)), BEHIND(self)], close(1002));
}

// 9, limits; the messages are longer than any buffer

const MAX = 1008 * 1024;

for (const size of [65536, 262144, MAX]) {
  define('9.1', `a text of ${size} bytes`,
    (self) => [echo(self, size)], length(size));
  define('9.2', `a binary message of ${size} bytes`,
    (self) => [frame(BINARY, to(self, size))], length(size));
}

define('9.1', 'a text of 2 MB', (self) => [echo(self, 2 << 20)],
  close(1009));
define('9.3', 'a text of 2 MB in fragments of 64 KB',
  (self) => fragments(pieces(to(self, 2 << 20), 64)), close(1009));

for (const size of [64, 256, 1024, 4096, 16384, 65536, 262144]) {
  define('9.3', `262144 bytes in fragments of ${size}`, (self) => fragments(
    pieces(to(self, 262144), 262144 / size)), length(262144));
}

for (const size of [64, 256, 1024, 4096]) {
  define('9.7', `200 messages of ${size} bytes`, (self) => Array.from(
    { length: 200 }, () => echo(self, size)),
  ...Array.from({ length: 200 }, () => length(size)));
}

// 10, fragments made by the client's library

define('10.1.1', '65536 bytes in fragments of 1300', (self) => fragments(
  pieces(to(self, 65536), Math.ceil(65536 / 1300))), length(65536));

/* writes in pieces of "size", which arrive as such with TCP_NODELAY */
async function trickle(raw, bytes, size) {
  for (let i = 0; i < bytes.length && !raw.done; i += size) {
    raw.socket.write(bytes.subarray(i, i + size));
    if (i % (64 * size) === 0) {
      await new Promise(setImmediate);
    }
  }
}

describe('cases of RFC 6455', { timeout: 240000 }, () => {
  let ngx;
  let peers = 0;

  const ending = ({ expected }) => expected.some((e) => 'close' in e);

  before(async () => {
    ngx = await startSite({
      zone: '96m', http: 'signaling_rate off;',
      location: `signaling_peer_id $arg_id; signaling_max_message 1008k;`
    });
  });
  after(() => ngx?.finish());

  /* who sends to itself has to know its ID beforehand */
  const name = () => `case-${String(++peers).padStart(6, '0')}`;
  const path = (self) => ({ path: `/v1?key=pk_live_all&id=${self}` });

  async function check(raw, expected) {
    for (const want of expected) {
      const got = await raw.next(() => true);

      if ('close' in want) {
        assert.equal(got.opcode, CLOSE);
        assert.equal(got.payload.length ? got.payload.readUInt16BE(0)
          : undefined, want.close);
        assert.ok(want.close !== 1000 || got.payload.length === 2,
          'no reason is repeated');
        assert.deepEqual(raw.frames, []);
        await raw.write(frame(CLOSE, closing(1000)));

      } else if ('pong' in want) {
        assert.equal(got.opcode, PONG);
        assert.deepEqual(got.payload, Buffer.from(want.pong));

      } else if ('error' in want) {
        assert.equal(got.json?.code, want.error);

      } else if ('length' in want) {
        assert.equal(got.json?.type, 'direct');
        assert.equal(JSON.stringify(got.json.data).length,
          want.length - to(raw.peerId, '').length + 2);

      } else {
        assert.equal(got.json?.type, 'direct');
        assert.deepEqual(got.json.data, want.data);
      }
    }
  }

  const ways = {
    async 'in one piece'(self, messages) {
      const raw = await connectRaw(ngx, path(self));
      await raw.write(...messages.flat());
      return raw;
    },

    // Who writes when the server has gone gets a RST, and may not see what
    // was said before: so nothing comes behind the client's Close.

    async 'byte by byte'(self, messages) {
      const raw = await connectRaw(ngx, path(self));

      for (const parts of messages) {
        const last = parts.findIndex((part) => (part[0] & 0xf) === CLOSE);
        const bytes = Buffer.concat(last < 0 ? parts
          : parts.slice(0, last + 1));

        await trickle(raw, bytes, bytes.length > LONG ? CHOP : 1);
      }

      return raw;
    },

    'glued to the request': (self, messages) =>
      connectRaw(ngx, { ...path(self), glued: messages.flat() })
  };

  for (const [way, send] of Object.entries(ways)) {
    describe(way, { concurrency: 8 }, () => {
      for (const it of cases.filter(ending)) {
        test(`${it.id}, ${it.name}`, async () => {
          const self = name();
          const raw = await send(self, [it.parts(self)]);

          await check(raw, it.expected);
          await raw.destroy();
        });
      }

      // those that end well go over one connection, one behind the other

      describe('cases that go on', { concurrency: 1 }, () => {
        const good = cases.filter((it) => !ending(it));
        let raw;

        before(async () => {
          const self = name();
          raw = await send(self, good.map((it) => it.parts(self)));
        });
        after(() => raw?.destroy());

        for (const it of good) {
          test(`${it.id}, ${it.name}`, () => check(raw, it.expected));
        }

        test('and nothing else', async () => {
          await raw.write(frame(PING, 'the end'));
          await check(raw, [pong('the end')]);
          assert.deepEqual(raw.frames, []);
        });
      });
    });
  }
});
