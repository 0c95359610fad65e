// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 5.4.6 and 5.5: one peer on several connections, and what
// an administrator's peer IDs and metadata may be.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import { connectRaw, exchange, PING, text } from './raw.mjs';
import { connectApart, KEYS, startSite, waitFor } from './signaling.mjs';

const MORE_KEYS = `
  ${KEYS}
  publishable_key pk_live_second { origins *; channels **; app second; }
`;

const PEER = `
  signaling_peer_id       $http_x_peer;
  signaling_peer_metadata $http_x_metadata;
`;

const SERVER = `
  location = /peer   { signaling calls; ${PEER} }
  location = /short  { signaling calls; ${PEER}
                       signaling_ping 1h grace=300ms; }
  location = /single { signaling calls; ${PEER}
                       signaling_same_peer single; }
  location = /arg    { signaling calls; signaling_peer_id $arg_peer; }
`;

const headers = (peer, metadata) => ({
  'X-Peer': peer,
  ...(metadata === undefined ? {} : { 'X-Metadata': metadata })
});

describe('presence of a peer', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite(
      { keys: MORE_KEYS, server: SERVER, listen: 'reuseport' });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  /* n connections of one peer, on different workers as far as there are */
  const tabs = (n, peer, { metadata, path = '/peer', ...more } = {}) =>
    connectApart(ngx, n, { path, headers: headers(peer, metadata), ...more });

  const tab = async (peer, metadata) =>
    (await tabs(1, peer, { metadata }))[0];

  /* the next frame about a room, as [joined, left] of peer IDs */
  async function delta(client) {
    const { joined, left } = await client.next('presence');

    return [joined.map((e) => e.peerId), left.map((e) => e.peerId)];
  }

  /* nothing has come to any of the clients that these have not taken */
  async function quiet(from, ...clients) {
    for (const client of clients) {
      await from.ok({ type: 'send', to: client.peerId, data: 'quiet' });
      assert.equal((await client.next(() => true)).data, 'quiet');
    }
  }

  describe('on several connections', () => {
    test('is told once: joined with the first, left with the last',
      async () => {
        const watchers = await connectApart(ngx, 4);
        const [one, two, three] = await tabs(3, 'multi');

        for (const watcher of watchers) {
          await watcher.join('multi');
          for (const earlier of watchers) {
            if (earlier === watcher) {
              break;
            }
            await earlier.next('presence');
          }
        }

        await one.join('multi');
        for (const watcher of watchers) {
          assert.deepEqual(await delta(watcher), [['multi'], []]);
        }

        // takeovers: left and joined, in two frames

        for (const other of [two, three]) {
          await other.join('multi');
          for (const watcher of watchers) {
            assert.deepEqual(await delta(watcher), [[], ['multi']]);
            assert.deepEqual(await delta(watcher), [['multi'], []]);
          }
        }

        // losses of all but the last are silent, whichever is left

        await three.close();
        await one.ok({ type: 'unsubscribe', channel: 'multi' });
        await quiet(one, ...watchers);
        await quiet(two, ...watchers);

        await two.kill();
        for (const watcher of watchers) {
          assert.deepEqual(await delta(watcher), [[], ['multi']]);
        }
        await quiet(one, ...watchers);
      });

    test('the old connection goes silently, later the new one is told',
      async () => {
        const [watcher] = await connectApart(ngx, 1);
        const [old, fresh] = await tabs(2, 'roamer');

        await watcher.join('roam');
        await old.join('roam');
        await fresh.join('roam');
        for (const expected of [
          [['roamer'], []], [[], ['roamer']], [['roamer'], []]
        ]) {
          assert.deepEqual(await delta(watcher), expected);
        }

        await old.kill();
        await quiet(fresh, watcher);
        await fresh.ok({ type: 'publish', channel: 'roam', data: 1 });
        assert.equal((await watcher.next('message')).from, 'roamer');
        await fresh.close();
        assert.deepEqual(await delta(watcher), [[], ['roamer']]);
      });

    test('a connection that asks again takes nothing over', async () => {
      const [watcher] = await connectApart(ngx, 1);
      const [one, two] = await tabs(2, 'asker');

      await watcher.join('ask');
      await one.join('ask');
      await two.join('ask');
      for (let i = 0; i < 3; i++) {
        await delta(watcher);
      }
      await one.join('ask');
      await two.join('ask');
      await quiet(one, watcher);
      await quiet(two, watcher);
    });

    test('never sees itself', async () => {
      const [one, two] = await tabs(2, 'mirror');
      const [other] = await connectApart(ngx, 1);

      assert.deepEqual((await one.join('self')).joined, []);
      assert.deepEqual((await two.join('self')).joined, []);
      await one.ok({ type: 'unsubscribe', channel: 'self' });
      assert.deepEqual((await one.join('self')).joined, []);

      await other.join('self');
      for (const client of [one, two]) {
        assert.deepEqual(await delta(client), [[other.peerId], []]);
        assert.deepEqual(client.frames, []);
      }
    });

    test('is in a snapshot once', async () => {
      await Promise.all((await tabs(3, 'triple')).map((t) => t.join('once')));

      for (const client of await connectApart(ngx, 4)) {
        const { joined } = await client.join('once');
        assert.equal(joined.filter((e) => e.peerId === 'triple').length, 1);
        await client.ok({ type: 'unsubscribe', channel: 'once' });
      }
    });

    test('counts as one peer and as many connections', async () => {
      const all = await tabs(3, 'counted');

      await Promise.all(all.map((t) => t.join('count')));
      const s = await ngx.status();
      assert.equal(s.peers, 1);
      assert.equal(s.connections, 3);
      assert.equal(s.channels, 1);
    });
  });

  describe('metadata', () => {
    test('is that of the latest subscription', async () => {
      const [watcher] = await connectApart(ngx, 1);
      const one = await tab('meta', '{"tab":1}');
      const two = await tab('meta', '{"tab":2}');
      const three = await tab('meta');

      const entry = (n) => [{ peerId: 'meta',
                              ...(n ? { metadata: { tab: n } } : {}) }];
      const latest = async (n) => {
        const [client] = await connectApart(ngx, 1);
        const { joined } = await client.join('meta');
        assert.deepEqual(joined.filter((e) => e.peerId === 'meta'),
          n === undefined ? [] : entry(n));
        await client.ok({ type: 'unsubscribe', channel: 'meta' });
        await watcher.next((f) => f.joined?.[0]?.peerId === client.peerId);
        await watcher.next((f) => f.left?.[0]?.peerId === client.peerId);
        await client.close();
      };

      await watcher.join('meta');
      await one.join('meta');
      assert.deepEqual((await watcher.next('presence')).joined, entry(1));
      await latest(1);

      await two.join('meta');
      assert.deepEqual(await delta(watcher), [[], ['meta']]);
      assert.deepEqual((await watcher.next('presence')).joined, entry(2));
      await latest(2);

      await three.join('meta');
      assert.deepEqual(await delta(watcher), [[], ['meta']]);
      assert.deepEqual((await watcher.next('presence')).joined, entry(0));
      await latest(0);

      await three.close();
      await latest(2);
      await two.ok({ type: 'unsubscribe', channel: 'meta' });
      await latest(1);
      await one.close();
      assert.deepEqual(await delta(watcher), [[], ['meta']]);
      await latest();
    });

    test('of a message and of a direct is the sender\'s own', async () => {
      const [watcher] = await connectApart(ngx, 1);
      const one = await tab('two-faced', '{"tab":1}');
      const two = await tab('two-faced', '{"tab":2}');

      await watcher.join('faces', { includeSenderMetadata: true });
      for (const [client, n] of [[one, 1], [two, 2], [one, 1]]) {
        await client.ok({ type: 'send', to: watcher.peerId, data: n });
        await client.ok({ type: 'publish', channel: 'faces', data: n });
        assert.deepEqual((await watcher.next('direct')).fromMetadata,
          { tab: n });
        assert.deepEqual((await watcher.next('message')).fromMetadata,
          { tab: n });
      }
    });

    for (const metadata of ['[]', '"x"', '{', '{"a":1}x', 'null',
      `{"a":"${'m'.repeat(4090)}"}`]) {
      test(`${metadata.slice(0, 9)} of ${metadata.length} is left out`,
        async () => {
          const client = await tab('odd', metadata);
          const [watcher] = await connectApart(ngx, 1);

          await client.join('odd');
          assert.deepEqual((await watcher.join('odd')).joined,
            [{ peerId: 'odd' }]);
        });
    }

    test('4096 bytes of it are not too many', async () => {
      const metadata = `{"a":"${'m'.repeat(4088)}"}`;
      const client = await tab('even', metadata);
      const watchers = await connectApart(ngx, 4);

      assert.equal(metadata.length, 4096);
      for (const watcher of watchers) {
        await watcher.join('even');
      }
      await client.join('even');
      for (const watcher of watchers) {
        const f = await watcher.next((m) => m.joined?.[0]?.peerId === 'even');
        assert.deepEqual(f.joined[0].metadata, JSON.parse(metadata));
      }
    });

    test('what is left out is logged once by each worker', () => {
      const lines = ngx.errorLog().match(/"signaling_peer_metadata" gave/g);

      assert.ok(lines.length >= 1);
      assert.ok(lines.length <= ngx.workerPids().length);
    });
  });

  describe('messages', () => {
    test('to a peer reach all of its connections', async () => {
      const all = await tabs(5, 'target');
      const senders = await connectApart(ngx, 4);

      for (const [n, sender] of senders.entries()) {
        await sender.ok({ type: 'send', to: 'target', data: n });
        for (const client of all) {
          assert.deepEqual(await client.next('direct'),
            { type: 'direct', from: sender.peerId, data: n });
        }
      }
      await all[0].ok({ type: 'send', to: 'target', data: 'self' });
      for (const client of all) {
        assert.equal((await client.next('direct')).data, 'self');
      }

      for (const client of all) {
        await senders[0].ok({ type: 'send', to: 'target', data: 'still' });
        await client.close();
      }
      await senders[0].fails({ type: 'send', to: 'target', data: 'gone' },
        'peer_not_found');
    });

    test('of one connection reach the others of the same peer', async () => {
      const [one, two, three] = await tabs(3, 'echo');

      for (const client of [one, two, three]) {
        await client.join('echo');
      }
      await two.ok({ type: 'publish', channel: 'echo', data: 1 });
      for (const client of [one, three]) {
        assert.deepEqual(await client.next('message'),
          { type: 'message', channel: 'echo', from: 'echo', data: 1 });
      }
      await one.ok({ type: 'publish', channel: 'echo', data: 2 });
      assert.equal((await two.next('message')).data, 2);
      assert.deepEqual(two.frames, []);
    });
  });

  describe('a newer connection', () => {
    test('has the older ones pinged', async () => {
      const old = await tabs(4, 'probed');
      const pinged = old.map(() => 0);

      old.forEach((client, i) =>
        client.ws.on('ping', () => { pinged[i]++; }));

      await tabs(1, 'probed');
      await waitFor(() => pinged.every((n) => n > 0), 'pings');

      // those that answer stay

      for (const client of old) {
        await client.settled();
      }
    });

    test('of another peer or app has not', async () => {
      const raw = await connectRaw(ngx, {
        path: '/short?key=pk_live_all', headers: headers('alone')
      });

      await tabs(4, 'not alone', { path: '/short' });
      await tabs(4, 'alone', { path: '/short', key: 'pk_live_second' });
      await raw.write(text({ type: 'ping' }));
      await raw.message('pong');
      assert.ok(!raw.all.some((f) => f.opcode === PING));
    });

    test('has the dead ones dropped', async () => {
      const [watcher] = await connectApart(ngx, 1);
      const dead = await connectRaw(ngx, {
        path: '/short?key=pk_live_all', headers: headers('ghost')
      });

      await watcher.join('ghosts');
      await dead.write(text({ type: 'subscribe', channel: 'ghosts' }));
      assert.deepEqual(await delta(watcher), [['ghost'], []]);

      const [fresh] = await tabs(1, 'ghost', { path: '/short' });

      await dead.next(PING);
      await dead.ended;

      // the new one has not subscribed, so the peer has left the room
      assert.deepEqual(await delta(watcher), [[], ['ghost']]);
      await fresh.join('ghosts');
      assert.deepEqual(await delta(watcher), [['ghost'], []]);
    });
  });

  describe('signaling_same_peer single', () => {
    test('closes the older one with 4020', async () => {
      const [watcher] = await connectApart(ngx, 1);
      let [old] = await tabs(1, 'lonely', { path: '/single' });

      await watcher.join('single');
      await old.join('single');
      assert.deepEqual(await delta(watcher), [['lonely'], []]);

      for (let i = 0; i < 5; i++) {
        const [fresh] = await tabs(1, 'lonely', { path: '/single' });

        assert.equal((await old.closed).code, 4020);
        assert.deepEqual(await delta(watcher), [[], ['lonely']]);
        await fresh.join('single');
        assert.deepEqual(await delta(watcher), [['lonely'], []]);
        old = fresh;
      }
      assert.equal((await ngx.status()).connections, 2);
    });

    test('leaves other peers and apps alone', async () => {
      const [old] = await tabs(1, 'lonely', { path: '/single' });

      await tabs(3, 'another', { path: '/single' })
        .catch(() => { /* they close each other */ });
      await tabs(1, 'lonely', { path: '/single', key: 'pk_live_second' });
      await old.settled();
      assert.equal(old.close_code, undefined);
    });

    test('does not concern UUIDs', async () => {
      const all = await connectApart(ngx, 4,
        { path: '/single', headers: {} });

      await Promise.all(all.map((client) => client.settled()));
    });
  });

  describe('a peer ID', () => {
    const through = (peer) => exchange(ngx,
      { path: '/peer?key=pk_live_all', headers: headers(peer) });

    for (const peer of ['p', 'p'.repeat(128), 'a b', '~!"#$%&\'()*+,-./:;<=>?',
      '\\', '</script>', 'CN=Alice,O=Example', 'alice@example.com']) {
      test(`${peer.slice(0, 30)} is good, and is itself`, async () => {
        const raw = await through(peer);

        assert.equal((await raw.message('welcome')).peerId, peer);

        const [watcher] = await connectApart(ngx, 1);
        await watcher.join('names');
        await raw.write(text({ type: 'subscribe', channel: 'names' }));
        assert.deepEqual((await watcher.next('presence')).joined,
          [{ peerId: peer }]);
        await raw.write(text({ type: 'send', to: watcher.peerId, data: 1 }),
          text({ type: 'publish', channel: 'names', data: 2 }));
        assert.equal((await watcher.next('direct')).from, peer);
        assert.equal((await watcher.next('message')).from, peer);
        await watcher.ok({ type: 'send', to: peer, data: 3 });
        assert.equal((await raw.message('direct')).data, 3);
        await raw.destroy();
        assert.deepEqual((await watcher.next('presence')).left,
          [{ peerId: peer }]);
      });
    }

    for (const [name, peer] of [
      ['129 characters', 'p'.repeat(129)], ['a tab', 'a\tb'],
      ['Latin-1', '\u00e9'], ['DEL', 'a\u007f'], ['ESC', '\u001b[0m']
    ]) {
      test(`${name}: 4001`, async () => {
        const raw = await through(peer);

        assert.equal(raw.status, 101);
        assert.equal((await raw.close()).code, 4001);
        assert.equal(raw.all.length, 1);
        await raw.destroy();
      });
    }

    test('that is empty is a UUID', async () => {
      const [a, b] = await connectApart(ngx, 2, { path: '/arg' });

      assert.equal(a.peerId.length, 36);
      assert.notEqual(a.peerId, b.peerId);
      assert.equal((await tabs(1, ''))[0].peerId.length, 36);
    });

    test('of the query is taken as it is written', async () => {
      const [client] = await connectApart(ngx, 1, {
        path: '/arg', query: 'key=pk_live_all&peer=a%20b'
      });

      assert.equal(client.peerId, 'a%20b');
    });

    test('64 connections of one are the most', async () => {
      const all = await tabs(64, 'crowd');
      const raw = await through('crowd');

      assert.deepEqual(await raw.close(), {
        code: 4010, reason: 'the peer has all its connections'
      });
      await raw.destroy();
      assert.doesNotMatch(ngx.errorLog(), /is full/);

      await all[0].close();
      const [again] = await tabs(1, 'crowd');
      await again.ok({ type: 'send', to: 'crowd', data: 'all' });
      for (const client of [...all.slice(1), again]) {
        assert.equal((await client.next('direct')).data, 'all');
      }
    });
  });
});
