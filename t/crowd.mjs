// Copyright (C) The ngx_signaling authors
//
// Members of rooms, and a model beside them which knows who must be in which
// room and which numbered messages must have arrived, exactly once and in
// order.  The model believes nothing that the server says about itself: it
// compares what each member was told with what the others have done.
//
// What counts as a fault is noted the moment it is seen; settled() waits
// until everything that must have arrived has, and then wants no faults.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { Member } from './member.mjs';
import { baseUrl, waitFor } from './signaling.mjs';

const WINDOW = 4;         // messages of one member on their way

export class Crowd {
  constructor(ngx) {
    this.ngx = ngx;
    this.known = new Map();     // everybody there ever was, by peer ID
    this.faults = [];
    this.drained = [];          // in the order of their closes
    this.unfound = [];          // members to whom nobody could send
    this.killed = new Set();    // workers
    this.received = 0;
    this.busy = false;
    this.pace = 5;              // ms between the messages of a turn
    this.backend = null;        // who publishes by HTTP
  }

  open() {
    return [...this.known.values()].filter((m) => m.state === 'open');
  }

  in(room) {
    return [...this.known.values()].filter((m) => m.stays(room));
  }

  rooms() {
    return new Set(this.open().flatMap((m) => [...m.views.keys()]));
  }

  /*
   * Connects a new member; options as for Client, "ngx" of another server of
   * the zone, "doomed" for one who may be closed at any time.
   */
  async connect({
    ngx = this.ngx, key = 'pk_live_all', path = '/v1', query = `key=${key}`,
    doomed = false, ...rest
  } = {}) {
    const member = new Member(
      this, `${baseUrl(ngx)}${path}?${query}`, rest);

    if (doomed) {
      this.expectEnd([member]);
    }

    // by an ID that might come again: that it joined is not told any more
    // where it has left by then, docs/protocol.md 5.4.3, G5

    member.named = query.startsWith('token=');

    await member.opened;
    member.welcome = await member.next('welcome');
    member.peerId = member.welcome.peerId;
    this.known.set(member.peerId, member);

    if (this.busy) {
      this.start(member);
    }

    return member;
  }

  async join(room, options) {
    const member = await this.connect(options);
    await member.enter(room);
    return member;
  }

  /* a member on the worker that the test asks for */
  async joinOn(pid, room, options) {
    const member = await this.connectOn(pid, options);
    await member.enter(room);
    return member;
  }

  async connectOn(pid, options) {
    const end = Date.now() + 30000;

    while (Date.now() < end) {
      const some = await Promise.all(
        [1, 2, 3, 4].map(() => this.connect(options)));
      const fit = some.find((m) => m.worker === pid);

      await Promise.all(some.filter((m) => m !== fit)
        .map((m) => this.leave(m)));
      if (fit) {
        return fit;
      }
    }

    assert.fail(`no connection came to worker ${pid}`);
  }

  /* n members in each room, on whichever workers */
  async fill(rooms, n, options) {
    for (const room of rooms) {
      await Promise.all(
        Array.from({ length: n }, () => this.join(room, options)));
    }
  }

  /* a connection has ended; none may but who was told so */
  closed(member, code, reason) {
    if (member.state === 'open') {
      member.state = 'dead';
      if (member.going?.retryAfterMs > 0 && code === 1001) {
        this.drained.push(member);
      } else if (member.peerId && !this.killed.has(member.worker)) {
        this.faults.push(
          `${member.peerId}: closed with ${code} ${reason}`);
      }
    }
  }

  /* goes by itself, once what it has sent is acknowledged */
  async leave(member) {
    member.stopped = true;
    await member.loop;
    if (member.state === 'open') {
      member.state = 'leaving';
    }
    return member.close();
  }

  /* these may be closed from now on */
  expectEnd(members) {
    for (const member of members) {
      member.state = 'dead';
    }
  }

  on(...pids) {
    return this.open().filter((m) => pids.includes(m.worker));
  }

  /* kills workers, and with them those who are there */
  kill(...pids) {
    this.expectEnd([...this.known.values()]
      .filter((m) => pids.includes(m.worker)));
    for (const pid of pids) {
      this.killed.add(pid);
      process.kill(pid, 'SIGKILL');
    }
  }

  /* waits until the killed are replaced by workers that serve */
  async replaced() {
    const { length } = this.ngx.workerPids();

    await waitFor(async () => {
      const { workers } = await this.ngx.status();
      return workers.length >= length &&
        workers.every(({ pid }) => !this.killed.has(pid));
    }, 'replacement of workers');
  }

  /* everybody publishes and sends as fast as it is acknowledged */
  traffic() {
    this.busy = true;
    for (const member of this.open()) {
      this.start(member);
    }
  }

  start(member) {
    const turns = Array.from({ length: WINDOW }, (_, i) =>
      this.run(member, i));

    member.stopped = false;
    member.loop = Promise.all(turns);
  }

  async run(member, i) {
    let turn = i;

    // a worker's turn of sending holds up nobody's connecting

    for (;;) {
      await delay(this.pace);

      if (!this.busy || member.stopped || member.state !== 'open') {
        return;
      }

      const rooms = [...member.views.keys()].filter((r) => member.present(r));

      if (rooms.length === 0) {
        continue;
      }

      const room = rooms[turn++ % rooms.length];

      try {
        await member.publish(room);

        const others = this.in(room).filter((m) => m !== member);

        if (others.length) {
          await member.tell(others[turn % others.length]);
        }
      } catch {
        return;     // noted, if it is a fault
      }
    }
  }

  async quiet() {
    this.busy = false;
    await Promise.all([...this.known.values()].map((m) => m.loop));
  }

  /* until this many messages more have arrived */
  async flow(n = 50) {
    const end = this.received + n;
    await waitFor(() => this.received >= end, 'traffic');
  }

  /* the first thing that is not as it must be, or null */
  missing() {
    for (const room of this.rooms()) {
      const members = this.in(room);
      const ids = members.map((m) => m.peerId).sort();

      for (const member of members) {
        const view = member.views.get(room);
        const seen = [...view.peers, member.peerId].sort();

        if (seen.join() !== ids.join()) {
          return `${member.peerId} sees ${seen.length} in ${room}, ` +
            `not ${ids.length}: [${seen}] instead of [${ids}]`;
        }

        for (const from of members) {
          if (from !== member && !member.heard(room, from)) {
            return `${member.peerId} has ` +
              `${view.last.get(from.peerId)} of ` +
              `${from.published.get(room)} messages of ` +
              `${from.peerId} in ${room}`;
          }
        }
      }
    }

    for (const from of this.open()) {
      for (const [to, n] of from.directs) {
        const last = to.lastDirect.get(from.peerId) ?? 0;
        if (to.state === 'open' && last !== n) {
          return `${to.peerId} has ${last} of ${n} messages sent to it ` +
            `by ${from.peerId}`;
        }
      }
    }

    const wrong = this.unfound.find(({ state: s }) => s === 'open');

    if (wrong) {
      return `${wrong.peerId} was not found`;
    }

    return this.backend?.missing() ?? null;
  }

  /* waits until all is as the model has it */
  async settled(deadline = 20000) {
    await this.quiet();

    try {
      await waitFor(() => this.faults.length || this.missing() === null,
        'agreement with the model', deadline);
    } catch (error) {
      error.message += `: ${this.missing()}`;
      throw error;
    }

    assert.deepEqual(this.faults.slice(0, 10), []);
  }

  /* and a newcomer is told the same */
  async rostersExact() {
    await this.settled();

    for (const room of this.rooms()) {
      const ids = this.in(room).map((m) => m.peerId).sort();
      const member = await this.join(room);

      assert.deepEqual([...member.views.get(room).peers].sort(), ids);
      await this.leave(member);
    }

    await this.settled();
  }

  /* drops what is known of those who have gone, once all is settled */
  forget() {
    const gone = (id) => !this.known.has(id);
    const drop = (map, out) => [...map.keys()].filter(out)
      .forEach((key) => map.delete(key));

    drop(this.known, (id) => this.known.get(id).state !== 'open');

    for (const member of this.known.values()) {
      drop(member.directs, (to) => gone(to.peerId));
      drop(member.lastDirect, gone);
      for (const view of member.views.values()) {
        for (const map of [view.last, view.past, view.least]) {
          drop(map, gone);
        }
      }
    }

    this.drained.length = 0;
    this.unfound.length = 0;
    this.killed.clear();
    this.backend?.forget();
  }

  /* and the status counts the same, when nobody else is connected */
  async counted() {
    const rooms = [...this.rooms()].map((room) => this.in(room).length)
      .filter((members) => members > 0);
    const { length } = this.open();
    const expected = {
      connections: length, peers: length, channels: rooms.length,
      members: rooms.reduce((sum, members) => sum + members, 0), leaving: 0
    };
    let counts;

    try {
      await waitFor(async () => {
        const status = await this.ngx.status();

        counts = Object.keys(expected).map((name) => status[name]);
        return counts.join() === Object.values(expected).join();
      }, 'numbers of the model in the status');
    } catch (error) {
      error.message += `: ${counts} instead of ${JSON.stringify(expected)}`;
      throw error;
    }
  }

  async end() {
    await this.quiet();
    assert.deepEqual(this.faults.slice(0, 10), []);
    await Promise.all(this.open().map((m) => this.leave(m)));
    await this.ngx.empty();
    assert.deepEqual(this.faults.slice(0, 10), []);
  }
}
