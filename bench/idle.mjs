// What an idle connection takes: plain, after it has relayed, and over TLS.
// memory.mjs says what is counted, README.md why there are two instances.

import { spawnSync } from 'node:child_process';

import { spread, table } from './figures.mjs';
import { hold } from './generator.mjs';
import { perConnection, userMemory } from './memory.mjs';

const kinds = [
  { name: 'plain', label: 'joined', most: 1024, args: [] },
  { name: 'relayed', label: 'joined, has relayed 4 KB', most: 1024,
    args: ['--bytes=4096', '--say=1'] },
  { name: 'tls', label: 'joined, TLS 1.3', most: 14 * 1024, tls: true,
    args: ['--tls=on'] },
  { name: 'tls-relayed', label: 'joined, TLS 1.3, has relayed 4 KB', tls: true,
    args: ['--tls=on', '--bytes=4096', '--say=1'] }
];

async function read(server, kind, size, connections) {
  const running = await server.start(size, { tls: kind.tls ?? false });

  const come = (n) => hold(running, [`--dialect=${server.dialect}`,
    `--rooms=${n / 2}`, ...kind.args]);

  try {
    // the first connections bring in code and pools that all later ones
    // share; they have gone when the reading begins
    await (await come(64)).release();

    if (connections === 0) {
      return userMemory(running.all);
    }

    const held = await come(connections);
    const memory = userMemory(running.all);

    await held.release();

    return memory;

  } finally {
    await running.stop();
  }
}

async function measureIdle({ chosen, connections, note }) {
  const rows = [];

  for (const kind of kinds) {
    for (const server of chosen) {
      if (server.shares !== undefined || (kind.tls && !server.tls)) {
        continue;
      }

      note(`${connections} idle connections, ${kind.label}, ${server.label}`);

      const before = await read(server, kind, 128, 0);
      const after = await read(server, kind, connections + 128, connections);

      rows.push({ kind: kind.name, server: server.name, connections, before,
                  after, ...perConnection(before, after, connections) });
    }
  }

  return rows;
}

function idleText(rows, { chosen, connections }) {
  const cells = [[`Bytes of an idle connection, of ${connections}`, '',
    'private', 'shared memory', 'sum']];

  for (const row of rows) {
    cells.push([
      kinds.find((kind) => kind.name === row.kind).label,
      chosen.find((server) => server.name === row.server).label,
      ...[row.private, row.shared, row.sum].map((n) => n.toFixed(0))
    ]);
  }

  return `${table(cells)}\n`;
}

function idleLines(rows) {
  return rows.filter((row) => row.server === 'ours').map((row) => {
    const kind = kinds.find(({ name }) => name === row.kind);

    return { what: `bytes of an idle connection, ${kind.label}`, beside: '',
             value: spread([row.sum]), most: kind.most,
             format: (n) => n.toFixed(0) };
  });
}

// How many connections a process may have open here, of those wanted.
export function filesFor(wanted) {
  const limit = Number(spawnSync('prlimit', ['--nofile', '-o', 'HARD',
    '--noheadings', '--raw', `--pid=${process.pid}`],
  { encoding: 'utf8' }).stdout);

  const need = Math.ceil(wanted * 1.1) + 256;

  if (limit >= need || spawnSync('prlimit', [`--nofile=${need}`,
    `--pid=${process.pid}`]).status === 0)
  {
    return wanted;
  }

  return Math.floor((limit - 256) / 1.1);
}

export const idle = {
  reason: ({ connections }) => filesFor(connections) === connections ? null
    : `${connections} connections need more open files than the limit, which `
      + 'can not be raised\n(root may raise it, or take --idle=n)',
  measure: measureIdle,
  lines: idleLines,
  text: idleText
};
