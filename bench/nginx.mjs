// One nginx for a measurement: its configuration, its workers, on the
// server's core.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from
  'node:fs';
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';

import { freePort, start, until } from './process.mjs';
import { programs } from './programs.mjs';

const SPARE = 64;

function children(pid) {
  const file = `/proc/${pid}/task/${pid}/children`;

  return readFileSync(file, 'utf8').trim().split(/\s+/).filter(Boolean)
    .map(Number);
}

// A worker has its name once it is one.
function workersOf(pid) {
  return children(pid).filter((child) => {
    const file = `/proc/${child}/cmdline`;

    return existsSync(file) && readFileSync(file, 'utf8')
      .includes('worker process');
  });
}

function certificate(dir) {
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
    '-subj', '/CN=bench', '-keyout', `${dir}/key.pem`,
    '-out', `${dir}/cert.pem`], { encoding: 'utf8' });

  if (made.status !== 0) {
    throw new Error(`openssl: ${made.error?.message ?? made.stderr}`);
  }

  return `ssl_certificate ${dir}/cert.pem;
            ssl_certificate_key ${dir}/key.pem;
            ssl_protocols TLSv1.3;`;
}

function configuration(dir, port, options) {
  const { modules, http, location, connections, workers, tls, reuseport } =
    options;

  const user = process.getuid() === 0 ? 'user root;' : '';
  const flags = `${tls ? ' ssl' : ''}${reuseport ? ' reuseport' : ''}`;

  // When no more than a 16th of them is free nginx closes connections that
  // have not sent their request yet.
  const size = Math.ceil(connections * 1.07) + SPARE;

  return `
    ${modules.map((file) => `load_module ${file};`).join('\n    ')}
    ${user}
    daemon off;
    worker_processes ${workers};
    worker_rlimit_nofile ${size + SPARE};
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
            listen 127.0.0.1:${port}${flags} backlog=4096;
            ${tls ? certificate(dir) : ''}
            ${location}
        }
    }
`;
}

// "http" is given the directory that the server's files are in; it is removed
// when the server has stopped. "connections" is for each worker.
export async function startNginx(name, given) {
  const options = { workers: 1, tls: false, reuseport: false, ...given };
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-nginx-'));
  const clean = () => rmSync(dir, { recursive: true, force: true });

  process.once('exit', clean);

  try {
    writeFileSync(path.join(dir, 'nginx.conf'),
      configuration(dir, port, options));

    const server = await start(name, programs.nginx,
      ['-e', 'stderr', '-p', dir, '-c', path.join(dir, 'nginx.conf')], port);

    const workers = () => workersOf(server.pid);

    await until(`${name} has its workers`,
      () => workers().length === options.workers);

    return {
      ...server,
      dir,
      workers,
      pids: workers(),
      all: [server.pid, ...children(server.pid)],
      stop: async () => {
        // one that is stopped does not hear that it shall end
        workers().forEach((pid) => process.kill(pid, 'SIGCONT'));
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

const keyBlock = (id) => `
        publishable_key ${id} {
            origins        *;
            require_origin off;
            channels       **;
            actions        subscribe publish presence send;
        }`;

// Ours, as it is measured everywhere but in access.mjs.
export function startOurs(key, zone, options) {
  return startNginx('ours', {
    modules: [programs.module],
    http: () => `
        signaling_zone calls ${zone};
        ${keyBlock(key)}
    `,
    location: `
            location = /v1 {
                signaling      calls;
                signaling_rate off;
                signaling_ping 1h;
            }

            location = /status {
                signaling_status calls;
            }
    `,
    ...options
  });
}
