// Copyright (C) The ngx_signaling authors
//
// The faults of the matrix.  Each starts its site by scene.start(), strikes,
// and ends with scene.over() unless nothing is left to look at.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import {
  alive, children, freeze, refusedReload, reload, rewrite, startDaemon
} from '../processes.mjs';
import { KEYS, refused, TLS, waitFor } from '../signaling.mjs';
import { issue, now, secretKey } from '../token.mjs';
import { minimum } from '../zone.mjs';
import { KILLED, stopDaemon } from './model.mjs';

const BIG = 'x'.repeat(60000);
const DEATHS = 20;          // inside the lock, in one cell

async function reloadOnce(scene) {
  await scene.start();
  await reload(scene.ngx);
  await scene.spread();
  await scene.breathe(200);
  await scene.over();
}

async function reloadTwenty(scene) {
  await scene.start();

  const passing = [];

  for (let i = 0; i < 20; i++) {
    passing.push(await scene.crowd.join('all'));
    await reload(scene.ngx);
    await scene.breathe();
    if (passing.length > 1) {
      await scene.crowd.leave(passing.shift());
    }
  }

  assert.deepEqual(scene.crowd.drained, []);
  await scene.over();
}

/* a key that goes, one that gets less, and one of which nothing is used */
async function reloadKeys(scene) {
  const key = (id, channels) => `
    publishable_key pk_live_${id} {
      origins *; require_origin off; channels ${channels};
    }`;
  const before = KEYS + key('gone', '**') + key('less', '** x') +
    key('same', '** x');
  const after = KEYS + key('less', 'all') + key('same', '**');

  await scene.start({ keys: before });

  const concerned = [];

  for (const id of ['gone', 'less', 'same']) {
    for (let i = 0; i < 2 * scene.workers; i++) {
      const member = await scene.crowd.join(
        'all', { key: `pk_live_${id}` });

      if (id !== 'same') {
        concerned.push(member);
      }
    }
  }

  const { length } = scene.crowd.open();

  rewrite(scene.ngx, [before, after]);
  scene.crowd.expectEnd(concerned);
  await reload(scene.ngx);

  for (const member of concerned) {
    assert.equal((await member.closed).code, 4001);
  }

  await scene.breathe(100);
  await scene.crowd.rostersExact();
  assert.equal(scene.crowd.open().length, length - concerned.length);

  // the text of the keys takes room in the zone

  rewrite(scene.ngx, [after, before]);
  await reload(scene.ngx);
  await scene.over();
}

async function reloadBroken(scene) {
  await scene.start({ allow: [/\[emerg\]/] });

  const workers = children(scene.ngx.pid).sort();
  const { length } = scene.crowd.open();

  for (const [from, to, line] of [
    ['signaling_rate off;', 'signaling_rate of;', /invalid rate "of"/],
    [KEYS, '# no key', /no key that could be used/],
    ['signaling_rate off;',
      'signaling_rate off; signaling_max_message 512k;',
      /"signaling_max_message" was raised beyond what "signaling_zone call/],
    ['worker_processes', 'worker_processes 200; #',
      /"signaling_zone calls" was made for at most \d+ workers/]
  ]) {
    rewrite(scene.ngx, [from, to]);
    await refusedReload(scene.ngx, line);
    await scene.breathe();
    await scene.visit();
    rewrite(scene.ngx, [to, from]);
  }

  assert.deepEqual(children(scene.ngx.pid).sort(), workers);
  assert.equal(scene.crowd.open().length, length);
  await scene.over();
}

async function killWorkers(scene) {
  await scene.start({ allow: KILLED });

  for (let i = 0; i < 5; i++) {
    const pids = children(scene.ngx.pid);
    const victims = pids.filter(() => scene.random(3) === 0);

    scene.crowd.kill(...victims.length ? victims : [scene.pick(pids)]);
    await scene.crowd.replaced();
    await scene.spread();
    await scene.breathe();
  }

  await scene.over();
}

/* orders for fault.c, 64 bytes each */
export class Orders {
  constructor(file) {
    this.file = file;
  }

  give(i, pid, places) {
    const order = Buffer.alloc(64);
    const fd = fs.openSync(this.file, 'r+');

    order.writeInt32LE(places, 4);
    fs.writeSync(fd, order, 0, 64, i * 64);
    order.writeUInt32LE(pid, 0);
    fs.writeSync(fd, order, 0, 4, i * 64);
    fs.closeSync(fd);
  }

  /* where it died */
  place(i) {
    const order = fs.readFileSync(this.file).subarray(i * 64, i * 64 + 64);

    return `${order.subarray(12).toString().replace(/\0.*$/s, '')}:` +
      order.readUInt32LE(8);
  }
}

/*
 * The fault points are passed by those who come and go.  Every third time the
 * one who finds the lock of the dead dies too, mostly while it rebuilds.
 */
async function killInside(scene) {
  await scene.start({
    allow: KILLED,
    main: 'env SIG_FAULT_FILE=@DIR@/fault;',
    files: { fault: { text: '\0'.repeat(256) } }
  });

  const { crowd, ngx, random } = scene;
  const orders = new Orders(`${ngx.dir}/fault`);
  const places = new Set();

  for (let i = 0; i < DEATHS; i++) {
    const pids = children(ngx.pid);
    const first = random(pids.length);
    const victims = [pids[first]];

    if (i % 3 === 2 && pids.length > 1) {
      victims.push(pids[(first + 1) % pids.length]);
    }

    crowd.expectEnd(crowd.on(...victims));
    victims.forEach((pid, n) => {
      crowd.killed.add(pid);
      orders.give(n, pid, n ? 1 + random(20) : 1 + random(120));
    });

    const come = async () => {
      while (victims.some(alive)) {
        await scene.visit(scene.pick(['all', 'here', 'there']))
          .catch(() => {});
      }
    };

    await Promise.all([come(), come(), come()]);
    victims.forEach((pid, n) => places.add(orders.place(n)));

    await crowd.replaced();
    await scene.spread();
    await scene.breathe();
  }

  const { rebuilds } = await ngx.status();

  assert.ok(rebuilds >= DEATHS, `${rebuilds} rebuilds`);
  scene.notes.push(`${places.size} places, ${rebuilds} rebuilds`);
  await scene.over();
}

async function stopWorker(scene) {
  await scene.start();

  const victim = scene.pick(children(scene.ngx.pid));
  const { length } = scene.crowd.open();

  await freeze(victim);
  await delay(10000);
  await freeze(victim, false);
  await scene.breathe(200);
  assert.equal(scene.crowd.open().length, length);
  await scene.over();
}

/* two registries, until the old one is sent away */
async function upgrade(scene) {
  await scene.start({
    start: startDaemon, location: 'signaling_drain 1s;'
  });

  const { crowd, ngx } = scene;
  const old = ngx.pid;
  const members = crowd.open();
  let heir;

  try {
    process.kill(old, 'SIGUSR2');
    await waitFor(() => ngx.readPid('nginx.pid.oldbin') === old &&
      ngx.readPid() && ngx.readPid() !== old, 'new binary');
    heir = ngx.readPid();

    await scene.breathe();
    await waitFor(() => children(heir).length === scene.workers, 'workers');
    assert.ok(members.every(({ state }) => state === 'open'));

    process.kill(old, 'SIGQUIT');
    await scene.drained(members);
    await waitFor(() => !alive(old), 'exit of the old binary');

    ngx.pid = heir;
    await scene.spread(children(heir));
    crowd.traffic();
    await crowd.flow();
    await crowd.rostersExact();
    await crowd.end();
    await scene.zero();
    await stopDaemon(ngx, heir);
  } finally {
    for (const pid of [old, heir].filter((p) => p && alive(p))) {
      process.kill(pid, 'SIGTERM');
    }
  }
}

/* who lingers is told before the timeout would cut it off */
async function shutdownTimeout(scene) {
  await scene.start({
    main: 'worker_shutdown_timeout 2500ms;',
    location: 'signaling_drain 500ms;'
  });

  const elders = scene.crowd.open();

  await reload(scene.ngx);
  await scene.spread();
  await scene.breathe();
  await Promise.all(elders.map((m) => m.closed));
  assert.ok(elders.every((m) => scene.crowd.drained.includes(m)));
  await scene.over();
}

async function quit(scene) {
  await scene.start({ location: 'signaling_drain 1s;' });

  const members = scene.crowd.open();
  const workers = children(scene.ngx.pid);

  process.kill(scene.ngx.pid, 'SIGQUIT');
  await scene.drained(members);
  await waitFor(() => !workers.some(alive), 'exit of workers');
  await scene.stop();
}


/* one after the other until there is no room; gives those who came in */
async function fill(scene, options) {
  const members = [];

  for (;;) {
    try {
      members.push(await scene.crowd.join(
        `pad ${members.length >> 1}`, options));
    } catch ({ message }) {
      assert.match(message, /^(closed with 4010|.*"backend_error")/);
      return members;
    }
    assert.ok(members.length < 5000);
  }
}

/*
 * Metadata takes what there is in great pieces, those without get the rest,
 * and who is in goes on to other rooms.  Twice, since as many have to find
 * room when all have gone.
 */
async function fullZone(scene) {
  await scene.start({
    zone: await minimum({ workers: scene.workers }),
    server: `location = /pad {
      signaling calls; signaling_rate off;
      signaling_peer_metadata '{"pad":"${'x'.repeat(3500)}"}';
    }`
  });

  const { crowd, ngx } = scene;
  const counts = [];
  const warnings = () => ngx.errorLog().split('\n').filter((line) =>
    /zone "calls" is filled to 80 percent/.test(line)).length;

  for (let i = 0; i < 2; i++) {
    assert.equal(warnings(), i);

    const pads = await fill(scene, { path: '/pad' });
    const small = await fill(scene, {});

    counts.push(pads.length);

    for (let n = 0; n < 10; n++) {
      assert.deepEqual(await refused(ngx),
        { code: 4010, reason: 'no room for another connection' });
      await pads[n].enter('reserve');
      await pads[n].enter(`reserve ${n >> 1}`);
    }

    await scene.breathe(500);
    await waitFor(() => warnings() === i + 1, 'warning');
    await Promise.all([...pads, ...small].map((m) => crowd.leave(m)));
    await waitFor(() => crowd.join('all').then((m) => crowd.leave(m))
      .then(() => true, () => false), 'room');
  }

  scene.notes.push(`${counts.join(' and ')} of 3.5 KB`);
  assert.ok(counts[0] > 10 && Math.abs(counts[0] - counts[1]) <= 4, counts);
  await scene.over();
}

/* of one worker alone there is no ring: of two generations there is */
async function fullRing(scene) {
  await scene.start();

  const { crowd, ngx } = scene;
  const [old] = children(ngx.pid);

  if (scene.workers === 1) {
    await reload(ngx);
    await scene.spread();
  }

  const to = scene.workers === 1 ? ngx.workerPids()[0]
    : children(ngx.pid)[1];
  const [from] = crowd.on(old);

  await crowd.on(to)[0].enter('ring');
  await from.enter('ring');
  await freeze(to);

  for (let i = 0; i < 300; i++) {
    await from.publish('ring');
  }
  for (let i = 0; i < 30; i++) {
    await from.publish('ring', { pad: BIG });
  }

  await freeze(to, false);
  await scene.breathe();
  await scene.over();
}

/* no file for newcomers, and then no connection of nginx */
async function descriptors(scene) {
  await scene.start({
    events: 'worker_connections 64;',
    allow: [
      /worker_connections are not enough/, /too many open files/i
    ]
  });

  const { crowd, ngx } = scene;
  const pids = children(ngx.pid);
  const { length } = crowd.open();
  const limit = (pid, n) => execFileSync(
    'prlimit', ['--pid', String(pid), `--nofile=${n}:`]);
  const [, usual] = /Max open files +(\d+)/.exec(
    fs.readFileSync(`/proc/${pids[0]}/limits`, 'utf8'));

  for (const pid of pids) {
    limit(pid, fs.readdirSync(`/proc/${pid}/fd`).length);
  }

  // they wait in the queue of the kernel

  const waiting = Array.from({ length: 4 * scene.workers },
    () => crowd.join('all').catch(() => null));

  await waitFor(() => /too many open files/i.test(ngx.errorLog()),
    'end of files');
  await scene.breathe();
  assert.ok(crowd.open().length >= length);

  for (const pid of pids) {
    limit(pid, usual);
  }

  const late = await Promise.all(waiting);

  assert.ok(late.every(Boolean), 'who has waited comes in');

  const members = [];

  for (let failed = 0; failed < 5;) {
    try {
      members.push(await crowd.connect());
    } catch {
      failed++;
    }
    assert.ok(members.length < 64 * scene.workers);
  }

  scene.notes.push(`${members.length} until the end of connections`);
  await scene.breathe();
  await Promise.all([...late, ...members].map((m) => crowd.leave(m)));
  await waitFor(() => scene.visit().then(() => true, () => false), 'room');
  assert.equal(crowd.open().length, length);
  await scene.over();
}

/* one who never reads is closed, one who reads in time gets all */
async function slowReaders(scene) {
  await scene.start({
    listen: 'reuseport sndbuf=64k',
    server: `location = /slow {
      signaling calls; signaling_rate off; signaling_send_buffer 512k;
    }`
  });

  const { crowd } = scene;

  for (const pid of children(scene.ngx.pid)) {
    const [from, witness] = crowd.on(pid);
    const room = `slow ${pid}`;

    for (const member of [from, witness]) {
      await member.enter(room);
    }

    const slow = await crowd.join(room, { path: '/slow' });
    const late = await crowd.join(room, { path: '/slow' });

    crowd.expectEnd([slow]);
    slow.ws.pause();
    late.ws.pause();

    for (let i = 0; i < 4; i++) {
      await from.publish(room, { pad: BIG });
    }

    late.ws.resume();

    while (witness.views.get(room).peers.has(slow.peerId)) {
      await from.publish(room, { pad: BIG });
    }

    slow.ws.terminate();
  }

  await scene.breathe();
  await scene.over();
}

/* silent, half closed, reset: nobody is taken for there who is not */
async function halfOpen(scene) {
  await scene.start({
    server: `location = /ping {
      signaling calls; signaling_rate off; signaling_ping 1s grace=1s;
    }`
  });

  const { crowd } = scene;
  const { length } = crowd.open();
  const ends = [
    (socket) => socket.pause(),
    (socket) => socket.end(),
    (socket) => TLS ? socket.destroy() : socket.resetAndDestroy()
  ];
  const members = [];

  for (let i = 0; i < 6 * scene.workers; i++) {
    members.push(await crowd.join(scene.pick(['all', 'some']),
      { path: '/ping', autoPong: false }));
  }

  crowd.expectEnd(members);
  members.forEach(({ ws: { _socket: socket } }, i) => ends[i % 3](socket));

  await scene.breathe();
  await waitFor(async () => (await scene.ngx.status()).connections === length,
    'end of those who are gone');
  members.forEach(({ ws }) => ws.terminate());
  await scene.over();
}

/*
 * An hour back, right again, two hours forward.  Pings, rates and everything
 * that waits go by the other clock; a token ends by this one.
 */
async function clockBack(scene) {
  await scene.start({
    keys: KEYS + secretKey('sk_HS256'),
    location: 'signaling_ping 1s grace=30s;',
    server: `location = /rate {
      signaling calls; signaling_rate 5r/s burst=5;
    }`,
    files: { clock: { text: '\0'.repeat(8) } }
  });

  const { crowd, ngx } = scene;
  const set = (seconds) => {
    const offset = Buffer.alloc(8);
    const fd = fs.openSync(`${ngx.dir}/clock`, 'r+');

    offset.writeBigInt64LE(BigInt(seconds));
    fs.writeSync(fd, offset, 0, 8, 0);
    fs.closeSync(fd);
  };
  const enter = async (sub, left) => crowd.join('all', {
    query: `token=${await issue({ sub, exp: now() + left })}`
  });
  const expired = async (member) => {
    const { code } = await member.closed;

    assert.equal(code, 4002);
    assert.equal(member.state, 'dead');
  };

  const long = await enter('long', 3600);
  const short = await enter('short', 4);
  const fast = await ngx.connect({ path: '/rate' });

  set(-3600);

  const past = await enter('past', -1800);

  for (let i = 0; i < 3; i++) {
    for (let n = 0; n < 4; n++) {
      await fast.settled();
    }
    await delay(1000);
  }

  await delay(3000);
  assert.ok([long, short, past].every(({ state }) => state === 'open'));
  await fast.close();
  await scene.breathe();

  crowd.expectEnd([short, past]);
  set(0);
  await Promise.all([short, past].map(expired));
  await scene.breathe();
  assert.equal(long.state, 'open');

  crowd.expectEnd([long]);
  set(7200);
  await expired(long);
  await scene.breathe();

  // how long each was there is not changed by that

  const ended = ngx.errorLog().match(/[^ ]+ seconds, in: /g);

  assert.deepEqual(ended.filter((text) => !/^\d{1,3} /.test(text)), []);
  await scene.over();
}

/*
 * clock: nginx has a clock that can be set; inside: it has fault points;
 * ends: nobody is left whom one could count
 */
export const FAULTS = [
  { name: 'reload', strike: reloadOnce },
  { name: '20 reloads', strike: reloadTwenty },
  { name: 'reload, other keys', strike: reloadKeys },
  { name: 'reload, broken', strike: reloadBroken },
  { name: 'kill -9', strike: killWorkers },
  { name: 'kill -9 in the lock', strike: killInside, inside: true },
  { name: 'SIGSTOP for 10 s', strike: stopWorker },
  { name: 'USR2', strike: upgrade },
  { name: 'shutdown timeout', strike: shutdownTimeout },
  { name: 'QUIT', strike: quit },
  { name: 'full zone', strike: fullZone },
  { name: 'full ring', strike: fullRing },
  { name: 'no descriptors', strike: descriptors },
  { name: 'slow readers', strike: slowReaders },
  { name: 'half-open peers', strike: halfOpen },
  { name: 'clock set back', strike: clockBack, clock: true }
];
