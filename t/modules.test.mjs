// Copyright (C) The ngx_signaling authors
//
// The two files: what they export, that each loads alone and both in either
// order, that both see the keys then, and that loaded and not configured they
// do nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import test, { describe } from 'node:test';

import { reload, rewrite } from './crowd.mjs';
import { BUILD_DIR, configTest, startNginx } from './nginx.mjs';
import {
  certificate, connect, ORIGIN, refused, request, TLS, site
} from './signaling.mjs';

const TURN = 'turn_server turn:turn.example.com; turn_secret s;';
const ENDPOINT = 'location = /turn { turn_credentials; }';
const ICE = 'signaling_ice_servers $turn_ice_servers;';

const certs = TLS ? certificate() : {};

/* like startSite(), for turncred alone too */
async function start(modules) {
  const signaling = modules.includes('signaling');
  const turncred = modules.includes('turncred');

  let http = site({
    http: turncred ? TURN : '',
    server: turncred ? ENDPOINT : '',
    location: turncred ? ICE : ''
  });

  if (!signaling) {
    http = http.replace(/signaling_zone .*/, '')
      .replace(/location = \/v1 .*/, '')
      .replace(/location = \/status .*/, '');
  }

  return startNginx({ http, modules, files: certs });
}

async function callServer(ngx, urls) {
  const client = await connect(ngx);

  assert.deepEqual(
    client.welcome.metadata?.iceServers?.flatMap((one) => one.urls), urls);

  await client.join('room');
  await client.close();

  assert.equal((await refused(ngx, { key: 'pk_other' })).code, 4001);
}

async function credentials(ngx) {
  const headers = { Origin: ORIGIN };
  const good = await request(ngx, '/turn?key=pk_live_all', { headers });

  assert.equal(good.status, 200);
  assert.deepEqual(JSON.parse(good.text).flatMap(({ urls }) => urls),
                   ['turn:turn.example.com']);

  const bad = await request(ngx, '/turn?key=pk_other', { headers });
  assert.equal(bad.status, 401);
}

for (const name of ['signaling', 'turncred']) {
  test(`${name}: exports what nginx looks for and nothing else`, () => {
    const symbols = execFileSync('nm', [
      '-D', '--defined-only', '--format=just-symbols',
      `${BUILD_DIR}/ngx_${name}_module.so`
    ], { encoding: 'utf8' }).split('\n').filter(Boolean);

    // a sanitizer adds its own

    assert.deepEqual(
      symbols.filter((symbol) => !/^__(odr_)?[a-z]*san/.test(symbol)).sort(),
      ['ngx_module_names', 'ngx_module_order', 'ngx_modules']);
  });
}

describe('alone', () => {
  test('signaling', async () => {
    const ngx = await start(['signaling']);
    await callServer(ngx, undefined);
    await ngx.stop();
  });

  test('turncred', async () => {
    const ngx = await start(['turncred']);
    await credentials(ngx);
    await ngx.stop();
  });

  test('signaling knows no variable of turncred', async () => {
    const { code, stderr } = await configTest({
      modules: ['signaling'], http: site({ location: ICE }), files: certs
    });

    assert.equal(code, 1);
    assert.match(stderr, /unknown "turn_ice_servers" variable/);
  });

  for (const [name, line] of [
    ['signaling', TURN], ['turncred', 'signaling_zone calls 16m;']
  ]) {
    test(`${name} knows no directive of the other`, async () => {
      const { code, stderr } = await configTest(
        { modules: [name], http: line });

      assert.equal(code, 1);
      assert.match(stderr, /unknown directive "(turn_server|signaling_zone)"/);
    });
  }
});

for (const modules of [['signaling', 'turncred'], ['turncred', 'signaling']]) {
  test(`both see the keys: ${modules.join(', ')}`, async () => {
    const ngx = await start(modules);

    await callServer(ngx, ['turn:turn.example.com']);
    await credentials(ngx);
    await ngx.stop();
  });

  test(`a reload replaces the keys of both: ${modules.join(', ')}`,
       async () => {
    const ngx = await start(modules);

    rewrite(ngx, ['pk_live_all', 'pk_new']);
    await reload(ngx);

    const client = await connect(ngx, { key: 'pk_new' });
    await client.close();

    const answer = await request(
      ngx, '/turn?key=pk_new', { headers: { Origin: ORIGIN } });
    assert.equal(answer.status, 200);

    await ngx.stop();
  });
}

test('a module is loaded once', async () => {
  const { code, stderr } = await configTest(
    { modules: ['signaling', 'signaling'] });

  assert.equal(code, 1);
  assert.match(stderr, /module "ngx_signaling_module" is already loaded/);
});

describe('loaded and not configured', () => {
  const http = `server { listen 127.0.0.1:@PORT@;
    location / { return 200 "$connection"; } }`;

  /* what a worker has open, but for sockets, without numbers of its own */
  const opened = (pid) => fs.readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return 'socket: closed since';
      }
    })
    .filter((name) => !name.startsWith('socket:'))
    .map((name) => name.replace(/\d+|ngx-test-\w+/g, '#')).sort();

  const shared = (pid) => fs.readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n').filter((line) => /^\S+ \S+s /.test(line)).length;

  async function look(modules) {
    const ngx = await startNginx({ modules, http, level: 'debug' });
    const [pid] = ngx.workerPids();
    const response = await fetch(`http://127.0.0.1:${ngx.port}/`);

    assert.equal(response.status, 200);
    await response.text();

    const seen = { opened: opened(pid), shared: shared(pid) };

    // a timer of ours would keep the worker from leaving

    process.kill(ngx.pid, 'SIGQUIT');

    return { ngx, seen };
  }

  test('they open, share and log nothing', async () => {
    const without = await look([]);
    const both = await look(['signaling', 'turncred']);

    assert.deepEqual(both.seen, without.seen);

    for (const { ngx } of [without, both]) {
      const text = () => ngx.errorLog()
        .replaceAll(BUILD_DIR, '').replaceAll(ngx.dir, '');

      await ngx.stop();
      assert.doesNotMatch(text(), /signaling|turncred|turn_/);
    }
  });
});

describe('the complete site', () => {
  const pair = certificate();
  const files = {
    ...pair,
    'keys/sk_id_main': { text: 'sk secret\n', mode: 0o600 },
    'keys/turn': { text: 'turn secret\n', mode: 0o600 },
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

        location = /turn/credentials { turn_credentials; limit_req zone=mint burst=20 nodelay; }

        location = /status { signaling_status calls; allow 127.0.0.1; deny all; }
    }`;

  test('passes nginx -t', async () => {
    const { code, stderr } = await configTest({
      http, files, workers: 'auto', events: 'worker_connections 65536;'
    });

    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[(emerg|alert)\]/);
  });

  test('serves', async () => {
    const ngx = await startNginx({ http, files });

    ngx.tls = true;

    const get = (target, headers = {}) => request(ngx, target, { headers });

    assert.equal((await get('/')).text, 'hello');

    const client = await connect(ngx, { key: 'pk_live_demo' });
    assert.equal(client.welcome.metadata.iceServers.length, 2);
    await client.join('demo-room-1');
    await client.fails({ type: 'subscribe', channel: 'other' }, 'channel_not_authorized');

    const status = JSON.parse((await get('/status')).text);
    assert.equal(status.connections, 1);

    await client.close();

    const ask = () => get('/turn/credentials?key=pk_live_demo',
                          { Origin: ORIGIN });

    assert.equal((await ask()).status, 200);

    // the burst of limit_req ends in its 429, with a body of nginx

    const answers = await Promise.all(Array.from({ length: 40 }, ask));
    const limited = answers.filter(({ status }) => status === 429);

    assert.ok(limited.length > 0);
    assert.match(limited[0].text, /<center>nginx/);

    await ngx.stop();
  });
});
