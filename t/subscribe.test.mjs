// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 3.2, 3.3 and 5.4: entering and leaving a room, the snapshot
// and what comes before and behind it.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import { Agent, WebSocket as UndiciSocket } from 'undici';
import WebSocket from 'ws';

import { connectRaw, text } from './raw.mjs';
import {
  baseUrl, connect, connectApart, KEYS, ORIGIN, startSite
} from './signaling.mjs';

// delays of a snapshot in ms, where they are measured, and by how much the
// coarse clock of nginx may be behind when they begin
const DELAY = 50;
const SHORT = 30;
const BEHIND = 12;

const MORE_KEYS = `
  ${KEYS}
  publishable_key pk_live_unseeing { origins *; channels **;
                                     actions subscribe publish send; }
`;

const SERVER = `
  location = /slow { signaling calls; signaling_snapshot_delay ${DELAY}ms;
                     signaling_rate off; }
  location = /short { signaling calls; signaling_rate off;
                      signaling_snapshot_delay ${SHORT}ms; }
  location = /now  { signaling calls; signaling_snapshot_delay 0; }
  location = /meta { signaling calls;
                     signaling_peer_metadata $http_x_metadata; }
`;

const SLOW = { path: '/slow?key=pk_live_all' };

const subscribe = (channel, requestId) =>
  ({ type: 'subscribe', channel, requestId });
const unsubscribe = (channel, requestId) =>
  ({ type: 'unsubscribe', channel, requestId });

/* what a frame is about, in short */
const brief = ({ json: f }) => f.requestId ??
  `${f.type} ${f.channel ?? f.data ?? ''}`.trim();

describe('rooms', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite(
      { keys: MORE_KEYS, server: SERVER, listen: 'reuseport' });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  describe('the snapshot', () => {
    test('of an empty room is empty, and comes', async () => {
      const client = await connect(ngx);

      client.send(subscribe('empty', 's'));
      assert.deepEqual(await client.next(() => true),
        { type: 'ack', requestId: 's' });
      assert.deepEqual(await client.next(() => true),
        { type: 'presence', channel: 'empty', joined: [], left: [] });
    });

    test('comes without an ack where none was asked for', async () => {
      const client = await connect(ngx);

      client.send({ type: 'subscribe', channel: 'empty' });
      assert.deepEqual(await client.next(() => true),
        { type: 'presence', channel: 'empty', joined: [], left: [] });
    });

    test('names every member but oneself', async () => {
      const clients = await connectApart(ngx, 8);
      const known = [];

      for (const client of clients) {
        const { joined, left } = await client.join('growing');

        assert.deepEqual(left, []);
        assert.deepEqual(joined.map((e) => e.peerId).sort(), known.sort());
        for (const entry of joined) {
          assert.deepEqual(Object.keys(entry), ['peerId']);
        }
        known.push(client.peerId);
      }
    });

    test('has the metadata of those who have any', async () => {
      const metadata = '{"username":"Al\\u0069ce","tags":[1,"\\"",null]}';
      const [watcher, later] = await connectApart(ngx, 2);
      const named = await connect(ngx,
        { path: '/meta', headers: { 'X-Metadata': metadata } });
      const entry = { peerId: named.peerId, metadata: JSON.parse(metadata) };

      await watcher.join('named');
      await named.join('named');
      assert.deepEqual((await watcher.next('presence')).joined, [entry]);

      const { joined } = await later.join('named');
      assert.deepEqual(joined.find((e) => e.metadata), entry);
      assert.equal(joined.length, 2);

      await named.close();
      await watcher.next('presence');
      assert.equal((await watcher.next('presence')).left[0].peerId,
        named.peerId);
    });

    test('is asked for again: others hear nothing', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await a.join('again');
      await b.join('again');
      await a.next('presence');
      for (let i = 0; i < 3; i++) {
        assert.deepEqual((await b.join('again')).joined,
          [{ peerId: a.peerId }]);
      }
      await b.ok({ type: 'send', to: a.peerId, data: 'marker' });
      assert.equal((await a.next(() => true)).data, 'marker');
      assert.equal((await ngx.status()).members, 2);
    });
  });

  describe('behind the ack', () => {
    test('the snapshot is written later, in a segment of its own',
      async () => {
        let apart = 0;

        await (await connectRaw(ngx, SLOW)).write(text(subscribe('seg')));

        for (let i = 0; i < 10; i++) {
          const raw = await connectRaw(ngx, SLOW);
          const sent = performance.now();

          await raw.write(text(subscribe('seg', 's')));
          const [ack, snapshot] = await raw.flush(2);

          assert.equal(ack.json.type, 'ack');
          assert.equal(snapshot.json.type, 'presence');

          assert.ok(snapshot.at - sent >= DELAY - BEHIND,
            `${snapshot.at - sent} ms`);

          // a receiver that was stalled finds both at once; not ten times
          apart += snapshot.chunk > ack.chunk &&
            snapshot.at - ack.at > DELAY / 2;
          await raw.destroy();
        }

        assert.ok(apart > 0, 'no snapshot came apart from its ack');
      });

    test('a delay of 0 is none', async () => {
      const client = await connect(ngx, { path: '/now' });

      assert.deepEqual((await client.join('now')).joined, []);
    });

    test('acks and pongs go ahead, all else waits in order', async () => {
      const raw = await connectRaw(ngx, SLOW);
      const to = raw.peerId;

      await raw.write(
        text(subscribe('wait', 's')),
        text({ type: 'send', to, data: 1, requestId: 'd1' }),
        text({ type: 'ping' }),
        text({ type: 'nothing', requestId: 'e' }),
        text(subscribe('more', 'm')),
        text({ type: 'send', to, data: 2 }),
        text(unsubscribe('other', 'u')));

      assert.deepEqual((await raw.flush(10)).map(brief), [
        's', 'd1', 'pong', 'e', 'm', 'u',
        'presence wait', 'direct 1', 'presence more', 'direct 2'
      ]);
      assert.deepEqual(raw.frames, []);
    });

    test('what others do waits behind it, in order', async () => {
      const [a] = await connectApart(ngx, 1, { path: '/slow' });

      for (const b of await connectApart(ngx, 4, { path: '/slow' })) {
        await a.join('others');
        b.send(subscribe('others', 's'));

        const { joined } = await a.next(
          (f) => f.joined?.[0]?.peerId === b.peerId);

        assert.equal(joined.length, 1);
        a.send({ type: 'publish', channel: 'others', data: 1 });
        a.send({ type: 'send', to: b.peerId, data: 2 });
        a.send(unsubscribe('others'));
        a.send({ type: 'send', to: b.peerId, data: 3 });
        await b.next((f) => f.data === 3);

        const got = b.frames.splice(0);
        assert.deepEqual(got.map((f) => f.type),
          ['ack', 'presence', 'message', 'direct', 'presence']);
        assert.deepEqual(got[1].joined, [{ peerId: a.peerId }]);
        assert.deepEqual(got[4].left, [{ peerId: a.peerId }]);
        await b.close();
      }
    });

    test('100 rooms at once: 100 acks, then 100 snapshots', async () => {
      const raw = await connectRaw(ngx, SLOW);
      const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);

      await raw.write(...names.map((n) => text(subscribe(n, `s ${n}`))));

      assert.deepEqual((await raw.flush(200)).map(brief), [
        ...names.map((n) => `s ${n}`), ...names.map((n) => `presence ${n}`)
      ]);
    });

    test('one who leaves first gets no snapshot', async () => {
      const raw = await connectRaw(ngx, SLOW);
      const to = raw.peerId;

      await raw.write(
        text(subscribe('kept', 's1')),
        text({ type: 'send', to, data: 1 }),
        text(subscribe('left', 's2')),
        text({ type: 'send', to, data: 2 }),
        text(unsubscribe('left', 'u')),
        text({ type: 'send', to, data: 3 }));

      assert.deepEqual((await raw.flush(7)).map(brief), [
        's1', 's2', 'u', 'presence kept', 'direct 1', 'direct 2', 'direct 3'
      ]);

      // also when nothing is held any more but what waited behind it

      await raw.write(
        text(subscribe('left', 's3')),
        text({ type: 'send', to, data: 4 }),
        text(unsubscribe('left', 'u3')));
      assert.deepEqual((await raw.flush(3)).map(brief),
        ['s3', 'u3', 'direct 4']);
    });

    test('one who leaves and comes back gets one', async () => {
      const raw = await connectRaw(ngx, SLOW);

      await raw.write(
        text(subscribe('back', 's1')), text(unsubscribe('back', 'u')),
        text(subscribe('back', 's2')), text({ type: 'send',
          to: raw.peerId, data: 'end' }));

      assert.deepEqual((await raw.flush(5)).map(brief),
        ['s1', 'u', 's2', 'presence back', 'direct end']);
      assert.deepEqual(raw.frames, []);
    });

    test('one who closes first gets its acks and no more', async () => {
      const client = await connect(ngx, { path: '/slow' });

      client.send(subscribe('closing', 's'));
      await client.next('ack');
      await client.close();
      assert.deepEqual(client.frames, []);
    });
  });

  /*
   * As the SDK does it: who has joined learns the name of its room only when
   * the promise of the ack has been resolved, and drops what comes before.
   * Gives 1 when the ack was there before the snapshot was due: then even a
   * stalled client cannot have found both in one segment, and it counts.
   */
  async function newcomer(member, socket) {
    const pending = new Map();
    let room;
    let snapshot;

    const next = (what) => new Promise((resolve) => {
      pending.set(what, resolve);
    });

    socket.addEventListener('message', ({ data }) => {
      const f = JSON.parse(data);

      if (f.type === 'presence' && f.channel === room) {
        snapshot ??= f;
      }
      pending.get(f.type)?.(f);
    });

    const { peerId } = await next('welcome');
    const sent = performance.now();

    socket.send(JSON.stringify(subscribe('occupied', 'join')));
    await next('ack');

    const early = performance.now() - sent < SHORT - BEHIND;

    room = 'occupied';

    // what the member says comes behind the snapshot

    member.send({ type: 'send', to: peerId, data: 'marker' });
    await next('direct');

    const gone = new Promise((resolve) => {
      socket.addEventListener('close', resolve);
    });

    socket.close();
    await gone;

    if (early) {
      assert.ok(snapshot, 'the snapshot is lost');
      assert.ok(snapshot.joined.some((e) => e.peerId === member.peerId));
    }

    return early ? 1 : 0;
  }

  async function everyoneSees(open) {
    const member = await connect(ngx, { path: '/short' });
    let counted = 0;

    await member.join('occupied');

    const lane = async () => {
      for (let i = 0; counted < 150; i++) {
        assert.ok(i < 500, `only ${counted} acks were early`);
        const n = await newcomer(member, open());
        counted += n;
      }
    };

    await Promise.all([lane(), lane(), lane(), lane()]);
  }

  describe('150 joins of an occupied room are seen', () => {
    const url = () => `${baseUrl(ngx)}/short?key=pk_live_all`;

    test('by ws with its defaults', () => everyoneSees(
      () => new WebSocket(url(),
        { origin: ORIGIN, rejectUnauthorized: false })));

    test('by undici', async () => {
      const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });

      await everyoneSees(() => new UndiciSocket(url(), { dispatcher }));
      await dispatcher.close();
    });
  });

  describe('leaving', () => {
    test('is told to those who stay', async () => {
      const [a, b, c] = await connectApart(ngx, 3);

      await a.join('stay');
      await b.join('stay');
      await c.join('stay');
      await b.ok(unsubscribe('stay'));

      for (const client of [a, c]) {
        assert.deepEqual(
          await client.next((f) => f.left?.length), {
            type: 'presence', channel: 'stay', joined: [],
            left: [{ peerId: b.peerId }]
          });
      }

      // and b hears no more of it

      await c.ok({ type: 'publish', channel: 'stay', data: 1 });
      await c.close();
      await a.next((f) => f.left?.[0]?.peerId === c.peerId);
      await a.ok({ type: 'publish', channel: 'stay', data: 2 });
      await a.ok({ type: 'send', to: b.peerId, data: 'marker' });
      b.frames = b.frames.filter((f) => f.type !== 'presence');
      assert.equal((await b.next(() => true)).data, 'marker');
    });

    test('a room that one is not in is acknowledged', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await b.ok(unsubscribe('never'));
      await a.join('never');
      await b.ok(unsubscribe('never'));
      await b.ok({ type: 'send', to: a.peerId, data: 'marker' });
      assert.equal((await a.next(() => true)).data, 'marker');
    });

    test('twice is told once', async () => {
      const [a, b] = await connectApart(ngx, 2);

      await a.join('once');
      await b.join('once');
      await a.next('presence');
      await b.ok(unsubscribe('once'));
      await b.ok(unsubscribe('once'));
      await b.ok({ type: 'send', to: a.peerId, data: 'marker' });
      assert.equal((await a.next('presence')).left.length, 1);
      assert.equal((await a.next(() => true)).data, 'marker');
    });

    test('all rooms by closing', async () => {
      const [a, b] = await connectApart(ngx, 2);
      const rooms = ['r1', 'r2', 'r3'];

      for (const room of rooms) {
        await a.join(room);
        await b.join(room);
        await a.next('presence');
      }
      await b.close();

      const left = [];
      for (const room of rooms) {
        const f = await a.next('presence');
        assert.deepEqual(f.left, [{ peerId: b.peerId }], room);
        left.push(f.channel);
      }
      assert.deepEqual(left.sort(), rooms);
    });
  });

  describe('without the presence permission', () => {
    test('one is seen and does not see', async () => {
      const [seeing] = await connectApart(ngx, 1);
      const [blind] = await connectApart(ngx, 1, { key: 'pk_live_unseeing' });
      const [third] = await connectApart(ngx, 1);

      await seeing.join('q5');
      await blind.ok(subscribe('q5'));
      assert.deepEqual((await seeing.next('presence')).joined,
        [{ peerId: blind.peerId }]);
      await blind.ok(subscribe('q5'));

      assert.deepEqual((await third.join('q5')).joined
        .map((e) => e.peerId).sort(), [seeing.peerId, blind.peerId].sort());
      await third.ok({ type: 'publish', channel: 'q5', data: 1 });
      await third.ok(unsubscribe('q5'));
      await third.ok({ type: 'send', to: blind.peerId, data: 2 });

      assert.equal((await blind.next(() => true)).type, 'message');
      assert.equal((await blind.next(() => true)).type, 'direct');

      await seeing.next('presence');
      await seeing.next('presence');
      await blind.close();
      assert.deepEqual((await seeing.next('presence')).left,
        [{ peerId: blind.peerId }]);
    });
  });
});
