// Measures our module beside its peers, in one run, and prints one table.
//
//     node run.mjs [--quick] [--check] [--rounds=n] [--seconds=n]
//                  [--parts=relay,access,idle,capacity]
//                  [--servers=ours,floor,batch,node,nchan] [--idle=n]
//
// README.md says what is measured and how to read it.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { accessTable, measureAccess } from './access.mjs';
import { rate, ratios, spread, table, thousands, verdict } from
  './figures.mjs';
import { perConnection, userMemory } from './memory.mjs';
import { environment, LOAD_CORE, programs, servers, ZONE } from './servers.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    parts: { type: 'string', default: 'relay,access,idle,capacity' },
    servers: { type: 'string' },
    idle: { type: 'string', default: '10000' }
  }
});

const ROOMS = 100;
const BYTES = 200;
const CONNECTIONS = 512;
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));
const idle = Number(options.idle);
const parts = options.parts.split(',');

const modes = [
  { name: 'pingpong', label: 'one in flight', args: [] },
  { name: 'window', label: '32 in flight', args: ['--window=32'] }
];

const goals = [
  { mode: 'pingpong', other: 'floor', least: 0.8 },
  { mode: 'pingpong', other: 'node', least: 1.5 },
  { mode: 'pingpong', other: 'nchan' },
  { mode: 'window', other: 'floor' },
  { mode: 'window', other: 'batch' },
  { mode: 'window', other: 'node', least: 4 },
  { mode: 'window', other: 'nchan' }
];

const IDLE_MOST = 3 * 1024;
const CAPACITY_LEAST = 100000;

// What a program says about itself; nothing when it is not there.
function said(command, args) {
  const child = spawnSync(command, args, { encoding: 'utf8' });

  return child.status === 0 ? child.stdout || child.stderr : '';
}

function loadArguments(running, args) {
  return ['-c', String(LOAD_CORE), programs.load, `--port=${running.port}`,
    `--server-pid=${running.pids.join(',')}`, ...args];
}

function measure(running, args) {
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', loadArguments(running,
      [`--seconds=${seconds}`, ...args]),
    { stdio: ['ignore', 'pipe', 'pipe'] });

    let out = '';
    let err = '';

    child.stdout.on('data', (text) => { out += text; });
    child.stderr.on('data', (text) => { err += text; });

    child.once('close', (code) => {
      if (code !== 0) {
        reject(new Error(`${err}${running.complaints()}`));
        return;
      }

      resolve(JSON.parse(out));
    });
  });
}

// Opens that many connections, joined in rooms of two, calls "during" and
// closes them.
async function hold(server, running, connections, during) {
  const child = spawn('taskset', loadArguments(running,
    [`--dialect=${server.dialect}`, '--mode=idle',
      `--rooms=${connections / 2}`]), { stdio: ['pipe', 'pipe', 'pipe'] });

  let err = '';
  let up = false;

  child.stderr.on('data', (text) => { err += text; });

  const closed = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout });

  for await (const line of lines) {
    if (!up && JSON.parse(line).up === connections) {
      up = true;
      await during();
      child.stdin.end();
    }
  }

  if (await closed !== 0 || !up) {
    throw new Error(`${err}${running.complaints()}`);
  }
}

async function measureTraffic(chosen) {
  const rows = [];
  const running = new Map();

  try {
    for (const server of chosen) {
      running.set(server, await server.start(CONNECTIONS));
    }

    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const server of chosen) {
          const row = await measure(running.get(server),
            [`--dialect=${server.dialect}`, `--mode=${mode.name}`,
              `--rooms=${ROOMS}`, `--bytes=${BYTES}`, ...mode.args]);

          rows.push({ server: server.name, round, ...row });

          process.stderr.write(`round ${round}/${rounds}, ${mode.label}, `
            + `${server.label}: ${thousands(rate(row))} `
            + `at ${(100 * row.server_cpu / row.seconds).toFixed(0)} % CPU\n`);
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

// See memory.mjs for what is counted, and README.md for why two instances.
async function measureIdle(server) {
  const read = async (size, connections) => {
    const running = await server.start(size);

    try {
      let memory;

      // the first connections bring in code and pools that all later ones
      // share; they have gone when the reading begins
      await hold(server, running, 64, async () => {});

      if (connections === 0) {
        memory = userMemory(running.all);

      } else {
        await hold(server, running, connections, async () => {
          memory = userMemory(running.all);
        });
      }

      return memory;

    } finally {
      await running.stop();
    }
  };

  const before = await read(128, 0);
  const after = await read(idle + 128, idle);

  return { server: server.name, connections: idle, before, after,
           ...perConnection(before, after, idle) };
}

// The module says at its start what a zone holds; the registry alone is then
// filled to see whether that is true.
async function measureCapacity(server) {
  const running = await server.start(128);

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

function trafficTable(chosen, rows) {
  const cells = [['', ...modes.flatMap((mode) => [mode.label, 'min - max'])]];

  for (const server of chosen) {
    const line = [server.label];

    for (const mode of modes) {
      const s = spread(rows.filter((row) => row.server === server.name
                                            && row.mode === mode.name)
        .map(rate));

      line.push(thousands(s.median),
        `${thousands(s.min)} - ${thousands(s.max)}`);
    }

    cells.push(line);
  }

  return `Messages per second of server CPU; ${ROOMS} rooms of 2, `
    + `${BYTES} bytes, one core;\n`
    + `median of ${rounds} rounds of ${seconds} s\n\n${table(cells)}\n`;
}

function ratioTable(chosen, rows, misses) {
  const cells = [['Ours to', '', 'ratio', 'min - max', 'required', '']];

  for (const goal of goals) {
    const server = chosen.find((s) => s.name === goal.other);
    const mode = modes.find((m) => m.name === goal.mode);
    const r = ratios(rows, goal.mode, 'ours', goal.other);

    if (server === undefined || r === null) {
      continue;
    }

    const met = goal.least === undefined || r.median >= goal.least;

    if (!met) {
      misses.push(`${server.label}, ${mode.label}`);
    }

    cells.push([server.label, mode.label, r.median.toFixed(2),
      `${r.min.toFixed(2)} - ${r.max.toFixed(2)}`,
      goal.least === undefined ? '' : goal.least.toFixed(1),
      goal.least === undefined ? '' : verdict(met)]);
  }

  return cells.length === 1 ? '' : `${table(cells)}\n`;
}

function idleTable(chosen, rows, misses) {
  const cells = [['Bytes of an idle joined connection', 'private',
    'shared memory', 'sum', 'at most', '']];

  for (const row of rows) {
    const server = chosen.find((s) => s.name === row.server);
    const ours = row.server === 'ours';
    const met = row.sum <= IDLE_MOST;

    if (ours && !met) {
      misses.push('memory of an idle connection');
    }

    cells.push([server.label, ...[row.private, row.shared, row.sum]
      .map((n) => n.toFixed(0)), ours ? String(IDLE_MOST) : '',
    ours ? verdict(met) : '']);
  }

  return `${table(cells)}\n`;
}

function capacityLine(capacity, misses) {
  const met = capacity.announced >= CAPACITY_LEAST
    && capacity.held >= capacity.announced;

  if (!met) {
    misses.push('capacity of a zone');
  }

  return `A zone of ${ZONE}: ${capacity.announced} peers announced at start, `
    + `${capacity.held} held with UUID names in rooms\nof two, `
    + `${capacity.held_long} when the rooms have UUID names too `
    + `(required ${CAPACITY_LEAST}: ${verdict(met)})\n`;
}

function choose() {
  const names = options.servers?.split(',');
  const chosen = [];

  for (const server of servers) {
    if (names !== undefined && !names.includes(server.name)) {
      continue;
    }

    const missing = server.missing();

    if (missing === null) {
      chosen.push(server);
      continue;
    }

    if (server.name === 'ours') {
      throw new Error(missing);
    }

    process.stderr.write(`left out: ${server.label}: ${missing}\n`);
  }

  for (const name of names ?? []) {
    if (!servers.some((server) => server.name === name)) {
      throw new Error(`no server "${name}"`);
    }
  }

  return chosen;
}

function checkFiles() {
  const hard = Number(spawnSync('prlimit', ['--nofile', '-o', 'HARD',
    '--noheadings', '--raw', `--pid=${process.pid}`],
  { encoding: 'utf8' }).stdout);

  const need = Math.ceil(idle * 1.1) + 256;

  if (hard >= need) {
    return true;
  }

  const raised = spawnSync('prlimit', [`--nofile=${need}`,
    `--pid=${process.pid}`]);

  if (raised.status === 0) {
    return true;
  }

  process.stderr.write(`${idle} connections need ${need} open files, the `
    + `limit is ${hard} and can not be raised:\nthe memory of an idle `
    + 'connection is not measured (root may raise it, or take --idle=n)\n');

  return false;
}

async function main() {
  if (!(rounds >= 1 && seconds > 0 && idle >= 2 && idle % 2 === 0)) {
    throw new Error('--rounds, --seconds and --idle are positive numbers, '
                    + '--idle is even');
  }

  for (const part of parts) {
    if (!['relay', 'access', 'idle', 'capacity'].includes(part)) {
      throw new Error(`no part "${part}"`);
    }
  }

  const chosen = choose();
  const ours = chosen.find((server) => server.name === 'ours');
  const misses = [];
  const record = { environment: environment(said) };

  let text = '\n';

  if (parts.includes('relay')) {
    record.traffic = await measureTraffic(chosen);

    text += `${trafficTable(chosen, record.traffic)}\n`
      + `${ratioTable(chosen, record.traffic, misses)}\n`;
  }

  if (parts.includes('access') && ours !== undefined) {
    record.access = await measureAccess(rounds, measure);
    text += `${accessTable(record.access, rounds, seconds, misses)}\n`;
  }

  if (parts.includes('idle') && checkFiles()) {
    record.idle = [];

    for (const server of chosen.filter((s) => s.name !== 'batch')) {
      process.stderr.write(`${idle} idle connections, ${server.label}\n`);
      record.idle.push(await measureIdle(server));
    }

    text += `${idleTable(chosen, record.idle, misses)}\n`;
  }

  if (parts.includes('capacity') && ours !== undefined) {
    record.capacity = await measureCapacity(ours);
    text += `${capacityLine(record.capacity, misses)}\n`;
  }

  const out = path.join(here, 'out');
  const file = path.join(out,
    `${record.environment.date.replace(/[:.]/g, '-')}.json`);

  mkdirSync(out, { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);

  const e = record.environment;

  process.stdout.write(`${text}${e.cpu}, Linux ${e.kernel}, ${e.nginx}, `
    + `Node ${e.node}, ws ${e.ws}, nchan ${e.nchan}\n`
    + `revision ${e.revision}, `
    + `rows in ${path.relative(process.cwd(), file)}\n`);

  if (misses.length !== 0) {
    process.stdout.write(`missed: ${misses.join('; ')}\n`);
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
