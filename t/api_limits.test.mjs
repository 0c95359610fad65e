// Copyright (C) The ngx_signaling authors
//
// The control plane where something is used up, taken away or slow: quotas
// and suspension of an app, keys that change, workers that do not read.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';

import {
  answer, call, channelPath, disconnect, head, line, MAIN, publish, roster,
  secretKey, SITE
} from './api.mjs';
import { freeze } from './processes.mjs';
import { connect, connectApart, startSite, waitFor } from './signaling.mjs';

const WORKERS = Math.max(4, Number(process.env.WORKERS ?? 1));
const SHOP = `sk_id_shop:${MAIN.split(':')[1]}`;

/* a site with an app "shop" beside the default one */
const withShop = (limits) => startSite({
  ...SITE,
  workers: WORKERS,
  listen: 'reuseport',
  keys: `${SITE.keys}
    publishable_key pk_live_shop {
      app shop; origins *; require_origin off; channels **;
    }
    ${secretKey('sk_id_shop', 'app shop; channels **;')}
    signaling_app shop ${limits};`
});

const usage = async (ngx, key) =>
  (await call(ngx, 'GET', '/v1/usage', { key })).json;

const refused = (res, status, error) => {
  assert.equal(res.status, status, res.text);
  assert.equal(res.json.error, error);
};

test('messages beyond the quota of the app', async () => {
  const ngx = await withShop('max_messages=5 max_connections=7');
  const [a, b] = await connectApart(ngx, 2, { key: 'pk_live_shop' });

  await a.join('room');
  await a.ok({ type: 'send', to: b.peerId, data: 0 });
  await b.ok({ type: 'publish', channel: 'room', data: 1 });

  for (const data of [2, 3, 4]) {
    assert.equal((await publish(ngx, 'room', { data }, { key: SHOP })).status,
      200);
  }

  // whoever asks

  refused(await publish(ngx, 'room', { data: 5 }, { key: SHOP }), 429,
    'over_message_quota');
  await b.fails({ type: 'publish', channel: 'room', data: 6 },
    'over_message_quota');

  // what is refused before is not counted, what is refused by it is

  refused(await publish(ngx, '_system/x', { data: 7 }, { key: SHOP }), 400,
    'channel_reserved');

  const used = await usage(ngx, SHOP);

  assert.equal(used.appId, 'shop');
  assert.equal(used.messagesUsed, 7);
  assert.equal(used.overageMessages, 0);
  assert.equal(used.concurrentNow, 2);
  assert.equal(used.plan.maxMessagesPerPeriod, 5);
  assert.equal(used.plan.maxConcurrentConnections, 7);

  await a.next((f) => f.type === 'message' && f.data === 4);
  await a.settled();
  assert.deepEqual(
    a.all.filter(({ type }) => type === 'message').map(({ data }) => data),
    [1, 2, 3, 4]);

  // another app, and all that is no message

  assert.equal((await publish(ngx, 'room', { data: 8 })).status, 200);
  assert.equal((await roster(ngx, 'room', { key: SHOP })).json.peers.length,
    1);
  assert.equal((await disconnect(ngx, a.peerId, { key: SHOP })).json.closed,
    1);

  await ngx.finish();
});

test('a suspended app', async () => {
  const ngx = await withShop('suspended');
  const key = SHOP;

  refused(await publish(ngx, 'room', { data: 1 }, { key }), 403,
    'action_not_permitted');
  refused(await publish(ngx, '_system/x', { data: 1 }, { key }), 400,
    'channel_reserved');

  assert.deepEqual((await roster(ngx, 'room', { key })).json.peers, []);
  assert.equal((await disconnect(ngx, 'alice', { key })).json.closed, 0);

  const used = await usage(ngx, key);

  assert.equal(used.concurrentNow, 0);
  assert.equal(used.messagesUsed, 0);
  assert.equal((await publish(ngx, 'room', { data: 1 })).status, 200);

  await ngx.finish();
});

test('a key that is taken away while a body is on its way', async () => {
  const ngx = await startSite({
    ...SITE,
    keys: `${SITE.keys} key_file live.keys;`,
    files: {
      'live.keys': { text: secretKey('sk_id_live', 'channels a b;') }
    }
  });

  const Authorization = `Bearer sk_id_live:${MAIN.split(':')[1]}`;
  const member = await connect(ngx);
  const lines = [];

  await member.join('a');

  for (let i = 0; i < 4; i++) {
    const raw = await line(ngx);

    await raw.write(head('POST', channelPath('a', 'publish'),
      { Authorization, 'Content-Length': 10, Expect: '100-continue' }));

    // the key has been looked at

    assert.equal((await answer(raw)).status, 100);
    await raw.write('{"da');
    lines.push(raw);
  }

  fs.writeFileSync(`${ngx.dir}/live.keys`,
    secretKey('sk_id_other', 'channels **;'));

  await waitFor(async () => {
    const raw = await line(ngx);
    await raw.write(head('GET', '/v1/usage', { Authorization }));
    const { status } = await answer(raw);
    await raw.destroy();
    return status === 401;
  }, 'the loss of the key');

  // one goes away, the others finish what they were allowed to begin

  await lines.pop().destroy();

  for (const raw of lines) {
    await raw.write('ta":1}');
    assert.equal((await answer(raw)).status, 200);
    await member.next('message');
    await raw.write(head('GET', channelPath('a', 'peers'),
      { Authorization }));
    await answer(raw);
    await raw.destroy();
  }

  await ngx.finish();
});

test('keys that come by a file only', async () => {
  const ngx = await startSite({
    ...SITE, keys: 'key_file live.keys;',
    files: { 'live.keys': { text: SITE.keys } }
  });

  assert.equal((await roster(ngx, 'room')).status, 200);
  await ngx.finish();
});

test('too much waits for a worker that does not read', async () => {
  const ngx = await startSite({ ...SITE, workers: 2 });
  const member = await connect(ngx);
  const body = JSON.stringify({ data: 'x'.repeat(32000) });

  await member.join('room');
  await freeze(member.worker);

  // 16 MB wait, and what the rings take

  let res;
  let sent = 0;

  do {
    res = await publish(ngx, 'room', body);
    sent++;
  } while (res.status === 200 && sent < 2000);

  refused(res, 503, 'internal_error');
  assert.ok(sent * 32000 > 16 * 1024 * 1024, `after ${sent} messages`);

  // the other one has to be served meanwhile

  assert.equal((await roster(ngx, 'room')).json.peers.length, 1);

  await freeze(member.worker, false);

  for (let i = 1; i < sent; i++) {
    await member.next('message');
  }

  await waitFor(async () =>
    (await publish(ngx, 'room', { data: 'last' })).status === 200, 'room');
  await member.next((f) => f.type === 'message' && f.data === 'last');
  await ngx.finish();
});
