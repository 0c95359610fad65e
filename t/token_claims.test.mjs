// Copyright (C) The ngx_signaling authors
//
// What the claims of a token do, docs/protocol.md 5.2, 5.4.6, 5.6 and 11.2: what
// its peer may, what others and itself are told, and several of one subject.

import assert from 'node:assert/strict';
import test, { describe, before, after } from 'node:test';

import { connect, connectApart, KEYS, startSite } from './signaling.mjs';
import { forge, issue, now, secretKey } from './token.mjs';

const query = (token) => `token=${encodeURIComponent(token)}`;

/* connects with a token that jose signs */
const enter = async (ngx, claims, options, more) =>
  connect(ngx, { query: query(await issue(claims, options)), ...more });

const LARGE = 'large_client_header_buffers 4 32k;';

describe('the rights of a token', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      http: `${LARGE}
        publishable_key pk_live_listener {
          origins *; channels **; actions subscribe presence;
        }`,
      keys: secretKey('sk_HS256', { inner: 'channels room-* a/** lobby;' }) +
        secretKey('sk_mute', { inner: 'channels **; actions subscribe send;' })
    });
  });

  after(() => ngx.finish());

  const OPERATIONS = {
    subscribe: { type: 'subscribe', channel: 'lobby' },
    publish: { type: 'publish', channel: 'lobby', data: 1 },
    send: { type: 'send', to: 'alice', data: 1 }
  };

  /* which operations are permitted, and whether presence is seen */
  async function permitted(claims, options) {
    const client = await enter(ngx, claims, options);
    const found = [];

    for (const [name, frame] of Object.entries(OPERATIONS)) {
      const reply = await client.request(frame);
      if (reply.type === 'ack') {
        found.push(name);
      } else {
        assert.equal(reply.code, 'action_not_permitted');
      }
    }

    if (found.includes('subscribe')) {
      // a snapshot comes at once, or never

      const other = await enter(ngx, { sub: 'other' });
      await other.join('lobby');
      await other.ok({ type: 'send', to: 'alice', data: 'mark' });
      await client.next((f) => f.type === 'direct' && f.data === 'mark');
      if (client.all.some(({ type }) => type === 'presence')) {
        found.push('presence');
      }
      await other.close();
    }

    await client.close();
    return found;
  }

  test('are all actions of the key without a claim', async () => {
    assert.deepEqual(await permitted({}),
      ['subscribe', 'publish', 'send', 'presence']);
    assert.deepEqual(await permitted({}, { kid: 'sk_mute' }),
      ['subscribe', 'send']);
  });

  test('are those that both claim and key name', async () => {
    const all = ['subscribe', 'publish', 'send', 'presence'];

    assert.deepEqual(await permitted({ permissions: [] }), []);
    assert.deepEqual(await permitted({ permissions: ['fly'] }), []);
    assert.deepEqual(await permitted({ permissions: all }), all);
    assert.deepEqual(
      await permitted({ permissions: all }, { kid: 'sk_mute' }),
      ['subscribe', 'send']);
    assert.deepEqual(
      await permitted({ permissions: ['publish', 'presence'] },
        { kid: 'sk_mute' }), []);

    for (const action of ['subscribe', 'publish', 'send']) {
      assert.deepEqual(await permitted({ permissions: [action] }), [action]);
    }

    assert.deepEqual(
      await permitted({ permissions: ['presence', 'subscribe', 'send'] }),
      ['subscribe', 'send', 'presence']);
  });

  const CHANNELS = ['room-1', 'room-2', 'a/b', 'a/b/c', 'lobby', 'hall'];

  async function covered(claims) {
    const client = await enter(ngx, claims);
    const found = [];

    for (const channel of CHANNELS) {
      const one = await client.request({ type: 'subscribe', channel });
      const two = await client.request({ type: 'publish', channel, data: 1 });

      assert.equal(one.type, two.type);
      if (one.type === 'ack') {
        found.push(channel);
      } else {
        assert.equal(one.code, 'channel_not_authorized');
        assert.equal(two.code, 'channel_not_authorized');
      }
    }

    await client.close();
    return found;
  }

  test('cover the channels that both claim and key name', async () => {
    const key = ['room-1', 'room-2', 'a/b', 'a/b/c', 'lobby'];

    assert.deepEqual(await covered({}), key);
    assert.deepEqual(await covered({ channels: ['**'] }), key);
    assert.deepEqual(await covered({ channels: [] }), []);
    assert.deepEqual(await covered({ channels: [''] }), []);
    assert.deepEqual(await covered({ channels: ['hall'] }), []);
    assert.deepEqual(await covered({ channels: ['*-1', 'a/*', 'hall'] }),
      ['room-1', 'a/b']);
    assert.deepEqual(await covered({ channels: ['room-\\1', 'lob*'] }),
      ['room-1', 'lobby']);
  });

  test('come with patterns in their hundreds', async () => {
    const channels = Array.from({ length: 900 }, (_, i) => `room-${i}-x`);

    assert.deepEqual(await covered({ channels: [...channels, 'room-2'] }),
      ['room-2']);
  });

  test('are asked for each operation, in the order of the specification',
    async () => {
      const client = await enter(ngx, { permissions: [], channels: [] });

      await client.fails({ type: 'publish', channel: 'x', data: 1 },
        'action_not_permitted');
      await client.fails({ type: 'send', to: 'nobody', data: 1 },
        'action_not_permitted');
      await client.ok({ type: 'unsubscribe', channel: 'x' });
      await client.close();
    });
});

describe('what a token tells', () => {
  const LIST = '[{"urls":"stun:stun.example.com"}]';
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + secretKey('sk_HS256') +
        secretKey('sk_no_turn', { inner: 'channels **; turn off;' }),
      listen: 'reuseport',
      http: LARGE,
      server: `
        location = /ice { signaling calls; signaling_ice_servers '${LIST}'; }
        location = /turn {
          signaling calls;
          signaling_ice_servers $turn_ice_servers;
          turn_server turn:turn.example.com;
          turn_secret 0123456789abcdef;
        }
        location = /own {
          signaling calls;
          signaling_peer_id claimed;
          signaling_peer_metadata '{"from":"conf"}';
        }
        location = /named {
          signaling calls;
          signaling_ice_servers
            '["$signaling_peer_id","$signaling_key","$signaling_expires"]';
        }`
    });
  });

  after(() => ngx.finish());

  async function welcomed(path, claims, options) {
    const client = await enter(ngx, claims, options, { path });
    const { metadata } = client.welcome;

    await client.close();
    return metadata;
  }

  test('comes in the welcome', async () => {
    const metadata = { name: 'Al', n: [1.5, null, { a: 'ü"\\' }] };

    assert.deepEqual(await welcomed('/v1', { metadata }), metadata);
    assert.equal(await welcomed('/v1', { metadata: {} }), undefined);
    assert.equal(await welcomed('/v1', {}), undefined);
  });

  test('comes with the ICE servers of the site', async () => {
    const iceServers = JSON.parse(LIST);

    assert.deepEqual(await welcomed('/ice', {}), { iceServers });
    assert.deepEqual(await welcomed('/ice', { metadata: {} }),
      { iceServers });
    assert.deepEqual(await welcomed('/ice', { metadata: { a: 1, b: {} } }),
      { iceServers, a: 1, b: {} });
  });

  test('has ICE servers of its own, which are passed on', async () => {
    for (const iceServers of [[{ urls: 'turn:own' }], [], null, 'what']) {
      assert.deepEqual(
        await welcomed('/ice', { metadata: { a: 1, iceServers } }),
        { a: 1, iceServers });
    }
  });

  test('has none with a key that is not for TURN', async () => {
    const kid = { kid: 'sk_no_turn' };

    assert.equal(await welcomed('/ice', {}, kid), undefined);
    assert.deepEqual(await welcomed('/ice', { metadata: { a: 1 } }, kid),
      { a: 1 });
    assert.deepEqual(
      await welcomed('/ice', { metadata: { iceServers: [] } }, kid),
      { iceServers: [] });
  });

  test('has none when the token says so itself', async () => {
    assert.equal(await welcomed('/ice', { turn: false }), undefined);
    assert.deepEqual(
      await welcomed('/ice', { turn: false, metadata: { a: 1 } }), { a: 1 });
    assert.deepEqual(await welcomed('/ice', { turn: true }),
      { iceServers: JSON.parse(LIST) });
  });

  test('is there for the variables of the welcome', async () => {
    const exp = now() + 1000;

    assert.deepEqual(
      (await welcomed('/named', { sub: 'a b', exp: exp + 0.5 })).iceServers,
      ['a b', 'sk_HS256', String(exp)]);

    const client = await connect(ngx, { path: '/named' });
    assert.deepEqual(client.welcome.metadata.iceServers,
      [client.peerId, 'pk_live_all', '']);
    await client.close();
  });

  const expiry = (metadata) =>
    Number(metadata.iceServers[0].username.split(':')[0]);

  test('gives TURN credentials that last as long as it does', async () => {
    const exp = now() + 30 * 86400;

    assert.equal(expiry(await welcomed('/turn', { exp })), exp + 60);
    assert.match((await welcomed('/turn', { sub: 'al-1' }))
      .iceServers[0].username, /^\d+:al-1$/);
  });

  test('gives TURN credentials for a day when it lasts shorter', async () => {
    const before = now();
    const given = expiry(await welcomed('/turn', { exp: before + 5 }));

    assert.ok(given >= before + 86400 && given <= now() + 86460, given);
  });

  test('gives no TURN credentials beyond what coturn can count', async () => {
    for (const exp of [2 ** 32, 1e15, 1e300]) {
      assert.equal(expiry(await welcomed('/turn', { exp })),
        2 ** 31 - 1);
    }
  });

  test('weighs more than what the location says of publishable keys',
    async () => {
      const client = await enter(ngx, { sub: 'bob' }, {}, { path: '/own' });
      const other = await enter(ngx, { sub: 'al' });

      assert.equal(client.peerId, 'bob');
      await client.join('own');
      assert.deepEqual((await other.join('own')).joined, [{ peerId: 'bob' }]);
      await Promise.all([client.close(), other.close()]);
    });

  test('of peers is shown to others, and its metadata is not', async () => {
    const peerMetadata = { name: 'Alice', n: 1.50, e: 'ü' };
    const [alice, bob] = await connectApart(ngx, 2, {
      query: query(await issue({ peerMetadata, metadata: { secret: 's' } }))
    });
    const [carol, dave] = await connectApart(ngx, 2);

    await bob.close();
    await alice.join('meta');
    assert.deepEqual((await carol.join('meta',
      { includeSenderMetadata: true })).joined,
    [{ peerId: 'alice', metadata: peerMetadata }]);
    await dave.join('meta');

    await alice.ok({ type: 'publish', channel: 'meta', data: 1 });
    assert.deepEqual((await carol.next('message')).fromMetadata, peerMetadata);
    assert.equal('fromMetadata' in await dave.next('message'), false);

    await alice.ok({ type: 'send', to: dave.peerId, data: 2 });
    assert.deepEqual((await dave.next('direct')).fromMetadata, peerMetadata);

    await alice.ok({ type: 'unsubscribe', channel: 'meta' });
    await carol.next((f) => f.left?.[0]?.peerId === 'alice');
    await alice.join('meta');

    const delta = await dave.next((f) => f.joined?.[0]?.peerId === 'alice' &&
      f.joined[0].metadata);
    assert.deepEqual(delta.joined, [{ peerId: 'alice', metadata: peerMetadata }]);

    for (const client of [alice, carol, dave]) {
      assert.equal(JSON.stringify(client.all.slice(1)).includes('secret'),
        false);
      await client.close();
    }
  });

  test('keeps the spelling of its numbers', async () => {
    const token = forge({ alg: 'HS256', kid: 'sk_HS256' },
      `{"sub":"al","exp":${now() + 60},"peerMetadata":
        { "n" : [ 1.50, 1e2, 12345678901234567890 ], "s": "\\u00e4 \\/" } }`);
    const [al, other] = [
      await connect(ngx, { query: query(token) }), await connect(ngx)
    ];
    const texts = [];
    const spelled = '{"n":[1.50,1e2,12345678901234567890],' +
      '"s":"\\u00e4 \\/"}';

    other.ws.on('message', (data) => texts.push(String(data)));
    await al.join('raw');
    await other.join('raw');
    await al.ok({ type: 'send', to: other.peerId, data: 0 });
    await other.next('direct');

    for (const member of ['"metadata"', '"fromMetadata"']) {
      assert.ok(texts.some((text) => text.includes(`${member}:${spelled}`)),
        texts);
    }

    await Promise.all([al.close(), other.close()]);
  });
});

describe('one subject on several connections', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + secretKey('sk_HS256'), listen: 'reuseport'
    });
  });

  after(() => ngx.finish());

  test('is one peer, wherever they are', async () => {
    const options = { query: query(await issue()) };
    const [one, two, three] = await connectApart(ngx, 3, options);
    const bob = await connect(ngx);

    await bob.join('room');
    await one.join('room');
    assert.deepEqual((await bob.next('presence')).joined,
      [{ peerId: 'alice' }]);

    // taken over: left and joined, in two frames

    await two.join('room');
    assert.deepEqual((await bob.next('presence')).left, [{ peerId: 'alice' }]);
    assert.deepEqual((await bob.next('presence')).joined,
      [{ peerId: 'alice' }]);

    await bob.ok({ type: 'send', to: 'alice', data: 7 });
    for (const client of [one, two, three]) {
      assert.equal((await client.next('direct')).data, 7);
    }

    await one.close();
    await bob.settled();
    await two.close();
    assert.deepEqual((await bob.next('presence')).left, [{ peerId: 'alice' }]);
    assert.deepEqual(bob.frames, []);

    await Promise.all([three.close(), bob.close()]);
  });
});
