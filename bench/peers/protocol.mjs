// Our protocol on Node, as far as a bench speaks it: welcome, subscribe,
// presence, publish, send, acks. Written as one would write it: JSON.parse,
// rights by patterns, JSON.stringify.
//
//     node protocol.mjs port

import { randomUUID } from 'node:crypto';

import { WebSocketServer } from 'ws';

const key = {
  id: 'pk_live_bench',
  channels: ['**'],
  actions: new Set(['subscribe', 'publish', 'presence', 'send'])
};

const peers = new Map();
const channels = new Map();

const patterns = key.channels.map((pattern) => new RegExp(`^${pattern
  .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  .replace(/\*\*|\*/g, (star) => star === '**' ? '.*' : '[^/]*')}$`));

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  maxPayload: 65536 + 4096
});

function say(peer, frame) {
  peer.socket.send(JSON.stringify(frame));
}

function refuse(peer, message, code) {
  say(peer, { type: 'error', requestId: message.requestId, code,
              message: code.replaceAll('_', ' ') });
}

function acknowledge(peer, message) {
  if (message.requestId !== undefined) {
    say(peer, { type: 'ack', requestId: message.requestId });
  }
}

// Says what is wrong with an action on a channel, or nothing.
function wrong(message, action) {
  const { channel } = message;

  if (typeof channel !== 'string' || channel.length < 1
    || channel.length > 256)
  {
    return 'invalid_channel';
  }

  if (!key.actions.has(action)) {
    return 'action_not_permitted';
  }

  return patterns.some((pattern) => pattern.test(channel)) ? null
    : 'channel_not_authorized';
}

function tell(channel, name, but, frame) {
  const text = JSON.stringify({ type: frame.type, channel: name, ...frame });

  for (const member of channel) {
    if (member !== but) {
      member.socket.send(text);
    }
  }
}

const actions = {
  subscribe(peer, message) {
    const { channel: name } = message;
    let channel = channels.get(name);

    if (channel === undefined) {
      channel = new Set();
      channels.set(name, channel);
    }

    const members = [...channel].filter((member) => member !== peer)
      .map((member) => ({ peerId: member.id }));

    acknowledge(peer, message);
    say(peer, { type: 'presence', channel: name, joined: members, left: [] });

    if (peer.channels.has(name)) {
      return;
    }

    channel.add(peer);
    peer.channels.add(name);

    tell(channel, name, peer,
      { type: 'presence', joined: [{ peerId: peer.id }], left: [] });
  },

  publish(peer, message) {
    const channel = channels.get(message.channel);

    if (channel !== undefined) {
      tell(channel, message.channel, peer,
        { type: 'message', from: peer.id, data: message.data });
    }

    acknowledge(peer, message);
  },

  send(peer, message) {
    const to = peers.get(message.to);

    if (to === undefined) {
      refuse(peer, message, 'peer_not_found');
      return;
    }

    say(to, { type: 'direct', from: peer.id, data: message.data });
    acknowledge(peer, message);
  }
};

function handle(peer, text) {
  let message;

  try {
    message = JSON.parse(text);

  } catch {
    message = null;
  }

  if (message === null || typeof message !== 'object'
    || !Object.hasOwn(actions, message.type))
  {
    refuse(peer, {}, 'malformed_message');
    return;
  }

  const fault = message.type === 'send'
    ? (key.actions.has('send') ? null : 'action_not_permitted')
    : wrong(message, message.type);

  if (fault !== null) {
    refuse(peer, message, fault);

  } else if (message.type !== 'subscribe' && message.data === undefined) {
    refuse(peer, message, 'missing_data');

  } else {
    actions[message.type](peer, message);
  }
}

server.on('connection', (socket, request) => {
  const query = new URL(request.url, 'http://bench').searchParams;

  if (query.get('key') !== key.id) {
    socket.close(4001);
    return;
  }

  const peer = { socket, id: randomUUID(), channels: new Set() };

  peers.set(peer.id, peer);

  say(peer, { type: 'welcome', peerId: peer.id, expiresAt: null,
              serverTime: Math.floor(Date.now() / 1000),
              maxMessageSize: 65536 });

  socket.on('message', (data) => handle(peer, data.toString()));

  socket.on('close', () => {
    peers.delete(peer.id);

    for (const name of peer.channels) {
      const channel = channels.get(name);

      channel.delete(peer);

      if (channel.size === 0) {
        channels.delete(name);
      }

      tell(channel, name, peer,
        { type: 'presence', joined: [], left: [{ peerId: peer.id }] });
    }
  });
});
