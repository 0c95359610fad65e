// The modes of the load generator that one to one and one to all have in
// common, against relays that pass messages on as they are, and do it wrong.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { WebSocketServer } from 'ws';

import { holdUntilUp, load, talkTo } from './load_run.mjs';

const FAULTY = 30;
const STALL_MS = 150;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What becomes of a delivery: the n-th one of all, to one member of a room.
// "again" sends something once more, to anyone.
const faults = {
  none: (data) => [data],
  loses: (data) => [],
  repeats: (data) => [data, data],
  alters: (data) => {
    const other = Buffer.from(data);

    other[other.length >> 1] ^= 1;

    return [other];
  },
  misroutes: (data, sender) => {
    sender.send(data, { binary: false });

    return [data];
  }
};

// Rooms by path; "fault" is made once, at the n-th delivery.
async function relay(fault, options = { host: '127.0.0.1', port: 0 }) {
  const rooms = new Map();
  const server = new WebSocketServer(options);
  const state = { server, order: [], n: 0, stall: null };

  if (options.server === undefined) {
    await once(server, 'listening');
  }

  server.on('connection', (socket, request) => {
    const room = rooms.get(request.url) ?? [];

    rooms.set(request.url, [...room, socket]);
    state.order.push(request.url);

    socket.on('message', async (data) => {
      await state.stall;

      for (const other of rooms.get(request.url)) {
        if (other === socket) {
          continue;
        }

        const made = ++state.n === FAULTY ? fault : 'none';

        for (const one of faults[made](data, socket)) {
          other.send(one, { binary: false });
        }
      }
    });
  });

  return state;
}

async function against(fault, run, options) {
  const state = await relay(fault, options);
  const port = (options?.server ?? state.server).address().port;

  try {
    const result = await run(port, state);

    assert.ok(fault === 'none' || state.n >= FAULTY, 'too few messages');

    return { ...result, state };

  } finally {
    state.server.clients.forEach((socket) => socket.terminate());
    state.server.close();
  }
}

const modes = {
  fanout: ['--mode=fanout', '--rooms=2', '--room-size=5'],
  paced: ['--mode=paced', '--rooms=2', '--rate=500'],
  idle: ['--mode=idle', '--rooms=20', '--say=3']
};

function run(mode, ...more) {
  const args = ['--dialect=bare', ...modes[mode], ...more];

  return (port) => mode === 'idle' ? holdUntilUp(port, ...args)
    : load(port, ...args);
}

for (const mode of Object.keys(modes)) {
  test(`${mode}: a relay without fault`, async () => {
    const { code, out, err, state } = await against('none', run(mode));

    assert.equal(code, 0, err);

    const row = JSON.parse(out.trim().split('\n').at(-1));

    assert.equal(row.mode, mode);

    if (mode === 'idle') {
      assert.equal(state.n, 40 * 3);

    } else {
      assert.equal(row.verified, state.n);
      assert.ok(row.messages > 0 && row.messages <= row.verified);
    }
  });
}

test('fanout: what is counted are deliveries', async () => {
  const { out, state } = await against('none', run('fanout'));
  const row = JSON.parse(out);

  assert.equal(row.connections, 10);
  assert.equal(state.n % 4, 0);
  assert.equal(row.verified, state.n);
});

// of ten clients, two of which speak and may do either

for (const [acks, least, most] of [['on', 8, 10], ['off', 0, 2]]) {
  test(`fanout: listeners acknowledge at once: ${acks}`, async () => {
    const { code, out, err } = await against('none',
      run('fanout', `--quick-acks=${acks}`));

    assert.equal(code, 0, err);

    const quick = JSON.parse(out).quick_acks;

    assert.ok(quick >= least && quick <= most, out);
  });
}

test('fanout: there are two ways to acknowledge', async () => {
  const { code, err } = await against('none',
    run('fanout', '--quick-acks=often'));

  assert.equal(code, 1);
  assert.match(err, /--quick-acks=on or --quick-acks=off/);
});

const complaints = [
  ['fanout', 'loses', /some are lost|messages were sent, \d+ have arrived/],
  ['fanout', 'repeats', /twice, or out of order/],
  ['fanout', 'alters', /has been altered/],
  ['fanout', 'misroutes', /client [05]: message \d+ has come|has been altered/],
  ['paced', 'loses', /some are lost|messages were sent, \d+ have arrived/],
  ['paced', 'repeats', /twice, or out of order/],
  ['paced', 'alters', /has been altered/],
  ['paced', 'misroutes', /has been altered/],
  ['idle', 'loses', /some are lost|messages were sent, \d+ have arrived/],
  ['idle', 'repeats', /twice, or out of order|nobody has sent/],
  ['idle', 'alters', /has been altered/],
  ['idle', 'misroutes', /has been altered|nobody has sent/]
];

for (const [mode, fault, text] of complaints) {
  test(`${mode}: a relay that ${fault} is found out`, async () => {
    const { code, err } = await against(fault, run(mode));

    assert.equal(code, 1);
    assert.match(err, text);
  });
}

// At 500 a second some 75 messages are due while the relay sleeps. Were the
// latency counted from when they could be sent, or were they not sent, the
// half of them would not be late.
test('paced: a stall is charged with all that was due in it', async () => {
  const { code, out, err } = await against('none', (port, state) => {
    setTimeout(() => { state.stall = wait(STALL_MS); }, 300);

    return load(port, '--dialect=bare', '--mode=paced', '--rooms=2',
      '--rate=500', '--seconds=1');
  });

  assert.equal(code, 0, err);

  const { latency_us: latency, rate } = JSON.parse(out);

  assert.equal(rate, 500);
  assert.ok(Math.abs(latency.count - 500) <= 1, `${latency.count} counted`);
  assert.ok(latency.max >= STALL_MS * 1000 * 0.9, `max ${latency.max}`);
  assert.ok(latency.p99 >= STALL_MS * 1000 * 0.7, `p99 ${latency.p99}`);
  assert.ok(latency.p50 <= latency.p99 && latency.p99 <= latency.p999
            && latency.p999 <= latency.max);
});

for (const [halves, first] of [
  ['room', ['/room-0', '/room-0', '/room-1', '/room-1']],
  ['member', ['/room-0', '/room-1', '/room-2', '/room-3']]])
{
  test(`halves by ${halves}: the second one waits for a line`, async () => {
    const said = [];

    const { code, err, state } = await against('none', (port, { order }) =>
      talkTo(port, async (line, stdin) => {
        said.push({ ...line, seen: [...order].sort() });

        if (line.half !== undefined) {
          stdin.write('go on\n');
        }
      }, '--dialect=bare', '--mode=pingpong', '--rooms=4',
      `--halves=${halves}`));

    assert.equal(code, 0, err);
    assert.deepEqual(said.slice(0, 2).map(({ half, settled }) =>
      half ?? settled), [4, 8]);
    assert.deepEqual(said[0].seen, first);
    assert.equal(state.order.length, 8);
  });
}

async function withCertificate(during) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-load-'));

  try {
    spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=bench', '-keyout',
      `${dir}/key.pem`, '-out', `${dir}/cert.pem`]);

    return await during({ key: readFileSync(`${dir}/key.pem`),
                          cert: readFileSync(`${dir}/cert.pem`) });

  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function overTls(fault, more, ...args) {
  return withCertificate(async (pair) => {
    const server = https.createServer({ ...pair, ...more });

    server.listen(0, '127.0.0.1');
    await once(server, 'listening');

    try {
      return await against(fault, (port) => load(port, '--dialect=bare',
        '--tls=on', ...args), { server });

    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

test('TLS: messages longer than a record arrive', async () => {
  const { code, out, err, state } = await overTls('none', {},
    '--mode=window', '--rooms=2', '--bytes=40000');

  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).verified, state.n);
});

test('TLS: a relay that alters is found out', async () => {
  const { code, err } = await overTls('alters', {}, '--mode=window',
    '--rooms=2');

  assert.equal(code, 1);
  assert.match(err, /has been altered/);
});

test('TLS: nothing older than 1.3', async () => {
  const { code, err } = await overTls('none', { maxVersion: 'TLSv1.2' },
    '--mode=pingpong', '--rooms=1');

  assert.equal(code, 1);
  assert.match(err, /TLS handshake/);
});
