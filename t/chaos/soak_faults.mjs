// Copyright (C) The ngx_signaling authors
//
// The faults of the soak, which strike while there is traffic in all zones.
// The quiet ones replace no worker, so what a worker has of memory before and
// after them can be compared.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';

import { alive, freeze, refusedReload, rewrite } from '../processes.mjs';
import { certificate, waitFor } from '../signaling.mjs';
import { Orders } from './faults.mjs';
import { PATIENCE, RIGHTS } from './soak_site.mjs';

const BIG = 'x'.repeat(60000);

// nginx -s reload of these is refused

const BROKEN = [
  ['signaling_rate  off;', 'signaling_rate of;', /invalid rate "of"/],
  ['signaling_rate  off;', 'signaling_rate off; signaling_max_message 100k;',
    /"signaling_max_message" was raised beyond what "signaling_zone call/],
  ['worker_processes', 'worker_processes 200; #',
    /"signaling_zone calls" was made for at most \d+ workers/]
];

export class Faults {
  constructor(site, random) {
    this.site = site;
    this.random = random;
    this.count = Object.fromEntries(KINDS.map(({ name }) => [name, 0]));
    this.decks = new Map();
    this.rooms = 0;
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  /* one of the kinds in which each comes once before any comes again */
  next(quiet) {
    const kinds = KINDS.filter((kind) => !quiet || kind.quiet);
    let deck = this.decks.get(quiet);

    if (!deck?.length) {
      deck = [...kinds];
      this.decks.set(quiet, deck);
    }

    return deck.splice(this.random(deck.length), 1)[0];
  }

  async strike(kind) {
    await kind.strike(this);
    this.count[kind.name]++;
  }

  /* comes, though there may be no slot for the worker for a while */
  join(crowd, room, options) {
    return waitFor(() => crowd.join(room, options).catch(() => null),
      'room for a newcomer', PATIENCE);
  }

  /* a room that nobody else is in, in one of the zones with room */
  fresh() {
    return {
      place: this.pick(this.site.places.filter(({ name }) =>
        name !== 'small')),
      room: `alone ${++this.rooms}`
    };
  }
}

const reload = ({ site }) => site.reload();

/* closed with 4001, unless a worker slot was wanted just then */
async function ended(member) {
  const { code } = await member.closed;

  assert.ok(code === 4001 || (code === 1001 && member.going), `${code}`);
}

async function otherKeys(faults) {
  const { site } = faults;
  const { crowd, servers } = faults.pick(site.places);
  const concerned = [];

  for (const id of ['gone', 'gone', 'less', 'less']) {
    concerned.push(await faults.join(crowd, 'all', {
      key: `pk_live_${id}`, ngx: faults.pick(servers)
    }));
  }

  rewrite(site, RIGHTS);
  crowd.expectEnd(concerned);
  await site.reload();
  await Promise.all(concerned.map(ended));
  rewrite(site, [...RIGHTS].reverse());
  await site.reload();
}

const fingerprint = ({ port }) => new Promise((resolve, reject) => {
  const socket = tls.connect(
    { port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate().toString());
      socket.destroy();
    });
  socket.on('error', reject);
});

/* newcomers are shown the other one, and nobody loses the connection */
async function otherCertificate({ site, count }) {
  const pair = certificate(count.cert % 2 ? 'localhost' : 'other');
  const [, ngx] = site.places[0].servers;

  for (const [name, { text }] of Object.entries(pair)) {
    fs.writeFileSync(`${site.dir}/${name}`, text);
  }
  await site.reload();
  await waitFor(async () =>
    await fingerprint(ngx) === pair['cert.pem'].text,
  'the other certificate', PATIENCE);
}

async function broken(faults) {
  const { site } = faults;
  const [from, to, line] = faults.pick(BROKEN);
  const before = site.current();

  rewrite(site, [from, to]);
  await refusedReload(site, line);
  rewrite(site, [to, from]);
  assert.deepEqual(site.current(), before);
}

async function killWorkers(faults) {
  const { site } = faults;
  const pids = site.all();
  const victims = new Set([faults.pick(pids)]);

  if (faults.random(4) === 0) {
    victims.add(faults.pick(pids));
  }
  site.kill(...victims);
  await site.replaced();
}

/* members come and go, since they pass the places where one may die */
async function killInside(faults) {
  const { site } = faults;
  const orders = new Orders(`${site.dir}/fault`);
  const victim = faults.pick(site.current());

  site.doom(victim);
  orders.give(0, victim, 1 + faults.random(120));

  const come = async ({ crowd, servers }) => {
    while (alive(victim)) {
      await crowd.join('all', { ngx: servers.at(-1), doomed: true })
        .then((m) => m.close()).catch(() => {});
    }
  };

  await Promise.all(site.places.map(come));
  await site.replaced();
}

async function stop(faults) {
  const { site } = faults;
  const victim = faults.pick(site.all());

  try {
    await freeze(victim);
  } catch (error) {
    assert.ok(!alive(victim), error);           // it has just exited
    return;
  }
  await delay(500 + faults.random(3000));
  await freeze(victim, false);
}

/*
 * Great pieces of metadata, until newcomers are refused.  Those who are in
 * talk on.
 */
async function fullZone(faults) {
  const { site } = faults;
  const { crowd } = site.places.find(({ name }) => name === 'small');
  const room = `alone ${++faults.rooms}`;
  const from = await faults.join(crowd, room);
  const witness = await faults.join(crowd, room);
  const members = [from, witness];

  for (;;) {
    const some = await Promise.all([1, 2, 3, 4].map(() =>
      crowd.connect({ path: '/pad' }).catch(({ message }) => message)));
    const came = some.filter((m) => typeof m !== 'string');

    members.push(...came);
    if (came.length < some.length) {
      assert.match(some.find((m) => typeof m === 'string'),
        /^closed with 4010 /);
      break;
    }
    assert.ok(members.length < 20000);
  }

  // where retired workers have all slots, newcomers are refused for that

  assert.ok(members.length > 10 || site.all().length > site.workers);

  for (let i = 0; i < 20; i++) {
    await from.publish(room);
    await from.tell(witness);
  }
  await waitFor(() => witness.heard(room, from), 'messages of those in',
    PATIENCE);
  await Promise.all(members.map((m) => crowd.leave(m)));
  await waitFor(() => crowd.join('all').then((m) => crowd.leave(m))
    .then(() => true, () => false), 'room', PATIENCE);
}

/* one who never reads is closed, one who reads in time gets all */
async function slowReaders(faults) {
  const { place: { crowd, servers }, room } = faults.fresh();
  const come = (options) =>
    faults.join(crowd, room, { ngx: faults.pick(servers), ...options });
  const from = await come();
  const witness = await come();
  const late = await come({ path: '/slow' });
  const slow = await come({ path: '/slow' });
  const there = () => witness.views.get(room).peers.has(slow.peerId);

  crowd.expectEnd([slow]);
  slow.ws.pause();
  late.ws.pause();

  for (let i = 0; i < 4; i++) {
    await from.publish(room, { pad: BIG });
  }

  late.ws.resume();

  while (from.state === 'open' && witness.state === 'open' && there()) {
    await from.publish(room, { pad: BIG });
    await waitFor(() => late.state !== 'open' || late.heard(room, from),
      'message to one who reads', PATIENCE);
  }

  slow.ws.terminate();
  await Promise.all([from, witness, late].map((m) => crowd.leave(m)));
}

/* silent, half closed, reset: others see them leave */
async function halfOpen(faults) {
  const { place: { crowd, servers }, room } = faults.fresh();
  const witness = await faults.join(crowd, room,
    { ngx: faults.pick(servers) });
  const ends = [
    (socket) => socket.pause(),
    (socket) => socket.end(),
    (socket) => socket.encrypted ? socket.destroy() : socket.resetAndDestroy()
  ];
  const members = [];

  for (let i = 0; i < 6; i++) {
    members.push(await crowd.join(room, {
      ngx: servers[i % servers.length], path: '/ping', autoPong: false,
      doomed: true
    }).catch(() => null));
  }

  members.filter(Boolean).forEach(({ ws }, i) => {
    if (ws._socket) {
      ends[i % 3](ws._socket);
    }
  });
  await waitFor(() => witness.state !== 'open' ||
    witness.views.get(room).peers.size === 0, 'end of those who are gone',
  PATIENCE);
  members.forEach((member) => member?.ws.terminate());
  await crowd.leave(witness);
}

/* what the columns of the table are called; quiet: no worker is replaced */
export const KINDS = [
  { name: 'reload', strike: reload },
  { name: 'keys', strike: otherKeys },
  { name: 'cert', strike: otherCertificate },
  { name: 'broken', strike: broken, quiet: true },
  { name: 'kill', strike: killWorkers },
  { name: 'lock', strike: killInside },
  { name: 'stop', strike: stop, quiet: true },
  { name: 'full', strike: fullZone, quiet: true },
  { name: 'slow', strike: slowReaders, quiet: true },
  { name: 'half', strike: halfOpen, quiet: true }
];
