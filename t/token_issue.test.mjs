// Copyright (C) The ngx_signaling authors
//
// token_issue: what a backend and a page get, docs/protocol.md 12.4, and what
// they do not.  Tokens are verified by jose.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { after, before, describe } from 'node:test';

import { jwtVerify } from 'jose';

import { call } from './api.mjs';
import { connect, ORIGIN, startSite } from './signaling.mjs';

const SECRET = 'sk_secret_of_main_0123456789_abcdefghij';
const LONG = 'sk_secret_of_long_0123456789_abcdefghij_0123456789_abcdefghij';
const TURN = 'north-star-secret';

const URLS = ['stun:turn.example.com:3478', 'turn:turn.example.com:3478',
              'turns:turn.example.com:5349?transport=tcp'];

const UUID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const KEYS = `
  publishable_key pk_page { origins ${ORIGIN}; channels demo-* lobby "q\\"x";
                            actions subscribe publish send; }
  publishable_key pk_native { origins ${ORIGIN}; require_origin off;
                              channels **; }
  publishable_key pk_off   { origins ${ORIGIN}; channels **; turn off; }
  publishable_key pk_other { origins ${ORIGIN}; channels **; app other; }
  secret_key sk_main { secret ${SECRET}; channels demo-* room/**;
                       actions subscribe publish presence send; }
  secret_key sk_long { algorithm HS384; secret ${LONG}; channels **;
                       actions publish; }
  secret_key sk_off  { secret ${SECRET}; channels **; turn off; }`;

const HTTP = `
  turn_server ${URLS.join(' ')};
  turn_secret ${TURN};
  limit_req_zone $server_port zone=one:1m rate=1r/m;
  limit_req_status 429;`;

const SERVER = `
  location = /tokens  { token_issue sk_main; }
  location = /long    { token_issue sk_long; }
  location = /off     { token_issue sk_off; }
  location = /backend { token_issue; }
  location = /short   { token_issue sk_main; token_ttl 90s; turn_ttl 30s; }
  location = /user    { token_issue sk_main; token_subject $http_x_user;
                        token_peer_metadata $http_x_meta; }
  location = /client  { token_issue sk_main; token_client_metadata 40;
                        token_peer_metadata $http_x_meta; }
  location = /turnless { turn_server stun:a.example.com; token_issue sk_main; }
  location = /named   { token_issue sk_main; turn_user $http_x_user; }
  location = /if      { token_issue sk_main; token_ttl 5m;
                        if ($http_x_if) { set $x 1; } }
  location = /limited { token_issue sk_main; limit_req zone=one; }`;

const now = () => Math.floor(Date.now() / 1000);

async function verify(token, secret = SECRET) {
  const { payload, protectedHeader } =
    await jwtVerify(token, new TextEncoder().encode(secret));

  return { claims: payload, header: protectedHeader };
}

describe('token_issue', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({ keys: KEYS, http: HTTP, server: SERVER });
  });
  after(() => ngx?.finish());

  /* a backend; the body is made JSON unless it is text */
  const backend = (body, { key = `sk_main:${SECRET}`, path = '/tokens',
    ...options } = {}) =>
    call(ngx, 'POST', path, {
      key, body: typeof body === 'object' && !Array.isArray(body) &&
        !Buffer.isBuffer(body) ? JSON.stringify(body) : body, ...options
    });

  /* a page */
  const page = (path, { key = 'pk_page', origin = ORIGIN, body, headers } = {}) =>
    call(ngx, 'POST', `${path}?key=${key}`, {
      key: null, headers: { ...(origin && { Origin: origin }), ...headers },
      body: body === undefined || typeof body === 'string'
        ? body : JSON.stringify(body)
    });

  function refused(res, status, error) {
    assert.equal(res.status, status, res.text);
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.deepEqual(Object.keys(res.json), ['error', 'message']);
    assert.equal(res.json.error, error);
  }

  describe('for a backend', () => {
    test('all that it asks for is in the token', async () => {
      const from = now();
      const asked = {
        peerId: 'alice', channels: ['demo-1', 'room/a/b', 'demo-*'],
        permissions: ['send', 'subscribe'], expiresInSec: 600,
        metadata: { big: 12345678901234567, a: [1.0, 1e2, 'é'] },
        peerMetadata: { username: 'Alice "A"' }
      };
      const res = await backend(asked);

      assert.equal(res.status, 200, res.text);
      assert.equal(res.headers['cache-control'], 'no-store');
      assert.deepEqual(Object.keys(res.json), ['token', 'expiresAt']);

      const { claims, header } = await verify(res.json.token);

      assert.deepEqual(header, { alg: 'HS256', kid: 'sk_main', typ: 'JWT' });
      assert.deepEqual(claims, {
        sub: 'alice', iat: claims.iat, exp: claims.iat + 600,
        channels: asked.channels, permissions: ['subscribe', 'send'],
        metadata: asked.metadata, peerMetadata: asked.peerMetadata
      });
      assert.equal(res.json.expiresAt, claims.exp);
      assert.ok(claims.iat >= from - 1 && claims.iat <= now());
    });

    test('what it does not ask for is not there', async () => {
      const { json } = await backend({ peerId: 'bob' });
      const { claims } = await verify(json.token);

      assert.deepEqual(claims, {
        sub: 'bob', iat: claims.iat, exp: claims.iat + 3600,
        permissions: ['subscribe', 'publish', 'presence', 'send']
      });
    });

    test('empty lists stay empty', async () => {
      const { json } = await backend({
        peerId: 'bob', channels: [], permissions: [], metadata: {},
        peerMetadata: {}
      });
      const { claims } = await verify(json.token);

      assert.deepEqual([claims.channels, claims.permissions, claims.metadata,
                        claims.peerMetadata], [[], [], {}, {}]);
    });

    test('metadata stays as it was written, but for white space', async () => {
      const { json } = await backend('{ "peerId": "\\u0062ob", ' +
        '"metadata": { "n" : 1.50, "e": 1E+2 , "s": "\\u00e9 \\/" } }');
      const text = Buffer.from(json.token.split('.')[1], 'base64url')
        .toString();

      assert.ok(text.endsWith(
        ',"metadata":{"n":1.50,"e":1E+2,"s":"\\u00e9 \\/"}}'), text);
      assert.ok(text.startsWith('{"sub":"bob",'), text);
    });

    test('it is signed with the key that was shown', async () => {
      const { json } = await backend({ peerId: 'x' },
                                     { key: `sk_long:${LONG}` });
      const { claims, header } = await verify(json.token, LONG);

      assert.equal(header.alg, 'HS384');
      assert.equal(header.kid, 'sk_long');
      assert.deepEqual(claims.permissions, ['publish']);
    });

    test('the directive need not name a key, nor the page an origin',
         async () => {
           for (const path of ['/backend', '/long']) {
             const { json, headers } = await backend({ peerId: 'x' },
               { path, headers: { Origin: 'https://elsewhere.example' } });

             await verify(json.token);
             assert.equal(headers['access-control-allow-origin'], undefined);
           }
         });

    test('token_ttl is the default only', async () => {
      const short = await verify(
        (await backend({ peerId: 'x' }, { path: '/short' })).json.token);
      const long = await verify(
        (await backend({ peerId: 'x', expiresInSec: 86400 },
                       { path: '/short' })).json.token);

      assert.equal(short.claims.exp - short.claims.iat, 90);
      assert.equal(long.claims.exp - long.claims.iat, 86400);
    });

    test('the body may come in chunks', async () => {
      const res = await backend(['{"peer', 'Id":"x"', '}']);
      assert.equal((await verify(res.json.token)).claims.sub, 'x');
    });

    test('the token connects', async () => {
      const { json } = await backend({
        peerId: 'alice', channels: ['demo-1'], permissions: ['subscribe']
      });
      const client = await ngx.connect({ query: `token=${json.token}` });

      assert.equal(client.peerId, 'alice');
      assert.equal(client.welcome.expiresAt, json.expiresAt);
      assert.equal((await client.request(
        { type: 'subscribe', channel: 'demo-1' })).type, 'ack');
      assert.equal((await client.request(
        { type: 'subscribe', channel: 'demo-2' })).code,
        'channel_not_authorized');
      assert.equal((await client.request(
        { type: 'publish', channel: 'demo-1', data: 1 })).code,
        'action_not_permitted');

      await client.close();
    });

    const big = (n) => ({ a: 'x'.repeat(n - '{"a":""}'.length) });

    for (const [name, body] of [
      ['the longest peer ID', { peerId: 'a'.repeat(128) }],
      ['the shortest time', { peerId: 'a', expiresInSec: 1 }],
      ['100 channels', { peerId: 'a', channels: Array(100).fill('demo-1') }],
      ['16 permissions', { peerId: 'a', permissions: Array(16).fill('send') }],
      ['8 KB of metadata', { peerId: 'a', metadata: big(8192) }],
      ['4 KB of peerMetadata', { peerId: 'a', peerMetadata: big(4096) }],
      ['members that mean nothing', { peerId: 'a', x: null, sub: 'root' }],
      ['an escape for a star', { peerId: 'a', channels: ['demo-\\*'] }]
    ]) {
      test(`may: ${name}`, async () => {
        const res = await backend(body);

        assert.equal(res.status, 200, res.text);
        assert.equal((await verify(res.json.token)).claims.sub, body.peerId);
      });
    }

    const a = { peerId: 'a' };

    for (const [name, body] of [
      ['nothing', undefined], ['no JSON', 'x'], ['an array', '[]'],
      ['cut short', '{"peerId":"a"'], ['more than one', '{"peerId":"a"}{}'],
      ['a member twice', '{"peerId":"a","peerId":"b"}'],
      ['a member twice, inside', '{"peerId":"a","metadata":{"x":1,"x":2}}'],
      ['no UTF-8', Buffer.from('{"peerId":"a","metadata":{"x":"\xff"}}',
                               'latin1')],
      ['no peer ID', {}], ['an empty peer ID', { peerId: '' }],
      ['a long peer ID', { peerId: 'a'.repeat(129) }],
      ['a peer ID that is not ASCII', { peerId: 'é' }],
      ['a peer ID with a newline', { peerId: 'a\n' }],
      ['a number for a peer ID', { peerId: 1 }],
      ['null for a peer ID', { peerId: null }],
      ['no time', { ...a, expiresInSec: 0 }],
      ['a time in the past', { ...a, expiresInSec: -1 }],
      ['more than a day', { ...a, expiresInSec: 86401 }],
      ['a fraction', '{"peerId":"a","expiresInSec":60.5}'],
      ['a time as text', { ...a, expiresInSec: '60' }],
      ['a huge time', '{"peerId":"a","expiresInSec":99999999999999999999}'],
      ['null for a time', { ...a, expiresInSec: null }],
      ['a channel alone', { ...a, channels: 'demo-1' }],
      ['101 channels', { ...a, channels: Array(101).fill('demo-1') }],
      ['an empty channel', { ...a, channels: [''] }],
      ['a number for a channel', { ...a, channels: [1] }],
      ['a long channel', { ...a, channels: [`demo-${'x'.repeat(252)}`] }],
      ['a channel with a control character', { ...a, channels: ['demo-\x7f'] }],
      ['a permission alone', { ...a, permissions: 'send' }],
      ['17 permissions', { ...a, permissions: Array(17).fill('send') }],
      ['a number for a permission', { ...a, permissions: [1] }],
      ['an array for metadata', { ...a, metadata: [] }],
      ['null for metadata', { ...a, metadata: null }],
      ['too much metadata', { ...a, metadata: big(8193) }],
      ['text for peerMetadata', { ...a, peerMetadata: 'x' }],
      ['too much peerMetadata', { ...a, peerMetadata: big(4097) }]
    ]) {
      test(`400: ${name}`, async () =>
        refused(await backend(body), 400, 'invalid_request'));
    }

    for (const channel of ['_system/x', '_Metered/', '_internal/demo-1']) {
      test(`400: the channel ${channel}`, async () =>
        refused(await backend({ ...a, channels: ['demo-1', channel] }), 400,
                'channel_reserved'));
    }

    for (const [name, body, error] of [
      ['a channel out of scope', { channels: ['demo-1', 'other'] },
       'channel_not_authorized'],
      ['a wider pattern', { channels: ['**'] }, 'channel_not_authorized'],
      ['an unknown permission', { permissions: ['send', 'fly'] },
       'action_not_permitted'],
      ['a permission in another case', { permissions: ['Send'] },
       'action_not_permitted'],
      ['both', { permissions: ['fly'], channels: ['other'] },
       'action_not_permitted']
    ]) {
      test(`403: ${name}`, async () =>
        refused(await backend({ ...a, ...body }), 403, error));
    }

    test('403: a permission that the key lacks', async () =>
      refused(await backend({ ...a, permissions: ['send'] },
                            { key: `sk_long:${LONG}` }), 403,
              'action_not_permitted'));

    const messages = new Set();

    for (const [name, key] of [
      ['nothing', null], ['no pair', ''], ['an ID alone', 'sk_main'],
      ['no secret', 'sk_main:'], ['a wrong secret', `sk_main:${SECRET}x`],
      ['an unknown key', `sk_none:${SECRET}`],
      ['a publishable key', 'pk_page:'], ['a token', 'eyJ.eyJ.x']
    ]) {
      test(`401: ${name}`, async () => {
        const res = await backend({}, { key });

        refused(res, 401, 'unauthorized');
        assert.equal(res.headers['www-authenticate'], 'Bearer');
        messages.add(res.text);
        assert.equal(messages.size, 1);
      });
    }

    test('401: a token that was issued here', async () => {
      const { json } = await backend({ peerId: 'x' });
      refused(await backend({ peerId: 'y' }, { key: json.token }), 401,
              'unauthorized');
    });

    test('a wrong pair beside a good key', async () =>
      refused(await call(ngx, 'POST', '/tokens?key=pk_page',
        { key: 'sk_main:x', headers: { Origin: ORIGIN } }), 401,
              'unauthorized'));

    test('413 comes before 400, and after 401', async () => {
      const long = 'x'.repeat(32769);

      refused(await backend(long), 413, 'invalid_request');
      refused(await backend([long.slice(1), 'xx']), 413, 'invalid_request');
      refused(await backend(long, { key: 'x' }), 401, 'unauthorized');
      refused(await backend('x'.repeat(32768)), 400, 'invalid_request');
    });

    test('400 comes before 403', async () =>
      refused(await backend({ ...a, permissions: ['fly'], metadata: 1 }), 400,
              'invalid_request'));

    test('400: a token that nobody would take', async () =>
      refused(await backend({ ...a, channels: Array(100).fill(
        `demo-${'x'.repeat(251)}`) }), 400, 'invalid_request'));

    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']) {
      test(`405: ${method}`, async () => {
        const res = await call(ngx, method, '/tokens',
          { key: `sk_main:${SECRET}`, body: method === 'PUT' ? '{}' : '' });

        assert.equal(res.status, 405);
        assert.equal(res.headers.allow, 'POST, OPTIONS');
        assert.equal(res.headers['cache-control'], 'no-store');

        if (method !== 'HEAD') {
          refused(res, 405, 'not_found');
        }

        const stranger = await call(ngx, method, '/tokens', { key: 'x' });
        assert.equal(stranger.status, 401);
      });
    }
  });

  describe('for a page', () => {
    test('it has the rights of the page\'s key', async () => {
      const from = now();
      const res = await page('/tokens');

      assert.equal(res.status, 200, res.text);
      assert.equal(res.headers['cache-control'], 'no-store');
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
      assert.equal(res.headers.vary, 'Origin');
      assert.deepEqual(Object.keys(res.json),
                       ['token', 'expiresAt', 'iceServers']);

      const { claims, header } = await verify(res.json.token);

      assert.deepEqual(header, { alg: 'HS256', kid: 'sk_main', typ: 'JWT' });
      assert.match(claims.sub, UUID);
      assert.deepEqual(claims, {
        sub: claims.sub, iat: claims.iat, exp: claims.iat + 3600,
        channels: ['demo-*', 'lobby', 'q"x'],
        permissions: ['subscribe', 'publish', 'send']
      });
      assert.equal(res.json.expiresAt, claims.exp);
      assert.ok(claims.iat >= from - 1);
    });

    test('every one has an identity of its own', async () => {
      const subs = new Set();

      for (let i = 0; i < 10; i++) {
        subs.add((await verify((await page('/tokens')).json.token))
          .claims.sub);
      }
      assert.equal(subs.size, 10);
    });

    test('another algorithm', async () => {
      const { json } = await page('/long');
      assert.equal((await verify(json.token, LONG)).header.alg, 'HS384');
    });

    test('the token connects, within the rights of both keys', async () => {
      const { json } = await page('/tokens');
      const client = await ngx.connect({ query: `token=${json.token}` });
      const code = async (channel) =>
        (await client.request({ type: 'subscribe', channel })).code;

      assert.equal(await code('demo-1'), undefined);
      assert.equal(await code('lobby'), 'channel_not_authorized');
      assert.equal(await code('room/1'), 'channel_not_authorized');

      await client.close();
    });

    test('TURN servers for as long as turn_ttl', async () => {
      const from = now();
      const { json } = await page('/tokens');
      const [stun, turn, turns] = json.iceServers;
      const { claims } = await verify(json.token);
      const { username, credential } = turn;

      assert.deepEqual(stun, { urls: URLS[0] });
      assert.deepEqual(turn, { urls: URLS[1], username, credential });
      assert.deepEqual(turns, { urls: URLS[2], username, credential });
      assert.equal(credential,
        createHmac('sha1', TURN).update(username).digest('base64'));

      const [expiry, id] = username.split(':');
      assert.equal(id, claims.sub);
      assert.ok(expiry >= from - 1 + 4 * 3600 + 60);
      assert.ok(expiry <= now() + 4 * 3600 + 60);
    });

    test('or for as long as the token, if that is longer', async () => {
      const { json } = await page('/short');
      const [expiry] = json.iceServers[1].username.split(':');

      assert.equal(Number(expiry), json.expiresAt + 60);
    });

    test('turn_user names them', async () => {
      const { json } = await page('/named', { headers: { 'X-User': 'u' } });
      assert.equal(json.iceServers[1].username.split(':')[1], 'u');
    });

    for (const [name, path, key] of [
      ['TURN is not configured', '/turnless', 'pk_page'],
      ['the page\'s key has turn off', '/tokens', 'pk_off'],
      ['the signing key has turn off', '/off', 'pk_page']
    ]) {
      test(`no TURN servers where ${name}`, async () => {
        const res = await page(path, { key });

        assert.equal(res.status, 200, res.text);
        assert.deepEqual(res.json.iceServers, []);
      });
    }

    test('a key with turn off gets no TURN by its token either', async () => {
      const { json } = await page('/tokens', { key: 'pk_off' });
      const { claims } = await verify(json.token);

      assert.equal(claims.turn, false);
    });

    test('token_subject', async () => {
      const sub = async (user) => {
        const headers = user === undefined ? {} : { 'X-User': user };
        const { json } = await page('/user', { headers });

        return (await verify(json.token)).claims.sub;
      };

      assert.equal(await sub('alice@example.org'), 'alice@example.org');
      assert.equal(await sub('a'.repeat(128)), 'a'.repeat(128));
      assert.match(await sub(''), UUID);
      assert.match(await sub(undefined), UUID);
    });

    test('503: no peer ID from token_subject, logged once', async () => {
      for (let i = 0; i < 2; i++) {
        refused(await page('/user', { headers: { 'X-User': 'a'.repeat(129) } }),
                503, 'internal_error');
        refused(await page('/user', { headers: { 'X-User': 'caf\xe9' } }), 503,
                'internal_error');
      }

      const lines = ngx.errorLog().match(/"token_subject" gave no peer ID/g);
      assert.ok(lines.length >= 1 && lines.length <= ngx.workerPids().length);
    });

    test('token_peer_metadata', async () => {
      const meta = async (value) => {
        const { json } = await page('/user', { headers: { 'X-Meta': value } });

        return (await verify(json.token)).claims.peerMetadata;
      };

      assert.deepEqual(await meta('{ "name" : "A" }'), { name: 'A' });
      assert.equal(await meta(''), undefined);

      const fits = { a: 'x'.repeat(4096 - 8) };
      assert.deepEqual(await meta(JSON.stringify(fits)), fits);

      for (const bad of ['[]', '{"a":1', 'text', '{"a":1,"a":2}',
                         `{"a":"${'x'.repeat(4089)}"}`]) {
        assert.equal(await meta(bad), undefined);
      }

      const lines =
        ngx.errorLog().match(/"token_peer_metadata" gave no JSON object/g);
      assert.ok(lines.length >= 1 && lines.length <= ngx.workerPids().length);
    });

    test('token_client_metadata', async () => {
      const meta = async (path, peerMetadata, headers) => {
        const { json } = await page(path, { body: { peerMetadata }, headers });

        return (await verify(json.token)).claims.peerMetadata;
      };
      const own = { name: 'x'.repeat(40 - 11) };

      assert.deepEqual(await meta('/client', own), own);
      assert.equal(await meta('/client', undefined), undefined);
      assert.equal(await meta('/tokens', own), undefined);
      assert.equal(await meta('/tokens', 'text'), undefined);

      // the administrator's counts before the page's
      assert.deepEqual(await meta('/client', own, { 'X-Meta': '{"a":1}' }),
                       { a: 1 });
    });

    test('a page names nothing else', async () => {
      const { json } = await page('/client', {
        body: { peerId: 'root', channels: ['**'], expiresInSec: 86400,
                permissions: ['presence'], metadata: { a: 1 } }
      });
      const { claims } = await verify(json.token);

      assert.match(claims.sub, UUID);
      assert.deepEqual(claims.channels, ['demo-*', 'lobby', 'q"x']);
      assert.deepEqual(claims.permissions, ['subscribe', 'publish', 'send']);
      assert.equal(claims.exp - claims.iat, 3600);
      assert.equal(claims.metadata, undefined);
    });

    for (const [name, body, path = '/client'] of [
      ['too much', { peerMetadata: { name: 'x'.repeat(40 - 10) } }],
      ['no object', { peerMetadata: [] }], ['null', { peerMetadata: null }],
      ['no JSON', '{'], ['no JSON, with off', '{', '/tokens'],
      ['an array', '[]', '/tokens']
    ]) {
      test(`400: ${name}`, async () =>
        refused(await page(path, { body }), 400, 'invalid_request'));
    }

    test('413', async () =>
      refused(await page('/tokens', { body: 'x'.repeat(32769) }), 413,
              'invalid_request'));

    test('in an "if" of the location', async () => {
      const { json } = await page('/if', { headers: { 'X-If': '1' } });
      const { claims } = await verify(json.token);

      assert.equal(claims.exp - claims.iat, 300);
    });

    for (const [name, options, status, error] of [
      ['401: an unknown key', { key: 'pk_none' }, 401, 'unauthorized'],
      ['401: no key', { key: '' }, 401, 'unauthorized'],
      ['401: the ID of a secret key', { key: 'sk_main' }, 401,
       'unauthorized'],
      ['403: another origin', { origin: 'https://evil.example' }, 403,
       'origin_not_allowed'],
      ['403: no origin', { origin: null }, 403, 'origin_not_allowed'],
      ['403: a key of another app', { key: 'pk_other' }, 403,
       'action_not_permitted'],
      ['400 comes before 403', { origin: null, body: '{' }, 400,
       'invalid_request']
    ]) {
      test(name, async () =>
        refused(await page('/tokens', options), status, error));
    }

    test('401: where the directive names no key', async () =>
      refused(await page('/backend'), 401, 'unauthorized'));

    test('without an origin, where the key allows that', async () => {
      const res = await page('/tokens', { key: 'pk_native', origin: null });
      assert.equal(res.status, 200);
    });

    test('405', async () => {
      const res = await call(ngx, 'GET', '/tokens?key=pk_page',
        { key: null, headers: { Origin: ORIGIN } });

      refused(res, 405, 'not_found');
      assert.equal(res.headers.allow, 'POST, OPTIONS');
    });

    test('limit_req is nginx\'s own', async () => {
      assert.equal((await page('/limited')).status, 200);
      assert.equal((await page('/limited')).status, 429);
    });

    test('preflight', async () => {
      const preflight = (origin) => call(ngx, 'OPTIONS', '/tokens', {
        key: null,
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST',
                   'Access-Control-Request-Headers': 'content-type' }
      });
      const res = await preflight(ORIGIN);

      assert.equal(res.status, 204);
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
      assert.equal(res.headers['access-control-allow-methods'],
                   'POST, OPTIONS');
      assert.equal(res.headers['access-control-allow-headers'],
                   'Authorization, Content-Type');
      assert.equal(res.headers['cache-control'], 'no-store');
      assert.equal(res.headers.allow, 'POST, OPTIONS');

      const other = await preflight('https://evil.example');
      assert.equal(other.status, 204);
      assert.equal(other.headers['access-control-allow-origin'], undefined);
    });
  });

  test('no secret and no token reaches a log', async () => {
    const { json } = await backend({ peerId: 'log' });

    await page('/tokens', { key: `sk_main:${SECRET}` });
    await page('/tokens', { key: encodeURIComponent(json.token) });

    for (const secret of [SECRET, LONG, TURN, json.token]) {
      assert.ok(!ngx.accessLog().includes(secret));
      assert.ok(!ngx.errorLog().includes(secret));
    }
  });
});
