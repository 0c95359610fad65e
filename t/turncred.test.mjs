// Copyright (C) The ngx_signaling authors
//
// ngx_turncred_module alone: the endpoint of turn_credentials and the
// variables.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import test, { after, before, describe } from 'node:test';

import { startNginx, waitFor } from './nginx.mjs';

const TURN_SECRET = 'north-star-secret';
const SK_SECRET = 'sk_secret_of_main_0123456789';
const FILE_SECRET = 'sk_secret_in_a_file';

const ORIGIN = 'https://demo.example.com';
const URLS = [
  'stun:turn.example.com:3478',
  'turn:turn.example.com:3478?transport=udp',
  'turns:turn.example.com:5349?transport=tcp'
];
const RELAYS = URLS.slice(1);

const KEYS = `
  publishable_key pk_live_demo {
    origins  ${ORIGIN} https://*.preview.example.com;
    channels demo-room-* lobby;
    actions  subscribe publish presence send;
  }
  publishable_key pk_live_native {
    origins        https://native.example.com;
    require_origin off;
    channels       **;
  }
  publishable_key pk_live_any  { origins *; channels **; }
  publishable_key pk_live_both { origins * https://both.example.com;
                                 channels **; }
  publishable_key pk_live_null { origins null; channels **; }
  publishable_key pk_live_off  { origins ${ORIGIN}; channels **; turn off; }
  secret_key sk_id_main { secret ${SK_SECRET}; channels **; }
  secret_key sk_id_off  { secret off-secret; channels **; turn off; app b; }
  secret_key sk_id_file { secret_file @DIR@/sk; channels **; }
`;

const SITE = `
  ${KEYS}
  turn_server ${URLS[0]};
  turn_server ${URLS[1]}
              ${URLS[2]};
  turn_secret_file @DIR@/turn;

  limit_req_zone $binary_remote_addr zone=mint:1m rate=1r/m;
  limit_req_status 429;

  server {
    listen 127.0.0.1:@PORT@;
    listen 127.0.0.1:@PORT_H2@ http2;

    location = /array      { turn_credentials; }
    location = /array2     { turn_credentials array; }
    location = /object     { turn_credentials object; turn_ttl 90s; }
    location = /rest       { turn_credentials rest; turn_ttl 1h; }
    location = /twilio     { turn_credentials twilio; }
    location = /cloudflare { turn_credentials cloudflare; }
    location = /user       { turn_credentials rest; turn_user $http_x_user; }
    location = /peer       { set $signaling_peer_id $http_x_peer;
                             turn_user $http_x_user;
                             turn_credentials rest; }
    location = /other      { turn_credentials rest;
                             turn_secret other-secret;
                             turn_server turn:other.example.com; }
    location = /limited    { turn_credentials; limit_req zone=mint; }
    location = /if         { turn_credentials object;
                             if ($http_x_if) { set $x 1; } }

    location = /vars       { return 200
      "$turn_ice_servers\\n$turn_username\\n$turn_credential\\n$turn_username";
    }
    location = /vars/again { rewrite ^ /vars last; }
    location = /vars/page  { add_header X-First $turn_username always;
                             error_page 418 =200 /vars;
                             return 418; }
    location = /vars/moved { set $first $turn_username;
                             turn_secret other-secret;
                             rewrite ^ /vars/here last; }
    location = /vars/here  { return 200 "$first $turn_username"; }
  }
`;

// of an nginx of its own: what http{} has, every location inherits

const BARE = `
  publishable_key pk_live_demo { origins ${ORIGIN}; channels **; }

  server {
    listen 127.0.0.1:@PORT@;
    location = /none   { turn_credentials;
                         return 200 "[$turn_ice_servers$turn_username]"; }
    location = /never  { turn_credentials; }
    location = /secret { turn_credentials; turn_server turn:a.example.com; }
    location = /server { turn_credentials; turn_secret x; }
    location = /stun   { turn_credentials; turn_secret x;
                         turn_server stun:a.example.com; }
    location = /vars/none   { return 200 "[$turn_ice_servers$turn_username]"; }
    location = /vars/stun   { turn_server stun:a.example.com;
                              return 200 $turn_ice_servers; }
    location = /vars/stuns  { turn_server stun:a.example.com
                                          stuns:b.example.com;
                              turn_server turn:c.example.com;
                              return 200 $turn_ice_servers; }
    location = /vars/turn   { turn_server turn:c.example.com;
                              turn_secret x;
                              return 200 $turn_ice_servers; }
    location = /vars/secret { turn_secret x;
                              return 200 "[$turn_ice_servers]$turn_username"; }
  }
`;

const FILES = {
  turn: { text: `${TURN_SECRET}\n`, mode: 0o600 },
  sk: { text: `${FILE_SECRET}\r\n`, mode: 0o640 }
};

function request(port, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (res) => {
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: res.statusCode,
            headers: res.headers,
            text,
            get json() { return JSON.parse(text); }
          });
        });
      });
    req.on('error', reject);
    req.end(body);
  });
}

function credentialOf(username, secret = TURN_SECRET) {
  return createHmac('sha1', secret).update(username).digest('base64');
}

function assertLogin(username, credential, { ttl, id, secret, from }) {
  const [expiry, rest, ...more] = username.split(':');

  assert.deepEqual(more, []);
  assert.match(expiry, /^\d+$/);
  assert.match(rest, id ?? /^[0-9a-f]{16}$/);
  assert.equal(credential, credentialOf(username, secret));

  // nginx keeps whole seconds, and between two requests some may pass
  const now = Math.floor(Date.now() / 1000);
  assert.ok(Number(expiry) >= from - 1 + ttl + 60, 'expires too early');
  assert.ok(Number(expiry) <= now + ttl + 60, 'expires too late');
}

function assertRefusal(res, status, error) {
  assert.equal(res.status, status);
  assert.equal(res.headers['content-type'], 'application/json');
  assert.deepEqual(Object.keys(res.json), ['error', 'message']);
  assert.equal(res.json.error, error);
  assert.ok(res.json.message.length > 10);
  assertCommon(res);
}

function assertCommon(res) {
  assert.equal(res.headers['cache-control'], 'no-store');
  assert.equal(res.headers.vary, 'Origin');
}

function assertUnreadable(res) {
  for (const name of Object.keys(res.headers)) {
    assert.doesNotMatch(name, /^access-control-/);
  }
}

const DEMO = '?key=pk_live_demo';
const bearer = (value) => ({ headers: { Authorization: `Bearer ${value}` } });
const origin = (value, more = {}) => ({ headers: { Origin: value, ...more } });

describe('with TURN configured', () => {
  let ngx;
  let from;
  const get = (path, options) => request(ngx.port, path, options);

  before(async () => {
    from = Math.floor(Date.now() / 1000);
    ngx = await startNginx({ modules: ['turncred'], http: SITE, files: FILES });
  });

  after(() => ngx.stop());

  for (const path of ['/array', '/array2']) {
    test(`shape of ${path}`, async () => {
      const res = await get(path + DEMO, origin(ORIGIN));

      assert.equal(res.status, 200);
      assert.equal(res.headers['content-type'], 'application/json');
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
      assertCommon(res);

      const [stun, turn, turns] = res.json;
      assert.equal(res.json.length, 3);
      assert.deepEqual(stun, { urls: URLS[0] });

      const { username, credential } = turn;
      assert.deepEqual(turn, { urls: URLS[1], username, credential });
      assert.deepEqual(turns, { urls: URLS[2], username, credential });
      assertLogin(username, credential, { ttl: 4 * 3600, from });
    });
  }

  test('shape object', async () => {
    const earliest = Math.floor(Date.now() / 1000) - 1;
    const { status, json } = await get('/object' + DEMO, origin(ORIGIN));

    assert.equal(status, 200);
    assert.deepEqual(Object.keys(json), ['iceServers', 'expiresAt']);
    assert.deepEqual(json.iceServers.map(({ urls }) => urls), URLS);

    const { username, credential } = json.iceServers[2];
    assertLogin(username, credential, { ttl: 90, from });

    // the grace is in the username only
    assert.equal(Number(username.split(':')[0]), json.expiresAt + 60);
    assert.ok(json.expiresAt >= earliest + 90);
  });

  test('shape rest', async () => {
    const { status, json } = await get('/rest' + DEMO, origin(ORIGIN));
    const { username, password } = json;

    assert.equal(status, 200);
    assert.deepEqual(json, { username, password, ttl: 3600, uris: RELAYS });
    assertLogin(username, password, { ttl: 3600, from });
  });

  test('shape twilio', async () => {
    const { status, json } = await get('/twilio' + DEMO, origin(ORIGIN));
    const { username, password } = json;
    const login = { username, credential: password };

    assert.equal(status, 200);
    assert.deepEqual(json, {
      username,
      password,
      ttl: '14400',
      ice_servers: [
        { url: URLS[0], urls: URLS[0] },
        { url: URLS[1], urls: URLS[1], ...login },
        { url: URLS[2], urls: URLS[2], ...login }
      ]
    });
    assertLogin(username, password, { ttl: 4 * 3600, from });
  });

  test('shape cloudflare', async () => {
    const { status, json } = await get('/cloudflare' + DEMO, origin(ORIGIN));
    const { username, credential } = json.iceServers[1];

    assert.equal(status, 201);
    assert.deepEqual(json, {
      iceServers: [{ urls: [URLS[0]] }, { urls: RELAYS, username, credential }]
    });
    assertLogin(username, credential, { ttl: 4 * 3600, from });
  });

  test('a location may have a server and a secret of its own', async () => {
    const { json } = await get('/other' + DEMO, origin(ORIGIN));

    assert.deepEqual(json.uris, ['turn:other.example.com']);
    assertLogin(json.username, json.password,
                { ttl: 4 * 3600, secret: 'other-secret', from });
  });

  test('every answer has a username of its own', async () => {
    const seen = new Set();
    for (let i = 0; i < 10; i++) {
      const { json } = await get('/rest' + DEMO, origin(ORIGIN));
      seen.add(json.username);
    }
    assert.equal(seen.size, 10);
  });

  test('turn_user', async () => {
    const user = async (value) =>
      (await get('/user' + DEMO, origin(ORIGIN, value && { 'X-User': value })))
        .json.username.split(':')[1];

    assert.equal(await user('alice_1-B'), 'alice_1-B');
    assert.equal(await user('a'.repeat(64)), 'a'.repeat(64));

    for (const odd of ['alice@example.org', 'a:b', 'a'.repeat(65), 'a b']) {
      assert.equal(await user(odd),
        createHash('sha256').update(odd).digest('hex').slice(0, 16));
    }

    assert.match(await user(undefined), /^[0-9a-f]{16}$/);
  });

  test('the peer ID where turn_user is empty', async () => {
    const id = async (headers) =>
      (await get('/peer' + DEMO, origin(ORIGIN, headers)))
        .json.username.split(':')[1];

    assert.equal(await id({ 'X-Peer': 'peer-1' }), 'peer-1');
    assert.equal(await id({ 'X-Peer': 'peer-1', 'X-User': 'bob' }), 'bob');
    assert.match(await id({}), /^[0-9a-f]{16}$/);
  });

  test('in an "if" of the location', async () => {
    const { json } = await get('/if' + DEMO, origin(ORIGIN, { 'X-If': '1' }));
    assert.equal(json.iceServers.length, 3);
  });

  test('HEAD', async () => {
    const head = await get('/array' + DEMO,
                           { method: 'HEAD', ...origin(ORIGIN) });
    const full = await get('/array' + DEMO, origin(ORIGIN));

    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.equal(head.headers['content-length'],
                 full.headers['content-length']);
    assertCommon(head);
  });

  describe('who may call', () => {
    const allowed = [
      ['key', DEMO, origin(ORIGIN)],
      ['apiKey', '?apiKey=pk_live_demo', origin(ORIGIN)],
      ['a key that is percent-encoded', '?key=pk%5Flive%5fdemo',
       origin(ORIGIN)],
      ['the first of two keys', '?key=pk_live_demo&key=x', origin(ORIGIN)],
      ['key before apiKey', '?apiKey=x&key=pk_live_demo', origin(ORIGIN)],
      ['a subdomain', DEMO, origin('https://a.preview.example.com')],
      ['a native client', '?key=pk_live_native', {}],
      ['any origin', '?key=pk_live_any', origin('https://anywhere.example')],
      ['the null origin, listed', '?key=pk_live_null', origin('null')],
      ['a secret key', '', bearer(`sk_id_main:${SK_SECRET}`)],
      ['a scheme in small letters', '',
       { headers: { Authorization: `bearer  sk_id_main:${SK_SECRET}` } }],
      ['a secret from a file', '', bearer(`sk_id_file:${FILE_SECRET}`)],
      ['a secret key from any page', '',
       { headers: { Authorization: `Bearer sk_id_main:${SK_SECRET}`,
                    Origin: 'https://elsewhere.example' } }],
      ['a key beside another scheme', DEMO,
       origin(ORIGIN, { Authorization: 'Basic dXNlcjpwYXNz' })]
    ];

    for (const [name, query, options] of allowed) {
      test(`may: ${name}`, async () => {
        const res = await get(`/array${query}`, options);
        assert.equal(res.status, 200);
        assert.equal(res.json.length, 3);
      });
    }

    const unauthorized = [
      ['nothing', '', {}],
      ['an empty key', '?key=', origin(ORIGIN)],
      ['an unknown key', '?key=pk_live_demo1', origin(ORIGIN)],
      ['a key in another case', '?key=PK_LIVE_DEMO', origin(ORIGIN)],
      ['a plus for a space', '?key=pk_live_demo+', origin(ORIGIN)],
      ['a key that is encoded twice', '?key=pk%255Flive_demo', origin(ORIGIN)],
      ['the ID of a secret key', '?key=sk_id_main', origin(ORIGIN)],
      ['a secret key in the query', `?key=sk_id_main:${SK_SECRET}`,
       origin(ORIGIN)],
      ['the second of two keys', '?key=x&key=pk_live_demo', origin(ORIGIN)],
      ['a bearer of an ID alone', '', bearer('sk_id_main')],
      ['a bearer without a secret', '', bearer('sk_id_main:')],
      ['a bearer without an ID', '', bearer(`:${SK_SECRET}`)],
      ['a wrong secret', '', bearer(`sk_id_main:${SK_SECRET}x`)],
      ['a secret cut short', '',
       bearer(`sk_id_main:${SK_SECRET.slice(0, -1)}`)],
      ['the secret of another key', '', bearer(`sk_id_file:${SK_SECRET}`)],
      ['an unknown secret key', '', bearer(`sk_id_none:${SK_SECRET}`)],
      ['a publishable key as a bearer', '', bearer('pk_live_demo:')],
      ['a token', '', bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.')],
      ['a wrong bearer beside a good key', DEMO,
       origin(ORIGIN, { Authorization: 'Bearer sk_id_main:wrong' })],
      ['another scheme', '',
       { headers: { Authorization: `Basic sk_id_main:${SK_SECRET}` } }]
    ];

    const messages = new Set();

    for (const [name, query, options] of unauthorized) {
      test(`401: ${name}`, async () => {
        const res = await get(`/array${query}`, options);

        assertRefusal(res, 401, 'unauthorized');
        assert.equal(res.headers['www-authenticate'], 'Bearer');

        // nothing tells an unknown key from a wrong one
        messages.add(res.text);
        assert.equal(messages.size, 1);
      });
    }

    const forbidden = [
      ['another origin', DEMO, origin('https://evil.example')],
      ['another scheme', DEMO, origin('http://demo.example.com')],
      ['another port', DEMO, origin('https://demo.example.com:8443')],
      ['the null origin', DEMO, origin('null')],
      ['an empty origin', DEMO, origin('')],
      ['no origin', DEMO, {}],
      ['no origin for any origin', '?key=pk_live_any', {}],
      ['a wrong origin of a native client', '?key=pk_live_native',
       origin('https://evil.example')],
      ['two origins', DEMO,
       { headers: { Origin: [ORIGIN, ORIGIN] } }]
    ];

    for (const [name, query, options] of forbidden) {
      test(`403: ${name}`, async () => {
        const res = await get(`/array${query}`, options);

        assertRefusal(res, 403, 'origin_not_allowed');
        assertUnreadable(res);
      });
    }

    test('403: turn off', async () => {
      const res = await get('/array?key=pk_live_off', origin(ORIGIN));

      assertRefusal(res, 403, 'action_not_permitted');
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);

      assertRefusal(await get('/array', bearer('sk_id_off:off-secret')),
                    403, 'action_not_permitted');

      // but a wrong origin is said first
      assertRefusal(await get('/array?key=pk_live_off',
                              origin('https://evil.example')),
                    403, 'origin_not_allowed');
    });

    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      test(`405: ${method}`, async () => {
        const res = await get('/array' + DEMO,
          { method, ...origin(ORIGIN), body: method === 'POST' ? '{}' : '' });

        assertRefusal(res, 405, 'not_found');
        assert.equal(res.headers.allow, 'GET, HEAD, OPTIONS');
        assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
      });
    }

    test('limit_req is nginx\'s own', async () => {
      const first = await get('/limited' + DEMO, origin(ORIGIN));
      const second = await get('/limited' + DEMO, origin(ORIGIN));

      assert.equal(first.status, 200);
      assert.equal(second.status, 429);
    });
  });

  describe('CORS', () => {
    const preflight = (path, value) => get(path, {
      method: 'OPTIONS',
      headers: {
        ...(value && { Origin: value }),
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization'
      }
    });

    // some key is for any origin, so that the star is the answer to those
    // that no key names

    for (const [value, answer] of [
      [ORIGIN, ORIGIN],
      ['https://x.preview.example.com', 'https://x.preview.example.com'],
      ['https://native.example.com', 'https://native.example.com'],
      ['null', 'null'],
      ['https://anywhere.example', '*']
    ]) {
      test(`preflight from ${value}`, async () => {
        const res = await preflight('/array', value);

        assert.equal(res.status, 204);
        assert.equal(res.text, '');
        assert.equal(res.headers['access-control-allow-origin'], answer);
        assert.equal(res.headers['access-control-allow-methods'],
                     'GET, OPTIONS');
        assert.match(res.headers['access-control-allow-headers'],
                     /\bAuthorization\b/);
        assert.equal(res.headers['access-control-max-age'], '600');
        assertCommon(res);
      });
    }

    test('OPTIONS of no page', async () => {
      const res = await preflight('/array', undefined);

      assert.equal(res.status, 204);
      assert.equal(res.headers.allow, 'GET, HEAD, OPTIONS');
      assertUnreadable(res);
      assertCommon(res);
    });

    for (const [key, value, answer] of [
      ['pk_live_demo', ORIGIN, ORIGIN],
      ['pk_live_any', 'https://anywhere.example', '*'],
      ['pk_live_any', ORIGIN, '*'],
      ['pk_live_both', 'https://both.example.com', 'https://both.example.com'],
      ['pk_live_both', 'https://anywhere.example', '*'],
      ['pk_live_null', 'null', 'null']
    ]) {
      test(`${key} from ${value}`, async () => {
        const res = await get(`/array?key=${key}`, origin(value));

        assert.equal(res.status, 200);
        assert.equal(res.headers['access-control-allow-origin'], answer);
      });
    }

    test('a page can read why its key is refused', async () => {
      const res = await get('/array?key=unknown', origin(ORIGIN));
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
    });

    test('no Origin, no permission', async () => {
      assertUnreadable(await get('/array?key=pk_live_native'));
    });
  });

  describe('variables', () => {
    test('the list of $turn_ice_servers', async () => {
      const { text } = await get('/vars');
      const [list, username, credential, again] = text.split('\n');

      assert.deepEqual(JSON.parse(list), [
        { urls: URLS[0] },
        { urls: RELAYS, username, credential }
      ]);
      assert.equal(again, username);
      assertLogin(username, credential, { ttl: 24 * 3600, from });
    });

    test('no request has those of another', async () => {
      const texts = [(await get('/vars')).text, (await get('/vars')).text];
      assert.notEqual(texts[0], texts[1]);
    });

    for (const path of ['/vars/again', '/vars/page']) {
      test(`they agree in ${path}`, async () => {
        const [list, username, credential] =
          (await get(path)).text.split('\n');

        assert.equal(JSON.parse(list)[1].username, username);
        assert.equal(credential, credentialOf(username));
      });
    }

    test('another location has its own', async () => {
      const [first, second] = (await get('/vars/moved')).text.split(' ');
      assert.notEqual(first, second);
    });
  });

  test('no secret reaches a log', async () => {
    const h2 = http2.connect(`http://127.0.0.1:${ngx.ports.PORT_H2}`);
    const mark = `/array?x=h2mark&key=sk_id_main:${SK_SECRET}`;

    const status = await new Promise((resolve, reject) => {
      const stream = h2.request({ ':path': mark, origin: ORIGIN });
      stream.on('response', (headers) => resolve(headers[':status']));
      stream.on('error', reject);
      stream.resume();
      stream.end();
    });
    h2.close();
    assert.equal(status, 401);

    for (const name of ['key', 'apiKey', 'token', 'secretKey', 'KEY']) {
      await get(`/array?a=1&${name}=sk_id_main%3A${SK_SECRET}&b=${name}mark`,
                origin(ORIGIN));
    }

    // of limit_req, in the error log
    await get(`/limited?key=sk_id_main:${SK_SECRET}`, origin(ORIGIN));
    await get(`/limited?key=sk_id_main:${SK_SECRET}`, origin(ORIGIN));

    const logs = await waitFor(() => {
      const text = ngx.accessLog() + ngx.errorLog();
      return text.includes('b=secretKeymark') && text.includes('b=KEYmark') &&
        text.includes('h2mark') && text.includes('limiting requests') && text;
    }, 'log of the requests');

    for (const secret of [SK_SECRET, FILE_SECRET, TURN_SECRET]) {
      assert.ok(!logs.includes(secret), 'a secret in a log');
    }

    // what is around it stays, and so does a publishable key
    assert.match(logs, /"GET \/array\?a=1&apiKey=\*+&b=apiKeymark HTTP\/1\.1"/);
    assert.match(logs, /"GET \/array\?x=h2mark&key=\*+ HTTP\/2\.0"/);
    assert.match(logs, /"GET \/array\?key=pk_live_demo HTTP\/1\.1"/);
  });
});

describe('without TURN', () => {
  let ngx;
  const get = (path, options) => request(ngx.port, path, options);

  before(async () => {
    ngx = await startNginx({ modules: ['turncred'], http: BARE, files: FILES });
  });

  after(() => ngx.stop());

  for (const path of ['/never', '/secret', '/server', '/stun']) {
    test(`503: ${path}`, async () => {
      const res = await get(path + DEMO, origin(ORIGIN));

      assertRefusal(res, 503, 'turn_not_configured');
      assert.equal(res.headers['access-control-allow-origin'], ORIGIN);

      // those who may not call do not learn it
      assertRefusal(await get(path), 401, 'unauthorized');
    });
  }

  test('a preflight from an origin that no key allows', async () => {
    const res = await get('/never', {
      method: 'OPTIONS',
      headers: { Origin: 'https://evil.example',
                 'Access-Control-Request-Method': 'GET' }
    });

    assert.equal(res.status, 204);
    assertUnreadable(res);
    assertCommon(res);
  });

  test('a refusal is not for a page that no key allows', async () => {
    assertUnreadable(await get('/never?key=x', origin('https://evil.example')));
  });

  for (const [path, text] of [
    ['/none', '[]'],
    ['/vars/none', '[]'],
    ['/vars/stun', '[{"urls":"stun:a.example.com"}]'],
    ['/vars/stuns',
     '[{"urls":["stun:a.example.com","stuns:b.example.com"]}]']
  ]) {
    test(`variables in ${path}`, async () => {
      assert.equal((await get(path)).text, text);
    });
  }

  test('variables with a relay alone', async () => {
    const list = (await get('/vars/turn')).json;
    assert.equal(list.length, 1);
    assert.deepEqual(list[0].urls, ['turn:c.example.com']);
    assert.equal(list[0].credential, credentialOf(list[0].username, 'x'));
  });

  test('variables with a secret alone', async () => {
    assert.match((await get('/vars/secret')).text, /^\[\]\d+:[0-9a-f]{16}$/);
  });

  test('a warning at the start says so, and where', () => {
    const log = ngx.errorLog();

    assert.match(log, /\[warn\].*"turn_credentials" answers 503 until it has a "turn_server" with a "turn:" URL and a "turn_secret_file" in .*nginx\.conf:\d+/);
    assert.match(log, /\[warn\].*"turn_credentials" answers 503 until it has a "turn_secret_file" in .*nginx\.conf:\d+/);
  });
});

describe('loaded and not configured', () => {
  test('does nothing', async () => {
    const ngx = await startNginx({
      modules: ['turncred'],
      logsSecrets: true,
      http: `server { listen 127.0.0.1:@PORT@;
                      return 200 "[$turn_ice_servers$turn_credential]"; }`
    });

    try {
      const { text } = await request(ngx.port, `/?key=${SK_SECRET}`);
      assert.equal(text, '[]');

      await waitFor(() => ngx.accessLog().includes(SK_SECRET), 'request line');
    } finally {
      await ngx.stop();
    }
  });
});
