// Copyright (C) The ngx_signaling authors
//
// The control plane, docs/protocol.md 12: who is in a channel, messages to
// it, disconnecting.  Refusals are in api_refusals.test.mjs, bodies in
// api_body.test.mjs.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import {
  answer, call, caller, channelPath, disconnect, head, line, MAIN, publish,
  roster, secretKey, SITE
} from './api.mjs';
import { Caller, closeAll } from './sdk.mjs';
import {
  connect, connectApart, KEYS, startSite, waitFor
} from './signaling.mjs';

const WORKERS = Math.max(4, Number(process.env.WORKERS ?? 1));

const OTHER = `sk_id_other:${MAIN.split(':')[1]}`;

// named peers with metadata, as headers of theirs say

const PEERS = {
  ...SITE,
  workers: WORKERS,
  listen: 'reuseport',
  keys: `${SITE.keys}
    publishable_key pk_live_other {
      app other; origins *; require_origin off; channels **;
    }
    ${secretKey('sk_id_other', 'app other; channels **;')}`,
  location: `
    signaling_peer_id       $http_x_peer;
    signaling_peer_metadata $http_x_metadata;`
};

const named = (name, metadata) => ({
  headers: {
    'X-Peer': name, ...(metadata === undefined ? {} : {
      'X-Metadata': metadata
    })
  }
});

/* connects until the connection is on another worker than those */
async function elsewhere(ngx, others, options) {
  for (;;) {
    const client = await connect(ngx, options);

    if (!others.some(({ worker }) => worker === client.worker)) {
      return client;
    }

    await client.close();
  }
}

const byId = (a, b) => (a.peerId < b.peerId ? -1 : 1);

/* texts of all messages from now on */
function texts(client) {
  const list = [];

  client.ws.on('message', (data) => list.push(String(data)));

  return list;
}

let ngx;

before(async () => {
  ngx = await startSite(PEERS);
});

afterEach(async () => {
  await closeAll();
  await ngx.hangUp();
});

after(() => ngx?.finish());

describe('GET channels/:channel/peers', () => {
  test('nobody is there', async () => {
    const res = await roster(ngx, 'acme/room-1');

    assert.equal(res.status, 200);
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.equal(res.text, '{"channel":"acme/room-1","peers":[]}');
  });

  test('everybody on all workers, with metadata as it was given',
    async () => {
      const clients = await connectApart(ngx, 2 * WORKERS);
      const spaced = '{ "name": "\\u0041", "n": 1.50 }';
      const alice = await connect(ngx, named('alice', spaced));

      for (const client of [...clients, alice]) {
        await client.join('room');
      }

      await clients[0].join('another');

      const { text, json } = await roster(ngx, 'room');

      assert.deepEqual(json.peers.sort(byId), [
        { peerId: 'alice', metadata: { name: 'A', n: 1.5 } },
        ...clients.map(({ peerId }) => ({ peerId }))
      ].sort(byId));
      assert.ok(text.includes(`{"peerId":"alice","metadata":${spaced}}`),
        text);
    });

  test('a peer with several connections once, as it came last', async () => {
    const first = await connect(ngx, named('alice', '{"n":1}'));
    const second = await elsewhere(ngx, [first], named('alice', '{"n":2}'));

    await first.join('room');
    await second.join('room');

    assert.deepEqual((await roster(ngx, 'room')).json.peers,
      [{ peerId: 'alice', metadata: { n: 2 } }]);

    await second.ok({ type: 'unsubscribe', channel: 'room' });

    assert.deepEqual((await roster(ngx, 'room')).json.peers,
      [{ peerId: 'alice', metadata: { n: 1 } }]);
  });

  test('of the app of the key', async () => {
    const mine = await connect(ngx, named('alice'));
    const other = await connect(ngx, {
      key: 'pk_live_other', ...named('bob')
    });

    await mine.join('room');
    await other.join('room');

    assert.deepEqual((await roster(ngx, 'room')).json.peers,
      [{ peerId: 'alice' }]);
    assert.deepEqual((await roster(ngx, 'room', { key: OTHER })).json.peers,
      [{ peerId: 'bob' }]);
  });

  test('HEAD', async () => {
    const client = await connect(ngx, named('alice'));
    await client.join('room');

    const path = channelPath('room', 'peers');
    const res = await call(ngx, 'HEAD', path);

    assert.equal(res.status, 200);
    assert.equal(res.text, '');
    assert.equal(Number(res.headers['content-length']),
      (await call(ngx, 'GET', path)).text.length);
  });

  test('names of the greatest length, and of every script', async () => {
    const client = await connect(ngx);

    for (const channel of [
      'x'.repeat(256), '€'.repeat(256), '😀'.repeat(128), 'ü/ %2F ?#+&=\\"\'',
      '..', 'a/../b', '//', '.', 'peers', 'publish', 'a/publish', 'ā\u2028'
    ]) {
      await client.join(channel);

      const { status, json } = await roster(ngx, channel);

      assert.equal(status, 200, channel);
      assert.deepEqual(json, {
        channel, peers: [{ peerId: client.peerId }]
      });
      await client.ok({ type: 'unsubscribe', channel });
    }
  });

  test('the path as the client wrote it', async () => {
    const client = await connect(ngx);

    for (const [raw, channel] of [
      ['acme/room-1', 'acme/room-1'],
      ['acme%2Froom-1', 'acme/room-1'],
      ['acme%2froom-1', 'acme/room-1'],
      ['a//b', 'a//b'],
      ['a%2F%2Fb', 'a//b'],
      ['a/../b', 'a/../b'],
      ['a/./b', 'a/./b'],
      ['a/%2e%2E/b', 'a/../b'],
      ['%61+b', 'a+b'],
      ['a%252Fb', 'a%2Fb'],
      ['peers', 'peers']
    ]) {
      await client.join(channel);

      const { status, json } =
        await call(ngx, 'GET', `/v1/channels/${raw}/peers?x=/publish`);

      assert.equal(status, 200, raw);
      assert.equal(json.channel, channel);
      assert.equal(json.peers.length, 1, raw);

      const sent = await call(ngx, 'POST', `/v1/channels/${raw}/publish`,
        { body: '{"data":1}' });

      assert.equal(sent.json.delivered, 1, raw);
      await client.ok({ type: 'unsubscribe', channel });
    }
  });

  test('a request target in absolute form', async () => {
    const raw = await line(ngx);
    const client = await connect(ngx);

    await client.join('a/b');
    await raw.write(head('GET', 'http://elsewhere/v1/channels/a%2Fb/peers?x'));

    const { status, body } = await answer(raw);

    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body).peers, [{ peerId: client.peerId }]);
    await raw.destroy();
  });

  test('metadata is left out where there is too much', async () => {
    const metadata = JSON.stringify({ x: 'x'.repeat(4088) });
    const clients = [];

    for (let i = 0; i < 230; i++) {
      clients.push(await connect(ngx, named(`peer-${i}`, metadata)));
      await clients[i].ok({ type: 'subscribe', channel: 'room' });
    }

    const { peers } = (await roster(ngx, 'room')).json;
    const bare = peers.filter((peer) => peer.metadata === undefined);

    assert.equal(peers.length, 230);
    assert.equal(bare.length, 230 - Math.floor(900000 / metadata.length));
    assert.equal(new Set(peers.map(({ peerId }) => peerId)).size, 230);
  });
});

describe('POST channels/:channel/publish', () => {
  test('reaches all who are subscribed, on all workers', async () => {
    const clients = await connectApart(ngx, 2 * WORKERS);
    const outside = await connect(ngx);

    for (const [i, client] of clients.entries()) {
      await client.join('room', { includeSenderMetadata: i % 2 === 1 });
    }

    await outside.join('another');

    const res = await publish(ngx, 'room', {
      data: { text: 'hi' }, from: 'backend', peerMetadata: { bot: true }
    });

    assert.equal(res.status, 200);
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.equal(res.text,
      `{"ok":true,"channel":"room","delivered":${clients.length}}`);

    for (const [i, client] of clients.entries()) {
      assert.deepEqual(await client.next('message'), {
        type: 'message', channel: 'room', from: 'backend',
        data: { text: 'hi' },
        ...(i % 2 === 1 ? { fromMetadata: { bot: true } } : {})
      });
    }

    await outside.settled();
    assert.ok(outside.all.every(({ type }) => type !== 'message'));
  });

  test('by "system", where nobody is named', async () => {
    const client = await connect(ngx);

    await client.join('room', { includeSenderMetadata: true });
    await publish(ngx, 'room', { data: null });

    assert.deepEqual(await client.next('message'),
      { type: 'message', channel: 'room', from: 'system', data: null });
  });

  test('any value, byte for byte as it was sent', async () => {
    const client = await connect(ngx);
    await client.join('room');
    const got = texts(client);
    const agent = caller();

    const values = [
      'null', 'false', '0', '""', '[]', '{}', '1.50', '1e400', '-0',
      '12345678901234567890123', '"\\ud800\\/\\u0041"', '{"b":1,"a":2,"b":3}',
      '[ 1 ,\t{ "x" : [ ] } ]', '"€😀"'
    ];

    for (const value of values) {
      const res =
        await publish(ngx, 'room', ` { "data" :\n${value} } `, { agent });
      assert.equal(res.status, 200, value);
    }

    agent.destroy();

    await waitFor(() => got.length === values.length, 'messages');
    assert.deepEqual(got, values.map((value) =>
      `{"type":"message","channel":"room","from":"system","data":${value}}`));
  });

  test('metadata of 4096 bytes, white space not counted', async () => {
    const client = await connect(ngx);
    await client.join('room', { includeSenderMetadata: true });
    const got = texts(client);

    const long = 'x'.repeat(4096 - '{"x":"","n":1.50}'.length);
    const compact = `{"x":"${long}","n":1.50}`;

    const res = await publish(ngx, 'room',
      `{"data":1,"peerMetadata":\n{ "x" : "${long}" , "n" : 1.50 }}`);

    assert.equal(res.status, 200);
    await waitFor(() => got.length, 'the message');
    assert.ok(got[0].includes(`"fromMetadata":${compact}`), got[0]);
  });

  test('counts the connections that are there at this moment', async () => {
    const agent = caller();
    const say = (body, key) => publish(ngx, 'room', body, { agent, key });

    assert.equal((await say({ data: 1 })).json.delivered, 0);

    const [a, b] = await connectApart(ngx, 2);
    await a.join('room');
    await b.join('room');
    assert.equal((await say({ data: 2 })).json.delivered, 2);

    await b.ok({ type: 'unsubscribe', channel: 'room' });
    assert.equal((await say({ data: 3 })).json.delivered, 1);

    const c = await connect(ngx, named('carol'));
    const d = await connect(ngx, named('carol'));
    await c.join('room');
    await d.join('room');
    assert.equal((await say({ data: 4 })).json.delivered, 3);

    const other = await say({ data: 5 }, OTHER);
    assert.equal(other.json.delivered, 0);
    agent.destroy();

    for (const client of [a, c, d]) {
      await client.next((f) => f.type === 'message' && f.data === 4);
    }

    const heard = (client) => client.all
      .filter(({ type }) => type === 'message').map(({ data }) => data);

    assert.deepEqual(heard(a), [2, 3, 4]);
    assert.deepEqual(heard(b), [2]);
    assert.deepEqual(heard(c), [4]);
    assert.deepEqual(heard(d), [4]);
  });

  test('in order, and behind the news of who joined', async () => {
    const agent = caller();
    const clients = await connectApart(ngx, WORKERS);

    for (const client of clients) {
      await client.join('room');
    }

    for (let i = 0; i < 300; i++) {
      const { status, json } =
        await publish(ngx, 'room', { data: i }, { agent });

      assert.equal(status, 200);
      assert.equal(json.delivered, clients.length);
    }

    agent.destroy();

    for (const client of clients) {
      await client.next((f) => f.type === 'message' && f.data === 299);
      assert.deepEqual(
        client.all.filter(({ type }) => type === 'message')
          .map(({ data }) => data),
        Array.from({ length: 300 }, (_, i) => i));
    }
  });

  test('is for those who had joined before, and nothing else', async () => {
    // a message that is on its way meets somebody who has just come

    for (let i = 0; i < 50; i++) {
      const late = await connect(ngx);
      const [res, snapshot] = await Promise.all([
        publish(ngx, `room ${i}`, { data: i }), late.join(`room ${i}`)
      ]);

      assert.deepEqual(snapshot.joined, []);

      if (res.json.delivered === 1) {
        await late.next('message');
      }

      await late.settled();
      assert.equal(late.all.filter(({ type }) => type === 'message').length,
        res.json.delivered);

      // the snapshot comes first

      const order = late.all.map(({ type }) => type)
        .filter((type) => type === 'message' || type === 'presence');
      assert.equal(order[0], 'presence');
      await late.close();
    }
  });
});

describe('DELETE peers/:peerId', () => {
  test('closes all connections of the peer, on all workers', async () => {
    const alice = [await connect(ngx, named('alice'))];

    while (alice.length < WORKERS) {
      alice.push(await elsewhere(ngx, alice, named('alice')));
    }

    const bob = await connect(ngx, named('bob'));
    const other = await connect(ngx,
      { key: 'pk_live_other', ...named('alice') });

    await bob.join('room');
    await alice[0].join('room');
    await bob.next((f) => f.type === 'presence' && f.joined.length);

    const res = await disconnect(ngx, 'alice');

    assert.equal(res.status, 200);
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.equal(res.text, `{"peerId":"alice","closed":${WORKERS}}`);

    for (const client of alice) {
      assert.deepEqual(await client.closed, {
        code: 4020, reason: 'disconnected by an administrator'
      });
    }

    const { left } = await bob.next(
      (f) => f.type === 'presence' && f.left.length);
    assert.deepEqual(left.map(({ peerId }) => peerId), ['alice']);

    await bob.settled();
    await other.settled();

    await waitFor(async () =>
      (await disconnect(ngx, 'alice')).json.closed === 0, 'nobody');
  });

  test('nobody is there', async () => {
    const res = await disconnect(ngx, 'x y/z%');

    assert.equal(res.status, 200);
    assert.equal(res.text, '{"peerId":"x y/z%","closed":0}');
  });

  test('needs no action', async () => {
    const client = await connect(ngx, { key: 'pk_live_other',
                                        ...named('"\\') });
    const { text } = await disconnect(ngx, '"\\', { key: OTHER });

    assert.equal(text, '{"peerId":"\\"\\\\","closed":1}');
    assert.equal((await client.closed).code, 4020);
  });

  test('the SDK does not come back', async () => {
    const caller = new Caller(ngx);

    const { peerId } = await caller.sdk.connect()
      .then(() => caller.tells('connected', 1));

    assert.equal((await disconnect(ngx, peerId)).json.closed, 1);

    const { willReconnect } = await caller.tells('disconnected', 1);

    assert.equal(willReconnect, false);
    assert.equal(await caller.wire.link.closed, 4020);
    assert.equal(caller.wire.links.length, 1);
    assert.equal(caller.sdk.state, 'closed');
  });
});

describe('GET usage', () => {
  const usage = async (options) => (await call(ngx, 'GET', '/v1/usage',
    options)).json;

  /* the calendar month, UTC; a test that runs when it ends sees either */
  const month = (start, end) => {
    const from = new Date(start * 1000);

    assert.equal(from.toISOString().slice(8), '01T00:00:00.000Z');
    assert.equal(end * 1000,
      Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1));
    assert.ok(start * 1000 <= Date.now() && Date.now() < end * 1000 + 60000);
  };

  test('connections and messages of the app', async () => {
    const before = await usage();
    const other = await usage({ key: OTHER });

    assert.deepEqual(Object.keys(before), [
      'appId', 'periodStartUnix', 'periodEndUnix', 'concurrentNow',
      'peakConcurrent', 'messagesUsed', 'overageMessages',
      'overageConnections', 'plan'
    ]);
    assert.equal(before.appId, 'default');
    assert.equal(before.concurrentNow, 0);
    assert.deepEqual(
      [before.overageMessages, before.overageConnections], [0, 0]);
    assert.deepEqual(before.plan, {
      name: null, maxConcurrentConnections: 0, maxMessagesPerPeriod: 0,
      overagesAllowed: false, overagesEnabled: false
    });
    month(before.periodStartUnix, before.periodEndUnix);

    const clients = await connectApart(ngx, WORKERS + 1);
    await connect(ngx, { key: 'pk_live_other', ...named('bob') });

    await clients[0].join('room');

    // whether somebody hears it or not, but not what is refused before

    for (const channel of ['room', 'nobody']) {
      assert.equal((await publish(ngx, channel, { data: 1 })).status, 200);
    }

    assert.equal((await publish(ngx, 'room', '{}')).status, 400);
    assert.equal((await publish(ngx, '_metered/x', { data: 1 })).status, 400);

    const after = await usage();

    assert.equal(after.concurrentNow, WORKERS + 1);
    assert.ok(after.peakConcurrent >= after.concurrentNow);
    assert.ok(after.peakConcurrent >= before.peakConcurrent);
    assert.equal(after.messagesUsed, before.messagesUsed + 2);

    const now = await usage({ key: OTHER });

    assert.equal(now.appId, 'other');
    assert.equal(now.concurrentNow, 1);
    assert.equal(now.messagesUsed, other.messagesUsed);
  });

  test('HEAD', async () => {
    const res = await call(ngx, 'HEAD', '/v1/usage');

    assert.equal(res.status, 200);
    assert.equal(res.text, '');
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
  });
});

test('a roster without those of a worker that was killed', async () => {
  const site = await startSite({
    ...PEERS, allow: [
      /\[alert\] .* worker process \d+ exited on signal 9/,
      /\[alert\] .* shared memory zone "calls" was locked by \d+/
    ]
  });

  const clients = await connectApart(site, WORKERS);

  for (const client of clients) {
    await client.join('room');
  }

  const [victim, ...rest] = clients;
  process.kill(victim.worker, 'SIGKILL');
  await victim.closed;

  await waitFor(async () => {
    const res = await roster(site, 'room').catch(() => undefined);
    return res?.json.peers.length === rest.length;
  }, 'the roster of those who are left');

  const { peers } = (await roster(site, 'room')).json;

  assert.deepEqual(peers.sort(byId),
    rest.map(({ peerId }) => ({ peerId })).sort(byId));

  const { delivered } = (await publish(site, 'room', { data: 1 })).json;

  assert.equal(delivered, rest.length);
  await Promise.all(rest.map((client) => client.next('message')));
  await site.finish();
});

test('a worker that goes away has no answer but 503', async () => {
  const site = await startSite({
    ...SITE, keys: `${KEYS} ${secretKey('sk_id_main', 'channels **;')}`,
    workers: 1, location: 'signaling_drain 1s;'
  });

  const client = await connect(site);
  const raw = await line(site);
  const body = '{"data":1}';

  await client.join('room');

  await raw.write(head('POST', channelPath('room', 'publish'),
    { 'Content-Length': body.length }), body.slice(0, 4));

  // it is told once the worker is on its way out

  process.kill(site.pid, 'SIGQUIT');
  await client.next('going_away');
  await raw.write(body.slice(4));

  const res = await answer(raw);

  assert.equal(res.status, 503);
  assert.equal(JSON.parse(res.body).error, 'internal_error');

  await raw.destroy();
  await client.closed;
  await site.stop();
});
