// Copyright (C) The ngx_signaling authors
//
// The matrix: faults x {idle, load} x {1, 2, 8 workers} x {plain, TLS}.
//
//     node matrix.mjs [--full | --once] [--jobs N] [--only NAME]
//
// Without --full each fault meets each number of workers, idle and load, and
// plain and TLS: three cells for a fault, the same ones in every run.  With
// --once it is the one of these with two workers.
//
// Who names a BUILD_DIR names modules with fault points.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { FAULTS } from './faults.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const BUILD = path.join(HERE, '../../build');
const WORKERS = [1, 2, 8];
const TIMEOUT = 180000;       // of a cell that hangs

const { values: args } = parseArgs({
  options: {
    full: { type: 'boolean' },
    once: { type: 'boolean' },
    jobs: { type: 'string', default: '3' },
    only: { type: 'string' }
  }
});

/* all cells, or those that go through each pair with the fault */
function cells() {
  return FAULTS.filter(({ name }) => !args.only || name === args.only)
    .flatMap((fault) => {
      const n = FAULTS.indexOf(fault);

      if (args.full) {
        return WORKERS.flatMap((workers) => ['idle', 'load'].flatMap((load) =>
          [0, 1].map((tls) => ({ fault, workers, load, tls }))));
      }

      return WORKERS.map((workers, i) => ({
        fault, workers, load: (n + i) % 2 ? 'load' : 'idle',
        tls: ((n >> 1) + (i > 0) + n) % 2
      })).filter(({ workers }) => !args.once || workers === 2);
    });
}

/* the same dice in every run, others in each cell */
function seed({ fault, workers, load, tls }) {
  return FAULTS.indexOf(fault) * 100 + workers * 4 + (load === 'load') * 2 +
    tls;
}

function run(cell) {
  const { fault, workers, load, tls } = cell;
  const env = { ...process.env, TLS: String(tls) };
  const started = Date.now();

  if (fault.inside) {
    env.BUILD_DIR ??= path.join(BUILD, 'chaos/fault');
  }
  if (fault.clock) {
    env.NGINX_REAL = env.NGINX ?? '/usr/sbin/nginx';
    env.NGINX = path.join(HERE, 'nginx_clock.sh');
  }

  return new Promise((resolve) => {
    const child = spawn(process.execPath,
      [path.join(HERE, 'cell.mjs'), fault.name, load, workers,
        seed(cell)],
      { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';

    // its own nginx goes with it
    const timer = setTimeout(() => child.kill('SIGTERM'), TIMEOUT);

    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (part) => { text += part; });
    }

    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({
        good: code === 0, text, seconds: (Date.now() - started) / 1000
      });
    });
  });
}

function line(cell, { good, text, seconds }) {
  const { received, notes } = good
    ? JSON.parse(text.trim().split('\n').at(-1)) : { received: '', notes: [] };

  console.log([
    cell.fault.name.padEnd(20), cell.load, String(cell.workers).padStart(2),
    cell.tls ? 'tls  ' : 'plain', good ? 'ok    ' : 'FAILED',
    seconds.toFixed(1).padStart(6), String(received).padStart(8),
    '', notes.join('; ')
  ].join(' ').trimEnd());

  if (!good) {
    console.log(text.replace(/^/gm, '    '));
  }
}

const queue = cells();
let failed = 0;

console.log('fault                load wk      result      s messages');

const { length } = queue;

await Promise.all(Array.from({ length: Number(args.jobs) }, async () => {
  while (queue.length) {
    const cell = queue.shift();
    const result = await run(cell);

    failed += !result.good;
    line(cell, result);
  }
}));

console.log(`${length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
