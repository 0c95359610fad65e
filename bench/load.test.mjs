// The load generator has to notice a relay that loses, repeats, reorders or
// alters a message. This is such a relay.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

import { WebSocketServer } from 'ws';

import { programs } from './servers.mjs';

const FAULTY = 200;

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

  const child = spawn(programs.load, ['--dialect=bare', `--mode=${mode}`,
    `--port=${relay.address().port}`, `--rooms=${rooms}`, '--warmup=0.1',
    '--seconds=0.3', '--timeout=5'], { stdio: ['ignore', 'pipe', 'pipe'] });

  let out = '';
  let err = '';

  child.stdout.on('data', (text) => { out += text; });
  child.stderr.on('data', (text) => { err += text; });

  const [code] = await once(child, 'close');

  for (const socket of relay.clients) {
    socket.terminate();
  }

  relay.close();

  assert.ok(faulty, 'the relay has seen too few messages to fail');

  return { code, out, err };
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
