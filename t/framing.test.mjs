// Copyright (C) The ngx_signaling authors
//
// RFC 6455 over raw sockets: what is not among the cases of
// framing_cases.test.mjs and framing_utf8.test.mjs.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import {
  BINARY, CLOSE, closing, connectRaw, CONTINUATION, exchange, fragments,
  frame, PING, PONG, TEXT, text
} from './raw.mjs';
import { connect, startSite } from './signaling.mjs';

const KEEP = { bits: 0 };       // no FIN: the message goes on

// most of the time here is a wait for the client's Close
const TOGETHER = { concurrency: 64 };

const publish = (requestId, data = 1) =>
  ({ type: 'publish', channel: 'x', data, requestId });

describe('framing', { ...TOGETHER, timeout: 120000 }, () => {
  let ngx;

  before(async () => { ngx = await startSite(); });
  after(() => ngx?.finish());

  const acked = async (...args) => (await connectRaw(ngx)).acked(...args);

  const broken = async (code, ...parts) =>
    (await connectRaw(ngx)).broken(code, ...parts, text(publish('behind')));

  describe('in pieces', TOGETHER, () => {
    test('a byte at a time', async () => {
      const raw = await connectRaw(ngx);
      const bytes = Buffer.concat([
        text(publish('one')), frame(PING, 'between'),
        text(publish('two', 'x'.repeat(200)))
      ]);

      for (const byte of bytes) {
        await raw.write([byte]);
      }

      const got = await raw.flush(3);
      assert.deepEqual(got.map((f) => f.json?.requestId ?? String(f.payload)),
        ['one', 'between', 'two']);
      await raw.destroy();
    });

    test('many frames in one piece', () => {
      const ids = Array.from({ length: 200 }, (_, i) => `m${i}`);

      return acked(ids, ...ids.map((id) => text(publish(id))));
    });

    test('frames glued to the request', async () => {
      const raw = await connectRaw(ngx, {
        glued: [text(publish('a')), text(publish('b')),
                text(publish('c')).subarray(0, 9)]
      });

      assert.equal(raw.all[0].json.type, 'welcome');
      for (const requestId of ['a', 'b']) {
        assert.equal((await raw.message('ack')).requestId, requestId);
      }
      await raw.destroy();
    });

    test('half a frame glued to the request', async () => {
      const whole = text(publish('half'), { mask: Buffer.from('mask') });
      const raw = await connectRaw(ngx,
        { glued: [whole.subarray(0, 11)] });

      await raw.write(whole.subarray(11));
      assert.equal((await raw.message('ack')).requestId, 'half');
      await raw.destroy();
    });

    test('frames glued to a request that is refused', async () => {
      const raw = await exchange(ngx,
        { path: '/v1?key=nothing', glued: [text(publish('x'))] });

      assert.equal((await raw.close()).code, 4001);
      await raw.write(text(publish('y')), frame(CLOSE, closing(4001)));
      await raw.ended;
      assert.equal(raw.all.length, 1);
      await raw.destroy();
    });

    for (const length of [0, 1, 124, 125, 126, 127, 65535, 65536]) {
      test(`a payload of ${length} bytes`, async () => {
        const raw = await connectRaw(ngx);
        const empty = JSON.stringify({ ...publish('n'), x: '' });
        const whole = length < empty.length ? ' '.repeat(length)
          : JSON.stringify(
            { ...publish('n'), x: 'x'.repeat(length - empty.length) });

        await raw.write(text(whole));
        assert.equal((await raw.next(TEXT)).json.type,
          length < empty.length ? 'error' : 'ack');
        await raw.destroy();
      });
    }

    for (const length of [124, 125, 126, 127, 65534, 65535, 65536, 65537]) {
      test(`a server frame of ${length} bytes`, async () => {
        const raw = await connectRaw(ngx);
        const bare = JSON.stringify(
          { type: 'direct', from: raw.peerId, data: '' }).length;

        await raw.write(text({ type: 'send', to: raw.peerId,
                               data: 'd'.repeat(length - bare) }));
        assert.equal((await raw.next(TEXT)).payload.length, length);
        await raw.destroy();
      });
    }

    test('a mask of zeros', () => acked(['z'],
      text(publish('z'), { mask: Buffer.alloc(4) })));

    test('a binary message', () => acked(['b'],
      frame(BINARY, JSON.stringify(publish('b')))));
  });

  describe('protocol errors', TOGETHER, () => {
    const good = JSON.stringify(publish('bad'));

    test('no mask', () => broken(1002, text(good, { masked: false })));

    for (const opcode of [CLOSE, PING, PONG]) {
      test(`a fragmented control frame, opcode ${opcode}`,
        () => broken(1002, frame(opcode, '', KEEP)));
      test(`a control frame of 126 bytes, opcode ${opcode}`,
        () => broken(1002, frame(opcode, 'x'.repeat(126))));
    }

    for (const [length, size] of [[0, 2], [125, 2], [100, 8], [65535, 8]]) {
      test(`a length of ${length} in ${size} bytes`, () => broken(1002,
        text('x'.repeat(length), { size })));
    }

    test('a length of 2^63', () => broken(1002,
      frame(TEXT, good, { length: 1n << 63n, size: 8 })));

    for (const length of [69633n, 1n << 32n, (1n << 63n) - 1n]) {
      test(`a length of ${length} is not waited for`, () => broken(1009,
        frame(TEXT, '', { length })));
    }
  });

  describe('limits of a message', TOGETHER, () => {
    const padded = (length, requestId) => {
      const json = JSON.stringify(publish(requestId));
      return json + ' '.repeat(length - json.length);
    };

    test('69632 bytes pass', () => acked(['max'],
      text(padded(69632, 'max'))));

    test('69633 bytes do not', () => broken(1009,
      text(padded(69633, 'max'))));

    test('69632 bytes in fragments pass', () => {
      const bytes = Buffer.from(padded(69632, 'max'));

      return acked(['max'], frame(TEXT, bytes.subarray(0, 40000), KEEP),
        frame(CONTINUATION, bytes.subarray(40000)));
    });

    test('69633 bytes in fragments do not', () => {
      const bytes = Buffer.from(padded(69633, 'max'));

      return broken(1009, frame(TEXT, bytes.subarray(0, 40000), KEEP),
        frame(CONTINUATION, bytes.subarray(40000)));
    });
  });

  describe('mistakes that the first byte shows', TOGETHER, () => {
    const begun = frame(TEXT, 'x'.repeat(40000), KEEP);

    for (const [name, code, ...parts] of [
      ['a message inside of a message', 1002, begun, [0x81]],
      ['a continuation of nothing', 1002, [0x80]],
      ['RSV1', 1002, [0xc1]],
      ['no mask', 1002, [0x81, 0x05]],
      ['a fragment with which the message is too long', 1009, begun,
       frame(CONTINUATION, '', { length: 29633n }).subarray(0, 4)],
      ['the same, when the first byte of its length says so', 1009, begun,
       [0x80, 0xfe, 0x80]]
    ]) {
      test(name, async () => {
        const raw = await connectRaw(ngx);

        await raw.write(...parts);
        assert.equal((await raw.close()).code, code);
        await raw.destroy();
      });
    }

    test('and no sooner', () => acked(['f'],
      ...fragments([JSON.stringify(publish('f')), ' '.repeat(60000), ''])));
  });

  describe('closing', TOGETHER, () => {
    test('without a code is answered without one', async () => {
      const raw = await connectRaw(ngx);

      await raw.write(frame(CLOSE));
      assert.equal((await raw.next(CLOSE)).payload.length, 0);
      await raw.ended;
      await raw.destroy();
    });

    test('nothing behind a Close counts', async () => {
      const watcher = await connect(ngx);
      await watcher.join('after');

      const raw = await connectRaw(ngx);
      await raw.write(frame(CLOSE, closing(1000)),
        text({ type: 'subscribe', channel: 'after', requestId: 's' }),
        frame(PING), text({ type: 'send', to: watcher.peerId, data: 1 }));
      await raw.close();
      await raw.ended;
      assert.deepEqual(raw.frames, []);

      const other = await connect(ngx);
      await other.join('after');
      assert.deepEqual((await watcher.next(() => true)).joined,
        [{ peerId: other.peerId }]);
      await watcher.close();
      await other.close();
      await raw.destroy();
    });

    test('a client that does not answer our Close is dropped', async () => {
      const raw = await connectRaw(ngx);

      await raw.write(frame(TEXT, Buffer.from([0xff])));
      assert.equal((await raw.close()).code, 1007);
      await raw.ended;
      await raw.destroy();
    });

    test('a client that answers our Close with another code', async () => {
      const raw = await exchange(ngx, { path: '/v1?key=nothing' });

      assert.equal((await raw.close()).code, 4001);
      await raw.write(frame(CLOSE, closing(1000)));
      await raw.ended;
      assert.deepEqual(raw.frames, []);
      await raw.destroy();
    });
  });

  describe('a member that goes', { concurrency: 1 }, () => {
    let watcher;

    before(async () => {
      watcher = await connect(ngx);
      await watcher.join('leaving');
    });
    after(() => watcher?.close());

    async function member() {
      const raw = await connectRaw(ngx);

      await raw.write(text({ type: 'subscribe', channel: 'leaving' }));
      assert.deepEqual((await watcher.next('presence')).joined,
        [{ peerId: raw.peerId }]);

      return raw;
    }

    async function left(raw) {
      assert.deepEqual(await watcher.next('presence'), {
        type: 'presence', channel: 'leaving', joined: [],
        left: [{ peerId: raw.peerId }]
      });
    }

    test('by a Close, while its TCP stays open', async () => {
      const raw = await member();

      await raw.write(frame(CLOSE, closing(1000)));
      await left(raw);
      await raw.destroy();
    });

    test('by a FIN', async () => {
      const raw = await member();

      raw.socket.end();
      await left(raw);
      await raw.ended;
      await raw.destroy();
    });

    test('by a RST', async () => {
      const raw = await member();

      raw.reset();
      await left(raw);
    });

    test('by a mistake', async () => {
      const raw = await member();

      await raw.write(frame(3));
      await left(raw);
      await raw.destroy();
    });

    test('in the middle of a frame', async () => {
      const raw = await member();

      await raw.write(text(publish('x')).subarray(0, 20));
      raw.socket.end();
      await left(raw);
      await raw.destroy();
    });

    test('in the middle of a message', async () => {
      const raw = await member();

      await raw.write(frame(TEXT, '{"type":', KEEP));
      raw.socket.end();
      await left(raw);
      await raw.destroy();
    });
  });
});

// 400 of the longest frames would be 27 MB; nobody else is there meanwhile

test('memory is taken for what has come, not for what is said', async () => {
  const ngx = await startSite();
  const crowd = await Promise.all(Array.from({ length: 400 },
    () => connectRaw(ngx)));
  const before = ngx.held();

  for (const raw of crowd) {
    await raw.write(frame(PING),
      frame(TEXT, 'x'.repeat(200), { length: 69632n }));
    await raw.next(PONG);
  }

  assert.ok(ngx.held() - before < 2048);
  await Promise.all(crowd.map((raw) => raw.destroy()));
  await ngx.finish();
});
