// Ours and its peers: how each is started, and why one may be missing.

import { existsSync } from 'node:fs';

import { startNginx, startOurs } from './nginx.mjs';
import { startAlone } from './process.mjs';
import { npmVersion, programs } from './programs.mjs';

export const ZONE = '64m';
export const KEY = 'pk_live_bench';

function fromNpm(name) {
  return npmVersion(name) !== null ? null
    : `npm ${name} is not installed: run "npm ci" in bench/`;
}

// A peer that Node runs. Those that stand beside the table for context take
// part in a few rounds only.
function onNode(name, label, dialect, packageName, script, more) {
  return {
    name,
    label,
    dialect,
    ...more,
    missing: () => fromNpm(packageName),
    start: () => startAlone(name, process.execPath,
      [programs.peer(script), 'PORT'])
  };
}

// One channel to hear and one to speak. The buffer holds the messages that may
// be in flight; without any, nchan 1.3.6 fails with 32 in flight.
function startNchan(connections, options) {
  return startNginx('nchan', {
    modules: [programs.nchan],
    http: () => `
        nchan_max_reserved_memory 256m;
    `,
    location: `
            location ~ ^/nchan/([0-9-]+)/([0-9-]+)$ {
                nchan_pubsub                   websocket;
                nchan_subscriber_channel_id    $1;
                nchan_publisher_channel_id     $2;
                nchan_subscriber_first_message newest;
                nchan_message_buffer_length    32;
                nchan_message_timeout          5s;
            }
    `,
    connections,
    ...options
  });
}

// "connections" is how many the server shall be able to hold: nginx allocates
// its connection structures beforehand. "options" are those of startNginx();
// a server that has "tls" takes them. "rooms: 2" has no larger ones. "shares"
// is what the peer shares with another: its idle connections are the same.
export const servers = [
  {
    name: 'ours',
    label: 'ngx_signaling, one worker',
    dialect: 'signaling',
    tls: true,
    missing: () => existsSync(programs.module) ? null
      : `${programs.module} is not built: run "make"`,
    start: (connections, options) => startOurs(KEY, ZONE,
      { connections, ...options })
  },
  {
    name: 'floor',
    label: 'bare epoll relay',
    dialect: 'bare',
    missing: () => null,
    start: () => startAlone('floor', programs.floor, ['PORT'])
  },
  {
    name: 'batch',
    label: 'the same, batching',
    dialect: 'bare',
    shares: 'floor',
    missing: () => null,
    start: () => startAlone('batch', programs.floor, ['PORT', 'batch'])
  },
  {
    name: 'uws',
    label: 'uWebSockets',
    dialect: 'bare',
    missing: () => programs.uws === null
      ? 'no npm or Debian package has it; UWS_RELAY names a relay of it'
      : existsSync(programs.uws) ? null : `${programs.uws} is not there`,
    start: () => startAlone('uws', programs.uws, ['PORT'])
  },
  {
    name: 'bun',
    label: 'uWebSockets, in Bun',
    dialect: 'bare',
    context: true,
    missing: () => existsSync(programs.bun) ? null
      : 'npm bun is not installed: run "npm ci" in bench/',
    start: () => startAlone('bun', programs.bun,
      [programs.peer('bun'), 'PORT'])
  },
  {
    name: 'nchan',
    label: 'nchan, one worker',
    dialect: 'nchan',
    tls: true,
    missing: () => existsSync(programs.nchan) ? null
      : 'nchan is not installed: apt-get install libnginx-mod-nchan',
    start: startNchan
  },
  onNode('node', 'Node ws', 'bare', 'ws', 'ws'),
  onNode('protocol', 'our protocol on Node', 'signaling', 'ws', 'protocol',
    { context: true }),
  onNode('socketio', 'Socket.IO', 'socketio', 'socket.io', 'socketio',
    { context: true }),
  onNode('peerserver', 'PeerServer', 'peerjs', 'peer', 'peerserver',
    { context: true, rooms: 2 })
];
