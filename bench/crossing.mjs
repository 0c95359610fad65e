// Two workers: what a message costs when sender and receiver are on different
// ones, beside one that stays. A worker that is stopped accepts nobody, so
// whoever comes meanwhile is with the other one.

import { spawnSync } from 'node:child_process';

import { rate, ratios, table, thousands, spread } from './figures.mjs';
import { measure } from './generator.mjs';
import { LOAD_CORE, SERVER_CORE, until } from './process.mjs';

const ROOMS = 100;
const MOST = 1.25;

const modes = [
  { name: 'pingpong', label: 'one in flight, 200 B',
    args: ['--mode=pingpong', '--bytes=200'] },
  { name: 'window', label: '32 in flight, 200 B',
    args: ['--mode=window', '--window=16', '--bytes=200'] },
  { name: 'window4k', label: '32 in flight, 4 KB',
    args: ['--mode=window', '--window=16', '--bytes=4096'] }
];

// On one core the workers take turns, and a wake may stop the one that sent it.
// On two the second one shares its core with the load generator.
const layouts = [
  { name: 'one core', cores: [SERVER_CORE, SERVER_CORE] },
  { name: 'two cores', cores: [SERVER_CORE, LOAD_CORE] }
];

const placements = [
  { name: 'same', label: 'on one worker', halves: 'room' },
  { name: 'cross', label: 'on two workers', halves: 'member' }
];

async function status(running) {
  const answer = await fetch(
    `http://127.0.0.1:${running.port}/status?format=json`);

  return answer.json();
}

// A worker that is stopped while it frees what the last ones have left would
// keep the zone's lock.
const empty = (running) => until('an empty zone', async () => {
  const { connections, members, leaving } = await status(running);

  return connections === 0 && members === 0 && leaving === 0;
});

const counts = async (running) => new Map((await status(running)).workers
  .map(({ pid, connections }) => [pid, connections]));

async function place(running, mode, placement, seconds) {
  const [one, two] = running.pids;
  let placed;

  await empty(running);
  process.kill(two, 'SIGSTOP');

  const row = await measure(running, ['--dialect=signaling', ...mode.args,
    `--rooms=${ROOMS}`, `--seconds=${seconds}`,
    `--halves=${placement.halves}`],
  async (line) => {
    if (line.half !== undefined) {
      process.kill(two, 'SIGCONT');
      process.kill(one, 'SIGSTOP');
      return 'go on';
    }

    process.kill(one, 'SIGCONT');
    placed = await counts(running);
  });

  if (placed?.get(one) !== ROOMS || placed.get(two) !== ROOMS) {
    throw new Error('the clients are not half and half: '
      + JSON.stringify([...placed ?? []]));
  }

  return row;
}

async function startOn(ours, cores) {
  const running = await ours.start(4 * ROOMS, { workers: cores.length });

  cores.forEach((core, i) => {
    spawnSync('taskset', ['-pc', String(core), String(running.pids[i])]);
  });

  return running;
}

async function measureCrossing({ chosen, rounds, seconds, progress }) {
  const ours = chosen.find((server) => server.name === 'ours');
  const running = new Map();
  const rows = [];

  try {
    for (const layout of layouts) {
      running.set(layout, await startOn(ours, layout.cores));
    }

    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const layout of layouts) {
          for (const placement of placements) {
            const row = await place(running.get(layout), mode, placement,
              seconds);

            rows.push({ round, ...row, mode: `${mode.name}, ${layout.name}`,
                        server: placement.name });
            progress(round,
              `${mode.label}, ${layout.name}, ${placement.label}`, row);
          }
        }
      }
    }

  } finally {
    for (const one of running.values()) {
      await one.stop();
    }
  }

  return rows;
}

export const crossing = {
  measure: measureCrossing,

  lines: (rows) => layouts.flatMap((layout) => modes.map((mode) => ({
    what: `server CPU of a message that crosses, ${mode.label}, `
      + `workers on ${layout.name}`,
    beside: 'that stays',
    value: ratios(rows, `${mode.name}, ${layout.name}`, 'cross', 'same',
      (row) => 1 / rate(row)),
    most: MOST
  }))),

  text: (rows) => {
    const cells = [['Messages per second of both workers\' CPU',
      ...placements.map(({ label }) => label)]];

    for (const layout of layouts) {
      for (const mode of modes) {
        cells.push([`${mode.label}, workers on ${layout.name}`,
          ...placements.map(({ name }) => thousands(spread(rows
            .filter((row) => row.mode === `${mode.name}, ${layout.name}`
                             && row.server === name)
            .map(rate)).median))]);
      }
    }

    return `${table(cells)}\n`;
  }
};
