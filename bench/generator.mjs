// The load generator as a process beside the server.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { LOAD_CORE } from './process.mjs';
import { programs } from './programs.mjs';

function command(running, args) {
  return ['-c', String(LOAD_CORE), programs.load, `--port=${running.port}`,
    `--server-pid=${running.pids.join(',')}`, ...args];
}

function run(running, args) {
  const child = spawn('taskset', command(running, args),
    { stdio: ['pipe', 'pipe', 'pipe'] });

  const kill = () => child.kill('SIGKILL');
  let err = '';

  process.once('exit', kill);
  child.stdin.on('error', () => {});
  child.stderr.on('data', (text) => { err += text; });

  // resolves when it has ended well
  const closed = once(child, 'close').then(([code]) => {
    process.off('exit', kill);

    if (code !== 0) {
      throw new Error(`${err}${running.complaints()}`);
    }
  });

  closed.catch(() => {});

  return { child, closed, lines: createInterface({ input: child.stdout }) };
}

// One run with traffic. "heard" is told of each line that comes before the
// last one, and may answer by a line; see --halves.
export async function measure(running, args, heard) {
  const { child, closed, lines } = run(running, args);
  let row;

  for await (const line of lines) {
    row = JSON.parse(line);

    if (row.mode === undefined) {
      const answer = await heard?.(row);

      if (answer !== undefined) {
        child.stdin.write(`${answer}\n`);
      }
    }
  }

  await closed;

  return row;
}

// Opens connections and keeps them until release() is called.
export async function hold(running, args) {
  const { child, closed, lines } = run(running, ['--mode=idle', ...args]);

  const up = await Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(line)),
    closed.then(() => { throw new Error('it ended before all were up'); })
  ]);

  return {
    up,
    release: async () => {
      child.stdin.end();
      await closed;
    }
  };
}
