// Copyright (C) The ngx_signaling authors
//
// Chromium, with a camera and a microphone of its own making, and what tests
// want to know of the example's pages in it.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { chromium } from 'playwright-core';

const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium';
const DEADLINE = 90000;
const POLL = 100;

// few pictures a second: three pages encode and decode on one machine

export const FPS = 10;

const ARGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  `--use-fake-device-for-media-stream=fps=${FPS}`,
  '--use-fake-ui-for-media-stream'
];

/* what Chromium knows the key of a certificate by */
function pinOf(pem) {
  const key = new X509Certificate(pem).publicKey;

  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' })).digest('base64');
}

/* a browser that believes these certificates, in PEM */
export async function startBrowser(...trusted) {
  assert.ok(fs.existsSync(BINARY),
    `there is no ${BINARY}: apt-get install chromium`);

  const args = trusted.length === 0 ? ARGS : [
    ...ARGS,
    `--ignore-certificate-errors-spki-list=${trusted.map(pinOf).join()}`
  ];

  // "headless" would add an argument of its own

  return chromium.launch({ executablePath: BINARY, headless: false, args });
}

/* runs in every page before its scripts */
function watch() {
  const Native = window.RTCPeerConnection;

  window.connections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}

/*
 * A page as a person of its own.  "key" is what stands in its config.js, if
 * not the one of the example; "context" are options of Playwright, "scripts"
 * run before the page's, "clock" says that its clock is going to be set.  What
 * the console complains about is in "faults", unless a pattern in "allow"
 * fits; "served" is the certificate, if any.
 */
export async function openPage(browser, url, {
  key, allow = [], context: options = {}, scripts = [], clock = false
} = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();

  if (clock) {
    await page.clock.install();
  }

  page.faults = [];
  page.sockets = 0;
  page.on('pageerror', (error) => page.faults.push(error.stack));
  page.on('console', (message) => {
    if (message.type() === 'error' &&
        !allow.some((known) => known.test(message.text()))) {
      page.faults.push(message.text());
    }
  });
  page.on('websocket', () => { page.sockets++; });

  for (const script of [watch, ...scripts]) {
    await page.addInitScript(script);
  }

  if (key) {
    await page.route('**/config.js', (route) => route.fulfill({
      contentType: 'application/javascript',
      body: `export const publishableKey = '${key}';`
    }));
  }

  const response = await page.goto(url);

  page.served = await response.securityDetails();
  await until(page, () => Boolean(window.callPage), 'the page');

  return page;
}

function described(page) {
  return page.evaluate(() => {
    const { state, peers, notices, checks } = window.callPage;
    return JSON.stringify({ state, peers, notices, checks });
  }).catch((error) => error.message);
}

/*
 * Waits until what is evaluated in the page is true.  Not waitForFunction():
 * the site's Content-Security-Policy rightly forbids what that does.
 */
export async function until(page, condition, what, arg) {
  const end = Date.now() + DEADLINE;

  while (!await page.evaluate(condition, arg)) {
    if (Date.now() > end) {
      assert.fail(`no ${what} within ${DEADLINE} ms: ${
        await described(page)}, faults: ${page.faults.join()}`);
    }
    await delay(POLL);
  }
}

/* the camera works, then joins */
export async function joinCall(page) {
  await until(page, () => document.getElementById('preview').videoWidth > 0,
    'picture of the own camera');
  await page.click('#join');
  await until(page, () => window.callPage.state === 'in-call', 'call');
}

/*
 * Sees so many others, and their pictures: on the screen, and in what the
 * connections decode.  "More" than there are when this is called.
 */
export async function seesMoving(page, count) {
  await until(page, (n) => {
    const { peers, remoteVideos } = window.callPage;
    return peers.length === n && peers.every(({ path }) => path) &&
      remoteVideos.length === n && remoteVideos.every((v) => v.videoWidth);
  }, `connection to ${count}`, count);

  const before = await pictures(page);
  const end = Date.now() + DEADLINE;

  for (;;) {
    const now = await pictures(page);

    if (now.shown.every((n, i) => n >= before.shown[i] + 5) &&
        now.decoded.every((n, i) => n >= before.decoded[i] + 5)) {
      assert.equal(now.decoded.length, count);
      return;
    }
    assert.ok(Date.now() < end, `pictures stand still: ${
      JSON.stringify([before, now])} ${await described(page)}`);
    await delay(POLL);
  }
}

function pictures(page) {
  return page.evaluate(async () => {
    const live = window.connections
      .filter((pc) => pc.connectionState === 'connected');
    const reports = await Promise.all(live.map((pc) => pc.getStats()));

    return {
      shown: window.callPage.remoteVideos
        .map((v) => v.getVideoPlaybackQuality().totalVideoFrames),
      decoded: reports.map((report) => [...report.values()]
        .filter((s) => s.type === 'inbound-rtp' && s.kind === 'video')
        .reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0))
    };
  });
}

/* both candidates of the selected pair, for each live connection */
export function selectedPairs(page) {
  return page.evaluate(async () => {
    const pairs = [];

    for (const pc of window.connections) {
      if (pc.connectionState !== 'connected') {
        continue;
      }

      const report = await pc.getStats();
      const transport = [...report.values()]
        .find((s) => s.type === 'transport');
      const pair = report.get(transport.selectedCandidatePairId);
      const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId]
        .map((id) => report.get(id));

      pairs.push({
        local: local.candidateType, url: local.url ?? null,
        protocol: local.relayProtocol ?? null, remote: remote.candidateType
      });
    }

    return pairs;
  });
}

/* opens the check and runs it; gives its results by step */
export async function runCheck(page) {
  await page.click('#tab-check');
  await page.click('#run-check');
  await until(page,
    () => document.getElementById('check-summary').dataset.state,
    'result of the check');

  const results = await page.evaluate(() => window.callPage.checks);

  return new Map(results.map(({ id, ...result }) => [id, result]));
}
