// Copyright (C) The ngx_signaling authors
//
// The two files: what they export, that each loads alone and both in either
// order, that both see the keys then, and that loaded and not configured they
// do nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import test, { describe } from 'node:test';

import { BUILD_DIR, configTest, startNginx } from './nginx.mjs';
import { reload, rewrite } from './processes.mjs';
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

  test(`${name}: has no places where a test may kill it`, () => {
    const text = fs.readFileSync(`${BUILD_DIR}/ngx_${name}_module.so`,
      'latin1');

    // see t/chaos/fault.c; no symbol either, were it not stripped.  The
    // modules of t/asan.sh have them.

    assert.equal(/sig_fault|SIG_FAULT/.test(text), /__asan_init/.test(text));
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
