// Messages, and connections that come and go: ours and its peers by turns.

import { goalLines, rate, spread, table, thousands } from './figures.mjs';
import { measure } from './generator.mjs';

const ROOMS = 100;
const FAN_ROOMS = 10;
const FAN_SIZE = 50;
const VISITORS = 256;
const CONNECTIONS = 1024;
const CONTEXT_ROUNDS = 3;

const two = (mode, bytes, ...more) => [`--mode=${mode}`, `--rooms=${ROOMS}`,
  `--bytes=${bytes}`, ...more];

// All clients acknowledge in the same way, whatever the dialect has asked of
// them before: see load_ack.c. By quick ACKs no server is charged.
const fan = (quickAcks) => ['--mode=fanout', `--rooms=${FAN_ROOMS}`,
  `--room-size=${FAN_SIZE}`, '--window=4', '--bytes=200',
  `--quick-acks=${quickAcks}`];

// "only" are the servers that have the mode at all, or are of interest in it.
// --window is what each of the two has under way.
const relayModes = [
  { name: 'pingpong', label: 'one in flight, 200 B',
    args: two('pingpong', 200) },
  { name: 'window', label: '32 in flight, 200 B',
    args: two('window', 200, '--window=16') },
  { name: 'deep', label: '64 in flight, 200 B',
    only: ['ours', 'batch', 'uws', 'node'],
    args: two('window', 200, '--window=32') },
  { name: 'acks', label: '32 in flight, 200 B, acks',
    only: ['ours', 'protocol'],
    args: two('window', 200, '--window=16', '--acks=on') },
  { name: 'window4k', label: '32 in flight, 4 KB',
    args: two('window', 4096, '--window=16') },
  { name: 'fanout', label: 'fan-out to 49, 200 B', rooms: FAN_SIZE,
    args: fan('on') },
  { name: 'late', label: 'fan-out to 49, 200 B, late ACKs', rooms: FAN_SIZE,
    only: ['ours', 'batch', 'uws', 'nchan'],
    args: fan('off') }
];

const joinedModes = [
  { name: 'connect', label: 'connect',
    args: ['--mode=connect', `--clients=${VISITORS}`] },
  { name: 'joined', label: 'connect and join',
    args: ['--mode=connect', `--clients=${VISITORS}`, '--join=on'] }
];

const relayGoals = [
  { mode: 'pingpong', other: 'floor', least: 0.95 },
  { mode: 'pingpong', other: 'uws' },
  { mode: 'pingpong', other: 'node' },
  { mode: 'pingpong', other: 'nchan' },
  { mode: 'window', other: 'batch' },
  { mode: 'window', other: 'uws', least: 0.6 },
  { mode: 'window', other: 'bun' },
  { mode: 'window', other: 'node', least: 12 },
  { mode: 'window', other: 'nchan' },
  { mode: 'window', other: 'protocol' },
  { mode: 'deep', other: 'batch' },
  { mode: 'deep', other: 'uws' },
  { mode: 'deep', other: 'node' },
  { mode: 'acks', other: 'protocol' },
  { mode: 'window4k', other: 'batch' },
  { mode: 'window4k', other: 'uws', least: 1.5 },
  { mode: 'window4k', other: 'bun' },
  { mode: 'window4k', other: 'node', least: 5 },
  { mode: 'fanout', other: 'batch' },
  { mode: 'fanout', other: 'uws', least: 0.95 },
  { mode: 'fanout', other: 'bun' },
  { mode: 'fanout', other: 'nchan', least: 3 },
  { mode: 'late', other: 'batch' },
  { mode: 'late', other: 'uws' },
  { mode: 'late', other: 'nchan' }
];

const joinedGoals = [
  { mode: 'connect', other: 'floor' },
  { mode: 'connect', other: 'uws' },
  { mode: 'connect', other: 'nchan' },
  { mode: 'connect', other: 'node' },
  { mode: 'joined', other: 'floor' },
  { mode: 'joined', other: 'uws' },
  { mode: 'joined', other: 'nchan', least: 1 },
  { mode: 'joined', other: 'node' }
];

function takesPart(server, mode, round, chosen) {
  return (chosen === undefined || chosen.includes(mode.name))
    && (mode.only === undefined || mode.only.includes(server.name))
    && (mode.rooms === undefined || server.rooms === undefined)
    && (!server.context || round <= CONTEXT_ROUNDS);
}

async function measureModes(modes, run) {
  const { chosen, rounds, seconds, progress } = run;
  const rows = [];
  const running = new Map();

  try {
    for (const server of chosen) {
      running.set(server, await server.start(CONNECTIONS));
    }

    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const server of chosen) {
          if (!takesPart(server, mode, round, run.modes)) {
            continue;
          }

          const row = await measure(running.get(server),
            [`--dialect=${server.dialect}`, `--seconds=${seconds}`,
              ...mode.args]);

          rows.push({ server: server.name, round, ...row, mode: mode.name });
          progress(round, `${mode.label}, ${server.label}`, row);
        }
      }
    }

  } finally {
    for (const server of running.values()) {
      await server.stop();
    }
  }

  return rows;
}

function modesTable(modes, rows, { chosen }) {
  const cells = [['', ...modes.map((mode) => mode.label)]];

  for (const server of chosen) {
    cells.push([server.label, ...modes.map((mode) => {
      const values = rows.filter((row) => row.server === server.name
                                          && row.mode === mode.name)
        .map(rate);

      return values.length === 0 ? '' : thousands(spread(values).median);
    })]);
  }

  return `${table(cells)}\n`;
}

function lines(modes, goals, rows, { chosen }) {
  const labelled = goals.map((goal) => ({
    ...goal, what: modes.find((mode) => mode.name === goal.mode).label
  }));

  return goalLines(labelled, rows, (name) =>
    chosen.find((server) => server.name === name).label);
}

export const relay = {
  measure: (run) => measureModes(relayModes, run),
  lines: (rows, run) => lines(relayModes, relayGoals, rows, run),
  text: (rows, run) => 'Messages delivered per second of server CPU; '
    + `${ROOMS} rooms of 2, fan-out in ${FAN_ROOMS} rooms of ${FAN_SIZE};\n`
    + `median of ${run.rounds} rounds of ${run.seconds} s `
    + `(${CONTEXT_ROUNDS} where a peer is there for context)\n\n`
    + modesTable(relayModes, rows, run)
};

export const joined = {
  measure: (run) => measureModes(joinedModes, run),
  lines: (rows, run) => lines(joinedModes, joinedGoals, rows, run),
  text: (rows, run) => 'Visits per second of server CPU: connect, join, '
    + `Close; ${VISITORS} clients, each with a\nroom of its own; median of `
    + `${run.rounds} rounds of ${run.seconds} s\n\n`
    + modesTable(joinedModes, rows, run)
};
