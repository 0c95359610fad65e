// Copyright (C) The ngx_signaling authors
//
// Nothing secret is logged, at any level, in any log, however a request ends.
// What is looked for: t/secret.mjs, and here once more by name.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';

import { SITE, call } from './api.mjs';
import { Raw } from './raw.mjs';
import { leaks, secret } from './secret.mjs';
import {
  certificate, connect, refused, request, startSite, waitFor
} from './signaling.mjs';
import { SECRET, forge, issue, secretKey } from './token.mjs';

const PASSWORD = secret('basic-auth-password-0123');
const BASIC = secret(Buffer.from(`someone:${PASSWORD}`).toString('base64'));

const HTTP = `
  ${secretKey('sk_HS256')}
  turn_server turn:turn.example.com;
  turn_secret_file @DIR@/turn;
  client_header_timeout 300ms;
  lingering_close off;
  limit_req_zone $server_port zone=one:1m rate=1r/m;
  log_format all '$request $status $args $query_string $arg_token $arg_key '
                 '$request_uri $http_referer';
  map $arg_token $mapped { default 0; ~^never 1; }
  error_log @DIR@/http.log debug;
  access_log @DIR@/access.log combined;
  access_log @DIR@/all.log all;
`;

const server = (port, known) => `
  ${SITE.server}
  error_log syslog:server=127.0.0.1:${port} debug;
  error_log @DIR@/server.log debug;
  client_max_body_size 1k;
  large_client_header_buffers 4 4k;
  log_subrequest on;
  error_page 400 414 /error.html;
  location = /error.html { return 200 error; }

  location = /limited   { signaling calls; limit_req zone=one;
                          error_page 503 = @busy; }
  location @busy        { return 429 busy; }
  location = /named     { try_files /nothing @named; }
  location @named       { signaling calls; }
  location = /tried     { try_files /nothing /v1?$args; }
  location = /fixed     { error_page 418 = /v1?token=${known}; return 418; }
  location = /rewritten { rewrite ^ /v1 last; }
  location = /set       { signaling calls; set $args "$args&set=1";
                          if ($arg_token = "") { set $x 1; } }
  location = /iffy      { signaling calls; if ($mapped = 0) { set $x 1; } }
  location = /asked     { signaling calls; auth_request /ask; }
  location = /ask       { internal; return 204; }
  location = /internal  { internal; signaling calls; }
  location = /basic     { signaling calls; auth_basic here;
                          auth_basic_user_file @DIR@/passwd;
                          signaling_peer_id $remote_user; }
  location = /ice       { signaling calls; error_log @DIR@/ice.log debug;
                          signaling_ice_servers $turn_ice_servers; }
  location = /header    { add_header X-Credential
                            "$turn_username $turn_credential" always;
                          return 204; }
  location = /turn      { turn_credentials; limit_req zone=one burst=99 nodelay; }
  location /api/        { turn_api; limit_req zone=one burst=99 nodelay; }
  location = /tokens    { token_issue sk_HS256; limit_req zone=one burst=99 nodelay; }
`;

const MORE = `
  server { listen 127.0.0.1:@PORT_CLOSED@; return 503;
           error_page 503 /busy; location = /busy { return 200 busy; } }
  server { listen 127.0.0.1:@PORT_TLS@ ssl http2;
           ssl_certificate @DIR@/cert.pem; ssl_certificate_key @DIR@/key.pem;
           location = /turn { turn_credentials; limit_req zone=one burst=99 nodelay; }
           location = /v1   { signaling calls; } }
`;

/* what is sent, with a token in it, and how it ends in the access log */

const get = (token, rest) => `GET /v1?token=${token}${rest}`;
const HEAD = ' HTTP/1.1\r\nHost: localhost\r\n';

const ENDS = {
  'an invalid header': [400,
    (token) => get(token, `${HEAD}X-Bad\0: 1\r\n\r\n`)],
  'an invalid Authorization': [400,
    (token) => `GET /v1${HEAD}Authorization: Bearer ${token}\0\r\n\r\n`],
  'no Host': [400, (token) => get(token, ' HTTP/1.1\r\n\r\n')],
  'an invalid Host': [400,
    (token) => get(token, ' HTTP/1.1\r\nHost: a/b\r\n\r\n')],
  'an invalid method': [400, (token) => `get /v1?token=${token}${HEAD}\r\n`],
  'no protocol': [400, (token) => get(token, ' FTP/1.1\r\n\r\n')],
  'a version to come': [505, (token) => get(token, ' HTTP/7.0\r\n\r\n')],
  'an old version': [426, (token) => get(token, '\r\n')],
  'a URI that is too long': [414,
    (token) => get(token, `&x=${'x'.repeat(5000)}`)],
  'headers that are too long': [400,
    (token) => get(token, `${HEAD}X-Long: ${'x'.repeat(5000)}\r\n\r\n`)],
  'half a line, and no more': [408, (token) => get(token, '')],
  'half a header, and no more': [408,
    (token) => get(token, `${HEAD}Authorization: Bearer ${token}`)],
  'an unknown encoding': [501,
    (token) => get(token, `${HEAD}Transfer-Encoding: x\r\n\r\n`)],
  'a body that is too long': [413,
    (token) => get(token, `${HEAD}Content-Length: 9999\r\n\r\n`)],
  'another method': [405, (token) => `PUT /v1?token=${token}${HEAD}\r\n`],
  'no upgrade': [426, (token) => get(token, `${HEAD}\r\n`)],
  'an internal location': [404,
    (token) => `GET /internal?token=${token}${HEAD}\r\n`],
  'a Referer': [426, (token) => `GET /v1${HEAD}` +
    `Referer: https://a.example/b?token=${token}\r\n\r\n`]
};

let count = 0;

/* a token that nobody accepts, another one each time */
const token = () => secret(forge({ alg: 'HS256', kid: 'sk_HS256' },
  { sub: 'a', n: count++ }, { secret: 'x' }));

describe('nothing secret is logged', { timeout: 120000 }, () => {
  const udp = dgram.createSocket('udp4');
  const datagrams = [];
  let ngx;

  const read = (name) => fs.readFileSync(path.join(ngx.dir, name), 'utf8');
  const lines = (name) => read(name).split('\n').length;

  /* every log, as one text */
  const all = () => fs.readdirSync(ngx.dir).filter((n) => n.includes('.log'))
    .map(read).concat(datagrams).join('\n') + ngx.errorLog();

  /* sends bytes; resolves when the access log has one more line */
  async function send(bytes, status) {
    const before = lines('access.log');
    const raw = new Raw(ngx);

    await raw.connected;
    raw.socket.write(Buffer.from(bytes, 'latin1'));
    await waitFor(() => lines('access.log') > before, 'line in access.log');
    raw.socket.destroy();

    const line = read('access.log').trim().split('\n').at(-1);
    assert.match(line, new RegExp(`" ${status} `));

    return line;
  }

  before(async () => {
    udp.on('message', (data) => datagrams.push(String(data)));
    await new Promise((resolve) => { udp.bind(0, '127.0.0.1', resolve); });

    ngx = await startSite({
      keys: SITE.keys,
      main: `error_log stderr debug;
             error_log memory:32k debug;
             error_log /dev/full debug;`,
      http: `${HTTP}${MORE}`,
      server: server(udp.address().port, await issue({ sub: 'fixed' })),
      files: {
        ...certificate(),
        turn: { text: 'north-star-secret-of-turn' },
        passwd: { text: `someone:{PLAIN}${PASSWORD}\n` }
      }
    });
  });
  after(async () => {
    try {
      await ngx?.finish();
    } finally {
      udp.close();
    }
  });

  for (const [what, [status, bytes]] of Object.entries(ENDS)) {
    test(what, async () => {
      const shown = token();
      const line = await send(bytes(shown), status);

      assert.ok(!line.includes(shown), line);
      if (bytes(shown).includes('?token=')) {
        assert.match(line, /\?token=\*+/);
      }
      assert.deepEqual(leaks(all()), []);
    });
  }

  test('a client that leaves within its request line', async () => {
    const before = lines('access.log');
    const raw = new Raw(ngx);

    await raw.connected;
    raw.socket.write(get(token(), ''));
    raw.socket.end();
    await waitFor(() => lines('access.log') > before, 'line in access.log');
    raw.socket.destroy();
    assert.deepEqual(leaks(all()), []);
  });

  test('a server that is closed', async () => {
    const socket = net.connect(ngx.ports.PORT_CLOSED, '127.0.0.1');
    const before = lines('access.log');

    socket.write(get(token(), `${HEAD}Connection: close\r\n\r\n`));
    socket.resume();
    await waitFor(() => lines('access.log') > before, 'line in access.log');
    assert.match(read('access.log'), /\/v1\?token=\*+ HTTP\/1\.1" 503 /);
    assert.deepEqual(leaks(all()), []);
  });

  test('limit_req, and its error page', async () => {
    for (let i = 0; i < 3; i++) {
      await request(ngx, `/limited?token=${token()}`);
    }
    assert.deepEqual(leaks(all()), []);
  });

  describe('credentials are still read', () => {
    for (const where of ['v1', 'named', 'tried', 'rewritten', 'set', 'iffy',
      'asked', 'ice']) {
      test(`token: ${where}`, async () => {
        const shown = await issue({ sub: where });
        const client = await connect(ngx,
          { path: `/${where}`, query: `token=${shown}` });

        assert.equal(client.peerId, where);
        await client.close();
        assert.deepEqual(leaks(all()), []);
      });
    }

    test('what the configuration has is left as it is', async () => {
      for (let i = 0; i < 2 * ngx.workerPids().length; i++) {
        const client = await connect(ngx, { path: '/fixed', query: 'n=1' });

        assert.equal(client.peerId, 'fixed');
        await client.close();
      }
    });

    test('subprotocol', async () => {
      const client = await connect(ngx, { query: 'n=1', protocols:
        [`signaling.bearer.${await issue({ sub: 'protocol' })}`] });

      assert.equal(client.peerId, 'protocol');
      await client.close();
    });

    test('basic', async () => {
      const client = await connect(ngx, { path: '/basic', headers:
        { Authorization: `Basic ${BASIC}` }, query: 'key=pk_live_all' });

      assert.equal(client.peerId, 'someone');
      await client.close();
    });

    test('TURN credentials', async () => {
      for (const [target, headers] of [
        [`/turn?key=pk_live_all`, {}],
        [`/turn`, { Authorization: `Bearer sk_HS256:${SECRET}` }],
        [`/turn`, { Authorization: `Bearer ${await issue({ sub: 'a' })}` }],
        [`/api/credentials?apiKey=pk_live_all`, {}]]) {
        const { status, text } = await request(ngx, target, { headers });

        assert.equal(status, 200, target);
        assert.match(text, /"credential":"[^"]{28}"/);
        secret(/"credential":"([^"]{28})"/.exec(text)[1]);
      }

      const { headers } = await request(ngx, '/header');
      secret(headers['x-credential'].split(' ')[1]);
      assert.deepEqual(leaks(all()), []);
    });

    test('a backend', async () => {
      const pair = `sk_HS256:${SECRET}`;
      const { status, text } = await request(ngx, '/api/credential' +
        `?secretKey=${encodeURIComponent(pair)}`, { method: 'POST' });

      assert.equal(status, 200);
      secret(JSON.parse(text).password);
      secret(JSON.parse(text).apiKey);
      await request(ngx, `/api/credentials?apiKey=${JSON.parse(text).apiKey}`);

      const minted = await call(ngx, 'POST', '/tokens',
        { key: pair, body: '{"peerId":"a"}' });
      secret(minted.json.token);
      await refused(ngx, { query: `key=${pair}` });

      await request(ngx, '/v1/usage', { headers:
        { Authorization: `Bearer ${pair}` } });
      assert.deepEqual(leaks(all()), []);
    });
  });

  describe('by HTTP/2', () => {
    for (const target of ['/v1', '/turn', '/', '/turn/x']) {
      test(target, async () => {
        // without SNI the log of the connection stays that of its socket

        const session = http2.connect(
          `https://127.0.0.1:${ngx.ports.PORT_TLS}`,
          { rejectUnauthorized: false });
        const before = lines('access.log');
        const stream = session.request({
          ':path': `${target}?token=${token()}`,
          authorization: `Bearer ${token()}`,
          'sec-websocket-protocol': `signaling.bearer.${token()}`
        });

        stream.on('error', () => {});
        stream.resume();
        await waitFor(() => lines('access.log') > before, 'line');
        session.destroy();
        if (target === '/v1' || target === '/turn') {
          assert.match(read('access.log').trim().split('\n').at(-1),
            /\?token=\*+ HTTP\/2\.0"/);
        }
        assert.deepEqual(leaks(ngx.errorLog()), []);
      });
    }
  });

  test('what was to be logged is there', () => {
    const has = (text, what) => assert.ok(what.test(text), String(what));

    has(read('error.log'), /\[debug\] /);
    has(read('http.log'), /http2 header: "authorization: Bearer \*+"/);
    has(read('server.log'), /http args: "token=\*+"/);
    has(read('server.log'), /"Authorization: Bearer \*+"/);
    has(read('server.log'), /salt: "\*+"/);
    has(read('ice.log'), /"credential":"\*{28}"/);
    has(read('all.log'), /token=\*+ \*+ /);
    has(datagrams.join('\n'), /http args: "token=\*+"/);
    has(ngx.errorLog(), /\[debug\] .*\n[^]*\[debug\] /);
  });

  test('logs that are moved away', async () => {
    for (const name of ['error.log', 'server.log', 'access.log']) {
      fs.renameSync(path.join(ngx.dir, name),
        path.join(ngx.dir, `${name}.1`));
    }

    process.kill(ngx.pid, 'SIGUSR1');
    await waitFor(() => fs.existsSync(path.join(ngx.dir, 'access.log')),
      'new log');

    // a worker has opened it when it writes there

    await waitFor(async () => {
      await request(ngx, `/v1?token=${token()}`);
      return /\/v1\?token=\*+ /.test(read('access.log')) &&
        /http args: "token=\*+"/.test(read('server.log'));
    }, 'line in the new logs');
    assert.deepEqual(leaks(all()), []);
  });

  test('a reload', async () => {
    await ngx.reload();
    fs.writeFileSync(path.join(ngx.dir, 'server.log'), '');

    const client = await connect(ngx,
      { query: `token=${await issue({ sub: 'new' })}` });
    await client.close();
    await send(get(token(), `${HEAD}X-Bad\0: 1\r\n\r\n`), 400);

    assert.match(read('server.log'), /http args: "token=\*+"/);
    assert.deepEqual(leaks(all()), []);
  });
});
