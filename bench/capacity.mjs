// The module says at its start what a zone holds; the registry alone is then
// filled to see whether that is true.

import { spawnSync } from 'node:child_process';

import { spread } from './figures.mjs';
import { programs } from './programs.mjs';
import { ZONE } from './servers.mjs';

const LEAST = 100000;

async function measureCapacity({ chosen }) {
  const ours = chosen.find((server) => server.name === 'ours');
  const running = await ours.start(128);

  await running.stop();

  const found = /holds (\d+) peers in rooms of two, (\d+) worker slots/
    .exec(running.said());

  if (found === null) {
    throw new Error(`no capacity in the log: ${running.said()}`);
  }

  const child = spawnSync(programs.capacity, [found[1], found[2]],
    { encoding: 'utf8' });

  if (child.status !== 0) {
    throw new Error(`capacity: ${child.error?.message ?? child.stderr}`);
  }

  return JSON.parse(child.stdout);
}

export const capacity = {
  measure: measureCapacity,

  lines: (found) => [
    { what: `peers announced by a zone of ${ZONE}`, beside: '',
      value: spread([found.announced]), least: LEAST,
      format: (n) => n.toFixed(0) },
    { what: 'peers held, UUID names, rooms of two', beside: '',
      value: spread([found.held]), least: found.announced,
      format: (n) => n.toFixed(0) }
  ],

  text: (found) => `A zone of ${ZONE} holds ${found.held_long} peers when the `
    + 'rooms have UUID names too\n'
};
