// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 2 and 4.2: what HTTP answers, credentials, origins and the
// welcome, for publishable keys.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';

import { accepts, connectRaw, exchange, Raw, upgradeRequest } from './raw.mjs';
import {
  connect, KEYS, ORIGIN, refused, startSite, waitFor
} from './signaling.mjs';

const UUID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const MORE_KEYS = `
  ${KEYS}
  publishable_key pk_live_strict {
    origins  https://demo.example.com https://*.preview.example.com
             http://localhost:5173 https://port.example.com:8443;
    channels **;
  }
  publishable_key pk_live_any     { origins *; channels **; app second; }
  publishable_key pk_live_anyhow  { origins *; require_origin off;
                                    channels **; }
  publishable_key pk_live_null    { origins null; channels **; }
  publishable_key pk_live_no_turn { origins *; channels **; turn off; }
  secret_key sk_id_main { secret sk_secret_of_main_0123456789; channels **; }
`;

const HTTP = `
  log_format sessions '$status $signaling_peer_id $signaling_key '
                      '$signaling_app $arg_n';
  log_format bytes    '$bytes_sent $arg_n';
  limit_req_zone  $binary_remote_addr zone=attempts:1m rate=1r/m;
  limit_conn_zone $host zone=together:1m;
  limit_req_status 429;
`;

const SERVER = `
  access_log @DIR@/access.log combined;
  access_log @DIR@/sessions.log sessions;
  access_log @DIR@/bytes.log bytes;

  location = /small    { signaling calls; signaling_max_message 1k; }
  location = /ice      { signaling calls; signaling_ice_servers $http_x_ice; }
  location = /attempts { signaling calls; limit_req zone=attempts; }
  location = /together { signaling calls; limit_conn together 1; }
  location = /at_once  { signaling calls; postpone_output 0; }
`;

describe('the handshake', { timeout: 120000 }, () => {
  let ngx;

  const sessions = () => {
    const file = path.join(ngx.dir, 'sessions.log');
    return fs.readFileSync(file, 'utf8').split('\n');
  };

  const line = (n) => waitFor(
    () => sessions().find((l) => l.endsWith(` ${n}`)), `line ${n} of the log`);

  before(async () => {
    ngx = await startSite({ keys: MORE_KEYS, http: HTTP, server: SERVER });
  });
  after(() => ngx?.finish());

  describe('by HTTP', () => {
    const refusals = [
      ['POST', { method: 'POST' }, 405, { allow: 'GET' }],
      ['HEAD', { method: 'HEAD' }, 405, { allow: 'GET' }],
      ['OPTIONS', { method: 'OPTIONS' }, 405, { allow: 'GET' }],
      ['a plain GET', { headers: { Upgrade: null, Connection: null } },
       426, { upgrade: 'websocket' }],
      ['no Upgrade', { headers: { Upgrade: null } },
       426, { upgrade: 'websocket' }],
      ['another Upgrade', { headers: { Upgrade: 'h2c' } },
       426, { upgrade: 'websocket' }],
      ['no "upgrade" in Connection', { headers: { Connection: 'close' } },
       426, { upgrade: 'websocket' }],
      ['version 8', { headers: { 'Sec-WebSocket-Version': '8' } },
       426, { 'sec-websocket-version': '13' }],
      ['version 130', { headers: { 'Sec-WebSocket-Version': '130' } },
       426, { 'sec-websocket-version': '13' }],
      ['no version', { headers: { 'Sec-WebSocket-Version': null } },
       426, { 'sec-websocket-version': '13' }],
      ['no key', { headers: { 'Sec-WebSocket-Key': null } }, 400],
      ['an empty key', { headers: { 'Sec-WebSocket-Key': '' } }, 400],
      ['a key of 15 bytes',
       { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j' } }, 400],
      ['a key of 15 bytes and a half',
       { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ' } }, 400],
      ['a key of 18 bytes',
       { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZTEy' } }, 400],
      ['a key that is no base64',
       { headers: { 'Sec-WebSocket-Key': '!GhlIHNhbXBsZSBub25jZQ==' } }, 400],
      ['a body', { headers: { 'Content-Length': '4' } }, 400],
      ['a chunked body', { headers: { 'Transfer-Encoding': 'chunked' } }, 400]
    ];

    for (const [name, options, status, headers = {}] of refusals) {
      test(`${name} is answered by ${status}`, async () => {
        const raw = await exchange(ngx, options);

        assert.equal(raw.status, status);
        for (const [key, value] of Object.entries(headers)) {
          assert.equal(raw.headers[key], value);
        }
        assert.equal(raw.headers['sec-websocket-accept'], undefined);
        await raw.destroy();
      });
    }

    test('HTTP/1.0 is answered by 426', async () => {
      const raw = await exchange(ngx, { version: '1.0' });

      assert.equal(raw.status, 426);
      assert.equal(raw.line.split(' ').slice(1).join(' '),
        '426 Upgrade Required');
      await raw.destroy();
    });

    test('the 101 and the welcome come in one piece', async () => {
      const raw = await connectRaw(ngx);

      assert.equal(raw.chunk, 1);
      await raw.destroy();
    });

    test('the 101 goes ahead where nginx postpones nothing', async () => {
      const raw = await connectRaw(ngx,
        { path: '/at_once?key=pk_live_all' });

      await raw.destroy();
    });

    test('the access log has the bytes of the 101', async () => {
      const raw = await connectRaw(ngx,
        { path: '/v1?key=pk_live_all&n=bytes' });
      const head = [raw.line, ...Object.entries(raw.headers)
        .map(([name, value]) => `${name}: ${value}`)];

      const logged = await waitFor(() => fs.readFileSync(
        path.join(ngx.dir, 'bytes.log'), 'utf8').match(/^(\d+) bytes$/m),
      'line of the log');

      assert.equal(Number(logged[1]), `${head.join('\r\n')}\r\n\r\n`.length);
      await raw.destroy();
    });

    test('the 101 is that of RFC 6455 and selects nothing', async () => {
      const raw = await connectRaw(ngx, { headers: {
        'Sec-WebSocket-Protocol': 'chat, superchat',
        'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits'
      } });

      assert.equal(raw.line, 'HTTP/1.1 101 Switching Protocols');
      assert.equal(raw.headers.upgrade.toLowerCase(), 'websocket');
      assert.match(raw.headers.connection, /^upgrade$/i);

      // the example of RFC 6455, 1.3
      assert.equal(raw.headers['sec-websocket-accept'],
        's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      assert.equal(raw.headers['sec-websocket-protocol'], undefined);
      assert.equal(raw.headers['sec-websocket-extensions'], undefined);
      assert.equal(raw.headers['content-length'], undefined);
      assert.equal(raw.headers['transfer-encoding'], undefined);
      await raw.destroy();
    });

    for (const [name, headers] of [
      ['Connection is a list', { Connection: 'keep-alive, Upgrade' }],
      ['Connection has another case', { Connection: 'uPGRADE' }],
      ['Upgrade has another case', { Upgrade: 'WebSocket' }],
      ['Upgrade is a list', { Upgrade: 'h2c, websocket' }],
      ['names have another case', {
        Upgrade: null, Connection: null, UPGRADE: 'websocket',
        connection: 'upgrade' }],
      ['the body is empty', { 'Content-Length': '0' }]
    ]) {
      test(`accepted: ${name}`, async () => {
        const key = 'AAECAwQFBgcICQoLDA0ODw==';
        const raw = await connectRaw(ngx, {
          headers: { ...headers, 'Sec-WebSocket-Key': key }
        });

        assert.equal(raw.headers['sec-websocket-accept'], accepts(key));
        await raw.destroy();
      });
    }

    test('a request in two pieces', async () => {
      const request = upgradeRequest();
      const raw = new Raw(ngx);

      await raw.connected;
      await raw.write(request.slice(0, 40));
      await raw.write(request.slice(40));
      await raw.message('welcome');
      await raw.destroy();
    });

    test('limit_req answers 429 with a body of nginx', async () => {
      const first = await connect(ngx, { path: '/attempts' });
      const raw = await exchange(ngx, { path: '/attempts?key=pk_live_all' });

      assert.equal(raw.status, 429);
      assert.match(raw.headers['content-type'], /^text\/html/);
      assert.match(raw.body, /<h1>429 Too Many Requests<\/h1>[^]*nginx/);
      await raw.destroy();
      await first.close();
    });

    test('limit_conn counts a connection as long as it lives', async () => {
      const first = await connect(ngx, { path: '/together' });
      const second = () => exchange(ngx,
        { path: '/together?key=pk_live_all' });

      for (let i = 0; i < 3; i++) {
        const raw = await second();
        assert.equal(raw.status, 503);
        await raw.destroy();
        await first.settled();
      }

      await first.close();
      await waitFor(async () => {
        const raw = await second();
        await raw.destroy();
        return raw.status === 101;
      }, 'place of the one that left');
    });
  });

  describe('the credential', () => {
    const all = 'pk_live_all';

    const accepted = [
      ['a key', `key=${all}`],
      ['a key percent-encoded', 'key=pk%5flive%5Fa%6c%6C'],
      ['unknown parameters', `v=1&foo&=x&key=${all}&token2=x&bar=baz&`],
      ['an empty token', `key=${all}&token=`],
      ['a parameter twice, the first counts', `key=${all}&key=nothing`],
      ['parameters whose names only end alike', `apikey=x&key=${all}`]
    ];

    for (const [name, query] of accepted) {
      test(`accepted: ${name}`, async () => {
        const client = await connect(ngx, { query });
        await client.close();
      });
    }

    const refusals = [
      ['no parameter', ''],
      ['an empty key', 'key='],
      ['a key without a value', 'key'],
      ['an empty key before a good one', `key=&key=${all}`],
      ['a wrong key before a good one', `key=nothing&key=${all}`],
      ['a token that is none', 'token=nothing'],
      ['an empty token', 'token='],
      ['both parameters', `key=${all}&token=x`],
      ['both the other way round', `token=x&key=${all}`],
      ['an unknown key', 'key=pk_live_nobody'],
      ['the beginning of a key', 'key=pk_live_al'],
      ['a key and more', `key=${all}x`],
      ['a key with a NUL', `key=${all}%00`],
      ['a key in other letters', 'key=PK_LIVE_ALL'],
      ['a key encoded twice', 'key=pk%255flive%255fall'],
      ['a broken percent-encoding', 'key=pk%zzlive%zzall'],
      ['another name', `Key=${all}`],
      ['a space around', `key=%20${all}`],
      ['"+" is no space', `key=${all}+`],
      ['the ID of a secret key', 'key=sk_id_main'],
      ['a signing secret', 'key=sk_secret_of_main_0123456789'],
      ['ID and secret', 'key=sk_id_main:sk_secret_of_main_0123456789'],
      ['a key of 900 characters', `key=${'k'.repeat(900)}`]
    ];

    for (const [name, query] of refusals) {
      test(`refused: ${name}`, async () => {
        const { code, reason } = await refused(ngx, { query });

        assert.equal(code, 4001);
        assert.ok(Buffer.byteLength(reason) <= 123);
        assert.doesNotMatch(reason, /sk_|pk_|nothing/);
      });
    }

    test('unknown and wrong-type keys cannot be told apart', async () => {
      const [unknown, secret] = await Promise.all([
        refused(ngx, { query: 'key=pk_live_nobody' }),
        refused(ngx, { query: 'key=sk_id_main' })
      ]);

      assert.deepEqual(unknown, secret);
    });

    test('a refused client that does not answer is dropped',
      async () => {
        const raw = await exchange(ngx, { path: '/v1' });

        assert.equal(raw.status, 101);
        assert.equal((await raw.close()).code, 4001);

        // it never answers
        await raw.ended;
        assert.equal(raw.all.length, 1);
        await raw.destroy();
      });
  });

  describe('the Origin', () => {
    const strict = 'pk_live_strict';

    const rows = [
      [strict, 'https://demo.example.com', true],
      [strict, 'https://DEMO.example.COM', true],
      [strict, 'HTTPS://demo.example.com', true],
      [strict, 'https://demo.example.com:443', true],
      [strict, 'https://demo.example.com:80', false],
      [strict, 'https://demo.example.com:8443', false],
      [strict, 'http://demo.example.com', false],
      [strict, 'https://demo.example.com/', false],
      [strict, 'https://demo.example.com.evil.example', false],
      [strict, 'https://xdemo.example.com', false],
      [strict, 'https://a.preview.example.com', true],
      [strict, 'https://a.b.preview.example.com', true],
      [strict, 'https://A.Preview.example.com:443', true],
      [strict, 'https://preview.example.com', false],
      [strict, 'https://.preview.example.com', false],
      [strict, 'https://evilpreview.example.com', false],
      [strict, 'https://a.preview.example.com:444', false],
      [strict, 'https://*.preview.example.com', false],
      [strict, 'http://localhost:5173', true],
      [strict, 'http://localhost', false],
      [strict, 'https://port.example.com:8443', true],
      [strict, 'https://port.example.com', false],
      [strict, 'null', false],
      [strict, '', false],
      [strict, '*', false],
      [strict, null, false],
      ['pk_live_any', 'https://anywhere.example', true],
      ['pk_live_any', 'null', true],
      ['pk_live_any', null, false],
      ['pk_live_anyhow', null, true],
      ['pk_live_anyhow', 'https://anywhere.example', true],
      ['pk_live_all', null, true],
      ['pk_live_all', ORIGIN, true],
      ['pk_live_all', 'https://other.example.com', false],
      ['pk_live_null', 'null', true],
      ['pk_live_null', 'NULL', false],
      ['pk_live_null', 'https://null', false]
    ];

    for (const [key, origin, good] of rows) {
      const name = origin === null ? 'no Origin' : `"${origin}"`;

      test(`${key} ${good ? 'accepts' : 'refuses'} ${name}`, async () => {
        const raw = await exchange(ngx,
          { path: `/v1?key=${key}`, headers: { Origin: origin } });

        assert.equal(raw.status, 101);

        if (good) {
          await raw.message('welcome');
        } else {
          assert.equal((await raw.close()).code, 4001);
          assert.equal(raw.all.length, 1);
        }
        await raw.destroy();
      });
    }
  });

  describe('the welcome', () => {
    test('has exactly its members, first and once', async () => {
      const before = Math.floor(Date.now() / 1000);
      const client = await connect(ngx);
      const { welcome } = client;
      const late = Math.ceil(Date.now() / 1000);

      assert.deepEqual(Object.keys(welcome).sort(),
        ['expiresAt', 'maxMessageSize', 'peerId', 'serverTime', 'type']);
      assert.equal(welcome.expiresAt, null);
      assert.equal(welcome.maxMessageSize, 65536);
      assert.ok(Number.isInteger(welcome.serverTime));
      assert.ok(welcome.serverTime >= before - 1);
      assert.ok(welcome.serverTime <= late + 1);

      await client.settled();
      assert.equal(client.all[0], welcome);
      assert.equal(client.all.filter((f) => f.type === 'welcome').length, 1);
      await client.close();
    });

    test('has a fresh UUID every time', async () => {
      const ids = new Set();

      for (let i = 0; i < 20; i++) {
        const client = await connect(ngx);
        assert.match(client.peerId, UUID);
        ids.add(client.peerId);
        await client.close();
      }

      assert.equal(ids.size, 20);
    });

    test('has the size that is configured', async () => {
      const client = await connect(ngx, { path: '/small' });

      assert.equal(client.welcome.maxMessageSize, 1024);
      await client.close();
    });

    const ice = (value, key = 'pk_live_all') => connect(ngx,
      { path: '/ice', key, headers: { 'X-Ice': value } });

    for (const list of [
      [{ urls: 'stun:turn.example.com' }],
      [{ urls: ['turn:a.example.com', 'turns:a.example.com'],
         username: 'u"\\', credential: 'c' }, { urls: 'stun:b' }],
      []
    ]) {
      const value = JSON.stringify(list);

      test(`has the ICE servers ${value}`, async () => {
        const client = await ice(value);

        assert.deepEqual(client.welcome.metadata, { iceServers: list });
        await client.close();
      });
    }

    test('has no metadata for a key with turn off', async () => {
      const client = await ice('[{"urls":"stun:a"}]', 'pk_live_no_turn');

      assert.ok(!('metadata' in client.welcome));
      await client.close();
    });

    for (const value of [
      '', '{"urls":"stun:a"}', '"stun:a"', '[', '[1,]', '[1] 2', 'null'
    ]) {
      test(`has no metadata for the value '${value}'`, async () => {
        const client = await ice(value);

        assert.ok(!('metadata' in client.welcome));
        await client.close();
      });
    }

    test('a value left out is logged once by each worker', async () => {
      const lines = () => ngx.errorLog().match(/signaling_ice_servers/g);

      await waitFor(lines, 'warning');
      assert.ok(lines().length <= ngx.workerPids().length);
    });
  });

  describe('the logs', () => {
    test('the access log has peer, key and app', async () => {
      const client = await connect(ngx,
        { query: 'key=pk_live_any&n=variables' });

      assert.equal(await line('variables'),
        `101 ${client.peerId} pk_live_any second variables`);
      await client.close();
    });

    test('the access log has them where the request is kept', async () => {
      const client = await connect(ngx,
        { path: '/together', query: 'key=pk_live_all&n=kept' });
      await client.close();

      assert.equal(await line('kept'),
        `101 ${client.peerId} pk_live_all default kept`);
    });

    test('the variables are empty for a refused credential', async () => {
      await refused(ngx, { query: 'key=sk_id_main&n=refused' });

      assert.equal(await line('refused'), '101 - - - refused');
    });

    test('the error log tells of the end of a session', async () => {
      const client = await connect(ngx);

      await client.join('logged');
      await client.ok({ type: 'publish', channel: 'logged', data: 'DATA' });
      await client.close(4000);

      const text = await waitFor(() => ngx.errorLog().split('\n').find((l) =>
        l.includes('session ended') && l.includes(client.peerId)), 'line');

      assert.match(text, /\[info\]/);
      assert.match(text, /key: "pk_live_all"/);
      assert.match(text, /\d+ seconds/);
      assert.match(text, /in: 2 messages, \d+ bytes/);
      assert.match(text, /out: \d+ messages, \d+ bytes/);
      assert.match(text, /close: 4000/);
    });

    test('no log has a secret or data', async () => {
      for (const log of [ngx.errorLog(), sessions().join('\n')]) {
        assert.doesNotMatch(log, /sk_secret_of_main|"DATA"/);
      }
    });
  });
});
