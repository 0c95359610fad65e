// Copyright (C) The ngx_signaling authors
//
// turn_credentials: callers with a token, the lifetime that a caller asks for,
// and the ways in which the clients of two providers ask.

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import test, { after, before, describe } from 'node:test';

import { call } from './api.mjs';
import { ORIGIN, startSite } from './signaling.mjs';
import { FILES, forge, issue, now, secretKey } from './token.mjs';

const HTTP = `
  turn_server stun:turn.example.com turn:turn.example.com;
  turn_secret north-star-secret;`;

const KEYS = `
  publishable_key pk_page { origins ${ORIGIN}; channels **; }
  ${secretKey('sk_HS256')}
  ${secretKey('sk_ES256', { alg: 'ES256' })}
  ${secretKey('sk_off', { inner: 'channels **; turn off;' })}`;

const SERVER = `
  location = /array      { turn_credentials; }
  location = /object     { turn_credentials object; turn_ttl 1h; }
  location = /rest       { turn_credentials rest; turn_ttl 1h;
                           turn_user $http_x_user; }
  location = /twilio     { turn_credentials twilio; turn_ttl 1h; }
  location = /cloudflare { turn_credentials cloudflare; turn_ttl 1h; }`;

describe('turn_credentials', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS, files: FILES, server: SERVER,
      http: `${HTTP} server { listen 127.0.0.1:@PORT_H2@ http2; ${SERVER} }`
    });
  });
  after(() => ngx?.finish());

  const get = (path, options) =>
    call(ngx, 'GET', path, { key: null, ...options });

  const page = (path, options = {}) => get(`${path}key=pk_page`,
    { ...options, headers: { Origin: ORIGIN, ...options.headers } });

  const post = (path, body, headers = {}) =>
    call(ngx, 'POST', `${path}?key=pk_page`, {
      key: null, headers: { Origin: ORIGIN, ...headers }, body
    });

  const expiry = (username) => Number(username.split(':')[0]) - 60;

  function refused(res, status, error) {
    assert.equal(res.status, status, res.text);
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.deepEqual(Object.keys(res.json), ['error', 'message']);
    assert.equal(res.json.error, error);
  }

  /* a lifetime that was counted from some second since "from" */
  function lives(until, from, ttl) {
    assert.ok(until >= from - 1 + ttl, `too short by ${from + ttl - until}`);
    assert.ok(until <= now() + ttl, `too long by ${until - now() - ttl}`);
  }

  describe('with a token', () => {
    for (const alg of ['HS256', 'ES256']) {
      test(alg, async () => {
        const from = now();
        const key = await issue({ sub: 'alice', exp: from + 86400 }, { alg });
        const { status, json } = await get('/rest', { key });

        assert.equal(status, 200);
        assert.equal(json.ttl, 3600);
        assert.equal(json.username.split(':')[1], 'alice');
        lives(expiry(json.username), from, 3600);
      });
    }

    test('credentials end with the token', async () => {
      const exp = now() + 600;
      const { json } = await get('/object', { key: await issue({ exp }) });

      assert.equal(json.expiresAt, exp);
      assert.equal(expiry(json.iceServers[1].username), exp);

      const rest = (await get('/rest?ttl=3600', {
        key: await issue({ exp: exp + 0.9 })
      })).json;

      assert.equal(expiry(rest.username), exp);
      assert.ok(rest.ttl <= 600);
    });

    test('or earlier, when that is asked for', async () => {
      const { json } = await get('/rest?ttl=60', { key: await issue() });
      assert.equal(json.ttl, 60);
    });

    test('turn_user counts before its subject', async () => {
      const { json } = await get('/rest', {
        key: await issue(), headers: { 'X-User': 'bob' }
      });
      assert.equal(json.username.split(':')[1], 'bob');
    });

    test('from any page; which may read it if its origin is allowed',
         async () => {
           const key = await issue();
           const own = await get('/array', { key, headers: { Origin: ORIGIN } });
           const other = await get('/array', {
             key, headers: { Origin: 'https://elsewhere.example' }
           });

           assert.equal(own.status, 200);
           assert.equal(own.headers['access-control-allow-origin'], ORIGIN);
           assert.equal(other.status, 200);
           assert.equal(other.headers['access-control-allow-origin'],
                        undefined);
         });

    const bodies = new Set();

    for (const [name, make] of [
      ['expired', () => issue({ exp: now() - 1 })],
      ['of the second that runs', () => issue({ exp: now() + 0.001 })],
      ['without an end', () => issue({ exp: undefined })],
      ['not valid yet', () => issue({ nbf: now() + 60 })],
      ['with another secret', () => issue({}, { secret: 'x'.repeat(32) })],
      ['of an unknown key', () => issue({}, { kid: 'sk_none' })],
      ['of a publishable key', () => issue({}, { kid: 'pk_page' })],
      ['of another algorithm', () => issue({}, { alg: 'HS384',
                                                 kid: 'sk_HS256' })],
      ['without a signature', async () =>
        (await issue()).replace(/[^.]*$/, '')],
      ['with the algorithm none', () => forge(
        '{"alg":"none","kid":"sk_HS256"}',
        `{"sub":"a","exp":${now() + 60}}`, { signature: '' })],
      ['no token', () => 'eyJhbGciOiJIUzI1NiJ9']
    ]) {
      test(`401: ${name}`, async () => {
        const res = await get('/array', { key: await make() });

        refused(res, 401, 'unauthorized');
        assert.equal(res.headers['www-authenticate'], 'Bearer');
        bodies.add(res.text);
        assert.equal(bodies.size, 1);
      });
    }

    test('401: in the query', async () =>
      refused(await get(`/array?token=${await issue()}`), 401,
              'unauthorized'));

    test('403: its key has turn off', async () =>
      refused(await get('/array', { key: await issue({}, { kid: 'sk_off' }) }),
              403, 'action_not_permitted'));

    test('403: it says itself that TURN is not for it', async () => {
      refused(await get('/array', { key: await issue({ turn: false }) }), 403,
              'action_not_permitted');
      assert.equal((await get('/array', {
        key: await issue({ turn: true })
      })).status, 200);
    });
  });

  describe('the lifetime', () => {
    for (const [asked, ttl] of [
      ['1', 1], ['600', 600], ['0600', 600], ['%36%300', 600], ['3600', 3600],
      ['3601', 3600], ['999999999999999999999999999', 3600]
    ]) {
      test(`of ${asked}`, async () => {
        const from = now();
        const { status, json } = await page(`/rest?ttl=${asked}&`);

        assert.equal(status, 200);
        assert.equal(json.ttl, ttl);
        lives(expiry(json.username), from, ttl);
      });
    }

    test('in the other shapes', async () => {
      const from = now();
      const object = (await page('/object?ttl=90&')).json;
      const twilio = (await page('/twilio?ttl=90&')).json;
      const [, cloudflare] =
        (await page('/cloudflare?ttl=90&')).json.iceServers;
      const [, turn] = (await page('/array?ttl=90&')).json;

      lives(object.expiresAt, from, 90);
      assert.equal(expiry(object.iceServers[1].username), object.expiresAt);
      assert.equal(twilio.ttl, '90');

      for (const { username } of [twilio, cloudflare, turn]) {
        lives(expiry(username), from, 90);
      }
    });

    for (const asked of ['', '0', '000', '-1', '+1', '1.5', '1e3', '0x10',
                         '60s', '%20', 'x']) {
      test(`400: "${asked}"`, async () => {
        refused(await page(`/array?ttl=${asked}&`), 400, 'invalid_request');

        // those who may not call do not learn it
        refused(await get(`/array?ttl=${asked}`), 401, 'unauthorized');
      });
    }

    test('400 comes before 403', async () =>
      refused(await get('/array?ttl=x&key=pk_page'), 400, 'invalid_request'));
  });

  describe('twilio', () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

    for (const [body, ttl] of [
      ['Ttl=600', '600'], ['', '3600'], ['X=1&Ttl=60&Y', '60'],
      ['Ttl=86400', '3600'], ['Ttl=60&Ttl', '60'], ['ttl=60', '3600'], ['XTtl=60', '3600']
    ]) {
      test(`POST of "${body}"`, async () => {
        const { status, json } = await post('/twilio', body, form);

        assert.equal(status, 201);
        assert.equal(json.ttl, ttl);
      });
    }

    for (const body of ['Ttl=', 'Ttl=0', 'Ttl=x', 'Ttl=-1', 'Ttl=0&Ttl=60']) {
      test(`400: "${body}"`, async () =>
        refused(await post('/twilio', body, form), 400, 'invalid_request'));
    }

    test('GET is 200', async () =>
      assert.equal((await page('/twilio?')).status, 200));
  });

  describe('cloudflare', () => {
    for (const [body, ttl] of [
      ['{"ttl":600}', 600], ['', 3600], ['{}', 3600], ['{"ttl":86400}', 3600],
      ['{"customIdentifier":"x","ttl":60}', 60]
    ]) {
      test(`POST of ${body || 'nothing'}`, async () => {
        const from = now();
        const { status, json } = await post('/cloudflare', body);

        assert.equal(status, 201);
        lives(expiry(json.iceServers[1].username), from, ttl);
      });
    }

    for (const body of ['{"ttl":0}', '{"ttl":-1}', '{"ttl":"60"}',
                        '{"ttl":1.5}', '{"ttl":null}', '{', '[]', '60']) {
      test(`400: ${body}`, async () =>
        refused(await post('/cloudflare', body), 400, 'invalid_request'));
    }

    test('the query counts before the body', async () => {
      const from = now();
      const { json } = await call(ngx, 'POST', '/cloudflare?ttl=60', {
        key: await issue(), body: '{"ttl":600}'
      });

      lives(expiry(json.iceServers[1].username), from, 60);
    });
  });

  describe('a POST', () => {
    test('is refused by the other shapes, as ever', async () => {
      const res = await post('/rest', '{"ttl":60}');

      refused(res, 405, 'not_found');
      assert.equal(res.headers.allow, 'GET, HEAD, OPTIONS');
    });

    test('401, 413, 400, 403, in this order', async () => {
      const long = 'x'.repeat(32769);

      refused(await call(ngx, 'POST', '/cloudflare', { key: 'x', body: long }),
              401, 'unauthorized');
      refused(await post('/cloudflare', long), 413, 'invalid_request');
      refused(await post('/cloudflare', ['{"ttl":1', long]), 413,
              'invalid_request');
      refused(await post('/cloudflare', '{', { Origin: 'https://evil.example' }),
              400, 'invalid_request');
      refused(await post('/cloudflare', '{}',
                         { Origin: 'https://evil.example' }),
              403, 'origin_not_allowed');
    });

    test('is among the methods of these two', async () => {
      const res = await call(ngx, 'OPTIONS', '/twilio',
                             { key: null, headers: { Origin: ORIGIN } });

      assert.equal(res.headers.allow, 'GET, HEAD, POST, OPTIONS');
      assert.equal(res.headers['access-control-allow-methods'],
                   'GET, POST, OPTIONS');

      const put = await call(ngx, 'PUT', '/twilio?key=pk_page',
                             { key: null, headers: { Origin: ORIGIN } });

      refused(put, 405, 'not_found');
    });
  });

  test('HTTP/2', async () => {
    const h2 = http2.connect(`http://127.0.0.1:${ngx.ports.PORT_H2}`);

    const ask = (headers, body) => new Promise((resolve, reject) => {
      const stream = h2.request(headers);
      let text = '';
      let status;

      stream.on('response', (h) => { status = h[':status']; });
      stream.on('data', (part) => { text += part; });
      stream.on('end', () => resolve({ status, text }));
      stream.on('error', reject);
      stream.end(body);
    });

    const made = await ask({
      ':method': 'POST', ':path': '/cloudflare?key=pk_page', origin: ORIGIN
    }, '{"ttl":60}');

    assert.equal(made.status, 201);
    assert.equal(JSON.parse(made.text).iceServers.length, 2);

    const token = await ask({
      ':path': '/rest', authorization: `Bearer ${await issue()}`
    });

    assert.equal(token.status, 200);
    h2.close();
  });
});
