// Copyright (C) The ngx_signaling authors
//
// A person whom nginx itself authenticated gets tokens of that name, with no
// backend: by a password, by a service that auth_request asks, by a client
// certificate.  And keys of "key_file", which come and go.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';

import { jwtVerify } from 'jose';

import { call } from './api.mjs';
import { certificate, ORIGIN, startSite, waitFor } from './signaling.mjs';

const SECRET = 'sk_secret_of_main_0123456789_abcdefghij';
const NEXT = 'sk_secret_of_next_0123456789_abcdefghij';

const PK = `publishable_key pk_page {
  origins ${ORIGIN}; channels **; actions subscribe presence; }`;
const SK = `secret_key sk_main { secret ${SECRET}; channels **; }`;

const subjectOf = async (token, secret = SECRET) =>
  (await jwtVerify(token, new TextEncoder().encode(secret))).payload.sub;

/* an authority and a person it vouches for */
function people() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ngx-people-'));
  const openssl = (...args) =>
    execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
               '-nodes'];

  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=authority',
          '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', ...key, '-subj', '/O=Example/CN=alice', '-keyout', 'own.key',
          '-out', 'own.csr');
  openssl('x509', '-req', '-in', 'own.csr', '-CA', 'ca.pem', '-CAkey',
          'ca.key', '-CAcreateserial', '-days', '2', '-out', 'own.pem');

  const text = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
  const made = { ca: text('ca.pem'), key: text('own.key'),
                 cert: text('own.pem') };

  fs.rmSync(dir, { recursive: true });
  return made;
}

const LOCATIONS = `
  location = /password {
    auth_basic          people;
    auth_basic_user_file @DIR@/passwords;
    token_issue         sk_main;
    token_subject       $remote_user;
    token_peer_metadata '{"name":"$remote_user"}';
  }
  location = /service {
    auth_request        /whoami;
    auth_request_set    $person $upstream_http_x_person;
    token_issue         sk_main;
    token_subject       $person;
  }
  location = /whoami {
    internal;
    proxy_pass http://127.0.0.1:@PORT_WHO@;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
  }`;

const HTTP = `
  server {
    listen 127.0.0.1:@PORT_WHO@;
    location / {
      if ($http_cookie = "") { return 401; }
      add_header X-Person $cookie_person;
      return 204;
    }
  }
  server {
    listen 127.0.0.1:@PORT_CERT@ ssl;
    ssl_certificate @DIR@/cert.pem;
    ssl_certificate_key @DIR@/key.pem;
    ssl_client_certificate @DIR@/ca.pem;
    ssl_verify_client optional;
    location = /certificate {
      if ($ssl_client_verify != SUCCESS) { return 403; }
      token_issue   sk_main;
      token_subject $ssl_client_s_dn;
    }
  }`;

describe('a person whom nginx knows', () => {
  const person = people();
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: PK + SK, http: HTTP, server: LOCATIONS,
      files: {
        ...certificate(),
        'ca.pem': { text: person.ca },
        passwords: { text: 'alice:{PLAIN}wonder\nbob:{PLAIN}builder\n',
                     mode: 0o644 }
      }
    });
  });
  after(() => ngx?.finish());

  const post = (target, headers) =>
    call(ngx, 'POST', `${target}?key=pk_page`,
         { key: null, headers: { Origin: ORIGIN, ...headers } });

  const basic = (pair) =>
    ({ Authorization: `Basic ${Buffer.from(pair).toString('base64')}` });

  test('by a password', async () => {
    const { status, json } = await post('/password', basic('alice:wonder'));

    assert.equal(status, 200);
    assert.equal(await subjectOf(json.token), 'alice');
    assert.equal(await subjectOf(
      (await post('/password', basic('bob:builder'))).json.token), 'bob');

    assert.equal((await post('/password', basic('alice:x'))).status, 401);
    assert.equal((await post('/password')).status, 401);
  });

  test('and is called so by the others', async () => {
    const token = async (pair) =>
      (await post('/password', basic(pair))).json.token;

    const alice = await ngx.connect(
      { query: `token=${await token('alice:wonder')}` });
    const bob = await ngx.connect(
      { query: `token=${await token('bob:builder')}` });

    assert.equal(alice.peerId, 'alice');

    await alice.join('room');
    await bob.join('room');

    const presence = await alice.next(
      (f) => f.type === 'presence' && f.joined.length > 0);

    assert.deepEqual(presence.joined,
                     [{ peerId: 'bob', metadata: { name: 'bob' } }]);

    await alice.close();
    await bob.close();
  });

  test('by the header of a service', async () => {
    const { status, json } = await post('/service', { Cookie: 'person=carol' });

    assert.equal(status, 200);
    assert.equal(await subjectOf(json.token), 'carol');
    assert.equal((await post('/service')).status, 401);
  });

  test('by a service that names nobody', async () => {
    const { json } = await post('/service', { Cookie: 'other=1' });

    assert.match(await subjectOf(json.token), /^[0-9a-f-]{36}$/);
  });

  test('by a client certificate', async () => {
    const ask = (own) => new Promise((resolve, reject) => {
      https.request({
        host: '127.0.0.1', port: ngx.ports.PORT_CERT, method: 'POST',
        path: '/certificate?key=pk_page', agent: false,
        rejectUnauthorized: false, headers: { Origin: ORIGIN }, ...own
      }, (res) => {
        let text = '';
        res.on('data', (part) => { text += part; });
        res.on('end', () => resolve({ status: res.statusCode, text }));
      }).on('error', reject).end();
    });

    const { status, text } = await ask({ key: person.key, cert: person.cert });

    assert.equal(status, 200, text);
    assert.equal(await subjectOf(JSON.parse(text).token),
                 'CN=alice,O=Example');
    assert.equal((await ask({})).status, 403);
  });
});

describe('with a key file', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: 'key_file @DIR@/keys;',
      http: 'turn_server turn:a.example.com; turn_secret s;',
      server: `location = /tokens { token_issue sk_main; }
               location = /turn   { turn_credentials; }
               location /api/     { turn_api; }`,
      files: { keys: { text: '\n', mode: 0o644 } }
    });
  });
  after(() => ngx?.finish());

  const headers = { Origin: ORIGIN };

  const page = (method, target) =>
    call(ngx, method, target, { key: null, headers });

  const token = () => page('POST', '/tokens?key=pk_page');

  const write = (text) => {
    fs.writeFileSync(`${ngx.dir}/keys.new`, text, { mode: 0o644 });
    fs.renameSync(`${ngx.dir}/keys.new`, `${ngx.dir}/keys`);
  };

  /* every worker has seen it when so many connections in a row have */
  const settled = async (ask, status) => waitFor(async () => {
    for (let i = 0; i < 20; i++) {
      if ((await ask()).status !== status) {
        return false;
      }
    }
    return true;
  }, `status ${status}`);

  test('keys come, sign, and go', async () => {
    const backend = (secret) => call(ngx, 'POST', '/tokens',
      { key: `sk_main:${secret}`, body: '{"peerId":"x"}' });
    const list = () => page('GET', '/turn?key=pk_page');
    const api = () => page('GET', '/api/credentials?apiKey=pk_page');

    assert.match(ngx.errorLog(),
      /\[warn\].*invalid key "sk_main" in "token_issue": there is no such key/);

    assert.equal((await token()).status, 401);
    assert.equal((await list()).status, 401);

    // a page's key alone: nobody signs

    write(PK);
    await settled(token, 503);
    assert.equal((await token()).json.error, 'internal_error');
    assert.match(ngx.errorLog(), /no secret key "sk_main" for "token_issue"/);
    assert.equal((await list()).status, 200);
    assert.equal((await api()).status, 200);

    write(PK + SK);
    await settled(token, 200);
    assert.equal((await backend(SECRET)).status, 200);
    await subjectOf((await token()).json.token);

    // another secret: the old one signs nothing any more

    write(PK + SK.replace(SECRET, NEXT));
    await settled(() => backend(NEXT), 200);
    await settled(() => backend(SECRET), 401);
    await subjectOf((await token()).json.token, NEXT);

    write(SK);
    await settled(token, 401);
    await settled(list, 401);
    await settled(api, 401);
  });
});
