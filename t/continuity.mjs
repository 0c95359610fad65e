// Copyright (C) The ngx_signaling authors
//
// Whether calls between pages go on: which connections were made and lost,
// how many sockets there were, and for how long a picture stood still.
//
// A machine that is busy holds up pictures too.  So each page has a mirror
// beside the call: its own camera, through two connections within the page,
// which nobody outside has anything to do with.  A second is frozen when no
// picture of the call came while every mirror showed a second's worth.

import assert from 'node:assert/strict';

import { FPS, until } from './browser.mjs';

const MIRROR_UP = 5;        // pictures

/* runs before the scripts of a page: a camera that is quickly encoded */
export function smallCamera() {
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);

  mediaDevices.getUserMedia = (wanted) => open(wanted.video
    ? { ...wanted, video: { ...wanted.video, width: 320, height: 240 } }
    : wanted);
}

/* runs in a page */
async function watchCall() {
  const Native = Object.getPrototypeOf(window.RTCPeerConnection);
  const ends = [new Native(), new Native()];
  const camera = document.querySelector('.tile.local video').srcObject;
  const mirror = document.createElement('video');

  const now = () => performance.timeOrigin + performance.now();

  const times = (video) => {
    const shown = [now()];
    const next = () => {
      shown.push(now());
      video.requestVideoFrameCallback(next);
    };

    video.requestVideoFrameCallback(next);
    return shown;
  };

  // what is not on the screen is not always drawn

  mirror.muted = true;
  mirror.autoplay = true;
  Object.assign(mirror.style, {
    position: 'fixed', left: 0, bottom: 0, width: '32px', height: '24px',
    pointerEvents: 'none'
  });
  document.body.append(mirror);

  for (const [i, end] of ends.entries()) {
    end.onicecandidate = ({ candidate }) =>
      ends[1 - i].addIceCandidate(candidate);
  }
  ends[1].ontrack = ({ track }) => {
    mirror.srcObject = new MediaStream([track]);
  };
  ends[0].addTrack(camera.getVideoTracks()[0].clone());

  await ends[0].setLocalDescription();
  await ends[1].setRemoteDescription(ends[0].localDescription);
  await ends[1].setLocalDescription();
  await ends[0].setRemoteDescription(ends[1].localDescription);

  const { connections, callPage } = window;

  window.watched = {
    ends,
    known: [...connections],
    mirror: times(mirror),
    calls: callPage.remoteVideos.map(times),

    report() {
      const { known, calls } = window.watched;

      return {
        made: connections.length - known.length,
        lost: known.filter((pc) =>
          ['closed', 'failed'].includes(pc.connectionState)).length,
        mirror: window.watched.mirror,
        calls: calls.map((shown) => [...shown, now()])
      };
    }
  };
}

/* from now on, these pages, which are in a call, are looked after */
export async function watchCalls(...pages) {
  await Promise.all(pages.map((page) => page.evaluate(watchCall)));
  await mirrored(pages, MIRROR_UP);
}

/* waits until every mirror has shown so many pictures more */
export async function mirrored(pages, count) {
  await Promise.all(pages.map(async (page) => {
    const { length } = await page.evaluate(() => window.watched.mirror);

    await until(page, (n) => window.watched.mirror.length >= n,
      'pictures in the mirror', length + count);
  }));
}

/* pictures that come in a bunch, after a delay, are one */
function steady(times) {
  let last = -Infinity;

  return times.filter((t) => {
    const counts = t - last >= 1000 / FPS / 2;

    if (counts) {
      last = t;
    }
    return counts;
  });
}

/*
 * The longest time, in seconds, for which no picture came although all
 * mirrors showed some.  All times in ms.
 */
export function frozen(times, mirrors) {
  const between = (from, to) => Math.min(...mirrors.map((mirror) =>
    steady(mirror.filter((t) => t > from && t < to)).length));

  return times.slice(1).reduce((worst, t, i) =>
    Math.max(worst, between(times[i], t) / FPS), 0);
}

/*
 * For each page: connections "made" and "lost" since watchCalls(), "sockets"
 * since the page was opened, the seconds that the worst picture was "frozen".
 */
export async function interruptions(...pages) {
  const reports = await Promise.all(pages.map((page) =>
    page.evaluate(() => window.watched.report())));
  const mirrors = reports.map(({ mirror }) => mirror);

  return reports.map(({ made, lost, calls }, i) => {
    assert.ok(calls.length > 0, 'there was a call');

    return {
      made, lost, sockets: pages[i].sockets,
      frozen: Math.max(...calls.map((times) => frozen(times, mirrors)))
    };
  });
}
