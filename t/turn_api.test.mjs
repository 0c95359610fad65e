// Copyright (C) The ngx_signaling authors
//
// turn_api: the paths of the hosted service, docs/protocol.md 13.1 to 13.3 and
// 13.6.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { after, before, describe } from 'node:test';

import { call } from './api.mjs';
import { ORIGIN, startSite } from './signaling.mjs';

const SECRET = 'sk_secret_of_main_0123456789_abcdefghij';
const ODD = 'a secret: with/odd?characters&in=it%+#';
const TURN = 'north-star-secret';

const URLS = ['stun:turn.example.com:3478', 'turn:turn.example.com:3478',
              'turns:turn.example.com:5349?transport=tcp'];

const KEYS = `
  publishable_key pk_page { origins ${ORIGIN}; channels **; }
  publishable_key pk_native { origins ${ORIGIN}; require_origin off;
                              channels **; }
  publishable_key pk_any { origins *; channels **; }
  publishable_key pk_off { origins ${ORIGIN}; channels **; turn off; }
  secret_key sk_main { secret ${SECRET}; channels **; }
  secret_key sk_odd  { secret "${ODD}"; channels **; }
  secret_key sk_off  { secret ${SECRET}; channels **; turn off; }`;

const HTTP = `
  turn_server ${URLS.join(' ')};
  turn_secret ${TURN};
  limit_req_zone $server_port zone=one:1m rate=1r/m;
  limit_req_status 429;`;

const SERVER = `
  location /api/v1/turn/ { turn_api; }
  location /api/v2/turn/ { turn_api; }
  location /plain        { turn_api; }
  location /short/       { turn_api; turn_ttl 90s; }
  location /none/        { turn_api; turn_server stun:a.example.com; }
  location /other/       { turn_api; turn_secret other-secret; }
  location /user/        { turn_api; turn_user $http_x_user; }
  location /limited/     { turn_api; limit_req zone=one; }
  location /moved/       { rewrite ^/moved/(.*) /api/v1/turn/$1 last; }`;

const MAIN = encodeURIComponent(`sk_main:${SECRET}`);
const YEAR = 365 * 86400;

const now = () => Math.floor(Date.now() / 1000);

const sign = (username, secret = TURN) =>
  createHmac('sha1', secret).update(username).digest('base64');

/* docs/protocol.md 13.6 */
function apiKey(expiry, id, secret = TURN) {
  const body = Buffer.alloc(16);

  body.writeBigUInt64BE(BigInt(expiry));
  Buffer.from(id, 'hex').copy(body, 8);

  return body.toString('hex') + createHmac('sha256', secret)
    .update('turn-api-key\0').update(body).digest('hex').slice(0, 32);
}

const ID = '0123456789abcdef';

describe('turn_api', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({ keys: KEYS, http: HTTP, server: SERVER });
  });
  after(() => ngx?.finish());

  const ask = (method, target, options) =>
    call(ngx, method, target, { key: null, ...options });

  const list = (query, { path = '/api/v1/turn/', origin = ORIGIN,
    ...more } = {}) =>
    ask('GET', `${path}credentials?${query}`,
        { headers: { ...(origin && { Origin: origin }), ...more } });

  const create = (body, { path = '/api/v1/turn/', query = `secretKey=${MAIN}`,
    ...options } = {}) =>
    ask('POST', `${path}credential?${query}`, {
      body: body === undefined || typeof body === 'string' ||
        Array.isArray(body) ? body : JSON.stringify(body), ...options
    });

  function is(res, status, body) {
    assert.equal(res.status, status, res.text);
    assert.equal(res.headers['content-type'], 'application/json');
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.deepEqual(res.json, body);
  }

  function refused(res, status, error) {
    assert.equal(res.status, status, res.text);
    assert.equal(res.headers['cache-control'], 'no-store');
    assert.deepEqual(Object.keys(res.json), ['error', 'message']);
    assert.equal(res.json.error, error);
  }

  /* the times that a username may have which was made since "from" */
  function expires(username, from, ttl) {
    const expiry = Number(username.split(':')[0]);

    assert.ok(expiry >= from - 1 + ttl + 60, 'expires too early');
    assert.ok(expiry <= now() + ttl + 60, 'expires too late');
  }

  describe('GET credentials', () => {
    test('is an array of servers', async () => {
      const from = now();
      const res = await list('apiKey=pk_page&region=north_america');

      assert.equal(res.status, 200, res.text);
      assert.equal(res.headers['content-type'], 'application/json');
      assert.equal(res.headers['cache-control'], 'no-store');
      assert.equal(res.headers.vary, 'Origin');
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);

      const { username, credential } = res.json[1];

      assert.deepEqual(res.json, [
        { urls: URLS[0] },
        { urls: URLS[1], username, credential },
        { urls: URLS[2], username, credential }
      ]);
      assert.equal(credential, sign(username));
      assert.match(username, /^\d+:[0-9a-f]{16}$/);
      expires(username, from, 4 * 3600);
    });

    test('turn_ttl', async () => {
      const from = now();
      const { json } = await list('apiKey=pk_page', { path: '/short/' });

      expires(json[1].username, from, 90);
    });

    test('HEAD', async () => {
      const head = await ask('HEAD', '/api/v1/turn/credentials?apiKey=pk_page',
                             { headers: { Origin: ORIGIN } });
      const full = await list('apiKey=pk_page');

      assert.equal(head.status, 200);
      assert.equal(head.text, '');
      assert.equal(head.headers['content-length'],
                   full.headers['content-length']);
    });

    test('paths begin behind that of the location', async () => {
      for (const path of ['/plain/', '/moved/']) {
        assert.equal((await list('apiKey=pk_page', { path })).json.length, 3);
      }
      refused(await list('apiKey=pk_page', { path: '/plain/v1/' }), 404,
              'not_found');
    });

    test('without an origin, where the key allows that', async () => {
      assert.equal((await list('apiKey=pk_native', { origin: null })).status,
                   200);
    });

    for (const query of ['', 'apiKey=', 'key=pk_page', 'APIKEY=pk_page']) {
      test(`400: "${query}"`, async () =>
        is(await list(query), 400, { error: 'Please specify API Key' }));
    }

    for (const [name, key] of [
      ['an unknown key', 'pk_none'], ['the ID of a secret key', 'sk_main'],
      ['a pair', MAIN],
      ['another secret\'s', apiKey(2 ** 31, ID, 'x')],
      ['one that has expired', apiKey(now(), ID)],
      ['an old one', apiKey(0, ID)],
      ['one in capitals', apiKey(2 ** 31, ID).toUpperCase()],
      ['a long one', `${apiKey(2 ** 31, ID)}0`],
      ['another expiry', apiKey(2 ** 31, ID).replace('8', '9')]
    ]) {
      test(`401: ${name}`, async () => {
        const res = await list(`apiKey=${key}`);

        is(res, 401, { error: 'Invalid API Key' });
        assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
      });
    }

    for (const origin of ['https://evil.example', null]) {
      test(`403: ${origin ?? 'no origin'}`, async () =>
        refused(await list('apiKey=pk_page', { origin }), 403,
                'origin_not_allowed'));
    }

    test('403: turn off', async () =>
      refused(await list('apiKey=pk_off'), 403, 'action_not_permitted'));

    test('503', async () =>
      is(await list('apiKey=pk_page', { path: '/none/' }), 503,
         { error: 'TURN is not configured' }));

    for (const method of ['POST', 'PUT', 'DELETE']) {
      test(`405: ${method}`, async () => {
        const res = await ask(method, '/api/v1/turn/credentials?apiKey=pk_page',
                              { body: method === 'POST' ? '{}' : undefined });

        refused(res, 405, 'not_found');
        assert.equal(res.headers.allow, 'GET, HEAD, OPTIONS');
      });
    }

    test('limit_req is nginx\'s own', async () => {
      const { status } = await list('apiKey=pk_page', { path: '/limited/' });

      assert.equal(status, 200);
      assert.equal((await list('apiKey=pk_page', { path: '/limited/' })).status,
                   429);
    });
  });

  describe('POST credential', () => {
    test('without a wish', async () => {
      const from = now();
      const { status, headers, json } = await create();

      assert.equal(status, 200);
      assert.equal(headers['cache-control'], 'no-store');
      assert.deepEqual(Object.keys(json), ['username', 'password', 'apiKey']);
      assert.equal(json.password, sign(json.username));
      assert.match(json.username, /^\d+:[0-9a-f]{16}$/);
      expires(json.username, from, YEAR);

      // the key has the same ID, and the expiry without the grace
      const [expiry, id] = json.username.split(':');
      assert.equal(json.apiKey, apiKey(Number(expiry) - 60, id));
    });

    test('with all of them', async () => {
      const from = now();
      const wish = { expiryInSeconds: 600, label: 'call-17 "é"' };
      const { json } = await create(wish);

      assert.deepEqual(Object.keys(json), ['username', 'password',
        'expiryInSeconds', 'label', 'apiKey']);
      assert.equal(json.expiryInSeconds, 600);
      assert.equal(json.label, wish.label);
      expires(json.username, from, 600);
    });

    test('the API key gets credentials, from any page', async () => {
      const from = now();
      const made = (await create()).json;
      const res = await list(`apiKey=${made.apiKey}`,
                             { origin: 'https://elsewhere.example' });
      const { username, credential } = res.json[1];

      assert.equal(username.split(':')[1], made.username.split(':')[1]);
      assert.equal(credential, sign(username));
      expires(username, from, 4 * 3600);
      assert.equal((await list(`apiKey=${made.apiKey}`, { origin: null }))
        .status, 200);
    });

    test('but for no longer than it lives itself', async () => {
      const made = (await create({ expiryInSeconds: 100 })).json;
      const [, { username }] = (await list(`apiKey=${made.apiKey}`)).json;

      assert.equal(username, made.username);
    });

    test('and not where another secret is', async () => {
      const made = (await create()).json;

      is(await list(`apiKey=${made.apiKey}`, { path: '/other/' }), 401,
         { error: 'Invalid API Key' });
    });

    test('turn_user', async () => {
      const options = { path: '/user/', headers: { 'X-User': 'alice' } };

      assert.equal((await create({}, options)).json.username.split(':')[1],
                   'alice');
    });

    test('a secret with odd characters', async () => {
      const query = `secretKey=${encodeURIComponent(`sk_odd:${ODD}`)}`;

      assert.equal((await create({}, { query })).status, 200);
    });

    for (const [name, body] of [
      ['an empty object', {}], ['chunks', ['{"label"', ':"x"}']],
      ['99 characters', { label: 'é'.repeat(99) }],
      ['an empty label', { label: '' }],
      ['one second', { expiryInSeconds: 1 }],
      ['ten years', { expiryInSeconds: 315360000 }],
      ['members that mean nothing', { username: 'root' }]
    ]) {
      test(`may: ${name}`, async () => {
        const res = await create(body);
        assert.equal(res.status, 200, res.text);
      });
    }

    const integer = 'please enter a positive integer value for expiryInSeconds';
    const label = 'label is a string of less than 100 characters';

    for (const [name, body, message] of [
      ['zero', { expiryInSeconds: 0 }, integer],
      ['a negative number', { expiryInSeconds: -5 }, integer],
      ['a fraction', '{"expiryInSeconds":1.5}', integer],
      ['text', { expiryInSeconds: '60' }, integer],
      ['null', { expiryInSeconds: null }, integer],
      ['more than ten years', { expiryInSeconds: 315360001 },
       'expiryInSeconds is at most 315360000, which is ten years'],
      ['100 characters', { label: 'x'.repeat(100) }, label],
      ['a number for a label', { label: 1 }, label],
      ['null for a label', { label: null }, label],
      ['no JSON', '{', 'the body is not one JSON object'],
      ['an array', '[]', 'the body is not one JSON object']
    ]) {
      test(`400: ${name}`, async () => is(await create(body), 400,
                                          { message }));
    }

    for (const query of ['', 'secretKey=', 'apiKey=pk_page']) {
      test(`400: "${query}"`, async () =>
        is(await create({}, { query }), 400,
           { message: 'secretKey is required' }));
    }

    for (const [name, secretKey] of [
      ['an unknown key', `sk_none:${SECRET}`],
      ['a wrong secret', `sk_main:${SECRET}x`], ['an ID alone', 'sk_main'],
      ['a publishable key', 'pk_page'], ['no secret', 'sk_main:'],
      ['encoded twice', MAIN]
    ]) {
      test(`401: ${name}`, async () =>
        is(await create({}, {
          query: `secretKey=${encodeURIComponent(secretKey)}`
        }), 401, { message: 'Invalid secret key' }));
    }

    test('400: a bearer', async () =>
      is(await create({}, {
        query: '', key: `sk_main:${SECRET}`
      }), 400, { message: 'secretKey is required' }));

    test('401 comes before 413, and that before 400', async () => {
      const long = 'x'.repeat(32769);

      is(await create(long, { query: 'secretKey=x' }), 401,
         { message: 'Invalid secret key' });
      refused(await create(long), 413, 'invalid_request');
      is(await create(long.slice(1)), 400,
         { message: 'the body is not one JSON object' });
    });

    test('403: turn off', async () =>
      refused(await create({}, {
        query: `secretKey=${encodeURIComponent(`sk_off:${SECRET}`)}`
      }), 403, 'action_not_permitted'));

    test('503', async () =>
      is(await create({}, { path: '/none/' }), 503,
         { message: 'TURN is not configured' }));

    test('405', async () => {
      for (const method of ['GET', 'PUT', 'PATCH']) {
        const res = await ask(method,
                              `/api/v1/turn/credential?secretKey=${MAIN}`);

        refused(res, 405, 'not_found');
        assert.equal(res.headers.allow, 'POST, OPTIONS');
      }
    });
  });

  describe('the other paths', () => {
    for (const [method, path] of [
      ['DELETE', 'v1/turn/credential'],
      ['POST', 'v1/turn/credential/disable'],
      ['POST', 'v1/turn/credential/enable'],
      ['GET', 'v1/turn/current_usage'],
      ['GET', 'v1/turn/current_usage_by_user'],
      ['GET', 'v2/turn/credentials'],
      ['DELETE', 'v2/turn/credential/by_label'],
      ['GET', 'v2/turn/project/usage']
    ]) {
      test(`501: ${method} ${path}`, async () =>
        is(await ask(method, `/api/${path}?secretKey=${MAIN}`,
                     { body: method === 'POST' ? '{"username":"x"}' : '' }),
           501, { message: 'not supported by this server' }));
    }

    for (const path of ['', 'x', 'credentials/', 'credentials/x',
                        'credentialsx', 'credential/x', 'Credentials']) {
      test(`404: "${path}"`, async () =>
        refused(await ask('GET', `/api/v1/turn/${path}?apiKey=pk_page`,
                          { headers: { Origin: ORIGIN } }), 404, 'not_found'));
    }
  });

  describe('CORS', () => {
    for (const [path, methods] of [
      ['credentials', 'GET, OPTIONS'], ['credential', 'POST, OPTIONS']
    ]) {
      test(`preflight of ${path}`, async () => {
        const res = await ask('OPTIONS', `/api/v1/turn/${path}`, {
          headers: { Origin: ORIGIN, 'Access-Control-Request-Method': 'GET' }
        });

        assert.equal(res.status, 204);
        assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
        assert.equal(res.headers['access-control-allow-methods'], methods);
        assert.equal(res.headers['access-control-max-age'], '600');
        assert.equal(res.headers['cache-control'], 'no-store');
      });
    }

    test('an origin that no key names', async () => {
      const res = await list('apiKey=pk_any',
                             { origin: 'https://elsewhere.example' });

      assert.equal(res.headers['access-control-allow-origin'], '*');

      const other = await list('apiKey=pk_page',
                               { origin: 'https://elsewhere.example' });

      assert.equal(other.headers['access-control-allow-origin'], undefined);
    });
  });

  test('no secret and no API key reaches a log', async () => {
    const { json } = await create();

    await list(`apiKey=${json.apiKey}`);
    await list(`apiKey=${MAIN}`);
    await list(`apiKey=pk_page&mark=last`);

    for (const secret of [SECRET, TURN, json.apiKey, json.password]) {
      assert.ok(!ngx.accessLog().includes(secret), 'access log');
      assert.ok(!ngx.errorLog().includes(secret), 'error log');
    }
  });
});
