// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 6 and 7: sizes, counts, rates, slow readers and silent
// clients.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { CLOSE, connectRaw, frame, PING, PONG, text } from './raw.mjs';
import {
  connect, connectApart, startSite, waitFor
} from './signaling.mjs';

const SERVER = `
  location = /small  { signaling calls; signaling_max_message 1k; }
  location = /two    { signaling calls; signaling_max_channels 2; }
  location = /bucket { signaling calls; signaling_rate 1r/m burst=5; }
  location = /refill { signaling calls; signaling_rate 10r/s burst=2; }
  location = /off    { signaling calls; signaling_rate off; }
  location = /slow   { signaling calls; signaling_rate off;
                       signaling_max_message 16k;
                       signaling_send_buffer 64k; }
  location = /ping   { signaling calls; signaling_rate off;
                       signaling_ping 300ms grace=1h; }
  location = /dead   { signaling calls; signaling_ping 300ms grace=300ms; }
  location = /half   { signaling calls; signaling_ping 300ms grace=1500ms; }
`;

const LONG = 'c'.repeat(256);

const path = (name) => ({ path: `/${name}?key=pk_live_all` });

describe('limits', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({ server: SERVER, listen: 'reuseport sndbuf=64k' });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  describe('the size of data', () => {
    for (const channel of [LONG, '"'.repeat(256), '\u20ac'.repeat(256),
      '\u0020'.repeat(256)]) {
      const name = JSON.stringify(channel).slice(0, 6);

      test(`65536 bytes pass in a room of 256 times ${name}`, async () => {
        const [a, b] = await connectApart(ngx, 2);
        const data = 'd'.repeat(65534);

        await b.join(channel);
        await a.ok({ type: 'publish', channel, data });
        assert.deepEqual(await b.next('message'),
          { type: 'message', channel, from: a.peerId, data });
        await a.ok({ type: 'send', to: b.peerId, data });
        assert.equal((await b.next('direct')).data, data);
      });
    }

    for (const message of [
      { type: 'publish', channel: 'x' }, { type: 'send', to: 'x' }
    ]) {
      test(`65537 bytes of a ${message.type} do not`, async () => {
        const client = await connect(ngx);

        client.send({ ...message, data: 'd'.repeat(65535), requestId: 'r' });
        assert.equal((await client.closed).code, 1009);
        assert.deepEqual(client.frames, []);
      });
    }

    test('white space around it does not count', async () => {
      const client = await connect(ngx);
      const data = `"${'d'.repeat(65534)}"`;

      client.send('{"type":"publish","channel":"x","requestId":"w","data":' +
        `${' '.repeat(900)}${data}${'\n'.repeat(900)}}`);
      assert.equal((await client.next(() => true)).requestId, 'w');
    });

    test('white space within it does', async () => {
      const client = await connect(ngx);

      client.send('{"type":"publish","channel":"x","requestId":"w","data":' +
        `[${' '.repeat(65535)}]}`);
      assert.equal((await client.closed).code, 1009);
    });

    test('escapes count as they are sent', async () => {
      const client = await connect(ngx);

      client.send('{"type":"publish","channel":"x","requestId":"w","data":"' +
        `${'\\u0041'.repeat(10922)}ab"}`);
      assert.equal((await client.next(() => true)).requestId, 'w');
      client.send('{"type":"publish","channel":"x","requestId":"w","data":"' +
        `${'\\u0041'.repeat(10922)}abc"}`);
      assert.equal((await client.closed).code, 1009);
    });

    test('it is checked with the field, before rights and names',
      async () => {
        const client = await connect(ngx);
        const data = 'd'.repeat(65535);

        await client.fails({ type: 'publish', channel: '', data },
          'invalid_channel');
        client.send({ type: 'publish', channel: '_system/', data });
        assert.equal((await client.closed).code, 1009);
      });

    test('other members may be as long as the frame may', async () => {
      const client = await connect(ngx);

      await client.fails({ type: 'nothing', data: 'd'.repeat(69000) },
        'unknown_type');
    });

    test('of signaling_max_message', async () => {
      const client = await connect(ngx, { path: '/small' });
      const publish = (n) => ({
        type: 'publish', channel: 'x', data: 'd'.repeat(n - 2)
      });

      assert.equal(client.welcome.maxMessageSize, 1024);
      await client.ok(publish(1024));
      client.send(publish(1025));
      assert.equal((await client.closed).code, 1009);
    });

    test('of signaling_max_message, and the frame around it', async () => {
      const pad = (n) => {
        const json = '{"type":"unsubscribe","channel":"x","requestId":"r"}';
        return json + ' '.repeat(n - json.length);
      };
      const client = await connect(ngx, { path: '/small' });

      client.send(pad(1024 + 4096));
      assert.equal((await client.next('ack')).requestId, 'r');
      client.send(pad(1024 + 4097));
      assert.equal((await client.closed).code, 1009);
    });
  });

  describe('rooms of a connection', () => {
    const subscribe = (channel) => ({ type: 'subscribe', channel });

    test('the 101st is one too many', async () => {
      const client = await connect(ngx);

      for (let i = 0; i < 100; i++) {
        await client.ok(subscribe(`room-${i}`));
      }
      await client.fails(subscribe('room-100'), 'channel_limit_exceeded');
      await client.fails(subscribe('room-100'), 'channel_limit_exceeded');

      // those that it has do not count again
      await client.join('room-0');
      await client.join('room-99');
      await client.fails(subscribe('room-100'), 'channel_limit_exceeded');

      await client.ok({ type: 'unsubscribe', channel: 'room-50' });
      await client.join('room-100');
      await client.fails(subscribe('room-50'), 'channel_limit_exceeded');
      assert.equal((await ngx.status()).channels, 100);
    });

    test('of signaling_max_channels', async () => {
      const client = await connect(ngx, { path: '/two' });

      await client.join('a');
      await client.join('b');
      await client.fails(subscribe('c'), 'channel_limit_exceeded');
      await client.ok({ type: 'publish', channel: 'c', data: 1 });
      await client.close();
    });
  });

  describe('the rate', () => {
    test('a burst passes, one more message closes with 4011', async () => {
      const client = await connect(ngx, { path: '/bucket' });

      for (let i = 0; i < 5; i++) {
        await client.settled();
      }
      client.send({ type: 'ping' });
      assert.equal((await client.closed).code, 4011);
      assert.deepEqual(client.frames, []);
    });

    test('messages that are wrong count too', async () => {
      const client = await connect(ngx, { path: '/bucket' });

      for (const message of ['{', 'x', '[]', { type: 'nothing' },
        Buffer.from('x')]) {
        client.send(message);
        await client.next('error');
      }
      client.send('{');
      assert.equal((await client.closed).code, 4011);
    });

    test('a message in fragments counts once', async () => {
      const raw = await connectRaw(ngx, path('bucket'));

      for (let i = 0; i < 5; i++) {
        await raw.write(frame(1, '{"type":', { bits: 0 }),
          ...Array.from({ length: 9 }, () => frame(0, ' ', { bits: 0 })),
          frame(0, '"ping"}'));
        await raw.message('pong');
      }
      await raw.write(frame(1, '{', { bits: 0 }));
      assert.equal((await raw.close()).code, 4011);
    });

    test('members learn at once that one was closed', async () => {
      const [watcher] = await connectApart(ngx, 1);
      const client = await connect(ngx, { path: '/bucket' });

      await watcher.join('fast');
      await client.join('fast');
      await watcher.next('presence');
      for (let i = 0; i < 5; i++) {
        client.send({ type: 'ping' });
      }
      assert.deepEqual((await watcher.next('presence')).left,
        [{ peerId: client.peerId }]);
      assert.equal((await client.closed).code, 4011);
    });

    test('tokens come back with time', async () => {
      const client = await connect(ngx, { path: '/refill' });

      // 100 ms are one token, and there is room for two

      for (let i = 0; i < 8; i++) {
        await client.settled();
        await delay(110);
      }
      await client.settled();
      client.send({ type: 'ping' });
      client.send({ type: 'ping' });
      client.send({ type: 'ping' });
      assert.equal((await client.closed).code, 4011);
    });

    test('off is off', async () => {
      const raw = await connectRaw(ngx, path('off'));
      const pings = Array.from({ length: 5000 },
        () => text({ type: 'ping' }));

      await raw.write(...pings);
      assert.equal((await raw.flush(5000)).every((f) =>
        f.json?.type === 'pong'), true);
    });

    test('the default is a burst of 1000', async () => {
      const raw = await connectRaw(ngx);
      const pings = Array.from({ length: 20000 },
        () => text({ type: 'ping' }));

      raw.write(...pings);
      assert.equal((await raw.close()).code, 4011);

      const pongs = raw.frames.splice(0);
      assert.ok(pongs.length >= 1000, `${pongs.length}`);
      assert.ok(pongs.every((f) => f.json?.type === 'pong'));
    });
  });

  describe('a slow reader', () => {
    test('is closed with 1008 and harms nobody', async () => {
      // only the victim has little room, since those beside it may stall too

      const [sender, reader] = await connectApart(ngx, 2);
      const victim = await connectRaw(ngx, path('slow'));
      const data = 'x'.repeat(16000);
      let sent = 0;

      await sender.join('flood');
      await reader.join('flood');
      await victim.write(text({ type: 'subscribe', channel: 'flood' }));
      await victim.message('presence');

      victim.socket.pause();

      const announced = Promise.all([sender, reader].map((client) =>
        client.next((f) => f.left?.[0]?.peerId === victim.peerId)));
      let gone = false;
      announced.then(() => { gone = true; });

      while (!gone) {
        await sender.ok({ type: 'publish', channel: 'flood',
                          data: [sent++, data] });
        assert.ok(sent < 20000, 'the victim is not closed');
      }
      await announced;

      // the others have got all of it

      for (let i = 0; i < sent; i++) {
        assert.equal((await reader.next('message')).data[0], i);
      }

      // what had been written before is whole, then comes the Close

      victim.socket.resume();
      assert.equal((await victim.close()).code, 1008);
      const numbers = victim.frames.filter((f) => f.json?.type === 'message')
        .map((f) => f.json.data[0]);
      assert.deepEqual(numbers, numbers.map((_, i) => i));
      assert.ok(numbers.length < sent);

      await reader.settled();
      await sender.settled();
    });

    test('is closed by directs too', async () => {
      const [sender] = await connectApart(ngx, 1, { path: '/slow' });
      const victim = await connectRaw(ngx, path('slow'));
      const data = 'x'.repeat(16000);
      let reply;
      let n = 0;

      victim.socket.pause();

      do {
        reply = await sender.request(
          { type: 'send', to: victim.peerId, data });
        assert.ok(n++ < 20000, 'the victim is not closed');
      } while (reply.type === 'ack');

      assert.equal(reply.code, 'peer_not_found');
      victim.socket.resume();
      assert.equal((await victim.close()).code, 1008);
    });

    test('is closed by its own questions', async () => {
      const victim = await connectRaw(ngx, path('slow'));
      const questions = Buffer.concat(Array.from({ length: 1000 },
        () => text({ type: 'nothing', requestId: 'r'.repeat(128) })));

      victim.socket.pause();
      for (let i = 0; i < 100; i++) {
        victim.write(questions);
      }
      await waitFor(() => /closed with 1008: slow consumer/
        .test(ngx.errorLog().slice(-4000)), 'close');
      victim.socket.resume();
      assert.equal((await victim.close()).code, 1008);
    });

    test('that never reads again is dropped all the same', async () => {
      const [sender] = await connectApart(ngx, 1, { path: '/slow' });
      const victim = await connectRaw(ngx, path('slow'));
      const data = 'x'.repeat(16000);
      let reply;

      victim.socket.pause();
      do {
        reply = await sender.request(
          { type: 'send', to: victim.peerId, data });
      } while (reply.type === 'ack');

      await sender.close();
      await ngx.empty();
    });
  });

  describe('silence', () => {
    const pings = (n, raw) => waitFor(
      () => raw.all.filter((f) => f.opcode === PING).length >= n,
      `${n} pings`);

    async function watcher() {
      const [client] = await connectApart(ngx, 1, { path: '/off' });

      await client.join('silent');

      return client;
    }

    async function member(raw, by) {
      await raw.write(text({ type: 'subscribe', channel: 'silent' }));
      await raw.message('presence');
      assert.deepEqual((await by.next('presence')).joined,
        [{ peerId: raw.peerId }]);
    }

    test('a client that answers stays', async () => {
      const client = await connect(ngx, { path: '/ping' });
      let count = 0;

      client.ws.on('ping', () => { count++; });
      await waitFor(() => count >= 4, '4 pings');
      await client.settled();
    });

    test('any byte is an answer', async () => {
      const raw = await connectRaw(ngx, path('ping'));

      for (const answer of [text({ type: 'ping' }), text('{'), frame(PING),
        frame(PONG, 'something else')]) {
        await raw.next(PING);
        await raw.write(answer);
      }
      await raw.next(PING);
      await raw.write(frame(PONG));
      await raw.next(PING);
    });

    test('a client that talks is not pinged', async () => {
      const raw = await connectRaw(ngx, path('ping'));
      const start = performance.now();
      let longest = 0;
      let last = start;

      while (performance.now() - start < 1000) {
        await raw.write(text({ type: 'ping' }));
        await raw.message('pong');
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
        await delay(20);
      }
      if (longest < 200) {
        assert.ok(!raw.all.some((f) => f.opcode === PING));
      }
    });

    test('a client that does not pong is dropped and has left', async () => {
      const by = await watcher();
      const raw = await connectRaw(ngx, path('dead'));

      await member(raw, by);
      assert.deepEqual((await by.next('presence')).left,
        [{ peerId: raw.peerId }]);
      await raw.ended;
      assert.equal(raw.all.filter((f) => f.opcode === PING).length, 1);
      assert.ok(!raw.all.some((f) => f.opcode === CLOSE));
    });

    test('a client that reads nothing is dropped', async () => {
      const by = await watcher();
      const raw = await connectRaw(ngx, path('dead'));

      await member(raw, by);
      raw.socket.pause();
      assert.deepEqual((await by.next('presence')).left,
        [{ peerId: raw.peerId }]);
    });

    test('what it is sent does not keep it alive', async () => {
      const by = await watcher();
      const raw = await connectRaw(ngx, path('dead'));

      await member(raw, by);
      for (;;) {
        const reply = await by.request(
          { type: 'send', to: raw.peerId, data: 1 });
        if (reply.type === 'error') {
          assert.equal(reply.code, 'peer_not_found');
          break;
        }
      }
      assert.deepEqual((await by.next('presence')).left,
        [{ peerId: raw.peerId }]);
    });

    test('half a frame keeps it alive no longer', async () => {
      const by = await watcher();
      const raw = await connectRaw(ngx, path('half'));

      await member(raw, by);
      await pings(1, raw);
      await raw.write(text({ type: 'ping' }).subarray(0, 5));
      await pings(2, raw);
      assert.deepEqual((await by.next('presence')).left,
        [{ peerId: raw.peerId }]);
    });

    test('the log says why', () => {
      assert.match(ngx.errorLog(), /signaling client does not answer/);
    });
  });
});
