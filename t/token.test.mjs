// Copyright (C) The ngx_signaling authors
//
// Connections by JSON Web Token, docs/protocol.md 11: which are let in, how they
// are shown, and when they end.

import assert from 'node:assert/strict';
import test, { describe, before, after } from 'node:test';

import { reload, rewrite } from './processes.mjs';
import {
  baseUrl, Client, connect, KEYS, refused, startSite
} from './signaling.mjs';
import {
  ALGORITHMS, ALL_KEYS, FILES, issue, now, secretKey
} from './token.mjs';

const query = (token) => `token=${encodeURIComponent(token)}`;

/* connects with a token that jose signs */
const enter = async (ngx, claims, options, more) =>
  connect(ngx, { query: query(await issue(claims, options)), ...more });

const LARGE = 'large_client_header_buffers 4 32k;';

// the vector of docs/protocol.md 11.4

const VECTOR =
  'eyJhbGciOiJIUzI1NiIsImtpZCI6InNrX2lkX3Rlc3QxIiwidHlwIjoiSldUIn0.' +
  'eyJzdWIiOiJhbGljZSIsImV4cCI6MTg5MzQ1NjAwMCwiY2hhbm5lbHMiOlsicm9vbS0qIl0' +
  'sInBlcm1pc3Npb25zIjpbInB1Ymxpc2giLCJzdWJzY3JpYmUiLCJwcmVzZW5jZSIsInNlbm' +
  'QiXX0.' +
  'JvsODQ9rREJZmYzx4EWV9F-YN0USpX6qjvOoX2YCzBY';

describe('a token', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + ALL_KEYS +
        secretKey('sk_id_test1', { secret: 'sk_secret_test1' }),
      http: LARGE,
      files: FILES
    });
  });

  after(() => ngx.finish());

  for (const alg of ALGORITHMS) {
    test(`of ${alg} is accepted`, async () => {
      const exp = now() + 600;
      const client = await enter(ngx, { sub: `user ${alg}`, exp }, { alg });

      assert.equal(client.peerId, `user ${alg}`);
      assert.equal(client.welcome.expiresAt, exp);
      assert.equal('metadata' in client.welcome, false);
      await client.close();
    });
  }

  test('of the specification is accepted', async () => {
    const client = await connect(ngx, { query: query(VECTOR) });

    assert.equal(client.peerId, 'alice');
    assert.equal(client.welcome.expiresAt, 1893456000);
    await client.join('room-1');
    await client.fails({ type: 'subscribe', channel: 'hall' },
      'channel_not_authorized');
    await client.close();
  });

  test('is accepted from any origin, and from none', async () => {
    for (const origin of ['https://evil.example', 'null', null]) {
      const client = await enter(ngx, {}, {}, { origin });
      await client.close();
    }
  });

  test('may have a fraction of a second, which is rounded down', async () => {
    const exp = now() + 600;
    const client = await enter(ngx, { exp: exp + 0.999 });

    assert.equal(client.welcome.expiresAt, exp);
    await client.close();
  });

  test('keeps its subject letter by letter', async () => {
    const sub = ' a"\\/~<> ';
    const [one, two] = [await enter(ngx, { sub }), await connect(ngx)];

    assert.equal(one.peerId, sub);
    await one.join('letters');
    const snapshot = await two.join('letters');
    assert.deepEqual(snapshot.joined, [{ peerId: sub }]);
    await two.ok({ type: 'send', to: sub, data: 1 });
    assert.equal((await one.next('direct')).from, two.peerId);
    await Promise.all([one.close(), two.close()]);
  });

  test('of 17 KB is accepted', async () => {
    const metadata = { a: 'x'.repeat(8192 - 8) };
    const peerMetadata = { b: 'y'.repeat(4096 - 8) };
    const token = await issue({ metadata, peerMetadata, pad: 'z'.repeat(700) });

    assert.ok(token.length > 17000);
    const client = await connect(ngx, { query: query(token) });
    assert.deepEqual(client.welcome.metadata, metadata);

    const other = await connect(ngx);
    await client.join('large');
    assert.deepEqual((await other.join('large')).joined,
      [{ peerId: 'alice', metadata: peerMetadata }]);
    await Promise.all([client.close(), other.close()]);
  });

  test('and a key are too much', async () => {
    const token = await issue();
    const expected = {
      code: 4001, reason: 'exactly one of key and token is needed'
    };

    assert.deepEqual(await refused(ngx,
      { query: `key=pk_live_all&${query(token)}` }), expected);
    assert.deepEqual(await refused(ngx,
      { query: `${query(token)}&key=pk_live_all` }), expected);
    assert.deepEqual(await refused(ngx, { query: 'token=&key=' }), expected);
    assert.deepEqual(await refused(ngx, { query: 'x=1' }), expected);
  });

  test('counts when it is the first of two, and beside an empty key',
    async () => {
      const token = await issue();
      const client = await connect(ngx,
        { query: `key=&${query(token)}&token=x` });

      await client.close();
      assert.equal((await refused(ngx,
        { query: `token=x&${query(token)}` })).code, 4001);
    });

  test('is percent-decoded once', async () => {
    const token = await issue();
    const escaped = token.replaceAll('.', '%2E');
    const client = await connect(ngx, { query: `token=${escaped}` });

    await client.close();
    assert.equal((await refused(ngx,
      { query: `token=${escaped.replaceAll('%', '%25')}` })).code, 4001);
  });
});

describe('a token as a subprotocol', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + ALL_KEYS, http: LARGE, files: FILES
    });
  });

  after(() => ngx.finish());

  const bearer = async (claims) => `signaling.bearer.${await issue(claims)}`;

  test('is accepted and selected', async () => {
    const protocol = await bearer({ sub: 'bob' });

    for (const protocols of [
      [protocol], ['chat', protocol, 'x.y'], [protocol, 'signaling.bearer']
    ]) {
      const client = await connect(ngx, { protocols, query: '' });

      assert.equal(client.peerId, 'bob');
      assert.equal(client.ws.protocol, protocol);
      await client.close();
    }
  });

  test('of 17 KB is accepted', async () => {
    const client = await connect(ngx, {
      query: '', protocols: [await bearer({ pad: 'z'.repeat(13000) })],
      maxHeaderSize: 32768
    });

    await client.close();
  });

  test('is selected in front of a refusal, so that a browser gets to see it',
    async () => {
      const cases = [
        [['signaling.bearer.x'], '', 4001, 'credential not accepted'],
        [[await bearer({ exp: now() - 1 })], '', 4002, 'token expired'],
        [[await bearer()], 'key=pk_live_all', 4001,
         'exactly one of key and token is needed'],
        [[await bearer()], query(await issue()), 4001,
         'exactly one of key and token is needed'],
        [[await bearer(), await bearer({ sub: 'eve' })], '', 4001,
         'exactly one of key and token is needed']
      ];

      for (const [protocols, search, code, reason] of cases) {
        const client = new Client(`${baseUrl(ngx)}/v1?${search}`,
          { protocols });

        await client.opened;
        assert.equal(client.ws.protocol, protocols[0]);
        assert.deepEqual(await client.closed, { code, reason });
        assert.deepEqual(client.all, []);
      }
    });

  test('that is none is not selected, nor one in another case', async () => {
    const other = (await bearer()).replace('signaling', 'Signaling');

    for (const protocol of ['chat', 'signaling.bearer.', other]) {
      const client = await connect(ngx,
        { headers: { 'Sec-WebSocket-Protocol': protocol } });

      assert.equal(client.ws.protocol, '');
      await client.close();
    }
  });

  test('is taken from any of several headers', async () => {
    const client = await connect(ngx, {
      query: '',
      protocols: ['chat', await bearer({ sub: 'bob' })],
      headers: { 'sec-websocket-protocol': 'a, b' }
    });

    assert.equal(client.peerId, 'bob');
    await client.close();
  });
});

describe('the end of a token', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + secretKey('sk_HS256') +
        secretKey('sk_ES256', { alg: 'ES256' }),
      files: FILES,
      server: `location = /pings {
        signaling calls; signaling_ping 200ms grace=10s;
      }`
    });
  });

  after(() => ngx.finish());

  /* closed with 4002, not before its time and not much later */
  async function ends(client, exp) {
    const { code, reason } = await client.closed;
    const left = exp * 1000 - Date.now();

    assert.deepEqual({ code, reason }, { code: 4002, reason: 'token expired' });
    assert.ok(left <= 251, `closed ${left} ms before exp`);
    assert.ok(left > -5000, `closed ${-left} ms after exp`);
  }

  test('is the end of its connections, 250 ms before', async () => {
    const exp = Date.now() / 1000 + 3;
    const client = await enter(ngx, { exp });

    assert.equal(client.welcome.expiresAt, Math.floor(exp));

    // a token of a public key, which a worker knows when it comes again

    const shown = { query: query(await issue({ exp }, { alg: 'ES256' })) };
    const others = await Promise.all(
      [connect(ngx, shown), connect(ngx, shown)]);

    await client.join('room');
    await Promise.all([client, ...others].map((c) => ends(c, exp)));

    for (let i = 0; i < 4; i++) {
      assert.deepEqual(await refused(ngx, shown),
        { code: 4002, reason: 'token expired' });
    }
  });

  test('comes between pings, and while the client is busy', async () => {
    const exp = Date.now() / 1000 + 2;
    const [idle, busy] = [
      await enter(ngx, { exp }, {}, { path: '/pings' }),
      await enter(ngx, { exp, sub: 'busy' })
    ];
    const timer = setInterval(() => busy.send({ type: 'ping' }), 5);

    await Promise.all([ends(idle, exp), ends(busy, exp)]);
    clearInterval(timer);
  });

  test('is told to others', async () => {
    const other = await connect(ngx);
    const exp = Date.now() / 1000 + 2;
    const client = await enter(ngx, { exp });

    await other.join('told');
    await client.join('told');
    await other.next((f) => f.left?.[0]?.peerId === 'alice');
    await ends(client, exp);
    await other.close();
  });

  test('may be near, and is past when 250 ms are left', async () => {
    for (const left of [-1e9, -1, 0, 0.2]) {
      assert.deepEqual(
        await refused(ngx, { query: query(await issue({
          exp: Date.now() / 1000 + left
        })) }),
        { code: 4002, reason: 'token expired' });
    }
  });

  test('may be out of the range of timers', async () => {
    const clients = [];

    for (const after of [2 ** 31 / 1000, 2 ** 32 / 1000, 30 * 366 * 86400,
                         1e15, 1e300]) {
      const exp = now() + after;
      const client = await enter(ngx, { exp, sub: `x${after}` }, {},
        { path: '/pings' });
      assert.equal(client.welcome.expiresAt,
        Math.min(Math.floor(exp), 9e15));
      clients.push(client);
    }

    // through some pings

    await new Promise((resolve) => {
      let pings = 0;
      clients[0].ws.on('ping', () => ++pings === 5 && resolve());
    });

    for (const client of clients) {
      await client.settled();
      await client.close();
    }
  });
});

describe('a reload and tokens', () => {
  const key = (id, inner = 'channels room side-*;', more = {}) =>
    secretKey(`sk_${id}`, { inner, ...more });
  const wide = 'channels room side-*; actions subscribe publish;';

  // the key before and after, and whether that costs the connection

  const cases = {
    same: [key('same'), key('same'), false],
    gone: [key('gone'), '', true],
    actions: [key('actions'), key('actions', wide), true],
    channels: [key('channels'), key('channels', 'channels room;'), true],
    wider: [key('wider'), key('wider', 'channels **;'), false],
    secret: [
      key('secret'), key('secret', undefined, { secret: 'x'.repeat(64) }),
      true],
    algorithm: [
      key('algorithm'), key('algorithm', undefined, { alg: 'HS512' }), true],
    app: [key('app'), key('app', 'channels room side-*; app other;'), true],
    turn: [key('turn'), key('turn', 'channels room side-*; turn off;'), false]
  };

  const keys = (i) => KEYS + Object.values(cases).map((c) => c[i]).join('');

  test('closes those whose key has lost something with 4001', async () => {
    const ngx = await startSite({ keys: keys(0) });
    const clients = {};

    for (const id of Object.keys(cases)) {
      clients[id] = await enter(ngx, { sub: id }, { kid: `sk_${id}` });
      await clients[id].join('room');
    }

    rewrite(ngx, [keys(0), keys(1)]);
    await reload(ngx);

    for (const [id, [, , ends]] of Object.entries(cases)) {
      if (ends) {
        assert.equal((await clients[id].closed).code, 4001, id);
      }
    }

    for (const [id, [, , ends]] of Object.entries(cases)) {
      if (!ends) {
        await clients[id].settled();
        await clients[id].close();
      }
    }

    // the old token is good for nothing now

    for (const id of ['gone', 'secret', 'algorithm']) {
      assert.equal((await refused(ngx, {
        query: query(await issue({}, { kid: `sk_${id}` }))
      })).code, 4001);
    }

    await ngx.finish();
  });

  test('changes keys without a gap when there are two for a while',
    async () => {
      const old = key('old');
      const fresh = key('new', undefined, { secret: 'y'.repeat(64) });
      const token = (id, secret) =>
        issue({ sub: id }, { kid: `sk_${id}`, ...secret });
      const ngx = await startSite({ keys: KEYS + old });
      const one = await connect(ngx, { query: query(await token('old')) });

      rewrite(ngx, [old, old + fresh]);
      await reload(ngx);

      const two = await connect(ngx, {
        query: query(await token('new', { secret: 'y'.repeat(64) }))
      });
      const three = await connect(ngx, { query: query(await token('old')) });

      await one.join('room');
      assert.deepEqual((await two.join('room')).joined, [{ peerId: 'old' }]);

      rewrite(ngx, [old + fresh, fresh]);
      await reload(ngx);

      assert.equal((await one.closed).code, 4001);
      assert.equal((await three.closed).code, 4001);
      await two.settled();
      await two.close();
      await ngx.finish();
    });
});
