// Copyright (C) The ngx_signaling authors
//
// Death of workers: those who were on the dead one are announced as left,
// nobody else notices.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { Crowd } from './crowd.mjs';
import { alive, children, freeze, onlyNewest, reload } from './processes.mjs';
import { startSite, waitFor } from './signaling.mjs';

// with one worker there would be no survivors

const WORKERS = Math.max(2, Number(process.env.WORKERS ?? 1));

// what nginx itself has to say about it

const KILLED = [
  /\[alert\] .* worker process \d+ exited on signal 9/,
  /\[alert\] .* shared memory zone "calls" was locked by \d+/
];

async function site(options = {}) {
  const ngx = await startSite({
    modules: ['signaling'], workers: WORKERS, allow: KILLED, ...options,
    location: `signaling_rate off; ${options.location ?? ''}`
  });

  return { ngx, crowd: new Crowd(ngx) };
}

/* two members on each worker, in one room of their own and one of all */
async function everywhere(ngx, crowd, pids = ngx.workerPids()) {
  for (const pid of pids) {
    for (let i = 0; i < 2; i++) {
      const member = await crowd.joinOn(pid, 'all');
      await member.enter(`of ${pid}`);
    }
  }
}

async function over({ ngx, crowd }) {
  await crowd.rostersExact();
  await crowd.counted();
  await crowd.end();
  await onlyNewest(ngx);
  await ngx.stop();
}

describe('kill -9', () => {
  for (const load of [false, true]) {
    test(`of a worker, ${load ? 'under traffic' : 'idle'}`, async () => {
      const { ngx, crowd } = await site();
      const pids = children(ngx.pid);
      const [victim] = pids;

      await everywhere(ngx, crowd);
      if (load) {
        crowd.traffic();
        await crowd.flow();
      }

      const survivors = crowd.open().filter((m) => m.worker !== victim);

      crowd.kill(victim);
      await crowd.rostersExact();
      assert.deepEqual(crowd.open(), survivors);
      assert.match(ngx.errorLog(),
        new RegExp(`signaling worker ${victim} is gone`));

      // its successor serves, in the same rooms

      await crowd.replaced();

      const heirs = children(ngx.pid).filter((pid) => !pids.includes(pid));

      assert.equal(heirs.length, 1);
      await everywhere(ngx, crowd, heirs);
      crowd.traffic();
      await crowd.flow();
      await over({ ngx, crowd });
    });
  }

  test('of all workers but one, of all, and of the only one', async () => {
    const { ngx, crowd } = await site();

    await everywhere(ngx, crowd);
    crowd.traffic();
    await crowd.flow();

    const [last, ...victims] = ngx.workerPids();

    crowd.kill(...victims);
    await crowd.rostersExact();
    assert.deepEqual(crowd.open(), crowd.on(last));
    await crowd.replaced();

    await everywhere(ngx, crowd, children(ngx.pid));
    crowd.traffic();
    await crowd.flow();
    crowd.kill(...children(ngx.pid));
    await crowd.replaced();
    await ngx.empty();

    await everywhere(ngx, crowd, children(ngx.pid));
    crowd.traffic();
    await crowd.flow();
    await over({ ngx, crowd });
  });

  test('of the only worker there is', async () => {
    const { ngx, crowd } = await site({ workers: 1 });

    for (let i = 0; i < 3; i++) {
      await crowd.fill(['one', 'two'], 3);
      crowd.traffic();
      await crowd.flow();
      crowd.kill(...children(ngx.pid));
      await crowd.quiet();
      await crowd.replaced();
      await ngx.empty();
    }

    await crowd.fill(['one', 'two'], 3);
    await over({ ngx, crowd });
  });

  test('while others come and go', async () => {
    const { ngx, crowd } = await site();
    let coming = true;
    let joined = 0;

    await everywhere(ngx, crowd);
    crowd.traffic();

    // who comes to a worker that dies may fail, and comes again

    const come = async (room) => {
      while (coming) {
        const member = await crowd.join(room).catch(() => null);

        if (member) {
          joined++;
          await crowd.leave(member);
        }
      }
    };
    const visitors = ['all', 'all', 'others', 'others'].map(come);

    for (let i = 0; i < 6; i++) {
      const before = joined;

      await waitFor(() => joined > before + 3, 'visitors');
      crowd.kill(children(ngx.pid).at(-1));
      await crowd.replaced();
    }

    coming = false;
    await Promise.all(visitors);
    await over({ ngx, crowd });
  });

  test('of a retiring worker', async () => {
    const { ngx, crowd } = await site();
    const [victim, ...old] = ngx.workerPids();

    await everywhere(ngx, crowd);
    await reload(ngx);
    await everywhere(ngx, crowd);
    crowd.traffic();
    await crowd.flow();

    const survivors = crowd.open().filter((m) => m.worker !== victim);

    crowd.kill(victim);
    await crowd.rostersExact();
    assert.deepEqual(crowd.open(), survivors);

    // nobody takes its place, and the others of its generation go on

    await waitFor(() => !alive(victim), 'end of the victim');
    assert.equal(children(ngx.pid).length, 2 * WORKERS - 1);
    assert.ok(old.every(alive));

    crowd.traffic();
    await crowd.flow();
    await over({ ngx, crowd });
  });

  test('30 times under traffic', async () => {
    const { ngx, crowd } = await site();

    await everywhere(ngx, crowd);
    crowd.traffic();

    for (let i = 0; i < 30; i++) {
      const pids = children(ngx.pid);

      crowd.kill(pids[i % pids.length]);

      while (crowd.in('all').length < 2 * WORKERS) {
        await crowd.join('all').catch(() => null);
      }

      await crowd.flow(20);
      await crowd.replaced();
    }

    await over({ ngx, crowd });
  });
});

describe('SIGSTOP', () => {
  test('of a worker for a while costs nothing', async () => {
    const { ngx, crowd } = await site();
    const [victim] = ngx.workerPids();

    await everywhere(ngx, crowd);
    crowd.traffic();
    await crowd.flow();

    await freeze(victim);
    await delay(3000);
    await freeze(victim, false);

    await crowd.flow();
    assert.equal(crowd.open().length, 2 * WORKERS);
    await over({ ngx, crowd });
  });

  test('who joins then is told nothing of before', async () => {
    const { ngx, crowd } = await site();
    const [a, b] = ngx.workerPids();
    const from = await crowd.joinOn(a, 'room');
    const late = await crowd.connectOn(b);

    await crowd.joinOn(b, 'room');
    await freeze(b);

    // more than fits between two workers, so a part of it comes later

    for (let i = 0; i < 200; i++) {
      await from.publish('room');
    }

    const entered = late.enter('room');

    await freeze(b, false);
    await entered;
    await from.publish('room');
    await crowd.settled();
    assert.equal(late.views.get('room').last.get(from.peerId), 201);
    await over({ ngx, crowd });
  });
});
