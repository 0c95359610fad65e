// Measures our module beside its peers, in one run, and prints one table.
//
//     node run.mjs [--quick] [--check] [--rounds=n] [--seconds=n]
//                  [--parts=relay,joined,access,latency,idle,crowd,crossing,
//                   capacity,scale]
//                  [--servers=ours,floor,batch,uws,bun,nchan,node,protocol,
//                   socketio,peerserver] [--idle=n] [--scale=n]
//                  [--modes=pingpong,window,deep,acks,window4k,fanout,late,
//                   connect,joined]
//
// README.md says what is measured and how to read it.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { accessLines, accessTable, measureAccess } from './access.mjs';
import { capacity } from './capacity.mjs';
import { crossing } from './crossing.mjs';
import { crowd } from './crowd.mjs';
import { isMet, rate, requirementRow, table, thousands } from './figures.mjs';
import { idle } from './idle.mjs';
import { latency } from './latency.mjs';
import { environment } from './programs.mjs';
import { scale } from './scale.mjs';
import { servers } from './servers.mjs';
import { joined, relay } from './traffic.mjs';

// each server and each load generator is ended when we are
process.setMaxListeners(100);

const here = path.dirname(fileURLToPath(import.meta.url));

const access = {
  measure: measureAccess,
  lines: accessLines,
  text: accessTable
};

// Each measures into rows that are kept, and makes of them a text and lines of
// the last table. A part may have a reason for which it is left out.
const parts = { relay, joined, access, latency, idle, crowd, crossing,
                capacity, scale };

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    parts: { type: 'string',
             default: 'relay,joined,access,latency,idle,crowd,crossing,'
               + 'capacity' },
    servers: { type: 'string' },
    modes: { type: 'string' },
    idle: { type: 'string', default: '10000' },
    scale: { type: 'string', default: '200000' }
  }
});

function note(text) {
  process.stderr.write(`${text}\n`);
}

function choose() {
  const names = options.servers?.split(',');
  const chosen = [];

  for (const name of names ?? []) {
    if (!servers.some((server) => server.name === name)) {
      throw new Error(`no server "${name}"`);
    }
  }

  for (const server of servers) {
    if (names !== undefined && !names.includes(server.name)) {
      continue;
    }

    const missing = server.missing();

    if (missing === null) {
      chosen.push(server);

    } else if (server.name === 'ours') {
      throw new Error(missing);

    } else {
      note(`left out: ${server.label}: ${missing}`);
    }
  }

  return chosen;
}

function settings() {
  const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));

  const run = {
    rounds,
    seconds: Number(options.seconds ?? (options.quick ? 0.5 : 2)),
    connections: Number(options.idle),
    scale: Number(options.scale),
    modes: options.modes?.split(','),
    chosen: choose(),
    note,
    progress: (round, label, row) => note(`round ${round}/${rounds}, `
      + `${label}: ${thousands(rate(row))} at `
      + `${(100 * row.server_cpu / row.seconds).toFixed(0)} % CPU`)
  };

  if (!(run.rounds >= 1 && run.seconds > 0 && run.connections >= 2
        && run.connections % 2 === 0 && run.scale >= 1000))
  {
    throw new Error('--rounds, --seconds, --idle and --scale are positive '
                    + 'numbers, --idle is even, --scale 1000 or more');
  }

  if (run.chosen[0]?.name !== 'ours') {
    throw new Error('--servers has to have "ours"');
  }

  return run;
}

function keep(record) {
  const out = path.join(here, 'out');
  const file = path.join(out,
    `${record.environment.date.replace(/[:.]/g, '-')}.json`);

  mkdirSync(out, { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);

  return path.relative(process.cwd(), file);
}

function lastTable(lines) {
  return table([['Ours', 'beside', 'median', 'min - max', 'required', ''],
    ...lines.map(requirementRow)]);
}

function footer(e, file) {
  const npm = Object.entries(e.npm).filter(([, version]) => version !== null)
    .map(([name, version]) => `${name} ${version}`).join(', ');

  return `${e.cpu}, Linux ${e.kernel}, load ${e.load[0].toFixed(2)}, `
    + `${e.nginx}, nchan ${e.nchan},\nNode ${e.node}, ${npm}\n`
    + `revision ${e.revision}, rows in ${file}\n`;
}

async function main() {
  const names = options.parts.split(',');
  const unknown = names.find((name) => !Object.hasOwn(parts, name));

  if (unknown !== undefined) {
    throw new Error(`no part "${unknown}"`);
  }

  const run = settings();
  const record = { environment: environment() };
  const lines = [];
  let file;

  for (const name of names) {
    const part = parts[name];
    const reason = part.reason?.(run) ?? null;

    if (reason !== null) {
      note(`left out: ${name}: ${reason}`);
      continue;
    }

    record[name] = await part.measure(run);
    file = keep(record);

    process.stdout.write(`\n${part.text(record[name], run)}\n`);
    lines.push(...part.lines(record[name], run));
  }

  const missed = lines.filter((line) => !isMet(line));

  process.stdout.write(`${lastTable(lines)}\n\n`
    + footer(record.environment, file));

  if (missed.length !== 0) {
    process.stdout.write(`missed: ${missed.map(({ what, beside }) =>
      beside === '' ? what : `${what}, beside ${beside}`).join('; ')}\n`);
    process.exitCode = options.check ? 1 : 0;
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}

main().catch((err) => {
  process.stderr.write(`bench: ${err.message}\n`);
  process.exit(1);
});
