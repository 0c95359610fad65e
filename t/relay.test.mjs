// Copyright (C) The ngx_signaling authors
//
// Messages between clients, docs/protocol.md 3.4, 3.5, 4.5, 4.6, 5.3 and 5.5:
// who gets them, what they carry, and in which order.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import { connectRaw, text } from './raw.mjs';
import { connect, connectApart, KEYS, startSite } from './signaling.mjs';

const MORE_KEYS = `
  ${KEYS}
  publishable_key pk_live_first  { origins *; channels **; app first; }
  publishable_key pk_live_second { origins *; channels **; app second; }
`;

const SERVER = `
  location = /named { signaling calls;
                      signaling_peer_id       $arg_peer;
                      signaling_peer_metadata $http_x_metadata;
                      signaling_rate          off; }
  location = /fast  { signaling calls; signaling_rate off; }
`;

describe('relaying', { timeout: 120000 }, () => {
  let ngx;

  const named = (peer, metadata, key = 'pk_live_all') => connect(ngx, {
    path: '/named',
    query: `key=${key}&peer=${peer}`,
    headers: metadata ? { 'X-Metadata': metadata } : {}
  });

  // a connection to that worker; the others go
  async function connectOn(worker, options) {
    const spare = [];

    for (;;) {
      const client = await connect(ngx, options);

      if (client.worker === worker) {
        await Promise.all(spare.map((other) => other.close()));
        return client;
      }

      spare.push(client);
    }
  }

  const leave = (...clients) =>
    Promise.all(clients.map((client) => client.close()));

  before(async () => {
    ngx = await startSite(
      { keys: MORE_KEYS, server: SERVER, listen: 'reuseport' });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  test('two peers in a room see each other and talk', async () => {
    const a = await connect(ngx);
    assert.deepEqual((await a.join('room')).joined, []);

    const b = await connect(ngx);
    assert.deepEqual((await b.join('room')).joined, [{ peerId: a.peerId }]);
    assert.deepEqual(await a.next('presence'), {
      type: 'presence', channel: 'room', joined: [{ peerId: b.peerId }],
      left: []
    });

    await a.ok({ type: 'send', to: b.peerId, data: { offer: 1 } });
    assert.deepEqual(await b.next('direct'),
      { type: 'direct', from: a.peerId, data: { offer: 1 } });

    await b.ok({ type: 'publish', channel: 'room', data: null });
    assert.deepEqual(await a.next('message'),
      { type: 'message', channel: 'room', from: b.peerId, data: null });
    await b.settled();
    assert.deepEqual(b.frames, []);

    await b.close();
    assert.deepEqual((await a.next('presence')).left,
      [{ peerId: b.peerId }]);
    await a.close();
  });

  describe('publish', () => {
    test('reaches every subscriber but the publisher', async () => {
      const clients = await connectApart(ngx, 6);
      const [publisher, ...others] = clients;

      for (const client of clients) {
        await client.join('fan');
      }

      await publisher.ok({ type: 'publish', channel: 'fan', data: 'all' });
      for (const other of others) {
        assert.deepEqual(await other.next('message'), {
          type: 'message', channel: 'fan', from: publisher.peerId,
          data: 'all'
        });
      }

      // what another one says comes behind anything of one's own
      await others[0].ok({ type: 'publish', channel: 'fan', data: 'last' });
      assert.equal((await publisher.next('message')).data, 'last');

      await leave(...clients);
    });

    test('of somebody who is not in the room', async () => {
      const [inside, outside] = await connectApart(ngx, 2);

      await inside.join('visited');
      await outside.ok({ type: 'publish', channel: 'visited', data: 1 });
      assert.deepEqual(await inside.next('message'), {
        type: 'message', channel: 'visited', from: outside.peerId, data: 1
      });
      await leave(inside, outside);
    });

    test('of somebody who is not in the room, in its worker too',
      async () => {
        const inside = await connectApart(ngx, 4);
        const outside = await connectApart(ngx, 4);

        for (const client of inside) {
          await client.join('visited');
        }
        for (const [i, client] of outside.entries()) {
          await client.ok({ type: 'publish', channel: 'visited', data: i });
          for (const receiver of inside) {
            assert.equal((await receiver.next('message')).data, i);
          }
        }
        await leave(...inside, ...outside);
      });

    test('without subscribers is no error', async () => {
      const client = await connect(ngx);

      await client.ok({ type: 'publish', channel: 'empty', data: 1 });
      await client.join('empty');
      await client.ok({ type: 'publish', channel: 'empty', data: 1 });
      await client.settled();
      assert.deepEqual(client.frames, []);
      await client.close();
    });

    test('is not kept for those who come later', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await a.join('history');
      await a.ok({ type: 'publish', channel: 'history', data: 'before' });
      await b.join('history');
      await a.ok({ type: 'publish', channel: 'history', data: 'after' });
      assert.equal((await b.next('message')).data, 'after');
      await leave(a, b);
    });

    test('goes to exactly the channel that is named', async () => {
      const [a, b] = await connectApart(ngx, 2);

      for (const channel of ['name', 'Name', 'name/', 'nam', '*', '**',
        'n\u00e4me', 'na\u0308me', 'n"\\me']) {
        await a.join(channel);
        await b.ok({ type: 'publish', channel, data: channel });
        assert.deepEqual(await a.next('message'),
          { type: 'message', channel, from: b.peerId, data: channel });
      }
      assert.equal(a.frames.filter((f) => f.type === 'message').length, 0);
      await leave(a, b);
    });

    test('carries metadata where it was asked for', async () => {
      const metadata = '{"username": "Al\\u0069ce", "n":1.0}';
      const [wants, wantsNot, wantsOddly] = await connectApart(ngx, 3);
      const publisher = await named('publisher', metadata);
      const plain = await connect(ngx);

      await wants.join('meta', { includeSenderMetadata: true });
      await wantsNot.join('meta');
      await wantsOddly.join('meta', { includeSenderMetadata: 'true' });

      const bare = {
        type: 'message', channel: 'meta', from: 'publisher', data: 1
      };
      const full = { ...bare, fromMetadata: { username: 'Alice', n: 1 } };

      await publisher.ok({ type: 'publish', channel: 'meta', data: 1 });
      assert.deepEqual(await wants.next('message'), full);
      assert.deepEqual(await wantsNot.next('message'), bare);
      assert.deepEqual(await wantsOddly.next('message'), bare);

      // the last subscribe counts

      await wants.join('meta');
      await wantsNot.join('meta', { includeSenderMetadata: true });
      await publisher.ok({ type: 'publish', channel: 'meta', data: 1 });
      assert.deepEqual(await wants.next('message'), bare);
      assert.deepEqual(await wantsNot.next('message'), full);

      // nobody has metadata who was given none

      await plain.ok({ type: 'publish', channel: 'meta', data: 2 });
      assert.deepEqual(await wantsNot.next('message'),
        { ...bare, from: plain.peerId, data: 2 });

      await leave(wants, wantsNot, wantsOddly, publisher, plain);
    });
  });

  describe('send', () => {
    test('reaches a peer that shares no channel', async () => {
      for (const to of await connectApart(ngx, 4)) {
        const from = await connect(ngx);

        await from.ok({ type: 'send', to: to.peerId, data: ['x'] });
        assert.deepEqual(await to.next('direct'),
          { type: 'direct', from: from.peerId, data: ['x'] });
        assert.equal(to.all.length, 2);
        await leave(from, to);
      }
    });

    test('reaches oneself', async () => {
      const client = await connect(ngx);

      await client.ok({ type: 'send', to: client.peerId, data: 1 });
      assert.deepEqual(await client.next('direct'),
        { type: 'direct', from: client.peerId, data: 1 });
      await client.close();
    });

    test('always carries metadata', async () => {
      const [to] = await connectApart(ngx, 1);
      const from = await named('sender', '{"a":[1,{"b":null}]}');

      await from.ok({ type: 'send', to: to.peerId, data: 1 });
      assert.deepEqual(await to.next('direct'), {
        type: 'direct', from: 'sender', data: 1,
        fromMetadata: { a: [1, { b: null }] }
      });
      await leave(from, to);
    });

    test('to nobody is peer_not_found', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await a.fails({ type: 'send', to: 'nobody', data: 1 },
        'peer_not_found');
      await a.fails({ type: 'send', to: b.peerId.toUpperCase(), data: 1 },
        'peer_not_found');
      await a.fails({ type: 'send', to: `${b.peerId} `, data: 1 },
        'peer_not_found');
      await b.close();

      // the server has gone through with it once its Close is here
      await a.fails({ type: 'send', to: b.peerId, data: 1 },
        'peer_not_found');
      await a.close();
    });

    test('to a peer that has just gone', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await a.join('gone');
      await b.join('gone');
      assert.equal((await a.next('presence')).joined.length, 1);

      // the second time, its worker knows where b is

      for (let n = 0; n < 3; n++) {
        await a.ok({ type: 'send', to: b.peerId, data: n });
        assert.equal((await b.next('direct')).data, n);
      }

      b.ws.terminate();
      assert.equal((await a.next('presence')).left.length, 1);

      // who is announced as left cannot be reached
      await a.fails({ type: 'send', to: b.peerId, data: 1 },
        'peer_not_found');
      await a.close();
    });

    test('to a peer that was found for another app', async () => {
      const [from, to] = await connectApart(ngx, 2, { key: 'pk_live_second' });
      const stranger = await connectOn(from.worker, { key: 'pk_live_first' });

      for (let n = 0; n < 2; n++) {
        await from.ok({ type: 'send', to: to.peerId, data: n });
        await stranger.fails({ type: 'send', to: to.peerId, data: n },
          'peer_not_found');
        assert.equal((await to.next('direct')).data, n);
      }

      await to.settled();
      assert.equal(to.frames.length, 0);
      await leave(from, to, stranger);
    });

    test('to a peer that was closed and does not answer', async () => {
      const clients = await connectApart(ngx, 4);
      const raw = await connectRaw(ngx);

      await raw.write(Buffer.from([0xff]));
      assert.equal((await raw.close()).code, 1002);
      for (const client of clients) {
        await client.fails({ type: 'send', to: raw.peerId, data: 1 },
          'peer_not_found');
      }
      await raw.destroy();
    });
  });

  describe('apps', () => {
    test('never see each other', async () => {
      const first = await named('same', null, 'pk_live_first');
      const second = await named('same', null, 'pk_live_second');
      const other = await named('other', null, 'pk_live_second');

      assert.deepEqual((await first.join('same')).joined, []);
      assert.deepEqual((await second.join('same')).joined, []);
      assert.deepEqual((await other.join('same')).joined,
        [{ peerId: 'same' }]);
      assert.deepEqual((await second.next('presence')).joined,
        [{ peerId: 'other' }]);

      await first.fails({ type: 'send', to: 'other', data: 1 },
        'peer_not_found');
      await first.ok({ type: 'publish', channel: 'same', data: 'first' });
      await first.ok({ type: 'send', to: 'same', data: 'to myself' });
      await other.ok({ type: 'publish', channel: 'same', data: 'other' });
      await other.ok({ type: 'send', to: 'same', data: 'to second' });

      assert.equal((await second.next('message')).data, 'other');
      assert.equal((await second.next('direct')).data, 'to second');
      assert.equal((await first.next('direct')).data, 'to myself');

      await first.close();
      await other.close();
      assert.deepEqual((await second.next('presence')).left,
        [{ peerId: 'other' }]);
      await first.closed;
      await second.settled();
      assert.deepEqual(first.frames, []);
      assert.deepEqual(second.frames, []);
      await second.close();
    });
  });

  describe('data', () => {
    const values = [
      'null', 'false', '0', '""', '[]', '{}', '-0', '1.0', '1e2', '1E+02',
      '0.1000', '123456789012345678901234567890', '1e400',
      '{"b":1,"a":2,"b":3}', '"\\u0041\\/\\n"', '"\\ud800"', '"\\udc00 x"',
      '"\u20ac \u{1f600} \u007f \u2028"', '[ 1 ,\t2\r\n]', '"</script>"',
      '{"type":"ack","requestId":"x"}', '{"":""}', '"\\u0000"'
    ];

    test('arrives as the bytes that were sent', async () => {
      const from = await connectRaw(ngx);
      const to = await connectRaw(ngx);

      await to.write(text(
        { type: 'subscribe', channel: 'bytes', requestId: 's' }));
      await to.message('ack');
      await to.message('presence');

      for (const value of values) {
        await from.write(
          text(`{"type":"publish","channel":"bytes","data": ${value} }`),
          text(`{"data":${value},"type":"send","to":"${to.peerId}"}`));

        assert.equal(String((await to.next(1)).payload),
          `{"type":"message","channel":"bytes","from":"${from.peerId}",` +
          `"data":${value}}`);
        assert.equal(String((await to.next(1)).payload),
          `{"type":"direct","from":"${from.peerId}","data":${value}}`);
      }
      await from.destroy();
      await to.destroy();
    });
  });

  describe('order', () => {
    const MANY = 1000;

    test(`of ${MANY} sends, between all workers at once`, async () => {
      const clients = await connectApart(ngx, 4, { path: '/fast' });

      for (const client of clients) {
        for (let n = 0; n < MANY; n++) {
          for (const to of clients) {
            if (to !== client) {
              client.send({ type: 'send', to: to.peerId, data: n });
            }
          }
        }
      }

      for (const to of clients) {
        const next = new Map(clients.map(({ peerId }) => [peerId, 0]));

        next.delete(to.peerId);
        for (let i = 0; i < MANY * next.size; i++) {
          const { from, data } = await to.next('direct');
          assert.equal(data, next.get(from));
          next.set(from, data + 1);
        }
        assert.deepEqual([...next.values()], [...next].map(() => MANY));
        assert.deepEqual(to.frames, []);
      }
      await leave(...clients);
    });

    test('of messages, directs and presence of one peer', async () => {
      const [a, b] = await connectApart(ngx, 2, { path: '/fast' });

      await a.join('mixed');

      for (let n = 0; n < 50; n++) {
        b.send({ type: 'send', to: a.peerId, data: 4 * n });
        b.send({ type: 'subscribe', channel: 'mixed' });
        b.send({ type: 'publish', channel: 'mixed', data: 4 * n + 2 });
        b.send({ type: 'unsubscribe', channel: 'mixed' });
      }
      b.send({ type: 'send', to: a.peerId, data: 'end' });
      await a.next((f) => f.data === 'end');

      const got = a.frames.splice(0);
      assert.equal(got.length, 200);
      for (let n = 0; n < 50; n++) {
        const [direct, joined, message, left] = got.slice(4 * n);

        assert.deepEqual([direct.type, direct.data], ['direct', 4 * n]);
        assert.deepEqual(joined.joined, [{ peerId: b.peerId }]);
        assert.deepEqual(joined.left, []);
        assert.deepEqual([message.type, message.data],
          ['message', 4 * n + 2]);
        assert.deepEqual(left.left, [{ peerId: b.peerId }]);
        assert.deepEqual(left.joined, []);
      }
      await leave(a, b);
    });

    test('of messages that fill the rings', async () => {
      const [a, b] = await connectApart(ngx, 2, { path: '/fast' });
      const data = 'x'.repeat(20000);

      await b.join('full');
      for (let n = 0; n < 300; n++) {
        a.send({ type: 'publish', channel: 'full', data: [n, data] });
        a.send({ type: 'send', to: b.peerId, data: [n, ''] });
      }
      for (let n = 0; n < 300; n++) {
        const message = await b.next(() => true);
        const direct = await b.next(() => true);

        assert.deepEqual([message.type, direct.type], ['message', 'direct']);
        assert.equal(message.data[0], n);
        assert.equal(message.data[1], data);
        assert.equal(direct.data[0], n);
      }
      await leave(a, b);
    });
  });
});
