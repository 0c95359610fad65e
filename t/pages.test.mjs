// Copyright (C) The ngx_signaling authors
//
// Pages in Chromium, which sends Origin, preflights and Sec-Fetch-Site of its
// own accord: whose answers it lets them read, how they come by a token, and
// the token as a subprotocol.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import test, { after, afterEach, before, describe } from 'node:test';
import { fileURLToPath } from 'node:url';

import { jwtVerify } from 'jose';

import { call } from './api.mjs';
import { startBrowser } from './browser.mjs';
import { baseUrl, startSite, TLS, waitFor } from './signaling.mjs';
import { forge, issue, now, SECRET, secretKey } from './token.mjs';

const SDK = fileURLToPath(new URL(
  'node_modules/@metered-ca/realtime/dist/index.mjs', import.meta.url));

const SCHEME = TLS ? 'https' : 'http';
const TURN = 'turn:turn.example.com:3478';

const UUID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// "page" is the page's own site, "other" one with a key of its own, "home" is
// that of the signaling server

const KEYS = `
  publishable_key pk_page  { origins ${SCHEME}://localhost:@PORT_PAGE@;
                             channels demo-*; actions subscribe; }
  publishable_key pk_other { origins ${SCHEME}://localhost:@PORT_OTHER@;
                             channels **; }
  publishable_key pk_home  { origins ${SCHEME}://localhost:@PORT@;
                             channels **; actions subscribe presence; }
  ${secretKey('sk_main')}`;

const PAGES = 'location / { root @DIR@/site; }';

const SERVER = `
  ${PAGES}
  location = /turn   { turn_credentials; }
  location /api/     { turn_api; }
  location = /tokens { token_issue sk_main; token_client_metadata 1k; }
  location = /packed { signaling calls; signaling_deflate on; }
  location = /person {
    auth_basic           people;
    auth_basic_user_file @DIR@/passwords;
    token_issue          sk_main;
    token_subject        $remote_user;
  }`;

const listen = (port) => TLS
  ? `listen 127.0.0.1:${port} ssl;
     ssl_certificate @DIR@/cert.pem;
     ssl_certificate_key @DIR@/key.pem;`
  : `listen 127.0.0.1:${port};`;

/* what is in http{} beside the signaling server; "backend" is a port */
const beside = (backend) => `
  types { text/html html; application/javascript js; }
  turn_server ${TURN};
  turn_secret north-star-secret;
  server {
    ${listen('@PORT_PAGE@')}
    ${PAGES}
    location = /token { proxy_pass http://127.0.0.1:${backend}; }
  }
  server { ${listen('@PORT_OTHER@')} ${PAGES} }`;

const FILES = {
  'site/index.html': { text: '<!doctype html><title>page</title>\n' },
  'site/realtime.js': { text: fs.readFileSync(SDK, 'utf8') },
  passwords: { text: 'alice:{PLAIN}wonder\nbob:{PLAIN}builder\n' }
};

const JSON_POST = (body) => ({
  method: 'POST', headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body)
});

const claimsOf = async (token) =>
  (await jwtVerify(token, new TextEncoder().encode(SECRET))).payload;

/* runs in a page: what it can read of an answer, or the name of an error */
async function read([url, init]) {
  try {
    const response = await fetch(url, init);
    const { status, type } = response;
    const text = await response.text();

    return { status, type, text };

  } catch (error) {
    return { error: error.name };
  }
}

/* runs in a page: connects with the tokens that an address gives */
async function connectWith([url, target, init]) {
  const { SignallingClient } = await import('/realtime.js');
  const seen = { tokens: [] };

  const sdk = new SignallingClient({
    url,
    tokenProvider: async () => {
      const response = await fetch(target, init);
      const { token } = await response.json();

      seen.tokens.push(token);
      return token;
    }
  });

  window.sdk = sdk;
  sdk.on('connected', ({ peerId, expiresAt }) =>
    Object.assign(seen, { peerId, expiresAt }));
  await sdk.connect();

  return { ...seen, state: sdk.state };
}

/* runs in a page: a socket until it is closed, which its first frame does */
function socket([url, protocols]) {
  return new Promise((resolve) => {
    const ws = new WebSocket(url, protocols);
    const seen = { protocol: null, frames: [] };

    ws.onopen = () => { seen.protocol = ws.protocol; };
    ws.onmessage = ({ data }) => {
      seen.frames.push(JSON.parse(data));
      ws.close(1000);
    };
    ws.onclose = ({ code, wasClean }) => resolve({ ...seen, code, wasClean });
  });
}

/* runs in a page: what it sends to itself, and the extensions in use */
function echo([url, texts]) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    const heard = [];

    ws.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    ws.onmessage = ({ data }) => {
      const { type, peerId, data: text } = JSON.parse(data);

      if (type === 'welcome') {
        for (const one of texts) {
          ws.send(JSON.stringify({ type: 'send', to: peerId, data: one }));
        }
      } else if (heard.push(text) === texts.length) {
        resolve({ heard, extensions: ws.extensions });
        ws.close(1000);
      }
    };
  });
}

/*
 * The backend of the page's site, which knows people by a cookie and has the
 * pair of a secret key.
 */
function startBackend(issuer) {
  const server = http.createServer(async (req, res) => {
    const [, peerId] = /\buser=(\w+)/.exec(req.headers.cookie) ?? [];

    if (peerId === undefined) {
      res.writeHead(403).end();
      return;
    }

    const { status, text } = await call(issuer(), 'POST', '/tokens',
      { key: `sk_main:${SECRET}`, body: JSON.stringify({ peerId }) });

    res.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
  });

  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a page', () => {
  let ngx;
  let backend;
  let browser;
  let home;
  let pages;
  const contexts = [];

  before(async () => {
    backend = await startBackend(() => ngx);
    ngx = await startSite({
      keys: KEYS, server: SERVER, http: beside(backend.address().port),
      files: FILES
    });
    home = baseUrl(ngx, 'http');
    pages = {
      home,
      page: `${SCHEME}://localhost:${ngx.ports.PORT_PAGE}`,
      name: `${SCHEME}://127.0.0.1:${ngx.ports.PORT_PAGE}`,
      other: `${SCHEME}://localhost:${ngx.ports.PORT_OTHER}`
    };
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await ngx?.finish();
    backend?.close();
  });

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    await ngx.empty();
  });

  /* a page of somebody, on one of the sites */
  async function open(site, { cookie, person } = {}) {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true, ...(person && { httpCredentials: person })
    });

    contexts.push(context);
    if (cookie) {
      await context.addCookies([{ url: pages[site], ...cookie }]);
    }

    const page = await context.newPage();

    await page.goto(`${pages[site]}/index.html`);
    return page;
  }

  const fetched = (page, target, init) =>
    page.evaluate(read, [home + target, init]);

  const connected = (page, target, init) =>
    page.evaluate(connectWith, [baseUrl(ngx), target, init]);

  /* waits until the server has logged this request, and gives its status */
  async function logged(method, target) {
    const text = `"${method} ${target} HTTP/1.1" `;
    const line = await waitFor(() => ngx.accessLog().split('\n')
      .find((each) => each.includes(text)), `log of ${method} ${target}`);

    return Number(line.split(text)[1].split(' ')[0]);
  }

  const was = (method, target) =>
    ngx.accessLog().includes(`"${method} ${target} `);

  describe('of another origin', () => {
    for (const [name, target] of [
      ['turn_credentials', '/turn?key=pk_page'],
      ['turn_api', '/api/credentials?apiKey=pk_page']
    ]) {
      test(`reads what ${name} answers, if it is allowed`, async () => {
        const page = await open('page');
        const { status, type, text } = await fetched(page, target);

        assert.equal(status, 200);
        assert.equal(type, 'cors');
        assert.equal(JSON.parse(text)[0].urls, TURN);
      });

      for (const site of ['name', 'other']) {
        test(`reads nothing of ${name}, as "${site}"`, async () => {
          const page = await open(site);
          const mine = `${target}&site=${site}`;

          assert.deepEqual(await fetched(page, mine), { error: 'TypeError' });
          assert.equal(await logged('GET', mine), 403);
        });
      }

      test(`gets nothing of ${name} by the back door`, async () => {
        const page = await open('page');
        const mine = `${target.replace('pk_page', 'pk_home')}&door=back`;

        // without an Origin, as of the server itself but for Sec-Fetch-Site

        assert.deepEqual(await fetched(page, mine, { mode: 'no-cors' }),
          { status: 0, type: 'opaque', text: '' });
        assert.equal(await logged('GET', mine), 403);
      });
    }

    test('reads what token_issue answers, after a preflight', async () => {
      const page = await open('page');
      const target = '/tokens?key=pk_page&n=1';
      const { status, type, text } =
        await fetched(page, target, JSON_POST({}));

      assert.equal(status, 200);
      assert.equal(type, 'cors');
      assert.match((await claimsOf(JSON.parse(text).token)).sub, UUID);
      assert.equal(await logged('OPTIONS', target), 204);
      assert.equal(await logged('POST', target), 200);
    });

    test('sends token_issue nothing, if no key has its origin', async () => {
      const page = await open('name');
      const target = '/tokens?key=pk_page&n=2';

      assert.deepEqual(await fetched(page, target, JSON_POST({})),
        { error: 'TypeError' });
      assert.equal(await logged('OPTIONS', target), 204);
      assert.ok(!was('POST', target));
    });

    test('reads nothing of token_issue with the key of others', async () => {
      const page = await open('other');
      const target = '/tokens?key=pk_page&n=3';

      // the preflight shows no key, and pk_other has this origin

      assert.deepEqual(await fetched(page, target, JSON_POST({})),
        { error: 'TypeError' });
      assert.equal(await logged('OPTIONS', target), 204);
      assert.equal(await logged('POST', target), 403);
    });

    test('reads refusals too, if it is allowed', async () => {
      const page = await open('page');
      const error = async (...args) => {
        const { status, text } = await fetched(page, ...args);
        return [status, JSON.parse(text).error];
      };

      assert.deepEqual(await error('/turn?key=pk_nobody'),
        [401, 'unauthorized']);
      assert.deepEqual(
        await error('/tokens?key=pk_page', JSON_POST({ peerMetadata: 1 })),
        [400, 'invalid_request']);
    });

    test('shows a token to turn_credentials, after a preflight', async () => {
      const Authorization = `Bearer ${await issue({}, { kid: 'sk_main' })}`;
      const target = '/turn?by=token';
      const ask = async (site) =>
        fetched(await open(site), target, { headers: { Authorization } });

      const { status, text } = await ask('page');

      assert.equal(status, 200, text);
      assert.equal(JSON.parse(text)[0].urls, TURN);
      assert.equal(await logged('OPTIONS', target), 204);

      assert.deepEqual(await ask('name'), { error: 'TypeError' });
    });
  });

  describe('of the server itself', () => {
    for (const [name, target, init] of [
      ['turn_credentials', '/turn?key='],
      ['turn_api', '/api/credentials?apiKey='],
      ['token_issue', '/tokens?key=', JSON_POST({})]
    ]) {
      test(`needs no CORS for ${name}, but a key of its own`, async () => {
        const page = await open('home');
        const good = await fetched(page, `${target}pk_home`, init);
        const bad = await fetched(page, `${target}pk_page`, init);

        assert.equal(good.status, 200, good.text);
        assert.equal(good.type, 'basic');
        assert.equal(bad.status, 403, bad.text);
        assert.ok(!was('OPTIONS', `${target}pk_home`));
      });
    }
  });

  describe('connects with a token', () => {
    test('that its own backend got', async () => {
      const page = await open('page',
        { cookie: { name: 'user', value: 'carol' } });
      const { state, peerId, expiresAt, tokens } =
        await connected(page, '/token', { method: 'POST' });

      assert.equal(state, 'connected');
      assert.equal(peerId, 'carol');
      assert.equal(tokens.length, 1);
      assert.equal(expiresAt, (await claimsOf(tokens[0])).exp);
    });

    test('that it got with a publishable key', async () => {
      const page = await open('page');
      const peerMetadata = { name: 'Dora' };
      const { state, peerId, tokens } = await connected(page,
        `${home}/tokens?key=pk_page`, JSON_POST({ peerMetadata }));
      const claims = await claimsOf(tokens[0]);

      assert.equal(state, 'connected');
      assert.match(peerId, UUID);
      assert.equal(peerId, claims.sub);
      assert.deepEqual(claims.peerMetadata, peerMetadata);

      // with the rights of that key

      assert.deepEqual(await page.evaluate(async () => {
        await window.sdk.subscribe('demo-1');
        return window.sdk.subscribe('other').catch(({ name }) => name);
      }), 'channel_not_authorized');
    });

    test('of the person whom nginx knows, on every page', async () => {
      const alice = { username: 'alice', password: 'wonder' };
      const bob = { username: 'bob', password: 'builder' };
      const ids = [];

      for (const person of [alice, alice, bob]) {
        const { state, peerId } = await connected(
          await open('home', { person }), '/person?key=pk_home',
          { method: 'POST' });

        assert.equal(state, 'connected');
        ids.push(peerId);
      }

      assert.deepEqual(ids, ['alice', 'alice', 'bob']);
      assert.equal((await ngx.status()).connections, 3);

      const { status } = await fetched(
        await open('home', { person: { ...alice, password: 'x' } }),
        '/person?key=pk_home', { method: 'POST' });

      assert.equal(status, 401);
    });
  });

  test('sends and gets compressed messages', async () => {
    const texts = [1, 100, 600, 9000, 40000].map((n) => '\u20ac 1 '
      .repeat(n).slice(0, n));
    const { heard, extensions } = await (await open('other')).evaluate(echo,
      [`${baseUrl(ngx)}/packed?key=pk_other`, texts]);

    assert.deepEqual(heard, texts);
    assert.match(extensions, /^permessage-deflate\b/);
  });

  describe('with a token as subprotocol', () => {
    const bearer = (token) => `signaling.bearer.${token}`;

    const opened = async (protocols) => (await open('page'))
      .evaluate(socket, [`${baseUrl(ngx)}/v1`, protocols]);

    test('is welcome', async () => {
      const mine = bearer(await issue({}, { kid: 'sk_main' }));

      for (const protocols of [[mine], ['chat', mine]]) {
        const { protocol, frames, code } = await opened(protocols);

        assert.equal(protocol, mine);
        assert.equal(frames[0].type, 'welcome');
        assert.equal(frames[0].peerId, 'alice');
        assert.equal(code, 1000);
      }
    });

    const header = { alg: 'HS256', kid: 'sk_main' };
    const claims = { sub: 'alice', exp: now() + 3600 };

    for (const [name, expected, token] of [
      ['without a signature', 4001,
       () => forge(header, claims, { signature: '' })],
      ['signed by somebody else', 4001,
       () => forge(header, claims, { secret: 'x' })],
      ['of an unknown key', 4001,
       () => forge({ ...header, kid: 'sk_x' }, claims)],
      ['that has ended', 4002,
       () => forge(header, { ...claims, exp: now() - 1 })],
      ['that is none', 4001, () => 'x']
    ]) {
      test(`sees ${expected} for one ${name}`, async () => {
        const mine = bearer(token());

        assert.deepEqual(await opened([mine]), {
          protocol: mine, frames: [], code: expected, wasClean: true
        });
      });
    }
  });
});
