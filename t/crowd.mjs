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
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { baseUrl, Client, waitFor } from './signaling.mjs';

const WINDOW = 4;         // messages of one member on their way

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

/* what one member knows of one room */
class View {
  constructor() {
    this.peers = null;          // from the snapshot on
    this.last = new Map();      // number of the last message, by sender
    this.past = new Map();      // the last one that must not come
    this.least = new Map();     // the first one that must come
    this.closing = false;       // on its way out of the room
    this.ready = new Promise((resolve) => { this.resolve = resolve; });
  }
}

export class Member extends Client {
  constructor(crowd, url, options) {
    super(url, options);

    this.crowd = crowd;
    this.views = new Map();     // by room
    this.published = new Map(); // messages, by room
    this.acked = new Map();     // of them
    this.ended = new Map();     // of them, by room that it has left
    this.directs = new Map();   // messages, by receiver
    this.lastDirect = new Map();
    this.state = 'open';        // leaving: by itself; dead: with its worker
    this.going = null;          // the going_away that it got

    this.closed.then(({ code, reason }) => crowd.closed(this, code, reason));
  }

  /* takes what the model is about out of what comes */
  match() {
    this.all.length = 0;
    this.frames = this.frames.filter((frame) => {
      switch (frame.type) {
      case 'presence':
        this.presence(frame);
        return false;
      case 'message':
        this.message(frame);
        return false;
      case 'direct':
        this.direct(frame);
        return false;
      case 'going_away':
        this.fault(!this.going, 'told twice that the server goes away');
        this.going = frame;
        return false;
      default:
        return true;
      }
    });
    super.match();
  }

  fault(good, text) {
    if (!good) {
      this.crowd.faults.push(`${this.peerId}: ${text}`);
    }
  }

  presence({ channel, joined, left }) {
    const view = this.views.get(channel);

    this.fault(view, `presence of ${channel}, where it is not`);
    if (!view) {
      return;
    }

    if (view.peers === null) {
      this.fault(left.length === 0, 'the snapshot has a "left"');
      view.peers = new Set(joined.map((entry) => entry.peerId));
      view.resolve();
      return;
    }

    const named = new Set([...joined, ...left].map(({ peerId }) => peerId));

    this.fault(named.size > 0 && named.size === joined.length + left.length,
      'somebody twice in one delta, or nobody');

    for (const { peerId } of joined) {
      this.fault(!view.peers.has(peerId), `${peerId} joined twice`);
      this.fault(peerId !== this.peerId, 'told of itself');
      view.peers.add(peerId);
    }

    for (const { peerId } of left) {
      const from = this.crowd.known.get(peerId);

      // whose worker died may not have been announced yet, or twice

      this.fault(view.peers.delete(peerId) || !from || from.named ||
        this.crowd.killed.has(from.worker),
        `${peerId} left without joining`);

      // who goes by itself is heard to the end

      if ((from?.state === 'leaving' || from?.ended.has(channel)) &&
        this.state === 'open') {
        this.fault(this.heard(channel, from),
          `${peerId} left before its last message`);

      // who is sent away, as far as its messages were acknowledged

      } else if (from?.going && this.state === 'open' &&
                 !this.crowd.killed.has(from.worker)) {
        this.fault(this.heardAcked(channel, from),
          `${peerId} was sent away before what it had said was told`);
      }
    }
  }

  message({ channel, from, data }) {
    const view = this.views.get(channel);

    if (data.call !== undefined) {
      this.crowd.backend.arrived(this, channel, data.call);
      this.crowd.received++;
      return;
    }

    this.fault(view?.peers, `message in ${channel} without its snapshot`);
    if (!view?.peers) {
      return;
    }

    this.fault(view.peers.has(from) || this.crowd.known.get(from)?.named,
      `message of ${from}, who is not there`);
    this.fault(from !== this.peerId, 'message of its own');

    const last = view.last.get(from);

    if (last === undefined) {
      const least = view.least.get(from) ?? 1;
      const past = view.past.get(from) ?? 0;
      this.fault(data.n > past && data.n <= least, `${from} begins with ` +
        `${data.n}, not with ${past + 1} to ${least}`);
    } else {
      this.fault(data.n === last + 1, `${data.n} of ${from} after ${last}`);
    }

    view.last.set(from, data.n);
    this.crowd.received++;
  }

  direct({ from, data }) {
    const last = this.lastDirect.get(from) ?? 0;

    this.fault(data.n === last + 1,
      `${data.n} of ${from} after ${last}, direct`);
    this.lastDirect.set(from, data.n);
    this.crowd.received++;
  }

  /* whether all that "from" published here and had to come has come */
  heard(room, from) {
    const view = this.views.get(room);
    const sent = from.ended.get(room) ?? from.published.get(room) ?? 0;
    const last = view.last.get(from.peerId);

    return last === undefined
      ? sent < (view.least.get(from.peerId) ?? 1)
      : last === sent;
  }

  /* whether it has come into the room and is not about to leave it */
  present(room) {
    const view = this.views.get(room);

    return Boolean(view?.peers && !view.closing);
  }

  /* likewise, and is connected */
  stays(room) {
    return this.state === 'open' && this.present(room);
  }

  /* likewise, of what was acknowledged to it */
  heardAcked(room, from) {
    const view = this.views.get(room);
    const acked = from.acked.get(room) ?? 0;
    const last = view.last.get(from.peerId);

    return last === undefined
      ? acked < (view.least.get(from.peerId) ?? 1)
      : last >= acked;
  }

  async enter(room) {
    const view = new View();

    this.views.set(room, view);

    // what others have published is not for who comes later

    for (const other of this.crowd.known.values()) {
      view.past.set(other.peerId, other.acked.get(room) ?? 0);
    }

    try {
      await this.ok({ type: 'subscribe', channel: room });
    } catch (error) {
      this.views.delete(room);
      throw error;
    }

    // what others publish from now on has to come

    for (const other of this.crowd.known.values()) {
      const sent = other.published.get(room);
      if (sent && other !== this) {
        view.least.set(other.peerId, sent + 1);
      }
    }

    await Promise.race([view.ready, this.closed]);
    if (!view.peers) {
      throw new Error(`closed while entering ${room}`);
    }
  }

  /* leaves a room for ever, once what it has published is acknowledged */
  async exit(room) {
    const published = () => this.published.get(room) ?? 0;

    this.views.get(room).closing = true;
    await waitFor(() => this.state !== 'open' ||
      published() === (this.acked.get(room) ?? 0), 'acknowledgements');
    this.ended.set(room, published());
    await this.answered({ type: 'unsubscribe', channel: room });
    this.views.delete(room);
  }

  async publish(room, more = {}) {
    const n = (this.published.get(room) ?? 0) + 1;

    this.published.set(room, n);
    await this.answered(
      { type: 'publish', channel: room, data: { n, ...more } });
    this.acked.set(room, Math.max(n, this.acked.get(room) ?? 0));
  }

  async tell(other, more = {}) {
    const n = (this.directs.get(other) ?? 0) + 1;

    this.directs.set(other, n);
    await this.answered(
      { type: 'send', to: other.peerId, data: { n, ...more } },
      other.state === 'open' ? [] : ['peer_not_found']);
  }

  async answered(frame, allowed = []) {
    let reply;

    if (this.state !== 'open') {
      throw new Error(`is ${this.state}`);
    }

    try {
      reply = await this.request(frame);
    } catch (error) {
      this.fault(this.state !== 'open', `no answer: ${error.message}`);
      throw error;
    }

    if (reply.type === 'error' && reply.code === 'peer_not_found') {
      const to = this.crowd.known.get(frame.to);

      // one that its worker has closed may not know yet

      if (!to.going && !allowed.includes(reply.code)) {
        this.crowd.unfound.push(to);
      }
      return;
    }

    this.fault(reply.type === 'ack', JSON.stringify(reply));
  }
}

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
