// Copyright (C) The ngx_signaling authors
//
// Out of room: a full zone, and workers that another one cannot keep up
// with.  Newcomers are refused, those who are in go on, one app or one peer
// leaves something to the others, and all is as before when there is room
// again.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';

import { Crowd } from './crowd.mjs';
import {
  alive, children, freeze, onlyNewest, reload, rewrite
} from './processes.mjs';
import {
  connect, KEYS, refused, startSite, waitFor
} from './signaling.mjs';
import { check, minimum } from './zone.mjs';

const WORKERS = Number(process.env.WORKERS ?? 1);

const KILLED = [
  /\[alert\] .* worker process \d+ exited on signal 9/,
  /\[alert\] .* shared memory zone "calls" was locked by \d+/
];

describe('the smallest zone', () => {
  test('is told, and is enough', async () => {
    for (const location of ['', 'signaling_max_message 512k;',
      'signaling_max_message 1k;']) {
      const zone = await minimum({ location });
      const ngx = await startSite({ modules: ['signaling'], zone, location });
      const crowd = new Crowd(ngx);

      await crowd.fill(['room'], 4);
      crowd.traffic();
      await crowd.flow();
      await reload(ngx);
      await crowd.fill(['room'], 4);
      await crowd.flow();
      await crowd.rostersExact();
      await crowd.end();
      await ngx.stop();
    }
  });

  test('is what it says, a little less is refused', async () => {
    const least = parseInt(await minimum(), 10);
    const { stderr } = await check({ zone: `${least * 0.98 | 0}k` });

    assert.match(stderr, new RegExp(`make it at least ${least}k`));
  });
});

describe('a full zone', () => {
  // metadata makes peers big, long names make rooms big

  const PAD = 'x'.repeat(3500);
  const ROOM = 'r'.repeat(250);

  async function start(options = {}) {
    const location = `signaling_rate off; ${options.location ?? ''}
      signaling_peer_metadata '{"pad":"${PAD}"}';`;
    const ngx = await startSite({
      modules: ['signaling'], zone: await minimum(), allow: KILLED,
      ...options, location
    });

    return { ngx, crowd: new Crowd(ngx) };
  }

  /* members until there is no room; the refusal has to be the documented */
  async function fill(crowd) {
    const members = [];

    for (;;) {
      try {
        members.push(await crowd.join('room'));
      } catch ({ message }) {
        assert.match(message, /^(closed with 4010|.*"backend_error")/);
        return members;
      }
      assert.ok(members.length < 5000);
    }
  }

  /* rooms until there is no room for a room */
  async function rooms(client) {
    for (let i = 0; i < 100; i++) {
      const reply = await client.request(
        { type: 'subscribe',
          channel: `${ROOM}${client.peerId}${i}`.slice(-250) });

      if (reply.type === 'error') {
        assert.equal(reply.code, 'backend_error');
        return true;
      }
    }

    return false;
  }

  function warnings(ngx, what = /\[warn\].*zone "calls" is full/) {
    return ngx.errorLog().split('\n').filter((line) => what.test(line)).length;
  }

  const NEARLY = /\[warn\].*zone "calls" is filled to 80 percent/;

  /* a key of an app of its own, or of "default" */
  const key = (id, app = 'default') => `
    publishable_key pk_live_${id} {
      origins *; require_origin off; channels **; app ${app};
    }`;

  /* in and out of rooms, old and new ones */
  async function wander(client) {
    for (let i = 0; i < 2; i++) {
      for (const room of ['room', 'another', `${ROOM}${i}`]) {
        await client.ok({ type: 'subscribe', channel: room });
        await client.ok({ type: 'unsubscribe', channel: room });
      }
    }
  }

  test('refuses newcomers and serves those who are in', async () => {
    const { ngx, crowd } = await start();
    const { memory_free_bytes: free, memory_percent: idle } =
      await ngx.status();
    const counts = [];

    assert.ok(idle < 20);

    for (let round = 0; round < 2; round++) {
      const inside = await connect(ngx);

      assert.equal(warnings(ngx, NEARLY), round);

      const members = await fill(crowd);

      counts.push(members.length);

      for (let i = 0; i < 20; i++) {
        assert.deepEqual(await refused(ngx), {
          code: 4010, reason: 'no room for another connection'
        });
        await wander(inside);
        await inside.ok({ type: 'subscribe', channel: `${ROOM}m${i}` });
      }

      // told by one worker, and once until it was another time

      assert.ok((await ngx.status()).memory_percent > 90);
      await waitFor(() => warnings(ngx, NEARLY) > round, 'warning');
      await inside.close();

      crowd.traffic();
      await crowd.flow(members.length * 2);
      await crowd.settled();
      assert.equal(crowd.open().length, members.length);

      // one goes, one comes

      await crowd.leave(members[0]);
      await waitFor(() => crowd.join('room').catch(() => null),
        'room after somebody left');

      await crowd.settled();
      await crowd.end();
      await waitFor(async () =>
        (await ngx.status()).memory_free_bytes === free, 'free memory');
    }

    // as much as the first time

    assert.ok(counts[0] > 10);
    assert.deepEqual(counts, counts.map(() => counts[0]));
    assert.ok(warnings(ngx) >= 1);
    assert.ok(warnings(ngx) <= WORKERS);
    assert.equal(warnings(ngx, NEARLY), 2);
    await ngx.stop();
  });

  test('of one app leaves another one its part', async () => {
    const { ngx } = await start({
      keys: key('flood', 'flood') + key('few', 'few')
    });
    const { memory_free_bytes: free } = await ngx.status();
    const flood = [];
    const few = [];
    const come = (clients, id) =>
      connect(ngx, { key: `pk_live_${id}` }).then(async (client) => {
        clients.push(client);
        await client.join('room');
      });

    await come(few, 'few');

    for (;;) {
      try {
        await come(flood, 'flood');
      } catch ({ message }) {
        assert.match(message,
          /^closed with 4010 no room for another connection of the app/);
        break;
      }
      assert.ok(flood.length < 5000);
    }

    assert.ok(flood.length > 20);

    // who tries on and on takes nobody's place; what becomes free in a page
    // that both use may be for either

    for (let round = 0; round < 2; round++) {
      while (few.length < 10) {
        await come(flood, 'flood').catch(({ message }) =>
          assert.match(message, /^closed with 4010 no room for another/));
        await come(few, 'few');
      }

      await Promise.all(few.map(wander));
      await Promise.all(few.splice(1).map((client) => client.close()));
      await waitFor(async () => (await ngx.status()).apps
        .find(({ app }) => app === 'few').connections === 1, 'departure');
    }

    const what = /\[warn\].*app "flood" has all that it may have of/;

    assert.ok(warnings(ngx, what) >= 1);
    assert.ok(warnings(ngx, what) <= WORKERS);
    await waitFor(() => warnings(ngx,
      /\[warn\].*app "flood" has 80 percent of what it may have/) === 1,
    'warning');

    for (const { app, memory_percent: percent } of (await ngx.status()).apps) {
      assert.ok(app === 'few' ? percent < 50 : percent > 90, app);
    }

    await Promise.all([...flood, ...few].map((client) => client.close()));
    await ngx.empty();
    assert.equal((await ngx.status()).memory_free_bytes, free);
    await ngx.stop();
  });

  test('is not made of the channels of one peer', async () => {
    const { ngx } = await start({ location: 'signaling_max_channels 5000;' });
    const { memory_bytes: all, memory_free_bytes: free } = await ngx.status();
    const greedy = await connect(ngx);
    let reply;
    let n = 0;

    do {
      reply = await greedy.request(
        { type: 'subscribe', channel: `${ROOM}${n}` });
      n++;
    } while (reply.type === 'ack' && n < 5000);

    assert.equal(reply.code, 'channel_limit_exceeded');

    const { memory_free_bytes: left } = await ngx.status();

    assert.ok(free - left > all / 9);
    assert.ok(free - left <= all / 8 + 64);    // its ID

    // one goes, one comes, and others are not concerned

    await greedy.ok({ type: 'unsubscribe', channel: `${ROOM}0` });
    await greedy.join('x'.repeat(240));
    await greedy.fails({ type: 'subscribe', channel: ROOM },
      'channel_limit_exceeded');

    const other = await connect(ngx);

    await other.join(ROOM);
    assert.equal(warnings(ngx), 0);

    await Promise.all([greedy, other].map((client) => client.close()));
    await ngx.empty();
    assert.equal((await ngx.status()).memory_free_bytes, free);
    await ngx.stop();
  });

  test('refuses a subscribe, and the connection stays', async () => {
    const { ngx, crowd } = await start();
    const { memory_free_bytes: free } = await ngx.status();
    const pads = [];

    await crowd.fill(['room'], 2);

    for (let i = 0; i < 8; i++) {
      pads.push(await connect(ngx));
    }

    await fill(crowd);

    // the last bytes go for rooms

    const full = [];

    for (const pad of pads) {
      if (await rooms(pad)) {
        full.push(pad);
      }
    }

    assert.ok(full.length > 0);

    for (const pad of full) {
      await pad.fails({ type: 'subscribe', channel: ROOM }, 'backend_error');
      await pad.ok({ type: 'publish', channel: 'elsewhere', data: 0 });
      await pad.ok({ type: 'unsubscribe', channel: ROOM });
      await pad.settled();
    }

    assert.ok(warnings(ngx) <= WORKERS);

    await Promise.all(pads.map((pad) => pad.close()));
    await crowd.leave(await crowd.join(ROOM));
    await crowd.end();
    await waitFor(async () =>
      (await ngx.status()).memory_free_bytes === free, 'free memory');
    await ngx.stop();
  });

  test('has room for other keys', async () => {
    const { ngx, crowd } = await start({ keys: KEYS + key('gone') });
    const gone = await connect(ngx, { key: 'pk_live_gone' });

    await fill(crowd);
    rewrite(ngx, [key('gone'), '']);
    await reload(ngx);
    await waitFor(() => gone.close_code === 4001, 'end of who used it');
    assert.deepEqual(crowd.drained, []);
    assert.equal(warnings(ngx, /has no room for the keys/), 0);
    await crowd.settled();
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  test('is reloaded, and loses a worker', async () => {
    const workers = Math.max(2, WORKERS);
    const { ngx, crowd } = await start({ workers });

    await fill(crowd);
    await reload(ngx);
    await reload(ngx);
    crowd.traffic();
    await crowd.flow();
    await crowd.settled();
    assert.deepEqual(crowd.drained, []);
    assert.equal((await refused(ngx)).code, 4010);

    // of those who are killed nothing is left, so there is room again

    const [victim] = new Set(crowd.open().map((m) => m.worker));

    crowd.traffic();
    crowd.kill(victim);
    await crowd.settled();
    await waitFor(() => crowd.join('room').catch(() => null),
      'room after a death');
    await crowd.settled();
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });
});

describe('a worker that does not keep up', () => {
  const BIG = 'x'.repeat(60000);

  // who is on which worker is the point: there are always three; and who
  // is given 16 MB at once may take some time to read

  async function start() {
    const ngx = await startSite({
      modules: ['signaling'], workers: 3,
      location: 'signaling_rate off; signaling_send_buffer 64m;'
    });

    return { ngx, crowd: new Crowd(ngx), pids: children(ngx.pid) };
  }

  test('gets all of what waited, and no more than a bound waits',
    async () => {
      const { ngx, crowd, pids: [a, b] } = await start();
      const from = await crowd.joinOn(a, 'room');
      const to = await crowd.joinOn(b, 'room');
      const near = await crowd.joinOn(a, 'near');
      const next = await crowd.joinOn(a, 'near');

      await freeze(b);

      // what is refused is not sent, so it is not counted either

      let sent = 0;
      let reply;

      do {
        reply = await from.request({
          type: 'publish', channel: 'room',
          data: { n: sent + 1, pad: BIG }
        });
        sent += reply.type === 'ack';
      } while (reply.type === 'ack');

      from.published.set('room', sent);
      assert.equal(reply.code, 'backend_error');
      assert.ok(sent * BIG.length > 16 * 1024 * 1024);
      assert.ok(sent * BIG.length < 17 * 1024 * 1024);

      await from.fails({ type: 'send', to: to.peerId, data: 0 },
        'backend_error');

      // others do not notice

      for (let i = 0; i < 50; i++) {
        await near.publish('near', { pad: BIG });
        await next.tell(near);
      }
      await waitFor(() => next.heard('near', near), 'others');

      await freeze(b, false);
      await crowd.settled();
      assert.equal(to.views.get('room').last.get(from.peerId), sent);

      crowd.traffic();
      await crowd.flow();
      await crowd.rostersExact();
      await crowd.end();
      await ngx.stop();
    });

  test('does not hold up the others', async () => {
    const { ngx, crowd, pids: [a, b, c] } = await start();
    const room = await Promise.all([a, b, c].map((pid) =>
      crowd.joinOn(pid, 'room')));
    const [from, stopped, to] = room;

    // while it is stopped, many times as much as there is place for

    await freeze(b);

    for (let i = 0; i < 200; i++) {
      await from.publish('room', { pad: BIG.slice(i % 4 * 15000) });
      await to.publish('room');
      await waitFor(() => to.heard('room', from) && from.heard('room', to),
        'message past the stopped worker');
    }

    assert.ok(!stopped.heard('room', from));
    await freeze(b, false);
    await crowd.settled();
    assert.equal(stopped.views.get('room').last.get(from.peerId), 200);

    crowd.traffic();
    await crowd.flow();
    await crowd.rostersExact();
    await crowd.end();
    await ngx.stop();
  });

  test('is not told of newcomers without an end', async () => {
    const pad = 'x'.repeat(4000);
    const ngx = await startSite({
      modules: ['signaling'], workers: 3,
      location: `signaling_rate off; signaling_send_buffer 64m;
                 signaling_peer_metadata '{"pad":"${pad}"}';`
    });
    const on = async (pid) => {
      for (;;) {
        const client = await connect(ngx);
        if (client.worker === pid) {
          return client;
        }
        await client.close();
      }
    };
    const [a, b] = children(ngx.pid);
    const from = await on(a);
    const to = await on(b);
    let n = 0;

    await to.join('room');
    await from.join('here');
    await freeze(b);

    do {
      for (let i = 0; i < 500; i++, n++) {
        from.send({ type: 'subscribe', channel: 'room' });
        from.send({ type: 'unsubscribe', channel: 'room' });
      }
      await from.settled();
    } while (!from.frames.some(({ code }) => code) && n < 20000);

    assert.equal(from.frames.find(({ code }) => code).code, 'backend_error');
    assert.ok(n * pad.length > 32 * 1024 * 1024);
    await from.fails({ type: 'subscribe', channel: 'there' }, 'backend_error');
    await from.ok({ type: 'publish', channel: 'here', data: 0 });
    await from.ok({ type: 'unsubscribe', channel: 'here' });

    await freeze(b, false);
    await waitFor(async () => (await ngx.status()).leaving === 0, 'departures');
    await from.join('there');
    await from.join('room');
    await ngx.finish();
  });

  test('gets what a worker acknowledged that has retired', async () => {
    const { ngx, crowd, pids: [a] } = await start();
    const from = await crowd.joinOn(a, 'room');

    await reload(ngx);

    const [b] = ngx.workerPids();
    const to = await crowd.joinOn(b, 'room');

    await freeze(b);
    for (let i = 0; i < 30; i++) {
      await from.publish('room', { pad: BIG });
    }
    await crowd.leave(from);
    await waitFor(async () => (await ngx.status()).connections === 1,
      'departure');
    assert.ok(alive(a));

    // the model wants all of it before it hears that the sender has left

    await freeze(b, false);
    await waitFor(() => !to.views.get('room').peers.has(from.peerId), 'left');
    await crowd.rostersExact();
    await onlyNewest(ngx);
    await crowd.end();
    await ngx.stop();
  });
});
