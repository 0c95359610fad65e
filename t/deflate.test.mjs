// Copyright (C) The ngx_signaling authors
//
// "signaling_deflate": the negotiation and the messages of RFC 7692, by raw
// frames.  Another implementation of it is in deflate_peer.test.mjs.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import zlib from 'node:zlib';

import { configTest } from './nginx.mjs';
import {
  BINARY, CLOSE, closing, connectRaw, CONTINUATION, deflated, exchange,
  fragments, frame, inflated, PING, PONG, TEXT, text
} from './raw.mjs';
import { KEYS, site, startSite } from './signaling.mjs';

const RSV1 = 0x40;
const PACKED = { bits: 0x80 | RSV1 };

const EXTENSION = 'permessage-deflate';
const AGREED = `${EXTENSION}; server_no_context_takeover; ` +
  'client_no_context_takeover';
const WINDOW = '; server_max_window_bits=';

const LIMIT = 69632;            // of a whole message, signaling_max_message

const offer = (value = EXTENSION, more = {}) => ({
  headers: { 'Sec-WebSocket-Extensions': value }, ...more
});

const packed = (message, options) => frame(TEXT,
  deflated(typeof message === 'string' ? message : JSON.stringify(message),
    options), PACKED);

const publish = (requestId, data = 1) =>
  ({ type: 'publish', channel: 'x', data, requestId });

/* letters as they stand in SDP: something is to be won, but not all */
const letters = (length) => randomBytes(length).toString('hex')
  .slice(0, length);

/* a "publish" of that many bytes */
function padded(length, requestId, fill = 'p') {
  const json = JSON.stringify({ ...publish(requestId), x: '' });
  const rest = length - json.length;
  const more = typeof fill === 'string' ? fill.repeat(rest) : fill(rest);

  return JSON.stringify({ ...publish(requestId), x: more });
}

describe('messages are compressed', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      http: 'signaling_rate off;',
      location: 'signaling_deflate on;',
      server: `location = /off  { signaling calls; }
               location = /tiny { signaling calls; signaling_deflate on;
                                  signaling_max_message 1k; }`
    });
  });
  after(() => ngx?.finish());

  describe('where both sides agree', () => {
    const agreements = [
      ['what browsers offer', `${EXTENSION}; client_max_window_bits`, AGREED],
      ['the least offer', EXTENSION, AGREED],
      ['no offer', null, undefined],
      ['an empty list', '', undefined],
      ['another extension', 'permessage-bzip2; a=1', undefined],
      ['one behind another extension', `foo; a="b", ${EXTENSION}`, AGREED],
      ['the first of two', `${EXTENSION}${WINDOW}9, ${EXTENSION}`,
       `${AGREED}${WINDOW}9`],
      ['the second of two', `${EXTENSION}; level=9, ${EXTENSION}`, AGREED],
      ['two headers', ['foo, bar', `${EXTENSION}${WINDOW}10`],
       `${AGREED}${WINDOW}10`],
      ['two offers in two headers',
       [`${EXTENSION}${WINDOW}11`, EXTENSION], `${AGREED}${WINDOW}11`],
      ['an unknown parameter', `${EXTENSION}; level=9`, undefined],
      ['a parameter twice', `${EXTENSION}; client_max_window_bits; ` +
       'client_max_window_bits', undefined],
      ['takeovers', `${EXTENSION}; server_no_context_takeover; ` +
       'client_no_context_takeover', AGREED],
      ['a takeover with a value', `${EXTENSION}; ` +
       'server_no_context_takeover=1', undefined],
      ['our window without a value', `${EXTENSION}; server_max_window_bits`,
       undefined],
      ['the client\'s window with a value',
       `${EXTENSION}; client_max_window_bits=10`, AGREED],
      ['a window of 8', `${EXTENSION}${WINDOW}8`, `${AGREED}${WINDOW}8`],
      ['a window of 15, which is more than ours',
       `${EXTENSION}${WINDOW}15`, `${AGREED}${WINDOW}13`],
      ['a window of 7', `${EXTENSION}${WINDOW}7`, undefined],
      ['a window of 16', `${EXTENSION}${WINDOW}16`, undefined],
      ['a client window of 16', `${EXTENSION}; client_max_window_bits=16`,
       undefined],
      ['a quoted window', `${EXTENSION}${WINDOW}"12"`, `${AGREED}${WINDOW}12`]
    ];

    for (const [name, value, expected] of agreements) {
      test(name, async () => {
        const raw = await connectRaw(ngx, offer(value));

        assert.equal(raw.headers['sec-websocket-extensions'], expected);
        await raw.write(expected ? packed(publish('a')) : text(publish('a')));
        assert.equal((await raw.message('ack')).requestId, 'a');
        await raw.destroy();
      });
    }

    for (const value of [`${EXTENSION};`, `${EXTENSION}; a=`,
      `${EXTENSION}, (`, `${EXTENSION}; a="b`, [EXTENSION, '=']]) {
      test(`malformed: ${value}`, async () => {
        const raw = await exchange(ngx, offer(value));

        assert.equal(raw.status, 400);
        await raw.destroy();
      });
    }

    test('an offer with a credential that is refused', async () => {
      const raw = await exchange(ngx, offer(EXTENSION,
        { path: '/v1?key=nothing', glued: [packed(publish('a'))] }));

      assert.equal((await raw.close()).code, 4001);
      await raw.destroy();
    });
  });

  describe('and nowhere else', () => {
    for (const value of [EXTENSION, `${EXTENSION};`]) {
      test(`"${value}" where it is off`, async () => {
        const raw = await connectRaw(ngx,
          offer(value, { path: '/off?key=pk_live_all' }));

        assert.equal(raw.headers['sec-websocket-extensions'], undefined);
        await raw.write(packed(publish('a')));
        assert.equal((await raw.close()).code, 1002);
        await raw.destroy();
      });
    }

    test('without an offer RSV1 is an error', async () => {
      const raw = await connectRaw(ngx);

      await raw.write(packed(publish('a')));
      assert.equal((await raw.close()).code, 1002);
      await raw.destroy();
    });
  });

  describe('from the client', { concurrency: 8 }, () => {
    const open = () => connectRaw(ngx, offer());

    const acked = async (...args) => (await open()).acked(...args);

    const broken = async (code, ...parts) =>
      (await open()).broken(code, ...parts, packed(publish('behind')));

    const whole = Buffer.from(JSON.stringify(publish('f', '\u20ac'.repeat(9))));
    const bytes = deflated(whole);

    const cut = (...ends) => [0, ...ends].map(
      (start, i) => bytes.subarray(start, ends[i] ?? bytes.length));

    test('messages that are and that are not', () => acked(
      ['a', 'b', 'c', 'd'], packed(publish('a')), text(publish('b')),
      packed(publish('c')), text(publish('d'))));

    test('a binary one', () => acked(['f'], frame(BINARY, bytes, PACKED)));

    for (const level of [0, 1, 9]) {
      test(`level ${level}`,
        () => acked(['l'], packed(publish('l'), { level })));
    }

    for (const windowBits of [9, 15]) {
      test(`a window of ${windowBits}`, () => acked(['w'], packed(
        padded(60000, 'w', letters), { windowBits })));
    }

    test('in fragments, of which the first has RSV1', () => acked(['f', 'f'],
      ...fragments(cut(5, 9), TEXT, RSV1), ...fragments(cut(1), BINARY,
        RSV1)));

    test('a byte in each fragment, and none', () => acked(['f'],
      ...fragments([[], ...[...bytes].map((b) => [b]), []], TEXT, RSV1)));

    test('with control frames between fragments', async () => {
      const raw = await connectRaw(ngx, offer());
      const [one, two] = fragments(cut(5), TEXT, RSV1);

      await raw.write(one, frame(PING, 'p'), two);
      assert.equal(String((await raw.next(PONG)).payload), 'p');
      assert.equal((await raw.message('ack')).requestId, 'f');
      await raw.destroy();
    });

    test('a plain message in fragments behind a compressed one', () => acked(
      ['f', 'p'], ...fragments(cut(5), TEXT, RSV1),
      ...fragments([JSON.stringify(publish('p')), ''])));

    test('a byte at a time', async () => {
      const raw = await connectRaw(ngx, offer());

      for (const b of Buffer.concat([packed(publish('a')),
        ...fragments(cut(7), TEXT, RSV1)])) {
        raw.socket.write(Buffer.from([b]));
      }
      assert.equal((await raw.message('ack')).requestId, 'a');
      assert.equal((await raw.message('ack')).requestId, 'f');
      await raw.destroy();
    });

    test('glued to the request', async () => {
      const raw = await connectRaw(ngx,
        offer(EXTENSION, { glued: [packed(publish('a'))] }));

      assert.equal((await raw.message('ack')).requestId, 'a');
      await raw.destroy();
    });

    // RFC 7692 7.2.3: several blocks, one that is final, none

    for (const [name, ...payloads] of [
      ['one byte 0', '00'], ['no byte', ''], ['a final block', '0300'],
      ['several blocks', '000000ffff000000ffff00']
    ]) {
      test(`an empty message: ${name}`, async () => {
        const raw = await connectRaw(ngx, offer());

        await raw.write(...payloads.map((payload) =>
          frame(TEXT, Buffer.from(payload, 'hex'), PACKED)));
        assert.equal((await raw.next(TEXT)).json.code, 'malformed_message');
        await raw.destroy();
      });
    }

    test('a stream that was finished', () => {
      const final = zlib.deflateRawSync(JSON.stringify(publish('f')));

      return acked(['f', 'f'],
        frame(TEXT, Buffer.concat([final, Buffer.from([0])]), PACKED),
        frame(TEXT, final, PACKED));
    });

    test('what was said is looked at as ever', async () => {
      const raw = await connectRaw(ngx, offer());

      await raw.write(packed('{"type":'), packed({ type: 'what' }),
        packed({ type: 'ping' }));
      assert.equal((await raw.next(TEXT)).json.code, 'malformed_message');
      assert.equal((await raw.next(TEXT)).json.code, 'unknown_type');
      assert.equal((await raw.next(TEXT)).json.type, 'pong');
      await raw.destroy();
    });

    describe('mistakes', { concurrency: 8 }, () => {
      for (const opcode of [CLOSE, PING, PONG]) {
        test(`RSV1 on a control frame, opcode ${opcode}`, () => broken(1002,
          frame(opcode, opcode === CLOSE ? closing(1000) : '', PACKED)));
      }

      test('RSV1 on a continuation of a compressed message', () => broken(
        1002, frame(TEXT, bytes.subarray(0, 5), { bits: RSV1 }),
        frame(CONTINUATION, bytes.subarray(5), PACKED)));

      test('RSV1 on a continuation of another one', () => broken(1002,
        frame(TEXT, '{', { bits: 0 }),
        frame(CONTINUATION, bytes, PACKED)));

      for (const rsv of [0x20, 0x10, 0x60, 0x50, 0x70]) {
        test(`RSV bits ${rsv}`, () => broken(1002,
          frame(TEXT, bytes, { bits: 0x80 | rsv })));
      }

      test('no DEFLATE', () => broken(1007,
        frame(TEXT, whole, PACKED)));

      test('half of it', () => broken(1007,
        frame(TEXT, bytes.subarray(0, bytes.length / 2), PACKED)));

      test('half of it, in fragments', () => broken(1007,
        ...fragments([bytes.subarray(0, 3), bytes.subarray(3, 9)], TEXT,
          RSV1)));

      test('a match from the message before', async () => {
        const before = zlib.deflateRawSync(Buffer.concat([whole, whole]),
          { finishFlush: zlib.constants.Z_SYNC_FLUSH, dictionary: whole });

        await broken(1007, frame(TEXT, before.subarray(0, -4), PACKED));
      });

      test('thousands of blocks with nothing in them', () => broken(1007,
        frame(TEXT, Buffer.alloc(50000, '000000ffff', 'hex'), PACKED)));

      test('no UTF-8', () => broken(1007, frame(TEXT, deflated(
        Buffer.from('{"type":"ping","x":"\xff"}', 'latin1')), PACKED)));

      test('half a character', () => broken(1007, frame(TEXT, deflated(
        Buffer.from('{"type":"ping","x":"\xe2\x82', 'latin1')), PACKED)));

      test('no UTF-8, in binary', () => broken(1007, frame(BINARY, deflated(
        Buffer.from('"\xff"', 'latin1')), PACKED)));
    });

    describe('sizes', { concurrency: 8 }, () => {
      test('as long as a message may be', () => acked(['max'],
        packed(padded(LIMIT, 'max'))));

      test('longer by a byte', () => broken(1009,
        packed(padded(LIMIT + 1, 'max'))));

      test('longer by a byte, in fragments', () => {
        const long = deflated(padded(LIMIT + 1, 'max', letters));

        return broken(1009, ...fragments([long.subarray(0, 20000),
          long.subarray(20000)], TEXT, RSV1));
      });

      test('as long as can be, and it does not get shorter', () => acked(
        ['max'], packed(padded(LIMIT, 'max', letters),
          { level: 0, memLevel: 1 })));

      test('the limit of the location', async () => {
        const raw = await connectRaw(ngx,
          offer(EXTENSION, { path: '/tiny?key=pk_live_all' }));

        await raw.write(packed(padded(5120, 'max')),
          packed(padded(5121, 'over')));
        assert.equal((await raw.message('ack')).requestId, 'max');
        assert.equal((await raw.close()).code, 1009);
        await raw.destroy();
      });

      test('"data" has its own limit', () => broken(1009,
        packed(publish('d', 'd'.repeat(65535)))));

      test('a bomb: 64 MB in 65 KB', () => broken(1009, frame(TEXT,
        deflated(Buffer.alloc(64 << 20), { level: 9, memLevel: 9 }),
        PACKED)));

      test('a length that no message may have is not waited for', () =>
        broken(1009, frame(TEXT, '', { ...PACKED, length: 80000n })));

      test('nor one that it may have when it is compressed', () =>
        broken(1009, frame(TEXT, '', { length: 70000n })));

      test('nor one of all fragments', () => broken(1009,
        frame(TEXT, Buffer.alloc(70000), { bits: RSV1 }),
        frame(CONTINUATION, '', { length: 10000n })));
    });
  });

  describe('to the client', () => {

    /* who gets what it sends to itself, data of "length" bytes with quotes */
    async function echo(raw, data) {
      await raw.write(text({ type: 'send', to: raw.peerId, data }));
      const got = await raw.next(TEXT);

      assert.equal(got.json.data, data);
      return got;
    }

    const bare = (raw) => JSON.stringify(
      { type: 'direct', from: raw.peerId, data: '' }).length;

    test('from 512 bytes on', async () => {
      const raw = await connectRaw(ngx, offer());
      const room = bare(raw);

      for (const [length, is] of [[511, false], [512, true], [513, true],
        [65536, true], [65537, true]]) {
        const got = await echo(raw, 'd'.repeat(length - room));
        assert.equal(got.packed !== undefined, is, `${length} bytes`);
        assert.ok(!is || got.packed.length < room + length / 100);
      }
      await raw.destroy();
    });

    test('not what does not get shorter', async () => {
      const raw = await connectRaw(ngx, offer());

      // any ASCII, and the same each time

      let x = 1;
      const noise = Array.from({ length: 450 }, () => {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        return String.fromCharCode(0x20 + (x >>> 16) % 0x5f);
      }).join('').replaceAll(/["\\]/g, ' ');

      const got = await echo(raw, noise);
      assert.equal(got.packed, undefined);
      assert.ok(got.payload.length >= 512);
      assert.ok((await echo(raw, letters(450))).packed);
      await raw.destroy();
    });

    test('not to those who did not offer it', async () => {
      const raw = await connectRaw(ngx);

      assert.equal((await echo(raw, 'd'.repeat(5000))).packed, undefined);
      await raw.destroy();
    });

    // what no match could reach back in is good for any window

    for (const windowBits of [8, 9, 12, 13, 15]) {
      test(`for a window of ${windowBits}`, async () => {
        const raw = await connectRaw(ngx, offer(
          `${EXTENSION}${WINDOW}${windowBits}`));
        const room = bare(raw);

        for (const length of [512, 513, 4096, 4097, 8192, 8193, 30000]) {
          const got = await echo(raw, letters(length - room));

          assert.equal(got.packed !== undefined,
            windowBits >= 13 || length <= 1 << windowBits,
            `${length} bytes`);
          if (got.packed && windowBits > 8) {
            assert.deepEqual(inflated(got.packed, { windowBits }),
              got.payload);
          }
        }
        await raw.destroy();
      });
    }

    test('a snapshot, once the room has many', async () => {
      const others = await Promise.all(Array.from({ length: 20 },
        () => connectRaw(ngx)));
      for (const raw of others) {
        await raw.write(text(
          { type: 'subscribe', channel: 'many', requestId: 's' }));
        await raw.message('ack');
      }

      const raw = await connectRaw(ngx, offer());
      await raw.write(text({ type: 'subscribe', channel: 'many' }));
      const got = await raw.next(TEXT);
      assert.equal(got.json.joined.length, 20);
      assert.ok(got.packed);

      await Promise.all([raw, ...others].map((one) => one.destroy()));
    });
  });
});

describe('a frame is compressed once', { timeout: 120000 }, () => {
  let ngx;

  const done = (length) => ngx.errorLog().split('\n').filter((line) =>
    line.includes(`signaling frame deflated: ${length} to `)).length;

  before(async () => {
    ngx = await startSite({
      workers: 1, level: 'debug', http: 'signaling_rate off;',
      location: `signaling_deflate on;
                 signaling_peer_metadata '{"name":"$arg_id"}';`
    });
  });
  after(() => ngx?.finish());

  async function member(value, more = {}) {
    const raw = await connectRaw(ngx, {
      ...(value ? offer(value) : {}), path: '/v1?key=pk_live_all&id=one'
    });

    await raw.write(text({ type: 'subscribe', channel: 'room',
                           requestId: 's', ...more }));
    await raw.message('ack');
    return raw;
  }

  test('for all who are to get it', async () => {
    const all = [];

    for (let i = 0; i < 4; i++) {
      all.push(await member(EXTENSION), await member(`${EXTENSION}${WINDOW}9`),
        await member(), await member(EXTENSION,
          { includeSenderMetadata: true }));
    }

    const sender = await member();
    await sender.write(text({ type: 'publish', channel: 'room',
                              data: letters(2000) }));

    const got = await Promise.all(all.map((raw) =>
      raw.next((f) => f.json?.type === 'message')));
    const [plain, small, without, named] = [0, 1, 2, 3].map((kind) =>
      got.filter((_, i) => i % 4 === kind));

    assert.ok(plain.every((f) => f.packed?.equals(plain[0].packed)));
    assert.ok(named.every((f) => f.packed?.equals(named[0].packed)));
    assert.ok(small.every((f) => f.packed === undefined));
    assert.ok(without.every((f) => f.packed === undefined));
    assert.equal(done(plain[0].payload.length), 1);
    assert.equal(done(named[0].payload.length), 1);
    assert.notEqual(plain[0].payload.length, named[0].payload.length);

    await Promise.all([sender, ...all].map((raw) => raw.destroy()));
  });

  test('and not when nobody wants it so', async () => {
    const raw = await member();

    await raw.write(text({ type: 'send', to: raw.peerId,
                           data: letters(3000) }));
    const got = await raw.next((f) => f.json?.type === 'direct');
    assert.equal(done(got.payload.length), 0);
    await raw.destroy();
  });

  test('by a worker that has retired, for a message of another', async () => {
    const old = await member(EXTENSION);

    await ngx.reload();
    let young = await member(EXTENSION);
    while (young.headers['x-worker'] === old.headers['x-worker']) {
      await young.destroy();
      young = await member(EXTENSION);
    }

    await young.write(text({ type: 'send', to: old.peerId,
                             data: letters(4000) }));
    assert.ok((await old.next((f) => f.json?.type === 'direct')).packed);
    await old.destroy();
    await young.destroy();
  });
});

describe('signaling_deflate', () => {
  test('is off or on', async () => {
    const { code, stderr } = await configTest({
      http: site({ keys: KEYS, location: 'signaling_deflate yes;' })
    });

    assert.notEqual(code, 0);
    assert.match(stderr, /"signaling_deflate" directive.*"on" or "off"/);
  });

  test('may stand outside, and be taken back inside', async () => {
    const ngx = await startSite({
      http: 'signaling_deflate on;',
      server: 'location = /off { signaling calls; signaling_deflate off; }'
    });

    for (const [path, expected] of [['/v1', AGREED], ['/off', undefined]]) {
      const raw = await connectRaw(ngx, offer(EXTENSION,
        { path: `${path}?key=pk_live_all` }));
      assert.equal(raw.headers['sec-websocket-extensions'], expected);
      await raw.destroy();
    }
    await ngx.finish();
  });
});
