// Copyright (C) The ngx_signaling authors
//
// The unmodified SDK in Node: its sockets, which remember what went over
// them, and connections without media, which negotiate as browsers do.

import { MeteredPeer, SignallingClient } from '@metered-ca/realtime';
import { Agent, WebSocket as UndiciWebSocket } from 'undici';
import WebSocket from 'ws';

import { baseUrl, ORIGIN, waitFor } from './signaling.mjs';

const insecure = { rejectUnauthorized: false };
const dispatcher = new Agent({ connect: insecure });

const SOCKETS = {
  // one task for each message, as browsers do it

  tasks: (url, headers) => new WebSocket(url, {
    ...insecure, headers, allowSynchronousEvents: false
  }),

  ws: (url, headers) => new WebSocket(url, { ...insecure, headers }),
  undici: (url, headers) => new UndiciWebSocket(url, { dispatcher, headers })
};

const open = new Set();

/* every connection of one client, one after the other */
class Wire {
  constructor({ socket = 'tasks', origin = ORIGIN, headers = {} }) {
    this.make = SOCKETS[socket];
    this.headers = { ...(origin === null ? {} : { origin }), ...headers };
    this.links = [];
    this.offline = false;
  }

  open(url) {
    if (this.offline) {
      throw new Error('offline');
    }

    const socket = this.make(url, this.headers);
    const send = socket.send.bind(socket);
    const link = { socket, sent: [], received: [], worker: 0 };

    socket.send = (text) => {
      link.sent.push({ at: performance.now(), ...JSON.parse(text) });
      send(text);
    };
    socket.addEventListener('message', ({ data }) => {
      link.received.push({ at: performance.now(), ...JSON.parse(data) });
    });
    socket.addEventListener('error', () => {});
    socket.on?.('upgrade', ({ headers }) => {
      link.worker = Number(headers['x-worker']);
    });
    link.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code));
    });

    this.links.push(link);
    return socket;
  }

  get link() {
    return this.links.at(-1);
  }

  sent(type, link = this.link) {
    return link.sent.filter((frame) => frame.type === type);
  }

  received(type, link = this.link) {
    return link.received.filter((frame) => frame.type === type);
  }

  /* the connection is lost, as far as this end can tell */
  kill() {
    const { link } = this;

    link.socket.terminate();
    return link.closed;
  }
}

/*
 * Enough of an RTCPeerConnection for perfect negotiation: offers collide, are
 * rolled back and answered, and an answer fits its offer only.  It is
 * "connected" once both descriptions are set.
 */
class PaperConnection extends EventTarget {
  static made = 0;

  constructor(config) {
    super();
    this.config = config;
    this.name = `paper ${++PaperConnection.made}`;
    this.offers = 0;
    this.connectionState = 'new';
    this.iceConnectionState = 'new';
    this.signalingState = 'stable';
    this.localDescription = null;
    this.remoteDescription = null;
    this.candidates = [];

    // as if there were a track

    queueMicrotask(() => {
      if (this.remoteDescription === null) {
        this.dispatchEvent(new Event('negotiationneeded'));
      }
    });
  }

  async createOffer() {
    return { type: 'offer', sdp: `${this.name} offer ${++this.offers}` };
  }

  async createAnswer() {
    return {
      type: 'answer',
      sdp: `${this.name} answers ${this.remoteDescription.sdp}`
    };
  }

  async setLocalDescription(description) {
    const answer = description.type === 'answer';

    if (this.signalingState === 'have-remote-offer' && !answer) {
      throw new Error('an offer in the place of an answer');
    }

    this.localDescription = description;
    this.signalingState = answer ? 'stable' : 'have-local-offer';
    setImmediate(() => this.gather(description));
    this.settle();
  }

  async setRemoteDescription(description) {
    if (description.type === 'answer') {
      if (this.signalingState !== 'have-local-offer' ||
          !description.sdp.endsWith(` answers ${this.localDescription.sdp}`)) {
        throw new Error(`"${description.sdp}" is no answer to ` +
          `"${this.localDescription?.sdp}"`);
      }
      this.signalingState = 'stable';

    } else {
      this.signalingState = 'have-remote-offer';
    }

    this.remoteDescription = description;
    this.settle();
  }

  async addIceCandidate(candidate) {
    if (this.remoteDescription === null) {
      throw new Error('a candidate without a description');
    }
    this.candidates.push(candidate);
  }

  gather({ sdp }) {
    if (this.connectionState === 'closed') {
      return;
    }
    for (const candidate of [{ candidate: sdp, sdpMid: '0' }, null]) {
      this.dispatchEvent(Object.assign(new Event('icecandidate'), {
        candidate: candidate && { toJSON: () => candidate }
      }));
    }
  }

  settle() {
    if (this.signalingState === 'stable' &&
        this.connectionState !== 'connected') {
      this.connectionState = 'connected';
      this.iceConnectionState = 'connected';
      this.dispatchEvent(new Event('connectionstatechange'));
    }
  }

  getSenders() {
    return [];
  }

  setConfiguration(config) {
    this.config = config;
  }

  close() {
    this.connectionState = 'closed';
    this.signalingState = 'closed';
  }
}

/* notes each of the named events of an emitter in "log" */
function note(emitter, log, names, more = {}) {
  for (const name of names) {
    emitter.on(name, (event) => log.push({ name, ...event, ...more }));
  }
}

class Noted {
  constructor(ngx, { socket, origin, headers, ...options }, names, Sdk) {
    this.wire = new Wire({ socket, origin, headers });
    this.events = [];
    this.sdk = new Sdk({
      apiKey: 'pk_live_all',
      url: baseUrl(ngx),
      webSocketFactory: (url) => this.wire.open(url),
      rtcPeerConnectionFactory: (config) => new PaperConnection(config),
      ...options
    });
    note(this.sdk, this.events, names);
    open.add(this);
  }

  told(name) {
    return this.events.filter((event) => event.name === name);
  }

  /* waits for the n-th event of this name */
  async tells(name, n = 1) {
    await waitFor(() => this.told(name).length >= n, `${n}. "${name}"`);
    return this.told(name)[n - 1];
  }

  close() {
    open.delete(this);
    return this.sdk.close();
  }
}

/* a SignallingClient */
export class Caller extends Noted {
  constructor(ngx, options = {}) {
    super(ngx, options, ['connected', 'disconnected', 'message', 'direct',
      'presence', 'server-error', 'going-away'], SignallingClient);
  }

  get id() {
    return this.told('connected').at(-1)?.peerId;
  }
}

/* a MeteredPeer */
export class Person extends Noted {
  constructor(ngx, options = {}) {
    super(ngx, options, ['joined', 'left', 'state-change', 'peer-joined',
      'peer-left', 'data', 'error'], MeteredPeer);

    this.sdk.on('peer-joined', ({ peer }) => {
      note(peer, this.events,
        ['negotiation-error', 'ice-candidate-error', 'connection-reset'],
        { peer });
    });
  }

  get id() {
    return this.sdk.peerId;
  }

  join(channel, options) {
    return this.sdk.join(channel, options);
  }

  /* the peer IDs in events of this name */
  ids(name) {
    return this.told(name).map(({ peer }) => peer.id);
  }

  /* sees these and nobody else, and is connected to each */
  sees(...others) {
    const remotes = this.sdk.remotePeers;

    return remotes.length === others.length &&
      others.every(({ id }) =>
        remotes.some((r) => r.id === id && r.state === 'connected'));
  }
}

/* waits until each of them sees all the others */
export function together(...people) {
  return waitFor(
    () => people.every((one) =>
      one.sees(...people.filter((other) => other !== one))),
    'everybody together');
}

export async function closeAll() {
  await Promise.all([...open].map((one) => one.close()));
}
