// Copyright (C) The ngx_signaling authors
//
// One cell of the matrix: a site, members on each of its workers, and what
// has to be so when the fault is over.  Who must be in which room, and which
// messages must have arrived, is known by Crowd; here is what must be left of
// it in nginx: nothing.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { Crowd } from '../crowd.mjs';
import { unclean } from '../nginx.mjs';
import { children, onlyNewest } from '../processes.mjs';
import { startSite, waitFor } from '../signaling.mjs';

// what nginx itself has to say of a death

export const KILLED = [
  /\[alert\] .* worker process \d+ exited on signal 9/,
  /\[alert\] .* shared memory zone "calls" was locked by \d+/
];

const EACH = 2;             // members on each worker

/* the same numbers for the same seed */
export function dice(seed) {
  let s = Math.imul(seed + 1, 2654435761) >>> 0;

  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor(s / 4294967296 * n);
  };
}

export class Scene {
  constructor({ load, workers, seed }) {
    this.load = load;
    this.workers = workers;
    this.random = dice(seed);
    this.notes = [];
  }

  /* starts nginx, with members on all workers; options of startSite() */
  async start(options) {
    await this.site(options);
    await this.spread();

    if (this.load) {
      this.crowd.traffic();
      await this.crowd.flow();
    }
  }

  async site({ location = '', start = startSite, ...options } = {}) {
    this.ngx = await start({
      modules: ['signaling'], workers: this.workers, zone: '32m',
      listen: 'reuseport', ...options,
      location: `signaling_rate off; ${location}`
    });
    this.crowd = new Crowd(this.ngx);
    this.allow = options.allow ?? [];
    this.free = (await this.ngx.status()).memory_free_bytes;
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  /*
   * Members on each of these workers as far as there are too few, in one
   * room of all, and each pair in a room of its own.
   */
  async spread(pids = this.current()) {
    const missing = () => pids.filter((pid) => this.here(pid) < EACH);

    await waitFor(async () => {
      const some = await Promise.all(Array.from(
        { length: Math.min(8, 2 * missing().length) },
        () => this.crowd.connect().catch(() => null)));

      await Promise.all(some.filter(Boolean).map(async (member) => {
        if (missing().includes(member.worker)) {
          member.counted = true;
          await member.enter('all');
          await member.enter(`of ${member.worker}`);
        } else {
          await this.crowd.leave(member);
        }
      }).map((p) => p.catch(() => {})));

      return missing().length === 0;
    }, 'members on all workers');
  }

  /* the workers that newcomers come to */
  current() {
    const log = this.ngx.errorLog();

    return children(this.ngx.pid).filter((pid) =>
      !log.includes(`${pid}#${pid}: gracefully shutting down`));
  }

  here(pid) {
    return this.crowd.on(pid).filter((m) => m.counted).length;
  }

  /* under load: until more has arrived */
  async breathe(n = 30) {
    if (this.load) {
      await this.crowd.flow(n);
    }
  }

  /* somebody comes to a room and goes; may fail where workers die */
  async visit(room = 'all') {
    const member = await this.crowd.join(room);

    await this.crowd.leave(member);
  }

  /* all is as the model has it, rooms work, and nothing is left behind */
  async over() {
    const { crowd, ngx } = this;

    await crowd.rostersExact();
    await crowd.counted();
    await this.spread();
    crowd.traffic();
    await crowd.flow();
    await crowd.settled();
    await crowd.end();
    await onlyNewest(ngx);
    await this.zero();
    await this.stop();
  }

  async zero() {
    let wrong;

    const nothing = (s) => Object.entries({
      connections: 0, peers: 0, channels: 0, members: 0, leaving: 0,
      memory_free_bytes: this.free
    }).filter(([name, value]) => s[name] !== value)
      .map(([name, value]) => `${name} is ${s[name]}, not ${value}`)
      .concat(s.workers.length === this.workers &&
        s.workers.every(({ connections }) => connections === 0)
        ? [] : [`workers ${JSON.stringify(s.workers)}`]);

    try {
      await waitFor(async () => {
        wrong = nothing(await this.ngx.status());
        return wrong.length === 0;
      }, 'counters at zero');
    } catch (error) {
      error.message += `: ${wrong.join(', ')}`;
      throw error;
    }
  }

  stop() {
    return this.ngx.stop({ allow: this.allow });
  }

  /* everybody has been told, closed with 1001, and lost nothing until then */
  async drained(members) {
    const { crowd } = this;

    await Promise.all(members.map((m) => m.closed));
    await crowd.quiet();
    assert.deepEqual(crowd.faults.slice(0, 10), []);
    assert.ok(members.every((m) => crowd.drained.includes(m)));
    assert.ok(members.every(({ going }) => going.retryAfterMs > 0));
  }
}

/* the end of a nginx that is no child of this process */
export async function stopDaemon(ngx, pid, allow = []) {
  process.kill(pid, 'SIGQUIT');
  await waitFor(() => !fs.existsSync(`/proc/${pid}`), 'exit');
  assert.deepEqual(unclean(ngx.errorLog(), allow), []);
  fs.rmSync(ngx.dir, { recursive: true });
}
