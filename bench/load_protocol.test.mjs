// The dialects that say more than the message, against servers that speak them
// and now and then say something that is wrong.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { WebSocketServer } from 'ws';

import { holdUntilUp, load } from './load_run.mjs';

// Our protocol. Each frame goes through "fault" with its number among those of
// its type, and what that returns is sent.
async function signaling(fault) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const peers = new Map();
  const channels = new Map();
  const counts = {};

  await once(server, 'listening');

  const say = (socket, frame) => {
    counts[frame.type] = (counts[frame.type] ?? 0) + 1;

    for (const one of fault(frame, counts[frame.type], peers)) {
      socket.send(JSON.stringify(one));
    }
  };

  const handlers = {
    subscribe(socket, id, { channel, requestId }) {
      const members = channels.get(channel) ?? new Map();
      const list = [...members.keys()].map((peerId) => ({ peerId }));

      channels.set(channel, members);
      say(socket, { type: 'ack', requestId });
      say(socket, { type: 'presence', channel, joined: list, left: [] });

      for (const other of members.values()) {
        say(other, { type: 'presence', channel, joined: [{ peerId: id }],
                     left: [] });
      }

      members.set(id, socket);
    },

    publish(socket, id, { channel, data, requestId }) {
      for (const [other, to] of channels.get(channel)) {
        if (other !== id) {
          say(to, { type: 'message', channel, from: id, data });
        }
      }

      say(socket, { type: 'ack', requestId });
    },

    send(socket, id, { to, data, requestId }) {
      say(peers.get(to), { type: 'direct', from: id, data });

      if (requestId !== undefined) {
        say(socket, { type: 'ack', requestId });
      }
    }
  };

  server.on('connection', (socket) => {
    const id = `peer-${peers.size}`;

    peers.set(id, socket);
    say(socket, { type: 'welcome', peerId: id, expiresAt: null });

    socket.on('message', (text) => {
      const message = JSON.parse(text);

      handlers[message.type](socket, id, message);
    });

    socket.on('close', () => {
      channels.forEach((members) => members.delete(id));
    });
  });

  return { server, counts };
}

async function against(fault, run) {
  const { server, counts } = await signaling(fault);

  try {
    return { ...await run(server.address().port), counts };

  } finally {
    server.clients.forEach((socket) => socket.terminate());
    server.close();
  }
}

const right = (frame) => [frame];

// The fault is that of one frame of a type, the n-th.
const at = (type, n, wrong) => (frame, count, peers) =>
  frame.type === type && count === n ? wrong(frame, peers) : [frame];

const args = {
  acks: ['--mode=window', '--rooms=2', '--acks=on'],
  fanout: ['--mode=fanout', '--rooms=2', '--room-size=4', '--acks=on'],
  join: ['--mode=connect', '--clients=3', '--join=on'],
  crowd: ['--rooms=1', '--room-size=70']
};

function run(name) {
  return (port) => name === 'crowd'
    ? holdUntilUp(port, '--dialect=signaling', '--timeout=2', ...args.crowd)
    : load(port, '--dialect=signaling', '--timeout=2', ...args[name]);
}

test('acks: a server without fault', async () => {
  const { code, out, err, counts } = await against(right, run('acks'));

  assert.equal(code, 0, err);

  const row = JSON.parse(out);

  assert.equal(row.acks, row.verified);
  assert.equal(row.verified, counts.direct);
  assert.equal(row.acks + 4, counts.ack);
});

test('fanout: a server without fault, with an ack for each message',
  async () => {
    const { code, out, err, counts } = await against(right, run('fanout'));

    assert.equal(code, 0, err);

    const row = JSON.parse(out);

    assert.equal(row.verified, counts.message);
    assert.equal(row.acks * 3, row.verified);
  });

test('join: a server without fault', async () => {
  const { code, out, err, counts } = await against(right, run('join'));

  assert.equal(code, 0, err);

  const row = JSON.parse(out);

  assert.ok(row.messages > 0);
  assert.equal(row.verified, counts.welcome);
  assert.equal(row.verified, counts.presence);
});

test('crowd: a server without fault', async () => {
  const { code, err, counts } = await against(right, run('crowd'));

  assert.equal(code, 0, err);
  assert.equal(counts.presence, 70 + 70 * 69 / 2);
});

const FAR = 50;

const complaints = [
  ['acks', 'loses an ack', at('ack', FAR, () => []),
    /an ack of .* where .* was due|acks were due, \d+ have arrived/],
  ['acks', 'repeats an ack', at('ack', FAR, (frame) => [frame, frame]),
    /an ack of .* where .* was due/],
  ['acks', 'has another requestId',
    at('ack', FAR, (frame) => [{ ...frame, requestId: 'join' }]),
    /an ack of join where/],
  ['acks', 'refuses a message',
    at('ack', FAR, (frame) => [{ ...frame, type: 'error', code: 'x' }]),
    /unexpected: .*error/],
  ['acks', 'names another sender',
    at('direct', FAR, (frame) => [{ ...frame, from: 'peer-99' }]),
    /a message of a stranger/],
  ['acks', 'sends a message to all',
    at('direct', FAR, (frame) => [{ ...frame, type: 'message' }]),
    /unexpected: .*message/],
  ['fanout', 'loses a delivery', at('message', FAR, () => []),
    /some are lost|messages were sent, \d+ have arrived/],
  ['fanout', 'names another sender',
    at('message', FAR, (frame) => [{ ...frame, from: 'peer-99' }]),
    /a message of a stranger/],
  ['fanout', 'names another channel',
    at('message', FAR, (frame) => [{ ...frame, channel: 'bench-7' }]),
    /message of another channel: bench-7/],
  ['join', 'forgets the snapshot', at('presence', 8, () => []),
    /answers were due, \d+ have arrived/],
  ['join', 'forgets the ack', at('ack', 8, () => []),
    /presence before the ack/],
  ['join', 'names another channel',
    at('presence', 8, (frame) => [{ ...frame, channel: 'bench-77' }]),
    /presence of another channel: bench-77/],
  ['join', 'names a stranger',
    at('presence', 8, (frame) => [{ ...frame, joined: [{ peerId: 'x' }] }]),
    /a stranger has joined: x/],
  ['crowd', 'loses a member of a snapshot',
    at('presence', FAR, (frame) => frame.joined.length === 0 ? []
      : [{ ...frame, joined: frame.joined.slice(1) }]),
    /have joined after 2 seconds/],
  ['crowd', 'names a member twice',
    at('presence', FAR, (frame) => [{ ...frame,
      joined: [...frame.joined, ...frame.joined] }]),
    /has joined twice/],
  ['crowd', 'tells who has left',
    at('presence', FAR, (frame) => [{ ...frame, left: frame.joined }]),
    /presence with joined/]
];

for (const [name, what, fault, text] of complaints) {
  test(`${name}: a server that ${what} is found out`, async () => {
    const { code, err } = await against(fault, run(name));

    assert.equal(code, 1);
    assert.match(err, text);
  });
}

// Socket.IO and PeerServer as they look from outside; "wrong" changes the
// n-th message.
const others = {
  socketio: (socket, url, rooms, pass) => {
    const room = new URL(url, 'http://bench').searchParams.get('room');
    const members = rooms.get(room) ?? [];

    rooms.set(room, [...members, socket]);
    socket.send('0{"sid":"x","pingInterval":25000}');

    socket.on('message', (data) => {
      const text = String(data);

      if (text === '40') {
        socket.send('40{"sid":"y"}');
        socket.send('2');

      } else if (text !== '3') {
        rooms.get(room).filter((other) => other !== socket)
          .forEach((other) => pass(text, (out) => other.send(out)));
      }
    });
  },

  peerjs: (socket, url, peers, pass) => {
    const id = new URL(url, 'http://bench').searchParams.get('id');

    peers.set(id, socket);
    socket.send('{"type":"OPEN"}');

    socket.on('message', (data) => {
      const { type, dst, payload } = JSON.parse(data);

      pass(JSON.stringify({ type, src: id, dst, payload }),
        (out) => peers.get(dst).send(out));
    });
  }
};

async function loadOther(dialect, wrong) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const known = new Map();
  let n = 0;

  await once(server, 'listening');

  server.on('connection', (socket, request) =>
    others[dialect](socket, request.url, known, (text, send) =>
      (++n === FAR ? wrong(text) : [text]).forEach(send)));

  try {
    return await load(server.address().port, `--dialect=${dialect}`,
      '--mode=window', '--rooms=2');

  } finally {
    server.clients.forEach((socket) => socket.terminate());
    server.close();
  }
}

for (const dialect of Object.keys(others)) {
  test(`${dialect}: a server without fault`, async () => {
    const { code, out, err } = await loadOther(dialect, (text) => [text]);

    assert.equal(code, 0, err);
    assert.ok(JSON.parse(out).messages > 0);
  });
}

const surprises = [
  ['socketio', 'loses', () => [], /some are lost/],
  ['socketio', 'renames an event', (text) => [text.replace('"m"', '"n"')],
    /unexpected: 42/],
  ['peerjs', 'repeats', (text) => [text, text], /twice, or out of order/],
  ['peerjs', 'names another sender',
    (text) => [text.replace('"src":"', '"src":"x')],
    /a message of a stranger/],
  ['peerjs', 'expires', () => ['{"type":"EXPIRE"}'], /unexpected/]
];

for (const [dialect, what, wrong, text] of surprises) {
  test(`${dialect}: a server that ${what} is found out`, async () => {
    const { code, err } = await loadOther(dialect, wrong);

    assert.equal(code, 1);
    assert.match(err, text);
  });
}
