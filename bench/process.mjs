// Servers as processes: all listen on 127.0.0.1 and are pinned to one core.

import { spawn } from 'node:child_process';
import net from 'node:net';

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const DEADLINE_MS = 20000;

// A port below the range that outgoing connections take theirs from.
export async function freePort() {
  for (let i = 0; i < 100; i++) {
    const port = 20000 + Math.floor(Math.random() * 12000);

    const free = await new Promise((resolve) => {
      const probe = net.createServer();

      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });

    if (free) {
      return port;
    }
  }

  throw new Error('no free port between 20000 and 32000');
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');

    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

export async function until(what, condition) {
  const deadline = Date.now() + DEADLINE_MS;

  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`${what}: not after ${DEADLINE_MS / 1000} seconds`);
    }

    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Starts a program on the server's core and waits until it accepts.
export async function start(name, command, args, port) {
  const child = spawn('taskset', ['-c', String(SERVER_CORE), command, ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] });

  const exited = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  let over = false;

  child.stderr.on('data', (text) => { said += text; });
  exited.then(() => { over = true; });

  // A bench that is interrupted leaves nothing running behind it.
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);

  const server = {
    pid: child.pid,
    port,
    said: () => said,
    complaints: () => said.split('\n').filter((line) => line !== ''
      && !line.includes(' [notice] ')).join('\n'),
    stop: async () => {
      process.off('exit', kill);
      child.kill('SIGTERM');
      await exited;
    }
  };

  try {
    await until(`${name} accepts connections`, () => {
      if (over) {
        throw new Error(`${name} did not start: ${said}`);
      }

      return connects(port);
    });

  } catch (err) {
    kill();
    throw err;
  }

  return server;
}

// A server of one process.
export async function startAlone(name, command, args) {
  const port = await freePort();
  const server = await start(name, command,
    args.map((arg) => arg === 'PORT' ? String(port) : arg), port);

  return { ...server, pids: [server.pid], all: [server.pid] };
}
