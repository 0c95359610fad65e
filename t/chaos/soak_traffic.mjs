// Copyright (C) The ngx_signaling authors
//
// What goes on in each zone of the soak while faults strike: members come,
// enter rooms and go in several ways, a backend publishes and lists, and
// others ask for TURN credentials and for the status.  What members send to
// each other is up to Crowd.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { call, disconnect, publish, roster } from '../api.mjs';
import { ORIGIN, request } from '../signaling.mjs';
import { ALGORITHMS, issue, SECRET } from '../token.mjs';
import { TURN_SECRET } from './soak_site.mjs';

const BACKEND = { key: `sk_HS256:${SECRET}` };
const FORMATS = { json: /^{"zone":/, prometheus: /^# HELP /, html: /^<!/ };

// of a worker that has no slot yet, or drains

const BUSY = 503;

/*
 * Publishes numbered messages to rooms.  That of an answered request has to
 * come, once, to those who were in the room before; one after the other where
 * one worker has handled both.
 */
class Backend {
  constructor(crowd) {
    this.crowd = crowd;
    this.n = 0;
    this.past = 0;              // the last one that is forgotten
    this.calls = new Map();     // { worker, to }, by number
    this.seen = new Map();      // numbers, by member
    this.absent = [];           // { member, room }, by a list of it
  }

  async publish(ngx, room) {
    const n = ++this.n;
    const to = this.crowd.in(room);

    this.calls.set(n, { room, to: [] });

    const res = await publish(ngx, room, { data: { call: n } }, BACKEND);

    if (res.status === BUSY) {
      return;
    }
    assert.equal(res.status, 200, res.text);
    assert.equal(res.json.ok, true);

    const worker = Number(res.headers['x-worker']);

    this.calls.set(n, {
      room, worker, to: this.crowd.killed.has(worker) ? [] : to
    });
  }

  /* what these workers have taken may not come any more */
  doubt(pids) {
    for (const call of this.calls.values()) {
      if (pids.includes(call.worker)) {
        call.to = [];
      }
    }
  }

  arrived(member, room, n) {
    const seen = this.seen.get(member) ?? new Set();

    if (n <= this.past) {
      return;           // of a worker that has died
    }

    member.fault(this.calls.get(n)?.room === room,
      `message ${n} of the backend in ${room}`);
    member.fault(!seen.has(n), `message ${n} of the backend twice`);
    this.seen.set(member, seen.add(n));
  }

  /* the first thing that is not as it must be, or null */
  missing() {
    for (const [n, { to, room }] of this.calls) {
      for (const member of to.filter((m) => m.stays(room))) {
        if (!this.seen.get(member)?.has(n)) {
          return `${member.peerId} lacks message ${n} of the backend ` +
            `in ${room}`;
        }
      }
    }

    for (const [member, seen] of this.seen) {
      const last = new Map();

      for (const n of seen) {
        const { worker } = this.calls.get(n);

        if (worker && n < (last.get(worker) ?? 0)) {
          return `${member.peerId} has message ${n} of the backend ` +
            `after ${last.get(worker)}`;
        }
        last.set(worker, n);
      }
    }

    const wrong = this.absent.find(({ member, room }) => member.stays(room));

    return wrong
      ? `${wrong.member.peerId} was not in the list of ${wrong.room}` : null;
  }

  forget() {
    this.past = this.n;
    this.calls.clear();
    this.seen.clear();
    this.absent.length = 0;
  }

  /* who is in the room all the time is listed, and nobody unknown is */
  async list(ngx, room) {
    const before = this.crowd.in(room);
    const res = await roster(ngx, room, BACKEND);

    if (res.status === BUSY) {
      return;
    }
    assert.equal(res.status, 200, res.text);

    const ids = new Set(res.json.peers.map(({ peerId }) => peerId));

    assert.equal(ids.size, res.json.peers.length, 'somebody is listed twice');

    // one that a worker has closed may not know yet

    for (const member of before.filter(({ peerId }) => !ids.has(peerId))) {
      this.absent.push({ member, room });
    }
    for (const id of ids) {
      if (!this.crowd.known.has(id)) {
        this.crowd.faults.push(`${id}: unknown, in the list of ${room}`);
      }
    }
  }
}

/* the traffic in one zone, until it is to stop */
export class Traffic {
  constructor(place, random, pause) {
    this.place = place;
    this.crowd = place.crowd;
    this.random = random;
    this.pause = pause;         // ms between two things done
    this.mine = new Set();
    this.refused = 0;
    this.requests = 0;
    this.crowd.backend = new Backend(this.crowd);
  }

  start() {
    this.going = true;
    this.crowd.traffic();
    this.loops = [
      this.loop(() => this.move()), this.loop(() => this.ask())
    ];
  }

  async stop() {
    this.going = false;
    await Promise.all(this.loops ?? []);
  }

  async loop(step) {
    while (this.going) {
      await delay(this.pause * (0.5 + this.random(100) / 100));
      await step();
    }
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  /* by a key or by a token of some kind, over TLS or not, compressed or not */
  async options() {
    const alg = this.pick([null, null, ...ALGORITHMS]);

    return {
      ngx: this.pick(this.place.servers),
      perMessageDeflate: this.random(3) === 0 && { threshold: 0 },
      ...(alg && this.random(2) ? {
        query: `token=${await issue({ sub: crypto.randomUUID() }, { alg })}`
      } : {})
    };
  }

  room() {
    return this.random(2) ? 'all' : this.pick(this.place.rooms);
  }

  /* somebody comes, moves or goes; the more are there the more go */
  async move() {
    const here = [...this.mine].filter((m) => m.state === 'open');

    this.mine = new Set(here);

    if (this.random(2 * this.place.members) >= here.length) {
      await this.come();

    } else if (this.random(2) === 0) {
      await this.change(this.pick(here));

    } else {
      await this.go(this.pick(here));
    }
  }

  /* newcomers are refused where workers die, and where there is no room */
  async come() {
    try {
      const member = await this.crowd.join(this.room(), await this.options());
      this.mine.add(member);
    } catch {
      this.refused++;
    }
  }

  /* goes into one more room, or out of one that it is in */
  async change(member) {
    const room = this.room();

    try {
      if (member.present(room)) {
        await member.exit(room);

      } else if (!member.ended.has(room)) {
        await member.enter(room);
      }
    } catch {
      this.refused++;
    }
  }

  async go(member) {
    const { crowd } = this;

    this.mine.delete(member);

    switch (this.random(4)) {
    case 0:
      crowd.expectEnd([member]);
      member.ws.terminate();
      await member.closed;
      return;

    case 1:
      crowd.expectEnd([member]);
      await disconnect(this.pick(this.place.servers), member.peerId, BACKEND)
        .catch(() => {});
      member.ws.terminate();
      return;

    case 2:
      await crowd.leave(member);
      await this.come();
      return;

    default:
      await crowd.leave(member);
    }
  }

  /* a request that may find its worker dying */
  async ask() {
    const ngx = this.pick(this.place.servers);

    try {
      await this.pick([
        () => this.crowd.backend.publish(ngx, this.room()),
        () => this.crowd.backend.publish(ngx, this.room()),
        () => this.crowd.backend.list(ngx, this.room()),
        () => this.turn(ngx),
        () => this.scrape(ngx)
      ])();
      this.requests++;
    } catch (error) {
      if (!/^E[A-Z]+$/.test(error.code)) {
        this.crowd.faults.push(`request: ${error.stack}`);
      }
      this.refused++;
    }
  }

  async turn(ngx) {
    const res = await call(ngx, 'GET', '/turn?key=pk_live_all',
      { key: null, headers: { Origin: ORIGIN } });

    assert.equal(res.status, 200, res.text);

    const [, { username, credential }] = res.json;

    assert.equal(credential, crypto.createHmac('sha1', TURN_SECRET)
      .update(username).digest('base64'));
  }

  async scrape(ngx) {
    const format = this.pick(Object.keys(FORMATS));
    const { status, text } = await request(ngx, `/status?format=${format}`);

    assert.equal(status, 200);
    assert.match(text, FORMATS[format]);
  }
}
