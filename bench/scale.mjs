// Many connections: what a message costs among 1,000, 10,000 and 100,000 of
// them, and what 200,000 idle ones take of user, shared and kernel memory.
//
// One worker holds as many as it may open files; the rest are with others.
// Who is stopped accepts nobody, so each worker gets its clients from one load
// generator, while the others are stopped.

import { readFileSync } from 'node:fs';

import { rate, ratios, spread, table } from './figures.mjs';
import { hold, measure } from './generator.mjs';
import { filesFor } from './idle.mjs';
import { perConnection, userMemory } from './memory.mjs';
import { startOurs } from './nginx.mjs';
import { KEY } from './servers.mjs';

const SIZES = [1000, 10000, 100000];
const ACTIVE = 100;
const MOST = 1.15;
const ZONE = '96m';

const modes = [
  { name: 'few', label: `${ACTIVE} rooms speak`,
    args: [`--active=${ACTIVE}`] },
  { name: 'all', label: 'all rooms of the worker speak', args: [] }
];

const even = (n) => n - n % 2;

// Lets one worker accept while "during" runs; it says when all are in.
async function alone(running, pid, during) {
  const others = running.pids.filter((other) => other !== pid);
  const go = () => others.forEach((other) => process.kill(other, 'SIGCONT'));

  others.forEach((other) => process.kill(other, 'SIGSTOP'));

  try {
    return await during(go);

  } finally {
    go();
  }
}

// Splits n connections into what each worker gets.
function shares(n) {
  const most = even(filesFor(n));
  const workers = Math.ceil(n / most);
  const each = even(Math.ceil(n / workers));

  return Array.from({ length: workers }, (_, i) =>
    i === 0 ? each : Math.min(each, n - i * each));
}

// A source address has some 28,000 ports, and all load generators share them.
const generatorArgs = (parts, i) => ['--dialect=signaling', '--timeout=600',
  `--rooms=${parts[i] / 2}`,
  `--sources=${Math.ceil(parts.length * parts[0] / 10000)}`];

async function startFor(n, size) {
  const parts = shares(n);

  const running = await startOurs(KEY, ZONE, {
    workers: parts.length,
    connections: size ?? parts[0]
  });

  return { running, parts };
}

// Fills the workers from the n-th on.
async function fill({ running, parts }, from, note) {
  const held = [];

  for (let i = from; i < parts.length; i++) {
    held.push(await alone(running, running.pids[i],
      () => hold(running, generatorArgs(parts, i))));
    note(`${parts[i]} connections on worker ${i + 1} of ${parts.length}`);
  }

  return held;
}

async function measureOurs({ running, parts }, mode, seconds) {
  return alone(running, running.pids[0], (go) => measure(running,
    [...generatorArgs(parts, 0), '--mode=pingpong', `--seconds=${seconds}`,
      '--halves=room', ...mode.args],
    (line) => {
      if (line.half !== undefined) {
        return 'go on';
      }

      go();
    }));
}

async function measureFloor(running, n, mode, seconds) {
  return measure(running, ['--dialect=bare', '--mode=pingpong',
    `--rooms=${n / 2}`, `--seconds=${seconds}`, ...mode.args]);
}

async function measureCost({ chosen, rounds, seconds, note, progress }) {
  const floor = chosen.find((server) => server.name === 'floor');
  const instances = [];
  const held = [];
  const rows = [];
  let bare;

  try {
    bare = await floor?.start();

    for (const n of SIZES) {
      const instance = { n, ...await startFor(n) };

      instances.push(instance);
      held.push(...await fill(instance, 1, note));
    }

    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const instance of instances) {
          const { n } = instance;
          const add = (server, row) => {
            rows.push({ round, n, ...row, server: `${server} ${n}`,
                        mode: mode.name });
            progress(round, `${server}, ${n} connections, ${mode.label}`, row);
          };

          add('ours', await measureOurs(instance, mode, seconds));

          if (bare !== undefined && filesFor(n) === n) {
            add('floor', await measureFloor(bare, n, mode, seconds));
          }
        }
      }
    }

    for (const one of held) {
      await one.release();
    }

  } finally {
    for (const running of [bare, ...instances.map((i) => i.running)]) {
      await running?.stop();
    }
  }

  return rows;
}

// What the kernel has for itself; of both ends, since both are here.
function kernelMemory() {
  const text = readFileSync('/proc/meminfo', 'utf8');

  return ['Slab', 'PageTables', 'KernelStack'].reduce((sum, name) =>
    sum + 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]),
  0);
}

async function measureMany({ scale: n, note }) {
  const small = await startFor(n, 128);
  const before = userMemory(small.running.all);

  await small.running.stop();

  const instance = await startFor(n);
  const kernel = kernelMemory();

  try {
    const held = await fill(instance, 0, note);
    const after = userMemory(instance.running.all);

    const result = {
      connections: n,
      workers: instance.parts.length,
      before,
      after,
      ...perConnection(before, after, n),
      kernel: (kernelMemory() - kernel) / n
    };

    for (const one of held) {
      await one.release();
    }

    return result;

  } finally {
    await instance.running.stop();
  }
}

export const scale = {
  measure: async (run) => ({ cost: await measureCost(run),
                             many: await measureMany(run) }),

  // beside fewer connections, and how that is with the bare relay
  lines: ({ cost }) => modes.flatMap((mode) =>
    SIZES.slice(1).flatMap((n) => ['ours', 'floor'].map((server) => ({
      what: `${server === 'ours' ? 'cost' : 'the bare relay\'s cost'} of a `
        + `message, ${n} connections, ${mode.label}`,
      beside: `${SIZES[0]}`,
      value: ratios(cost, mode.name, `${server} ${n}`,
        `${server} ${SIZES[0]}`, (row) => 1 / rate(row)),
      most: server === 'ours' ? MOST : undefined
    }))).filter(({ value }) => value !== null)),

  text: ({ cost, many }) => {
    const cells = [['us of server CPU for a message',
      ...modes.flatMap(({ label }) => [label, 'min - max'])]];

    for (const server of new Set(cost.map((row) => row.server))) {
      cells.push([`${server} connections`, ...modes.flatMap((mode) => {
        const s = spread(cost.filter((row) => row.server === server
                                              && row.mode === mode.name)
          .map((row) => 1e6 / rate(row)));

        return [s.median.toFixed(2),
          `${s.min.toFixed(2)} - ${s.max.toFixed(2)}`];
      })]);
    }

    const bytes = (n) => [n.toFixed(0),
      `${(n * many.connections / 2 ** 20).toFixed(0)} MB`];

    return `${table(cells)}\n\n${table([
      [`${many.connections} idle joined connections, ${many.workers} workers`,
        'bytes of each', 'in all'],
      ['private memory of the workers', ...bytes(many.private)],
      ['shared memory', ...bytes(many.shared)],
      ['kernel, both ends', ...bytes(many.kernel)]
    ])}\n`;
  }
};
