// Copyright (C) The ngx_signaling authors
//
// What the example's page shows to a person in a call: that the server is
// full or goes away, in words that say what to do, and a call on a phone.
//
// One worker is enough for that; see call.test.mjs for what browsers are
// spared.

import assert from 'node:assert/strict';
import test, { after, afterEach, before, describe } from 'node:test';

import {
  joinCall, openPage, seesMoving, startBrowser, until
} from './browser.mjs';
import { smallCamera } from './continuity.mjs';
import { startCoturn } from './coturn.mjs';
import { exampleSite, SECRET } from './example.mjs';
import { startNginx, waitFor } from './nginx.mjs';
import { reload, rewrite } from './processes.mjs';
import { status } from './signaling.mjs';

const COVERED = (process.env.WORKERS ?? '1') === '1' &&
  process.env.TLS !== '1' && !process.env.NGINX;

/* runs before the scripts of a page: all that was ever said, and done */
function keepNotices() {
  window.said = [];
  document.addEventListener('DOMContentLoaded', () => {
    const list = document.getElementById('notices');

    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        window.said.push(...[...addedNodes].map((node) => node.innerText));
      }
    }).observe(list, { childList: true });
  });
}

if (COVERED) {
  describe('the page of a call', pageOfCall);
}

function pageOfCall() {
  let turn;
  let ngx;
  let browser;
  let room = 9;
  const pages = [];

  before(async () => {
    turn = await startCoturn(SECRET);
    ngx = await startNginx(exampleSite(turn, {
      more: `signaling_app default max_connections=${room};`
    }));
    ngx.tls = false;
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await ngx?.stop();
    await turn?.stop();
  });

  async function leaveAll() {
    await Promise.all(pages.splice(0).map((page) => page.context().close()));
    await waitFor(async () => (await status(ngx)).connections === 0,
      'empty zone');
  }

  afterEach(async () => {
    const faults = pages.flatMap((page) => page.faults);

    await leaveAll();
    assert.deepEqual(faults, []);
  });

  /* with "clock", the time of the page can be set forward */
  async function open(options = {}) {
    const page = await openPage(browser, `http://127.0.0.1:${ngx.port}/#team`,
      { scripts: [smallCamera, keepNotices], ...options });

    pages.push(page);
    return page;
  }

  async function join(options) {
    const page = await open(options);

    await joinCall(page);
    return page;
  }

  /* reloads, with room for so many, and other changes of nginx.conf */
  async function admit(count, ...changes) {
    rewrite(ngx, [`max_connections=${room}`, `max_connections=${count}`],
      ...changes);
    room = count;
    await reload(ngx);
  }

  const notices = (page) => page.evaluate(() => window.callPage.notices);

  /* what was said, in order, and is to be read on the screen */
  const said = (page) => page.evaluate(() => window.said);

  test('the server is full when one comes, and has room later', async () => {
    await admit(2);

    const [a, b] = await Promise.all([join(), join()]);
    const c = await open();

    await Promise.all([a, b].map((page) => seesMoving(page, 1)));
    await c.click('#join');
    await until(c, () => window.callPage.notices.length, 'notice');

    const [{ level, title, text }] = await notices(c);

    assert.equal(level, 'problem');
    assert.equal(title, 'The server is full');
    assert.match(text, /max_connections of signaling_app.*half a minute/);
    assert.ok(await c.isVisible('[role=alert] >> text=The server is full'));
    assert.equal(await c.evaluate(() => window.callPage.state), 'lobby');
    assert.ok(await c.isEnabled('#join'));
    assert.equal(c.sockets, 1);

    // who waits until there is room comes in by the button of the message

    await b.click('#leave');
    await waitFor(async () => (await status(ngx)).connections === 1, 'room');
    await c.click('button:text("Try again")');
    await until(c, () => window.callPage.state === 'in-call', 'call');
    await Promise.all([a, c].map((page) => seesMoving(page, 1)));
    assert.deepEqual(await notices(c), []);
    assert.equal(c.sockets, 2);
  });

  /*
   * Both are sent away by a reload, and one of them comes back into a server
   * that has room for one only.
   */
  test('it goes away in a call, and is full afterwards', async () => {
    const drains = 'signaling_reload drain; signaling_drain 1s;';

    await admit(2,
      ['signaling_ice_servers', `${drains} signaling_ice_servers`]);

    const both = await Promise.all([join({ clock: true }),
                                    join({ clock: true })]);

    await Promise.all(both.map((page) => seesMoving(page, 1)));
    await admit(1, [drains, '']);

    const full = () => both.map((page) => page.evaluate(() =>
      window.said.some((text) => text.startsWith('The server is full'))));

    await waitFor(async () => (await Promise.all(full())).includes(true),
      'somebody who is left outside');

    const [outside] = await Promise.all(full())
      .then(([first]) => first ? both : [...both].reverse());
    const inside = both.find((page) => page !== outside);

    assert.equal(await outside.evaluate(() => window.callPage.state),
      'reconnecting');
    assert.ok(await outside.isVisible(
      '[role=status] >> text=The server is full'));
    assert.match((await said(outside)).join('|'), new RegExp([
      /^The server is restarting\n.*brings it back by itself\..*\|/,
      /Reconnecting to the server\n.*may stop until it is there again\..*\|/,
      /The server is full\n.*tries again every half a minute\..*$/
    ].map(({ source }) => source).join(''), 's'));

    // the other one is in, and is told no more

    await until(inside, () => window.said.length === 2 &&
      window.callPage.state === 'in-call', 'call');
    assert.deepEqual(await notices(inside), []);
    assert.equal(inside.sockets, 2);

    // half a minute later there is room

    await admit(2);
    await outside.clock.fastForward(60000);
    await Promise.all(both.map((page) => seesMoving(page, 1)));
    assert.deepEqual(await notices(outside), []);
    assert.equal((await said(outside)).length, 3);
  });

  /* a phone that is held upright and across, also small ones */
  describe('on a phone', () => {
    const SIZES = [[390, 844], [844, 390], [320, 568], [568, 320]];
    const PHONE = {
      viewport: { width: 390, height: 844 }, deviceScaleFactor: 2,
      isMobile: true, hasTouch: true, reducedMotion: 'reduce'
    };

    /* holds it in all ways; gives what is not as it should be */
    async function held(page, what) {
      const found = [];

      for (const [width, height] of SIZES) {
        await page.setViewportSize({ width, height });
        await page.evaluate(() => new Promise((resolve) =>
          requestAnimationFrame(() => requestAnimationFrame(resolve))));
        found.push(...(await page.evaluate(misplaced)).map((text) =>
          `${what}, ${width} x ${height}: ${text}`));
      }

      return found;
    }

    test('nothing overlaps, and all buttons can be reached', async () => {
      await admit(9);

      const phone = await join({ context: PHONE });
      const found = await held(phone, 'alone');
      const named = async (name) => {
        const page = await open();

        await page.fill('#name', name);
        await joinCall(page);
        return page;
      };

      await named('Wolfeschlegelsteinhausenbergerdorff');
      await seesMoving(phone, 1);
      found.push(...await held(phone, 'two'));

      const third = await named('Bo');

      await seesMoving(phone, 2);
      found.push(...await held(phone, 'three'));

      await third.click('#screen');
      await until(phone, () => window.callPage.remoteVideos.length === 3 &&
        window.callPage.remoteVideos.every((v) => v.videoWidth), 'screen');
      found.push(...await held(phone, 'a screen'));

      // a message with a button, as when the camera is taken away

      await phone.evaluate(() => document.querySelector('.tile.local video')
        .srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended')));
      assert.equal((await notices(phone)).length, 1);
      found.push(...await held(phone, 'a message'));

      // and a finger does what the buttons say

      assert.deepEqual(found, []);
      await phone.tap('#mic');
      await until(third, () =>
        window.callPage.peers.some(({ mic }) => mic === false), 'mute');
      await phone.tap('.notice-close');
      assert.deepEqual(await notices(phone), []);
      await phone.tap('#leave');
      assert.equal(await phone.evaluate(() => window.callPage.state), 'lobby');
    });
  });
}

/* runs in a page: what cannot be seen or reached in the view of a call */
function misplaced() {
  const faults = [];
  const LEAST = 44;             // pixels, for a finger
  const box = (el) => el.getBoundingClientRect();
  const all = (selector) => [...document.querySelectorAll(selector)]
    .filter((el) => el.checkVisibility() && box(el).width > 0);
  const nameOf = (el) => el.id || el.dataset.tile || el.dataset.notice ||
    el.getAttribute('aria-label') || el.className || el.tagName;

  const within = (inner, outer) => inner.left >= outer.left - 0.5 &&
    inner.right <= outer.right + 0.5 && inner.top >= outer.top - 0.5 &&
    inner.bottom <= outer.bottom + 0.5;
  const apart = (a, b) => a.right <= b.left + 0.5 || b.right <= a.left + 0.5 ||
    a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;

  const window_ = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };

  if (document.documentElement.scrollWidth > innerWidth) {
    faults.push('it is wider than the screen');
  }

  for (const button of all('button')) {
    const r = box(button);
    const hit = document.elementFromPoint(
      (r.left + r.right) / 2, (r.top + r.bottom) / 2);

    if (!within(r, window_)) {
      faults.push(`${nameOf(button)} is not on the screen`);

    } else if (!button.contains(hit)) {
      faults.push(`${nameOf(button)} is covered by ${hit && nameOf(hit)}`);
    }
    if (r.width < LEAST || r.height < LEAST) {
      faults.push(`${nameOf(button)} has ${r.width} x ${r.height}`);
    }
    if (button.scrollWidth > button.clientWidth + 1) {
      faults.push(`the words of ${nameOf(button)} are cut`);
    }
  }

  // what stands beside each other, and what is in what

  const separate = (els) => els.forEach((a, i) => els.slice(i + 1)
    .filter((b) => !apart(box(a), box(b)))
    .forEach((b) => faults.push(`${nameOf(a)} and ${nameOf(b)} overlap`)));
  const inside = (els, outer) => els.filter((el) => !within(box(el), outer))
    .forEach((el) => faults.push(`${nameOf(el)} sticks out`));
  const stage = document.getElementById('stage');
  const tiles = all('.tile');

  separate([...all('header'), ...all('.notice'), stage, ...all('#controls')]);
  separate([...all('.where'), ...all('.tabs')]);
  separate(all('button'));
  separate(tiles.filter((tile) => !tile.matches('.floating')));
  separate([...all('.floating'), ...all('.tile:not(.floating) .plate')]);
  inside([...tiles, ...all('#alone')], box(stage));

  for (const tile of tiles) {
    const { width, height } = box(tile);

    inside([...tile.querySelectorAll('.plate')], box(tile));
    if (width < LEAST || height < LEAST) {
      faults.push(`${nameOf(tile)} has ${width} x ${height}`);
    }
  }

  return faults;
}
