// Copyright (C) The ngx_signaling authors
//
// Calls between Chromium pages: the example's page and settings, a real
// nginx, a real coturn.
//
// Browsers meet the same code with and without TLS, and an nginx with
// sanitizers is too slow for them: with TLS=1 or NGINX set there are no tests
// here, and sdk.test.mjs is what covers those.

import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, afterEach, before, describe } from 'node:test';

import {
  joinCall, openPage, runCheck, seesMoving, selectedPairs, startBrowser, until
} from './browser.mjs';
import { allocate, credentialOf, startCoturn } from './coturn.mjs';
import { exampleSite, SECRET } from './example.mjs';
import { startNginx, waitFor } from './nginx.mjs';

const COVERED = process.env.TLS !== '1' && !process.env.NGINX;

const ELSEWHERE = `
  publishable_key pk_live_elsewhere {
    origins  https://elsewhere.example.com;
    channels call-*;
  }`;

if (COVERED) {
  describe('a call', calls);
}

function calls() {
  let turn;
  let ngx;
  let browser;
  let base;
  const pages = [];

  before(async () => {
    turn = await startCoturn(SECRET);
    ngx = await startNginx(exampleSite(turn, { more: ELSEWHERE }));
    base = `http://127.0.0.1:${ngx.port}`;
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await ngx?.stop();
    await turn?.stop();
  });

  async function open(where, options) {
    const page = await openPage(browser, base + where, options);

    pages.push(page);
    return page;
  }

  // nobody complained in the console, and everybody is gone

  afterEach(async () => {
    const faults = pages.flatMap((page) => page.faults);

    await Promise.all(pages.splice(0).map((page) => page.context().close()));
    await waitFor(async () =>
      JSON.parse(await get('/status?format=json')).connections === 0,
    'empty zone');
    assert.deepEqual(faults, []);
  });

  function get(target, headers = {}) {
    return new Promise((resolve, reject) => {
      http.get(base + target, { headers, agent: false }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (part) => { text += part; });
        res.on('end', () => resolve(text));
      }).on('error', reject);
    });
  }

  test('of two, of three, and over a reload', async () => {
    const [a, b] = [await open('/#team'), await open('/#team')];

    await Promise.all([joinCall(a), joinCall(b)]);
    await Promise.all([seesMoving(a, 1), seesMoving(b, 1)]);

    for (const page of [a, b]) {
      assert.deepEqual((await selectedPairs(page)).map(({ url }) => url),
        [null]);
      assert.deepEqual(
        await page.evaluate(() => window.callPage.peers.map((p) => p.path)),
        ['direct']);
    }

    // nginx changes its workers; the call does not notice

    await ngx.reload();

    const c = await open('/#team');
    const tiles = (page, n) => until(page,
      (count) => document.querySelectorAll('.tile').length === count,
      `${n} tiles`, n);

    await joinCall(c);
    await Promise.all([a, b, c].map((page) => seesMoving(page, 2)));
    await Promise.all([a, b, c].map((page) => tiles(page, 3)));

    await c.click('#leave');
    await until(c, () => window.callPage.state === 'lobby', 'lobby');
    await Promise.all([a, b].map((page) => seesMoving(page, 1)));
    await Promise.all([a, b].map((page) => tiles(page, 2)));

    for (const page of [a, b]) {
      // one with each other, made before the reload, and one with c

      assert.deepEqual(
        await page.evaluate(() =>
          window.connections.map((pc) => pc.connectionState)),
        ['connected', 'closed']);
      assert.equal(page.sockets, 1);
      assert.deepEqual(
        await page.evaluate(() => window.callPage.notices), []);
    }
  });

  test('through the relay only', async () => {
    const pair = [
      await open('/?relay=1#far'), await open('/?relay=1#far')
    ];

    await Promise.all(pair.map((page) => joinCall(page)));
    await Promise.all(pair.map((page) => seesMoving(page, 1)));

    for (const page of pair) {
      const [{ url, local, remote }] = await selectedPairs(page);

      assert.equal(local, 'relay');
      assert.match(remote, /^(relay|prflx)$/);
      assert.ok(url.startsWith(`turn:${turn.host}:${turn.port}`), url);
      assert.deepEqual(
        await page.evaluate(() => window.callPage.peers.map((p) => p.path)),
        ['relay']);
    }
  });

  /*
   * A page that fetches the credentials itself.  The browser says of this
   * request that it is within one origin, and sends no Origin.
   */

  test('through the relay, over TCP, with fetched credentials', async () => {
    const pair = [await open('/'), await open('/')];

    await Promise.all(pair.map((page) => page.evaluate(fetchAndJoin)));
    await Promise.all(pair.map((page) => until(page,
      () => window.fetched.video?.getVideoPlaybackQuality()
        .totalVideoFrames > 5,
      'pictures')));

    for (const page of pair) {
      const [{ url, local, protocol }] = await selectedPairs(page);

      assert.equal(local, 'relay');
      assert.equal(protocol, 'tcp');
      assert.equal(url, `turn:${turn.host}:${turn.port}?transport=tcp`);
    }
  });

  test('gets credentials that coturn takes until they expire', async () => {
    const servers = JSON.parse(await get(
      '/turn/credentials?key=pk_live_demo', { Origin: base }));
    const { username, credential } =
      servers.find(({ urls }) => urls.startsWith('turn:'));

    assert.equal(credential, credentialOf(SECRET, username));
    assert.equal(await allocate(turn.port, username, credential), 0);

    const [expiry, id] = username.split(':');
    const now = Math.floor(Date.now() / 1000);
    const other = `${now + 60}:${id}`;
    const past = `${now - 60}:${id}`;

    assert.ok(Number(expiry) > now);
    assert.equal(
      await allocate(turn.port, other, credentialOf(SECRET, other)), 0);
    assert.equal(await allocate(turn.port, other, credential), 401);
    assert.equal(
      await allocate(turn.port, past, credentialOf(SECRET, past)), 401);
  });

  test('is promised by the check, or it says what to change', async () => {
    const states = (results) => Object.fromEntries(
      [...results].map(([id, { state }]) => [id, state]));
    const ok = {
      page: 'ok', websocket: 'ok', key: 'ok', origin: 'ok', rights: 'ok',
      credentials: 'ok', 'turn-udp': 'ok', 'turn-tcp': 'ok', relayed: 'ok',
      camera: 'ok', microphone: 'ok'
    };
    const refused = {
      ...ok, rights: 'skipped', credentials: 'skipped',
      'turn-udp': 'skipped', 'turn-tcp': 'skipped', relayed: 'skipped'
    };

    assert.deepEqual(states(await runCheck(await open('/'))), ok);

    await turn.stop();

    // the browser itself writes about answers of 40x

    const allow = [/the server responded with a status of 40/];
    const [stopped, unknown, elsewhere] = await Promise.all([
      open('/').then(runCheck),
      open('/', { key: 'pk_live_nobody', allow }).then(runCheck),
      open('/', { key: 'pk_live_elsewhere', allow }).then(runCheck)
    ]);

    assert.deepEqual(states(stopped), {
      ...ok, 'turn-udp': 'failed', 'turn-tcp': 'failed', relayed: 'skipped'
    });
    for (const transport of ['udp', 'tcp']) {
      const { mend } = stopped.get(`turn-${transport}`);

      assert.match(mend, /Is coturn running\?/);
      assert.ok(mend.includes(`${turn.host}:${turn.port}`), mend);
    }

    assert.deepEqual(states(unknown),
      { ...refused, key: 'failed', origin: 'skipped' });
    assert.match(unknown.get('key').mend, /publishable_key.*config\.js/);

    assert.deepEqual(states(elsewhere), { ...refused, origin: 'failed' });
    assert.match(elsewhere.get('origin').mend,
      /to the origins of publishable_key pk_live_elsewhere/);
    assert.ok(elsewhere.get('origin').mend.includes(base));

    turn = await startCoturn('another-secret', turn.port);

    const strange = await runCheck(await open('/'));

    assert.deepEqual(states(strange), {
      ...ok, 'turn-udp': 'failed', 'turn-tcp': 'failed', relayed: 'skipped'
    });
    assert.match(strange.get('turn-udp').mend, /static-auth-secret/);
    assert.match(strange.get('turn-tcp').mend, /static-auth-secret/);
  });

  test('is refused in words', async () => {
    const pair = await Promise.all([
      open('/', { key: 'pk_live_nobody' }),
      open('/', { key: 'pk_live_elsewhere' })
    ]);

    for (const page of pair) {
      await page.click('#join');
      await until(page, () => window.callPage.notices.length, 'notice');

      const [{ level, title, text }] =
        await page.evaluate(() => window.callPage.notices);

      assert.equal(level, 'problem');
      assert.match(title, /refused the key or this address/);
      assert.match(text, /publishable_key.*origins/);
      assert.equal(await page.evaluate(() => window.callPage.state), 'lobby');

      // no second attempt until somebody asks for it

      assert.equal(page.sockets, 1);
      await page.click('text=Try again');
      await until(page, () => window.callPage.notices.length, 'notice');
      assert.equal(page.sockets, 2);

      await page.click('text=Open the check');
      assert.ok(await page.isVisible('#run-check'));
    }
  });
}

/* runs in a page: a call with ICE servers of its own, over TCP only */
async function fetchAndJoin() {
  const { MeteredPeer } = await import('/sdk/realtime.js');
  const { patientConnection } = await import('/negotiation.js');
  const response = await fetch('/turn/credentials?key=pk_live_demo');
  const iceServers = (await response.json())
    .filter(({ urls }) => urls.endsWith('transport=tcp'));

  const fetched = { video: null };
  window.fetched = fetched;

  const peer = new MeteredPeer({
    apiKey: 'pk_live_demo',
    url: location.origin.replace(/^http/, 'ws'),
    rtcPeerConnectionFactory: () => patientConnection(
      { iceServers, iceTransportPolicy: 'relay' },
      (pc) => peer.remotePeers.some((r) => r.pc === pc && r.polite))
  });

  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('stream-added', ({ stream }) => {
      fetched.video = document.createElement('video');
      fetched.video.srcObject = stream;
      fetched.video.muted = true;
      document.body.append(fetched.video);
      fetched.video.play();
    });
  });

  peer.addStream(await navigator.mediaDevices.getUserMedia({ video: true }));
  await peer.join('call-fetched');
}
