// Copyright (C) The ngx_signaling authors
//
// A nginx that has left this process, as init scripts start it.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { children } from './crowd.mjs';
import { startSite, status, waitFor } from './signaling.mjs';

const BINARY = process.env.NGINX ?? '/usr/sbin/nginx';

/*
 * A nginx that is no child of this process takes USR2; so what startSite()
 * has made is started once more, as a daemon.
 */
export async function startDaemon(options) {
  const model = await startSite(options);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ngx-daemon-'));
  const file = `${dir}/nginx.conf`;
  const env = { ...process.env };

  fs.cpSync(model.dir, dir, { recursive: true });
  await model.stop();
  fs.rmSync(`${dir}/nginx.pid`, { force: true });
  fs.writeFileSync(`${dir}/error.log`, '');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8')
    .replaceAll(model.dir, dir).replace('daemon off;', ''));
  fs.chmodSync(dir, 0o755);

  delete env.NGINX;     // nginx would take it for sockets to inherit

  const pid = (name = 'nginx.pid') => fs.existsSync(`${dir}/${name}`) &&
    Number(fs.readFileSync(`${dir}/${name}`, 'utf8'));

  const start = async () => {
    const child = spawn(
      BINARY, ['-p', dir, '-c', file, '-e', `${dir}/error.log`],
      { env, stdio: 'ignore' });

    await new Promise((resolve) => { child.once('exit', resolve); });
    await waitFor(() => pid(), 'start of nginx');
    return pid();
  };

  const ngx = {
    ...model, dir, pid: await start(), readPid: pid,

    /* once it has ended */
    again: async () => { ngx.pid = await start(); },

    workerPids: () => children(ngx.pid).slice(-model.workerPids().length),
    errorLog: () => fs.readFileSync(`${dir}/error.log`, 'utf8'),
    status: () => status(ngx)
  };

  return ngx;
}
