// Copyright (C) The ngx_signaling authors
//
// permessage-deflate with another implementation of it, npm's ws, in all the
// ways in which that can be set; and what it costs a worker.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { connect, startSite } from './signaling.mjs';

// all that there is, or only what is longer than ws thinks it worth
const ALL = { threshold: 0 };

const OFFERS = [
  ['as it comes', true],
  ['all messages', ALL],
  ['no takeover by us', { ...ALL, serverNoContextTakeover: true }],
  ['no takeover by the client', { ...ALL, clientNoContextTakeover: true }],
  ...[9, 12, 15].map((bits) =>
    [`our window ${bits}`, { ...ALL, serverMaxWindowBits: bits }]),
  ...[9, 15].map((bits) =>
    [`the client's window ${bits}`, { ...ALL, clientMaxWindowBits: bits }]),
  ['no compression by the client',
   { ...ALL, zlibDeflateOptions: { level: 0 } }],
  ['the least memory of the client',
   { ...ALL, zlibDeflateOptions: { memLevel: 1 } }]
];

const LENGTHS = [0, 1, 100, 511, 512, 1000, 4000, 20000, 65000];

/* something like what calls say, and different for each length */
const text = (length) => Array.from({ length: Math.ceil(length / 20) },
  (_, i) => `a=candidate:${i * length % 977} \u20ac`).join(' ')
  .slice(0, length);

describe('npm\'s ws', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      http: 'signaling_rate off;', location: 'signaling_deflate on;'
    });
  });
  after(() => ngx?.finish());

  for (const [name, perMessageDeflate] of OFFERS) {
    test(name, async () => {
      const client = await connect(ngx, { perMessageDeflate });
      const plain = await connect(ngx);

      assert.equal(client.ws.extensions, 'permessage-deflate');
      assert.equal(plain.ws.extensions, '');

      for (const length of LENGTHS) {
        for (const [from, to] of [[client, plain], [plain, client],
          [client, client]]) {
          const data = text(length);

          await from.ok({ type: 'send', to: to.peerId, data });
          assert.equal((await to.next('direct')).data, data);
        }
      }

      await client.close();
      await plain.close();
    });
  }

  test('many at once, each in order', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, (_, i) =>
      connect(ngx, { perMessageDeflate: i % 2 ? ALL : false })));

    for (const client of clients) {
      await client.join('crowd');
    }
    for (let n = 0; n < 50; n++) {
      for (const [i, client] of clients.entries()) {
        client.send({ type: 'publish', channel: 'crowd',
                      data: { i, n, text: text(n * 40) } });
      }
    }

    for (const [i, client] of clients.entries()) {
      const next = clients.map(() => 0);

      for (let left = 50 * (clients.length - 1); left > 0; left--) {
        const { data } = await client.next('message');
        assert.equal(data.n, next[data.i]++);
        assert.equal(data.text, text(data.n * 40));
      }
      assert.equal(next[i], 0);
    }

    await Promise.all(clients.map((client) => client.close()));
  });
});

// A pair of streams of zlib takes 110 KB, so one for each of these would be
// 44 MB.

describe('memory', { timeout: 120000 }, () => {
  const COUNT = 400;

  /* how much more is held, in KB, by clients that have sent and been sent */
  async function grows(ngx, perMessageDeflate) {
    const before = ngx.held();
    const clients = [];

    for (let i = 0; i < COUNT; i++) {
      const client = await connect(ngx, { perMessageDeflate });
      await client.ok({ type: 'send', to: client.peerId, data: text(700) });
      await client.next('direct');
      clients.push(client);
    }

    const more = ngx.held() - before;

    await Promise.all(clients.map((client) => client.close()));

    return more;
  }

  test('is that of a worker, not of its connections', async () => {
    const ngx = await startSite({ location: 'signaling_deflate on;' });

    await grows(ngx, false);
    await ngx.empty();
    assert.ok(await grows(ngx, ALL) < 8 * 1024);
    await ngx.finish();
  });
});
