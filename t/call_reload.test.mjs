// Copyright (C) The ngx_signaling authors
//
// A call between Chromium pages over TLS, on which 20 reloads and another
// certificate have no effect: the example's page and settings, a real nginx,
// a real coturn, the SDK as it is.
//
// It is done once, with TLS=1; see call.test.mjs for what browsers are spared.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { after, afterEach, before, describe } from 'node:test';

import {
  joinCall, openPage, seesMoving, startBrowser, until
} from './browser.mjs';
import {
  frozen, interruptions, mirrored, smallCamera, watchCalls
} from './continuity.mjs';
import { startCoturn } from './coturn.mjs';
import { exampleSite, SECRET } from './example.mjs';
import { startNginx, waitFor } from './nginx.mjs';
import { alive, reload, rewrite } from './processes.mjs';
import { certificate, status } from './signaling.mjs';

const COVERED = process.env.TLS === '1' && !process.env.NGINX;

const RELOADS = 20;
const FIRST = 'first.example';
const SECOND = 'second.example';

const KEPT = { made: 0, lost: 0, sockets: 1 };

if (COVERED) {
  describe('a call over reloads', calls);
}

test('a picture is frozen while the mirrors go on', () => {
  const steady = (from, to) => Array.from(
    { length: (to - from) / 100 }, (_, i) => from + i * 100);
  const mirror = steady(0, 6000);
  const gap = [...steady(0, 2000), ...steady(3500, 6000)];

  assert.equal(frozen(mirror, [mirror, mirror]), 0);
  assert.equal(frozen(gap, [mirror]), 1.5);
  assert.equal(frozen([0, 6000], [mirror]), 5.9);

  // when one of them stands too, or has a bunch of pictures, it proves nothing

  assert.equal(frozen(gap, [mirror, gap]), 0);
  assert.equal(frozen(gap, [mirror, [...gap, ...steady(0, 200)
    .map((t) => 3000 + t / 10)].sort((x, y) => x - y)]), 0.1);
});

function calls() {
  let turn;
  let ngx;
  let browser;
  const pages = [];

  before(async () => {
    const { http, files } = exampleSite(
      turn = await startCoturn(SECRET), { tls: true });

    ngx = await startNginx(
      { http, files: { ...files, ...certificate(FIRST) } });
    ngx.tls = true;
    browser = await startBrowser(...[FIRST, SECOND]
      .map((name) => certificate(name)['cert.pem'].text));
  });

  after(async () => {
    await browser?.close();
    await ngx?.stop();
    await turn?.stop();
  });

  afterEach(async () => {
    const faults = pages.flatMap((page) => page.faults);

    await Promise.all(pages.splice(0).map((page) => page.context().close()));
    await waitFor(async () => (await status(ngx)).connections === 0,
      'empty zone');
    assert.deepEqual(faults, []);
  });

  async function join() {
    const page = await openPage(
      browser, `https://localhost:${ngx.port}/#team`,
      { scripts: [smallCamera] });

    pages.push(page);
    await joinCall(page);
    return page;
  }

  /* two pages, in a call with each other */
  async function pair() {
    const both = await Promise.all([join(), join()]);

    await Promise.all(both.map((page) => seesMoving(page, 1)));
    await watchCalls(...both);
    return both;
  }

  /* the workers that hold connections of pages */
  async function holders() {
    const { workers } = await status(ngx);

    return workers.filter(({ connections }) => connections > 0)
      .sort((x, y) => x.pid - y.pid);
  }

  /*
   * Reloads, until the newest workers serve, and of the others these alone.  A
   * retired one that Chromium has only opened a socket to may still be there.
   */
  async function renew(held) {
    await reload(ngx);

    const serving = [...held.map(({ pid }) => pid), ...ngx.workerPids()];

    await waitFor(async () => {
      const { workers } = await status(ngx);

      return workers.map(({ pid }) => pid).sort().join() ===
        serving.sort().join();
    }, 'the newest workers');
  }

  /* says that its microphone is on or off, which goes through the server */
  async function mute(page, other) {
    const on = await other.evaluate(() => window.callPage.peers[0].mic);

    await page.click('#mic');
    await until(other, (was) => window.callPage.peers[0].mic === !was,
      'mute', on);
  }

  const screens = (page, n) => until(page, (count) => {
    const { peers, remoteVideos } = window.callPage;

    return peers[0].sharing === (count > 0) &&
      remoteVideos.length === 1 + count &&
      remoteVideos.every((video) => video.videoWidth > 0);
  }, `${n} screens`, n);

  test('nothing is replaced, and no picture stands still', async () => {
    const [a, b] = await pair();
    const held = await holders();

    assert.equal(a.served.subjectName, FIRST);

    for (let i = 1; i <= RELOADS; i++) {
      if (i === RELOADS / 2) {
        for (const [name, { text }] of Object.entries(certificate(SECOND))) {
          fs.writeFileSync(`${ngx.dir}/${name}`, text);
        }
      }

      await renew(held);
      await mute(...(i % 2 ? [a, b] : [b, a]));
    }

    // both are still with the workers that were there first

    assert.deepEqual(await holders(), held);
    assert.ok(held.every(({ pid }) => alive(pid)));

    // a screen is offered and taken back, over the connection that is there

    await a.click('#screen');
    await screens(b, 1);
    await a.click('#screen');
    await screens(b, 0);

    for (const { frozen: seconds, ...kept } of await interruptions(a, b)) {
      assert.deepEqual(kept, KEPT);
      assert.ok(seconds < 1, `frozen for ${seconds} s`);
    }

    // who comes now comes to another worker, with the other certificate

    const c = await join();

    assert.equal(c.served.subjectName, SECOND);
    await Promise.all([a, b, c].map((page) => seesMoving(page, 2)));
    assert.equal((await holders()).length, held.length + 1);

    for (const { frozen: seconds, ...kept } of await interruptions(a, b)) {
      assert.deepEqual(kept, { ...KEPT, made: 1 });
      assert.ok(seconds < 1, `frozen for ${seconds} s`);
    }
    for (const page of [a, b, c]) {
      assert.deepEqual(
        await page.evaluate(() => window.callPage.notices), []);
    }
  });

  /* what the test above goes by would have noticed */
  test('with signaling_reload drain all of that is seen', async () => {
    rewrite(ngx, ['signaling_ice_servers',
      'signaling_reload drain; signaling_drain 100ms; signaling_ice_servers']);
    await renew([]);

    const both = await pair();
    const [a, b] = both;

    // a picture stands still, and the mirrors go on

    const sends = (active) => a.evaluate(async (on) => {
      const sender = window.connections[0].getSenders()
        .find(({ track }) => track?.kind === 'video');
      const parameters = sender.getParameters();

      parameters.encodings[0].active = on;
      await sender.setParameters(parameters);
    }, active);

    await sends(false);
    await mirrored(both, 20);
    await sends(true);
    await seesMoving(b, 1);

    const [still, stood] = await interruptions(a, b);

    assert.deepEqual({ ...still, frozen: 0 }, { ...KEPT, frozen: 0 });
    assert.ok(still.frozen < 1, `frozen for ${still.frozen} s`);
    assert.deepEqual({ ...stood, frozen: 0 }, { ...KEPT, frozen: 0 });
    assert.ok(stood.frozen >= 1, `frozen for ${stood.frozen} s`);

    // both are sent away, and come back to another call

    await renew([]);
    await until(a, () => window.connections.length > 1, 'another connection');
    await Promise.all(both.map((page) => seesMoving(page, 1)));
    await mirrored(both, 20);

    for (const { made, lost, sockets, frozen: seconds } of
      await interruptions(a, b)) {
      assert.ok(made > 0);
      assert.equal(lost, 1);
      assert.equal(sockets, 2);
      assert.ok(seconds >= 1, `frozen for ${seconds} s`);
    }
  });
}
