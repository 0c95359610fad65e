// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 5.4.3: what holds whoever does what on whichever worker,
// with many clients that do not wait for each other.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import { freeze } from './processes.mjs';
import { connect, connectApart, startSite, waitFor } from './signaling.mjs';

const SERVER = `
  location = /fast  { signaling calls; signaling_rate off; }
  location = /named { signaling calls; signaling_rate off;
                      signaling_peer_id       $arg_peer;
                      signaling_peer_metadata $http_x_metadata; }
`;

/* the same numbers for the same seed, for a failure that can be repeated */
function dice(seed) {
  let s = seed >>> 0;

  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor(s / 4294967296 * n);
  };
}

/*
 * What a client may conclude from its frames alone, checked frame by frame.
 * views: channel -> Map of the peers in it, by their metadata.
 */
class Observer {
  constructor(client) {
    this.client = client;
    this.views = new Map();
    this.asked = new Map();         // requestId -> [type, channel]
    this.unanswered = 0;
    this.fresh = new Set();         // acked, the snapshot has not come
    this.counters = new Map();      // sender -> its last number
    this.ends = new Set();          // senders who are through
    this.numbers = 0;
    this.changes = 0;

    client.ws.on('message', (text) => this.frame(JSON.parse(text)));
  }

  request(type, channel) {
    const requestId = `${type[0]}${this.asked.size}`;

    this.asked.set(requestId, [type, channel]);
    this.unanswered++;
    this.client.send({ type, channel, requestId });
  }

  frame(f) {
    if (this.failed) {
      return;
    }
    try {
      this.check(f);
    } catch (error) {
      this.failed = error;
    }
  }

  check(f) {
    switch (f.type) {
    case 'ack':
      this.acked(...(this.asked.get(f.requestId) ?? []));
      return;

    case 'presence':
      this.presence(f);
      return;

    case 'message':
      assert.ok(this.views.has(f.channel), 'a message of no room of ours');
      assert.ok(!this.fresh.has(f.channel), 'a message before the snapshot');
      this.number(f.from, f.data);
      return;

    case 'direct':
      if (f.data === 'end') {
        assert.ok(!this.ends.has(f.from));
        this.ends.add(f.from);
        return;
      }
      if (typeof f.data === 'number') {
        this.number(f.from, f.data);
      }
      return;

    case 'error':
      assert.fail(JSON.stringify(f));
    }
  }

  acked(type, channel) {
    this.unanswered -= type ? 1 : 0;

    if (type === 'subscribe') {
      this.fresh.add(channel);
      if (!this.views.has(channel)) {
        this.views.set(channel, new Map());
      }
    } else if (type === 'unsubscribe') {
      this.views.delete(channel);
      this.fresh.delete(channel);
    }
  }

  presence({ channel, joined, left }) {
    const view = this.views.get(channel);

    assert.ok(view, 'presence of no room of ours');

    if (this.fresh.delete(channel)) {
      assert.deepEqual(left, [], 'a snapshot has nobody in "left"');
      view.clear();
    } else {
      const named = [...joined, ...left].map(({ peerId }) => peerId);

      assert.notEqual(named.length, 0, 'a delta names somebody');
      assert.equal(new Set(named).size, named.length, 'and nobody twice');
      this.changes += named.length;
    }

    for (const { peerId, metadata } of joined) {
      assert.notEqual(peerId, this.client.peerId, 'not oneself');
      if (this.unique) {
        assert.ok(!view.has(peerId), 'nobody joins twice');
      }
      view.set(peerId, JSON.stringify(metadata));
    }
    for (const { peerId } of left) {
      assert.notEqual(peerId, this.client.peerId, 'not oneself');
      if (this.unique) {
        assert.ok(view.has(peerId), 'only who is there leaves');
      }
      view.delete(peerId);
    }
  }

  /* a sender numbers all it says to anybody, so the numbers only grow */
  number(from, data) {
    this.numbers++;
    assert.ok(data > (this.counters.get(from) ?? -1), 'in order');
    this.counters.set(from, data);
  }

  /*
   * Asking for a room that one is in already gives a second snapshot.  It
   * could not be told from a delta if the first were still on its way, or
   * anything about the room that waits behind another snapshot.
   */
  mayAskAgain() {
    return this.unanswered === 0 && this.fresh.size === 0;
  }

  sorted(channel) {
    return [...this.views.get(channel)]
      .sort(([a], [b]) => a < b ? -1 : 1);
  }
}

/*
 * Everyone tells everyone that it is through; behind that nothing comes.  With
 * one worker it is enough that one does, after all that was sent was handled.
 */
async function settle(observers, tellers = observers) {
  const everyone = new Set(observers.map((o) => o.client.peerId));
  const names = new Set(tellers.map((o) => o.client.peerId));

  await Promise.all(observers.map(({ client }) => client.settled()));

  for (const { client } of tellers) {
    for (const to of everyone) {
      client.send({ type: 'send', to, data: 'end' });
    }
  }
  await Promise.all(observers.map(async (o) => {
    for (const from of names) {
      await o.client.next((f) => f.type === 'direct' && f.data === 'end' &&
        f.from === from);
    }
    await o.client.settled();
  }));
  for (const o of observers) {
    if (o.failed) {
      throw o.failed;
    }
  }
}

/* joins, leaves, publishes and sends, in any order, and who is where then */
async function atRandom(ngx, { seed, count, channels, steps, tellers }) {
  const random = dice(seed);
  const clients = await connectApart(ngx, count, { path: '/fast' });
  const observers = clients.map((client) =>
    Object.assign(new Observer(client), { unique: true }));
  const truth = new Map(channels.map((name) => [name, new Set()]));

  for (let step = 0; step < steps; step++) {
    const o = observers[random(observers.length)];
    const { client } = o;
    const channel = channels[random(channels.length)];

    switch (random(6)) {
    case 0:
    case 1:
      if (!truth.get(channel).has(client.peerId) ||
          o.mayAskAgain()) {
        o.request('subscribe', channel);
        truth.get(channel).add(client.peerId);
      }
      break;
    case 2:
      o.request('unsubscribe', channel);
      truth.get(channel).delete(client.peerId);
      break;
    case 3:
    case 4:
      client.send({ type: 'publish', channel, data: step });
      break;
    default:
      client.send({ type: 'send', data: step,
                    to: clients[random(clients.length)].peerId });
    }

    // now and then the event loop turns, and frames cross on their way

    if (random(20) === 0) {
      await new Promise(setImmediate);
    }
  }

  await settle(observers, observers.slice(0, tellers));

  for (const o of observers) {
    for (const channel of channels) {
      const members = truth.get(channel);

      assert.equal(o.views.has(channel), members.has(o.client.peerId));
      if (o.views.has(channel)) {
        assert.deepEqual(o.sorted(channel).map(([id]) => id),
          [...members].filter((id) => id !== o.client.peerId).sort());
      }
    }
  }
  assert.ok(observers.some((o) => o.numbers > 0));
  await Promise.all(clients.map((client) => client.close()));
}

describe('guarantees', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({ server: SERVER, listen: 'reuseport' });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  for (const seed of [1, 2, 3]) {
    test(`20 clients at random, seed ${seed}`, () => atRandom(ngx,
      { seed, count: 20, channels: ['one', 'two', 'three'], steps: 1500 }));
  }

  /*
   * Of a peer that several workers speak of, records may cross.  What they
   * lead to has to be the truth all the same, for everyone.
   */
  test('peers with many connections at random', async () => {
    const random = dice(1);
    const watchers = (await connectApart(ngx, 4, { path: '/fast' }))
      .map((client) => new Observer(client));
    const reader = await connect(ngx, { path: '/fast' });
    const tabs = [];
    const inside = new Set();

    for (const o of watchers) {
      o.request('subscribe', 'tabs');
      await o.client.next('presence');
    }
    for (let i = 0; i < 12; i++) {
      tabs.push(await connect(ngx, {
        path: '/named', query: `key=pk_live_all&peer=p${i % 3}`,
        headers: { 'X-Metadata': `{"tab":${i}}` }
      }));
    }

    // what a worker has said of the peers is here when its marker is

    let markers = 0;

    const heard = () => Promise.all(tabs.map(async (tab) => {
      const data = `marker ${markers++}`;

      for (const { client } of watchers) {
        tab.send({ type: 'send', to: client.peerId, data });
      }
      await Promise.all(watchers.map(({ client }) =>
        client.next((f) => f.data === data)));
    }));

    const views = () => watchers.map((o) => {
      assert.ok(!o.failed, o.failed);
      return o.sorted('tabs').filter(([id]) => id.length === 2);
    });

    for (let round = 0; round < 100; round++) {
      for (let step = 0; step < 15; step++) {
        const i = random(tabs.length);

        if (random(2) === 0) {
          tabs[i].send({ type: 'subscribe', channel: 'tabs' });
          inside.add(i);
        } else {
          tabs[i].send({ type: 'unsubscribe', channel: 'tabs' });
          inside.delete(i);
        }
      }
      await heard();

      const present = [...new Set([...inside].map((i) => `p${i % 3}`))].sort();

      for (const view of views()) {
        assert.deepEqual(view.map(([peerId]) => peerId), present);
      }
    }

    // while nobody leaves, the metadata is that of the latest subscription

    for (let round = 0; round < 50; round++) {
      for (const tab of tabs) {
        tab.send({ type: 'unsubscribe', channel: 'tabs' });
      }
      await heard();
      for (const view of views()) {
        assert.deepEqual(view, []);
      }

      for (const tab of tabs) {
        tab.send({ type: 'subscribe', channel: 'tabs' });
      }
      await heard();

      const { joined } = await reader.join('tabs');
      const latest = joined.filter(({ metadata }) => metadata)
        .map(({ peerId, metadata }) => [peerId, JSON.stringify(metadata)])
        .sort(([x], [y]) => x < y ? -1 : 1);

      assert.equal(latest.length, 3);
      for (const view of views()) {
        assert.deepEqual(view, latest);
      }
      await reader.ok({ type: 'unsubscribe', channel: 'tabs' });
    }

    // all of them go, and nobody is left in any view

    await Promise.all([reader, ...tabs].map((tab) => tab.close()));
    await settle(watchers);
    for (const o of watchers) {
      assert.equal(o.views.get('tabs').size, watchers.length - 1);
    }
  });

  test('50 clients join at the same moment', async () => {
    const clients = await connectApart(ngx, 50, { path: '/fast' });
    const ids = clients.map(({ peerId }) => peerId).sort();

    const learned = clients.map(async (client) => {
      const known = new Map();      // peer -> how often it was reported
      const greeted = new Set();
      let snapshot = false;

      const learn = (peerId) => {
        known.set(peerId, (known.get(peerId) ?? 0) + 1);
        client.send({ type: 'send', to: peerId, data: 'hello' });
      };

      client.send({ type: 'subscribe', channel: 'crowd', requestId: 's' });
      assert.equal((await client.next(() => true)).type, 'ack');

      while (known.size < 49 || greeted.size < 49) {
        const f = await client.next(() => true);

        if (f.type === 'presence') {
          assert.deepEqual(f.left, []);
          assert.ok(!snapshot || f.joined.length);
          snapshot = true;
          f.joined.forEach(({ peerId }) => learn(peerId));

        } else {
          // introduced first, both ways
          assert.equal(f.type, 'direct');
          assert.ok(snapshot, 'the snapshot comes first');
          assert.ok(known.has(f.from), 'who speaks is known');
          assert.ok(!greeted.has(f.from));
          greeted.add(f.from);
        }
      }

      return { client, known };
    });

    for (const { client, known } of await Promise.all(learned)) {
      await client.settled();
      assert.deepEqual(client.frames, []);
      assert.deepEqual([...known.keys(), client.peerId].sort(), ids);
      assert.deepEqual(new Set(known.values()), new Set([1]));
    }

    // and leave at the same moment, but for one

    const [last, ...others] = clients;
    const gone = new Set();

    await Promise.all(others.map((client) => client.kill()));
    while (gone.size < 49) {
      const { joined, left } = await last.next('presence');
      assert.deepEqual(joined, []);
      assert.notEqual(left.length, 0);

      for (const { peerId } of left) {
        assert.ok(!gone.has(peerId));
        gone.add(peerId);
      }
    }
    assert.deepEqual((await last.join('crowd')).joined, []);
    await last.close();
  });

  test('a room that is left and entered all the time', async () => {
    const [watcher, ...movers] = await connectApart(ngx, 5,
      { path: '/fast' });
    const o = Object.assign(new Observer(watcher), { unique: true });

    o.request('subscribe', 'door');
    await watcher.next('presence');

    for (let i = 0; i < 200; i++) {
      for (const mover of movers) {
        mover.send({ type: 'subscribe', channel: 'door' });
        mover.send({ type: 'unsubscribe', channel: 'door' });
      }
    }
    await settle([o, ...movers.map((client) => ({ client }))]);
    assert.deepEqual(o.sorted('door'), []);
    assert.equal(o.changes, 4 * 200 * 2);
    await Promise.all([watcher, ...movers].map((client) => client.close()));
  });
});

// a room of which a worker has so many members is told of joins in intervals

describe('guarantees in a large room', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({ server: SERVER, workers: 1 });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  test('120 clients at random', () => atRandom(ngx,
    { seed: 4, count: 120, channels: ['large'], steps: 2000, tellers: 1 }));

  test('who comes is announced before what it says', async () => {
    const members = await connectApart(ngx, 100, { path: '/fast' });
    const [first, second] = members;

    for (const client of members) {
      await client.join('hall');
    }

    // the first one opens the interval, the second one comes within

    for (let i = 0; i < 10; i++) {
      const [a, b] = await connectApart(ngx, 2, { path: '/fast' });

      a.send({ type: 'subscribe', channel: 'hall' });
      await first.next((f) =>
        f.joined?.some(({ peerId }) => peerId === a.peerId));

      b.send({ type: 'subscribe', channel: 'hall' });
      b.send({ type: 'send', to: second.peerId, data: i });
      b.send({ type: 'publish', channel: 'hall', data: i });
      b.send({ type: 'unsubscribe', channel: 'hall' });
      a.send({ type: 'unsubscribe', channel: 'hall' });

      for (const client of members) {
        await client.next((f) =>
          f.left?.some(({ peerId }) => peerId === b.peerId));
        assert.deepEqual(told(client, b.peerId), client === second
          ? ['joined', 'direct', 'message', 'left']
          : ['joined', 'message', 'left']);
      }
    }

    await Promise.all(members.map((client) => client.close()));
  });

  test('who comes in one turn is told in one frame', async () => {
    const [watcher, ...others] = await connectApart(ngx, 40,
      { path: '/fast' });

    await watcher.join('door');
    await freeze(watcher.worker);

    for (const client of others) {
      client.send({ type: 'subscribe', channel: 'door' });
    }

    await Promise.all(others.map((client) => waitFor(
      () => client.ws.bufferedAmount === 0, 'what was sent')));
    await freeze(watcher.worker, false);
    await Promise.all(others.map((client) =>
      client.next((f) => f.type === 'presence')));
    await watcher.settled();

    const frames = watcher.frames.filter((f) => f.type === 'presence');

    assert.deepEqual(
      frames.flatMap(({ joined }) => joined.map(({ peerId }) => peerId)).sort(),
      others.map(({ peerId }) => peerId).sort());
    assert.ok(frames.length < 10, `${frames.length} frames`);
  });
});

/* what a client was told of a peer, in order */
function told(client, peer) {
  const named = (list) => list?.some(({ peerId }) => peerId === peer);

  return client.all.flatMap((f) => [
    ...(named(f.joined) ? ['joined'] : []),
    ...(f.from === peer ? [f.type] : []),
    ...(named(f.left) ? ['left'] : [])
  ]);
}
