// Copyright (C) The ngx_signaling authors
//
// The sessions that are mutated: what clients, pages and backends do, and
// some of what they should not.

import {
  BINARY, CLOSE, CONTINUATION, deflated, PING, PONG, TEXT
} from '../../raw.mjs';
import { KEY_FILES, ORIGIN } from './site.mjs';

const http = (on, method, target, headers = {}, body = '', more = {}) => ({
  on,
  http: {
    method, target, body, ...more,
    headers: Object.entries({ Host: 'localhost', ...headers })
  }
});

const open = (on, target, headers = {}) => [
  http(on, 'GET', target, {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    Origin: ORIGIN,
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers
  }),
  { on, answer: true }
];

const say = (on, json) => ({ on, json });
const put = (on, opcode, payload = '', more = {}) =>
  ({ on, frame: { opcode, payload, ...more } });
const code = (n, reason = '') =>
  String.fromCharCode(n >> 8, n & 0xff) + reason;

const packed = (json) => deflated(JSON.stringify(json)).toString('latin1');

const DEFLATE = { 'Sec-WebSocket-Extensions':
  'permessage-deflate; client_max_window_bits' };

const PAIR = { Authorization: 'Bearer @PAIR@' };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

const join = (on, channel, more = {}) =>
  say(on, { type: 'subscribe', channel, requestId: 's', ...more });

const offer = { kind: 'offer', sdp: 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n',
                list: [1, -2.5e3, true, null, 'Gr\u00fc\u00dfe'] };

export const SEEDS = [

  // a call: two people in a room, and what they say to each other
  [
    ...open('a', '/v1?token=@ALICE@'), ...open('b', '/v1?token=@BOB@'),
    join('a', 'room-1'), join('b', 'room-1', { includeSenderMetadata: true }),
    { on: 'b', answer: true },
    say('a', { type: 'send', to: 'bob', data: offer, requestId: 'o' }),
    say('b', { type: 'send', to: 'alice', data: offer, requestId: 'p' }),
    say('a', { type: 'publish', channel: 'room-1', data: offer }),
    say('b', { type: 'publish', channel: 'room-1', data: 0, requestId: 'q' }),
    say('b', { type: 'unsubscribe', channel: 'room-1', requestId: 'u' }),
    say('a', { type: 'ping' }),
    put('a', CLOSE, code(1000)), { on: 'a', end: 'fin' },
    { on: 'b', end: 'rst' }
  ],

  // the same person many times, and rooms of all kinds of names
  [
    ...open('a', '/v1?token=@ALICE@'), ...open('b', '/v1?token=@ALICE@'),
    ...open('c', '/v1?token=@NARROW@'),
    join('a', 'room-1'), join('b', 'room-1'), join('c', 'room-1'),
    join('a', 'room-2'), join('a', '\u00e4 \u{1f600}'), join('c', 'other'),
    join('a', '_metered/x'), join('a', 'x'.repeat(256)), join('a', ''),
    say('c', { type: 'publish', channel: 'room-1', data: 1 }),
    say('b', { type: 'send', to: 'carol', data: 'x', requestId: 'r' }),
    { on: 'a', end: 'rst' }, { on: 'b', end: 'fin' }
  ],

  // publishable keys, in rooms that they may be in or not
  [
    ...open('a', '/v1?key=pk_all', { 'User-Agent': 'x'.repeat(300) }),
    ...open('b', '/v1?key=pk_some'), ...open('c', '/v1?key=pk_file'),
    join('a', 'a/x/b'), join('b', 'a/x/b'), join('b', 'room-12'),
    join('c', 'c*'), say('b', { type: 'send', to: 'alice', data: {} }),
    say('a', { type: 'publish', channel: 'a/x/b', data: 'x'.repeat(5000) })
  ],

  // small limits
  [
    ...open('a', '/v1/small?key=pk_all&peer=one&meta=%7B%22a%22%3A1%7D'),
    ...open('b', '/v1/small?key=pk_all&peer=one', { 'X-Ice': '[{}]' }),
    join('b', 'room-1'), join('b', 'room-2'), join('b', 'room-3'),
    say('b', { type: 'publish', channel: 'room-1', data: 'x'.repeat(1020) }),
    say('b', { type: 'publish', channel: 'room-1', data: 'x'.repeat(6000) })
  ],

  // apps with limits
  [
    ...open('a', '/v1?key=pk_limited'), ...open('b', '/v1?key=pk_limited'),
    ...open('c', '/v1?key=pk_limited'), ...open('d', '/v1?key=pk_limited'),
    ...open('e', '/v1?key=pk_gone'), join('a', 'x'),
    say('a', { type: 'publish', channel: 'x', data: 1, requestId: 'm' }),
    http('f', 'GET', '/v1/usage', PAIR)
  ],

  // framing
  [
    ...open('a', '/v1?key=pk_all'),
    put('a', TEXT, '{"type":"publish","channel":"x",', { bits: 0 }),
    put('a', PING, 'between'),
    put('a', CONTINUATION, '"data":"\u00e2\u0082', { bits: 0 }),
    put('a', CONTINUATION, '\u00ac","requestId":"f"}'),
    put('a', BINARY, '{"type":"ping"}'), put('a', PONG, 'x'.repeat(125)),
    put('a', TEXT, '{"type":"ping"}', { size: 8 }),
    put('a', CLOSE, code(4999, 'over'))
  ],
  [
    ...open('a', '/v1?key=pk_all'), put('a', TEXT, 'no JSON'),
    put('a', TEXT, '{"type":"ping"}', { bits: 0xc0 })
  ],
  [...open('a', '/v1?key=pk_all'), put('a', CLOSE, code(999, '\u00ff'))],
  [...open('a', '/v1?key=pk_all'), put('a', TEXT, '\u00ff\u00fe')],
  [...open('a', '/v1?key=pk_all'), put('a', TEXT, 'x', { length: 1 << 30 })],

  // compressed messages, to one who takes them and one who does not
  [
    ...open('a', '/v1?token=@ALICE@', DEFLATE), ...open('b', '/v1?key=pk_all'),
    ...open('c', '/v1?token=@BOB@', DEFLATE),
    put('a', TEXT, packed({ type: 'subscribe', channel: 'room-1' }),
      { bits: 0xc0 }),
    join('b', 'room-1'), join('c', 'room-1'), { on: 'c', answer: true },
    put('a', TEXT, packed({ type: 'publish', channel: 'room-1',
      data: 'ha'.repeat(2000), requestId: 'z' }), { bits: 0xc0 }),
    put('c', TEXT, packed({ type: 'send', to: 'alice', data: offer })
      .slice(0, 20), { bits: 0x40 }),
    put('c', CONTINUATION, packed({ type: 'send', to: 'alice', data: offer })
      .slice(20)),
    put('a', TEXT, packed({ type: 'publish', channel: 'room-1',
      data: 'x'.repeat(300000) }), { bits: 0xc0 })
  ],

  // handshakes
  [
    ...open('a', '/v1?token=@OLD@'), ...open('b', '/v1?key=none&token='),
    ...open('c', '/v1?key=pk_all', { Origin: 'https://evil.example' }),
    ...open('d', '/v1?x=y', {
      'Sec-WebSocket-Protocol': 'chat, signaling.bearer.@ALICE@',
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits'
    }),
    ...open('e', '/v1?key=pk_all', { 'Sec-WebSocket-Version': '8' }),
    ...open('f', '/v1?key=pk_all', { 'Sec-WebSocket-Key': 'short' }),
    http('g', 'POST', '/v1?key=pk_all'), http('h', 'GET', '/v1', {}, '', {
      version: '1.0'
    })
  ],

  // frames glued to the handshake, in pieces
  [
    { ...open('a', '/v1?token=@ALICE@')[0], cut: 7 }, join('a', 'room-1'),
    { ...say('a', { type: 'publish', channel: 'room-1', data: offer }),
      cut: 1 },
    { on: 'a', end: 'half' }, { on: 'a', answer: true }
  ],

  // the control plane, beside somebody in the room
  [
    ...open('a', '/v1?token=@ALICE@'), join('a', 'room-1'),
    { on: 'a', answer: true },
    http('x', 'GET', '/v1/channels/room-1/peers', PAIR),
    http('y', 'POST', '/v1/channels/room-1/publish', { ...PAIR, ...JSON_TYPE },
      '{"data":{"a":[1,2,{"b":"c"}]}}'),
    http('z', 'POST', '/v1/channels/room%2D1/publish', PAIR,
      '{"data":"chunked"}', { chunked: 5 }),
    { on: 'y', answer: true },
    http('w', 'DELETE', '/v1/peers/alice', PAIR), { on: 'w', answer: true }
  ],
  [
    http('a', 'GET', '/v1/usage', PAIR), { on: 'a', answer: true },
    http('a', 'GET', '/v1/channels/a%2Fb/../c/peers', PAIR),
    http('b', 'GET', '/v1/nothing', { Authorization: 'Bearer x' }),
    http('c', 'PUT', '/v1/channels/%ff/publish', PAIR, '{}'),
    http('d', 'POST', '/v1/channels/x/publish', PAIR, 'x'.repeat(40000)),
    http('e', 'OPTIONS', '/v1/usage', { Origin: ORIGIN })
  ],

  // tokens
  [
    http('a', 'POST', '/v1/tokens', { ...PAIR, ...JSON_TYPE }, JSON.stringify({
      sub: 'frank', ttl: 60, channels: ['room-*'], permissions: ['publish'],
      metadata: { a: 1 }, peerMetadata: { b: [] }
    })),
    http('b', 'POST', '/v1/tokens?key=pk_all&sub=gina', { Origin: ORIGIN },
      '{"peerMetadata":{"name":"Gina","x":1e400}}'),
    http('c', 'POST', '/v1/tokens?key=pk_all&meta=%7B%22a%22%3A%22b%22%7D', {
      'Sec-Fetch-Site': 'same-origin'
    }),
    http('d', 'OPTIONS', '/v1/tokens', {
      Origin: 'https://a.example.org',
      'Access-Control-Request-Method': 'POST'
    }),
    http('e', 'GET', '/v1/tokens')
  ],

  // TURN
  [
    http('a', 'GET', '/turn?key=pk_all&ttl=60', { Origin: ORIGIN }),
    http('b', 'GET', '/turn/object?apiKey=pk_file', { Origin: 'null' }),
    http('c', 'GET', '/turn/rest?user=a%20b', PAIR),
    http('d', 'GET', '/turn/rest', { Authorization: 'Bearer @ALICE@' }),
    http('e', 'POST', '/turn/twilio', { ...PAIR, ...FORM }, 'Ttl=3600&x=%zz'),
    http('f', 'POST', '/turn/cloudflare', { ...PAIR, ...JSON_TYPE },
      '{"ttl":86400}'),
    http('g', 'GET', '/turn/none?key=pk_some'),
    http('h', 'HEAD', '/turn?key=pk_all')
  ],
  [
    http('a', 'POST', '/api/v1/turn/credential?secretKey=sk_id_main%3A@SECRET@',
      JSON_TYPE, '{"expiryInSeconds":60,"label":"x"}'),
    http('b', 'GET', '/api/v1/turn/credentials?apiKey=pk_all',
      { Origin: ORIGIN }),
    http('c', 'GET', `/api/v1/turn/credentials?apiKey=${'0123abcd'.repeat(8)}`),
    http('d', 'DELETE', '/api/v1/turn/credential?secretKey=x', {}, '{}'),
    http('e', 'POST', '/api/v2/turn/credential?secretKey=', {}, '{')
  ],

  // status
  [
    http('a', 'GET', '/status?format=json'), { on: 'a', answer: true },
    http('a', 'GET', '/status', { Accept: 'text/html' }),
    http('b', 'GET', '/status?format=prometheus'),
    http('c', 'POST', '/status/small', {}, 'x')
  ],

  // key files, with somebody connected by a key that goes
  ...KEY_FILES.map((keys) => [
    ...open('a', '/v1?key=pk_file'), join('a', 'room-2'), { keys },
    { on: 'a', answer: true },
    http('b', 'GET', '/turn?key=pk_file', { Origin: ORIGIN })
  ])
];
