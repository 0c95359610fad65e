// How long a relayed message takes at half the rate at which one worker of
// ours is busy all the time, beside the peers at the same rate, and while
// something else goes on.

import { ratios, spread, table } from './figures.mjs';
import { hold, measure } from './generator.mjs';
import { startOurs } from './nginx.mjs';
import { KEY } from './servers.mjs';

const ROOMS = 100;
const LEAST_SECONDS = 3;
const SCRAPE_MS = 100;
const SMALL_ZONE = '4m';
const FULL = 0.9;
const MOST = 1.5;

const peers = ['uws', 'bun', 'floor', 'node', 'nchan'];

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks for the status all the time, for as long as "during" takes.
async function scraped(running, during) {
  let over = false;

  const scrape = (async () => {
    while (!over) {
      const answer = await fetch(
        `http://127.0.0.1:${running.port}/status?format=prometheus`);

      await answer.text();
      await wait(SCRAPE_MS);
    }
  })();

  try {
    return await during();

  } finally {
    over = true;
    await scrape;
  }
}

// One reload in the middle; those who are connected stay where they are.
async function reloaded(running, during, seconds) {
  const before = running.workers();
  const row = during();

  await wait(seconds * 500 + 500);
  process.kill(running.pid, 'SIGHUP');

  const result = await row;

  while (running.workers().some((pid) => before.includes(pid))) {
    await wait(20);
  }

  running.pids = running.workers();

  return result;
}

// "full" is an nginx whose zone has room for little more
const variants = [
  { name: 'ours', label: 'ngx_signaling', on: 'ours',
    run: (running, during) => during() },
  { name: 'scraped', label: 'the same, status scraped', on: 'ours',
    run: scraped },
  { name: 'full', label: 'the same, zone 90 % full', on: 'full',
    run: (running, during) => during() },
  { name: 'full+scraped', label: 'the same, both', on: 'full', run: scraped },
  { name: 'reload', label: 'the same, during a reload', on: 'ours',
    run: reloaded }
];

async function startFull(note) {
  const running = await startOurs(KEY, SMALL_ZONE, { connections: 18000 });
  const found = /holds (\d+) peers in rooms of two/.exec(running.said());

  if (found === null) {
    throw new Error(`no capacity in the log: ${running.said()}`);
  }

  const fill = 2 * Math.floor((Number(found[1]) * FULL - 2 * ROOMS) / 2);

  note(`${fill} connections fill a zone of ${SMALL_ZONE}`);

  return { running,
           held: await hold(running, ['--dialect=signaling',
             `--rooms=${fill / 2}`]) };
}

function paced(running, dialect, rate, seconds) {
  return measure(running, [`--dialect=${dialect}`, '--mode=paced',
    `--rooms=${ROOMS}`, `--rate=${rate}`, `--seconds=${seconds}`]);
}

// What one worker relays when it never waits, halved.
async function halfRate(running) {
  const row = await measure(running, ['--dialect=signaling',
    '--mode=pingpong', `--rooms=${ROOMS}`, '--seconds=2']);

  return Math.floor(row.messages / row.server_cpu / 2);
}

async function measureLatency({ chosen, rounds, seconds, note }) {
  const duration = Math.max(seconds, LEAST_SECONDS);
  const others = chosen.filter((server) => peers.includes(server.name));
  const ours = chosen.find((server) => server.name === 'ours');
  const running = new Map();
  const rows = [];
  let full;

  try {
    for (const server of [ours, ...others]) {
      running.set(server.name, await server.start(4 * ROOMS));
    }

    full = await startFull(note);
    running.set('full', full.running);

    const rate = await halfRate(running.get('ours'));

    note(`latency at ${rate} messages per second`);

    for (let round = 1; round <= rounds; round++) {
      const add = (server, label, row) => {
        rows.push({ server, round, ...row });
        note(`round ${round}/${rounds}, ${label}: `
          + `p99 ${row.latency_us.p99} us, max ${row.latency_us.max}`);
      };

      for (const variant of variants) {
        const on = running.get(variant.on);

        add(variant.name, variant.label, await variant.run(on,
          () => paced(on, 'signaling', rate, duration), duration));
      }

      for (const server of others) {
        add(server.name, server.label, await paced(running.get(server.name),
          server.dialect, rate, duration));
      }
    }

    await full.held.release();

  } finally {
    for (const server of running.values()) {
      await server.stop();
    }
  }

  return rows;
}

function latencyText(rows, { chosen }) {
  const shares = [['p50', 'p50'], ['p99', 'p99'], ['p99.9', 'p999'],
    ['max', 'max']];

  const cells = [['', ...shares.flatMap(([label]) => [label, 'min - max'])]];

  for (const name of new Set(rows.map((row) => row.server))) {
    const own = rows.filter((row) => row.server === name);

    cells.push([
      [...variants, ...chosen].find((v) => v.name === name).label,
      ...shares.flatMap(([, key]) => {
        const s = spread(own.map((row) => row.latency_us[key]));

        return [s.median, [s.min, s.max]].map((v) => [v].flat()
          .map((n) => n.toFixed(0)).join(' - '));
      })
    ]);
  }

  return `Latency in us at ${rows[0].rate} messages per second of 200 bytes, `
    + `${ROOMS} rooms of 2;\nmedian of ${rows.at(-1).round} rounds\n\n`
    + `${table(cells)}\n`;
}

function latencyLines(rows, { chosen }) {
  const other = ['uws', 'bun', 'floor'].find((name) =>
    rows.some((row) => row.server === name));

  const beside = chosen.find((server) => server.name === other)?.label;

  return other === undefined ? [] : variants.map((variant) => ({
    what: `p99, ${variant.label}`,
    beside,
    value: ratios(rows, 'paced', variant.name, other,
      (row) => row.latency_us.p99),
    most: other === 'floor' ? undefined : MOST
  }));
}

export const latency = {
  measure: measureLatency,
  lines: latencyLines,
  text: latencyText
};
