// Copyright (C) The ngx_signaling authors
//
// The soak: mixed traffic in three zones of one nginx with faults at random,
// for a time.
//
//     node soak.mjs SECONDS [--seed N] [--workers N]
//
// Time goes by in rounds.  A round begins with workers that are new, and at
// first has only the faults that replace none of them; in its second half
// come all.  At points between there is no traffic and there are as many
// members as each time: rosters and counters are compared with the model, and
// memory is measured.  What was measured at points of the same kind has to be
// the same but for BOUND.  At the end nobody may be left in the zones.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { dice } from './model.mjs';
import { Faults, KINDS } from './soak_faults.mjs';
import { Site, sizes } from './soak_site.mjs';
import { Traffic } from './soak_traffic.mjs';

const ROUND = 900;              // seconds, about
const ROW = 30;
const STAY = 4;                 // members of each zone at a point between

// ms: between the messages of a turn, between the moves in a zone

const PACE = 700;
const PAUSE = 100;

// KB that a process may have more at a later point of the same kind, and files

const BOUND = 1024;
const FILES = 4;

const { values: args, positionals } = parseArgs({
  options: {
    seed: { type: 'string' },
    workers: { type: 'string', default: '3' }
  },
  allowPositionals: true
});
const seconds = Number(positionals[0]);
const seed = Number(args.seed ?? Math.floor(Math.random() * 1e6));
const begin = performance.now();
const elapsed = () => (performance.now() - begin) / 1000;

// [what, width]

const COLUMNS = [
  ['time', 8], ['conns', 6], ['messages', 9],
  ...KINDS.map(({ name }) => [name, 7]),
  ['workers', 8], ['sum KB', 8], ['max KB', 7], ['master', 7],
  ['free KB', 8], ['files', 6],
  ['missing', 8], ['twice', 6], ['order', 6], ['roster', 7], ['other', 6],
  ['log', 4]
];

const line = (values) => console.log(values
  .map((value, i) => String(value).padStart(COLUMNS[i][1])).join(''));

/* which promise a fault of the model is about */
function promise(text) {
  const [, n, from, last] = /(\d+) of (\S+) after (\d+)/.exec(text) ?? [];

  if (n !== undefined) {
    return n === last ? 'twice'
      : Number(n) > Number(last) ? 'missing' : 'order';
  }

  return /begins with|lacks|\bhas \S+ of \d+ messages/.test(text) ? 'missing'
    : /twice/.test(text) && !/joined/.test(text) ? 'twice'
      : /of the backend after/.test(text) ? 'order'
        : /join|left|sees|list|there/.test(text) ? 'roster' : 'other';
}

class Soak {
  constructor() {
    this.random = dice(seed);
    this.site = new Site();
    this.points = [];           // { kind, round, ... } of sizes()
  }

  async start() {
    await this.site.start(Number(args.workers), PACE);
    this.faults = new Faults(this.site, dice(seed + 1));
    this.traffic = this.site.places.map((place, i) =>
      new Traffic(place, dice(seed + 2 + i), PAUSE));
  }

  wrong() {
    const count = {
      missing: 0, twice: 0, order: 0, roster: 0, other: 0,
      log: this.site.wrong().length
    };

    for (const { crowd } of this.site.places) {
      crowd.faults.forEach((text) => { count[promise(text)]++; });
    }

    return count;
  }

  async row() {
    const { site, faults } = this;
    const now = await sizes(site);
    const t = Math.floor(elapsed());

    line([
      [t / 3600, t / 60 % 60, t % 60].map((n) =>
        String(Math.floor(n)).padStart(2, '0')).join(':'),
      site.sum((crowd) => crowd.open().length),
      site.sum((crowd) => crowd.received),
      ...KINDS.map(({ name }) => faults.count[name]),
      now.workers, now.sum, now.max, now.master, now.free, now.files,
      ...Object.values(this.wrong())
    ]);
  }

  /* the first thing wrong ends the run */
  check() {
    for (const { crowd, name } of this.site.places) {
      assert.deepEqual(crowd.faults.slice(0, 10), [], `zone ${name}`);
    }
    assert.deepEqual(this.site.wrong(), []);
  }

  async rows() {
    const every = Math.min(ROW, seconds / 5);

    for (let next = every; !this.done; ) {
      await delay(200);
      if (elapsed() >= next) {
        await this.row();
        next = elapsed() + every;
      }
    }
  }

  /* traffic with faults until then */
  async stretch(until, quiet) {
    this.traffic.forEach((traffic) => traffic.start());

    // each kind comes, and at last there is time for nothing but traffic

    do {
      await this.faults.strike(this.faults.next(quiet));
      this.check();
      await delay(Math.min(500 + this.random(4000),
        1000 * Math.max(0, until - elapsed())));
    } while (elapsed() < until);

    await Promise.all(this.traffic.map((traffic) => traffic.stop()));
    await this.site.settled();
    this.check();
  }

  /* those leave who are not to stay over the points of a round */
  async leave(stay) {
    await Promise.all(this.site.places.flatMap(({ crowd }) =>
      crowd.open().filter((member) => !stay.has(member))
        .map((member) => crowd.leave(member))));
    await this.site.counted();
    this.site.forget();
  }

  async point(kind, round) {
    const now = await sizes(this.site);

    this.points.push({ kind, round, ...now, time: elapsed() });
    console.log(`# ${kind} of round ${round}: master ${now.master} KB, ` +
      `workers ${now.sum} KB, the greatest ${now.max} KB, ` +
      `${now.files} files`);
  }

  /* new workers and nobody there but those who stay */
  async fresh(round) {
    const { site } = this;
    const stay = new Set();

    await this.leave(stay);
    await site.asAtTheStart();

    // the first ones leave behind what the next ones use again

    for (let i = 0; i < 3; i++) {
      await site.reload();
      await site.onlyNewest();
    }
    site.forgetLog();

    for (const { crowd, servers } of site.places) {
      for (let i = 0; i < STAY; i++) {
        stay.add(await crowd.join('all', {
          ngx: servers[i % servers.length]
        }));
      }
    }

    await site.counted();
    await this.point('fresh', round);

    return stay;
  }

  async round(round, from, to) {
    const stay = await this.fresh(round);
    const at = (part) => from + part * (to - from);

    await this.stretch(at(0.25), true);
    await this.leave(stay);
    await this.point('used', round);
    await this.stretch(at(0.5), true);
    await this.leave(stay);
    await this.point('old', round);
    await this.stretch(to, false);
  }

  async run() {
    const rounds = Math.max(1, Math.round(seconds / ROUND));

    for (let i = 0; i < rounds; i++) {
      await this.round(i + 1, i * seconds / rounds,
        (i + 1) * seconds / rounds);
    }

    await this.fresh(rounds + 1);
    await this.leave(new Set());
    await this.site.asAtTheStart();
    this.check();
  }

  /* points of the same kind that differ by too much */
  grown() {
    const of = (kind) => this.points.filter((p) => p.kind === kind);
    const fresh = of('fresh');
    const pairs = [
      ['new workers, at the start and at the end', fresh[0], fresh.at(-1)],
      ...of('used').map((p, i) => [
        `the same workers, round ${p.round}`, p, of('old')[i]])
    ];
    const bad = [];

    for (const [what, a, b] of pairs) {
      console.log(`${what}:`);
      for (const [name, more] of [
        ['master', BOUND], ['sum', BOUND * this.site.workers],
        ['max', BOUND], ['files', FILES]
      ]) {
        console.log(`    ${name.padEnd(7)} ${a[name]} -> ${b[name]}` +
          `, at most ${a[name] + more}`);
        if (b[name] > a[name] + more) {
          bad.push(`${name} has grown: ${what}`);
        }
      }
    }

    return bad;
  }

  async summary() {
    const { site, traffic, faults } = this;
    const total = (what) => traffic.reduce((n, t) => n + t[what], 0);

    console.log([
      `${elapsed().toFixed(0)} s`,
      `${site.sum((crowd) => crowd.received)} messages checked`,
      `${total('requests')} requests`,
      `${total('refused')} refused or lost with a worker`,
      `${Object.values(faults.count).reduce((a, b) => a + b)} faults`,
      `${site.reloads} reloads`
    ].join(', '));
  }
}

assert.ok(seconds > 0, 'seconds?');
console.log(`seed ${seed}, ${args.workers} workers, ${seconds} s`);
line(COLUMNS.map(([name]) => name));

const soak = new Soak();

try {
  await soak.start();

  const rows = soak.rows();

  await soak.run();
  soak.done = true;
  await rows;
  await soak.row();
  await soak.summary();

  const bad = soak.grown();

  await soak.site.stop();
  assert.deepEqual(bad, []);
  console.log('1 passed, 0 failed');
} catch (error) {
  console.log(error.message);
  console.log(error.stack);
  for (const { crowd } of soak.site.places ?? []) {
    console.log(crowd.faults.slice(0, 10).join('\n'));
  }
  if (soak.site.ngx) {
    console.log(soak.site.wholeLog().split('\n').slice(-40).join('\n'));
    console.log(`seed ${seed}, see ${soak.site.dir}`);
  }
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}

process.exit();
