// The servers that are measured: how each is started, and which of its
// processes do the work. All listen on 127.0.0.1 and are pinned to one core.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync,
         writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = path.join(here, '..', 'build');
const modules = process.env.BUILD_DIR || build;

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
export const ZONE = '64m';
export const KEY = 'pk_live_bench';

export const programs = {
  load: path.join(build, 'bench', 'load'),
  floor: path.join(build, 'bench', 'floor'),
  capacity: path.join(build, 'bench', 'capacity'),
  module: path.join(modules, 'ngx_signaling_module.so'),
  turncred: path.join(modules, 'ngx_turncred_module.so'),
  nchan: '/usr/lib/nginx/modules/ngx_nchan_module.so',
  nginx: process.env.NGINX || '/usr/sbin/nginx',
  ws: path.join(here, 'node_modules', 'ws', 'package.json')
};

const DEADLINE_MS = 10000;

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

async function until(what, condition) {
  const deadline = Date.now() + DEADLINE_MS;

  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`${what}: not after ${DEADLINE_MS / 1000} seconds`);
    }

    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Starts a program on the server's core and waits until it accepts.
async function start(name, command, args, port) {
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

function children(pid) {
  const file = `/proc/${pid}/task/${pid}/children`;

  return readFileSync(file, 'utf8').trim().split(/\s+/).filter(Boolean)
    .map(Number);
}

function isWorker(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .includes('worker process');
}

// "http" is given the directory that the server's files are in; it is removed
// when the server has stopped.
export async function startNginx(name, modules, http, location, connections) {
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-nginx-'));
  const user = process.getuid() === 0 ? 'user root;' : '';

  // When no more than a 16th of them is free nginx closes connections that
  // have not sent their request yet.
  const size = Math.ceil(connections * 1.07) + 64;

  writeFileSync(path.join(dir, 'nginx.conf'), `
    ${modules.map((file) => `load_module ${file};`).join('\n    ')}
    ${user}
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile ${size + 64};
    pid ${dir}/nginx.pid;
    error_log stderr notice;

    events {
        worker_connections ${size};
    }

    http {
        access_log off;
        client_body_temp_path ${dir}/body;
        proxy_temp_path ${dir}/proxy;
        fastcgi_temp_path ${dir}/fastcgi;
        uwsgi_temp_path ${dir}/uwsgi;
        scgi_temp_path ${dir}/scgi;
        ${http(dir)}

        server {
            listen 127.0.0.1:${port} backlog=4096;
            ${location}
        }
    }
`);

  const clean = () => rmSync(dir, { recursive: true, force: true });

  process.once('exit', clean);

  try {
    const server = await start(name, programs.nginx,
      ['-e', 'stderr', '-p', dir, '-c', path.join(dir, 'nginx.conf')], port);

    await until(`${name} has a worker`,
      () => children(server.pid).some(isWorker));

    return {
      ...server,
      dir,
      pids: children(server.pid).filter(isWorker),
      all: [server.pid, ...children(server.pid)],
      stop: async () => {
        await server.stop();
        process.off('exit', clean);
        clean();
      }
    };

  } catch (err) {
    process.off('exit', clean);
    clean();
    throw err;
  }
}

async function startAlone(name, command, args, port) {
  const server = await start(name, command, args, port);

  return { ...server, pids: [server.pid], all: [server.pid] };
}

// "connections" is how many the server shall be able to hold: nginx allocates
// its connection structures beforehand.
export const servers = [
  {
    name: 'ours',
    label: 'ngx_signaling, one worker',
    dialect: 'signaling',
    missing: () => existsSync(programs.module) ? null
      : `${programs.module} is not built: run "make"`,
    start: (connections) => startNginx('ours', [programs.module],
      () => `
        signaling_zone calls ${ZONE};

        publishable_key ${KEY} {
            origins        *;
            require_origin off;
            channels       **;
            actions        subscribe publish presence send;
        }
    `, `
            location = /v1 {
                signaling      calls;
                signaling_rate off;
            }
    `, connections)
  },
  {
    name: 'floor',
    label: 'bare epoll relay',
    dialect: 'bare',
    missing: () => null,
    start: async () => {
      const port = await freePort();

      return startAlone('floor', programs.floor, [String(port)], port);
    }
  },
  {
    name: 'batch',
    label: 'the same, batching',
    dialect: 'bare',
    missing: () => null,
    start: async () => {
      const port = await freePort();

      return startAlone('batch', programs.floor, [String(port), 'batch'],
        port);
    }
  },
  {
    name: 'node',
    label: 'Node ws',
    dialect: 'nodews',
    missing: () => existsSync(programs.ws) ? null
      : 'npm ws is not installed: run "npm ci" in bench/',
    start: async () => {
      const port = await freePort();

      return startAlone('node', process.execPath,
        [path.join(here, 'relay.mjs'), String(port)], port);
    }
  },
  {
    name: 'nchan',
    label: 'nchan, one worker',
    dialect: 'nchan',
    missing: () => existsSync(programs.nchan) ? null
      : 'nchan is not installed: apt-get install libnginx-mod-nchan',

    // One channel for each direction. The buffer holds the messages that may
    // be in flight; without any, nchan 1.3.6 fails with 32 in flight.
    start: (connections) => startNginx('nchan', [programs.nchan],
      () => `
        nchan_max_reserved_memory 256m;
    `, `
            location ~ ^/nchan/([0-9-]+)/([0-9-]+)$ {
                nchan_pubsub                   websocket;
                nchan_subscriber_channel_id    $1;
                nchan_publisher_channel_id     $2;
                nchan_subscriber_first_message newest;
                nchan_message_buffer_length    32;
                nchan_message_timeout          5s;
            }
    `, connections)
  }
];

// What was measured, for the record that is kept with the figures.
export function environment(said) {
  const first = (text) => (text ?? '').trim().split('\n')[0];

  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model.trim(),
    cores: os.cpus().length,
    kernel: os.release(),
    node: process.version,
    ws: existsSync(programs.ws)
      ? JSON.parse(readFileSync(programs.ws, 'utf8')).version : null,
    nginx: first(said(programs.nginx, ['-v'])),
    nchan: first(said('dpkg-query',
      ['-W', '-f', '${Version}', 'libnginx-mod-nchan'])) || null,
    revision: first(said('git', ['-C', here, 'describe', '--always',
      '--dirty']))
  };
}
