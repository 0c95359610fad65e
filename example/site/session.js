// One call: a MeteredPeer in one room, who else is there, and what they told
// about themselves.  No DOM here; the page is told through `on`.
//
// The life of a session: join() -> "in-call" <-> "reconnecting" -> "ended".
// A session is used once; joining again makes a new one.

import { MeteredPeer } from './sdk/realtime.js';
import { publishableKey } from './config.js';
import { channelOf } from './room.js';
import { patientConnection, offerNow } from './negotiation.js';
import { mediaPath, loudness } from './path.js';
import { ROOM_FULL } from './refusal.js';

// Everybody sends to everybody, so the upload of each grows with the number
// of people: eight is what a good home line carries.
export const MAX_PEOPLE = 8;

const MAX_NAME = 40;
const PATH_INTERVAL = 2000;
const LOUDNESS_INTERVAL = 250;
const SNAPSHOT_DEADLINE = 3000;
const SPEAKING = 0.02;

const WORDS = {
  connecting: 'connecting',
  connected: 'connected',
  direct: 'connected directly',
  relay: 'connected through the relay',
  present: 'here without sound or picture',
  reconnecting: 'reconnecting',
  lost: 'lost',
};

function serverUrl() {
  return location.origin.replace(/^http/, 'ws');
}

function nameFrom(value) {
  return typeof value === 'string' ? value.trim().slice(0, MAX_NAME) : '';
}

export class Session {
  // on: { change(), peerJoined(person), peerLeft(person), lost(person),
  //       goingAway(), ended(closeCode, error) }.
  // change() is called after anything that can be seen.
  constructor({ room, name, relayOnly, on }) {
    this.room = room;
    this.name = name;
    this.state = 'joining';
    this.people = new Map();
    this.lastCloseCode = null;
    this.on = on;

    this.entered = false;
    this.sends = false;
    this.about = { mic: false, cam: false };
    this.timers = [];
    this.peer = this.makePeer(relayOnly);
  }

  makePeer(relayOnly) {
    // ?relay=1 shows that the TURN server carries calls: everything else
    // about the connections, their ICE servers included, stays as it was.
    const policy = relayOnly ? { iceTransportPolicy: 'relay' } : {};

    const peer = new MeteredPeer({
      apiKey: publishableKey,
      url: serverUrl(),
      webSocketFactory: (url) => this.watchedSocket(url),
      rtcPeerConnectionFactory: (config) => patientConnection(
        { ...config, ...policy }, (pc) => this.yields(pc)),
    });

    peer.on('peer-joined', ({ peer: remote }) => this.addPerson(remote));
    peer.on('peer-left', ({ peer: remote }) => this.removePerson(remote));
    peer.on('data', ({ senderPeerId, data }) => this.heard(senderPeerId, data));
    peer.on('state-change', ({ to }) => this.stateChanged(to));
    peer.on('error', ({ err }) => {
      // The only error after which the SDK neither recovers nor leaves.
      if (err.name === 'ReconcileTimeoutError') {
        this.end(err);
      }
    });
    peer.on('left', () => this.end(null));
    return peer;
  }

  yields(pc) {
    const remote = this.peer.remotePeers.find((r) => r.pc === pc);

    return remote?.polite === true
           && this.people.get(remote.id)?.sends !== false;
  }

  // MeteredPeer reports neither close codes nor "going_away", and it does not
  // say which of its first peer-joined events make up the list of those who
  // were there before.  All three can be seen on the socket.
  watchedSocket(url) {
    const socket = new WebSocket(url);

    socket.addEventListener('close', ({ code }) => {
      this.lastCloseCode = code;

      // Of one attempt after the other only the first changes the state.
      if (this.state === 'reconnecting') {
        this.on.change();
      }
    });

    socket.addEventListener('message', ({ data }) => {
      let frame;

      try {
        frame = JSON.parse(data);
      } catch {
        return;
      }

      if (frame?.type === 'going_away') {
        this.on.goingAway();

      } else if (frame?.type === 'presence') {
        // As a task of its own: the SDK has handled the frame by then.
        setTimeout(() => this.snapshotSeen?.(frame.joined.length));
      }
    });

    return socket;
  }

  // Resolves when the room is entered.  The tracks are added only once the
  // room turned out not to be full, so that nobody sees a face for a moment.
  async join(stream) {
    const snapshot = new Promise((resolve) => {
      this.snapshotSeen = resolve;
    });

    await this.peer.join(channelOf(this.room));

    // A key without "presence" never gets the list.
    const others = await Promise.race([
      snapshot,
      new Promise((resolve) => {
        setTimeout(() => resolve(0), SNAPSHOT_DEADLINE);
      }),
    ]);

    this.snapshotSeen = null;

    if (others >= MAX_PEOPLE) {
      this.close();
      throw Object.assign(new Error('the room is full'), { name: ROOM_FULL });
    }

    if (this.state === 'ended') {
      throw new Error('left while joining');
    }

    for (const track of stream.getTracks()) {
      this.addTrack(track, stream, 'camera');
    }

    this.entered = true;
    this.setState('in-call');
    this.tellAll();

    this.timers.push(setInterval(() => this.lookAtPaths(), PATH_INTERVAL));
    this.timers.push(setInterval(() => this.listen(), LOUDNESS_INTERVAL));
  }

  close() {
    if (this.state !== 'ended') {
      this.setState('ended');
      this.stopTimers();
      this.peer.close().catch(() => {});
    }
  }

  // Ended by the server, or given up.
  end(err) {
    if (this.state === 'ended' || !this.entered) {
      return;
    }

    this.close();
    this.on.ended(this.lastCloseCode, err);
  }

  stopTimers() {
    for (const timer of this.timers.splice(0)) {
      clearInterval(timer);
    }
  }

  setState(state) {
    this.state = state;
    this.on.change();
  }

  stateChanged(to) {
    if (!this.entered || this.state === 'ended') {
      return;
    }

    if (to === 'reconnecting') {
      this.setState('reconnecting');

    } else if (to === 'joined') {
      // A publishable key comes back under a new peer ID: to the others we
      // are new, and have to introduce ourselves again.
      this.setState('in-call');
      this.tellAll();
    }
  }

  // --- people -------------------------------------------------------------

  addPerson(remote) {
    const person = {
      id: remote.id,
      remote,
      name: nameFrom(remote.metadata?.name),
      mic: null,
      cam: null,
      sends: null,
      introduced: false,
      camera: null,
      screen: null,
      path: null,
      lost: false,
      speaking: false,
    };

    this.people.set(remote.id, person);

    remote.on('stream-added', ({ stream, metadata }) => {
      this.introduce(person);
      person[metadata?.role === 'screen' ? 'screen' : 'camera'] = stream;
      this.on.change();
    });

    remote.on('stream-removed', ({ stream }) => {
      for (const role of ['camera', 'screen']) {
        if (person[role]?.id === stream.id) {
          person[role] = null;
        }
      }
      this.on.change();
    });

    remote.on('state-change', ({ to }) => {
      person.path = null;

      if (to === 'connected') {
        person.lost = false;
        this.introduce(person);
        this.lookAtPath(person);
      }
      this.on.change();
    });

    remote.on('negotiation-error', ({ err }) => {
      if (err.name === 'IceRestartExhaustedError') {
        person.lost = true;
        this.on.lost(person);
        this.on.change();
      }
    });

    if (this.entered) {
      this.tell(remote);
    }
    this.on.change();
  }

  // Somebody who only looks whether the room is full is in the list for a
  // moment; a person is shown once there is something to know about it.
  introduce(person) {
    if (!person.introduced) {
      person.introduced = true;
      this.on.peerJoined(person);
    }
  }

  removePerson(remote) {
    const person = this.people.get(remote.id);

    this.people.delete(remote.id);

    if (person?.introduced) {
      this.on.peerLeft(person);
    }
    this.on.change();
  }

  // What a person is to be called here; the names come from the others and
  // are shown as text only.
  nameOf(person) {
    return person.name || `Guest ${person.id.slice(0, 4)}`;
  }

  wordOf(person) {
    if (person.lost) {
      return 'lost';
    }

    switch (person.remote.state) {
    case 'connected':
      return person.path ?? 'connected';

    case 'reconnecting':
      return 'reconnecting';

    case 'idle':
      // Nobody offers a connection when neither side has anything to send.
      return this.sends ? 'connecting' : 'present';

    default:
      return 'connecting';
    }
  }

  wordsOf(person) {
    return WORDS[this.wordOf(person)];
  }

  async lookAtPath(person) {
    let path = null;

    try {
      path = await mediaPath(person.remote.pc);
    } catch {
      // The connection went away meanwhile.
    }

    if (path !== null && path !== person.path
        && person.remote.state === 'connected')
    {
      person.path = path;
      this.on.change();
    }
  }

  lookAtPaths() {
    for (const person of this.people.values()) {
      if (person.remote.state === 'connected') {
        this.lookAtPath(person);
      }
    }
  }

  listen() {
    let changed = false;

    for (const person of this.people.values()) {
      const speaking = person.remote.state === 'connected'
                       && loudness(person.remote.pc) > SPEAKING;

      changed ||= speaking !== person.speaking;
      person.speaking = speaking;
    }

    if (changed) {
      this.on.change();
    }
  }

  // --- what people tell each other ----------------------------------------

  hello() {
    return { kind: 'about', name: this.name, sends: this.sends,
             ...this.about };
  }

  tell(remote) {
    // peer_not_found is normal: it has left meanwhile.
    remote.send(this.hello()).catch(() => {});
  }

  tellAll() {
    this.peer.send(this.hello()).catch(() => {});
  }

  heard(id, data) {
    const person = this.people.get(id);

    if (!person || data?.kind !== 'about') {
      return;
    }

    person.name = nameFrom(data.name) || person.name;
    person.mic = data.mic === true;
    person.cam = data.cam === true;
    person.sends = data.sends === true;

    if (!person.sends) {
      offerNow(person.remote.pc);
    }

    this.introduce(person);
    this.on.change();
  }

  setAbout({ mic, cam }) {
    if (mic === this.about.mic && cam === this.about.cam) {
      return;
    }

    this.about = { mic, cam };

    if (this.state === 'in-call') {
      this.tellAll();
    }
  }

  // --- own tracks ---------------------------------------------------------

  addTrack(track, stream, role) {
    this.peer.addTrack(track, stream, { role });

    if (!this.sends) {
      this.sends = true;

      if (this.state === 'in-call') {
        this.tellAll();
      }
    }
  }

  removeStream(stream) {
    if (this.state !== 'ended') {
      this.peer.removeStream(stream);
    }
  }

  // Puts another track in the place of one that is being sent.  While the
  // session reconnects, replaceTrack() is refused; but then every connection
  // is about to be made anew, and the new track simply joins the list.
  async replaceTrack(old, track, stream, role) {
    if (this.state === 'reconnecting') {
      this.peer.removeTrack(old);
      this.peer.addTrack(track, stream, { role });
      return;
    }

    await this.peer.replaceTrack(old, track);

    // Who joined while that was under way still got the old one.
    for (const { pc } of this.peer.remotePeers) {
      for (const sender of pc.getSenders()) {
        if (sender.track === old) {
          await sender.replaceTrack(track);
        }
      }
    }
  }
}
