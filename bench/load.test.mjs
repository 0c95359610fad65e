// The load generator has to notice a relay that loses, repeats, reorders or
// alters a message, a welcome that is not the one that is due, and an answer
// that is another one. Here are such servers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { WebSocketServer } from 'ws';

import { load } from './load_run.mjs';

const FAULTY = 30;

// Each fault gets the messages of one client, the n-th of them now, and says
// what goes out; "held" is kept from one to the next.
const faults = {
  none: (data) => [data],
  loses: (data, n) => n === FAULTY ? [] : [data],
  repeats: (data, n) => n === FAULTY ? [data, data] : [data],
  shortens: (data, n) => [n === FAULTY ? data.subarray(1) : data],
  alters: (data, n) => {
    if (n === FAULTY) {
      data[data.length >> 1] ^= 1;
    }

    return [data];
  },
  reorders: (data, n, held) => {
    if (n === FAULTY) {
      held.push(data);
      return [];
    }

    return [data, ...held.splice(0)];
  }
};

async function loadAgainst(fault, mode, rooms) {
  const partners = new Map();
  let faulty = false;

  const relay = new WebSocketServer({ host: '127.0.0.1', port: 0 });

  await once(relay, 'listening');

  relay.on('connection', (socket, request) => {
    const other = partners.get(request.url);
    const held = [];
    let to = other;
    let n = 0;

    if (other === undefined) {
      partners.set(request.url, socket);

    } else {
      other.emit('partner', socket);
    }

    socket.on('partner', (partner) => { to = partner; });

    socket.on('message', (data) => {
      // one client is served well
      const out = other === undefined ? faults[fault](data, ++n, held)
        : [data];

      faulty ||= n >= FAULTY;

      for (const message of out) {
        to.send(message, { binary: false });
      }
    });
  });

  const result = await load(relay.address().port, '--dialect=bare',
    `--mode=${mode}`, `--rooms=${rooms}`);

  for (const socket of relay.clients) {
    socket.terminate();
  }

  relay.close();

  assert.ok(faulty, 'the relay has seen too few messages to fail');

  return result;
}

for (const mode of ['pingpong', 'window']) {
  test(`${mode}: a relay without fault`, async () => {
    const { code, out, err } = await loadAgainst('none', mode, 4);

    assert.equal(code, 0, err);

    const row = JSON.parse(out);

    assert.equal(row.mode, mode);
    assert.equal(row.connections, 8);
    assert.ok(row.messages > 0 && row.verified >= row.messages);
  });
}

const complaints = [
  ['window', 'loses', /some are lost, or out of order/],
  ['pingpong', 'loses', /messages were sent, \d+ have arrived/],
  ['window', 'repeats', /twice, or out of order/],
  ['window', 'alters', /has been altered/],
  ['window', 'shortens', /199 bytes instead of 200/],
  ['window', 'reorders', /out of order/]
];

for (const [mode, fault, text] of complaints) {
  test(`${mode}: a relay that ${fault} one message is found out`, async () => {
    const { code, out, err } = await loadAgainst(fault, mode, 1);

    assert.equal(code, 1);
    assert.equal(out, '');
    assert.match(err, text);
  });
}

// What a client of ours is told, and what the fault makes of it.
const welcomes = {
  none: (frame) => frame,
  'is of another type': (frame) => ({ ...frame, type: 'message' }),
  'names nobody': ({ peerId, ...frame }) => frame,
  'names another peer': (frame) => ({ ...frame, peerId: 'bench-other' }),
  'has no expiresAt': ({ expiresAt, ...frame }) => frame,
  'has an expiresAt of null': (frame) => ({ ...frame, expiresAt: null }),
  'has an expiresAt': (frame) => ({ ...frame, expiresAt: 1893456000 }),
  'has no ICE servers': ({ metadata, ...frame }) => frame,
  'comes twice': (frame) => frame,
  'is a refusal': () => null,
  'is followed by a Close': (frame) => frame
};

// two for each of the four clients, who show them by turns
const TOKENS = Array.from({ length: 8 }, (_, i) => `token-${i}`);

async function visit(fault, tokens) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-load-'));
  const file = path.join(dir, 'tokens');
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0,
                                       path: '/here' });
  const shown = new Set();
  let n = 0;

  writeFileSync(file, TOKENS.map((token, i) => `bench-${i} ${token}\n`)
    .join(''));

  await once(server, 'listening');

  server.on('connection', (socket, request) => {
    const token = new URL(request.url, 'http://bench').searchParams
      .get('token');
    const faulty = ++n >= FAULTY;

    shown.add(token);

    const frame = (faulty ? welcomes[fault] : welcomes.none)({
      type: 'welcome',
      peerId: token === null ? `uuid-${n}`
        : `bench-${TOKENS.indexOf(token)}`,
      expiresAt: token === null ? null : 1893456000,
      metadata: { iceServers: [] }
    });

    if (frame === null) {
      socket.close(4001, 'credential not accepted');
      return;
    }

    for (let i = faulty && fault === 'comes twice' ? 2 : 1; i !== 0; i--) {
      socket.send(JSON.stringify(frame));
    }

    if (faulty && fault === 'is followed by a Close') {
      socket.close(1001);
    }
  });

  const result = await load(server.address().port, '--dialect=signaling',
    '--mode=connect', '--path=/here', '--clients=4', '--expect=iceServers',
    tokens ? `--token-file=${file}` : '--key=pk_live_bench');

  for (const socket of server.clients) {
    socket.terminate();
  }

  server.close();
  rmSync(dir, { recursive: true });

  assert.ok(n >= FAULTY, 'too few connections for a fault');
  assert.deepEqual([...shown].sort(), tokens ? TOKENS : [null]);

  return { ...result, n };
}

for (const tokens of [false, true]) {
  const name = tokens ? 'tokens' : 'a key';

  test(`connect with ${name}: a server without fault`, async () => {
    const { code, out, err, n } = await visit('none', tokens);

    assert.equal(code, 0, err);

    const row = JSON.parse(out);

    assert.equal(row.mode, 'connect');
    assert.ok(row.messages > 0 && row.verified >= row.messages);

    assert.equal(row.verified, n);
  });
}

const refusals = [
  [true, 'is of another type', /unexpected/],
  [true, 'names nobody', /without peerId/],
  [true, 'names another peer', /somebody else/],
  [false, 'names another peer', /somebody else/],
  [true, 'has no expiresAt', /without peerId or expiresAt/],
  [true, 'has an expiresAt of null', /whose expiresAt is null/],
  [false, 'has an expiresAt', /whose expiresAt is 1893456000/],
  [true, 'has no ICE servers', /no iceServers in/],
  [true, 'comes twice', /unexpected/],
  [true, 'is a refusal', /closed with code 4001/],
  [true, 'is followed by a Close', /closed with code 1001/]
];

for (const [tokens, fault, text] of refusals) {
  const name = tokens ? 'a token' : 'a key';

  test(`connect with ${name}: a welcome that ${fault} is found out`,
    async () => {
      const { code, out, err } = await visit(fault, tokens);

      assert.equal(code, 1);
      assert.equal(out, '');
      assert.match(err, text);
    });
}

const BODY = `{"credential":"${'x'.repeat(60)}"}`;

const answers = {
  none: (response) => response.end(BODY),
  'has another status': (response) => {
    response.statusCode = 503;
    response.end(BODY);
  },
  'is longer': (response) => response.end(`${BODY} `),
  'is another text': (response) => response.end(BODY.replace('cred', 'kred')),
  'has no length': (response) => {
    response.write(BODY);
    response.end();
  },
  'comes twice': (response) => {
    response.end(BODY);
    response.req.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${
      BODY.length}\r\n\r\n${BODY}`);
  },
  'breaks off': (response) => {
    response.setHeader('Content-Length', BODY.length);
    response.write(BODY.slice(1));
    response.destroy();
  }
};

async function request(fault) {
  const seen = new Set();
  let n = 0;

  const server = http.createServer((incoming, response) => {
    const faulty = ++n >= FAULTY;

    seen.add(`${incoming.url} ${incoming.headers.origin}`);

    if (!faulty || fault !== 'has no length') {
      response.setHeader('Content-Length', BODY.length
        + (faulty && fault === 'is longer' ? 1 : 0));
    }

    answers[faulty ? fault : 'none'](response);
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const result = await load(server.address().port, '--dialect=http',
    '--mode=request', '--path=/turn?key=k', '--clients=3',
    `--bytes=${BODY.length}`, '--expect="credential":"',
    '--origin=https://example.com');

  server.closeAllConnections();
  server.close();

  assert.ok(n >= FAULTY, 'too few requests for a fault');
  assert.deepEqual([...seen], ['/turn?key=k https://example.com']);

  return { ...result, n };
}

test('request: a server without fault', async () => {
  const { code, out, err, n } = await request('none');

  assert.equal(code, 0, err);

  const row = JSON.parse(out);

  assert.equal(row.mode, 'request');
  assert.equal(row.connections, 3);
  assert.equal(row.verified, n);
  assert.ok(row.messages > 0 && row.verified >= row.messages);
});

const surprises = [
  ['has another status', /instead of 200: HTTP\/1\.1 503/],
  ['is longer', /Content-Length is 78, and has to be 77/],
  ['is another text', /no "credential":" in/],
  ['has no length', /without Content-Length/],
  ['comes twice', /an answer to nothing|answers were due/],
  ['breaks off', /has closed the connection|recv\(\)/]
];

for (const [fault, text] of surprises) {
  test(`request: an answer that ${fault} is found out`, async () => {
    const { code, out, err } = await request(fault);

    assert.equal(code, 1);
    assert.equal(out, '');
    assert.match(err, text);
  });
}
