// Copyright (C) The ngx_signaling authors
//
// One member of a Crowd: a client that compares all that it is told of its
// rooms with what the others have done.  What counts as a fault is noted in
// the crowd the moment it is seen.

import { Client, waitFor } from './signaling.mjs';

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
