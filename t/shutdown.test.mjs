// Copyright (C) The ngx_signaling authors
//
// The ends that an operator asks for: QUIT tells everybody, closes one after
// the other and exits with 0; TERM ends at once; USR2 and QUIT hand over to
// another binary.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import test, { describe } from 'node:test';
import tls from 'node:tls';

import { Crowd } from './crowd.mjs';
import { unclean } from './nginx.mjs';
import { alive, children, reload, startDaemon } from './processes.mjs';
import { get, startSite, TLS, waitFor } from './signaling.mjs';

async function site({ location = '', ...options } = {}) {
  const ngx = await startSite({
    modules: ['signaling'], ...options,
    location: `signaling_rate off; ${location}`
  });

  return { ngx, crowd: new Crowd(ngx) };
}

/* everybody has been told, and closed with 1001 */
async function drained(crowd, members) {
  await Promise.all(members.map((m) => m.closed));
  await crowd.quiet();
  assert.deepEqual(crowd.faults, []);
  assert.deepEqual(new Set(crowd.drained), new Set(members));
  assert.ok(members.every(({ going }) => going.retryAfterMs > 0));
}

describe('QUIT', () => {
  test('without anybody there', async () => {
    const { ngx } = await site();

    await ngx.stop();
  });

  for (const generations of [1, 3]) {
    test(`tells and closes ${generations} generation(s) of workers, ` +
      'one connection after the other', async () => {
      const { ngx, crowd } = await site({ location: 'signaling_drain 2s;' });

      for (let i = 0; i < generations; i++) {
        if (i > 0) {
          await reload(ngx);
        }
        await crowd.fill(['one', 'two'], 4);
      }

      crowd.traffic();
      await crowd.flow();

      const members = crowd.open();
      const workers = children(ngx.pid);

      process.kill(ngx.pid, 'SIGQUIT');

      // who is not closed yet goes on, in rooms that get smaller

      await waitFor(() => crowd.drained.length > 0, 'the first close');
      assert.ok(crowd.open().length > 0, 'closes are not spread');
      await crowd.flow(20);

      await drained(crowd, members);
      await waitFor(() => !workers.some(alive), 'exit of workers');
      await ngx.stop();
    });
  }

  test('leaves nobody out who has only connected', async () => {
    const { ngx, crowd } = await site({ location: 'signaling_drain 500ms;' });

    await crowd.connect();
    await crowd.connect();
    await crowd.fill(['room'], 1);

    const members = crowd.open();

    process.kill(ngx.pid, 'SIGQUIT');
    await drained(crowd, members);
    await ngx.stop();
  });

  test('answers who comes too late', async () => {
    const { ngx, crowd } = await site({
      location: 'signaling_drain 1s;',
      server: 'location = /taken { stub_status; }'
    });

    await crowd.fill(['room'], 8);

    const sockets = await Promise.all(Array.from({ length: 8 }, () =>
      new Promise((resolve) => {
        const socket = (TLS ? tls : net).connect({
          port: ngx.port, host: '127.0.0.1', rejectUnauthorized: false
        }, () => resolve(socket));
      })));
    const members = crowd.open();

    // what nobody has taken from the queue is reset: 8 members, 8 sockets, us

    await waitFor(async () => / (\d+) /.exec(await get(ngx, '/taken'))[1] >= 17,
      'sockets taken');
    process.kill(ngx.pid, 'SIGQUIT');
    await waitFor(() => members.every(({ going }) => going), 'going_away');

    const answers = await Promise.all(sockets.map((socket) =>
      new Promise((resolve) => {
        let text = '';

        socket.setEncoding('latin1');
        socket.on('data', (part) => { text += part; });
        socket.on('error', () => {});
        socket.on('close', () => resolve(text));
        socket.write('GET /v1?key=pk_live_all HTTP/1.1\r\n' +
          'Host: localhost\r\nUpgrade: websocket\r\n' +
          'Connection: upgrade, close\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
      })));

    // told to try again, or, by a worker that had nobody, let in and closed

    for (const text of answers) {
      if (/^HTTP\/1.1 503 /.test(text)) {
        assert.match(text, /\r\nRetry-After: \d+\r\n/);
      } else if (text) {
        assert.match(text, /^HTTP\/1.1 101 /);
        assert.match(text, /"welcome".*"going_away".*\x88.\x03\xe9/s);
      }
    }
    assert.ok(answers.some((text) => text));

    await drained(crowd, members);
    await ngx.stop();
  });

  test('closes before worker_shutdown_timeout cuts it off', async () => {
    const { ngx, crowd } = await site({
      main: 'worker_shutdown_timeout 1s;',
      location: 'signaling_drain 1h;'
    });

    await crowd.fill(['room'], 4);

    const members = crowd.open();

    process.kill(ngx.pid, 'SIGQUIT');
    await drained(crowd, members);
    await ngx.stop();
  });

  test('twice, and a client that does not answer', async () => {
    const { ngx, crowd } = await site({ location: 'signaling_drain 300ms;' });

    await crowd.fill(['room'], 3);

    const members = crowd.open();

    // its Close is never read, so it never answers

    members[0].ws.pause();
    process.kill(ngx.pid, 'SIGQUIT');
    process.kill(ngx.pid, 'SIGQUIT');
    await drained(crowd, members.slice(1));
    await ngx.stop();
    crowd.expectEnd([members[0]]);
    members[0].ws.terminate();
  });
});

describe('TERM', () => {
  test('ends at once, with nothing in the log', async () => {
    const { ngx, crowd } = await site();

    await crowd.fill(['room'], 3);
    await reload(ngx);
    await crowd.fill(['room'], 3);

    const members = crowd.open();

    crowd.traffic();
    await crowd.flow();
    crowd.expectEnd(members);
    process.kill(ngx.pid, 'SIGTERM');
    await waitFor(() => !alive(ngx.pid), 'exit');
    await Promise.all(members.map((m) => m.closed));
    await crowd.quiet();
    assert.deepEqual(crowd.faults, []);
    await ngx.stop();
  });
});

describe('USR2 and QUIT', () => {
  test('hand over to a new binary', async () => {
    const ngx = await startDaemon({
      modules: ['signaling'],
      location: 'signaling_rate off; signaling_drain 1s;'
    });
    const crowd = new Crowd(ngx);
    const old = ngx.pid;
    const pids = [old];

    try {
      await crowd.fill(['room'], 4);

      const members = crowd.open();

      // two registries, until the old one is sent away

      process.kill(old, 'SIGUSR2');
      await waitFor(() => ngx.readPid('nginx.pid.oldbin') === old &&
        ngx.readPid() && ngx.readPid() !== old, 'new binary');
      pids.push(ngx.readPid());

      crowd.traffic();
      await crowd.flow();
      assert.ok(members.every(({ state }) => state === 'open'));

      // both answer; the rooms of the new one are empty

      await waitFor(async () => {
        const { workers, connections, peers, channels } = await ngx.status();
        const young = children(pids[1]);
        const answers = workers.length > 0 &&
          workers.every(({ pid }) => young.includes(pid));

        if (answers) {
          assert.deepEqual([connections, peers, channels], [0, 0, 0]);
        }
        return answers;
      }, 'status of the new binary');

      process.kill(old, 'SIGQUIT');
      await drained(crowd, members);
      await waitFor(() => !alive(old), 'exit of the old binary');

      await crowd.fill(['room'], 4);
      crowd.traffic();
      await crowd.flow();
      await crowd.rostersExact();
      await crowd.end();

      process.kill(pids[1], 'SIGQUIT');
      await waitFor(() => !alive(pids[1]), 'exit');
      assert.deepEqual(unclean(ngx.errorLog()), []);
      fs.rmSync(ngx.dir, { recursive: true });
    } finally {
      for (const pid of pids.filter(alive)) {
        process.kill(pid, 'SIGTERM');
      }
    }
  });
});

describe('a restart', () => {
  test('begins with nobody, and all come back', async () => {
    const ngx = await startDaemon({
      modules: ['signaling'], location: 'signaling_rate off;'
    });
    const crowd = new Crowd(ngx);

    try {
      const { memory_free_bytes: free } = await ngx.status();

      await crowd.fill(['one', 'two'], 3);
      crowd.traffic();
      await crowd.flow();

      const members = crowd.open();

      crowd.expectEnd(members);
      process.kill(ngx.pid, 'SIGTERM');
      await Promise.all(members.map((m) => m.closed));
      await waitFor(() => !alive(ngx.pid), 'exit');
      await crowd.quiet();

      await ngx.again();
      await waitFor(async () => {
        const { workers } = await ngx.status();
        return workers.length === ngx.workerPids().length &&
          workers.every(({ pid }) => children(ngx.pid).includes(pid));
      }, 'workers');

      const status = await ngx.status();

      for (const name of ['connections', 'peers', 'channels', 'members']) {
        assert.equal(status[name], 0, name);
      }
      assert.equal(status.memory_free_bytes, free);

      await crowd.fill(['one', 'two'], 3);
      crowd.traffic();
      await crowd.flow();
      await crowd.rostersExact();
      await crowd.end();

      process.kill(ngx.pid, 'SIGQUIT');
      await waitFor(() => !alive(ngx.pid), 'exit');
      assert.deepEqual(unclean(ngx.errorLog()), []);
      fs.rmSync(ngx.dir, { recursive: true });
    } finally {
      if (alive(ngx.pid)) {
        process.kill(ngx.pid, 'SIGTERM');
      }
    }
  });
});
