// Copyright (C) The ngx_signaling authors
//
// Apps: that two of them never see each other, what they use, and the limits
// that "signaling_app" sets them, over all workers and over reloads.

import assert from 'node:assert/strict';
import test, { afterEach, describe } from 'node:test';

import { alive, reload, rewrite } from './processes.mjs';
import {
  baseUrl, Client, connectApart, ORIGIN, refused, startSite, waitFor
} from './signaling.mjs';

const key = (app, more = 'channels **;') =>
  `publishable_key pk_${app} { origins ${ORIGIN}; app ${app}; ${more} }`;

const KEYS = `${key('shop')} ${key('club')}`;

const SHOP = { key: 'pk_shop' };
const CLUB = { key: 'pk_club' };

// bytes of a connection and its peer
const NODES = 96;

// with one worker there would be nothing to share

const WORKERS = Math.max(4, Number(process.env.WORKERS ?? 1));

const KILLED = [
  /\[alert\] .* worker process \d+ exited on signal 9/,
  /\[alert\] .* shared memory zone "calls" was locked by \d+/
];

const FULL = { code: 4010, reason: 'the app has all its connections' };
const SUSPENDED = { code: 4012, reason: 'the app is suspended' };

let started;

/* "limits" stands where a reload may write others */
async function site({ limits = '', ...options } = {}) {
  started = await startSite({
    workers: WORKERS, listen: 'reuseport', modules: ['signaling'], keys: KEYS,
    http: `signaling_app shop ${limits};`, ...options,
    location: `signaling_rate off; ${options.location ?? ''}`
  });

  return started;
}

// whether the test has passed or not

afterEach(async () => {
  const ngx = started;

  started = undefined;
  await ngx?.finish();
});

const limit = async (ngx, from, to) => {
  rewrite(ngx, [`signaling_app shop ${from};`, `signaling_app shop ${to};`]);
  await reload(ngx);
};

async function usage(ngx, app = 'shop') {
  const { apps } = await ngx.status();

  return apps.find((entry) => entry.app === app);
}

const connections = async (ngx, app) => (await usage(ngx, app)).connections;

/* all at once; those who are welcomed, and why the others are not */
async function rush(ngx, count, app = 'shop') {
  const clients = Array.from({ length: count }, () =>
    new Client(`${baseUrl(ngx)}/v1?key=pk_${app}`));
  const welcomed = [];
  const refusals = [];

  for (const client of clients) {
    ngx.open.add(client.ws);
    client.ws.once('close', () => ngx.open.delete(client.ws));
  }

  await Promise.all(clients.map(async (client) => {
    await client.opened;
    await Promise.race([client.next('welcome'), client.closed])
      .catch(() => {});

    if (client.close_code === undefined) {
      welcomed.push(client);
    } else {
      refusals.push(await client.closed);
    }
  }));

  return { welcomed, refusals };
}

const settled = (clients) =>
  Promise.all(clients.map((client) => client.settled()));

const close = (clients) =>
  Promise.all(clients.map((client) => client.close()));

describe('two apps never see each other', () => {
  test('in a channel of the same name, with peers of the same ID',
    async () => {
      const ngx = await site({ location: 'signaling_peer_id $arg_id;' });
      const as = (app, id) =>
        connectApart(ngx, WORKERS, { query: `key=pk_${app}&id=${id}` });

      // on every worker somebody of each app

      const shop = [...await as('shop', 'anna'), ...await as('shop', 'bert')];
      const club = [...await as('club', 'anna'), ...await as('club', 'carl')];

      const ids = (presence) => presence.joined.map(({ peerId }) => peerId);
      const seen = { shop: new Set(), club: new Set() };

      for (const [app, clients] of [['shop', shop], ['club', club]]) {
        for (const client of clients) {
          const { joined, left } = await client.join('room');
          ids({ joined }).forEach((id) => seen[app].add(id));
          assert.deepEqual(left, []);
        }
      }

      await settled([...shop, ...club]);

      for (const [app, clients] of [['shop', shop], ['club', club]]) {
        for (const { all } of clients) {
          all.filter(({ type }) => type === 'presence')
            .forEach((frame) => ids(frame).forEach((id) => seen[app].add(id)));
        }
      }

      assert.deepEqual([...seen.shop].sort(), ['anna', 'bert']);
      assert.deepEqual([...seen.club].sort(), ['anna', 'carl']);

      const status = await ngx.status();

      assert.equal(status.channels, 2);
      assert.equal(status.peers, 4);

      // a message goes to those of the app, in whatever worker they are

      const from = shop[0];

      await from.ok({ type: 'publish', channel: 'room', data: 'of the shop' });
      await Promise.all(shop.slice(1).map((client) => client.next('message')));
      await club[0].ok({ type: 'publish', channel: 'room', data: 'of the club' });

      const messages = await Promise.all(
        club.slice(1).map((client) => client.next('message')));

      assert.ok(messages.every(({ data }) => data === 'of the club'));

      // and so does what is sent to an ID that both have

      await shop.at(-1).ok({ type: 'send', to: 'anna', data: 'to the shop' });
      await Promise.all(
        shop.slice(0, WORKERS).map((client) => client.next('direct')));

      await shop[0].fails({ type: 'send', to: 'carl', data: 1 },
                          'peer_not_found');
      await club[0].fails({ type: 'send', to: 'bert', data: 1 },
                          'peer_not_found');

      await club.at(-1).ok({ type: 'send', to: 'anna', data: 'to the club' });

      for (const client of club.slice(0, WORKERS)) {
        assert.equal((await client.next('direct')).data, 'to the club');
      }

      await settled([...shop, ...club]);

      for (const { frames } of [...shop, ...club]) {
        assert.deepEqual(frames.filter(({ type }) =>
          type === 'message' || type === 'direct'), []);
      }

      // one app's leaving is nothing to the other

      await close(shop);
      await waitFor(async () => await connections(ngx, 'shop') === 0,
        'empty shop');
      await settled(club);

      assert.ok(club.every(({ all }) => all.every(({ left = [] }) =>
        !left.some(({ peerId }) => peerId === 'bert'))));
    });

  test('nor in what they use', async () => {
    const ngx = await site({ limits: 'max_connections=1 max_messages=1' });
    const [shop] = await connectApart(ngx, 1, SHOP);
    const club = await connectApart(ngx, WORKERS, CLUB);

    for (const client of club) {
      await client.ok({ type: 'publish', channel: 'room', data: 1 });
    }

    await shop.ok({ type: 'publish', channel: 'room', data: 1 });
    await shop.fails({ type: 'publish', channel: 'room', data: 1 },
                     'over_message_quota');

    const { peak, memory_bytes: bytes, ...used } = await usage(ngx, 'club');

    assert.ok(peak >= WORKERS);
    assert.ok(bytes >= WORKERS * NODES);
    assert.deepEqual(used, {
      app: 'club', connections: WORKERS, messages: WORKERS,
      max_connections: 0, max_messages: 0, memory_percent: 0,
      suspended: false
    });

    assert.deepEqual(await usage(ngx), {
      app: 'shop', connections: 1, peak: 1, messages: 2,
      max_connections: 1, max_messages: 1, memory_bytes: NODES,
      memory_percent: 0, suspended: false
    });

    await close([shop, ...club]);
  });

  test('nor in two zones: each counts by itself', async () => {
    const ngx = await site({
      limits: 'max_connections=1',
      http: 'signaling_app shop max_connections=1; signaling_zone other 16m;',
      server: `location = /v2 { signaling other; }
               location = /other { signaling_status other; }`
    });

    const [one] = await connectApart(ngx, 1, SHOP);
    const [two] = await connectApart(ngx, 1, { ...SHOP, path: '/v2' });

    assert.deepEqual(await refused(ngx, SHOP), FULL);
    assert.deepEqual(await refused(ngx, { ...SHOP, path: '/v2' }), FULL);

    await close([one, two]);
  });
});

describe('max_connections', () => {
  test('is exact when all come at once, and free when one goes', async () => {
    const ngx = await site({ limits: 'max_connections=17' });

    for (let round = 0; round < 3; round++) {
      const { welcomed, refusals } = await rush(ngx, 40);

      assert.equal(welcomed.length, 17);
      assert.deepEqual(refusals, Array(23).fill(FULL));
      assert.equal(await connections(ngx), 17);

      await settled(welcomed);

      // as many come as have gone, and others do not matter

      await close(welcomed.splice(0, 5));
      await waitFor(async () => await connections(ngx) === 12, 'five places');

      const more = await rush(ngx, 9);

      assert.equal(more.welcomed.length, 5);
      assert.equal((await rush(ngx, 3, 'club')).welcomed.length, 3);

      await ngx.hangUp();
    }

    assert.equal((await usage(ngx)).peak, 17);
    assert.equal((await usage(ngx)).connections, 0);
  });

  test('is free again when a worker is killed', async () => {
    const ngx = await site({ limits: 'max_connections=12', allow: KILLED });
    const { welcomed } = await rush(ngx, 30);

    assert.equal(welcomed.length, 12);

    const [{ worker: victim }] = welcomed;
    const lost = welcomed.filter(({ worker }) => worker === victim);
    const kept = welcomed.filter(({ worker }) => worker !== victim);

    process.kill(victim, 'SIGKILL');

    await Promise.all(lost.map(({ closed }) => closed));
    await waitFor(() => !alive(victim), 'death of a worker');
    await waitFor(async () => await connections(ngx) === kept.length,
      'places of the dead');

    await settled(kept);
    await waitFor(async () => (await ngx.status()).workers.length === WORKERS,
      'another worker');

    const { welcomed: more, refusals } = await rush(ngx, 20);

    assert.equal(more.length, lost.length);
    assert.equal(refusals.length, 20 - lost.length);
  });

  test('lowered by a reload: who is in stays, newcomers are refused',
    async () => {
      const ngx = await site({ limits: 'max_connections=6' });
      const { welcomed: clients } = await rush(ngx, 6);

      await limit(ngx, 'max_connections=6', 'max_connections=3');

      assert.deepEqual(await refused(ngx, SHOP), FULL);
      await settled(clients);
      assert.equal(await connections(ngx), 6);

      await close(clients.splice(0, 3));
      await waitFor(async () => await connections(ngx) === 3, 'three of them');
      assert.deepEqual(await refused(ngx, SHOP), FULL);

      await close(clients.splice(0, 1));
      await waitFor(async () => await connections(ngx) === 2, 'two of them');

      const { welcomed, refusals } = await rush(ngx, 4);

      assert.equal(welcomed.length, 1);
      assert.deepEqual(refusals, Array(3).fill(FULL));

      // raised, and gone with its directive

      await limit(ngx, 'max_connections=3', 'max_connections=4');
      assert.equal((await rush(ngx, 3)).welcomed.length, 1);

      rewrite(ngx, ['signaling_app shop max_connections=4;', '']);
      await reload(ngx);
      assert.equal((await rush(ngx, 5)).welcomed.length, 5);
      assert.equal((await usage(ngx)).max_connections, 0);
    });
});

describe('suspended', () => {
  test('at start, whatever else there is', async () => {
    const ngx = await site({ limits: 'suspended max_connections=1' });

    for (let i = 0; i < WORKERS; i++) {
      assert.deepEqual(await refused(ngx, SHOP), SUSPENDED);
    }

    const [club] = await connectApart(ngx, 1, CLUB);

    assert.equal(await connections(ngx), 0);
    assert.equal((await refused(ngx, { ...SHOP, origin: 'https://a.example' }))
      .code, 4001);

    await club.close();
  });

  test('by a reload, and lifted by another', async () => {
    const ngx = await site();

    const shop = await connectApart(ngx, WORKERS, SHOP);
    const club = await connectApart(ngx, WORKERS, CLUB);

    await shop[0].join('room');
    await club[0].join('room');

    // those on retiring workers are closed as well

    await reload(ngx);

    shop.push(...await connectApart(ngx, WORKERS, SHOP));
    club.push(...await connectApart(ngx, WORKERS, CLUB));
    await settled([...shop, ...club]);

    await limit(ngx, '', 'suspended');

    for (const client of shop) {
      assert.deepEqual(await client.closed, SUSPENDED);
    }

    assert.deepEqual(await refused(ngx, SHOP), SUSPENDED);
    assert.equal(await connections(ngx), 0);
    assert.ok((await usage(ngx)).suspended);

    await settled(club);
    assert.equal(await connections(ngx, 'club'), club.length);

    // another reload that leaves it so

    await reload(ngx);
    assert.deepEqual(await refused(ngx, SHOP), SUSPENDED);

    await limit(ngx, 'suspended', '');

    const [back] = await connectApart(ngx, 1, SHOP);

    assert.deepEqual((await back.join('room')).joined, []);
    await settled([back, ...club]);

    await close([back, ...club]);
  });

  test('an app whose key goes at the same time', async () => {
    const ngx = await site();
    const [shop] = await connectApart(ngx, 1, SHOP);
    const [club] = await connectApart(ngx, 1, CLUB);

    rewrite(ngx, [key('shop'), ''], ['signaling_app shop ;',
                                     'signaling_app shop suspended;']);
    await reload(ngx);

    assert.ok([4001, 4012].includes((await shop.closed).code));
    assert.equal((await refused(ngx, SHOP)).code, 4001);
    await club.settled();

    await club.close();
  });
});

describe('max_messages', () => {
  const publish = { type: 'publish', channel: 'room', data: 1 };

  test('counts what reaches the quota, and nothing else', async () => {
    const ngx = await site({
      limits: 'max_messages=5',
      keys: `${key('shop', 'channels room;')} ${key('club')}
        publishable_key pk_mute { origins ${ORIGIN}; app shop; channels **;
                                  actions subscribe; }`
    });

    const [a, b] = await connectApart(ngx, 2, SHOP);
    const [mute] = await connectApart(ngx, 1, { key: 'pk_mute' });
    const send = { type: 'send', to: a.peerId, data: 1 };
    const used = async () => (await usage(ngx)).messages;

    await a.join('room');

    // stopped on its way there

    const early = async (client, frame, code) => {
      await client.fails(frame, code);
      assert.equal(await used(), 0, code);
    };

    await early(b, { type: 'publish', channel: '', data: 1 },
                'invalid_channel');
    await early(b, { type: 'publish', channel: 'room' }, 'missing_data');
    await early(b, { ...publish, channel: '_system/x' }, 'channel_reserved');
    await early(b, { ...publish, channel: 'other' }, 'channel_not_authorized');
    await early(b, { ...send, to: '' }, 'invalid_peer_id');
    await early(mute, publish, 'action_not_permitted');
    await early(mute, send, 'action_not_permitted');

    await b.join('room');
    await b.ok({ type: 'unsubscribe', channel: 'room' });
    await b.settled();
    assert.equal(await used(), 0);

    // whatever becomes of it then

    await b.ok(publish);
    await b.ok(send);
    await b.fails({ ...send, to: 'nobody' }, 'peer_not_found');
    b.send(publish);
    await a.ok(publish);
    await b.settled();
    assert.equal(await used(), 5);

    // over it, and counted all the same

    await b.fails(publish, 'over_message_quota');
    await b.fails(send, 'over_message_quota');
    await a.fails({ ...send, to: 'nobody' }, 'over_message_quota');
    assert.equal(await used(), 8);

    b.send(publish);

    const error = await b.next('error');

    assert.equal(error.code, 'over_message_quota');
    assert.equal(error.requestId, undefined);

    // what comes before it is told first

    await mute.fails(publish, 'action_not_permitted');
    await b.fails({ ...publish, channel: 'other' }, 'channel_not_authorized');
    assert.equal(await used(), 9);

    // the connections are open, and presence goes on

    await b.join('room');
    assert.equal((await a.next((frame) => frame.type === 'presence' &&
      frame.joined.some(({ peerId }) => peerId === b.peerId))).left.length, 0);

    const got = a.all.filter(({ type }) => type === 'message' ||
      type === 'direct');

    assert.equal(got.length, 3);

    await close([a, b, mute]);
  });

  test('is exact when all workers count at once', async () => {
    const ngx = await site({ limits: 'max_messages=333' });
    const clients = await connectApart(ngx, WORKERS, SHOP);
    const replies = [];

    await Promise.all(clients.map(async (client) => {
      const mine = Array.from({ length: 200 }, () => client.request(publish));
      replies.push(...await Promise.all(mine));
    }));

    const passed = replies.filter(({ type }) => type === 'ack');
    const over = replies.filter(({ code }) => code === 'over_message_quota');

    assert.equal(passed.length, 333);
    assert.equal(over.length, 200 * WORKERS - 333);
    assert.equal((await usage(ngx)).messages, 200 * WORKERS);

    // raised by a reload, for those on retiring workers too

    await limit(ngx, 'max_messages=333',
                `max_messages=${200 * WORKERS + 1}`);
    await clients[0].ok(publish);
    await clients[1].fails(publish, 'over_message_quota');

    rewrite(ngx, [`signaling_app shop max_messages=${200 * WORKERS + 1};`,
                  '']);
    await reload(ngx);
    await clients[1].ok(publish);

    await close(clients);
  });
});

test('counters outlive reloads, workers and connections', async () => {
  const ngx = await site({ limits: 'max_messages=1000', allow: KILLED });
  const { welcomed: clients } = await rush(ngx, 8);

  for (const client of clients) {
    await client.ok({ type: 'publish', channel: 'room', data: 1 });
  }

  const before = await usage(ngx);

  assert.equal(before.messages, 8);
  assert.equal(before.peak, 8);

  await reload(ngx);
  assert.deepEqual(await usage(ngx), before);

  const pids = ngx.workerPids();

  for (const pid of pids) {
    process.kill(pid, 'SIGKILL');
  }

  await waitFor(async () => {
    const { workers } = await ngx.status().catch(() => ({ workers: [] }));
    return workers.filter(({ pid }) => !pids.includes(pid)).length >= WORKERS;
  }, 'other workers');

  assert.deepEqual(await usage(ngx), before);

  await close(clients);
  await waitFor(async () => await connections(ngx) === 0, 'nobody');
  assert.deepEqual(await usage(ngx),
    { ...before, connections: 0, memory_bytes: 0 });
});
