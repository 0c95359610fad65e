// Copyright (C) The ngx_signaling authors
//
// The processes of a nginx: its workers, which of them live and which are
// frozen, reloads, and a nginx that has left this process, as init scripts
// start it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { startSite, status, waitFor } from './signaling.mjs';

const BINARY = process.env.NGINX ?? '/usr/sbin/nginx';

function binary(pid) {
  try {
    return fs.readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;           // it has just gone
  }
}

/*
 * The living processes that nginx has made of itself: a sanitizer starts one
 * of another kind, to name the places that it reports.
 */
export function children(pid) {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');

  return text.split(' ').filter(Boolean).map(Number)
    .filter((child) => binary(child) === binary(pid));
}

function state(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')[0];
  } catch {
    return 'X';
  }
}

export function alive(pid) {
  return !/[XZ]/.test(state(pid));
}

/* stops or continues a process, and waits until it is so */
export async function freeze(pid, on = true) {
  process.kill(pid, on ? 'SIGSTOP' : 'SIGCONT');
  await waitFor(() => (state(pid) === 'T') === on, 'change of state');
}

/* rewrites the configuration for the next reload */
export function rewrite(ngx, ...changes) {
  const file = `${ngx.dir}/nginx.conf`;
  let text = fs.readFileSync(file, 'utf8');

  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `"${from}" is not in nginx.conf`);
    text = text.replace(from, to);
  }

  fs.writeFileSync(file, text);
}

/* reloads, and waits until the workers before have stopped listening */
export async function reload(ngx) {
  const retires = (pid) => !alive(pid) ||
    ngx.errorLog().includes(`${pid}#${pid}: gracefully shutting down`);
  const old = children(ngx.pid);

  await ngx.reload();
  await waitFor(() => old.every(retires), 'retirement');
}

/* the workers of all generations but the newest have gone */
export async function onlyNewest(ngx) {
  const { length } = ngx.workerPids();

  await waitFor(() => children(ngx.pid).length === length,
    'exit of retired workers');
}

/* a reload which nginx has to refuse with a line that fits */
export async function refusedReload(ngx, line) {
  const count = () => ngx.errorLog().split('\n')
    .filter((text) => line.test(text)).length;
  const before = count();

  process.kill(ngx.pid, 'SIGHUP');
  await waitFor(() => count() > before, `${line} in the log`);
}

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
