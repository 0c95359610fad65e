// Where the programs are that a measurement needs, and which versions.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = path.join(here, '..', 'build');
const modules = process.env.BUILD_DIR || build;
const npm = path.join(here, 'node_modules');
const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;

export const programs = {
  load: path.join(build, 'bench', 'load'),
  floor: path.join(build, 'bench', 'floor'),
  capacity: path.join(build, 'bench', 'capacity'),
  module: path.join(modules, 'ngx_signaling_module.so'),
  turncred: path.join(modules, 'ngx_turncred_module.so'),
  nchan: '/usr/lib/nginx/modules/ngx_nchan_module.so',
  nginx: process.env.NGINX || '/usr/sbin/nginx',
  bun: path.join(npm, '@oven', `bun-linux-${arch}`, 'bin', 'bun'),

  // no package has it: see README.md
  uws: process.env.UWS_RELAY ?? null,

  peer: (name) => path.join(here, 'peers', `${name}.mjs`)
};

// A version, or null when it is not installed.
export function npmVersion(name) {
  const file = path.join(npm, name, 'package.json');

  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version
    : null;
}

// What a program says about itself; nothing when it is not there.
function said(command, ...args) {
  const child = spawnSync(command, args, { encoding: 'utf8' });

  return (child.status === 0 ? child.stdout || child.stderr : '').trim()
    .split('\n')[0];
}

// What was measured, for the record that is kept with the figures.
export function environment() {
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model.trim(),
    cores: os.cpus().length,
    kernel: os.release(),
    load: os.loadavg(),
    node: process.version,
    npm: Object.fromEntries(['ws', 'socket.io', 'peer', 'bun']
      .map((name) => [name, npmVersion(name)])),
    uws: programs.uws,
    nginx: said(programs.nginx, '-v'),
    nchan: said('dpkg-query', '-W', '-f', '${Version}', 'libnginx-mod-nchan')
      || null,
    revision: said('git', '-C', here, 'describe', '--always', '--dirty')
  };
}
