// Presence storm: how much server CPU it takes until n members of one room
// have all learned of all.

import { spread, table } from './figures.mjs';
import { hold } from './generator.mjs';

const MEMBERS = 5000;
const ROUNDS = 3;
const MOST_SECONDS = 10;

async function measureCrowd({ chosen, note }) {
  const ours = chosen.find((server) => server.name === 'ours');
  const rows = [];

  for (let round = 1; round <= ROUNDS; round++) {
    const running = await ours.start(MEMBERS);

    try {
      const held = await hold(running, ['--dialect=signaling', '--rooms=1',
        `--room-size=${MEMBERS}`, `--opening=${MEMBERS}`, '--timeout=600']);

      rows.push({ round, members: MEMBERS, ...held.up });
      note(`round ${round}/${ROUNDS}, ${MEMBERS} join one room: `
        + `${held.up.server_cpu} s of server CPU, ${held.up.seconds} s`);

      await held.release();

    } finally {
      await running.stop();
    }
  }

  return rows;
}

export const crowd = {
  measure: measureCrowd,

  lines: (rows) => [{
    what: `${MEMBERS} join one room, seconds of server CPU`,
    beside: '',
    value: spread(rows.map((row) => row.server_cpu)),
    most: MOST_SECONDS
  }],

  text: (rows) => {
    const s = spread(rows.map((row) => row.seconds));

    return `${table([[`${MEMBERS} join one room; each has learned of all `
      + 'others after', `${s.median.toFixed(1)} s`,
    `${s.min.toFixed(1)} - ${s.max.toFixed(1)}`]])}\n`;
  }
};
