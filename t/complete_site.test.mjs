// Copyright (C) The ngx_signaling authors
//
// The complete site of docs/directives.md, as it is written there but for
// paths: everything in it works.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { call } from './api.mjs';
import { configTest, startNginx } from './nginx.mjs';
import { certificate, connect, ORIGIN, request } from './signaling.mjs';

const SECRET = 'sk_secret_of_the_complete_site_0123456789';
const PAIR = `sk_id_main:${SECRET}`;

const files = {
  ...certificate(),
  'keys/sk_id_main': { text: `${SECRET}\n`, mode: 0o600 },
  'keys/turn': { text: 'turn_secret_of_the_complete_site\n', mode: 0o600 },
  'site/index.html': { text: 'hello', mode: 0o644 }
};

const http = `
    signaling_zone calls 32m;

    publishable_key pk_live_demo {
        origins   https://demo.example.com https://*.preview.example.com;
        channels  demo-room-* lobby;
        actions   subscribe publish presence send;
    }

    secret_key sk_id_main {
        secret_file @DIR@/keys/sk_id_main;
        channels    **;
        actions     subscribe publish presence send;
    }

    turn_server      stun:turn.example.com:3478;
    turn_server      turn:turn.example.com:3478?transport=udp
                     turns:turn.example.com:5349?transport=tcp;
    turn_secret_file @DIR@/keys/turn;

    limit_req_zone $binary_remote_addr zone=mint:1m rate=60r/m;
    limit_req_status 429;

    server {
        listen 127.0.0.1:@PORT@ ssl;
        root   @DIR@/site;
        large_client_header_buffers 4 32k;

        ssl_certificate     @DIR@/cert.pem;
        ssl_certificate_key @DIR@/key.pem;

        location = /v1 {
            signaling             calls;
            signaling_ice_servers $turn_ice_servers;
        }
        location /v1/         { signaling_api calls; }
        location = /v1/tokens { token_issue sk_id_main; }

        location = /turn/credentials { turn_credentials; limit_req zone=mint burst=20 nodelay; }
        location /api/v1/turn/       { turn_api;         limit_req zone=mint burst=20 nodelay; }

        location = /status { signaling_status calls; allow 127.0.0.1; deny all; }
    }`;

describe('the complete site', { concurrency: 1 }, () => {
  let ngx;

  const page = { headers: { Origin: ORIGIN } };
  const issue = (target, options) =>
    call(ngx, 'POST', `/v1/tokens${target}`, options);

  before(async () => {
    ngx = await startNginx({ http, files });
    ngx.tls = true;
  });
  after(() => ngx?.stop());

  test('passes nginx -t', async () => {
    const { code, stderr } = await configTest({
      http, files, workers: 'auto', events: 'worker_connections 65536;'
    });

    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[(emerg|alert)\]/);
  });

  test('serves its files', async () => {
    assert.equal((await request(ngx, '/')).text, 'hello');
  });

  test('connects who has the publishable key, with TURN', async () => {
    const client = await connect(ngx, { key: 'pk_live_demo' });

    assert.equal(client.welcome.metadata.iceServers.length, 2);
    await client.join('demo-room-1');
    await client.fails({ type: 'subscribe', channel: 'other' },
      'channel_not_authorized');

    const { connections } = JSON.parse((await request(ngx, '/status')).text);

    assert.equal(connections, 1);
    await client.close();
  });

  test('connects who has a token, which its backend got', async () => {
    const body = JSON.stringify({
      peerId: 'alice', channels: ['any/**'], peerMetadata: { name: 'Alice' }
    });
    const { status, json } = await issue('', { key: PAIR, body });

    assert.equal(status, 200);

    const client = await connect(ngx, { query: `token=${json.token}` });

    assert.equal(client.welcome.peerId, 'alice');
    assert.equal(client.welcome.expiresAt, json.expiresAt);
    await client.join('any/room');

    const list = await call(ngx, 'GET', '/v1/channels/any%2Froom/peers',
      { key: PAIR });

    assert.deepEqual(list.json.peers,
      [{ peerId: 'alice', metadata: { name: 'Alice' } }]);

    await client.close();
  });

  test('connects a page that has fetched a token by itself', async () => {
    const { status, json } = await issue('?key=pk_live_demo',
      { key: null, ...page });

    assert.equal(status, 200);
    assert.equal(json.iceServers.flatMap(({ urls }) => urls).length, 3);

    const client = await connect(ngx, { query: `token=${json.token}` });

    await client.join('lobby');
    await client.fails({ type: 'subscribe', channel: 'other' },
      'channel_not_authorized');
    await client.close();
  });

  test('has TURN credentials for pages, in both forms', async () => {
    const own = await request(ngx, '/turn/credentials?key=pk_live_demo', page);
    const hosted = await request(ngx,
      '/api/v1/turn/credentials?apiKey=pk_live_demo', page);

    assert.deepEqual([own.status, hosted.status], [200, 200]);
    assert.equal(JSON.parse(own.text).flatMap(({ urls }) => urls).length, 3);
    assert.equal(JSON.parse(hosted.text).length, 3);
  });

  test('limits how often, with the answer of limit_req', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () =>
      request(ngx, '/turn/credentials?key=pk_live_demo', page)));
    const limited = answers.filter(({ status }) => status === 429);

    assert.ok(limited.length > 0);
    assert.match(limited[0].text, /<center>nginx/);
  });
});
