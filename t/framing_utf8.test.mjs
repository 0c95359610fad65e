// Copyright (C) The ngx_signaling authors
//
// UTF-8 in messages, RFC 6455 8.1: family 6 of the Autobahn test suite, whose
// texts are those of Markus Kuhn's decoder stress test, here inside of JSON.
// What is wrong is told at the first byte that shows it: the rest of the
// frame, or of the message, need not come.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import {
  BINARY, CLOSE, closing, connectRaw, CONTINUATION, fragments, frame, PING,
  PONG, TEXT
} from './raw.mjs';
import { startSite } from './signaling.mjs';

const KEEP = { bits: 0 };       // no FIN: the message goes on

const good = [];
const bad = [];

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const utf8 = (...points) => Buffer.from(String.fromCodePoint(...points));
const label = (bytes) => bytes.toString('hex').replace(/(..)(?=.)/g, '$1 ');

/*
 * The length of the shortest beginning behind which nothing could come that
 * made it valid, by the decoder of the browsers; undefined when there is none.
 */
function firstWrong(bytes) {
  const decoder = new TextDecoder('utf-8', { fatal: true });

  for (let i = 0; i < bytes.length; i++) {
    try {
      decoder.decode(bytes.subarray(i, i + 1), { stream: true });
    } catch {
      return i + 1;
    }
  }
}

function define(family, ...texts) {
  texts.forEach((bytes, i) => {
    const id = `6.${family}.${i + 1}`;
    (firstWrong(Buffer.concat([bytes, Buffer.from('"')])) === undefined
      ? good : bad).push({ id, bytes });
  });
}

// some valid ones

define('2', Buffer.from('Hello-\u00b5@\u00df\u00f6\u00e4-UTF-8!!'));
define('5', Buffer.from('hello$world'), Buffer.from('hello\u00a2world'),
  Buffer.from('hello\u20acworld'), Buffer.from('hello\u{24b62}world'),
  Buffer.from('\u03ba\u1f79\u03c3\u03bc\u03b5'));

// a surrogate and what is beyond U+10FFFF, in a text that goes on

define('3', hex('cebae1bdb9cf83cebcceb5 eda080 656469746564'));
define('4', hex('cebae1bdb9cf83cebcceb5 f4908080 656469746564'));

// the first and the last of a length, and boundaries

define('7', utf8(0x80), utf8(0x800), utf8(0x10000));
define('8', hex('f888808080'), hex('fc8480808080'));
define('9', utf8(0x7f), utf8(0x7ff), utf8(0xffff), utf8(0x10ffff));
define('10', hex('f7bfbfbf'), hex('fbbfbfbfbf'), hex('fdbfbfbfbfbf'));
define('11', utf8(0xd7ff), utf8(0xe000), utf8(0xfffd), utf8(0x10ffff),
  hex('f4908080'));

// continuation bytes without a beginning

define('12', hex('80'), hex('bf'), hex('80bf'), hex('80bf80'),
  hex('80bf80bf'), hex('80bf80bf80'), hex('80bf80bf80bf'),
  Buffer.from(Array.from({ length: 64 }, (_, i) => 0x80 + i)));

// beginnings without a continuation

define('13', ...[[0xc0, 0xe0], [0xe0, 0xf0], [0xf0, 0xf8], [0xf8, 0xfc],
  [0xfc, 0xfe]].map(([first, end]) => Buffer.from(Array.from(
  { length: end - first }, (_, i) => [first + i, 0x20]).flat())));
define('14', hex('c0'), hex('e080'), hex('f08080'), hex('f8808080'),
  hex('fc80808080'), hex('df'), hex('efbf'), hex('f7bfbf'), hex('fbbfbfbf'),
  hex('fdbfbfbfbf'));
define('15',
  hex('c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf'));

// what is no byte of UTF-8

define('16', hex('fe'), hex('ff'), hex('fefeffff'));

// longer than need be

define('17', hex('c0af'), hex('e080af'), hex('f08080af'), hex('f8808080af'),
  hex('fc80808080af'));
define('18', hex('c1bf'), hex('e09fbf'), hex('f08fbfbf'), hex('f887bfbfbf'),
  hex('fc83bfbfbfbf'));
define('19', hex('c080'), hex('e08080'), hex('f0808080'), hex('f880808080'),
  hex('fc8080808080'));

// surrogates, alone and in pairs

define('20', hex('eda080'), hex('edadbf'), hex('edae80'), hex('edafbf'),
  hex('edb080'), hex('edbe80'), hex('edbfbf'));
define('21', hex('eda080edb080'), hex('eda080edbfbf'), hex('edadbfedb080'),
  hex('edadbfedbfbf'), hex('edae80edb080'), hex('edae80edbfbf'),
  hex('edafbfedb080'), hex('edafbfedbfbf'));

// no characters, but valid all the same

define('22', ...Array.from({ length: 17 }, (_, plane) =>
  [utf8(plane * 0x10000 + 0xfffe), utf8(plane * 0x10000 + 0xffff)]).flat());
define('23', ...[0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff]
  .map((point) => utf8(point)));

describe('UTF-8', { timeout: 240000 }, () => {
  let ngx;
  let peers = 0;

  before(async () => {
    ngx = await startSite({
      http: 'signaling_rate off;', location: 'signaling_peer_id $arg_id;'
    });
  });
  after(() => ngx?.finish());

  const name = () => `text-${String(++peers).padStart(6, '0')}`;

  const client = (self, glued = []) => connectRaw(ngx,
    { path: `/v1?key=pk_live_all&id=${self}`, glued });

  const whole = (self, bytes) => Buffer.concat([
    Buffer.from(`{"type":"send","to":"${self}","data":"`), bytes,
    Buffer.from('"}')
  ]);

  const cut = (bytes, ...ends) => [0, ...ends].map(
    (start, i) => bytes.subarray(start, ends[i] ?? bytes.length));

  async function direct(raw, bytes) {
    const got = await raw.next(() => true);

    assert.equal(got.json?.type, 'direct');
    assert.equal(got.json.data, String(bytes));
  }

  async function refused(raw) {
    const got = await raw.next(() => true);

    assert.equal(got.opcode, CLOSE);
    assert.deepEqual(got.payload.subarray(0, 2), closing(1007));
    await raw.write(frame(CLOSE, closing(1007)));
    await raw.destroy();
    assert.deepEqual(raw.frames, []);
  }

  async function alive(raw) {
    await raw.write(frame(PING, 'so far'));
    assert.equal(String((await raw.next(PONG)).payload), 'so far');
    assert.deepEqual(raw.frames, []);
  }

  // one connection for each way, which has to live on

  describe('valid', () => {
    const ways = {
      'in one frame': (bytes) => [frame(TEXT, bytes)],
      'in a binary frame': (bytes) => [frame(BINARY, bytes)],
      'with a fragment for each byte':
        (bytes) => fragments([...bytes].map((b) => [b])),
      'with a fragment for each character': (bytes) => fragments(
        [...String(bytes)].map((c) => Buffer.from(c)), BINARY)
    };

    for (const [way, frames] of Object.entries(ways)) {
      describe(way, () => {
        let raw;
        let glued;
        let slow;

        before(async () => {
          const self = name();
          const other = name();

          raw = await client(self);
          slow = await client(name());
          glued = await client(other, good.flatMap(
            ({ bytes }) => frames(whole(other, bytes))));
        });
        after(() => Promise.all(
          [raw, glued, slow].map((one) => one?.destroy())));

        for (const { id, bytes } of good) {
          test(`${id}, ${label(bytes)}`, async () => {
            await raw.write(...frames(whole(raw.peerId, bytes)));
            await direct(raw, bytes);

            for (const b of Buffer.concat(
              frames(whole(slow.peerId, bytes)))) {
              slow.socket.write(Buffer.from([b]));
            }
            await direct(slow, bytes);

            await direct(glued, bytes);
          });
        }

        test('nothing else', () => Promise.all([raw, glued, slow].map(alive)));
      });
    }
  });

  describe('invalid', { concurrency: 8 }, () => {
    for (const { id, bytes } of bad) {
      test(`${id}, ${label(bytes)}`, async () => {
        const self = name();
        let raw = await client(self);
        const text = whole(self, bytes);
        const end = firstWrong(text);

        // all of it

        await raw.write(frame(TEXT, text));
        await refused(raw);

        // all of it, with the request

        await refused(await client(name(), [frame(TEXT, text)]));

        // a byte at a time, not one behind the wrong one

        const all = frame(TEXT, text);

        raw = await client(name());
        for (const b of all.subarray(0, all.length - text.length + end)) {
          raw.socket.write(Buffer.from([b]));
        }
        await refused(raw);

        // fragments: good up to the byte before, then that one

        raw = await client(name());
        const [before, wrong] = cut(text, end - 1, end);
        await raw.write(frame(TEXT, before, KEEP));
        await alive(raw);
        await raw.write(frame(CONTINUATION, wrong, KEEP));
        await refused(raw);
      });
    }
  });

  describe('at the end of a message', { concurrency: 8 }, () => {

    // 6.6: all beginnings of a text; it is no JSON, but may be UTF-8

    const text = Buffer.from('\u03ba\u1f79\u03c3\u03bc\u03b5');

    for (let n = 1; n <= text.length; n++) {
      const part = text.subarray(0, n);

      test(`6.6.${n}, ${label(part)}`, async () => {
        const valid = !String(part).includes('\ufffd');

        for (const frames of [
          [frame(TEXT, part)],
          fragments([...part].map((b) => [b])),
          fragments([part, []])
        ]) {
          const raw = await client(name());

          await raw.write(...frames);
          if (valid) {
            assert.equal((await raw.next(TEXT)).json.code,
              'malformed_message');
            await raw.destroy();
          } else {
            await refused(raw);
          }
        }
      });
    }
  });

  describe('what comes at once', { concurrency: 8 }, () => {
    const bytes = hex('f4 90 80 80');

    // 6.4.1 to 6.4.4: the second byte is out of range

    for (const end of [1, 2]) {
      test(`6.4, a fragment that ends behind byte ${end}`, async () => {
        const self = name();
        const raw = await client(self);
        const head = Buffer.from(`{"type":"send","to":"${self}","data":"`);

        await raw.write(frame(TEXT, head, KEEP),
          frame(CONTINUATION, bytes.subarray(0, end), KEEP));
        if (end === 1) {
          await alive(raw);
          await raw.write(frame(CONTINUATION, bytes.subarray(1, 2), KEEP));
        }
        await refused(raw);
      });

      test(`6.4, a piece of a frame that ends behind byte ${end}`, async () => {
        const self = name();
        const raw = await client(self);
        const all = frame(TEXT, whole(self, bytes));
        const from = all.length - 2 - bytes.length;

        await raw.write(all.subarray(0, from + end));
        if (end === 1) {
          await raw.write(all.subarray(from + 1, from + 2));
        }
        await refused(raw);
      });
    }

    test('in a long frame, of which the first bytes have come', async () => {
      const raw = await client(name());
      const all = frame(TEXT, Buffer.alloc(60000, 0xff));

      await raw.write(all.subarray(0, 20));
      await refused(raw);
    });

    test('in the first fragment, with the request', async () =>
      refused(await client(name(), [frame(TEXT, [0x22, 0xff], KEEP)])));

    test('in a part of a frame, with the request', async () =>
      refused(await client(name(), [
        frame(TEXT, [0x22, 0xff, 0x22, 0x20]).subarray(0, 8)])));

    test('in a binary message, which is read as text', async () => {
      const raw = await client(name());

      await raw.write(frame(BINARY, [0x22, 0xff], KEEP));
      await refused(raw);
    });

    test('pings between fragments, and their bytes, do not count', async () => {
      const self = name();
      const raw = await client(self);
      const text = Buffer.from('\u20ac');
      const [one, two] = fragments(cut(whole(self, text),
        whole(self, text).indexOf(0x82)));

      await raw.write(one, frame(PING, [0xff, 0xfe]), two);
      assert.deepEqual((await raw.next(PONG)).payload,
        Buffer.from([0xff, 0xfe]));
      await direct(raw, text);
      await raw.destroy();
    });

    test('who was refused sends on, and closes', async () => {
      const raw = await client(name());

      await raw.write(frame(TEXT, [0xff], KEEP));
      assert.equal((await raw.close()).code, 1007);
      await raw.write(frame(CONTINUATION, 'more', KEEP), frame(PING),
        frame(CONTINUATION, 'the end'), frame(TEXT, '{}'),
        frame(CLOSE, closing(1007)));
      await raw.ended;
      assert.deepEqual(raw.frames, []);
      await raw.destroy();
    });
  });
});
