// Copyright (C) The ngx_signaling authors
//
// The site of the soak: one nginx with three zones, of which two are reached
// plain and over TLS.  Each zone has a crowd of its own; a worker serves all
// of them, so what happens to it happens to all crowds.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { Crowd } from '../crowd.mjs';
import { startNginx, unclean } from '../nginx.mjs';
import { children, reload } from '../processes.mjs';
import { certificate, KEYS, status, waitFor } from '../signaling.mjs';
import { ALL_KEYS, FILES } from '../token.mjs';
import { KILLED } from './model.mjs';

export const TURN_SECRET = 'north-star-secret';

// ms that a machine which is much too busy takes for things that do happen

export const PATIENCE = 120000;

const key = (id, channels) => `
  publishable_key pk_live_${id} {
    origins *; require_origin off; channels ${channels};
  }`;

/* the keys of a reload that takes rights away, before and after */
export const RIGHTS = [
  key('gone', '**') + key('less', '** x'), key('less', 'all')
];

// [emerg] of the configurations that nginx has to refuse

const ALLOW = [
  KILLED[0], /\[alert\] .* shared memory zone "\w+" was locked by \d+/,
  /invalid rate "of"/, /"signaling_zone calls" was made for/,
  /"signaling_max_message" was raised beyond what "signaling_zone call/
];

const PLACES = [
  { name: 'calls', zone: '32m', members: 36, rooms: 8, tls: true },
  { name: 'other', zone: '16m', members: 14, rooms: 4, tls: true },
  { name: 'small', members: 6, rooms: 2, message: 8 }
];

/*
 * KB of the zone that is filled again and again, and has fewer worker slots
 * than the others: some generations linger that need none in it.
 */
const little = (workers, message) =>
  2 * Math.max(8, 2 * workers + 2) * (4 * message + 48) + 256;

const locations = (zone) => `
  add_header X-Worker $pid always;
  location = /v1   { signaling ${zone}; signaling_ice_servers
                     $turn_ice_servers;
                     ${zone === 'small' ? '' : 'access_log off;'} }
  location = /slow { signaling ${zone}; signaling_send_buffer 512k; }
  location = /ping { signaling ${zone}; signaling_ping 1s grace=1s; }
  location = /pad  { signaling ${zone}; signaling_peer_metadata
                     '{"pad":"${'x'.repeat(3500)}"}'; }
  location /v1/    { signaling_api ${zone}; access_log off; }
  location = /turn { turn_credentials; limit_req zone=mint burst=1000 nodelay;
                     access_log off; }
  location = /status { signaling_status ${zone}; access_log off; }`;

const server = ({ name, tls, message = 64 }) => `
  server {
    signaling_max_message ${message}k;
    listen 127.0.0.1:${name === 'calls' ? '@PORT@' : `@PORT_${name}@`}
           reuseport sndbuf=64k;
    ${locations(name)}
  }
  ${tls ? `server {
    listen 127.0.0.1:@PORT_${name}_tls@ ssl reuseport sndbuf=64k;
    ${locations(name)}
  }` : ''}`;

// nobody is to be dropped because the machine is busy

const http = (places) => `
  ${KEYS}
  ${RIGHTS[0]}
  ${ALL_KEYS}
  ${places.map(({ name, zone }) => `signaling_zone ${name} ${zone};`)
    .join('\n')}
  signaling_rate  off;
  signaling_deflate on;
  signaling_drain 1s;
  signaling_ping  60s grace=60s;
  limit_req_zone  $binary_remote_addr zone=mint:1m rate=1000r/s;
  turn_server     stun:turn.example.com:3478 turn:turn.example.com:3478;
  turn_secret     ${TURN_SECRET};
  ssl_certificate     @DIR@/cert.pem;
  ssl_certificate_key @DIR@/key.pem;
  ${places.map(server).join('\n')}`;

export class Site {
  async start(workers, pace) {
    const places = PLACES.map((place) => ({
      zone: `${little(workers, place.message)}k`, ...place
    }));

    this.workers = workers;
    this.ngx = await startNginx({
      workers, level: 'notice', allow: ALLOW,
      main: 'env SIG_FAULT_FILE=@DIR@/fault;',
      http: http(places),
      files: {
        ...certificate(), ...FILES, fault: { text: '\0'.repeat(256) }
      }
    });
    this.dir = this.ngx.dir;
    this.pid = this.ngx.pid;
    this.mark = 0;
    this.reloads = 0;
    this.places = places.map((place) => this.place(place, pace));

    for (const place of this.places) {
      place.free = (await place.ngx.status()).memory_free_bytes;
    }
  }

  /* a zone with its servers and its crowd */
  place({ name, members, rooms, tls }, pace) {
    const { ports } = this.ngx;
    const at = (port, secure) => {
      const view = {
        ...this.ngx, port, tls: secure, errorLog: () => this.errorLog(),
        status: () => waitFor(() => status(view).catch(() => null),
          'answer', PATIENCE)       // whose worker may die
      };
      return view;
    };
    const plain = at(ports[name === 'calls' ? 'PORT' : `PORT_${name}`], false);
    const crowd = new Crowd(plain);

    crowd.pace = pace;

    return {
      name, members, crowd, ngx: plain,
      servers: tls ? [plain, at(ports[`PORT_${name}_tls`], true)] : [plain],
      rooms: Array.from({ length: rooms }, (_, i) => `room ${i}`)
    };
  }

  /* since mark: numbers of processes come again in the course of a day */
  errorLog() {
    return this.wholeLog().slice(this.mark);
  }

  wholeLog() {
    return fs.readFileSync(`${this.dir}/error.log`, 'utf8');
  }

  forgetLog() {
    this.mark = this.wholeLog().length;
  }

  /* what nginx should not have written, from the start on */
  wrong() {
    return unclean(this.ngx.errorLog(), ALLOW);
  }

  /* all workers, retired ones too */
  all() {
    return children(this.pid);
  }

  /* those that newcomers come to; another may have had the same number */
  current() {
    const log = this.errorLog();

    return this.all().filter((pid) =>
      log.lastIndexOf(`${pid}#${pid}: gracefully shutting down`) <=
      log.lastIndexOf(`start worker process ${pid}\n`));
  }

  async reload() {
    await reload({
      pid: this.pid, errorLog: () => this.errorLog(),
      reload: () => this.ngx.reload()
    });
    this.reloads++;
  }

  /*
   * Everybody there has to expect the end from now on.  Of those who were
   * killed before all has been said, and their numbers may come again.
   */
  doom(...pids) {
    for (const { crowd } of this.places) {
      crowd.expectEnd(crowd.on(...pids));
      crowd.backend.doubt(pids);
      crowd.killed.clear();
      pids.forEach((pid) => crowd.killed.add(pid));
    }
  }

  kill(...pids) {
    this.doom(...pids);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        assert.equal(error.code, 'ESRCH');      // it has just exited
      }
    }
  }

  /* the dead are replaced, and in no zone anybody is listed for them */
  async replaced() {
    await waitFor(async () => {
      const lists = await Promise.all(this.places.map(({ ngx, crowd }) =>
        ngx.status().then(({ workers }) =>
          workers.every(({ pid }) => !crowd.killed.has(pid)))));

      return lists.every(Boolean) && this.current().length >= this.workers;
    }, 'replacement of workers', PATIENCE);
  }

  /* the current workers have slots in all zones, so nobody is refused */
  async served() {
    let lists;

    await waitFor(async () => {
      lists = await Promise.all(this.places.map(({ ngx }) =>
        ngx.status().then(({ workers }) => workers)));

      return lists.every((workers) => this.current().every((pid) =>
        workers.some((worker) => worker.pid === pid)));
    }, 'slots for all workers', PATIENCE).catch((cause) => {
      throw new Error(`no slots for some of ${this.current()} in ` +
        JSON.stringify(lists), { cause });
    });
  }

  /* retired workers, once everybody there has left, go too */
  async onlyNewest() {
    await waitFor(() => this.all().length === this.workers,
      'exit of retired workers', PATIENCE);
  }

  /* the counters of all zones are those of the crowds */
  async counted() {
    for (const { crowd } of this.places) {
      await crowd.counted();
    }
  }

  /* with nobody there the zones are as at the start */
  async asAtTheStart() {
    await this.counted();

    for (const { name, ngx, free, crowd } of this.places) {
      assert.equal(crowd.open().length, 0);
      assert.equal((await ngx.status()).memory_free_bytes, free,
        `free bytes of zone ${name}`);
    }
  }

  /*
   * All is as the models have it, with the retired workers and then without
   * them; traffic has ended then.
   */
  async settled() {
    await Promise.all(this.places.map(({ crowd }) => crowd.quiet()));

    for (const { crowd } of this.places) {
      await crowd.settled(PATIENCE);
    }

    await this.moveOn();

    for (const { crowd } of this.places) {
      await crowd.rostersExact();
    }
  }

  /* who is with a retired worker leaves */
  async moveOn() {
    const current = this.current();

    await Promise.all(this.places.flatMap(({ crowd }) => crowd.open()
      .filter(({ worker }) => !current.includes(worker))
      .map((member) => crowd.leave(member))));
    await this.onlyNewest();
    await this.served();
  }

  /* what only those who are still there need to know */
  forget() {
    for (const { crowd } of this.places) {
      crowd.forget();
    }
  }

  sum(what) {
    return this.places.reduce((n, { crowd }) => n + what(crowd), 0);
  }

  async stop() {
    await this.ngx.stop();
  }
}

function smaps(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  } catch {
    return '';          // it has just gone
  }
}

function files(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/*
 * Memory in KB and open files.  The memory of a process is what is anonymous,
 * in which zones are not.  Of the sum of the workers what they still share
 * with the master is only their part.
 */
export async function sizes(site) {
  const kb = (pid, name) =>
    Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(smaps(pid))?.[1] ?? 0);
  const workers = site.all();
  const free = await Promise.all(site.places.map(({ ngx }) =>
    ngx.status().then((s) => s.memory_free_bytes >> 10)));

  return {
    master: kb(site.pid, 'Anonymous'),
    sum: workers.reduce((n, pid) => n + kb(pid, 'Pss_Anon'), 0),
    max: Math.max(...workers.map((pid) => kb(pid, 'Anonymous'))),
    free: free.reduce((a, b) => a + b),
    files: files(site.pid) + workers.reduce((n, pid) => n + files(pid), 0),
    workers: workers.length
  };
}
