// Two workers: what a message costs when sender and receiver are on different
// ones, beside one that stays. A worker that is stopped accepts nobody, so
// whoever comes meanwhile is with the other one.

import { rate, ratios, table, thousands, spread } from './figures.mjs';
import { measure } from './generator.mjs';

const ROOMS = 100;

const modes = [
  { name: 'pingpong', label: 'one in flight, 200 B',
    args: ['--mode=pingpong', '--bytes=200'] },
  { name: 'window', label: '32 in flight, 200 B', most: 1.25,
    args: ['--mode=window', '--window=32', '--bytes=200'] },
  { name: 'window4k', label: '32 in flight, 4 KB', most: 1.25,
    args: ['--mode=window', '--window=32', '--bytes=4096'] }
];

const placements = [
  { name: 'same', label: 'on one worker', halves: 'room' },
  { name: 'cross', label: 'on two workers', halves: 'member' }
];

async function counts(running) {
  const answer = await fetch(
    `http://127.0.0.1:${running.port}/status?format=json`);

  return new Map((await answer.json()).workers
    .map(({ pid, connections }) => [pid, connections]));
}

async function place(running, mode, placement, seconds) {
  const [one, two] = running.pids;
  let placed;

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

async function measureCrossing({ chosen, rounds, seconds, progress }) {
  const ours = chosen.find((server) => server.name === 'ours');
  const running = await ours.start(4 * ROOMS, { workers: 2 });
  const rows = [];

  try {
    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const placement of placements) {
          const row = await place(running, mode, placement, seconds);

          rows.push({ round, ...row, mode: mode.name,
                      server: placement.name });
          progress(round, `${mode.label}, ${placement.label}`, row);
        }
      }
    }

  } finally {
    await running.stop();
  }

  return rows;
}

export const crossing = {
  measure: measureCrossing,

  lines: (rows) => modes.map((mode) => ({
    what: `server CPU of a message that crosses, ${mode.label}`,
    beside: 'that stays',
    value: ratios(rows, mode.name, 'cross', 'same', (row) => 1 / rate(row)),
    most: mode.most
  })),

  text: (rows) => {
    const cells = [['Two workers on one core',
      ...placements.map(({ label }) => label)]];

    for (const mode of modes) {
      cells.push([mode.label, ...placements.map(({ name }) => thousands(
        spread(rows.filter((row) => row.mode === mode.name
                                    && row.server === name)
          .map(rate)).median))]);
    }

    return `${table(cells)}\n`;
  }
};
