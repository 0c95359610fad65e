// Copyright (C) The ngx_signaling authors
//
// One turn of a worker's loop in which much has come at once: all of it goes
// out, in order and unaltered, and takes little memory.  A worker that was
// stopped finds in its first turn whatever has been sent meanwhile.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test, { after, afterEach, before, describe } from 'node:test';

import { freeze } from './processes.mjs';
import { connect, connectApart, startSite, TLS } from './signaling.mjs';

const OPEN = 'signaling_rate off; signaling_send_buffer 2m;';
const ROOMS = 32;
const EACH = 64;                  // messages of 4 KB of one sender

// Around the limits of what is written from one piece, and of the sizes in
// which the memory for frames comes.
const LENGTHS = [
  1, 60, 100, 125, 126, 400, 480, 1000, 1900, 2000, 4096, 4500, 8000, 8100,
  8192, 9000, 16384, 18400, 30000, 60000
];

const letters = (n, length) =>
  String.fromCharCode(97 + n % 26).repeat(length);

async function directs(to, count) {
  const data = [];

  while (data.length < count) {
    data.push((await to.next('direct')).data);
  }

  return data;
}

// resolves when the kernel has taken all that a client has to say
const taken = (client) => new Promise((resolve) => {
  client.ws._socket.write('', resolve);
});

// KB, the most since forget()
const most = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8')
  .match(/^VmHWM:\s+(\d+) kB/m)[1]);

const forget = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

describe('much at once', { timeout: 120000 }, () => {
  let ngx;
  let worker;

  before(async () => {
    ngx = await startSite({ workers: 1, location: OPEN, zone: '16m' });
    [worker] = ngx.workerPids();
  });
  afterEach(async () => {
    await freeze(worker, false);
    await ngx.hangUp();
  });
  after(() => ngx?.finish());

  async function pair(room) {
    const from = await connect(ngx);
    const to = await connect(ngx);

    await from.join(room);
    await to.join(room);
    await from.next('presence');

    return { from, to };
  }

  // what is said while the worker is stopped, handled when it goes on
  async function stopped(say, speakers) {
    await freeze(worker);
    say();
    await Promise.all(speakers.map(taken));
    await freeze(worker, false);
  }

  // Under TLS most would be OpenSSL's, which is what it is; ours is the same.

  if (!TLS) {
    test('memory is used for a part of it at a time', async () => {
      const pairs = [];

      for (let i = 0; i < ROOMS; i++) {
        pairs.push(await pair(`room ${i}`));
      }

      const speakers = pairs.map(({ from }) => from);
      const say = () => pairs.forEach(({ from, to }) => {
        for (let n = 0; n < EACH; n++) {
          from.send({ type: 'send', to: to.peerId, data: letters(n, 4096) });
        }
      });
      const heard = () => Promise.all(
        pairs.map(({ to }) => directs(to, EACH)));

      forget(worker);
      const before = most(worker);

      await stopped(say, speakers);
      const data = await heard();

      for (const all of data) {
        assert.deepEqual(all, data[0]);
      }

      // all frames together are more than 8 MB

      const more = most(worker) - before;
      assert.ok(more < 2000, `${more} KB more`);
    });
  }

  for (const [what, lengths] of [
    ['small ones', Array.from({ length: 300 }, (_, n) => 1 + n % 97)],
    ['long ones', LENGTHS.slice(-8)],
    ['all lengths', LENGTHS],
    ['all lengths, the longest first', [...LENGTHS].reverse()],
    ['long ones between small ones', LENGTHS.flatMap((n) => [3, n, 7])]
  ]) {
    test(`${what} arrive in order and unaltered`, async () => {
      const { from, to } = await pair('room');
      const said = lengths.map((length, n) => letters(n, length));

      await stopped(() => said.forEach((data, n) => {
        from.send({ type: 'send', to: to.peerId, data, requestId: `n${n}` });
      }), [from]);

      assert.deepEqual(await directs(to, said.length), said);

      for (let n = 0; n < said.length; n++) {
        assert.equal((await from.next('ack')).requestId, `n${n}`);
      }

      await to.settled();
      assert.equal(to.frames.length, 0);
    });
  }
});

// More than the rings and arenas of two workers take: 1,024 messages each way.
// Both have to take what comes while they read, or while the other is stopped
// to keep it and to go on where they were.

describe('much between two workers', { timeout: 120000 }, () => {
  let ngx;
  let pairs;

  before(async () => {
    ngx = await startSite({ workers: 2, location: OPEN, zone: '16m' });
  });
  afterEach(async () => {
    await Promise.all(ngx.workerPids().map((pid) => freeze(pid, false)));
    await ngx.hangUp();
  });
  after(() => ngx?.finish());

  const lengths = Array.from({ length: EACH }, (_, n) =>
    n === 50 ? 60000 : n % 3 === 0 ? 4096 : 100 + n);

  async function meet() {
    pairs = [];

    for (let i = 0; i < ROOMS / 2; i++) {
      const [a, b] = await connectApart(ngx, 2);

      assert.notEqual(a.worker, b.worker);
      pairs.push([a, b], [b, a]);
    }
  }

  async function exchange(stopped) {
    await Promise.all(stopped.map((pid) => freeze(pid)));

    for (const [from, to] of pairs) {
      lengths.forEach((length, n) => {
        from.send({ type: 'send', to: to.peerId, data: letters(n, length) });
      });
    }

    await Promise.all(pairs.filter(([from]) => stopped.includes(from.worker))
      .map(([from]) => taken(from)));
    await Promise.all(stopped.map((pid) => freeze(pid, false)));

    const said = lengths.map((length, n) => letters(n, length));

    for (const all of await Promise.all(
      pairs.map(([, to]) => directs(to, EACH))))
    {
      assert.deepEqual(all, said);
    }
  }

  for (const [what, stopped] of [
    ['both at once', (pids) => pids],
    ['one reads late', ([pid]) => [pid]],
    ['none waits for the other', () => []]
  ]) {
    test(`${what}: all of it arrives, in order`, async () => {
      await meet();
      await exchange(stopped(ngx.workerPids()));
    });
  }
});
