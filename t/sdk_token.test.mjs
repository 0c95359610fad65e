// Copyright (C) The ngx_signaling authors
//
// The unmodified SDK in Node with a token provider: Appendix A of
// docs/protocol.md, as far as it concerns tokens.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import { SignallingConnectError } from '@metered-ca/realtime';

import { reload, rewrite } from './processes.mjs';
import { Caller, closeAll, Person, together } from './sdk.mjs';
import { KEYS, startSite, waitFor } from './signaling.mjs';
import { forge, issue, now, secretKey } from './token.mjs';

const KEY = secretKey('sk_HS256');

describe('the SDK with a token provider', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + KEY, listen: 'reuseport',
      http: 'large_client_header_buffers 4 32k;'
    });
  });

  afterEach(async () => {
    await closeAll();
    await ngx.empty();
  });

  after(() => ngx?.stop());

  /* options of somebody who is issued a token whenever it is asked for */
  const holder = (claims, options = {}) => ({
    apiKey: undefined,
    tokenProvider: typeof claims === 'function'
      ? claims : () => issue(claims),
    ...options
  });

  async function person(channel, claims, options) {
    const one = new Person(ngx, holder(claims, options));

    await one.join(channel);
    return one;
  }

  test('keeps its peer ID when it comes back', async () => {
    const exp = now() + 600;
    const a = new Caller(ngx, holder({ sub: 'alice', exp }));

    await a.sdk.connect();
    await a.wire.kill();

    const [first, second] = [
      await a.tells('connected', 1), await a.tells('connected', 2)
    ];

    for (const { peerId, expiresAt } of [first, second]) {
      assert.equal(peerId, 'alice');
      assert.equal(expiresAt, exp);
    }
    assert.equal(second.isReconnect, true);
  });

  test('is refused with 4001 or 4002 before it was connected', async () => {
    const header = { alg: 'none', kid: 'sk_HS256' };
    const claims = { sub: 'a', exp: now() + 600 };

    for (const [token, code] of [
      [forge(header, claims, { signature: '' }), 4001],
      [forge({ alg: 'HS256', kid: 'sk_x' }, claims), 4001],
      [await issue({ exp: now() - 1 }), 4002]
    ]) {
      const a = new Caller(ngx, holder(async () => token));

      await assert.rejects(a.sdk.connect(), (error) => {
        assert.ok(error instanceof SignallingConnectError, error.stack);
        assert.equal(error.closeCode, code);
        return true;
      });
      assert.equal(a.wire.links.length, 1);
    }
  });

  test('asks for another token when one has ended', async () => {
    const ends = Date.now() / 1000 + 3;
    let asked = 0;

    const bob = await person('room', { sub: 'bob' });
    const alice = await person('room',
      () => issue({ exp: asked++ === 0 ? ends : now() + 600 }));
    const [link] = alice.wire.links;

    await together(alice, bob);
    assert.equal(await link.closed, 4002);

    const left = ends * 1000 - Date.now();
    assert.ok(left <= 251, `closed ${left} ms before exp`);

    await waitFor(() => alice.wire.links.length === 2, 'return');
    await waitFor(() => alice.sdk.state === 'joined', 'join');
    await together(alice, bob);
    assert.equal(asked, 2);
    assert.equal(alice.id, 'alice');
    assert.deepEqual(alice.told('error'), []);
  });

  test('has 17 KB of a token', async () => {
    const metadata = { a: 'x'.repeat(8192 - 8) };
    const name = 'y'.repeat(4096 - 11);
    const alice = await person('room', {
      metadata, peerMetadata: { name }, pad: 'z'.repeat(700)
    });
    const bob = await person('room', { sub: 'bob' });

    await together(alice, bob);
    assert.deepEqual(bob.sdk.remotePeers[0].metadata, { name });
    assert.deepEqual(alice.wire.received('welcome')[0].metadata, metadata);
  });

  test('is one peer over two connections, until both have gone', async () => {
    const bob = await person('room', { sub: 'bob' });
    const first = await person('room', { sub: 'alice' });
    await waitFor(() => bob.sees(first), 'the first');

    const [{ pc }] = bob.sdk.remotePeers;
    const second = await person('room', { sub: 'alice' });

    // taken over: left, then joined, and a new connection to the newcomer

    await waitFor(() => bob.ids('peer-joined').length === 2, 'takeover');
    assert.deepEqual(bob.ids('peer-left'), ['alice']);
    await waitFor(() => bob.sees(second), 'the second');
    assert.notEqual(bob.sdk.remotePeers[0].pc, pc);

    const frames = bob.wire.received('presence').slice(-2);
    assert.deepEqual(frames.map(({ left }) => left.length), [1, 0]);
    assert.deepEqual(frames.map(({ joined }) => joined.length), [0, 1]);

    // neither sees the other, and the end of one of them is silent

    for (const one of [first, second]) {
      assert.equal(one.ids('peer-joined').includes('alice'), false);
    }

    await first.close();
    await second.sdk.sendTo('bob', 'still here');
    await waitFor(() => bob.told('data').length, 'message');
    assert.deepEqual(bob.ids('peer-left'), ['alice']);

    await second.close();
    await waitFor(() => bob.ids('peer-left').length === 2, 'departure');
  });

  test('is told of rights that it has not', async () => {
    const a = new Caller(ngx, holder({
      permissions: ['subscribe'], channels: ['room']
    }));
    const fails = (promise, name) => assert.rejects(promise, { name });

    await a.sdk.connect();
    await a.sdk.subscribe('room');
    await fails(a.sdk.subscribe('hall'), 'channel_not_authorized');
    await fails(a.sdk.publish('room', 1), 'action_not_permitted');
    await fails(a.sdk.send('alice', 1), 'action_not_permitted');
  });

  test('stops when its key is revoked', async () => {
    const a = await person('room', {});

    rewrite(ngx, [KEY, '']);
    await reload(ngx);

    assert.equal((await a.tells('error')).err.name, 'invalid_token');
    assert.equal(a.wire.links.length, 1);

    await closeAll();
    rewrite(ngx, [KEYS, KEYS + KEY]);
    await reload(ngx);
  });
});
