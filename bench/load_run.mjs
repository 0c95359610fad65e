// The load generator as the tests run it: short, and impatient.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { programs } from './programs.mjs';

// "talk" gets each line with stdin; without it stdin is nothing.
export async function talkTo(port, talk, ...args) {
  const child = spawn(programs.load, [`--port=${port}`, '--warmup=0.1',
    '--seconds=0.3', '--timeout=5', ...args],
  { stdio: [talk === null ? 'ignore' : 'pipe', 'pipe', 'pipe'] });

  let out = '';
  let err = '';

  child.stdin?.on('error', () => {});
  child.stderr.on('data', (text) => { err += text; });

  child.stdout.on('data', (text) => {
    out += text;

    for (const line of String(text).split('\n').filter(Boolean)) {
      talk?.(JSON.parse(line), child.stdin);
    }
  });

  const [code] = await once(child, 'close');

  return { code, out, err };
}

export const load = (port, ...args) => talkTo(port, null, ...args);

// Until all are up, and no longer.
export const holdUntilUp = (port, ...args) => talkTo(port,
  (line, stdin) => stdin.end(), '--mode=idle', ...args);
